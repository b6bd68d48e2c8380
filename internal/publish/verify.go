package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daypass/daypass/internal/publish/ledger"
)

// VerifyConfig says what to verify. No credentials are needed.
type VerifyConfig struct {
	Issuer string
	Public Reader
	// Ledger is a copy of the ledger.
	Ledger []byte
	// Head is a hash of an entry that was kept elsewhere; "" for none.
	Head string
	// Upstream is the issuer from inside; nil for not to ask.
	Upstream *Upstream
	Now      func() time.Time
}

// Problem is one thing that is not as the ledger says.
type Problem struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Verification is the page for the auditor.
type Verification struct {
	Issuer   string           `json:"issuer"`
	Verified bool             `json:"verified"` // all was looked at, and all is as the ledger says
	Problems []Problem        `json:"problems"`
	Notes    []string         `json:"notes,omitempty"`
	Head     string           `json:"ledgerHead"`
	Keys     []VerifiedKey    `json:"keys"`
	History  []VerifiedChange `json:"history"`
}

// VerifiedKey is a key of the ledger's newest state.
type VerifiedKey struct {
	ledger.Published
	Public bool `json:"public"`
}

// VerifiedChange is one change of the ledger.
type VerifiedChange struct {
	Time   time.Time `json:"time"`
	By     string    `json:"by"`
	Change string    `json:"change"`
}

func (v *Verification) add(code, format string, args ...any) {
	v.Problems = append(v.Problems, Problem{code, fmt.Sprintf(format, args...)})
}

// Verify holds what is public against the ledger, and the ledger against itself.
// What could not be looked at is a problem too.
func Verify(ctx context.Context, c VerifyConfig) *Verification {
	v := &Verification{Issuer: c.Issuer, Problems: []Problem{}, Keys: []VerifiedKey{}, History: []VerifiedChange{}}
	if err := ledger.CheckIssuer(c.Issuer); err != nil {
		v.add("issuer", "%v", err)
		return v
	}
	l, err := ledger.Parse(c.Ledger)
	if err != nil {
		v.add("ledger-edited", "%v", err)
		return v
	}
	v.Head = l.Head()
	if c.Head != "" && !l.Holds(c.Head) {
		v.add("ledger-rewritten", "no entry of the ledger has the hash %.80s that you kept: it was rewritten, or cut off", c.Head)
	}
	for _, e := range l.Entries() {
		if e.State != nil {
			v.History = append(v.History, VerifiedChange{e.Time, e.By, e.Change})
		}
	}
	state := l.State()
	switch {
	case state == nil:
		v.add("ledger-empty", "the ledger is empty")
		return v
	case state.Issuer != c.Issuer:
		v.add("ledger-issuer", "the ledger is that of %s", state.Issuer)
		return v
	case l.Pending():
		v.add("unfinished", "the last change is not finished: run daypass publish apply")
	}
	v.documents(ctx, &c, state)
	if c.Upstream != nil {
		v.upstream(ctx, c.Upstream, state)
	}
	v.Verified = len(v.Problems) == 0
	return v
}

// documents compares what is public.
func (v *Verification) documents(ctx context.Context, c *VerifyConfig, state *ledger.State) {
	wantKeys, wantDiscovery := state.Documents()
	gone := func(err error) {
		code := "unreachable"
		var answer *errStatus
		if errors.As(err, &answer) {
			code = "gone"
		}
		v.add(code, "%v", err)
	}
	switch body, err := c.Public.get(ctx, state.Issuer+discoveryPath); {
	case err != nil:
		gone(err)
	case !bytes.Equal(body, wantDiscovery):
		v.add("configuration-changed", "the configuration at %s is not the one that was published", state.Issuer+discoveryPath)
	}
	body, err := c.Public.get(ctx, state.JWKSURI)
	if err != nil {
		gone(err)
		for _, k := range state.Keys {
			v.Keys = append(v.Keys, VerifiedKey{k, false})
		}
		return
	}
	public, err := ledger.ParseKeys(body)
	if err != nil {
		v.add("keys-unreadable", "%s: %v", state.JWKSURI, err)
	}
	for _, k := range public {
		if known, ok := state.Find(k.Thumbprint()); !ok || known.Key != k {
			v.add("key-added", "the key %s (kid %q) is public, and the ledger does not tell of it: whoever has its other half can sign tokens of every project. Take it out at once (daypass publish apply), and see who can write there", k.Thumbprint(), k.Kid)
		}
	}
	for _, k := range state.Keys {
		is := false
		for _, other := range public {
			is = is || other == k.Key
		}
		v.Keys = append(v.Keys, VerifiedKey{k, is})
		if !is && err == nil {
			v.add("key-removed", "the key %s (kid %q), %s, is not public; tokens that it signed are refused", k.Thumbprint, k.Key.Kid, k.Status)
		}
	}
	if len(v.Problems) == 0 && !bytes.Equal(body, wantKeys) {
		v.add("keys-changed", "%s has the keys of the ledger in other bytes; daypass did not write them", state.JWKSURI)
	}
	for _, k := range state.Keys {
		if k.Status == ledger.Retired && c.Now().After(k.Leaves) {
			v.Notes = append(v.Notes, fmt.Sprintf("the overlap of %s is over since %s; the next apply takes it out", k.Thumbprint, k.Leaves.Format(time.RFC3339)))
		}
	}
}

// upstream compares with the issuer from inside.
func (v *Verification) upstream(ctx context.Context, u *Upstream, state *ledger.State) {
	keys, err := u.Keys(ctx)
	if err != nil {
		v.add("upstream", "%v", err)
		return
	}
	has := map[string]bool{}
	for _, k := range keys {
		has[k.Thumbprint()] = true
		published, ok := state.Find(k.Thumbprint())
		switch {
		case !ok:
			v.Notes = append(v.Notes, fmt.Sprintf("the issuer has the key %s (kid %q), which is not published", k.Thumbprint(), k.Kid))
		case published.Status == ledger.Retired:
			v.Notes = append(v.Notes, fmt.Sprintf("the issuer has the retired key %s again", k.Thumbprint()))
		}
	}
	for _, k := range state.Keys {
		if k.Status == ledger.Active && !has[k.Thumbprint] {
			v.add("upstream-rotated", "the issuer has the key %s no more: it was rotated, and its new key may not be public", k.Thumbprint)
		}
	}
}

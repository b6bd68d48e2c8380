// Package publish publishes the OpenID configuration and the keys of an issuer
// that is not public: in a bucket, or in a directory that a web server serves.
//
// Whoever can change what is published can enter every account that trusts the
// issuer. So a key is published only if a person approved its thumbprint or a
// live token was verified with it; each change is first told in a ledger
// (package ledger); keys are written before the configuration that needs them;
// each write is conditional on what was read; and what was written is read back
// through the public URL. An issuer that does not answer takes no key away.
//
// A publisher may be killed between any two steps, and two may run at once: the
// intent in the ledger says what is to be public, and whoever finds it goes on.
package publish

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/doctor"
	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/publish/ledger"
)

// The keys of the documents in a target. The second is where GitLab has it.
const (
	ConfigurationKey = ".well-known/openid-configuration"
	KeysKey          = "oauth/discovery/keys"

	discoveryPath = "/" + ConfigurationKey
)

// Publisher publishes one issuer. Issuer, Target, Public, Now and By are needed.
type Publisher struct {
	Issuer string // as tokens have it
	Target Target
	// Public reads the documents as the public does.
	Public Reader
	// Ledger is the file with the local copy of the ledger; "" for none.
	Ledger string
	Now    func() time.Time
	By     string // who runs this, for the ledger
	// Wait is how long the public URL may take to show what was written.
	Wait time.Duration
	// For is who is to get along with the issuer; "" is AWS. Private are
	// authorities of the user's own that may vouch for the public URL.
	For     doctor.For
	Private *x509.CertPool
	// Canary, if it is there, is tried when all is public.
	Canary *Canary
	// ProofToken is a live token, verified again through the public URL; "" for
	// none.
	ProofToken string

	// step is called between writes; tests stop there.
	step func(name string)
}

// JWKSURI is where the keys are public.
func (p *Publisher) JWKSURI() string { return p.Issuer + "/" + KeysKey }

// current is what a target has.
type current struct {
	ledger          *ledger.Ledger
	object          *Object // of the ledger; nil where there is none
	keys, discovery *Object
}

// read reads the target. The local copy is read first: it may be behind, and
// never ahead.
func (p *Publisher) read(ctx context.Context) (*current, error) {
	local, err := p.local()
	if err != nil {
		return nil, err
	}
	c := &current{ledger: &ledger.Ledger{}}
	if c.object, err = p.Target.Get(ctx, LedgerKey); err != nil {
		return nil, err
	}
	if c.object != nil {
		if c.ledger, err = ledger.Parse(c.object.Body); err != nil {
			return nil, refuse("ledger", "the ledger in %s cannot be trusted: %v", p.Target, err)
		}
	}
	if !c.ledger.Extends(local) {
		return nil, refuse("ledger", "the ledger in %s is not that of %s with more behind it: it was rewritten or cut off, or they are of two issuers. Find out which before anything is published", p.Target, p.Ledger)
	}
	if c.keys, err = p.Target.Get(ctx, KeysKey); err == nil {
		c.discovery, err = p.Target.Get(ctx, ConfigurationKey)
	}
	return c, err
}

// local reads the local copy; it is empty where there is none yet.
func (p *Publisher) local() (*ledger.Ledger, error) {
	if p.Ledger == "" {
		return &ledger.Ledger{}, nil
	}
	text, err := os.ReadFile(p.Ledger)
	if errors.Is(err, fs.ErrNotExist) {
		return &ledger.Ledger{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	l, err := ledger.Parse(text)
	if err != nil {
		return nil, refuse("ledger", "%s cannot be trusted: %v", p.Ledger, err)
	}
	return l, nil
}

// agrees reports whether the documents in the target are those of the ledger.
func (c *current) agrees() bool {
	state := c.ledger.State()
	if state == nil {
		return true
	}
	keys, discovery := state.Documents()
	return has(c.keys, keys) && has(c.discovery, discovery)
}

func has(o *Object, body []byte) bool { return o != nil && bytes.Equal(o.Body, body) }

// Maker makes a plan from the newest state, which is nil before the first
// publication. It is asked again when another publisher was first.
type Maker func(state *ledger.State) (*ledger.Plan, error)

// following is the Maker that follows an issuer. Keys that are public and that
// no ledger tells of, from a time before this tool, must be approved like all
// others, so that none is lost.
func (p *Publisher) following(c *current, r ledger.Request) Maker {
	return func(state *ledger.State) (*ledger.Plan, error) {
		r.State, r.Issuer, r.JWKSURI, r.Now = state, p.Issuer, p.JWKSURI(), p.Now()
		if state != nil || c.keys == nil {
			return ledger.Make(r)
		}
		old, err := ledger.ParseKeys(c.keys.Body)
		if err != nil {
			return nil, refuse("unknown-keys", "%s has keys that no ledger tells of, and they cannot be read: %v", p.Target, err)
		}
		for _, k := range old {
			if slices.Contains(r.Approve, k.Thumbprint()) && !slices.Contains(r.Upstream, k) {
				r.Stage = append(slices.Clone(r.Stage), k)
			}
		}
		plan, err := ledger.Make(r)
		if err != nil {
			return nil, err
		}
		for _, k := range old {
			if _, ok := plan.Next.Find(k.Thumbprint()); !ok {
				return nil, refuse("loses-key", "%s has the key %s (kid %q), of which no ledger tells, and which would be lost. Tokens that it signed may still be valid: give --approve %s, or remove the key there first", p.Target, k.Thumbprint(), k.Kid, k.Thumbprint())
			}
		}
		return plan, nil
	}
}

// Preview is what Apply would do.
type Preview struct {
	*ledger.Plan
	// Unfinished says that a publisher was stopped; the next one finishes its work
	// before its own.
	Unfinished bool `json:"unfinished"`
	// PutBack says that the target has not what the ledger says, which the next
	// apply puts back.
	PutBack bool `json:"putBack"`
}

// Changes reports whether Apply would write.
func (p *Preview) Changes() bool { return p.Next != nil || p.Unfinished || p.PutBack }

// Plan says what Apply would do. It writes nothing.
func (p *Publisher) Plan(ctx context.Context, r ledger.Request) (*Preview, error) {
	if err := ledger.CheckIssuer(p.Issuer); err != nil {
		return nil, err
	}
	c, err := p.read(ctx)
	if err != nil {
		return nil, err
	}
	plan, err := p.following(c, r)(c.ledger.State())
	if err != nil {
		return nil, err
	}
	return &Preview{plan, c.ledger.Pending(), !c.agrees() && !c.ledger.Pending()}, nil
}

// Follow publishes what an issuer's keys ask for.
func (p *Publisher) Follow(ctx context.Context, r ledger.Request) (*Result, error) {
	return p.apply(ctx, func(c *current) (*ledger.Plan, error) { return p.following(c, r)(c.ledger.State()) })
}

// Revoke takes a key out now: see ledger.Revoke.
func (p *Publisher) Revoke(ctx context.Context, name string, allowEmpty bool) (*Result, error) {
	return p.apply(ctx, func(c *current) (*ledger.Plan, error) { return ledger.Revoke(c.ledger.State(), name, allowEmpty) })
}

// State is the newest of the ledger; nil before the first publication.
func (p *Publisher) State(ctx context.Context) (*ledger.State, error) {
	c, err := p.read(ctx)
	if err != nil {
		return nil, err
	}
	return c.ledger.State(), nil
}

// keepLocal brings the local copy to the target's.
func (p *Publisher) keepLocal(l *ledger.Ledger) error {
	if p.Ledger == "" {
		return nil
	}
	if err := durable.Replace(p.Ledger, l.Bytes(), 0o600); err != nil {
		return fmt.Errorf("publish: the change is public, but the local ledger is not written: %w", err)
	}
	return nil
}

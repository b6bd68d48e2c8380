package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/publish/ledger"
)

// Upstream is where an issuer's keys are read: from the issuer, or from a file
// that was carried over.
type Upstream struct {
	// URL is the issuer as it is reached from inside, such as
	// https://gitlab.internal; "" where File is given.
	URL string
	// File holds a JWK Set, a JWK or public keys as PEM.
	File   string
	Reader Reader
}

// Keys reads and normalises them. An error says nothing about which keys there
// are, and takes none away.
func (u *Upstream) Keys(ctx context.Context) ([]ledger.Key, error) {
	text, from, err := u.text(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := ledger.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return keys, nil
}

func (u *Upstream) text(ctx context.Context) (text []byte, from string, err error) {
	if u.File != "" {
		text, err := os.ReadFile(u.File)
		if err == nil && len(text) > maxDocument {
			err = refuse("too-long", "%s is longer than %d bytes", u.File, maxDocument)
		}
		return text, u.File, err
	}
	well := strings.TrimSuffix(u.URL, "/") + discoveryPath
	body, err := u.Reader.get(ctx, well)
	if err != nil {
		return nil, "", err
	}
	var members map[string]json.RawMessage
	var uri string
	if json.Unmarshal(body, &members) != nil || json.Unmarshal(members["jwks_uri"], &uri) != nil {
		return nil, "", refuse("not-json", "%s is no discovery document: it lacks jwks_uri", well)
	}
	base, err := url.Parse(u.URL)
	keys, err2 := url.Parse(uri)
	if err != nil || err2 != nil || keys.Scheme != base.Scheme || !strings.EqualFold(keys.Host, base.Host) {
		return nil, "", refuse("upstream-host", "%s says that its keys are at %.200q, on another host than --from. Give --from with the host that the instance has in its own settings (external_url)", well, uri)
	}
	body, err = u.Reader.get(ctx, uri)
	return body, uri, err
}

// Proof is a live ID token's word for a key.
type Proof struct {
	Thumbprint string // of the key that signed it
	By         string // names the token, for the ledger
}

// Prove verifies a token with one of the keys: signature, times, and that its
// issuer is the one that is published. Its audience is its own business. The
// errors hold nothing of the token.
func Prove(raw, issuer string, keys []ledger.Key, now time.Time) (Proof, error) {
	token, err := oidc.Parse(raw)
	if err != nil {
		return Proof{}, refuse("proof", "the proof token cannot be read: %v", err)
	}
	if token.Issuer() != issuer {
		return Proof{}, refuse("proof-issuer", "the proof token has the issuer %.200q and not %q. Is ci_id_tokens_issuer_url set, and GitLab reconfigured?", token.Issuer(), issuer)
	}
	set, err := oidc.ParseKeySet(ledger.RenderKeys(keys))
	if err != nil {
		return Proof{}, fmt.Errorf("publish: %w", err)
	}
	_, audience, _ := token.UnverifiedNames()
	claims, err := token.Verify(set, audience, now)
	if err != nil {
		return Proof{}, refuse("proof", "the proof token is not verified: %v", err)
	}
	for _, k := range keys {
		if k.Kid == token.KeyID() {
			by := "token " + claims.ID
			if claims.ID == "" {
				by = "token issued " + claims.IssuedAt.Format(time.RFC3339)
			}
			return Proof{k.Thumbprint(), fmt.Sprintf("%.200s", by)}, nil
		}
	}
	return Proof{}, refuse("proof-kid", "the proof token has no kid, so that it proves no one key")
}

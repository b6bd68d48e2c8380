package oidc

import (
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Check asks what costs nothing, before keys are fetched: is the audience one
// of the provider's client ids, and is now within the token's times, give or
// take Skew. An empty audience is never registered.
func (u *Unverified) Check(clientIDs []string, now time.Time) error {
	c, seconds, skew := &u.claims, now.Unix(), int64(Skew/time.Second)
	if c.Audience == "" || !slices.Contains(clientIDs, c.Audience) {
		from := "aud"
		if c.HasAuthorizedParty {
			from = "azp (which AWS reads in the place of aud)"
		}
		return fail(AudienceNotRegistered, "aud", "the token's %s is %s; the provider's client ids are: %s", from, shown(c.Audience), shownList(clientIDs))
	}
	// The tolerance goes to now, not to the claim, which may be the largest
	// integer there is.
	if seconds-skew > c.expires {
		e := fail(Expired, "exp", "the token expired %d seconds ago; at most %d are tolerated: fetch a new one", seconds-c.expires, skew)
		e.Current, e.Limit = seconds-skew, c.expires
		return e
	}
	if c.issuedAt > seconds+skew {
		e := fail(IssuedInFuture, "iat", "the token was issued %d seconds from now; at most %d are tolerated: compare the issuer's clock and this one", c.issuedAt-seconds, skew)
		e.Current, e.Limit = seconds+skew, c.issuedAt
		return e
	}
	if c.hasNotBefore && c.notBefore > seconds+skew {
		e := fail(NotYetValid, "nbf", "the token becomes valid %d seconds from now; at most %d are tolerated: compare the issuer's clock and this one", c.notBefore-seconds, skew)
		e.Current, e.Limit = seconds+skew, c.notBefore
		return e
	}
	return nil
}

// Verify is Check and then the signature, with the key that the token names
// among keys. Only what it returns may be believed.
//
// A token without a kid is verified only if the set has exactly one usable
// key; one whose kid is empty, never (recorded on AWS, 2026-09).
func (u *Unverified) Verify(keys *KeySet, clientIDs []string, now time.Time) (*Claims, error) {
	if err := u.Check(clientIDs, now); err != nil {
		return nil, err
	}
	if err := u.verifySignature(keys); err != nil {
		return nil, err
	}
	claims := u.claims
	return &claims, nil
}

func (u *Unverified) verifySignature(keys *KeySet) error {
	k, err := keys.find(u)
	if err != nil {
		return err
	}
	if want := keyType(u.alg); k.kind != want {
		return fail(UnknownKey, "", "the issuer's key %s is of type %s, and the token's alg %s needs %s", shown(k.id), k.kind, u.alg, want)
	}
	// Detached, for the payload need not be decoded a second time.
	jws, err := jose.ParseDetached(u.detached, u.payload, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(u.alg)})
	if err != nil {
		return fail(NotAJWT, "", "the token's header has a parameter that cannot be read")
	}
	if _, err := jws.Verify(k.public); err != nil {
		return fail(BadSignature, "", "the issuer's key %s does not confirm the token's signature; was the token changed, or the key replaced under the same kid?", shown(k.id))
	}
	return nil
}

package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // for hashes
	_ "crypto/sha512"
	"math/big"
	"slices"
	"time"
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
	if !k.confirms(u) {
		return fail(BadSignature, "", "the issuer's key %s does not confirm the token's signature; was the token changed, or the key replaced under the same kid?", shown(k.id))
	}
	return nil
}

// confirms verifies the signature by RFC 7518 sections 3.3 and 3.4. The kind of
// key was compared with alg before.
//
// The standard library is called directly, though keys are read by go-jose:
// header and parts were parsed strictly already, and go-jose would parse all of
// it again, which costs a fifth of an exchange (docs/decisions/0001).
func (k *key) confirms(u *Unverified) bool {
	hash := hashes[u.alg]
	if !hash.Available() {
		return false
	}
	h := hash.New()
	h.Write([]byte(u.signed))
	sum := h.Sum(nil)
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, hash, sum, u.signature) == nil
	case *ecdsa.PublicKey:
		size := (public.Curve.Params().BitSize + 7) / 8
		if len(u.signature) != 2*size { // R and S, each of the full length
			return false
		}
		r, s := new(big.Int).SetBytes(u.signature[:size]), new(big.Int).SetBytes(u.signature[size:])
		return ecdsa.Verify(public, sum, r, s)
	default:
		return false
	}
}

// hashes is the hash of each accepted alg (RFC 7518 section 3.1).
var hashes = map[string]crypto.Hash{
	"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512,
	"ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512,
}

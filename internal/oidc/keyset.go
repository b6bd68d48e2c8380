package oidc

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

const (
	// MaxKeySetBytes is the longest JWK Set that is read (our bound).
	MaxKeySetBytes = 256 << 10
	// MaxKeysPerType is how many RSA keys, and how many EC keys, a set may
	// have; with more, none of that type is used (IAM User Guide, "Create an
	// OpenID Connect (OIDC) identity provider in IAM").
	MaxKeysPerType = 100

	// minRSABits and maxRSABits bound the modulus. AWS's bounds are not
	// published; RFC 7518 section 3.3 asks for 2048 or more, and the upper one
	// is go-jose's, which keeps the cost of a verification small.
	minRSABits = 2048
	maxRSABits = 4096
)

// KeySet is an issuer's public keys, parsed once and ready to verify with. It
// remembers why it left out a key. It is immutable and safe for concurrent
// use. The zero and the nil KeySet have no key.
type KeySet struct {
	keys     map[string]key    // by kid
	rejected map[string]string // kid to the reason; "" stands for keys without kid
}

// hasKeyOps is why a key with key_ops is left out.
const hasKeyOps = "it has key_ops, which AWS rejects whatever it says; leave it out"

type key struct {
	id     string
	kind   string // "RSA", or the curve: "P-256", "P-384", "P-521"
	public any    // *rsa.PublicKey or *ecdsa.PublicKey
}

// ParseKeySet reads a JWK Set (RFC 7517 section 5). A key that cannot be used
// is left out and does not spoil the set. Used are keys with a kid, of type
// RSA or EC, public, whose use is sig or absent, without key_ops (AWS rejects
// even ["verify"]), whose certificate, if any, is for the same key. A later
// key replaces an earlier one of the same kid. A key's own alg is not read:
// the token's alg decides, and must fit the key's type. (All recorded on AWS,
// 2026-09; leading zero bytes in n are accepted, as Jenkins sends them.)
func ParseKeySet(jwks []byte) (*KeySet, error) {
	if len(jwks) > MaxKeySetBytes {
		return nil, fail(BadKeySet, "", "the JWK Set has %d bytes; at most %d are read", len(jwks), MaxKeySetBytes)
	}
	members, err := parseObject(jwks)
	if err != nil {
		return nil, fail(BadKeySet, "", "the JWK Set %v", err)
	}
	list, ok := members.get("keys")
	var documents []json.RawMessage
	if !ok || list[0] != '[' || json.Unmarshal(list, &documents) != nil {
		return nil, fail(BadKeySet, "", "the JWK Set has no array named keys")
	}
	s := &KeySet{keys: make(map[string]key), rejected: make(map[string]string)}
	count := make(map[string]int)
	for _, document := range documents {
		s.add(document, count)
	}
	for _, kty := range [...]string{"RSA", "EC"} {
		if count[kty] > MaxKeysPerType {
			s.disable(kty, count[kty])
		}
	}
	return s, nil
}

// add reads one JWK, counts its type, and keeps it or the reason why not.
func (s *KeySet) add(document json.RawMessage, count map[string]int) {
	jwk, err := parseObject(document)
	if err != nil {
		s.rejected[""] = "a member of keys " + err.Error()
		return
	}
	if kty, ok := text(jwk, "kty"); ok && (kty == "RSA" || kty == "EC") {
		count[kty]++
	}
	kid, ok := text(jwk, "kid")
	if !ok || kid == "" {
		s.rejected[""] = "a key has no kid"
		return
	}
	k, err := readKey(jwk, document)
	if err != nil {
		s.rejected[kid] = err.Error()
		return
	}
	k.id = kid
	s.keys[kid] = k
}

// readKey is the key of one JWK, or why it is not used. The rules that are
// AWS's come first; go-jose then reads the numbers and compares x5c.
func readKey(jwk object, document json.RawMessage) (key, error) {
	if value, sent := jwk.get("use"); sent {
		if use, ok := unquote(value); !ok || use != "sig" {
			return key{}, fmt.Errorf("it has use %s, which is not sig", shown(use))
		}
	}
	if _, sent := jwk.get("key_ops"); sent {
		return key{}, errors.New(hasKeyOps)
	}
	kty, _ := text(jwk, "kty")
	if kty != "RSA" && kty != "EC" {
		return key{}, fmt.Errorf("it has kty %s, which is neither RSA nor EC", shown(kty))
	}
	for _, secret := range [...]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, sent := jwk.get(secret); sent {
			return key{}, fmt.Errorf("it has %s, a part of a private key, which must never be published; replace the key", secret)
		}
	}
	var parsed jose.JSONWebKey
	if err := parsed.UnmarshalJSON(document); err != nil {
		return key{}, fmt.Errorf("it cannot be read as a JWK (numbers, or x5c for another key): %w", err)
	}
	switch public := parsed.Key.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return key{}, fmt.Errorf("it has a modulus of %d bits; %d to %d are used", bits, minRSABits, maxRSABits)
		}
		if public.N.Bit(0) == 0 || public.E < 3 || public.E > 1<<31-1 || public.E&1 == 0 {
			return key{}, errors.New("it has an even modulus, or an exponent that is even or below 3: it is no RSA key")
		}
		return key{kind: "RSA", public: public}, nil
	case *ecdsa.PublicKey:
		return key{kind: public.Curve.Params().Name, public: public}, nil
	default:
		return key{}, errors.New("it is no public key")
	}
}

// text is a member that is a string.
func text(o object, name string) (string, bool) {
	value, sent := o.get(name)
	if !sent {
		return "", false
	}
	return unquote(value)
}

// disable takes out the keys of a type of which the set has too many.
func (s *KeySet) disable(kty string, n int) {
	for kid, k := range s.keys {
		if (k.kind == "RSA") == (kty == "RSA") {
			s.rejected[kid] = fmt.Sprintf("the set has %d %s keys and AWS uses none above %d; let the issuer remove old ones", n, kty, MaxKeysPerType)
			delete(s.keys, kid)
		}
	}
}

// Has reports whether the set can verify a token of this kid; for "", a token
// without kid, whether the set has exactly one usable key.
func (s *KeySet) Has(kid string) bool {
	if s == nil {
		return false
	}
	if kid == "" {
		return len(s.keys) == 1
	}
	_, ok := s.keys[kid]
	return ok
}

// Len is how many keys can be used.
func (s *KeySet) Len() int {
	if s == nil {
		return 0
	}
	return len(s.keys)
}

// Unused says of each published key that is not used why, for the operator; ""
// if there is none. It holds no part of a key.
func (s *KeySet) Unused() string {
	if s == nil {
		return ""
	}
	var all []string
	for _, kid := range slices.Sorted(maps.Keys(s.rejected)) {
		if kid == "" {
			all = append(all, s.rejected[kid])
			continue
		}
		all = append(all, "key "+shown(kid)+" is not used: "+s.rejected[kid])
	}
	return strings.Join(all, "; ")
}

// find is the key that u names.
func (s *KeySet) find(u *Unverified) (key, error) {
	if s == nil || len(s.keys) == 0 && len(s.rejected) == 0 {
		return key{}, fail(UnknownKey, "", "the issuer publishes no key")
	}
	if u.kid != "" {
		if k, ok := s.keys[u.kid]; ok {
			return k, nil
		}
		if why, ok := s.rejected[u.kid]; ok {
			kind := UnknownKey
			if why == hasKeyOps { // recorded on AWS, 2026-09: the sentence of a wrong signature
				kind = BadSignature
			}
			return key{}, fail(kind, "", "the issuer's key %s is published but not used: %s", shown(u.kid), why)
		}
		return key{}, fail(UnknownKey, "", "the issuer publishes no key %s%s; was it rotated, or is the published copy old?", shown(u.kid), s.without())
	}
	if u.hasKID {
		return key{}, fail(UnknownKey, "", "the token's kid is empty; let the issuer send the key's id")
	}
	if len(s.keys) != 1 {
		return key{}, fail(UnknownKey, "", "the token has no kid and the issuer publishes %d usable keys; let it send kid", len(s.keys))
	}
	for _, k := range s.keys {
		return k, nil
	}
	return key{}, fail(UnknownKey, "", "the issuer publishes no key")
}

// without tells of keys that no token can name.
func (s *KeySet) without() string {
	if why, ok := s.rejected[""]; ok {
		return " (" + why + ")"
	}
	return ""
}

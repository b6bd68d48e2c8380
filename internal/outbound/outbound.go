// Package outbound is the issuer that an account becomes when its outbound web
// identity federation is enabled: its signing keys, the tokens that they sign,
// and the two documents by which others verify them.
//
// # Keys
//
// There is one key for each algorithm, RSA with 2048 bits for RS256 and P-384
// for ES384, and a key set may hold several: of an algorithm the last that is not
// said to be next signs, all are published. AWS's kids are "RSA_0" and "EC384_0"
// (recorded, 2026-09); keys that follow have the next numbers. AWS tells of no
// rotation, and unless an operator asks for it there is none: the keys that an
// account was enabled with stay, as on AWS, also while it is disabled.
//
// The package is pure but for the system's generator, which crypto/ecdsa asks
// by itself for the nonce of a signature, and crypto/rsa for a key.
package outbound

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// The algorithms of a token (STS API Reference, GetWebIdentityToken).
const (
	RS256 = "RS256"
	ES384 = "ES384"
)

// Algorithms lists them, in the order in which AWS's discovery document does.
var Algorithms = []string{RS256, ES384}

const rsaBits = 2048

// ErrKey says that a stored key is not one that this package made.
var ErrKey = errors.New("outbound: no signing key")

// NewKey is a key as it is stored: PKCS #8, to be sealed.
type NewKey struct {
	ID        string // kid
	Algorithm string
	PKCS8     []byte
	Next      bool // published, and does not sign yet
}

// String names the key and hides the rest.
func (k NewKey) String() string { return "signing key " + k.ID }

// GoString is String.
func (k NewKey) GoString() string { return k.String() }

// prefixes are what the kids of an algorithm begin with; a number follows.
var prefixes = map[string]string{RS256: "RSA_", ES384: "EC384_"}

// NewKeys makes the keys of an account that is enabled for the first time. It
// takes as long as it takes to find two primes.
func NewKeys(random io.Reader) ([]NewKey, error) { return KeysAfter(random, nil) }

// KeysAfter makes the keys that follow those with the given kids, one of each
// algorithm. No kid is used again: verifiers keep keys by it.
func KeysAfter(random io.Reader, kids []string) ([]NewKey, error) {
	ofRSA, err := rsa.GenerateKey(random, rsaBits)
	if err != nil {
		return nil, fmt.Errorf("outbound: make an RSA key: %w", err)
	}
	ofEC, err := ecdsa.GenerateKey(elliptic.P384(), random)
	if err != nil {
		return nil, fmt.Errorf("outbound: make a P-384 key: %w", err)
	}
	keys := []NewKey{{Algorithm: RS256}, {Algorithm: ES384}}
	for i, private := range []any{ofRSA, ofEC} {
		keys[i].ID = kidAfter(prefixes[keys[i].Algorithm], kids)
		if keys[i].PKCS8, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
			return nil, fmt.Errorf("outbound: encode key %s: %w", keys[i].ID, err)
		}
	}
	return keys, nil
}

// kidAfter is the kid with the number after the highest.
func kidAfter(prefix string, kids []string) string {
	next := 0
	for _, kid := range kids {
		text, ok := strings.CutPrefix(kid, prefix)
		if n, err := strconv.Atoi(text); ok && err == nil && n >= next {
			next = n + 1
		}
	}
	return prefix + strconv.Itoa(next)
}

// Key is a signing key, parsed once. It is immutable and safe for concurrent use.
type Key struct {
	id, algorithm string
	next          bool
	signer        jose.Signer
	public        jose.JSONWebKey
}

// ParseKey reads what NewKeys made. An error matches ErrKey and holds nothing of
// the key.
func ParseKey(k NewKey) (*Key, error) {
	private, err := x509.ParsePKCS8PrivateKey(k.PKCS8)
	if err != nil {
		return nil, fmt.Errorf("%w: %q cannot be read", ErrKey, k.ID)
	}
	var public crypto.PublicKey
	switch private := private.(type) {
	case *rsa.PrivateKey:
		if k.Algorithm == RS256 && private.N.BitLen() >= rsaBits {
			public = private.Public()
		}
	case *ecdsa.PrivateKey:
		if k.Algorithm == ES384 && private.Curve == elliptic.P384() {
			public = private.Public()
		}
	}
	if public == nil || k.ID == "" {
		return nil, fmt.Errorf("%w: %q is no key for %q", ErrKey, k.ID, k.Algorithm)
	}
	algorithm := jose.SignatureAlgorithm(k.Algorithm)
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: private, KeyID: k.ID}},
		(&jose.SignerOptions{}).WithType("JWT"),
	)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrKey, k.ID, err)
	}
	return &Key{
		id: k.ID, algorithm: k.Algorithm, next: k.Next, signer: signer,
		public: jose.JSONWebKey{Key: public, KeyID: k.ID, Algorithm: k.Algorithm, Use: "sig"},
	}, nil
}

// String names the key and hides the rest.
func (k *Key) String() string { return "signing key " + k.id }

// GoString is String.
func (k *Key) GoString() string { return k.String() }

// Keys is the key set of an issuer. The zero Keys signs nothing.
type Keys struct {
	keys     []*Key
	document []byte
}

// ParseKeys reads the keys of an issuer, the newest of an algorithm last, and
// renders the document that publishes them.
func ParseKeys(stored []NewKey) (*Keys, error) {
	k := &Keys{}
	var set jose.JSONWebKeySet
	for _, s := range stored {
		key, err := ParseKey(s)
		if err != nil {
			return nil, err
		}
		if len(set.Key(key.id)) > 0 {
			return nil, fmt.Errorf("%w: two have the name %q", ErrKey, key.id)
		}
		k.keys, set.Keys = append(k.keys, key), append(set.Keys, key.public)
	}
	for _, algorithm := range Algorithms {
		if k.key(algorithm) == nil {
			return nil, fmt.Errorf("%w: there is none for %s", ErrKey, algorithm)
		}
	}
	var err error
	if k.document, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("outbound: write the key set: %w", err)
	}
	return k, nil
}

// key is the one that signs by an algorithm, nil if there is none.
func (k *Keys) key(algorithm string) *Key {
	for i := len(k.keys) - 1; i >= 0; i-- {
		if k.keys[i].algorithm == algorithm && !k.keys[i].next {
			return k.keys[i]
		}
	}
	return nil
}

// Document is the JSON Web Key Set (RFC 7517 section 5). It must not be changed.
func (k *Keys) Document() []byte { return k.document }

// Sign makes the token of a payload in the compact serialization.
func (k *Keys) Sign(algorithm string, payload []byte) (string, error) {
	key := k.key(algorithm)
	if key == nil {
		return "", fmt.Errorf("%w: there is none for %q", ErrKey, algorithm)
	}
	signed, err := key.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("outbound: sign with %s: %w", key.id, err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("outbound: write the token: %w", err)
	}
	return token, nil
}

package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// now is the time of the tests, and aud the provider's client id.
var now = time.Unix(1_789_123_721, 0)

const aud = "sts.amazonaws.com"

var clientIDs = []string{"https://other.example", aud}

// signer is an issuer's key with its public JWK.
type signer struct {
	alg     jose.SignatureAlgorithm
	kid     string
	private any
	public  any
}

func rsaSigner(alg jose.SignatureAlgorithm, kid string, bits int) *signer {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return &signer{alg, kid, k, &k.PublicKey}
}

func ecSigner(alg jose.SignatureAlgorithm, kid string, curve elliptic.Curve) *signer {
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return &signer{alg, kid, k, &k.PublicKey}
}

// The keys of the tests, each made once.
var (
	rs256 = sync.OnceValue(func() *signer { return rsaSigner(jose.RS256, "rsa", 2048) })
	es256 = sync.OnceValue(func() *signer { return ecSigner(jose.ES256, "ec", elliptic.P256()) })
	es384 = sync.OnceValue(func() *signer { return ecSigner(jose.ES384, "ec384", elliptic.P384()) })
	es512 = sync.OnceValue(func() *signer { return ecSigner(jose.ES512, "ec521", elliptic.P521()) })
)

// with is the same key under another algorithm or kid.
func (s *signer) with(alg jose.SignatureAlgorithm, kid string) *signer {
	return &signer{alg, kid, s.private, s.public}
}

// sign makes a token; header members are added to alg and kid.
func (s *signer) sign(t testing.TB, payload []byte, header map[jose.HeaderKey]any) string {
	t.Helper()
	options := &jose.SignerOptions{ExtraHeaders: maps.Clone(header)}
	if s.kid != "" {
		options.WithHeader("kid", s.kid)
	}
	js, err := jose.NewSigner(jose.SigningKey{Algorithm: s.alg, Key: s.private}, options)
	if err != nil {
		t.Fatal(err)
	}
	object, err := js.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// jwk is the public key as an issuer publishes it, changed by change.
func (s *signer) jwk(t testing.TB, change map[string]any) map[string]any {
	t.Helper()
	document, err := (&jose.JSONWebKey{Key: s.public, KeyID: s.kid}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]any{}
	if err := json.Unmarshal(document, &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range change {
		if value == nil {
			delete(members, name)
		} else {
			members[name] = value
		}
	}
	return members
}

func keySet(t testing.TB, jwks ...map[string]any) *KeySet {
	t.Helper()
	if jwks == nil {
		jwks = []map[string]any{}
	}
	document, err := json.Marshal(map[string]any{"keys": jwks})
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseKeySet(document)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// payload is a GitLab-like set of claims; change replaces members, and nil
// takes one away.
func payload(t testing.TB, change map[string]any) []byte {
	t.Helper()
	claims := map[string]any{
		"iss": "https://gitlab.example.com", "sub": "project_path:acme/app:ref_type:branch:ref:main", "aud": aud,
		"iat": now.Unix() - 10, "nbf": now.Unix() - 15, "exp": now.Unix() + 600, "jti": "235b3a54",
	}
	for name, value := range change {
		if value == nil {
			delete(claims, name)
		} else {
			claims[name] = value
		}
	}
	document, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// admit is the whole way of a token: Parse, Check, Verify.
func admit(raw string, keys *KeySet) (*Claims, error) {
	u, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	return u.Verify(keys, clientIDs, now)
}

// wantKind fails the test unless err is an *Error of kind.
func wantKind(t testing.TB, err error, kind Kind) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want an *Error of kind %d", err, kind)
	}
	if e.Kind != kind {
		t.Fatalf("kind is %d (%v), want %d", e.Kind, err, kind)
	}
	return e
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// shared is a folder of recorded data that lies beside the repository.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	dir := filepath.Join(append([]string{"..", "..", "..", "shared"}, elem...)...)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not there, and CI must have it: %v", dir, err)
		}
		t.Skipf("%s is not there: the package's own vectors cover the essential", dir)
	}
	return dir
}

func TestVerifyAlgorithms(t *testing.T) {
	t.Parallel()
	for _, s := range []*signer{
		rs256(), rs256().with(jose.RS384, "rsa"), rs256().with(jose.RS512, "rsa"), es256(), es384(), es512(),
	} {
		t.Run(string(s.alg), func(t *testing.T) {
			t.Parallel()
			keys := keySet(t, rs256().jwk(t, nil), es256().jwk(t, nil), es384().jwk(t, nil), es512().jwk(t, nil))
			claims, err := admit("\n "+s.sign(t, payload(t, nil), nil)+"\r\n", keys)
			if err != nil {
				t.Fatal(err)
			}
			if claims.Subject != "project_path:acme/app:ref_type:branch:ref:main" || claims.Audience != aud || claims.ID != "235b3a54" {
				t.Errorf("claims are %+v", claims)
			}
		})
	}
}

package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// certificate is a self-signed certificate of s in the form of x5c.
func (s *signer) certificate(t testing.TB) []string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer"}, NotBefore: now, NotAfter: now.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, s.public, s.private)
	if err != nil {
		t.Fatal(err)
	}
	return []string{base64.StdEncoding.EncodeToString(der)}
}

// TestKeyRows: which published keys verify a token (recorded on AWS, 2026-09),
// and what the operator is told of the others.
func TestKeyRows(t *testing.T) {
	t.Parallel()
	modulus := rs256().public.(*rsa.PublicKey).N
	for name, c := range map[string]struct {
		change map[string]any
		why    string // "" means that the key is used
	}{
		"as GitLab has it":     {map[string]any{"use": "sig", "alg": "RS256"}, ""},
		"bare":                 {nil, ""},
		"another alg":          {map[string]any{"alg": "ES384"}, ""},
		"unknown members":      {map[string]any{"iat": 1, "ext": map[string]any{"use": "enc"}}, ""},
		"leading zero in n":    {map[string]any{"n": b64(append([]byte{0}, modulus.Bytes()...))}, ""},
		"its own certificate":  {map[string]any{"x5c": rs256().certificate(t)}, ""},
		"another certificate":  {map[string]any{"x5c": es256().certificate(t)}, "x5c"},
		"certificate only":     {map[string]any{"x5c": rs256().certificate(t), "n": nil, "e": nil}, "cannot be read"},
		"use enc":              {map[string]any{"use": "enc"}, `has use "enc"`},
		"use SIG":              {map[string]any{"use": "SIG"}, `has use "SIG"`},
		"use empty":            {map[string]any{"use": ""}, `has use ""`},
		"use null":             {map[string]any{"use": raw("null")}, "has use"},
		"key_ops verify":       {map[string]any{"key_ops": []string{"verify"}}, "has key_ops"},
		"key_ops null":         {map[string]any{"key_ops": raw("null")}, "has key_ops"},
		"no kid":               {map[string]any{"kid": nil}, "a key has no kid"},
		"kid empty":            {map[string]any{"kid": ""}, "a key has no kid"},
		"kid a number":         {map[string]any{"kid": 1}, "a key has no kid"},
		"kid in another case":  {map[string]any{"kid": "RSA"}, `publishes no key "rsa"`},
		"private":              {map[string]any{"d": "AQAB"}, "private key"},
		"symmetric":            {map[string]any{"kty": "oct", "k": "c2VjcmV0"}, "neither RSA nor EC"},
		"kty in small letters": {map[string]any{"kty": "rsa"}, "neither RSA nor EC"},
		"kty absent":           {map[string]any{"kty": nil}, "neither RSA nor EC"},
		"OKP":                  {map[string]any{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, "neither RSA nor EC"},
		"n absent":             {map[string]any{"n": nil}, "cannot be read"},
		"n padded":             {map[string]any{"n": b64(modulus.Bytes()) + "=="}, "cannot be read"},
		"n even":               {map[string]any{"n": b64(new(big.Int).Lsh(big.NewInt(1), 2047).Bytes())}, "no RSA key"},
		"n of 4104 bits":       {map[string]any{"n": b64(new(big.Int).SetBit(big.NewInt(1), 4103, 1).Bytes())}, "modulus"},
		"n of 1024 bits":       {map[string]any{"n": b64(new(big.Int).SetBit(big.NewInt(1), 1023, 1).Bytes())}, "1024 bits"},
		"n zero":               {map[string]any{"n": "AA"}, "0 bits"},
		"e 1":                  {map[string]any{"e": "AQ"}, ""},
		"e 4":                  {map[string]any{"e": "BA"}, ""},
		"e of 9 bytes":         {map[string]any{"e": "AQAAAAAAAAAB"}, ""},
	} {
		if strings.HasPrefix(name, "e ") {
			c.why = "RSA"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A second key, so that a kid is needed.
			keys := keySet(t, es256().jwk(t, nil), rs256().jwk(t, c.change))
			_, err := admit(rs256().sign(t, payload(t, nil), nil), keys)
			if c.why == "" {
				if err != nil || !keys.Has("rsa") {
					t.Fatalf("Has is %t, error %v", keys.Has("rsa"), err)
				}
				return
			}
			kind := UnknownKey
			if c.why == "has key_ops" { // AWS answers it as a wrong signature
				kind = BadSignature
			}
			e := wantKind(t, err, kind)
			if !strings.Contains(e.Error(), c.why) || keys.Has("rsa") {
				t.Errorf("Has is %t, reason %q, want %q", keys.Has("rsa"), e, c.why)
			}
			// The bad key has not spoilt the other.
			if _, err := admit(es256().sign(t, payload(t, nil), nil), keys); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWhatASetSaysOfItself: how many keys can be used, and why the others not,
// without a part of a key.
func TestWhatASetSaysOfItself(t *testing.T) {
	t.Parallel()
	keys := keySet(t, es256().jwk(t, nil), rs256().jwk(t, map[string]any{"d": "c2VjcmV0"}), rs256().jwk(t, map[string]any{"kid": nil}))
	const want = `a key has no kid; key "rsa" is not used: it has d, a part of a private key, which must never be published; replace the key`
	if keys.Len() != 1 || keys.Unused() != want {
		t.Errorf("Len is %d, Unused %q", keys.Len(), keys.Unused())
	}
	if none := (*KeySet)(nil); none.Len() != 0 || none.Unused() != "" || keySet(t).Unused() != "" {
		t.Error("a set without keys says that it has some")
	}
}

func TestTokensWithoutKeyID(t *testing.T) {
	t.Parallel()
	nameless := es256().with(jose.ES256, "")
	none := nameless.sign(t, payload(t, nil), nil)
	empty := nameless.sign(t, payload(t, nil), map[jose.HeaderKey]any{"kid": ""})
	one := keySet(t, es256().jwk(t, nil))
	two := keySet(t, es256().jwk(t, nil), rs256().jwk(t, nil))
	oneUsable := keySet(t, es256().jwk(t, nil), rs256().jwk(t, map[string]any{"use": "enc"}))
	onlyNameless := keySet(t, es256().jwk(t, map[string]any{"kid": nil}))
	for name, c := range map[string]struct {
		raw  string
		keys *KeySet
		ok   bool
		why  string
	}{
		"one key":                 {none, one, true, ""},
		"one usable key":          {none, oneUsable, true, ""},
		"two keys":                {none, two, false, "2 usable keys"},
		"a key without kid":       {none, onlyNameless, false, "0 usable keys"},
		"an empty set":            {none, keySet(t), false, "publishes no key"},
		"the nil set":             {none, nil, false, "publishes no key"},
		"the zero set":            {none, &KeySet{}, false, "publishes no key"},
		"kid empty, one key":      {empty, one, false, "kid is empty"},
		"kid empty, nameless key": {empty, onlyNameless, false, "kid is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := admit(c.raw, c.keys)
			if c.ok != (err == nil) {
				t.Fatalf("error is %v", err)
			}
			if !c.ok {
				if e := wantKind(t, err, UnknownKey); !strings.Contains(e.Error(), c.why) {
					t.Errorf("reason is %q", e)
				}
			}
		})
	}
	if !one.Has("") || two.Has("") || (*KeySet)(nil).Has("") || (*KeySet)(nil).Has("ec") {
		t.Error("Has of the empty kid is not: exactly one usable key")
	}
}

func TestLaterKeyReplacesEarlier(t *testing.T) {
	t.Parallel()
	other := ecSigner(jose.ES256, "ec", elliptic.P256())
	raw := es256().sign(t, payload(t, nil), nil)
	if _, err := admit(raw, keySet(t, other.jwk(t, nil), es256().jwk(t, nil))); err != nil {
		t.Error(err)
	}
	_, err := admit(raw, keySet(t, es256().jwk(t, nil), other.jwk(t, nil)))
	wantKind(t, err, BadSignature)
	// One that is not used replaces nothing.
	if _, err := admit(raw, keySet(t, es256().jwk(t, nil), other.jwk(t, map[string]any{"use": "enc"}))); err != nil {
		t.Error(err)
	}
}

func TestKeyMustFitAlgorithm(t *testing.T) {
	t.Parallel()
	all := []*signer{rs256(), es256(), es384(), es512()}
	for _, s := range all {
		for _, k := range all {
			keys := keySet(t, k.with("", "k").jwk(t, nil))
			_, err := admit(s.with(s.alg, "k").sign(t, payload(t, nil), nil), keys)
			if s == k {
				if err != nil {
					t.Errorf("%s with its own key: %v", s.alg, err)
				}
				continue
			}
			wantKind(t, err, UnknownKey)
		}
	}
}

func TestBoundsOfModulus(t *testing.T) {
	t.Parallel()
	for bits, used := range map[int]bool{2047: false, 2048: true, 4096: true, 4097: false} {
		n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
		if keys := keySet(t, rs256().jwk(t, map[string]any{"n": b64(n.Bytes())})); keys.Has("rsa") != used {
			t.Errorf("a key of %d bits is used: %t", bits, !used)
		}
	}
}

func TestTooManyKeysDisableTheirType(t *testing.T) {
	t.Parallel()
	many := func(s *signer, n int) (jwks []map[string]any) {
		for i := range n {
			jwks = append(jwks, s.jwk(t, map[string]any{"kid": fmt.Sprintf("%s%d", s.kid, i)}))
		}
		return jwks
	}
	rsaToken := rs256().with(jose.RS256, "rsa7").sign(t, payload(t, nil), nil)
	ecToken := es256().with(jose.ES256, "ec7").sign(t, payload(t, nil), nil)
	for _, c := range []struct {
		rsa, ec       int
		rsaOK, ecOK   bool
		disabledCount string
	}{
		{100, 100, true, true, ""},
		{101, 100, false, true, "101 RSA keys"},
		{100, 101, true, false, "101 EC keys"},
	} {
		keys := keySet(t, append(many(rs256(), c.rsa), many(es256(), c.ec)...)...)
		for raw, ok := range map[string]bool{rsaToken: c.rsaOK, ecToken: c.ecOK} {
			_, err := admit(raw, keys)
			if ok {
				if err != nil {
					t.Errorf("%d RSA, %d EC: %v", c.rsa, c.ec, err)
				}
				continue
			}
			if e := wantKind(t, err, UnknownKey); !strings.Contains(e.Error(), c.disabledCount) {
				t.Errorf("reason is %q", e)
			}
		}
	}
}

func TestParseKeySetRefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		``, `null`, `[]`, `"keys"`, `{}`, `{"keys":null}`, `{"keys":{}}`, `{"KEYS":[]}`, `{"keys":[}`,
		"<html></html>", "{\"keys\":[],\"x\":\"\xff\"}", `{"keys":[]` + strings.Repeat(" ", MaxKeySetBytes) + `}`,
	} {
		_, err := ParseKeySet([]byte(document))
		wantKind(t, err, BadKeySet)
	}
	for _, document := range []string{`{"keys":[]}`, `{"keys":[null,1,"",[],{}]}`, `{"keys":{},"keys":[]}`} {
		keys, err := ParseKeySet([]byte(document))
		if err != nil {
			t.Errorf("%s: %v", document, err)
			continue
		}
		_, err = admit(es256().sign(t, payload(t, nil), nil), keys)
		wantKind(t, err, UnknownKey)
	}
}

// TestForeignCurvePoint: a point that is not on its curve is no key.
func TestForeignCurvePoint(t *testing.T) {
	t.Parallel()
	x := es256().public.(*ecdsa.PublicKey)
	point, err := x.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	point[64] ^= 1
	keys := keySet(t, es256().jwk(t, map[string]any{"y": b64(point[33:])}))
	_, err = admit(es256().sign(t, payload(t, nil), nil), keys)
	if e := wantKind(t, err, UnknownKey); !strings.Contains(e.Error(), "published but not used") {
		t.Errorf("reason is %q", e)
	}
}

func TestSampleKeySet(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(filepath.Join(shared(t, "samples"), "gitlab_jwks_shape.json"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseKeySet(document)
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(document, &set); err != nil {
		t.Fatal(err)
	}
	for _, k := range set.Keys {
		if !keys.Has(k.KeyID) {
			t.Errorf("key %s is not used", k.KeyID)
		}
	}
}

package oidc

import (
	"errors"
	"strings"
	"testing"
)

// FuzzParse: whatever the bytes, Parse returns a token or an *Error, and what
// it accepts is bounded and has the form that Verify relies on.
func FuzzParse(f *testing.F) {
	raw := rs256().sign(f, payload(f, nil), nil)
	parts := strings.Split(raw, ".")
	f.Add(raw)
	f.Add(es256().sign(f, payload(f, gitlabClaims()), nil) + "\n")
	f.Add("..")
	f.Add(strings.Repeat(".", 100))
	for _, p := range []string{`{}`, `{"a":"\u0061","a":[{}]}`, `{"iss":"","sub":1,"aud":"","iat":1,"exp":"1"}`, ` { "a" : 1 , "b":"}" } `, "{\"\xff\":1}"} {
		f.Add(parts[0] + "." + b64([]byte(p)) + "." + parts[2])
		f.Add(b64([]byte(p)) + "." + parts[1] + "." + parts[2])
	}
	keys := keySet(f, rs256().jwk(f, nil))
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := Parse(raw)
		var e *Error
		if err != nil {
			if !errors.As(err, &e) || e.Kind == 0 || e.Message() == "" || u != nil {
				t.Fatalf("token %v, error %v", u, err)
			}
			return
		}
		if len(raw) > MaxTokenBytes || keyType(u.alg) == "" || len(u.claims.AudClaim) == 0 {
			t.Fatalf("accepted: %v", u)
		}
		// The fuzzer has no private key: the one token that may pass is the
		// seed that was signed.
		c, err := u.Verify(keys, clientIDs, now)
		if err == nil && c.Subject != "project_path:acme/app:ref_type:branch:ref:main" {
			t.Fatalf("verified: %+v", c)
		}
	})
}

// FuzzParseObject: the walk over an object is encoding/json's.
func FuzzParseObject(f *testing.F) {
	for _, s := range []string{`{}`, ` {"a":1}`, `{"a":"\"}","b":[{"c":"]"}]}`, `{"a":1,"a":2}`, `null`, `{"\u0061":tru}`, `{"a" : -1e5 }`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, document []byte) { sameAsEncodingJSON(t, document) })
}

// FuzzParseKeySet: whatever the document, there is a set or an *Error, and
// each key of the set can be named.
func FuzzParseKeySet(f *testing.F) {
	for _, s := range []string{`{"keys":[]}`, `{"keys":[{"kty":"RSA","kid":"a","n":"AQ","e":"AQAB"}]}`, `{"keys":[{"kty":"EC","kid":"a","crv":"P-256","x":"AA","y":"AA","x5c":["AA"]}]}`, `{"keys":[{"kid":"\ud800"},null]}`} {
		f.Add([]byte(s))
	}
	token, err := Parse(es256().sign(f, payload(f, nil), nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		keys, err := ParseKeySet(document)
		var e *Error
		if err != nil {
			if !errors.As(err, &e) || e.Kind != BadKeySet || keys != nil {
				t.Fatalf("set %v, error %v", keys, err)
			}
			return
		}
		for kid, k := range keys.keys {
			if kid == "" || k.id != kid || k.public == nil || !keys.Has(kid) {
				t.Fatalf("key %q is %+v", kid, k)
			}
		}
		if _, err := token.Verify(keys, clientIDs, now); err == nil {
			t.Fatal("a token is verified by a key that nobody has made")
		}
	})
}

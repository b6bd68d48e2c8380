package oidc

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRFC7515Example is appendix A.2 and A.3 of RFC 7515: signatures that other
// implementations made, by RS256 and ES256.
func TestRFC7515Example(t *testing.T) {
	t.Parallel()
	const claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	for name, c := range map[string]struct{ jwk, raw string }{
		"RS256": {
			`{"kty":"RSA","kid":"k","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}`,
			"eyJhbGciOiJSUzI1NiJ9." + claims + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
		},
		"ES256": {
			`{"kty":"EC","kid":"k","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`,
			"eyJhbGciOiJFUzI1NiJ9." + claims + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, err := ParseKeySet([]byte(`{"keys":[` + c.jwk + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			if err := verifyCompact(c.raw, keys); err != nil {
				t.Error(err)
			}
			if err := verifyCompact(strings.Replace(c.raw, "9.ey", "9.ex", 1), keys); err == nil {
				t.Error("a changed payload is accepted")
			}
		})
	}
}

// verifyCompact is all of Verify but the claims, which these vectors lack.
func verifyCompact(raw string, keys *KeySet) error {
	u, _, err := parseCompact(raw)
	if err != nil {
		return err
	}
	return u.verifySignature(keys)
}

// TestWycheproof runs the project's JSON Web Signature vectors. A valid one of
// an algorithm or a key that AWS refuses is expected to fail.
func TestWycheproof(t *testing.T) {
	t.Parallel()
	dir := shared(t, "vectors", "jose")
	for _, file := range []string{"json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json"} {
		document, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		var suite struct {
			TestGroups []wycheproofGroup
		}
		if err := json.Unmarshal(document, &suite); err != nil {
			t.Fatal(err)
		}
		accepted := 0
		for _, group := range suite.TestGroups {
			for _, test := range group.Tests {
				if group.check(t, file, test) {
					accepted++
				}
			}
		}
		t.Logf("%s: %d accepted", file, accepted)
		if file == "json_web_signature_test.json" && accepted < 20 {
			t.Errorf("only %d vectors are accepted: does the test reach the signature?", accepted)
		}
	}
}

type wycheproofTest struct {
	TCID    int `json:"tcId"`
	Comment string
	JWS     json.RawMessage // a string, or an object in the JSON serialization
	Result  string
}

type wycheproofGroup struct {
	Comment         string
	Public, Private json.RawMessage
	Tests           []wycheproofTest
}

// keys is the group's key set; secret keys are given as an issuer that errs
// would publish them.
func (g *wycheproofGroup) keys(t *testing.T) *KeySet {
	t.Helper()
	document := g.Public
	if document == nil {
		document = g.Private
	}
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(document, &set); err != nil {
		t.Fatal(err)
	}
	if set.Keys == nil {
		document = slices.Concat([]byte(`{"keys":[`), document, []byte(`]}`))
	}
	keys, err := ParseKeySet(document)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func (g *wycheproofGroup) check(t *testing.T, file string, test wycheproofTest) (accepted bool) {
	t.Helper()
	raw, ok := unquote(test.JWS)
	if !ok || strings.HasPrefix(g.Comment, "jwe") {
		return false // encrypted, or not the compact serialization
	}
	err := verifyCompact(raw, g.keys(t))
	switch {
	case test.Result == "invalid" && err == nil:
		switch test.Comment {
		case "rejectsDuplicateKid", "mismatchedAlgAndCurve", "UsingRS256", "UsingRS384", "UsingRS512":
			// AWS takes the later of two keys of a kid, and does not read a
			// key's alg (recorded on AWS, 2026-09).
		case "rejectsKeyWithRocaVulnerability":
			// Whether an issuer's key is weak by its making is not looked at.
		default:
			t.Errorf("%s %d %s/%s: accepted", file, test.TCID, g.Comment, test.Comment)
		}
	case test.Result != "invalid" && err != nil && g.mustPass(raw):
		t.Errorf("%s %d %s/%s: %v", file, test.TCID, g.Comment, test.Comment, err)
	}
	return err == nil
}

// mustPass reports whether AWS's rules admit the key and the algorithm of a
// vector that is valid by the standards.
func (g *wycheproofGroup) mustPass(raw string) bool {
	header, _, _ := strings.Cut(raw, ".")
	decoded, err := decode("header", header)
	if err != nil {
		return false
	}
	var h struct{ Alg string }
	if json.Unmarshal(decoded, &h) != nil || keyType(h.Alg) == "" {
		return false
	}
	return g.Public != nil && !strings.Contains(string(g.Public), `"key_ops"`) && strings.Contains(string(g.Public), `"kid"`)
}

package oidc

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"pgregory.net/rapid"
)

func TestParseRefusesWhatIsNoSignedToken(t *testing.T) {
	t.Parallel()
	good := rs256().sign(t, payload(t, nil), nil)
	parts := strings.Split(good, ".")
	head := func(json string) string { return b64([]byte(json)) + "." + parts[1] + "." + parts[2] }
	body := func(json string) string { return parts[0] + "." + b64([]byte(json)) + "." + parts[2] }
	for name, c := range map[string]struct {
		raw  string
		kind Kind
		why  string // a part of the reason
	}{
		"empty":                  {"", NotAJWT, "it is empty"},
		"white space":            {" \n", NotAJWT, "it is empty"},
		"an access token":        {"glpat-abcdefghij", NotAJWT, "access token"},
		"two parts":              {parts[0] + "." + parts[1], NotAJWT, "2 parts"},
		"four parts":             {good + ".x", NotAJWT, "4 parts"},
		"encrypted":              {good + "..", NotAJWT, "encrypted"},
		"no signature":           {parts[0] + "." + parts[1] + ".", BadSignature, "does not confirm"},
		"quoted":                 {`"` + good + `"`, NotAJWT, "not base64url"},
		"with a scheme":          {"Bearer " + good, NotAJWT, "not base64url"},
		"padded":                 {good + "=", NotAJWT, "signature is not base64url"},
		"plain base64":           {parts[0] + "." + parts[1] + "+/." + parts[2], NotAJWT, "payload is not base64url"},
		"a line end within":      {parts[0] + ".\n" + parts[1] + "." + parts[2], NotAJWT, "payload is not base64url"},
		"unused bits":            {parts[0] + "." + parts[1] + ".QR", NotAJWT, "signature is not base64url"},
		"cut within the payload": {parts[0] + "." + parts[1][:len(parts[1])/4*2] + ".", NotAJWT, ""},
		"header no JSON":         {head(`{"alg":"RS256"`), NotAJWT, "header is not JSON"},
		"header an array":        {head(`["RS256"]`), NotAJWT, "header is not a JSON object"},
		"header repeats":         {head(`{"alg":"RS256","alg":"RS256"}`), NotAJWT, `repeats "alg"`},
		"header repeats escaped": {head(`{"alg":"none","\u0061lg":"RS256"}`), NotAJWT, `repeats "alg"`},
		"crit":                   {head(`{"alg":"RS256","kid":"rsa","crit":["exp"]}`), NotAJWT, "crit"},
		"crit null":              {head(`{"alg":"RS256","kid":"rsa","crit":null}`), NotAJWT, "crit"},
		"b64":                    {head(`{"alg":"RS256","kid":"rsa","b64":false}`), NotAJWT, "b64"},
		"kid a number":           {head(`{"alg":"RS256","kid":1}`), NotAJWT, "kid"},
		"kid null":               {head(`{"alg":"RS256","kid":null}`), NotAJWT, "kid"},
		"alg a number":           {head(`{"alg":256}`), NotAJWT, "alg"},
		"alg absent":             {head(`{"kid":"rsa"}`), UnsupportedAlgorithm, `""`},
		"alg in small letters":   {head(`{"alg":"rs256","kid":"rsa"}`), UnsupportedAlgorithm, `"rs256"`},
		"ALG":                    {head(`{"ALG":"RS256","kid":"rsa"}`), UnsupportedAlgorithm, `""`},
		"payload no JSON":        {body(`{"iss":`), NotAJWT, "payload is not JSON"},
		"payload a string":       {body(`"iss"`), NotAJWT, "payload is not a JSON object"},
		"payload with a tail":    {body(string(payload(t, nil)) + "{}"), NotAJWT, "payload is not JSON"},
		"payload not UTF-8":      {body("{\"iss\":\"\xff\"}"), NotAJWT, "UTF-8"},
		"too large":              {good + strings.Repeat(" ", MaxTokenBytes), TooLarge, "at most 20000"},
		"a mebibyte":             {strings.Repeat("a", 1<<20), TooLarge, "1048576 bytes"},
		"a million dots":         {strings.Repeat(".", 1_000_000), TooLarge, "1000000 bytes"},
		"dots within the bound":  {strings.Repeat(".", MaxTokenBytes), NotAJWT, "20001 parts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := admit(c.raw, keySet(t, rs256().jwk(t, nil)))
			e := wantKind(t, err, c.kind)
			if !strings.Contains(e.Error(), c.why) {
				t.Errorf("reason is %q, want it to hold %q", e, c.why)
			}
			if len(parts[1]) > 0 && strings.Contains(e.Error()+e.Message(), parts[1]) {
				t.Errorf("the error holds the token")
			}
		})
	}
}

func TestParseTakesTheLongestToken(t *testing.T) {
	t.Parallel()
	raw := rs256().sign(t, payload(t, nil), nil)
	for _, pad := range []int{MaxTokenBytes - len(raw), MaxTokenBytes - len(raw) + 1} {
		_, err := Parse(raw + strings.Repeat("\n", pad))
		if tooLong := pad+len(raw) > MaxTokenBytes; tooLong != (err != nil) {
			t.Errorf("%d bytes: error is %v", pad+len(raw), err)
		}
	}
}

// TestAlgorithmsNeverAccepted forges tokens as attackers do: without a
// signature, with the public key as the secret of an HMAC, and with algorithms
// that the key could do but AWS does not.
func TestAlgorithmsNeverAccepted(t *testing.T) {
	t.Parallel()
	keys := keySet(t, rs256().jwk(t, nil))
	good := rs256().sign(t, payload(t, nil), nil)
	parts := strings.Split(good, ".")
	for _, none := range []string{"none", "None", "NONE", ""} {
		header := b64(fmt.Appendf(nil, `{"alg":%q,"kid":"rsa"}`, none))
		for _, signature := range []string{"", parts[2]} {
			_, err := admit(header+"."+parts[1]+"."+signature, keys)
			wantKind(t, err, UnsupportedAlgorithm)
		}
	}

	der, err := x509.MarshalPKIXPublicKey(rs256().public)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*signer{
		{alg: jose.HS256, kid: "rsa", private: der},
		{alg: jose.HS256, kid: "rsa", private: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})},
		{alg: jose.HS384, kid: "rsa", private: der},
		{alg: jose.HS512, kid: "rsa", private: der},
		rs256().with(jose.PS256, "rsa"), rs256().with(jose.PS384, "rsa"), rs256().with(jose.PS512, "rsa"),
		{alg: jose.EdDSA, kid: "rsa", private: edwards},
	} {
		_, err := admit(s.sign(t, payload(t, nil), nil), keys)
		e := wantKind(t, err, UnsupportedAlgorithm)
		if !strings.Contains(e.Error(), string(s.alg)) {
			t.Errorf("reason %q does not name %s", e, s.alg)
		}
	}
}

// TestHeaderKeysAreNotLookedAt: a token brings its own key, by value and by
// URL, and is not believed.
func TestHeaderKeysAreNotLookedAt(t *testing.T) {
	t.Parallel()
	mallory := rs384Other()
	raw := mallory.sign(t, payload(t, nil), map[jose.HeaderKey]any{
		"jwk": jose.JSONWebKey{Key: mallory.public, KeyID: "rsa"},
		"jku": "https://evil.example/keys",
	})
	_, err := admit(raw, keySet(t, rs256().jwk(t, nil)))
	wantKind(t, err, BadSignature)
}

// rs384Other is another issuer's key under the same kid as rs256.
func rs384Other() *signer { return rsaSigner(jose.RS384, "rsa", 2048) }

func TestUnverifiedGivesAwayNothing(t *testing.T) {
	t.Parallel()
	raw := es256().sign(t, payload(t, map[string]any{"aud": []string{"a"}, "azp": "b"}), nil)
	u, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if u.Issuer() != "https://gitlab.example.com" || u.KeyID() != "ec" {
		t.Errorf("issuer %q, kid %q", u.Issuer(), u.KeyID())
	}
	if sub, aud, jti := u.UnverifiedNames(); sub != "project_path:acme/app:ref_type:branch:ref:main" || len(aud) != 1 || aud[0] != "a" || jti != "235b3a54" {
		t.Errorf("names are %q %q %q", sub, aud, jti)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		printed := fmt.Sprintf(format, u)
		for _, part := range strings.Split(raw, ".") {
			if strings.Contains(printed, part) {
				t.Errorf("%s prints a part of the token", format)
			}
		}
	}
}

// TestEveryChangeIsRefused: whatever byte of a token is changed to whatever
// other, the token is refused.
func TestEveryChangeIsRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []*signer{rs256(), es256()} {
		t.Run(string(s.alg), func(t *testing.T) {
			t.Parallel()
			raw := s.sign(t, payload(t, nil), nil)
			keys := keySet(t, s.jwk(t, nil))
			if _, err := admit(raw, keys); err != nil {
				t.Fatalf("the unchanged token: %v", err)
			}
			rapid.Check(t, func(t *rapid.T) {
				i := rapid.IntRange(0, len(raw)-1).Draw(t, "place")
				b := rapid.Byte().Filter(func(b byte) bool { return b != raw[i] }).Draw(t, "byte")
				changed := raw[:i] + string([]byte{b}) + raw[i+1:]
				if _, err := admit(changed, keys); err == nil {
					t.Fatalf("byte %d changed to %q and the token is accepted", i, b)
				}
			})
		})
	}
}

// TestChangedClaimsAreRefused: another payload under a good signature.
func TestChangedClaimsAreRefused(t *testing.T) {
	t.Parallel()
	keys := keySet(t, rs256().jwk(t, nil))
	parts := strings.Split(rs256().sign(t, payload(t, nil), nil), ".")
	forged := parts[0] + "." + b64(payload(t, map[string]any{"sub": "project_path:acme/other"})) + "." + parts[2]
	_, err := admit(forged, keys)
	wantKind(t, err, BadSignature)
}

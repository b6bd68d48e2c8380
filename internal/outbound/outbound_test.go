package outbound_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/outbound"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

// stored are one issuer's keys, made once: RSA keys take long.
var stored = sync.OnceValues(func() ([]outbound.NewKey, error) { return outbound.NewKeys(rand.Reader) })

func mustStored(t testing.TB) []outbound.NewKey {
	t.Helper()
	keys, err := stored()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(keys)
}

func mustParse(t testing.TB, stored []outbound.NewKey) *outbound.Keys {
	t.Helper()
	keys, err := outbound.ParseKeys(stored)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

const issuer = "https://daypass.example.com/5e1c3f0a-6a3f-4b8f-9d39-0c6f4e0f2a11"

func claims(at time.Time) *outbound.Claims {
	return &outbound.Claims{
		Issuer: issuer, Audience: []string{"https://api.example.com"}, Subject: "arn:aws:iam::123456789012:role/ci/deploy",
		IssuedAt: at, Expires: at.Add(5 * time.Minute), ID: "a5016ff9-4205-4e30-b93f-ea94fa059909",
		Account: "123456789012", Region: "eu-central-1",
	}
}

// A token of either algorithm is verified, from the document, by the package
// that verifies everybody's and by go-jose.
func TestSign(t *testing.T) {
	t.Parallel()
	keys := mustParse(t, mustStored(t))
	now := time.Now()
	c := claims(now)
	payload, err := c.Payload()
	if err != nil {
		t.Fatal(err)
	}
	published, err := oidc.ParseKeySet(keys.Document())
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(keys.Document(), &set); err != nil {
		t.Fatal(err)
	}
	for algorithm, kid := range map[string]string{outbound.RS256: "RSA_0", outbound.ES384: "EC384_0"} {
		token, err := keys.Sign(algorithm, payload)
		if err != nil {
			t.Fatal(err)
		}
		unverified, err := oidc.Parse(token)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unverified.Verify(published, c.Audience, now)
		if err != nil || got.Subject != c.Subject || got.Issuer != issuer || unverified.KeyID() != kid {
			t.Errorf("%s: %+v, %v", algorithm, got, err)
		}
		parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
		if err != nil {
			t.Fatal(err)
		}
		header := parsed.Signatures[0].Protected
		if header.KeyID != kid || header.ExtraHeaders[jose.HeaderType] != "JWT" {
			t.Errorf("%s: header is %+v", algorithm, header)
		}
		if verified, err := parsed.Verify(set); err != nil || !bytes.Equal(verified, payload) {
			t.Errorf("%s: go-jose: %q, %v", algorithm, verified, err)
		}
	}
	for _, algorithm := range []string{"", "none", "HS256", "RS384", "ES256", "rs256"} {
		if token, err := keys.Sign(algorithm, payload); !errors.Is(err, outbound.ErrKey) || token != "" {
			t.Errorf("%q signed: %q, %v", algorithm, token, err)
		}
	}
	if _, err := new(outbound.Keys).Sign(outbound.RS256, payload); !errors.Is(err, outbound.ErrKey) {
		t.Errorf("no keys signed: %v", err)
	}
}

// The document has AWS's members, and nothing of a private key.
func TestDocument(t *testing.T) {
	t.Parallel()
	var document struct{ Keys []map[string]string }
	if err := json.Unmarshal(mustParse(t, mustStored(t)).Document(), &document); err != nil {
		t.Fatal(err)
	}
	var members []string
	for _, key := range document.Keys {
		var names []string
		for name := range key {
			names = append(names, name)
		}
		slices.Sort(names)
		members = append(members, strings.Join(names, " ")+" of "+key["kid"]+" "+key["alg"]+" "+key["use"])
	}
	if diff := cmp.Diff([]string{"alg e kid kty n use of RSA_0 RS256 sig", "alg crv kid kty use x y of EC384_0 ES384 sig"}, members); diff != "" {
		t.Error(diff)
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	got, err := outbound.Discovery(issuer)
	want := `{"claims_supported":["sub","iss","aud","exp","iat","jti","https://sts.amazonaws.com/"],` +
		`"id_token_signing_alg_values_supported":["RS256","ES384"],"issuer":"` + issuer + `","jwks_uri":"` + issuer + `/.well-known/jwks.json",` +
		`"response_types_supported":["id_token"],"subject_types_supported":["public"]}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
	id := strings.TrimPrefix(issuer, "https://daypass.example.com/")
	if outbound.IssuerURL("https://daypass.example.com", id) != issuer || outbound.IssuerURL("", id) != "" || outbound.IssuerURL("https://daypass.example.com", "") != "" {
		t.Error("an issuer's URL is not what it should be")
	}
	if outbound.IssuerIDOf(issuer) != id || outbound.IssuerIDOf(id) != id || outbound.IssuerIDOf("") != "" || outbound.IssuerIDOf(issuer+"/") != "" {
		t.Error("an issuer's id is not found")
	}
}

func pkcs8(t *testing.T, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestParseKeysRefuses(t *testing.T) {
	t.Parallel()
	good := mustStored(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string][]outbound.NewKey{
		"none":                nil,
		"no key for ES384":    good[:1],
		"no key for RS256":    good[1:],
		"a name twice":        append(slices.Clone(good), good[0]),
		"no name":             append(slices.Clone(good), outbound.NewKey{Algorithm: outbound.RS256, PKCS8: good[0].PKCS8}),
		"noise":               append(slices.Clone(good), outbound.NewKey{ID: "x", Algorithm: outbound.RS256, PKCS8: []byte("x")}),
		"another algorithm":   append(slices.Clone(good), outbound.NewKey{ID: "x", Algorithm: "RS384", PKCS8: good[0].PKCS8}),
		"an EC key for RS256": append(slices.Clone(good), outbound.NewKey{ID: "x", Algorithm: outbound.RS256, PKCS8: good[1].PKCS8}),
		"an RSA key of 1024":  append(slices.Clone(good), outbound.NewKey{ID: "x", Algorithm: outbound.RS256, PKCS8: pkcs8(t, small)}),
		"P-256 for ES384":     append(slices.Clone(good), outbound.NewKey{ID: "x", Algorithm: outbound.ES384, PKCS8: pkcs8(t, p256)}),
	} {
		if k, err := outbound.ParseKeys(keys); !errors.Is(err, outbound.ErrKey) || k != nil {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

// The last key of an algorithm signs, and those before it go on being published.
func TestSecondKey(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := mustParse(t, append(mustStored(t), outbound.NewKey{ID: "EC384_1", Algorithm: outbound.ES384, PKCS8: pkcs8(t, p384)}))
	for algorithm, kid := range map[string]string{outbound.RS256: "RSA_0", outbound.ES384: "EC384_1"} {
		token, err := keys.Sign(algorithm, []byte(`{"iss":"i","sub":"s","aud":"a","iat":1,"exp":2}`))
		if err != nil {
			t.Fatal(err)
		}
		if u, err := oidc.Parse(token); err != nil || u.KeyID() != kid {
			t.Errorf("%s was signed with %v, %v", algorithm, u.KeyID(), err)
		}
	}
	set, err := oidc.ParseKeySet(keys.Document())
	if err != nil {
		t.Fatal(err)
	}
	for _, kid := range []string{"RSA_0", "EC384_0", "EC384_1"} {
		if !set.Has(kid) {
			t.Errorf("%s is not published", kid)
		}
	}
}

// Keys that are formatted by mistake give nothing away.
func TestKeysHideThemselves(t *testing.T) {
	t.Parallel()
	for _, k := range mustStored(t) {
		key, err := outbound.ParseKey(k)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k), fmt.Sprint(key), fmt.Sprintf("%+v", key), fmt.Sprintf("%#v", key)} {
			if text != "signing key "+k.ID {
				t.Errorf("a key is formatted as %q", text)
			}
		}
	}
}

// TestPayload holds the claims as AWS writes them (recorded, 2026-09): what is
// nothing is left out, one audience is a string, several are a list.
func TestPayload(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 9, 11, 18, 35, 46, 507e6, time.UTC)
	c := claims(at)
	want := `{"aud":"https://api.example.com","sub":"arn:aws:iam::123456789012:role/ci/deploy","https://sts.amazonaws.com/":{` +
		`"aws_account":"123456789012","source_region":"eu-central-1","principal_id":"arn:aws:iam::123456789012:role/ci/deploy"},` +
		`"iss":"` + issuer + `","exp":1789152046,"iat":1789151746,"jti":"a5016ff9-4205-4e30-b93f-ea94fa059909"}`
	wantPayload(t, c, want)
	c.Audience = []string{"one", "one"}
	c.PrincipalTags, c.RequestTags = map[string]string{"team": "session"}, map[string]string{"aws:test": "<&>", "Team": `"é"`}
	c.SessionExpires, c.SourceIdentity, c.FederatedProvider = at.Add(15*time.Minute).Truncate(time.Second), "alice", "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
	want = strings.Replace(want, `"https://api.example.com"`, `["one","one"]`, 1)
	want = strings.Replace(want, `{"aws_account":"123456789012",`, `{"source_identity":"alice","federated_provider":"arn:aws:iam::123456789012:oidc-provider/gitlab.example.com",`+
		`"aws_account":"123456789012","request_tags":{"Team":"\"é\"","aws:test":"<&>"},"original_session_exp":"2026-09-11T18:50:46Z",`, 1)
	want = strings.Replace(want, `deploy"},`, `deploy","principal_tags":{"team":"session"}},`, 1)
	wantPayload(t, c, want)
}

func wantPayload(t *testing.T, c *outbound.Claims, want string) {
	t.Helper()
	got, err := c.Payload()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// The limit is in bytes of the JSON text, in which a quote has two and a letter
// with an accent has two.
func TestPayloadSize(t *testing.T) {
	t.Parallel()
	for _, filler := range []string{"a", `"`, "é", "<"} {
		c := claims(time.Unix(1789151746, 0))
		c.Audience = []string{""}
		empty, err := c.Payload()
		if err != nil {
			t.Fatal(err)
		}
		room := outbound.MaxPayload - len(empty)
		each := len(filler)
		if filler == `"` {
			each = 2
		}
		c.Audience[0] = strings.Repeat(filler, room/each) + strings.Repeat("a", room%each)
		full, err := c.Payload()
		if err != nil || len(full) != outbound.MaxPayload {
			t.Errorf("%s: %d bytes, %v", filler, len(full), err)
		}
		c.Audience[0] += "a"
		if _, err := c.Payload(); !errors.Is(err, outbound.ErrTooLarge) {
			t.Errorf("%s: one byte more: %v", filler, err)
		}
	}
}

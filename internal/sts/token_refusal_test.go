package sts_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"

	"github.com/go-jose/go-jose/v4"
)

// refusal is a request that is denied: what the caller is told, and what the
// event says.
type refusal struct {
	token           string
	parameters      []string
	status          int // 400 where 0
	code            string
	message, reason string
}

func (c refusal) check(t *testing.T, f *fixture) {
	t.Helper()
	reply := f.assume(t, c.token, c.parameters...)
	wantFault(t, reply, orElse(c.status, http.StatusBadRequest), c.code, c.message)
	e := f.wantReason(t, reply, c.reason)
	if e.Code != c.code || e.Message != c.message || e.IssuedKey != "" || e.Session != "" || e.Decision == "Allow" {
		t.Errorf("event is %+v", e)
	}
}

// TestClaimsThatAreRefused are the recorded rows, each with a token whose
// signature is right.
func TestClaimsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := start(t)
	now := f.clock.Now().Unix()
	set := func(name string, value any) string {
		return f.tokenWith(t, func(c map[string]any) { c[name] = value })
	}
	const invalid = "InvalidIdentityToken"
	cases := map[string]refusal{
		"another issuer":        {token: set("iss", "https://other.example.com"), code: invalid, message: "No OpenIDConnect provider found in your account for https://other.example.com", reason: "account 123456789012 has no provider"},
		"issuer with a slash":   {token: set("iss", f.issuer.URL()+"/"), code: invalid, message: "No OpenIDConnect provider found in your account for " + f.issuer.URL() + "/", reason: "trailing slash"},
		"issuer without https":  {token: set("iss", "http://"+f.issuer.host()), code: invalid, message: "No OpenIDConnect provider found in your account for http://" + f.issuer.host(), reason: "no provider"},
		"issuer without scheme": {token: set("iss", f.issuer.host()), code: invalid, message: "No OpenIDConnect provider found in your account for " + f.issuer.host(), reason: "no provider"},
		"empty issuer":          {token: set("iss", ""), code: invalid, message: "No OpenIDConnect provider found in your account for ", reason: "no provider"},
		"provider of another account": {
			token: f.token(t), parameters: []string{"RoleArn", "arn:aws:iam::210987654321:role/deploy"},
			code: invalid, message: "No OpenIDConnect provider found in your account for " + f.issuer.URL(), reason: "account 210987654321 has no provider",
		},
		"account that is not here": {
			token: f.token(t), parameters: []string{"RoleArn", "arn:aws:iam::999999999999:role/deploy"},
			code: invalid, message: "No OpenIDConnect provider found in your account for " + f.issuer.URL(), reason: "account 999999999999 has no provider",
		},
		"audience not registered": {token: set("aud", "https://gitlab.com"), code: invalid, message: notValidated, reason: `aud is "https://gitlab.com"; the provider's client ids are: "first", "https://gitlab.example.com"`},
		"audience empty":          {token: set("aud", ""), code: invalid, message: notValidated, reason: `aud is ""`},
		"azp not registered":      {token: set("azp", "x"), code: invalid, message: notValidated, reason: `azp (which AWS reads in the place of aud) is "x"`},
		"azp empty":               {token: set("azp", ""), code: invalid, message: notValidated, reason: "azp"},
		"several audiences":       {token: set("aud", []string{"first", audience}), code: invalid, message: "Token audience contains more than one audience while authorized party is not present", reason: "names 2 audiences"},
		"no audience":             {token: set("aud", []string{}), code: invalid, message: "Claim is not allowed to be empty: aud", reason: "empty array"},
		"expired 301 s ago":       {token: set("exp", now-301), code: "ExpiredTokenException", message: fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", now-300, now-301), reason: "expired 301 seconds ago"},
		"issued 301 s from now":   {token: set("iat", now+301), code: invalid, message: fmt.Sprintf("Token issued in the future: %d", now+301), reason: "issued 301 seconds from now"},
		"valid 301 s from now":    {token: set("nbf", now+301), code: invalid, message: fmt.Sprintf("Token not yet valid: current date/time %d must be after or equal to the not-before date/time %d", now+300, now+301), reason: "valid 301 seconds from now"},
		"fraction of a second":    {token: set("exp", float64(now)+60.5), code: invalid, message: "Invalid timestamp in token claims.", reason: "exp"},
		"exp null":                {token: set("exp", nil), code: invalid, message: "Invalid timestamp in token claims.", reason: "exp"},
		"sub null":                {token: set("sub", nil), status: http.StatusInternalServerError, code: "InternalFailure", message: "Unknown error validating third-party token", reason: "sub is null"},
		"sub an object":           {token: set("sub", map[string]any{}), code: invalid, message: notValidated, reason: "sub is neither"},
	}
	for _, claim := range []string{"iss", "sub", "aud", "iat", "exp"} {
		cases["without "+claim] = refusal{
			token: f.tokenWith(t, func(c map[string]any) { delete(c, claim) }), code: invalid,
			message: "Missing a required claim: " + claim, reason: "no claim " + claim,
		}
	}
	// What is not known may be a restriction, whatever its value.
	for _, claim := range []string{
		"https://aws.amazon.com/", "https://aws.amazon.com/anything", "https://aws.amazon.com/Roles",
		"https://aws.amazon.com/tags/", "https://aws.amazon.com/tags/principal_tags", "https://aws.amazon.com/roles/x",
	} {
		cases["claim "+claim] = refusal{
			token: set(claim, nil), status: http.StatusForbidden, code: "AccessDenied", message: denied, reason: `the token carries the claim "` + claim + `"`,
		}
	}
	f.AddAccount(t, "210987654321")
	f.putRole(t, store.Role{Account: "210987654321", Name: "deploy", TrustPolicy: f.trust(account, f.condition(subject))})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t, f)
		})
	}
}

// TestSignaturesThatAreRefused forges tokens in the ways that have worked
// elsewhere.
func TestSignaturesThatAreRefused(t *testing.T) {
	t.Parallel()
	f := start(t)
	claims := f.claims()
	public := &f.issuer.key.PublicKey
	spki := noError(t)(x509.MarshalPKIXPublicKey(public)).([]byte)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	another := noError(t)(rsa.GenerateKey(rand.Reader, 2048)).(*rsa.PrivateKey)
	foreign := jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: another, KeyID: f.issuer.KeyID()}}
	withKID := func(kid string) string {
		return f.signHeader(t, jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: f.issuer.key, KeyID: kid}}, claims, nil)
	}
	const invalid, notJWT = "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	unsupported := func(token, algorithm string) refusal {
		return refusal{token: token, code: invalid, message: noKey, reason: `the token's alg is "` + algorithm + `"`}
	}
	for name, c := range map[string]refusal{
		"none":                       unsupported(f.plain(t, `{"alg":"none","typ":"JWT"}`, ""), "none"),
		"None with the kid":          unsupported(f.plain(t, `{"alg":"None","kid":"`+f.issuer.KeyID()+`"}`, "eA"), "None"),
		"HS256 keyed with the DER":   unsupported(f.sign(t, jose.HS256, spki, claims), "HS256"),
		"HS256 keyed with the PEM":   unsupported(f.sign(t, jose.HS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}), claims), "HS256"),
		"HS256 keyed with the JWKS":  unsupported(f.sign(t, jose.HS256, f.issuer.KeySet(), claims), "HS256"),
		"HS256 keyed with n":         unsupported(f.sign(t, jose.HS256, public.N.Bytes(), claims), "HS256"),
		"PS256 by the right key":     unsupported(f.sign(t, jose.PS256, f.issuer.key, claims), "PS256"),
		"EdDSA":                      unsupported(f.sign(t, jose.EdDSA, edwards, claims), "EdDSA"),
		"another key under its kid":  {token: f.signHeader(t, foreign, claims, nil), code: invalid, message: notValidated, reason: "does not confirm the token's signature"},
		"a key of its own in jwk":    {token: f.signHeader(t, foreign, claims, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: &another.PublicKey}}), code: invalid, message: notValidated, reason: "does not confirm"},
		"unknown kid":                {token: withKID("unknown"), code: invalid, message: noKey, reason: `"unknown"`},
		"no kid among several keys":  {token: withKID(""), code: invalid, message: noKey, reason: "kid"},
		"crit":                       {token: f.signHeader(t, jose.SigningKey{Algorithm: jose.RS256, Key: f.issuer.key}, claims, map[jose.HeaderKey]any{"crit": []string{"exp"}}), code: invalid, message: notJWT, reason: "crit"},
		"signature cut off":          {token: f.plain(t, `{"alg":"RS256","kid":"`+f.issuer.KeyID()+`"}`, ""), code: invalid, message: notValidated, reason: "does not confirm"},
		"signature of another token": {token: f.plain(t, `{"alg":"RS256","kid":"`+f.issuer.KeyID()+`"}`, lastPart(f.token(t))), code: invalid, message: notValidated, reason: "does not confirm"},
		"an access token":            {token: f.noted("glpat-ThisIsNoIDToken00000"), code: invalid, message: notJWT, reason: "access token"},
		"a name for its value":       {token: "$GITLAB_OIDC_TOKEN", code: invalid, message: notJWT, reason: "variable's name"},
		"the kid of the other key":   {token: withKID(f.otherKeyID(t)), code: invalid, message: notValidated, reason: "does not confirm"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t, f)
		})
	}
}

// plain puts a token together by hand.
func (f *fixture) plain(t testing.TB, header, signature string) string {
	t.Helper()
	payload := noError(t)(json.Marshal(f.claims())).([]byte)
	encode := base64.RawURLEncoding.EncodeToString
	return f.noted(encode([]byte(header)) + "." + encode(payload) + "." + signature)
}

func lastPart(token string) string {
	for i := len(token) - 1; i >= 0; i-- {
		if token[i] == '.' {
			return token[i+1:]
		}
	}
	return ""
}

// otherKeyID is the kid of the key by which the issuer signs users in.
func (f *fixture) otherKeyID(t testing.TB) string {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(f.issuer.KeySet(), &set); err != nil {
		t.Fatal(err)
	}
	for _, k := range set.Keys {
		if k.KeyID != f.issuer.KeyID() {
			return k.KeyID
		}
	}
	t.Fatal("the issuer has no other key")
	return ""
}

// No URL that a token names is fetched: neither its issuer's, which is not
// registered, nor those of its header.
func TestTokensURLsAreNotFetched(t *testing.T) {
	t.Parallel()
	f := start(t)
	stranger := newIssuer(t)
	stranger.use(t, 1)
	key := jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: stranger.key, KeyID: stranger.KeyID()}}
	header := map[jose.HeaderKey]any{
		"jku": stranger.URL() + "/oauth/discovery/keys", "x5u": stranger.URL() + "/certificate",
		"jwk": jose.JSONWebKey{Key: &stranger.key.PublicKey, KeyID: stranger.KeyID()},
	}
	claims := f.claims()
	refusal{
		token: f.signHeader(t, key, claims, header), code: "InvalidIdentityToken", message: noKey, reason: stranger.KeyID(),
	}.check(t, f)
	claims["iss"] = stranger.URL()
	refusal{
		token: f.signHeader(t, key, claims, header), code: "InvalidIdentityToken",
		message: "No OpenIDConnect provider found in your account for " + stranger.URL(), reason: "no provider",
	}.check(t, f)
	if n := stranger.asked.Load(); n != 0 {
		t.Errorf("the stranger was asked %d times", n)
	}
	if n := f.issuer.asked.Load(); n == 0 {
		t.Error("the registered issuer was not asked")
	}
}

// A token that the issuer does not vouch for leaves no verified claims in its
// event; one that only the trust policy refuses does.
func TestEventTellsWhetherTheTokenIsVerified(t *testing.T) {
	t.Parallel()
	f := start(t)
	if e := f.eventOf(t, f.assume(t, f.tokenWith(t, func(c map[string]any) { c["exp"] = f.clock.Now().Add(-time.Hour).Unix() }))); e.Verified || e.Subject != subject || e.Issuer != f.issuer.URL() {
		t.Errorf("event of an expired token is %+v", e)
	}
	if e := f.eventOf(t, f.assume(t, f.tokenWith(t, func(c map[string]any) { c["sub"] = "x" }))); !e.Verified || e.Subject != "x" || e.TokenID != "id-of-the-token" {
		t.Errorf("event of a token that is not trusted is %+v", e)
	}
}

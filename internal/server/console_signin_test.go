package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/go-jose/go-jose/v4"
)

// people is an OpenID Connect provider for people, which does as the test says.
type people struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	secret string
	dir    string // of the server's data

	mu    sync.Mutex
	codes map[string]url.Values         // what was asked at the authorization endpoint
	lies  func(claims map[string]any)   // of the next ID token
	says  func(document map[string]any) // of the discovery document
	sub   string
}

func startPeople(t *testing.T) *people {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &people{key: key, codes: map[string]url.Values{}, sub: "ann"}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		document := map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"authorization_response_iss_parameter_supported": true,
		}
		if p.says != nil {
			p.says(document)
		}
		answer(w, document)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		asked, ok := p.codes[r.FormValue("code")]
		delete(p.codes, r.FormValue("code"))
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		id, secret, _ := r.BasicAuth()
		if plain, err := url.QueryUnescape(secret); err == nil { // RFC 6749 section 2.3.1
			secret = plain
		}
		if p.secret == "" {
			id = r.FormValue("client_id")
		}
		if !ok || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") || asked.Get("code_challenge_method") != "S256" || id != "console" || secret != p.secret || r.FormValue("redirect_uri") != asked.Get("redirect_uri") {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": "invalid_grant", "error_description": "<script>"})
			return
		}
		claims := map[string]any{
			"iss": p.URL, "aud": "console", "sub": p.sub, "preferred_username": "Ann O'Hara", "nonce": asked.Get("nonce"),
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		}
		if p.lies != nil {
			p.lies(claims)
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: "one"}}, nil)
		if err != nil {
			panic(err)
		}
		payload, _ := json.Marshal(claims)
		signed, err := signer.Sign(payload)
		if err != nil {
			panic(err)
		}
		token, _ := signed.CompactSerialize()
		answer(w, map[string]any{"access_token": "none", "token_type": "Bearer", "id_token": token})
	})
	p.Server = httptest.NewTLSServer(mux)
	t.Cleanup(p.Close)
	return p
}

// consent is what the provider sends the browser back with, once somebody agreed.
func (p *people) consent(asked url.Values) url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	code := rand.Text()
	p.codes[code] = asked
	return url.Values{"code": {code}, "state": {asked.Get("state")}, "iss": {p.URL}}
}

// person is somebody's browser, on the way through the provider.
type person struct {
	*browser
	cookies map[string]*http.Cookie
}

func (b *person) follow(path string, change ...func(*http.Request)) *http.Response {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.r.endpoint+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.cookies {
		request.AddCookie(c)
	}
	for _, f := range change {
		f(request)
	}
	client := &http.Client{Transport: b.r.client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = response.Body.Close()
	for _, c := range response.Cookies() {
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return response
}

// begin is what the provider is asked.
func (b *person) begin() url.Values {
	b.t.Helper()
	response := b.follow("/console/api/sign-in/begin")
	to, err := response.Location()
	if err != nil || response.StatusCode != http.StatusSeeOther || !strings.HasSuffix(to.Path, "/authorize") {
		b.t.Fatalf("the sign-in begins with %d, %v, %v", response.StatusCode, to, err)
	}
	return to.Query()
}

// back is where the browser is sent after it came back from the provider.
func (b *person) back(answer url.Values) string {
	b.t.Helper()
	return b.follow("/console/api/sign-in/callback?" + answer.Encode()).Header.Get("Location")
}

func startSignIn(t *testing.T, change func(*server.SignIn)) (*people, *running, aws.Config) {
	t.Helper()
	p := startPeople(t)
	dir := t.TempDir()
	p.dir = dir
	c := newConfig(dir)
	c.Roots = x509.NewCertPool()
	c.Roots.AddCert(p.Certificate())
	c.SignIn = &server.SignIn{Name: "People", Issuer: p.URL, ClientID: "console", Role: "arn:aws:iam::123456789012:role/people"}
	if change != nil {
		change(c.SignIn)
	}
	r := mustStart(t, c)
	config := r.administrator(t, dir)
	admin := iamclient.NewFromConfig(config)
	provider, err := admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{Url: &p.URL, ClientIDList: []string{"console"}, ThumbprintList: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(p.URL, "https://")
	if _, err := admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("people"), AssumeRolePolicyDocument: aws.String(fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":%q},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"%s:aud":"console","%s:sub":"ann"}}}]}`,
		*provider.OpenIDConnectProviderArn, host, host))}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{RoleName: aws.String("people"), PolicyName: aws.String("p"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}]}`)}); err != nil {
		t.Fatal(err)
	}
	return p, r, config
}

// TestConsoleSignInByProvider: a person whom the trust policy admits is signed in under
// the role, may what that may, and is signed out for all copies of the cookie.
func TestConsoleSignInByProvider(t *testing.T) {
	t.Parallel()
	p, r, _ := startSignIn(t, nil)
	b := &person{&browser{t: t, r: r}, map[string]*http.Cookie{}}
	if _, text := b.ask(http.MethodGet, "/console/api/sign-in", ""); !strings.Contains(text, `"provider":"People"`) {
		t.Errorf("the page is told %s", text)
	}
	asked := b.begin()
	if asked.Get("response_type") != "code" || asked.Get("scope") != "openid" || len(asked.Get("nonce")) != 43 || asked.Get("redirect_uri") != r.endpoint+"/console/api/sign-in/callback" {
		t.Errorf("the provider is asked %v", asked)
	}
	for _, c := range b.cookies {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("the cookie on the way is %v", c)
		}
	}
	if to := b.back(p.consent(asked)); to != "/console/" {
		t.Fatalf("the browser is sent to %s:\n%s", to, r.log.String())
	}
	cookie := b.cookies["daypass"]
	if len(b.cookies) != 1 || cookie == nil || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.MaxAge > 3600 {
		t.Fatalf("the cookies are %v", b.cookies)
	}
	b.cookie = cookie.Name + "=" + cookie.Value
	if _, text := b.ask(http.MethodGet, "/console/api/session", ""); !strings.Contains(text, `"arn":"arn:aws:sts::123456789012:assumed-role/people/Ann-O-Hara"`) {
		t.Errorf("the session is %s", text)
	}
	if status, text := b.query("ListUsers"); status != http.StatusOK {
		t.Errorf("what the role may is answered %d, %s", status, text)
	}
	if status, _ := b.query("ListRoles"); status != http.StatusForbidden {
		t.Errorf("what the role may not is answered %d", status)
	}
	if response, _ := b.ask(http.MethodDelete, "/console/api/session", ""); response.StatusCode != http.StatusNoContent {
		t.Errorf("the sign-out is answered %d", response.StatusCode)
	}
	if status, text := b.query("ListUsers"); status != http.StatusUnauthorized {
		t.Errorf("after the sign-out: %d, %s", status, text)
	}
}

// TestConsoleSignInRefused: whatever is not the answer of this provider to this browser
// signs nobody in.
func TestConsoleSignInRefused(t *testing.T) {
	t.Parallel()
	p, r, _ := startSignIn(t, nil)
	fresh := func() *person { return &person{&browser{t: t, r: r}, map[string]*http.Cookie{}} }
	claim := func(name string, value any) func(*person, url.Values) url.Values {
		return func(_ *person, asked url.Values) url.Values {
			p.lies = func(claims map[string]any) { claims[name] = value }
			return p.consent(asked)
		}
	}
	with := func(name, value string) func(*person, url.Values) url.Values {
		return func(_ *person, asked url.Values) url.Values {
			answer := p.consent(asked)
			answer.Set(name, value)
			return answer
		}
	}
	otherKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		answer func(b *person, asked url.Values) url.Values
		word   string
	}{
		"another state":                 {with("state", "x"), "expired"},
		"no state":                      {with("state", ""), "expired"},
		"the answer of another issuer":  {with("iss", "https://evil.example"), "mixed-up"},
		"no issuer, though it was told": {with("iss", ""), "mixed-up"},
		"another code":                  {with("code", "x"), "failed"},
		"no code":                       {with("code", ""), "failed"},
		"the person refused":            {with("error", "access_denied"), "cancelled"},
		"the provider failed":           {with("error", "<b>"), "failed"},
		"another nonce":                 {claim("nonce", "x"), "failed"},
		"no nonce":                      {claim("nonce", nil), "failed"},
		"another person":                {claim("sub", "bob"), "not-admitted"},
		"another audience":              {claim("aud", "other"), "not-admitted"},
		"a token that is over":          {claim("exp", time.Now().Add(-time.Hour).Unix()), "not-admitted"},
		"another key": {func(_ *person, asked url.Values) url.Values {
			p.key = otherKey
			return p.consent(asked)
		}, "not-admitted"},
		"another browser": {func(b *person, asked url.Values) url.Values {
			clear(b.cookies)
			return p.consent(asked)
		}, "expired"},
		"another browser's sign-in": {func(b *person, asked url.Values) url.Values {
			other := fresh()
			other.begin()
			b.cookies = other.cookies
			return p.consent(asked)
		}, "expired"},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: they share the provider's mind
			key := p.key
			defer func() { p.lies, p.key = nil, key }()
			b := fresh()
			noted := func() int {
				return strings.Count(read(t, p.dir, "events.jsonl"), `"operation":"ConsoleLogin","sourceIp":"127.0.0.1","userAgent":"Go-http-client/1.1","via":"console","status":`)
			}
			before := noted()
			to := b.back(tt.answer(b, b.begin()))
			if text := read(t, p.dir, "events.jsonl"); noted() != before+1 || !strings.Contains(text[strings.LastIndex(text, `"operation":"ConsoleLogin"`):], `"code":"`+tt.word+`"`) {
				t.Errorf("the record has %d of it: %s", noted()-before, text)
			}
			if !strings.HasPrefix(to, "/console/#/sign-in/"+tt.word) || strings.ContainsAny(to, "<>") {
				t.Errorf("the browser is sent to %q, want %s", to, tt.word)
			}
			if b.cookies["daypass"] != nil || len(b.cookies) != 0 {
				t.Errorf("the browser has %v", b.cookies)
			}
		})
	}
	if text := r.log.String(); !strings.Contains(text, "Not authorized to perform sts:AssumeRoleWithWebIdentity") || strings.Contains(text, "eyJ") {
		t.Errorf("the log says %s", text)
	}
}

// TestConsoleSignInOnce: an answer is good once, also with a kept cookie; another site
// cannot begin a sign-in; and one that fails again and again is locked out.
func TestConsoleSignInOnce(t *testing.T) {
	t.Parallel()
	p, r, _ := startSignIn(t, func(s *server.SignIn) {
		s.ClientSecretFile = t.TempDir() + "/secret"
		if err := os.WriteFile(s.ClientSecretFile, []byte("the secret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	p.secret = "the secret"
	b := &person{&browser{t: t, r: r}, map[string]*http.Cookie{}}
	answer := p.consent(b.begin())
	kept := maps.Clone(b.cookies)
	if to := b.back(answer); to != "/console/" {
		t.Fatalf("the browser is sent to %s:\n%s", to, r.log.String())
	}
	again := &person{&browser{t: t, r: r}, kept}
	if to := again.back(answer); to != "/console/#/sign-in/expired" {
		t.Errorf("with the answer of before it is sent to %s", to)
	}
	for _, site := range []string{"cross-site", "same-site"} {
		if response := b.follow("/console/api/sign-in/begin", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", site) }); response.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", site, response.StatusCode)
		}
	}
	if response := b.follow("/console/api/sign-in/begin", func(r *http.Request) { r.Host = "evil.example" }); response.Header.Get("Location") != r.endpoint+"/console/" {
		t.Errorf("on another host it is sent to %q", response.Header.Get("Location"))
	}
	p.sub = "bob"
	for n := range 10 {
		if to := b.back(p.consent(b.begin())); !strings.HasPrefix(to, "/console/#/sign-in/not-admitted/") {
			t.Fatalf("attempt %d is sent to %s", n, to)
		}
	}
	if to := b.follow("/console/api/sign-in/begin").Header.Get("Location"); to != "/console/#/sign-in/too-many" {
		t.Errorf("after ten attempts it is sent to %s", to)
	}
}

// TestConsoleSignInProvider: what a provider says of itself must be over TLS and its own.
func TestConsoleSignInProvider(t *testing.T) {
	t.Parallel()
	p, r, _ := startSignIn(t, nil)
	b := &person{&browser{t: t, r: r}, map[string]*http.Cookie{}}
	for name, says := range map[string]func(map[string]any){
		"another issuer":    func(d map[string]any) { d["issuer"] = "https://evil.example" },
		"without TLS":       func(d map[string]any) { d["token_endpoint"] = "http://127.0.0.1:1/token" },
		"a script":          func(d map[string]any) { d["authorization_endpoint"] = "javascript:alert(1)" },
		"nothing but names": func(d map[string]any) { clear(d) },
	} {
		p.says = says
		if to := b.follow("/console/api/sign-in/begin").Header.Get("Location"); to != "/console/#/sign-in/unreachable" {
			t.Errorf("%s: it is sent to %s", name, to)
		}
	}
	p.Close()
	if to := b.follow("/console/api/sign-in/begin").Header.Get("Location"); to != "/console/#/sign-in/unreachable" {
		t.Errorf("of a provider that is away it is sent to %s", to)
	}
}

func TestSignInIsChecked(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]server.SignIn{
		"no URL over https":   {Issuer: "http://a.example", ClientID: "c", Role: "arn:aws:iam::123456789012:role/r"},
		"needs the ID of a":   {Issuer: "https://a.example", Role: "arn:aws:iam::123456789012:role/r"},
		"is no role's ARN":    {Issuer: "https://a.example", ClientID: "c", Role: "people"},
		"15 minutes to 12":    {Issuer: "https://a.example", ClientID: "c", Role: "arn:aws:iam::123456789012:role/r", Duration: time.Minute},
		"secret of the clien": {Issuer: "https://a.example", ClientID: "c", Role: "arn:aws:iam::123456789012:role/r", ClientSecretFile: "/none"},
	} {
		c := newConfig(t.TempDir())
		c.SignIn = &s
		if _, err := start(t, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

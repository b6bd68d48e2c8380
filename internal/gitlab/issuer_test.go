package gitlab_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/internal/gitlab"
)

func TestIssuerURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"https://localhost", "https://localhost:8443", "https://gitlab.localhost:8443", "https://127.0.0.1:8443",
		"https://[::1]:8443", "https://10.1.2.3", "https://192.168.0.7:1234", "https://172.31.255.255", "https://[fd00::1]",
		"https://gitlab.internal", "https://gitlab.example.com", "https://gitlab.test/gitlab", "https://git.lan", "https://x.local/a/b",
		"https://gitlab", "https://gitlab:8443/git", "https://gitlab.home.arpa", "https://issuer.invalid", "https://notlocalhost",
		"https://[::ffff:127.0.0.1]", "https://gitlab.corp", "https://gitlab.alt",
	} {
		if i, err := gitlab.NewIssuer(gitlab.Config{URL: url, Keys: testKeys(t)}); err != nil || i.URL() != url {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{
		"https://gitlab.acme.com", "https://8.8.8.8", "https://172.32.0.1", "https://100.64.0.1", "https://169.254.1.1", "https://[fe80::1]",
		"https://bucket.s3.eu-north-1.amazonaws.com", "https://bucket.s3.amazonaws.com", "https://my.bucket.s3.dualstack.eu-north-1.amazonaws.com",
		"https://s3.us-west-2.amazonaws.com/example-bucket", "https://s3.amazonaws.com/example-bucket",
		"https://bucket.s3.cn-north-1.amazonaws.com.cn", "https://storage.googleapis.com/bucket", "https://acme.blob.core.windows.net/oidc",
		"https://xgitlab.com", "https://gitlab.com.acme.com", "https://xn--gtlab-q4a.com", "https://[2001:db8::1]", "https://localhost.acme.com",
	} {
		if _, err := gitlab.NewIssuer(gitlab.Config{URL: url, Keys: testKeys(t)}); !errors.Is(err, gitlab.ErrNotOwned) {
			t.Errorf("%s undeclared: %v", url, err)
		}
		if _, err := gitlab.NewIssuer(gitlab.Config{URL: url, Keys: testKeys(t), Declared: true}); err != nil {
			t.Errorf("%s declared: %v", url, err)
		}
	}
	for _, url := range []string{
		"https://gitlab.com", "https://sub.gitlab.com", "https://token.actions.githubusercontent.com",
		"https://token.actions.acme.ghe.com", "https://accounts.google.com", "https://agent.buildkite.com",
		"https://oidc.circleci.com/org/1", "https://oidc.eks.eu-west-1.amazonaws.com/id/1", "https://app.terraform.io",
		"https://api.bitbucket.org/2.0", "https://vstoken.dev.azure.com/1", "https://s3.amazonaws.com",
		"https://gitlab.com:8443", "https://gitlab.com/group", "https://gitlab.com/s3.amazonaws.com", "https://accounts.google.com:444/x",
		"https://oidc.eks.cn-north-1.amazonaws.com.cn/id/1", "https://oidc-eks.eu-west-1.api.aws/id/1", "https://s3.eu-west-1.amazonaws.com",
		"https://oidc.s3.eks.eu-west-1.amazonaws.com", "https://s3.oidc.eks.eu-west-1.amazonaws.com/id/1", "https://storage.googleapis.com",
		"https://container.googleapis.com/v1/projects/p", "https://x.storage.googleapis.com/b", "https://acme.gitlab-dedicated.com",
		"https://token.actions.githubusercontent.com/enterprise", "https://eu.prod-aks.azure.com/x/y", "https://login.microsoftonline.com/t/v2.0", "https://sts.windows.net/t",
		"https://00000000-0000-4000-8000-000000000000.tokens.sts.global.api.aws",
		"https://cognito-idp.eu-west-1.amazonaws.com/x", "https://s3.eu.cognito.amazonaws.com",
	} {
		if _, err := gitlab.NewIssuer(gitlab.Config{URL: url, Keys: testKeys(t), Declared: true}); !errors.Is(err, gitlab.ErrNotOwned) {
			t.Errorf("%s, which is a public issuer: %v", url, err)
		}
	}
	for _, url := range []string{
		"", "localhost", "http://localhost", "https://", "https://localhost/", "https://localhost/a/", "https://localhost:443",
		"https://localhost:", "https://localhost?x", "https://localhost?", "https://localhost#", "https://localhost#a",
		"https://u@localhost", "https://LOCALHOST", "https://localhost.", "https://gitlab.com.", "https://localhost/a/../b",
		"https://localhost//a", "https://localhost/%41", "https://localhost/{x}", "https://local host", "HTTPS://localhost",
		"https:localhost", "https://localhost/a b", "https://localhost:x", "https://GitLab.com",
		"https://GITLAB.COM", "https://gitlab.com.", "https://gitlab.com..", "https://gitlab.com:443", "https://gitlab.com:08443", "https://gitlab.com:",
		"https://localhost@gitlab.com", "https://gitlab.com@localhost", "https://localhost\\@gitlab.com", "https://localhost#@gitlab.com",
		"https://gitlab\u3002com", "https://\uff47itlab.com", "https://gitlab.com\u00ad", "https://xn--gitlab-.com", "https://%67itlab.com",
		"https://gitlab.com%2f.localhost", "https://gitlab_com.localhost", "https://2130706433", "https://0x7f000001", "https://127.1",
		"https://0177.0.0.1", "https://localhost.0x1", "https://[0:0::1]", "https://[::FFFF:10.0.0.1]", "https://[::1%25eth0]", "https://gitlab.com\t", " https://gitlab.com", "https:///gitlab.com",
		"//gitlab.com", "https://localhost/../gitlab.com", "https://.gitlab.com", "https://gitlab..com", "https://-gitlab.com",
	} {
		if _, err := gitlab.NewIssuer(gitlab.Config{URL: url, Keys: testKeys(t), Declared: true}); err == nil || errors.Is(err, gitlab.ErrNotOwned) {
			t.Errorf("%q, which is no issuer URL: %v", url, err)
		}
	}
	if _, err := gitlab.NewIssuer(gitlab.Config{URL: "https://localhost"}); err == nil {
		t.Error("an issuer without keys")
	}
	if _, err := gitlab.NewIssuer(gitlab.Config{URL: "https://localhost", Keys: &gitlab.Keys{}}); err == nil {
		t.Error("an issuer with the zero keys")
	}
}

// get asks the handler as a client would.
func get(t *testing.T, h http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "https://gitlab.example.com"+path, nil))
	return w
}

func TestDiscoveryIsGitLabs(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com:8443")
	w := get(t, i.Handler(), "GET", "/.well-known/openid-configuration")
	if w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	var got struct {
		Issuer  string
		JWKSURI string   `json:"jwks_uri"`
		Algs    []string `json:"id_token_signing_alg_values_supported"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Issuer != i.URL() || got.JWKSURI != i.URL()+"/oauth/discovery/keys" || !slices.Equal(got.Algs, []string{"RS256"}) {
		t.Errorf("document %+v", got)
	}
	want := strings.ReplaceAll(compact(t, sample(t, "gitlab_openid-configuration_newer_code.json")), "https://gitlab.com", i.URL())
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Errorf("discovery (-want +got):\n%s", diff)
	}
}

func TestKeySet(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	w := get(t, i.Handler(), "GET", "/oauth/discovery/keys")
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 {
		t.Fatalf("%d keys, want the user key and the CI key", len(set.Keys))
	}
	for n, text := range set.Keys {
		var members map[string]string
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		thumb := sha256.Sum256([]byte(`{"e":"` + members["e"] + `","kty":"RSA","n":"` + members["n"] + `"}`))
		kid := base64.RawURLEncoding.EncodeToString(thumb[:])
		want := `{"kty":"RSA","kid":"` + kid + `","e":"AQAB","n":"` + members["n"] + `","use":"sig","alg":"RS256"}`
		if string(text) != want {
			t.Errorf("key %d is %s, want %s", n, text, want)
		}
		if (kid == i.KeyID()) != (n == 1) {
			t.Errorf("key %d has the kid of the CI key: %v", n, kid == i.KeyID())
		}
		if members["n"][0] == 'A' && members["n"][1] == 'A' {
			t.Errorf("key %d begins with a zero byte", n)
		}
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	h := newIssuer(t, "https://gitlab.example.com/root/of").Handler()
	const configuration, set = "/root/of/.well-known/openid-configuration", "/root/of/oauth/discovery/keys"
	for _, c := range []struct {
		method, path string
		status       int
		cache        string
	}{
		{"GET", configuration, 200, "max-age=0, private, must-revalidate"},
		{"HEAD", configuration, 200, "max-age=0, private, must-revalidate"},
		{"GET", set, 200, "max-age=86400, public, must-revalidate, no-transform"},
		{"HEAD", set + "?x=y", 200, "max-age=86400, public, must-revalidate, no-transform"},
		{"GET", "/root/of/.well-known/oauth-authorization-server", 200, "max-age=0, private, must-revalidate"},
		{"POST", set, 405, ""},
		{"PUT", configuration, 405, ""},
		{"DELETE", set, 405, ""},
		{"GET", "/", 404, ""},
		{"GET", set + "/", 404, ""},
		{"GET", "/oauth/discovery/keys", 404, ""},
		{"GET", "/root/of/oauth/token", 404, ""},
		{"POST", "/root/of/oauth/token", 404, ""},
		{"GET", "/root/of/-/jwks", 404, ""},
	} {
		w := get(t, h, c.method, c.path)
		if w.Code != c.status {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, w.Code, c.status)
		}
		if c.status != 200 {
			continue
		}
		for name, want := range map[string]string{
			"Cache-Control": c.cache, "Content-Type": "application/json; charset=utf-8",
			"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD",
			"Access-Control-Allow-Credentials": "",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %s: %s %q, want %q", c.method, c.path, name, got, want)
			}
		}
	}
}

func TestKeysPEM(t *testing.T) {
	t.Parallel()
	text, err := testKeys(t).MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	again, err := gitlab.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	i, err := gitlab.NewIssuer(gitlab.Config{URL: "https://localhost", Keys: again})
	if err != nil {
		t.Fatal(err)
	}
	if want := newIssuer(t, "https://localhost"); string(i.KeySet()) != string(want.KeySet()) {
		t.Error("the keys are others after writing and reading")
	}
	if _, err := (&gitlab.Keys{}).MarshalPEM(); err == nil {
		t.Error("the zero keys were written")
	}
}

func TestDamagedKeys(t *testing.T) {
	t.Parallel()
	good, err := testKeys(t).MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	const mark = "-----BEGIN PRIVATE KEY-----"
	second := strings.LastIndex(string(good), mark)
	user, ciKey := string(good[:second]), string(good[second:])
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(small)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":          "",
		"one key":          user,
		"three keys":       user + ciKey + user,
		"same key twice":   user + user,
		"text behind":      user + ciKey + "x",
		"text before":      "x\n" + user + ciKey,
		"text between":     user + "x\n" + ciKey,
		"cut":              string(good[:len(good)-40]),
		"cut first":        user[:len(user)-40] + "\n" + ciKey + user,
		"letter changed":   strings.Replace(user, "\n", "\nAAAA", 1) + ciKey,
		"other type":       strings.ReplaceAll(string(good), "PRIVATE KEY", "RSA PRIVATE KEY"),
		"small key":        user + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"headers":          strings.Replace(string(good), mark+"\n", mark+"\nX: y\n\n", 1),
		"not a key at all": user + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})),
	} {
		if k, err := gitlab.ParseKeys([]byte(text)); !errors.Is(err, gitlab.ErrDamagedKeys) || k != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := gitlab.ParseKeys(text)
		if (err == nil) != (k != nil) || err != nil && !errors.Is(err, gitlab.ErrDamagedKeys) {
			t.Fatalf("%v, %v", k, err)
		}
	})
}

// TestCaches: who has the document gets no second copy, and another origin's
// browser may ask.
func TestCaches(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	for _, path := range []string{"/oauth/discovery/keys", "/.well-known/openid-configuration"} {
		w := get(t, i.Handler(), "GET", path)
		sum := sha256.Sum256(w.Body.Bytes())
		etag := w.Header().Get("ETag")
		if want := `W/"` + hex.EncodeToString(sum[:16]) + `"`; etag != want {
			t.Errorf("%s: ETag %s, want %s", path, etag, want)
		}
		r := httptest.NewRequest("GET", "https://gitlab.example.com"+path, nil)
		r.Header.Set("If-None-Match", `"x", `+etag)
		again := httptest.NewRecorder()
		i.Handler().ServeHTTP(again, r)
		if again.Code != http.StatusNotModified || again.Body.Len() != 0 || again.Header().Get("Cache-Control") == "" {
			t.Errorf("%s: again %d, %d bytes", path, again.Code, again.Body.Len())
		}
		asked := get(t, i.Handler(), "OPTIONS", path)
		if h := asked.Header(); asked.Code != 200 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Methods") != "GET, HEAD" || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: OPTIONS %d %v", path, asked.Code, h)
		}
	}
}

// TestAuthorizationServer: the same document, and where clients register.
func TestAuthorizationServer(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	got := get(t, i.Handler(), "GET", "/.well-known/oauth-authorization-server").Body.String()
	want := strings.TrimSuffix(string(i.Discovery()), "}") + `,"registration_endpoint":"https://gitlab.example.com/oauth/register"}`
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// FuzzCheckIssuer: whatever is taken, and whoever reads it with more licence than
// net/url, has none of the public issuers' names.
func FuzzCheckIssuer(f *testing.F) {
	for _, url := range []string{
		"https://localhost:8443", "https://gitlab.com.", "https://GitLab.com:443/x", "https://u@gitlab.com", "https://gitlab\u3002com",
		"https://s3.amazonaws.com/bucket", "https://bucket.s3.eu-north-1.amazonaws.com", "https://[::1]", "https://xn--gitlab-.com",
	} {
		f.Add(url)
	}
	public := regexp.MustCompile(`(?i)(^|[./@\\])(gitlab\.com|githubusercontent\.com|accounts\.google\.com|circleci\.com|buildkite\.com|terraform\.io)\.?(:[0-9]*)?$`)
	f.Fuzz(func(t *testing.T, url string) {
		if gitlab.CheckIssuer(url, true) != nil {
			if gitlab.CheckIssuer(url, false) == nil {
				t.Fatalf("%q is taken undeclared, and refused declared", url)
			}
			return
		}
		rest, ok := strings.CutPrefix(url, "https://")
		authority, _, _ := strings.Cut(rest, "/")
		if !ok || public.MatchString(authority) || strings.ContainsAny(authority, "@\\%?# ") || strings.ToLower(authority) != authority {
			t.Fatalf("%q is taken", url)
		}
		for _, r := range authority {
			if r > 0x7e {
				t.Fatalf("%q is taken", url)
			}
		}
	})
}

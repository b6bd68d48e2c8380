package jwks

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/oidc"
)

// document answers with a discovery document.
func document(issuer, jwksURI string) http.HandlerFunc {
	return text(fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, jwksURI))
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, body) //nolint:errcheck // the client notices
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// wantKind asks that an error is of one kind, and of no other.
func wantKind(t *testing.T, err, kind error) {
	t.Helper()
	for _, k := range []error{ErrUnreachable, ErrDocument, ErrThumbprint, ErrCertificate, ErrEgress, ErrKeysFile} {
		if errors.Is(err, k) != (k == kind) {
			t.Errorf("error is %v; want it to be %v, and of no other kind", err, kind)
		}
	}
}

// TestAnswersThatAreRefused: what an issuer may not answer, and what the
// operator is told.
func TestAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	for name, c := range map[string]struct {
		path   string
		answer func(i *issuer) http.HandlerFunc
		why    string
	}{
		"no discovery":           {discoveryPath, func(*issuer) http.HandlerFunc { return status(404) }, "status 404"},
		"discovery forbidden":    {discoveryPath, func(*issuer) http.HandlerFunc { return status(403) }, "status 403"},
		"discovery empty":        {discoveryPath, func(*issuer) http.HandlerFunc { return status(204) }, "status 204"},
		"a login page":           {discoveryPath, func(*issuer) http.HandlerFunc { return text("<html>") }, "login page"},
		"not an object":          {discoveryPath, func(*issuer) http.HandlerFunc { return text(`["issuer"]`) }, "no JSON object"},
		"null":                   {discoveryPath, func(*issuer) http.HandlerFunc { return text(`null`) }, "lacks issuer or jwks_uri"},
		"no issuer":              {discoveryPath, func(i *issuer) http.HandlerFunc { return text(`{"jwks_uri":"` + i.url + `"}`) }, "lacks issuer or jwks_uri"},
		"no jwks_uri":            {discoveryPath, func(i *issuer) http.HandlerFunc { return text(`{"issuer":"` + i.url + `"}`) }, "lacks issuer or jwks_uri"},
		"names in capitals":      {discoveryPath, func(i *issuer) http.HandlerFunc { return text(`{"ISSUER":"` + i.url + `","JWKS_URI":"` + i.url + `"}`) }, "lacks issuer or jwks_uri"},
		"jwks_uri a number":      {discoveryPath, func(i *issuer) http.HandlerFunc { return text(`{"issuer":"` + i.url + `","jwks_uri":1}`) }, "lacks issuer or jwks_uri"},
		"another issuer":         {discoveryPath, func(i *issuer) http.HandlerFunc { return document("https://evil.example", i.url+keysPath) }, "must be equal"},
		"issuer with a slash":    {discoveryPath, func(i *issuer) http.HandlerFunc { return document(i.url+"/", i.url+keysPath) }, "must be equal"},
		"issuer in capitals":     {discoveryPath, func(i *issuer) http.HandlerFunc { return document(strings.ToUpper(i.url), i.url+keysPath) }, "must be equal"},
		"keys by http":           {discoveryPath, func(i *issuer) http.HandlerFunc { return document(i.url, "http"+strings.TrimPrefix(i.url, "https")) }, "not an https URL"},
		"keys by file":           {discoveryPath, func(i *issuer) http.HandlerFunc { return document(i.url, "file:///etc/passwd") }, "not an https URL"},
		"keys at a relative URL": {discoveryPath, func(i *issuer) http.HandlerFunc { return document(i.url, keysPath) }, "not an https URL"},
		"keys with a user":       {discoveryPath, func(i *issuer) http.HandlerFunc { return document(i.url, "https://a:b@example.com") }, "no user"},
		"keys without a host":    {discoveryPath, func(i *issuer) http.HandlerFunc { return document(i.url, "https:///keys") }, "must have a host"},
		"keys at no URL":         {discoveryPath, func(i *issuer) http.HandlerFunc { return document(i.url, "https://[") }, "jwks_uri"},
		"discovery too large":    {discoveryPath, func(i *issuer) http.HandlerFunc { return text(`{"issuer":"` + strings.Repeat("a", 64<<10)) }, "more than 65536 bytes"},
		"no keys":                {keysPath, func(*issuer) http.HandlerFunc { return status(404) }, "status 404"},
		"keys no JSON":           {keysPath, func(*issuer) http.HandlerFunc { return text("<html>") }, "JWK Set is not JSON"},
		"keys without keys":      {keysPath, func(*issuer) http.HandlerFunc { return text("{}") }, "no array named keys"},
		"keys too large":         {keysPath, func(*issuer) http.HandlerFunc { return text(`{"keys":[` + strings.Repeat(" ", oidc.MaxKeySetBytes)) }, "more than 262144 bytes"},
		"a large header": {keysPath, func(*issuer) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }
		}, "header"},
		"redirect to http":          {keysPath, func(i *issuer) http.HandlerFunc { return redirect("http" + strings.TrimPrefix(i.url, "https")) }, "leaves the host"},
		"redirect to another host":  {keysPath, func(*issuer) http.HandlerFunc { return redirect("https://evil.example/keys") }, "leaves the host"},
		"redirect to another port":  {keysPath, func(*issuer) http.HandlerFunc { return redirect("https://127.0.0.1:1/keys") }, "leaves the host"},
		"redirect to link-local":    {discoveryPath, func(*issuer) http.HandlerFunc { return redirect("https://169.254.169.254/") }, "leaves the host"},
		"redirect without end":      {keysPath, func(i *issuer) http.HandlerFunc { return redirect(keysPath) }, "more than 3 redirects"},
		"redirect without a target": {keysPath, func(*issuer) http.HandlerFunc { return status(302) }, "status 302"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock clock
			i := serve(t, p.leaf, p.intermediate)
			i.answer(c.path, c.answer(i))
			keys, err := clock.cache(p.trusted).Keys(t.Context(), i.provider(), "one")
			wantKind(t, err, ErrDocument)
			if keys.KeySet != nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("set %v, error %v, want it to say %q", keys, err, c.why)
			}
		})
	}
}

func TestRedirectsWithinTheHost(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i := serve(t, p.leaf, p.intermediate)
	i.answer(keysPath, redirect("/1"))
	i.answer("/1", redirect(i.url+"/2"))
	i.answer("/2", redirect("3"))
	i.answer("/3", text(keysDocument([]string{"one"})))
	want(t, clock.cache(p.trusted), i.provider(), "one", true)
}

func TestLargestDocuments(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i := serve(t, p.leaf, p.intermediate)
	pad := func(s string, n int) http.HandlerFunc { return text(s + strings.Repeat(" ", n-len(s))) }
	i.answer(discoveryPath, pad(fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, i.url, i.url+keysPath), maxDiscoveryBody))
	i.answer(keysPath, pad(keysDocument([]string{"one"}), oidc.MaxKeySetBytes))
	want(t, clock.cache(p.trusted), i.provider(), "one", true)
}

// TestIssuerPaths: the well-known path follows the issuer's own, and a closing
// slash is part of the issuer's name though not of the path.
func TestIssuerPaths(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	for _, path := range []string{"/oidc/folder", "/oidc/folder/"} {
		i := serve(t, p.leaf, p.intermediate)
		issuer := i.url + path
		i.answer("/oidc/folder"+discoveryPath, document(issuer, i.url+keysPath))
		want(t, clock.cache(p.trusted), Provider{Issuer: issuer}, "one", true)
	}
}

func TestOnlyHTTPSIssuers(t *testing.T) {
	t.Parallel()
	var clock clock
	for _, issuer := range []string{"http://127.0.0.1:1", "", "gitlab.example.com", "file:///", "https://", "https://user@127.0.0.1:1", "https://[::1"} {
		if keys, err := clock.cache().Keys(t.Context(), Provider{Issuer: issuer}, "one"); !errors.Is(err, ErrDocument) || keys.KeySet != nil {
			t.Errorf("%q: set %v, error %v", issuer, keys, err)
		}
	}
}

// TestSlowIssuers: one budget bounds both requests, wherever the issuer hangs.
func TestSlowIssuers(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	drip := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "{") //nolint:errcheck // the client notices
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for name, c := range map[string]struct {
		path   string
		answer http.HandlerFunc
	}{
		"discovery": {discoveryPath, hang}, "keys": {keysPath, hang}, "body": {keysPath, drip},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock clock
			i := serve(t, p.leaf, p.intermediate)
			i.answer(c.path, c.answer)
			cache := clock.cache(p.trusted, func(c *Config) { c.Budget = 200 * time.Millisecond })
			_, err := cache.Keys(t.Context(), i.provider(), "one")
			if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "no answer within 200ms") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// TestSlowHandshake: a server that accepts and says nothing is bounded too.
func TestSlowHandshake(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	release := make(chan struct{})
	i := serveTLS(t, func(c *tls.Config) {
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { <-release; return nil, errors.New("late") }
	}, p.leaf, p.intermediate)
	defer close(release)
	cache := clock.cache(p.trusted, func(c *Config) { c.Budget = 100 * time.Millisecond })
	_, err := cache.Keys(t.Context(), i.provider(), "one")
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "no answer within") {
		t.Errorf("error is %v", err)
	}
}

func TestDefaultBudget(t *testing.T) {
	t.Parallel()
	if got := New(Config{}).config.Budget; got != 5*time.Second {
		t.Errorf("budget is %v", got)
	}
}

// TestNoProxy: a proxy would connect for us, past the guard. Not parallel: it
// sets the environment.
func TestNoProxy(t *testing.T) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	var clock clock
	p := newPKI(t)
	i := serve(t, p.leaf, p.intermediate)
	i.url = strings.Replace(i.url, "127.0.0.1", "gitlab.localhost", 1)
	want(t, clock.cache(p.trusted), i.provider(), "one", true)
}

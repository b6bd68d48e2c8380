package sts_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/sts"
)

// TestColdIssuerCrowd: of 200 jobs that start at once, before their issuer was
// ever asked, one asks.
func TestColdIssuerCrowd(t *testing.T) {
	t.Parallel()
	f := start(t)
	tokens := make([]string, 200)
	for i := range tokens {
		tokens[i] = f.token(t)
	}
	var group sync.WaitGroup
	var assumed atomic.Int64
	for _, token := range tokens {
		group.Go(func() {
			r := f.assume(t, token)
			if r.Status == http.StatusOK {
				assumed.Add(1)
			}
		})
	}
	group.Wait()
	if n := assumed.Load(); n != 200 {
		t.Errorf("%d of 200 got credentials", n)
	}
	if n := f.issuer.asked.Load(); n != 2 {
		t.Errorf("the issuer was asked %d times, want once for its document and once for its keys", n)
	}
}

// garbage is a token in form only. It is nobody's secret.
func garbage(header, claims map[string]any) string {
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return part(header) + "." + part(claims) + "." + base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{1}, 256))
}

// TestGarbageFlood: 10,000 bad tokens over two minutes. Those that cannot pass
// whatever the keys are cost no fetch, and those that name keys which do not
// exist one in 30 seconds.
func TestGarbageFlood(t *testing.T) {
	t.Parallel()
	f := start(t)
	flood := func(n int, token func(i int) string) {
		t.Helper()
		work := numbers(n)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for i := range work {
					if r := f.assume(t, token(i)); r.Status != http.StatusBadRequest {
						t.Errorf("got %d %s", r.Status, r.Body)
					}
				}
			})
		}
		group.Wait()
	}
	header := func(kid any) map[string]any { return map[string]any{"alg": "RS256", "typ": "JWT", "kid": kid} }
	with := func(name string, value any) map[string]any {
		claims := f.claims()
		claims[name] = value
		return claims
	}
	// Before the issuer was ever asked.
	kinds := []func(i int) string{
		func(i int) string { return fmt.Sprint("no token ", i) },
		func(i int) string { return garbage(header(i), f.claims()) }, // a kid that is no string
		func(i int) string { return garbage(map[string]any{"alg": "none"}, f.claims()) },
		func(i int) string {
			return garbage(map[string]any{"alg": "HS256", "kid": f.issuer.KeyID()}, f.claims())
		},
		func(i int) string { return garbage(header(fmt.Sprint(i)), with("aud", fmt.Sprint("audience", i))) },
		func(i int) string {
			return garbage(header(fmt.Sprint(i)), with("iss", fmt.Sprintf("https://%d.example.com", i)))
		},
		func(i int) string { return garbage(header(fmt.Sprint(i)), with("exp", f.clock.Now().Unix()-3600)) },
	}
	flood(4000, func(i int) string { return kinds[i%len(kinds)](i) })
	if n := f.issuer.asked.Load(); n != 0 {
		t.Errorf("tokens that cannot pass cost %d requests", n)
	}

	// The keys are there, and the tokens say that they are signed with them.
	f.wantAssumed(t, f.assume(t, f.token(t)))
	flood(1000, func(int) string { return garbage(header(f.issuer.KeyID()), f.claims()) })
	if n := f.issuer.asked.Load(); n != 2 {
		t.Errorf("tokens with a bad signature cost %d requests", n-2)
	}

	// Or with others.
	const n, span = 5000, 2 * time.Minute
	flood(n, func(i int) string {
		f.clock.Advance(span / n)
		return garbage(header(fmt.Sprint("invented", i)), f.claims())
	})
	if n := f.issuer.asked.Load() - 2; n > 2*int64(span/(30*time.Second)) || n < 2 {
		t.Errorf("tokens with unknown keys cost %d requests in %v", n, span)
	}
	f.wantAssumed(t, f.assume(t, f.token(t))) // and those who have a token were not shut out
}

// numbers gives the numbers below n to whoever takes them.
func numbers(n int) <-chan int {
	work := make(chan int, n)
	for i := range n {
		work <- i
	}
	close(work)
	return work
}

// Codes for an issuer that cannot be used, by whether it may be well in a
// moment. SDKs retry both.
const (
	codeUnreachable = "InvalidIdentityToken"
	codeWrong       = "InvalidIdentityToken"
)

// TestHostileIssuers: whatever a registered issuer does, the caller has an
// answer in time, and the event the reason.
func TestHostileIssuers(t *testing.T) {
	t.Parallel()
	const discovery, keys = "/.well-known/openid-configuration", "/oauth/discovery/keys"
	says := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	drip := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte(" "))
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	}
	endless := func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte(" "), 1<<20)
		for range 1 << 10 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	document := func(i *issuer, jwksURI string) http.HandlerFunc {
		return says(`{"issuer":"` + i.URL() + `","jwks_uri":"` + jwksURI + `"}`)
	}
	for name, c := range map[string]struct {
		path   string
		answer func(i *issuer) http.HandlerFunc
		code   string
		reason string
	}{
		"hangs":                     {discovery, func(*issuer) http.HandlerFunc { return hang }, codeUnreachable, "no answer within"},
		"hangs with the keys":       {keys, func(*issuer) http.HandlerFunc { return hang }, codeUnreachable, "no answer within"},
		"drips":                     {keys, func(*issuer) http.HandlerFunc { return drip }, codeUnreachable, "no answer within"},
		"is being upgraded":         {discovery, func(*issuer) http.HandlerFunc { return status(502) }, codeUnreachable, "status 502"},
		"has enough":                {keys, func(*issuer) http.HandlerFunc { return status(429) }, codeUnreachable, "status 429"},
		"knows nothing":             {discovery, func(*issuer) http.HandlerFunc { return status(404) }, codeWrong, "status 404"},
		"redirects in a circle":     {keys, func(*issuer) http.HandlerFunc { return redirect(keys) }, codeWrong, "more than 3 redirects"},
		"redirects to another host": {discovery, func(*issuer) http.HandlerFunc { return redirect("https://evil.example/") }, codeWrong, "leaves the host"},
		"redirects to loopback":     {keys, func(*issuer) http.HandlerFunc { return redirect("https://127.0.0.1:1/") }, codeWrong, "leaves the host"},
		"redirects to metadata":     {keys, func(*issuer) http.HandlerFunc { return redirect("http://169.254.169.254/latest/") }, codeWrong, "leaves the host"},
		"has its keys at metadata":  {discovery, func(i *issuer) http.HandlerFunc { return document(i, "https://169.254.169.254/") }, codeWrong, "link-local"},
		"sends without end":         {keys, func(*issuer) http.HandlerFunc { return endless }, codeWrong, "more than 262144 bytes"},
		"documents without end":     {discovery, func(*issuer) http.HandlerFunc { return endless }, codeWrong, "more than 65536 bytes"},
		"shows a login page":        {discovery, func(*issuer) http.HandlerFunc { return says("<html>") }, codeWrong, "login page"},
		"has a page for keys":       {keys, func(*issuer) http.HandlerFunc { return says("<html>") }, codeWrong, "JWK Set is not JSON"},
		"is another": {discovery, func(*issuer) http.HandlerFunc {
			return says(`{"issuer":"https://evil.example","jwks_uri":"https://evil.example/keys"}`)
		}, codeWrong, "must be equal"},
		"publishes a private key": {keys, func(i *issuer) http.HandlerFunc {
			return says(`{"keys":[{"kty":"RSA","kid":"` + i.KeyID() + `","n":"AQAB","e":"AQAB","d":"AQAB"}]}`)
		}, codeWrong, "private key"},
		"publishes a shared secret": {keys, func(i *issuer) http.HandlerFunc {
			return says(`{"keys":[{"kty":"oct","kid":"` + i.KeyID() + `","k":"c2VjcmV0"}]}`)
		}, codeWrong, "neither RSA nor EC"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startImpatient(t)
			good, answer := f.issuer.Handler(), c.answer(f.issuer)
			var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == c.path {
					answer(w, r)
					return
				}
				good.ServeHTTP(w, r)
			})
			f.issuer.publishes.Store(&handler)
			refused := f.assume(t, f.token(t))
			wantFault(t, refused, http.StatusBadRequest, c.code, noKey)
			if e := f.wantReason(t, refused, c.reason); strings.Contains(e.Reason, "c2VjcmV0") {
				t.Error("the reason holds a part of a key")
			}
			// The next is refused at once, and the issuer left in peace.
			asked := f.issuer.asked.Load()
			wantFault(t, f.assume(t, f.token(t)), http.StatusBadRequest, c.code, noKey)
			if f.issuer.asked.Load() != asked {
				t.Error("the issuer was asked again")
			}
		})
	}
}

// startImpatient is start with less time for an issuer.
func startImpatient(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{clock: newClock(), issuer: newIssuer(t)}
	f.keys = jwks.New(jwks.Config{Now: f.clock.Now, AllowLoopback: true, Roots: x509.NewCertPool(), Budget: 2 * time.Second})
	f.Server = awsapitest.Start(t, awsapitest.Options{Now: f.clock.Now, Services: func(s *awsapitest.Server) ([]*awsapi.Service, error) {
		service, err := sts.New(sts.Config{ProviderKeys: f.keys, Random: rand.Reader})
		return []*awsapi.Service{service}, err
	}})
	t.Cleanup(func() { f.wantNoSecrets(t) })
	f.putProvider(t, f.issuer.thumbprint)
	f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trust(account, f.condition(subject))})
	return f
}

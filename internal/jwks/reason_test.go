package jwks

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestReason holds what is told of each cause for which an issuer cannot be
// registered. What a machine or its name server adds is in none of them.
func TestReason(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	good := serve(t, p.leaf, p.intermediate)
	outOfOrder, expired := serve(t, p.intermediate, p.leaf), serve(t, newPKI(t, expired).whole()...)
	ofOther := serve(t, p.leaf, newPKI(t).root)
	answers := func(handler http.HandlerFunc) string {
		i := serve(t, p.leaf, p.intermediate)
		i.answer(discoveryPath, handler)
		return i.url
	}
	for name, one := range map[string]struct{ issuer, want string }{
		"refused":      {"https://" + closed.Addr().String(), "connection refused: nothing listens at " + closed.Addr().String()},
		"silent":       {"https://" + silent.Addr().String(), "no answer within 500ms: "},
		"no TLS":       {"https://" + plain.Listener.Addr().String(), "no TLS is spoken at https://" + plain.Listener.Addr().String() + discoveryPath},
		"out of order": {outOfOrder.url, `the chain is out of order: it begins with the certificate of "intermediate", and that of 127.0.0.1 must come first: `},
		"not whole":    {ofOther.url, "the chain of 127.0.0.1 does not lead from its first certificate to "},
		"out of date":  {expired.url, "the chain of 127.0.0.1 does not lead from its first certificate to "},
		"other host":   {strings.Replace(good.url, "127.0.0.1", "localhost.localdomain.localhost", 1), "x509: certificate is valid for localhost, *.localhost, "},
		"metadata":     {"https://169.254.169.254", "169.254.169.254 is a link-local address, where cloud metadata lives; issuers there are refused"},
		"login page":   {answers(text("<html>")), "/.well-known/openid-configuration is no JSON object; is it a login page? "},
		"no document":  {answers(text("{}")), "/.well-known/openid-configuration lacks issuer or jwks_uri"},
		"not found":    {answers(http.NotFound), "/.well-known/openid-configuration answers with status 404, not 200"},
		"other issuer": {answers(document("https://gitlab.com", good.url)), `/.well-known/openid-configuration has the issuer "https://gitlab.com" and not "https://127.0.0.1:`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			budget := 5 * time.Second
			if name == "silent" {
				budget = 500 * time.Millisecond
			}
			_, err := clock.cache(func(c *Config) { c.Budget = budget }).Thumbprint(t.Context(), one.issuer)
			if err == nil {
				t.Fatal("there is no error")
			}
			got := strings.TrimPrefix(Reason(err), one.issuer) // of a document
			if !strings.HasPrefix(got, one.want) {
				t.Errorf("%v\nis told as %q,\nwant       %q", err, got, one.want)
			}
		})
	}
	// Not every machine that runs this can ask a name server.
	for want, reason := range map[string]*net.DNSError{
		"no such host: gitlab.invalid has no address in the DNS that this server asks": {Name: "gitlab.invalid", Server: "10.0.0.53:53", IsNotFound: true, Err: "no such host"},
		"the name gitlab.invalid could not be looked up: server misbehaving":           {Name: "gitlab.invalid", Server: "10.0.0.53:53", IsTemporary: true, Err: "server misbehaving"},
	} {
		request := &url.Error{Op: "Get", URL: "https://gitlab.invalid" + discoveryPath, Err: &net.OpError{Op: "dial", Net: "tcp", Err: reason}}
		if got := Reason(fmt.Errorf("%w: %w", ErrUnreachable, request)); got != want {
			t.Errorf("%v is told as %q, want %q", request, got, want)
		}
	}
	_, err = clock.cache().Thumbprint(t.Context(), "https://gitlab.invalid")
	if err == nil || !strings.Contains(Reason(err), "gitlab.invalid") || strings.Contains(Reason(err), ":53") {
		t.Errorf("of a name that is none, %v is told", err)
	}
	// What is wrong with the way there is told as the proxy's.
	proxy := func(c *Config) {
		c.Settings.Proxy = &url.URL{Scheme: "http", Host: closed.Addr().String()}
	}
	_, err = clock.cache(proxy).Thumbprint(t.Context(), "https://gitlab.example.com")
	if err == nil || !strings.HasPrefix(Reason(err), "proxy http://"+closed.Addr().String()+": ") {
		t.Errorf("of a proxy that refuses, %v is told", err)
	}
}

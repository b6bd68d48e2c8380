package jwks

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// proxy is a CONNECT proxy on loopback. It resolves no names: all lead to to.
type proxy struct {
	url    *url.URL
	to     string
	answer string // in the place of a tunnel, if not ""

	mu    sync.Mutex // guards asked
	asked []*http.Request
}

// serveProxy starts a proxy; over TLS if it is given certificates.
func serveProxy(t *testing.T, to *issuer, chain ...*authority) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{url: &url.URL{Scheme: "http", Host: l.Addr().String()}, to: strings.TrimPrefix(to.url, "https://")}
	if len(chain) > 0 {
		certificate := tls.Certificate{PrivateKey: chain[0].key}
		for _, a := range chain {
			certificate.Certificate = append(certificate.Certificate, a.cert.Raw)
		}
		p.url.Scheme = "https"
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); group.Wait() })
	return p
}

func (p *proxy) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // the client notices
	reader := bufio.NewReader(conn)
	request, err := http.ReadRequest(reader)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, request)
	p.mu.Unlock()
	if p.answer != "" {
		io.WriteString(conn, p.answer) //nolint:errcheck // the client notices
		io.Copy(io.Discard, reader)    //nolint:errcheck // until it leaves
		return
	}
	far, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer far.Close()                                        //nolint:errcheck // as above
	io.WriteString(conn, "HTTP/1.1 200 Established\r\n\r\n") //nolint:errcheck // as above
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(far, reader) //nolint:errcheck // as above
		_ = far.Close()
	}()
	io.Copy(conn, far) //nolint:errcheck // as above
	_ = conn.Close()
	<-done
}

func (p *proxy) requests() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// notOnLoopback is a server for others, which sees no issuer of its own machine.
func notOnLoopback(c *Config) { c.AllowLoopback = false }

// TestProxy: the only way to this issuer, whose name nobody else resolves. The
// proxy is on loopback, and is not the guard's business.
func TestProxy(t *testing.T) {
	t.Parallel()
	const issuerURL = "https://gitlab.example.com"
	for name, c := range map[string]struct {
		user    *url.Userinfo
		overTLS bool
		set     func(*proxy) func(*Config)
	}{
		"for all":   {nil, false, func(p *proxy) func(*Config) { return func(c *Config) { c.Settings.Proxy = p.url } }},
		"for one":   {nil, false, func(p *proxy) func(*Config) { return only(issuerURL, ProviderSettings{Proxy: p.url}) }},
		"https":     {nil, true, func(p *proxy) func(*Config) { return only(issuerURL, ProviderSettings{Proxy: p.url}) }},
		"with user": {url.UserPassword("us er", "wo:rd"), false, func(p *proxy) func(*Config) { return only(issuerURL, ProviderSettings{Proxy: p.url}) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock clock
			pki := newPKI(t, otherHost)
			i := serve(t, pki.leaf, pki.intermediate)
			i.answer(discoveryPath, document(issuerURL, issuerURL+keysPath))
			var chain []*authority
			if c.overTLS {
				chain = []*authority{pki.intermediate.issue(t, "proxy", server), pki.intermediate}
			}
			proxy := serveProxy(t, i, chain...)
			proxy.url.User = c.user
			cache := clock.cache(pki.trusted, notOnLoopback, c.set(proxy))
			want(t, cache, Provider{Issuer: issuerURL}, "one", true)
			got, err := cache.Thumbprint(t.Context(), issuerURL)
			if err != nil || got != thumbprint(pki.intermediate.cert) {
				t.Errorf("thumbprint %q, error %v", got, err)
			}
			for _, r := range proxy.requests() {
				user, password, sent := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
				if r.Method != "CONNECT" || r.Host != "gitlab.example.com:443" || sent != (c.user != nil) || sent && user+" "+password != "us er wo:rd" {
					t.Errorf("the proxy was asked %v", r)
				}
			}
			if len(proxy.requests()) == 0 {
				t.Error("the proxy was not asked")
			}
		})
	}
}

// TestNoProxyForOne: a provider may be left out of the proxy of all.
func TestNoProxyForOne(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i := serve(t, p.leaf, p.intermediate)
	nowhere := &url.URL{Scheme: "http", Host: closedPort(t)}
	_, err := clock.cache(p.trusted, func(c *Config) { c.Settings.Proxy = nowhere }).Keys(t.Context(), i.provider(), "one")
	wantKind(t, err, ErrUnreachable)
	want(t, clock.cache(p.trusted, only(i.url, ProviderSettings{NoProxy: true}), func(c *Config) { c.Settings.Proxy = nowhere }), i.provider(), "one", true)
}

// TestCertificatesBehindAProxy: it is believed no more than the network.
func TestCertificatesBehindAProxy(t *testing.T) {
	t.Parallel()
	var clock clock
	p, evil := newPKI(t, otherHost), newPKI(t, otherHost)
	i := serve(t, evil.leaf, evil.intermediate)
	proxy := serveProxy(t, i)
	c := clock.cache(p.trusted, func(c *Config) { c.Settings.Proxy = proxy.url })
	_, err := c.Keys(t.Context(), Provider{Issuer: "https://gitlab.example.com"}, "one")
	wantKind(t, err, ErrThumbprint)

	over := serveProxy(t, i, evil.intermediate.issue(t, "proxy", server), evil.intermediate)
	c = clock.cache(p.trusted, func(c *Config) { c.Settings.Proxy = over.url })
	_, err = c.Keys(t.Context(), Provider{Issuer: "https://gitlab.example.com"}, "one")
	if err == nil || len(over.requests()) != 0 {
		t.Errorf("a proxy of another authority was asked: %v", err)
	}
}

// TestProxyAnswers: what a proxy may say but "yes".
func TestProxyAnswers(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	for name, c := range map[string]struct {
		answer string
		kind   error
		why    string
	}{
		"forbidden":       {"HTTP/1.1 403 No\r\n\r\n", ErrEgress, "status 403"},
		"who are you":     {"HTTP/1.1 407 Who\r\nContent-Length: 1000000\r\n\r\n", ErrEgress, "status 407"},
		"cannot reach it": {"HTTP/1.1 502 Bad\r\n\r\n", ErrUnreachable, "status 502"},
		"no HTTP":         {"SSH-2.0-OpenSSH\r\n\r\n", ErrDocument, "malformed"},
		"chatty":          {"HTTP/1.1 200 OK\r\n\r\nand more", ErrDocument, "more than its answer"},
		"endless":         {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20), ErrUnreachable, "EOF"},
		"silent":          {" ", ErrUnreachable, "no answer within 200ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock clock
			proxy := serveProxy(t, serve(t, p.leaf))
			proxy.answer, proxy.url.User = c.answer, url.UserPassword("user", "word")
			cache := clock.cache(p.trusted, func(c *Config) {
				c.Settings.Proxy = proxy.url
				if name == "silent" {
					c.Budget = 200 * time.Millisecond
				}
			})
			_, err := cache.Keys(t.Context(), Provider{Issuer: "https://gitlab.example.com"}, "one")
			wantKind(t, err, c.kind)
			if err == nil || !strings.Contains(err.Error(), c.why) || strings.Contains(err.Error(), "word") {
				t.Errorf("error is %v, want it to say %q", err, c.why)
			}
		})
	}
}

// TestGuardBehindAProxy: what can be judged without the proxy's resolver is.
func TestGuardBehindAProxy(t *testing.T) {
	t.Parallel()
	g := newGuard(Egress{Deny: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, false)
	for _, host := range []string{
		"169.254.169.254", "127.0.0.1", "::1", "fe80::1%eth0", "10.0.0.1", "localhost", "LocalHost.", "x.localhost",
		"127.1", "2130706433", "0x7f000001", "127.0.0.0x1", "169.254.43518", "0", "1.", "", ".", "[::1]",
	} {
		if err := g.checkUnresolved(host); err == nil || kindOf(err) != ErrEgress {
			t.Errorf("%q: error is %v", host, err)
		}
	}
	for _, host := range []string{"gitlab.example.com", "gitlab", "4.gitlab", "gitlab.", "93.184.216.34", "2001:db8::1"} {
		if err := g.checkUnresolved(host); err != nil {
			t.Error(err)
		}
	}
	if err := newGuard(Egress{AllowLoopback: true}, false).checkUnresolved("localhost"); err != nil {
		t.Error(err)
	}
}

package doctor

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/jwks"
)

func TestGoodIssuer(t *testing.T) {
	t.Parallel()
	r := examine(t, server{}.start(t))
	want(t, r, onThisMachine...)
	for _, c := range checks {
		if c.ID[0] == 'D' && c.ID != "D01" && c.ID != "D02" && c.ID != "D18" && r.worst(c.ID) != OK {
			t.Errorf("%s is %s", c.ID, r.worst(c.ID))
		}
	}
	r = examine(t, server{}.start(t), func(c *IssuerConfig) { c.For = Daypass })
	want(t, r)
	if !r.Passed {
		t.Error("it does not pass")
	}
}

// TestChains: what Go's client takes without a word, and AWS does not: the first
// of the errors of the tutorial's troubleshooting, "Could not connect to openid
// configuration of provider". Each chain is sent by a real server.
func TestChains(t *testing.T) {
	t.Parallel()
	w := world()
	other := w.root.issue(t, "Old Intermediate", ca)
	stranger := w.middle.issue(t, "elsewhere", host("elsewhere.example"))
	lower := w.middle.issue(t, "Lower Intermediate", ca)
	deep := lower.issue(t, "localhost", host("localhost"))
	for name, c := range map[string]struct {
		chain []*cert
		codes []string
		seen  string
	}{
		"whole":                  {[]*cert{w.leaf, w.middle}, nil, ""},
		"with its root":          {[]*cert{w.leaf, w.middle, w.root}, []string{"+chain-root-sent"}, ""},
		"of four":                {[]*cert{deep, lower, w.middle, w.root}, []string{"+chain-root-sent"}, ""},
		"intermediates swapped":  {[]*cert{deep, w.middle, lower}, []string{"chain-order"}, `the order must be: "localhost"; then "Lower Intermediate"; then "Test Intermediate"`},
		"root in the middle":     {[]*cert{w.leaf, w.root, w.middle}, []string{"chain-root-inside"}, `the root, "Test Root", must stand last`},
		"leaf twice":             {[]*cert{w.leaf, w.leaf, w.middle}, []string{"chain-duplicate"}, "number 1 is number 0 again"},
		"intermediate twice":     {[]*cert{w.leaf, w.middle, w.middle}, []string{"chain-duplicate"}, "number 2 is number 1 again"},
		"an old intermediate":    {[]*cert{w.leaf, w.middle, other}, []string{"chain-extra"}, `number 2, "Old Intermediate"`},
		"another host's":         {[]*cert{w.leaf, stranger, w.middle}, []string{"chain-extra"}, `number 1, "elsewhere"`},
		"swapped and twice":      {[]*cert{deep, w.middle, lower, deep}, []string{"chain-order", "chain-duplicate"}, "the order must be"},
		"no intermediate":        {[]*cert{w.leaf}, []string{"chain-incomplete"}, `missing is the certificate of its issuer, "Test Intermediate"`},
		"a gap":                  {[]*cert{deep, lower}, []string{"chain-incomplete"}, `missing is the certificate of "Test Intermediate"`},
		"the intermediate first": {[]*cert{w.middle, w.leaf}, []string{"chain-order", "tls-refused", "unreachable"}, `0 "Test Intermediate"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := examine(t, server{chain: c.chain}.start(t))
			want(t, r, append(onThisMachine[:2:2], c.codes...)...)
			if len(c.codes) > 0 && c.seen != "" {
				contains(t, seen(t, r, c.codes[0]), c.seen)
				for _, f := range r.Findings {
					if strings.HasPrefix(f.Code, "chain-") && f.Level == Error && f.AWSError != "Could not connect to openid configuration of provider" {
						t.Errorf("of %s AWS is said to say %q", f.Code, f.AWSError)
					}
				}
			}
		})
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	w := world()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, odd, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old := w.root.issue(t, "Ended Intermediate", ca, ends(start.Add(-time.Hour)))
	sha1, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaRoot := w.root.issueFor(t, sha1, "RSA Intermediate", ca)
	for name, c := range map[string]struct {
		chain []*cert
		codes []string
	}{
		"expired":               {[]*cert{w.middle.issue(t, "localhost", host("localhost"), ends(start.Add(-time.Minute))), w.middle}, []string{"certificate-expired"}},
		"intermediate expired":  {[]*cert{old.issue(t, "localhost", host("localhost")), old}, []string{"certificate-expired"}},
		"not yet":               {[]*cert{w.middle.issue(t, "localhost", host("localhost"), func(c *x509.Certificate) { c.NotBefore = start.Add(time.Hour) }), w.middle}, []string{"certificate-early"}},
		"ends soon":             {[]*cert{w.middle.issue(t, "localhost", host("localhost"), ends(start.AddDate(0, 0, 13))), w.middle}, []string{"certificate-ends"}},
		"another host":          {[]*cert{w.middle.issue(t, "x", host("other.example")), w.middle}, []string{"certificate-other-host"}},
		"no name but the first": {[]*cert{w.middle.issue(t, "localhost", host()), w.middle}, []string{"certificate-no-names"}},
		"short key":             {[]*cert{w.middle.issueFor(t, weak, "localhost", host("localhost")), w.middle}, []string{"certificate-weak-key"}},
		"Ed25519":               {[]*cert{w.middle.issueFor(t, odd, "localhost", host("localhost")), w.middle}, []string{"certificate-odd-key"}},
		"SHA-1":                 {[]*cert{rsaRoot.issue(t, "localhost", host("localhost"), func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }), rsaRoot}, []string{"certificate-weak-signature"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, examine(t, server{chain: c.chain}.start(t)), append(onThisMachine[:2:2], c.codes...)...)
		})
	}
}

// TestWildcardDepth: a wildcard stands for one label.
func TestWildcardDepth(t *testing.T) {
	t.Parallel()
	w := world()
	i := server{chain: []*cert{w.middle.issue(t, "wild", host("*.example.test")), w.middle}, host: "a.b.example.test"}.start(t)
	r := examine(t, i, resolve("a.b.example.test"))
	want(t, r, "url-port", "certificate-other-host", "+dns-overridden")
	contains(t, seen(t, r, "certificate-other-host"), "a wildcard stands for one label")
}

func TestAuthorities(t *testing.T) {
	t.Parallel()
	w := world()
	own := x509.NewCertPool()
	own.AddCert(w.root.Certificate)
	nobody := func(c *IssuerConfig) { c.Public = x509.NewCertPool() }
	private := func(c *IssuerConfig) { nobody(c); c.Private = own }
	pins := func(list ...string) func(*IssuerConfig) {
		return func(c *IssuerConfig) { c.Thumbprints = list }
	}
	daypass := func(c *IssuerConfig) { c.For = Daypass }
	whole := []*cert{w.leaf, w.middle, w.root}
	top := jwks.Thumbprint(w.root.Certificate)
	middle := jwks.Thumbprint(w.middle.Certificate)
	leaf := jwks.Thumbprint(w.leaf.Certificate)
	const none = "0000000000000000000000000000000000000000"
	for name, c := range map[string]struct {
		chain  []*cert
		change []func(*IssuerConfig)
		codes  []string
	}{
		"private, root sent":           {whole, []func(*IssuerConfig){nobody}, []string{"private-authority", "+thumbprint-needed"}},
		"private, named":               {nil, []func(*IssuerConfig){private}, []string{"private-authority", "+thumbprint-needed"}},
		"private, root not sent":       {nil, []func(*IssuerConfig){nobody}, []string{"chain-incomplete"}},
		"private and pinned":           {whole, []func(*IssuerConfig){nobody, pins(strings.ToUpper(top))}, []string{"+private-authority-pinned"}},
		"private, stale":               {whole, []func(*IssuerConfig){nobody, pins(none)}, []string{"thumbprint-stale"}},
		"private, intermediate pinned": {whole, []func(*IssuerConfig){nobody, pins(middle)}, []string{"thumbprint-other-certificate"}},
		"private, leaf pinned":         {whole, []func(*IssuerConfig){nobody, pins(leaf)}, []string{"thumbprint-other-certificate"}},
		"no thumbprint":                {whole, []func(*IssuerConfig){nobody, pins("not hex", none)}, []string{"thumbprint-form", "thumbprint-stale"}},
		"too many":                     {whole, []func(*IssuerConfig){nobody, pins(none, none, none, none, none, top)}, []string{"thumbprint-many"}},
		"public, stale":                {nil, []func(*IssuerConfig){pins(none)}, []string{"+thumbprint-unused"}},
		"public, right":                {nil, []func(*IssuerConfig){pins(middle)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, examine(t, server{chain: c.chain}.start(t), c.change...), append(onThisMachine[:2:2], c.codes...)...)
		})
	}
	t.Run("for Daypass", func(t *testing.T) {
		t.Parallel()
		want(t, examine(t, server{}.start(t), private, daypass))
		want(t, examine(t, server{chain: whole}.start(t), nobody, pins(leaf), daypass), "+thumbprint-other-certificate")
	})
	t.Run("self-signed", func(t *testing.T) {
		t.Parallel()
		alone := (*cert)(nil).issue(t, "localhost", host("localhost"))
		r := examine(t, server{chain: []*cert{alone}}.start(t), pins(jwks.Thumbprint(alone.Certificate)))
		want(t, r, append(onThisMachine[:2:2], "+private-authority-pinned")...)
	})
}

// TestKeysElsewhere: the thumbprint is of the keys' host.
func TestKeysElsewhere(t *testing.T) {
	t.Parallel()
	own := (*cert)(nil).issue(t, "Other Root", ca)
	keys := server{chain: []*cert{own.issue(t, "keys", host("keys.example")), own}, host: "keys.example"}.start(t)
	i := server{keysURL: keys.url + keysPath}.start(t)
	r := examine(t, i, resolve("keys.example"), func(c *IssuerConfig) {
		c.Thumbprints = []string{jwks.Thumbprint(world().middle.Certificate)}
	})
	want(t, r, append(onThisMachine[:2:2], "thumbprint-other-host", "+jwks-uri-other-host", "+private-authority-pinned")...)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server server
		codes  []string
	}{
		"TLS 1.3 only": {server{tls: func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }}, []string{"tls13-only", "+thumbprint-needed"}},
		"TLS 1.1 only": {server{tls: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }}, []string{"tls-old", "unreachable"}},
		"refused": {server{tls: func(c *tls.Config) {
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("not today") }
		}}, []string{"tls-refused", "unreachable"}},
		"no name, no handshake": {server{tls: func(c *tls.Config) {
			c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
				if h.ServerName == "" {
					return nil, errors.New("who?")
				}
				return nil, nil
			}
		}}, []string{"+sni-needed"}},
		"no ALPN, no handshake": {server{tls: func(c *tls.Config) {
			c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
				if len(h.SupportedProtos) == 0 {
					return nil, errors.New("what?")
				}
				return nil, nil
			}
		}}, []string{"alpn-needed"}},
		"HTTP/2 only": {server{tls: func(c *tls.Config) {
			c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
				if !slices.Contains(h.SupportedProtos, "h2") {
					return nil, errors.New("how quaint")
				}
				return nil, nil
			}
			c.NextProtos = []string{"h2"}
		}}, []string{"no-http1", "unreachable"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, examine(t, c.server.start(t)), append(onThisMachine[:2:2], c.codes...)...)
		})
	}
}

// TestNamelessCertificate: another certificate for who names no host.
func TestNamelessCertificate(t *testing.T) {
	t.Parallel()
	other := (*cert)(nil).issue(t, "default", host("default.example"))
	fallback := &tls.Certificate{Certificate: [][]byte{other.Raw}, PrivateKey: other.key}
	i := server{tls: func(c *tls.Config) {
		right := c.Certificates[0]
		c.Certificates = nil
		c.GetCertificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if h.ServerName == "" {
				return fallback, nil
			}
			return &right, nil
		}
	}}.start(t)
	r := examine(t, i)
	want(t, r, append(onThisMachine[:2:2], "+sni-needed")...)
	contains(t, seen(t, r, "sni-needed"), `"default"`)
}

// cutting ends connections, from the second on.
type cutting struct {
	net.Listener
	n    atomic.Int64
	from int64
}

func (l *cutting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil && l.n.Add(1) == l.from {
		conn.Close() //nolint:errcheck // that is the point
	}
	return conn, err
}

// TestFlakyHandshake: the third connection is the handshake of TLS 1.2.
func TestFlakyHandshake(t *testing.T) {
	t.Parallel()
	r := examine(t, server{listen: func(l net.Listener) net.Listener { return &cutting{Listener: l, from: 3} }}.start(t))
	want(t, r, append(onThisMachine[:2:2], "tls-flaky")...)
}

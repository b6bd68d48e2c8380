package jwks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is when the clocks of the tests begin.
var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// clock is a time that only the test moves.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time           { return start.Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(by time.Duration) { c.offset.Add(int64(by)) }
func (c *clock) cache(change ...func(*Config)) *Cache {
	config := Config{Now: c.now, AllowLoopback: true, Roots: x509.NewCertPool()}
	for _, f := range change {
		f(&config)
	}
	return New(config)
}

// authority is a certificate that signs others, or a leaf.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var serial atomic.Int64

// issue makes a certificate below a, or a self-signed one if a is nil.
func (a *authority) issue(t testing.TB, name string, change ...func(*x509.Certificate)) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial.Add(1)), Subject: pkix.Name{CommonName: name},
		NotBefore: start.AddDate(-1, 0, 0), NotAfter: start.AddDate(1, 0, 0),
		BasicConstraintsValid: true,
	}
	for _, f := range change {
		f(template)
	}
	parent := &authority{cert: template, key: key}
	if a != nil {
		parent = a
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, &key.PublicKey, parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert: cert, key: key}
}

func ca(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }

// server makes a leaf for this machine.
func server(c *x509.Certificate) {
	c.DNSNames, c.IPAddresses = []string{"localhost", "*.localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
}

func expired(c *x509.Certificate) { c.NotAfter = start.Add(-time.Hour) }

func otherHost(c *x509.Certificate) {
	c.DNSNames, c.IPAddresses = []string{"gitlab.example.com"}, nil
}

// pki is a chain of three: root, intermediate, leaf.
type pki struct{ root, intermediate, leaf *authority }

func newPKI(t testing.TB, leaf ...func(*x509.Certificate)) *pki {
	t.Helper()
	p := &pki{}
	p.root = (*authority)(nil).issue(t, "root", ca)
	p.intermediate = p.root.issue(t, "intermediate", ca)
	p.leaf = p.intermediate.issue(t, "leaf", append([]func(*x509.Certificate){server}, leaf...)...)
	return p
}

// trusted makes p's root one of the cache's trusted authorities.
func (p *pki) trusted(c *Config) {
	c.Roots = x509.NewCertPool()
	c.Roots.AddCert(p.root.cert)
}

func (p *pki) whole() []*authority { return []*authority{p.leaf, p.intermediate, p.root} }

// issuer is an OpenID Connect provider on loopback.
type issuer struct {
	url       string
	discovery atomic.Int64 // requests for it
	keys      atomic.Int64

	mu       sync.Mutex // guards the fields below
	kids     []string
	header   http.Header // of the keys' answer
	override map[string]http.HandlerFunc
}

const (
	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/oauth/discovery/keys"
)

// serve starts an issuer that presents chain, of which the first is the leaf.
func serve(t testing.TB, chain ...*authority) *issuer {
	t.Helper()
	return serveTLS(t, func(*tls.Config) {}, chain...)
}

func serveTLS(t testing.TB, change func(*tls.Config), chain ...*authority) *issuer {
	t.Helper()
	i := &issuer{kids: []string{"one"}, header: http.Header{}, override: map[string]http.HandlerFunc{}}
	s := httptest.NewUnstartedServer(i)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	certificate := tls.Certificate{PrivateKey: chain[0].key}
	for _, a := range chain {
		certificate.Certificate = append(certificate.Certificate, a.cert.Raw)
	}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	change(s.TLS)
	s.StartTLS()
	t.Cleanup(s.Close)
	i.url = s.URL
	return i
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case discoveryPath:
		i.discovery.Add(1)
	case keysPath:
		i.keys.Add(1)
	}
	i.mu.Lock()
	handler, kids, header := i.override[r.URL.Path], i.kids, i.header
	i.mu.Unlock()
	switch {
	case handler != nil:
		handler(w, r)
	case r.URL.Path == discoveryPath:
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, i.url, i.url+keysPath)
	case r.URL.Path == keysPath:
		for name, values := range header {
			w.Header()[name] = values
		}
		io.WriteString(w, keysDocument(kids)) //nolint:errcheck // the client notices
	default:
		http.NotFound(w, r)
	}
}

// set changes the issuer between requests.
func (i *issuer) set(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

// answer replaces the answer at path.
func (i *issuer) answer(path string, handler http.HandlerFunc) {
	i.set(func() { i.override[path] = handler })
}

func (i *issuer) provider(thumbprints ...string) Provider {
	return Provider{Issuer: i.url, Thumbprints: thumbprints}
}

// curvePoint is a P-256 key that all the issuers publish.
var curvePoint = sync.OnceValue(func() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return point
})

func keysDocument(kids []string) string {
	var list []string
	for _, kid := range kids {
		list = append(list, fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}`, kid,
			base64.RawURLEncoding.EncodeToString(curvePoint()[1:33]), base64.RawURLEncoding.EncodeToString(curvePoint()[33:])))
	}
	return `{"keys":[` + strings.Join(list, ",") + `]}`
}

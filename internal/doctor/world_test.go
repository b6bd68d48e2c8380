package doctor

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// told are the codes that the reports of all tests had.
var told sync.Map

// TestMain asks that every fault of the table was found by a test: a check that
// cannot fail is none.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""
	if code == 0 && whole && flag.Lookup("test.list").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == "" {
		for _, f := range faults {
			if _, ok := told.Load(f.Code); !ok {
				fmt.Println("no test found", f.Code)
				code = 1
			}
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

// want asks for exactly these codes among warnings and errors, and for those
// with a leading + among the rest.
func want(t *testing.T, r *Report, codes ...string) {
	t.Helper()
	var got, wanted []string
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Code == "" {
			continue
		}
		told.Store(f.Code, true)
		if rank(f.Level) >= rank(Warning) && !slices.Contains(got, f.Code) {
			got = append(got, f.Code)
		}
		if f.Seen == "" || f.Why == "" || f.Fix == "" || !strings.HasPrefix(f.Link, "https://") || f.What == "" {
			t.Errorf("%s lacks something of what a finding has: %+v", f.Code, f)
		}
	}
	for _, code := range codes {
		if extra, ok := strings.CutPrefix(code, "+"); ok {
			if !r.has(extra) {
				t.Errorf("%s is not told", extra)
			}
			continue
		}
		wanted = append(wanted, code)
	}
	slices.Sort(got)
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		t.Errorf("told are %v, want %v", got, wanted)
		for _, f := range r.Findings {
			if f.Code != "" {
				t.Logf("%s %s: %s", f.Level, f.Code, f.Seen)
			}
		}
	}
	if failed := slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level == Error }); r.Passed == failed && r.Count(OK) > 0 {
		t.Errorf("passed is %v", r.Passed)
	}
}

// seen is what was seen of a code.
func seen(t *testing.T, r *Report, code string) string {
	t.Helper()
	for _, f := range r.Findings {
		if f.Code == code {
			return f.Seen
		}
	}
	t.Errorf("%s is not told", code)
	return ""
}

// start is the time of the tests.
var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// cert is a certificate with its key.
type cert struct {
	*x509.Certificate
	key crypto.Signer
}

var serial atomic.Int64

// issue makes a certificate below a, or a self-signed one if a is nil.
func (a *cert) issue(t testing.TB, name string, change ...func(*x509.Certificate)) *cert {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a.issueFor(t, key, name, change...)
}

func (a *cert) issueFor(t testing.TB, key crypto.Signer, name string, change ...func(*x509.Certificate)) *cert {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial.Add(1)), Subject: pkix.Name{CommonName: name},
		NotBefore: start.AddDate(-1, 0, 0), NotAfter: start.AddDate(1, 0, 0), BasicConstraintsValid: true,
	}
	for _, f := range change {
		f(template)
	}
	parent, signer := template, key
	if a != nil {
		parent, signer = a.Certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &cert{made, key}
}

func ca(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }

func host(names ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.DNSNames = names
		c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
}

func ends(at time.Time) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotAfter = at }
}

// pki is a chain of three. It is made once: no test changes it.
type pki struct {
	root, middle, leaf *cert
	pool               *x509.CertPool
}

var world = sync.OnceValue(func() *pki {
	t := &testing.T{}
	p := &pki{pool: x509.NewCertPool()}
	p.root = (*cert)(nil).issue(t, "Test Root", ca)
	p.middle = p.root.issue(t, "Test Intermediate", ca)
	p.leaf = p.middle.issue(t, "localhost", host("localhost"))
	p.pool.AddCert(p.root.Certificate)
	return p
})

// issuer is an OpenID Connect issuer on this machine.
type issuer struct {
	url string
	mu  sync.Mutex
	at  map[string]http.HandlerFunc
}

const keysPath = "/keys"

// server describes one. The zero server is a good one.
type server struct {
	chain   []*cert // as sent; nil is a good one
	tls     func(*tls.Config)
	listen  func(net.Listener) net.Listener
	at      map[string]http.HandlerFunc
	host    string // in its URL; "" is localhost
	keysURL string // "" is the issuer's own
	jwks    string // "" is a good one
	header  http.Header
}

func (s server) start(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{at: map[string]http.HandlerFunc{}}
	for path, handler := range s.at {
		i.at[path] = handler
	}
	h := httptest.NewUnstartedServer(i)
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	chain := s.chain
	if chain == nil {
		chain = []*cert{world().leaf, world().middle}
	}
	certificate := tls.Certificate{PrivateKey: chain[0].key}
	for _, c := range chain {
		if slices.Contains(c.DNSNames, "localhost") { // of the host, wherever it stands
			certificate.PrivateKey = c.key
		}
		certificate.Certificate = append(certificate.Certificate, c.Raw)
	}
	h.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} //nolint:gosec // tests of old versions set them
	if s.tls != nil {
		s.tls(h.TLS)
	}
	address := h.Listener.Addr().String()
	if s.listen != nil {
		h.Listener = s.listen(h.Listener)
	}
	h.Listener = tls.NewListener(h.Listener, h.TLS)
	h.Start()
	t.Cleanup(h.Close)
	name := s.host
	if name == "" {
		name = "localhost"
	}
	_, port, _ := net.SplitHostPort(address)
	i.url = "https://" + net.JoinHostPort(name, port)
	i.answer(discoveryPath, func(w http.ResponseWriter, _ *http.Request) {
		keys := s.keysURL
		if keys == "" {
			keys = i.url + keysPath
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Date", start.Format(http.TimeFormat))
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"response_types_supported":["id_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`, i.url, keys)
	})
	i.answer(keysPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		for name, values := range s.header {
			w.Header()[name] = values
		}
		set := s.jwks
		if set == "" {
			set = goodKeys()
		}
		io.WriteString(w, set) //nolint:errcheck // the client notices
	})
	return i
}

// answer sets what is at a path, if nothing is.
func (i *issuer) answer(path string, handler http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.at[path] == nil {
		i.at[path] = handler
	}
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	handler := i.at[r.URL.Path]
	i.mu.Unlock()
	if handler == nil {
		http.NotFound(w, r)
		return
	}
	handler(w, r)
}

// text answers with a type and a body.
func text(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Date", start.Format(http.TimeFormat))
		io.WriteString(w, body) //nolint:errcheck // the client notices
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", start.Format(http.TimeFormat))
		w.WriteHeader(code)
		io.WriteString(w, body) //nolint:errcheck // the client notices
	}
}

// onThisMachine are the faults of every issuer of the tests: a port, and an
// address that AWS cannot reach.
var onThisMachine = []string{"url-port", "dns-loopback"}

// examine is Issuer with the tests' authority as the public one.
func examine(t *testing.T, i *issuer, change ...func(*IssuerConfig)) *Report {
	t.Helper()
	c := IssuerConfig{URL: i.url, Now: func() time.Time { return start }, Public: world().pool, Parallel: 4}
	for _, f := range change {
		f(&c)
	}
	return Issuer(t.Context(), c)
}

// realTime lets the clock go from start on.
func realTime(c *IssuerConfig) {
	begun := time.Now()
	c.Now = func() time.Time { return start.Add(time.Since(begun)) }
}

func resolve(hosts ...string) func(*IssuerConfig) {
	return func(c *IssuerConfig) {
		c.Resolve = map[string]netip.Addr{}
		for _, h := range hosts {
			c.Resolve[h] = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
	}
}

// rsaKey signs the tokens of the tests.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// jwk is rsaKey's public part with other members.
func jwk(more string) string {
	n := base64.RawURLEncoding.EncodeToString(rsaKey().N.Bytes())
	return fmt.Sprintf(`{"kty":"RSA","n":%q,"e":"AQAB"%s}`, n, more)
}

func keySet(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func goodKeys() string { return keySet(jwk(`,"kid":"one","use":"sig","alg":"RS256"`)) }

// sign makes a token.
func sign(t testing.TB, header, payload string) string {
	t.Helper()
	base := base64.RawURLEncoding
	signed := base.EncodeToString([]byte(header)) + "." + base.EncodeToString([]byte(payload))
	h := crypto.SHA256.New()
	h.Write([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, rsaKey(), crypto.SHA256, h.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base.EncodeToString(signature)
}

func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("%q lacks %q", text, w)
		}
	}
}

// writeTo is the whole report as JSON.
func asJSON(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

package publish_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/doctor"
	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/instance"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/publish"
	"github.com/daypass/daypass/internal/publish/ledger"
)

// world is a private issuer, a directory to which it is published, and a web
// server that serves it. Its clock can be moved on.
type world struct {
	t      *testing.T
	offset atomic.Int64

	gitlab    *instance.Instance
	gitlabDir string
	upstream  *publish.Upstream

	issuer   string // public
	roots    *x509.CertPool
	rootsPEM []byte
	dir      string // where it is published
	bucket   *place // in its place
	ledger   string
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.offset.Load())) }

func (w *world) pass(d time.Duration) { w.offset.Add(int64(d)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newWorld serves a directory as the issuer https://localhost:PORT, and has a
// GitLab that signs in its name.
func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), ledger: filepath.Join(t.TempDir(), "ledger.jsonl")}
	web := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(r.URL.Path)))
		if err != nil {
			http.NotFound(rw, r)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.Header().Set("Cache-Control", "public, max-age=900")
		_, _ = rw.Write(body)
	}))
	t.Cleanup(web.Close)
	// httptest's certificate is for example.com and 127.0.0.1.
	w.issuer = web.URL
	w.rootsPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	var err error
	w.roots, err = poolOf(string(w.rootsPEM))
	must(t, err)
	w.serveGitLab()
	return w
}

// serveGitLab starts an issuer with a private authority, whose tokens have the
// public issuer.
func (w *world) serveGitLab() {
	w.t.Helper()
	w.gitlabDir = w.t.TempDir()
	i, err := instance.Create(w.t.Context(), w.gitlabDir, "", instance.Settings{IDTokensURL: w.issuer, Declared: true}, time.Now())
	must(w.t, err)
	w.gitlab = i
	l, err := i.Listen(w.t.Context(), time.Now())
	must(w.t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	served := make(chan error, 1)
	go func() { served <- i.Serve(ctx, l, slog.New(slog.DiscardHandler)) }()
	w.t.Cleanup(func() { stop(); <-served }) //nolint:errcheck // its failure shows in the tests
	w.upstream = &publish.Upstream{URL: i.Issuer.URL(), Reader: publish.Reader{Roots: readRoots(w.t, filepath.Join(w.gitlabDir, "ca.pem"))}}
}

func readRoots(t testing.TB, path string) *x509.CertPool {
	t.Helper()
	pool, err := poolOf(string(read(t, path)))
	must(t, err)
	return pool
}

func poolOf(text string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(text)) {
		return nil, errors.New("no certificate")
	}
	return pool, nil
}

// rotate gives GitLab a new key at once, as GitLab does it.
func (w *world) rotate() {
	w.t.Helper()
	_, err := instance.RotateKey(w.gitlabDir, false)
	must(w.t, err)
	w.gitlab, err = instance.Open(w.t.Context(), w.gitlabDir, time.Now())
	must(w.t, err)
}

// token is one of a job that begins now.
func (w *world) token() string {
	w.t.Helper()
	job, err := gitlab.NewJob(gitlab.Job{ServerURL: w.gitlab.Issuer.URL(), Project: gitlab.Project{Path: "mygroup/myproject"}}, nil)
	must(w.t, err)
	token, err := w.gitlab.Issuer.IDToken(job, []string{"aud"}, w.now(), rand.Reader)
	must(w.t, err)
	return token
}

func (w *world) publisher() *publish.Publisher {
	w.t.Helper()
	var target publish.Target
	var err error
	if w.bucket != nil {
		target, err = w.bucket.target(w.roots)
	} else {
		target, err = publish.NewDirectory(w.dir)
	}
	must(w.t, err)
	return &publish.Publisher{
		Issuer: w.issuer, Target: target, Public: publish.Reader{Roots: w.roots}, Ledger: w.ledger, Now: w.now, By: "ada",
		Wait: 2 * time.Second, For: doctor.Daypass, Private: w.roots,
	}
}

// request is what an apply asks, with a proof token or approvals.
func (w *world) request(token string, approve ...string) ledger.Request {
	w.t.Helper()
	keys, err := w.upstream.Keys(w.t.Context())
	must(w.t, err)
	r := ledger.Request{Upstream: keys, Choose: ledger.ChooseCI, Approve: approve, By: "ada", Overlap: ledger.Overlap(15*time.Minute, time.Hour)}
	if token != "" {
		proof, err := publish.Prove(token, w.issuer, keys, w.now())
		must(w.t, err)
		r.Proven, r.ProvenBy = proof.Thumbprint, proof.By
	}
	return r
}

// ciKey is the thumbprint of the key that signs now, which is GitLab's kid too.
func (w *world) ciKey() string {
	w.t.Helper()
	token, err := oidc.Parse(w.token())
	must(w.t, err)
	return token.KeyID()
}

// first publishes the first key.
func (w *world) first() *publish.Publisher {
	w.t.Helper()
	p := w.publisher()
	r, err := p.Follow(w.t.Context(), w.request("", w.ciKey()))
	must(w.t, err)
	if r.Failed || !r.Changed {
		w.t.Fatalf("the first publication: %+v", r.Checks)
	}
	return p
}

// settled publishes the first key, after a publisher that was killed.
func (w *world) settled() *publish.Publisher {
	w.t.Helper()
	p := w.publisher()
	if _, err := p.Follow(w.t.Context(), w.request("", w.ciKey())); err != nil || !w.admits(w.token()) {
		w.t.Fatalf("after a publisher that was killed: %v", err)
	}
	return p
}

// admits asks whether the public set verifies a token now.
func (w *world) admits(token string) bool {
	w.t.Helper()
	parsed, err := oidc.Parse(token)
	must(w.t, err)
	_, err = parsed.Verify(w.public(), []string{"aud"}, w.now())
	return err == nil
}

func rule(err error) string {
	var refusal *publish.Refusal
	if errors.As(err, &refusal) {
		return refusal.Rule
	}
	return ""
}

// certificate makes an authority and a certificate of it for localhost.
func certificate(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := func(name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true,
		}
	}
	ca := template("authority")
	ca.IsCA = true
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	must(t, err)
	leaf := template("localhost")
	leaf.DNSNames, leaf.IPAddresses, leaf.ExtKeyUsage = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), key)
	must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}))
	return certFile, keyFile, roots
}

func read(t testing.TB, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	must(t, err)
	return bytes.Clone(text)
}

package instance_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/gitlab/instance"
	"github.com/daypass/daypass/internal/jwks"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files are those that the package comment promises.
var files = map[string]os.FileMode{
	"url": 0o644, "signing-keys.pem": 0o600, "ca.pem": 0o644, "ca-key.pem": 0o600, "thumbprint": 0o644,
}

func open(t *testing.T, dir string) *instance.Instance {
	t.Helper()
	i, err := instance.Open(t.Context(), dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// serve listens and serves until the test ends.
func serve(t *testing.T, i *instance.Instance) {
	t.Helper()
	l, err := i.Listen(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- i.Serve(ctx, l, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		all[e.Name()] = read(t, dir, e.Name())
	}
	return all
}

// copyOf gives a directory with the same files.
func copyOf(t *testing.T, all map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), files[name]); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenMakesAndKeeps(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "issuer")
	first := open(t, dir)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info, err)
	}
	for name, mode := range files {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want mode %o", name, info, err, mode)
		}
	}
	before := contents(t, dir)
	if len(before) != len(files) {
		t.Errorf("%d files, want %d", len(before), len(files))
	}
	if url := strings.TrimSpace(before["url"]); url != first.Issuer.URL() || !strings.HasPrefix(url, "https://localhost:") {
		t.Errorf("url file has %q, issuer %q", url, first.Issuer.URL())
	}
	if strings.TrimSpace(before["thumbprint"]) != first.Thumbprint {
		t.Errorf("thumbprint file has %q, instance %q", before["thumbprint"], first.Thumbprint)
	}
	second := open(t, dir)
	if second.Issuer.URL() != first.Issuer.URL() || second.Issuer.KeyID() != first.Issuer.KeyID() ||
		second.Thumbprint != first.Thumbprint || !bytes.Equal(second.Issuer.KeySet(), first.Issuer.KeySet()) {
		t.Error("the second Open gives another issuer")
	}
	for name, text := range contents(t, dir) {
		if text != before[name] {
			t.Errorf("the second Open changed %s", name)
		}
	}
}

// A file that is missing or damaged is an error, and no new one takes its
// place: not by the Open that finds it, nor by one after it.
func TestOpenRefusesDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	whole := contents(t, dir)
	other := t.TempDir()
	open(t, other)
	foreign := contents(t, other)

	without := func(names ...string) func(map[string]string) {
		return func(all map[string]string) {
			for _, name := range names {
				delete(all, name)
			}
		}
	}
	with := func(name, text string) func(map[string]string) {
		return func(all map[string]string) { all[name] = text }
	}
	cases := map[string]func(map[string]string){
		"no url":                    without("url"),
		"no signing keys":           without("signing-keys.pem"),
		"no ca":                     without("ca.pem"),
		"no ca key":                 without("ca-key.pem"),
		"no thumbprint":             without("thumbprint"),
		"neither url nor authority": without("url", "ca.pem", "ca-key.pem"),
		"only the thumbprint":       without("url", "ca.pem", "ca-key.pem", "signing-keys.pem"),
		"only the signing keys":     without("url", "ca.pem", "ca-key.pem", "thumbprint"),
		"url empty":                 with("url", ""),
		"url http":                  with("url", "http://localhost:8443\n"),
		"url of another":            with("url", "https://gitlab.com\n"),
		"url no url":                with("url", "localhost\n"),
		"signing keys cut":          with("signing-keys.pem", whole["signing-keys.pem"][:len(whole["signing-keys.pem"])/2]),
		"signing keys empty":        with("signing-keys.pem", ""),
		"ca cut":                    with("ca.pem", whole["ca.pem"][:100]),
		"ca of another":             with("ca.pem", foreign["ca.pem"]),
		"ca key of another":         with("ca-key.pem", foreign["ca-key.pem"]),
		"ca key empty":              with("ca-key.pem", ""),
		"thumbprint of another":     with("thumbprint", foreign["thumbprint"]),
		"thumbprint empty":          with("thumbprint", "\n"),
		"authority of another, in all": func(all map[string]string) {
			all["ca.pem"], all["ca-key.pem"] = foreign["ca.pem"], foreign["ca-key.pem"]
		},
	}
	for name, damage := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := map[string]string{}
			for name, text := range whole {
				all[name] = text
			}
			damage(all)
			dir := copyOf(t, all)
			for _, turn := range []string{"first", "second"} {
				_, err := instance.Open(t.Context(), dir, time.Now())
				if err == nil {
					t.Fatalf("the %s Open accepts it", turn)
				}
				if len(all) < len(whole) && !strings.Contains(err.Error(), "put back what is missing") {
					t.Errorf("%v: it does not say what to do", err)
				}
			}
			after := contents(t, dir)
			if len(after) != len(all) {
				t.Errorf("%d files after, %d before", len(after), len(all))
			}
			for name, text := range all {
				if after[name] != text {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

func TestListenTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve(t, open(t, dir))
	if _, err := open(t, dir).Listen(t.Context(), time.Now()); !errors.Is(err, instance.ErrServed) {
		t.Errorf("the second Listen: %v, want ErrServed", err)
	}
}

// An address that a stranger holds is not taken for the issuer, be the
// stranger an issuer of the same URL under another authority.
func TestListenWhereAStrangerIs(t *testing.T) {
	t.Parallel()
	t.Run("another issuer of this URL", func(t *testing.T) {
		t.Parallel()
		dir, strangersDir := t.TempDir(), t.TempDir()
		i := open(t, dir)
		open(t, strangersDir)
		stranger := contents(t, strangersDir)
		stranger["url"] = read(t, dir, "url")
		serve(t, open(t, copyOf(t, stranger)))
		wantStranger(t, i)
	})
	t.Run("no TLS at all", func(t *testing.T) {
		t.Parallel()
		i := open(t, t.TempDir())
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1"+strings.TrimPrefix(i.Issuer.URL(), "https://localhost"))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for c, err := l.Accept(); err == nil; c, err = l.Accept() {
				_, _ = io.WriteString(c, "220 mail.example.com\r\n")
				_ = c.Close()
			}
		}()
		t.Cleanup(func() {
			_ = l.Close()
			<-done
		})
		wantStranger(t, i)
	})
}

func wantStranger(t *testing.T, i *instance.Instance) {
	t.Helper()
	_, err := i.Listen(t.Context(), time.Now())
	if err == nil || errors.Is(err, instance.ErrServed) || !strings.Contains(err.Error(), "not this issuer") {
		t.Errorf("Listen: %v, want an error that is not ErrServed and says so", err)
	}
}

// get fetches with nothing trusted but the file.
func get(t *testing.T, caFile, url string) (*http.Response, []byte, error) {
	t.Helper()
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", caFile)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

func TestDiscoveryOverTLS(t *testing.T) {
	t.Parallel()
	dir, otherDir := t.TempDir(), t.TempDir()
	i := open(t, dir)
	open(t, otherDir)
	serve(t, i)
	document := i.Issuer.URL() + "/.well-known/openid-configuration"
	response, body, err := get(t, filepath.Join(dir, "ca.pem"), document)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("discovery: %v, %v", response, err)
	}
	if !bytes.Equal(body, i.Issuer.Discovery()) {
		t.Errorf("discovery is %s", body)
	}
	var discovery struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(body, &discovery); err != nil || discovery.Issuer != i.Issuer.URL() {
		t.Errorf("issuer is %q, %v", discovery.Issuer, err)
	}
	if _, keys, err := get(t, filepath.Join(dir, "ca.pem"), discovery.JWKSURI); err != nil || !bytes.Equal(keys, i.Issuer.KeySet()) {
		t.Errorf("keys are %s, %v", keys, err)
	}
	if _, _, err := get(t, filepath.Join(otherDir, "ca.pem"), document); err == nil {
		t.Error("another instance's ca.pem vouches for this one")
	}
}

// The thumbprint is what IAM's registration needs: with it the keys come, and
// with no or another one they do not.
func TestKeysByThumbprint(t *testing.T) {
	t.Parallel()
	i, other := open(t, t.TempDir()), open(t, t.TempDir())
	serve(t, i)
	cache := jwks.New(jwks.Config{Now: time.Now, AllowLoopback: true, Roots: x509.NewCertPool()})
	keys, err := cache.Keys(t.Context(), jwks.Provider{Issuer: i.Issuer.URL(), Thumbprints: []string{i.Thumbprint}}, i.Issuer.KeyID())
	if err != nil || !keys.Has(i.Issuer.KeyID()) {
		t.Errorf("with the thumbprint: %v", err)
	}
	for name, thumbprints := range map[string][]string{"another": {other.Thumbprint}, "none": nil} {
		if _, err := cache.Keys(t.Context(), jwks.Provider{Issuer: i.Issuer.URL(), Thumbprints: thumbprints}, i.Issuer.KeyID()); !errors.Is(err, jwks.ErrThumbprint) {
			t.Errorf("%s thumbprint: %v, want ErrThumbprint", name, err)
		}
	}
	if got, err := cache.Thumbprint(t.Context(), i.Issuer.URL()); err != nil || got != i.Thumbprint {
		t.Errorf("the fetched thumbprint is %q, %v, want %q", got, err, i.Thumbprint)
	}
}

func TestServeSaysWhyItEnded(t *testing.T) {
	t.Parallel()
	i := open(t, t.TempDir())
	l, err := i.Listen(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := i.Serve(t.Context(), l, slog.New(slog.DiscardHandler)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve on a closed listener: %v", err)
	}
}

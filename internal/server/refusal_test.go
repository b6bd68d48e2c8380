package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/rotation"
	"github.com/daypass/daypass/internal/server"
)

// wantRefused asks that a server does not come to answer, and says why.
func wantRefused(t *testing.T, c server.Config, words ...string) error {
	t.Helper()
	c.ReadyFile = orElse(c.ReadyFile, filepath.Join(t.TempDir(), "ready"))
	r, err := start(t, c)
	if err == nil {
		t.Fatalf("it serves at %s", r.endpoint)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error is %q, want it to hold %q", err, word)
		}
	}
	if _, err := os.Stat(c.ReadyFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a ready file: %v", err)
	}
	return err
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// TestDataThatIsRefused: a database and its master key belong together, and
// no key is ever made in the place of one that is missing or damaged.
func TestDataThatIsRefused(t *testing.T) {
	t.Parallel()
	whole, other := t.TempDir(), t.TempDir()
	for _, dir := range []string{whole, other} {
		mustStart(t, newConfig(dir)).mustStop(t)
	}
	key := read(t, whole, "master.key")
	for name, c := range map[string]struct {
		change map[string]string
		is     error // nil for any
		words  []string
	}{
		"no master key":              {map[string]string{"master.key": ""}, nil, []string{"daypass.db exists and its master key", "put the key back"}},
		"a damaged master key":       {map[string]string{"master.key": strings.Replace(key, "A", "B", 1)}, masterkey.ErrDamaged, []string{"master.key"}},
		"half a master key":          {map[string]string{"master.key": key[:len(key)/2]}, masterkey.ErrDamaged, nil},
		"another database's key":     {map[string]string{"master.key": read(t, other, "master.key")}, rotation.ErrOtherKey, []string{"this is not the master key of the store", "give this node the key set of the others"}},
		"another key's database":     {map[string]string{"daypass.db": read(t, other, "daypass.db")}, rotation.ErrOtherKey, nil},
		"a database that is damaged": {map[string]string{"daypass.db": "SQLite format 3\x00" + strings.Repeat("x", 8000)}, nil, []string{"daypass.db"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copyOf(t, whole, c.change)
			for range 2 { // nor is the second start another
				err := wantRefused(t, newConfig(dir), c.words...)
				if c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("error is %v, want %v", err, c.is)
				}
			}
			for name, text := range c.change {
				got, err := os.ReadFile(filepath.Join(dir, name))
				if string(got) != text || (text == "") != errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s was made or changed", name)
				}
			}
			if read(t, dir, "credentials") != read(t, whole, "credentials") {
				t.Error("the credentials were changed")
			}
		})
	}
	t.Run("a key open to others", func(t *testing.T) {
		t.Parallel()
		dir := copyOf(t, whole, nil)
		if err := os.Chmod(filepath.Join(dir, "master.key"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := wantRefused(t, newConfig(dir)); !errors.Is(err, masterkey.ErrPermissions) {
			t.Errorf("error is %v", err)
		}
	})
}

// Where everybody can write, the files may be anybody's.
func TestDataDirOpenToAllIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // what must be refused
		t.Fatal(err)
	}
	wantRefused(t, newConfig(dir), dir, "mode 0777", "chmod 700")
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // readable by others is theirs to decide
		t.Fatal(err)
	}
	mustStart(t, newConfig(dir)).mustStop(t)
}

// A first start that fails leaves nothing that hinders the next.
func TestFirstStartThatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, account := range []string{"", "12345678901", "1234567890123", "12345678901x"} {
		c := newConfig(dir)
		c.Account = account
		wantRefused(t, c, `account "`+account+`" is not 12 digits`)
		if _, err := os.Stat(filepath.Join(dir, "credentials")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("there are credentials: %v", err)
		}
	}
	wantCaller(t, mustStart(t, newConfig(dir)).administrator(t, dir), administratorARN)
}

// Without a certificate credentials stay on this machine.
func TestAddressesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			c := newConfig(filepath.Join(t.TempDir(), "data"))
			c.Listen = address
			wantRefused(t, c, address+" is not loopback, and credentials must not travel unencrypted", "--tls-cert and --tls-key")
			if _, err := os.Stat(c.DataDir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a data directory was made: %v", err)
			}
		})
	}
	t.Run("taken", func(t *testing.T) {
		t.Parallel()
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() //nolint:errcheck // nothing was sent
		c := newConfig(t.TempDir())
		c.Listen = l.Addr().String()
		wantRefused(t, c, "address already in use", "another address with --listen")
	})
}

func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	cert, key, _ := certificate(t)
	_, otherKey, _ := certificate(t)
	missing := filepath.Join(t.TempDir(), "none", "file")
	for name, c := range map[string]struct {
		change func(*server.Config)
		words  []string
	}{
		"certificate without its key": {func(c *server.Config) { c.CertFile = cert }, []string{"give both or neither"}},
		"key without its certificate": {func(c *server.Config) { c.KeyFile = key }, []string{"give both or neither"}},
		"certificate of another key":  {func(c *server.Config) { c.CertFile, c.KeyFile = cert, otherKey }, []string{"certificate", "private key does not match"}},
		"no such certificate":         {func(c *server.Config) { c.CertFile, c.KeyFile = missing, key }, []string{missing}},
		// Nor does the lack of a certificate let it listen beyond the machine.
		"no such certificate, everywhere": {func(c *server.Config) { c.CertFile, c.KeyFile, c.Listen = missing, key, "0.0.0.0:0" }, []string{missing}},
		"no place for events":             {func(c *server.Config) { c.EventsFile = missing }, []string{"open the event log", missing}},
		"no place for the ready file":     {func(c *server.Config) { c.ReadyFile = missing }, []string{"write the ready file", missing}},
		"a file for the data directory":   {func(c *server.Config) { c.DataDir = cert }, []string{"make the data directory", cert}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := newConfig(t.TempDir())
			c.change(&config)
			wantRefused(t, config, c.words...)
		})
	}
}

// certificate makes one for 127.0.0.1 that signs itself, and gives both files
// and the pool that trusts it.
func certificate(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := errors.Join(
		os.WriteFile(certFile, certPEM, 0o600),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	return certFile, keyFile, roots
}

// With a certificate it is https, on any address, and nothing else.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		t.Run(listen, func(t *testing.T) {
			t.Parallel()
			c := newConfig(t.TempDir())
			var roots *x509.CertPool
			c.CertFile, c.KeyFile, roots = certificate(t)
			c.Listen = listen
			r := mustStart(t, c)
			address, ok := strings.CutPrefix(r.endpoint, "https://")
			if !ok {
				t.Errorf("endpoint is %s", r.endpoint)
			}
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				t.Fatal(err)
			}
			r.endpoint = "https://127.0.0.1:" + port
			r.client.Transport.(*http.Transport).TLSClientConfig.RootCAs = roots
			wantCaller(t, r.administrator(t, c.DataDir), administratorARN)
			r.endpoint = "http://127.0.0.1:" + port
			if response, _ := r.do(t, http.MethodGet, "/", nil); response.StatusCode != http.StatusBadRequest {
				t.Errorf("without TLS: %d", response.StatusCode)
			}
			old := &tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, RootCAs: roots}} //nolint:gosec // to be refused
			if conn, err := old.DialContext(t.Context(), "tcp", "127.0.0.1:"+port); err == nil {
				t.Errorf("TLS 1.1 is spoken: %v", conn.Close())
			}
		})
	}
}

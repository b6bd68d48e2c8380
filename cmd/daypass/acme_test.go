package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// pebble builds Let's Encrypt's authority for tests, and its DNS server, into binDir.
var pebble = sync.OnceValue(func() error {
	build := exec.Command("go", "build", "-o", binDir+string(filepath.Separator), "github.com/letsencrypt/pebble/v2/cmd/pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv")
	build.Dir = filepath.Join("..", "..", "tools")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build pebble: %w\n%s", err, output)
	}
	return nil
})

// TestACME: a server gets its certificate from Pebble, and serves by it; after a new start
// it serves by the same one. A name that is not its own has none.
func TestACME(t *testing.T) {
	t.Parallel()
	if err := pebble(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ports := freePorts(t, 4)
	served, directory, management, dns := ports[0], ports[1], ports[2], ports[3]
	if err := makeCertificate(filepath.Join(dir, "tls"), "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": local(directory), "managementListenAddress": local(management),
		"certificate": filepath.Join(dir, "tls", "cert.pem"), "privateKey": filepath.Join(dir, "tls", "key.pem"),
		"httpPort": 1, "tlsPort": served, "keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"default": map[string]any{"description": "of a test", "validityPeriod": 7776000}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	off := "" // its servers of challenges
	background(t, nil, "pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dnsserver", local(dns), "-http01", off, "-https01", off, "-tlsalpn01", off, "-doh", off, "-management", "")
	background(t, []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"}, "pebble", "-config", write("pebble.json", string(settings)), "-dnsserver", local(dns))
	ca := filepath.Join(dir, "tls", "ca.pem")
	issuer := fetchRoot(t, ca, fmt.Sprintf("https://%s/roots/0", local(management)))

	configuration := write("daypass.yaml", fmt.Sprintf("acme: {hosts: [daypass.example.com], directory: %q, acceptTerms: true, ca: tls/ca.pem}\n", "https://"+local(directory)+"/dir"))
	start := func() (stop func()) {
		return background(t, nil, "daypass", "serve", "--config", configuration, "--data", filepath.Join(dir, "data"), "--listen", local(served), "--admin-listen", "none")
	}
	stop := start()
	first := serves(t, issuer, local(served), "daypass.example.com")
	if _, err := handshake(t.Context(), issuer, local(served), "other.example.com"); err == nil {
		t.Error("there is a certificate for a name that is not the server's")
	}
	stop()
	start()
	if again := serves(t, issuer, local(served), "daypass.example.com"); again.SerialNumber.Cmp(first.SerialNumber) != 0 {
		t.Error("after a new start the certificate is another")
	}
	if info, err := os.Stat(filepath.Join(dir, "data", "acme")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the certificates are kept as %v, %v", info, err)
	}
}

// background starts a program that ends with the test, or when stop is called.
func background(t *testing.T, env []string, name string, args ...string) (stop func()) {
	t.Helper()
	log := &strings.Builder{}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	command := exec.CommandContext(ctx, filepath.Join(binDir, name), args...)
	command.Env, command.Stdout, command.Stderr, command.WaitDelay = append(os.Environ(), env...), log, log, 20*time.Second
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		cancel()
		_ = command.Wait() // told to
		if t.Failed() {
			t.Logf("%s:\n%s", name, log)
		}
	})
	t.Cleanup(stop)
	return stop
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() //nolint:errcheck // it served nobody
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}

// fetchRoot is the root of Pebble's certificates, once it answers.
func fetchRoot(t *testing.T, ca, from string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	own := x509.NewCertPool()
	own.AppendCertsFromPEM(text)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: own}}}
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		response, err := client.Get(from)
		if err == nil {
			root, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			pool := x509.NewCertPool()
			if err == nil && pool.AppendCertsFromPEM(root) {
				return pool
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("pebble does not answer: %v", err)
		}
	}
}

func handshake(ctx context.Context, roots *x509.CertPool, address, host string) (*x509.Certificate, error) {
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: host}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // nothing was sent
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// serves waits until a server shows a certificate for its name.
func serves(t *testing.T, roots *x509.CertPool, address, host string) *x509.Certificate {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		certificate, err := handshake(t.Context(), roots, address, host)
		if err == nil {
			return certificate
		}
		if time.Now().After(deadline) {
			t.Fatalf("no certificate: %v", err)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
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

	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/pgcluster"
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

// authority is Pebble, and what asks it.
type authority struct {
	dir, directory string
	root           *x509.CertPool // of its certificates
}

// startAuthority has the authority reach all names on a port of this machine.
func startAuthority(t *testing.T, served int) *authority {
	t.Helper()
	if err := pebble(); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 4)
	directory, management, dns, ofDNS := ports[0], ports[1], ports[2], ports[3]
	a := &authority{dir: t.TempDir(), directory: "https://" + local(directory) + "/dir"}
	if err := makeCertificate(filepath.Join(a.dir, "tls"), "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": local(directory), "managementListenAddress": local(management),
		"certificate": filepath.Join(a.dir, "tls", "cert.pem"), "privateKey": filepath.Join(a.dir, "tls", "key.pem"),
		"httpPort": 1, "tlsPort": served, "keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"default": map[string]any{"description": "of a test", "validityPeriod": 7776000}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	off := "" // its servers of challenges
	background(t, nil, "pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dnsserver", local(dns), "-http01", off, "-https01", off, "-tlsalpn01", off, "-doh", off, "-management", local(ofDNS))
	background(t, []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"}, "pebble", "-config", a.write(t, "pebble.json", string(settings)), "-dnsserver", local(dns))
	a.root = fetchRoot(t, filepath.Join(a.dir, "tls", "ca.pem"), fmt.Sprintf("https://%s/roots/0", local(management)))
	return a
}

func (a *authority) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// configuration is a file by which a server gets the certificate of a name there.
func (a *authority) configuration(t *testing.T) string {
	t.Helper()
	return a.write(t, "daypass.yaml", fmt.Sprintf("acme: {hosts: [daypass.example.com], directory: %q, acceptTerms: true, ca: tls/ca.pem}\n", a.directory))
}

// TestACME: a server gets its certificate from Pebble, and serves by it; after a new start
// it serves by the same one. Many who come before there is a certificate have it ordered
// once. A name that is not its own has none.
func TestACME(t *testing.T) {
	t.Parallel()
	served := freePorts(t, 1)[0]
	a := startAuthority(t, served)
	data := filepath.Join(a.dir, "data")
	start := func() (stop func()) {
		return background(t, nil, "daypass", "serve", "--config", a.configuration(t), "--data", data, "--listen", local(served), "--admin-listen", "none")
	}
	stop := start()
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			if _, err := awaitCertificate(t.Context(), a.root, local(served), "daypass.example.com"); err != nil {
				t.Errorf("no certificate: %v", err)
			}
		})
	}
	clients.Wait()
	first := serves(t, a.root, local(served), "daypass.example.com")
	if _, err := handshake(t.Context(), a.root, local(served), "other.example.com"); err == nil {
		t.Error("there is a certificate for a name that is not the server's")
	}
	stop()
	start()
	if again := serves(t, a.root, local(served), "daypass.example.com"); again.SerialNumber.Cmp(first.SerialNumber) != 0 {
		t.Error("after a new start the certificate is another")
	}
	database, err := os.ReadFile(filepath.Join(data, "daypass.db"))
	if err != nil || bytes.Contains(database, []byte("PRIVATE KEY")) {
		t.Errorf("a private key is in the database as it is, or %v", err)
	}
}

// TestACMEOfNodes: two nodes of one store that start at once behind a balancer have one
// certificate, which one of them orders, whichever the authority reaches to have it shown
// that the name is theirs.
func TestACMEOfNodes(t *testing.T) {
	t.Parallel()
	db, err := pgcluster.Start(t.Context())
	if errors.Is(err, pgcluster.ErrMissing) {
		lacking(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	nodes := freePorts(t, 2)
	a := startAuthority(t, balance(t, nodes))
	key, err := masterkey.Create(filepath.Join(a.dir, "master.key"))
	if err != nil || key == nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(a.dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	for i, port := range nodes {
		data := filepath.Join(a.dir, fmt.Sprintf("node%d", i))
		if err := os.Mkdir(data, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, "master.key"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		background(t, nil, "daypass", "serve", "--config", a.configuration(t), "--data", data, "--store", db.URL("postgres"), "--listen", local(port), "--admin-listen", "none")
	}
	one, other := serves(t, a.root, local(nodes[0]), "daypass.example.com"), serves(t, a.root, local(nodes[1]), "daypass.example.com")
	if one.SerialNumber.Cmp(other.SerialNumber) != 0 {
		t.Errorf("the nodes have the certificates %v and %v", one.SerialNumber, other.SerialNumber)
	}
	kept, err := db.SQL(t.Context(), "postgres", "SELECT string_agg(key, ' ' ORDER BY key) FROM daypass_records WHERE kind = 'acme' AND NOT deleted AND key NOT LIKE '%+token'") // which goes a moment later
	if err != nil || kept != "acme_account+key daypass.example.com" {
		t.Errorf("the store keeps %q, %v", kept, err)
	}
}

// balance is the port of a balancer that gives each port in turn a connection.
func balance(t *testing.T, ports []int) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go pass(conn, local(ports[n%len(ports)]))
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// pass carries what comes on a connection to an address, and back.
func pass(conn net.Conn, address string) {
	defer conn.Close() //nolint:errcheck // it is over
	to, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer to.Close() //nolint:errcheck // likewise
	go func() { _, _ = io.Copy(to, conn) }()
	_, _ = io.Copy(conn, to)
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
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
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
	certificate, err := awaitCertificate(t.Context(), roots, address, host)
	if err != nil {
		t.Fatalf("no certificate: %v", err)
	}
	return certificate
}

// awaitCertificate waits for a minute: a node that waits for itself takes two.
func awaitCertificate(ctx context.Context, roots *x509.CertPool, address, host string) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		certificate, err := handshake(ctx, roots, address, host)
		if err == nil {
			return certificate, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

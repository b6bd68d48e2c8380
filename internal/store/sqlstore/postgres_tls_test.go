package sqlstore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store/sqlstore"
)

// certificate makes one that vouches for itself, for 127.0.0.1 from noon of a day of the
// tests' past to far away.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "database"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(100, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// The database must show a certificate of the authority that is named, for its name.
func TestPostgresTLS(t *testing.T) {
	t.Parallel()
	url := postgresURL(t)
	cert, key := certificate(t)
	other, _ := certificate(t)
	for name, content := range map[string][]byte{"server.crt": cert, "server.key": key} {
		if _, err := cluster.Put(name, content); err != nil {
			t.Fatal(err)
		}
	}
	sqlIn(t, `ALTER SYSTEM SET ssl = on`)
	sqlIn(t, `SELECT pg_reload_conf()`)
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	verified := url + "&sslmode=verify-full&sslrootcert=" + file("ca.pem", cert)
	var s *sqlstore.Postgres
	var err error
	for range 3000 { // the server reads its settings anew when it comes to it
		if s, err = sqlstore.OpenPostgres(t.Context(), verified); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := put(s, "a", "1"); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for what, wrong := range map[string]string{
		"another authority": url + "&sslmode=verify-full&sslrootcert=" + file("other.pem", other),
		"another name":      strings.Replace(verified, "127.0.0.1", "localhost", 1),
	} {
		if s, err := sqlstore.OpenPostgres(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "x509") {
			t.Errorf("%s: %v, %v", what, s != nil, err)
		}
	}
}

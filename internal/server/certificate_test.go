package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestCertificateRenewed: files that change are in force for the next connections,
// once they fit together; until then the old pair is.
func TestCertificateRenewed(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	c := newConfig(t.TempDir())
	c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	var old *x509.CertPool
	c.CertFile, c.KeyFile, old = certificate(t)
	newCert, newKey, renewed := certificate(t)
	r := mustStart(t, c)
	defer r.mustStop(t)
	trusts := func(roots *x509.CertPool) bool {
		connection, err := tls.Dial("tcp", strings.TrimPrefix(r.endpoint, "https://"), &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
		if err == nil {
			_ = connection.Close() // the handshake said all
		}
		return err == nil
	}
	copyTo := func(from, to string) {
		t.Helper()
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		ahead.Add(int64(6 * time.Second))
	}
	if !trusts(old) || trusts(renewed) {
		t.Fatal("the first certificate is not the one that was given")
	}
	copyTo(newCert, c.CertFile)
	for range 2 {
		if !trusts(old) || trusts(renewed) {
			t.Error("half a pair was taken")
		}
		ahead.Add(int64(6 * time.Second))
	}
	if n := strings.Count(r.log.String(), "the new certificate cannot be used"); n != 1 {
		t.Errorf("the log says %d times that the pair does not fit", n)
	}
	copyTo(newKey, c.KeyFile)
	if trusts(old) || !trusts(renewed) {
		t.Errorf("the renewed pair is not taken:\n%s", r.log)
	}
	if err := os.Remove(c.KeyFile); err != nil {
		t.Fatal(err)
	}
	ahead.Add(int64(6 * time.Second))
	if !trusts(renewed) {
		t.Error("without its files the certificate is not used any more")
	}
}

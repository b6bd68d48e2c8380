package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"

	"golang.org/x/crypto/acme/autocert"
)

const acmeHost = "daypass.example.com"

// acmeNodes are two nodes of one store, with one clock.
func acmeNodes(t *testing.T) (one, other *certificates, at *time.Time) {
	t.Helper()
	dir := t.TempDir()
	kept, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(dir, "daypass.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := masterkey.Create(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	node := func(s store.Store) *certificates {
		k := newCertificates(&Config{Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), ACME: &ACME{Hosts: []string{acmeHost}}})
		k.store, k.sealer = s, key
		return k
	}
	return node(kept), node(kept), &now
}

// certificateOfHost is one as autocert keeps it.
func certificateOfHost(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{acmeHost}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(80 * 24 * time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
}

// TestWhoOrders: one node orders a certificate, and all who ask there are told so at once:
// autocert has one order for them, and would not come to it if one of them waited here.
// The other node is next once the time of the first is over.
func TestWhoOrders(t *testing.T) {
	t.Parallel()
	one, other, now := acmeNodes(t)
	asks := func(k *certificates, want error) {
		t.Helper()
		for range 2 {
			if _, err := k.Get(t.Context(), acmeHost); !errors.Is(err, want) {
				t.Errorf("it is told %v, want %v", err, want)
			}
		}
	}
	asks(one, autocert.ErrCacheMiss)
	asks(other, errOrderedElsewhere)
	*now = now.Add(acmePatience + time.Second)
	asks(other, autocert.ErrCacheMiss)
	asks(one, errOrderedElsewhere)
	if _, err := other.Get(t.Context(), acmeHost+"+token"); !errors.Is(err, autocert.ErrCacheMiss) {
		t.Errorf("what the authority is to be shown is asked for, and the node is told %v", err)
	}
}

// TestCertificateOfAnotherNode: clients of a node wait for the certificate that another
// one orders, for as long as they want to.
func TestCertificateOfAnotherNode(t *testing.T) {
	t.Parallel()
	one, other, _ := acmeNodes(t)
	if _, err := one.Get(t.Context(), acmeHost); !errors.Is(err, autocert.ErrCacheMiss) {
		t.Fatal(err)
	}
	manager := &autocert.Manager{Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(acmeHost), Cache: other}
	hello := &tls.ClientHelloInfo{
		ServerName: acmeHost, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := other.certificate(gone, manager, hello); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that has gone gets %v", err)
	}
	errs := make(chan error, 3)
	for range cap(errs) {
		go func() {
			certificate, err := other.certificate(t.Context(), manager, hello)
			if err == nil && certificate.Leaf.VerifyHostname(acmeHost) != nil {
				err = errors.New("the certificate is for another name")
			}
			errs <- err
		}()
	}
	select {
	case err := <-errs:
		t.Errorf("who does not wait gets %v", err)
	case <-time.After(2 * orderWait):
	}
	if err := one.Put(t.Context(), acmeHost, certificateOfHost(t)); err != nil {
		t.Fatal(err)
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

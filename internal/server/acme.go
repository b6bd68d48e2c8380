package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/store"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// ACME is where the server gets its certificate from by itself (RFC 8555). It shows that
// it has the names by answering on its own port (TLS-ALPN-01, RFC 8737): the authority
// must reach that as port 443 of each name.
type ACME struct {
	Hosts     []string // DNS names
	Directory string   // URL of the authority's directory; "" is Let's Encrypt's
	Email     string   // told to the authority; "" for none
	// AcceptTerms says that the operator has read the authority's terms of service.
	AcceptTerms bool
	// Roots are trusted for the directory; nil is the system's.
	Roots *x509.CertPool
}

// acmePatience is how long an authority may take for one certificate.
const acmePatience = 2 * time.Minute

func (a *ACME) check(c *Config) error {
	switch directory, err := url.Parse(a.Directory); {
	case c.CertFile != "" || c.KeyFile != "":
		return optionErrorf("server: a certificate comes from files or by ACME; give one of both")
	case len(a.Hosts) == 0:
		return optionErrorf("server: acme names no hosts; write the DNS names that the certificate is for")
	case !a.AcceptTerms:
		return optionErrorf("server: acme.acceptTerms is not true; read the terms of service of the authority first")
	case a.Directory != "" && (err != nil || directory.Scheme != "https" || directory.Host == ""):
		return optionErrorf("server: acme.directory, %q, is no URL over https", a.Directory)
	}
	for _, host := range a.Hosts {
		if net.ParseIP(host) != nil || !strings.Contains(host, ".") || strings.ContainsAny(host, "/:* ") {
			return optionErrorf("server: acme.hosts has %q, which is no full DNS name", host)
		}
	}
	return nil
}

// manager gets certificates, keeps them in kept, and renews them thirty days before they
// end, or a third of their time.
func (a *ACME) manager(c *Config, kept *certificates) *autocert.Manager {
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: a.Roots}}
	if c.Issuers.Proxy != nil {
		transport.Proxy = http.ProxyURL(c.Issuers.Proxy)
	}
	return &autocert.Manager{
		Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(a.Hosts...), Email: a.Email,
		Cache: kept,
		Client: &acme.Client{
			DirectoryURL: a.Directory, UserAgent: "daypass", HTTPClient: &http.Client{Transport: transport, Timeout: acmePatience},
		},
	}
}

// certificates keeps what is needed to get certificates, and them, in the store, sealed:
// all nodes of the store have one account and one certificate for each name, and any of
// them shows the authority what another was asked to show. It implements autocert.Cache.
type certificates struct {
	store  store.Store
	sealer *masterkey.Key
	now    func() time.Time
	log    *slog.Logger
	hosts  []string
	turn   chan struct{} // of who waits for another node: one asks the store, not each handshake

	mu   sync.Mutex
	ours map[string]time.Time // by name, until when this process is the one that orders
}

const (
	// orderScope is that of the marks by which nodes agree on who orders.
	orderScope = "acme order"
	// orderWait is how often a node asks whether the one that orders has the certificate.
	orderWait = 250 * time.Millisecond
)

// errOrderedElsewhere says that another node orders the certificate.
var errOrderedElsewhere = errors.New("server: another node of the store orders this certificate")

func newCertificates(c *Config) *certificates {
	return &certificates{now: c.Now, log: c.Log, hosts: c.ACME.Hosts, turn: make(chan struct{}, 1), ours: map[string]time.Time{}}
}

// Get implements autocert.Cache. Where there is no certificate yet, one node orders it,
// and the others get errOrderedElsewhere; where that fails, whoever asks next once its
// time is over orders. It does not wait: autocert asks under a lock that every handshake
// needs, and so does the order itself.
func (k *certificates) Get(ctx context.Context, name string) ([]byte, error) {
	value, err := k.get(ctx, name)
	if !errors.Is(err, autocert.ErrCacheMiss) || !slices.Contains(k.hosts, strings.TrimSuffix(name, "+rsa")) {
		return value, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if now.Before(k.ours[name]) {
		return nil, autocert.ErrCacheMiss // autocert has one order for those who ask at once
	}
	until := now.Add(acmePatience)
	switch first, err := k.store.UseOnce(ctx, orderScope, name, now, until); {
	case err != nil:
		return nil, err
	case !first:
		return nil, errOrderedElsewhere
	}
	k.ours[name] = until
	return nil, autocert.ErrCacheMiss
}

// certificate is that of m for a client, which waits for a certificate that another node
// orders.
func (k *certificates) certificate(ctx context.Context, m *autocert.Manager, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	certificate, err := m.GetCertificate(hello)
	if !errors.Is(err, errOrderedElsewhere) {
		return certificate, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*acmePatience) // the other's, and then this one's
	defer cancel()
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		certificate, err = m.GetCertificate(hello)
		if !errors.Is(err, errOrderedElsewhere) {
			return certificate, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(orderWait):
		}
	}
}

func (k *certificates) get(ctx context.Context, name string) ([]byte, error) {
	record, err := k.store.Get(ctx, store.ACMEValueID(name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, autocert.ErrCacheMiss
	}
	if err != nil {
		return nil, err
	}
	var v store.ACMEValue
	if err := store.Decode(record.Document, &v); err != nil {
		return nil, err
	}
	return k.sealer.Open(v.Sealed, v.Associated(name))
}

// Put implements autocert.Cache, which tells nobody of its errors.
func (k *certificates) Put(ctx context.Context, name string, value []byte) error {
	var v store.ACMEValue
	var err error
	if v.Sealed, err = k.sealer.Seal(value, v.Associated(name)); err == nil {
		_, err = k.store.Update(ctx, func(tx store.Tx) error { return store.PutRecord(tx, store.ACMEValueID(name), v) })
	}
	if err != nil {
		k.log.Error("what is needed for certificates could not be kept; other nodes, and this one after its end, lack it", "name", name, "error", err)
	}
	return err
}

// Delete implements autocert.Cache.
func (k *certificates) Delete(ctx context.Context, name string) error {
	_, err := k.store.Update(ctx, func(tx store.Tx) error {
		if err := tx.Delete(store.ACMEValueID(name)); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return nil
	})
	return err
}

// fetchCertificates has the certificates there before a client asks, and says what keeps
// them from being there. A handshake tries again.
func fetchCertificates(ctx context.Context, c *Config, kept *certificates, m *autocert.Manager) {
	for _, host := range c.ACME.Hosts {
		certificate, err := kept.certificate(ctx, m, &tls.ClientHelloInfo{
			ServerName: host, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, SupportedVersions: []uint16{tls.VersionTLS13},
			SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
		})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			c.Log.Error("there is no certificate; clients of this name cannot connect", "host", host, "error", err)
		case certificate.Leaf != nil:
			c.Log.Info("the certificate is there", "host", host, "until", certificate.Leaf.NotAfter)
		}
	}
}

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
	turn   chan struct{} // of who waits for an order: one asks the store, not each handshake
}

const (
	// orderScope is that of the marks by which nodes agree on who orders.
	orderScope = "acme order"
	// orderWait is how often a node asks whether the one that orders has the certificate.
	orderWait = 250 * time.Millisecond
)

// Get implements autocert.Cache. Where there is no certificate yet, one node orders it,
// and the others wait for it; where that fails, who waits is next once its time is over.
func (k *certificates) Get(ctx context.Context, name string) ([]byte, error) {
	if !slices.Contains(k.hosts, strings.TrimSuffix(name, "+rsa")) {
		return k.get(ctx, name)
	}
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		value, err := k.get(ctx, name)
		if !errors.Is(err, autocert.ErrCacheMiss) {
			return value, err
		}
		now := k.now()
		first, err := k.store.UseOnce(ctx, orderScope, name, now, now.Add(acmePatience))
		if err != nil {
			return nil, err
		}
		if first {
			return nil, autocert.ErrCacheMiss
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
func fetchCertificates(ctx context.Context, c *Config, m *autocert.Manager) {
	for _, host := range c.ACME.Hosts {
		certificate, err := m.GetCertificate(&tls.ClientHelloInfo{
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

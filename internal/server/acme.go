package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

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

// acmeDir has the account's key and the certificates, in the data directory.
const acmeDir = "acme"

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

// manager gets certificates, keeps them, and renews them thirty days before they end, or
// a third of their time.
func (a *ACME) manager(c *Config) *autocert.Manager {
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: a.Roots}}
	if c.Issuers.Proxy != nil {
		transport.Proxy = http.ProxyURL(c.Issuers.Proxy)
	}
	return &autocert.Manager{
		Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(a.Hosts...), Email: a.Email,
		Cache: autocert.DirCache(filepath.Join(c.DataDir, acmeDir)),
		Client: &acme.Client{
			DirectoryURL: a.Directory, UserAgent: "daypass", HTTPClient: &http.Client{Transport: transport, Timeout: acmePatience},
		},
	}
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

package main

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"

	"github.com/daypass/daypass/internal/ratelimit"
	"github.com/daypass/daypass/internal/server"
)

// limitsConfiguration is how often somebody may ask of this node. Who asks more often is
// answered as AWS throttles, and SDKs try again later. By default there are no limits.
type limitsConfiguration struct {
	// Source is for all requests from one IPv4 address, or from one /64 of IPv6: `rate`
	// is how many a second for long, `burst` how many at once. Jobs behind one gateway
	// are one source.
	Source rateConfiguration `yaml:"source"`
	// Issuer is for exchanges of tokens of one issuer, with `rate` and `burst`. Only
	// tokens that were verified count, so that who makes tokens up uses nothing of it.
	Issuer rateConfiguration `yaml:"issuer"`
	// Exempt are addresses to which `source` does not apply.
	Exempt []netip.Prefix `yaml:"exempt"`
}

// acmeConfiguration is an authority that the server gets its certificate from by itself
// (RFC 8555), and renews it by. It shows that it has the names on its own port
// (TLS-ALPN-01), which the authority must reach as port 443 of each name: not behind a
// proxy that ends TLS, and not on several nodes of one name. The account's key and the
// certificates are kept in the data directory.
type acmeConfiguration struct {
	// Hosts are the DNS names that the certificate is for.
	Hosts []string `yaml:"hosts"`
	// Directory is the URL of the authority's directory. By default it is Let's
	// Encrypt's.
	Directory string `yaml:"directory"`
	// Email is told to the authority.
	Email string `yaml:"email"`
	// AcceptTerms says that you have read the authority's terms of service; it must be
	// `true`.
	AcceptTerms bool `yaml:"acceptTerms"`
	// CA is a file of certificate authorities that are trusted for the directory, in
	// PEM form. By default the system's are.
	CA string `yaml:"ca"`
}

// server is a as the server takes it.
func (a *acmeConfiguration) server() (*server.ACME, error) {
	if a == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	to := &server.ACME{Hosts: a.Hosts, Directory: a.Directory, Email: a.Email, AcceptTerms: a.AcceptTerms}
	if a.CA == "" {
		return to, nil
	}
	text, err := os.ReadFile(a.CA)
	if err != nil {
		return nil, usageError{fmt.Errorf("acme.ca: %w", err)}
	}
	if to.Roots = x509.NewCertPool(); !to.Roots.AppendCertsFromPEM(text) {
		return nil, usageError{fmt.Errorf("acme.ca: %s holds no certificate in PEM form", a.CA)}
	}
	return to, nil
}

type rateConfiguration struct {
	Rate  float64 `yaml:"rate"`
	Burst int     `yaml:"burst"`
}

func (r rateConfiguration) server() ratelimit.Rate {
	return ratelimit.Rate{PerSecond: r.Rate, Burst: r.Burst}
}

// server is l as the server takes it.
func (l *limitsConfiguration) server() server.Limits {
	return server.Limits{Source: l.Source.server(), Issuer: l.Issuer.server(), Exempt: l.Exempt}
}

package main

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/daypass/daypass/internal/ratelimit"
	"github.com/daypass/daypass/internal/server"
)

// limitsConfiguration is how often somebody may ask of this node, and how much it does at
// once. Who asks more often is answered as AWS throttles, and SDKs try again later. By
// default there are no limits.
type limitsConfiguration struct {
	// Requests is how many may be under way at once. Who comes then is answered
	// `ServiceUnavailable` (HTTP 503) before the body is read, and SDKs try again; on the
	// record such a request of a form has no operation. Bodies of S3 that are being sent
	// count. Health checks do not: they have an address of their own.
	Requests int `yaml:"requests"`
	// Connections is how many may be open at once, idle ones among them. Who comes then
	// waits until another is closed: see `timeouts.idle`.
	Connections int `yaml:"connections"`
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

// timeoutsConfiguration is how long the server waits for clients, such as `10s`; an hour at
// most.
type timeoutsConfiguration struct {
	// Header is for a request's header. By default it is `10s`.
	Header *duration `yaml:"header"`
	// Request is for a whole request. By default it is `60s`. Bodies of S3 may take any
	// time, and must not stand still for a minute.
	Request *duration `yaml:"request"`
	// Reply is for the client to take the reply, with the same exception. By default it
	// is `60s`.
	Reply *duration `yaml:"reply"`
	// Idle is for the next request on an open connection. By default it is `2m`.
	Idle *duration `yaml:"idle"`
	// Drain is for requests that are under way when the server is to end; what is left
	// then is cut off. By default it is `10s`. Give the service manager as much more:
	// `TimeoutStopSec=` of systemd, `terminationGracePeriodSeconds` of Kubernetes.
	Drain *duration `yaml:"drain"`
}

// server is t as the server takes it.
func (t *timeoutsConfiguration) server() (to server.Timeouts, err error) {
	for _, of := range []struct {
		name  string
		given *duration
		to    *time.Duration
	}{
		{"header", t.Header, &to.Header},
		{"request", t.Request, &to.Request},
		{"reply", t.Reply, &to.Reply},
		{"idle", t.Idle, &to.Idle},
		{"drain", t.Drain, &to.Drain},
	} {
		if of.given == nil {
			continue
		}
		if *of.given == 0 {
			return to, usageError{fmt.Errorf("configuration: timeouts.%s is 0s; give up to 1h, or leave it out for the default", of.name)}
		}
		*of.to = time.Duration(*of.given)
	}
	return to, nil
}

// acmeConfiguration is an authority that the server gets its certificate from by itself
// (RFC 8555), and renews it by. It shows that it has the names on its own port
// (TLS-ALPN-01), which the authority must reach as port 443 of each name: not behind a
// proxy that ends TLS. The account's key and the certificates are kept in the store, sealed
// under the master key: several nodes of a store have one certificate for each name, which
// one of them orders.
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
	return server.Limits{Requests: l.Requests, Connections: l.Connections, Source: l.Source.server(), Issuer: l.Issuer.server(), Exempt: l.Exempt}
}

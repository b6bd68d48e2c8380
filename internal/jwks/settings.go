package jwks

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Settings are what an operator may say of issuers before the server starts.
// The zero value is right for an issuer of the public internet or of a private
// network, with a certificate of an authority that the system trusts or under
// a thumbprint.
type Settings struct {
	// Providers are settings of single issuers, by their URL as registered,
	// with its scheme. A provider need not be registered yet.
	Providers map[string]ProviderSettings
	// Egress bounds which addresses issuers may have.
	Egress Egress
	// Proxy is asked to connect to every issuer that has no setting of its own;
	// nil for none. The environment's proxies are never read: what connects
	// for us passes the guard, so only an explicit setting may do that.
	Proxy *url.URL
	// StaleFor is how long keys whose time is over may still be used while the
	// issuer cannot be reached; zero is 24 hours, less than zero is never.
	StaleFor time.Duration
}

// ProviderSettings are those of one issuer.
type ProviderSettings struct {
	// Roots are the only authorities that vouch for this issuer, besides its
	// thumbprints; nil is the Cache's.
	Roots *x509.CertPool
	// DiscoveryURL is where the discovery document is read, if not below the
	// issuer's URL. The document's issuer must still be the registered one.
	DiscoveryURL string
	// KeysFile holds the issuer's JWK Set. The issuer is then never asked, and
	// need not exist.
	KeysFile string
	// Proxy is asked to connect to this issuer; nil is Settings.Proxy.
	Proxy *url.URL
	// NoProxy: there is none for this issuer, whatever Settings.Proxy says.
	NoProxy bool
}

// Egress says which addresses may be connected to. Of the ranges in Allow and
// Deny that hold an address the narrowest decides, and of two equal ones Deny.
// An address in none is allowed. Above both stand: link-local addresses, those
// of cloud metadata and those of no one host are always refused, and loopback
// is refused unless AllowLoopback.
type Egress struct {
	Allow, Deny []netip.Prefix
	// DenyPrivate denies the private ranges (see privateRanges), where a
	// self-managed GitLab often lives. An Allow within one opens that part.
	DenyPrivate bool
	// AllowLoopback allows issuers on this machine though the server does not
	// listen on loopback.
	AllowLoopback bool
}

// Check refuses settings that could not do what they say: it reads the files
// too. Its errors name the setting.
func (s Settings) Check() error {
	for _, issuer := range sortedKeys(s.Providers) {
		p := s.Providers[issuer]
		if err := p.check(issuer); err != nil {
			return fmt.Errorf("jwks: provider %q: %w", issuer, err)
		}
	}
	if s.Proxy != nil {
		if err := checkProxy(s.Proxy); err != nil {
			return fmt.Errorf("jwks: %w", err)
		}
	}
	return nil
}

func (p ProviderSettings) check(issuer string) error {
	u, err := parseHTTPS(issuer)
	switch {
	case err != nil:
		return fmt.Errorf("its URL: %w", err)
	case strings.ContainsAny(issuer, "?#") || u.Port() == "443":
		return errors.New("its URL is none of a provider: write it as IAM keeps it, without :443, a query or a fragment")
	}
	if p.DiscoveryURL != "" {
		if _, err := parseHTTPS(p.DiscoveryURL); err != nil {
			return fmt.Errorf("discovery URL: %w", err)
		}
	}
	if p.KeysFile != "" {
		if p.DiscoveryURL != "" || p.Proxy != nil || p.Roots != nil {
			return errors.New("its keys are pinned from a file, so that no host is asked: leave out discovery URL, proxy and authorities")
		}
		if _, _, err := readKeysFile(p.KeysFile); err != nil {
			return err
		}
	}
	if p.Proxy != nil {
		return checkProxy(p.Proxy)
	}
	return nil
}

func checkProxy(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("proxy %q is neither an http nor an https URL", u.Redacted())
	case u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("proxy %q must be a host, with a port or a user, and nothing behind", u.Redacted())
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

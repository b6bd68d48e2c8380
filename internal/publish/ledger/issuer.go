package ledger

import (
	"net/netip"
	"net/url"
	"strings"
)

// CheckIssuer refuses a URL that cannot be an issuer's for AWS, or of which two
// spellings would be two issuers: it must be byte-equal in tokens, in the
// discovery document and in the provider (IAM User Guide, "Create an OpenID
// Connect (OIDC) identity provider in IAM"). A port is allowed on loopback
// alone, where no cloud looks but a Daypass on the same machine may.
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "":
		return refuse("issuer-url", "%s is no URL of an issuer; write it as https://oidc.example.com", shown(issuer))
	case u.Scheme != "https":
		return refuse("issuer-http", "the issuer %s does not begin with https://; keys that come over http can be replaced on the way", shown(issuer))
	case u.User != nil:
		return refuse("issuer-user", "the issuer names a user")
	case strings.ContainsAny(issuer, "?#"):
		return refuse("issuer-query", "the issuer %s has a query or a fragment", shown(issuer))
	case strings.HasSuffix(issuer, "/"):
		return refuse("issuer-slash", "the issuer %s ends in a slash: for AWS that is another issuer than the one without", shown(issuer))
	case u.Port() != "" && !OnLoopback(u.Hostname()):
		return refuse("issuer-port", "the issuer %s has a port, which IAM does not take", shown(issuer))
	case u.Host != strings.ToLower(u.Host):
		return refuse("issuer-case", "the host of %s has capital letters; tokens and provider must have the same bytes", shown(issuer))
	case len(issuer) > 255:
		return refuse("issuer-long", "the issuer has %d characters; IAM takes 255", len(issuer))
	}
	return nil
}

// OnLoopback reports whether a host is this machine by its name or number.
func OnLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback()
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

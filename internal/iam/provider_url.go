package iam

import (
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
)

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

// parseProviderURL gives the url of a provider as IAM keeps it: without
// scheme, and otherwise as it was sent, since tokens must carry it byte for
// byte as their issuer. Case counts, and so does a slash at the end. The one
// change is that port 443 is left out (recorded on AWS). Another port is a
// divergence: AWS refuses it, and an issuer of one's own may have one.
func parseProviderURL(given string) (string, error) {
	rest, https := strings.CutPrefix(given, "https://")
	switch {
	case !https && strings.Contains(given, "://"):
		return "", invalidInput("Invalid Open ID Connect Provider URL. The URL must begin with https://.")
	case !https || rest == "" || strings.HasPrefix(rest, "/"):
		return "", awsapi.Invalid("Invalid Open ID Connect Provider URL")
	case strings.ContainsAny(rest, "?#"):
		return "", invalidInput("Unknown").Because("a provider's URL has no query and no fragment")
	case strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", invalidURL("it holds a character other than printable ASCII")
	}
	parsed, err := url.Parse(given)
	if err != nil {
		return "", invalidURL("it is not a URL")
	}
	if parsed.User != nil {
		return "", invalidURL("a user name or password does not belong into it")
	}
	if !validHost(parsed.Hostname()) {
		return "", invalidURL("its host is neither a name nor an IP address")
	}
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	host, isDefault := strings.CutSuffix(authority, ":443")
	if isDefault {
		return host + path, nil
	}
	if strings.HasSuffix(authority, ":") || parsed.Port() != "" && !validPort(parsed.Port()) {
		return "", invalidURL("its port is not a number from 1 to 65535")
	}
	return rest, nil
}

func invalidURL(reason string) *awsapi.Fault {
	return invalidInput("Invalid Open ID Connect Provider URL.").Because("the provider's URL is refused: %s", reason)
}

func validHost(host string) bool {
	if strings.Contains(host, ":") {
		address, err := netip.ParseAddr(host)
		return err == nil && address.Zone() == ""
	}
	return hostPattern.MatchString(host)
}

// validPort takes a port as digits without a leading zero, so that one port
// has one spelling.
func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == port
}

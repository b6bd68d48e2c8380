package gitlab

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// CheckIssuer says whether tokens may be signed in the name of an issuer. It
// must be written as it will be compared, or the error says how; and it must be
// the operator's own, or the error is ErrNotOwned: see Config.Declared.
func CheckIssuer(issuer string, declared bool) error {
	u, err := checkURL(issuer)
	if err != nil {
		return err
	}
	return checkOwner(u, declared)
}

// hostName is a name of letters, digits and hyphens (RFC 1123, section 2.1), in
// lower case. Others are not compared by every reader alike: a name in Unicode
// can be mapped to another by one of them.
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// oddNumber ends a host that some readers take for an address (WHATWG URL,
// "ends in a number checker").
var oddNumber = regexp.MustCompile(`(^|\.)([0-9]+|0x[0-9a-f]*)$`)

// checkURL takes an issuer URL apart and refuses what AWS or GitLab would not
// compare as equal to itself.
func checkURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("gitlab: the issuer URL %q is not a URL", s)
	}
	host := u.Hostname()
	address, notAddress := netip.ParseAddr(host)
	fault := ""
	switch {
	case u.Scheme != "https":
		fault = "should begin with https://; AWS takes no other provider"
	case host == "" || u.Opaque != "":
		fault = "has no host"
	case u.User != nil:
		fault = "should hold no user name"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(s, "#"):
		fault = "should end with the host or a path, without ? and #"
	case strings.HasSuffix(s, "/"):
		fault = "should have no trailing slash"
	case u.Host != strings.ToLower(u.Host):
		fault = "should be written in lower case"
	case strings.HasSuffix(host, "."):
		fault = "should have no dot at the end of its host"
	case u.Port() == "" && strings.HasSuffix(u.Host, ":"), u.Port() == "443", strings.HasPrefix(u.Port(), "0"):
		fault = "should name a port only if it is not 443, without zeros before it"
	case notAddress == nil && (address.Zone() != "" || address.String() != host),
		notAddress != nil && (!hostName.MatchString(host) || oddNumber.MatchString(host)):
		fault = "should have a host of letters, digits and hyphens, or an address in its usual form"
	case u.Path != "" && path.Clean(u.Path) != u.Path, strings.ContainsAny(u.Path, "{} "), u.RawPath != "":
		fault = "should have a plain path"
	case u.String() != s:
		fault = "is not written in its plain form, which is " + u.String()
	}
	if fault != "" {
		return nil, fmt.Errorf("gitlab: the issuer URL %q %s", s, fault)
	}
	return u, nil
}

// publicIssuers are hosts of issuers that people trust in their AWS accounts.
// Each stands for the names under it as well. A token in their name is of no
// honest use, so Config.Declared does not open them.
//
// Sources: AWS's list of condition keys of OIDC providers; the issuers in
// Fulcio's config/identity/config.yaml; the documentation of each.
var publicIssuers = []string{
	"gitlab.com", "gitlab-dedicated.com", "gitlab-dedicated.us", "github.com", "githubusercontent.com", "ghe.com",
	"bitbucket.org", "circleci.com", "buildkite.com", "terraform.io", "codeberg.org", "codefresh.io", "fly.io",
	"pulumi.com", "scalr.io", "semaphoreci.com", "spacelift.io", "vercel.com", "sigstore.dev", "sourcehut.org",
	"dev.azure.com", "visualstudio.com", "microsoftonline.com", "microsoft.com", "sts.windows.net", "prod-aks.azure.com",
	"google.com", "googleapis.com", "appleid.apple.com", "facebook.com", "amazon.com",
	"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws", "oraclecloud.com",
	"auth0.com", "okta.com", "oktapreview.com", "onelogin.com",
}

// publishedInBucket is the exception to them: GitLab Docs tell owners of a
// private instance to publish the two documents in a bucket of their own, and so
// does AWS for Kubernetes. The bucket is the first label, or the first element of
// the path.
func publishedInBucket(u *url.URL) bool {
	host := u.Hostname()
	if host == "storage.googleapis.com" {
		return u.Path != ""
	}
	for _, domain := range []string{".amazonaws.com", ".amazonaws.com.cn"} {
		rest, ok := strings.CutSuffix(host, domain)
		if !ok {
			continue
		}
		// [BUCKET.]s3[.dualstack][.REGION]; a bucket's name may hold dots.
		labels := strings.Split(rest, ".")
		if region.MatchString(labels[len(labels)-1]) {
			labels = labels[:len(labels)-1]
		}
		if n := len(labels); n > 1 && labels[n-1] == "dualstack" {
			labels = labels[:n-1]
		}
		if n := len(labels); n > 0 && labels[n-1] == "s3" {
			return n > 1 || u.Path != ""
		}
	}
	return false
}

var region = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)

// privateNames end the names that no one can own on the public Internet.
//
// Sources: RFC 2606 and RFC 6761 (reserved names), RFC 6762 (local, and in its
// appendix G intranet, internal, private, corp, home, lan as seen in use), RFC
// 8375 (home.arpa), RFC 9476 (alt), ICANN resolution 2024.07.29.06 (internal).
// A name of one label is nobody's either: ICANN forbids addresses at top-level
// domains (resolution 2013.08.13.NG02, RFC 7085).
var privateNames = []string{
	"localhost", "test", "example", "invalid", "example.com", "example.net", "example.org", "alt",
	"internal", "local", "intranet", "private", "corp", "home", "home.arpa", "lan",
}

func checkOwner(u *url.URL, declared bool) error {
	host := u.Hostname()
	if address, err := netip.ParseAddr(host); err == nil {
		if address.Unmap().IsLoopback() || address.Unmap().IsPrivate() || declared {
			return nil
		}
		return fmt.Errorf("%w: %s is a public address; declare it if you own it", ErrNotOwned, host)
	}
	if under(host, publicIssuers) && !publishedInBucket(u) {
		return fmt.Errorf("%w: %s is a public issuer, and tokens in its name would be forgeries", ErrNotOwned, host)
	}
	if declared || under(host, privateNames) || !strings.Contains(host, ".") {
		return nil
	}
	return fmt.Errorf("%w: %s; declare it if you own it, or take a private name such as gitlab.internal", ErrNotOwned, host)
}

// under reports whether host is one of the names or ends with one.
func under(host string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return host == n || strings.HasSuffix(host, "."+n) })
}

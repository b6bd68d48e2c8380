package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// maxURL is IAM's (IAM API Reference, CreateOpenIDConnectProvider, Url: 1 to 255
// characters).
const maxURL = 255

// examineURL is D01. It sets issuer, if the URL can be asked at all.
func (e *issuerExam) examineURL() {
	text := e.c.URL
	u, err := parseIssuer(text)
	if err != nil {
		e.found("url-no-issuer", "%v", err)
		return
	}
	e.issuer = u
	if u.User != nil {
		e.found("url-user", "the URL names a user")
		e.issuer = nil
		return
	}
	if strings.ContainsAny(text, "?#") {
		e.found("url-query", "%s", shown(text))
		e.issuer = nil
		return
	}
	switch port := u.Port(); {
	case port == "443":
		e.found("url-443", "%s", shown(text))
	case port != "":
		e.found("url-port", "port %s", port)
	}
	if strings.HasSuffix(u.Path, "/") {
		e.found("url-slash", "%s", shown(text))
	}
	if host := u.Host; host != strings.ToLower(host) {
		e.found("url-case", "%s", shown(host))
	}
	if strings.HasSuffix(u.Hostname(), ".") {
		e.found("url-dot", "%s", shown(u.Hostname()))
	}
	if len(text) > maxURL {
		e.found("url-long", "%s", number(len(text), "character"))
	}
	if strings.HasSuffix(u.Path, discoveryPath) {
		e.found("url-document", "%s", shown(text))
	}
	e.ok("D01", "%s", text)
}

// examineDNS is D02 for one host. It reports whether the host can be asked.
func (e *issuerExam) examineDNS(ctx context.Context, u *url.URL) bool {
	host := u.Hostname()
	if addr, ok := e.resolve[host]; ok {
		e.found("dns-overridden", "%s is taken to be %s, as --resolve says", host, addr)
		e.ok("D02", "%s", host)
		return true
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		e.found("dns-number", "%s", host)
		e.judgeAddresses(host, []netip.Addr{addr})
		return true
	}
	if name := strings.ToLower(strings.TrimSuffix(host, ".")); name == "localhost" || strings.HasSuffix(name, ".localhost") {
		e.judgeAddresses(host, []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})})
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, e.patient)
	defer cancel()
	addresses, err := e.c.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		var dns *net.DNSError
		if errors.As(err, &dns) && dns.IsNotFound {
			e.found("no-such-host", "%s has no address in the DNS that this machine asks", host)
		} else {
			e.found("dns-fails", "%s could not be looked up: %s", host, dnsReason(err))
		}
		return false
	}
	e.judgeAddresses(host, addresses)
	if name, err := e.c.Resolver.LookupCNAME(ctx, host); err == nil && !strings.EqualFold(strings.TrimSuffix(name, "."), strings.TrimSuffix(host, ".")) {
		e.found("dns-alias", "%s is an alias of %s", host, strings.TrimSuffix(name, "."))
	}
	return true
}

func dnsReason(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.Err
	}
	return err.Error()
}

// sharedSpace is where carriers put many customers behind one address (RFC 6598
// section 7); netip.Addr.IsPrivate does not count it.
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// judgeAddresses says of a host's addresses which cannot be reached from the
// public internet.
func (e *issuerExam) judgeAddresses(host string, addresses []netip.Addr) {
	var all, private []string
	v4 := false
	for _, a := range addresses {
		a = a.Unmap()
		text := a.String()
		if slices.Contains(all, text) {
			continue
		}
		all = append(all, text)
		v4 = v4 || a.Is4()
		switch {
		case a.IsLoopback():
			e.found("dns-loopback", "%s is %s", host, text)
		case a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsMulticast():
			e.found("address-refused", "%s is %s", host, text)
		case a.IsPrivate() || sharedSpace.Contains(a):
			private = append(private, text)
		}
	}
	if len(private) > 0 {
		e.found("dns-private", "%s is %s", host, strings.Join(private, ", "))
	}
	if !v4 && len(all) > 0 {
		e.found("dns-ipv6-only", "%s is %s", host, strings.Join(all, ", "))
	}
	e.ok("D02", "%s is %s", host, strings.Join(all, ", "))
}

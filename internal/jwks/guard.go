package jwks

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// guard says which addresses a fetch may connect to.
type guard struct {
	allowLoopback bool
	rules         []rule
	asked         func() // tests count by it
}

// rule is a range and what is said of it.
type rule struct {
	prefix netip.Prefix
	deny   bool
}

var (
	thisHost  = netip.MustParsePrefix("0.0.0.0/8") // RFC 1122 section 3.2.1.3
	broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

	// metadataRanges are where clouds tell a machine its own secrets, as far as
	// those are not link-local: EC2 by IPv6, Google by IPv6, Alibaba, Azure's
	// agent, Oracle's first generation (the clouds' documentation of their
	// metadata services).
	metadataRanges = prefixes("fd00:ec2::/32", "fd20:ce::254/128", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32")

	// privateRanges are RFC 1918 section 3, RFC 6598 section 7 (behind a
	// carrier's NAT), RFC 4193 section 3.1, RFC 3879 (site-local).
	privateRanges = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10")
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// newGuard puts the rules together. onLoopback says that the server itself
// listens there, and so serves this machine only.
func newGuard(e Egress, onLoopback bool) guard {
	g := guard{allowLoopback: onLoopback || e.AllowLoopback}
	if e.DenyPrivate {
		g.add(privateRanges, true)
	}
	g.add(e.Deny, true)
	g.add(e.Allow, false)
	return g
}

func (g *guard) add(ranges []netip.Prefix, deny bool) {
	for _, p := range ranges {
		if addr := p.Addr(); addr.Is4In6() && p.Bits() >= 96 { // addresses are judged as IPv4
			p = netip.PrefixFrom(addr.Unmap(), p.Bits()-96)
		}
		g.rules = append(g.rules, rule{prefix: p.Masked(), deny: deny})
	}
}

// embedded are the forms of IPv6 address that lead to the IPv4 address in them,
// and at which of their bytes that begins.
var embedded = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},   // RFC 6052 section 2.1
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12}, // RFC 8215, where its /96 is taken
	{netip.MustParsePrefix("2002::/16"), 2},       // RFC 3056 section 2
	{netip.MustParsePrefix("::/96"), 12},          // RFC 4291 section 2.5.5.1
}

// check refuses an address that is of this machine alone, of its link, or of
// no one machine, or that the rules deny. An IPv4 address inside an IPv6 one is
// judged too.
func (g guard) check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	why := g.refusal(addr)
	if bytes := addr.As16(); addr.Is6() && why == "" && !addr.IsLoopback() {
		for _, e := range embedded {
			if e.prefix.Contains(addr) {
				why = g.refusal(netip.AddrFrom4([4]byte(bytes[e.at : e.at+4])))
				break
			}
		}
	}
	if why != "" {
		return egressError{fmt.Errorf("%s is %s; issuers there are refused", addr, why)}
	}
	return nil
}

// refusal is what is wrong with an address, "" for nothing.
func (g guard) refusal(addr netip.Addr) string {
	switch {
	case !addr.IsValid() || addr.IsUnspecified() || thisHost.Contains(addr):
		return "no address of a host"
	case addr.IsLoopback() && !g.allowLoopback:
		return "a loopback address, and the server is not started for loopback"
	case addr.IsLinkLocalUnicast():
		return "a link-local address, where cloud metadata lives"
	case holds(metadataRanges, addr):
		return "an address of cloud metadata"
	case addr.IsMulticast() || addr == broadcast:
		return "a multicast or broadcast address"
	}
	decides := rule{}
	for _, r := range g.rules {
		narrower := r.prefix.Bits() > decides.prefix.Bits() || r.prefix.Bits() == decides.prefix.Bits() && r.deny
		if r.prefix.Contains(addr) && (!decides.prefix.IsValid() || narrower) {
			decides = r
		}
	}
	if decides.deny {
		return fmt.Sprintf("in %s, which the server's settings deny", decides.prefix)
	}
	return ""
}

func holds(ranges []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// control is net.Dialer's hook after resolution and before connecting, so that
// a name cannot be resolved to one address for the check and another for use.
func (g guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	if g.asked != nil {
		g.asked()
	}
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return egressError{fmt.Errorf("%q is no address: %w", address, err)}
	}
	return g.check(addr.Addr())
}

// dial connects to host:port. The name localhost, and every name below it, is
// this machine and is asked of no resolver (RFC 6761 section 6.3).
func (g guard) dial(ctx context.Context, address string) (net.Conn, error) {
	d := net.Dialer{ControlContext: g.control}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if !isLocalhost(name) {
		return d.DialContext(ctx, "tcp", address)
	}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		if v6, err := d.DialContext(ctx, "tcp", net.JoinHostPort("::1", port)); err == nil {
			return v6, nil
		}
	}
	return conn, err
}

// isLocalhost goes by a name in lower case without its closing dot.
func isLocalhost(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

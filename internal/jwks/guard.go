package jwks

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// guard says which addresses a fetch may connect to.
type guard struct{ allowLoopback bool }

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052 section 2.1
	sixToFour = netip.MustParsePrefix("2002::/16")    // RFC 3056 section 2
	thisHost  = netip.MustParsePrefix("0.0.0.0/8")    // RFC 1122 section 3.2.1.3
	broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	// metadata is the IPv6 address of EC2's instance metadata service, which
	// is a unique local address and not link-local as its IPv4 one.
	metadata = netip.MustParseAddr("fd00:ec2::254")
)

// check refuses an address that is of this machine alone, of its link, or of
// no one machine.
func (g guard) check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	bytes := addr.As16()
	switch { // an IPv4 address inside an IPv6 one is judged by itself
	case nat64.Contains(addr):
		addr = netip.AddrFrom4([4]byte(bytes[12:16]))
	case sixToFour.Contains(addr):
		addr = netip.AddrFrom4([4]byte(bytes[2:6]))
	}
	what := ""
	switch {
	case !addr.IsValid() || addr.IsUnspecified() || thisHost.Contains(addr):
		what = "no address of a host"
	case addr.IsLoopback() && !g.allowLoopback:
		what = "a loopback address, and the server is not started for loopback"
	case addr.IsLinkLocalUnicast() || addr == metadata:
		what = "a link-local address, where cloud metadata lives"
	case addr.IsMulticast() || addr == broadcast:
		what = "a multicast or broadcast address"
	}
	if what != "" {
		return fmt.Errorf("jwks: %s is %s; issuers there are refused", addr, what)
	}
	return nil
}

// control is net.Dialer's hook after resolution and before connecting, so that
// a name cannot be resolved to one address for the check and another for use.
func (g guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("jwks: %q is no address: %w", address, err)
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
	if name != "localhost" && !strings.HasSuffix(name, ".localhost") {
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

package policy

import (
	"net/netip"
	"strings"
)

// parseIP reads the address that a request comes from. An IPv4 address written
// as IPv6 (::ffff:192.0.2.1) is the IPv4 address. Leading zeros of an IPv4
// number are decimal. (Published captures of AWS, 2026.) A zone is not admitted.
func parseIP(s string) (netip.Addr, bool) {
	if strings.IndexByte(s, ':') < 0 {
		return parseIPv4(s)
	}
	a, ok := parseIPv6(s)
	return a.Unmap(), ok
}

// parseIPNetwork reads an address, or a network with the length of its prefix.
// Bits of an IPv4 address beyond the prefix are ignored; an IPv6 network that
// has such bits is none, because AWS lets it match nothing, not even its own
// address, and refuses to store it. An IPv6 network is never one of IPv4
// addresses, and its last part is not written with dots. (Published captures of
// AWS, 2026.)
func parseIPNetwork(s string) (netip.Prefix, bool) {
	address, length, hasLength := strings.Cut(s, "/")
	var a netip.Addr
	var ok bool
	if strings.IndexByte(address, ':') < 0 {
		a, ok = parseIPv4(address)
	} else {
		a, ok = parseIPv6(address)
		ok = ok && strings.IndexByte(address, '.') < 0
	}
	if !ok {
		return netip.Prefix{}, false
	}
	bits := a.BitLen()
	if hasLength {
		length = strings.TrimPrefix(length, "+")
		if bits, ok = smallNumber(length, a.BitLen()); !ok {
			return netip.Prefix{}, false
		}
	}
	network := netip.PrefixFrom(a, bits).Masked()
	return network, a.Is4() || network.Addr() == a
}

// parseIPv4 is netip.ParseAddr for four numbers that may have leading zeros.
func parseIPv4(s string) (netip.Addr, bool) {
	var octets [4]byte
	for i := range octets {
		number, rest, more := strings.Cut(s, ".")
		value, ok := smallNumber(number, 255)
		if !ok || more != (i < 3) {
			return netip.Addr{}, false
		}
		octets[i], s = byte(value), rest
	}
	return netip.AddrFrom4(octets), true
}

// smallNumber reads decimal digits up to a most of at most three digits.
func smallNumber(s string, most int) (value int, ok bool) {
	if s == "" || len(s) > 20 {
		return 0, false
	}
	for i := range len(s) {
		if !isDigit(s[i]) || value > most {
			return 0, false
		}
		value = 10*value + int(s[i]-'0')
	}
	return value, value <= most
}

// longestIPv6 is the length of ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255.
const longestIPv6 = 45

// parseIPv6 keeps texts of other kinds from netip.ParseAddr, which would
// allocate for its error.
func parseIPv6(s string) (netip.Addr, bool) {
	if len(s) > longestIPv6 {
		return netip.Addr{}, false
	}
	for i := range len(s) {
		if strings.IndexByte("0123456789abcdefABCDEF:.", s[i]) < 0 {
			return netip.Addr{}, false
		}
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Is6()
}

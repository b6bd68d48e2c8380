package server

import (
	"net/netip"
	"strings"
	"testing"
)

var trustedInTest = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

func TestClientOf(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"":                                 "",
		"192.0.2.1":                        "192.0.2.1",
		"203.0.113.9, 192.0.2.1":           "192.0.2.1",
		"192.0.2.1, 10.1.1.1":              "192.0.2.1",
		"203.0.113.9, 192.0.2.1, 10.1.1.1": "192.0.2.1",
		"192.0.2.1|10.1.1.1":               "192.0.2.1",
		"10.1.1.2, 10.1.1.1":               "10.1.1.2",
		"192.0.2.1:4711":                   "192.0.2.1",
		"[2001:db8::1]:4711, fd00::1":      "2001:db8::1",
		"::ffff:192.0.2.1":                 "192.0.2.1",
		"fe80::1%eth0":                     "fe80::1",
		"192.0.2.1, unknown":               "",
		"192.0.2.1,":                       "",
		"_hidden, 192.0.2.1":               "192.0.2.1",
	} {
		got := ""
		if client := clientOf(strings.Split(header, "|"), trustedInTest); client.IsValid() {
			got = client.String()
		}
		if got != want {
			t.Errorf("%q is of %q, want %q", header, got, want)
		}
	}
}

// FuzzClientOf: whatever a client put before what the proxies wrote, it is told as the
// proxies saw it.
func FuzzClientOf(f *testing.F) {
	for _, header := range []string{"", "203.0.113.9", "10.0.0.1", ",", "a, b", "\x00", "192.0.2.1, 10.0.0.1", "[::1]:80", strings.Repeat("10.0.0.1,", 40)} {
		f.Add(header)
	}
	client := netip.MustParseAddr("192.0.2.1")
	f.Fuzz(func(t *testing.T, sent string) {
		for _, seen := range []string{"192.0.2.1", "192.0.2.1:80", "192.0.2.1, 10.0.0.7", "::ffff:192.0.2.1"} {
			for _, headers := range [][]string{{sent, seen}, {sent + "," + seen}, {sent + ", " + seen}} {
				if got := clientOf(headers, trustedInTest); got != client {
					t.Errorf("%q is of %v", headers, got)
				}
			}
		}
		if got := clientOf([]string{sent}, trustedInTest); got.IsValid() && (got.Is4In6() || got.Zone() != "") {
			t.Errorf("%q is of %v", sent, got)
		}
	})
}

package jwks

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	for address, refused := range map[string]bool{
		"93.184.216.34:443":            false,
		"10.0.0.1:443":                 false, // private networks hold self-managed issuers
		"172.16.0.1:443":               false,
		"192.168.1.1:443":              false,
		"100.64.0.1:443":               false,
		"[2606:2800:220:1::1]:443":     false,
		"[fd12:3456::1]:443":           false,
		"[::ffff:10.0.0.1]:443":        false,
		"[64:ff9b::a00:1]:443":         false,
		"127.0.0.1:443":                true,
		"127.255.255.254:443":          true,
		"[::1]:443":                    true,
		"[::ffff:127.0.0.1]:443":       true,
		"[64:ff9b::7f00:1]:443":        true,
		"169.254.169.254:443":          true,
		"[::ffff:169.254.169.254]:443": true,
		"[64:ff9b::a9fe:a9fe]:443":     true,
		"[2002:a9fe:a9fe::1]:443":      true,
		"[fd00:ec2::254]:443":          true,
		"[fe80::1]:443":                true,
		"[fe80::1%eth0]:443":           true,
		"0.0.0.0:443":                  true,
		"0.1.2.3:443":                  true,
		"[::]:443":                     true,
		"224.0.0.1:443":                true,
		"239.255.255.250:443":          true,
		"[ff02::1]:443":                true,
		"255.255.255.255:443":          true,
		"gitlab.example.com:443":       true, // not resolved: nothing to judge
		"":                             true,
	} {
		err := newGuard(Egress{}, false).control(t.Context(), "tcp", address, nil)
		if refused != (err != nil) {
			t.Errorf("%s: error is %v", address, err)
		}
	}
	for address, refused := range map[string]bool{"127.0.0.1": false, "::1": false, "::ffff:127.0.0.1": false, "169.254.169.254": true, "0.0.0.0": true, "::": true} {
		err := newGuard(Egress{}, true).check(netip.MustParseAddr(address))
		if refused != (err != nil) {
			t.Errorf("loopback allowed, %s: error is %v", address, err)
		}
	}
	if (guard{}).check(netip.Addr{}) == nil {
		t.Error("the zero address is allowed")
	}
}

func TestLoopbackIsRefusedUnlessAllowed(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i := serve(t, p.leaf, p.intermediate)
	c := clock.cache(p.trusted, func(c *Config) { c.AllowLoopback = false })
	for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST", "localhost.", "gitlab.localhost"} {
		_, err := c.Keys(t.Context(), Provider{Issuer: strings.Replace(i.url, "127.0.0.1", host, 1)}, "one")
		if !errors.Is(err, ErrEgress) || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%s: error is %v", host, err)
		}
	}
	if n := i.discovery.Load(); n != 0 {
		t.Errorf("%d requests came through", n)
	}
}

// TestLocalhostNames: localhost and the names below it are this machine, and
// no resolver is asked.
func TestLocalhostNames(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	for _, host := range []string{"localhost", "gitlab.localhost", "GitLab.LocalHost"} {
		i := serve(t, p.leaf, p.intermediate)
		i.url = strings.Replace(i.url, "127.0.0.1", host, 1)
		want(t, clock.cache(p.trusted), i.provider(), "one", true)
	}
}

func TestLinkLocalKeysAreRefused(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i := serve(t, p.leaf, p.intermediate)
	for _, host := range []string{"169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "0.0.0.0", "224.0.0.1"} {
		i.answer(discoveryPath, document(i.url, "https://"+host+"/keys"))
		_, err := clock.cache(p.trusted).Keys(t.Context(), i.provider(), "one")
		if !errors.Is(err, ErrEgress) || !strings.Contains(err.Error(), "issuers there are refused") {
			t.Errorf("%s: error is %v", host, err)
		}
	}
}

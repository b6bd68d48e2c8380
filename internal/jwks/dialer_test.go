package jwks

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// TestDialer: it has the guard's rules, whoever uses it and whatever for.
func TestDialer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // the test is over
	here := strings.Replace(l.Addr().String(), "127.0.0.1", "localhost", 1)
	conn, err := NewDialer(Egress{}, true).Dial(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close() //nolint:errcheck // nothing was sent
	for _, c := range []struct {
		egress   Egress
		loopback bool
		address  string
	}{
		{Egress{}, false, here},
		{Egress{}, false, l.Addr().String()},
		{Egress{}, true, "169.254.169.254:80"},
		{Egress{}, true, "[fd00:ec2::254]:80"},
		{Egress{}, true, "[::ffff:169.254.169.254]:80"},
		{Egress{Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}, true, "169.254.169.254:443"},
		{Egress{Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, true, here},
	} {
		if _, err := NewDialer(c.egress, c.loopback).Dial(t.Context(), c.address); !errors.Is(err, ErrEgress) {
			t.Errorf("%+v: error %v", c, err)
		}
	}
	if _, err := NewDialer(Egress{}, true).Dial(t.Context(), closedPort(t)); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a closed port: error %v", err)
	}
}

func TestCertificateThumbprint(t *testing.T) {
	t.Parallel()
	root := newPKI(t).root.cert
	if got := Thumbprint(root); got != thumbprint(root) || len(got) != 40 || got != strings.ToLower(got) {
		t.Errorf("the thumbprint is %s", got)
	}
}

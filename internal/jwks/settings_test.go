package jwks

import (
	"crypto/x509"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// only gives settings to the issuer at url.
func only(url string, p ProviderSettings) func(*Config) {
	return func(c *Config) { c.Settings.Providers = map[string]ProviderSettings{url: p} }
}

func pool(certs ...*authority) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, a := range certs {
		pool.AddCert(a.cert)
	}
	return pool
}

// TestAuthorityOfOneProvider: it vouches for that issuer alone, and nobody else
// vouches for it.
func TestAuthorityOfOneProvider(t *testing.T) {
	t.Parallel()
	var clock clock
	p, other := newPKI(t), newPKI(t)
	own, neighbour := serve(t, p.leaf, p.intermediate), serve(t, p.leaf, p.intermediate)
	c := clock.cache(other.trusted, only(own.url, ProviderSettings{Roots: pool(p.root)}))
	want(t, c, own.provider(), "one", true)
	_, err := c.Keys(t.Context(), neighbour.provider(), "one")
	wantKind(t, err, ErrThumbprint)

	taken := serve(t, other.leaf, other.intermediate) // by a certificate of one whom all others trust
	c = clock.cache(other.trusted, only(taken.url, ProviderSettings{Roots: pool(p.root)}))
	_, err = c.Keys(t.Context(), taken.provider(), "one")
	wantKind(t, err, ErrThumbprint)
	want(t, c, taken.provider(thumbprint(other.intermediate.cert)), "one", true) // a thumbprint does, as IAM has it
}

// TestDiscoveryElsewhere: the document may lie elsewhere, and names the issuer
// as registered.
func TestDiscoveryElsewhere(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	inside := serve(t, p.leaf, p.intermediate)
	const issuer = "https://gitlab.example.com"
	c := clock.cache(p.trusted, only(issuer, ProviderSettings{DiscoveryURL: inside.url + "/inside/document"}))
	inside.answer("/inside/document", document(issuer, inside.url+keysPath))
	want(t, c, Provider{Issuer: issuer}, "one", true)

	c.Forget(Provider{Issuer: issuer})
	inside.answer("/inside/document", document(inside.url, inside.url+keysPath))
	_, err := c.Keys(t.Context(), Provider{Issuer: issuer}, "one")
	wantKind(t, err, ErrDocument)
	if err == nil || !strings.Contains(err.Error(), "must be equal") {
		t.Errorf("error is %v", err)
	}
	// The guard holds for it as for every address.
	c = clock.cache(p.trusted, only(issuer, ProviderSettings{DiscoveryURL: "https://169.254.169.254/"}))
	_, err = c.Keys(t.Context(), Provider{Issuer: issuer}, "one")
	wantKind(t, err, ErrEgress)
}

func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	const issuer = "https://gitlab.example.com"
	parse := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	good := filepath.Join(t.TempDir(), "keys.json")
	write(t, good, keysDocument([]string{"one"}))
	for why, s := range map[string]Settings{
		"":                               {Providers: map[string]ProviderSettings{issuer: {KeysFile: good}, issuer + "/path/": {DiscoveryURL: "https://inside:8443/x", Proxy: parse("http://proxy:3128")}}, Proxy: parse("https://user:word@proxy/")},
		"is not an https URL":            {Providers: map[string]ProviderSettings{"gitlab.example.com": {}}},
		"without :443":                   {Providers: map[string]ProviderSettings{issuer + ":443": {}}},
		"a query or a fragment":          {Providers: map[string]ProviderSettings{issuer + "?x": {}}},
		"discovery URL:":                 {Providers: map[string]ProviderSettings{issuer: {DiscoveryURL: "http://inside"}}},
		"keys file: stat":                {Providers: map[string]ProviderSettings{issuer: {KeysFile: good + ".not"}}},
		"no host is asked":               {Providers: map[string]ProviderSettings{issuer: {KeysFile: good, DiscoveryURL: "https://inside"}}},
		`"socks5://proxy" is neither`:    {Proxy: parse("socks5://proxy")},
		`"proxy:3128" is neither`:        {Proxy: parse("proxy:3128")},
		"must be a host":                 {Proxy: parse("http://proxy/path")},
		`"http://user:xxxxx@proxy/path"`: {Providers: map[string]ProviderSettings{issuer: {Proxy: parse("http://user:word@proxy/path")}}},
	} {
		err := s.Check()
		if why == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "word") {
			t.Errorf("error is %v, want it to say %q", err, why)
		}
	}
}

func TestEgressRules(t *testing.T) {
	t.Parallel()
	list := prefixes
	for name, c := range map[string]struct {
		egress           Egress
		allowed, refused []string
	}{
		"by default": {
			Egress{},
			[]string{"93.184.216.34", "10.0.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "fd00::1", "2001:db8::1"},
			[]string{"127.0.0.1", "::1", "169.254.169.254", "fe80::1", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "64:ff9b::a9fe:a9fe", "::169.254.169.254", "2002:7f00:1::"},
		},
		"no private": {
			Egress{DenyPrivate: true},
			[]string{"93.184.216.34", "172.32.0.1", "2001:db8::1", "100.128.0.1"},
			[]string{"10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "fd00::1", "fec0::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "::10.0.0.1"},
		},
		"no private but one": {
			Egress{DenyPrivate: true, Allow: list("10.1.0.0/16")},
			[]string{"10.1.2.3", "93.184.216.34", "::ffff:10.1.2.3"},
			[]string{"10.2.0.1", "192.168.0.1"},
		},
		"nothing but one": {
			Egress{Deny: list("0.0.0.0/0", "::/0"), Allow: list("10.1.2.0/24")},
			[]string{"10.1.2.3"},
			[]string{"10.1.3.1", "93.184.216.34", "2001:db8::1", "64:ff9b::a01:203"},
		},
		"a hole in what is allowed": {
			Egress{DenyPrivate: true, Allow: list("10.1.0.0/16"), Deny: list("10.1.2.3/32")},
			[]string{"10.1.2.4"},
			[]string{"10.1.2.3"},
		},
		"both say the same": {Egress{Allow: list("10.1.0.0/16"), Deny: list("10.1.0.0/16")}, nil, []string{"10.1.0.1"}},
		"what is never allowed": {
			Egress{Allow: list("0.0.0.0/0", "::/0", "169.254.169.254/32", "127.0.0.0/8", "fd00:ec2::254/128", "224.0.0.0/4"), AllowLoopback: true},
			[]string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1"},
			[]string{"169.254.169.254", "fe80::1", "fd00:ec2::254", "168.63.129.16", "224.0.0.1", "0.0.0.0", "::", "255.255.255.255"},
		},
		"loopback is denied as all is":      {Egress{AllowLoopback: true, Deny: list("127.0.0.0/8")}, []string{"::1"}, []string{"127.0.0.1", "::ffff:127.0.0.1"}},
		"loopback is not opened by a range": {Egress{Allow: list("127.0.0.0/8", "::1/128")}, nil, []string{"127.0.0.1", "::1"}},
		"a range of mapped addresses":       {Egress{Deny: list("::ffff:10.0.0.0/104")}, []string{"11.0.0.1"}, []string{"10.0.0.1", "::ffff:10.0.0.1"}},
		"a range whose host bits are set":   {Egress{Deny: []netip.Prefix{netip.MustParsePrefix("10.1.2.3/8")}}, nil, []string{"10.200.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuard(c.egress, false)
			for _, address := range c.allowed {
				if err := g.check(netip.MustParseAddr(address)); err != nil {
					t.Error(err)
				}
			}
			for _, address := range c.refused {
				err := g.check(netip.MustParseAddr(address))
				wantKind(t, kindOf(err), ErrEgress)
			}
		})
	}
}

// TestEgressIsAskedOfEveryConnection: of the issuer's, of that to the host of
// its keys, and of one that a redirect opens.
func TestEgressIsAskedOfEveryConnection(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i := serve(t, p.leaf, p.intermediate)
	notOnLoopback := func(c *Config) { c.AllowLoopback = false }
	_, err := clock.cache(p.trusted, notOnLoopback).Keys(t.Context(), i.provider(), "one")
	wantKind(t, err, ErrEgress)
	want(t, clock.cache(p.trusted, notOnLoopback, func(c *Config) { c.Settings.Egress.AllowLoopback = true }), i.provider(), "one", true)

	for _, private := range []string{"10.0.0.1", "[fd12::1]"} {
		i.answer(discoveryPath, document(i.url, "https://"+private+"/keys"))
		_, err = clock.cache(p.trusted, func(c *Config) { c.Settings.Egress.DenyPrivate = true }).Keys(t.Context(), i.provider(), "one")
		wantKind(t, err, ErrEgress)
	}
	// A redirect within the host closes the connection, and a new one is made.
	i.answer(discoveryPath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		redirect("/again")(w, r)
	})
	i.answer("/again", document(i.url, i.url+keysPath))
	asked := 0
	f := clock.cache(p.trusted).fetcher(i.provider())
	f.guard.asked = func() { asked++ }
	if _, _, err := f.keys(t.Context(), i.url); err != nil || asked != 2 {
		t.Errorf("the guard was asked %d times for 2 connections, error %v", asked, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

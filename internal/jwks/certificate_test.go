package jwks

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestCertificates: who is believed. trusted says whether the chain's root is
// one of the cache's authorities.
func TestCertificates(t *testing.T) {
	t.Parallel()
	p, evil := newPKI(t), newPKI(t)
	expiredLeaf := p.intermediate.issue(t, "leaf", server, expired)
	otherLeaf := p.intermediate.issue(t, "leaf", server, otherHost)
	clientLeaf := p.intermediate.issue(t, "leaf", server, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	nameless := p.intermediate.issue(t, "127.0.0.1", server, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil })
	alone := (*authority)(nil).issue(t, "alone", server)
	aloneExpired := (*authority)(nil).issue(t, "alone", server, expired)
	aloneOther := (*authority)(nil).issue(t, "alone", server, otherHost)
	oldIntermediate := p.root.issue(t, "old", ca, expired)
	belowOld := oldIntermediate.issue(t, "leaf", server)
	notCA := p.root.issue(t, "not an authority", server)
	belowNotCA := notCA.issue(t, "leaf", server)

	for name, c := range map[string]struct {
		chain   []*authority
		trusted bool
		pins    []*authority
		want    error // nil: believed
	}{
		"trusted":                        {[]*authority{p.leaf, p.intermediate}, true, nil, nil},
		"trusted, whole chain":           {p.whole(), true, nil, nil},
		"trusted, a stale pin":           {p.whole(), true, []*authority{evil.root}, nil},
		"trusted, intermediate missing":  {[]*authority{p.leaf}, true, nil, ErrThumbprint},
		"trusted, another host":          {[]*authority{otherLeaf, p.intermediate}, true, nil, ErrCertificate},
		"trusted, expired":               {[]*authority{expiredLeaf, p.intermediate}, true, nil, ErrCertificate},
		"trusted, for clients":           {[]*authority{clientLeaf, p.intermediate}, true, nil, ErrCertificate},
		"trusted, only a common name":    {[]*authority{nameless, p.intermediate}, true, nil, ErrCertificate},
		"no pin":                         {p.whole(), false, nil, ErrThumbprint},
		"wrong pin":                      {p.whole(), false, []*authority{evil.root, evil.intermediate}, ErrThumbprint},
		"root pinned":                    {p.whole(), false, []*authority{p.root}, nil},
		"root pinned, not presented":     {[]*authority{p.leaf, p.intermediate}, false, []*authority{p.root}, ErrThumbprint},
		"intermediate pinned":            {[]*authority{p.leaf, p.intermediate}, false, []*authority{p.intermediate}, nil},
		"intermediate pinned, whole":     {p.whole(), false, []*authority{p.intermediate}, nil},
		"intermediate not presented":     {[]*authority{p.leaf}, false, []*authority{p.intermediate}, ErrThumbprint},
		"leaf pinned":                    {p.whole(), false, []*authority{p.leaf}, nil},
		"self-signed, pinned":            {[]*authority{alone}, false, []*authority{alone}, nil},
		"self-signed, not pinned":        {[]*authority{alone}, false, nil, ErrThumbprint},
		"self-signed, pinned, expired":   {[]*authority{aloneExpired}, false, []*authority{aloneExpired}, ErrCertificate},
		"self-signed, pinned, elsewhere": {[]*authority{aloneOther}, false, []*authority{aloneOther}, ErrCertificate},
		"second of two pins":             {p.whole(), false, []*authority{evil.root, p.root}, nil},
		"pinned, another host":           {[]*authority{otherLeaf, p.intermediate}, false, []*authority{p.intermediate}, ErrCertificate},
		"leaf pinned, another host":      {[]*authority{otherLeaf, p.intermediate}, false, []*authority{otherLeaf}, ErrCertificate},
		"pinned, expired":                {[]*authority{expiredLeaf, p.intermediate}, false, []*authority{p.intermediate}, ErrCertificate},
		"leaf pinned, expired":           {[]*authority{expiredLeaf}, false, []*authority{expiredLeaf}, ErrCertificate},
		"pinned, for clients":            {[]*authority{clientLeaf, p.intermediate}, false, []*authority{p.intermediate}, ErrCertificate},
		"pinned intermediate expired":    {[]*authority{belowOld, oldIntermediate}, false, []*authority{oldIntermediate}, ErrCertificate},
		"pinned is no authority":         {[]*authority{belowNotCA, notCA}, false, []*authority{notCA}, ErrCertificate},
		// The attack that a pin without a chain would let through: a stranger's
		// leaf, with the pinned certificates laid beside it.
		"pinned root laid beside":        {[]*authority{evil.leaf, evil.intermediate, p.intermediate, p.root}, false, []*authority{p.root}, ErrCertificate},
		"pinned leaf laid beside":        {[]*authority{evil.leaf, evil.intermediate, p.leaf}, false, []*authority{p.leaf}, ErrCertificate},
		"pinned self-signed laid beside": {[]*authority{evil.leaf, alone}, false, []*authority{alone}, ErrCertificate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock clock
			i, cache := serve(t, c.chain...), clock.cache()
			if c.trusted {
				cache = clock.cache(p.trusted)
			}
			var pins []string
			for _, a := range c.pins {
				pins = append(pins, thumbprint(a.cert))
			}
			keys, err := cache.Keys(t.Context(), i.provider(pins...), "one")
			if c.want == nil {
				if err != nil || !keys.Has("one") {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, c.want) || errors.Is(err, ErrThumbprint) != (c.want == ErrThumbprint) || keys.KeySet != nil {
				t.Errorf("error is %v, want %v", err, c.want)
			}
			if n := i.discovery.Load(); n != 0 {
				t.Errorf("%d requests were sent to one who is not believed", n)
			}
		})
	}
}

func TestThumbprintsHaveNoCase(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i := serve(t, p.whole()...)
	want(t, clock.cache(), i.provider(strings.ToUpper(thumbprint(p.root.cert))), "one", true)
}

// TestCertificatesAgeByOurClock: the cache's clock decides, and not the
// machine's.
func TestCertificatesAgeByOurClock(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), clock.cache(p.trusted)
	want(t, c, i.provider(), "one", true)
	clock.advance(2 * 365 * 24 * time.Hour)
	if _, err := c.Keys(t.Context(), i.provider(), "one"); !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("error is %v", err)
	}
}

// TestKeysHostIsVerifiedToo: the host of jwks_uri must be believed as the
// issuer's must, under the same pins.
func TestKeysHostIsVerifiedToo(t *testing.T) {
	t.Parallel()
	var clock clock
	p, other := newPKI(t), newPKI(t)
	i, keysHost := serve(t, p.leaf, p.intermediate), serve(t, other.whole()...)
	i.answer(discoveryPath, document(i.url, keysHost.url+keysPath))
	_, err := clock.cache(p.trusted).Keys(t.Context(), i.provider(), "one")
	if !errors.Is(err, ErrThumbprint) || keysHost.keys.Load() != 0 {
		t.Errorf("error is %v", err)
	}
	want(t, clock.cache(p.trusted), i.provider(thumbprint(other.root.cert)), "one", true)
	want(t, clock.cache(), i.provider(thumbprint(other.root.cert), thumbprint(p.intermediate.cert)), "one", true)
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	for version, ok := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		i := serveTLS(t, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, version }, p.leaf, p.intermediate)
		_, err := clock.cache(p.trusted).Keys(t.Context(), i.provider(), "one")
		if ok != (err == nil) {
			t.Errorf("%s: error is %v", tls.VersionName(version), err)
		}
	}
}

func TestThumbprint(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	expiredLeaf := p.intermediate.issue(t, "leaf", server, expired)
	otherLeaf := p.intermediate.issue(t, "leaf", server, otherHost)
	alone := (*authority)(nil).issue(t, "alone", server)
	for name, c := range map[string]struct {
		chain []*authority
		want  *authority // nil: refused
	}{
		"whole chain":      {p.whole(), p.root},
		"without the root": {[]*authority{p.leaf, p.intermediate}, p.intermediate},
		"leaf alone":       {[]*authority{p.leaf}, p.leaf},
		"self-signed":      {[]*authority{alone}, alone},
		"out of order":     {[]*authority{p.leaf, p.root, p.intermediate}, p.intermediate},
		"a stray at top":   {[]*authority{p.leaf, p.intermediate, alone}, nil},
		"expired":          {[]*authority{expiredLeaf, p.intermediate}, nil},
		"another host":     {[]*authority{otherLeaf, p.intermediate}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock clock
			i, cache := serve(t, c.chain...), clock.cache()
			got, err := cache.Thumbprint(t.Context(), i.url)
			if c.want == nil {
				if !errors.Is(err, ErrCertificate) || got != "" {
					t.Errorf("thumbprint %q, error %v", got, err)
				}
				return
			}
			if err != nil || got != thumbprint(c.want.cert) {
				t.Fatalf("thumbprint is %q, want %q; error %v", got, thumbprint(c.want.cert), err)
			}
			if i.keys.Load() != 0 {
				t.Error("keys were asked for")
			}
			want(t, cache, i.provider(got), "one", true) // what is learned works
		})
	}
}

// TestThumbprintIsOfTheKeysHost: IAM pins the host of jwks_uri.
func TestThumbprintIsOfTheKeysHost(t *testing.T) {
	t.Parallel()
	var clock clock
	p, other := newPKI(t), newPKI(t)
	i, keysHost := serve(t, p.whole()...), serve(t, other.whole()...)
	i.answer(discoveryPath, document(i.url, keysHost.url+keysPath))
	got, err := clock.cache().Thumbprint(t.Context(), i.url)
	if err != nil || got != thumbprint(other.root.cert) {
		t.Errorf("thumbprint is %q, want %q; error %v", got, thumbprint(other.root.cert), err)
	}
	_, err = clock.cache(func(c *Config) { c.AllowLoopback = false }).Thumbprint(t.Context(), i.url)
	if !errors.Is(err, ErrEgress) {
		t.Errorf("loopback: error is %v", err)
	}
	_, err = clock.cache().Thumbprint(t.Context(), "http://127.0.0.1")
	if !errors.Is(err, ErrDocument) {
		t.Errorf("http: error is %v", err)
	}
}

func TestThumbprintForm(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	if got := thumbprint(p.root.cert); len(got) != 40 || strings.ToLower(got) != got {
		t.Errorf("thumbprint is %q", got)
	}
	if err := (&verifier{now: start}).verify("localhost", nil); err == nil {
		t.Error("no certificate is believed")
	}
}

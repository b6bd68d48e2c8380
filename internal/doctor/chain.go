package doctor

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// examineChain is D06 to D10 for the certificates of one host, as they are
// sent. Go's own verification, and that of browsers, puts a muddled chain in
// order before it looks; AWS does not (AWS and GitLab document that order,
// duplicates and additional certificates fail), so the list is walked here.
func (e *issuerExam) examineChain(v *tlsView) {
	if len(v.chain) == 0 {
		return
	}
	v.path = pathOf(v.host, v.chain)
	e.examineOrder(v)
	e.examineTrust(v)
	e.examineDates(v)
	e.examineHostName(v)
	e.examineKeySizes(v)
}

// pathOf is the way from the host's certificate upwards through those sent.
func pathOf(host string, sent []*x509.Certificate) []*x509.Certificate {
	leaf := sent[0]
	for _, cert := range sent {
		if cert.VerifyHostname(host) == nil {
			leaf = cert
			break
		}
	}
	path := []*x509.Certificate{leaf}
	for {
		last := path[len(path)-1]
		if selfIssued(last) {
			return path
		}
		next := slices.IndexFunc(sent, func(c *x509.Certificate) bool { return issued(c, last) && !holds(path, c) })
		if next < 0 {
			return path
		}
		path = append(path, sent[next])
	}
}

// issued reports whether parent's key signed child. A signature that is too weak
// to be believed still says where the certificate stands.
func issued(parent, child *x509.Certificate) bool {
	if !bytes.Equal(parent.RawSubject, child.RawIssuer) {
		return false
	}
	err := child.CheckSignatureFrom(parent)
	var weak x509.InsecureAlgorithmError
	return err == nil || errors.As(err, &weak)
}

func selfIssued(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && (issued(c, c) || c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil)
}

func holds(list []*x509.Certificate, c *x509.Certificate) bool {
	return slices.ContainsFunc(list, c.Equal)
}

// examineOrder is D06 but for what is missing.
func (e *issuerExam) examineOrder(v *tlsView) {
	drawn := v.host + " sends\n" + draw(v)
	var once []*x509.Certificate // each of the path's once, as sent
	for i, c := range v.chain {
		if holds(v.chain[:i], c) {
			e.found("chain-duplicate", "%snumber %d is number %d again", drawn, i, slices.IndexFunc(v.chain, c.Equal))
			continue
		}
		if !holds(v.path, c) {
			e.found("chain-extra", "%snumber %d, %s, leads nowhere from the certificate of the host", drawn, i, nameOf(c))
			continue
		}
		once = append(once, c)
	}
	top := v.path[len(v.path)-1]
	if !slices.EqualFunc(once, v.path, (*x509.Certificate).Equal) {
		rootless := func(list []*x509.Certificate) []*x509.Certificate {
			return slices.DeleteFunc(slices.Clone(list), selfIssued)
		}
		if selfIssued(top) && len(v.path) > 1 && slices.EqualFunc(rootless(once), rootless(v.path), (*x509.Certificate).Equal) {
			e.found("chain-root-inside", "%sthe root, %s, must stand last or be left out", drawn, nameOf(top))
		} else {
			e.found("chain-order", "%sthe order must be: %s", drawn, strings.Join(names(v.path), "; then "))
		}
	} else if selfIssued(top) && len(v.path) > 1 {
		e.found("chain-root-sent", "%s sends its root, %s, as the last", v.host, nameOf(top))
	}
	e.ok("D06", "%s sends\n%s", v.host, strings.TrimSuffix(draw(v), "\n"))
}

// draw lists the certificates as sent, a line each.
func draw(v *tlsView) string {
	var b strings.Builder
	for i, c := range v.chain {
		if i == maxDrawn {
			fmt.Fprintf(&b, "  … and %d more\n", len(v.chain)-i)
			break
		}
		fmt.Fprintf(&b, "  %d %s (%s), issued by %s\n", i, nameOf(c), roleOf(v, c), issuerName(c))
	}
	return b.String()
}

// maxDrawn is how many certificates are listed.
const maxDrawn = 8

// roleOf is what a certificate is in the chain.
func roleOf(v *tlsView, c *x509.Certificate) string {
	switch {
	case v.path != nil && c.Equal(v.path[0]):
		return "the host's"
	case selfIssued(c):
		return "a root"
	case c.IsCA:
		return "an intermediate"
	}
	return "another host's"
}

// nameOf is how people know a certificate.
func nameOf(c *x509.Certificate) string {
	switch {
	case c.Subject.CommonName != "":
		return shown(c.Subject.CommonName)
	case len(c.DNSNames) > 0:
		return shown(c.DNSNames[0])
	}
	return shown(c.Subject.String())
}

func issuerName(c *x509.Certificate) string {
	if c.Issuer.CommonName != "" {
		return shown(c.Issuer.CommonName)
	}
	return shown(c.Issuer.String())
}

func names(list []*x509.Certificate) []string {
	var all []string
	for _, c := range list {
		all = append(all, nameOf(c))
	}
	return all
}

// examineTrust is what is missing, of D06, and D10. Dates do not count: they are
// D07's.
func (e *issuerExam) examineTrust(v *tlsView) {
	leaf, top := v.path[0], v.path[len(v.path)-1]
	v.public = e.vouchedFor(v, e.c.Public, true)
	v.private = e.c.Private != nil && e.vouchedFor(v, e.c.Private, false)
	switch {
	case slices.ContainsFunc(v.path, weaklySigned):
		e.skip("D10", "a signature is too weak to be believed")
	case v.public:
		e.ok("D10", "%s is vouched for by an authority that this system trusts", v.host)
	case v.private && e.For == Daypass:
		e.ok("D10", "%s is vouched for by %s; give the server its certificate: --issuer-ca", v.host, authorityOf(top))
	case v.private || selfIssued(top):
		e.found(privateCode(e.c.Thumbprints), "%s is vouched for by %s", v.host, authorityOf(top))
	case top == leaf:
		e.found("chain-incomplete", "%s sends\n%smissing is the certificate of its issuer, %s", v.host, draw(v), issuerName(leaf))
		e.skip("D10", "a certificate is missing")
	default:
		e.found("chain-incomplete", "%s sends\n%smissing is the certificate of %s, or that is a private authority: name it with --ca", v.host, draw(v), issuerName(top))
		e.skip("D10", "a certificate is missing, or the authority is a private one")
	}
}

func privateCode(thumbprints []string) string {
	if len(thumbprints) > 0 {
		return "private-authority-pinned" // D11 says whether it matches
	}
	return "private-authority"
}

func authorityOf(top *x509.Certificate) string {
	if selfIssued(top) {
		return nameOf(top)
	}
	return issuerName(top)
}

// vouchedFor reports whether the certificates sent lead to one of roots, nil
// being the system's. None may be missing on the way: some systems fetch it, and
// AWS does not.
func (e *issuerExam) vouchedFor(v *tlsView, roots *x509.CertPool, system bool) bool {
	if roots == nil && !system {
		return false
	}
	between := x509.NewCertPool()
	for _, c := range v.path[1:] {
		between.AddCert(c)
	}
	leaf := v.path[0]
	at := e.now()
	for _, c := range v.path { // as of a time when all that was sent was valid
		if at.After(c.NotAfter) {
			at = c.NotAfter.Add(-time.Second)
		}
	}
	if at.Before(leaf.NotBefore) {
		at = leaf.NotBefore.Add(time.Second)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil && slices.ContainsFunc(chains, func(chain []*x509.Certificate) bool {
		return !slices.ContainsFunc(chain[:len(chain)-1], func(c *x509.Certificate) bool { return !holds(v.chain, c) })
	})
}

// examineDates is D07.
func (e *issuerExam) examineDates(v *tlsView) {
	now := e.now()
	soonest := v.path[0].NotAfter
	for _, c := range v.path {
		when := c.NotAfter.UTC().Format(time.RFC3339)
		switch {
		case now.After(c.NotAfter):
			e.found("certificate-expired", "%s: %s ended at %s", v.host, nameOf(c), when)
		case now.Before(c.NotBefore):
			e.found("certificate-early", "%s: %s begins at %s", v.host, nameOf(c), c.NotBefore.UTC().Format(time.RFC3339))
		case now.Add(warnBefore).After(c.NotAfter):
			e.found("certificate-ends", "%s: %s ends at %s", v.host, nameOf(c), when)
		}
		if c.NotAfter.Before(soonest) {
			soonest = c.NotAfter
		}
	}
	e.ok("D07", "%s: the first ends at %s", v.host, soonest.UTC().Format(time.RFC3339))
}

// examineHostName is D08.
func (e *issuerExam) examineHostName(v *tlsView) {
	leaf := v.path[0] // the host's, wherever it stands; the first sent if none is
	if leaf.VerifyHostname(v.host) == nil {
		e.ok("D08", "%s is among %s", v.host, listed(namesIn(leaf)))
		return
	}
	in := namesIn(leaf)
	switch {
	case len(in) == 0:
		e.found("certificate-no-names", "%s: the first certificate, %s, has no subject alternative name", v.host, nameOf(leaf))
	case slices.ContainsFunc(in, func(n string) bool { return tooDeep(n, v.host) }):
		e.found("certificate-other-host", "%s is not among %s; a wildcard stands for one label and no more", v.host, listed(in))
	default:
		e.found("certificate-other-host", "%s is not among %s", v.host, listed(in))
	}
}

// namesIn are the names of hosts and the addresses that a certificate is for.
func namesIn(c *x509.Certificate) []string {
	in := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			in = append(in, a.Unmap().String())
		}
	}
	return in
}

// tooDeep reports whether host lies below a wildcard, and not just below it.
func tooDeep(name, host string) bool {
	suffix, ok := strings.CutPrefix(name, "*")
	return ok && strings.HasSuffix(strings.ToLower(host), strings.ToLower(suffix))
}

// minRSA is the least that authorities of the public internet have signed since
// 2014 (CA/Browser Forum, Baseline Requirements, section 6.1.5).
const minRSA = 2048

// weaklySigned reports whether a certificate's signature is by a hash that is
// broken. A root's own says nothing.
func weaklySigned(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD5WithRSA, x509.MD2WithRSA:
		return !selfIssued(c)
	}
	return false
}

// examineKeySizes is D09.
func (e *issuerExam) examineKeySizes(v *tlsView) {
	var kinds []string
	for _, c := range v.path {
		kinds = append(kinds, kindOfKey(c.PublicKey))
		if k, ok := c.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() < minRSA {
			e.found("certificate-weak-key", "%s: %s has an RSA key of %d bits", v.host, nameOf(c), k.N.BitLen())
		}
		if _, ok := c.PublicKey.(ed25519.PublicKey); ok {
			e.found("certificate-odd-key", "%s: %s has an Ed25519 key", v.host, nameOf(c))
		}
		if weaklySigned(c) {
			e.found("certificate-weak-signature", "%s: %s is signed with %s", v.host, nameOf(c), c.SignatureAlgorithm)
		}
	}
	e.ok("D09", "%s: %s", v.host, strings.Join(kinds, ", "))
}

func kindOfKey(key crypto.PublicKey) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", key), "*")
}

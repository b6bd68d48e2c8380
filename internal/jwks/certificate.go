package jwks

import (
	"crypto/sha1" //nolint:gosec // AWS defines thumbprints as SHA-1; a pin needs no collision resistance, only second preimages matter
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// thumbprint is AWS's name for a certificate.
func thumbprint(cert *x509.Certificate) string {
	sum := sha1.Sum(cert.Raw) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// verifier decides whether a presented chain is the host's.
type verifier struct {
	roots       *x509.CertPool // nil: the system's
	thumbprints []string
	firstUse    bool // accept the chain's own top: only to learn its thumbprint
	now         time.Time
}

// verify takes the certificates as presented, the leaf first. A trusted
// authority is asked first, with the host's name, dates and purpose checked as
// for any https. Failing that, a presented certificate whose thumbprint is
// registered becomes the one root, and the leaf must lead to it by the same
// checks: a thumbprint replaces the authority and nothing else.
func (v *verifier) verify(host string, chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("the server presents no certificate")
	}
	leaf := chain[0]
	if err := leaf.VerifyHostname(host); err != nil {
		for _, cert := range chain[1:] {
			if cert.VerifyHostname(host) == nil {
				return fmt.Errorf("the chain is out of order: it begins with the certificate of %.64q, and that of %s must come first: %w", leaf.Subject.CommonName, host, err)
			}
		}
		return err
	}
	if v.firstUse {
		return v.verifyTo(host, chain, chain[len(chain)-1:])
	}
	_, err := leaf.Verify(v.options(host, v.roots, chain))
	if err == nil {
		return nil
	}
	var pinned []*x509.Certificate
	for _, cert := range chain {
		if slices.ContainsFunc(v.thumbprints, func(t string) bool { return strings.EqualFold(t, thumbprint(cert)) }) {
			pinned = append(pinned, cert)
		}
	}
	if len(pinned) > 0 {
		return v.verifyTo(host, chain, pinned)
	}
	if invalid := (x509.CertificateInvalidError{}); errors.As(err, &invalid) {
		return err // a trusted authority's, but out of date or of another purpose
	}
	presented := make([]string, len(chain))
	for i, cert := range chain {
		presented[i] = thumbprint(cert)
	}
	return fmt.Errorf("%w: %s presents %s, registered are [%s]: %w", ErrThumbprint, host, strings.Join(presented, " "), strings.Join(v.thumbprints, " "), err)
}

func (v *verifier) verifyTo(host string, chain, roots []*x509.Certificate) error {
	pool := x509.NewCertPool()
	for _, cert := range roots {
		pool.AddCert(cert)
	}
	if _, err := chain[0].Verify(v.options(host, pool, chain)); err != nil {
		return fmt.Errorf("the chain of %s does not lead from its first certificate to %s; is it out of date, out of order, or not whole? %w", host, thumbprint(roots[0]), err)
	}
	return nil
}

func (v *verifier) options(host string, roots *x509.CertPool, chain []*x509.Certificate) x509.VerifyOptions {
	intermediates := x509.NewCertPool()
	for _, cert := range chain[1:] {
		intermediates.AddCert(cert)
	}
	return x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: intermediates, CurrentTime: v.now}
}

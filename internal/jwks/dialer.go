package jwks

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
)

// Bounds of what is read of an issuer's answer, in bytes. Those of a JWK Set
// are oidc.MaxKeySetBytes.
const (
	// MaxDiscoveryBytes is the longest discovery document.
	MaxDiscoveryBytes = maxDiscoveryBody
	// MaxHeaderBytes is all headers of an answer together.
	MaxHeaderBytes = maxDiscoveryBody
)

// Dialer connects where a fetch would connect, and nowhere else: it is the
// guard without what comes behind it. It serves those who look at what a fetch
// refuses, a chain of certificates that is out of order, say. What comes over
// such a connection proves nothing.
type Dialer struct{ guard guard }

// NewDialer makes a Dialer. AllowLoopback is Config.AllowLoopback.
func NewDialer(e Egress, allowLoopback bool) *Dialer {
	return &Dialer{guard: newGuard(e, allowLoopback)}
}

// Dial connects to HOST:PORT. An address that is refused is an error of kind
// ErrEgress.
func (d *Dialer) Dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := d.guard.dial(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", kindOf(err), err)
	}
	return conn, nil
}

// Thumbprint is AWS's name for a certificate: the SHA-1 of its DER, in lower-case
// hex (IAM User Guide, "Obtain the thumbprint for an OpenID Connect identity
// provider").
func Thumbprint(cert *x509.Certificate) string { return thumbprint(cert) }

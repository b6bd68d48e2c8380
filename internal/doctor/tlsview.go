package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"
	"time"
)

// tlsView is what one host shows in its handshakes.
type tlsView struct {
	host  string
	chain []*x509.Certificate // as sent
	path  []*x509.Certificate // of them, from the host's certificate upwards
	// public and private say whether an authority of either kind vouches for the
	// chain, its dates aside.
	public, private bool
	only13          bool // TLS 1.2 is refused
}

// byThumbprint reports whether AWS would go by the thumbprint (IAM User Guide,
// "Obtain the thumbprint for an OpenID Connect identity provider": where no
// trusted authority vouches, or TLS 1.3 is required).
func (v *tlsView) byThumbprint() bool { return !v.public || v.only13 }

// examineTLS is D04 to D10 for the host of u. It gives nil for one that shows no
// certificate.
func (e *issuerExam) examineTLS(ctx context.Context, u *url.URL) *tlsView {
	host := u.Hostname()
	first := e.greet(ctx, u, nil)
	if first.err != nil {
		e.firstHandshake(ctx, u, first.err)
		if len(first.chain) == 0 {
			return nil
		}
		v := &tlsView{host: host, chain: first.chain}
		e.examineChain(v) // the first certificate may not be the one whose key the server has
		return v
	}
	v := &tlsView{host: host, chain: first.chain}
	older := e.greet(ctx, u, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })
	switch {
	case older.err == nil:
		e.ok("D04", "%s accepts TLS 1.2, and speaks %s where it may", host, tls.VersionName(first.version))
		v.chain = older.chain // AWS is known to speak 1.2
	case isAlert(older.err):
		v.only13 = true
		e.found("tls13-only", "%s refuses TLS 1.2: %s", host, reason(older.err))
	default:
		e.found("tls-flaky", "%s: a second handshake failed: %s", host, reason(older.err))
	}
	e.examineExtensions(ctx, u, v)
	e.examineChain(v)
	return v
}

// firstHandshake says why there is none.
func (e *issuerExam) firstHandshake(ctx context.Context, u *url.URL, err error) {
	host := u.Hostname()
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &noTLS):
		e.found("no-tls", "%s: %s", hostPort(u), reason(err))
	case !isAlert(err):
		e.found("unreachable", "%s: %s", hostPort(u), reason(err)) // nobody is there, or gives no answer
	case e.greet(ctx, u, func(c *tls.Config) { c.NextProtos = []string{"h2"} }).err == nil:
		e.found("no-http1", "%s: %s", host, reason(err))
	case e.greet(ctx, u, func(c *tls.Config) { c.MinVersion = tls.VersionTLS10 }).err == nil:
		e.found("tls-old", "%s: %s", host, reason(err))
	default:
		e.found("tls-refused", "%s: %s", host, reason(err))
	}
}

// isAlert reports whether a handshake was refused, and not cut off on its way.
func isAlert(err error) bool {
	var alert tls.AlertError
	var network interface{ Timeout() bool }
	if errors.As(err, &alert) {
		return true
	}
	if errors.As(err, &network) && network.Timeout() {
		return false
	}
	return bytes.Contains([]byte(err.Error()), []byte("tls: "))
}

// examineExtensions is D05.
func (e *issuerExam) examineExtensions(ctx context.Context, u *url.URL, v *tlsView) {
	if plain := e.greet(ctx, u, func(c *tls.Config) { c.NextProtos = nil }); plain.err != nil {
		e.found("alpn-needed", "%s: %s", v.host, reason(plain.err))
	}
	nameless := e.greet(ctx, u, func(c *tls.Config) { c.ServerName = "" })
	switch {
	case nameless.err != nil:
		e.found("sni-needed", "%s refuses a handshake without a name: %s", v.host, reason(nameless.err))
	case len(v.chain) > 0 && len(nameless.chain) > 0 && !nameless.chain[0].Equal(v.chain[0]):
		e.found("sni-needed", "without a name it sends the certificate of %s", nameOf(nameless.chain[0]))
	}
	e.ok("D05", "%s", v.host)
}

// warnBefore is how long before its end a certificate is told of.
const warnBefore = 14 * 24 * time.Hour

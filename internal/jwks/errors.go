package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
)

// What can go wrong with an issuer, by what would mend it. Every error of Cache
// is one of these, wrapped around the reason.
var (
	// ErrUnreachable: the issuer could not be asked for now, and may be well in
	// a moment: no connection, no name, a connection that broke, no answer in
	// time, status 5xx or 429, or a proxy in that state. Only this lets keys
	// be used past their time.
	ErrUnreachable = errors.New("jwks: the issuer's keys cannot be fetched for now")
	// ErrDocument: the issuer answers, and what it says is not what it must
	// be: another status, a login page, another issuer's name, too much, a
	// redirect that leaves the host. Asking again does not help until the
	// issuer, or how it is registered, is changed.
	ErrDocument = errors.New("jwks: the issuer's keys cannot be fetched, its answer is wrong")
	// ErrThumbprint: the server's certificate is neither of a trusted
	// authority nor of a chain with a certificate of the provider's
	// thumbprints.
	ErrThumbprint = errors.New("jwks: the certificate is neither of a trusted authority nor matches a thumbprint")
	// ErrCertificate: the server's certificate is refused for another reason
	// (date, host, purpose, chain), or it has no TLS that is spoken here.
	ErrCertificate = errors.New("jwks: the issuer's keys cannot be fetched, its certificate is refused")
	// ErrEgress: this server's own rules, or its proxy's, do not let it
	// connect there.
	ErrEgress = errors.New("jwks: the issuer's keys cannot be fetched, its address is refused")
	// ErrKeysFile: the file that the provider's keys are pinned in has never
	// been read.
	ErrKeysFile = errors.New("jwks: the file of the issuer's keys cannot be read")
)

// The reasons whose kind is known where they arise.
type (
	certificateError struct{ error }
	egressError      struct{ error }
	statusError      struct {
		from *url.URL
		code int
	}
)

func (e certificateError) Unwrap() error { return e.error }
func (e egressError) Unwrap() error      { return e.error }
func (e statusError) Error() string {
	return fmt.Sprintf("%s answers with status %d, not 200", e.from.Redacted(), e.code)
}

// classify gives err its kind, and a plain word to the commonest reason.
func (f *fetcher) classify(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, ErrThumbprint):
		return err
	case ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer within %s: %w", ErrUnreachable, f.budget, err)
	default:
		return fmt.Errorf("%w: %w", kindOf(err), err)
	}
}

func kindOf(err error) error {
	var certificate certificateError
	var egress egressError
	var status statusError
	switch {
	case errors.As(err, &egress): // first: it comes inside the error of a connection
		return ErrEgress
	case errors.As(err, &certificate):
		return ErrCertificate
	case errors.As(err, &status):
		if transient(status.code) {
			return ErrUnreachable
		}
		return ErrDocument
	case ofTransport(err):
		return ErrUnreachable
	default:
		return ErrDocument
	}
}

// transient says whether an answer of this status may be another in a moment.
func transient(status int) bool { return status >= 500 || status == http.StatusTooManyRequests }

// ofTransport says whether the network failed, and not what came over it.
func ofTransport(err error) bool {
	var operation *net.OpError
	if errors.As(err, &operation) {
		// crypto/tls reports an alert as the network's error, with these words
		// for which of the two sides raised it.
		return operation.Op != "remote error" && operation.Op != "local error"
	}
	var name *net.DNSError
	var number syscall.Errno
	return errors.As(err, &name) || errors.As(err, &number) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

package s3upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// What can go wrong, by who can mend it. Every error of Client is one of these,
// wrapped around the reason, or the context's. The reasons are the operator's:
// they name hosts and files. No credential is in one.
var (
	// ErrUnreachable: no connection, or one that broke.
	ErrUnreachable = errors.New("s3upstream: the store cannot be reached")
	// ErrTimeout: no connection, or no answer, in the time that the target gives.
	ErrTimeout = errors.New("s3upstream: the store does not answer in time")
	// ErrTLS: the certificate is refused, or there is no TLS that is spoken here.
	ErrTLS = errors.New("s3upstream: no secure connection to the store")
	// ErrAnswer: the store answers, and it is no answer of S3 to a request that
	// is rightly addressed: not HTTP, or a redirect.
	ErrAnswer = errors.New("s3upstream: the store's answer is wrong")
	// ErrCredentials: the store refuses our credentials, or they cannot be had.
	// The caller's are not meant: to him this is an internal error. A refusal is
	// a Refusal.
	ErrCredentials = errors.New("s3upstream: the store refuses the gateway's credentials")
	// ErrBody: the caller's body could not be read to its end, or is not as long
	// as was said. The store has no object of it. The body's own error is wrapped.
	ErrBody = errors.New("s3upstream: the request's body cannot be read")
	// ErrMissingContentLength: the body's length is not known, without which S3
	// takes none (S3 API Reference, error MissingContentLength).
	ErrMissingContentLength = errors.New("s3upstream: the body's length is not known")
	// ErrInsecure: a key of SSE-C would go over a connection that is not secure
	// (S3 User Guide, "Using server-side encryption with customer-provided
	// keys": S3 refuses it).
	ErrInsecure = errors.New("s3upstream: customer-provided keys go over https only")
	// ErrNotImplemented: a header asks for what the store does not have; see
	// Target.Lacks (S3 API Reference, error NotImplemented: "A header that you
	// provided implies functionality that is not implemented").
	ErrNotImplemented = errors.New("s3upstream: the store does not have what a header asks for")
	// ErrRequest: the request cannot be sent at all, a mistake in the program.
	ErrRequest = errors.New("s3upstream: the request is malformed")
)

// LackError names a header that asks for what the store does not have:
// errors.Is(ErrNotImplemented).
type LackError struct{ Header string }

func (e *LackError) Error() string { return ErrNotImplemented.Error() + ": " + e.Header }

// Is says that a LackError is ErrNotImplemented.
func (e *LackError) Is(target error) bool { return target == ErrNotImplemented }

// Refusal is what the store says of our credentials: errors.Is(ErrCredentials).
type Refusal struct {
	Status            int
	Code, Message     string // "" for the answer to a HEAD, which has no body
	RequestID, HostID string // the store's
}

func (r *Refusal) Error() string {
	if r.Code == "" {
		return fmt.Sprintf("%s: status %d (its request %q)", ErrCredentials, r.Status, r.RequestID)
	}
	return fmt.Sprintf("%s: %s, %s (status %d, its request %q)", ErrCredentials, r.Code, r.Message, r.Status, r.RequestID)
}

// Is says that a Refusal is ErrCredentials.
func (r *Refusal) Is(target error) bool { return target == ErrCredentials }

// classify gives an error of the transport its kind.
func classify(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return fmt.Errorf("s3upstream: %w", ctx.Err())
	}
	return fmt.Errorf("%w: %w", kindOf(err), err)
}

func kindOf(err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, os.ErrDeadlineExceeded):
		return ErrTimeout
	case ofTLS(err):
		return ErrTLS
	case ofNetwork(err):
		return ErrUnreachable
	default:
		return ErrAnswer
	}
}

// ofTLS says whether the handshake failed for what was said in it.
func ofTLS(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		record       tls.RecordHeaderError
		alert        tls.AlertError
		authority    x509.UnknownAuthorityError
		operation    *net.OpError
	)
	if errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error") {
		return true // how crypto/tls reports an alert
	}
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &authority)
}

// ofNetwork says whether the network failed, and not what came over it.
func ofNetwork(err error) bool {
	var (
		operation *net.OpError
		name      *net.DNSError
		number    syscall.Errno
	)
	return errors.As(err, &operation) || errors.As(err, &name) || errors.As(err, &number) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

package jwks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
)

// Reason is why an issuer could not be asked, in plain words for one who
// registers it: the one cause, without its kind and without what the network's
// libraries put around it. The error is one of this package's.
func Reason(err error) string {
	text := err.Error()
	for _, kind := range []error{ErrUnreachable, ErrDocument, ErrThumbprint, ErrCertificate, ErrEgress, ErrKeysFile} {
		text = strings.TrimPrefix(text, kind.Error()+": ")
	}
	var request *url.Error
	if !errors.As(err, &request) || errors.Is(err, context.DeadlineExceeded) {
		return text // says of which document it speaks, or how long was waited
	}
	cause := request.Err
	if strings.HasPrefix(cause.Error(), "proxy ") {
		return cause.Error() // what is wrong is not the issuer's
	}
	var name *net.DNSError
	var operation *net.OpError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return "no such host: " + name.Name + " has no address in the DNS that this server asks"
	case errors.As(err, &name):
		return "the name " + name.Name + " could not be looked up: " + name.Err
	case errors.Is(err, syscall.ECONNREFUSED) && errors.As(err, &operation) && operation.Addr != nil:
		return fmt.Sprintf("connection refused: nothing listens at %s", operation.Addr)
	case errors.As(err, &noTLS):
		return "no TLS is spoken at " + request.URL
	case errors.As(err, &operation) && operation.Op == "dial":
		return operation.Err.Error()
	}
	return cause.Error()
}

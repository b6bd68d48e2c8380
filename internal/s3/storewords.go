package s3

import (
	"errors"
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/s3upstream"
)

// storeWords puts what went wrong on the way to the store into S3's words, nil
// where it is nothing that the client could mend or wait for.
func storeWords(err error) *refused {
	var lack *s3upstream.LackError
	switch {
	case errors.Is(err, s3upstream.ErrBody): // whatever was wrong with the body itself has its own words
		return bodyTimeout(err)
	case errors.Is(err, s3upstream.ErrMissingContentLength):
		return fault("MissingContentLength", http.StatusLengthRequired, "You must provide the Content-Length HTTP header.").because(err)
	case errors.As(err, &lack):
		header := strings.ToLower(lack.Header)
		return fault("NotImplemented", http.StatusNotImplemented, "A header you provided implies functionality that is not implemented: "+header).with("Header", header).because(err)
	case errors.Is(err, s3upstream.ErrInsecure):
		return fault("InvalidRequest", http.StatusBadRequest, "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.").because(err)
	case errors.Is(err, s3upstream.ErrUnreachable), errors.Is(err, s3upstream.ErrTimeout):
		return fault("ServiceUnavailable", http.StatusServiceUnavailable, "Service is unable to handle request.").because(err)
	}
	return nil
}

// bodyTimeout says that a body did not come.
func bodyTimeout(err error) *refused {
	return fault("RequestTimeout", http.StatusBadRequest, "Your socket connection to the server was not read from or written to within the timeout period.").because(err)
}

package s3store

import (
	"errors"
	"io"

	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3err"
)

// wholeReader is a body that must be as long as was said. Two things would keep
// what had come of a body by the time its connection was closed: the HTTP server
// under versitygw (fasthttp, requestStream.Read) may say io.EOF then, as at the
// end; and versitygw 1.8.0 takes io.ErrUnexpectedEOF for the end too, where it
// computes a checksum (s3api/utils, HashReader.Read), which is always.
type wholeReader struct {
	io.Reader
	left int64
}

// whole holds a body against its length, which the server always knows.
func whole(body io.Reader, length *int64) io.Reader {
	if body == nil || length == nil {
		return body
	}
	w := &wholeReader{body, *length}
	if sums, ok := body.(middlewares.ChecksumReader); ok { // the server asks for this by type
		return struct {
			*wholeReader
			checksums
		}{w, sums}
	}
	return w
}

// checksums are what a body with a trailer has besides its bytes.
type checksums interface {
	Algorithm() string
	Checksum() string
}

// Read is io.Reader's. Of a body that ends early it says S3's IncompleteBody.
func (w *wholeReader) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.left -= int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) && w.left > 0 {
		err = s3err.GetAPIError(s3err.ErrIncompleteBody)
	}
	return n, err
}

package s3

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
)

// locationElement is where a store says that the object is, which is the store's
// own address.
var locationElement = regexp.MustCompile(`(?s)<Location>.*?</Location>`)

// ownCompletion makes the answer to CompleteMultipartUpload one of ours, by the
// address of the object, and that to a copy. Since it can be an error although its
// status was sent before (S3 API Reference, CompleteMultipartUpload and
// CopyObject), it may have ids of the request.
func (q *request) ownCompletion(a *answer) *answer {
	if a.body == nil {
		return a
	}
	own := *a
	own.length = -1
	own.header.Del("Content-Length")
	own.body = &completion{store: a.body, change: func(body []byte) []byte {
		if idElement.Match(body) {
			return q.withOwnIDs(body)
		}
		var location bytes.Buffer
		_ = xml.EscapeText(&location, []byte(q.location())) // a buffer takes everything
		body = locationElement.ReplaceAllLiteral(body, []byte("<Location>"+location.String()+"</Location>"))
		return inMilliseconds(body)
	}}
	return &own
}

// completion is such an answer on its way. A store sends spaces while it is at
// work, so that the client waits: they are passed on as they come, and the document
// is changed when it is whole.
type completion struct {
	store  io.ReadCloser
	change func([]byte) []byte

	begun []byte // of the document
	ready []byte // for the client
	err   error
}

// onlyPrologue is what comes before the document: a declaration, and spaces.
var onlyPrologue = regexp.MustCompile(`^\s*(?:<\?xml[^>]*\?>\s*)?$`)

// Read is io.Reader's.
func (c *completion) Read(p []byte) (int, error) {
	for len(c.ready) == 0 && c.err == nil {
		var piece [4 << 10]byte
		n, err := c.store.Read(piece[:])
		c.begun = append(c.begun, piece[:n]...)
		switch {
		case err != nil:
			c.err = err
			c.ready, c.begun = c.change(c.begun), nil
		case onlyPrologue.Match(c.begun):
			c.ready, c.begun = c.begun, nil
		case len(c.begun) > maxStoreReply:
			c.err = errors.New("s3: the store's answer about an upload is too long")
		}
	}
	n := copy(p, c.ready)
	c.ready = c.ready[n:]
	if n == 0 {
		return 0, c.err
	}
	return n, nil
}

// Close is io.Closer's.
func (c *completion) Close() error { return c.store.Close() }

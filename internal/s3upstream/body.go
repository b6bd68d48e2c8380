package s3upstream

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

var (
	errLonger  = errors.New("it is longer than was said")
	errShorter = errors.New("it is shorter than was said")
	errOver    = errors.New("the request is over")
)

// body is a request's body on its way. Its last bytes are handed on only once
// the source has said that it ends there: so a checksum that the source finds
// wrong at its end leaves the store with a request cut short, and no object.
type body struct {
	source io.Reader
	left   int64
	begun  atomic.Bool // something was asked of the source
	over   atomic.Bool

	mu     sync.Mutex
	failed error
}

func newBody(r *Request) *body { return &body{source: r.Body, left: r.Length} }

func (b *body) Read(p []byte) (int, error) {
	if b.over.Load() {
		return 0, errOver
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	b.begun.Store(true)
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.source.Read(p)
	b.left -= int64(n)
	switch {
	case b.left > 0 && err == nil:
		return n, nil
	case b.left > 0 && errors.Is(err, io.EOF):
		err = fmt.Errorf("%w: %w", errShorter, io.ErrUnexpectedEOF)
	case b.left == 0 && err == nil:
		err = b.end()
	}
	if b.left == 0 && err == io.EOF { //nolint:errorlint // what io.Reader says at its end is this value
		return n, io.EOF
	}
	b.fail(err)
	return 0, err
}

// end asks the source for its end.
func (b *body) end() error {
	var one [1]byte
	for range 100 {
		n, err := b.source.Read(one[:])
		if n > 0 {
			return errLonger
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// Close ends reading. The transport calls it; the source is its owner's.
func (b *body) Close() error {
	b.over.Store(true)
	return nil
}

func (b *body) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed == nil {
		b.failed = err
	}
}

// failure is why the body could not be read, nil if it could.
func (b *body) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed
}

// streamingUnsignedTrailer is the payload's kind for a body in chunks with an
// unsigned trailer (S3 API Reference, "Signature calculations for trailing
// checksums").
const streamingUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

// chunkSize is above the 8 KiB that S3 wants at least.
const chunkSize = 32 << 10

// trailerLength has the checksums of S3 and the length of each in base64. The
// length of the whole must be known before the checksum is.
var trailerLength = map[string]int{
	"x-amz-checksum-crc32": 8, "x-amz-checksum-crc32c": 8, "x-amz-checksum-crc64nvme": 12,
	"x-amz-checksum-sha1": 28, "x-amz-checksum-sha256": 44, "x-amz-checksum-sha512": 88,
	"x-amz-checksum-md5": 24, "x-amz-checksum-xxhash64": 12, "x-amz-checksum-xxhash3": 12, "x-amz-checksum-xxhash128": 24,
}

var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// chunked writes a body as chunks with a trailer.
type chunked struct {
	*body

	trailer *Trailer
	name    string
	decoded int64
	length  int64 // encoded

	chunk   *[chunkSize]byte
	head    string // what is to come before data
	data    []byte
	ended   bool
	failure error
}

func encodeTrailer(b *body, decoded int64, trailer *Trailer) (*chunked, error) {
	name := strings.ToLower(trailer.Name)
	value, known := trailerLength[name]
	if !known {
		return nil, fmt.Errorf("%w: %.64q is no checksum of S3", ErrRequest, trailer.Name)
	}
	whole, rest := decoded/chunkSize, decoded%chunkSize
	length := whole * chunkLength(chunkSize)
	if rest > 0 {
		length += chunkLength(rest)
	}
	length += int64(len("0\r\n") + len(name) + len(":") + value + len("\r\n\r\n"))
	return &chunked{body: b, trailer: trailer, name: name, decoded: decoded, length: length}, nil
}

func chunkLength(n int64) int64 {
	return int64(len(strconv.FormatInt(n, 16))) + n + int64(len("\r\n\r\n"))
}

// declare says in the header how the body comes.
func (c *chunked) declare(header http.Header) {
	setEncoding(header, append([]string{"aws-chunked"}, plainEncoding(header)...))
	header.Set("X-Amz-Decoded-Content-Length", strconv.FormatInt(c.decoded, 10))
	header.Set("X-Amz-Trailer", c.name)
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.head) == 0 && len(c.data) == 0 {
		if c.failure == nil {
			c.failure = c.next()
		}
		if c.failure != nil {
			c.release()
			return 0, c.failure
		}
	}
	n := copy(p, c.head)
	c.head = c.head[n:]
	if len(c.head) == 0 {
		m := copy(p[n:], c.data)
		c.data = c.data[m:]
		n += m
	}
	return n, nil
}

// next prepares the next chunk, or the last one with the trailer.
func (c *chunked) next() error {
	if c.ended {
		return io.EOF
	}
	if c.chunk == nil {
		c.chunk = chunks.Get().(*[chunkSize]byte)
	}
	before := ""
	if c.left < c.decoded {
		before = "\r\n" // what ends the chunk before
	}
	n, err := io.ReadFull(c.body, c.chunk[:])
	switch {
	case n > 0 && (err == nil || errors.Is(err, io.ErrUnexpectedEOF) && c.body.failure() == nil):
		c.head, c.data = before+strconv.FormatInt(int64(n), 16)+"\r\n", c.chunk[:n]
		return nil
	case err != io.EOF: //nolint:errorlint // as io.ReadFull says it
		return err
	}
	value, err := c.trailer.Value()
	if err == nil && len(value) != trailerLength[c.name] {
		err = fmt.Errorf("%s has %d characters", c.name, len(value))
	}
	if err != nil {
		c.fail(err)
		return err
	}
	c.head, c.ended = before+"0\r\n"+c.name+":"+value+"\r\n\r\n", true
	return nil
}

// release gives the chunk back. Only the reader calls it, at its end.
func (c *chunked) release() {
	if c.chunk != nil {
		chunks.Put(c.chunk)
		c.chunk, c.data = nil, nil
	}
}

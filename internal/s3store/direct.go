package s3store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
	"github.com/versity/versitygw/s3api"
)

// ErrClosed says that the store was closed.
var ErrClosed = errors.New("s3store: the store is closed")

const (
	// closeTime is how long Close lets requests end.
	closeTime = 10 * time.Second
	// inPieces is the length from which a body is handed to what can take it from
	// the file by itself. Below it a copy costs less.
	inPieces = 64 << 10
)

// direct hands requests to the server in this process, without a connection: the
// body of a PUT is read where the server wants it, and that of a GET is the file.
// What the server sees is a request as it would be on the wire, which it parses,
// and whose signature it verifies, as any other. It is an http.RoundTripper.
type direct struct {
	handler fasthttp.RequestHandler
	store   *Store // whose lock is held as long as somebody can send

	mu      sync.Mutex
	closed  bool
	running int
	idle    chan struct{} // closed when none is running after closed
}

// handlerOf gives the server's handler, which it gives to nobody but to a
// middleware of its own; so it is asked once, on a socket that is closed again.
func handlerOf(ctx context.Context, s *s3api.S3ApiServer, found <-chan fasthttp.RequestHandler, socket string) (fasthttp.RequestHandler, error) {
	asked := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return nil, err
	}
	answer, err := asked.RoundTrip(r)
	if err != nil {
		return nil, errors.Join(err, s.ShutDown())
	}
	if err := errors.Join(answer.Body.Close(), s.ShutDown()); err != nil {
		return nil, err
	}
	select {
	case handler := <-found:
		return handler, nil
	default:
		return nil, errors.New("the server did not ask its middleware")
	}
}

// tell is that middleware.
func tell(found chan<- fasthttp.RequestHandler) fiber.Handler {
	var once sync.Once
	return func(c fiber.Ctx) error {
		once.Do(func() { found <- c.App().Handler() })
		return c.Next()
	}
}

// RoundTrip implements http.RoundTripper. It returns when the server has done
// what was asked: that somebody else has lost patience ends nothing in a file
// system.
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	body := &directBody{source: r.Body}
	defer body.close()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if !d.begin() {
		return nil, ErrClosed
	}
	defer d.end()
	c := contexts.Get().(*fasthttp.RequestCtx)
	c.Init2(&directConn{body: body}, nil, false)
	c.Response.Header.SetNoDefaultContentType(true)
	if err := setRequest(&c.Request, r, body); err != nil {
		release(c)
		return nil, fmt.Errorf("s3store: %w", err)
	}
	d.handler(c)
	if body.failed != nil {
		release(c)
		return nil, fmt.Errorf("s3store: %w", body.failed)
	}
	answer, held := response(c, r)
	if !held {
		release(c)
	}
	return answer, nil
}

// contexts are the server's requests with their replies, used again.
var contexts = sync.Pool{New: func() any { return new(fasthttp.RequestCtx) }}

// release closes what is open in a context, and forgets it.
func release(c *fasthttp.RequestCtx) {
	c.Request.Reset()
	c.Response.Reset()
	c.Init2(nil, nil, false)
	contexts.Put(c)
}

func (d *direct) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.running++
	return true
}

func (d *direct) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	if d.closed && d.running == 0 {
		close(d.idle)
	}
}

// close lets no further request in, and waits for those that run.
func (d *direct) close() error {
	d.mu.Lock()
	d.closed, d.idle = true, make(chan struct{})
	if d.running == 0 {
		close(d.idle)
	}
	d.mu.Unlock()
	select {
	case <-d.idle:
		return nil
	case <-time.After(closeTime):
		return errors.New("requests did not end within 10 seconds")
	}
}

// head is where the head of a request is written and read.
type head struct {
	text   bytes.Buffer
	reader *bufio.Reader
}

// headSize is what the server has for the head of a request; a longer one has
// more.
const headSize = 8 << 10

var heads = sync.Pool{New: func() any { return &head{reader: bufio.NewReaderSize(nil, headSize)} }}

// setRequest writes the head as net/http would, and has the server's own parser
// read it: the server looks at the order and the spelling of headers too.
func setRequest(to *fasthttp.Request, r *http.Request, body *directBody) error {
	h := heads.Get().(*head)
	defer heads.Put(h)
	h.text.Reset()
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	fmt.Fprintf(&h.text, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.URL.RequestURI(), host)
	if r.ContentLength > 0 || r.Method == http.MethodPut || r.Method == http.MethodPost {
		fmt.Fprintf(&h.text, "Content-Length: %d\r\n", r.ContentLength)
	}
	// The body is read when it is wanted, so nothing is expected.
	if err := r.Header.WriteSubset(&h.text, map[string]bool{"Host": true, "Content-Length": true, "Expect": true, "Transfer-Encoding": true}); err != nil {
		return err
	}
	h.text.WriteString("\r\n")
	reader := h.reader
	if reader.Reset(&h.text); h.text.Len() > reader.Size() {
		reader = bufio.NewReaderSize(&h.text, h.text.Len())
	}
	if err := to.Header.Read(reader); err != nil {
		return err
	}
	if r.ContentLength > 0 {
		to.SetBodyStream(body, int(r.ContentLength))
	}
	return nil
}

// response is what net/http would read. It says whether its body holds the
// context, which is then to be closed.
func response(c *fasthttp.RequestCtx, r *http.Request) (answer *http.Response, held bool) {
	from := &c.Response
	h := &from.Header
	answer = &http.Response{
		StatusCode: from.StatusCode(), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header, 16), Body: http.NoBody, Request: r,
	}
	answer.Status = fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	bodiless := r.Method == http.MethodHead || answer.StatusCode < 200 || answer.StatusCode == http.StatusNoContent || answer.StatusCode == http.StatusNotModified
	stream := from.BodyStream()
	if stream == nil {
		body := from.Body()
		if !bodiless || len(body) > 0 {
			h.SetContentLength(len(body))
		}
		if !bodiless && len(body) > 0 {
			answer.Body = io.NopCloser(bytes.NewReader(bytes.Clone(body)))
		}
	}
	answer.ContentLength = int64(max(h.ContentLength(), -1))
	for name, value := range h.All() {
		key := http.CanonicalHeaderKey(string(name))
		answer.Header[key] = append(answer.Header[key], string(value))
	}
	if answer.ContentLength != 0 && len(h.ContentType()) == 0 {
		answer.Header.Set("Content-Type", "text/plain; charset=utf-8") // as the server would
	}
	if stream != nil && !bodiless {
		answer.Body = &stored{context: c, stream: stream, left: answer.ContentLength}
		held = true
	}
	return answer, held
}

// stored is the body of a reply that is a file, or part of one.
type stored struct {
	context *fasthttp.RequestCtx // nil: closed
	stream  io.Reader
	left    int64 // below 0: to its end
}

func (s *stored) Read(p []byte) (int, error) {
	if s.context == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	if s.left == 0 {
		return 0, io.EOF
	}
	if s.left > 0 && int64(len(p)) > s.left {
		p = p[:s.left]
	}
	n, err := s.stream.Read(p)
	if s.left > 0 {
		s.left -= int64(n)
		if s.left > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
	}
	return n, err
}

// WriteTo implements io.WriterTo: a writer that can take from a file does.
func (s *stored) WriteTo(w io.Writer) (int64, error) {
	file, isFile := s.stream.(*os.File)
	to, can := w.(io.ReaderFrom)
	if !isFile || !can || s.left < inPieces {
		return io.Copy(w, struct{ io.Reader }{s})
	}
	n, err := to.ReadFrom(&io.LimitedReader{R: file, N: s.left})
	if s.left -= n; s.left > 0 && err == nil {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (s *stored) Close() error {
	if s.context != nil {
		release(s.context)
		s.context, s.stream = nil, nil
	}
	return nil
}

// directBody is the body of a request.
type directBody struct {
	source io.ReadCloser // nil: none
	over   bool
	failed error
}

// Read implements io.Reader. Of a body that cannot be read the server hears what
// it would of a connection that breaks; RoundTrip tells why.
func (b *directBody) Read(p []byte) (int, error) {
	switch {
	case b.failed != nil:
		return 0, io.ErrUnexpectedEOF
	case b.over:
		return 0, io.EOF
	}
	n, err := b.source.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		b.failed, err = err, io.ErrUnexpectedEOF
	}
	return n, err
}

func (b *directBody) close() {
	if b.source != nil {
		_ = b.source.Close() // it begins no further Read
	}
}

// directConn stands where the server looks for a connection. There is one reason
// to set a deadline: to read the rest of a body that is not wanted
// (s3api/middlewares of versitygw 1.8.0, drain-request-body.go). Here that keeps
// no connection, and would only ask the client for it.
type directConn struct {
	net.Conn

	body *directBody
}

var nobody = &net.UnixAddr{Name: "@", Net: "unix"}

func (c *directConn) RemoteAddr() net.Addr { return nobody }
func (c *directConn) LocalAddr() net.Addr  { return nobody }

func (c *directConn) SetReadDeadline(time.Time) error {
	c.body.over = true
	return nil
}

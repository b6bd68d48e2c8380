package s3upstream

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"time"
)

const (
	// attempts is how often a request is sent at most.
	attempts = 3
	// backoff is the wait before the second attempt; it doubles.
	backoff = 100 * time.Millisecond
	// maxError is the most that is read of an error to see what it is. S3's are
	// below a few KiB.
	maxError = 64 << 10
	// maxDrain is the most that is read of a response that nobody wants, to
	// keep its connection.
	maxDrain = 64 << 10
)

// Response is the store's. Body must be closed.
type Response struct {
	Status int
	// Header is what the client may be told: nothing of the connection, of the
	// server, or of the store's own request ids.
	Header http.Header
	// Length is the body's, -1 if it is not known.
	Length int64
	// Body fails with an error of this package if the store does not send all
	// of it; what was handed on by then must not look like the whole.
	Body io.ReadCloser
	// RequestID and HostID are the store's x-amz-request-id and x-amz-id-2, for
	// the event.
	RequestID, HostID string
	// Attempts is how often Do sent the request.
	Attempts int
}

// Do sends the request and returns the store's response, errors of S3 included,
// with their XML as it came. What is the gateway's own trouble is an error: see
// ErrCredentials and its neighbours.
//
// A request is sent again, at most twice, where that can do no harm: a GET or
// HEAD whose connection failed or that was told to slow down (503), and any
// request of whose body nothing was asked yet. Redirects are not followed.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	if err := check(r); err != nil {
		return nil, err
	}
	payload := newBody(r)
	for attempt := 1; ; attempt++ {
		response, err := c.once(ctx, r, payload)
		last := attempt == attempts || !repeatable(r, payload, response, err)
		if last || wait(ctx, backoff<<(attempt-1)) != nil {
			if response != nil {
				response.Attempts = attempt
			}
			return response, err
		}
		if response != nil {
			_ = response.Body.Close()
		}
		payload = newBody(r)
	}
}

func check(r *Request) error {
	switch {
	case r.Length < 0:
		return ErrMissingContentLength
	case r.Length > 0 && r.Body == nil:
		return fmt.Errorf("%w: a length of %d and no body", ErrRequest, r.Length)
	case r.Bucket == "" && r.Key != "":
		return fmt.Errorf("%w: a key and no bucket", ErrRequest)
	case strings.ContainsAny(r.Bucket, "/:@?#%\\ ") || r.Bucket == "." || r.Bucket == "..":
		return fmt.Errorf("%w: %.64q is no name of a bucket", ErrRequest, r.Bucket)
	}
	return nil
}

// repeatable says whether the request may be sent again.
func repeatable(r *Request, payload *body, response *Response, err error) bool {
	switch {
	case r.Length > 0 && payload.begun.Load(), r.Length == 0 && r.Method != http.MethodGet && r.Method != http.MethodHead:
		return false
	case err == nil:
		return response.Status == http.StatusServiceUnavailable
	default:
		return errors.Is(err, ErrUnreachable)
	}
}

// wait waits, or returns the context's error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// once sends the request once.
func (c *Client) once(ctx context.Context, r *Request, payload *body) (*Response, error) {
	request, err := c.build(ctx, r, payload)
	if err != nil {
		return nil, err
	}
	answer, err := c.roundTrip(ctx, request) //nolint:bodyclose // Response.Body closes it
	if err != nil {
		if failed := payload.failure(); failed != nil {
			return nil, fmt.Errorf("%w: %w", ErrBody, failed)
		}
		return nil, classify(ctx, err)
	}
	response := &Response{
		Status:    answer.StatusCode,
		Header:    told(answer.Header),
		Length:    answer.ContentLength,
		Body:      &responseBody{ctx: ctx, body: answer.Body, request: payload, left: answer.ContentLength},
		RequestID: answer.Header.Get("X-Amz-Request-Id"),
		HostID:    answer.Header.Get("X-Amz-Id-2"),
	}
	if err := response.inspect(r, answer.Header.Get("Location")); err != nil {
		_ = response.Body.Close()
		return nil, err
	}
	return response, nil
}

// untold are the response's headers that are the store's own affair, besides
// those of the connection.
var untold = map[string]bool{
	"Alt-Svc": true, "Date": true, "Server": true, "Set-Cookie": true, "Strict-Transport-Security": true,
	"Via": true, "Www-Authenticate": true, "X-Amz-Id-2": true, "X-Amz-Request-Id": true,
}

func told(header http.Header) http.Header {
	hop := hopByHop(header)
	kept := make(http.Header, len(header))
	for name, values := range header {
		if canonical := textproto.CanonicalMIMEHeaderKey(name); !hop[canonical] && !untold[canonical] {
			kept[canonical] = values
		}
	}
	return kept
}

// ourFault are the codes by which S3 refuses who signed, or how: which was us
// (S3 API Reference, "Error responses").
var ourFault = map[string]bool{
	"AccessDenied": true, "AccountProblem": true, "AllAccessDisabled": true, "AuthorizationHeaderMalformed": true,
	"CredentialsNotSupported": true, "ExpiredToken": true, "InvalidAccessKeyId": true, "InvalidSecurity": true,
	"InvalidToken": true, "MissingAuthenticationToken": true, "MissingSecurityHeader": true, "NotSignedUp": true,
	"RequestTimeTooSkewed": true, "SignatureDoesNotMatch": true, "TokenRefreshRequired": true,
	"UnauthorizedAccess": true, "RequestExpired": true,
}

// inspect refuses what is no answer to the caller: a redirect, and a refusal of
// our own credentials. A refusal by S3's object lock has the code of one of
// credentials and other words; that one is the caller's.
func (r *Response) inspect(of *Request, location string) error {
	switch {
	case r.Status >= 300 && r.Status < 400 && r.Status != http.StatusNotModified:
		return fmt.Errorf("%w: it redirects to %.256q with status %d; is its region or its addressing another?", ErrAnswer, location, r.Status)
	case r.Status == http.StatusProxyAuthRequired:
		return fmt.Errorf("%w: the proxy wants other credentials, status %d", ErrUnreachable, r.Status)
	case r.Status < 400 || r.Status >= 500:
		return nil
	case of.Method == http.MethodHead:
		if r.Status == http.StatusForbidden || r.Status == http.StatusUnauthorized {
			return r.refusal("", "")
		}
		return nil
	}
	body := r.Body.(*responseBody)
	start, err := io.ReadAll(io.LimitReader(body, maxError))
	if err != nil {
		return err
	}
	body.start = bytes.NewReader(start)
	var document struct{ Code, Message string }
	if xml.Unmarshal(start, &document) != nil { // no error of S3
		if r.Status == http.StatusForbidden || r.Status == http.StatusUnauthorized {
			return r.refusal("", "")
		}
		return nil
	}
	if !ourFault[document.Code] || strings.Contains(strings.ToLower(document.Message), "object lock") {
		return nil
	}
	return r.refusal(document.Code, document.Message)
}

func (r *Response) refusal(code, message string) *Refusal {
	const most = 512
	return &Refusal{
		Status: r.Status, Code: code[:min(len(code), most)], Message: message[:min(len(message), most)],
		RequestID: r.RequestID, HostID: r.HostID,
	}
}

// responseBody is a response's body, with what was read ahead of it.
type responseBody struct {
	ctx     context.Context //nolint:containedctx // of the one request
	body    io.ReadCloser
	start   *bytes.Reader
	request *body
	left    int64 // below 0 if that is not known
	done    bool
}

func (b *responseBody) Read(p []byte) (int, error) {
	if b.start != nil && b.start.Len() > 0 {
		return b.start.Read(p)
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	if err != nil {
		b.done = true
		if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = classify(b.ctx, err)
		}
	}
	return n, err
}

// WriteTo implements io.WriterTo: a body that can write itself does.
func (b *responseBody) WriteTo(w io.Writer) (int64, error) {
	from, can := b.body.(io.WriterTo)
	if b.start != nil || !can {
		return io.Copy(w, struct{ io.Reader }{b})
	}
	n, err := from.WriteTo(w)
	b.left -= n
	b.done = true
	if err != nil {
		err = classify(b.ctx, err)
	}
	return n, err
}

// Close reads a short rest, so that the connection can serve again, and begins
// no further Read of the request's body.
func (b *responseBody) Close() error {
	if !b.done && b.left <= maxDrain {
		_, _ = io.CopyN(io.Discard, b.body, maxDrain)
	}
	err := b.body.Close()
	_ = b.request.Close()
	return err
}

package s3upstream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/daypass/daypass/internal/sigv4"
)

// Message is a request to an AWS service that is not S3, with its body in memory.
type Message struct {
	Method string
	// Path and RawQuery are as they go on the wire.
	Path, RawQuery string
	// Header is what the service is told: all of it is signed, and nothing is added
	// but the signature's own.
	Header http.Header
	Body   []byte
	// Service is the signing name; the region that signatures name is the target's.
	Service string
}

// Send sends a message once, signed with the target's credentials, and returns the
// service's response, errors included. Redirects are not followed. Errors are as
// Do's; whether a response refuses the credentials is not looked at.
func (c *Client) Send(ctx context.Context, m *Message) (*Response, error) {
	path, err := url.PathUnescape(m.Path)
	if err != nil || !strings.HasPrefix(m.Path, "/") {
		return nil, fmt.Errorf("%w: its path cannot be read", ErrRequest)
	}
	payload := newBody(&Request{Body: bytes.NewReader(m.Body), Length: int64(len(m.Body))})
	u := *c.endpoint
	u.Path, u.RawPath, u.RawQuery = path, m.Path, m.RawQuery
	request := (&http.Request{
		Method: m.Method, URL: &u, Header: m.Header.Clone(), Host: u.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}).WithContext(ctx)
	if len(m.Body) > 0 {
		request.Body, request.ContentLength = payload, int64(len(m.Body))
		// net/http sends it again where a kept connection was closed beforehand.
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.Body)), nil }
	}
	credentials, err := c.target.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: they cannot be had: %w", ErrCredentials, err)
	}
	if err := c.services.SignHTTP(ctx, credentials, request, sigv4.HashPayload(m.Body), m.Service, c.target.Region, c.now()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	answer, err := c.roundTrip(ctx, request) //nolint:bodyclose // Response.Body closes it
	if err != nil {
		return nil, classify(ctx, err)
	}
	response := &Response{
		Status: answer.StatusCode, Header: told(answer.Header), Length: answer.ContentLength,
		Body:      &responseBody{ctx: ctx, body: answer.Body, request: payload, left: answer.ContentLength},
		RequestID: answer.Header.Get("X-Amzn-Requestid"), Attempts: 1,
	}
	if response.RequestID == "" {
		response.RequestID = answer.Header.Get("X-Amz-Request-Id")
	}
	if response.Status >= 300 && response.Status < 400 && response.Status != http.StatusNotModified || response.Status == http.StatusProxyAuthRequired {
		_ = response.Body.Close()
		return nil, fmt.Errorf("%w: it answers with status %d", ErrAnswer, response.Status)
	}
	return response, nil
}

// Package sdkhttp is the HTTP client that aws-sdk-go-v2 needs to talk to a server
// on its own machine.
package sdkhttp

import (
	"bytes"
	"io"
	"net/http"
)

// Client is an aws.HTTPClient that sends requests with a copy of their body. The
// SDK closes the body as soon as it has the head of a reply; a server on the same
// machine is that quick before net/http has seen the body's end, and net/http then
// gives the connection up and the rest of the reply with it (aws-sdk-go-v2 issue
// 2737). It is for small bodies: each is held in memory.
type Client struct{ *http.Client }

// Do implements aws.HTTPClient.
func (c Client) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return c.Client.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return c.Client.Do(r)
}

// Package s3upstream forwards one S3 request to an S3-compatible store, signed
// with that store's credentials, and streams in both directions: no object is
// held in memory or on disk on its way.
//
// What the caller of the gateway signed is over before a request comes here. Of
// his credentials nothing goes further; what goes is the operation (method,
// bucket, key, query), the headers that belong to the object, and the decoded
// body.
package s3upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Addressing says where a request names its bucket (Amazon S3 User Guide,
// "Virtual hosting of general purpose buckets").
type Addressing int

const (
	// PathStyle is https://endpoint/bucket/key, which every store knows.
	PathStyle Addressing = iota
	// VirtualHost is https://bucket.endpoint/key, which AWS wants.
	VirtualHost
)

// What New takes where Target says nothing.
const (
	DefaultConnectTimeout  = 5 * time.Second
	DefaultResponseTimeout = 5 * time.Minute // CopyObject of 5 GiB answers at its end
	DefaultIdleConnections = 64
)

// Target is a store and how it is reached. The operator names it, so no rule of
// egress applies to it, and the environment's proxy variables are not read.
type Target struct {
	// Endpoint is an http or https URL of a host, with a port or without, and
	// nothing else.
	Endpoint string
	// Transport carries requests to a store in this process, nil for connections
	// to Endpoint, which gives no more than the Host header then. What goes over
	// it counts as private, and is not changed on its way: the store is not told
	// the body's hash, which it would only compute once more.
	Transport http.RoundTripper
	// Region is the region that signatures name.
	Region     string
	Addressing Addressing
	// Credentials are asked for each request; wrap what is slow to retrieve in
	// an aws.CredentialsCache. Those of aws-sdk-go-v2/config fit, and Static.
	Credentials aws.CredentialsProvider
	// Lacks are the headers X-Amz-… that the store would take and not heed, in
	// canonical form, each with the one value that asks for nothing, or "". A
	// request that has another value is refused with ErrNotImplemented: a client
	// that asks for encryption must not believe that it has it.
	Lacks map[string]string
	// Roots are the authorities trusted for the store's and the proxy's
	// certificates, nil for the system's.
	Roots *x509.CertPool
	// Proxy is an http or https proxy to go through, nil for none.
	Proxy *url.URL
	// Traceparent tells the store, by the header of that name, the trace of a request
	// that is traced. It is not signed.
	Traceparent bool
	// ConnectTimeout bounds connecting, and the handshake of TLS by itself.
	ConnectTimeout time.Duration
	// ResponseTimeout bounds the time from the end of the request, body
	// included, to the head of the response. No time bounds the bodies: the
	// context of a request does.
	ResponseTimeout time.Duration
	// IdleConnections is how many connections are kept for later requests.
	IdleConnections int
}

// Static are credentials that do not change.
func Static(accessKeyID, secretAccessKey string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretAccessKey, Source: "static"}, nil
	})
}

// Client sends requests to one target. It is safe for concurrent use.
type Client struct {
	target    Target
	endpoint  *url.URL
	transport http.RoundTripper
	signer    *v4.Signer
	services  *v4.Signer // of what is not S3
	now       func() time.Time
}

// New prepares a client; it does not connect. An error says which part of the
// target is refused.
func New(target Target, now func() time.Time) (*Client, error) {
	endpoint, err := parseEndpoint(target.Endpoint)
	if err != nil {
		return nil, err
	}
	switch {
	case target.Region == "":
		return nil, errors.New("s3upstream: the target has no region")
	case target.Credentials == nil:
		return nil, errors.New("s3upstream: the target has no credentials")
	case target.Proxy != nil && target.Transport != nil:
		return nil, errors.New("s3upstream: a store in this process is not reached through a proxy")
	case target.Proxy != nil && target.Proxy.Scheme != "http" && target.Proxy.Scheme != "https":
		return nil, fmt.Errorf("s3upstream: the proxy %s is neither http nor https", target.Proxy.Redacted())
	case target.Addressing != PathStyle && target.Addressing != VirtualHost:
		return nil, fmt.Errorf("s3upstream: addressing %d is neither path style nor virtual host", target.Addressing)
	case target.Addressing == VirtualHost && net.ParseIP(endpoint.Hostname()) != nil:
		return nil, fmt.Errorf("s3upstream: the endpoint %s is an address, below which no bucket has a name; use path style", endpoint)
	}
	setDefault(&target.ConnectTimeout, DefaultConnectTimeout)
	setDefault(&target.ResponseTimeout, DefaultResponseTimeout)
	setDefault(&target.IdleConnections, DefaultIdleConnections)
	transport := target.Transport
	if transport == nil {
		transport = target.connections()
	}
	return &Client{
		target:    target,
		endpoint:  endpoint,
		transport: transport,
		// S3 signs the path as it is sent (Signature Version 4, "Create a
		// canonical request": no normalisation, no second encoding for S3).
		signer: v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }),
		// Other services sign the path encoded once more.
		services: v4.NewSigner(),
		now:      now,
	}, nil
}

// Close ends the connections that no request uses.
func (c *Client) Close() {
	if t, ok := c.transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// private says whether nobody reads along on the way to the target.
func (c *Client) private() bool { return c.endpoint.Scheme == "https" || c.target.Transport != nil }

func setDefault[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

func parseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("s3upstream: endpoint: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("s3upstream: the endpoint %q is neither an http nor an https URL", u.Redacted())
	case u.Hostname() == "" || u.User != nil:
		return nil, fmt.Errorf("s3upstream: the endpoint %q must have a host and no user", u.Redacted())
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("s3upstream: the endpoint %q must have no path and no query", u.Redacted())
	}
	// The Host that is signed has no default port, and the one on the wire then
	// has none either.
	if u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443" {
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

const (
	// bufferSize is what a connection has for each direction. With net/http's
	// own buffer for copying, a request holds less than 128 KiB.
	bufferSize = 32 << 10
	// continueTimeout is how long a body waits for 100 Continue: it goes after
	// that, for a store that does not know the expectation (RFC 9110 section
	// 10.1.1).
	continueTimeout = time.Second
	// idleTimeout is shorter than what servers of S3 keep an idle connection
	// for, so that requests seldom meet one that is being closed.
	idleTimeout = 15 * time.Second
)

// connections speaks HTTP/1.1, which is what S3 speaks.
func (t *Target) connections() *http.Transport {
	dialer := &net.Dialer{Timeout: t.ConnectTimeout, KeepAlive: 15 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	transport := &http.Transport{
		Proxy:                  http.ProxyURL(t.Proxy),
		DialContext:            patient(dialer.DialContext),
		TLSClientConfig:        &tls.Config{RootCAs: t.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    t.ConnectTimeout,
		ResponseHeaderTimeout:  t.ResponseTimeout,
		ExpectContinueTimeout:  continueTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConns:           t.IdleConnections,
		MaxIdleConnsPerHost:    t.IdleConnections,
		MaxResponseHeaderBytes: 64 << 10,
		ReadBufferSize:         bufferSize,
		WriteBufferSize:        bufferSize,
		DisableCompression:     true, // an object's Content-Encoding is its own
		Protocols:              protocols,
	}
	if t.Proxy == nil {
		transport.Proxy = nil
	}
	return transport
}

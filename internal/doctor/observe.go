package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"time"

	"github.com/daypass/daypass/internal/jwks"
)

// observer looks at servers. Where it connects is bounded by the guard of
// package jwks, which refuses what a server's fetch refuses; what it reads is
// bounded in bytes and in time. It verifies no certificate, for it is to show
// those that would be refused, so what it reads proves nothing: it is looked at,
// and no token is ever sent.
type observer struct {
	dialer  *jwks.Dialer
	resolve map[string]netip.Addr // by host, in place of the DNS
	now     func() time.Time
	patient time.Duration // for one request or handshake
}

func (o *observer) dial(ctx context.Context, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if addr, ok := o.resolve[host]; ok {
		address = net.JoinHostPort(addr.String(), port)
	}
	return o.dialer.Dial(ctx, address)
}

// greeting is one handshake of TLS.
type greeting struct {
	chain   []*x509.Certificate // as sent
	version uint16
	err     error
}

// greet makes one handshake with u's server and ends the connection.
func (o *observer) greet(ctx context.Context, u *url.URL, change func(*tls.Config)) greeting {
	ctx, cancel := context.WithTimeout(ctx, o.patient)
	defer cancel()
	raw, err := o.dial(ctx, hostPort(u))
	if err != nil {
		return greeting{err: &url.Error{Op: "connect", URL: u.String(), Err: err}}
	}
	defer raw.Close() //nolint:errcheck // nothing was sent
	conn := tls.Client(raw, tlsConfig(u.Hostname(), change))
	err = conn.HandshakeContext(ctx)
	state := conn.ConnectionState()
	if err != nil {
		err = &url.Error{Op: "handshake", URL: u.String(), Err: err}
	}
	return greeting{chain: state.PeerCertificates, version: state.Version, err: err}
}

func tlsConfig(host string, change func(*tls.Config)) *tls.Config {
	c := &tls.Config{
		ServerName: host, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		InsecureSkipVerify: true, //nolint:gosec // see observer: what would be refused is to be shown
	}
	if change != nil {
		change(c)
	}
	return c
}

// answer is what came of one GET over a connection of its own. A redirect is an
// answer like another: it is not followed.
type answer struct {
	from    *url.URL
	status  int
	header  http.Header
	body    []byte
	tooLong bool
	took    time.Duration // from connecting to the last byte
	err     error
}

// get reads a document of at most limit bytes, under the name agent; "" names
// nobody.
func (o *observer) get(ctx context.Context, from *url.URL, agent string, limit int64) answer {
	ctx, cancel := context.WithTimeout(ctx, o.patient)
	defer cancel()
	transport := &http.Transport{
		Proxy:       nil, // as the guard has it: what connects for us would pass it
		DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("only https") },
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			raw, err := o.dial(ctx, address)
			if err != nil {
				return nil, err
			}
			conn := tls.Client(raw, tlsConfig(from.Hostname(), nil))
			if err := conn.HandshakeContext(ctx); err != nil {
				return nil, errors.Join(err, raw.Close())
			}
			return conn, nil
		},
		DisableCompression:     true,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: jwks.MaxHeaderBytes,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return answer{from: from, err: err}
	}
	request.Header.Set("Accept", "application/json")
	request.Header["User-Agent"] = nil // Go's own would be sent for none
	if agent != "" {
		request.Header.Set("User-Agent", agent)
	}
	begun := o.now()
	response, err := client.Do(request)
	if err != nil {
		return answer{from: from, err: err, took: o.now().Sub(begun)}
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err == nil {
		err = ctx.Err() // a body that ends as the time does may end because of it
	}
	a := answer{from: from, status: response.StatusCode, header: response.Header, body: body, took: o.now().Sub(begun)}
	if err != nil {
		a.err = &url.Error{Op: "read", URL: from.String(), Err: err}
	}
	if int64(len(body)) > limit {
		a.body, a.tooLong = body[:limit], true
	}
	return a
}

// late reports whether an error is that there was no answer in time.
func late(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// reason is why a server could not be asked, in plain words.
func reason(err error) string {
	if late(err) {
		return "no answer in time"
	}
	return jwks.Reason(err)
}

// parseIssuer is a URL that can be asked at all.
func parseIssuer(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.Unwrap(err)
	case u.Scheme != "https":
		return nil, fmt.Errorf("%s is not an https URL", shown(s))
	case u.Hostname() == "":
		return nil, fmt.Errorf("%s has no host", shown(s))
	}
	return u, nil
}

// hostPort is where u's server listens.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

package jwks

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// maxProxyAnswer is the most that is read of a proxy's answer to CONNECT.
const maxProxyAnswer = 16 << 10

// throughProxy connects to host:port by way of the proxy (RFC 9110 section
// 9.3.6). TLS with the issuer then goes end to end, so a proxy sees names and
// no more. It is named by the operator, so its own address is not the guard's
// business; the issuer's is judged as far as it can be seen from here.
func (f *fetcher) throughProxy(ctx context.Context, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if err := f.guard.checkUnresolved(host); err != nil {
		return nil, err
	}
	conn, err := f.dialProxy(ctx)
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", f.proxy.Redacted(), err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // ends what is under way
	defer stop()
	tunnel, err := f.connect(conn, address)
	if err != nil {
		if ctx.Err() != nil {
			err = errors.Join(ctx.Err(), err)
		}
		return nil, errors.Join(fmt.Errorf("proxy %s: %w", f.proxy.Redacted(), err), conn.Close())
	}
	return tunnel, nil
}

// dialProxy connects to the proxy itself, over TLS if its URL says https.
func (f *fetcher) dialProxy(ctx context.Context) (net.Conn, error) {
	port := f.proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[f.proxy.Scheme]
	}
	host := f.proxy.Hostname()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil || f.proxy.Scheme == "http" {
		return raw, err
	}
	// No thumbprint of an issuer vouches for the proxy.
	return handshake(ctx, raw, host, &verifier{roots: f.proxyRoots, now: f.now})
}

// connect asks for the tunnel.
func (f *fetcher) connect(conn net.Conn, address string) (net.Conn, error) {
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{"User-Agent": {"daypass"}}}
	if user := f.proxy.User; user != nil {
		password, _ := user.Password()
		request.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(io.LimitReader(conn, maxProxyAnswer))
	response, err := http.ReadResponse(reader, request) //nolint:bodyclose // to close it would be to read it; the connection is closed, or is the tunnel
	if err != nil {
		return nil, err
	}
	switch {
	case transient(response.StatusCode):
		return nil, statusError{from: f.proxy, code: response.StatusCode}
	case response.StatusCode != http.StatusOK:
		return nil, egressError{fmt.Errorf("it refuses to connect to %s, with status %d", address, response.StatusCode)}
	case reader.Buffered() > 0: // a server of TLS waits for the client
		return nil, errors.New("it sends more than its answer")
	}
	return conn, nil
}

// checkUnresolved judges the name of a host that a proxy will resolve. A number
// that is no plain address would be one to some resolvers (127.1, 0x7f000001),
// and localhost would be the proxy's own.
func (g guard) checkUnresolved(host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		return g.check(addr)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if isLocalhost(name) {
		return g.check(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if last == "" || last[0] >= '0' && last[0] <= '9' || strings.ContainsAny(name, ":[]%") {
		return egressError{fmt.Errorf("%.256q is no name of a host; issuers there are refused", host)}
	}
	return nil
}

// handshake makes raw a verified connection of TLS, or closes it. Go's own
// verification is off because it knows no thumbprints, and verify does all that
// it would have done.
func handshake(ctx context.Context, raw net.Conn, host string, v *verifier) (*tls.Conn, error) {
	conn := tls.Client(raw, &tls.Config{
		ServerName:         host,
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"http/1.1"},
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection verifies
		VerifyConnection: func(state tls.ConnectionState) error {
			// host and not state.ServerName, which is empty for an IP address.
			if err := v.verify(host, state.PeerCertificates); err != nil {
				return certificateError{err}
			}
			return nil
		},
	})
	err := conn.HandshakeContext(ctx)
	if err == nil {
		return conn, nil
	}
	if !ofTransport(err) {
		err = certificateError{err} // or what answers speaks no TLS, or an old one
	}
	return nil, errors.Join(err, raw.Close())
}

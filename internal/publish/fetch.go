package publish

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/publish/ledger"
)

const (
	maxDocument = 1 << 20 // the longest document that is read
	// fetchTime bounds one request. AWS gives up after five seconds.
	fetchTime = 10 * time.Second
)

// Refusal is a rule of safety that was not met: see ledger.Refusal.
type Refusal = ledger.Refusal

func refuse(rule, format string, args ...any) error {
	return &Refusal{Rule: rule, Text: fmt.Sprintf(format, args...)}
}

// Reader reads documents over http: with TLS verified, without redirects, of
// bounded length, and nothing but JSON. It asks without credentials, and no
// proxy of the environment. The zero Reader trusts the system's authorities.
type Reader struct {
	// Roots vouch for the server; nil is the system's.
	Roots *x509.CertPool
	// Pin is the SHA-256 of the public key (SubjectPublicKeyInfo) of a certificate
	// that the server must send, in base64, as in RFC 7469; "" for none.
	Pin string
	// Resolve gives addresses of hosts in place of the DNS.
	Resolve map[string]netip.Addr
	// Now is the time for certificates; nil is the system's.
	Now func() time.Time
}

// CheckPin refuses a pin that is none.
func CheckPin(pin string) error {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(pin, "sha256/"))
	if err != nil || len(raw) != sha256.Size {
		return fmt.Errorf("publish: %.80q is no pin: SHA-256 in base64, as openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64 gives it", pin)
	}
	return nil
}

// errStatus is an answer that is not 200.
type errStatus struct {
	url    string
	status int
	body   string
}

func (e *errStatus) Error() string {
	if strings.Contains(e.body, "NoSuchBucket") {
		return fmt.Sprintf("publish: %s answers %d: the bucket does not exist. Whoever makes a bucket of that name now owns the issuer: see that nobody trusts it", e.url, e.status)
	}
	return fmt.Sprintf("publish: %s answers %d", e.url, e.status)
}

// get reads one document. Plain http is only for loopback.
func (r *Reader) get(ctx context.Context, from string) ([]byte, error) {
	u, err := url.Parse(from)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return nil, refuse("url", "%.200q is no URL of a document", from)
	case u.Scheme == "http" && !ledger.OnLoopback(u.Hostname()):
		return nil, refuse("upstream-http", "%s is read over http, where anybody on the way can put in a key; only https is read, and http on loopback", from)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, refuse("url", "%.200q is neither https nor http", from)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Cache-Control", "no-cache")
	request.Header.Set("User-Agent", "daypass-publish")
	transport := r.transport()
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request) // which follows no redirect
	if err != nil {
		return nil, tlsRefusal(from, err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("publish: read %s: %w", from, err)
	case len(body) > maxDocument:
		return nil, refuse("too-long", "%s is longer than %d bytes", from, maxDocument)
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return nil, refuse("redirect", "%s answers with a redirect (%d); give the URL where the document itself is", from, response.StatusCode)
	case response.StatusCode != http.StatusOK:
		return nil, &errStatus{from, response.StatusCode, string(body[:min(len(body), 1024)])}
	}
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return nil, refuse("not-json", "%s has the content type %.80q and not application/json; is it a login page?", from, response.Header.Get("Content-Type"))
	}
	return body, nil
}

func (r *Reader) transport() *http.Transport {
	dialer := jwks.NewDialer(jwks.Egress{}, true)
	return &http.Transport{
		Proxy: nil, // what stands between could put in keys; TLS alone would see it
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			if host, port, err := net.SplitHostPort(address); err == nil {
				if addr, ok := r.Resolve[host]; ok {
					address = net.JoinHostPort(addr.String(), port)
				}
			}
			return dialer.Dial(ctx, address)
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: r.Roots, Time: r.Now, VerifyConnection: r.checkPin},
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: jwks.MaxHeaderBytes,
	}
}

var errPin = errors.New("no certificate that the server sends has the key that --pin names")

func (r *Reader) checkPin(state tls.ConnectionState) error {
	if r.Pin == "" {
		return nil
	}
	for _, certificate := range state.VerifiedChains[0] {
		sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
		if base64.StdEncoding.EncodeToString(sum[:]) == strings.TrimPrefix(r.Pin, "sha256/") {
			return nil
		}
	}
	return errPin
}

// tlsRefusal makes a refusal of a certificate that was not believed.
func tlsRefusal(from string, err error) error {
	var verification *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errPin):
		return refuse("pin", "%s: %v", from, errPin)
	case errors.As(err, &verification):
		return refuse("tls", "%s: %v. Give the authority that signed it with --ca; there is no switch to go without", from, verification.Err)
	}
	return fmt.Errorf("publish: read %s: %w", from, err)
}

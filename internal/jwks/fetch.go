package jwks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/oidc"
)

const maxRedirects = 3

// fetcher makes the requests of one fetch. Its connections are its own: a
// connection made under one provider's thumbprints serves no other.
type fetcher struct {
	verifier

	guard        guard
	discoveryURL string         // "" for the well-known one
	proxy        *url.URL       // nil for none
	proxyRoots   *x509.CertPool // trusted for a proxy over https
	budget       time.Duration
}

func (c *Cache) fetcher(p Provider) *fetcher {
	s := c.config.Settings.Providers[p.Issuer]
	f := &fetcher{
		verifier:     verifier{roots: c.config.Roots, thumbprints: p.Thumbprints, now: c.config.Now()},
		guard:        newGuard(c.config.Settings.Egress, c.config.AllowLoopback),
		discoveryURL: s.DiscoveryURL,
		proxy:        c.config.Settings.Proxy,
		proxyRoots:   c.config.Roots,
		budget:       c.config.Budget,
	}
	if s.Roots != nil {
		f.roots = s.Roots
	}
	if s.Proxy != nil || s.NoProxy {
		f.proxy = s.Proxy
	}
	return f
}

// keys fetches the discovery document and then the keys, and says how long
// they may be used.
func (f *fetcher) keys(ctx context.Context, issuer string) (*oidc.KeySet, time.Duration, error) {
	client, done := f.client()
	defer done()
	jwksURI, err := f.discover(ctx, client, issuer)
	if err != nil {
		return nil, 0, f.classify(ctx, err)
	}
	body, header, err := get(ctx, client, jwksURI, oidc.MaxKeySetBytes)
	if err != nil {
		return nil, 0, f.classify(ctx, err)
	}
	keys, err := oidc.ParseKeySet(body)
	if err != nil {
		return nil, 0, f.classify(ctx, fmt.Errorf("%s: %w", jwksURI, err))
	}
	return keys, lifetime(header), nil
}

// topThumbprint is the work of Cache.Thumbprint.
func (f *fetcher) topThumbprint(ctx context.Context, issuer string) (string, error) {
	client, done := f.client()
	defer done()
	jwksURI, err := f.discover(ctx, client, issuer)
	if err != nil {
		return "", f.classify(ctx, err)
	}
	conn, err := f.dialTLS(ctx, "tcp", hostPort(jwksURI))
	if err != nil {
		return "", f.classify(ctx, fmt.Errorf("%s: %w", jwksURI, err))
	}
	defer conn.Close() //nolint:errcheck // nothing was sent
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	return thumbprint(chain[len(chain)-1]), nil
}

// discover is the jwks_uri of the issuer's discovery document (OpenID Connect
// Discovery 1.0 sections 4 and 4.3: the well-known path follows the issuer
// without its closing slash; the document's issuer equals the registered one).
// That holds wherever the document is read: who gives another URL for it
// vouches for the way to the issuer, and not for another issuer.
func (f *fetcher) discover(ctx context.Context, client *http.Client, issuer string) (*url.URL, error) {
	if _, err := parseHTTPS(issuer); err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	from := f.discoveryURL
	if from == "" {
		from = strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	}
	well, err := parseHTTPS(from)
	if err != nil {
		return nil, fmt.Errorf("discovery document: %w", err)
	}
	body, _, err := get(ctx, client, well, maxDiscoveryBody)
	if err != nil {
		return nil, err
	}
	// A map, since struct fields would match names without regard to case.
	var document map[string]json.RawMessage
	if err := json.Unmarshal(body, &document); err != nil {
		return nil, fmt.Errorf("%s is no JSON object; is it a login page? %w", well, err)
	}
	var itsIssuer, itsKeys string
	if json.Unmarshal(document["issuer"], &itsIssuer) != nil || json.Unmarshal(document["jwks_uri"], &itsKeys) != nil {
		return nil, fmt.Errorf("%s lacks issuer or jwks_uri", well)
	}
	if itsIssuer != issuer {
		return nil, fmt.Errorf("%s has the issuer %.256q and not %q; they must be equal, case and closing slash included", well, itsIssuer, issuer)
	}
	keys, err := parseHTTPS(itsKeys)
	if err != nil {
		return nil, fmt.Errorf("%s: jwks_uri: %w", well, err)
	}
	return keys, nil
}

func parseHTTPS(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "https":
		return nil, fmt.Errorf("%.256q is not an https URL", s)
	case u.Hostname() == "" || u.User != nil:
		return nil, fmt.Errorf("%.256q must have a host and no user", s)
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

// client makes the guarded client and the function that ends its connections.
// It speaks HTTP/1.1, which every issuer does.
func (f *fetcher) client() (*http.Client, func()) {
	transport := &http.Transport{
		Proxy:                  nil, // dialTLS knows the only one; the environment's is never read
		DialContext:            func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("only https") },
		DialTLSContext:         f.dialTLS,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxDiscoveryBody,
	}
	return &http.Client{Transport: transport, CheckRedirect: checkRedirect}, transport.CloseIdleConnections
}

// Client is one that reaches an issuer, over https alone, as the fetching of its keys
// does: through its proxy, under its certificate authorities, to addresses that may be
// asked. It follows no redirects.
func (c *Cache) Client(issuer string) *http.Client {
	client, _ := c.fetcher(Provider{Issuer: issuer}).client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// dialTLS connects, to an address that the guard lets pass, and verifies.
func (f *fetcher) dialTLS(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	dial := f.guard.dial
	if f.proxy != nil {
		dial = f.throughProxy
	}
	raw, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	conn, err := handshake(ctx, raw, host, &f.verifier)
	if err != nil { // and no *tls.Conn that is nil in a net.Conn
		return nil, err
	}
	return conn, nil
}

// checkRedirect follows only to where the request already went.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case next.URL.Scheme != first.Scheme || !strings.EqualFold(hostPort(next.URL), hostPort(first)):
		return fmt.Errorf("a redirect to %s://%s leaves the host, and is refused", next.URL.Scheme, next.URL.Host)
	}
	return nil
}

// get reads a document of at most limit bytes.
func get(ctx context.Context, client *http.Client, from *url.URL, limit int64) (body []byte, header http.Header, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "daypass")
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		return nil, nil, statusError{from: from, code: response.StatusCode}
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err == nil {
		// A body that ends as the time does may end because of it.
		err = ctx.Err()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", from, err)
	}
	if int64(len(body)) > limit {
		return nil, nil, fmt.Errorf("%s answers with more than %d bytes", from, limit)
	}
	return body, response.Header, nil
}

// lifetime is the max-age of the answer, within minLifetime and maxLifetime;
// defaultLifetime if the answer does not say. An answer that asks not to be
// kept is kept for minLifetime all the same: AWS asks again for each token
// then, and issuers throttle it (RFC 9111 section 5.2.2 for the names; Age and
// s-maxage are not read).
func lifetime(header http.Header) time.Duration {
	kept := defaultLifetime
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return minLifetime
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 64)
			switch {
			case errors.Is(err, strconv.ErrRange) || seconds > uint64(maxLifetime/time.Second):
				kept = maxLifetime
			case err != nil:
				kept = minLifetime // unreadable is stale (RFC 9111 section 4.2.1)
			default:
				kept = max(time.Duration(seconds)*time.Second, minLifetime)
			}
		}
	}
	return kept
}

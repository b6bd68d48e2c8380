package gitlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// Config is what an Issuer is made from.
type Config struct {
	// URL is the issuer, as it stands in the claim iss: https, host, port if it
	// is not 443, and a relative root if there is one. No trailing slash.
	// AWS compares it with the provider's URL letter by letter.
	URL string
	// Declared says that the operator owns the host of URL although its name
	// does not show it. Without it only these are taken: loopback and private
	// addresses (RFC 1918, RFC 4193), localhost (RFC 6761), the reserved names
	// of RFC 2606, and .internal, .local, .lan. The well-known public issuers,
	// gitlab.com first of all, are refused in any case.
	Declared bool
	// Keys sign the tokens.
	Keys *Keys
}

// ErrNotOwned says that an issuer URL belongs, or may belong, to someone else.
var ErrNotOwned = errors.New("gitlab: the issuer URL is not known to be yours")

// Issuer signs ID tokens and publishes the keys to verify them. It is immutable
// and safe for concurrent use.
type Issuer struct {
	url, root string
	kid       string
	signer    jose.Signer
	discovery []byte
	keySet    []byte
}

// NewIssuer checks the URL and prepares all that is published. An URL that may
// belong to someone else is ErrNotOwned.
func NewIssuer(c Config) (*Issuer, error) {
	u, err := checkURL(c.URL)
	if err != nil {
		return nil, err
	}
	if err := checkOwner(u.Hostname(), c.Declared); err != nil {
		return nil, err
	}
	if c.Keys == nil || c.Keys.user == nil || c.Keys.ci == nil {
		return nil, errors.New("gitlab: an issuer needs keys")
	}
	i := &Issuer{url: c.URL, root: u.Path}
	if err := i.publish(c.Keys); err != nil {
		return nil, err
	}
	i.signer, err = jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: c.Keys.ci, KeyID: i.kid}},
		(&jose.SignerOptions{}).WithType("JWT"),
	)
	if err != nil {
		return nil, fmt.Errorf("gitlab: prepare the signer: %w", err)
	}
	return i, nil
}

// publish renders the discovery document and the key set.
func (i *Issuer) publish(k *Keys) error {
	user, err := newPublicKey(&k.user.PublicKey)
	if err != nil {
		return err
	}
	ci, err := newPublicKey(&k.ci.PublicKey)
	if err != nil {
		return err
	}
	i.kid = ci.Kid
	if i.discovery, err = json.Marshal(discoveryOf(i.url)); err != nil {
		return fmt.Errorf("gitlab: write the discovery document: %w", err)
	}
	i.keySet, err = json.Marshal(struct {
		Keys []publicKey `json:"keys"`
	}{[]publicKey{user, ci}})
	if err != nil {
		return fmt.Errorf("gitlab: write the key set: %w", err)
	}
	return nil
}

// URL is the issuer's URL, the value of iss.
func (i *Issuer) URL() string { return i.url }

// KeyID is the kid of the key that signs ID tokens.
func (i *Issuer) KeyID() string { return i.kid }

// KeySet returns the public keys as a JSON Web Key Set (RFC 7517), as it is
// served at /oauth/discovery/keys.
func (i *Issuer) KeySet() []byte { return append([]byte(nil), i.keySet...) }

// Discovery returns the OpenID Connect discovery document, as it is served at
// /.well-known/openid-configuration.
func (i *Issuer) Discovery() []byte { return append([]byte(nil), i.discovery...) }

// Handler serves the two documents, each under the relative root of the URL.
// Anything else is 404, and another method than GET and HEAD is 405.
//
// The headers are GitLab's: the key set may be cached for a day, any origin may
// read both. Source: GitLab's JwksController and its request specs.
func (i *Issuer) Handler() http.Handler {
	mux := http.NewServeMux()
	// What Rails sends where a controller says nothing.
	mux.Handle("GET "+i.root+discoveryPath, document(i.discovery, "max-age=0, private, must-revalidate"))
	mux.Handle("GET "+i.root+keysPath, document(i.keySet, "max-age=86400, public, must-revalidate, no-transform"))
	return mux
}

func document(body []byte, cache string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json; charset=utf-8")
		h.Set("Cache-Control", cache)
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		// The client is gone if this fails; there is no one to tell.
		_, _ = w.Write(body)
	})
}

// checkURL takes an issuer URL apart and refuses what AWS or GitLab would not
// compare as equal to itself.
func checkURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("gitlab: the issuer URL %q is not a URL", s)
	}
	fault := ""
	host := u.Hostname()
	switch {
	case u.Scheme != "https":
		fault = "should begin with https://; AWS takes no other provider"
	case host == "" || u.Opaque != "":
		fault = "has no host"
	case u.User != nil:
		fault = "should hold no user name"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(s, "#"):
		fault = "should end with the host or a path, without ? and #"
	case strings.HasSuffix(s, "/"):
		fault = "should have no trailing slash"
	case u.Host != strings.ToLower(u.Host):
		fault = "should be written in lower case"
	case strings.HasSuffix(host, "."):
		fault = "should have no dot at the end of its host"
	case u.Port() == "" && strings.HasSuffix(u.Host, ":"), u.Port() == "443":
		fault = "should name a port only if it is not 443"
	case u.Path != "" && path.Clean(u.Path) != u.Path, strings.ContainsAny(u.Path, "{} "), u.RawPath != "":
		fault = "should have a plain path"
	case u.String() != s:
		fault = "is not written in its plain form, which is " + u.String()
	}
	if fault != "" {
		return nil, fmt.Errorf("gitlab: the issuer URL %q %s", s, fault)
	}
	return u, nil
}

// publicIssuers are hosts of issuers that people trust in their AWS accounts.
// Each stands for the names under it as well. A token in their name is of no
// honest use, so Config.Declared does not open them.
var publicIssuers = []string{
	"gitlab.com", "github.com", "githubusercontent.com", "ghe.com", "bitbucket.org", "circleci.com",
	"buildkite.com", "terraform.io", "dev.azure.com", "accounts.google.com", "googleapis.com",
	"microsoftonline.com", "sts.windows.net", "appleid.apple.com", "facebook.com", "amazon.com",
	"amazonaws.com", "auth0.com", "okta.com",
}

// publishedAtS3 is the exception to amazonaws.com: GitLab Docs tell owners of a
// private instance to publish the two documents in a bucket of their own.
func publishedAtS3(host string) bool {
	rest, ok := strings.CutSuffix(host, ".amazonaws.com")
	if !ok {
		return false
	}
	labels := strings.Split(rest, ".")
	for i, l := range labels {
		if l == "s3" && i > 0 && len(labels)-i <= 2 {
			return true
		}
	}
	return false
}

// privateNames end the names that no one can own on the public Internet.
//
// Sources: RFC 2606 and RFC 6761 (reserved names), RFC 6762 (local), ICANN
// resolution 2024.07.29.06 (internal); lan by wide use.
var privateNames = []string{
	"localhost", "test", "example", "example.com", "example.net", "example.org",
	"internal", "local", "lan",
}

func checkOwner(host string, declared bool) error {
	if address, err := netip.ParseAddr(host); err == nil {
		if address.Unmap().IsLoopback() || address.Unmap().IsPrivate() || declared {
			return nil
		}
		return fmt.Errorf("%w: %s is a public address; declare it if you own it", ErrNotOwned, host)
	}
	if net.ParseIP(host) == nil && under(host, publicIssuers) && !publishedAtS3(host) {
		return fmt.Errorf("%w: %s is a public issuer, and tokens in its name would be forgeries", ErrNotOwned, host)
	}
	if declared || under(host, privateNames) {
		return nil
	}
	return fmt.Errorf("%w: %s; declare it if you own it, or take a private name such as gitlab.internal", ErrNotOwned, host)
}

// under reports whether host is one of the names or ends with one.
func under(host string, names []string) bool {
	for _, n := range names {
		if host == n || strings.HasSuffix(host, "."+n) {
			return true
		}
	}
	return false
}

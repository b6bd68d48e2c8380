package gitlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/daypass/daypass/internal/idtoken"
)

// Config is what an Issuer is made from.
type Config struct {
	// URL is the address of the instance, and the issuer as it stands in the claim
	// iss: https, host, port if it is not 443, and a relative root if there is one.
	// No trailing slash. AWS compares it with the provider's URL letter by letter.
	URL string
	// IDTokensURL is the claim iss of ID tokens where it is another than URL: the
	// setting ci_id_tokens_issuer_url of GitLab from 18.1. The instance's own
	// discovery document still has URL, and so never fits such tokens; what fits
	// is Published, to be put where IDTokensURL leads.
	IDTokensURL string
	// Paths are issuers below URL, such as /org/ID, in whose name Sign signs. Each
	// has a discovery document of its own, and the keys of the instance.
	Paths []string
	// Declared says that the operator owns the hosts of the URLs although their
	// names do not show it. Without it only these are taken: loopback and private
	// addresses (RFC 1918, RFC 4193), localhost (RFC 6761), the reserved names
	// of RFC 2606, names of one label, and .internal, .local, .lan and their like.
	// The well-known public issuers, gitlab.com first of all, are refused in any
	// case; not so a bucket at Amazon S3 or Google Cloud Storage.
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
	iss       string // of ID tokens
	paths     []string
	keys      *Keys
	kid       string
	signer    jose.Signer
	documents map[string]served
	keySet    []byte
}

// NewIssuer checks the URLs and prepares all that is published. An URL that may
// belong to someone else is ErrNotOwned.
func NewIssuer(c Config) (*Issuer, error) {
	u, err := checkURL(c.URL)
	if err != nil {
		return nil, err
	}
	iss := c.IDTokensURL
	if iss == "" {
		iss = c.URL
	}
	for _, path := range c.Paths {
		if !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("gitlab: the path %q of an issuer should begin with a slash", path)
		}
	}
	for _, own := range append([]string{c.URL, iss}, below(c.URL, c.Paths)...) {
		if err := CheckIssuer(own, c.Declared); err != nil {
			return nil, err
		}
	}
	if c.Keys == nil || c.Keys.user == nil || c.Keys.ci == nil {
		return nil, errors.New("gitlab: an issuer needs keys")
	}
	i := &Issuer{url: c.URL, root: u.Path, iss: iss, paths: slices.Clone(c.Paths), keys: c.Keys}
	if err := i.publish(); err != nil {
		return nil, err
	}
	i.signer, err = i.newSigner((&jose.SignerOptions{}).WithType("JWT"))
	return i, err
}

func below(url string, paths []string) []string {
	all := make([]string, len(paths))
	for i, p := range paths {
		all[i] = url + p
	}
	return all
}

func (i *Issuer) newSigner(options *jose.SignerOptions) (jose.Signer, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: i.keys.ci, KeyID: i.kid}}, options)
	if err != nil {
		return nil, fmt.Errorf("gitlab: prepare the signer: %w", err)
	}
	return signer, nil
}

// URL is the instance's URL.
func (i *Issuer) URL() string { return i.url }

// IDTokensURL is the value of iss in ID tokens: URL, unless it was configured.
func (i *Issuer) IDTokensURL() string { return i.iss }

// KeyID is the kid of the key that signs ID tokens.
func (i *Issuer) KeyID() string { return i.kid }

// Sign signs claims that are not GitLab's own, such as those of package idtoken,
// with the CI key. Their iss must be the issuer's URL, IDTokensURL or one of the
// paths; or another that CheckIssuer takes, declared or not. Anything else is
// ErrNotOwned. Claims without lifetime (exp) are refused.
//
// Header lists the members of the JOSE header: alg and kid, which are there in
// any case, typ, and x5t.
func (i *Issuer) Sign(c idtoken.Claims, header []string, declared bool) (string, error) {
	iss := c.Text("iss")
	if !i.Owns(iss) {
		if err := CheckIssuer(iss, declared); err != nil {
			return "", err
		}
	}
	if !c.Has("exp") {
		return "", errors.New("gitlab: a token without exp would never expire")
	}
	if len(header) == 0 {
		return "", errors.New("gitlab: a token needs a header")
	}
	return i.sign(c, header)
}

// sign writes the compact form. Without a header it is GitLab's.
func (i *Issuer) sign(c idtoken.Claims, header []string) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("gitlab: write the claims: %w", err)
	}
	signer := i.signer
	if header != nil {
		options := &jose.SignerOptions{}
		for _, name := range header {
			switch name {
			case "alg", "kid":
			case "typ":
				options = options.WithType("JWT")
			case "x5t":
				thumbprint, err := certificateThumbprint(i.keys.ci)
				if err != nil {
					return "", err
				}
				options = options.WithHeader("x5t", thumbprint)
			default:
				return "", fmt.Errorf("gitlab: the header %q is not known", name)
			}
		}
		if signer, err = i.newSigner(options); err != nil {
			return "", err
		}
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("gitlab: sign the token: %w", err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("gitlab: write the token: %w", err)
	}
	return token, nil
}

// certificateDate is when the certificates begin whose thumbprint is x5t. It is
// fixed, so that one key has one thumbprint.
var certificateDate = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// Owns reports whether iss is the instance, the issuer of its ID tokens or one
// of the paths below it.
func (i *Issuer) Owns(iss string) bool {
	path, ok := strings.CutPrefix(iss, i.url)
	return iss == i.iss || ok && (path == "" || slices.Contains(i.paths, path))
}

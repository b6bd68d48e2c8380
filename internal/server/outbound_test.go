package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/oidc"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-jose/go-jose/v4"
)

// document asks as anyone may: unsigned.
func (r *running) document(t *testing.T, method, path string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.endpoint+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func enableOutbound(t *testing.T, c aws.Config) string {
	t.Helper()
	out, err := iamclient.NewFromConfig(c).EnableOutboundWebIdentityFederation(t.Context(), &iamclient.EnableOutboundWebIdentityFederationInput{})
	if err != nil {
		t.Fatal(err)
	}
	return *out.IssuerIdentifier
}

// A token is verified as any verifier does it: from its issuer's URL alone, over
// https, by the client that fetches everybody's keys, and by go-jose.
func TestOutboundTokenIsVerified(t *testing.T) {
	t.Parallel()
	c := newConfig(t.TempDir())
	var roots *x509.CertPool
	c.CertFile, c.KeyFile, roots = certificate(t)
	r := mustStart(t, c)
	r.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	admin := r.administrator(t, c.DataDir)
	issuer := enableOutbound(t, admin)
	if !strings.HasPrefix(issuer, r.endpoint+"/") || !strings.HasPrefix(issuer, "https://") {
		t.Fatalf("the issuer is %s, and the server is at %s", issuer, r.endpoint)
	}
	cache := jwks.New(jwks.Config{Now: time.Now, AllowLoopback: true, Roots: roots})
	for _, algorithm := range []string{"RS256", "ES384"} {
		out, err := stsclient.NewFromConfig(admin).GetWebIdentityToken(t.Context(), &stsclient.GetWebIdentityTokenInput{Audience: []string{"a"}, SigningAlgorithm: &algorithm})
		if err != nil {
			t.Fatal(err)
		}
		token, err := oidc.Parse(*out.WebIdentityToken)
		if err != nil || token.Issuer() != issuer {
			t.Fatalf("the token is of %s, not %s: %v", token.Issuer(), issuer, err)
		}
		keys, err := cache.Keys(t.Context(), jwks.Provider{Issuer: token.Issuer()}, token.KeyID())
		if err != nil {
			t.Fatal(err)
		}
		if claims, err := token.Verify(keys.KeySet, []string{"a"}, time.Now()); err != nil || claims.Subject != "arn:aws:iam::123456789012:user/administrator" {
			t.Errorf("%s: %+v, %v", algorithm, claims, err)
		}
		var discovered struct {
			Keys string `json:"jwks_uri"`
		}
		_, text := r.document(t, http.MethodGet, strings.TrimPrefix(issuer, r.endpoint)+"/.well-known/openid-configuration")
		if err := json.Unmarshal([]byte(text), &discovered); err != nil {
			t.Fatal(err)
		}
		var set jose.JSONWebKeySet
		_, text = r.document(t, http.MethodGet, strings.TrimPrefix(discovered.Keys, r.endpoint))
		if err := json.Unmarshal([]byte(text), &set); err != nil {
			t.Fatal(err)
		}
		signed, err := jose.ParseSignedCompact(*out.WebIdentityToken, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signed.Verify(set); err != nil {
			t.Errorf("%s: go-jose: %v", algorithm, err)
		}
	}
}

// The documents are anyone's to read, of accounts that were once enabled; they
// are no way to anything else, and leave no event.
func TestOutboundDocuments(t *testing.T) {
	t.Parallel()
	c := newConfig(t.TempDir())
	r := mustStart(t, c)
	admin := r.administrator(t, c.DataDir)
	const nobody = "/5e1c3f0a-6a3f-4b8f-9d39-0c6f4e0f2a11"
	if response, _ := r.document(t, http.MethodGet, nobody+"/.well-known/jwks.json"); response.StatusCode != http.StatusNotFound {
		t.Errorf("an issuer that does not exist is published: %d", response.StatusCode)
	}
	issuer := enableOutbound(t, admin)
	path := strings.TrimPrefix(issuer, r.endpoint)
	if !strings.HasPrefix(issuer, "http://127.0.0.1:") || len(path) != len(nobody) {
		t.Errorf("the issuer of a server on loopback is %s", issuer)
	}
	events := read(t, c.DataDir, "events.jsonl")
	for _, q := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, path + "/.well-known/openid-configuration", http.StatusOK},
		{http.MethodHead, path + "/.well-known/openid-configuration", http.StatusOK},
		{http.MethodGet, path + "/.well-known/jwks.json", http.StatusOK},
		{http.MethodHead, path + "/.well-known/jwks.json", http.StatusOK},
		{http.MethodGet, path + "/.well-known/jwks.json?Action=GetCallerIdentity&Version=2011-06-15", http.StatusOK},
		{http.MethodPost, path + "/.well-known/jwks.json", http.StatusMethodNotAllowed},
		{http.MethodPut, path + "/.well-known/openid-configuration", http.StatusMethodNotAllowed},
		{http.MethodGet, path, http.StatusNotFound},
		{http.MethodGet, path + "/", http.StatusNotFound},
		{http.MethodGet, path + "/.well-known/jwks.json/", http.StatusNotFound},
		{http.MethodGet, path + "//.well-known/jwks.json", http.StatusNotFound},
		{http.MethodGet, "/" + path + "/.well-known/jwks.json", http.StatusNotFound},
		{http.MethodGet, strings.ToUpper(path) + "x/.well-known/jwks.json", http.StatusNotFound},
		{http.MethodGet, "/.well-known/openid-configuration", http.StatusNotFound},
		{http.MethodGet, "/.well-known/jwks.json", http.StatusNotFound},
		{http.MethodGet, "//.well-known/jwks.json", http.StatusNotFound},
	} {
		response, body := r.document(t, q.method, q.path)
		if response.StatusCode != q.status {
			t.Errorf("%s %s: %d, want %d", q.method, q.path, response.StatusCode, q.status)
			continue
		}
		h := response.Header
		switch {
		case q.status == http.StatusOK && (h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "public, max-age=3600" || response.ContentLength < 100):
			t.Errorf("%s %s: %v", q.method, q.path, h)
		case q.status == http.StatusOK && (body == "") != (q.method == http.MethodHead):
			t.Errorf("%s %s: %q", q.method, q.path, body)
		case q.status == http.StatusMethodNotAllowed && h.Get("Allow") != "GET, HEAD":
			t.Errorf("%s %s: allow is %q", q.method, q.path, h.Get("Allow"))
		}
	}
	if now := read(t, c.DataDir, "events.jsonl"); now != events {
		t.Errorf("there are events of documents: %s", strings.TrimPrefix(now, events))
	}
	// Disabled, and after another start, it is published all the same: tokens
	// that were made before are good until they expire.
	_, before := r.document(t, http.MethodGet, path+"/.well-known/jwks.json")
	if _, err := iamclient.NewFromConfig(admin).DisableOutboundWebIdentityFederation(t.Context(), &iamclient.DisableOutboundWebIdentityFederationInput{}); err != nil {
		t.Fatal(err)
	}
	r.mustStop(t)
	r = mustStart(t, c)
	if response, after := r.document(t, http.MethodGet, path+"/.well-known/jwks.json"); response.StatusCode != http.StatusOK || after != before {
		t.Errorf("disabled: %d %s, before %s", response.StatusCode, after, before)
	}
}

// The issuer is below the public URL, whatever the server listens on.
func TestPublicURL(t *testing.T) {
	t.Parallel()
	for url, refused := range map[string]string{
		"https://daypass.example.com":      "",
		"https://daypass.example.com:8443": "",
		"https://[2001:db8::1]:8443":       "",
		"http://localhost:8350":            "",
		"http://[::1]:8350":                "",
		"http://127.0.0.1":                 "",
		"http://daypass.example.com":       "is not https",
		"http://10.0.0.1:8350":             "is not https",
		"http://localhost.example.com":     "is not https",
		"daypass.example.com":              "is not of the form",
		"https://":                         "is not of the form",
		"https://:8443":                    "is not of the form",
		"ftp://daypass.example.com":        "is not of the form",
		"https://me@daypass.example.com":   "is not of the form",
		"https://daypass.example.com:443":  "scheme's own",
		"http://localhost:80":              "scheme's own",
		"https://daypass.example.com:":     "scheme's own",
		"https://daypass.example.com/":     "without a slash",
		"https://daypass.example.com/a":    "without a slash",
		"https://daypass.example.com?a":    "without a slash",
		"https://daypass.example.com#":     "without a slash",
		"https://Daypass.example.com":      "in lower case",
		"HTTPS://daypass.example.com":      "in lower case",
		"https://a b":                      "--public-url",
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			c := newConfig(t.TempDir())
			c.PublicURL = url
			if refused != "" {
				wantRefused(t, c, "--public-url", refused)
				return
			}
			if issuer := enableOutbound(t, mustStart(t, c).administrator(t, c.DataDir)); !strings.HasPrefix(issuer, url+"/") {
				t.Errorf("the issuer is %s", issuer)
			}
		})
	}
}

// A server that others reach, and that does not know by which name, makes
// nobody an issuer.
func TestNoPublicURL(t *testing.T) {
	t.Parallel()
	c := newConfig(t.TempDir())
	c.Listen = "0.0.0.0:0"
	var roots *x509.CertPool
	c.CertFile, c.KeyFile, roots = certificate(t)
	r := mustStart(t, c)
	r.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	r.endpoint = strings.Replace(strings.Replace(r.endpoint, "[::]", "127.0.0.1", 1), "0.0.0.0", "127.0.0.1", 1)
	_, err := iamclient.NewFromConfig(r.administrator(t, c.DataDir)).EnableOutboundWebIdentityFederation(t.Context(), &iamclient.EnableOutboundWebIdentityFederationInput{})
	if err == nil || !strings.Contains(err.Error(), "Start it with --public-url") {
		t.Errorf("enabled: %v", err)
	}
}

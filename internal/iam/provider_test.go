package iam_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // IAM's thumbprints are SHA-1 digests
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/jwks"

	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

const thumbprint = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"

func providerARN(url string) string { return "arn:aws:iam::" + account + ":oidc-provider/" + url }

func (f *fixture) createProvider(t *testing.T, url string) string {
	t.Helper()
	out, err := f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: &url, ThumbprintList: []string{thumbprint},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.OpenIDConnectProviderArn
}

func (f *fixture) getProvider(t *testing.T, arn string) *iamclient.GetOpenIDConnectProviderOutput {
	t.Helper()
	return noError[*iamclient.GetOpenIDConnectProviderOutput](t)(
		f.admin.GetOpenIDConnectProvider(t.Context(), &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn}))
}

func TestProviderLife(t *testing.T) {
	t.Parallel()
	f := start(t)
	url := "https://GitLab.example.com/oidc/"
	created, err := f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url:            &url,
		ClientIDList:   []string{"https://gitlab.example.com", "sts.amazonaws.com", "https://gitlab.example.com"},
		ThumbprintList: []string{strings.ToUpper(thumbprint), strings.Repeat("z", 40), thumbprint},
	})
	if err != nil {
		t.Fatal(err)
	}
	arn := providerARN("GitLab.example.com/oidc/")
	if got := *created.OpenIDConnectProviderArn; got != arn {
		t.Errorf("created %s, want %s", got, arn)
	}
	found := f.getProvider(t, arn)
	if diff := cmp.Diff("GitLab.example.com/oidc/", *found.Url); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"https://gitlab.example.com", "sts.amazonaws.com"}, found.ClientIDList); diff != "" {
		t.Errorf("client ids are made distinct and keep their order:\n%s", diff)
	}
	if diff := cmp.Diff([]string{thumbprint, strings.Repeat("z", 40), thumbprint}, found.ThumbprintList); diff != "" {
		t.Errorf("thumbprints are lower-cased, keep their order, and are not made distinct:\n%s", diff)
	}
	if found.CreateDate == nil || found.CreateDate.Nanosecond() != 0 {
		t.Errorf("CreateDate is %v, want whole seconds", found.CreateDate)
	}

	_, err = f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{Url: &url, ThumbprintList: []string{thumbprint}})
	wantFault(t, err, fault{http.StatusConflict, "EntityAlreadyExists", "Provider with url https://GitLab.example.com/oidc/ already exists."})

	// Case and a trailing slash make other providers.
	f.createProvider(t, "https://gitlab.example.com/oidc/")
	f.createProvider(t, "https://gitlab.example.com/oidc")
	listed := noError[*iamclient.ListOpenIDConnectProvidersOutput](t)(f.admin.ListOpenIDConnectProviders(t.Context(), nil))
	var arns []string
	for _, p := range listed.OpenIDConnectProviderList {
		arns = append(arns, *p.Arn)
	}
	want := []string{arn, providerARN("gitlab.example.com/oidc"), providerARN("gitlab.example.com/oidc/")}
	if diff := cmp.Diff(want, arns); diff != "" {
		t.Error(diff)
	}

	_, err = f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "OpenId connect Provider " + arn + " cannot be found."})
	_, err = f.admin.GetOpenIDConnectProvider(t.Context(), &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "OpenIDConnect Provider not found for arn " + arn})
}

func TestProviderURLs(t *testing.T) {
	t.Parallel()
	f := start(t)
	for given, kept := range map[string]string{
		"https://a.example.com":             "a.example.com",
		"https://b.example.com:443":         "b.example.com",
		"https://c.example.com:443/path":    "c.example.com/path",
		"https://d.example.com:8443/p//q/":  "d.example.com:8443/p//q/",
		"https://127.0.0.1:4430":            "127.0.0.1:4430",
		"https://[::1]:8443":                "[::1]:8443",
		"https://localhost:443/":            "localhost/",
		"https://e.example.com/a:443":       "e.example.com/a:443",
		"https://f.example.com/%7Euser/~me": "f.example.com/%7Euser/~me",
	} {
		arn := f.createProvider(t, given)
		if arn != providerARN(kept) {
			t.Errorf("%s became %s, want %s", given, arn, providerARN(kept))
		}
		if got := *f.getProvider(t, arn).Url; got != kept {
			t.Errorf("%s is told as %s, want %s", given, got, kept)
		}
	}

	invalid := fault{http.StatusBadRequest, "InvalidInput", "Invalid Open ID Connect Provider URL."}
	notHTTPS := fault{http.StatusBadRequest, "InvalidInput", "Invalid Open ID Connect Provider URL. The URL must begin with https://."}
	noURL := fault{http.StatusBadRequest, "ValidationError", "Invalid Open ID Connect Provider URL"}
	unknown := fault{http.StatusBadRequest, "InvalidInput", "Unknown"}
	for given, want := range map[string]fault{
		"http://gitlab.example.com":               notHTTPS,
		"HTTPS://gitlab.example.com":              notHTTPS,
		"gitlab.example.com":                      noURL,
		"https://":                                noURL,
		"https:///path":                           noURL,
		"https://gitlab.example.com?a=b":          unknown,
		"https://gitlab.example.com/#f":           unknown,
		"https://gitlab.example.com/?":            unknown,
		"https://user:pass@gitlab.example.com":    invalid,
		"https://gitlab.example.com@evil.example": invalid,
		"https://git lab.example.com":             invalid,
		"https://gitlab.example.com/a b":          invalid,
		"https://gitläb.example.com":              invalid,
		"https://gitlab.example.com/\n":           invalid,
		"https://gitlab.example.com:":             invalid,
		"https://gitlab.example.com:0":            invalid,
		"https://gitlab.example.com:08443":        invalid,
		"https://gitlab.example.com:65536":        invalid,
		"https://gitlab.example.com:443:443":      invalid,
		"https://*.example.com":                   invalid,
		"https://[::1%25lo]":                      invalid,
		"https://-a.example.com":                  invalid,
		"": {
			http.StatusBadRequest, "ValidationError",
			"1 validation error detected: Value at 'url' failed to satisfy constraint: Member must have length greater than or equal to 1",
		},
		"https://" + strings.Repeat("a", 248): {
			http.StatusBadRequest, "ValidationError",
			"1 validation error detected: Value at 'url' failed to satisfy constraint: Member must have length less than or equal to 255",
		},
	} {
		_, err := f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{Url: &given, ThumbprintList: []string{thumbprint}})
		t.Log(given)
		wantFault(t, err, want)
	}
}

func TestProviderLimits(t *testing.T) {
	t.Parallel()
	f := start(t)
	url := "https://gitlab.example.com"
	create := func(clientIDs, thumbprints []string) error {
		_, err := f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
			Url: &url, ClientIDList: clientIDs, ThumbprintList: thumbprints,
		})
		return err
	}
	ids := make([]string, 101)
	for i := range ids {
		ids[i] = fmt.Sprint("client", i)
	}
	one := []string{thumbprint}
	wantFault(t, create(ids, one), fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"})
	wantFault(t, create([]string{"a", strings.Repeat("b", 256)}, one), fault{
		http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'clientIDList.2.member' failed to satisfy constraint: Member must have length less than or equal to 255",
	})
	wantFault(t, create(nil, []string{thumbprint, thumbprint, thumbprint, thumbprint, thumbprint, thumbprint}),
		fault{http.StatusBadRequest, "InvalidInput", "Thumbprint list must contain fewer than 5 entries."})
	wantFault(t, create(nil, []string{thumbprint[1:]}), fault{
		http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'thumbprintList.1.member' failed to satisfy constraint: Member must have length greater than or equal to 40",
	})
	wantCall(t, f.call(t, "CreateOpenIDConnectProvider", "ThumbprintList.member.1", thumbprint), fault{
		http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'url' failed to satisfy constraint: Member must not be null",
	})
	if err := create(ids[:100], []string{thumbprint, thumbprint, thumbprint, thumbprint, thumbprint}); err != nil {
		t.Errorf("100 client ids and 5 thumbprints: %v", err)
	}
	for i := range 99 {
		f.createProvider(t, fmt.Sprintf("https://idp%d.example.com", i))
	}
	url = "https://one-too-many.example.com"
	wantFault(t, create(nil, one), fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100"})
}

// TestProviderThumbprintIsFetched also covers a list that is sent empty, which
// is how clients spell "none".
func TestProviderThumbprintIsFetched(t *testing.T) {
	t.Parallel()
	f := start(t)
	var issuer *httptest.Server
	issuer = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openid-configuration" {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": issuer.URL, "jwks_uri": issuer.URL + "/keys"})
	}))
	defer issuer.Close()

	reply := f.call(t, "CreateOpenIDConnectProvider", "Url", issuer.URL, "ThumbprintList", "", "ClientIDList", "")
	if reply.Status != http.StatusOK {
		t.Fatal(reply.Body)
	}
	sum := sha1.Sum(issuer.Certificate().Raw) //nolint:gosec // see above
	found := f.getProvider(t, providerARN(strings.TrimPrefix(issuer.URL, "https://")))
	if diff := cmp.Diff([]string{hex.EncodeToString(sum[:])}, found.ThumbprintList); diff != "" {
		t.Error(diff)
	}
	if len(found.ClientIDList) != 0 {
		t.Errorf("client ids %q, want none", found.ClientIDList)
	}

	issuer.Close()
	gone := issuer.URL + "/other"
	reply = f.call(t, "CreateOpenIDConnectProvider", "Url", gone)
	if reply.Status != http.StatusBadRequest || !strings.Contains(reply.Body, "<Code>OpenIdIdpCommunicationError</Code>") ||
		!strings.Contains(reply.Body, gone) || !strings.Contains(reply.Body, "connection refused") {
		t.Errorf("got %d %s, want an OpenIdIdpCommunicationError that names %s and why", reply.Status, reply.Body, gone)
	}
	if n := len(f.Directory.Snapshot().OIDCProviders(account)); n != 1 {
		t.Errorf("%d providers, want the one that could be reached", n)
	}
}

func TestProviderARNs(t *testing.T) {
	t.Parallel()
	f := start(t)
	const other = "210987654321"
	f.AddAccount(t, other)
	stranger := iamclient.NewFromConfig(f.UserOf(t, other, "administrator", awsapitest.Administrator))
	arn := f.createProvider(t, "https://gitlab.example.com")

	for _, absent := range []string{
		arn + "/", strings.ToUpper(arn[:8]) + arn[8:], strings.Replace(arn, "gitlab", "GITLAB", 1),
		strings.Replace(arn, "arn:aws:", "arn:aws-cn:", 1), strings.Replace(arn, account, other, 1),
	} {
		_, err := f.admin.GetOpenIDConnectProvider(t.Context(), &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &absent})
		if strings.HasPrefix(absent, "arn:") {
			wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "OpenIDConnect Provider not found for arn " + absent})
		} else {
			wantFault(t, err, fault{http.StatusBadRequest, "ValidationError", "Invalid ARN:  Could not be parsed!"})
		}
	}
	_, err := stranger.GetOpenIDConnectProvider(t.Context(), &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "OpenIDConnect Provider not found for arn " + arn})
	_, err = stranger.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "OpenId connect Provider " + arn + " cannot be found."})
	listed := noError[*iamclient.ListOpenIDConnectProvidersOutput](t)(stranger.ListOpenIDConnectProviders(t.Context(), nil))
	if len(listed.OpenIDConnectProviderList) != 0 {
		t.Errorf("a stranger sees %v", listed.OpenIDConnectProviderList)
	}
	f.getProvider(t, arn) // still there

	notProvider := "arn:aws:iam::" + account + ":role/gitlab"
	_, err = f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &notProvider})
	wantFault(t, err, fault{http.StatusBadRequest, "ValidationError", "Invalid ARN:  Could not be parsed!"})
	short := "arn"
	_, err = f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &short})
	wantFault(t, err, fault{
		http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'openIDConnectProviderArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
	})
}

// TestDeletedProviderIsForgotten has the keys of a provider cached, deletes it
// and asks again: the keys of a deleted provider are not kept.
func TestDeletedProviderIsForgotten(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one", Use: "sig"}}}
	var fetched atomic.Int32
	var issuer *httptest.Server
	issuer = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			fetched.Add(1)
			_ = json.NewEncoder(w).Encode(set)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": issuer.URL, "jwks_uri": issuer.URL + "/keys"})
	}))
	defer issuer.Close()
	roots := x509.NewCertPool()
	roots.AddCert(issuer.Certificate())
	cache := jwks.New(jwks.Config{Now: time.Now, AllowLoopback: true, Roots: roots})
	server := awsapitest.Start(t, awsapitest.Options{Now: time.Now, Services: servicesWith(cache)})
	f := &fixture{server, iamclient.NewFromConfig(server.AdminConfig)}
	arn := f.createProvider(t, issuer.URL)

	keys := func(want int32) {
		t.Helper()
		if _, err := cache.Keys(t.Context(), jwks.Provider{Issuer: issuer.URL}, "one"); err != nil {
			t.Fatal(err)
		}
		if got := fetched.Load(); got != want {
			t.Errorf("keys were fetched %d times, want %d", got, want)
		}
	}
	keys(1)
	keys(1)
	must(t)(f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn}))
	keys(2)
}

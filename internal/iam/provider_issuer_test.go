package iam_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // IAM's thumbprints are SHA-1 digests
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/store"

	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

// certified is a certificate and its key.
type certified struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// certify makes a certificate that by signed, or an authority of its own where by
// is nil. The last one of a chain is a server's.
func certify(t *testing.T, name string, by *certified, server bool) *certified {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
	}
	if server {
		template.IPAddresses, template.ExtKeyUsage = []net.IP{net.IPv4(127, 0, 0, 1)}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	} else {
		template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	}
	parent := &certified{template, key}
	if by != nil {
		parent = by
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.Certificate, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &certified{parsed, key}
}

func (c *certified) thumbprint() string {
	sum := sha1.Sum(c.Raw) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// serveChain is a TLS server that presents a chain, its own certificate first.
func serveChain(t *testing.T, handler http.HandlerFunc, chain ...*certified) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	presented := tls.Certificate{PrivateKey: chain[0].key}
	for _, c := range chain {
		presented.Certificate = append(presented.Certificate, c.Raw)
	}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{presented}, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// serveIssuer is an issuer whose keys are at keysURL, or beside its document.
func serveIssuer(t *testing.T, keysURL string, chain ...*certified) *httptest.Server {
	t.Helper()
	var issuer *httptest.Server
	issuer = serveChain(t, func(w http.ResponseWriter, _ *http.Request) {
		keys := keysURL
		if keys == "" {
			keys = issuer.URL + "/keys"
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": issuer.URL, "jwks_uri": keys})
	}, chain...)
	return issuer
}

// TestProviderThumbprintIsFetched registers issuers without a list, and with one
// that is sent empty, which is how clients spell "none". The thumbprint is of the
// last certificate in the chain of the host that has the keys.
func TestProviderThumbprintIsFetched(t *testing.T) {
	t.Parallel()
	f := start(t)
	root := certify(t, "root", nil, false)
	intermediate := certify(t, "intermediate", root, false)
	leaf := certify(t, "leaf", intermediate, true)
	elsewhere := certify(t, "elsewhere", nil, false)
	keys := serveChain(t, http.NotFound, certify(t, "keys", elsewhere, true), elsewhere)
	for name, one := range map[string]struct {
		issuer *httptest.Server
		want   *certified
	}{
		"leaf and intermediate":    {serveIssuer(t, "", leaf, intermediate), intermediate},
		"the root too":             {serveIssuer(t, "", leaf, intermediate, root), root},
		"the leaf alone":           {serveIssuer(t, "", leaf), leaf},
		"keys that lie elsewhere":  {serveIssuer(t, keys.URL+"/keys", leaf, intermediate), elsewhere},
		"an intermediate repeated": {serveIssuer(t, "", leaf, intermediate, intermediate), intermediate},
	} {
		url := one.issuer.URL
		parameters := []string{"Url", url}
		if name != "the root too" {
			parameters = append(parameters, "ThumbprintList", "", "ClientIDList", "")
		}
		reply := f.call(t, "CreateOpenIDConnectProvider", parameters...)
		if reply.Status != http.StatusOK {
			t.Errorf("%s: %s", name, reply.Body)
			continue
		}
		found := f.getProvider(t, providerARN(strings.TrimPrefix(url, "https://")))
		if diff := cmp.Diff([]string{one.want.thumbprint()}, found.ThumbprintList); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if len(found.ClientIDList) != 0 {
			t.Errorf("%s: client ids %q, want none", name, found.ClientIDList)
		}
	}
	// Where the request brings a list, nobody is asked, and it is kept.
	given := []string{leaf.thumbprint(), strings.Repeat("0", 40)}
	url := "https://127.0.0.1:1"
	must(t)(f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{Url: &url, ThumbprintList: given}))
	if diff := cmp.Diff(given, f.getProvider(t, providerARN("127.0.0.1:1")).ThumbprintList); diff != "" {
		t.Error(diff)
	}
}

// TestProviderOfAnIssuerThatCannotBeAsked: the tutorial's "Could not connect to
// openid configuration of provider", each time with the cause, of which package
// jwks tests the others. Nothing is registered.
func TestProviderOfAnIssuerThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	f := start(t)
	root := certify(t, "root", nil, false)
	intermediate := certify(t, "intermediate", root, false)
	leaf := certify(t, "leaf", intermediate, true)
	answering := func(body string) string {
		return serveChain(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }, leaf, intermediate).URL
	}
	gone := serveIssuer(t, "", leaf, intermediate)
	gone.Close()
	const document = "/.well-known/openid-configuration"
	login, other, empty := answering("<html>Sign in</html>"), answering(`{"issuer":"https://gitlab.example.com/","jwks_uri":"https://gitlab.example.com/keys"}`), answering("{}")
	outOfOrder := serveIssuer(t, "", intermediate, leaf).URL
	notWhole := serveIssuer(t, "", leaf, root).URL
	notFound := serveChain(t, http.NotFound, leaf, intermediate).URL
	for issuer, want := range map[string]string{
		gone.URL + "/other": "connection refused: nothing listens at " + strings.TrimPrefix(gone.URL, "https://") + ".",
		outOfOrder:          `the chain is out of order: it begins with the certificate of "intermediate", and that of 127.0.0.1 must come first: `,
		notWhole:            "the chain of 127.0.0.1 does not lead from its first certificate to " + root.thumbprint() + "; is it out of date, out of order, or not whole? ",
		notFound:            notFound + document + " answers with status 404, not 200.",
		login:               login + document + " is no JSON object; is it a login page? ",
		empty:               empty + document + " lacks issuer or jwks_uri.",
		other:               other + document + ` has the issuer "https://gitlab.example.com/" and not "` + other + `"; they must be equal, case and closing slash included.`,
	} {
		_, err := f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{Url: &issuer})
		wantFaultPrefix(t, issuer, err, fault{
			http.StatusBadRequest, "OpenIdIdpCommunicationError", "Could not connect to openid configuration of provider: " + issuer + ": " + want,
		})
		if err != nil && !strings.HasSuffix(err.Error(), ". Mend that, or give ThumbprintList, with which the issuer is not asked.") {
			t.Errorf("%s: %v does not say what to do", issuer, err)
		}
		var event struct{ Code, Reason string }
		if err := json.Unmarshal([]byte(f.Events()[len(f.Events())-1]), &event); err != nil {
			t.Fatal(err)
		}
		if reason, cause := event.Reason, strings.TrimSuffix(want, "."); !strings.HasPrefix(reason, "the thumbprint of "+issuer+" cannot be fetched: "+cause) {
			t.Errorf("the event's reason is %q", reason)
		}
	}
	if n := len(f.Directory.Snapshot().OIDCProviders(account)); n != 0 {
		t.Errorf("%d providers, want none", n)
	}
}

// keysOf is an issuer whose fetches of keys are counted, with a cache that trusts it.
type keysOf struct {
	url     string
	cache   *jwks.Cache
	fetched atomic.Int32
}

func serveKeys(t *testing.T) *keysOf {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one", Use: "sig"}}}
	k := &keysOf{}
	root := certify(t, "root", nil, false)
	issuer := serveChain(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			k.fetched.Add(1)
			_ = json.NewEncoder(w).Encode(set)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": k.url, "jwks_uri": k.url + "/keys"})
	}, certify(t, "leaf", root, true), root)
	k.url = issuer.URL
	roots := x509.NewCertPool()
	roots.AddCert(root.Certificate)
	k.cache = jwks.New(jwks.Config{Now: time.Now, AllowLoopback: true, Roots: roots})
	return k
}

// want has the keys asked for under some thumbprints, and says how often they
// were fetched by then.
func (k *keysOf) want(t *testing.T, fetched int32, thumbprints ...string) {
	t.Helper()
	if _, err := k.cache.Keys(t.Context(), jwks.Provider{Issuer: k.url, Thumbprints: thumbprints}, "one"); err != nil {
		t.Fatal(err)
	}
	if got := k.fetched.Load(); got != fetched {
		t.Errorf("keys were fetched %d times, want %d", got, fetched)
	}
}

// TestKeysAreForgotten has the keys of a provider cached, changes its thumbprints
// or deletes it, and asks again. What another account uses stays.
func TestKeysAreForgotten(t *testing.T) {
	t.Parallel()
	keys := serveKeys(t)
	server := awsapitest.Start(t, awsapitest.Options{Now: time.Now, Services: servicesWith(keys.cache)})
	f := &fixture{server, iamclient.NewFromConfig(server.AdminConfig)}
	arn := f.createProvider(t, keys.url)
	update := func(thumbprints ...string) {
		t.Helper()
		must(t)(f.admin.UpdateOpenIDConnectProviderThumbprint(t.Context(), &iamclient.UpdateOpenIDConnectProviderThumbprintInput{
			OpenIDConnectProviderArn: &arn, ThumbprintList: thumbprints,
		}))
	}
	second := strings.Repeat("b", 40)
	keys.want(t, 1, thumbprint)
	keys.want(t, 1, thumbprint)
	update(second)
	keys.want(t, 2, second)
	update(thumbprint) // again: but not with the keys of then
	keys.want(t, 3, thumbprint)
	update(thumbprint)
	keys.want(t, 4, thumbprint)
	must(t)(f.admin.AddClientIDToOpenIDConnectProvider(t.Context(), &iamclient.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, ClientID: &second}))
	keys.want(t, 4, thumbprint) // an audience has nothing to do with keys

	const other = "210987654321"
	f.AddAccount(t, other)
	theirs := store.OIDCProvider{Account: other, URL: strings.TrimPrefix(keys.url, "https://"), Thumbprints: []string{thumbprint}}
	if err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		return store.PutRecord(tx, store.OIDCProviderID(other, theirs.URL), theirs)
	}); err != nil {
		t.Fatal(err)
	}
	update(second)
	keys.want(t, 4, thumbprint)
	keys.want(t, 5, second)
	must(t)(f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn}))
	keys.want(t, 5, thumbprint)
	keys.want(t, 6, second)
}

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"html"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The client that is registered with each issuer, as its users' browsers and
// its back end know it. Nothing listens there: the browser stops at its door.
const (
	callback     = "https://client.example/callback"
	clientSecret = "the-secret-of-the-client"
)

// certificate DIR HOST… makes a private certificate authority and a server's
// certificate for those names: DIR/ca.pem, DIR/cert.pem, DIR/key.pem.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: certificate DIR HOST…")
	}
	ts.Check(makeCertificate(ts.MkAbs(args[0]), args[1:]...))
}

func makeCertificate(dir string, hosts ...string) error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "private CA of a test"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: hosts[0]},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, host)
		}
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	caPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	chain := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leafDER}), caPEM...)
	return errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(filepath.Join(dir, "ca.pem"), caPEM, 0o600),
		os.WriteFile(filepath.Join(dir, "cert.pem"), chain, 0o600),
		os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600),
	)
}

// proxy ENDPOINT VAR starts a proxy that brings every connection to the server
// of ENDPOINT, whatever its host, and sets VAR to its URL. To clients that know
// no other endpoints than AWS's, the server is AWS then.
func proxy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: proxy ENDPOINT VAR")
	}
	endpoint, err := url.Parse(args[0])
	ts.Check(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "https only", http.StatusMethodNotAllowed)
			return
		}
		to, err := net.Dial("tcp", endpoint.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		from, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = to.Close()
			return
		}
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(to, buffered); _ = to.Close() }()
		_, _ = io.Copy(from, to)
		_ = from.Close()
	})}
	go func() { _ = server.Serve(l) }()
	ts.Defer(func() { _ = server.Close() })
	ts.Setenv(args[1], "http://"+l.Addr().String())
}

// signin FILE ISSUER CLIENT USER writes the ID token that the client gets for
// the user by the authorization code flow. The user signs in as people do, by
// the issuer's own page or by what that page calls.
func signIn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: signin FILE ISSUER CLIENT USER")
	}
	b, err := newBrowser(ts.MkAbs("tls/ca.pem"))
	ts.Check(err)
	token, err := b.idToken(args[1], args[2], args[3])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(token+"\n"), 0o600))
}

// browser is one user's, with the cookies of who is signed in.
type browser struct{ http *http.Client }

// newBrowser makes one that trusts the authority. It stops at the client's door.
func newBrowser(caFile string) (*browser, error) {
	text, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &browser{&http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots},
			// localhost is asked of no resolver (RFC 6761 section 6.3).
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				_, port, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
			},
		},
		Jar: jar,
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if len(via) > 10 {
				return errors.New("too many redirects")
			}
			if strings.HasPrefix(next.URL.String(), callback) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}, nil
}

// idToken is the authorization code flow with PKCE, browser and client in one
// (OpenID Connect Core 1.0 section 3.1; RFC 7636).
func (b *browser) idToken(issuer, client, user string) (string, error) {
	var discovery struct {
		Authorization string `json:"authorization_endpoint"`
		Token         string `json:"token_endpoint"`
	}
	if err := b.json(http.MethodGet, issuer+"/.well-known/openid-configuration", nil, &discovery); err != nil {
		return "", err
	}
	if strings.HasSuffix(issuer, "/api/oidc") { // glewlwyd's page is all JavaScript
		if err := b.signInToGlewlwyd(strings.TrimSuffix(issuer, "/oidc"), client, user); err != nil {
			return "", err
		}
		discovery.Authorization += "?g_continue"
	}
	verifier := rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"response_type": {"code"}, "scope": {"openid"}, "client_id": {client}, "redirect_uri": {callback}, "state": {rand.Text()}, "nonce": {rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	separator := "?"
	if strings.Contains(discovery.Authorization, "?") {
		separator = "&"
	}
	code, err := b.authorize(discovery.Authorization+separator+query.Encode(), user)
	if err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	request, err := http.NewRequest(http.MethodPost, discovery.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(client, clientSecret)
	var reply struct {
		IDToken string `json:"id_token"`
	}
	if err := b.do(request, &reply); err != nil {
		return "", err
	}
	return reply.IDToken, nil
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	formPrompt = regexp.MustCompile(`name="prompt" value="(\w+)"`)
)

// authorize goes to the authorization endpoint, fills in each form that it is
// shown, and brings home the code.
func (b *browser) authorize(from, user string) (string, error) {
	next, form := from, url.Values(nil)
	for range 4 {
		response, err := b.submit(next, form)
		if err != nil {
			return "", err
		}
		page, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			return "", err
		}
		if to, err := response.Location(); err == nil {
			if code := to.Query().Get("code"); code != "" {
				return code, nil
			}
			return "", fmt.Errorf("the issuer sends the browser to %s", to)
		}
		action, prompt := formAction.FindSubmatch(page), formPrompt.FindSubmatch(page)
		if action == nil || prompt == nil {
			return "", fmt.Errorf("%s %s: no form in %s", response.Request.URL, response.Status, page)
		}
		next = html.UnescapeString(string(action[1]))
		form = url.Values{"prompt": {string(prompt[1])}, "login": {user}, "password": {"password of " + user}}
	}
	return "", errors.New("the issuer does not stop asking")
}

// submit sends a form, or follows a link where there is none.
func (b *browser) submit(to string, form url.Values) (*http.Response, error) {
	if form == nil {
		return b.http.Get(to)
	}
	return b.http.PostForm(to, form)
}

func (b *browser) json(method, to string, body, reply any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, to, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	return b.do(request, reply)
}

// do sends a request and decodes the reply, nil for one that has none.
func (b *browser) do(request *http.Request, reply any) error {
	response, err := b.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s %s: %s: %s", request.Method, request.URL, response.Status, text)
	case reply == nil:
		return nil
	}
	return json.Unmarshal(text, reply)
}

// glewlwyd VAR CLIENT USER… starts glewlwyd over https with the certificate in
// the folder tls, gives it the OpenID Connect plugin, the client and the users
// by its own API, and sets VAR to the issuer's URL.
func glewlwyd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: glewlwyd VAR CLIENT USER…")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	root := fmt.Sprintf("https://localhost:%d", l.Addr().(*net.TCPAddr).Port)
	ts.Check(l.Close())
	dir := ts.MkAbs("glewlwyd")
	ts.Check(os.Mkdir(dir, 0o700))
	ts.Check(glewlwydFiles(dir, ts.MkAbs("tls"), root))
	log, err := os.Create(filepath.Join(dir, "log"))
	ts.Check(err)
	daemon := exec.Command("glewlwyd", "-c", filepath.Join(dir, "glewlwyd.conf"))
	daemon.Stdout, daemon.Stderr = log, log
	ts.Check(daemon.Start())
	ts.Defer(func() { _ = daemon.Process.Kill(); _ = daemon.Wait(); _ = log.Close() })
	admin, err := newBrowser(ts.MkAbs("tls/ca.pem"))
	ts.Check(err)
	if err := admin.setUpGlewlwyd(root, args[1], args[2:]); err != nil {
		ts.Fatalf("glewlwyd: %v\n%s", err, ts.ReadFile("glewlwyd/log"))
	}
	ts.Setenv(args[0], root+"/api/oidc")
}

// glewlwydFiles writes its configuration and a database as Debian's package
// makes it, with an administrator whose password is "password".
func glewlwydFiles(dir, certificates, root string) error {
	_, port, _ := strings.Cut(strings.TrimPrefix(root, "https://"), ":")
	conf := fmt.Sprintf(`port = %s
bind_address = "127.0.0.1"
external_url = %q
api_prefix = "api"
log_mode = "console"
log_level = "WARNING"
session_key = "session"
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "/usr/lib/glewlwyd/user"
client_module_path = "/usr/lib/glewlwyd/client"
user_auth_scheme_module_path = "/usr/lib/glewlwyd/scheme"
plugin_module_path = "/usr/lib/glewlwyd/plugin"
use_secure_connection = true
secure_connection_key_file = %q
secure_connection_pem_file = %q
hash_algorithm = "SHA512"
database = { type = "sqlite3"; path = %q; };
`, port, root, filepath.Join(certificates, "key.pem"), filepath.Join(certificates, "cert.pem"), filepath.Join(dir, "database"))
	if err := os.WriteFile(filepath.Join(dir, "glewlwyd.conf"), []byte(conf), 0o600); err != nil {
		return err
	}
	tables, err := os.Open("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
	if err != nil {
		return err
	}
	defer tables.Close() //nolint:errcheck // only read
	load := exec.Command("sqlite3", filepath.Join(dir, "database"))
	load.Stdin = tables
	if out, err := load.CombinedOutput(); err != nil {
		return fmt.Errorf("sqlite3: %w\n%s", err, out)
	}
	return nil
}

// setUpGlewlwyd does what its administrator would in the administration page.
func (b *browser) setUpGlewlwyd(root, client string, users []string) error {
	api := root + "/api"
	var err error
	for range 2400 { // two minutes, until it answers
		if err = b.json(http.MethodPost, api+"/auth/", map[string]any{"username": "admin", "password": "password"}, nil); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	plugin := map[string]any{"module": "oidc", "name": "oidc", "display_name": "oidc", "parameters": map[string]any{
		"iss": api + "/oidc", "jwt-type": "ecdsa", "jwt-key-size": "256", "jwks-show": true, "subject-type": "public",
		"key":                   string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"cert":                  string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"access-token-duration": 3600, "refresh-token-duration": 3600, "code-duration": 600,
		"auth-type-code-enabled": true, "pkce-allowed": true,
	}}
	if err := b.json(http.MethodPost, api+"/mod/plugin/", plugin, nil); err != nil {
		return err
	}
	registered := map[string]any{
		"client_id": client, "name": client, "enabled": true, "confidential": true, "client_secret": clientSecret,
		"token_endpoint_auth_method": []string{"client_secret_basic"}, "redirect_uri": []string{callback}, "authorization_type": []string{"code"}, "scope": []string{},
	}
	if err := b.json(http.MethodPost, api+"/client/", registered, nil); err != nil {
		return err
	}
	for _, user := range users {
		account := map[string]any{"username": user, "name": user, "password": "password of " + user, "enabled": true, "scope": []string{"g_profile", "openid"}}
		if err := b.json(http.MethodPost, api+"/user/", account, nil); err != nil {
			return err
		}
	}
	return nil
}

// signInToGlewlwyd makes the calls of its page: the password, and the consent.
func (b *browser) signInToGlewlwyd(api, client, user string) error {
	if err := b.json(http.MethodPost, api+"/auth/", map[string]any{"username": user, "password": "password of " + user}, nil); err != nil {
		return err
	}
	return b.json(http.MethodPut, api+"/auth/grant/"+client, map[string]any{"scope": "openid"}, nil)
}

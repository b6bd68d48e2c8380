package sts_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // a thumbprint is SHA-1 by IAM's definition
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/goldentest"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/sts"

	"github.com/aws/aws-sdk-go-v2/aws"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account  = awsapitest.Account
	audience = "https://gitlab.example.com"
	subject  = "project_path:mygroup/myproject:ref_type:branch:ref:main"
	// namespace is that of the service model.
	namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	// publicURL is where others would reach the server. No request goes there.
	publicURL = "https://daypass.example.com"

	denied       = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	notValidated = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
	noKey        = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
)

// clock is the server's, moved by hand. It begins within a second: nothing may
// depend on whole ones.
type clock struct{ nanoseconds atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanoseconds.Store(time.Now().Truncate(time.Second).Add(678 * time.Millisecond).UnixNano())
	return c
}

func (c *clock) Now() time.Time              { return time.Unix(0, c.nanoseconds.Load()) }
func (c *clock) Advance(after time.Duration) { c.nanoseconds.Add(int64(after)) }

// signingKeys are two sets of an issuer's keys, made once: RSA keys take long.
var signingKeys = [2]func() (*gitlab.Keys, error){sync.OnceValues(gitlab.NewKeys), sync.OnceValues(gitlab.NewKeys)}

// issuer is a GitLab issuer that serves https on loopback.
type issuer struct {
	*gitlab.Issuer
	key        *rsa.PrivateKey // signs ID tokens
	thumbprint string          // of the server's certificate
	server     *httptest.Server
	publishes  atomic.Pointer[http.Handler]
	asked      atomic.Int64 // requests for its documents
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{}
	i.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		(*i.publishes.Load()).ServeHTTP(w, r)
	}))
	i.use(t, 0)
	i.server.StartTLS()
	t.Cleanup(i.server.Close)
	sum := sha1.Sum(i.server.Certificate().Raw) //nolint:gosec // as above
	i.thumbprint = hex.EncodeToString(sum[:])
	return i
}

// use makes the issuer sign with, and publish, one of the sets of keys.
func (i *issuer) use(t testing.TB, set int) {
	t.Helper()
	keys := noError(t)(signingKeys[set]()).(*gitlab.Keys)
	var err error
	i.Issuer, err = gitlab.NewIssuer(gitlab.Config{URL: "https://" + i.server.Listener.Addr().String(), Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	text, err := keys.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	_, rest := pem.Decode(text) // the first is for users who sign in
	block, _ := pem.Decode(rest)
	i.key = noError(t)(x509.ParsePKCS8PrivateKey(block.Bytes)).(*rsa.PrivateKey)
	handler := i.Handler()
	i.publishes.Store(&handler)
}

// host is the URL without its scheme.
func (i *issuer) host() string { return strings.TrimPrefix(i.URL(), "https://") }

// noError gives a value that came without an error.
func noError(t testing.TB) func(any, error) any {
	t.Helper()
	return func(v any, err error) any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// fixture is a front door with STS behind it, a GitLab issuer that is
// registered as a provider, and a role "deploy" that admits its main branch.
// When the test ends, no event may hold a secret of it.
type fixture struct {
	*awsapitest.Server
	clock  *clock
	issuer *issuer
	keys   *jwks.Cache

	mu      sync.Mutex // guards secrets
	secrets []string
}

func start(t testing.TB) *fixture {
	t.Helper()
	return startWith(t, awsapitest.Options{})
}

func startWith(t testing.TB, o awsapitest.Options) *fixture {
	t.Helper()
	return startFor(t, o, newIssuer(t))
}

// startFor makes every claim of the issuers in extended a condition key.
func startFor(t testing.TB, o awsapitest.Options, i *issuer, extended ...string) *fixture {
	t.Helper()
	f := &fixture{clock: newClock(), issuer: i}
	f.keys = jwks.New(jwks.Config{Now: f.clock.Now, AllowLoopback: true, Roots: x509.NewCertPool()})
	o.Now = f.clock.Now
	o.Shapes = awsapitest.ShapesOf((*stsclient.Client)(nil), namespace, awsapitest.Differing{
		Element: "GetWebIdentityTokenResult/Expiration", Form: regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`),
		Why: "AWS gives this one time in milliseconds (recorded)",
	})
	o.Services = func(s *awsapitest.Server) ([]*awsapi.Service, error) {
		service, err := sts.New(sts.Config{ProviderKeys: f.keys, Random: rand.Reader, ExtendedClaims: extended, PublicURL: publicURL})
		if err != nil {
			return nil, err
		}
		probe, err := newProbe()
		return []*awsapi.Service{service, probe}, err
	}
	f.Server = awsapitest.Start(t, o)
	credentials, err := f.AdminConfig.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.secret(credentials.SecretAccessKey)
	t.Cleanup(func() { f.wantNoSecrets(t) })
	f.putProvider(t, f.issuer.thumbprint)
	f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trust(account, f.condition(subject))})
	return f
}

// newProbe is a service whose one operation asks for probe:Touch.
func newProbe() (*awsapi.Service, error) {
	all := awsapi.Resource{Template: "*", Of: func(*awsapi.Call) string { return "*" }}
	return awsapi.NewService(awsapi.Service{Name: "probe", Version: "2026-11-21", Namespace: "https://probe.example.com/"},
		awsapi.Signed("Touch", []awsapi.Need{{Action: "probe:Touch", Resource: all}}, func(*awsapi.Call) (awsapi.Result, error) { return nil, nil }))
}

func (f *fixture) putProvider(t testing.TB, thumbprints ...string) {
	t.Helper()
	f.update(t, func(tx store.Tx) error {
		return store.PutRecord(tx, store.OIDCProviderID(account, f.issuer.host()), store.OIDCProvider{
			Account: account, URL: f.issuer.host(), ClientIDs: []string{"first", audience}, Thumbprints: thumbprints,
		})
	})
}

// putRole fills what the role leaves out, and gives it back.
func (f *fixture) putRole(t testing.TB, r store.Role) store.Role {
	t.Helper()
	if r.Account == "" {
		r.Account = account
	}
	if r.Path == "" {
		r.Path = "/"
	}
	if r.MaxSessionDuration == 0 {
		r.MaxSessionDuration = 3600
	}
	if r.ID == "" {
		r.ID = noError(t)(session.NewUniqueID("AROA", rand.Reader)).(string)
	}
	f.update(t, func(tx store.Tx) error { return store.PutRecord(tx, store.RoleID(r.Account, r.Name), r) })
	return r
}

func (f *fixture) update(t testing.TB, change func(store.Tx) error) {
	t.Helper()
	if err := f.Directory.Update(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

// trust is a policy that admits the provider of an account, on a condition.
func (f *fixture) trust(account, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"Main","Effect":"Allow","Principal":{"Federated":"arn:aws:iam::` + account +
		`:oidc-provider/` + f.issuer.host() + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + condition + `}]}`
}

func (f *fixture) condition(subject string) string {
	return `{"StringEquals":{"` + f.issuer.host() + `:sub":"` + subject + `"}}`
}

// secret notes what no event may hold.
func (f *fixture) secret(secrets ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.secrets = append(f.secrets, secrets...)
}

func (f *fixture) wantNoSecrets(t testing.TB) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, event := range f.Events() {
		for _, secret := range f.secrets {
			if strings.Contains(event, secret) {
				t.Errorf("an event holds a secret: %s", event)
				break
			}
		}
	}
}

// noted makes a token a secret, whole and in its parts.
func (f *fixture) noted(token string) string {
	f.secret(token)
	for _, part := range strings.Split(token, ".") {
		if len(part) > 20 {
			f.secret(part)
		}
	}
	return token
}

// token is what GitLab gives to a job of mygroup/myproject on main.
func (f *fixture) token(t testing.TB) string {
	t.Helper()
	job := noError(t)(gitlab.NewJob(gitlab.Job{ServerURL: f.issuer.URL(), Project: gitlab.Project{Path: "mygroup/myproject"}, Ref: "main"}, nil)).(*gitlab.Job)
	return f.noted(noError(t)(f.issuer.IDToken(job, []string{audience}, f.clock.Now(), rand.Reader)).(string))
}

// claims are those that AWS asks for.
func (f *fixture) claims() map[string]any {
	now := f.clock.Now().Unix()
	return map[string]any{
		"iss": f.issuer.URL(), "sub": subject, "aud": audience, "iat": now, "nbf": now - 5, "exp": now + 300, "jti": "id-of-the-token",
	}
}

// tokenWith signs the claims, changed, with the issuer's key.
func (f *fixture) tokenWith(t testing.TB, change func(claims map[string]any)) string {
	t.Helper()
	claims := f.claims()
	change(claims)
	return f.sign(t, jose.RS256, f.issuer.key, claims)
}

func (f *fixture) sign(t testing.TB, algorithm jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	return f.signHeader(t, jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: f.issuer.KeyID()}}, claims, nil)
}

func (f *fixture) signHeader(t testing.TB, key jose.SigningKey, claims map[string]any, header map[jose.HeaderKey]any) string {
	t.Helper()
	signer := noError(t)(jose.NewSigner(key, &jose.SignerOptions{ExtraHeaders: header})).(jose.Signer)
	payload := noError(t)(json.Marshal(claims)).([]byte)
	signed := noError(t)(signer.Sign(payload)).(*jose.JSONWebSignature)
	return f.noted(noError(t)(signed.CompactSerialize()).(string))
}

const deployARN = "arn:aws:iam::" + account + ":role/deploy"

// form is a request for the role "deploy"; parameters, name and value in turn,
// replace or add to what it has. An empty value takes one away.
func form(token string, parameters ...string) url.Values {
	v := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {sts.Version},
		"RoleArn": {deployARN}, "RoleSessionName": {"job-1"}, "WebIdentityToken": {token},
	}
	for i := 0; i+1 < len(parameters); i += 2 {
		v.Set(parameters[i], parameters[i+1])
		if parameters[i+1] == "" {
			v.Del(parameters[i])
		}
	}
	return v
}

// assume sends a request that is not signed.
func (f *fixture) assume(t testing.TB, token string, parameters ...string) awsapitest.Reply {
	t.Helper()
	return f.Post(t, aws.Config{}, "", time.Time{}, form(token, parameters...))
}

// assumed is what a successful reply says.
type assumed struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleWithWebIdentityResponse"`
	Subject string   `xml:"AssumeRoleWithWebIdentityResult>SubjectFromWebIdentityToken"`
	Aud     string   `xml:"AssumeRoleWithWebIdentityResult>Audience"`
	RoleID  string   `xml:"AssumeRoleWithWebIdentityResult>AssumedRoleUser>AssumedRoleId"`
	ARN     string   `xml:"AssumeRoleWithWebIdentityResult>AssumedRoleUser>Arn"`
	KeyID   string   `xml:"AssumeRoleWithWebIdentityResult>Credentials>AccessKeyId"`
	Secret  string   `xml:"AssumeRoleWithWebIdentityResult>Credentials>SecretAccessKey"`
	Token   string   `xml:"AssumeRoleWithWebIdentityResult>Credentials>SessionToken"`
	Expires string   `xml:"AssumeRoleWithWebIdentityResult>Credentials>Expiration"`

	SourceIdentity string `xml:"AssumeRoleWithWebIdentityResult>SourceIdentity"`
	Provider       string `xml:"AssumeRoleWithWebIdentityResult>Provider"`
	Packed         int    `xml:"AssumeRoleWithWebIdentityResult>PackedPolicySize"`
	Request        string `xml:"ResponseMetadata>RequestId"`
}

// credentials are what the session signs with.
func (a *assumed) credentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: a.KeyID, SecretAccessKey: a.Secret, SessionToken: a.Token}
}

// wantAssumed asks for success, and notes what it gives out.
func (f *fixture) wantAssumed(t testing.TB, r awsapitest.Reply) *assumed {
	t.Helper()
	if r.Status != http.StatusOK {
		t.Fatalf("got %d %s, want credentials", r.Status, r.Body)
	}
	var a assumed
	if err := xml.Unmarshal([]byte(r.Body), &a); err != nil {
		t.Fatal(err)
	}
	if a.KeyID == "" || a.Secret == "" || a.Token == "" {
		t.Fatalf("no credentials in %s", r.Body)
	}
	f.secret(a.Secret, a.Token)
	return &a
}

// wantFault asks for AWS's code, status and text, in AWS's very form, and for
// no credentials.
func wantFault(t testing.TB, r awsapitest.Reply, status int, code, message string) {
	t.Helper()
	r.WantFault(t, "https://sts.amazonaws.com/doc/2011-06-15/", status, code, message)
	if r.Header.Get("X-Amz-Sts-Extended-Request-Id") == "" {
		t.Error("the reply has no second request id")
	}
}

// eventOf is the one event of a reply.
func (f *fixture) eventOf(t testing.TB, r awsapitest.Reply) *audit.Event {
	t.Helper()
	var found *audit.Event
	for _, line := range f.Events() {
		record, err := audit.Decode([]byte(line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		e := record.Event
		if e.RequestID != r.Header.Get("X-Amzn-Requestid") {
			continue
		}
		if found != nil {
			t.Errorf("a second event of request %s", e.RequestID)
		}
		found = &e
	}
	if found == nil {
		t.Fatalf("no event of request %q", r.Header.Get("X-Amzn-Requestid"))
	}
	if found.Status != r.Status {
		t.Errorf("the event has status %d, the reply %d", found.Status, r.Status)
	}
	return found
}

// wantReason asks that the event says why, and that the caller is not told.
func (f *fixture) wantReason(t testing.TB, r awsapitest.Reply, reason string) *audit.Event {
	t.Helper()
	e := f.eventOf(t, r)
	if !strings.Contains(e.Reason, reason) {
		t.Errorf("the event's reason is %q, want it to hold %q", e.Reason, reason)
	}
	if strings.Contains(r.Body, e.Reason) {
		t.Errorf("the caller is told the reason: %s", r.Body)
	}
	return e
}

var update = flag.Bool("update", false, "write the golden files")

// TestOperations fixes which operations are public, and what the others need.
func TestOperations(t *testing.T) {
	t.Parallel()
	service, err := sts.New(sts.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := service.Describe(&got); err != nil {
		t.Fatal(err)
	}
	goldentest.Compare(t, *update, filepath.Join("testdata", "operations.golden"), got.Bytes())
}

package server_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/ratelimit"
	"github.com/daypass/daypass/internal/server"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	s3client "github.com/aws/aws-sdk-go-v2/service/s3"
	smclient "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// once has an SDK send each request once.
func once(c aws.Config) aws.Config {
	c = c.Copy()
	c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return c
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// TestSourceLimit: who asks too often is throttled in the words of each protocol; the SDK
// waits and has its answer all the same; the record has each refusal.
func TestSourceLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newConfig(dir)
	c.Limits.Source = ratelimit.Rate{PerSecond: 2, Burst: 3}
	c.S3 = server.S3{Upstreams: anyUpstream()}
	r := mustStart(t, c)
	config := r.administrator(t, dir)
	call := func() error {
		_, err := stsclient.NewFromConfig(once(config)).GetCallerIdentity(t.Context(), &stsclient.GetCallerIdentityInput{})
		return err
	}
	var err error
	for range 10 {
		if err = call(); err != nil {
			break
		}
	}
	if codeOf(err) != "Throttling" || !strings.Contains(err.Error(), "Rate exceeded") || !strings.Contains(err.Error(), "StatusCode: 400") {
		t.Fatalf("a form is throttled as %v", err)
	}
	if _, err := smclient.NewFromConfig(once(config)).ListSecrets(t.Context(), &smclient.ListSecretsInput{}); codeOf(err) != "ThrottlingException" {
		t.Errorf("JSON is throttled as %v", err)
	}
	objects := s3client.NewFromConfig(once(config), func(o *s3client.Options) { o.UsePathStyle = true })
	if _, err := objects.ListBuckets(t.Context(), &s3client.ListBucketsInput{}); codeOf(err) != "SlowDown" || !strings.Contains(err.Error(), "StatusCode: 503") {
		t.Errorf("S3 is throttled as %v", err)
	}
	// It tries again, after pauses that grow.
	retrying := config.Copy()
	retrying.Retryer, retrying.RetryMaxAttempts = nil, 10
	patient, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for range 4 {
		if _, err := iamclient.NewFromConfig(retrying).ListRoles(patient, &iamclient.ListRolesInput{}); err != nil {
			t.Fatalf("the SDK does not try again: %v", err)
		}
	}
	events := read(t, dir, "events.jsonl")
	if !strings.Contains(events, `"fault":"Throttled"`) || !strings.Contains(events, "more requests come from 127.0.0.1 than limits.source lets") {
		t.Errorf("the record says %s", events)
	}
}

func TestExemptFromLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newConfig(dir)
	c.Limits = server.Limits{Source: ratelimit.Rate{PerSecond: 0.001, Burst: 1}, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	r := mustStart(t, c)
	config := once(r.administrator(t, dir))
	for range 5 {
		if _, err := stsclient.NewFromConfig(config).GetCallerIdentity(t.Context(), &stsclient.GetCallerIdentityInput{}); err != nil {
			t.Fatal(err)
		}
	}
	c.Limits.Source.Burst = 0
	c.DataDir = t.TempDir()
	if _, err := start(t, c); err == nil || !strings.Contains(err.Error(), "limits.source") {
		t.Errorf("half a rate: %v", err)
	}
}

// TestIssuerLimit: verified tokens of an issuer count, and tokens that somebody made up do
// not.
func TestIssuerLimit(t *testing.T) {
	t.Parallel()
	i, _ := serveIssuer(t, t.TempDir())
	dir := t.TempDir()
	c := newConfig(dir)
	c.Limits.Issuer = ratelimit.Rate{PerSecond: 0.001, Burst: 2}
	r := mustStart(t, c)
	admin := iamclient.NewFromConfig(r.administrator(t, dir))
	provider, err := admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: aws.String(i.Issuer.URL()), ClientIDList: []string{"aud"}, ThumbprintList: []string{i.Thumbprint},
	})
	if err != nil {
		t.Fatal(err)
	}
	trust(t, admin, "deploy", *provider.OpenIDConnectProviderArn, "project_path:mygroup/myproject:ref_type:branch:ref:main")
	token, err := i.Issuer.IDToken(newJob(t, i.Issuer.URL(), func(*gitlab.Job) {}), []string{"aud"}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forged := token[:len(token)-20] + strings.Repeat("A", 20)
	for range 5 {
		if code, _ := r.exchange(t, "deploy", forged); code != "InvalidIdentityToken" {
			t.Fatalf("a forged token is answered %q", code)
		}
	}
	for n, want := range []string{"", "", "Throttling"} {
		if code, message := r.exchange(t, "deploy", token); code != want {
			t.Errorf("exchange %d is answered %q, %s", n, code, message)
		}
	}
}

// TestTrustedProxy: of a proxy that is trusted it is believed where a request comes from,
// and that it came over TLS; of nobody else.
func TestTrustedProxy(t *testing.T) {
	t.Parallel()
	i, token := serveIssuer(t, t.TempDir())
	host := strings.TrimPrefix(i.Issuer.URL(), "https://")
	const condition = `"IpAddress":{"aws:SourceIp":"192.0.2.1"},"Bool":{"aws:SecureTransport":"true"}`
	for name, tt := range map[string]struct {
		trusted string
		client  string
		allowed bool
	}{
		"trusted":                 {"127.0.0.0/8", "192.0.2.1", true},
		"trusted, another client": {"127.0.0.0/8", "192.0.2.2", false},
		"not trusted":             {"10.0.0.0/8", "192.0.2.1", false},
	} {
		dir := t.TempDir()
		c := newConfig(dir)
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(tt.trusted)}
		r := mustStart(t, c)
		config := r.administrator(t, dir)
		admin := iamclient.NewFromConfig(config)
		if _, err := admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("far")}); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.PutUserPolicy(t.Context(), &iamclient.PutUserPolicyInput{UserName: aws.String("far"), PolicyName: aws.String("p"), PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{` + condition + `}}]}`)}); err != nil {
			t.Fatal(err)
		}
		provider, err := admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
			Url: aws.String(i.Issuer.URL()), ClientIDList: []string{"aud"}, ThumbprintList: []string{i.Thumbprint},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("far"), AssumeRolePolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + *provider.OpenIDConnectProviderArn +
				`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + host + `:aud":"aud"},` + condition + `}}]}`)}); err != nil {
			t.Fatal(err)
		}
		key, err := admin.CreateAccessKey(t.Context(), &iamclient.CreateAccessKeyInput{UserName: aws.String("far")})
		if err != nil {
			t.Fatal(err)
		}
		far := config.Copy()
		far.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: *key.AccessKey.AccessKeyId, SecretAccessKey: *key.AccessKey.SecretAccessKey}, nil
		})
		r.client.Transport = proxied{r.client.Transport, tt.client}
		far.HTTPClient = r.client
		_, err = iamclient.NewFromConfig(far).GetUser(t.Context(), &iamclient.GetUserInput{UserName: aws.String("far")})
		if (err == nil) != tt.allowed {
			t.Errorf("%s: %v", name, err)
		}
		code, message := r.exchange(t, "far", token)
		if (code == "") != tt.allowed {
			t.Errorf("%s: the exchange is answered %q, %s", name, code, message)
		}
		r.mustStop(t)
	}
}

// proxied adds what a proxy adds.
type proxied struct {
	http.RoundTripper

	client string
}

func (p proxied) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Forwarded-For", "10.9.9.9, "+p.client)
	r.Header.Set("X-Forwarded-Proto", "https")
	return p.RoundTripper.RoundTrip(r)
}

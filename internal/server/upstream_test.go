package server_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/internal/upstream"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
)

// sqs calls an operation of SQS as its SDK does.
func (r *running) sqs(t *testing.T, c aws.Config, operation, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.endpoint+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", "AmazonSQS."+operation)
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	credentials, err := c.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, request, hex.EncodeToString(sum[:]), "sqs", "eu-central-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func sqsAt(endpoint string) server.Service {
	return server.Service{Service: upstream.Service{Name: "sqs", Endpoint: endpoint}}
}

// queues is a service that answers whoever signed.
func queues(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"QueueUrls":[]}`) }))
	t.Cleanup(s.Close)
	return s
}

// TestUpstreamIdentity: a gateway takes a role of another Daypass, as it would one at
// AWS, with a token of its own account's issuer; no key of the other is stored.
func TestUpstreamIdentity(t *testing.T) {
	t.Parallel()
	// The other: an account with queues and a role for the gateway.
	there := newConfig(t.TempDir())
	behind := sqsAt(queues(t).URL)
	behind.Credentials = s3upstream.Static("AKIA", "x")
	there.Services = []server.Service{behind}
	cert, key, roots := certificate(t)
	there.Roots = roots
	other := mustStart(t, there)
	otherAdmin := other.administrator(t, there.DataDir)

	// Ours, which knows the role's name only.
	c := newConfig(t.TempDir())
	c.CertFile, c.KeyFile = cert, key
	gateway := sqsAt(other.endpoint)
	gateway.RoleARN, gateway.STS, gateway.Region = "arn:aws:iam::123456789012:role/gateway", other.endpoint, "eu-central-1"
	c.Services = []server.Service{gateway}
	ours := mustStart(t, c)
	ours.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	admin := ours.administrator(t, c.DataDir)

	if status, text := ours.sqs(t, admin, "ListQueues", "{}"); status != http.StatusInternalServerError || strings.Contains(text, "enable") {
		t.Errorf("before the account is an issuer: %d %s", status, text)
	}
	if events := read(t, c.DataDir, "events.jsonl"); !strings.Contains(events, "enable-outbound-web-identity-federation") {
		t.Errorf("the event does not tell what to do: %s", events)
	}
	issuer := enableOutbound(t, admin)
	admitGateway(t, otherAdmin, issuer, "daypass:upstream:ec2") // another service's
	if status, text := ours.sqs(t, admin, "ListQueues", "{}"); status != http.StatusInternalServerError {
		t.Errorf("with a role for another service: %d %s", status, text)
	}
	if _, err := iamclient.NewFromConfig(otherAdmin).UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{
		RoleName: aws.String("gateway"), PolicyDocument: aws.String(trustOf(issuer, "daypass:upstream:sqs")),
	}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if status, text := ours.sqs(t, admin, "ListQueues", "{}"); status != http.StatusOK || !strings.Contains(text, "QueueUrls") {
			t.Fatalf("%d %s\n%s", status, text, read(t, c.DataDir, "events.jsonl"))
		}
	}
	if status, text := ours.sqs(t, admin, "CreateQueue", `{"QueueName":"q"}`); status != http.StatusBadRequest || !strings.Contains(text, "does not allow it to the gateway") {
		t.Errorf("what the role may not: %d %s", status, text)
	}
	events := read(t, there.DataDir, "events.jsonl")
	if !strings.Contains(events, `"principal":"arn:aws:sts::123456789012:assumed-role/gateway/daypass-upstream-sqs"`) ||
		strings.Count(events, `"session":"arn:aws:sts::123456789012:assumed-role/gateway/`) != 1 {
		t.Errorf("the other's events are %s", events)
	}
}

func trustOf(issuer, subject string) string {
	host := strings.TrimPrefix(issuer, "https://")
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/%[1]s"},`+
		`"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"%[1]s:aud":"sts.amazonaws.com","%[1]s:sub":"%[2]s"}}}]}`, host, subject)
}

// admitGateway makes the provider, and the role that may list queues.
func admitGateway(t *testing.T, c aws.Config, issuer, subject string) {
	t.Helper()
	client := iamclient.NewFromConfig(c)
	if _, err := client.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{Url: &issuer, ClientIDList: []string{"sts.amazonaws.com"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("gateway"), AssumeRolePolicyDocument: aws.String(trustOf(issuer, subject))}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{
		RoleName: aws.String("gateway"), PolicyName: aws.String("queues"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:ListQueues","Resource":"*"}]}`),
	}); err != nil {
		t.Fatal(err)
	}
}

// TestUpstreamRefresh: credentials are renewed before they end.
func TestUpstreamRefresh(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var lifetime atomic.Int64
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if err := r.ParseForm(); err != nil || r.Form.Get("Action") != "AssumeRoleWithWebIdentity" || r.Header.Get("Authorization") != "" {
			t.Errorf("STS was asked for %v", r.Form.Get("Action"))
		}
		end := time.Now().Add(time.Duration(lifetime.Load())).UTC().Format(time.RFC3339)
		_, _ = io.WriteString(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>`+
			`<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>`+end+`</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
	}))
	t.Cleanup(sts.Close)
	gateway := sqsAt(queues(t).URL)
	gateway.RoleARN, gateway.STS = "arn:aws:iam::123456789012:role/gateway", sts.URL
	c := newConfig(t.TempDir())
	c.Services = []server.Service{gateway}
	r := mustStart(t, c)
	admin := r.administrator(t, c.DataDir)
	enableOutbound(t, admin)
	call := func() {
		t.Helper()
		if status, text := r.sqs(t, admin, "ListQueues", "{}"); status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
	}
	lifetime.Store(int64(4 * time.Minute)) // less than what is left when they are renewed
	call()
	lifetime.Store(int64(time.Hour))
	call()
	call()
	if n := asked.Load(); n != 2 {
		t.Errorf("STS was asked %d times, want 2", n)
	}
}

// TestUpstreamAccount: a service is one account's; with several it must be said whose.
func TestUpstreamAccount(t *testing.T) {
	t.Parallel()
	c := newConfig(t.TempDir())
	r := mustStart(t, c)
	r.mustStop(t)
	mustCreateAccount(t, c.DataDir, "210987654321")
	service := sqsAt("http://127.0.0.1:9")
	service.Credentials = s3upstream.Static("AKIA", "x")
	c.Services = []server.Service{service}
	if _, err := start(t, c); err == nil || !strings.Contains(err.Error(), "sqs names no account, and there are 2") {
		t.Errorf("%v", err)
	}
	c.Services[0].Account = "210987654321"
	mustStart(t, c)
}

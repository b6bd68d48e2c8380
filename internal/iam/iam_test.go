package iam_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"flag"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/goldentest"
	"github.com/daypass/daypass/internal/iam"
	"github.com/daypass/daypass/internal/jwks"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

const (
	account   = awsapitest.Account
	namespace = "https://iam.amazonaws.com/doc/2010-05-08/" // of the service model
)

// publicURL is where others would reach the server. No request goes there.
const publicURL = "https://daypass.example.com"

// Documents that the tests put. They are not tidy, to show that every byte is
// kept.
const (
	trustPolicy = `{"Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringLike": {"gitlab.example.com:sub": "project_path:group/*:ref_type:branch:ref:main"}}}]}`
	readPolicy  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::releases/*"}]}`
	writePolicy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:Put*"],"Resource":"*"}}`
)

// fixture is a front door with IAM behind it and an administrator's client.
type fixture struct {
	*awsapitest.Server
	admin *iamclient.Client
}

func start(t testing.TB) *fixture {
	t.Helper()
	server := awsapitest.Start(t, awsapitest.Options{
		Now: time.Now, Services: services(jwks.Config{Now: time.Now, AllowLoopback: true}),
		Shapes: awsapitest.ShapesOf((*iamclient.Client)(nil), namespace, awsapitest.Differing{
			Element: "SourcePolicyType", Form: regexp.MustCompile(`^(IAM|Resource|Permissions Boundary) Policy$`),
			Why: "the model has user, group, role …; the API Reference's replies have words (docs/aws-divergences.md)",
		}, awsapitest.Differing{
			Element: "PermissionsBoundaryType", Form: regexp.MustCompile(`^Policy$`),
			Why: "the model has PermissionsBoundaryPolicy; AWS sends Policy (recorded)",
		}).WithEmptyResult("UpdateRole"),
	})
	return &fixture{server, iamclient.NewFromConfig(server.AdminConfig)}
}

func services(keys jwks.Config) func(*awsapitest.Server) ([]*awsapi.Service, error) {
	return servicesWith(jwks.New(keys))
}

func servicesWith(cache *jwks.Cache) func(*awsapitest.Server) ([]*awsapi.Service, error) {
	return func(s *awsapitest.Server) ([]*awsapi.Service, error) {
		service, err := iam.New(iam.Config{
			Directory: s.Directory, ProviderKeys: cache, Random: rand.Reader, PublicURL: publicURL, MasterKey: s.MasterKey(), LastUses: s.LastUse,
		})
		return []*awsapi.Service{service}, err
	}
}

// call sends a request that no client would, as the administrator.
func (f *fixture) call(t *testing.T, action string, parameters ...string) awsapitest.Reply {
	t.Helper()
	form := url.Values{"Action": {action}, "Version": {iam.Version}}
	for i := 0; i+1 < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	return f.Post(t, f.AdminConfig, "iam", time.Now(), form)
}

// fault is an error as a client is told of it.
type fault struct {
	Status  int
	Code    string
	Message string
}

func wantFault(t *testing.T, err error, want fault) {
	t.Helper()
	var api smithy.APIError
	var response *awshttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &response) {
		t.Fatalf("got error %v, want %s", err, want.Code)
	}
	got := fault{response.HTTPStatusCode(), api.ErrorCode(), api.ErrorMessage()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fault (-want +got):\n%s", diff)
	}
}

// wantCall is wantFault for a raw reply.
func wantCall(t *testing.T, got awsapitest.Reply, want fault) {
	t.Helper()
	if got.Status != want.Status || !strings.Contains(got.Body, "<Code>"+want.Code+"</Code>") {
		t.Errorf("got %d %s, want %d %s", got.Status, got.Body, want.Status, want.Code)
	}
	message := "<Message>" + want.Message + "</Message>"
	if want.Message == "" { // as of a MalformedInput
		message = "</Code>\n  </Error>"
	}
	if !strings.Contains(got.Body, message) {
		t.Errorf("got %s, want message %q", got.Body, want.Message)
	}
}

func noError[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func (f *fixture) createRole(t *testing.T, name string) {
	t.Helper()
	f.createRoleAt(t, "/", name)
}

func (f *fixture) createRoleAt(t *testing.T, path, name string) {
	t.Helper()
	_, err := f.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName: &name, Path: &path, AssumeRolePolicyDocument: aws.String(trustPolicy),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// createPolicy makes a managed policy and gives its ARN.
func (f *fixture) createPolicy(t *testing.T, path, name string) string {
	t.Helper()
	out, err := f.admin.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{
		PolicyName: &name, Path: &path, PolicyDocument: aws.String(readPolicy),
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Policy.Arn
}

// unescape reads a document as replies carry it.
func unescape(t *testing.T, document *string) string {
	t.Helper()
	text, err := url.PathUnescape(aws.ToString(document))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var update = flag.Bool("update", false, "write the golden files")

// TestOperations fixes which permissions the operations ask for: nobody can
// change that without changing the golden file too.
func TestOperations(t *testing.T) {
	t.Parallel()
	f := start(t)
	list, err := services(jwks.Config{Now: time.Now})(f.Server)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := list[0].Describe(&got); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "operations.golden")
	goldentest.Compare(t, *update, golden, got.Bytes())
}

func TestNewNeedsItsConfiguration(t *testing.T) {
	t.Parallel()
	if _, err := iam.New(iam.Config{}); err == nil {
		t.Error("New accepted an empty configuration")
	}
}

func TestUnknownOperation(t *testing.T) {
	t.Parallel()
	f := start(t)
	_, err := f.admin.CreateLoginProfile(t.Context(), &iamclient.CreateLoginProfileInput{UserName: aws.String("ann"), Password: aws.String("p")})
	wantFault(t, err, fault{http.StatusBadRequest, "InvalidAction", "Could not find operation CreateLoginProfile for version 2010-05-08"})
}

// must takes the two results of an operation that has to succeed.
func must(t *testing.T) func(any, error) {
	t.Helper()
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// wantFaultPrefix is wantFault for a message of which only the beginning is
// AWS's.
func wantFaultPrefix(t *testing.T, name string, err error, want fault) {
	t.Helper()
	var api smithy.APIError
	var response *awshttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &response) {
		t.Errorf("%s: got error %v, want %s", name, err, want.Code)
		return
	}
	if response.HTTPStatusCode() != want.Status || api.ErrorCode() != want.Code || !strings.HasPrefix(api.ErrorMessage(), want.Message) {
		t.Errorf("%s: got %d %s %q, want %d %s %q", name, response.HTTPStatusCode(), api.ErrorCode(), api.ErrorMessage(), want.Status, want.Code, want.Message)
	}
}

package server_test

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/instance"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// jobs are one of each kind. Each has a role that trusts its subject, and only
// that.
var jobs = map[string]struct {
	change func(*gitlab.Job)
	sub    string
}{
	"branch":  {func(*gitlab.Job) {}, "project_path:mygroup/myproject:ref_type:branch:ref:main"},
	"tag":     {func(j *gitlab.Job) { j.Ref, j.RefType = "main", "tag" }, "project_path:mygroup/myproject:ref_type:tag:ref:main"},
	"request": {func(j *gitlab.Job) { mergeRequest(j, "") }, "project_path:mygroup/myproject:ref_type:branch:ref:feature"},
	// Its pipeline runs in the project, as that of the request before does.
	"fork": {func(j *gitlab.Job) { mergeRequest(j, "stranger/myproject") }, "project_path:stranger/myproject:ref_type:branch:ref:feature"},
	"by-id": {func(j *gitlab.Job) {
		j.Project.ID, j.SubClaimComponents = 20, []string{"project_id", "ref_type", "ref"}
	}, "project_id:20:ref_type:branch:ref:main"},
	"environment": {func(j *gitlab.Job) {
		j.SubClaimComponents = []string{"project_path", "environment_protected", "deployment_tier"}
		j.Environment = &gitlab.Environment{Name: "production", Protected: true}
	}, "project_path:mygroup/myproject:environment_protected:true:deployment_tier:production"},
	"unprotected": {func(j *gitlab.Job) {
		j.SubClaimComponents = []string{"project_path", "environment_protected", "deployment_tier"}
		j.Environment = &gitlab.Environment{Name: "production"}
	}, "project_path:mygroup/myproject:environment_protected:false:deployment_tier:production"},
}

func mergeRequest(j *gitlab.Job, fork string) {
	j.Ref, j.Pipeline.Source, j.MergeRequest = "feature", "merge_request_event", &gitlab.MergeRequest{}
	if fork != "" {
		j.MergeRequest.Source = &gitlab.Fork{Project: gitlab.Project{Path: fork}}
	}
}

func newJob(t *testing.T, server string, change func(*gitlab.Job)) *gitlab.Job {
	t.Helper()
	in := gitlab.Job{ServerURL: server, Project: gitlab.Project{Path: "mygroup/myproject"}}
	change(&in)
	j, err := gitlab.NewJob(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// exchange is the code of what AssumeRoleWithWebIdentity answers, "" if it gives
// credentials, and the message.
func (r *running) exchange(t *testing.T, role, token string) (code, message string) {
	t.Helper()
	_, err := stsclient.NewFromConfig(r.config(aws.Credentials{})).AssumeRoleWithWebIdentity(t.Context(), &stsclient.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/" + role), RoleSessionName: aws.String("job-1"), WebIdentityToken: &token,
	})
	if err == nil {
		return "", ""
	}
	var fault smithy.APIError
	if !errors.As(err, &fault) {
		t.Fatal(err)
	}
	return fault.ErrorCode(), fault.ErrorMessage()
}

// trust makes a role that trusts one subject of a provider.
func trust(t *testing.T, admin *iamclient.Client, role, provider, sub string) {
	t.Helper()
	host := provider[strings.Index(provider, "/")+1:]
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + provider +
		`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + host + `:sub":"` + sub + `"}}}]}`
	if _, err := admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: &document}); err != nil {
		t.Fatal(err)
	}
}

// TestEachKindOfJob: the token of each job opens its own role, and no other.
func TestEachKindOfJob(t *testing.T) {
	t.Parallel()
	i, _ := serveIssuer(t, t.TempDir())
	dir := t.TempDir()
	r := mustStart(t, newConfig(dir))
	defer r.mustStop(t)
	admin := iamclient.NewFromConfig(r.administrator(t, dir))
	provider, err := admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: aws.String(i.Issuer.URL()), ClientIDList: []string{"aud", i.Issuer.URL()}, ThumbprintList: []string{i.Thumbprint},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, j := range jobs {
		trust(t, admin, name, *provider.OpenIDConnectProviderArn, j.sub)
	}
	for name, j := range jobs {
		token, err := i.Issuer.IDToken(newJob(t, i.Issuer.URL(), j.change), []string{"aud"}, time.Now(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for role := range jobs {
			want := "AccessDenied"
			if role == name {
				want = ""
			}
			if code, message := r.exchange(t, role, token); code != want {
				t.Errorf("the token of %s for the role of %s: %q %s, want %q", name, role, code, message, want)
			}
		}
	}
	legacy(t, r, i)
}

// legacy: of the variables of old V2 is a token for AWS, and V1 is none.
func legacy(t *testing.T, r *running, i *instance.Instance) {
	t.Helper()
	old := newJob(t, i.Issuer.URL(), func(j *gitlab.Job) { j.Version = gitlab.Version{Major: 15, Minor: 11} })
	tokens, err := i.Issuer.LegacyTokens(old, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if code, message := r.exchange(t, "branch", tokens["CI_JOB_JWT_V2"]); code != "" {
		t.Errorf("V2: %s: %s", code, message)
	}
	if code, _ := r.exchange(t, "tag", tokens["CI_JOB_JWT_V2"]); code != "AccessDenied" {
		t.Errorf("V2 for another role: %q", code)
	}
	for _, name := range []string{"CI_JOB_JWT", "CI_JOB_JWT_V1"} {
		if code, message := r.exchange(t, "branch", tokens[name]); code != "InvalidIdentityToken" || message != "Missing a required claim: aud" {
			t.Errorf("%s: %s: %s", name, code, message)
		}
	}
}

// TestCustomIssuer: tokens that name another issuer are good where the published
// copy is, and never by the instance's own document.
func TestCustomIssuer(t *testing.T) {
	t.Parallel()
	published := map[string][]byte{}
	copies := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := published[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	defer copies.Close()
	keys, err := gitlab.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := gitlab.NewIssuer(gitlab.Config{URL: "https://gitlab.internal", IDTokensURL: copies.URL, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	document, err := issuer.Published()
	if err != nil {
		t.Fatal(err)
	}
	published["/oauth/discovery/keys"] = issuer.KeySet()
	dir := t.TempDir()
	c := newConfig(dir)
	c.Roots = x509.NewCertPool()
	c.Roots.AddCert(copies.Certificate())
	r := mustStart(t, c)
	defer r.mustStop(t)
	admin := iamclient.NewFromConfig(r.administrator(t, dir))
	register := func() (string, error) {
		p, err := admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
			Url: &copies.URL, ClientIDList: []string{"https://gitlab.internal"},
		})
		if err != nil {
			return "", err
		}
		return *p.OpenIDConnectProviderArn, nil
	}
	// The instance's own document, put there as it is: its issuer is another.
	published["/.well-known/openid-configuration"] = issuer.Discovery()
	if _, err := register(); err == nil || !strings.Contains(err.Error(), `has the issuer "https://gitlab.internal"`) {
		t.Errorf("with the instance's own document: %v", err)
	}
	published["/.well-known/openid-configuration"] = document
	provider, err := register()
	if err != nil {
		t.Fatal(err)
	}
	trust(t, admin, "deploy", provider, jobs["branch"].sub)
	token, err := issuer.IDToken(newJob(t, issuer.URL(), func(*gitlab.Job) {}), []string{"https://gitlab.internal"}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if code, message := r.exchange(t, "deploy", token); code != "" {
		t.Errorf("%s: %s", code, message)
	}
}

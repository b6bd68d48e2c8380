package server_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/analyzer"
	"github.com/daypass/daypass/internal/gitlab"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
)

// daypass asks an operation of Daypass's own service as a page does, and reads its
// answer into out.
func (b *browser) daypass(operation string, in, out any) (status int, text string) {
	b.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		b.t.Fatal(err)
	}
	response, text := b.ask("POST", "/console/api/aws/daypass", string(body), func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "Daypass."+operation)
	})
	if response.StatusCode == http.StatusOK && out != nil {
		if err := json.Unmarshal([]byte(text), out); err != nil {
			b.t.Fatalf("%s: %v: %s", operation, err, text)
		}
	}
	return response.StatusCode, text
}

// must is daypass of what must succeed.
func (b *browser) must(operation string, in, out any) {
	b.t.Helper()
	if status, text := b.daypass(operation, in, out); status != http.StatusOK {
		b.t.Fatalf("%s: %d, %s", operation, status, text)
	}
}

type members = map[string]any

// TestDeniedJobToFix goes the way of somebody whose job was denied: the list, the
// reason, where in the policy, the change that admits this job and no other.
func TestDeniedJobToFix(t *testing.T) {
	t.Parallel()
	i, _ := serveIssuer(t, t.TempDir())
	r, config, b := startConsole(t)
	admin := iamclient.NewFromConfig(config)
	provider, err := admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: aws.String(i.Issuer.URL()), ClientIDList: []string{"aud"}, ThumbprintList: []string{i.Thumbprint},
	})
	if err != nil {
		t.Fatal(err)
	}
	trust(t, admin, "deploy", *provider.OpenIDConnectProviderArn, "project_path:mygroup/myproject:ref_type:branch:ref:production")
	token, err := i.Issuer.IDToken(newJob(t, i.Issuer.URL(), func(*gitlab.Job) {}), []string{"aud"}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := r.exchange(t, "deploy", token); code != "AccessDenied" {
		t.Fatalf("the exchange is answered %q", code)
	}

	var list analyzer.ListDecisionsOutput
	b.must("ListDecisions", members{"outcome": "denied", "project": "mygroup/myproject", "role": "deploy", "issuer": i.Issuer.URL()}, &list)
	if len(list.Decisions) != 1 || list.Decisions[0].Operation != "AssumeRoleWithWebIdentity" || list.Decisions[0].Project != "mygroup/myproject" {
		t.Fatalf("the list has %+v", list.Decisions)
	}
	var one analyzer.GetDecisionOutput
	b.must("GetDecision", members{"requestId": list.Decisions[0].RequestID}, &one)
	if one.Now != "denied" || !one.TokenVerified || len(one.Explanation.Documents) != 1 || len(one.Explanation.Statements) != 1 {
		t.Fatalf("the decision is told as %+v", one)
	}
	text := one.Explanation.Documents[0].Text
	condition := one.Explanation.Statements[0].Conditions[0]
	if p := condition.Place; condition.Matched || p == nil || text[p.Column-1:p.EndColumn-1] != `"project_path:mygroup/myproject:ref_type:branch:ref:production"` {
		t.Errorf("the condition that decided is %+v, at %+v of %s", condition, condition.Place, text)
	}
	fix := one.Explanation.Fix
	if fix == nil || fix.RoleName != "deploy" || fix.Before != text || !strings.Contains(fix.Policy, "ref:main") {
		t.Fatalf("the fix is %+v", fix)
	}

	var tried analyzer.TryTokenOutput
	b.must("TryToken", members{"roleArn": "deploy", "token": token}, &tried)
	if tried.Verdict != "denied" || !tried.Verified || tried.Explanation.Fix == nil {
		t.Errorf("tried before the fix: %+v", tried)
	}
	if _, err := admin.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{RoleName: aws.String("deploy"), PolicyDocument: &fix.Policy}); err != nil {
		t.Fatal(err)
	}
	b.must("GetDecision", members{"requestId": list.Decisions[0].RequestID}, &one)
	b.must("TryToken", members{"roleArn": "deploy", "token": token}, &tried)
	if one.Now != "admitted" || tried.Verdict != "admitted" || !tried.Verified {
		t.Errorf("after the fix: now %q, tried %q", one.Now, tried.Verdict)
	}
	claims := members{"iss": i.Issuer.URL(), "aud": "aud", "sub": "project_path:mygroup/myproject:ref_type:branch:ref:main"}
	b.must("TryToken", members{"roleArn": "deploy", "claims": claims}, &tried)
	if tried.Verdict != "admitted" || tried.Verified {
		t.Errorf("claims are %q, verified %v", tried.Verdict, tried.Verified)
	}
	claims["sub"] = "project_path:mygroup/other:ref_type:branch:ref:main"
	b.must("TryToken", members{"roleArn": "deploy", "claims": claims}, &tried)
	if tried.Verdict != "denied" {
		t.Errorf("another project's claims are %q", tried.Verdict)
	}
	if code, _ := r.exchange(t, "deploy", token); code != "" {
		t.Errorf("the job is answered %q after the fix", code)
	}
	overview(t, b, i.Issuer.URL())
	var whole analyzer.ListDecisionsOutput
	b.must("ListDecisions", members{"max": 200}, &whole)
	if text := fmt.Sprint(whole); strings.Contains(text, token) {
		t.Error("the token is in the record")
	}
}

// overview looks at what the other operations tell of the role deploy.
func overview(t *testing.T, b *browser, issuer string) {
	t.Helper()
	var access analyzer.DescribeAccessOutput
	b.must("DescribeAccess", members{"roleName": "deploy"}, &access)
	if len(access.Ways) != 1 || !strings.Contains(access.Ways[0].Words, "whoever has a token of "+strings.TrimPrefix(issuer, "https://")) || len(access.Admitted) == 0 {
		t.Errorf("access is %+v", access)
	}
	var reach analyzer.ListReachOutput
	b.must("ListReach", members{"issuer": issuer, "claims": members{"project_path": "mygroup/myproject"}}, &reach)
	if len(reach.Roles) != 1 || reach.Roles[0].RoleName != "deploy" {
		t.Errorf("the project reaches %+v", reach)
	}
	b.must("ListReach", members{"issuer": issuer, "claims": members{"project_path": "mygroup/other"}}, &reach)
	if len(reach.Roles) != 0 {
		t.Errorf("another project reaches %+v", reach)
	}
	var health analyzer.DescribeHealthOutput
	b.must("DescribeHealth", members{}, &health)
	if len(health.Issuers) != 1 || !health.Issuers[0].Asked || health.Issuers[0].Keys == 0 || len(health.Sessions) != 1 || health.Sessions[0].Sessions != 1 || len(health.Minutes) == 0 {
		t.Errorf("health is %+v", health)
	}
	var examined analyzer.ExamineIssuerOutput
	b.must("ExamineIssuer", members{"url": issuer}, &examined)
	if len(examined.Checks) < 10 {
		t.Errorf("the doctor says %+v", examined.Checks)
	}
}

// TestLintPolicyOnce finds a mistake with its place, and what is valid and too wide.
func TestLintPolicyOnce(t *testing.T) {
	t.Parallel()
	_, _, b := startConsole(t)
	var out analyzer.LintPolicyOutput
	b.must("LintPolicy", members{"kind": "permission", "document": "{\"Version\":\"2012-10-17\",\n \"Statement\":[{\"Effekt\":\"Allow\"}]}"}, &out)
	if len(out.Errors) != 1 || out.Errors[0].Line != 2 || out.Errors[0].Column < 2 {
		t.Errorf("a misspelt element is told as %+v", out)
	}
	wide := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/gitlab.com"},` +
		`"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"gitlab.com:sub":"project_path:mygroup*"}}}]}`
	b.must("LintPolicy", members{"kind": "trust", "document": wide}, &out)
	if len(out.Errors) != 0 || len(out.Findings) == 0 || out.Findings[0].Witness == "" || out.Findings[0].Line != 1 {
		t.Errorf("a wide policy is told as %+v", out)
	}
	for _, in := range []members{{"kind": "other", "document": "{}"}, {"kind": "trust", "document": "{}", "extra": 1}, {"kind": 1}} {
		if status, text := b.daypass("LintPolicy", in, nil); status != http.StatusBadRequest {
			t.Errorf("%v is answered %d, %s", in, status, text)
		}
	}
}

// TestAnalyzerPages: pages tell of each request once, whatever comes in between.
func TestAnalyzerPages(t *testing.T) {
	t.Parallel()
	_, _, b := startConsole(t)
	for range 7 {
		b.query("ListRoles")
	}
	seen, next := map[string]bool{}, ""
	for range 10 {
		in := members{"max": 3, "operation": "ListRoles"}
		if next != "" {
			in["next"] = next
		}
		var page analyzer.ListDecisionsOutput
		b.must("ListDecisions", in, &page)
		for _, d := range page.Decisions {
			if seen[d.RequestID] {
				t.Errorf("%s is told twice", d.RequestID)
			}
			seen[d.RequestID] = true
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if len(seen) != 7 || next != "" {
		t.Errorf("the pages have %d requests, and end with %q", len(seen), next)
	}
	if status, _ := b.daypass("ListDecisions", members{"next": "x"}, nil); status != http.StatusBadRequest {
		t.Errorf("a page that is none is answered %d", status)
	}
}

// TestAnalyzerWithoutPermission: who may not, gets AWS's refusal through the console
// too, of every operation.
func TestAnalyzerWithoutPermission(t *testing.T) {
	t.Parallel()
	r, config, _ := startConsole(t)
	admin := iamclient.NewFromConfig(config)
	if _, err := admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("nobody")}); err != nil {
		t.Fatal(err)
	}
	key, err := admin.CreateAccessKey(t.Context(), &iamclient.CreateAccessKeyInput{UserName: aws.String("nobody")})
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, r: r}
	b.signIn(aws.Credentials{AccessKeyID: *key.AccessKey.AccessKeyId, SecretAccessKey: *key.AccessKey.SecretAccessKey})
	for _, operation := range []string{"ListDecisions", "GetDecision", "TryToken", "LintPolicy", "ExamineIssuer", "DescribeAccess", "ListReach", "DescribeHealth"} {
		status, text := b.daypass(operation, members{}, nil)
		if status != http.StatusBadRequest || !strings.Contains(text, "AccessDeniedException") || !strings.Contains(text, "daypass:"+operation) {
			t.Errorf("%s is answered %d, %s", operation, status, text)
		}
	}
}

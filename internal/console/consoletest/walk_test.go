package consoletest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTutorial walks document 001 of the tutorial from an empty account to a job
// that lists a bucket. All of the set-up is done in the console, in the document's
// words and order; the job runs as GitLab's would.
func TestTutorial(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	issuer := s.startIssuer()
	host := strings.TrimPrefix(issuer, "https://")
	thumbprint := s.waitFile("issuer/thumbprint")
	p := s.open(options{})
	p.signIn()

	// Add GitLab as an OpenID Connect provider.
	p.click("link", "Identity providers")
	p.heading("Identity providers (0)")
	p.clickFirst("link", "Add provider")
	p.heading("Add an identity provider")
	p.fill("Provider URL", issuer)
	p.fill("Audience", issuer)
	p.fill("Thumbprints – optional", thumbprint)
	p.click("button", "Add provider")
	p.heading(host)
	p.see("Identity provider " + issuer + " was added.")

	// Create IAM role and policy.
	p.click("link", "Policies")
	p.click("link", "Create policy")
	p.fill("Policy document", `{ "Version": "2012-10-17", "Statement": [ { "Action": [ "s3:*" ], "Effect": "Allow", "Resource": "*" } ] }`)
	p.click("button", "Review policy")
	p.fill("Name", "Gitalb-mypoject-S3FullAccess-policy")
	p.click("button", "Create policy")
	p.heading("Gitalb-mypoject-S3FullAccess-policy")

	p.click("link", "Roles")
	p.click("link", "Create role")
	p.click("radio", "Custom trust policy")
	p.fill("Trust policy", `{ "Version": "2012-10-17", "Statement": [ { "Sid": "", "Effect": "Allow", "Principal": { "Federated": "arn:aws:iam::000000000000:oidc-provider/`+host+
		`" }, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": { "StringLike": { "`+host+`:sub": "project_path:mygroup/myproject:ref_type:branch:ref:main" } } } ] }`)
	p.click("button", "Next")
	p.focus("searchbox", "Find policies")
	p.retype("Gitalb-mypoject-S3FullAccess-policy")
	p.see("1 match")
	p.click("checkbox", "Select arn:aws:iam::000000000000:policy/Gitalb-mypoject-S3FullAccess-policy")
	p.click("button", "Next")
	p.fill("Role name", "Gitalb-mypoject-S3FullAccess-role")
	p.click("button", "Create role")
	p.heading("Gitalb-mypoject-S3FullAccess-role")

	// A bucket for the job to list.
	p.click("link", "Buckets")
	p.heading("Buckets (0)")
	p.clickFirst("button", "Create bucket")
	p.fill("Bucket name", "artifacts")
	p.clickLast("button", "Create bucket")
	p.the("link", "artifacts")

	if output, code := s.job("main"); code != 0 || !strings.Contains(output, "artifacts") {
		t.Errorf("the job on main ended with %d:\n%s", code, output)
	}
	if output, code := s.job("topic"); code == 0 || strings.Contains(output, "artifacts") {
		t.Errorf("the job on another branch ended with %d:\n%s", code, output)
	}
}

const pipeline = `stages: [deploy]
deploy:
  stage: deploy
  image: {name: "public.ecr.aws/aws-cli/aws-cli:latest", entrypoint: [""]}
  variables:
    AWS_ROLE_ARN: arn:aws:iam::000000000000:role/Gitalb-mypoject-S3FullAccess-role
    AWS_WEB_IDENTITY_TOKEN_FILE: web-identity-token
    AWS_DEFAULT_REGION: eu-west-1
  script:
    - echo "$CI_JOB_JWT_V2" > $AWS_WEB_IDENTITY_TOKEN_FILE
    - aws s3 ls
`

// job runs the tutorial's job on a branch.
func (s *server) job(branch string) (output string, code int) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, ".gitlab-ci.yml"), []byte(pipeline), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return s.command(nil, binary, "ci", "run", "deploy", "--issuer", "issuer", "--endpoint", s.endpoint, "--project", "mygroup/myproject",
		"--branch", branch, "--gitlab-version", "16.11", "--ignore-image")
}

// TestDeniedJob goes from a job that is denied to the fix that admits it: the
// decision with its reason, the fix as a change of the policy, applied.
func TestDeniedJob(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	issuer := s.startIssuer()
	host := strings.TrimPrefix(issuer, "https://")
	s.aws("iam", "create-open-id-connect-provider", "--url", issuer, "--client-id-list", issuer, "--thumbprint-list", s.waitFile("issuer/thumbprint"))
	s.aws("iam", "create-role", "--role-name", "Gitalb-mypoject-S3FullAccess-role", "--assume-role-policy-document", document(t, map[string]any{
		"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect": "Allow", "Principal": map[string]any{"Federated": "arn:aws:iam::000000000000:oidc-provider/" + host}, "Action": "sts:AssumeRoleWithWebIdentity",
			"Condition": map[string]any{"StringEquals": map[string]any{host + ":sub": "project_path:mygroup/myproject:ref_type:branch:ref:main"}},
		}},
	}))
	s.aws("iam", "attach-role-policy", "--role-name", "Gitalb-mypoject-S3FullAccess-role", "--policy-arn", "arn:aws:iam::aws:policy/AmazonS3FullAccess")
	s.aws("s3api", "create-bucket", "--bucket", "artifacts")
	if output, code := s.job("topic"); code == 0 {
		t.Fatalf("the job was not denied:\n%s", output)
	}

	p := s.open(options{})
	p.signIn()
	p.goTo("decisions")
	p.heading("Decisions")
	p.choose("Outcome Any outcome", "Denied")
	p.waitFor("!document.querySelector('[data-table=request]')?.innerText.includes('Allowed')")
	p.see("mygroup/myproject")
	p.clickLink("AssumeRoleWithWebIdentity denied")
	p.heading("AssumeRoleWithWebIdentity")
	p.see("Does not match")
	p.see("project_path:mygroup/myproject:ref_type:branch:ref:topic")
	p.the("textbox", "Trust policy of Gitalb-mypoject-S3FullAccess-role with the fix")
	p.click("button", "Apply fix")
	p.click("button", "Apply")
	p.see("was changed. It can be tried again.")
	p.see("With the trust policy as it is now, such a token is admitted.")
	if output, code := s.job("topic"); code != 0 || !strings.Contains(output, "artifacts") {
		t.Errorf("after the fix the job ended with %d:\n%s", code, output)
	}
	if output, code := s.job("other"); code == 0 {
		t.Errorf("the fix admits another branch:\n%s", output)
	}
}

// TestDeniedRequest goes from a request that a user's policies refuse to the fix that
// allows it, and nothing else.
func TestDeniedRequest(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.aws("iam", "create-user", "--user-name", "dev")
	key := strings.Fields(s.aws("iam", "create-access-key", "--user-name", "dev", "--query", "AccessKey.[AccessKeyId,SecretAccessKey]", "--output", "text"))
	dev := []string{"AWS_ACCESS_KEY_ID=" + key[0], "AWS_SECRET_ACCESS_KEY=" + key[1]}
	get := func(name string) (output string, code int) {
		t.Helper()
		return s.command(dev, "aws", "--endpoint-url", s.endpoint, "iam", "get-user", "--user-name", name)
	}
	s.aws("iam", "create-user", "--user-name", "other")
	if output, code := get("dev"); code == 0 || !strings.Contains(output, "AccessDenied") {
		t.Fatalf("the request was not denied:\n%s", output)
	}

	p := s.open(options{})
	p.signIn()
	p.goTo("decisions")
	p.choose("Outcome Any outcome", "Denied")
	p.waitFor("!document.querySelector('[data-table=request]')?.innerText.includes('Allowed')")
	p.clickLink("GetUser denied")
	p.heading("GetUser")
	p.see("It adds the inline policy allow-iam-GetUser of dev")
	p.the("textbox", "Inline policy allow-iam-GetUser of dev with the fix")
	p.click("button", "Apply fix")
	p.click("button", "Apply")
	p.see("was added. It can be tried again.")
	p.see("With the policies as they are now, such a request is allowed.")
	if output, code := get("dev"); code != 0 {
		t.Errorf("after the fix the request ended with %d:\n%s", code, output)
	}
	if output, code := get("other"); code == 0 {
		t.Errorf("the fix allows another user:\n%s", output)
	}
}

//go:build screenshots

package consoletest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreenshots takes the pictures of README and docs; "make screenshots" runs it.
func TestScreenshots(t *testing.T) {
	s := startServer(t)
	s.exemplify()
	s.denyJob()
	light, dark := s.open(options{width: 1280, height: 800}), s.open(options{width: 1280, height: 800, dark: true})
	phone := s.open(options{width: 390, height: 780})
	for _, p := range []*page{light, dark, phone} {
		p.signIn()
	}
	light.eval("location.hash = '#/roles/create?provider=' + encodeURIComponent('" + provider + "')")
	light.fill("GitLab group", "mygroup")
	light.fill("GitLab project – optional", "myproject")
	light.fill("Branch – optional", "main")
	light.the("textbox", "Trust policy as written by these fields")
	light.eval("window.scrollTo(0, 0)")
	light.picture("console-role")

	light.show(screen{[]string{"roles"}, shows("deploy")})
	light.picture("console-roles")

	dark.goTo("policies", "create")
	dark.fill("Policy document", "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": [\"s3:GetObject\", \"s3:ListBucket\"],\n      \"Resource\": [\"arn:aws:s3:::builds\", \"arn:aws:s3:::builds/*\"]\n    }\n  ]\n}\n")
	dark.waitFor("document.querySelector('[data-lint]:not([data-lint=waiting])')")
	dark.picture("console-policy-dark")

	light.show(screen{[]string{"decisions", "view", s.denied}, shows("Does not match") + " && " + shows("The smallest fix")})
	light.eval("window.scrollTo(0, 620)")
	light.picture("console-decision")
	light.eval("location.hash = '#/access?role=deploy-main'")
	light.waitFor(shows("Tokens that it admits"))
	light.picture("console-access")
	dark.show(screen{[]string{"health"}, shows("Requests per minute")})
	dark.picture("console-health-dark")

	phone.show(screen{[]string{"roles", "view", "deploy-main"}, shows("read-builds")})
	phone.picture("console-phone")
}

// exemplify makes an account that looks like one.
func (s *server) exemplify() {
	s.aws("iam", "create-open-id-connect-provider", "--url", "https://gitlab.example.com", "--client-id-list", "https://gitlab.example.com", "--thumbprint-list", thumbprint)
	s.aws("iam", "create-policy", "--policy-name", "read-builds", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::builds/*"}]}`)
	for name, subject := range map[string]string{
		"deploy-main": "mygroup/myproject:ref_type:branch:ref:main", "deploy-tags": "mygroup/myproject:ref_type:tag:ref:v*", "docs": "mygroup/docs:ref_type:branch:ref:main",
	} {
		s.aws("iam", "create-role", "--role-name", name, "--description", "For jobs of "+subject, "--assume-role-policy-document",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"`+provider+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"gitlab.example.com:sub":"project_path:`+subject+`"}}}]}`)
		s.aws("iam", "attach-role-policy", "--role-name", name, "--policy-arn", policy)
	}
}

// denyJob has a job of another branch refused, with a token that is verified.
func (s *server) denyJob() {
	s.t.Helper()
	issuer := s.startIssuer()
	host := strings.TrimPrefix(issuer, "https://")
	s.aws("iam", "create-open-id-connect-provider", "--url", issuer, "--client-id-list", issuer, "--thumbprint-list", s.waitFile("issuer/thumbprint"))
	s.aws("iam", "create-role", "--role-name", "Gitalb-mypoject-S3FullAccess-role", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::000000000000:oidc-provider/`+host+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+host+`:sub":"project_path:mygroup/myproject:ref_type:branch:ref:main"}}}]}`)
	if output, code := s.job("topic"); code == 0 {
		s.t.Fatalf("the job was not denied:\n%s", output)
	}
	events, err := os.ReadFile(filepath.Join(s.dir, "data", "events.jsonl"))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(events)) {
		if id := regexp.MustCompile(`"requestId":"([^"]+)"`).FindStringSubmatch(line); id != nil && strings.Contains(line, "AssumeRoleWithWebIdentity") {
			s.denied = id[1]
		}
	}
}

// picture writes docs/images/NAME.png.
func (p *page) picture(name string) {
	p.t.Helper()
	p.eval("document.activeElement?.blur()")
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.fatalf("picture: %v", err)
	}
	dir := "../../../docs/images"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

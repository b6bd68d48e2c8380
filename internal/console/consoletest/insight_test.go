package consoletest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// TestInsight asks what the sections of Insight answer, and the live check of an issuer:
// each of something that is so, and of something that is not.
func TestInsight(t *testing.T) {
	t.Parallel()
	s := &server{t: t, dir: t.TempDir()}
	issuer := s.startIssuer()
	s.serve("--listen", "127.0.0.1:0", "--issuer-ca", "issuer/ca.pem")
	host := strings.TrimPrefix(issuer, "https://")
	s.aws("iam", "create-open-id-connect-provider", "--url", issuer, "--client-id-list", issuer, "--thumbprint-list", s.waitFile("issuer/thumbprint"))
	s.aws("iam", "create-role", "--role-name", "deploy", "--assume-role-policy-document", document(t, map[string]any{
		"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect": "Allow", "Principal": map[string]any{"Federated": "arn:aws:iam::000000000000:oidc-provider/" + host}, "Action": "sts:AssumeRoleWithWebIdentity",
			"Condition": map[string]any{"StringEquals": map[string]any{host + ":aud": issuer, host + ":sub": "project_path:mygroup/myproject:ref_type:branch:ref:main"}},
		}},
	}))
	s.aws("iam", "attach-role-policy", "--role-name", "deploy", "--policy-arn", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
	token := func(branch string) string {
		output, code := s.command(nil, binary, "ci", "token", "--issuer", "issuer", "--project", "mygroup/myproject", "--branch", branch, "--aud", issuer)
		if code != 0 {
			t.Fatal(output)
		}
		return strings.TrimSpace(output)
	}
	p := s.open(options{})
	p.signIn()
	p.tryTokens(token("main"), token("topic"), issuer)
	p.askReach(host)
	p.checkIssuers(issuer)
	p.exportRecord()
}

func (p *page) tryTokens(admitted, denied, issuer string) {
	p.t.Helper()
	p.goTo("decisions", "try")
	p.fill("Role name or ARN", "deploy")
	p.click("button", "A token")
	p.fill("Token", admitted)
	p.click("button", "Try")
	p.waitFor("document.querySelector('[data-verdict=admitted]')")
	p.see("The token's signature was verified.")
	p.fill("Token", denied)
	p.click("button", "Try")
	p.waitFor("document.querySelector('[data-verdict=denied]')")
	p.see("Does not match")
	p.see("The smallest fix")
	p.fill("Token", admitted[:len(admitted)-8]+"AAAAAAAA") // another signature
	p.click("button", "Try")
	p.waitFor("document.querySelector('[data-verdict=denied]') && !document.body.innerText.includes('Does not match')")
	p.click("button", "Claims")
	p.fill("Claims", `{"iss": "`+issuer+`", "aud": "`+issuer+`", "sub": "project_path:mygroup/myproject:ref_type:branch:ref:main"}`)
	p.click("button", "Try")
	p.waitFor("document.querySelector('[data-verdict=admitted]')")
	p.see("no issuer vouches for them")
	p.fill("Claims", "{")
	p.click("button", "Try")
	p.see("The claims are not JSON")
}

func (p *page) askReach(host string) {
	p.t.Helper()
	p.goTo("access")
	p.click("tab", "What a project can reach")
	p.see(host)
	p.fill("Project", "mygroup/myproject")
	p.click("button", "Find roles")
	p.the("link", "deploy")
	p.see("project_path:mygroup/myproject:ref_type:branch:ref:main")
	p.see("s3:Get*")
	p.fill("Project", "mygroup/other")
	p.click("button", "Find roles")
	p.see("were found to reach none of 1 role.")
}

func (p *page) checkIssuers(issuer string) {
	p.t.Helper()
	p.goTo("providers", "create")
	p.fill("Provider URL", issuer+"/nothing")
	p.waitFor("document.querySelector('[data-examined=failed]')")
	p.see("that would keep its tokens from being admitted")
	p.fill("Provider URL", issuer)
	p.waitFor("document.querySelector('[data-examined=passed]')")
}

func (p *page) exportRecord() {
	p.t.Helper()
	folder := p.t.TempDir()
	if _, err := chromedp.CallBrowser(p.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: "allow", DownloadPath: folder, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	}); err != nil {
		p.fatalf("where downloads go: %v", err)
	}
	p.goTo("health")
	p.click("button", "Export decisions")
	p.see("decisions were exported")
	var content []byte
	p.until("the export", func() (there bool) {
		var err error
		content, err = os.ReadFile(filepath.Join(folder, "decisions.jsonl"))
		return err == nil && bytes.HasSuffix(content, []byte("\n"))
	})
	operations := map[string]bool{}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		var d struct{ Operation string }
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			p.t.Fatalf("%v: %s", err, lines.Bytes())
		}
		operations[d.Operation] = true
	}
	if !operations["CreateRole"] || !operations["TryToken"] {
		p.t.Errorf("the export has %v", operations)
	}
}

package consoletest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// TestWizard: the fields of the wizard write the tutorial's trust policy.
func TestWizard(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.aws("iam", "create-open-id-connect-provider", "--url", "https://gitlab.example.com", "--client-id-list", "https://gitlab.example.com", "--thumbprint-list", thumbprint)
	p := s.open(options{})
	p.signIn()
	p.goTo("roles", "create")
	p.heading("Select trusted entity")
	p.click("button", "Next") // nothing is filled in yet
	p.see("Choose an identity provider.")
	p.see("Enter the group")
	p.choose("Identity provider Choose provider", "gitlab.example.com")
	p.see("https://gitlab.example.com") // the only audience is chosen
	p.fill("GitLab group", "mygroup")
	p.fill("GitLab project – optional", "myproject")
	p.fill("Branch – optional", "main")
	p.click("button", "Next")
	p.heading("Add permissions - optional")
	p.click("button", "Next")
	p.fill("Role name", "by wizard") // IAM refuses a space
	p.click("button", "Create role")
	p.see("ValidationError")
	p.see("Request id ")
	p.fill("Role name", "by-wizard")
	p.click("button", "Create role")
	p.heading("by-wizard")

	var got struct {
		Role struct{ AssumeRolePolicyDocument any }
	}
	if err := json.Unmarshal([]byte(s.aws("iam", "get-role", "--role-name", "by-wizard")), &got); err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal([]byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Federated": "`+provider+`"},
		"Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"gitlab.example.com:aud": "https://gitlab.example.com",
		"gitlab.example.com:sub": "project_path:mygroup/myproject:ref_type:branch:ref:main"}}}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Role.AssumeRolePolicyDocument, want) {
		t.Errorf("the trust policy is %v", got.Role.AssumeRolePolicyDocument)
	}
}

// TestResources creates and reads a user's access key, a secret and an object.
func TestResources(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := s.open(options{})
	p.signIn()
	p.createUser()

	p.goTo("secrets", "create")
	p.fill("Secret name", "prod/db")
	p.fill("Secret value", "correct horse")
	p.click("button", "Store")
	p.heading("prod/db")
	if evaluate[bool](p, shows("correct horse")) {
		t.Error("a secret is shown unasked")
	}
	p.click("button", "Retrieve secret value")
	p.see("correct horse")
	p.click("button", "New value")
	p.fill("New secret value", "battery staple")
	p.click("button", "Save")
	p.see("AWSPREVIOUS")
	if value := s.aws("secretsmanager", "get-secret-value", "--secret-id", "prod/db"); !strings.Contains(value, "battery staple") {
		t.Errorf("the secret is %s", value)
	}
	p.storeObject()
}

func (p *page) createUser() {
	p.t.Helper()
	p.goTo("users")
	p.heading("Users (1)") // the administrator
	p.clickFirst("button", "Create user")
	p.fill("User name", "ann")
	p.press("\r")
	p.heading("ann")
	p.click("tab", "Access keys")
	p.click("button", "Create access key")
	p.see("This is the only time")
	p.click("button", "Show")
	p.waitFor(`/[A-Za-z0-9+\/]{40}/.test(document.querySelector('#content').innerText)`)
	p.click("button", "Done")
	if evaluate[bool](p, `/[A-Za-z0-9+\/]{40}/.test(document.body.innerHTML)`) {
		p.t.Error("the secret access key is still on the page")
	}
	var keys struct {
		AccessKeyMetadata []struct{ AccessKeyId, Status string }
	}
	list := func() {
		if err := json.Unmarshal([]byte(p.server.aws("iam", "list-access-keys", "--user-name", "ann")), &keys); err != nil || len(keys.AccessKeyMetadata) != 1 {
			p.t.Fatalf("access keys %v, %v", keys, err)
		}
	}
	list()
	p.click("radio", "Select "+keys.AccessKeyMetadata[0].AccessKeyId)
	p.click("button", "Deactivate")
	p.see("Inactive")
	if list(); keys.AccessKeyMetadata[0].Status != "Inactive" {
		p.t.Errorf("the key is %s", keys.AccessKeyMetadata[0].Status)
	}
}

func (p *page) storeObject() {
	p.t.Helper()
	p.server.aws("s3api", "create-bucket", "--bucket", "builds")
	file := filepath.Join(p.server.dir, "a file.txt")
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.eval("location.hash = '#/buckets/view/builds?prefix=" + url.QueryEscape("team/") + "'")
	p.see("No objects")
	p.clickFirst("button", "Upload")
	p.see("Upload to team/")
	p.chooseFile(file)
	p.click("button", "Start upload")
	p.see("1 file uploaded.")
	p.the("button", "Download a file.txt")
	if _, code := p.server.command([]string{"AWS_ACCESS_KEY_ID=" + p.server.id, "AWS_SECRET_ACCESS_KEY=" + p.server.secret},
		"aws", "--endpoint-url", p.server.endpoint, "s3", "cp", "s3://builds/team/a file.txt", "got"); code != 0 {
		p.t.Error("the object is not there")
	}
	if got, err := os.ReadFile(filepath.Join(p.server.dir, "got")); string(got) != "content" {
		p.t.Errorf("the object is %q, %v", got, err)
	}
	p.storeInParts()
}

// storeInParts uploads a file that is sent in parts, and downloads it: it is the same.
func (p *page) storeInParts() {
	p.t.Helper()
	content := make([]byte, 20<<20+1)
	if _, err := rand.Read(content); err != nil {
		p.t.Fatal(err)
	}
	file := filepath.Join(p.server.dir, "large ü.bin")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.clickFirst("button", "Upload")
	p.chooseFile(file)
	p.click("button", "Start upload")
	p.the("button", "Download large ü.bin")
	if tag := p.server.aws("s3api", "head-object", "--bucket", "builds", "--key", "team/large ü.bin", "--query", "ETag"); !strings.Contains(tag, "-3") {
		p.t.Errorf("the object was not sent in three parts: %s", tag)
	}
	if uploads := p.server.aws("s3api", "list-multipart-uploads", "--bucket", "builds"); strings.Contains(uploads, "UploadId") {
		p.t.Errorf("an upload is left: %s", uploads)
	}
	downloads := p.t.TempDir()
	if _, err := chromedp.CallBrowser(p.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: "allow", DownloadPath: downloads, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	}); err != nil {
		p.fatalf("where downloads go: %v", err)
	}
	p.click("button", "Download large ü.bin")
	p.until("the download", func() bool {
		got, err := os.ReadFile(filepath.Join(downloads, "large ü.bin"))
		return err == nil && bytes.Equal(got, content)
	})
	// What is refused is told on the page: a link cannot.
	p.server.aws("s3api", "delete-object", "--bucket", "builds", "--key", "team/large ü.bin")
	p.click("button", "Download large ü.bin")
	p.see("NoSuchKey")
}

func (p *page) chooseFile(file string) {
	p.t.Helper()
	p.waitFor("document.querySelector('input[type=file]')")
	input, err := chromedp.Call(p.ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.querySelector('input[type=file]')"})
	if err != nil {
		p.fatalf("the field for files: %v", err)
	}
	if _, err := chromedp.Call(p.ctx, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{file}, ObjectID: input.Result.ObjectID}); err != nil {
		p.fatalf("choose a file: %v", err)
	}
}

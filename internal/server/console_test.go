package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/server"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
)

// browser is somebody at the console.
type browser struct {
	t      *testing.T
	r      *running
	cookie string // NAME=VALUE
}

// ask sends what a page of the console sends, changed.
func (b *browser) ask(method, path, body string, change ...func(*http.Request)) (*http.Response, string) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.r.endpoint+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("X-Daypass-Console", "1")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	if b.cookie != "" {
		request.Header.Set("Cookie", b.cookie)
	}
	for _, c := range change {
		c(request)
	}
	response, err := b.r.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response, string(text)
}

// signIn signs in, and gives the answer.
func (b *browser) signIn(c aws.Credentials) (*http.Response, string) {
	b.t.Helper()
	body, err := json.Marshal(map[string]string{"accessKeyId": c.AccessKeyID, "secretAccessKey": c.SecretAccessKey, "sessionToken": c.SessionToken})
	if err != nil {
		b.t.Fatal(err)
	}
	response, text := b.ask("POST", "/console/api/session", string(body))
	for _, cookie := range response.Cookies() {
		b.cookie = cookie.Name + "=" + cookie.Value
	}
	return response, text
}

// query asks for an operation of IAM as a page does.
func (b *browser) query(action string, change ...func(*http.Request)) (int, string) {
	b.t.Helper()
	form := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	response, text := b.ask("POST", "/console/api/aws/iam", "Version=2010-05-08&Action="+action, append([]func(*http.Request){form}, change...)...)
	return response.StatusCode, text
}

func startConsole(t *testing.T, change ...func(*server.Config)) (*running, aws.Config, *browser) {
	t.Helper()
	dir := t.TempDir()
	c := newConfig(dir)
	for _, f := range change {
		f(&c)
	}
	r := mustStart(t, c)
	admin := r.administrator(t, dir)
	b := &browser{t: t, r: r}
	credentials, err := admin.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if response, text := b.signIn(credentials); response.StatusCode != http.StatusOK || !strings.Contains(text, `"account":"123456789012"`) {
		t.Fatalf("sign-in: %d, %s", response.StatusCode, text)
	}
	return r, admin, b
}

// What only a page of the console, with the cookie of its own host, may do.
func TestConsoleStrangers(t *testing.T) {
	t.Parallel()
	_, _, b := startConsole(t)
	if status, text := b.query("ListRoles"); status != http.StatusOK || !strings.Contains(text, "<ListRolesResult>") {
		t.Fatalf("the console's own page is answered %d, %s", status, text)
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, tt := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"a form of another site":                {func(r *http.Request) { r.Header.Del("X-Daypass-Console"); r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"a form of a sibling site":              {set("Sec-Fetch-Site", "same-site"), http.StatusForbidden},
		"an old browser's form of another site": {func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		"without the page's header":             {func(r *http.Request) { r.Header.Del("X-Daypass-Console") }, http.StatusForbidden},
		"without a cookie":                      {func(r *http.Request) { r.Header.Del("Cookie") }, http.StatusUnauthorized},
		"the cookie on another host":            {func(r *http.Request) { r.Host = "localhost.evil.example" }, http.StatusUnauthorized},
		"a changed cookie":                      {set("Cookie", b.cookie[:len(b.cookie)-2]+"AA"), http.StatusUnauthorized},
		"the cookie under the other name":       {set("Cookie", "__Host-"+b.cookie), http.StatusUnauthorized},
		"a region that is none":                 {set("X-Daypass-Region", "us-east-1/20260101"), http.StatusBadRequest},
	} {
		if status, text := b.query("ListRoles", tt.change); status != tt.status || strings.Contains(text, "ListRolesResult") {
			t.Errorf("%s is answered %d, %s", name, status, text)
		}
	}
	for _, path := range []string{"/console/api/aws/ec2", "/console/api/aws/", "/console/api/nothing"} {
		if response, _ := b.ask("POST", path, ""); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s is answered %d", path, response.StatusCode)
		}
	}
	if response, _ := b.ask("POST", "/console/api/aws/iam", strings.Repeat("a", 1<<20+1)); response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of more than 1 MiB is answered %d", response.StatusCode)
	}
}

// A session that was signed out is over, also for who kept its cookie.
func TestConsoleSignOut(t *testing.T) {
	t.Parallel()
	_, _, b := startConsole(t)
	if response, _ := b.ask("DELETE", "/console/api/session", ""); response.StatusCode != http.StatusNoContent || len(response.Cookies()) != 1 || response.Cookies()[0].MaxAge >= 0 {
		t.Errorf("sign-out is answered %d with %v", response.StatusCode, response.Cookies())
	}
	if status, text := b.query("ListRoles"); status != http.StatusUnauthorized || !strings.Contains(text, "SignedOut") {
		t.Errorf("after sign-out: %d, %s", status, text)
	}
}

// The console adds nothing to what its caller may, and an access key that is gone
// ends its sessions.
func TestConsoleCaller(t *testing.T) {
	t.Parallel()
	r, admin, _ := startConsole(t)
	iam := iamclient.NewFromConfig(admin)
	if _, err := iam.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("ann")}); err != nil {
		t.Fatal(err)
	}
	key, err := iam.CreateAccessKey(t.Context(), &iamclient.CreateAccessKeyInput{UserName: aws.String("ann")})
	if err != nil {
		t.Fatal(err)
	}
	ann := &browser{t: t, r: r}
	response, text := ann.signIn(aws.Credentials{AccessKeyID: *key.AccessKey.AccessKeyId, SecretAccessKey: *key.AccessKey.SecretAccessKey})
	if response.StatusCode != http.StatusOK || !strings.Contains(text, "user/ann") {
		t.Fatalf("sign-in: %d, %s", response.StatusCode, text)
	}
	cookie := response.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || strings.Contains(text+cookie.Value, *key.AccessKey.SecretAccessKey) {
		t.Errorf("the cookie is %v", cookie)
	}
	want := "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::123456789012:role/"
	if status, text := ann.query("ListRoles"); status != http.StatusForbidden || !strings.Contains(text, want) {
		t.Errorf("a caller who may not is answered %d, %s", status, text)
	}
	if _, err := iam.DeleteAccessKey(t.Context(), &iamclient.DeleteAccessKeyInput{UserName: aws.String("ann"), AccessKeyId: key.AccessKey.AccessKeyId}); err != nil {
		t.Fatal(err)
	}
	if status, text := ann.query("ListRoles"); status != http.StatusForbidden || !strings.Contains(text, "InvalidClientTokenId") {
		t.Errorf("after the key was deleted: %d, %s", status, text)
	}
}

// Guesses are locked out, and a right one then too.
func TestConsoleGuesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := mustStart(t, newConfig(dir))
	b := &browser{t: t, r: r}
	right, err := r.administrator(t, dir).Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wrong := right
	wrong.SecretAccessKey = strings.Repeat("a", 40)
	for n := range 10 {
		if response, text := b.signIn(wrong); response.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "SignInFailed") {
			t.Fatalf("wrong guess %d is answered %d, %s", n+1, response.StatusCode, text)
		}
	}
	if response, _ := b.signIn(right); response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") == "" || b.cookie != "" {
		t.Errorf("after ten wrong guesses: %d, Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
	}
}

// Whether a key is there, a wrong sign-in does not tell; the record says that the
// console asked.
func TestConsoleTellsNoStranger(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := mustStart(t, newConfig(dir))
	b := &browser{t: t, r: r}
	right, err := r.administrator(t, dir).Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wrong, unknown := right, right
	wrong.SecretAccessKey = strings.Repeat("a", 40)
	unknown.AccessKeyID = "AKIAIOSFODNN7EXAMPLE"
	_, ofWrong := b.signIn(wrong)
	if _, ofUnknown := b.signIn(unknown); ofWrong != ofUnknown || !strings.Contains(ofWrong, "SignInFailed") {
		t.Errorf("a wrong secret is told as %s, an unknown key as %s", ofWrong, ofUnknown)
	}
	b.signIn(right)
	b.query("ListRoles")
	text := read(t, dir, "events.jsonl")
	// Each sign-in is told as such, and as the question to STS that it is.
	if !strings.Contains(text, `"operation":"ListRoles"`) || strings.Count(text, `"via":"console"`) != 7 || strings.Count(text, `"operation":"ConsoleLogin"`) != 3 ||
		strings.Count(text, `"status":401,"fault":"SignatureMismatch","code":"SignInFailed"`) != 2 {
		t.Errorf("the events are %s", text)
	}
	if strings.Contains(text, right.SecretAccessKey) || strings.Contains(text, wrong.SecretAccessKey) || strings.Contains(r.log.String(), right.SecretAccessKey) {
		t.Error("a secret is in the record or in the log")
	}
}

// A policy for the browser is on every answer, whatever it is.
func TestConsoleHeaders(t *testing.T) {
	t.Parallel()
	_, _, b := startConsole(t)
	for _, path := range []string{"/console/", "/console", "/console/app.js", "/console/none", "/console/api/none", "/console/api/session", "/console/api/s3/", "/console/api/s3/none/%00"} {
		for _, method := range []string{"GET", "POST", "DELETE", "PUT", "OPTIONS"} {
			response, _ := b.ask(method, path, "")
			h := response.Header
			if policy := h.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s is answered %d with the policy %q", method, path, response.StatusCode, policy)
			}
		}
	}
}

// Where the console is switched off, and on the hosts of buckets, its path is a
// bucket's or a key's.
// TestConsolePath: a path is what it is, and not a host and another path.
func TestConsolePath(t *testing.T) {
	t.Parallel()
	_, _, b := startConsole(t, func(c *server.Config) { c.S3 = server.S3{Upstreams: anyUpstream()} })
	if response, text := b.ask(http.MethodGet, "/console/api/s3/", ""); response.StatusCode != http.StatusOK || !strings.Contains(text, "ListAllMyBucketsResult") {
		t.Fatalf("the list of buckets: %d, %s", response.StatusCode, text)
	}
	if response, text := b.ask(http.MethodGet, "/console/api/s3//theirs", ""); response.StatusCode == http.StatusOK || strings.Contains(text, "ListAllMyBucketsResult") {
		t.Errorf("a path of two slashes: %d, %s", response.StatusCode, text)
	}
}

func TestNoConsole(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*server.Config)
		host   string
		here   bool
	}{
		"on":            {func(*server.Config) {}, "", true},
		"off":           {func(c *server.Config) { c.NoConsole = true }, "", false},
		"on a bucket's": {func(c *server.Config) { c.S3 = server.S3{Upstreams: anyUpstream(), Hosts: []string{"s3.localhost"}} }, "pictures.s3.localhost", false},
	} {
		c := newConfig(t.TempDir())
		tt.change(&c)
		r := mustStart(t, c)
		response, text := (&browser{t: t, r: r}).ask("GET", "/console/", "", func(request *http.Request) {
			if tt.host != "" {
				request.Host = tt.host
			}
		})
		if here := response.StatusCode == http.StatusOK && strings.Contains(text, "<html"); here != tt.here {
			t.Errorf("%s: answered %d, %s", name, response.StatusCode, text)
		}
		r.mustStop(t)
	}
}

// anyUpstream is a store that nobody is going to ask.
func anyUpstream() []server.Upstream {
	return []server.Upstream{{Name: "elsewhere", Target: s3upstream.Target{
		Endpoint: "http://127.0.0.1:1", Region: "us-east-1", Credentials: aws.AnonymousCredentials{},
	}}}
}

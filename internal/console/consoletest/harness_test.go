// Package consoletest walks through the console as a person does: in a real
// browser, by the names that its controls have for a screen reader, against the
// real binary.
package consoletest

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/pythontest"

	"github.com/chromedp/chromedp"
)

// patience is how long what must come is waited for; with the race detector's
// other tests on the same two cores a page may take seconds.
const patience = 20 * time.Second

// binary is the daypass under test.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "daypass-console-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system's temporary files
	binary = filepath.Join(dir, "daypass")
	build := exec.Command("go", "build", "-o", binary, "github.com/daypass/daypass/cmd/daypass")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build daypass:", err)
		return 1
	}
	if aws, err := exec.LookPath("aws"); err == nil {
		if direct := pythontest.Program(aws); direct != aws {
			if err := os.Setenv("PATH", filepath.Dir(direct)+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
				panic(err)
			}
		}
	}
	defer func() { closeBrowser() }()
	return m.Run()
}

// lacking skips a test whose tool is not there; where CI is true that fails it.
func lacking(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what + " is missing; scripts/setup.sh installs it")
	}
	t.Skip(what + " is missing")
}

// server is a daypass with an empty account.
type server struct {
	t        testing.TB
	dir      string
	endpoint string // without a slash at its end
	console  string // the address of the console
	id       string // the administrator's access key
	secret   string
	denied   string // the id of a request that was denied, once fill made one
}

// startServer starts a daypass on a loopback port.
func startServer(t testing.TB) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir()}
	s.serve("--listen", "127.0.0.1:0")
	return s
}

// serve starts a daypass in the server's folder, and learns of its administrator.
func (s *server) serve(args ...string) {
	s.t.Helper()
	t := s.t
	// Old CLIs fetch what looks like a URL.
	config := "[default]\nregion = us-east-1\noutput = json\ncli_follow_urlparam = false\n"
	if err := os.WriteFile(filepath.Join(s.dir, "aws-config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start("ready", append([]string{"serve", "--data", "data", "--ready-file", "ready"}, args...)...)
	s.endpoint = s.waitFile("ready")
	s.console = s.endpoint + "/console/"
	for _, line := range strings.Split(s.waitFile("data/credentials"), "\n") {
		name, value, _ := strings.Cut(line, " = ")
		switch name {
		case "aws_access_key_id":
			s.id = value
		case "aws_secret_access_key":
			s.secret = value
		}
	}
	if s.id == "" || s.secret == "" {
		t.Fatal("the server wrote no access key")
	}
}

// startIssuer starts a GitLab with a private certificate authority and is its URL.
func (s *server) startIssuer() string {
	s.start("issuer.log", "issuer", "serve", "--dir", "issuer", "--ready-file", "issuer.url")
	return s.waitFile("issuer.url")
}

func (s *server) start(name string, args ...string) *exec.Cmd {
	s.t.Helper()
	log := &bytes.Buffer{}
	command := exec.CommandContext(s.t.Context(), binary, args...)
	command.Dir, command.Env = s.dir, s.environment()
	command.Stdout, command.Stderr = log, log
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = command.Wait() // ended by the test's context
		if s.t.Failed() {
			s.t.Logf("%s says\n%s", name, log)
		}
	})
	return command
}

func (s *server) waitFile(name string) string {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		if content, err := os.ReadFile(filepath.Join(s.dir, name)); err == nil && len(content) > 0 {
			return strings.TrimSpace(string(content))
		}
		select {
		case <-deadline:
			s.t.Fatalf("there is no %s", name)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// environment is the caller's without any set-up of AWS.
func (s *server) environment(add ...string) []string {
	var env []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") {
			env = append(env, variable)
		}
	}
	env = append(env, "HOME="+s.dir, "AWS_CONFIG_FILE="+filepath.Join(s.dir, "aws-config"), "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
	return append(env, add...)
}

// command runs a program in the server's folder and gives what it prints, both
// streams, and its exit code.
func (s *server) command(env []string, name string, args ...string) (output string, code int) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), name, args...)
	command.Dir, command.Env = s.dir, s.environment(env...)
	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		s.t.Fatal(err)
	}
	return string(out), command.ProcessState.ExitCode()
}

// aws runs the aws CLI as the administrator; it must succeed.
func (s *server) aws(args ...string) string {
	s.t.Helper()
	args = append([]string{"--endpoint-url", s.endpoint}, args...)
	output, code := s.command([]string{"AWS_ACCESS_KEY_ID=" + s.id, "AWS_SECRET_ACCESS_KEY=" + s.secret}, "aws", args...)
	if code != 0 {
		s.t.Fatalf("aws %v: %s", args, output)
	}
	return output
}

// The tests share a browser; each has a profile of its own in it.
var theBrowser = sync.OnceValues(func() (context.Context, error) {
	ctx, _ := chromedp.NewExecAllocator(context.Background(),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		// The provider by which people sign in has a certificate of its own making.
		chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.ExecPath("chromium"))
	ctx, _ = chromedp.NewContext(ctx)
	err := chromedp.Do(ctx)
	if err == nil {
		closeBrowser = func() { _ = chromedp.Cancel(ctx) } // its profile goes with it
	}
	return ctx, err
})

var closeBrowser = func() {}

// options are how a page is opened.
type options struct {
	width, height int64 // 1280 by 900 unless said
	dark          bool
	leaves        string // the host of a provider, to which the browser may go
}

// open opens the console in a new profile. Violations of the pages' security
// policy and errors of their scripts fail the test when it ends.
func (s *server) open(o options) *page {
	s.t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		lacking(s.t, "chromium")
	}
	parent, err := theBrowser()
	if err != nil {
		s.t.Fatal(err)
	}
	if o.width == 0 {
		o.width, o.height = 1280, 900
	}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	s.t.Cleanup(cancel)
	p := &page{t: s.t, ctx: ctx, server: s, leaves: o.leaves}
	p.watch()
	p.emulate(o)
	p.do(chromedp.Navigate(s.console))
	s.t.Cleanup(p.check)
	return p
}

// goTo opens a screen by its route.
func (p *page) goTo(path ...string) {
	p.t.Helper()
	var route strings.Builder
	for _, part := range path {
		name, query, asks := strings.Cut(part, "?")
		route.WriteString("/" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20"))
		if asks {
			route.WriteString("?" + query)
		}
	}
	p.eval(fmt.Sprintf("location.hash = %q", "#"+route.String()))
}

// signIn signs in as the administrator.
func (p *page) signIn() {
	p.t.Helper()
	p.fill("Access key ID", p.server.id)
	p.fill("Secret access key", p.server.secret)
	p.click("button", "Sign in")
	p.heading("Daypass")
}

package client_test

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/client"
)

// odd is a value with everything that shells give a meaning to. Credentials have none
// of it; what an STS of another sends must break out nowhere.
const odd = "a'b\"c$d`e\\f;g&h|i(j)k<l>m*n?o[p]q~r#s!t u''v%w^x"

func oddCredentials() client.Credentials {
	return client.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: odd, SessionToken: "plain/+=", Expiration: newClock().now}
}

// TestPrintToShells has each shell of sh evaluate odd values.
func TestPrintToShells(t *testing.T) {
	t.Parallel()
	text, err := oddCredentials().Print(client.Sh, []string{"AWS_PROFILE"})
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, shell := range [][]string{{"bash"}, {"dash"}, {"zsh"}, {"busybox", "sh"}, {"sh"}} {
		path, err := exec.LookPath(shell[0])
		if err != nil {
			continue // the scripts of cmd/daypass ask for each
		}
		ran++
		command := exec.CommandContext(t.Context(), path, slices.Concat(shell[1:], []string{"-c", `AWS_PROFILE=x; eval "$1"; printf %s "$AWS_SECRET_ACCESS_KEY/${AWS_PROFILE-none}"`, "-", text})...)
		out, err := command.CombinedOutput()
		if err != nil || string(out) != odd+"/none" {
			t.Errorf("%v has %q, %v", shell, out, err)
		}
	}
	if ran == 0 {
		t.Error("there is no shell")
	}
}

// powerShellLine is an assignment of a verbatim string, in which two quotes are one
// (about_Quoting_Rules).
var powerShellLine = regexp.MustCompile(`^\$Env:(\w+) = '((?:[^']|'')*)'$`)

// cmdLine is SET with quotes around the whole, behind which nothing is special but
// quotes, percent signs and exclamation marks.
var cmdLine = regexp.MustCompile(`^set "(\w+)=([^"%!^&|<>]*)"$`)

// TestPrintToWindows reads what is printed for shells that are not here.
func TestPrintToWindows(t *testing.T) {
	t.Parallel()
	c := oddCredentials()
	text, err := c.Print(client.PowerShell, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for line := range strings.Lines(text) {
		m := powerShellLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Fatalf("%q is no assignment", line)
		}
		got[m[1]] = strings.ReplaceAll(m[2], "''", "'")
	}
	if got["AWS_SECRET_ACCESS_KEY"] != odd || got["AWS_SESSION_TOKEN"] != "plain/+=" || len(got) != 4 {
		t.Errorf("PowerShell has %q", got)
	}
	if text, err := c.Print(client.Cmd, nil); err == nil || text != "" {
		t.Errorf("cmd is given %q, which it would change", text)
	}
	c.SecretAccessKey = "plain"
	if text, err = c.Print(client.Cmd, []string{"AWS_PROFILE"}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
	for _, line := range lines {
		if !cmdLine.MatchString(line) {
			t.Errorf("%q is no assignment", line)
		}
	}
	if !slices.Contains(lines, `set "AWS_SECRET_ACCESS_KEY=plain"`) || !slices.Contains(lines, `set "AWS_PROFILE="`) {
		t.Errorf("cmd has %q", lines)
	}
	for format, want := range map[client.Format]string{client.PowerShell: "exit 41\n", client.Cmd: "exit 41\r\n", client.Dotenv: "", client.JSON: ""} {
		if got := client.Abort(format, 41); got != want {
			t.Errorf("%s ends with %q, want %q", format, got, want)
		}
	}
}

// TestPrintRefusesControls: a line break in a value would begin a command.
func TestPrintRefusesControls(t *testing.T) {
	t.Parallel()
	for _, format := range client.Formats[:5] {
		c := oddCredentials()
		c.SessionToken = "a\nrm -rf /"
		if text, err := c.Print(format, nil); err == nil {
			t.Errorf("%s: %q", format, text)
		}
	}
}

// TestEnviron: what a program is given has these credentials and no others.
func TestEnviron(t *testing.T) {
	t.Parallel()
	with, removed := oddCredentials().Environ([]string{"A=1", "AWS_PROFILE=x", "AWS_REGION=old", "AWS_ACCESS_KEY_ID=old", "AWS_WEB_IDENTITY_TOKEN_FILE=f", "AWS_REGION=new", "B=2"})
	want := []string{"A=1", "AWS_REGION=new", "B=2", "AWS_ACCESS_KEY_ID=ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=" + odd, "AWS_SESSION_TOKEN=plain/+=", "AWS_CREDENTIAL_EXPIRATION=2026-11-26T12:00:00Z"}
	if !slices.Equal(with, want) || !slices.Equal(removed, []string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"}) {
		t.Errorf("%q without %q", with, removed)
	}
}

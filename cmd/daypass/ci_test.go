package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestProjectPath(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"https://gitlab.example.com/mygroup/myproject.git":     "mygroup/myproject",
		"https://gitlab.example.com:8443/group/sub/name.git":   "group/sub/name",
		"https://user@gitlab.example.com/mygroup/myproject":    "mygroup/myproject",
		"git@gitlab.example.com:mygroup/myproject.git":         "mygroup/myproject",
		"ssh://git@gitlab.example.com:22/mygroup/myproject":    "mygroup/myproject",
		"git@gitlab.example.com:alone.git":                     "",
		"/srv/git/mygroup/myproject.git":                       "",
		"":                                                     "",
		"https://gitlab.example.com/trailing/slash/myproject/": "trailing/slash/myproject",
	} {
		if got := projectPath(remote); got != want {
			t.Errorf("projectPath(%q) = %q, want %q", remote, got, want)
		}
	}
}

// Which versions read AWS_ENDPOINT_URL: AWS SDKs and Tools Reference Guide,
// "Service-specific endpoints".
func TestReadsEndpointURL(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"aws-cli/2.9.19 Python/3.11.2 Linux/6.1": false,
		"aws-cli/2.12.7 Python/3.11.2":           false,
		"aws-cli/2.13.0 Python/3.11.4\n":         true,
		"aws-cli/1.28.9 Python/3.9":              false,
		"aws-cli/1.45.11 Python/3.11.7":          true,
		"aws-cli/3.0.0 x":                        true,
		"something else":                         false,
		"":                                       false,
	} {
		if got := readsEndpointURL(version); got != want {
			t.Errorf("readsEndpointURL(%q) = %v", version, got)
		}
	}
}

func TestReadRepository(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got := readRepository(context.Background(), dir); got != (repository{}) {
		t.Errorf("no repository gives %+v", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "topic/x"},
		{"remote", "add", "origin", "git@gitlab.example.com:mygroup/myproject.git"},
		{"add", "f"},
		{"-c", "user.name=n", "-c", "user.email=e@example.com", "commit", "-q", "-m", "a message"},
	} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	got := readRepository(context.Background(), dir)
	if got.branch != "topic/x" || got.project != "mygroup/myproject" || got.message != "a message" || len(got.sha) != 40 || got.tag != "" || got.defaultBranch != "" {
		t.Errorf("%+v", got)
	}
	git := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	// A branch is a branch, whatever tags its commit has; a commit without one may
	// be a tag.
	git("tag", "v1")
	git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
	if got := readRepository(context.Background(), dir); got.branch != "topic/x" || got.tag != "" || got.defaultBranch != "trunk" {
		t.Errorf("%+v", got)
	}
	git("checkout", "-q", "--detach")
	facts := jobFlags{source: "push", visibility: "private"}
	tagged, err := facts.jobAt("https://localhost", readRepository(context.Background(), dir), nil)
	if err != nil || tagged.RefType != "tag" || tagged.Ref != "v1" || tagged.Project.DefaultBranch != "trunk" {
		t.Errorf("%+v, %v", tagged, err)
	}
	git("tag", "-d", "v1")
	if j, err := facts.jobAt("https://localhost", readRepository(context.Background(), dir), nil); err == nil || !strings.Contains(err.Error(), "give --branch NAME or --tag NAME") {
		t.Errorf("a commit of no branch: %+v, %v", j, err)
	}
}

// What the demo prints can be copied into a shell.
func TestQuote(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"plain", "--flag=a/b:c,d", "two words", "it's", "", "$(date)", "a\nb", "*"} {
		out, err := exec.Command("sh", "-c", "printf %s "+quote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("quote(%q) = %s, which the shell reads as %q (%v)", word, quote(word), out, err)
		}
	}
}

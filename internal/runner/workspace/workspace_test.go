package workspace_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/runner/workspace"
)

// write makes files by their names; a name that ends in a slash is a directory.
func write(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := dir + "/" + name
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			continue
		}
		if err := os.WriteFile(path, []byte(name+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "init.defaultBranch=main"}, args...)...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// names lists the files of a directory without .git.
func names(t *testing.T, dir string) []string {
	t.Helper()
	all, err := workspace.Names(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range all {
		if !strings.HasPrefix(n, ".git/") {
			out = append(out, n)
		}
	}
	return out
}

// A job sees what is about to be committed, on a detached HEAD, and nothing that
// it does reaches the work tree.
func TestSnapshotOfWorkTree(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	git(t, root, "init", "-q")
	write(t, root, "kept", "changed", "deleted", "sub/run.sh", ".gitignore")
	if err := os.WriteFile(filepath.Join(root, ".gitignore"), []byte("ignored\n*.log\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(root, "sub/run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("kept", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	git(t, root, "add", ".")
	git(t, root, "commit", "-q", "-m", "first")
	git(t, root, "tag", "v1")
	git(t, root, "remote", "add", "origin", "git@gitlab.example.com:g/p.git")
	write(t, root, "ignored", "sub/a.log", "new file")
	if err := os.WriteFile(filepath.Join(root, "changed"), []byte("now\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "deleted")); err != nil {
		t.Fatal(err)
	}

	if top, inGit := workspace.Root(t.Context(), filepath.Join(root, "sub")); !inGit || filepath.Base(top) != filepath.Base(root) {
		t.Errorf("Root: %s, %v", top, inGit)
	}
	s, err := workspace.Take(t.Context(), root, filepath.Join(t.TempDir(), "s"), "https://gitlab.internal/g/p.git")
	if err != nil {
		t.Fatal(err)
	}
	if !s.Git || s.Files != 6 || s.Changed != 3 || s.Commit != git(t, root, "rev-parse", "HEAD") {
		t.Errorf("snapshot %+v", s)
	}
	// Later edits are not seen.
	write(t, root, "later")
	job := filepath.Join(t.TempDir(), "job")
	if err := s.Checkout(job, false); err != nil {
		t.Fatal(err)
	}
	want := []string{".gitignore", "changed", "kept", "link", "new file", "sub/run.sh"}
	if diff := cmp.Diff(want, names(t, job)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(filepath.Join(job, "sub/run.sh")); err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("mode of run.sh: %v, %v", info, err)
	}
	if target, err := os.Readlink(filepath.Join(job, "link")); err != nil || target != "kept" {
		t.Errorf("link: %q, %v", target, err)
	}
	if diff := cmp.Diff("M changed\n D deleted\n?? \"new file\"", git(t, job, "status", "--porcelain")); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if got := git(t, job, "rev-parse", "--abbrev-ref", "HEAD"); got != "HEAD" {
		t.Errorf("on branch %s, want none", got)
	}
	if got := git(t, job, "remote", "get-url", "origin"); got != "https://gitlab.internal/g/p.git" {
		t.Errorf("origin %s", got)
	}
	if got := git(t, job, "describe", "--tags"); got != "v1" {
		t.Errorf("describe: %s", got)
	}
	write(t, job, "kept", "made")
	git(t, job, "add", ".")
	git(t, job, "commit", "-q", "-m", "of the job")
	if got := git(t, root, "log", "--format=%s"); got != "first" {
		t.Errorf("the job's commit reached the work tree: %s", got)
	}
}

func TestSnapshotBeforeTheFirstCommit(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	git(t, root, "init", "-q")
	write(t, root, "a")
	s, err := workspace.Take(t.Context(), root, filepath.Join(t.TempDir(), "s"), "https://x.internal/g/p.git")
	if err != nil || !s.Git || s.Commit != "" || s.Files != 1 {
		t.Errorf("snapshot %+v, %v", s, err)
	}
}

func TestSnapshotWithoutGit(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, root, "a", "b/c")
	s, err := workspace.Take(t.Context(), root, filepath.Join(t.TempDir(), "s"), "")
	if err != nil || s.Git || s.Files != 2 {
		t.Fatalf("snapshot %+v, %v", s, err)
	}
	job := filepath.Join(t.TempDir(), "job")
	if err := s.Checkout(job, true); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b/c"}, names(t, job)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for name, want := range map[string]fs.FileMode{"a": 0o666, "b": 0o777} {
		if info, err := os.Stat(filepath.Join(job, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %o", name, info.Mode(), err, want)
		}
	}
	huge := t.TempDir()
	f, err := os.Create(filepath.Join(huge, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(3<<30), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := workspace.Take(t.Context(), huge, filepath.Join(t.TempDir(), "s"), ""); !errors.Is(err, workspace.ErrTooLarge) {
		t.Errorf("3 GiB without git: %v, want ErrTooLarge", err)
	}
}

// A temporary directory inside of the project does not become part of its copy.
func TestSnapshotInsideOfTheProject(t *testing.T) {
	t.Parallel()
	for _, inGit := range []bool{true, false} {
		root := t.TempDir()
		if inGit {
			git(t, root, "init", "-q")
		}
		write(t, root, "a", "tmp/run/old", "tmp/other")
		s, err := workspace.Take(t.Context(), root, filepath.Join(root, "tmp/run/s"), "")
		if err != nil || s.Git != inGit {
			t.Fatalf("snapshot %+v, %v", s, err)
		}
		if diff := cmp.Diff([]string{"a", "tmp/other"}, names(t, s.Dir)); diff != "" {
			t.Errorf("in git %v, files (-want +got):\n%s", inGit, diff)
		}
	}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		artifacts workspace.Artifacts
		want      []string
		found     []int
		excluded  int
	}{
		"a directory":         {workspace.Artifacts{Paths: []string{"dist/"}}, []string{"dist/.hidden", "dist/a.js", "dist/sub/b.js", "dist/sub/b.map"}, []int{6}, 0},
		"a file":              {workspace.Artifacts{Paths: []string{"top.txt"}}, []string{"top.txt"}, []int{1}, 0},
		"star":                {workspace.Artifacts{Paths: []string{"*.txt"}}, []string{"top.txt"}, []int{1}, 0},
		"two stars":           {workspace.Artifacts{Paths: []string{"**/*.js"}}, []string{"dist/a.js", "dist/sub/b.js"}, []int{2}, 0},
		"braces":              {workspace.Artifacts{Paths: []string{"dist/{a.js,sub/*.map}"}}, []string{"dist/a.js", "dist/sub/b.map"}, []int{2}, 0},
		"exclude":             {workspace.Artifacts{Paths: []string{"dist"}, Exclude: []string{"dist/**/*.map"}}, []string{"dist/.hidden", "dist/a.js", "dist/sub/b.js"}, []int{5}, 1},
		"exclude a directory": {workspace.Artifacts{Paths: []string{"dist"}, Exclude: []string{"dist/sub"}}, []string{"dist/.hidden", "dist/a.js", "dist/sub/b.js", "dist/sub/b.map"}, []int{5}, 1},
		"nothing":             {workspace.Artifacts{Paths: []string{"none", "x/*"}}, nil, []int{0, 0}, 0},
		"outside":             {workspace.Artifacts{Paths: []string{"../other", "/etc/passwd"}}, nil, []int{0, 0}, 0},
		"untracked":           {workspace.Artifacts{Untracked: true, Exclude: []string{"dist/**"}}, []string{"note.log"}, []int{1}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, store := t.TempDir(), filepath.Join(t.TempDir(), "store")
			git(t, dir, "init", "-q")
			write(t, dir, "top.txt")
			git(t, dir, "add", ".")
			write(t, dir, "dist/a.js", "dist/.hidden", "dist/sub/b.js", "dist/sub/b.map", "note.log")
			found, excluded, err := workspace.Collect(t.Context(), dir, store, c.artifacts)
			if err != nil {
				t.Fatal(err)
			}
			var counts []int
			for _, f := range found {
				counts = append(counts, f.Files)
				if f.Outside != (name == "outside") {
					t.Errorf("%s outside: %v", f.Pattern, f.Outside)
				}
			}
			sum := 0
			for _, n := range excluded {
				sum += n
			}
			if diff := cmp.Diff(c.found, counts); diff != "" || sum != c.excluded {
				t.Errorf("%d excluded, found (-want +got):\n%s", sum, diff)
			}
			if diff := cmp.Diff(c.want, names(t, store)); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
			into := t.TempDir()
			if err := workspace.Extract(store, into); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, names(t, into)); diff != "" {
				t.Errorf("extracted (-want +got):\n%s", diff)
			}
		})
	}
}

// A link is kept as one, and what a job finds in its place is put aside.
func TestExtractOverWhatIsThere(t *testing.T) {
	t.Parallel()
	dir, store, into := t.TempDir(), filepath.Join(t.TempDir(), "store"), t.TempDir()
	write(t, dir, "out/a")
	if err := os.Symlink("a", filepath.Join(dir, "out/link")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := workspace.Collect(context.Background(), dir, store, workspace.Artifacts{Paths: []string{"out"}}); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, into, "out/")
	if err := os.Symlink(outside, filepath.Join(into, "out/a")); err != nil {
		t.Fatal(err)
	}
	if err := workspace.Extract(store, into); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != "mine\n" {
		t.Errorf("a file outside was written: %q, %v", text, err)
	}
	if target, err := os.Readlink(filepath.Join(into, "out/link")); err != nil || target != "a" {
		t.Errorf("link: %q, %v", target, err)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"a", "a", true},
		{"a", "a/b", false},
		{"*", ".hidden", true},
		{"*", "a/b", false},
		{"**", "a/b/c", true},
		{"a/**", "a", true},
		{"a/**", "a/b/c", true},
		{"a/**/c", "a/c", true},
		{"a/**/c", "a/b/b/c", true},
		{"a/**/c", "a/b/d", false},
		{"**/*.go", "x.go", true},
		{"a**", "a/b", false},
		{"[!a]b", "cb", true},
		{"[!a]b", "ab", false},
		{"{a,b/{c,d}}.x", "b/d.x", true},
		{"{a,b/{c,d}}.x", "b.x", false},
		{`\*`, "*", true},
		{`\*`, "a", false},
		{"[", "[", false},
		{"{a", "{a", true},
	} {
		if got := workspace.Match(c.pattern, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}

// A path without special characters matches itself, and ** in any place of it too.
func TestMatchProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.StringMatching(`[a-z.]{1,4}`), 1, 6).Draw(t, "parts")
		name := strings.Join(parts, "/")
		i := rapid.IntRange(0, len(parts)).Draw(t, "i")
		j := rapid.IntRange(i, len(parts)).Draw(t, "j")
		with := append(append(append([]string(nil), parts[:i]...), "**"), parts[j:]...)
		if !workspace.Match(name, name) || !workspace.Match(strings.Join(with, "/"), name) {
			t.Fatalf("%s does not match %s", with, name)
		}
		if workspace.Match(name+"/x", name) || workspace.Match(strings.Join(parts[1:], "/"), name) {
			t.Fatalf("a part of %s matches it", name)
		}
	})
}

func TestParseDotenv(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]workspace.Pair{
		"":                                  nil,
		"A=1\nB_2= two words \r\n":          {{"A", "1"}, {"B_2", "two words"}},
		"A='quoted # value'\nA=\"again\"\n": {{"A", `"again"`}},
		"URL=https://x/?a=b\nEMPTY=":        {{"URL", "https://x/?a=b"}, {"EMPTY", ""}},
		" SPACED = x":                       {{"SPACED", "x"}},
	} {
		if got, err := workspace.ParseDotenv([]byte(text)); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%q gives %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"A=1\n\nB=2\n":                "line 2 is not NAME=VALUE",
		"# comment\n":                 "line 1 is not NAME=VALUE",
		"export A=1\n":                "key can contain only",
		"=x":                          "key can contain only",
		"A=\xff":                      "not UTF-8",
		strings.Repeat("A=1\n", 1281): "too big",
	} {
		if got, err := workspace.ParseDotenv([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q gives %v, %v, want %s", text, got, err, want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a/**/{b,c}[x]", "a/b")
	f.Add(strings.Repeat("**/", 30), strings.Repeat("a/", 60))
	f.Add(strings.Repeat("{a,b}", 30), "ab")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 200 || len(name) > 200 {
			return
		}
		workspace.Match(pattern, name)
		if !strings.ContainsAny(pattern, `*?[\{`) && workspace.Match(pattern, name) != (pattern == name) {
			t.Errorf("Match(%q, %q) is not whether they are equal", pattern, name)
		}
	})
}

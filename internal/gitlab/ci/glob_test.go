package ci

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestGlobs: as Ruby's File.fnmatch says, with the flags that GitLab gives it.
func TestGlobs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		glob, path string
		want       bool
	}{
		{"a", "a", true},
		{"a", "b/a", false},
		{"a", "a/b", false},
		{"*", "a", true},
		{"*", ".a", true},
		{"*", "a/b", false},
		{"*.md", "README.md", true},
		{"*.md", "docs/x.md", false},
		{"docs/*", "docs/x.md", true},
		{"docs/*", "docs/a/x.md", false},
		{"docs/**/*", "docs/x.md", true},
		{"docs/**/*", "docs/a/b/x.md", true},
		{"docs/**/*", "docs", false},
		{"docs/**", "docs/x.md", true},
		{"docs/**", "docs/a/x.md", false}, // ** without a slash is *
		{"**/*.go", "a.go", true},
		{"**/*.go", "a/b/c.go", true},
		{"**/*.go", ".hidden/c.go", true},
		{"a**/b", "axx/b", true},
		{"a**/b", "a/x/b", false},
		{"**/a/**/b", "x/a/y/z/b", true},
		{"**/a/**/b", "a/b", true},
		{"?", "a", true},
		{"?", "/", false},
		{"a?c", "a/c", false},
		{"[a-c]x", "bx", true},
		{"[^a-c]x", "bx", false},
		{"[!a-c]x", "dx", true},
		{"a[^b]c", "a/c", false},
		{"[]", "[]", false},
		{"[a", "[a", false}, // not closed
		{"[^]x", "ax", true},
		{"*.{js,ts}", "a.ts", true},
		{"*.{js,ts}", "a.rb", false},
		{"{a,b/{c,d}}/*", "b/d/x", true},
		{"{a,b", "{a,b", true},
		{"a}", "a}", true},
		{"{**/a,b}", "x/y/a", true},
		{`\*`, "*", true},
		{`\*`, "a", false},
		{`a\{b`, "a{b", true},
		{"a.b", "axb", false},
		{"a+(b)", "a+(b)", true},
		{"[a+.^]x", "^x", true},
		{`[a\]]x`, "]x", true},
		{`[a\-c]x`, "bx", false},
		{"ä*/ö?", "äx/öü", true},
		{"", "", true},
		{"", "a", false},
		{"[z-a]", "b", false},
	} {
		if got := compileGlob(c.glob).match(c.path); got != c.want {
			t.Errorf("%q on %q: %v", c.glob, c.path, got)
		}
	}
}

// TestGlobsAgree compares with a matcher that tries everything.
func TestGlobsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		glob := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "/", "*", "?", "**/", "."}), 0, 8).Draw(t, "glob"), "")
		path := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "/", "."}), 0, 8).Draw(t, "path"), "")
		if got, want := compileGlob(glob).match(path), tryAll(glob, path, true); got != want && !strings.Contains(path, "//") && !strings.HasPrefix(path, "/") {
			t.Fatalf("%q on %q: %v", glob, path, got)
		}
	})
}

// tryAll matches by backtracking. Begin says that a part of the path begins.
func tryAll(glob, path string, begin bool) bool {
	switch {
	case begin && strings.HasPrefix(glob, "**/"):
		if tryAll(glob[3:], path, true) {
			return true
		}
		i := strings.IndexByte(path, '/')
		return i > 0 && tryAll(glob, path[i+1:], true)
	case glob == "":
		return path == ""
	case glob[0] == '*':
		for i := 0; ; i++ {
			if tryAll(glob[1:], path[i:], false) {
				return true
			}
			if i == len(path) || path[i] == '/' {
				return false
			}
		}
	case path == "":
		return false
	case glob[0] == '?' && path[0] != '/' || glob[0] == path[0]:
		return tryAll(glob[1:], path[1:], path[0] == '/')
	}
	return false
}

// TestGlobBombs: no pattern takes long on any path.
func TestGlobBombs(t *testing.T) {
	t.Parallel()
	done := make(chan bool)
	go func() {
		path := strings.Repeat("a/", 500) + strings.Repeat("a", 500)
		for _, glob := range []string{
			strings.Repeat("**/", 300) + "b", strings.Repeat("*a", 300) + "b", strings.Repeat("{a,", 300) + "b" + strings.Repeat("}", 300),
			strings.Repeat("{a,b}", 300), strings.Repeat("[", 3000), strings.Repeat("x", 5000) + "*",
		} {
			if compileGlob(glob).match(path) {
				t.Errorf("%.20q… matches", glob)
			}
		}
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("a pattern takes more than a minute")
	}
}

package workspace_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/runner/workspace"
)

func TestCache(t *testing.T) {
	t.Parallel()
	dir, kept := t.TempDir(), t.TempDir()
	write(t, dir, "vendor/a/one", "vendor/empty/", "vendor/.hidden", "other")
	if err := os.Symlink("a/one", filepath.Join(dir, "vendor/link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "vendor/a/one"), 0o555); err != nil {
		t.Fatal(err)
	}
	file := workspace.CacheFile(kept, "../feature/x")
	if filepath.Dir(file) != kept {
		t.Errorf("a key leads to %s", file)
	}
	if long := workspace.CacheFile(kept, strings.Repeat("/", 300)); len(filepath.Base(long)) > 255 {
		t.Errorf("the name %s is too long", long)
	}
	found, err := workspace.SaveCache(t.Context(), dir, file, workspace.Artifacts{Paths: []string{"vendor/", "none", "../x"}})
	if err != nil || len(found) != 3 || found[0].Files != 6 || found[1].Files != 0 || !found[2].Outside {
		t.Fatalf("SaveCache: %+v, %v", found, err)
	}
	to := t.TempDir()
	write(t, to, "vendor/a/one", "vendor/stays")
	if err := workspace.RestoreCache(file, to); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, to), []string{"vendor/.hidden", "vendor/a/one", "vendor/link", "vendor/stays"}; !slices.Equal(got, want) {
		t.Errorf("restored %q, want %q", got, want)
	}
	info, err := os.Stat(filepath.Join(to, "vendor/link"))
	if err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("the link's file: %v, %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(to, "vendor/empty")); err != nil {
		t.Error(err)
	}
	// Nothing that matches is no cache, and does not replace the one there is.
	if _, err := workspace.SaveCache(t.Context(), dir, file, workspace.Artifacts{Paths: []string{"none"}}); err != nil {
		t.Fatal(err)
	}
	if err := workspace.RestoreCache(file, t.TempDir()); err != nil {
		t.Error(err)
	}
	if err := workspace.RestoreCache(workspace.CacheFile(kept, "other"), to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing cache: %v", err)
	}
	if left, err := os.ReadDir(kept); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := os.WriteFile(file, []byte("no archive"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := workspace.RestoreCache(file, to); err == nil {
		t.Error("a damaged cache is taken")
	}
}

// What a cache holds stays in the directory, also where a link there leads out.
func TestCacheStaysInside(t *testing.T) {
	t.Parallel()
	dir, outside, to := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, dir, "d/file")
	file := filepath.Join(t.TempDir(), "c")
	if _, err := workspace.SaveCache(t.Context(), dir, file, workspace.Artifacts{Paths: []string{"d"}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(to, "d")); err != nil {
		t.Fatal(err)
	}
	err := workspace.RestoreCache(file, to)
	if left, _ := os.ReadDir(outside); err == nil || len(left) > 0 {
		t.Errorf("RestoreCache: %v, wrote %v", err, left)
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	git(t, root, "init", "-q")
	write(t, root, "lock", "other")
	git(t, root, "add", ".")
	git(t, root, "commit", "-q", "-m", "one")
	take := func() *workspace.Snapshot {
		s, err := workspace.Take(t.Context(), root, filepath.Join(t.TempDir(), "s"), "")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	of := func(s *workspace.Snapshot, commits bool, paths ...string) string {
		got, err := s.Fingerprint(t.Context(), paths, commits)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := take()
	if of(first, false, "none", "../x") != "" || of(first, true, "none") != "" {
		t.Error("files that are not there have a fingerprint")
	}
	if got := of(first, false, "lock", "other"); len(got) != 40 || got != of(first, false, "other", "lock") {
		t.Errorf("fingerprint %q depends on the order", got)
	}
	// A change that is not committed counts for the content alone.
	if err := os.WriteFile(filepath.Join(root, "lock"), []byte("changed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := take()
	if of(first, false, "lock") == of(second, false, "lock") || of(first, true, "lock") != of(second, true, "lock") {
		t.Error("the content is changed, and the commit is not")
	}
	git(t, root, "commit", "-q", "-a", "-m", "two")
	if third := take(); of(first, true, "lock") == of(third, true, "lock") || of(first, true, "other") != of(third, true, "other") {
		t.Error("lock has another commit, and other has not")
	}
}

// Where the globs of artifacts and those of rules:changes part; see Match.
func TestMatchIsNoFnmatch(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"dir", "dir/a", "dir/a/b"} {
		if !workspace.Match("dir/**", name) {
			t.Errorf("dir/** does not match %s", name)
		}
	}
}

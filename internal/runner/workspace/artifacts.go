package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Artifacts say which files of a job's directory are kept. Paths and Exclude are
// globs, with variables expanded.
type Artifacts struct {
	Paths, Exclude []string
	Untracked      bool
}

// Found is what one of the paths gave.
type Found struct {
	// Pattern is the path as it was asked for, "untracked" for the untracked
	// files.
	Pattern string
	// Files counts files and directories, as GitLab Runner does.
	Files int
	// Outside says that the path leads out of the project's directory, where
	// nothing is looked for.
	Outside bool
}

// Collect copies what the artifacts name from dir to store. It returns one Found
// for each path, and how many files each of the exclusions left out.
func Collect(ctx context.Context, dir, store string, a Artifacts) (found []Found, excluded map[string]int, err error) {
	c, found, err := gather(ctx, dir, a)
	if err != nil {
		return nil, nil, err
	}
	for name := range c.kept {
		if _, err := copyEntry(filepath.Join(dir, filepath.FromSlash(name)), filepath.Join(store, filepath.FromSlash(name))); err != nil {
			return nil, nil, fmt.Errorf("workspace: keep the artifact %s: %w", name, err)
		}
	}
	return found, c.excluded, nil
}

// gather looks for what artifacts, or a cache, name.
func gather(ctx context.Context, dir string, a Artifacts) (*collector, []Found, error) {
	c := &collector{dir: dir, kept: map[string]bool{}, excluded: map[string]int{}}
	for _, p := range a.Exclude {
		if relative, ok := c.inProject(p); ok {
			c.exclude = append(c.exclude, relative)
		}
	}
	var found []Found
	for _, p := range a.Paths {
		f, err := c.path(p)
		if err != nil {
			return nil, nil, err
		}
		found = append(found, f)
	}
	if a.Untracked {
		n, err := c.untracked(ctx)
		if err != nil {
			return nil, nil, err
		}
		found = append(found, Found{Pattern: "untracked", Files: n})
	}
	return c, found, nil
}

// Extract copies what Collect stored into a directory, over what is there.
func Extract(store, dir string) error {
	if _, err := os.Stat(store); errors.Is(err, fs.ErrNotExist) {
		return nil // a job that kept nothing
	}
	return copyTree(store, dir)
}

// collector gathers names, relative to dir and with slashes.
type collector struct {
	dir      string
	exclude  []string
	kept     map[string]bool
	excluded map[string]int
}

// inProject makes a path relative to the project, and is false for one outside.
func (c *collector) inProject(p string) (string, bool) {
	p = filepath.ToSlash(p)
	if path.IsAbs(p) {
		relative, err := filepath.Rel(c.dir, p)
		if err != nil {
			return "", false
		}
		p = filepath.ToSlash(relative)
	}
	p = path.Clean(p)
	return p, p != ".." && !strings.HasPrefix(p, "../")
}

// path keeps what matches, and all that is below.
func (c *collector) path(p string) (Found, error) {
	f := Found{Pattern: p}
	pattern, ok := c.inProject(p)
	if !ok {
		f.Outside = true
		return f, nil
	}
	err := c.walk(literalBase(pattern), func(name string) bool { return Match(pattern, name) }, &f.Files)
	return f, err
}

// literalBase is the part of a pattern before its first special character: the
// directory from which to look.
func literalBase(pattern string) string {
	i := strings.IndexAny(pattern, `*?[{\`)
	if i < 0 {
		return pattern
	}
	if i = strings.LastIndexByte(pattern[:i], '/'); i < 0 {
		return "."
	}
	return pattern[:i]
}

// walk looks below base, and counts what is kept. Symbolic links are kept and
// not followed.
func (c *collector) walk(base string, matches func(string) bool, count *int) error {
	var below string // a directory that matched: all in it is kept
	err := filepath.WalkDir(filepath.Join(c.dir, filepath.FromSlash(base)), func(full string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(c.dir, full)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(relative)
		inside := below != "" && (below == "." || strings.HasPrefix(name, below+"/"))
		if !inside && !matches(name) {
			return nil
		}
		if !inside && d.IsDir() {
			below = name
		}
		if name != "." && c.keep(name) {
			*count++
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("workspace: look for artifacts: %w", err)
	}
	return nil
}

// keep adds a name, unless it is excluded.
func (c *collector) keep(name string) bool {
	for _, pattern := range c.exclude {
		if Match(pattern, name) {
			c.excluded[pattern]++
			return false
		}
	}
	c.kept[name] = true
	return true
}

// untracked keeps what git does not track, ignored files included.
func (c *collector) untracked(ctx context.Context) (int, error) {
	list, err := git(ctx, c.dir, "ls-files", "-z", "--others")
	if err != nil {
		return 0, err
	}
	count := 0
	for name := range strings.SplitSeq(list, "\x00") {
		if name != "" && c.keep(strings.TrimSuffix(name, "/")) {
			count++
		}
	}
	return count, nil
}

// Names lists what a store holds, in order.
func Names(store string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(store, func(full string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, err := filepath.Rel(store, full)
		names = append(names, filepath.ToSlash(relative))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	slices.Sort(names)
	return names, err
}

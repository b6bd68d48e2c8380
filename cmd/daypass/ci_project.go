package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner/workspace"
)

// project is the directory that a pipeline is of. It answers for rules:changes
// and rules:exists as the work tree lies there, which is what jobs see as well.
type project struct {
	ctx    context.Context //nolint:containedctx // ci.Repository asks without one; the run's own is the one that ends git
	root   string
	config string // path of the pipeline's file, from root, with slashes
	inGit  bool
	target string // branch that a merge request goes to, or ""
	tag    bool
}

var _ ci.Repository = (*project)(nil)

// findProject finds the root of the project that a pipeline's file is in.
func findProject(ctx context.Context, file, root string) (project, error) {
	p := project{ctx: ctx}
	path, err := filepath.Abs(file)
	if err != nil {
		return p, err
	}
	if p.root, p.inGit = workspace.Root(ctx, filepath.Dir(path)); root != "" {
		if p.root, err = filepath.Abs(root); err != nil {
			return p, err
		}
		if info, err := os.Stat(p.root); err != nil || !info.IsDir() {
			return p, usageError{fmt.Errorf("--root %s is no directory", root)}
		}
		top, inGit := workspace.Root(ctx, p.root)
		p.inGit = inGit && sameFile(top, p.root)
	}
	// The file may stand behind a link, and git names the root without one.
	for _, from := range []string{path, realPath(path)} {
		relative, err := filepath.Rel(realPath(p.root), from)
		if err == nil && !strings.HasPrefix(relative, "..") {
			p.config = filepath.ToSlash(relative)
			return p, nil
		}
	}
	p.config = filepath.Base(path) // a pipeline from elsewhere
	return p, nil
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	second, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(first, second)
}

func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// Files lists what git tracks or would add, or everything where there is no git.
func (p *project) Files() ([]string, error) {
	if p.inGit {
		return p.list("ls-files", "-z", "--cached", "--others", "--exclude-standard")
	}
	return workspace.Names(p.root)
}

// Changed lists what differs between the work tree and: what compareTo, or the
// target branch of the merge request, had in common with it; or, for a push, what
// was pushed last of this branch. A tag, and a branch that nobody pushed, have
// nothing to be compared with.
func (p *project) Changed(compareTo string) (paths []string, known bool, err error) {
	if !p.inGit || p.tag && compareTo == "" {
		return nil, false, nil
	}
	var base string
	switch {
	case compareTo != "":
		if base = p.mergeBase(compareTo, "origin/"+compareTo); base == "" {
			return nil, false, fmt.Errorf("git knows no %q to compare with", compareTo)
		}
	case p.target != "":
		base = p.mergeBase("origin/"+p.target, p.target)
	default:
		base = p.mergeBase("@{upstream}")
	}
	if base == "" {
		return nil, false, nil
	}
	changed, err := p.list("diff", "-z", "--name-only", "--no-renames", base, "--")
	if err != nil {
		return nil, false, err
	}
	added, err := p.list("ls-files", "-z", "--others", "--exclude-standard")
	if err != nil {
		return nil, false, err
	}
	paths = slices.Concat(changed, added)
	slices.Sort(paths)
	return slices.Compact(paths), true, nil
}

// mergeBase is the commit that HEAD has in common with the first of refs that
// there is.
func (p *project) mergeBase(refs ...string) string {
	for _, ref := range refs {
		if strings.HasPrefix(ref, "-") {
			continue
		}
		if out, err := gitOutput(p.ctx, p.root, "merge-base", ref, "HEAD"); err == nil {
			return strings.TrimSpace(out)
		}
	}
	return ""
}

// list is what git prints, one path after the other.
func (p *project) list(args ...string) ([]string, error) {
	out, err := gitOutput(p.ctx, p.root, args...)
	if err != nil {
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return slices.DeleteFunc(strings.Split(out, "\x00"), func(s string) bool { return s == "" }), nil
}

// ReadFile reads a file of the project, and of nowhere else.
func (p *project) ReadFile(path string) ([]byte, error) {
	root, err := os.OpenRoot(p.root)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // only read
	name := strings.TrimPrefix(path, "/")
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return root.ReadFile(filepath.FromSlash(name))
}

package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Limits of a directory that is no git work tree. It is copied whole, and a home
// directory by mistake should not be.
const (
	maxFiles = 50_000
	maxBytes = 2 << 30
)

// depth is how many commits a job's clone has: GitLab's default of GIT_DEPTH.
const depth = 20

// ErrTooLarge says that a directory without git is too large to be copied.
var ErrTooLarge = errors.New("workspace: too large to copy")

// Snapshot is a copy of a project's files.
type Snapshot struct {
	// Dir holds the copy.
	Dir string
	// Git says that the files are those of a git work tree; Commit is what is
	// checked out there, empty before the first commit.
	Git    bool
	Commit string
	// Files counts what was copied, Changed the files among them that differ
	// from the commit, as git status has it.
	Files, Changed int

	root string // what was copied
}

// Root is the top of the git work tree that dir is in, or dir itself where it is
// in none or this machine has no git.
func Root(ctx context.Context, dir string) (root string, inGit bool) {
	out, err := git(ctx, dir, "rev-parse", "--show-toplevel")
	if err != nil || out == "" {
		return dir, false
	}
	return out, true
}

// Take copies the project in root to dst, which must not exist. Remote, if it is
// not empty, is the URL that the copy has as its origin, which is then not the
// caller's own.
func Take(ctx context.Context, root, dst, remote string) (*Snapshot, error) {
	s := &Snapshot{Dir: dst, root: root}
	top, inGit := Root(ctx, root)
	if s.Git = inGit && sameDirectory(top, root); !s.Git {
		return s, s.takeAll(root)
	}
	if err := s.takeGit(ctx, root, remote); err != nil {
		return nil, err
	}
	return s, nil
}

func sameDirectory(a, b string) bool {
	first, err := os.Stat(a)
	second, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(first, second)
}

// takeGit clones the history and copies the files beside it.
func (s *Snapshot) takeGit(ctx context.Context, root, remote string) error {
	commit, err := git(ctx, root, "rev-parse", "--verify", "--quiet", "HEAD")
	if err == nil {
		s.Commit = commit
		// Not local: a clone that shared its objects would be broken in a
		// container, which does not see them.
		_, err = git(ctx, "", "clone", "--quiet", "--no-local", "--depth", fmt.Sprint(depth), "--no-checkout", "--template=", "--", root, s.Dir)
	} else {
		_, err = git(ctx, "", "init", "--quiet", "--template=", "--", s.Dir)
	}
	if err != nil {
		return err
	}
	list, err := git(ctx, root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	names := strings.Split(strings.TrimSuffix(list, "\x00"), "\x00")
	slices.Sort(names)
	own := ownDirectory(root, s.Dir)
	for _, name := range slices.Compact(names) {
		if name == "" || own != "" && strings.HasPrefix(name, own+"/") {
			continue
		}
		copied, err := copyEntry(filepath.Join(root, filepath.FromSlash(name)), filepath.Join(s.Dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if copied {
			s.Files++
		}
	}
	return s.detach(ctx, remote)
}

// detach leaves HEAD as GitLab Runner does: at a commit and on no branch.
func (s *Snapshot) detach(ctx context.Context, remote string) error {
	if s.Commit != "" {
		if err := os.WriteFile(filepath.Join(s.Dir, ".git", "HEAD"), []byte(s.Commit+"\n"), 0o644); err != nil { //nolint:gosec // git's own mode
			return fmt.Errorf("workspace: %w", err)
		}
		if _, err := git(ctx, s.Dir, "read-tree", "HEAD"); err != nil {
			return err
		}
		if remote != "" {
			if _, err := git(ctx, s.Dir, "config", "remote.origin.url", remote); err != nil {
				return err
			}
		}
	}
	status, err := git(ctx, s.Dir, "status", "--porcelain", "-z", "--no-renames")
	if err != nil {
		return err
	}
	s.Changed = strings.Count(status, "\x00")
	return nil
}

// takeAll copies a directory without git. What vanishes meanwhile was not to stay.
func (s *Snapshot) takeAll(root string) error {
	var size int64
	own := ownDirectory(root, s.Dir)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if own != "" && filepath.ToSlash(relative) == own {
			return fs.SkipDir
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		if s.Files > maxFiles || size > maxBytes {
			return fmt.Errorf("%w: %s is no git work tree and holds more than %d files or %d GiB", ErrTooLarge, root, maxFiles, maxBytes>>30)
		}
		copied, err := copyEntry(path, filepath.Join(s.Dir, relative))
		if copied && !d.IsDir() {
			s.Files++
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("workspace: copy %s: %w", root, err)
	}
	return nil
}

// ownDirectory is where in root the directory of the snapshot itself is, as with
// a TMPDIR inside of the project; "" where it is elsewhere. A copy must not hold
// itself.
func ownDirectory(root, dst string) string {
	from, err := filepath.EvalSymlinks(root)
	to, err2 := filepath.EvalSymlinks(filepath.Dir(dst))
	if err != nil || err2 != nil {
		return ""
	}
	relative, err := filepath.Rel(from, to)
	if err != nil || relative == "." || relative == ".." || strings.HasPrefix(relative, "../") {
		return ""
	}
	return filepath.ToSlash(relative)
}

// Checkout copies the snapshot to dst, which must be empty or missing. With open,
// everyone may read and write there: the user of a container is another one, as
// with GitLab Runner's umask of 0000. Dst should then be in a directory that is
// closed.
func (s *Snapshot) Checkout(dst string, open bool) error {
	if err := copyTree(s.Dir, dst); err != nil {
		return err
	}
	if !open {
		return nil
	}
	return OpenToAll(dst)
}

// OpenToAll lets everyone into a directory and what is in it, to read and to write, as
// GitLab Runner's umask of 0000 does; what can be run stays so. Links are left
// alone. It is for directories below one that is closed. An error is the file
// system's, and some of it may be open then.
func OpenToAll(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // nothing is written through it
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o666
		if d.IsDir() || mode&0o111 != 0 {
			mode |= 0o111
		}
		return root.Chmod(path, mode)
	})
	if err != nil {
		return fmt.Errorf("workspace: open %s: %w", dir, err)
	}
	return nil
}

// copyTree copies a directory into another.
func copyTree(from, to string) error {
	err := filepath.WalkDir(from, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		_, err = copyEntry(path, filepath.Join(to, relative))
		return err
	})
	if err != nil {
		return fmt.Errorf("workspace: copy %s: %w", from, err)
	}
	return nil
}

// copyEntry copies a file or a symbolic link, and makes a directory. It is false
// for what is gone or is neither, such as a socket.
func copyEntry(from, to string) (copied bool, err error) {
	info, err := os.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // deleted, and still in git's index
	}
	if err != nil {
		return false, err
	}
	if info.IsDir() {
		return true, os.MkdirAll(to, info.Mode().Perm()|0o700)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // as git makes them
		return false, err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return false, err
		}
		if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		return true, os.Symlink(target, to)
	case info.Mode().IsRegular():
		return true, copyFile(from, to, info.Mode().Perm())
	}
	return false, nil
}

// copyFile copies one file. The system shares the blocks where it can.
func copyFile(from, to string, mode fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	// What a job or an artifact left there may be read-only, or a link to elsewhere.
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if mode&0o200 == 0 {
		err = errors.Join(err, out.Chmod(mode))
	}
	return errors.Join(err, out.Close())
}

// git runs git in a directory, and returns what it printed without the last line
// break. Of the caller's settings, none that would run a program is in force, and
// no variable points it to another repository.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	all := []string{"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"}
	if dir != "" {
		all = append(all, "-C", dir)
	}
	c := exec.CommandContext(ctx, "git", append(all, args...)...)
	c.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "GIT_") })
	c.Env = append(c.Env, "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("workspace: git %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

package workspace

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// CacheFile is where in a directory of caches the one of a key lies, whatever
// characters the key holds.
func CacheFile(dir, key string) string {
	name := url.PathEscape(key)
	if len(name) > 200 { // file systems take 255 bytes
		sum := sha256.Sum256([]byte(key))
		name = hex.EncodeToString(sum[:])
	}
	return filepath.Join(dir, name+".tar.gz")
}

// SaveCache packs what the paths name, below dir, into a file. It is whole or not
// there, also for jobs that read it meanwhile. Where nothing matches, no file is
// written. It returns one Found for each path.
func SaveCache(ctx context.Context, dir, file string, a Artifacts) ([]Found, error) {
	c, found, err := gather(ctx, dir, a)
	if err != nil || len(c.kept) == 0 {
		return found, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("workspace: make the directory of caches: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return nil, fmt.Errorf("workspace: write the cache: %w", err)
	}
	err = errors.Join(pack(temporary, dir, slices.Sorted(maps.Keys(c.kept))), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("workspace: write the cache: %w", err), os.Remove(temporary.Name()))
	}
	return found, nil
}

// pack writes files, directories and symbolic links. What is gone meanwhile, and
// what is none of these, is left out.
func pack(out io.Writer, dir string, names []string) error {
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	for _, name := range names {
		if err := packOne(w, filepath.Join(dir, filepath.FromSlash(name)), name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return errors.Join(w.Close(), z.Close())
}

func packOne(w *tar.Writer, full, name string) error {
	info, err := os.Lstat(full)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	target := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		if target, err = os.Readlink(full); err != nil {
			return err
		}
	case !info.Mode().IsRegular() && !info.IsDir():
		return nil
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	h.Name, h.Uname, h.Gname, h.Uid, h.Gid = name, "", "", 0, 0
	if !info.Mode().IsRegular() {
		return w.WriteHeader(h)
	}
	in, err := os.Open(full)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}

// RestoreCache unpacks what SaveCache packed into a directory, over what is
// there, and nowhere else: a link that leads out of it is not followed. The error
// of a missing cache is fs.ErrNotExist. After any other, some of it may be there.
func RestoreCache(file, dir string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // its files are closed on their own
	z, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("workspace: read the cache: %w", err)
	}
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = unpackOne(root, h, r)
		}
		if err != nil {
			return fmt.Errorf("workspace: read the cache: %w", err)
		}
	}
}

func unpackOne(root *os.Root, h *tar.Header, content io.Reader) error {
	name := path.Clean(h.Name)
	mode := fs.FileMode(h.Mode).Perm()
	if h.Typeflag == tar.TypeDir {
		return root.MkdirAll(name, mode|0o700)
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if h.Typeflag == tar.TypeSymlink {
		return root.Symlink(h.Linkname, name)
	}
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, content)
	if mode&0o200 == 0 {
		err = errors.Join(err, out.Chmod(mode))
	}
	return errors.Join(err, out.Close(), root.Chtimes(name, h.ModTime, h.ModTime))
}

// Fingerprint makes the key of a cache out of files: their content, or, with
// commits, the last commits that changed them. It is "" where there is none of
// them. Source: GitLab Docs, "CI/CD YAML syntax reference", cache:key:files and
// cache:key:files_commits. GitLab's own value is not known from there; it need
// only be the same while the files are.
func (s *Snapshot) Fingerprint(ctx context.Context, paths []string, commits bool) (string, error) {
	sum, some := sha256.New(), false
	for _, p := range slices.Sorted(slices.Values(paths)) {
		p = path.Clean(p)
		if !filepath.IsLocal(filepath.FromSlash(p)) {
			continue
		}
		var what []byte
		if commits {
			if s.Commit == "" {
				continue
			}
			id, err := git(ctx, s.root, "log", "-1", "--format=%H", s.Commit, "--", ":(literal)"+p)
			if err != nil {
				return "", err
			}
			what = []byte(id)
		} else {
			content, err := os.ReadFile(filepath.Join(s.Dir, filepath.FromSlash(p)))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("workspace: a file of the cache's key: %w", err)
			}
			if err == nil {
				inner := sha256.Sum256(content)
				what = inner[:]
			}
		}
		if len(what) > 0 {
			some = true
			sum.Write(what)
		}
	}
	if !some {
		return "", nil
	}
	return strings.ToLower(hex.EncodeToString(sum.Sum(nil)))[:40], nil
}

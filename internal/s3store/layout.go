package s3store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/versity/versitygw/backend/meta"

	"github.com/daypass/daypass/internal/durable"
)

var (
	// ErrFormat says that the directory is of another kind than can be served:
	// its metadata is in extended attributes and the file system has none now
	// (it was copied without them), or the file that says which is unreadable.
	ErrFormat = errors.New("s3store: the store's format cannot be served")
	// ErrFileSystem says that the file system takes two keys for one: it folds
	// case or normalises Unicode. Permission to one key would be permission to
	// the other, so it is refused.
	ErrFileSystem = errors.New("s3store: the file system cannot keep keys apart")
)

// The ways to keep an object's metadata: with its file, or in files beside it.
const (
	formatXattr   = "metadata: extended attributes\n"
	formatSidecar = "metadata: files\n"
)

// layout is where things are in the store's directory.
type layout struct {
	format   string
	buckets  string // the server's root
	versions string // what versioning keeps; "" if there is none
	overflow string // metadata that is too large for an attribute
	sidecar  string // metadata in files; "" if it is in attributes
	trash    string // what is being deleted
	saved    string // null versions that are being replaced
}

// prepare makes the directories, or finds them, and decides once how metadata is
// kept.
func prepare(dir string) (*layout, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("s3store: %w", err)
	}
	// The server compares the working directory with this one.
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("s3store: %w", err)
	}
	if err := probeNames(dir); err != nil {
		return nil, err
	}
	l := &layout{
		buckets: filepath.Join(dir, "buckets"), versions: filepath.Join(dir, "versions"), overflow: filepath.Join(dir, "overflow"),
		trash: filepath.Join(dir, "trash"), saved: filepath.Join(dir, "saved"),
	}
	if l.format, err = decideFormat(dir); err != nil {
		return nil, err
	}
	directories := []string{l.buckets, l.versions, l.overflow, l.trash, l.saved}
	if l.format == formatSidecar {
		// The server mixes up the attributes of versions that are in files.
		l.versions, l.sidecar = "", filepath.Join(dir, "metadata")
		directories = []string{l.buckets, l.sidecar, l.trash}
	}
	for _, d := range directories {
		if err := os.MkdirAll(d, dirMode); err != nil {
			return nil, fmt.Errorf("s3store: %w", err)
		}
	}
	if err := syncPath(dir); err != nil {
		return nil, err
	}
	l.format = strings.TrimSpace(l.format)
	return l, nil
}

// decideFormat reads what was decided, or decides and writes it.
func decideFormat(dir string) (string, error) {
	path := filepath.Join(dir, "format")
	attributes := probeAttributes(dir)
	found, err := os.ReadFile(path)
	switch format := string(found); {
	case errors.Is(err, fs.ErrNotExist):
		format = formatXattr
		if attributes != nil {
			format = formatSidecar
		}
		return format, durable.Create(path, []byte(format), fileMode)
	case err != nil:
		return "", fmt.Errorf("s3store: %w", err)
	case format == formatXattr && attributes != nil:
		return "", fmt.Errorf("%w: its metadata is in extended attributes, and %s has none: %w", ErrFormat, dir, attributes)
	case format != formatXattr && format != formatSidecar:
		return "", fmt.Errorf("%w: %s says %.64q", ErrFormat, path, format)
	default:
		return format, nil
	}
}

// probeAttributes tries whether a file here can have attributes of the size
// that the store gives them.
func probeAttributes(dir string) error {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	err = meta.XattrMeta{}.StoreAttribute(f, "", "", "probe", make([]byte, 2*maxAttribute))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// probeNames tries whether names that differ are different files.
func probeNames(dir string) error {
	probe, err := os.MkdirTemp(dir, ".probe-*")
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	defer os.RemoveAll(probe) //nolint:errcheck // an empty directory of ours
	for _, names := range [][2]string{{"case", "CASE"}, {"\u00e9", "e\u0301"}} {
		if err := os.WriteFile(filepath.Join(probe, names[0]), nil, fileMode); err != nil {
			return fmt.Errorf("s3store: %w", err)
		}
		if _, err := os.Stat(filepath.Join(probe, names[1])); err == nil {
			return fmt.Errorf("%w: in %s, %q and %q are one file", ErrFileSystem, dir, names[0], names[1])
		}
	}
	return nil
}

package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/daypass/daypass/internal/durable"
)

// Object is what a target has under a key.
type Object struct {
	Body []byte
	// ETag names this content for a conditional write. Version is the version id
	// of a bucket with versions.
	ETag, Version string
}

// Target is where documents are published. Its writes are conditional, each on
// what was read before.
type Target interface {
	// Check refuses a place that others can write or list; it returns warnings.
	Check(ctx context.Context) (warnings []string, err error)
	// Get reads an object; nil is that there is none.
	Get(ctx context.Context, key string) (*Object, error)
	// Put writes an object over the one that was read, nil for none. It is
	// ErrChanged where something else is there by now.
	Put(ctx context.Context, key string, body []byte, was *Object) (*Object, error)
	// String names it.
	String() string
}

// ErrChanged says that another publisher, or a person, was first.
var ErrChanged = errors.New("publish: what is published was changed by another meanwhile")

// LedgerKey is the ledger's key in a target. It holds no secret, and is none of
// the documents that the public reads.
const LedgerKey = "daypass-publish-ledger.jsonl"

// directory is a Target that a web server serves.
type directory struct{ root string }

// lockPatience is how long a write waits for another's; a write takes
// milliseconds.
const lockPatience = 10 * time.Second

// NewDirectory makes a target of a directory, which must be there.
func NewDirectory(root string) (Target, error) {
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("publish: there is no directory %s; make it, and have a web server serve it as the issuer's URL", root)
	case err != nil:
		return nil, fmt.Errorf("publish: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("publish: %s is no directory", root)
	}
	return &directory{root}, nil
}

func (d *directory) String() string { return d.root }

// Check asks that only the owner and the group can write.
func (d *directory) Check(context.Context) ([]string, error) {
	err := filepath.WalkDir(d.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		switch {
		case err != nil:
			return err
		case entry.Type()&fs.ModeSymlink != 0:
			return refuse("directory-link", "%s is a link; what it leads to is not published from here", path)
		case info.Mode()&0o002 != 0:
			return refuse("public-write", "everybody on this machine can write %s: chmod o-w it", path)
		}
		return nil
	})
	return nil, err
}

func (d *directory) Get(_ context.Context, key string) (*Object, error) {
	body, err := os.ReadFile(filepath.Join(d.root, filepath.FromSlash(key)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	sum := sha256.Sum256(body)
	return &Object{Body: body, ETag: hex.EncodeToString(sum[:])}, nil
}

func (d *directory) Put(ctx context.Context, key string, body []byte, was *Object) (*Object, error) {
	unlock, err := d.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	is, err := d.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	if (is == nil) != (was == nil) || is != nil && is.ETag != was.ETag {
		return nil, ErrChanged
	}
	path := filepath.Join(d.root, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // G301: a web server reads it
		return nil, fmt.Errorf("publish: %w", err)
	}
	if err := durable.Replace(path, body, 0o644); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	return d.Get(ctx, key)
}

// lock keeps other publishers from writing; the lock ends with the process.
func (d *directory) lock(ctx context.Context) (unlock func(), err error) {
	if !durable.CanLock {
		return nil, errors.New("publish: this system has no file locks, so two publishers could overwrite each other; publish to a bucket")
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		f, err := durable.TryLock(filepath.Join(d.root, ".daypass-publish.lock"))
		if err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		if f != nil {
			return func() { _ = f.Close() }, nil
		}
		if wait(ctx, 20*time.Millisecond) != nil {
			return nil, fmt.Errorf("publish: another publisher keeps %s locked", d.root)
		}
	}
}

// wait waits, or returns the context's error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

package s3store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3err"
)

// A bucket comes and goes by one renaming, so that it is there whole or not at
// all: the server makes one attribute by attribute, and deletes one file by file.

// newBucket begins the name of a bucket that is being made, which no bucket can
// have.
const newBucket = ".new-"

// gates know which buckets are being written to. The server would give an object
// its name in a bucket that was deleted meanwhile, and make a bucket for it that
// is none.
type gates struct {
	mu      sync.Mutex
	writers map[string]int
	closed  map[string]chan struct{} // buckets that are being deleted
}

// enter waits while a bucket is being deleted, and gives the function that says
// that the writer has done.
func (g *gates) enter(ctx context.Context, bucket string) (func(), error) {
	bucket = strings.Clone(bucket) // the server's strings are of buffers that the next request overwrites
	for {
		g.mu.Lock()
		closed, busy := g.closed[bucket]
		if !busy {
			if g.writers == nil {
				g.writers = map[string]int{}
			}
			g.writers[bucket]++
			g.mu.Unlock()
			return func() {
				g.mu.Lock()
				defer g.mu.Unlock()
				if g.writers[bucket]--; g.writers[bucket] == 0 {
					delete(g.writers, bucket)
				}
			}, nil
		}
		g.mu.Unlock()
		select {
		case <-closed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// shut keeps writers from a bucket until the function is called. It reports false
// where one is writing.
func (g *gates) shut(bucket string) (func(), bool) {
	bucket = strings.Clone(bucket)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.writers[bucket] > 0 || g.closed[bucket] != nil {
		return nil, false
	}
	if g.closed == nil {
		g.closed = map[string]chan struct{}{}
	}
	opened := make(chan struct{})
	g.closed[bucket] = opened
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.closed, bucket)
		close(opened)
	}, true
}

// lockDir has the files of locks (backend/posix/objlock.go of versitygw 1.8.0).
const lockDir = ".vgwlocks"

// lockFiles is where a bucket's are.
func (g *guarded) lockFiles(bucket string) string {
	return filepath.Join(g.keeper.buckets, lockDir, fmt.Sprintf("%x", sha256.Sum256([]byte(bucket))))
}

// CreateBucket implements backend.Backend.
func (g *guarded) CreateBucket(ctx context.Context, in *s3.CreateBucketInput, acl []byte) error {
	bucket := *in.Bucket
	g.making.Lock()
	defer g.making.Unlock()
	path := filepath.Join(g.keeper.buckets, bucket)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return g.keptBucket(g.Backend.CreateBucket(ctx, in, acl), bucket) // which says that it is there
	}
	request, name := *in, newBucket+rand.Text()
	request.Bucket = &name
	made := filepath.Join(g.keeper.buckets, name)
	err := g.keptBucket(g.Backend.CreateBucket(ctx, &request, acl), name)
	if err == nil && g.sidecar {
		beside := filepath.Join(g.keeper.sidecar, bucket)
		err = errors.Join(os.RemoveAll(beside), os.Rename(filepath.Join(g.keeper.sidecar, name), beside))
	}
	if err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		_ = os.RemoveAll(made) // or when the store is opened again
		return err
	}
	return g.keeper.bucket(bucket)
}

// DeleteBucket implements backend.Backend.
func (g *guarded) DeleteBucket(ctx context.Context, bucket string) error {
	g.making.Lock()
	defer g.making.Unlock()
	path := filepath.Join(g.keeper.buckets, bucket)
	if _, err := os.Stat(path); err != nil {
		return g.Backend.DeleteBucket(ctx, bucket) // which says that it is not there
	}
	open, ok := g.gates.shut(bucket)
	if !ok {
		return s3err.APIError{ // S3 API Reference, "List of error codes"
			Code: "OperationAborted", HTTPStatusCode: http.StatusConflict,
			Description: "A conflicting conditional operation is currently in progress against this resource. Try again.",
		}
	}
	defer open()
	empty, err := g.isEmpty(bucket)
	if err != nil {
		return err
	}
	if !empty {
		return g.keptBucket(g.Backend.DeleteBucket(ctx, bucket), bucket) // which says so
	}
	if err := g.keeper.discard(path); err != nil {
		return err
	}
	for _, of := range []string{g.keeper.versions, g.keeper.sidecar} {
		if of != "" {
			err = errors.Join(err, g.keeper.discard(filepath.Join(of, bucket)))
		}
	}
	_ = os.RemoveAll(g.lockFiles(bucket)) // nobody has one
	return errors.Join(err, g.keeper.bucket(bucket))
}

// isEmpty reports whether a bucket has neither objects nor versions. Folders
// without an object, and the server's own files, are removed on the way: they are
// what killed processes left, and no listing shows them.
func (g *guarded) isEmpty(bucket string) (bool, error) {
	empty, err := g.clearObjects(bucket)
	if err != nil || !empty || g.keeper.versions == "" {
		return empty, err
	}
	return clearFolder(filepath.Join(g.keeper.versions, bucket), "", func(string) bool { return false })
}

// clearObjects clears the folder of a bucket.
func (g *guarded) clearObjects(bucket string) (bool, error) {
	return clearFolder(filepath.Join(g.keeper.buckets, bucket), "", func(folder string) bool {
		_, err := g.attributes.RetrieveAttribute(nil, bucket, folder, etag)
		return err == nil
	})
}

// clearFolder removes what a folder has but objects, some of which are folders,
// and reports whether nothing is left. It ends at the first object.
func clearFolder(root, folder string, isObject func(folder string) bool) (bool, error) {
	entries, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("s3store: %w", err)
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		switch _, stray := strayOf(entry.Name()); {
		case path == uploadsDir:
			continue
		case entry.IsDir():
			if isObject(path) {
				return false, nil
			}
			if empty, err := clearFolder(root, path, isObject); !empty {
				return false, err
			}
		case !stray:
			return false, nil
		}
		if err := os.Remove(filepath.Join(root, path)); err != nil {
			return false, fmt.Errorf("s3store: %w", err)
		}
	}
	return true, nil
}

// discard takes a folder away in one step, and then what is in it.
func (l *layout) discard(folder string) error {
	away := filepath.Join(l.trash, rand.Text())
	err := os.Rename(folder, away)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	if err := syncPath(filepath.Dir(folder)); err != nil {
		return err
	}
	_ = os.RemoveAll(away) // or when the store is opened again
	return nil
}

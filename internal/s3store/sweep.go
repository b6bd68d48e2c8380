package s3store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
)

// sweep puts in order what a killed process left, before anybody is served: what
// was being made or deleted goes, an upload that was being completed can be
// completed. It looks at buckets, at uploads and at what is left, and at no object
// but those of such uploads.
func (g *guarded) sweep() error {
	l := g.keeper.layout
	var left []string
	for _, pattern := range []string{
		filepath.Join(l.trash, "*"),
		filepath.Join(filepath.Dir(l.buckets), ".probe-*"),
		filepath.Join(l.buckets, lockDir), // nobody else has a lock
		filepath.Join(l.buckets, newBucket+"*"),
		filepath.Join(l.sidecar, newBucket+"*"), // relative, and none, where there is no such folder
		filepath.Join(l.overflow, "*", ".*"),
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("s3store: %w", err)
		}
		left = append(left, found...)
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("s3store: %w", err)
		}
	}
	buckets, err := os.ReadDir(l.buckets)
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	for _, bucket := range buckets {
		if !bucket.IsDir() || strings.HasPrefix(bucket.Name(), ".") { // no bucket
			continue
		}
		if err := g.sweepBucket(bucket.Name()); err != nil {
			return err
		}
	}
	return g.sweepVersions()
}

// sweepBucket puts one bucket in order.
func (g *guarded) sweepBucket(bucket string) error {
	path := filepath.Join(g.keeper.buckets, bucket)
	if _, err := g.attributes.RetrieveAttribute(nil, bucket, "", aclAttribute); errors.Is(err, meta.ErrNoSuchKey) {
		// It was being made, by a version of Daypass that made them in steps.
		if empty, err := g.clearObjects(bucket); err != nil || empty {
			return errors.Join(err, g.keeper.discard(path))
		}
	}
	if err := removeFiles(filepath.Join(path, uploadsDir)); err != nil {
		return err
	}
	uploads := filepath.Join(path, multipartDir)
	keys, err := os.ReadDir(uploads)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("s3store: %w", err)
	}
	for _, key := range keys {
		if err := g.sweepUploads(bucket, key.Name()); err != nil {
			return err
		}
	}
	return nil
}

// removeFiles removes the files of a folder, which are the server's and of
// requests that have ended. Folders stay.
func removeFiles(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("s3store: %w", err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		if err := os.Remove(filepath.Join(folder, entry.Name())); err != nil {
			return fmt.Errorf("s3store: %w", err)
		}
	}
	return nil
}

// inProgress ends the name of an upload while it is being completed.
const inProgress = ".inprogress"

// sweepUploads puts the uploads of one key in order, whose folder is named by the
// key's hash.
func (g *guarded) sweepUploads(bucket, hash string) error {
	folder := filepath.Join(g.keeper.buckets, bucket, multipartDir, hash)
	key, err := g.attributes.RetrieveAttribute(nil, bucket, filepath.Join(multipartDir, hash), keyAttribute)
	if errors.Is(err, meta.ErrNoSuchKey) { // the first upload was being begun, or the last ended
		return g.keeper.discard(folder)
	}
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	if err := removeFiles(folder); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), inProgress) {
			if err := g.resume(bucket, string(key), folder, entry.Name()); err != nil {
				return err
			}
		}
	}
	_ = os.Remove(folder) // if there is none left
	return nil
}

// resume gives an upload that was being completed its name back, so that it can
// be completed. Without it the server takes it to be in work, and answers with
// success (backend/posix of versitygw 1.8.0). If it has become the object
// already, it goes.
func (g *guarded) resume(bucket, key, folder, name string) error {
	upload, _, _ := strings.Cut(name, ".")
	from, to := filepath.Join(folder, name), filepath.Join(folder, upload)
	if g.completed(bucket, key, upload) {
		return g.keeper.discard(from)
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	if g.sidecar {
		beside := func(path string) string {
			return filepath.Join(g.keeper.sidecar, strings.TrimPrefix(path, g.keeper.buckets))
		}
		if err := os.Rename(beside(from), beside(to)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("s3store: %w", err)
		}
	}
	return nil
}

// completed reports whether a key's object is what an upload has become.
func (g *guarded) completed(bucket, key, uploadID string) bool {
	raw, err := g.attributes.RetrieveAttribute(nil, bucket, key, uploadAttribute)
	if err != nil {
		return false
	}
	upload, err := backend.UnmarshalMpUploadMetadata(raw, false)
	return err == nil && upload.UploadID == uploadID
}

// sweepVersions removes the server's own files among earlier versions, and what
// is left there of buckets that were deleted.
func (g *guarded) sweepVersions() error {
	versions := g.keeper.versions
	if versions == "" {
		return nil
	}
	if err := g.restoreNulls(); err != nil {
		return err
	}
	buckets, err := os.ReadDir(versions)
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	for _, bucket := range buckets {
		path := filepath.Join(versions, bucket.Name())
		if err := removeFiles(filepath.Join(path, uploadsDir)); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(g.keeper.buckets, bucket.Name())); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		empty, err := clearFolder(path, "", func(string) bool { return false })
		if err == nil && empty {
			err = g.keeper.discard(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

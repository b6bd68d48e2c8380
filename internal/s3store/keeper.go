package s3store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// keeper makes what an operation has changed last, before it is acknowledged.
// versitygw 1.8.0 itself syncs nothing. The paths are those of its backend/posix.
//
// The bytes of an object are synced before it gets its name, by metadata. So at
// any moment a name leads to a whole object, the old or the new, given a file
// system that keeps the order of what it does to names and attributes (ext4,
// XFS, Btrfs). What is synced here is the name, the directories above it, and
// attributes that were set afterwards.
type keeper struct{ *layout }

const (
	multipartDir = ".sgwtmp/multipart"
	uploadsDir   = ".sgwtmp"
)

// bucket keeps a bucket's attributes, and that it is there or not.
func (k keeper) bucket(bucket string) error {
	err := syncUp(k.buckets, filepath.Join(k.buckets, bucket))
	if k.sidecar != "" {
		err = errors.Join(err, k.attributes(filepath.Join(k.sidecar, bucket)))
	}
	return err
}

// object keeps an object's name and attributes, with what versioning has of it.
func (k keeper) object(bucket, key string) error {
	err := syncUp(k.buckets, filepath.Join(k.buckets, bucket, key))
	if k.sidecar != "" {
		return errors.Join(err, k.attributes(filepath.Join(k.sidecar, bucket, key)))
	}
	version := k.versionsOf(bucket, key)
	if _, missing := os.Stat(version); missing == nil {
		err = errors.Join(err, syncUp(k.versions, version))
	}
	return err
}

// versionsOf is the folder of a key's earlier versions.
func (l *layout) versionsOf(bucket, key string) string {
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(key)))
	return filepath.Join(l.versions, bucket, sum[:2], sum[2:4], sum[4:6], sum)
}

// upload keeps a multipart upload, and part of it if that is not 0.
func (k keeper) upload(bucket, key, uploadID string, part int32) error {
	path := uploadPath(key, uploadID)
	if part != 0 {
		path = filepath.Join(path, strconv.Itoa(int(part)))
	}
	err := syncUp(k.buckets, filepath.Join(k.buckets, bucket, path))
	if k.sidecar != "" {
		err = errors.Join(err, k.attributes(filepath.Join(k.sidecar, bucket, path)))
	}
	return err
}

// attributes keeps the files of a thing's attributes.
func (k keeper) attributes(of string) error {
	directory := filepath.Join(of, "meta")
	files, _ := os.ReadDir(directory)
	var err error
	for _, f := range files {
		// Another request's attribute may be on its way to its name.
		if failed := syncPath(filepath.Join(directory, f.Name())); !errors.Is(failed, fs.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return errors.Join(err, syncUp(k.sidecar, directory))
}

// syncUp syncs a path and the directories above it, to root. What is not there
// any more is kept by the directory that it was in.
func syncUp(root, path string) error {
	var err error
	for path = filepath.Clean(path); ; path = filepath.Dir(path) {
		if failed := syncPath(path); failed != nil && !errors.Is(failed, fs.ErrNotExist) && !errors.Is(failed, syscall.ENOTDIR) {
			err = errors.Join(err, failed)
		}
		if len(path) <= len(root) {
			return err
		}
	}
}

// syncPath syncs a file or a directory. Some file systems have no way to sync a
// directory, and say so by EINVAL.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	return nil
}

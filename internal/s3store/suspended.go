package s3store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/daypass/daypass/internal/durable"
)

// While versioning is suspended, a put replaces the null version, wherever that
// is, and keeps any other (S3 User Guide, "Adding objects to versioning-suspended
// buckets").

// isSuspended reports whether a bucket's versioning is.
func (g *guarded) isSuspended(ctx context.Context, bucket string) (bool, error) {
	if g.sidecar {
		return false, nil
	}
	versioning, err := g.GetBucketVersioning(ctx, bucket)
	return err == nil && versioning.Status != nil && *versioning.Status == types.BucketVersioningStatusSuspended, err
}

// savedNull says of which key a null version is kept.
type savedNull struct{ Bucket, Key string }

// saveNull keeps an earlier null version until the put that replaces it has ended:
// the server removes the old one before the new one is there.
func (g *guarded) saveNull(ctx context.Context, bucket, key string) (end func(), err error) {
	null := filepath.Join(g.keeper.versionsOf(bucket, key), nullVersion)
	suspended, err := g.isSuspended(ctx, bucket)
	if err != nil || !suspended {
		return func() {}, err
	}
	if _, err := os.Stat(null); errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	folder := filepath.Join(g.keeper.saved, rand.Text())
	what, err := json.Marshal(savedNull{bucket, key})
	if err == nil {
		err = os.Mkdir(folder, dirMode)
	}
	if err == nil {
		err = durable.Create(filepath.Join(folder, "of"), what, fileMode)
	}
	if err == nil {
		err = os.Link(null, filepath.Join(folder, nullVersion))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // another put has replaced it
		return nil, errors.Join(fmt.Errorf("s3store: %w", err), os.RemoveAll(folder))
	}
	return func() { _ = os.RemoveAll(folder) }, nil // or when the store is opened again
}

// restoreNulls puts back null versions that were removed for a put that did not
// come to its end.
func (g *guarded) restoreNulls() error {
	folders, err := os.ReadDir(g.keeper.saved)
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	for _, folder := range folders {
		path := filepath.Join(g.keeper.saved, folder.Name())
		if err := errors.Join(g.restoreNull(path), os.RemoveAll(path)); err != nil {
			return err
		}
	}
	return nil
}

func (g *guarded) restoreNull(folder string) error {
	saved := filepath.Join(folder, nullVersion)
	if _, err := os.Stat(saved); errors.Is(err, fs.ErrNotExist) { // nothing was removed yet
		return nil
	}
	what, err := os.ReadFile(filepath.Join(folder, "of"))
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	var of savedNull
	if err := json.Unmarshal(what, &of); err != nil {
		return fmt.Errorf("s3store: %s: %w", folder, err)
	}
	current, err := g.currentVersion(of.Bucket, of.Key)
	if err != nil || current == nullVersion || current == "" {
		return err
	}
	versions := g.keeper.versionsOf(of.Bucket, of.Key)
	if err := os.MkdirAll(versions, dirMode); err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	if err := os.Link(saved, filepath.Join(versions, nullVersion)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("s3store: %w", err)
	}
	return g.keeper.object(of.Bucket, of.Key)
}

// keepCurrent makes an earlier version of the current one, before an upload in a
// bucket whose versioning is suspended becomes the null version. The server makes
// none then. Until the current one is replaced, the two are told to be one.
func (g *guarded) keepCurrent(ctx context.Context, bucket, key string) (replaced func() error, err error) {
	suspended, err := g.isSuspended(ctx, bucket)
	if err != nil || !suspended {
		return func() error { return nil }, err
	}
	current, err := g.currentVersion(bucket, key)
	if err != nil {
		return nil, err
	}
	versions := g.keeper.versionsOf(bucket, key)
	if current != "" && current != nullVersion {
		if err = os.MkdirAll(versions, dirMode); err == nil {
			err = os.Link(filepath.Join(g.keeper.buckets, bucket, key), filepath.Join(versions, current))
		}
		if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) { // it is there, or was deleted
			return nil, fmt.Errorf("s3store: %w", err)
		}
	}
	return func() error { return g.forgetVersion(bucket, key, nullVersion) }, nil
}

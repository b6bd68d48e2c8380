package s3store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// nullVersion is the id of a version that was put while its bucket had none (S3
// User Guide, "How S3 Versioning works").
const nullVersion = "null"

// deleteObject deletes an object, or a version of it. What would make a delete
// marker, or another version the current one, is done here in one step: the
// server does it in several, and killed between them it leaves a key that is gone
// with all of its versions, or a version without its lock.
func (g *guarded) deleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	bucket, key := *in.Bucket, *in.Key
	versioning, err := g.GetBucketVersioning(ctx, bucket)
	if err != nil || versioning.Status == nil || g.sidecar || strings.HasSuffix(key, "/") {
		return g.deleteByServer(ctx, in)
	}
	current, err := g.currentVersion(bucket, key)
	switch {
	case err != nil:
		return nil, err
	case text(in.VersionId) == "" && current == "":
		return &s3.DeleteObjectOutput{}, nil
	case text(in.VersionId) == "":
		return g.mark(ctx, in)
	case current == *in.VersionId:
		return g.deleteCurrent(ctx, in)
	default:
		return g.deleteByServer(ctx, in)
	}
}

// deleteByServer has the server delete, which is one step where no other version
// takes the place.
func (g *guarded) deleteByServer(ctx context.Context, in *s3.DeleteObjectInput) (out *s3.DeleteObjectOutput, err error) {
	err = g.locked(ctx, *in.Bucket, *in.Key, func() error {
		out, err = g.Backend.DeleteObject(ctx, in)
		if errors.Is(err, s3err.GetAPIError(s3err.ErrDirectoryNotEmpty)) {
			out, err = &s3.DeleteObjectOutput{}, g.emptied(*in.Bucket, *in.Key)
		}
		return err
	})
	return out, err
}

// currentVersion is the id of a key's current version, "" if there is none.
func (g *guarded) currentVersion(bucket, key string) (string, error) {
	info, err := os.Stat(filepath.Join(g.keeper.buckets, bucket, key))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), err == nil && info.IsDir():
		return "", nil
	case err != nil:
		return "", fmt.Errorf("s3store: %w", err)
	}
	id, err := g.attributes.RetrieveAttribute(nil, bucket, key, versionAttribute)
	switch {
	case errors.Is(err, meta.ErrNoSuchKey):
		return nullVersion, nil
	case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
		return "", nil
	case err != nil:
		return "", fmt.Errorf("s3store: %w", err)
	}
	return string(id), nil
}

// mark puts a delete marker, which is an object to the server.
func (g *guarded) mark(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	if err := g.checkDelete(in); err != nil {
		return nil, err
	}
	put, err := g.put(ctx, s3response.PutObjectInput{
		Bucket: in.Bucket, Key: in.Key, Body: strings.NewReader(""), ContentLength: new(int64), IfMatch: in.IfMatch,
	}, attribute{markerAttribute, []byte{}})
	if err != nil {
		return nil, err
	}
	if put.VersionID == "" { // versioning is suspended
		put.VersionID = nullVersion
	}
	marker := true
	return &s3.DeleteObjectOutput{DeleteMarker: &marker, VersionId: &put.VersionID}, g.keeper.object(*in.Bucket, *in.Key)
}

// checkDelete holds the conditions of a deletion against the current version.
func (g *guarded) checkDelete(in *s3.DeleteObjectInput) error {
	if in.IfMatch == nil && in.IfMatchLastModifiedTime == nil && in.IfMatchSize == nil {
		return nil
	}
	info, err := os.Stat(filepath.Join(g.keeper.buckets, *in.Bucket, *in.Key))
	if err != nil {
		return fmt.Errorf("s3store: %w", err)
	}
	tag, err := g.attributes.RetrieveAttribute(nil, *in.Bucket, *in.Key, etag)
	if err != nil && !errors.Is(err, meta.ErrNoSuchKey) { // a delete marker has none
		return fmt.Errorf("s3store: %w", err)
	}
	return backend.EvaluateObjectDeletePreconditions(string(tag), info.ModTime(), info.Size(), backend.ObjectDeletePreconditions{
		IfMatch: in.IfMatch, IfMatchLastModTime: in.IfMatchLastModifiedTime, IfMatchSize: in.IfMatchSize,
	})
}

// deleteCurrent deletes the current version: the one before it takes its place.
func (g *guarded) deleteCurrent(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	bucket, key := *in.Bucket, *in.Key
	out := &s3.DeleteObjectOutput{VersionId: in.VersionId}
	byServer := false
	err := g.locked(ctx, bucket, key, func() error {
		current, err := g.currentVersion(bucket, key)
		if err != nil || current != *in.VersionId { // it is another now
			byServer = err == nil
			return err
		}
		if err := g.checkDelete(in); err != nil {
			return err
		}
		_, missing := g.attributes.RetrieveAttribute(nil, bucket, key, markerAttribute)
		marker := missing == nil
		out.DeleteMarker = &marker
		path, versions := filepath.Join(g.keeper.buckets, bucket, key), g.keeper.versionsOf(bucket, key)
		if before, err := newestVersion(versions, current); err != nil {
			return err
		} else if before != "" {
			err = os.Rename(filepath.Join(versions, before), path)
			return errors.Join(err, g.forgetVersion(bucket, key, current))
		}
		if err := errors.Join(os.Remove(path), g.forgetVersion(bucket, key, current)); err != nil {
			return fmt.Errorf("s3store: %w", err)
		}
		g.removeEmpty(bucket, filepath.Dir(key))
		return nil
	})
	if byServer {
		return g.deleteByServer(ctx, in)
	}
	return out, err
}

// newestVersion is the newest in a folder of earlier versions, but for one of
// that id; "" if there is none. Ids are in the order of time; the null version is
// older than all that were put after its file, as the server lists it.
func newestVersion(versions, but string) (string, error) {
	entries, err := os.ReadDir(versions) // in order
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("s3store: %w", err)
	}
	newest := ""
	for _, entry := range entries {
		name := entry.Name()
		if name == but || !alphanumeric(name) {
			continue
		}
		if name == nullVersion && newest != "" {
			null, err := entry.Info()
			other, otherErr := os.Stat(filepath.Join(versions, newest))
			if err := errors.Join(err, otherErr); err != nil {
				return "", fmt.Errorf("s3store: %w", err)
			}
			if !null.ModTime().After(other.ModTime()) {
				continue
			}
		}
		newest = name
	}
	return newest, nil
}

// forgetVersion removes an earlier version that is the current one as well, and
// the folders above it that are empty.
func (g *guarded) forgetVersion(bucket, key, id string) error {
	versions := g.keeper.versionsOf(bucket, key)
	if err := os.Remove(filepath.Join(versions, id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("s3store: %w", err)
	}
	root := filepath.Join(g.keeper.versions, bucket)
	for ; len(versions) > len(root) && os.Remove(versions) == nil; versions = filepath.Dir(versions) {
	}
	return nil
}

// removeEmpty removes folders of a bucket that have nothing in them and were not
// put as objects.
func (g *guarded) removeEmpty(bucket, folder string) {
	for ; folder != "."; folder = filepath.Dir(folder) {
		if _, err := g.attributes.RetrieveAttribute(nil, bucket, folder, etag); err == nil {
			return
		}
		if os.Remove(filepath.Join(g.keeper.buckets, bucket, folder)) != nil {
			return
		}
	}
}

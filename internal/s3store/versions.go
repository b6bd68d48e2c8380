package s3store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// The server's own listing of versions is not used (backend.WalkVersions of
// versitygw 1.8.0): a page of it begins with the last version of the page before,
// so that one of a single version never ends; it goes through directories in the
// order of their names, which is not that of keys, and leaves out what its marker
// has passed; and it tells when a version was moved for when it was made.

// Attributes of the server's, and its names (backend/posix of versitygw 1.8.0).
const (
	versionID    = "version-id"
	deleteMarker = "delete-marker"
	checksumsOf  = "checksums"
)

// listings is how many listings of versions are made at once.
const listings = 64

// version is one version of an object, or a delete marker.
type version struct {
	s3response.ObjectVersion
	deleted bool
	moved   time.Time // when its file came to be where it is
}

// ListObjectVersions implements backend.Backend.
func (g *guarded) ListObjectVersions(ctx context.Context, in *s3.ListObjectVersionsInput) (out s3response.ListVersionsResult, err error) {
	bucket, prefix, delimiter := *in.Bucket, text(in.Prefix), text(in.Delimiter)
	keyMarker, idMarker, most := text(in.KeyMarker), text(in.VersionIdMarker), 1000
	if in.MaxKeys != nil {
		most = int(*in.MaxKeys)
	}
	if idMarker != "" && keyMarker == "" {
		return out, s3err.APIError{
			Code: "InvalidArgument", Description: "A version-id marker cannot be specified without a key marker.", HTTPStatusCode: 400,
		}
	}
	if err := checkVersion(idMarker); err != nil {
		return out, err
	}
	if _, err := os.Stat(filepath.Join(g.keeper.buckets, bucket)); err != nil {
		_, err := g.Backend.ListObjectVersions(ctx, in) // which has the words for it
		return out, err
	}
	select {
	case g.listing <- struct{}{}:
		defer func() { <-g.listing }()
	case <-ctx.Done():
		return out, ctx.Err()
	}
	no := false
	out = s3response.ListVersionsResult{
		Name: in.Bucket, Prefix: in.Prefix, Delimiter: in.Delimiter, KeyMarker: in.KeyMarker, VersionIdMarker: in.VersionIdMarker,
		MaxKeys: in.MaxKeys, IsTruncated: &no,
	}
	page := versionPage{g: g, bucket: bucket, most: most, out: &out}
	if most <= 0 || impossible(prefix) {
		return out, nil
	}
	if rest := strings.TrimPrefix(keyMarker, prefix); idMarker != "" && checkKey(keyMarker, g.sidecar) == nil && strings.HasPrefix(keyMarker, prefix) && (delimiter == "" || !strings.Contains(rest, delimiter)) {
		if err := page.key(keyMarker, idMarker); err != nil || page.full {
			return out, err
		}
	}
	return out, page.after(ctx, prefix, delimiter, keyMarker)
}

// versionPage is a page that is being filled.
type versionPage struct {
	g      *guarded
	bucket string
	most   int
	out    *s3response.ListVersionsResult
	full   bool // there is more than it takes

	lastKey, lastID string
}

// after fills the page with what comes after a key.
func (p *versionPage) after(ctx context.Context, prefix, delimiter, marker string) error {
	root := os.DirFS(filepath.Join(p.g.keeper.buckets, p.bucket))
	walked, err := backend.Walk(ctx, root, prefix, delimiter, marker, int32(p.most)+1, p.g.named(ctx, p.bucket), []string{uploadsDir})
	if err != nil {
		return fmt.Errorf("s3store: walk %s: %w", p.bucket, err)
	}
	objects, prefixes := walked.Objects, walked.CommonPrefixes
	for len(objects)+len(prefixes) > 0 {
		if len(objects) == 0 || len(prefixes) > 0 && *prefixes[0].Prefix < *objects[0].Key {
			if p.takes(*prefixes[0].Prefix, "") {
				p.out.CommonPrefixes = append(p.out.CommonPrefixes, prefixes[0])
			}
			prefixes = prefixes[1:]
		} else {
			if err := p.key(*objects[0].Key, ""); err != nil {
				return err
			}
			objects = objects[1:]
		}
		if p.full {
			return nil
		}
	}
	return nil
}

// takes reports whether there is a place for one more. Where there is none, the
// page ends with the one before.
func (p *versionPage) takes(key, id string) bool {
	if len(p.out.Versions)+len(p.out.DeleteMarkers)+len(p.out.CommonPrefixes) == p.most {
		yes, lastKey, lastID := true, p.lastKey, p.lastID
		p.full, p.out.IsTruncated, p.out.NextKeyMarker = true, &yes, &lastKey
		if lastID != "" {
			p.out.NextVersionIdMarker = &lastID
		}
		return false
	}
	p.lastKey, p.lastID = key, id
	return true
}

// key adds the versions of a key: those that come after one, all for "".
func (p *versionPage) key(key, after string) error {
	all, err := p.g.versionsOf(p.bucket, key)
	if err != nil {
		return err
	}
	for _, v := range following(all, after) {
		if !p.takes(key, *v.VersionId) {
			return nil
		}
		if v.deleted {
			p.out.DeleteMarkers = append(p.out.DeleteMarkers, types.DeleteMarkerEntry{
				Key: v.Key, VersionId: v.VersionId, IsLatest: v.IsLatest, LastModified: v.LastModified,
			})
			continue
		}
		p.out.Versions = append(p.out.Versions, v.ObjectVersion)
	}
	return nil
}

// following are the versions after one. That one may be gone: who deletes versions
// page by page has deleted it. What is older than it follows then, and after the
// null version, of which that is not known, all.
func following(all []version, after string) []version {
	if after == "" {
		return all
	}
	if i := slices.IndexFunc(all, func(v version) bool { return *v.VersionId == after }); i >= 0 {
		return all[i+1:]
	}
	if after == nullVersion {
		return all
	}
	i := slices.IndexFunc(all, func(v version) bool { return *v.VersionId != nullVersion && *v.VersionId < after })
	if i < 0 {
		i = len(all)
	}
	if i > 0 && *all[i-1].VersionId == nullVersion { // it may be older
		i--
	}
	return all[i:]
}

// named tells keys apart from directories that are none; delete markers are keys
// here.
func (g *guarded) named(ctx context.Context, bucket string) backend.GetObjFunc {
	self := func(path *string) *string { return path }
	return func(path string, entry fs.DirEntry) (s3response.Object, error) {
		if len(withoutStrays(ctx, g, bucket, []*string{&path}, self)) == 0 {
			return s3response.Object{}, backend.ErrSkipObj
		}
		if entry.IsDir() {
			_, err := g.attributes.RetrieveAttribute(nil, bucket, path, etag)
			if errors.Is(err, meta.ErrNoSuchKey) || errors.Is(err, fs.ErrNotExist) {
				return s3response.Object{}, backend.ErrSkipObj
			}
			if err != nil {
				return s3response.Object{}, err
			}
		}
		return s3response.Object{Key: &path}, nil
	}
}

// versionsOf are the versions of a key, the latest first.
func (g *guarded) versionsOf(bucket, key string) ([]version, error) {
	latest, err := g.versionAt(key, "", filepath.Join(g.keeper.buckets, bucket, key), bucket, key)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	yes := true
	latest.IsLatest = &yes
	all := []version{latest}
	if g.versions == "" || strings.HasSuffix(key, "/") {
		return all, nil
	}
	dir := g.keeper.versionsOf(bucket, key)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("s3store: %w", err)
	}
	var null *version
	slices.Reverse(entries) // ids of versions begin with their time
	for _, entry := range entries {
		// The server makes a copy of the current version before another takes its
		// place: that one is under way, or the process was killed before it came.
		if entry.Name() == *latest.VersionId {
			continue
		}
		v, err := g.versionAt(key, entry.Name(), filepath.Join(dir, entry.Name()), dir, entry.Name())
		switch {
		case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
		case err != nil:
			return nil, err
		case entry.Name() == nullVersion:
			null = &v
		default:
			all = append(all, v)
		}
	}
	if null == nil {
		return all, nil
	}
	// Each came into the directory when the next was put, so that their order there
	// is that in which they were made.
	at := slices.IndexFunc(all[1:], func(v version) bool { return null.moved.After(v.moved) })
	if at < 0 {
		return append(all, *null), nil
	}
	return slices.Insert(all, at+1, *null), nil
}

// versionAt reads a version's file and attributes. The id is that of the directory
// of versions; "" is the latest, which has it in an attribute.
func (g *guarded) versionAt(key, id, path, bucket, object string) (v version, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return v, err
	}
	attribute := func(name string) (string, error) {
		value, err := g.attributes.RetrieveAttribute(nil, bucket, object, name)
		if errors.Is(err, meta.ErrNoSuchKey) {
			return "", nil
		}
		return string(value), err
	}
	latest := id == ""
	if latest {
		if id, err = attribute(versionID); err != nil {
			return v, err
		}
	}
	if id == "" {
		id = nullVersion
	}
	tag, err := attribute(etag)
	if err != nil {
		return v, err
	}
	no, size := false, info.Size()
	v.ETag, v.Key, v.VersionId, v.IsLatest, v.Size, v.moved = &tag, &key, &id, &no, &size, info.ModTime()
	v.StorageClass = types.ObjectVersionStorageClassStandard
	if info.IsDir() {
		size = 0
	}
	if _, err := g.attributes.RetrieveAttribute(nil, bucket, object, deleteMarker); err == nil {
		v.deleted = true
	} else if !errors.Is(err, meta.ErrNoSuchKey) {
		return v, err
	}
	at := info.ModTime()
	if made, ok := timeOfVersion(id); ok && (v.deleted || !latest) {
		at = made
	}
	v.LastModified = &at
	text, err := attribute(checksumsOf)
	if err != nil || text == "" {
		return v, err
	}
	var sum s3response.Checksum
	if err := json.Unmarshal([]byte(text), &sum); err != nil {
		return v, fmt.Errorf("s3store: the checksum of %s/%s: %w", bucket, object, err)
	}
	v.ChecksumAlgorithm, v.ChecksumType = []types.ChecksumAlgorithm{sum.Algorithm}, sum.Type
	return v, nil
}

// timeOfVersion is when a version was made: its id is a ULID, of whose 26 digits
// the first ten are the milliseconds since 1970 (ulid specification, "Encoding").
func timeOfVersion(id string) (time.Time, bool) {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	if len(id) != 26 {
		return time.Time{}, false
	}
	var milliseconds int64
	for i := range 10 {
		digit := strings.IndexByte(digits, id[i])
		if digit < 0 {
			return time.Time{}, false
		}
		milliseconds = milliseconds<<5 | int64(digit)
	}
	return time.UnixMilli(milliseconds).UTC(), true
}

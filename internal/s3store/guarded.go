package s3store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// guarded stands between the server and its files. It lets no name through that
// would be another file's than its own, and acknowledges what was changed only
// once it lasts. What it does not name changes nothing and has no key.
type guarded struct {
	backend.Backend

	posix      *posix.Posix // the same
	attributes *metadata
	keeper     keeper
	sidecar    bool
	turns      chan struct{} // of put; the server has others
	versions   string        // the directory of earlier versions; "" if there is none
	listing    chan struct{} // places of listings of versions
	now        func() time.Time
	slots      [lockShards]chan struct{} // of lock
	completing completing
	making     sync.Mutex // held while a bucket is made or deleted
	gates      gates
}

func newGuarded(b *posix.Posix, l *layout, attributes *metadata, now func() time.Time) *guarded {
	g := &guarded{
		Backend: b, posix: b, attributes: attributes, keeper: keeper{l}, sidecar: l.sidecar != "", versions: l.versions,
		turns: make(chan struct{}, operations), listing: make(chan struct{}, listings), now: now,
	}
	for i := range g.slots {
		g.slots[i] = make(chan struct{}, 1)
	}
	return g
}

// reads answers for an operation that reads an object or changes one that must
// be there: what cannot be a key is none.
func (g *guarded) reads(key, versionID string) error {
	if checkKey(key, g.sidecar) != nil {
		return noSuchKey()
	}
	return checkVersion(versionID)
}

// checkVersion keeps paths out of version ids; the server makes them of letters
// and digits.
func checkVersion(versionID string) error {
	if !alphanumeric(versionID) {
		return s3err.GetInvalidArgumentErr(s3err.InvalidArgVersionId, versionID)
	}
	return nil
}

// checkUpload does for upload ids what checkVersion does.
func checkUpload(uploadID string) error {
	if uploadID == "" || !alphanumeric(strings.ReplaceAll(uploadID, "-", "")) {
		return s3err.GetNoSuchUploadErr(uploadID)
	}
	return nil
}

func alphanumeric(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

// source checks an x-amz-copy-source as the server will read it.
func (g *guarded) source(header *string) error {
	_, key, version, err := backend.ParseCopySource(text(header))
	if err != nil {
		return err
	}
	return g.reads(key, version)
}

// kept is the end of an operation on an object.
func (g *guarded) kept(err error, bucket, key string) error {
	if err != nil {
		return err
	}
	return g.keeper.object(bucket, key)
}

// keptBucket is the end of an operation on a bucket.
func (g *guarded) keptBucket(err error, bucket string) error {
	if err != nil {
		return err
	}
	return g.keeper.bucket(bucket)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// plainEncoding leaves aws-chunked out, which is how a body came here, and which
// the server would keep with the object (versitygw issue 2398, open in 1.8.0).
func plainEncoding(encoding *string) *string {
	var kept []string
	for part := range strings.SplitSeq(text(encoding), ",") {
		if part = strings.TrimSpace(part); part != "" && !strings.EqualFold(part, "aws-chunked") {
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	joined := strings.Join(kept, ",")
	return &joined
}

// PutObject implements backend.Backend.
func (g *guarded) PutObject(ctx context.Context, in s3response.PutObjectInput) (out s3response.PutObjectOutput, err error) {
	if err := checkKey(text(in.Key), g.sidecar); err != nil {
		return out, err
	}
	leave, err := g.gates.enter(ctx, *in.Bucket)
	if err != nil {
		return out, err
	}
	defer leave()
	if err := g.lockByDefault(ctx, text(in.Bucket), &in.ObjectLockMode, &in.ObjectLockRetainUntilDate); err != nil {
		return out, err
	}
	in.ContentEncoding = plainEncoding(in.ContentEncoding)
	in.Body = whole(in.Body, in.ContentLength)
	out, err = g.put(ctx, in)
	return out, g.kept(err, *in.Bucket, *in.Key)
}

// CopyObject implements backend.Backend.
func (g *guarded) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (out s3response.CopyObjectOutput, err error) {
	if err := checkKey(text(in.Key), g.sidecar); err != nil {
		return out, err
	}
	if err := g.source(in.CopySource); err != nil {
		return out, err
	}
	leave, err := g.gates.enter(ctx, *in.Bucket)
	if err != nil {
		return out, err
	}
	defer leave()
	if err := g.lockByDefault(ctx, text(in.Bucket), &in.ObjectLockMode, &in.ObjectLockRetainUntilDate); err != nil {
		return out, err
	}
	if g.sidecar {
		out, err = g.Backend.CopyObject(ctx, in)
	} else {
		out, err = g.copyObject(ctx, in)
	}
	return out, g.kept(err, *in.Bucket, *in.Key)
}

// HeadObject implements backend.Backend.
func (g *guarded) HeadObject(ctx context.Context, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	if err := g.reads(text(in.Key), text(in.VersionId)); err != nil {
		return nil, err
	}
	return g.Backend.HeadObject(ctx, in)
}

// GetObject implements backend.Backend.
func (g *guarded) GetObject(ctx context.Context, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	if err := g.reads(text(in.Key), text(in.VersionId)); err != nil {
		return nil, err
	}
	return g.Backend.GetObject(ctx, in)
}

// GetObjectAttributes implements backend.Backend.
func (g *guarded) GetObjectAttributes(ctx context.Context, in *s3.GetObjectAttributesInput) (s3response.GetObjectAttributesResponse, error) {
	if err := g.reads(text(in.Key), text(in.VersionId)); err != nil {
		return s3response.GetObjectAttributesResponse{}, err
	}
	return g.Backend.GetObjectAttributes(ctx, in)
}

// GetObjectAcl implements backend.Backend.
func (g *guarded) GetObjectAcl(ctx context.Context, in *s3.GetObjectAclInput) (*s3.GetObjectAclOutput, error) {
	if err := g.reads(text(in.Key), text(in.VersionId)); err != nil {
		return nil, err
	}
	return g.Backend.GetObjectAcl(ctx, in)
}

// PutObjectAcl implements backend.Backend.
func (g *guarded) PutObjectAcl(ctx context.Context, in *s3.PutObjectAclInput) error {
	if err := g.reads(text(in.Key), text(in.VersionId)); err != nil {
		return err
	}
	return g.kept(g.Backend.PutObjectAcl(ctx, in), *in.Bucket, *in.Key)
}

// DeleteObject implements backend.Backend. To delete what cannot be there
// succeeds, as to delete what is not there does.
func (g *guarded) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	if refused := checkKey(text(in.Key), g.sidecar); refused != nil {
		return &s3.DeleteObjectOutput{}, nil // such a key is not there
	}
	if err := checkVersion(text(in.VersionId)); err != nil {
		return nil, err
	}
	leave, err := g.gates.enter(ctx, *in.Bucket)
	if err != nil {
		return nil, err
	}
	defer leave()
	return g.deleteObject(ctx, in)
}

// locked changes an object where it lies, alone, and keeps it.
func (g *guarded) locked(ctx context.Context, bucket, key string, change func() error) error {
	unlock, err := g.lock(ctx, bucket, key)
	if err != nil {
		return err
	}
	err = change()
	unlock()
	return g.kept(err, bucket, key)
}

// emptied makes a directory that was put as an object one that only has objects
// in it. The attribute is what tells them apart.
func (g *guarded) emptied(bucket, key string) error {
	err := g.attributes.DeleteAttribute(bucket, key, etag)
	if errors.Is(err, meta.ErrNoSuchKey) {
		return nil
	}
	return err
}

// deleters is how many objects of one DeleteObjects are deleted at once.
const deleters = 8

// DeleteObjects implements backend.Backend: object by object, as DeleteObject.
func (g *guarded) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput) (out s3response.DeleteResult, err error) {
	objects := in.Delete.Objects
	outputs, errs := make([]*s3.DeleteObjectOutput, len(objects)), make([]error, len(objects))
	var group sync.WaitGroup
	turns := make(chan struct{}, deleters)
	for i, object := range objects {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			outputs[i], errs[i] = g.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: in.Bucket, Key: object.Key, VersionId: object.VersionId})
		})
	}
	group.Wait()
	for i, object := range objects {
		if errs[i] != nil {
			out.Error = append(out.Error, s3err.ObjectDeleteError(object.Key, object.VersionId, errs[i]))
			continue
		}
		deleted := types.DeletedObject{Key: object.Key, VersionId: object.VersionId, DeleteMarker: outputs[i].DeleteMarker}
		if marker := outputs[i].DeleteMarker; marker != nil && *marker {
			deleted.DeleteMarkerVersionId = outputs[i].VersionId
		}
		out.Deleted = append(out.Deleted, deleted)
	}
	return out, nil
}

// GetObjectTagging implements backend.Backend.
func (g *guarded) GetObjectTagging(ctx context.Context, bucket, key, version string) (map[string]string, error) {
	if err := g.reads(key, version); err != nil {
		return nil, err
	}
	return g.Backend.GetObjectTagging(ctx, bucket, key, version)
}

// PutObjectTagging implements backend.Backend.
func (g *guarded) PutObjectTagging(ctx context.Context, bucket, key, version string, tags map[string]string) error {
	if err := g.reads(key, version); err != nil {
		return err
	}
	return g.locked(ctx, bucket, key, func() error { return g.Backend.PutObjectTagging(ctx, bucket, key, version, tags) })
}

// DeleteObjectTagging implements backend.Backend.
func (g *guarded) DeleteObjectTagging(ctx context.Context, bucket, key, version string) error {
	if err := g.reads(key, version); err != nil {
		return err
	}
	return g.locked(ctx, bucket, key, func() error { return g.Backend.DeleteObjectTagging(ctx, bucket, key, version) })
}

// GetObjectRetention implements backend.Backend.
func (g *guarded) GetObjectRetention(ctx context.Context, bucket, key, version string) ([]byte, error) {
	if err := g.reads(key, version); err != nil {
		return nil, err
	}
	return g.Backend.GetObjectRetention(ctx, bucket, key, version)
}

// PutObjectRetention implements backend.Backend.
func (g *guarded) PutObjectRetention(ctx context.Context, bucket, key, version string, retention []byte) error {
	if err := g.reads(key, version); err != nil {
		return err
	}
	return g.locked(ctx, bucket, key, func() error { return g.Backend.PutObjectRetention(ctx, bucket, key, version, retention) })
}

// GetObjectLegalHold implements backend.Backend.
func (g *guarded) GetObjectLegalHold(ctx context.Context, bucket, key, version string) (*bool, error) {
	if err := g.reads(key, version); err != nil {
		return nil, err
	}
	return g.Backend.GetObjectLegalHold(ctx, bucket, key, version)
}

// PutObjectLegalHold implements backend.Backend.
func (g *guarded) PutObjectLegalHold(ctx context.Context, bucket, key, version string, on bool) error {
	if err := g.reads(key, version); err != nil {
		return err
	}
	return g.locked(ctx, bucket, key, func() error { return g.Backend.PutObjectLegalHold(ctx, bucket, key, version, on) })
}

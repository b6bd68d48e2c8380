package s3store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3response"
)

// Multipart uploads, and the operations that have no key or another one.

// CreateMultipartUpload implements backend.Backend.
func (g *guarded) CreateMultipartUpload(ctx context.Context, in s3response.CreateMultipartUploadInput) (out s3response.InitiateMultipartUploadResult, err error) {
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
	if out, err = g.Backend.CreateMultipartUpload(ctx, in); err != nil {
		return out, err
	}
	if err := g.noteBegun(*in.Bucket, *in.Key, out.UploadId); err != nil {
		return out, err
	}
	return out, g.keeper.upload(*in.Bucket, *in.Key, out.UploadId, 0)
}

// upload checks what names an upload.
func (g *guarded) upload(key, uploadID *string) error {
	if err := checkKey(text(key), g.sidecar); err != nil {
		return checkUpload("") // of no key was one begun
	}
	return checkUpload(text(uploadID))
}

// UploadPart implements backend.Backend.
func (g *guarded) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	if err := g.upload(in.Key, in.UploadId); err != nil {
		return nil, err
	}
	leave, err := g.gates.enter(ctx, *in.Bucket)
	if err != nil {
		return nil, err
	}
	defer leave()
	request := *in
	request.Body = whole(in.Body, in.ContentLength)
	out, err := g.Backend.UploadPart(ctx, &request)
	if err != nil {
		return out, err
	}
	return out, g.keeper.upload(*in.Bucket, *in.Key, *in.UploadId, *in.PartNumber)
}

// UploadPartCopy implements backend.Backend.
func (g *guarded) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput) (out s3response.CopyPartResult, err error) {
	if err := g.upload(in.Key, in.UploadId); err != nil {
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
	if out, err = g.Backend.UploadPartCopy(ctx, in); err != nil {
		return out, err
	}
	return out, g.keeper.upload(*in.Bucket, *in.Key, *in.UploadId, *in.PartNumber)
}

// CompleteMultipartUpload implements backend.Backend.
func (g *guarded) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (out s3response.CompleteMultipartUploadResult, version string, err error) {
	if err := g.upload(in.Key, in.UploadId); err != nil {
		return out, "", err
	}
	leave, err := g.gates.enter(ctx, *in.Bucket)
	if err != nil {
		return out, "", err
	}
	defer leave()
	end, err := g.completing.begin(ctx, *in.Bucket+"/"+*in.UploadId)
	if err != nil {
		return out, "", err
	}
	defer end()
	if _, err := os.Stat(filepath.Join(g.keeper.buckets, *in.Bucket)); err == nil {
		if err := g.completable(*in.Bucket, *in.Key, *in.UploadId); err != nil {
			return out, "", err
		}
	}
	replaced, err := g.keepCurrent(ctx, *in.Bucket, *in.Key)
	if err != nil {
		return out, "", err
	}
	if out, version, err = g.Backend.CompleteMultipartUpload(ctx, in); err == nil {
		err = replaced()
	}
	return out, version, g.kept(err, *in.Bucket, *in.Key)
}

// AbortMultipartUpload implements backend.Backend. The server would delete part by
// part, and killed at that leave an upload that can no longer be completed.
func (g *guarded) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput) error {
	if err := g.upload(in.Key, in.UploadId); err != nil {
		return err
	}
	leave, err := g.gates.enter(ctx, *in.Bucket)
	if err != nil {
		return err
	}
	defer leave()
	folder := filepath.Join(multipartDir, fmt.Sprintf("%x", sha256.Sum256([]byte(*in.Key))))
	path := filepath.Join(g.keeper.buckets, *in.Bucket, folder, *in.UploadId)
	if _, missing := os.Stat(path); missing != nil || in.IfMatchInitiatedTime != nil {
		return g.Backend.AbortMultipartUpload(ctx, in) // which says what is missing; the condition is that of directory buckets
	}
	if err := g.keeper.discard(path); err != nil {
		return err
	}
	_ = os.Remove(filepath.Dir(path)) // if it was the only one
	if g.sidecar {
		_ = g.attributes.DeleteAttributes(*in.Bucket, filepath.Join(folder, *in.UploadId)) // as the server, which then has no such upload either
	}
	return g.keeper.upload(*in.Bucket, *in.Key, *in.UploadId, 0)
}

// ListParts implements backend.Backend.
func (g *guarded) ListParts(ctx context.Context, in *s3.ListPartsInput) (s3response.ListPartsResult, error) {
	if err := g.upload(in.Key, in.UploadId); err != nil {
		return s3response.ListPartsResult{}, err
	}
	return g.Backend.ListParts(ctx, in)
}

// nothing is a listing's prefix that no key has, where the prefix that was asked
// for would be read as a path to other keys.
func nothing(prefix *string) *string {
	if !impossible(text(prefix)) {
		return prefix
	}
	none := "\x01"
	return &none
}

// ListObjects implements backend.Backend.
func (g *guarded) ListObjects(ctx context.Context, in *s3.ListObjectsInput) (s3response.ListObjectsResult, error) {
	request := *in
	request.Prefix = nothing(in.Prefix)
	out, err := g.Backend.ListObjects(ctx, &request)
	out.Prefix = in.Prefix
	if text(in.Delimiter) == "" { // S3 API Reference, ListObjects, NextMarker
		out.NextMarker = nil
	}
	out.Contents = withoutStrays(ctx, g, *in.Bucket, out.Contents, func(o s3response.Object) *string { return o.Key })
	out.CommonPrefixes = g.withoutDeleted(ctx, *in.Bucket, out.CommonPrefixes)
	return out, err
}

// withoutDeleted leaves out the prefixes under which there are delete markers and
// no objects, which the server takes for objects there.
func (g *guarded) withoutDeleted(ctx context.Context, bucket string, prefixes []types.CommonPrefix) []types.CommonPrefix {
	if g.versions == "" || len(prefixes) == 0 {
		return prefixes
	}
	if _, err := os.Stat(filepath.Join(g.versions, bucket)); err != nil {
		return prefixes
	}
	return slices.DeleteFunc(prefixes, func(p types.CommonPrefix) bool {
		one, none := int32(1), ""
		found, err := g.Backend.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: p.Prefix, MaxKeys: &one, Delimiter: &none, StartAfter: &none, ContinuationToken: &none})
		return err == nil && len(found.Contents) == 0
	})
}

// ListObjectsV2 implements backend.Backend.
func (g *guarded) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input) (s3response.ListObjectsV2Result, error) {
	request := *in
	request.Prefix = nothing(in.Prefix)
	out, err := g.Backend.ListObjectsV2(ctx, &request)
	out.Prefix, out.ContinuationToken = in.Prefix, in.ContinuationToken // where start-after stands
	all := len(out.Contents) + len(out.CommonPrefixes)
	out.Contents = withoutStrays(ctx, g, *in.Bucket, out.Contents, func(o s3response.Object) *string { return o.Key })
	out.CommonPrefixes = g.withoutDeleted(ctx, *in.Bucket, out.CommonPrefixes)
	if fewer := all - len(out.Contents) - len(out.CommonPrefixes); fewer > 0 && out.KeyCount != nil {
		*out.KeyCount -= int32(fewer)
	}
	return out, err
}

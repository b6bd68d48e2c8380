package s3store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// The server's names of attributes (backend/posix of versitygw 1.8.0).
const (
	aclAttribute       = "acl"
	tagsAttribute      = "X-Amz-Tagging"
	holdAttribute      = "object-legal-hold"
	retentionAttribute = "object-retention"
	lockAttribute      = "bucket-lock"
	markerAttribute    = "delete-marker"
	versionAttribute   = "version-id"
	keyAttribute       = "objname" // of the folder of a key's uploads
	uploadAttribute    = "mp-metadata"
)

// attribute is one of an object that is about to get its name.
type attribute struct {
	name  string
	value []byte
}

// put puts an object. The server gives an object its name first, and its tags,
// legal hold and retention afterwards: whoever looked in between, or after a
// crash, would find it without them, and policies that depend on tags and locks
// would not see any. Here it has them before.
func (g *guarded) put(ctx context.Context, in s3response.PutObjectInput, more ...attribute) (out s3response.PutObjectOutput, err error) {
	if g.sidecar || strings.HasSuffix(*in.Key, "/") { // attributes belong to the name
		return g.Backend.PutObject(ctx, in)
	}
	attributes, err := g.late(&in)
	if err != nil {
		return out, err
	}
	end, err := g.saveNull(ctx, *in.Bucket, *in.Key)
	if err != nil {
		return out, err
	}
	defer end()
	select {
	case g.turns <- struct{}{}:
	case <-ctx.Done():
		return out, ctx.Err()
	}
	defer func() { <-g.turns }()
	return g.posix.PutObjectWithPostFunc(ctx, in, func(f *os.File) error {
		for _, a := range append(attributes, more...) {
			if err := g.attributes.StoreAttribute(f, *in.Bucket, *in.Key, a.name, a.value); err != nil {
				return err
			}
		}
		return nil
	})
}

// late takes from a request what the server would store late.
func (g *guarded) late(in *s3response.PutObjectInput) ([]attribute, error) {
	var attributes []attribute
	tags, err := backend.ParseObjectTags(text(in.Tagging))
	if err != nil {
		return nil, err
	}
	if tags != nil {
		value, err := json.Marshal(tags)
		if err != nil {
			return nil, fmt.Errorf("s3store: %w", err)
		}
		attributes = append(attributes, attribute{tagsAttribute, value})
	}
	in.Tagging = nil
	if in.ObjectLockLegalHoldStatus == types.ObjectLockLegalHoldStatusOn {
		attributes = append(attributes, attribute{holdAttribute, []byte{1}})
	}
	if in.ObjectLockMode != "" {
		value, err := json.Marshal(types.ObjectLockRetention{Mode: types.ObjectLockRetentionMode(in.ObjectLockMode), RetainUntilDate: in.ObjectLockRetainUntilDate})
		if err != nil {
			return nil, fmt.Errorf("s3store: %w", err)
		}
		attributes = append(attributes, attribute{retentionAttribute, value})
	}
	if in.ObjectLockLegalHoldStatus == types.ObjectLockLegalHoldStatusOn || in.ObjectLockMode != "" {
		if err := g.lockable(*in.Bucket); err != nil {
			return nil, err
		}
	}
	in.ObjectLockLegalHoldStatus, in.ObjectLockMode, in.ObjectLockRetainUntilDate = "", "", nil
	return attributes, nil
}

// lockable is nil for a bucket whose objects can be locked.
func (g *guarded) lockable(bucket string) error {
	raw, err := g.attributes.RetrieveAttribute(nil, bucket, "", lockAttribute)
	switch {
	case errors.Is(err, meta.ErrNoSuchKey):
		return s3err.GetAPIError(s3err.ErrMissingObjectLockConfigurationNoSpaces)
	case errors.Is(err, os.ErrNotExist):
		return s3err.GetBucketErr(s3err.ErrNoSuchBucket, bucket)
	case err != nil:
		return fmt.Errorf("s3store: %w", err)
	}
	var config auth.BucketLockConfig
	if err := json.Unmarshal(raw, &config); err != nil {
		return fmt.Errorf("s3store: the lock configuration of %s: %w", bucket, err)
	}
	if !config.Enabled {
		return s3err.GetAPIError(s3err.ErrMissingObjectLockConfigurationNoSpaces)
	}
	return nil
}

// copyObject gets an object and puts it. The server would copy the tags of an
// object once the copy has its name; it would change an object that is copied
// onto itself in place, attribute by attribute, and make no version of it; and it
// would copy what a delete marker hides.
func (g *guarded) copyObject(ctx context.Context, in s3response.CopyObjectInput) (out s3response.CopyObjectOutput, err error) {
	bucket, key, version, err := backend.ParseCopySource(*in.CopySource)
	if err != nil {
		return out, err
	}
	replace := in.MetadataDirective == types.MetadataDirectiveReplace
	if bucket == *in.Bucket && key == *in.Key && version == "" && !replace {
		return out, s3err.GetAPIError(s3err.ErrInvalidCopyDest)
	}
	source, err := g.copySource(ctx, &in, bucket, key, version)
	if err != nil {
		return out, err
	}
	if source.Body != nil {
		defer source.Body.Close() //nolint:errcheck // read
	}
	request, err := g.copyRequest(ctx, &in, source, bucket, key, version)
	if err != nil {
		return out, err
	}
	put, err := g.put(ctx, request)
	if err != nil {
		return out, err
	}
	info, err := os.Stat(filepath.Join(g.keeper.buckets, *in.Bucket, *in.Key))
	if err != nil {
		return out, fmt.Errorf("s3store: %w", err)
	}
	modified := info.ModTime()
	return s3response.CopyObjectOutput{
		CopyObjectResult: &s3response.CopyObjectResult{
			ETag: &put.ETag, LastModified: &modified, ChecksumType: put.ChecksumType,
			ChecksumCRC32: put.ChecksumCRC32, ChecksumCRC32C: put.ChecksumCRC32C, ChecksumCRC64NVME: put.ChecksumCRC64NVME,
			ChecksumSHA1: put.ChecksumSHA1, ChecksumSHA256: put.ChecksumSHA256, ChecksumSHA512: put.ChecksumSHA512, ChecksumMD5: put.ChecksumMD5,
			ChecksumXXHASH64: put.ChecksumXXHASH64, ChecksumXXHASH3: put.ChecksumXXHASH3, ChecksumXXHASH128: put.ChecksumXXHASH128,
		},
		VersionId: &put.VersionID, CopySourceVersionId: &version,
	}, nil
}

// copySource opens what is to be copied, if the conditions hold.
func (g *guarded) copySource(ctx context.Context, in *s3response.CopyObjectInput, bucket, key, version string) (*s3.GetObjectOutput, error) {
	asked := &s3.GetObjectInput{Bucket: &bucket, Key: &key, Range: new(string), ChecksumMode: types.ChecksumModeEnabled}
	if version != "" {
		asked.VersionId = &version
	}
	source, err := g.Backend.GetObject(ctx, asked)
	if errors.Is(err, s3err.GetAPIError(s3err.ErrMethodNotAllowed)) {
		return nil, s3err.APIError{ // as users of S3 published it
			Code: "InvalidRequest", HTTPStatusCode: http.StatusBadRequest,
			Description: "The source of a copy request may not specifically refer to a delete marker by version id.",
		}
	}
	if err != nil {
		return nil, err
	}
	err = backend.EvaluatePreconditions(*source.ETag, *source.LastModified, backend.PreConditions{
		IfMatch: in.CopySourceIfMatch, IfNoneMatch: in.CopySourceIfNoneMatch,
		IfModSince: in.CopySourceIfModifiedSince, IfUnmodeSince: in.CopySourceIfUnmodifiedSince,
	})
	if err == nil && *source.ContentLength > copyThreshold {
		err = s3err.GetCopySourceObjectTooLargeErr(copyThreshold)
	}
	if err != nil && source.Body != nil {
		_ = source.Body.Close() // nothing was read
	}
	return source, err
}

// copyRequest is the request that puts the copy.
func (g *guarded) copyRequest(ctx context.Context, in *s3response.CopyObjectInput, source *s3.GetObjectOutput, bucket, key, version string) (s3response.PutObjectInput, error) {
	request := s3response.PutObjectInput{
		Bucket: in.Bucket, Key: in.Key, Body: strings.NewReader(""), ContentLength: source.ContentLength, ChecksumAlgorithm: in.ChecksumAlgorithm,
		ContentType: in.ContentType, ContentEncoding: plainEncoding(in.ContentEncoding), ContentDisposition: in.ContentDisposition, ContentLanguage: in.ContentLanguage,
		CacheControl: in.CacheControl, Expires: in.Expires, WebsiteRedirectLocation: in.WebsiteRedirectLocation, Metadata: in.Metadata,
		ObjectLockRetainUntilDate: in.ObjectLockRetainUntilDate, ObjectLockMode: in.ObjectLockMode, ObjectLockLegalHoldStatus: in.ObjectLockLegalHoldStatus,
		Tagging: in.Tagging,
	}
	if source.Body != nil { // nil of a key that ends in a slash
		request.Body = io.Reader(source.Body)
	}
	if request.ChecksumAlgorithm == "" {
		request.ChecksumAlgorithm = algorithmOf(source)
	}
	if in.MetadataDirective != types.MetadataDirectiveReplace {
		request.ContentType, request.ContentEncoding, request.ContentDisposition = source.ContentType, source.ContentEncoding, source.ContentDisposition
		request.ContentLanguage, request.CacheControl, request.Expires = source.ContentLanguage, source.CacheControl, source.ExpiresString
		request.Metadata = source.Metadata
	}
	if in.TaggingDirective != types.TaggingDirectiveReplace {
		tags, err := g.Backend.GetObjectTagging(ctx, bucket, key, version)
		if err != nil {
			return request, err
		}
		request.Tagging = encodeTags(tags)
	}
	return request, nil
}

// algorithmOf is the algorithm of the checksum that an object has, "" for none.
func algorithmOf(o *s3.GetObjectOutput) types.ChecksumAlgorithm {
	for algorithm, sum := range map[types.ChecksumAlgorithm]*string{
		types.ChecksumAlgorithmCrc32: o.ChecksumCRC32, types.ChecksumAlgorithmCrc32c: o.ChecksumCRC32C, types.ChecksumAlgorithmCrc64nvme: o.ChecksumCRC64NVME,
		types.ChecksumAlgorithmSha1: o.ChecksumSHA1, types.ChecksumAlgorithmSha256: o.ChecksumSHA256, types.ChecksumAlgorithmSha512: o.ChecksumSHA512,
		types.ChecksumAlgorithmMd5: o.ChecksumMD5, types.ChecksumAlgorithmXxhash64: o.ChecksumXXHASH64,
		types.ChecksumAlgorithmXxhash3: o.ChecksumXXHASH3, types.ChecksumAlgorithmXxhash128: o.ChecksumXXHASH128,
	} {
		if sum != nil {
			return algorithm
		}
	}
	return ""
}

// encodeTags writes tags as the header x-amz-tagging has them.
func encodeTags(tags map[string]string) *string {
	values := url.Values{}
	for key, value := range tags {
		values.Set(key, value)
	}
	encoded := values.Encode()
	return &encoded
}

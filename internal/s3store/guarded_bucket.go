package s3store

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// What changes a bucket is kept before it is acknowledged.

// PutBucketAcl implements backend.Backend.
func (g *guarded) PutBucketAcl(ctx context.Context, bucket string, acl []byte) error {
	return g.keptBucket(g.Backend.PutBucketAcl(ctx, bucket, acl), bucket)
}

// PutBucketVersioning implements backend.Backend.
func (g *guarded) PutBucketVersioning(ctx context.Context, bucket string, status types.BucketVersioningStatus) error {
	return g.keptBucket(g.Backend.PutBucketVersioning(ctx, bucket, status), bucket)
}

// PutBucketPolicy implements backend.Backend.
func (g *guarded) PutBucketPolicy(ctx context.Context, bucket string, policy []byte) error {
	return g.keptBucket(g.Backend.PutBucketPolicy(ctx, bucket, policy), bucket)
}

// DeleteBucketPolicy implements backend.Backend.
func (g *guarded) DeleteBucketPolicy(ctx context.Context, bucket string) error {
	return g.keptBucket(g.Backend.DeleteBucketPolicy(ctx, bucket), bucket)
}

// PutBucketOwnershipControls implements backend.Backend.
func (g *guarded) PutBucketOwnershipControls(ctx context.Context, bucket string, ownership types.ObjectOwnership) error {
	return g.keptBucket(g.Backend.PutBucketOwnershipControls(ctx, bucket, ownership), bucket)
}

// DeleteBucketOwnershipControls implements backend.Backend.
func (g *guarded) DeleteBucketOwnershipControls(ctx context.Context, bucket string) error {
	return g.keptBucket(g.Backend.DeleteBucketOwnershipControls(ctx, bucket), bucket)
}

// PutBucketCors implements backend.Backend.
func (g *guarded) PutBucketCors(ctx context.Context, bucket string, cors []byte) error {
	return g.keptBucket(g.Backend.PutBucketCors(ctx, bucket, cors), bucket)
}

// DeleteBucketCors implements backend.Backend.
func (g *guarded) DeleteBucketCors(ctx context.Context, bucket string) error {
	return g.keptBucket(g.Backend.DeleteBucketCors(ctx, bucket), bucket)
}

// PutBucketWebsite implements backend.Backend.
func (g *guarded) PutBucketWebsite(ctx context.Context, bucket string, website []byte) error {
	return g.keptBucket(g.Backend.PutBucketWebsite(ctx, bucket, website), bucket)
}

// DeleteBucketWebsite implements backend.Backend.
func (g *guarded) DeleteBucketWebsite(ctx context.Context, bucket string) error {
	return g.keptBucket(g.Backend.DeleteBucketWebsite(ctx, bucket), bucket)
}

// PutBucketTagging implements backend.Backend.
func (g *guarded) PutBucketTagging(ctx context.Context, bucket string, tags map[string]string) error {
	return g.keptBucket(g.Backend.PutBucketTagging(ctx, bucket, tags), bucket)
}

// DeleteBucketTagging implements backend.Backend.
func (g *guarded) DeleteBucketTagging(ctx context.Context, bucket string) error {
	return g.keptBucket(g.Backend.DeleteBucketTagging(ctx, bucket), bucket)
}

// PutObjectLockConfiguration implements backend.Backend.
func (g *guarded) PutObjectLockConfiguration(ctx context.Context, bucket string, lock []byte) error {
	return g.keptBucket(g.Backend.PutObjectLockConfiguration(ctx, bucket, lock), bucket)
}

package s3_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/daypass/daypass/internal/store"
)

// TestSettle: of a creation or deletion that a killed process began, the record
// goes where the store does not have the bucket, and stays where it does.
func TestSettle(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	there, gone := g.bucket(t), g.bucket(t)+"-gone"
	begun := time.Now().Add(-time.Hour)
	begin := func(name string, at time.Time) {
		put(t, g, store.BucketID(name), store.Bucket{Account: account, Name: name, Change: &store.BucketChange{Request: "killed", Begun: at}})
	}
	begin(there, begun)
	begin(gone, begun)
	must(t, g.handler.Settle(t.Context(), time.Now(), false))
	if b, ok := g.Directory.Snapshot().Bucket(there); !ok || b.Change != nil {
		t.Errorf("a bucket that the store has: %+v, %t", b, ok)
	}
	if b, ok := g.Directory.Snapshot().Bucket(gone); ok {
		t.Errorf("a bucket that the store does not have: %+v", b)
	}

	begin(gone, time.Now())
	must(t, g.handler.Settle(t.Context(), time.Now(), false))
	if _, ok := g.Directory.Snapshot().Bucket(gone); !ok {
		t.Error("a creation that may be at work is settled")
	}
	must(t, g.handler.Settle(t.Context(), time.Now(), true))
	if _, ok := g.Directory.Snapshot().Bucket(gone); ok {
		t.Error("a creation that cannot be at work is not settled")
	}
}

// TestBucketChange: what creates or deletes a bucket while another request does is
// refused, and takes the place of one that never ended, tags included.
func TestBucketChange(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	name := g.bucket(t)
	change(t, g, store.BucketID(name), func(b *store.Bucket) { b.Change = &store.BucketChange{Request: "other", Begun: time.Now()} })
	create := &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	}}
	_, err := g.admin.CreateBucket(t.Context(), create)
	wantCode(t, "create", err, "OperationAborted")
	_, err = g.admin.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &name})
	wantCode(t, "delete", err, "OperationAborted")
	_, err = g.admin.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &name})
	must(t, err)

	stale := func(b *store.Bucket) {
		b.Change = &store.BucketChange{Request: "other", Begun: time.Now().Add(-time.Hour)}
	}
	change(t, g, store.BucketID(name), stale)
	_, err = g.admin.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &name})
	must(t, err)
	put(t, g, store.BucketID(name), store.Bucket{Account: account, Name: name, Created: time.Now()})
	change(t, g, store.BucketID(name), stale)
	_, err = g.admin.CreateBucket(t.Context(), create)
	must(t, err)
	tags, err := g.admin.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name})
	if err != nil || len(tags.TagSet) != 1 {
		t.Errorf("the tags of the bucket: %+v, %v", tags, err)
	}
	if b, ok := g.Directory.Snapshot().Bucket(name); !ok || b.Change != nil {
		t.Errorf("the record is %+v, %t", b, ok)
	}

	_, err = g.admin.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: aws.String("k")})
	must(t, err)
	_, err = g.admin.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &name})
	wantCode(t, "delete what is not empty", err, "BucketNotEmpty")
	if b, ok := g.Directory.Snapshot().Bucket(name); !ok || b.Change != nil {
		t.Errorf("after a deletion that was refused the record is %+v, %t", b, ok)
	}
}

func wantCode(t testing.TB, what string, err error, want string) {
	t.Helper()
	if code(err) != want {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// S3Config is a bucket as a target.
type S3Config struct {
	Client *s3.Client
	// Anonymous asks the same endpoint unsigned, to see what the public may.
	Anonymous *s3.Client
	Bucket    string
	Prefix    string // with its slash; "" for none
	// Owner is the account that must own the bucket, 12 digits. It is sent with
	// every request, so that a bucket that another made under the name is refused.
	Owner string
	// OwnerNeeded is set for AWS; other stores may know no such account.
	OwnerNeeded bool
	// MaxAge is for Cache-Control of what the public reads.
	MaxAge time.Duration
	// Public are the keys that the public reads.
	Public []string
	// Unversioned accepts a bucket that keeps no versions.
	Unversioned bool
}

type bucketTarget struct{ S3Config }

// NewS3 makes a target of a bucket.
func NewS3(c S3Config) (Target, error) {
	switch {
	case strings.Contains(c.Bucket, "."):
		return nil, refuse("bucket-dots", "the bucket's name %.80q has dots, so that no certificate of S3 fits https://%.80s.s3.REGION.amazonaws.com", c.Bucket, c.Bucket)
	case c.Bucket == "":
		return nil, errors.New("publish: the bucket has no name")
	case c.Owner == "" && c.OwnerNeeded:
		return nil, refuse("bucket-owner", "whose bucket is %q? Give --expected-bucket-owner with the 12 digits of your account: a bucket that was deleted can be made again by anybody", c.Bucket)
	}
	return &bucketTarget{c}, nil
}

func (b *bucketTarget) String() string { return "s3://" + b.Bucket + "/" + b.Prefix }

func (b *bucketTarget) owner() *string {
	if b.Owner == "" {
		return nil
	}
	return &b.Owner
}

// code is the error code of S3, "" for another error.
func code(err error) string {
	var fault smithy.APIError
	if errors.As(err, &fault) {
		return fault.ErrorCode()
	}
	return ""
}

// status is the HTTP status of an error of S3, 0 for another.
func status(err error) int {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

func (b *bucketTarget) Get(ctx context.Context, key string) (*Object, error) {
	out, err := b.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Bucket, Key: aws.String(b.Prefix + key), ExpectedBucketOwner: b.owner()})
	if code(err) == "NoSuchKey" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("publish: read %s%s: %w", b, key, err)
	}
	defer out.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(out.Body, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("publish: read %s%s: %w", b, key, err)
	}
	return &Object{body, aws.ToString(out.ETag), aws.ToString(out.VersionId)}, nil
}

func (b *bucketTarget) Put(ctx context.Context, key string, body []byte, was *Object) (*Object, error) {
	in := &s3.PutObjectInput{
		Bucket: &b.Bucket, Key: aws.String(b.Prefix + key), Body: bytes.NewReader(body), ExpectedBucketOwner: b.owner(),
		ContentType: aws.String("application/json"), CacheControl: aws.String(fmt.Sprintf("public, max-age=%d", int(b.MaxAge.Seconds()))),
	}
	if key == LedgerKey {
		in.ContentType, in.CacheControl = aws.String("application/x-ndjson"), aws.String("no-store")
	}
	if was == nil {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &was.ETag
	}
	out, err := b.Client.PutObject(ctx, in)
	switch {
	case err == nil:
		return &Object{body, aws.ToString(out.ETag), aws.ToString(out.VersionId)}, nil
	case status(err) == http.StatusPreconditionFailed, status(err) == http.StatusConflict, status(err) == http.StatusNotFound && code(err) == "NoSuchKey":
		// 409 is another's write under way (S3 User Guide, "How to prevent object
		// overwrites with conditional writes").
		if is, err := b.Get(ctx, key); err == nil && is == nil && was == nil {
			return nil, fmt.Errorf("publish: %s says that %s is there when it is to be written, and that it is not when it is read. Some stores take a deletion in a bucket with versions for an object: remove the delete marker (aws s3api list-object-versions)", b, key)
		}
		return nil, ErrChanged
	}
	return nil, fmt.Errorf("publish: write %s%s: %w", b, key, err)
}

// Check holds the bucket against the rules. What the public may do is asked as
// the public: nothing that a policy says matters more. None of the questions
// changes anything, whatever the answer.
func (b *bucketTarget) Check(ctx context.Context) (warnings []string, err error) {
	if _, err := b.Client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.Bucket, ExpectedBucketOwner: b.owner()}); err != nil {
		switch status(err) {
		case http.StatusForbidden:
			return nil, refuse("bucket-owner", "the bucket %s is not owned by the account %s, or may not be read by you (403)", b.Bucket, b.Owner)
		case http.StatusNotFound:
			return nil, fmt.Errorf("publish: there is no bucket %s. If the issuer was in use, whoever makes one of that name owns it", b.Bucket)
		}
		return nil, fmt.Errorf("publish: bucket %s: %w", b.Bucket, err)
	}
	versions, err := b.Client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.Bucket, ExpectedBucketOwner: b.owner()})
	switch {
	case err != nil:
		warnings = append(warnings, "whether the bucket keeps versions is not known: "+code(err))
		if !b.Unversioned {
			return nil, refuse("versioning", "whether the bucket %s keeps versions cannot be read (%s): allow s3:GetBucketVersioning, or accept that with --accept unversioned", b.Bucket, code(err))
		}
	case versions.Status != types.BucketVersioningStatusEnabled && !b.Unversioned:
		return nil, refuse("versioning", "the bucket %s keeps no versions, so that nobody could see later what was published. Turn versioning on, or accept that with --accept unversioned", b.Bucket)
	}
	if err := b.checkPublic(ctx); err != nil {
		return nil, err
	}
	// A policy that is no JSON is stored by nobody; who may not put one is told so
	// first.
	_, err = b.Client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &b.Bucket, Policy: aws.String("{"), ExpectedBucketOwner: b.owner()})
	if code(err) == "MalformedPolicy" {
		warnings = append(warnings, "these credentials could also change the bucket's policy; publish with a role that may write the objects and nothing else")
	}
	return warnings, nil
}

func (b *bucketTarget) checkPublic(ctx context.Context) error {
	if b.Anonymous == nil {
		return nil
	}
	if _, err := b.Anonymous.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.Bucket, MaxKeys: aws.Int32(1)}); err == nil {
		return refuse("public-list", "everybody can list the bucket %s; its policy must give the public s3:GetObject on the two documents and nothing else", b.Bucket)
	}
	out, err := b.Anonymous.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Bucket, Key: aws.String(b.Prefix + LedgerKey)})
	if err == nil {
		_ = out.Body.Close()
	}
	if err == nil || status(err) == http.StatusNotFound {
		// Who may neither read nor list is told 403, whether it is there or not.
		return refuse("public-read", "everybody can read more of the bucket %s than the two documents; its policy must give the public s3:GetObject on them and nothing else", b.Bucket)
	}
	for _, key := range append([]string{"daypass-publish-probe"}, b.Public...) {
		if err := b.checkPublicWrite(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// checkPublicWrite asks as the public to write what no store may write: over an
// object, one under a condition that does not hold; where there is none, one with
// a body that is not that of its Content-MD5. Who may not write is told 403 before
// either is looked at; for an object that is not there, the condition alone would
// be answered with 403 too.
func (b *bucketTarget) checkPublicWrite(ctx context.Context, key string) error {
	is, err := b.Get(ctx, key)
	if err != nil {
		return err
	}
	in := &s3.PutObjectInput{Bucket: &b.Bucket, Key: aws.String(b.Prefix + key), Body: strings.NewReader("probe"), ContentMD5: aws.String("AAAAAAAAAAAAAAAAAAAAAA==")}
	if is != nil {
		in.IfMatch = aws.String(`"00000000000000000000000000000000"`)
	}
	if _, err := b.Anonymous.PutObject(ctx, in); err == nil || code(err) == "BadDigest" || code(err) == "PreconditionFailed" || code(err) == "NoSuchKey" {
		return refuse("public-write", "everybody can write %s to the bucket %s, and so publish keys", key, b.Bucket)
	}
	return nil
}

package s3store_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	awshttp "github.com/aws/smithy-go/transport/http"
)

// TestFeatures asks for each feature of S3 that docs/s3-store.md lists, with the
// metadata in attributes and in files.
func TestFeatures(t *testing.T) {
	for _, format := range []string{"extended attributes", "files"} {
		t.Run(format, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "format"), []byte("metadata: "+format+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c, _ := open(t, dir)
			for name, test := range features {
				if format == "files" && (name == "Versioning" || name == "DeletedConditions" || name == "Races") {
					test = testNoVersioning
				}
				t.Run(name, func(t *testing.T) {
					test(t, c, bucket(t, c, strings.ToLower(name)))
				})
			}
		})
	}
}

var features = map[string]func(*testing.T, *s3.Client, *string){
	"Buckets":           testBuckets,
	"Metadata":          testMetadata,
	"Ranges":            testRanges,
	"Conditions":        testConditions,
	"Checksums":         testChecksums,
	"Copy":              testCopy,
	"Tagging":           testTagging,
	"Versioning":        testVersioning,
	"DeletedConditions": testDeletedConditions,
	"Multipart":         testMultipart,
	"Listing":           testListing,
	"Deletes":           testDeletes,
	"Concurrent":        testConcurrent,
	"Races":             testVersionedRaces,
	"Acl":               testACL,
}

func testBuckets(t *testing.T, c *s3.Client, bucket *string) {
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); code(err) != "BucketAlreadyOwnedByYou" {
		t.Errorf("CreateBucket again: %v", err)
	}
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("A_b")}); code(err) != "InvalidBucketName" {
		t.Errorf("CreateBucket A_b: %v", err)
	}
	if out, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil || !slices.ContainsFunc(out.Buckets, func(b types.Bucket) bool { return *b.Name == *bucket }) {
		t.Errorf("ListBuckets: %v", err)
	}
	if _, err := c.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("not-there")}); code(err) != "NotFound" {
		t.Errorf("HeadBucket: %v", err)
	}
	if _, err := c.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: bucket}); err != nil {
		t.Errorf("GetBucketLocation: %v", err)
	}
	put(t, c, bucket, "key", "x")
	if _, err := c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: bucket}); code(err) != "BucketNotEmpty" {
		t.Errorf("DeleteBucket of a full one: %v", err)
	}
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("key")}); err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: bucket}); err != nil {
		t.Errorf("DeleteBucket: %v", err)
	}
}

func testMetadata(t *testing.T, c *s3.Client, bucket *string) {
	large := strings.Repeat("m", 1900)
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: bucket, Key: aws.String("k"), Body: strings.NewReader("{}"), ContentType: aws.String("application/json"),
		ContentEncoding: aws.String("gzip"), CacheControl: aws.String("no-store"), ContentDisposition: aws.String(`attachment; filename="a b"`),
		ContentLanguage: aws.String("de"), Metadata: map[string]string{"colour": "blue  and red", "large": large},
		Expires: aws.Time(time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC)),
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{*out.ContentType, *out.ContentEncoding, *out.CacheControl, *out.ContentDisposition, *out.ContentLanguage, out.Metadata["colour"]}
	want := []string{"application/json", "gzip", "no-store", `attachment; filename="a b"`, "de", "blue  and red"}
	if !slices.Equal(got, want) || out.Metadata["large"] != large || *out.ContentLength != 2 {
		t.Errorf("metadata is %q, %v", got, out.Metadata)
	}
	// What replaces it has nothing of it.
	put(t, c, bucket, "replaced", "x")
	for _, in := range []*s3.PutObjectInput{{ContentLanguage: aws.String("de"), Metadata: map[string]string{"a": "b"}, Tagging: aws.String("t=u")}, {}} {
		in.Bucket, in.Key, in.Body = bucket, aws.String("replaced"), strings.NewReader("y")
		if _, err := c.PutObject(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	replaced, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("replaced")})
	if err != nil || replaced.ContentLanguage != nil || len(replaced.Metadata) != 0 || replaced.TagCount != nil {
		t.Errorf("what replaces an object: %v, %+v", err, replaced)
	}
	if _, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("none")}); code(err) != "NotFound" {
		t.Errorf("HeadObject of none: %v", err)
	}
	attributes, err := c.GetObjectAttributes(t.Context(), &s3.GetObjectAttributesInput{
		Bucket: bucket, Key: aws.String("k"), ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectSize, types.ObjectAttributesEtag},
	})
	if err != nil || *attributes.ObjectSize != 2 {
		t.Errorf("GetObjectAttributes: %v", err)
	}
}

func testRanges(t *testing.T, c *s3.Client, bucket *string) {
	put(t, c, bucket, "k", "0123456789")
	for asked, want := range map[string]string{"bytes=0-3": "0123", "bytes=7-": "789", "bytes=-2": "89", "bytes=4-400": "456789"} {
		out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("k"), Range: &asked})
		if err != nil {
			t.Errorf("%s: %v", asked, err)
			continue
		}
		content, _ := io.ReadAll(out.Body)
		_ = out.Body.Close()
		if string(content) != want || !strings.HasPrefix(*out.ContentRange, "bytes ") {
			t.Errorf("%s: %q, %s", asked, content, *out.ContentRange)
		}
	}
	if _, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("k"), Range: aws.String("bytes=10-")}); code(err) != "InvalidRange" {
		t.Errorf("a range behind the end: %v", err)
	}
}

func status(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

func testConditions(t *testing.T, c *s3.Client, bucket *string) {
	tag := put(t, c, bucket, "k", "one").ETag
	if _, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("k"), IfNoneMatch: tag}); status(err) != http.StatusNotModified {
		t.Errorf("If-None-Match: %v", err)
	}
	if _, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("k"), IfMatch: aws.String(`"other"`)}); status(err) != http.StatusPreconditionFailed {
		t.Errorf("If-Match: %v", err)
	}
	if _, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("k"), IfModifiedSince: aws.Time(time.Now().Add(-time.Second))}); err != nil && status(err) != http.StatusNotModified {
		t.Errorf("If-Modified-Since: %v", err)
	}
	write := func(in s3.PutObjectInput) error {
		in.Bucket, in.Key, in.Body = bucket, aws.String("k"), strings.NewReader("two")
		_, err := c.PutObject(t.Context(), &in)
		return err
	}
	if err := write(s3.PutObjectInput{IfNoneMatch: aws.String("*")}); code(err) != "PreconditionFailed" {
		t.Errorf("PutObject If-None-Match: %v", err)
	}
	if err := write(s3.PutObjectInput{IfMatch: aws.String(`"0123"`)}); code(err) != "PreconditionFailed" {
		t.Errorf("PutObject If-Match: %v", err)
	}
	// A store that refuses a large body in its middle is heard all the same.
	large := strings.NewReader(strings.Repeat("x", 8<<20))
	for range 5 {
		_, _ = large.Seek(0, io.SeekStart)
		if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: large, IfNoneMatch: aws.String("*")}); code(err) != "PreconditionFailed" {
			t.Errorf("PutObject If-None-Match, 8 MiB: %v", err)
		}
		_, _ = large.Seek(0, io.SeekStart)
		if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("not-there"), Key: aws.String("k"), Body: large}); code(err) != "NoSuchBucket" {
			t.Errorf("PutObject to no bucket, 8 MiB: %v", err)
		}
	}
	if err := write(s3.PutObjectInput{IfMatch: tag}); err != nil || get(t, c, bucket, "k") != "two" {
		t.Errorf("PutObject If-Match of the object's: %v", err)
	}
}

func testChecksums(t *testing.T, c *s3.Client, bucket *string) {
	for _, algorithm := range []types.ChecksumAlgorithm{
		types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256, types.ChecksumAlgorithmCrc64nvme,
	} {
		for _, size := range []int{0, 5, 64 << 10, 200_000} {
			key := fmt.Sprintf("%s-%d", algorithm, size)
			put, err := c.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: bucket, Key: &key, Body: bytes.NewReader(make([]byte, size)), ChecksumAlgorithm: algorithm,
			})
			if err != nil {
				t.Errorf("%s: %v", key, err)
				continue
			}
			head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
			if err != nil || *head.ContentLength != int64(size) {
				t.Errorf("%s: %v", key, err)
				continue
			}
			sums := func(s ...*string) string {
				i := slices.IndexFunc(s, func(p *string) bool { return p != nil })
				if i < 0 {
					return "none"
				}
				return *s[i]
			}
			sent := sums(put.ChecksumCRC32, put.ChecksumCRC32C, put.ChecksumSHA1, put.ChecksumSHA256, put.ChecksumCRC64NVME)
			kept := sums(head.ChecksumCRC32, head.ChecksumCRC32C, head.ChecksumSHA1, head.ChecksumSHA256, head.ChecksumCRC64NVME)
			if sent != kept || sent == "none" || head.ContentEncoding != nil {
				t.Errorf("%s: put answers %s, head %s", key, sent, kept)
			}
		}
	}
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("wrong"), Body: strings.NewReader("x"), ChecksumCRC32: aws.String("AAAAAA==")})
	if code(err) != "BadDigest" && code(err) != "InvalidRequest" {
		t.Errorf("a wrong checksum: %v", err)
	}
	if _, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("wrong")}); code(err) != "NotFound" {
		t.Errorf("the object of a wrong checksum: %v", err)
	}
}

func testCopy(t *testing.T, c *s3.Client, bucket *string) {
	put(t, c, bucket, "from here/ü+%", "content")
	source := *bucket + "/from%20here/%C3%BC%2B%25"
	if _, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("to"), CopySource: &source}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, c, bucket, "to"); got != "content" {
		t.Errorf("the copy is %q", got)
	}
	_, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{
		Bucket: bucket, Key: aws.String("to"), CopySource: aws.String(*bucket + "/to"), MetadataDirective: types.MetadataDirectiveReplace,
		Metadata: map[string]string{"a": "b"},
	})
	if err != nil {
		t.Errorf("a copy onto itself, with other metadata: %v", err)
	}
	if head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("to")}); err != nil || head.Metadata["a"] != "b" {
		t.Errorf("its metadata: %v", err)
	}
	if _, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("x"), CopySource: aws.String(*bucket + "/none")}); code(err) != "NoSuchKey" {
		t.Errorf("a copy of nothing: %v", err)
	}
}

func testTagging(t *testing.T, c *s3.Client, bucket *string) {
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: strings.NewReader("x"), Tagging: aws.String("a=b")})
	if err != nil {
		t.Fatal(err)
	}
	set := []types.Tag{}
	for i := range 10 { // as many and as long as S3 has them
		set = append(set, types.Tag{Key: aws.String(fmt.Sprintf("%d%s", i, strings.Repeat("k", 127))), Value: aws.String(strings.Repeat("v", 256))})
	}
	if _, err := c.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: bucket, Key: aws.String("k"), Tagging: &types.Tagging{TagSet: set}}); err != nil {
		t.Fatal(err)
	}
	if out, err := c.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: bucket, Key: aws.String("k")}); err != nil || len(out.TagSet) != 10 {
		t.Errorf("GetObjectTagging: %v", err)
	}
	if _, err := c.DeleteObjectTagging(t.Context(), &s3.DeleteObjectTaggingInput{Bucket: bucket, Key: aws.String("k")}); err != nil {
		t.Errorf("DeleteObjectTagging: %v", err)
	}
	if _, err := c.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: bucket, Tagging: &types.Tagging{TagSet: set[:2]}}); err != nil {
		t.Errorf("PutBucketTagging: %v", err)
	}
	if out, err := c.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: bucket}); err != nil || len(out.TagSet) != 2 {
		t.Errorf("GetBucketTagging: %v", err)
	}
}

func testVersioning(t *testing.T, c *s3.Client, bucket *string) {
	if _, err := c.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}); err != nil {
		t.Fatal(err)
	}
	first := put(t, c, bucket, "d/k", "first").VersionId
	second := put(t, c, bucket, "d/k", "second").VersionId
	if first == nil || second == nil || *first == *second {
		t.Fatalf("versions %v and %v", first, second)
	}
	deleted, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("d/k")})
	if err != nil || deleted.DeleteMarker == nil || !*deleted.DeleteMarker {
		t.Fatalf("DeleteObject: %v", err)
	}
	if _, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("d/k")}); code(err) != "NoSuchKey" {
		t.Errorf("GetObject behind a delete marker: %v", err)
	}
	for version, want := range map[string]string{*first: "first", *second: "second"} {
		out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("d/k"), VersionId: &version})
		if err != nil {
			t.Fatal(err)
		}
		content, _ := io.ReadAll(out.Body)
		_ = out.Body.Close()
		if string(content) != want {
			t.Errorf("version %s is %q", version, content)
		}
	}
	list, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: bucket})
	if err != nil || len(list.Versions) != 2 || len(list.DeleteMarkers) != 1 {
		t.Errorf("ListObjectVersions: %v, %+v", err, list)
	}
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("d/k"), VersionId: deleted.VersionId}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, c, bucket, "d/k"); got != "second" {
		t.Errorf("without its delete marker the object is %q", got)
	}
	if _, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("d/k"), VersionId: aws.String("../../x")}); code(err) != "InvalidArgument" {
		t.Errorf("a path as version: %v", err)
	}
}

// testDeletedConditions: what is deleted is not there for a conditional write, and
// of many that write at once one does.
func testDeletedConditions(t *testing.T, c *s3.Client, bucket *string) {
	if _, err := c.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}); err != nil {
		t.Fatal(err)
	}
	key, tag := aws.String("d/k"), put(t, c, bucket, "d/k", "deleted").ETag
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: key}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("x"), IfMatch: tag}); code(err) != "NoSuchKey" {
		t.Errorf("If-Match of what was deleted: %v", err)
	}
	var wrote atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { // with the content that was deleted, whose etag is the same
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("deleted"), IfNoneMatch: aws.String("*")})
			if err == nil {
				wrote.Add(1)
			} else if code(err) != "PreconditionFailed" {
				t.Errorf("If-None-Match over a delete marker: %v", err)
			}
		})
	}
	group.Wait()
	if wrote.Load() != 1 {
		t.Errorf("%d of 8 wrote where nothing was", wrote.Load())
	}
	list, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: bucket})
	if err != nil || len(list.Versions) != 2 || len(list.DeleteMarkers) != 1 {
		t.Errorf("ListObjectVersions: %v, %d versions and %d markers", err, len(list.Versions), len(list.DeleteMarkers))
	}
}

func testNoVersioning(t *testing.T, c *s3.Client, bucket *string) {
	if _, err := c.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}); status(err) != http.StatusNotImplemented {
		t.Errorf("PutBucketVersioning: %v", err)
	}
}

func testMultipart(t *testing.T, c *s3.Client, bucket *string) {
	const parts, size = 8, 8 << 20
	key := aws.String("big/file")
	created, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key, Metadata: map[string]string{"a": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.New()
	source := rand.NewChaCha8([32]byte{1})
	var completed []types.CompletedPart
	for n := range int32(parts) {
		part := make([]byte, size)
		_, _ = source.Read(part)
		digest.Write(part)
		out, err := c.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: created.UploadId, PartNumber: aws.Int32(n + 1), Body: bytes.NewReader(part)})
		if err != nil {
			t.Fatal(err)
		}
		completed = append(completed, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(n + 1), ChecksumCRC32: out.ChecksumCRC32})
	}
	if list, err := c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: bucket, Key: key, UploadId: created.UploadId}); err != nil || len(list.Parts) != parts {
		t.Errorf("ListParts: %v", err)
	}
	if list, err := c.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: bucket}); err != nil || len(list.Uploads) != 1 {
		t.Errorf("ListMultipartUploads: %v", err)
	}
	if _, err := c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: key, UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: completed},
	}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{*created.UploadId: "", "11111111-2222-3333-4444-555555555555": "NoSuchUpload"} {
		if _, err := c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
			Bucket: bucket, Key: key, UploadId: &id, MultipartUpload: &types.CompletedMultipartUpload{Parts: completed},
		}); code(err) != want {
			t.Errorf("CompleteMultipartUpload of a completed upload, or of none: %v, want %q", err, want)
		}
	}
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	got := sha256.New()
	n, err := io.Copy(got, out.Body)
	_ = out.Body.Close()
	if err != nil || n != parts*size || !bytes.Equal(got.Sum(nil), digest.Sum(nil)) || out.Metadata["a"] != "b" {
		t.Errorf("GetObject: %d bytes, %v", n, err)
	}
	if part, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: key, PartNumber: aws.Int32(2)}); err != nil || *part.ContentLength != size {
		t.Errorf("HeadObject of a part: %v", err)
	}
	// An upload from a copy, aborted; and one of no upload.
	if created, err = c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UploadPartCopy(t.Context(), &s3.UploadPartCopyInput{
		Bucket: bucket, Key: key, UploadId: created.UploadId, PartNumber: aws.Int32(1), CopySource: aws.String(*bucket + "/" + *key), CopySourceRange: aws.String("bytes=0-5242879"),
	}); err != nil {
		t.Errorf("UploadPartCopy: %v", err)
	}
	if _, err := c.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: created.UploadId}); err != nil {
		t.Errorf("AbortMultipartUpload: %v", err)
	}
	for _, id := range []string{"not-there", "../../../..", "../../../../buckets"} {
		if _, err := c.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: &id}); code(err) != "NoSuchUpload" {
			t.Errorf("AbortMultipartUpload of %q: %v", id, err)
		}
	}
}

func testListing(t *testing.T, c *s3.Client, bucket *string) {
	const keys = 2000
	var want []string
	var group sync.WaitGroup
	work := make(chan string)
	for range 16 {
		group.Go(func() {
			for key := range work {
				put(t, c, bucket, key, "x")
			}
		})
	}
	for i := range keys {
		key := fmt.Sprintf("d%02d/e%d/k%04d", i%40, i%3, i)
		if i%40 == 39 { // which sort before and behind the slash
			key = fmt.Sprintf("d%02d%c%04d", i%4, "-.0"[i%3], i)
		}
		want = append(want, key)
		work <- key
	}
	close(work)
	group.Wait()
	slices.Sort(want)

	var got []string
	for pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: bucket, MaxKeys: aws.Int32(300)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			got = append(got, *o.Key)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("ListObjectsV2 in pages: %d keys, sorted %v, as a set equal %v", len(got), slices.IsSorted(got), slices.Equal(slices.Sorted(slices.Values(got)), want))
	}
	v1, err := c.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: bucket, Prefix: aws.String("d07/"), Delimiter: aws.String("/")})
	if err != nil || len(v1.Contents) != 0 || len(v1.CommonPrefixes) != 3 {
		t.Errorf("ListObjects with a delimiter: %v", err)
	}
	v2, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("d0"), Delimiter: aws.String("-"), MaxKeys: aws.Int32(1000)})
	if err != nil || len(v2.CommonPrefixes) == 0 {
		t.Errorf("ListObjectsV2 with another delimiter: %v", err)
	}
	// The store has no encoding-type: it says keys as they are, and that they are.
	put(t, c, bucket, "odd/ü &<>\n+%", "x")
	odd, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("odd/"), EncodingType: types.EncodingTypeUrl})
	if err != nil || len(odd.Contents) != 1 || *odd.Contents[0].Key != "odd/ü &<>\n+%" || odd.EncodingType != "" {
		t.Errorf("ListObjectsV2 with encoding: %v, %+v", err, odd)
	}
}

func testDeletes(t *testing.T, c *s3.Client, bucket *string) {
	put(t, c, bucket, "a", "x")
	put(t, c, bucket, "b/c", "x")
	var objects []types.ObjectIdentifier
	for _, key := range []string{"a", "b/c", "none", "b/../a", "//a"} {
		objects = append(objects, types.ObjectIdentifier{Key: aws.String(key)})
	}
	out, err := c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: objects}})
	if err != nil || len(out.Deleted) != len(objects) || len(out.Errors) != 0 {
		t.Fatalf("DeleteObjects: %v, %+v", err, out)
	}
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket})
	if err != nil || len(list.Contents) != 0 {
		t.Errorf("what is left: %v, %d", err, len(list.Contents))
	}
}

func testConcurrent(t *testing.T, c *s3.Client, bucket *string) {
	contents := []string{strings.Repeat("a", 100_000), strings.Repeat("b", 150_000), strings.Repeat("c", 10)}
	put(t, c, bucket, "k", contents[0])
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for n := range 15 {
				put(t, c, bucket, "k", contents[(i+n)%len(contents)])
			}
		})
		group.Go(func() {
			for range 30 {
				if got := get(t, c, bucket, "k"); !slices.Contains(contents, got) {
					t.Errorf("GetObject sees %d bytes of no one PutObject", len(got))
				}
			}
		})
	}
	group.Wait()
}

func testACL(t *testing.T, c *s3.Client, bucket *string) {
	// Who may do what is the gateway's to decide; the store's ACLs stay as they are.
	out, err := c.GetBucketAcl(t.Context(), &s3.GetBucketAclInput{Bucket: bucket})
	if err != nil || *out.Owner.ID != "daypass" {
		t.Errorf("GetBucketAcl: %v", err)
	}
	put(t, c, bucket, "k", "x")
	if _, err = c.GetObjectAcl(t.Context(), &s3.GetObjectAclInput{Bucket: bucket, Key: aws.String("k")}); code(err) != "NotImplemented" {
		t.Errorf("GetObjectAcl: %v", err)
	}
	if _, err = c.PutObjectAcl(t.Context(), &s3.PutObjectAclInput{Bucket: bucket, Key: aws.String("k"), ACL: types.ObjectCannedACLPrivate}); code(err) != "NotImplemented" {
		t.Errorf("PutObjectAcl: %v", err)
	}
	if _, err = c.PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: bucket, ACL: types.BucketCannedACLPrivate}); code(err) != "AccessControlListNotSupported" {
		t.Errorf("PutBucketAcl: %v", err)
	}
}

// testVersionedRaces puts and deletes one key at once, where each version must
// be kept.
func testVersionedRaces(t *testing.T, c *s3.Client, bucket *string) {
	if _, err := c.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}); err != nil {
		t.Fatal(err)
	}
	key := aws.String("k")
	var mu sync.Mutex
	want := map[string]string{}
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			for n := range 10 {
				content := fmt.Sprint(i, n)
				out := put(t, c, bucket, *key, content)
				mu.Lock()
				want[*out.VersionId] = content
				mu.Unlock()
				if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: key}); err != nil {
					t.Errorf("DeleteObject: %v", err)
				}
			}
		})
	}
	group.Wait()
	for version, content := range want {
		out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key, VersionId: &version})
		if err != nil {
			t.Errorf("version %s is lost: %v", version, code(err))
			continue
		}
		got, _ := io.ReadAll(out.Body)
		_ = out.Body.Close()
		if string(got) != content {
			t.Errorf("version %s is %q, want %q", version, got, content)
		}
	}
	list, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: bucket})
	if err != nil || len(list.Versions) != len(want) {
		t.Errorf("ListObjectVersions: %v, %d of %d", err, len(list.Versions), len(want))
	}
}

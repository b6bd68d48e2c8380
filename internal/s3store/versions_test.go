package s3store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// TestListVersions puts and deletes at random, and asks that pages of every size
// give what was put, once, in S3's order: by key, and of a key the latest first.
func TestListVersions(t *testing.T) {
	c, _ := open(t, t.TempDir())
	b := bucket(t, c, "versions")
	random := rand.New(rand.NewPCG(1, 2))
	keys := []string{"k-1", "k.txt", "k/1", "k/2", "k0", "l"}
	kept := map[string][]string{} // the versions of each key, the latest first
	status := types.BucketVersioningStatusEnabled
	for i := range 60 {
		if i == 0 || i == 20 || i == 30 { // the first 20 operations are without versions
			if i > 0 {
				must(t, setVersioning(t, c, b, status))
				status = types.BucketVersioningStatusSuspended
			}
		}
		key := keys[random.IntN(len(keys))]
		id := ""
		if random.IntN(4) > 0 {
			id = aws.ToString(put(t, c, b, key, fmt.Sprint(i)).VersionId)
		} else {
			out, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: &key})
			must(t, err)
			id = aws.ToString(out.VersionId)
			if i < 20 || i >= 20 && id == "" && len(kept[key]) == 0 {
				delete(kept, key)
				continue
			}
		}
		if id == "" || id == "null" {
			id = "null"
			kept[key] = slices.DeleteFunc(kept[key], func(old string) bool { return old == id })
		}
		kept[key] = append([]string{id}, kept[key]...)
	}
	var want []string
	for _, key := range keys {
		for i, id := range kept[key] {
			want = append(want, fmt.Sprintf("%s %s %t", key, id, i == 0))
		}
	}
	for _, size := range []int32{1, 2, 3, 7, int32(len(want)), 1000} {
		if got := versionPages(t, c, b, size); !slices.Equal(got, want) {
			t.Errorf("pages of %d:\n%s\nwant\n%s", size, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	page, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: b, Delimiter: aws.String("/"), MaxKeys: aws.Int32(int32(len(want)))})
	must(t, err)
	if len(page.CommonPrefixes) != 1 || *page.CommonPrefixes[0].Prefix != "k/" || *page.IsTruncated ||
		len(page.Versions)+len(page.DeleteMarkers) != len(want)-len(kept["k/1"])-len(kept["k/2"]) {
		t.Errorf("with a delimiter %+v", page)
	}
	// Who deletes each page by itself gives markers that are gone.
	deletePages(t, c, b)
	if left := versionPages(t, c, b, 1000); len(left) != 0 {
		t.Errorf("left %q", left)
	}
	_, err = c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: b, KeyMarker: aws.String("../../format"), VersionIdMarker: aws.String("x")})
	must(t, err)
	if _, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: b, VersionIdMarker: aws.String("x")}); code(err) != "InvalidArgument" {
		t.Errorf("a marker of a version without one of a key: %v", err)
	}
}

func setVersioning(t *testing.T, c *s3.Client, b *string, status types.BucketVersioningStatus) error {
	t.Helper()
	_, err := c.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: b, VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
	return err
}

// versionPages are all versions and delete markers, by pages.
func versionPages(t *testing.T, c *s3.Client, b *string, size int32) []string {
	t.Helper()
	var all []string
	in := &s3.ListObjectVersionsInput{Bucket: b, MaxKeys: &size}
	for range 200 {
		page, err := c.ListObjectVersions(t.Context(), in)
		must(t, err)
		all = append(all, entries(page)...)
		if !*page.IsTruncated {
			return all
		}
		in.KeyMarker, in.VersionIdMarker = page.NextKeyMarker, page.NextVersionIdMarker
	}
	t.Fatalf("pages of %d do not end", size)
	return nil
}

// entries are a page's in their order, which the reply has of each kind.
func entries(page *s3.ListObjectVersionsOutput) []string {
	type entry struct{ key, id, text string }
	var all []entry
	for _, v := range page.Versions {
		all = append(all, entry{*v.Key, *v.VersionId, fmt.Sprintf("%s %s %t", *v.Key, *v.VersionId, *v.IsLatest)})
	}
	for _, m := range page.DeleteMarkers {
		all = append(all, entry{*m.Key, *m.VersionId, fmt.Sprintf("%s %s %t", *m.Key, *m.VersionId, *m.IsLatest)})
	}
	latest := func(e entry) bool { return strings.HasSuffix(e.text, " true") }
	slices.SortStableFunc(all, func(a, b entry) int {
		switch {
		case a.key != b.key:
			return strings.Compare(a.key, b.key)
		case latest(a) != latest(b):
			if latest(a) {
				return -1
			}
			return 1
		case a.id == "null" || b.id == "null":
			return 0 // as the reply has them
		default:
			return strings.Compare(b.id, a.id)
		}
	})
	var texts []string
	for _, e := range all {
		texts = append(texts, e.text)
	}
	return texts
}

// deletePages deletes page by page, going on where each page ends.
func deletePages(t *testing.T, c *s3.Client, b *string) {
	t.Helper()
	in := &s3.ListObjectVersionsInput{Bucket: b, MaxKeys: aws.Int32(3)}
	for {
		page, err := c.ListObjectVersions(t.Context(), in)
		must(t, err)
		for _, e := range entries(page) {
			parts := strings.Split(e, " ")
			_, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: &parts[0], VersionId: &parts[1]})
			must(t, err)
		}
		if !*page.IsTruncated {
			return
		}
		in.KeyMarker, in.VersionIdMarker = page.NextKeyMarker, page.NextVersionIdMarker
	}
}

// TestDeletedPrefix: a prefix under which all is deleted is none, although the
// versions are there.
func TestDeletedPrefix(t *testing.T) {
	c, _ := open(t, t.TempDir())
	b := bucket(t, c, "deleted")
	must(t, setVersioning(t, c, b, types.BucketVersioningStatusEnabled))
	for _, key := range []string{"gone/a", "gone/b/c", "kept/a", "kept/b"} {
		put(t, c, b, key, "x")
	}
	for _, key := range []string{"gone/a", "gone/b/c", "kept/b"} {
		_, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: &key})
		must(t, err)
	}
	v2, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: b, Delimiter: aws.String("/")})
	must(t, err)
	v1, err := c.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: b, Delimiter: aws.String("/")})
	must(t, err)
	if len(v2.CommonPrefixes) != 1 || *v2.CommonPrefixes[0].Prefix != "kept/" || *v2.KeyCount != 1 || len(v1.CommonPrefixes) != 1 {
		t.Errorf("prefixes %+v (%d), %+v", v2.CommonPrefixes, *v2.KeyCount, v1.CommonPrefixes)
	}
	versions, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: b, Delimiter: aws.String("/")})
	must(t, err)
	if len(versions.CommonPrefixes) != 2 {
		t.Errorf("prefixes of versions %+v", versions.CommonPrefixes)
	}
}

// TestDefaultRetention: an object keeps the retention that its bucket has for new
// ones when it is put, whatever becomes of the bucket's.
func TestDefaultRetention(t *testing.T) {
	c, _ := open(t, t.TempDir())
	b := aws.String("retained")
	_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: b, ObjectLockEnabledForBucket: aws.Bool(true)})
	must(t, err)
	configure := func(rule *types.ObjectLockRule) {
		t.Helper()
		_, err := c.PutObjectLockConfiguration(t.Context(), &s3.PutObjectLockConfigurationInput{
			Bucket: b, ObjectLockConfiguration: &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled, Rule: rule},
		})
		must(t, err)
	}
	put(t, c, b, "before", "x")
	configure(&types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeGovernance, Days: aws.Int32(2)}})
	put(t, c, b, "put", "x")
	_, err = c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: b, Key: aws.String("copied"), CopySource: aws.String("retained/before")})
	must(t, err)
	upload, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: b, Key: aws.String("parts")})
	must(t, err)
	part, err := c.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: b, Key: aws.String("parts"), UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
	must(t, err)
	_, err = c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: b, Key: aws.String("parts"), UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}}},
	})
	must(t, err)
	configure(nil)
	for _, key := range []string{"put", "copied", "parts"} {
		head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: b, Key: &key})
		must(t, err)
		if left := time.Until(aws.ToTime(head.ObjectLockRetainUntilDate)); head.ObjectLockMode != types.ObjectLockModeGovernance || left < 47*time.Hour || left > 48*time.Hour {
			t.Errorf("%s: %s until %v", key, head.ObjectLockMode, head.ObjectLockRetainUntilDate)
		}
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: &key, VersionId: head.VersionId}); code(err) != "AccessDenied" {
			t.Errorf("%s is deleted: %v", key, err)
		}
	}
	if head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: b, Key: aws.String("before")}); err != nil || head.ObjectLockMode != "" {
		t.Errorf("what was there before: %v %+v", err, head)
	}
}

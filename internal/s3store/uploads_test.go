package s3store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestListUploads: pages of every size give each upload once, also where what a
// page ends with is aborted before the next.
func TestListUploads(t *testing.T) {
	c, _ := open(t, t.TempDir())
	b := bucket(t, c, "uploads")
	var want []string
	for _, key := range []string{"a", "b", "b", "b", "c/1", "c/2", "d"} {
		out, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: b, Key: &key})
		must(t, err)
		want = append(want, key+" "+*out.UploadId)
	}
	pages := func(size int32, each func(*s3.ListMultipartUploadsOutput)) (all []string) {
		t.Helper()
		in := &s3.ListMultipartUploadsInput{Bucket: b, MaxUploads: &size}
		for range 50 {
			page, err := c.ListMultipartUploads(t.Context(), in)
			must(t, err)
			for _, u := range page.Uploads {
				all = append(all, *u.Key+" "+*u.UploadId)
			}
			each(page)
			if !*page.IsTruncated {
				return all
			}
			in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
		}
		t.Fatalf("pages of %d do not end", size)
		return nil
	}
	for _, size := range []int32{1, 2, 3, 7, 1000} {
		if got := pages(size, func(*s3.ListMultipartUploadsOutput) {}); !slices.Equal(got, want) {
			t.Errorf("pages of %d: %q, want %q", size, got, want)
		}
	}
	in := &s3.ListMultipartUploadsInput{Bucket: b, Delimiter: aws.String("/"), MaxUploads: aws.Int32(5)}
	page, err := c.ListMultipartUploads(t.Context(), in)
	must(t, err)
	if len(page.Uploads) != 4 || len(page.CommonPrefixes) != 1 || *page.CommonPrefixes[0].Prefix != "c/" || !*page.IsTruncated || *page.NextKeyMarker != "c/" {
		t.Errorf("with a delimiter %+v", page)
	}
	in.KeyMarker = page.NextKeyMarker
	page, err = c.ListMultipartUploads(t.Context(), in)
	must(t, err)
	if len(page.Uploads) != 1 || *page.Uploads[0].Key != "d" || len(page.CommonPrefixes) != 0 || *page.IsTruncated {
		t.Errorf("the rest %+v", page)
	}
	aborted := pages(2, func(page *s3.ListMultipartUploadsOutput) {
		for _, u := range page.Uploads {
			_, err := c.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: b, Key: u.Key, UploadId: u.UploadId})
			must(t, err)
		}
	})
	if !slices.Equal(aborted, want) {
		t.Errorf("aborted %s", strings.Join(aborted, "\n"))
	}
	v1, err := c.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: b, MaxKeys: aws.Int32(1)})
	must(t, err)
	if v1.NextMarker != nil {
		t.Errorf("next marker %q", *v1.NextMarker)
	}
}

package s3store_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/daypass/daypass/internal/s3upstream"
)

// broken is a body that ends with an error.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestBrokenBody: of a body whose sender breaks off, the store has nothing, or
// what was there before, wherever the body breaks; and no part of an upload.
func TestBrokenBody(t *testing.T) {
	c, store := open(t, t.TempDir())
	name := bucket(t, c, "broken")
	put(t, c, name, "old", "content")
	upload, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: name, Key: aws.String("parts")})
	if err != nil {
		t.Fatal(err)
	}
	upstream, err := s3upstream.New(store.Target(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer upstream.Close()
	for _, sent := range []int{0, 1, 5_000, 65_536, 1 << 20, 3 << 20, 4<<20 - 1} {
		for _, key := range []string{"new", "old", "parts"} {
			request := &s3upstream.Request{
				Method: "PUT", Bucket: *name, Key: key, Length: 4 << 20,
				Body: io.MultiReader(strings.NewReader(strings.Repeat("x", sent)), broken{}),
			}
			if key == "parts" {
				request.Query = map[string][]string{"uploadId": {*upload.UploadId}, "partNumber": {"1"}}
			}
			if _, err := upstream.Do(t.Context(), request); err == nil { //nolint:bodyclose // there is none
				t.Errorf("%d bytes of %s: no error", sent, key)
			}
		}
	}
	time.Sleep(200 * time.Millisecond) // the store hears of it after we do
	if content := get(t, c, name, "old"); content != "content" {
		t.Errorf("the object has %d bytes now", len(content))
	}
	if _, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: name, Key: aws.String("new")}); code(err) != "NoSuchKey" {
		t.Errorf("an object is there of which a part was sent: %v", err)
	}
	parts, err := c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: name, Key: aws.String("parts"), UploadId: upload.UploadId})
	if err != nil || len(parts.Parts) > 0 {
		t.Errorf("%d parts are there: %v", len(parts.Parts), err)
	}
}

package s3_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/daypass/daypass/internal/awsapi"
	room "github.com/daypass/daypass/internal/s3"
)

// TestCompletedLocation: an object that was made of parts is told to be at our
// address, and not at the store's; behind a proxy that ends TLS, at the proxy's.
func TestCompletedLocation(t *testing.T) {
	g := start(t, nil)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.handler.ServeHTTP(w, r.WithContext(awsapi.OverTLS(r.Context(), true)))
	}))
	t.Cleanup(proxy.Close)
	bucket, key := g.bucket(t), "a b&c"
	for endpoint, told := range map[string]string{g.URL: g.URL, proxy.URL: "https://" + strings.TrimPrefix(proxy.URL, "http://")} {
		at := func(o *s3.Options) { o.BaseEndpoint = &endpoint }
		id := g.upload(t, bucket, key)
		part, err := g.admin.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &bucket, Key: &key, UploadId: &id, PartNumber: aws.Int32(1), Body: strings.NewReader("x")}, at)
		must(t, err)
		out, err := g.admin.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
			Bucket: &bucket, Key: &key, UploadId: &id, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}}},
		}, at)
		must(t, err)
		if want := told + "/" + bucket + "/a%20b%26c"; aws.ToString(out.Location) != want || aws.ToString(out.ETag) == "" {
			t.Errorf("location %q, want %q", aws.ToString(out.Location), want)
		}
	}
}

// TestCompletion: spaces are passed on at once, in whatever pieces they come, and
// the document when it is whole.
func TestCompletion(t *testing.T) {
	change := func(body []byte) []byte { return []byte(strings.ToUpper(string(body))) }
	const text = "<?xml version=\"1.0\"?>\n  \n <r><a>b</a></r>"
	for _, from := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
		got, err := io.ReadAll(room.NewCompletion(io.NopCloser(from), change))
		if err != nil || !strings.HasSuffix(string(got), "<R><A>B</A></R>") || len(got) != len(text) {
			t.Errorf("%q, %v", got, err)
		}
	}
	read, write := io.Pipe()
	c := room.NewCompletion(read, change)
	go func() { _, _ = io.WriteString(write, " \n") }()
	var some [8]byte
	if n, err := c.Read(some[:]); n != 2 || err != nil {
		t.Errorf("a space is held back: %d, %v", n, err)
	}
	broken := errors.New("broken")
	go func() { _, _ = io.WriteString(write, "<r>"); write.CloseWithError(broken) }()
	if _, err := io.ReadAll(c); !errors.Is(err, broken) {
		t.Errorf("a document that breaks off: %v", err)
	}
	if _, err := io.ReadAll(room.NewCompletion(io.NopCloser(strings.NewReader("<r>"+strings.Repeat("a", 100<<10))), change)); err == nil {
		t.Error("a document of any length is held")
	}
}

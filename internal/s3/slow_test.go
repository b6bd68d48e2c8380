package s3_test

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// halting sends the first byte of each body, and the rest once it may go on.
type halting struct {
	begun func()
	goOn  chan struct{}
}

func (h *halting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = &haltingBody{ReadCloser: r.Body, halting: h}
	}
	return http.DefaultTransport.RoundTrip(r)
}

type haltingBody struct {
	io.ReadCloser
	*halting

	sent bool
}

func (b *haltingBody) Read(p []byte) (int, error) {
	if b.sent {
		b.begun()
		<-b.goOn
		return b.ReadCloser.Read(p)
	}
	b.sent = true
	return b.ReadCloser.Read(p[:1])
}

// Who sends a document slowly is asked who he is once it is there: a user who was
// deleted meanwhile is nobody.
func TestSlowDocument(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	bucket := "slow-document"
	_, err := g.admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	must(t, err)
	user := g.user(t, "slow", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)
	tag := func(o ...func(*s3.Options)) error {
		_, err := user.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: &bucket, Tagging: &types.Tagging{
			TagSet: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}},
		}}, append(o, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })...)
		return err
	}
	must(t, tag())
	begun := make(chan struct{})
	h := &halting{begun: sync.OnceFunc(func() { close(begun) }), goOn: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- tag(func(o *s3.Options) { o.HTTPClient = &http.Client{Transport: h} }) }()
	<-begun
	for range 50 { // the server has the head, and waits for the rest, long before this is over
		must(t, g.Directory.Refresh(t.Context()))
	}
	must(t, g.Directory.Update(t.Context(), func(tx store.Tx) error { return tx.Delete(store.UserID(account, "slow")) }))
	close(h.goOn)
	var api smithy.APIError
	if err := <-done; !errors.As(err, &api) || api.ErrorCode() != "AccessDenied" && api.ErrorCode() != "InvalidAccessKeyId" {
		t.Errorf("a user who is gone: %v", err)
	}
}

package s3_test

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/directory"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A node that does not hear of its store decides nothing: not who has a key, nor
// what they may.
func TestStaleState(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	must(t, g.Directory.Limit(t.Context(), directory.Staleness{Now: now, Bound: time.Second, Patience: 10 * time.Millisecond}))
	list := func(c *s3.Client) error {
		_, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{}, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
		return err
	}
	must(t, list(g.admin))
	ahead.Store(int64(time.Hour))
	for name, c := range map[string]*s3.Client{"an administrator": g.admin, "nobody": g.anonymous()} {
		var api smithy.APIError
		var response *smithyhttp.ResponseError
		err := list(c)
		if !errors.As(err, &api) || api.ErrorCode() != "ServiceUnavailable" || !errors.As(err, &response) || response.HTTPStatusCode() != http.StatusServiceUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, g.Directory.Refresh(t.Context()))
	must(t, list(g.admin))
}

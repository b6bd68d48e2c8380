package s3upstream

import (
	"context"
	"net/http"

	"github.com/daypass/daypass/internal/tracing"
)

// roundTrip sends a request, as a step of the trace of the caller's. The store is told
// of the trace where the target says so. The header is set behind the signature: it
// changes nothing that the store does.
func (c *Client) roundTrip(ctx context.Context, request *http.Request) (*http.Response, error) {
	ctx, span := tracing.StartCall(ctx, "ask upstream", c.endpoint.Host)
	if c.target.Traceparent {
		tracing.Inject(ctx, request.Header)
	}
	answer, err := c.transport.RoundTrip(request)
	if err == nil {
		span.Status(answer.StatusCode)
	}
	span.End(err)
	return answer, err
}

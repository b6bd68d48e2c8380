package s3upstream_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/tracing"
)

// TestTraceparent: a store is told the trace where its target says so, and otherwise
// not; the trace that the caller named it is never told.
func TestTraceparent(t *testing.T) {
	t.Parallel()
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(collector.Close)
	tracer, err := tracing.Open(t.Context(), tracing.Settings{Endpoint: collector.URL}, func(string) string { return "" }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tracer.Close() })
	var told string
	store := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told = r.Header.Get("Traceparent") }))
	t.Cleanup(store.Close)
	ctx := tracer.Request(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)).Context()
	for _, tells := range []bool{true, false} {
		c := newClient(t, s3upstream.Target{Endpoint: store.URL, Traceparent: tells})
		header := http.Header{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}
		response, err := c.Do(ctx, &s3upstream.Request{Method: http.MethodGet, Bucket: "b", Header: header})
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if tells != strings.HasPrefix(told, "00-"+tracing.ID(ctx)+"-") || !tells && told != "" {
			t.Errorf("asked to tell: %v; told %q", tells, told)
		}
	}
}

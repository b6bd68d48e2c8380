package tracing

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	attempts = 3 // to send a batch, where the collector may take it later
	backoff  = time.Second
	// lastPatience is how long the end of a server waits for what is left to be sent.
	lastPatience = 3 * time.Second
	maxReply     = 64 << 10
)

// Counts are spans since the start.
type Counts struct {
	Sent   uint64 // and taken by the collector
	Full   uint64 // lost, since more ended than could be sent
	Failed uint64 // lost, since the collector did not take them
}

// sender is OpenTelemetry's span processor and exporter in one. The library's own drop
// spans uncounted, and bring gRPC into the binary, which is 13 MB more. It has one
// goroutine, which alone waits for the collector.
type sender struct {
	*options

	log    *slog.Logger
	client *http.Client
	ended  chan sdktrace.ReadOnlySpan
	stop   chan struct{}
	done   chan struct{}
	once   sync.Once
	cut    context.CancelFunc
	broken bool // the last batch was not taken; of the goroutine

	sent, full, failed atomic.Uint64
}

func newSender(o *options, log *slog.Logger) *sender {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http's own
	transport.TLSClientConfig = o.tls
	ctx, cut := context.WithCancel(context.Background())
	s := &sender{
		options: o, log: log, ended: make(chan sdktrace.ReadOnlySpan, o.queue), stop: make(chan struct{}), done: make(chan struct{}), cut: cut,
		client: &http.Client{Transport: transport, Timeout: o.timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	go s.run(ctx)
	return s
}

// OnStart implements sdktrace.SpanProcessor.
func (s *sender) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements sdktrace.SpanProcessor. It never waits.
func (s *sender) OnEnd(span sdktrace.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() {
		return
	}
	select {
	case s.ended <- span:
	default:
		s.full.Add(1)
	}
}

// ForceFlush implements sdktrace.SpanProcessor. Nobody calls it.
func (s *sender) ForceFlush(context.Context) error { return nil }

// Shutdown implements sdktrace.SpanProcessor: it sends what is left until ctx ends.
func (s *sender) Shutdown(ctx context.Context) error {
	s.once.Do(func() { close(s.stop) })
	select {
	case <-s.done:
	case <-ctx.Done():
		s.cut()
		<-s.done
	}
	s.client.CloseIdleConnections()
	return nil
}

// run sends what has ended: a full batch at once, and what there is with each tick.
func (s *sender) run(ctx context.Context) {
	defer close(s.done)
	tick := time.NewTicker(s.delay)
	defer tick.Stop()
	batch := make([]sdktrace.ReadOnlySpan, 0, s.max)
	flush := func() {
		if len(batch) > 0 {
			s.send(ctx, batch)
			clear(batch)
			batch = batch[:0]
		}
	}
	for {
		select {
		case span := <-s.ended:
			if batch = append(batch, span); len(batch) == s.max {
				flush()
			}
		case <-tick.C:
			flush()
		case <-s.stop:
			for {
				select {
				case span := <-s.ended:
					if batch = append(batch, span); len(batch) == s.max {
						flush()
					}
				default:
					flush()
					return
				}
			}
		}
	}
}

// errLater says that the collector may take later what it did not take now.
var errLater = errors.New("tracing: the collector does not take spans now")

// send sends a batch, counts it, and logs when it began to fail and when it ended.
func (s *sender) send(ctx context.Context, batch []sdktrace.ReadOnlySpan) {
	body, err := proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: encode(batch)})
	var rejected uint64
	for attempt := 1; err == nil || errors.Is(err, errLater); attempt++ {
		if rejected, err = s.post(ctx, body); err == nil || attempt == attempts || !s.wait(ctx, backoff<<(attempt-1)) {
			break
		}
	}
	n := uint64(len(batch))
	if err != nil {
		rejected = n
	}
	rejected = min(rejected, n)
	s.failed.Add(rejected)
	s.sent.Add(n - rejected)
	switch {
	case err != nil && !s.broken:
		s.log.Warn("traces cannot be sent, and are lost meanwhile; requests go on", "url", s.url, "error", err)
	case err == nil && s.broken:
		s.log.Info("traces are sent again", "url", s.url, "lost", s.failed.Load()+s.full.Load())
	}
	s.broken = err != nil
}

// wait reports whether it waited to the end: a server that is ending does not.
func (s *sender) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.stop:
	case <-ctx.Done():
	}
	return false
}

// post sends one request (OTLP specification, "OTLP/HTTP"). An error says nothing of the
// reply's body, which is the collector's.
func (s *sender) post(ctx context.Context, body []byte) (rejected uint64, err error) {
	if s.gzip {
		var small bytes.Buffer
		w := gzip.NewWriter(&small)
		if _, err := w.Write(body); err != nil {
			return 0, fmt.Errorf("tracing: %w", err)
		}
		if err := w.Close(); err != nil {
			return 0, fmt.Errorf("tracing: %w", err)
		}
		body = small.Bytes()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("tracing: %w", err)
	}
	r.Header = s.headers.Clone()
	r.Header.Set("Content-Type", "application/x-protobuf")
	if s.gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	reply, err := s.client.Do(r)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errLater, err)
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	switch {
	case reply.StatusCode == http.StatusTooManyRequests, reply.StatusCode == http.StatusBadGateway,
		reply.StatusCode == http.StatusServiceUnavailable, reply.StatusCode == http.StatusGatewayTimeout:
		return 0, fmt.Errorf("%w: it answers %s", errLater, reply.Status)
	case reply.StatusCode/100 != 2:
		return 0, fmt.Errorf("tracing: the collector answers %s", reply.Status)
	case err != nil:
		return 0, nil // it took them, and did not get to say so in full
	}
	var said collector.ExportTraceServiceResponse
	if proto.Unmarshal(text, &said) == nil && said.GetPartialSuccess().GetRejectedSpans() > 0 {
		rejected = uint64(said.GetPartialSuccess().GetRejectedSpans())
	}
	return rejected, nil
}

// Counts are zero for a nil Tracer.
func (t *Tracer) Counts() Counts {
	if t == nil {
		return Counts{}
	}
	return Counts{Sent: t.sender.sent.Load(), Full: t.sender.full.Load(), Failed: t.sender.failed.Load()}
}

// Close sends what is left, for three seconds at most.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastPatience)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("tracing: %w", err)
	}
	return nil
}

package tracing

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	wire "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// environment is one of variables; all others are empty.
func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		endpoint string
		env      []string
		url      string // "" is no tracing
		refused  string
	}{
		{},
		{endpoint: "http://c:4318", url: "http://c:4318/v1/traces"},
		{endpoint: "https://c/otlp/", url: "https://c/otlp/v1/traces"},
		{endpoint: "http://c:4318", env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://d:4318"}, url: "http://d:4318/v1/traces"},
		{env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://d", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://e/x"}, url: "http://e/x"},
		{env: []string{"OTEL_TRACES_EXPORTER", "otlp"}, url: "http://localhost:4318/v1/traces"},
		{endpoint: "http://c", env: []string{"OTEL_TRACES_EXPORTER", "none"}},
		{endpoint: "http://c", env: []string{"OTEL_SDK_DISABLED", "true"}},
		{endpoint: "c:4318", refused: "no URL of a collector"},
		{endpoint: "http://user:secret@c", refused: "OTEL_EXPORTER_OTLP_HEADERS"},
		{env: []string{"OTEL_TRACES_EXPORTER", "zipkin"}, refused: `OTEL_TRACES_EXPORTER is "zipkin"`},
		{endpoint: "http://c", env: []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"}, refused: "4318"},
		{endpoint: "http://c", env: []string{"OTEL_EXPORTER_OTLP_HEADERS", "secret"}, refused: "list of key=value"},
		{endpoint: "http://c", env: []string{"OTEL_EXPORTER_OTLP_HEADERS", "secret=a%0Ab"}, refused: "list of key=value"},
		{endpoint: "http://c", env: []string{"OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"}, refused: "gzip or none"},
		{endpoint: "http://c", env: []string{"OTEL_EXPORTER_OTLP_CERTIFICATE", "/none"}, refused: "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		{endpoint: "http://c", env: []string{"OTEL_EXPORTER_OTLP_CLIENT_KEY", "/none"}, refused: "OTEL_EXPORTER_OTLP_CLIENT_KEY"},
		{endpoint: "http://c", env: []string{"OTEL_BSP_MAX_QUEUE_SIZE", "0"}, refused: "OTEL_BSP_MAX_QUEUE_SIZE"},
		{endpoint: "http://c", env: []string{"OTEL_EXPORTER_OTLP_TIMEOUT", "10s"}, refused: "OTEL_EXPORTER_OTLP_TIMEOUT"},
	} {
		o, err := Settings{Endpoint: test.endpoint}.with(environment(test.env...))
		switch {
		case test.refused != "":
			if err == nil || !strings.Contains(err.Error(), test.refused) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q, %v: %v", test.endpoint, test.env, err)
			}
		case err != nil:
			t.Errorf("%q, %v: %v", test.endpoint, test.env, err)
		case test.url == "":
			if o != nil {
				t.Errorf("%q, %v: traces to %s", test.endpoint, test.env, o.url)
			}
		case o == nil || o.url != test.url:
			t.Errorf("%q, %v: %v, not %s", test.endpoint, test.env, o, test.url)
		}
	}
}

// open is a tracer to a collector that answers with answer, and the spans that came.
func open(t testing.TB, answer http.HandlerFunc, s Settings, env ...string) (*Tracer, chan *wire.Span) {
	t.Helper()
	spans := make(chan *wire.Span, 10_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil {
			t.Error(err)
		}
		for _, span := range sent.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans() {
			spans <- span
		}
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.Endpoint = server.URL
	tracer, err := Open(t.Context(), s, environment(env...), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tracer.Close() })
	return tracer, spans
}

const theirs = "0af7651916cd43dd8448eb211c80319c"

func requestFrom(ctx context.Context, peer string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil)
	r.RemoteAddr = peer
	r.Header.Set("Traceparent", "00-"+theirs+"-b7ad6b7169203331-01")
	return r
}

// TestWhoseTrace: a trace is continued for those whom the operator lists, and of others
// it is a link.
func TestWhoseTrace(t *testing.T) {
	t.Parallel()
	tracer, spans := open(t, nil, Settings{ContinueFrom: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	for _, peer := range []string{"10.1.2.3:4", "[::ffff:10.1.2.3]:4", "10.2.2.3:4", "not an address"} {
		r := tracer.Request(requestFrom(t.Context(), peer))
		if continues := ID(r.Context()) == theirs; continues != strings.Contains(peer, "10.1.") {
			t.Errorf("%s: the trace is %s", peer, ID(r.Context()))
		}
		upstream := http.Header{}
		Inject(r.Context(), upstream)
		if !strings.HasPrefix(upstream.Get("Traceparent"), "00-"+ID(r.Context())+"-") {
			t.Errorf("%s: %v", peer, upstream)
		}
		EndRequest(r.Context(), &audit.Event{Service: "sts", Status: 200})
	}
	if err := tracer.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if s := <-spans; len(s.GetLinks()) != 0 || len(s.GetParentSpanId()) == 0 {
			t.Errorf("not continued: %v", s)
		}
	}
	for range 2 {
		if s := <-spans; len(s.GetLinks()) != 1 || len(s.GetParentSpanId()) != 0 {
			t.Errorf("not a link: %v", s)
		}
	}
	if counts := tracer.Counts(); counts != (Counts{Sent: 4}) {
		t.Errorf("%+v", counts)
	}
}

// TestWhatIsTold fills every text of an event, and looks for those that nobody may be
// told of in what comes out.
func TestWhatIsTold(t *testing.T) {
	t.Parallel()
	tracer, spans := open(t, nil, Settings{})
	const secret = "SECRET"
	e := &audit.Event{
		RequestID: "id", Service: "sts", Operation: "GetCallerIdentity", Region: secret, SourceIP: secret, UserAgent: secret, Status: 500,
		Message: secret, Principal: secret, AccessKey: secret, Action: secret, Resource: secret, Issuer: "SECRET, unverified", Provider: secret,
		Subject: "SECRET, unverified", Audience: []string{secret}, TokenID: secret, Claims: map[string]string{"user_email": secret}, Role: secret,
		RoleSessionName: secret, Session: secret, IssuedKey: secret, SourceIdentity: secret, Reason: secret, Encoded: secret, ErrorChain: secret,
	}
	r := tracer.Request(requestFrom(t.Context(), "192.0.2.1:1"))
	ctx, span := Start(r.Context(), "decide")
	if !span.IsOn() || ctx == r.Context() {
		t.Error("no step is told")
	}
	span.End(errors.New(secret))
	EndRequest(r.Context(), e)
	r = tracer.Request(requestFrom(t.Context(), "192.0.2.1:1"))
	EndRequest(r.Context(), &audit.Event{Service: "sts", Status: 200, Subject: "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.SECRET", Verified: true})
	_ = tracer.Close()
	for range 3 {
		if text := (<-spans).String(); strings.Contains(text, secret) {
			t.Errorf("told: %s", text)
		}
	}
}

// TestCollectorDown: one that hangs holds up nobody, and all that is lost is counted.
func TestCollectorDown(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	tracer, _ := open(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}, Settings{}, "OTEL_BSP_MAX_QUEUE_SIZE", "4", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1", "OTEL_BSP_SCHEDULE_DELAY", "1")
	const requests = 100
	for range requests { // this ends only since nobody waits for the collector
		r := tracer.Request(requestFrom(t.Context(), "192.0.2.1:1"))
		EndRequest(r.Context(), &audit.Event{Service: "sts", Status: 200})
	}
	if lost := tracer.Counts().Full; lost < requests-6 {
		t.Errorf("%d of %d were lost, with a queue of 4", lost, requests)
	}
	close(release)
	_ = tracer.Close()
	if c := tracer.Counts(); c.Sent+c.Full+c.Failed != requests {
		t.Errorf("%+v are not %d", c, requests)
	}
}

// TestRefusals: what the collector may take later is sent again, what it refuses is not,
// and what it rejects of a batch counts as lost.
func TestRefusals(t *testing.T) {
	t.Parallel()
	partial, err := proto.Marshal(&collector.ExportTraceServiceResponse{PartialSuccess: &collector.ExportTracePartialSuccess{RejectedSpans: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		statuses []int
		body     []byte
		want     Counts
		asked    int32
	}{
		"later":   {[]int{503, 429, 200}, nil, Counts{Sent: 1}, 3},
		"refused": {[]int{400}, nil, Counts{Failed: 1}, 1},
		"moved":   {[]int{302}, nil, Counts{Failed: 1}, 1},
		"partial": {[]int{200}, partial, Counts{Failed: 1}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			taken := make(chan struct{}, 10)
			tracer, _ := open(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.statuses[asked.Add(1)-1])
				_, _ = w.Write(test.body)
				taken <- struct{}{}
			}, Settings{}, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
			r := tracer.Request(requestFrom(t.Context(), "192.0.2.1:1"))
			EndRequest(r.Context(), &audit.Event{Service: "sts", Status: 200})
			for range test.statuses {
				<-taken
			}
			_ = tracer.Close()
			if got := tracer.Counts(); got != test.want || asked.Load() != test.asked {
				t.Errorf("%+v after %d, want %+v after %d", got, asked.Load(), test.want, test.asked)
			}
		})
	}
}

// TestOff: without a tracer there is nothing to be told, and nothing is made for it.
func TestOff(t *testing.T) {
	t.Parallel()
	var off *Tracer
	r := requestFrom(t.Context(), "192.0.2.1:1")
	if off.Request(r) != r || ID(r.Context()) != "" || off.Counts() != (Counts{}) || off.Close() != nil {
		t.Error("a nil tracer does something")
	}
	ctx, span := Start(r.Context(), "decide")
	if ctx != r.Context() || span.IsOn() {
		t.Error("a step of a request that is not traced")
	}
	span.End(nil)
	Inject(ctx, r.Header)
	if r.Header.Get("Traceparent") != "00-"+theirs+"-b7ad6b7169203331-01" {
		t.Error("the header of a request that is not traced was changed")
	}
}

// BenchmarkRequest: what a request of three steps pays for its trace, off and on.
func BenchmarkRequest(b *testing.B) {
	on, spans := open(b, nil, Settings{}, "OTEL_BSP_SCHEDULE_DELAY", "1000")
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-spans:
			case <-stop:
				return
			}
		}
	}()
	e := &audit.Event{RequestID: "id", Service: "sts", Operation: "GetCallerIdentity", Status: 200, Time: time.Unix(1795722059, 0)}
	for name, tracer := range map[string]*Tracer{"off": nil, "on": on} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			asked := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/", nil)
			for b.Loop() {
				r := tracer.Request(asked)
				for _, step := range []string{"decode", "verify signature", "decide"} {
					_, span := Start(r.Context(), step)
					span.End(nil)
				}
				EndRequest(r.Context(), e)
			}
		})
	}
}

// Package tracing tells an OpenTelemetry collector what a request spent its time on, where
// an operator asks for that. It decides nothing, and a collector that is down delays no
// request.
//
// What may be told is in this package and nowhere else: names of steps, what of a
// request's event names the operation and its outcome, and of a job the issuer, sub,
// project, pipeline and job id of a token that was verified. No caller of it can add an
// attribute of his own.
package tracing

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/daypass/daypass/internal/audit"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scope names the instrumentation in what is told.
const scope = "github.com/daypass/daypass"

// Tracer begins the spans of requests. Nil traces nothing. It is safe for concurrent use.
type Tracer struct {
	provider     *sdktrace.TracerProvider
	tracer       trace.Tracer
	sender       *sender
	continueFrom []netip.Prefix
}

// tracerKey is under what a context has the *Tracer of a request that is traced.
type tracerKey struct{}

// Request begins the span of a request, and gives it with the span in its context.
//
// The trace that a request's header traceparent names (W3C Trace Context) is continued
// for peers in the ranges of Settings.ContinueFrom. Of everybody else it is a link: a
// stranger could otherwise put spans into traces that are not his, or turn sampling on
// or off for his requests.
func (t *Tracer) Request(r *http.Request) *http.Request {
	if t == nil {
		return r
	}
	ctx := r.Context()
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)}
	extracted := propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(r.Header))
	if remote := trace.SpanContextFromContext(extracted); remote.IsValid() {
		if t.continues(r.RemoteAddr) {
			ctx = trace.ContextWithRemoteSpanContext(ctx, remote)
		} else {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: remote.WithTraceState(trace.TraceState{})}))
		}
	}
	ctx, span := t.tracer.Start(ctx, "request", options...)
	if span.IsRecording() {
		ctx = context.WithValue(ctx, tracerKey{}, t)
	}
	return r.WithContext(ctx)
}

func (t *Tracer) continues(remoteAddr string) bool {
	peer, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	for _, p := range t.continueFrom {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// ID is the id of the trace that a context belongs to, 32 hexadecimal digits, and "" for
// one that is not traced or not sampled.
func ID(ctx context.Context) string {
	if _, ok := ctx.Value(tracerKey{}).(*Tracer); !ok {
		return ""
	}
	return trace.SpanContextFromContext(ctx).TraceID().String()
}

// EndRequest ends the span that Request began, with what the request's event says.
func EndRequest(ctx context.Context, e *audit.Event) {
	if _, ok := ctx.Value(tracerKey{}).(*Tracer); !ok {
		return
	}
	span := trace.SpanFromContext(ctx)
	name := e.Service
	if e.Operation != "" {
		name += "." + e.Operation
	}
	if name != "" {
		span.SetName(name)
	}
	set := func(key, value string) {
		if value != "" {
			span.SetAttributes(attribute.String(key, audit.WithoutTokens(value)))
		}
	}
	set("aws.request_id", e.RequestID)
	set("rpc.service", e.Service)
	set("rpc.method", e.Operation)
	set("error.type", e.Code)
	set("daypass.outcome", string(e.Outcome()))
	set("daypass.account", e.Account)
	span.SetAttributes(attribute.Int("http.response.status_code", e.Status))
	if e.Verified || e.Origin != nil { // what an unverified token says, anybody can have written
		from := e.From()
		set("daypass.issuer", from.Issuer)
		set("daypass.subject", from.Subject)
		set("daypass.project", from.Project)
		set("daypass.pipeline", from.Pipeline)
		set("daypass.job", from.Job)
	}
	if e.Status >= http.StatusInternalServerError { // other refusals are answers (semantic conventions for HTTP servers)
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// Span is a step of a request. The zero value tells nothing.
type Span struct{ span trace.Span }

// Start begins a step, below the span of the context. It costs a look into the context
// where the request is not traced.
func Start(ctx context.Context, step string) (context.Context, Span) {
	t, ok := ctx.Value(tracerKey{}).(*Tracer)
	if !ok {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(ctx, step)
	return ctx, Span{span}
}

// StartCall is Start for a step that waits for another server, known by its host.
func StartCall(ctx context.Context, step, host string) (context.Context, Span) {
	t, ok := ctx.Value(tracerKey{}).(*Tracer)
	if !ok {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(ctx, step, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("server.address", host)))
	return ctx, Span{span}
}

// IsOn reports whether the step is told to anybody.
func (s Span) IsOn() bool { return s.span != nil }

// Status notes the status of the HTTP reply that a call had.
func (s Span) Status(code int) {
	if s.span != nil {
		s.span.SetAttributes(attribute.Int("http.response.status_code", code))
	}
}

// End ends the step. Of an error it is told that there was one, and nothing of its text:
// that is the record's, and may name what a collector should not have.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

// Inject puts the header traceparent of a context's span into that of a request to
// another server.
func Inject(ctx context.Context, header http.Header) {
	if _, ok := ctx.Value(tracerKey{}).(*Tracer); ok {
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(header))
	}
}

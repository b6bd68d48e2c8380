package tracing

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	wire "go.opentelemetry.io/proto/slim/otlp/trace/v1"
)

// encode is a batch as OTLP has it. All spans are of one process and one scope.
func encode(batch []sdktrace.ReadOnlySpan) []*wire.ResourceSpans {
	first := batch[0]
	spans := make([]*wire.Span, len(batch))
	for i, s := range batch {
		spans[i] = encodeSpan(s)
	}
	return []*wire.ResourceSpans{{
		Resource:  &resource.Resource{Attributes: encodeAttributes(first.Resource().Attributes())},
		SchemaUrl: first.Resource().SchemaURL(),
		ScopeSpans: []*wire.ScopeSpans{{
			Scope: &common.InstrumentationScope{Name: first.InstrumentationScope().Name}, Spans: spans,
		}},
	}}
}

func encodeSpan(s sdktrace.ReadOnlySpan) *wire.Span {
	at, parent := s.SpanContext(), s.Parent()
	traceID, spanID := at.TraceID(), at.SpanID()
	out := &wire.Span{
		TraceId: traceID[:], SpanId: spanID[:], TraceState: at.TraceState().String(), Flags: uint32(at.TraceFlags()),
		Name: s.Name(), Kind: wire.Span_SpanKind(s.SpanKind()),
		StartTimeUnixNano: uint64(s.StartTime().UnixNano()), EndTimeUnixNano: uint64(s.EndTime().UnixNano()),
		Attributes: encodeAttributes(s.Attributes()), DroppedAttributesCount: uint32(s.DroppedAttributes()),
		Status: &wire.Status{},
	}
	if parent.SpanID().IsValid() {
		id := parent.SpanID()
		out.ParentSpanId = id[:]
	}
	if s.Status().Code == codes.Error {
		out.Status.Code = wire.Status_STATUS_CODE_ERROR
	}
	for _, link := range s.Links() {
		traceID, spanID := link.SpanContext.TraceID(), link.SpanContext.SpanID()
		out.Links = append(out.Links, &wire.Span_Link{TraceId: traceID[:], SpanId: spanID[:], Flags: uint32(link.SpanContext.TraceFlags())})
	}
	return out
}

// encodeAttributes knows the kinds that are set here; others are told as text.
func encodeAttributes(attributes []attribute.KeyValue) []*common.KeyValue {
	out := make([]*common.KeyValue, len(attributes))
	for i, a := range attributes {
		value := &common.AnyValue{}
		switch a.Value.Type() {
		case attribute.INT64:
			value.Value = &common.AnyValue_IntValue{IntValue: a.Value.AsInt64()}
		case attribute.BOOL:
			value.Value = &common.AnyValue_BoolValue{BoolValue: a.Value.AsBool()}
		default:
			value.Value = &common.AnyValue_StringValue{StringValue: a.Value.String()}
		}
		out[i] = &common.KeyValue{Key: string(a.Key), Value: value}
	}
	return out
}

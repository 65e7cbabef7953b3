// Package trace makes the spans of a process with OpenTelemetry, and sends them to a collector by OTLP over HTTP. It
// alone imports OpenTelemetry. Without a [Tracer] no span is made: then a call costs a lookup in its context, and
// allocates nothing.
//
// Attributes are words of ours: operations, methods, outcomes. No argument, name of a server, person or error text
// is one.
package trace

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// scope is the name of the instrumentation.
const scope = "github.com/vpsbot/vpsbot"

// Kind is on which side of a request a span is.
type Kind = oteltrace.SpanKind

// The kinds.
const (
	Internal = oteltrace.SpanKindInternal
	Server   = oteltrace.SpanKindServer
	Client   = oteltrace.SpanKindClient
)

// Span is one step of a call. The zero Span is none: its methods do nothing.
type Span struct{ span oteltrace.Span }

// Begin starts a span below that of ctx, or one that begins a trace where ctx has none. It may be called on nil, which
// traces nothing.
func (t *Tracer) Begin(ctx context.Context, kind Kind, name string) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(ctx, name, oteltrace.WithSpanKind(kind))
	return ctx, Span{span}
}

// Start starts a step of the span of ctx. Where ctx has none, or one that is not recorded, there is no span.
func Start(ctx context.Context, name string) (context.Context, Span) {
	parent := oteltrace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Span{}
	}
	ctx, span := parent.TracerProvider().Tracer(scope).Start(ctx, name)
	return ctx, Span{span}
}

// Done is a step that has ended: its texts are pairs of key and value.
type Done struct {
	Name   string
	Kind   Kind
	Began  time.Time
	Failed string // the class of its error; empty: none
	Status int    // HTTP status; 0: none
	Texts  []string
}

// Record adds a step that has ended to the span of ctx. The caller asks [Recording] first.
func Record(ctx context.Context, d Done) {
	parent := oteltrace.SpanFromContext(ctx)
	_, span := parent.TracerProvider().Tracer(scope).Start(ctx, d.Name, oteltrace.WithSpanKind(d.Kind), oteltrace.WithTimestamp(d.Began))
	s := Span{span}
	for i := 1; i < len(d.Texts); i += 2 {
		s.Text(d.Texts[i-1], d.Texts[i])
	}
	if d.Status != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", d.Status))
	}
	if d.Status >= http.StatusBadRequest {
		d.Failed = strconv.Itoa(d.Status)
	}
	s.Fail(d.Failed)
	s.End()
}

// Recording reports whether ctx has a span that is recorded.
func Recording(ctx context.Context) bool { return oteltrace.SpanFromContext(ctx).IsRecording() }

// Text sets an attribute. An empty value is none.
func (s Span) Text(key, value string) {
	if s.span != nil && value != "" {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// Fail marks the span as failed, by the class of an error. An empty class is none.
func (s Span) Fail(class string) {
	if s.span != nil && class != "" {
		s.span.SetStatus(codes.Error, "")
		s.span.SetAttributes(attribute.String("error.type", class))
	}
}

// Link links the span to one of another call, as [Parent] wrote it down. Its own trace, and nothing, are not linked.
func (s Span) Link(parent string) {
	if s.span == nil || parent == "" {
		return
	}
	linked := oteltrace.SpanContextFromContext(Remote(context.Background(), parent, ""))
	if linked.IsValid() && linked.TraceID() != s.span.SpanContext().TraceID() {
		s.span.AddLink(oteltrace.Link{SpanContext: linked})
	}
}

// End ends the span.
func (s Span) End() {
	if s.span != nil {
		s.span.End()
	}
}

// ID returns the id of the trace of ctx; empty: it has none.
func ID(ctx context.Context) string {
	if span := oteltrace.SpanContextFromContext(ctx); span.HasTraceID() {
		return span.TraceID().String()
	}
	return ""
}

const (
	traceparent = "traceparent"
	tracestate  = "tracestate"
)

// Parent returns the span of ctx in the form of the header traceparent; empty: it has none.
func Parent(ctx context.Context) string {
	if !oteltrace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[traceparent]
}

// Remote returns ctx below the span that a caller names by traceparent and tracestate. One that is malformed changes
// nothing.
func Remote(ctx context.Context, parent, state string) context.Context {
	if parent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparent: parent, tracestate: state})
}

// LogHandler adds the id of the trace to the lines that are logged with a context of one.
func LogHandler(next slog.Handler) slog.Handler { return logHandler{next} }

type logHandler struct{ slog.Handler }

func (h logHandler) Handle(ctx context.Context, record slog.Record) error {
	if id := ID(ctx); id != "" {
		record = record.Clone()
		record.AddAttrs(slog.String("trace", id))
	}
	return h.Handler.Handle(ctx, record)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }

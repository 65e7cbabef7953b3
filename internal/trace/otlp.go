package trace

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

// exporter posts batches of spans by OTLP over HTTP, in protobuf. The SDK's own links gRPC.
type exporter struct {
	Options
	closing context.Context // once it has ended there is no second try
	failed  func(error)
}

const (
	mostTries  = 5 // of one batch
	firstPause = time.Second
	mostPause  = 30 * time.Second
	mostAnswer = 64 << 10
)

// ExportSpans implements [sdktrace.SpanExporter]. A batch that the collector does not take is dropped: it is called
// by the processor's one goroutine, whose queue is bounded.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	body := e.encode(spans)
	for try := range mostTries {
		after, again, err := e.post(ctx, body)
		if err == nil {
			return nil
		}
		if last := try == mostTries-1; !again || last || !e.pause(ctx, max(after, backoff.Doubled(firstPause, mostPause, try))) {
			e.failed(err)
			return nil
		}
	}
	return nil
}

// Shutdown implements [sdktrace.SpanExporter].
func (e *exporter) Shutdown(context.Context) error { return nil }

// pause waits, and reports whether there is to be another try.
func (e *exporter) pause(ctx context.Context, d time.Duration) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.closing, cancel)()
	e.Sleep(ctx, min(d, mostPause))
	return ctx.Err() == nil && e.closing.Err() == nil
}

// post sends a batch once. Errors have neither the endpoint nor a header: either may hold a secret.
func (e *exporter) post(ctx context.Context, body []byte) (after time.Duration, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.Endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, false, errors.New("the endpoint cannot be read")
	}
	for name, value := range e.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if !e.Plain {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := e.HTTP(req)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err
		}
		return 0, true, err
	}
	defer resp.Body.Close()                                           //nolint:errcheck // it was only read
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, mostAnswer)) // so that the connection is used again
	switch {
	case resp.StatusCode/100 == 2:
		return 0, false, nil
	case slices.Contains([]int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, resp.StatusCode):
		return backoff.RetryAfter(resp.Header), true, fmt.Errorf("it answered with status %d", resp.StatusCode)
	}
	return 0, false, fmt.Errorf("it answered with status %d", resp.StatusCode)
}

// encode makes the ExportTraceServiceRequest of opentelemetry-proto's collector/trace/v1/trace_service.proto. It is
// written by the numbers of its fields: generated types register themselves at each start of a program.
func (e *exporter) encode(spans []sdktrace.ReadOnlySpan) []byte {
	own := scopeSpans{name: scope, version: e.Version}.encode(spans)
	body := message(nil, 1, slices.Concat(message(nil, 1, attributes(nil, 1, spans[0].Resource().Attributes())), message(nil, 2, own)))
	if e.Plain {
		return body
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(body) // a buffer takes all
	_ = w.Close()
	return packed.Bytes()
}

type scopeSpans struct{ name, version string }

func (s scopeSpans) encode(spans []sdktrace.ReadOnlySpan) []byte {
	b := message(nil, 1, text(text(nil, 1, s.name), 2, s.version))
	for _, span := range spans {
		b = message(b, 2, encodeSpan(span))
	}
	return b
}

func encodeSpan(s sdktrace.ReadOnlySpan) []byte {
	own, parent := s.SpanContext(), s.Parent()
	b := identify(nil, own)
	if above := parent.SpanID(); above.IsValid() {
		b = message(b, 4, above[:])
	}
	b = text(b, 5, s.Name())
	b = protowire.AppendVarint(protowire.AppendTag(b, 6, protowire.VarintType), uint64(s.SpanKind())) // OTLP counts them as the SDK does
	b = protowire.AppendFixed64(protowire.AppendTag(b, 7, protowire.Fixed64Type), uint64(s.StartTime().UnixNano()))
	b = protowire.AppendFixed64(protowire.AppendTag(b, 8, protowire.Fixed64Type), uint64(s.EndTime().UnixNano()))
	b = attributes(b, 9, s.Attributes())
	for _, link := range s.Links() {
		b = message(b, 13, flags(identify(nil, link.SpanContext), 6, link.SpanContext, link.SpanContext))
	}
	if s.Status().Code == codes.Error {
		b = message(b, 15, []byte{3<<3 | byte(protowire.VarintType), 2}) // STATUS_CODE_ERROR
	}
	return flags(b, 16, own, parent)
}

// identify appends the ids and the state, whose numbers a span and a link share.
func identify(b []byte, c oteltrace.SpanContext) []byte {
	trace, span := c.TraceID(), c.SpanID()
	return text(message(message(b, 1, trace[:]), 2, span[:]), 3, c.TraceState().String())
}

// flags appends the flags of a span, and whether its parent is of another process.
func flags(b []byte, field protowire.Number, own, parent oteltrace.SpanContext) []byte {
	const knowsRemote, isRemote = 0x100, 0x200
	value := uint32(own.TraceFlags()) | knowsRemote
	if parent.IsRemote() {
		value |= isRemote
	}
	return protowire.AppendFixed32(protowire.AppendTag(b, field, protowire.Fixed32Type), value)
}

// attributes appends what spans and resources of ours have: texts and numbers. Anything else becomes its text.
func attributes(b []byte, field protowire.Number, all []attribute.KeyValue) []byte {
	for _, one := range all {
		var value []byte
		if one.Value.Type() == attribute.INT64 {
			value = protowire.AppendVarint(protowire.AppendTag(nil, 3, protowire.VarintType), uint64(one.Value.AsInt64()))
		} else {
			value = message(nil, 1, []byte(one.Value.String()))
		}
		b = message(b, field, message(text(nil, 1, string(one.Key)), 2, value))
	}
	return b
}

func message(b []byte, field protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), content)
}

// text appends a text; an empty one is the default of its field.
func text(b []byte, field protowire.Number, content string) []byte {
	if content == "" {
		return b
	}
	return message(b, field, []byte(content))
}

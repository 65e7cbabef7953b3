package trace

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	wire "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// decode reads a request by the generated types.
func decode(t *testing.T, r *http.Request) (*wire.ResourceSpans, []*wire.Span) {
	t.Helper()
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		require.NoError(t, err)
		body = unpacked
	}
	raw, err := io.ReadAll(body)
	require.NoError(t, err)
	var request collector.ExportTraceServiceRequest
	require.NoError(t, proto.UnmarshalOptions{DiscardUnknown: false}.Unmarshal(raw, &request))
	require.Empty(t, request.ProtoReflect().GetUnknown())
	require.Len(t, request.ResourceSpans, 1)
	return request.ResourceSpans[0], request.ResourceSpans[0].ScopeSpans[0].Spans
}

const remote = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestExport(t *testing.T) {
	for _, plain := range []bool{false, true} {
		var got []*wire.Span
		var of *wire.ResourceSpans
		var header http.Header
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			header = r.Header
			of, got = decode(t, r)
		}))
		tracer := New(Options{Endpoint: server.URL, Headers: map[string]string{"X-Key": "secret"}, Version: "1.2", Plain: plain})
		began := time.Now()
		ctx, root := tracer.Begin(Remote(t.Context(), remote, "vendor=1"), Server, "tools/call")
		root.Text("gen_ai.tool.name", "servers_list")
		root.Text("empty", "")
		_, step := Start(ctx, "plan")
		step.Link("00-11111111111111111111111111111111-2222222222222222-01")
		step.Link(remote) // its own trace
		step.Link("nonsense")
		step.Fail("refused")
		step.End()
		Record(ctx, Done{Name: "GET /servers/", Kind: Client, Began: began, Status: 503, Failed: "503", Texts: []string{"url.template", "/servers/"}})
		root.End()
		require.Equal(t, "0af7651916cd43dd8448eb211c80319c", ID(ctx))
		require.True(t, strings.HasPrefix(Parent(ctx), "00-0af7651916cd43dd8448eb211c80319c-"))
		tracer.Close()
		tracer.Close()
		server.Close()

		require.Equal(t, "secret", header.Get("X-Key"))
		require.Equal(t, "application/x-protobuf", header.Get("Content-Type"))
		require.Equal(t, plain, header.Get("Content-Encoding") == "")
		require.Contains(t, of.Resource.String(), `"service.name"`)
		require.Contains(t, of.Resource.String(), `"vpsbot"`)
		require.Equal(t, "1.2", of.ScopeSpans[0].Scope.Version)
		require.Len(t, got, 3)
		plan, request, call := got[0], got[1], got[2]
		require.Equal(t, []string{"plan", "GET /servers/", "tools/call"}, []string{plan.Name, request.Name, call.Name})
		require.Equal(t, "0af7651916cd43dd8448eb211c80319c", hex.EncodeToString(call.TraceId))
		require.Equal(t, "b7ad6b7169203331", hex.EncodeToString(call.ParentSpanId))
		require.Equal(t, "vendor=1", call.TraceState)
		require.Equal(t, []uint32{0x301, 0x101}, []uint32{call.Flags, plan.Flags}, "whether the parent is of another process")
		require.Equal(t, call.SpanId, plan.ParentSpanId)
		require.Equal(t, call.SpanId, request.ParentSpanId)
		require.Equal(t, []wire.Span_SpanKind{wire.Span_SPAN_KIND_SERVER, wire.Span_SPAN_KIND_INTERNAL, wire.Span_SPAN_KIND_CLIENT}, []wire.Span_SpanKind{call.Kind, plan.Kind, request.Kind})
		require.Equal(t, uint64(began.UnixNano()), request.StartTimeUnixNano)
		require.GreaterOrEqual(t, request.EndTimeUnixNano, request.StartTimeUnixNano)
		require.Equal(t, wire.Status_STATUS_CODE_ERROR, plan.Status.GetCode())
		require.Equal(t, wire.Status_STATUS_CODE_UNSET, call.Status.GetCode())
		require.Len(t, plan.Links, 1)
		require.Equal(t, "11111111111111111111111111111111", hex.EncodeToString(plan.Links[0].TraceId))
		require.Len(t, call.Attributes, 1)
		require.Equal(t, int64(503), request.Attributes[1].Value.GetIntValue())
		require.Equal(t, "error.type", request.Attributes[2].Key)
	}
}

// Without a Tracer nothing is made, nothing allocated, and no method fails.
func TestOff(t *testing.T) {
	var off *Tracer
	ctx, span := off.Begin(t.Context(), Server, "x")
	require.Equal(t, t.Context(), ctx)
	span.Text("a", "b")
	span.Link(remote)
	span.Fail("x")
	span.End()
	off.Close()
	require.False(t, Recording(ctx))
	require.Empty(t, ID(ctx)+Parent(ctx))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		ctx, span := off.Begin(t.Context(), Server, "x")
		ctx, step := Start(ctx, "y")
		step.Text("a", "b")
		step.End()
		span.End()
		_ = ID(ctx)
	}))
}

func BenchmarkOff(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, span := Start(b.Context(), "step")
		span.Text("a", "b")
		span.End()
	}
}

// A collector that asks for patience gets the batch again; one that refuses it does not. Neither fails a call.
func TestCollectorFails(t *testing.T) {
	for name, one := range map[string]struct {
		statuses []int
		want     int32 // requests
		paused   time.Duration
		warned   bool
	}{
		"busy":        {[]int{503, 429, 200}, 3, 7 * time.Second, false},
		"refused":     {[]int{401}, 1, 0, true},
		"always busy": {[]int{502, 502, 502, 502, 502}, 5, 7 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(one.statuses[calls.Add(1)-1])
			}))
			defer server.Close()
			var log bytes.Buffer
			var paused atomic.Int64
			tracer := New(Options{
				Endpoint: server.URL + "/?key=hidden", Headers: map[string]string{"Authorization": "Bearer hidden"}, Log: slog.New(slog.NewTextHandler(&log, nil)),
				Sleep: func(_ context.Context, d time.Duration) { paused.Store(int64(d)) },
			})
			_, span := tracer.Begin(t.Context(), Internal, "x")
			span.End()
			require.NoError(t, tracer.provider.ForceFlush(t.Context()))
			require.Equal(t, one.want, calls.Load())
			if one.statuses[0] != 502 {
				require.Equal(t, one.paused, time.Duration(paused.Load()))
			}
			require.Equal(t, one.warned, log.Len() > 0, log.String())
			require.NotContains(t, log.String(), "hidden")
			tracer.Close()
		})
	}
}

// A collector that is not there, or that says nothing, holds up nobody, and the end for two seconds at most.
func TestCollectorAway(t *testing.T) {
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"refuses": func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		"hangs":   func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() },
	} {
		t.Run(name, func(t *testing.T) {
			tracer := New(Options{Endpoint: "http://collector/", Log: slog.New(slog.DiscardHandler), HTTP: answer})
			began := time.Now()
			for range 10_000 { // more than the queue takes
				_, span := tracer.Begin(t.Context(), Internal, "x")
				span.End()
			}
			require.Less(t, time.Since(began), time.Second, "spans are made")
			began = time.Now()
			tracer.Close()
			require.Less(t, time.Since(began), closeTime+time.Second)
		})
	}
}

func TestLogHandler(t *testing.T) {
	tracer := New(Options{Endpoint: "http://collector/", Log: slog.New(slog.DiscardHandler), HTTP: func(*http.Request) (*http.Response, error) { return nil, errors.New("away") }})
	defer tracer.Close()
	ctx, span := tracer.Begin(t.Context(), Internal, "x")
	defer span.End()
	var out bytes.Buffer
	log := slog.New(LogHandler(slog.NewTextHandler(&out, nil))).With("a", 1).WithGroup("")
	log.InfoContext(ctx, "in a trace")
	require.Contains(t, out.String(), "trace="+ID(ctx))
	out.Reset()
	log.Info("in none")
	require.NotContains(t, out.String(), "trace=")
}

// A size or a delay that the SDK cannot work with is replaced; a setting that it does not take is a warning of its own.
func TestWrongSettings(t *testing.T) {
	for name, values := range map[string][]string{
		"OTEL_BSP_MAX_QUEUE_SIZE":        {"-5", "0", "99999999999", "x"},
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": {"-1", "0", "99999999999"},
		"OTEL_BSP_SCHEDULE_DELAY":        {"-1", "0"},
		"OTEL_BSP_EXPORT_TIMEOUT":        {"-1", "0"},
		"OTEL_TRACES_SAMPLER":            {"nonsense", "traceidratio"},
		"OTEL_RESOURCE_ATTRIBUTES":       {"x", "a=%zz"},
	} {
		for _, value := range values {
			t.Run(name+"="+value, func(t *testing.T) {
				t.Setenv(name, value)
				t.Setenv("OTEL_TRACES_SAMPLER_ARG", "x")
				var log bytes.Buffer
				var calls atomic.Int32
				tracer := New(Options{Endpoint: "http://collector/", Log: slog.New(slog.NewTextHandler(&log, nil)), HTTP: func(*http.Request) (*http.Response, error) {
					calls.Add(1)
					return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
				}})
				_, span := tracer.Begin(t.Context(), Internal, "x")
				span.End()
				tracer.Close()
				require.Equal(t, int32(1), calls.Load())
				require.NotContains(t, log.String(), "collector")
				require.Equal(t, !strings.HasPrefix(name, "OTEL_BSP"), strings.Contains(log.String(), "a setting of traces is not taken"), log.String())
			})
		}
	}
	o := sdktrace.BatchSpanProcessorOptions{MaxQueueSize: 100, MaxExportBatchSize: 1, BatchTimeout: time.Second}
	bounded(&o)
	require.Equal(t, sdktrace.BatchSpanProcessorOptions{MaxQueueSize: 100, MaxExportBatchSize: 1, BatchTimeout: time.Second}, o, "what works stays")
	o = sdktrace.BatchSpanProcessorOptions{}
	bounded(&o)
	require.Positive(t, o.BatchTimeout)
}

package trace

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

// Options say where spans go.
type Options struct {
	Endpoint string                                      // the URL that spans are posted to
	Headers  map[string]string                           // of each request, which may hold a secret
	Timeout  time.Duration                               // of one request; 0: 10 s
	Plain    bool                                        // the body is not compressed
	Service  string                                      // OTEL_SERVICE_NAME; empty: vpsbot, or what OTEL_RESOURCE_ATTRIBUTES says
	Version  string                                      // of the program
	Log      *slog.Logger                                // says at most once a minute that the collector takes nothing
	Sleep    func(context.Context, time.Duration)        // between two tries; nil: a real pause
	HTTP     func(*http.Request) (*http.Response, error) // nil: a client of its own
}

// Tracer makes spans and sends them. nil is one that makes none. Its methods may be called concurrently.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   oteltrace.Tracer
	close    context.CancelFunc // of the exporter's tries
}

const defaultTimeout = 10 * time.Second

// New makes a Tracer. Sampler, limits and the sizes of batches are those that the SDK reads from OTEL_TRACES_SAMPLER,
// OTEL_BSP_* and OTEL_SPAN_*. It connects to nothing before the first batch.
func New(o Options) *Tracer {
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	if o.HTTP == nil {
		o.HTTP = newClient(o.Timeout).Do
	}
	if o.Sleep == nil {
		o.Sleep = func(ctx context.Context, d time.Duration) { _ = backoff.Sleep(ctx, d) }
	}
	warn := &rate.Sometimes{First: 1, Interval: time.Minute}
	closing, stopTries := context.WithCancel(context.Background())
	e := &exporter{Options: o, closing: closing}
	e.failed = func(err error) {
		warn.Do(func() { o.Log.Warn("the collector of traces takes none; calls go on without", "error", err) })
	}
	// The SDK reports settings that it does not take, to a handler that all of a process share.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { o.Log.Warn("a setting of traces is not taken", "error", err) }))
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(e, bounded), sdktrace.WithResource(newResource(o)))
	return &Tracer{provider: p, tracer: p.Tracer(scope), close: stopTries}
}

// bounded keeps OTEL_BSP_* to what works: the SDK panics for a size below zero, and without a delay it never rests.
func bounded(o *sdktrace.BatchSpanProcessorOptions) {
	o.BatchTimeout = max(o.BatchTimeout, 10*time.Millisecond)
	o.MaxQueueSize = min(cmp.Or(max(o.MaxQueueSize, 0), sdktrace.DefaultMaxQueueSize), 1<<16)
	o.MaxExportBatchSize = min(cmp.Or(max(o.MaxExportBatchSize, 0), sdktrace.DefaultMaxExportBatchSize), o.MaxQueueSize)
}

// newResource describes the process: by its name and version, and what the environment adds. Host, user and command
// line are not looked up.
func newResource(o Options) *resource.Resource {
	with := []resource.Option{
		resource.WithAttributes(attribute.String("service.name", "vpsbot"), attribute.String("service.version", o.Version)),
		resource.WithFromEnv(), resource.WithTelemetrySDK(), // what comes later counts
	}
	if o.Service != "" {
		with = append(with, resource.WithAttributes(attribute.String("service.name", o.Service)))
	}
	made, _ := resource.New(context.Background(), with...) // an error is of the environment, which the SDK reports too
	return made
}

// newClient returns a client that follows no redirect: its headers may carry a secret for the collector alone.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// closeTime is how long the end of a process waits for the collector.
const closeTime = 2 * time.Second

// Close sends what has not been sent, within two seconds and without a second try. It may be called on nil.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	t.close()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the exporter reports what it could not send
}

package apiclient

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

type traceKey struct{}

// Trace returns a context whose calls are passed to observer when they have ended, in addition to
// Options.Observe: for a caller that needs the status of one call, such as the audit log. observer may be
// called from any goroutine.
func Trace(ctx context.Context, observer func(Call)) context.Context {
	return context.WithValue(ctx, traceKey{}, observer)
}

// observe passes each call that has ended to Options.Observe and to the observer of [Trace].
func observe(next step, observer func(Call), loopback bool) step {
	return func(ctx context.Context, c *call) error {
		trace, _ := ctx.Value(traceKey{}).(func(Call))
		start := time.Now()
		err := next(ctx, c)
		ended := Call{
			Method: c.method, Route: c.route, Status: c.status, Kind: errorIn(err).Kind,
			Attempts: c.attempts, Duration: time.Since(start),
			Simulator: loopback && c.header.Get(SimulatorHeader) != "",
		}
		errorIn(err).isSimulator = ended.Simulator
		for _, f := range []func(Call){observer, trace} {
			if f != nil {
				f(ended)
			}
		}
		return err
	}
}

// attemptLog logs a line for each attempt: no headers, no bodies, no query.
type attemptLog struct {
	next    http.RoundTripper
	logger  *slog.Logger
	observe func(context.Context, Attempt) // nil: nobody does
}

func (l attemptLog) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := l.next.RoundTrip(req)
	outcome, a := slog.String("failure", string(failureKind(err))), Attempt{Method: req.Method, Host: req.URL.Host, Began: start}
	if err == nil {
		outcome, a.Status = slog.Int("status", resp.StatusCode), resp.StatusCode
	}
	if l.observe != nil {
		a.Route, a.Again = callOf(req).route, max(callOf(req).attempts-1, 0)
		if err != nil {
			a.Kind = failureKind(err)
		}
		l.observe(req.Context(), a)
	}
	l.logger.LogAttrs(req.Context(), slog.LevelDebug, "api request",
		slog.String("method", req.Method), slog.String("path", callOf(req).path), outcome, slog.Duration("duration", time.Since(start)))
	return resp, err
}

package apiclient

import (
	"log/slog"
	"net/http"
	"time"
)

// attemptLog writes a line for each attempt: no headers, no bodies, no query.
type attemptLog struct {
	next   http.RoundTripper
	logger *slog.Logger
}

func newAttemptLog(next http.RoundTripper, logger *slog.Logger) http.RoundTripper {
	if logger == nil {
		return next
	}
	return attemptLog{next, logger}
}

func (l attemptLog) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := l.next.RoundTrip(req)
	attrs := []slog.Attr{slog.String("method", req.Method), slog.String("path", callOf(req).path)}
	if err == nil {
		attrs = append(attrs, slog.Int("status", resp.StatusCode))
	} else {
		attrs = append(attrs, slog.String("failure", string(failureKind(err))))
	}
	attrs = append(attrs, slog.Duration("duration", time.Since(start)))
	l.logger.LogAttrs(req.Context(), slog.LevelDebug, "api request", attrs...)
	return resp, err
}

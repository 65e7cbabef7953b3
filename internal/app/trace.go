package app

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/trace"
)

// newTracer returns nil where the environment names no collector, or names one wrongly: then a warning says so.
func newTracer(cfg config.Config, log *slog.Logger) *trace.Tracer {
	settings, err := cfg.Traces()
	if err != nil {
		log.Warn("there are no traces: " + err.Error())
		return nil
	}
	if settings.Endpoint == "" {
		return nil
	}
	headers := map[string]string{}
	for name, value := range settings.Headers {
		headers[name] = value.Reveal()
	}
	return trace.New(trace.Options{
		Endpoint: settings.Endpoint, Headers: headers, Timeout: settings.Timeout, Plain: settings.Plain,
		Service: settings.Service, Version: ReadVersion().Version, Log: log,
	})
}

// traceAttempt makes a span of a request to VPS.org's API. Its path is the pattern of the route, without an id. The
// request carries no traceparent: VPS.org has no part in these traces, and the header would tell it which requests,
// perhaps of several accounts, come from one call.
func traceAttempt(ctx context.Context, a apiclient.Attempt) {
	if !trace.Recording(ctx) {
		return
	}
	at := url.URL{Host: a.Host}
	done := trace.Done{
		Name: a.Method + " " + a.Route, Kind: trace.Client, Began: a.Began, Status: a.Status, Failed: string(a.Kind),
		Texts: []string{"http.request.method", a.Method, "url.template", a.Route, "server.address", at.Hostname(), "server.port", at.Port()},
	}
	if a.Again > 0 {
		done.Texts = append(done.Texts, "http.request.resend_count", strconv.Itoa(a.Again))
	}
	trace.Record(ctx, done)
}

// slackTrace makes a span of each request to Slack, by its method. A response_url and the address of an upload, which
// are secrets, are called other. As VPS.org's, these requests carry no traceparent.
type slackTrace struct {
	next http.RoundTripper
	api  string // base URL of the Web API
}

// RoundTrip implements [http.RoundTripper].
func (s slackTrace) RoundTrip(req *http.Request) (*http.Response, error) {
	next := cmp.Or(s.next, http.DefaultTransport)
	if !trace.Recording(req.Context()) {
		return next.RoundTrip(req)
	}
	began := time.Now()
	resp, err := next.RoundTrip(req)
	method, ours := strings.CutPrefix((&url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path}).String(), s.api)
	if !ours || strings.Contains(method, "/") {
		method = "other"
	}
	done := trace.Done{
		Name: req.Method + " " + method, Kind: trace.Client, Began: began,
		Texts: []string{"http.request.method", req.Method, "url.template", method, "server.address", req.URL.Hostname(), "server.port", req.URL.Port()},
	}
	if done.Failed = "no_answer"; err == nil {
		done.Status, done.Failed = resp.StatusCode, ""
	}
	trace.Record(req.Context(), done)
	return resp, err
}

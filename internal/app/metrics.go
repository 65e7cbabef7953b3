package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/observe"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// watch makes the metrics of this process, if VPSBOT_METRICS_LISTEN is set. It is called before anything is sent or
// stored.
func (s *service) watch(hasSlack bool) {
	if s.Config.MetricsListen == "" {
		return
	}
	sources := observe.Sources{
		Client: s.Runner.Client.Stats, Connections: s.Store.connections,
		Store: func(ctx context.Context) (store.Figures, error) {
			db, err := s.Store.Open(ctx)
			if err != nil {
				return store.Figures{}, err
			}
			return store.FiguresOf(ctx, db, s.Now())
		},
	}
	if hasSlack {
		sources.Slack = func() bool { return len(s.slack.unready()) == 0 }
	}
	s.metrics = observe.New(sources)
	s.Store.watch = s.metrics.StoreAccess
}

// observeCall is the client's Observe.
func (a *App) observeCall(c apiclient.Call) {
	a.Runner.ObserveCall(c)
	a.metrics.UpstreamCall(c)
}

// connections are those of the open store. It does not wait for one that is being opened.
func (s *Store) connections() map[store.Kind]store.Connections {
	if !s.mu.TryLock() {
		return nil
	}
	defer s.mu.Unlock()
	if s.opened == nil {
		return nil
	}
	return store.ConnectionsOf(s.opened)
}

// serveMetrics serves GET /metrics, if there is a listener for it, until ctx ends.
func (s *service) serveMetrics(ctx context.Context) {
	if s.scrapes == nil {
		return
	}
	server := &http.Server{
		Handler: s.metrics.Handler(), ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })() // a scrape that is cut off is tried again
	s.log.Info("serving metrics", "address", s.scrapes.Addr().String())
	if err := server.Serve(s.scrapes); !errors.Is(err, http.ErrServerClosed) {
		s.log.Error("metrics are no longer served", "error", err)
	}
}

// countingHandler counts the deliveries that a handler gets.
type countingHandler struct {
	transport.Handler
	metrics *observe.Metrics
}

// Handle implements [transport.Handler].
func (h countingHandler) Handle(ctx context.Context, d transport.Delivery) []byte {
	h.metrics.Received(d.Kind)
	began := time.Now()
	defer func() { h.metrics.Acknowledged(d.Kind, time.Since(began)) }()
	return h.Handler.Handle(ctx, d)
}

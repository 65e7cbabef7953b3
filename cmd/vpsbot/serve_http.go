package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// How long it takes to stop: with the ten seconds of the bot's, fifteen at most.
const (
	lameDuck   = time.Second     // unready and still serving: Slack sends nothing twice that it could not deliver
	drainLimit = 4 * time.Second // for what is being answered
)

// maxHeader is more than Slack and proxies send.
const maxHeader = 16 << 10

// listen takes the address, so that one that cannot be had is told at once.
func (s *service) listen(ctx context.Context) (err error) {
	address := s.parts.config.Listen
	s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err == nil {
		return nil
	}
	_, isAddress := errors.AsType[*net.AddrError](err)
	_, isName := errors.AsType[*net.DNSError](err)
	if isAddress || isName {
		return fail(runner.Invalid, "VPSBOT_LISTEN %q is no address of this machine: write such as 127.0.0.1:8484, or :8484 for all its addresses", address)
	}
	return fail(runner.Failed, "%v; VPSBOT_LISTEN takes another address, such as 127.0.0.1:8485", err)
}

// takeDeliveries takes what Slack sends until ctx ends, and then answers what has begun.
func (s *service) takeDeliveries(ctx context.Context) error {
	server := &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.parts.runner.Log.Handler(), slog.LevelDebug), // strangers must not fill the log
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.listener) }()
	var sockets sync.WaitGroup
	if s.socket != nil {
		sockets.Go(func() { s.socket.Run(ctx) }) // what fails there is logged and tried again
	}
	s.parts.runner.Log.Info("serving", "mode", string(s.mode), "address", s.listener.Addr().String(),
		"public", s.parts.config.PublicURL, "version", readVersion().Version)
	select {
	case <-ctx.Done():
	case err := <-failed:
		return fail(runner.Failed, "no longer listening: %v", err)
	}
	s.shutDown(ctx, server)
	sockets.Wait()
	return nil
}

func (s *service) shutDown(ctx context.Context, server *http.Server) {
	s.stopping.Store(true)
	s.parts.runner.Log.Info("stopping")
	if s.mode == config.SlackHTTP && s.bot.Ready() {
		time.Sleep(lameDuck)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		s.parts.runner.Log.Warn("not all that had begun could be answered", "error", err)
		_ = server.Close() // what hangs hangs
	}
}

// routes are all that is served.
func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	if s.mode == config.SlackHTTP {
		d := &transport.HTTP{Secret: s.parts.config.SlackSigningSecret(), Handler: s.bot, Now: s.parts.now, Log: s.parts.runner.Log}
		d.Routes(mux)
	}
	return mux
}

func (s *service) readyz(w http.ResponseWriter, r *http.Request) {
	if reasons := s.unready(r.Context()); len(reasons) > 0 {
		plain(w, http.StatusServiceUnavailable, strings.Join(reasons, "\n"))
		return
	}
	plain(w, http.StatusOK, "ready")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

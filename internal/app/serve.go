package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/mcpserver"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/systemd"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// How long a shutdown takes: fifteen seconds at most, with the ten of the bot's work.
const (
	unreadyTime = time.Second      // unready and still serving: callers do not repeat what could not be delivered
	drainLimit  = 4 * time.Second  // for the requests under way, before the bot stops
	stopLimit   = 14 * time.Second // for all that is under way
)

// maxHeader is more than Slack, clients and proxies send.
const maxHeader = 16 << 10

// service is a process that serves people in Slack, assistants at /mcp, or both.
type service struct {
	*App
	slack    *slackService   // nil: Slack is not set up
	mcp      *mcpserver.HTTP // nil: there is no /mcp
	listener net.Listener
	scrapes  net.Listener // nil: there are no metrics
	log      *slog.Logger
	end      context.CancelCauseFunc // ends run, which sets it

	stopping atomic.Bool
	manager  *systemd.Notifier // nil: no service manager wants to know
	pulse    background.Pulse  // of the loops without which nothing is served
	probes   singleflight.Group
}

// Serve serves people in Slack and assistants over HTTP until ctx ends, or until an error that no waiting mends. At each
// value from reload it reads policy and secrets again; nil: there are none.
func (a *App) Serve(ctx context.Context, reload <-chan struct{}) error {
	s, err := a.newService()
	if err != nil {
		return err
	}
	if s.manager, err = systemd.New(a.env.Variables.Lookup, os.Getpid()); err != nil {
		return Invalid(err)
	}
	a.WarnOfPolicy()
	s.noteLimits()
	if s.listener, err = Listen(ctx, "VPSBOT_LISTEN", a.Config.Listen); err != nil {
		return err
	}
	if s.metrics != nil {
		s.scrapes, err = Listen(ctx, "VPSBOT_METRICS_LISTEN", a.Config.MetricsListen)
	}
	if err != nil {
		return errors.Join(err, s.listener.Close())
	}
	return s.run(ctx, reload)
}

// newService fails for a setting that is missing or cannot be read, and sends nothing.
func (a *App) newService() (*service, error) {
	mode, err := a.Config.SlackMode()
	hasSlack := !errors.Is(err, config.ErrNoSlack)
	if !hasSlack && a.Config.MCP() {
		err = nil
	} else if !hasSlack {
		err = fmt.Errorf("there is nothing to serve: VPSBOT_MCP is false, and %w", err)
	}
	if err := errors.Join(a.PolicyErr, err); err != nil {
		return nil, Invalid(err)
	}
	if _, err := a.Runner.Token(); err != nil {
		return nil, Invalid(err)
	}
	s := &service{App: a, log: a.Runner.Log}
	s.watch(hasSlack)
	if a.Config.MCP() {
		if err := a.CheckExposure(); err != nil {
			return nil, err
		}
		s.mcp = a.newMCP(&s.pulse)
	}
	if hasSlack {
		s.slack, err = s.newSlack(mode)
	}
	return s, err
}

// noteLimits logs what nobody may do, or cannot do, because a variable is not set.
func (s *service) noteLimits() {
	noPolicy := s.Config.PolicyFile() == ""
	if s.slack == nil {
		s.log.Info("without SLACK_BOT_TOKEN nobody is served in Slack")
	} else if noPolicy {
		s.log.Info("without VPSBOT_POLICY_FILE everybody in the workspace may read, and nobody may change anything")
	}
	if s.mcp != nil && noPolicy {
		s.log.Info("without VPSBOT_POLICY_FILE everybody with an access key may read over HTTP, and nobody may change anything there")
	}
}

// Listen opens a listener. setting is where its address comes from, for the error.
func Listen(ctx context.Context, setting, address string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	_, isAddress := errors.AsType[*net.AddrError](err)
	_, isName := errors.AsType[*net.DNSError](err)
	switch {
	case isAddress || isName:
		return nil, Errorf(runner.Invalid, "%s %q is no address of this machine: write such as 127.0.0.1:8484, or :8484 for all its addresses; port 0 takes a free one", setting, address)
	case err != nil:
		return nil, Errorf(runner.Failed, "%v; %s takes another address, such as 127.0.0.1:0", err, setting)
	}
	return listener, nil
}

// run serves until ctx ends, or until Slack refuses the token.
func (s *service) run(ctx context.Context, reload <-chan struct{}) error {
	ctx, s.end = context.WithCancelCause(ctx)
	defer s.end(nil)
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var work, sockets, beside sync.WaitGroup
	if s.slack != nil {
		work.Go(func() { s.slack.bot.Run(working) })
		sockets.Go(func() { s.slack.takeDeliveries(ctx) })
		beside.Go(func() { s.announceSlack(ctx) })
	}
	if s.mcp != nil {
		beside.Go(func() { s.mcp.RunApproved(ctx) })
		beside.Go(func() { s.warnOfKeys(ctx) })
	}
	work.Go(func() { s.serveMetrics(working) })
	beside.Go(func() { s.maintain(ctx) })
	beside.Go(func() { s.warnOfToken(ctx) })
	beside.Go(func() { s.supervise(ctx, reload) })
	server := s.newServer()
	if err := s.takeRequests(ctx, server); err != nil {
		s.end(err)
	}
	s.stop(ctx, server, func() {
		sockets.Wait() // what they take the bot must still store
		stopWork()
		work.Wait()
	}, &beside)
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	s.log.Info("stopped")
	return nil
}

// newServer returns the server of all paths. For /mcp mcpserver moves the time limit of a write.
func (s *service) newServer() *http.Server {
	return &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // strangers must not fill the log
	}
}

// takeRequests answers what Slack and clients send until ctx ends.
func (s *service) takeRequests(ctx context.Context, server *http.Server) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.listener) }()
	var slack []any
	if s.slack != nil {
		slack = []any{"mode", string(s.slack.mode)}
	}
	s.log.Info("serving", append(slack, "address", s.listener.Addr().String(), "mcp", s.mcp != nil,
		"public", s.Config.PublicURL, "version", ReadVersion().Version)...)
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return Errorf(runner.Failed, "no longer listening: %v", err)
	}
}

// stop ends the service in the order in which things need each other: it is unready, then takes no calls, then answers
// the requests under way, then stops the bot. What is under way at /mcp after that is left to the store.
func (s *service) stop(ctx context.Context, server *http.Server, stopWork func(), beside *sync.WaitGroup) {
	s.stopping.Store(true)
	s.log.Info("stopping")
	s.notify(systemd.Stopping, systemd.Status("stopping"))
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	if s.mcp != nil || s.slack.isCalled() {
		time.Sleep(unreadyTime)
	}
	if s.mcp != nil {
		s.mcp.Stop()
	}
	drain, cancelDrain := context.WithTimeout(limit, drainLimit)
	defer cancelDrain()
	err := server.Shutdown(drain)
	stopWork()
	if err != nil && s.mcp != nil {
		err = server.Shutdown(limit)
	}
	if err != nil {
		s.log.Warn("not all requests under way could be answered", "error", err)
		_ = server.Close() // the connections that hang
	}
	ended := make(chan struct{})
	go func() {
		beside.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-limit.Done():
		s.log.Warn("not all work has ended in time; the next process reads back how it ended")
	}
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writePlain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		status, says := s.readiness(r.Context())
		writePlain(w, status, says)
	})
	s.slack.addRoutes(mux)
	if s.mcp != nil {
		mux.Handle("/mcp", s.mcp)
	}
	return mux
}

// readiness answers a probe. Where there is /mcp an outage of Slack does not make the process unready: assistants are
// served on, and Slack is away for every other replica too.
func (s *service) readiness(ctx context.Context) (status int, says string) {
	reasons, slack := s.unready(ctx), s.slack.unready()
	switch {
	case len(reasons) == 0 && len(slack) == 0:
		return http.StatusOK, "ready"
	case len(reasons) == 0 && s.mcp != nil:
		return http.StatusOK, strings.Join(append([]string{"ready, but not for Slack:"}, slack...), "\n")
	}
	return http.StatusServiceUnavailable, strings.Join(append(reasons, slack...), "\n")
}

func writePlain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

const (
	storeTimeout = time.Second // after which a store counts as silent
	storeSilent  = "the store does not answer within a second"
)

// unready lists why this process is not ready whatever it serves, in words that disclose nothing to strangers.
func (s *service) unready(ctx context.Context) []string {
	var reasons []string
	if s.stopping.Load() {
		reasons = append(reasons, "it is stopping")
	}
	if err := s.probeStore(ctx); errors.Is(err, context.DeadlineExceeded) {
		reasons = append(reasons, storeSilent)
	} else if err != nil {
		s.log.Debug("not ready", "error", err)
		reasons = append(reasons, "the store cannot be used: the log and vpsbot doctor say why")
	}
	return reasons
}

// probeStore reads a row. Concurrent probes share one query: they must not pile up at a store that hangs.
func (s *service) probeStore(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	answer := s.probes.DoChan("store", func() (any, error) {
		store, err := s.Store.Open(ctx)
		if err != nil {
			return nil, err
		}
		_, err = store.Frozen(ctx)
		return nil, err
	})
	select {
	case result := <-answer:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// warnOfToken warns at the start of a VPS.org token that cannot be read, has expired, or expires soon.
func (s *service) warnOfToken(ctx context.Context) {
	token, err := s.TokenFacts(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Warn("VPS.org does not say what the token may do; vpsbot doctor says more", "error", text.Clean(err.Error()))
		}
		return
	}
	now := s.Now()
	if token.Expired(now) {
		s.log.Warn("the VPS.org token has expired, so nothing can be done: make a new one", "token", token.Name, "at", permissions.TokensPage)
	} else if left := token.ExpiresSoon(now); left != "" {
		s.log.Warn("the VPS.org token expires soon: make a new one", "token", token.Name, "in", left, "at", permissions.TokensPage)
	}
}

// TokenFacts asks the API about the token.
func (a *App) TokenFacts(ctx context.Context) (permissions.Token, error) {
	me, err := a.Runner.Client.Account.Me(ctx)
	return tools.TokenOf(me), err
}

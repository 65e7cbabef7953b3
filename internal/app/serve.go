package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/mcpserver"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/tools"
)

// How long a shutdown takes: with the ten seconds of the bot's work, fifteen at most.
const (
	unreadyTime = time.Second     // unready and still serving: Slack does not repeat what it could not deliver
	drainLimit  = 4 * time.Second // for the requests under way
)

// maxHeader is more than Slack and proxies send.
const maxHeader = 16 << 10

// service is a process that serves people in Slack.
type service struct {
	*App
	mode     config.SlackMode
	bot      *slackbot.Bot
	socket   *transport.Socket // nil: Slack calls over HTTP
	listener net.Listener
	log      *slog.Logger
	end      context.CancelCauseFunc // ends run, which sets it

	stopping atomic.Bool
	probes   singleflight.Group
}

// ServeSlack serves people in Slack until ctx ends, or until an error that no waiting mends.
func (a *App) ServeSlack(ctx context.Context) error {
	s, err := a.newService()
	if err != nil {
		return err
	}
	a.WarnOfPolicy()
	if a.Config.PolicyFile() == "" {
		s.log.Info("without VPSBOT_POLICY_FILE everybody in the workspace may read, and nobody may change anything")
	}
	if s.listener, err = Listen(ctx, "VPSBOT_LISTEN", a.Config.Listen); err != nil {
		return err
	}
	return s.run(ctx)
}

// newService fails for a setting that is missing or cannot be read, and sends nothing.
func (a *App) newService() (*service, error) {
	mode, err := a.Config.SlackMode()
	if err := errors.Join(a.PolicyErr, err); err != nil {
		return nil, Invalid(err)
	}
	if _, err := a.Runner.Token(); err != nil {
		return nil, Invalid(err)
	}
	s, client := &service{App: a, mode: mode, log: a.Runner.Log}, SlackClient()
	token, err := a.Config.SlackBotToken()()
	if err != nil {
		return nil, Invalid(err)
	}
	s.bot, err = slackbot.New(slackbot.Options{
		Runner: a.Runner, Store: a.Store.slack, Token: token, APIURL: a.Config.SlackURL, Client: client,
		Now: a.Now, Random: a.env.Random, Log: s.log,
		Rejected: func(reason string) {
			s.end(Errorf(runner.Failed, "SLACK_BOT_TOKEN: %s. Copy the Bot User OAuth Token from the app's page OAuth & Permissions", reason))
		},
	})
	if err != nil {
		return nil, Errorf(runner.Failed, "Slack: %v", err)
	}
	a.Runner.Groups = s.bot.GroupsOf
	if s.mode == config.SlackHTTP {
		_, err = a.Config.SlackSigningSecret()()
		return s, Invalid(err)
	}
	s.socket = &transport.Socket{
		AppToken: a.Config.SlackAppToken(), APIURL: a.Config.SlackURL, Client: client, Handler: s.bot, Log: s.log,
	}
	_, err = s.socket.AppToken()
	return s, Invalid(err)
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

// run serves until ctx ends, or until Slack refuses the token. Then it stops in the order of dependence:
// the transports, the bot's workers, the rest.
func (s *service) run(ctx context.Context) error {
	ctx, s.end = context.WithCancelCause(ctx)
	defer s.end(nil)
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var work, beside sync.WaitGroup
	work.Go(func() { s.bot.Run(working) })
	beside.Go(func() { s.maintain(ctx) })
	beside.Go(func() { s.announceSlack(ctx) })
	beside.Go(func() { s.warnOfToken(ctx) })
	if err := s.takeDeliveries(ctx); err != nil {
		s.end(err)
	}
	stopWork()
	work.Wait()
	beside.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	s.log.Info("stopped")
	return nil
}

// takeDeliveries receives what Slack sends until ctx ends, and then answers the requests under way.
func (s *service) takeDeliveries(ctx context.Context) error {
	server := &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // strangers must not fill the log
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.listener) }()
	var sockets sync.WaitGroup
	if s.socket != nil {
		sockets.Go(func() { s.socket.Run(ctx) }) // a failure is logged and tried again
	}
	s.log.Info("serving", "mode", string(s.mode), "address", s.listener.Addr().String(),
		"public", s.Config.PublicURL, "version", ReadVersion().Version)
	select {
	case <-ctx.Done():
	case err := <-failed:
		return Errorf(runner.Failed, "no longer listening: %v", err)
	}
	s.shutDown(ctx, server)
	sockets.Wait()
	return nil
}

func (s *service) shutDown(ctx context.Context, server *http.Server) {
	s.stopping.Store(true)
	s.log.Info("stopping")
	if s.mode == config.SlackHTTP && s.bot.Ready() {
		time.Sleep(unreadyTime)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		s.log.Warn("not all requests under way could be answered", "error", err)
		_ = server.Close() // the connections that hang
	}
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writePlain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if reasons := s.unready(r.Context()); len(reasons) > 0 {
			writePlain(w, http.StatusServiceUnavailable, strings.Join(reasons, "\n"))
			return
		}
		writePlain(w, http.StatusOK, "ready")
	})
	if s.mode == config.SlackHTTP {
		h := &transport.HTTP{Secret: s.Config.SlackSigningSecret(), Handler: s.bot, Now: s.Now, Log: s.log}
		h.Routes(mux)
	}
	return mux
}

func writePlain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

// storeTimeout is the time after which a store counts as silent.
const storeTimeout = time.Second

// unready lists why this process is not ready, in words that disclose nothing to strangers.
func (s *service) unready(ctx context.Context) []string {
	var reasons []string
	if s.stopping.Load() {
		reasons = append(reasons, "it is stopping")
	}
	if err := s.probeStore(ctx); err != nil {
		s.log.Debug("not ready", "error", err)
		reasons = append(reasons, "the store does not answer within a second")
	}
	if why := s.bot.Unready(); why != "" {
		reasons = append(reasons, why)
	}
	if s.socket != nil && !s.socket.Ready() {
		reasons = append(reasons, "no connection to Slack has had its hello")
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
	} else if _, soon := token.ExpiresSoon(now); soon {
		s.log.Warn("the VPS.org token expires soon: make a new one", "token", token.Name, "in", DaysLeft(token.ExpiresAt.Sub(now)), "at", permissions.TokensPage)
	}
}

// TokenFacts asks the API about the token.
func (a *App) TokenFacts(ctx context.Context) (permissions.Token, error) {
	me, err := a.Runner.Client.Account.Me(ctx)
	return tools.TokenOf(me), err
}

// DaysLeft rounds up to whole days; the last one is "less than a day".
func DaysLeft(left time.Duration) string {
	const day = 24 * time.Hour
	if left < day {
		return "less than a day"
	}
	return text.Plural(int((left+day-1)/day), "day")
}

const (
	reconcileAfter = 2 * time.Second // the start itself stays quick
	verifyEvery    = 5 * time.Second // how long a revoked key is still served
)

// ServeMCP serves an assistant on in and out until in or ctx ends, or until the access key is no longer
// valid. The caller has authenticated.
func (a *App) ServeMCP(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, end := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer func() {
		end(nil)
		running.Wait()
	}()
	running.Go(func() {
		if backoff.Sleep(ctx, reconcileAfter) == nil {
			a.maintain(ctx)
		}
	})
	running.Go(func() {
		for backoff.Sleep(ctx, verifyEvery) == nil {
			if err := a.verifyIdentity(ctx); err != nil {
				end(err)
			}
		}
	})
	s := &mcpserver.Server{Runner: a.Runner, Version: ReadVersion().Version, Log: a.Runner.Log}
	if err := s.ServeStdio(ctx, a.Actor, in, out); err != nil {
		return err
	}
	if ended, ok := errors.AsType[*Error](context.Cause(ctx)); ok {
		return ended
	}
	return nil
}

package app

import (
	"context"
	"net/http"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/slackbot"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

const (
	slackTimeout     = 30 * time.Second // for one request to Slack, a file included
	slackConnections = 32               // kept to Slack: many answers are sent at once

	presenceKept  = 5 * time.Second // how long an answer of the store is kept
	announceEvery = 5 * time.Second
	unreadyGrace  = time.Minute // within which a reconnect to Slack, or a slow store, is over
)

// slackService is the part of a service for people in Slack. Its methods may be called on nil, where there is none, but
// for takeDeliveries.
type slackService struct {
	mode   config.SlackMode
	bot    *slackbot.Bot
	token  string            // the bot's, that is in use
	socket *transport.Socket // nil: Slack calls over HTTP
	http   *transport.HTTP   // nil: Socket Mode
}

// newSlack fails for a secret that is missing or cannot be read.
func (s *service) newSlack(mode config.SlackMode) (*slackService, error) {
	token, err := s.Config.SlackBotToken()()
	if err != nil {
		return nil, Invalid(err)
	}
	client := SlackClient()
	client.Transport = slackTrace{client.Transport, s.Config.SlackURL}
	bot, err := slackbot.New(slackbot.Options{
		Runner: s.Runner, Store: s.Store.slack, Token: token, APIURL: s.Config.SlackURL, Client: client,
		Now: s.Now, Random: s.env.Random, Log: s.log, Pulse: &s.pulse,
		Rejected: func(reason string) {
			s.end(Errorf(runner.Failed, "SLACK_BOT_TOKEN: %s. Copy the Bot User OAuth Token from the app's page OAuth & Permissions", reason))
		},
		Called: s.metrics.SlackCall, NotStored: s.metrics.NotStored,
	})
	if err != nil {
		return nil, Errorf(runner.Failed, "Slack: %v", err)
	}
	s.Runner.Groups = bot.GroupsOf
	p, handler := &slackService{mode: mode, bot: bot, token: token}, countingHandler{bot, s.metrics}
	if mode == config.SlackHTTP {
		p.http = &transport.HTTP{Secret: s.Config.SlackSigningSecret(), Handler: handler, Now: s.Now, Log: s.log}
		_, err = p.http.Secret()
		return p, Invalid(err)
	}
	p.socket = &transport.Socket{AppToken: s.Config.SlackAppToken(), APIURL: s.Config.SlackURL, Client: client, Handler: handler, Log: s.log}
	_, err = p.socket.AppToken()
	return p, Invalid(err)
}

// takeDeliveries receives over Socket Mode what Slack sends, until ctx ends. A failure is logged and tried again.
func (p *slackService) takeDeliveries(ctx context.Context) {
	if p.socket != nil {
		p.socket.Run(ctx)
	}
}

// secret is the other secret of Slack's: that of signatures, or the app-level token.
func (p *slackService) secret() (string, error) {
	if p.http != nil {
		return p.http.Secret()
	}
	return p.socket.AppToken()
}

// addRoutes adds the paths that Slack calls over HTTP.
func (p *slackService) addRoutes(mux *http.ServeMux) {
	if p != nil && p.http != nil {
		p.http.Routes(mux)
	}
}

// isCalled reports whether Slack may call this process at any time.
func (p *slackService) isCalled() bool { return p != nil && p.http != nil && p.bot.Ready() }

// unready lists why nobody in Slack can be served.
func (p *slackService) unready() (reasons []string) {
	if p == nil {
		return nil
	}
	if why := p.bot.Unready(); why != "" {
		reasons = append(reasons, why)
	}
	if p.socket != nil && !p.socket.Ready() {
		reasons = append(reasons, "no connection to Slack has had its hello")
	}
	return reasons
}

// AsksInSlack reports whether some process of this installation can ask people in Slack now. vpsbot serve
// holds a lock for it while it can; without a store there is no such process.
func (a *App) AsksInSlack(ctx context.Context) bool {
	if a.Runner.Policy().ApprovalsChannel() == "" {
		return false
	}
	is, _ := a.slack.Get(ctx, "", func(ctx context.Context) (bool, error) { // an error is a no
		if !a.HasStore() {
			return false, nil
		}
		store, err := a.Store.Open(ctx)
		if err != nil {
			return false, err
		}
		return store.IsAdvertised(ctx, liveness.Slack)
	})
	return is
}

// announceSlack holds a lock while people can be asked in Slack through this process, by which other
// processes know it: while it is ready, and for unreadyGrace afterwards. Until Slack is connected it checks
// each second, so that a process that starts at the same time need not wait.
func (s *service) announceSlack(ctx context.Context) {
	var ready time.Time // the last time that it was
	for pause := time.Second; backoff.Sleep(ctx, pause) == nil; {
		if pause = time.Second; s.slack.bot.Ready() {
			pause = announceEvery
		}
		if len(s.unready(ctx))+len(s.slack.unready()) == 0 {
			ready = time.Now()
		}
		s.advertise(ctx, s.Runner.Policy().ApprovalsChannel() != "" && !ready.IsZero() && time.Since(ready) < unreadyGrace)
	}
	s.advertise(context.WithoutCancel(ctx), false)
}

// advertise takes the lock or releases it. A store that was never opened has none.
func (s *service) advertise(ctx context.Context, canAsk bool) {
	if !canAsk && !s.Store.isOpen() {
		return
	}
	store, err := s.Store.Open(ctx)
	if err == nil && canAsk {
		err = store.Advertise(ctx, liveness.Slack)
	} else if err == nil {
		err = store.Withdraw(liveness.Slack)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("the lock by which others see that people can be asked in Slack", "error", err)
	}
}

// SlackClient returns a client that follows no redirect: its requests carry a token for Slack alone.
func SlackClient() *http.Client {
	c := &http.Client{
		Timeout:       slackTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if usual, ok := http.DefaultTransport.(*http.Transport); ok {
		transport := usual.Clone()
		transport.MaxIdleConnsPerHost = slackConnections
		c.Transport = transport
	}
	return c
}

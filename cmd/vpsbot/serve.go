package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"
	"golang.org/x/sync/singleflight"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/slackbot"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

const serveHelp = `Serves people in Slack: the command /vps, cards, forms, and the questions of others' assistants.

Slack's tokens come from the app: vpsbot slack manifest prints what to make it from. With
SLACK_BOT_TOKEN set, one of two others says how Slack reaches this process:

  SLACK_APP_TOKEN        Socket Mode: this process calls Slack, no address needs to be reachable
  SLACK_SIGNING_SECRET   HTTP: Slack calls /slack/commands, /slack/interactivity and /slack/events

VPSBOT_LISTEN (127.0.0.1:8484) is the address it listens on, behind a proxy that ends TLS. There
GET /healthz says that it lives and GET /readyz whether it can work. Who may do what, the policy
says: without VPSBOT_POLICY_FILE everybody in the workspace may read, and nobody may change anything.

SIGTERM or Ctrl-C ends it within 15 seconds: what was acknowledged is finished, or left to the
store for whoever runs next.`

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Serve people in Slack", Long: serveHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context()) },
	}
}

// service is a process that serves people in Slack.
type service struct {
	parts    *parts
	mode     config.SlackMode
	token    string       // the bot's
	client   *http.Client // for all that goes to Slack
	bot      *slackbot.Bot
	socket   *transport.Socket // nil: Slack calls over HTTP
	listener net.Listener

	stopping atomic.Bool
	probes   singleflight.Group
}

func (a *app) serve(ctx context.Context) error {
	p, err := a.assemble(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	s, err := a.newService(p)
	if err != nil {
		return err
	}
	p.warnOfPolicy()
	if err := s.listen(ctx); err != nil {
		return err
	}
	return s.run(ctx)
}

// newService makes sure that nothing is missing, and sends nothing.
func (a *app) newService(p *parts) (*service, error) {
	mode, err := p.config.SlackMode()
	if err := errors.Join(p.policyErr, err); err != nil {
		return nil, invalid(err)
	}
	if _, err := p.runner.Token(); err != nil {
		return nil, invalid(err)
	}
	s := &service{parts: p, mode: mode, client: slackClient()}
	if s.token, err = p.config.SlackBotToken()(); err != nil {
		return nil, invalid(err)
	}
	s.bot, err = slackbot.New(slackbot.Options{
		Runner: p.runner, Store: p.store.slack, Token: s.token, APIURL: p.config.SlackURL, Client: s.client,
		Now: p.now, Random: a.random, Log: p.runner.Log,
	})
	if err != nil {
		return nil, fail(runner.Failed, "Slack: %v", err)
	}
	p.runner.Groups = s.bot.GroupsOf
	return s, invalid(s.chooseDoor())
}

// chooseDoor takes the secret of the mode once, so that one that cannot be read is told at the
// start.
func (s *service) chooseDoor() error {
	if s.mode == config.SlackHTTP {
		_, err := s.parts.config.SlackSigningSecret()()
		return err
	}
	s.socket = &transport.Socket{
		AppToken: s.parts.config.SlackAppToken(), APIURL: s.parts.config.SlackURL, Client: s.client, Handler: s.bot, Log: s.parts.runner.Log,
	}
	_, err := s.socket.AppToken()
	return err
}

// run serves until ctx ends, or until it is known that serving makes no sense. Then it stops in
// the order in which things need each other: what takes deliveries, what carries them out, the rest.
func (s *service) run(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var work, beside sync.WaitGroup
	work.Go(func() { s.bot.Run(working) })
	for _, do := range []func(context.Context){s.reconcile, s.beat, s.warnOfToken} {
		beside.Go(func() { do(ctx) })
	}
	beside.Go(func() {
		if err := s.signIn(ctx); err != nil {
			end(err)
		}
	})
	if err := s.takeDeliveries(ctx); err != nil {
		end(err)
	}
	stopWork()
	work.Wait()
	beside.Wait()
	return s.reason(ctx)
}

// reason is why it ended; nil: it was told to.
func (s *service) reason(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	s.parts.runner.Log.Info("stopped")
	return nil
}

func (s *service) reconcile(ctx context.Context) { s.parts.runner.Reconcile(ctx, s.parts.hasStore) }

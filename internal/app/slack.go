package app

import (
	"context"
	"net/http"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/liveness"
)

const (
	slackTimeout     = 30 * time.Second // for one request to Slack, a file included
	slackConnections = 32               // kept to Slack: many answers are sent at once

	presenceKept  = 5 * time.Second // how long an answer of the store is kept
	announceEvery = 5 * time.Second
	unreadyGrace  = time.Minute // within which a reconnect to Slack, or a slow store, is over
)

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
		if pause = time.Second; s.bot.Ready() {
			pause = announceEvery
		}
		if len(s.unready(ctx)) == 0 {
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

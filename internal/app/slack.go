package app

import (
	"context"
	"net/http"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/permissions"
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
	if ApprovalsChannel(a.Runner.Policy()) == "" {
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

// announceSlack holds the lock by which every other process sees that people can be asked in Slack, while
// this one is ready, or was within the last minute. Until Slack is connected it tries each second, so that a process that starts with it
// need not wait.
func (s *service) announceSlack(ctx context.Context) {
	pause := func() time.Duration {
		if s.bot.Ready() {
			return announceEvery
		}
		return time.Second
	}
	var ready time.Time // when it was last
	for backoff.Sleep(ctx, pause()) == nil {
		if len(s.unready(ctx)) == 0 {
			ready = time.Now()
		}
		canAsk := ApprovalsChannel(s.Runner.Policy()) != "" && !ready.IsZero() && time.Since(ready) < unreadyGrace
		if err := s.advertise(ctx, canAsk); err != nil && ctx.Err() == nil {
			s.log.Warn("the lock by which others see that people can be asked in Slack", "error", err)
		}
	}
	if err := s.advertise(context.WithoutCancel(ctx), false); err != nil {
		s.log.Warn("the lock by which others see that people can be asked in Slack", "error", err)
	}
}

// advertise takes the lock or gives it up. A store that was never opened has none.
func (s *service) advertise(ctx context.Context, canAsk bool) error {
	if !canAsk && !s.Store.isOpen() {
		return nil
	}
	store, err := s.Store.Open(ctx)
	switch {
	case err != nil:
		return err
	case canAsk:
		return store.Advertise(ctx, liveness.Slack)
	}
	return store.Withdraw(liveness.Slack)
}

// ApprovalsChannel is the channel of Slack in which approvers are asked; empty: the policy names none.
func ApprovalsChannel(policy permissions.Policy) string {
	if policy.Book == nil {
		return ""
	}
	return policy.Book.Slack.Approvals
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

package main

import (
	"context"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/permissions"
)

const (
	slackBeat  = "slack"         // the name under which every serve beats that can ask in Slack
	slackGone  = time.Minute     // without such a beat
	slackKnown = 5 * time.Second // how long an answer is kept
)

// slackSeen is what was last seen of the processes that can ask people in Slack.
type slackSeen struct {
	mu sync.Mutex
	at time.Time
	is bool
}

// asksInSlack reports whether some process of this installation can put a question to people in
// Slack now: vpsbot serve says so in the store. Where there is no store there is no such process.
func (p *parts) asksInSlack(ctx context.Context) bool {
	if approvalsChannel(p.runner.Policy()) == "" {
		return false
	}
	p.slack.mu.Lock()
	defer p.slack.mu.Unlock()
	if now := p.now(); p.slack.at.IsZero() || now.Sub(p.slack.at).Abs() >= slackKnown {
		p.slack.at, p.slack.is = now, p.slackBeats(ctx)
	}
	return p.slack.is
}

func (p *parts) slackBeats(ctx context.Context) bool {
	if !p.hasStore() {
		return false
	}
	store, err := p.store.get(ctx)
	if err != nil {
		return false
	}
	age, ever, err := store.Beaten(ctx, slackBeat)
	return err == nil && ever && age < slackGone
}

// approvalsChannel is the channel of Slack in which others are asked; empty: there is none.
func approvalsChannel(policy permissions.Policy) string {
	if policy.Book == nil {
		return ""
	}
	return policy.Book.Slack.Approvals
}

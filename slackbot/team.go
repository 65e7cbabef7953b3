package slackbot

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// team is whose bot this is, as Slack says. Nothing of a delivery is believed before it is known.
type team struct {
	mu     sync.Mutex
	teamID string
	scopes []string
}

func (t *team) id() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.teamID
}

// may reports whether the bot was given a scope.
func (t *team) may(scope string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.scopes {
		if s == scope {
			return true
		}
	}
	return false
}

// Who asks Slack whose bot this is, and which scopes it was given.
func (b *Bot) Who(ctx context.Context) (name string, scopes []string, err error) {
	answer, err := b.slack.AuthTestContext(ctx)
	if err != nil {
		return "", nil, fmt.Errorf("SLACK_BOT_TOKEN: Slack says %w", err)
	}
	for _, s := range strings.Split(answer.Header.Get("X-Oauth-Scopes"), ",") {
		if s = strings.TrimSpace(s); s != "" {
			scopes = append(scopes, s)
		}
	}
	b.team.mu.Lock()
	defer b.team.mu.Unlock()
	b.team.teamID, b.team.scopes = answer.TeamID, scopes
	return answer.User + " in " + answer.Team, scopes, nil
}

// learnTeam asks until Slack answers, or ctx ends.
func (b *Bot) learnTeam(ctx context.Context) {
	for wait := b.Every; ctx.Err() == nil && b.team.id() == ""; wait = min(2*wait, time.Minute) {
		if _, _, err := b.Who(ctx); err != nil {
			b.Log.Warn("Slack does not say whose bot this is, so nothing is carried out yet", "error", b.scrub(err.Error()))
			pause(ctx, wait)
		}
	}
}

// relearn asks again now and then: whoever installs the app anew may have given it more scopes.
func (b *Bot) relearn(ctx context.Context) error {
	if !b.Ready() {
		return nil
	}
	_, _, err := b.Who(ctx)
	return err
}

// Ready reports whether the bot knows whose it is.
func (b *Bot) Ready() bool { return b.team.id() != "" }

// scrub takes the bot's token out of a text.
func (b *Bot) scrub(text string) string { return strings.ReplaceAll(text, b.Token, "[redacted]") }

package slackbot

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

// team is whose bot this is, as Slack says. Nothing of a delivery is believed before it is known.
type team struct {
	mu         sync.Mutex
	teamID     string
	enterprise string // of Enterprise Grid that the workspace is in; empty: none
	scopes     []string
	dead       string // Slack's word for why it takes the token no more; empty: it does
}

func (t *team) id() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.teamID
}

func (t *team) ofEnterprise() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.enterprise
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
	b.team.teamID, b.team.enterprise, b.team.scopes = answer.TeamID, answer.EnterpriseID, scopes
	return answer.User + " in " + answer.Team, scopes, nil
}

// learnTeam asks until Slack answers, or ctx ends.
func (b *Bot) learnTeam(ctx context.Context) {
	for wait := b.Every; ctx.Err() == nil && b.team.id() == ""; wait = min(2*wait, time.Minute) {
		if _, _, err := b.Who(ctx); err != nil {
			b.Log.Warn("Slack does not say whose bot this is, so nothing is carried out yet", "error", err)
			_ = backoff.Sleep(ctx, wait)
		}
	}
}

// relearn asks again now and then: whoever installs the app anew may have given it more scopes,
// and a token that died is noticed although nobody needs it.
func (b *Bot) relearn(ctx context.Context) error {
	if !b.known() {
		return nil
	}
	_, _, err := b.Who(ctx)
	return err
}

// known reports whether the bot knows whose it is.
func (b *Bot) known() bool { return b.team.id() != "" }

// Ready reports whether the bot knows whose it is, and Slack takes its token.
func (b *Bot) Ready() bool { return b.known() && b.team.died() == "" }

// Unready says why the bot is not ready, in words that tell strangers nothing; "" if it is.
func (b *Bot) Unready() string {
	switch {
	case !b.known():
		return "Slack has not said yet whose bot this is"
	case !b.Ready():
		return "Slack does not take the bot's token any more"
	}
	return ""
}

func (t *team) died() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dead
}

// heard takes note of what each answer of Slack's says about the token, and tells the log when
// that changes.
func (b *Bot) heard(code string) {
	if !isDead(code) && code != "" {
		return // it says nothing about the token
	}
	b.team.mu.Lock()
	was := b.team.dead
	b.team.dead = code
	b.team.mu.Unlock()
	switch {
	case was == "" && code != "":
		b.Log.Error("Slack does not take the bot's token any more: no message can be posted and no window opened. "+
			"Install the app again, put its Bot User OAuth Token in the place of the old one, and start vpsbot anew", "error", code)
	case was != "" && code == "":
		b.Log.Info("Slack takes the bot's token again")
	}
}

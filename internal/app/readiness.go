package app

import (
	"context"
	"time"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

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
	answer := s.probes.DoChan("store", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
		defer cancel()
		store, err := s.Store.Open(ctx)
		if err != nil {
			return nil, err
		}
		_, err = store.Frozen(ctx)
		return nil, err
	})
	late := time.NewTimer(storeTimeout)
	defer late.Stop()
	select {
	case result := <-answer:
		return result.Err
	case <-late.C:
		return context.DeadlineExceeded
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
	return permissions.Token{
		Name: text.Clean(me.Token.Name), ExpiresAt: me.Token.ExpiresAt.Time, IsExpired: me.Token.IsExpired != nil && *me.Token.IsExpired,
	}, err
}

// DaysLeft rounds up to whole days; the last one is "less than a day".
func DaysLeft(left time.Duration) string {
	const day = 24 * time.Hour
	if left < day {
		return "less than a day"
	}
	return text.Plural(int((left+day-1)/day), "day")
}

package app

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/systemd"
)

const (
	reportEvery  = 10 * time.Second // to the service manager
	healthWithin = time.Second      // its own listener answers
	stuckAfter   = 5 * time.Minute  // a round of a loop that waits for VPS.org ends before
	renewWithin  = 5 * time.Second  // Slack takes a new token: meanwhile the watchdog is not fed
)

// supervise reports to the service manager, and reloads when it is asked to, until ctx ends.
func (s *service) supervise(ctx context.Context, reload <-chan struct{}) {
	every := reportEvery
	if limit := s.manager.Watchdog(); limit > 0 {
		every = min(every, limit/2)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	s.notify(systemd.Ready)
	for {
		s.report(ctx)
		select {
		case <-ctx.Done():
			return
		case <-reload:
			s.reload(ctx)
		case <-tick.C:
		}
	}
}

// notify reports to the service manager, if there is one.
func (s *service) notify(states ...string) {
	if err := s.manager.Send(states...); err != nil {
		s.log.Warn("the service manager cannot be reached", "error", err)
	}
}

// report says how the process does, and feeds the watchdog unless only a new start helps.
func (s *service) report(ctx context.Context) {
	if s.manager == nil {
		return
	}
	_, says := s.readiness(ctx)
	states := []string{systemd.Status(says)}
	hangs := ""
	if s.manager.Watchdog() > 0 {
		hangs = s.hangs(ctx)
	}
	switch {
	case ctx.Err() != nil:
		return
	case hangs != "":
		s.log.Error("the watchdog is not fed", "reason", hangs)
		states = []string{systemd.Status(hangs)}
	case s.manager.Watchdog() > 0:
		states = append(states, systemd.Watchdog)
	}
	s.notify(states...)
}

// hangs says what of the process does not answer; "" for nothing. A store that answers with an error is away, and not
// that: no new start mends it, and this process still knows outcomes that are to be written.
func (s *service) hangs(ctx context.Context) string {
	if err := s.probeStore(ctx); errors.Is(err, context.DeadlineExceeded) {
		return storeSilent
	}
	if err := s.probeListener(ctx); err != nil {
		s.log.Debug("its own address does not answer", "error", err)
		return "its own address does not answer within a second"
	}
	if loops := s.pulse.Stuck(stuckAfter); len(loops) > 0 {
		return "a loop has stopped: " + strings.Join(loops, ", ")
	}
	return ""
}

// probeListener calls this process as a load balancer does.
func (s *service) probeListener(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.listener.Addr().String()+"/healthz", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// reload reads again what may change while the process runs.
func (s *service) reload(ctx context.Context) {
	s.notify(systemd.Reloading, systemd.Status("reloading"))
	defer s.notify(systemd.Ready)
	s.log.Info("reloading the policy and the files of tokens and secrets")
	if s.PolicyFile != nil {
		if err := s.PolicyFile.Reload(); err != nil {
			s.log.Error("VPSBOT_POLICY_FILE", "error", err)
		}
	}
	secrets := []func() (string, error){s.Runner.Token}
	if s.slack != nil {
		s.renewSlack(ctx)
		secrets = append(secrets, s.slack.secret)
	}
	for _, read := range secrets { // each is read whenever it is needed: this is for the error
		if _, err := read(); err != nil {
			s.log.Error("a secret cannot be read again", "error", err)
		}
	}
	s.log.Info("reloaded; the rest is as it was at the start", "not", strings.Join(s.notReloaded(), ", "))
}

// renewSlack goes on with the bot's token as it is now.
func (s *service) renewSlack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, renewWithin)
	defer cancel()
	token, err := s.Config.SlackBotToken()()
	if err == nil && token != s.slack.token {
		if err = s.slack.bot.Renew(ctx, token); err == nil {
			s.slack.token = token
			s.log.Info("SLACK_BOT_TOKEN has changed; the new one is in use")
		}
	}
	if err != nil {
		s.log.Error("SLACK_BOT_TOKEN is not taken; the one before stays in use", "error", err)
	}
}

// notReloaded names the settings that count as they were when the process started.
func (s *service) notReloaded() []string {
	fixed := []string{"variables", "secrets in variables", "the database's address", "the key of the audit log"}
	isCredential := func(f config.File) bool { return strings.HasPrefix(f.Of, "the credential ") }
	if s.manager != nil && slices.ContainsFunc(s.Config.SecretFiles(), isCredential) {
		fixed = append(fixed, "systemd's credentials, which systemctl restart reads")
	}
	return fixed
}

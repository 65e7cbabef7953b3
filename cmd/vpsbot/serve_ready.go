package main

import (
	"context"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot"
)

const (
	storeAnswers = time.Second // a store that takes longer counts as silent
	signInEvery  = time.Minute // at most; a second at first, doubled each time
)

// unready lists why this process cannot work at the moment, in words that tell strangers nothing.
func (s *service) unready(ctx context.Context) []string {
	var reasons []string
	if s.stopping.Load() {
		reasons = append(reasons, "it is stopping")
	}
	if err := s.storeAnswers(ctx); err != nil {
		s.parts.runner.Log.Debug("not ready", "error", err)
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

// storeAnswers asks the store something small. Whoever asks while another does waits for the
// same answer: a store that hangs must not gather questions.
func (s *service) storeAnswers(ctx context.Context) error {
	answer := s.probes.DoChan("store", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeAnswers)
		defer cancel()
		store, err := s.parts.store.get(ctx)
		if err != nil {
			return nil, err
		}
		_, err = store.Frozen(ctx)
		return nil, err
	})
	late := time.NewTimer(storeAnswers)
	defer late.Stop()
	select {
	case result := <-answer:
		return result.Err
	case <-late.C:
		return context.DeadlineExceeded
	}
}

// beat tells every other process, as long as it is so, that people can be asked in Slack.
func (s *service) beat(ctx context.Context) {
	for backoff.Sleep(ctx, s.beatPause()) == nil {
		if approvalsChannel(s.parts.runner.Policy()) == "" || len(s.unready(ctx)) > 0 {
			continue
		}
		store, err := s.parts.store.get(ctx)
		if err == nil {
			err = store.Beat(ctx, slackBeat)
		}
		if err != nil && ctx.Err() == nil {
			s.parts.runner.Log.Warn("telling others that people can be asked in Slack", "error", err)
		}
	}
}

// beatPause is short until Slack is there, so that nobody who has just started waits for it.
func (s *service) beatPause() time.Duration {
	if s.bot.Ready() {
		return beatEvery
	}
	return time.Second
}

// signIn asks Slack whose bot this is, until Slack says so. It fails for a token that Slack
// refuses: no waiting helps.
func (s *service) signIn(ctx context.Context) error {
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, signInEvery) {
		reply, err := s.whoAmI(ctx)
		switch {
		case err == nil && reply.OK:
			s.welcome(reply)
			return nil
		case reply.refusal() != "":
			return fail(runner.Failed, "SLACK_BOT_TOKEN: %s. Copy the Bot User OAuth Token from the app's page OAuth & Permissions", reply.refusal())
		case err == nil:
			err = fmt.Errorf("says %s", reply.Error)
		}
		if ctx.Err() == nil {
			s.parts.runner.Log.Warn("Slack cannot be asked whose bot this is; it is tried again", "error", err, "after", wait.String())
		}
		_ = backoff.Sleep(ctx, wait)
	}
	return nil
}

func (s *service) whoAmI(ctx context.Context) (slackReply, error) {
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	return askSlack(ctx, s.client, s.parts.config.SlackURL, "auth.test", s.token)
}

// welcome says who this is, and what will not work.
func (s *service) welcome(reply slackReply) {
	log := s.parts.runner.Log
	log.Info("Slack: signed in", "bot", reply.User, "workspace", reply.Team)
	if lacking := reply.missing(slackbot.Features{}.Scopes()); len(lacking) > 0 {
		log.Warn("Slack: the app lacks what it cannot work without; vpsbot doctor says what to do", "scopes", lacking)
	}
	if s.parts.config.PolicyFile() == "" {
		log.Info("without VPSBOT_POLICY_FILE everybody in the workspace may read, and nobody may change anything")
	}
}

// warnOfToken says at the start what is wrong with the VPS.org token, or soon will be.
func (s *service) warnOfToken(ctx context.Context) {
	log := s.parts.runner.Log
	me, err := s.parts.runner.Client.Account.Me(ctx)
	if err != nil {
		if ctx.Err() == nil {
			log.Warn("VPS.org does not say what the token may do; vpsbot doctor says more", "error", text.Clean(err.Error()))
		}
		return
	}
	token, now := tokenOf(me), s.parts.now()
	if token.Expired(now) {
		log.Warn("the VPS.org token has expired, so nothing can be done: make a new one", "token", token.Name, "at", permissions.TokensPage)
	} else if _, soon := token.ExpiresSoon(now); soon {
		log.Warn("the VPS.org token expires soon: make a new one", "token", token.Name, "in", daysLeft(token.ExpiresAt.Sub(now)), "at", permissions.TokensPage)
	}
}

func tokenOf(me apiclient.Me) permissions.Token {
	return permissions.Token{Name: text.Clean(me.Token.Name), ExpiresAt: me.Token.ExpiresAt.Time, IsExpired: me.Token.IsExpired != nil && *me.Token.IsExpired}
}

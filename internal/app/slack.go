package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// Limits of requests that are about the set-up.
const (
	ProbeTimeout = 5 * time.Second
	MaxReply     = 64 << 10 // bytes of an answer that are read
)

const (
	slackTimeout     = 30 * time.Second // for one request to Slack, a file included
	slackConnections = 32               // kept to Slack: many answers are sent at once

	presenceKept  = 5 * time.Second // how long an answer of the store is kept
	announceEvery = 5 * time.Second
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
// this one is ready. Until Slack is connected it tries each second, so that a process that starts with it
// need not wait.
func (s *service) announceSlack(ctx context.Context) {
	pause := func() time.Duration {
		if s.bot.Ready() {
			return announceEvery
		}
		return time.Second
	}
	for backoff.Sleep(ctx, pause()) == nil {
		canAsk := ApprovalsChannel(s.Runner.Policy()) != "" && len(s.unready(ctx)) == 0
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

// SlackReply is an answer of Slack's Web API about the app.
type SlackReply struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
	User  string `json:"user"`
	Team  string `json:"team"`

	Scopes []string `json:"-"` // of the token
	Date   string   `json:"-"`
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

// CallSlack calls a method that needs nothing but a token. A refusal is a reply; an error means that Slack
// did not answer.
func CallSlack(ctx context.Context, client *http.Client, url, token string) (SlackReply, error) {
	ctx, cancel := context.WithTimeout(ctx, ProbeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return SlackReply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return SlackReply{}, errors.New(Unreachable(err))
	}
	defer resp.Body.Close()
	reply := SlackReply{Date: resp.Header.Get("Date")}
	for scope := range strings.SplitSeq(resp.Header.Get("X-Oauth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			reply.Scopes = append(reply.Scopes, scope)
		}
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, MaxReply)).Decode(&reply)
	switch {
	case resp.StatusCode != http.StatusOK:
		return SlackReply{}, fmt.Errorf("answers with status %d", resp.StatusCode)
	case err != nil:
		return SlackReply{}, errors.New("answers, but not as Slack's API does")
	}
	reply.Error, reply.User, reply.Team = text.Clean(reply.Error), text.Clean(reply.User), text.Clean(reply.Team)
	return reply, nil
}

// Unreachable describes a network error without the address in front, which the message around it has.
func Unreachable(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "does not answer within 5 seconds"
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return fmt.Sprintf("cannot be reached: %v", err)
}

// MissingScopes lists the scopes that are needed and that the token lacks.
func (r SlackReply) MissingScopes(needed []string) []string {
	return slices.DeleteFunc(slices.Clone(needed), func(scope string) bool { return slices.Contains(r.Scopes, scope) })
}

// tokenErrors are Slack's errors that only another token mends.
var tokenErrors = map[string]string{
	"invalid_auth":           "it is not a token that Slack knows",
	"not_authed":             "it is not a token that Slack knows",
	"token_revoked":          "it was revoked",
	"token_expired":          "it has expired: switch token rotation off in the app's settings",
	"account_inactive":       "the app was removed from the workspace, or the workspace is gone",
	"user_removed_from_team": "the app was removed from the workspace",
	"not_allowed_token_type": "it is a token of another kind",
}

// Refusal is why Slack refuses the token for good, or "".
func (r SlackReply) Refusal() string {
	why := tokenErrors[r.Error]
	if r.OK || why == "" {
		return ""
	}
	return fmt.Sprintf("Slack refuses it (%s): %s", r.Error, why)
}

package main

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

	"github.com/vpsbot/vpsbot/internal/text"
)

const (
	slackPatience = 30 * time.Second // for one request to Slack, a file included
	slackLinks    = 32               // connections to Slack that are kept: many answers go out at once
	mostOfSlack   = 64 << 10         // of an answer that is about the app
)

// slackReply is what of Slack's answers about the app is read.
type slackReply struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
	User  string `json:"user"`
	Team  string `json:"team"`

	scopes []string // those that the token was given
	date   string
}

// slackClient follows no redirect: what it sends carries a token, which is for Slack alone.
func slackClient() *http.Client {
	c := &http.Client{
		Timeout:       slackPatience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if usual, ok := http.DefaultTransport.(*http.Transport); ok {
		transport := usual.Clone()
		transport.MaxIdleConnsPerHost = slackLinks
		c.Transport = transport
	}
	return c
}

// askSlack calls a method of Slack's Web API that takes nothing but a token. An error means that
// Slack did not answer; a refusal is an answer.
func askSlack(ctx context.Context, client *http.Client, base, method, token string) (slackReply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+method, http.NoBody)
	if err != nil {
		return slackReply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return slackReply{}, errors.New(unreached(err))
	}
	defer resp.Body.Close()
	reply := slackReply{scopes: scopesOf(resp.Header), date: resp.Header.Get("Date")}
	err = json.NewDecoder(io.LimitReader(resp.Body, mostOfSlack)).Decode(&reply)
	switch {
	case resp.StatusCode != http.StatusOK:
		return slackReply{}, fmt.Errorf("answers with status %d", resp.StatusCode)
	case err != nil:
		return slackReply{}, errors.New("answers, but not as Slack's API does")
	}
	reply.Error, reply.User, reply.Team = text.Clean(reply.Error), text.Clean(reply.User), text.Clean(reply.Team)
	return reply, nil
}

func scopesOf(h http.Header) []string {
	var scopes []string
	for scope := range strings.SplitSeq(h.Get("X-Oauth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// missing lists the scopes that are needed and were not given.
func (r slackReply) missing(needed []string) []string {
	return slices.DeleteFunc(slices.Clone(needed), func(scope string) bool { return slices.Contains(r.scopes, scope) })
}

// Why Slack refuses a token for good: nothing but another one helps.
var wrongToken = map[string]string{
	"invalid_auth":           "it is not a token that Slack knows",
	"not_authed":             "it is not a token that Slack knows",
	"token_revoked":          "it was revoked",
	"token_expired":          "it has expired: switch token rotation off in the app's settings",
	"account_inactive":       "the app was removed from the workspace, or the workspace is gone",
	"user_removed_from_team": "the app was removed from the workspace",
	"not_allowed_token_type": "it is a token of another kind",
}

// refusal says why the token will not do; empty: that is not what Slack says.
func (r slackReply) refusal() string {
	why := wrongToken[r.Error]
	if r.OK || why == "" {
		return ""
	}
	return fmt.Sprintf("Slack refuses it (%s): %s", r.Error, why)
}

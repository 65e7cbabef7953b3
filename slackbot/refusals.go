package slackbot

import (
	"context"
	"errors"
	"slices"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/text"
)

// Slack's words for what went wrong, by what follows from them. Of the many others each means that
// what was asked for is not possible, now or later.
var (
	// passing end by themselves.
	passing = []string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
	// limits want a pause.
	limits = []string{"ratelimited", "rate_limited"}
	// dead are those of a token that is good for nothing.
	dead = []string{"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "org_login_required"}
	// tooMuch are those of blocks that Slack does not take.
	tooMuch = []string{"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
	// lateWords are those of a window that can be opened no more.
	lateWords = []string{"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id", "invalid_trigger"}
)

func isLimit(code string) bool { return slices.Contains(limits, code) }
func isDead(code string) bool  { return slices.Contains(dead, code) }
func isTooMuch(err error) bool { return slices.Contains(tooMuch, said(err)) }
func isRefusal(code string) bool {
	return code != "" && !isLimit(code) && !slices.Contains(passing, code)
}

// isGone reports whether a channel takes no messages from the bot any more, for whatever reason
// Slack names. A token that takes nothing with it is no matter of the channel.
func isGone(code string) bool { return isRefusal(code) && !isDead(code) }

// viewTooMuch reports whether Slack does not take what is in a view.
func viewTooMuch(err error) bool {
	return isTooMuch(err) || slices.Contains([]string{"invalid_arguments", "view_too_large"}, said(err))
}

// refusedError is a response_url's no.
type refusedError struct{ code string }

func (e *refusedError) Error() string { return "Slack says " + e.code }

// said is Slack's own word for what went wrong; "" if it said none.
func said(err error) string {
	if refused, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		return refused.Err
	}
	if refused, ok := errors.AsType[*refusedError](err); ok {
		return refused.code
	}
	return ""
}

// reason says to a person why Slack did not do something, and what to do.
func reason(err error) string {
	switch code := said(err); {
	case isDead(code):
		return "Slack does not take vpsbot's token any more (" + code + "). Whoever runs vpsbot must install its app again."
	case slices.Contains(lateWords, code), code == "" && !errors.Is(err, context.Canceled), slices.Contains(passing, code), isLimit(code):
		return "Slack did not answer in time. Please try again."
	default:
		return "Slack says " + text.Clean(code) + ". Whoever runs vpsbot can look it up in its log."
	}
}

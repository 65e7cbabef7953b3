package webapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/text"
)

// Slack's error codes, by what follows from them. Each of the many others means that the request is
// not possible, now or later.
var (
	temporaryCodes   = []string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
	rateLimitCodes   = []string{"ratelimited", "rate_limited"}
	rejectedBlocks   = []string{"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
	rejectedViews    = append([]string{"invalid_arguments", "view_too_large"}, rejectedBlocks...)
	lateTriggerCodes = []string{"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id", "invalid_trigger"}
)

// tokenErrors are the codes that only another token mends, with the reason.
var tokenErrors = map[string]string{
	"invalid_auth":           "it is not a token that Slack knows",
	"not_authed":             "it is not a token that Slack knows",
	"token_revoked":          "it was revoked",
	"token_expired":          "it has expired: switch token rotation off in the app's settings",
	"account_inactive":       "the app was removed from the workspace, or the workspace is gone",
	"user_removed_from_team": "the app was removed from the workspace",
	"not_allowed_token_type": "it is a token of another kind",
}

// TokenRefusal is why Slack rejects a token for good, by its error code; "" for any other code.
func TokenRefusal(code string) string {
	if reason := tokenErrors[code]; reason != "" {
		return fmt.Sprintf("Slack refuses it (%s): %s", code, reason)
	}
	return ""
}

func isInvalidToken(code string) bool { return tokenErrors[code] != "" || code == "org_login_required" }

func isRateLimit(code string) bool { return slices.Contains(rateLimitCodes, code) }
func isTemporary(code string) bool { return slices.Contains(temporaryCodes, code) }

// RateLimitedError is returned while Slack wants no more requests of a kind.
type RateLimitedError struct{ After time.Duration }

func (e *RateLimitedError) Error() string {
	return "Slack wants no more requests for " + e.After.String()
}

// PermanentError is returned for a request that a retry cannot help.
type PermanentError struct{ Reason string }

func (e *PermanentError) Error() string { return e.Reason }

// IsPermanent reports whether a retry cannot help.
func IsPermanent(err error) bool { return errors.As(err, new(*PermanentError)) }

// translateError replaces slack-go's rate limit error by ours.
func translateError(err error) error {
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return &RateLimitedError{limited.RetryAfter}
	}
	return err
}

// ErrorCode is Slack's error code in err; "" if there is none.
func ErrorCode(err error) string {
	answered, _ := errors.AsType[slack.SlackErrorResponse](err)
	return answered.Err
}

// ChannelUnusable reports whether a channel accepts no messages from the bot any more, whatever the
// code. An invalid token is no fault of the channel.
func ChannelUnusable(err error) bool {
	code := ErrorCode(err)
	return code != "" && !isRateLimit(code) && !isTemporary(code) && !isInvalidToken(code)
}

// Explain is an error as a person reads it, with the next step.
func Explain(err error) string {
	switch code := ErrorCode(err); {
	case isInvalidToken(code):
		return "Slack does not take vpsbot's token any more (" + code + "). An administrator of vpsbot must install its app again."
	case slices.Contains(lateTriggerCodes, code), code == "" && !errors.Is(err, context.Canceled), isTemporary(code), isRateLimit(code):
		return "Slack did not answer in time. Please try again."
	default:
		return "Slack says " + text.Clean(code) + ". An administrator of vpsbot finds the details in its log."
	}
}

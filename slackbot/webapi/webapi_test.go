package webapi

import (
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
)

// Every form of Retry-After gives a pause of a second at least, and a longer one each time if it
// names none.
func TestRetryAfterPause(t *testing.T) {
	t.Parallel()
	for header, want := range map[string][]time.Duration{
		"":          {time.Second, 2 * time.Second, 4 * time.Second},
		"0":         {time.Second, 2 * time.Second, 4 * time.Second},
		"-3":        {time.Second, 2 * time.Second, 4 * time.Second},
		"soon":      {time.Second, 2 * time.Second, 4 * time.Second},
		"0.5":       {time.Second, 2 * time.Second, 4 * time.Second},
		"7":         {7 * time.Second, 7 * time.Second, 7 * time.Second},
		"999999999": {maxRetryAfter, maxRetryAfter, maxRetryAfter},
	} {
		var limits rateLimits
		h := http.Header{"Retry-After": {header}}
		for before, pause := range want {
			require.Equal(t, pause, limits.pause("method", h), "%q, after %d", header, before)
		}
		limits.failures.Set("method", 1000)
		require.Equal(t, max(maxOwnPause, want[2]), max(maxOwnPause, limits.pause("method", h)), "%q", header)
	}
}

func TestErrorCodeIn(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"ok":true}`: "", "ok": "", "": "", `{"ok":false,"error":"invalid_blocks"}`: "invalid_blocks", "invalid_blocks": "invalid_blocks",
		"<html>no</html>": "", `{"error":"x"}`: "", "OK - 12": "",
	} {
		require.Equal(t, want, errorCodeIn([]byte(body)), body)
	}
}

// An error that is temporary or about the token makes no channel unusable.
func TestErrorCodeMeaning(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"", "ratelimited", "internal_error", "fatal_error", "service_unavailable", "token_revoked", "account_inactive"} {
		require.False(t, ChannelUnusable(slack.SlackErrorResponse{Err: code}), code)
	}
	for code, says := range map[string]string{
		"expired_trigger_id": "in time", "": "in time", "internal_error": "in time", "token_revoked": "token any more (token_revoked)", "missing_scope": "Slack says missing_scope",
	} {
		require.Contains(t, Explain(slack.SlackErrorResponse{Err: code}), says)
	}
}

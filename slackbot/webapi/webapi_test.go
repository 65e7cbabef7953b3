package webapi

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
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

// Each request is reported once, by its method and what follows from the answer.
func TestRequestsAreObserved(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		want   Outcome
	}{
		"ok":                       {200, `{"ok":true}`, OK},
		"a rate limit":             {429, "", RateLimited},
		"a rate limit by code":     {200, `{"ok":false,"error":"ratelimited"}`, RateLimited},
		"a revoked token":          {200, `{"ok":false,"error":"token_revoked"}`, BadToken},
		"a refusal":                {200, `{"ok":false,"error":"channel_not_found"}`, Refused},
		"Slack's own fault":        {200, `{"ok":false,"error":"internal_error"}`, Unavailable},
		"another status":           {502, "", Unavailable},
		"a connection that breaks": {0, "", Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if test.status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			seen := map[string][]Outcome{}
			c, err := New(Options{
				Token: "xoxb-1", BaseURL: server.URL + "/api/", HTTP: server.Client(), Now: time.Now, Log: slog.New(slog.DiscardHandler),
				Observe: func(method string, outcome Outcome) { seen[method] = append(seen[method], outcome) },
			})
			require.NoError(t, err)
			_ = c.Identify(t.Context())
			_ = c.Respond(t.Context(), server.URL+"/response/1", Response{})
			require.Equal(t, map[string][]Outcome{"auth.test": {test.want}, ResponseURL: {test.want}}, seen)
		})
	}
}

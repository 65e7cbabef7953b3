// Package webapi is vpsbot's client of Slack's Web API. It adds to slack-go what every caller
// needs: rate limits by method and channel, retries after a 429, errors by what follows from them,
// a second attempt without blocks that Slack rejects, response_urls, and whether the token is valid.
package webapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/text"
)

// Options configure a client. All fields but Observe are needed.
type Options struct {
	Token   string // the bot's token
	BaseURL string // of Slack's Web API, with a slash at its end
	HTTP    *http.Client
	Now     func() time.Time
	Log     *slog.Logger // redacts its lines: errors may hold the token

	Observe func(method string, outcome Outcome) // called after each request
}

// Outcome is how a request to Slack ended.
type Outcome string

// The outcomes. A request that Slack refuses may be in order: a rejected block, a view that was closed.
const (
	OK          Outcome = "ok"
	RateLimited Outcome = "rate_limited"
	BadToken    Outcome = "bad_token"   // Slack does not take the token
	Refused     Outcome = "refused"     // any other error code of Slack's
	Unavailable Outcome = "unavailable" // no answer, an incomplete one, or a status that is none of Slack's API
)

// ResponseURL takes the place of the method in a request to a response_url.
const ResponseURL = "response_url"

// observe reports a request. code is Slack's error code, "" if it has none.
func (c *Client) observe(method string, resp *http.Response, code string, err error) {
	if c.Observe != nil {
		c.Observe(method, outcomeOf(resp, code, err))
	}
}

func outcomeOf(resp *http.Response, code string, err error) Outcome {
	switch {
	case err != nil || isTemporary(code):
		return Unavailable
	case resp.StatusCode == http.StatusTooManyRequests || isRateLimit(code):
		return RateLimited
	case isInvalidToken(code):
		return BadToken
	case code != "":
		return Refused
	case resp.StatusCode != http.StatusOK:
		return Unavailable
	}
	return OK
}

// Client calls Slack's Web API as the bot. Make one with New; it may be used concurrently.
type Client struct {
	Options
	current atomic.Pointer[slack.Client]
	apiHost string
	limits  rateLimits

	mu         sync.Mutex
	identity   Identity
	tokenError string // Slack's code for why it rejects the token; empty: it accepts it
}

// Identity is whose bot the token belongs to, by auth.test.
type Identity struct {
	Bot        string // its name
	Workspace  string // its name
	Team       string
	Enterprise string // of Enterprise Grid, that the workspace is in; empty: none
	Scopes     []string
}

// New makes a client. It sends nothing.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil {
		return nil, err
	}
	c := &Client{Options: o, apiHost: base.Host}
	c.use(o.Token)
	return c, nil
}

func (c *Client) use(token string) {
	c.current.Store(slack.New(token, slack.OptionAPIURL(c.BaseURL), slack.OptionHTTPClient(observer{c})))
}

func (c *Client) slack() *slack.Client { return c.current.Load() }

// Renew goes on with another token. It fails, and changes nothing, where Slack does not take the token, or says that it
// belongs to another workspace.
func (c *Client) Renew(ctx context.Context, token string) error {
	// Without the observer: that a new token is invalid says nothing about the one in use.
	answer, err := slack.New(token, slack.OptionAPIURL(c.BaseURL), slack.OptionHTTPClient(c.HTTP)).AuthTestContext(ctx)
	switch {
	case ErrorCode(err) != "":
		return fmt.Errorf("Slack says %w", err) //nolint:staticcheck // a name
	case err != nil:
		return err
	case c.IsIdentified() && answer.TeamID != c.Identity().Team:
		return errors.New("it belongs to another workspace: a process serves one, start it anew")
	}
	c.use(token)
	return c.Identify(ctx)
}

const maxAnswer = 4 << 20

// observer sends slack-go's requests and reads every answer: rate limits and a rejected token are
// noticed with whichever method meets them first.
type observer struct{ *Client }

// Do sends one request. A rate limit of any form becomes a 429 with a usable Retry-After.
func (o observer) Do(req *http.Request) (resp *http.Response, err error) {
	method, code := path.Base(req.URL.Path), ""
	defer func() { o.observe(method, resp, code, err) }()
	resp, err = o.HTTP.Do(req)
	if err != nil {
		return resp, err
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		return o.limited(method, resp), nil
	}
	if resp.StatusCode != http.StatusOK {
		return resp, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close() // it has been read
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	code = errorCodeIn(body)
	if isRateLimit(code) {
		return o.limited(method, resp), nil
	}
	o.limits.failures.Set(method, 0)
	o.noteToken(code)
	return resp, nil
}

func (o observer) limited(method string, resp *http.Response) *http.Response {
	resp.StatusCode = http.StatusTooManyRequests
	resp.Header.Set("Retry-After", strconv.Itoa(int(o.limits.pause(method, resp.Header)/time.Second)))
	return resp
}

// errorCodeIn is the error code in an answer of Slack's; "" if it has none. A response_url answers
// with the bare code, without JSON, too.
func errorCodeIn(body []byte) string {
	var answer struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	switch err := json.Unmarshal(body, &answer); {
	case err == nil && answer.OK != nil && !*answer.OK:
		return answer.Error
	case err != nil && isCode(body) && string(body) != "ok":
		return string(body)
	}
	return ""
}

func isCode(text []byte) bool {
	return len(text) > 0 && len(text) < 60 && len(bytes.Trim(text, "abcdefghijklmnopqrstuvwxyz_")) == 0
}

// noteToken records whether an answer's error code says that the token is invalid, and logs a change.
func (c *Client) noteToken(code string) {
	if !isInvalidToken(code) && code != "" {
		return // it is not about the token
	}
	c.mu.Lock()
	was := c.tokenError
	c.tokenError = code
	c.mu.Unlock()
	switch {
	case was == "" && code != "":
		c.Log.Error("Slack does not take the bot's token any more: no message can be posted and no window opened. "+
			"Install the app again, put its Bot User OAuth Token in the place of the old one, and reload vpsbot (SIGHUP) or start it anew", "error", code)
	case was != "" && code == "":
		c.Log.Info("Slack takes the bot's token again")
	}
}

// Identify calls auth.test, and stores the Identity.
func (c *Client) Identify(ctx context.Context) error {
	answer, err := c.slack().AuthTestContext(ctx)
	switch {
	case ErrorCode(err) != "":
		return fmt.Errorf("SLACK_BOT_TOKEN: Slack says %w", err)
	case err != nil:
		return err // Slack has said nothing about the token
	}
	scopes := strings.FieldsFunc(answer.Header.Get("X-Oauth-Scopes"), func(c rune) bool { return c == ',' || unicode.IsSpace(c) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.identity = Identity{answer.User, answer.Team, answer.TeamID, answer.EnterpriseID, scopes}
	return nil
}

// AwaitIdentity calls Identify, in pauses that double from first, until it succeeds, ctx ends, or Slack
// rejects the token for good.
func (c *Client) AwaitIdentity(ctx context.Context, first time.Duration) error {
	for failures := 0; ; failures++ {
		err := c.Identify(ctx)
		switch {
		case err == nil:
			c.Log.Info("Slack: signed in", "bot", text.Clean(c.Identity().Bot), "workspace", text.Clean(c.Identity().Workspace))
			return nil
		case TokenRefusal(ErrorCode(err)) != "":
			return err
		case ctx.Err() == nil:
			c.Log.Warn("Slack cannot be asked whose bot this is, so nothing is carried out yet; it is tried again", "error", err)
		}
		if err := backoff.Sleep(ctx, backoff.Doubled(first, time.Minute, failures)); err != nil {
			return err
		}
	}
}

// Identity returns what Identify found last; it is zero before the first success.
func (c *Client) Identity() Identity {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.identity
}

// IsIdentified reports whether Identify has succeeded once.
func (c *Client) IsIdentified() bool { return c.Identity().Team != "" }

// HasScope reports whether the bot was granted a scope.
func (c *Client) HasScope(scope string) bool { return slices.Contains(c.Identity().Scopes, scope) }

// Unready returns the reason why the client cannot be used, without details; "" if it can.
func (c *Client) Unready() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.identity.Team == "":
		return "Slack has not said yet whose bot this is"
	case c.tokenError != "":
		return "Slack does not take the bot's token any more"
	}
	return ""
}

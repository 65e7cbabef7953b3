package webapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/slackbot/blocks"
)

// Response is a message for a response_url.
type Response struct {
	blocks.Message
	Share   bool // visible to everybody in the channel; else to the user alone
	Replace bool // in place of the message that was answered
}

const (
	respondWithin = 90 * time.Second // all attempts of an answer that is stored nowhere
	maxReply      = 4 << 10          // of Slack's answer to a response
)

// responseHosts are the hosts of Slack's response_urls.
var responseHosts = []string{"hooks.slack.com", "hooks.slack-gov.com"}

var errForeignURL = &PermanentError{"the address to answer at is none of Slack's"}

// Respond posts to a response_url once. If Slack rejects the blocks, the text is posted alone.
func (c *Client) Respond(ctx context.Context, address string, r Response) error {
	bare := r
	bare.Message = r.Bare()
	err := sendPlainer(c, rejectedBlocks, func(r Response) error { return c.respond(ctx, address, r) }, r, bare)
	if code := ErrorCode(err); slices.Contains(rejectedBlocks, code) {
		return &PermanentError{"Slack says " + code}
	}
	return err
}

func (c *Client) respond(ctx context.Context, address string, r Response) error {
	if !c.isResponseURL(address) {
		return errForeignURL
	}
	body := map[string]any{"response_type": "ephemeral", "replace_original": r.Replace, "text": r.Text}
	if r.Share {
		body["response_type"] = "in_channel"
	}
	if len(r.Blocks) > 0 {
		body["blocks"] = slack.Blocks{BlockSet: r.Blocks}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(raw))
	if err != nil {
		return errForeignURL
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		c.observe(ResponseURL, nil, "", err)
		return errors.New("Slack could not be reached") // err's text holds the address, a secret
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxReply)) // an incomplete one has no code
	code := errorCodeIn(bytes.TrimSpace(answer))
	c.observe(ResponseURL, resp, code, nil)
	return c.responseError(resp, code)
}

// isResponseURL reports whether an address is Slack's: a forged delivery must not make vpsbot send
// messages to another host.
func (c *Client) isResponseURL(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return false
	}
	isOwnAPI := c.apiHost != "slack.com" && c.apiHost != "" && u.Host == c.apiHost
	return isOwnAPI || u.Scheme == "https" && slices.Contains(responseHosts, u.Host)
}

// responseError is the error that a response_url's status and code mean; nil for success.
func (c *Client) responseError(resp *http.Response, code string) error {
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests, isRateLimit(code):
		return &RateLimitedError{c.limits.pause(ResponseURL, resp.Header)}
	case status >= 500, isTemporary(code):
		return fmt.Errorf("Slack answered %d", status)
	case slices.Contains(rejectedBlocks, code):
		return slack.SlackErrorResponse{Err: code}
	case status >= 300 || code != "":
		return &PermanentError{fmt.Sprintf("Slack answered %d %s: the address takes no more", status, code)}
	}
	c.limits.failures.Set(ResponseURL, 0)
	return nil
}

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

// sendPlainer sends the first of several forms of a content whose blocks Slack does not reject: the whole
// content, then its text alone.
func sendPlainer[T any](c *Client, rejections []string, send func(T) error, forms ...T) (err error) {
	for i, form := range forms {
		err = translateError(send(form))
		if !slices.Contains(rejections, ErrorCode(err)) {
			return err
		}
		if i == 0 {
			c.Log.Error("Slack rejects the blocks of a message or a window; its text is shown alone", "error", err)
		}
	}
	return err
}

// Post posts a new message, in a thread if one is named, and returns the channel and the time that
// identify it. If Slack rejects the blocks, the text is posted alone.
func (c *Client) Post(ctx context.Context, channel, thread string, m blocks.Message) (at, ts string, err error) {
	err = sendPlainer(c, rejectedBlocks, func(m blocks.Message) (err error) {
		options := messageOptions(m)
		if thread != "" {
			options = append(options, slack.MsgOptionTS(thread))
		}
		at, ts, err = c.slack().PostMessageContext(ctx, channel, options...)
		return err
	}, m, m.Bare())
	return at, ts, err
}

// Update replaces a message. If Slack rejects the blocks, the text is shown alone.
func (c *Client) Update(ctx context.Context, channel, ts string, m blocks.Message) error {
	return sendPlainer(c, rejectedBlocks, func(options []slack.MsgOption) error {
		_, _, _, err := c.slack().UpdateMessageContext(ctx, channel, ts, options...)
		return err
	}, messageOptions(m), append(messageOptions(m.Bare()), slack.MsgOptionBlocks())) // without blocks Slack would keep those it has
}

func messageOptions(m blocks.Message) []slack.MsgOption {
	options := []slack.MsgOption{slack.MsgOptionText(m.Text, false), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl()}
	if len(m.Blocks) > 0 {
		options = append(options, slack.MsgOptionBlocks(m.Blocks...))
	}
	return options
}

// How long a request may be repeated after rate limits.
const (
	uploadWithin      = 90 * time.Second // each request of an upload
	updateViewWithin  = 20 * time.Second
	publishHomeWithin = 30 * time.Second
)

// File is a text to share as a file.
type File struct {
	Name, Text string
	Caption    string // without a full stop
	User       string // shares it
	Channel    string // empty: the direct messages with User
}

// Upload shares a file and returns the channel it is in. The id of direct messages is known only
// from a message posted there, so that the caption becomes one.
func (c *Client) Upload(ctx context.Context, f File) (channel string, err error) {
	var target *slack.GetUploadURLExternalResponse
	comment := "<@" + f.User + "> shares " + f.Caption + "."
	channel = f.Channel
	for _, step := range []func(ctx context.Context) error{
		func(ctx context.Context) (err error) {
			target, err = c.slack().GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{FileName: f.Name, FileSize: len(f.Text)})
			return err
		},
		func(ctx context.Context) error {
			return c.slack().UploadToURL(ctx, slack.UploadToURLParameters{UploadURL: target.UploadURL, Content: f.Text, Filename: f.Name})
		},
		func(ctx context.Context) (err error) {
			if channel == "" {
				comment = ""
				channel, _, err = c.Post(ctx, f.User, "", blocks.Plain(f.Caption+"."))
			}
			return err
		},
		func(ctx context.Context) error {
			_, err := c.slack().CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
				Files: []slack.FileSummary{{ID: target.FileID, Title: f.Name}}, Channel: channel, InitialComment: comment,
			})
			return err
		},
	} {
		if err := retry(ctx, uploadWithin, step); err != nil {
			return "", err
		}
	}
	return channel, nil
}

// GroupMembers returns the user ids of a user group's members.
func (c *Client) GroupMembers(ctx context.Context, group string) ([]string, error) {
	members, err := c.slack().GetUserGroupMembersContext(ctx, group)
	return members, translateError(err)
}

// OpenView opens a modal and returns its id. If Slack rejects its blocks, the modal opens with its
// inputs and plain text alone.
func (c *Client) OpenView(ctx context.Context, trigger string, modal slack.ModalViewRequest) (id string, err error) {
	err = sendPlainer(c, rejectedViews, func(modal slack.ModalViewRequest) error {
		opened, err := c.slack().OpenViewContext(ctx, trigger, modal)
		if err == nil {
			id = opened.ID
		}
		return err
	}, modal, bareModal(modal))
	return id, err
}

// UpdateView replaces what an open modal shows, after rate limits too. A modal that its person has
// closed is no error.
func (c *Client) UpdateView(ctx context.Context, id string, modal slack.ModalViewRequest) error {
	err := sendPlainer(c, rejectedViews, func(modal slack.ModalViewRequest) error {
		return retry(ctx, updateViewWithin, func(ctx context.Context) error {
			_, err := c.slack().UpdateViewContext(ctx, modal, "", "", id)
			return err
		})
	}, modal, bareModal(modal))
	if ErrorCode(err) == "not_found" {
		return nil
	}
	return err
}

func bareModal(modal slack.ModalViewRequest) slack.ModalViewRequest {
	modal.Blocks = blocks.Bare(modal.Blocks)
	return modal
}

// PublishHome replaces a user's Home tab, after rate limits too. If Slack rejects its blocks, the
// text is shown alone.
func (c *Client) PublishHome(ctx context.Context, user string, home slack.HomeTabViewRequest) error {
	bare := home
	bare.Blocks = blocks.Bare(home.Blocks)
	return sendPlainer(c, rejectedViews, func(home slack.HomeTabViewRequest) error {
		return retry(ctx, publishHomeWithin, func(ctx context.Context) error {
			_, err := c.slack().PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: user, View: home})
			return err
		})
	}, home, bare)
}

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

package slackbot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
)

// limitedError says that Slack wants to be left alone for a time.
type limitedError struct{ after time.Duration }

func (e *limitedError) Error() string { return "Slack wants no more requests for " + e.after.String() }

// overError says that something will never be possible again.
type overError struct{ why string }

func (e *overError) Error() string { return e.why }

func isOver(err error) bool { return errors.As(err, new(*overError)) }

// response says how an answer is shown.
type response struct {
	share   bool // to everybody in the channel
	replace bool // in place of the message that it answers
}

const (
	patience     = 90 * time.Second // with Slack, for an answer that is kept nowhere
	mostResponse = 4 << 10          // of what Slack says to an answer
)

// tell answers the asker alone.
func (b *Bot) tell(ctx context.Context, v *visit, m blocks.Message) error {
	return b.respond(ctx, v, m, response{})
}

// respond answers by the address that came along, and by a direct message where that can take
// nothing any more.
func (b *Bot) respond(ctx context.Context, v *visit, m blocks.Message, r response) error {
	err := b.insist(ctx, v.url, m, r)
	if err == nil || v.user == "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, _, err = b.slack.PostMessageContext(ctx, v.user, options(m)...)
	return err
}

// insist tries for a while to post to a response_url.
func (b *Bot) insist(ctx context.Context, address string, m blocks.Message, r response) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := errors.New("nothing came along to answer by")
	for try := 1; address != "" && ctx.Err() == nil; try++ {
		if err = b.postURL(ctx, address, m, r); err == nil || isOver(err) {
			return err
		}
		pause(ctx, min(waitAfter(err, try), 30*time.Second))
	}
	return err
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// slackHosts are where a response_url may lead.
var slackHosts = []string{"hooks.slack.com", "hooks.slack-gov.com"}

// mayPostTo fails for an address that is not Slack's: what comes along with a delivery must not
// make vpsbot send things to somebody else.
func (b *Bot) mayPostTo(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return &overError{"the address to answer at is none of Slack's"}
	}
	for _, host := range slackHosts {
		if u.Scheme == "https" && u.Host == host {
			return nil
		}
	}
	if b.apiHost != "slack.com" && b.apiHost != "" && u.Host == b.apiHost {
		return nil
	}
	return &overError{"the address to answer at is none of Slack's"}
}

// postURL posts once to a response_url.
func (b *Bot) postURL(ctx context.Context, address string, m blocks.Message, r response) error {
	if err := b.mayPostTo(address); err != nil {
		return err
	}
	kind := "ephemeral"
	if r.share {
		kind = "in_channel"
	}
	raw, err := json.Marshal(map[string]any{
		"response_type": kind, "replace_original": r.replace, "text": m.Text, "blocks": slack.Blocks{BlockSet: m.Blocks},
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(raw))
	if err != nil {
		return &overError{"the address to answer at is none of Slack's"}
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	answer, err := b.Client.Do(req)
	if err != nil {
		return errors.New("Slack could not be reached") // its text holds the address
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, mostResponse)) // so that the connection serves again
	return judge(answer)
}

func judge(answer *http.Response) error {
	switch code := answer.StatusCode; {
	case code < 300:
		return nil
	case code == http.StatusTooManyRequests:
		return &limitedError{retryAfter(answer.Header)}
	case code >= 500:
		return fmt.Errorf("Slack answered %d", code)
	default:
		return &overError{fmt.Sprintf("Slack answered %d: the address takes no more", code)}
	}
}

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 1 {
		return 5 * time.Second
	}
	return time.Duration(seconds) * time.Second
}

// deliver makes Slack show a message where the post says, and notes in it where that is now.
func (b *Bot) deliver(ctx context.Context, p *approval.Post, m blocks.Message) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if p.Kind == cardKind {
		return b.deliverCard(ctx, p, m)
	}
	if p.TS == "" {
		return b.deliverNew(ctx, p, m)
	}
	err := b.paced("chat.update", p.Channel, func() error {
		_, _, _, err := b.slack.UpdateMessageContext(ctx, p.Channel, p.TS, options(m)...)
		return err
	})
	switch why := said(err); {
	case err == nil:
		return nil
	case why == "message_not_found", why == "cant_update_message", why == "edit_window_closed":
		p.Thread, p.TS = p.TS, ""
		return b.deliverNew(ctx, p, m)
	case isGone(why):
		return b.deliverElsewhere(ctx, p, m, err)
	default:
		return known(err)
	}
}

func (b *Bot) deliverNew(ctx context.Context, p *approval.Post, m blocks.Message) error {
	opts := options(m)
	if p.Thread != "" {
		opts = append(opts, slack.MsgOptionTS(p.Thread))
	}
	err := b.paced("chat.postMessage", p.Channel, func() error {
		channel, ts, err := b.slack.PostMessageContext(ctx, p.Channel, opts...)
		if err == nil {
			p.Channel, p.TS = channel, ts
		}
		return err
	})
	switch why := said(err); {
	case err == nil:
		return nil
	case why == "thread_not_found":
		p.Thread = ""
		return b.deliverNew(ctx, p, m)
	case isGone(why):
		return b.deliverElsewhere(ctx, p, m, err)
	default:
		return known(err)
	}
}

// paced sends to a channel at the pace that Slack takes.
func (b *Bot) paced(method, channel string, send func() error) error {
	if wait := b.brake.hold(method, channel, b.Now()); wait > 0 {
		return &limitedError{wait}
	}
	err := known(send())
	if limited, ok := errors.AsType[*limitedError](err); ok {
		b.brake.press(method, b.Now().Add(limited.after))
	}
	return err
}

// deliverElsewhere tells the asker alone what a channel takes no more.
func (b *Bot) deliverElsewhere(ctx context.Context, p *approval.Post, m blocks.Message, err error) error {
	if p.Kind == approvalsKind {
		return b.deliverNowhere(ctx, p, err)
	}
	if p.User == "" || p.Channel == p.User {
		return known(err) // there is nobody else to tell
	}
	b.Log.Warn("Slack: a channel takes no messages; the asker is told directly", "approval", p.Approval, "channel", p.Channel, "error", b.scrub(err.Error()))
	p.Channel, p.TS, p.Thread = p.User, "", ""
	channel, ts, err := b.slack.PostMessageContext(ctx, p.Channel, options(m)...)
	if err != nil {
		return known(err)
	}
	p.Channel, p.TS = channel, ts
	return nil
}

// deliverNowhere tells the asker that those who must agree cannot be asked where the policy says.
func (b *Bot) deliverNowhere(ctx context.Context, p *approval.Post, err error) error {
	b.Log.Error("Slack: the approvals channel takes no messages: invite the bot, or name another in the policy", "channel", p.Channel, "error", b.scrub(err.Error()))
	if p.User != "" && p.Shown != unshowable {
		says := blocks.Plain("The channel in which others are asked to approve takes no messages (" + said(err) + "). Whoever may approve sees your request by /vps approvals.")
		if _, _, err := b.slack.PostMessageContext(ctx, p.User, options(says)...); err != nil {
			return known(err)
		}
	}
	p.Shown = unshowable
	return &overError{"the approvals channel takes no messages: " + said(err)}
}

// unshowable stands where the hash of a message would, once it is known that none can be shown.
const unshowable = "nothing"

// deliverCard shows or rewrites what the asker alone sees.
func (b *Bot) deliverCard(ctx context.Context, p *approval.Post, m blocks.Message) error {
	address, err := b.open(urlPurpose, p.URL)
	switch {
	case err != nil || len(address) == 0:
		return &overError{"there is no address to rewrite it by"}
	case b.Now().After(p.URLUntil), p.URLUses >= urlUses:
		return &overError{"the address to rewrite it by is used up"}
	}
	err = b.postURL(ctx, string(address), m, response{replace: p.Shown != "" || p.TS != ""})
	if err == nil {
		p.URLUses++
	}
	return err
}

const urlPurpose = "response_url"

func (b *Bot) sealURL(address string) []byte {
	if address == "" {
		return nil
	}
	return b.seal(urlPurpose, []byte(address))
}

func options(m blocks.Message) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
}

// said is Slack's own word for what went wrong.
func said(err error) string {
	if refused, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		return refused.Err
	}
	return ""
}

// isGone reports whether a channel takes no messages from the bot any more.
func isGone(why string) bool {
	switch why {
	case "channel_not_found", "not_in_channel", "is_archived", "restricted_action", "no_permission", "ekm_access_denied":
		return true
	}
	return false
}

// known makes an error of slack-go's one of ours.
func known(err error) error {
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return &limitedError{limited.RetryAfter}
	}
	return err
}

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
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/delivery"
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
	_, _, err = b.postTo(ctx, v.user, m)
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
		_ = backoff.Sleep(ctx, min(max(waitAfter(err, try), shortPause), longPause))
	}
	return err
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

// postURL posts to a response_url. Where Slack does not take the blocks the text goes alone.
func (b *Bot) postURL(ctx context.Context, address string, m blocks.Message, r response) error {
	err := b.postOnce(ctx, address, m, r)
	if isTooMuch(err) && len(m.Blocks) > 0 {
		b.Log.Error("Slack does not take the blocks of an answer; its text is sent alone", "error", err)
		err = b.postOnce(ctx, address, m.Bare(), r)
	}
	if isTooMuch(err) {
		return &overError{err.Error()}
	}
	return err
}

func (b *Bot) postOnce(ctx context.Context, address string, m blocks.Message, r response) error {
	if err := b.mayPostTo(address); err != nil {
		return err
	}
	kind := "ephemeral"
	if r.share {
		kind = "in_channel"
	}
	says := map[string]any{"response_type": kind, "replace_original": r.replace, "text": m.Text}
	if len(m.Blocks) > 0 {
		says["blocks"] = slack.Blocks{BlockSet: m.Blocks}
	}
	raw, err := json.Marshal(says)
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
	body, _ := io.ReadAll(io.LimitReader(answer.Body, mostResponse)) // half of it says nothing
	return b.judge(answer, body)
}

// judge says what came of a post to a response_url.
func (b *Bot) judge(answer *http.Response, body []byte) error {
	word := refusalIn(bytes.TrimSpace(body))
	switch code := answer.StatusCode; {
	case code == http.StatusTooManyRequests, isLimit(word):
		return &limitedError{b.line.pause("response_url", answer.Header)}
	case code >= 500, slices.Contains(passing, word):
		return fmt.Errorf("Slack answered %d", code)
	case slices.Contains(tooMuch, word):
		return &refusedError{word}
	case code >= 300 || word != "":
		return &overError{fmt.Sprintf("Slack answered %d %s: the address takes no more", code, word)}
	}
	b.line.taken("response_url")
	return nil
}

// deliver makes Slack show a message where the post says, and notes in it where that is now.
func (b *Bot) deliver(ctx context.Context, p *delivery.Post, m blocks.Message) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if p.Kind == cardKind {
		return b.deliverCard(ctx, p, m)
	}
	if p.TS == "" {
		return b.deliverNew(ctx, p, m)
	}
	err := b.paced("chat.update", p.Channel, func() error { return b.update(ctx, p, m) })
	switch why := said(err); {
	case why == "message_not_found", why == "cant_update_message", why == "edit_window_closed":
		p.Thread, p.TS = p.TS, ""
		return b.deliverNew(ctx, p, m)
	case isGone(why):
		return b.deliverElsewhere(ctx, p, m, err)
	}
	return err
}

func (b *Bot) update(ctx context.Context, p *delivery.Post, m blocks.Message) error {
	_, _, _, err := b.slack.UpdateMessageContext(ctx, p.Channel, p.TS, options(m)...)
	if isTooMuch(err) {
		b.Log.Error("Slack does not take the blocks of a message; its text is shown alone", "error", err)
		_, _, _, err = b.slack.UpdateMessageContext(ctx, p.Channel, p.TS, append(options(m.Bare()), slack.MsgOptionBlocks())...) // none in place of those it has
	}
	return err
}

// postTo posts a new message. Where Slack does not take the blocks the text goes alone.
func (b *Bot) postTo(ctx context.Context, channel string, m blocks.Message, more ...slack.MsgOption) (at, ts string, err error) {
	at, ts, err = b.slack.PostMessageContext(ctx, channel, append(options(m), more...)...)
	if isTooMuch(err) && len(m.Blocks) > 0 {
		b.Log.Error("Slack does not take the blocks of a message; its text is sent alone", "error", err)
		at, ts, err = b.slack.PostMessageContext(ctx, channel, append(options(m.Bare()), more...)...)
	}
	return at, ts, known(err)
}

func (b *Bot) deliverNew(ctx context.Context, p *delivery.Post, m blocks.Message) error {
	var more []slack.MsgOption
	if p.Thread != "" {
		more = append(more, slack.MsgOptionTS(p.Thread))
	}
	err := b.paced("chat.postMessage", p.Channel, func() error {
		channel, ts, err := b.postTo(ctx, p.Channel, m, more...)
		if err == nil {
			p.Channel, p.TS = channel, ts
		}
		return err
	})
	switch why := said(err); {
	case why == "thread_not_found":
		p.Thread = ""
		return b.deliverNew(ctx, p, m)
	case isGone(why):
		return b.deliverElsewhere(ctx, p, m, err)
	}
	return err
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
func (b *Bot) deliverElsewhere(ctx context.Context, p *delivery.Post, m blocks.Message, err error) error {
	switch {
	case p.Kind == approvalsKind:
		return b.deliverNowhere(ctx, p, err)
	case p.User == "" || isDirect(*p): // there is nobody else to tell
		return &overError{"Slack says " + said(err)}
	}
	b.Log.Warn("Slack: a channel takes no messages; the asker is told directly", "approval", p.Approval, "channel", p.Channel, "error", err)
	p.Channel, p.TS, p.Thread = p.User, "", ""
	return b.deliverNew(ctx, p, m)
}

// isDirect reports whether a post is a direct message to whom it is for.
func isDirect(p delivery.Post) bool { return p.Channel == p.User || strings.HasPrefix(p.Channel, "D") }

// deliverNowhere tells the asker that those who must agree cannot be asked where the policy says.
func (b *Bot) deliverNowhere(ctx context.Context, p *delivery.Post, err error) error {
	b.Log.Error("Slack: the approvals channel takes no messages: invite the bot, give it what it lacks, or name another channel in the policy", "channel", p.Channel, "error", err)
	if p.User != "" && p.TS == "" && p.Shown != unshowable {
		if _, _, err := b.postTo(ctx, p.User, blocks.NobodyAsked(p.Channel, said(err))); err != nil {
			return err
		}
	}
	p.Shown = unshowable
	return &overError{"the approvals channel takes no messages: " + said(err)}
}

// unshowable stands where the hash of a message would, once it is known that none can be shown.
const unshowable = "nothing"

// deliverCard shows or rewrites what the asker alone sees.
func (b *Bot) deliverCard(ctx context.Context, p *delivery.Post, m blocks.Message) error {
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
	all := []slack.MsgOption{slack.MsgOptionText(m.Text, false), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl()}
	if len(m.Blocks) > 0 {
		all = append(all, slack.MsgOptionBlocks(m.Blocks...))
	}
	return all
}

// known makes an error of slack-go's one of ours.
func known(err error) error {
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return &limitedError{limited.RetryAfter}
	}
	return err
}

// patiently asks Slack for something, and again where Slack wants to be left alone for a time
// first. Anything else that goes wrong ends it: the request may have arrived.
func (b *Bot) patiently(ctx context.Context, within time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := known(do(ctx))
		limited, ok := errors.AsType[*limitedError](err)
		if !ok {
			return err
		}
		_ = backoff.Sleep(ctx, limited.after)
		if ctx.Err() != nil {
			return err
		}
	}
}

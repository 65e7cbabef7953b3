package messages

import (
	"context"
	"time"

	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
)

// undeliverable stands for the hash of a message once it is known that none can be shown.
const undeliverable = "nothing"

const deliverWithin = 10 * time.Second

// deliver posts or rewrites the message in the post's channel, and notes its place in the post.
func (u *update) deliver(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	p := &u.post
	if p.Kind == cardKind {
		return u.deliverCard(ctx)
	}
	if p.TS == "" {
		return u.deliverNew(ctx)
	}
	err := u.API.Paced("chat.update", p.Channel, func() error { return u.API.Update(ctx, p.Channel, p.TS, u.shown) })
	switch code := webapi.ErrorCode(err); {
	case code == "message_not_found", code == "cant_update_message", code == "edit_window_closed":
		p.Thread, p.TS = p.TS, ""
		return u.deliverNew(ctx)
	case webapi.ChannelUnusable(err):
		return u.deliverElsewhere(ctx, err)
	}
	return err
}

func (u *update) deliverNew(ctx context.Context) error {
	p := &u.post
	err := u.API.Paced("chat.postMessage", p.Channel, func() error {
		channel, ts, err := u.API.Post(ctx, p.Channel, p.Thread, u.shown)
		if err == nil {
			p.Channel, p.TS = channel, ts
		}
		return err
	})
	switch {
	case webapi.ErrorCode(err) == "thread_not_found":
		p.Thread = ""
		return u.deliverNew(ctx)
	case webapi.ChannelUnusable(err):
		return u.deliverElsewhere(ctx, err)
	}
	return err
}

// deliverElsewhere posts the message to the asker directly, because its channel takes no messages. A question
// to approvers has no other place: the asker is told that nobody was asked.
func (u *update) deliverElsewhere(ctx context.Context, why error) error {
	p, code := &u.post, webapi.ErrorCode(why)
	switch {
	case p.Kind == approvalsKind:
		u.Log.Error("Slack: the approvals channel takes no messages: invite the bot, give it what it lacks, or name another channel in the policy", "channel", p.Channel, "error", why)
		if p.User != "" && p.TS == "" && p.Shown != undeliverable {
			if _, _, err := u.API.Post(ctx, p.User, "", blocks.NobodyAsked(p.Channel, code)); err != nil {
				return err
			}
		}
		p.Shown = undeliverable
		return &webapi.PermanentError{Reason: "the approvals channel takes no messages: " + code}
	case p.User == "" || isDirect(*p): // there is no other place
		return &webapi.PermanentError{Reason: "Slack says " + code}
	}
	u.Log.Warn("Slack: a channel takes no messages; the requester is told directly", "approval", p.Approval, "channel", p.Channel, "error", why)
	p.Channel, p.TS, p.Thread = p.User, "", ""
	return u.deliverNew(ctx)
}

// deliverCard shows or rewrites the ephemeral card by its response_url.
func (u *update) deliverCard(ctx context.Context) error {
	p := &u.post
	address, err := u.Sealer.Open(urlPurpose, p.URL)
	switch {
	case err != nil || len(address) == 0:
		return &webapi.PermanentError{Reason: "there is no address to rewrite it by"}
	case u.Now().After(p.URLUntil), p.URLUses >= urlUses:
		return &webapi.PermanentError{Reason: "the address to rewrite it by is used up"}
	}
	err = u.API.Respond(ctx, string(address), webapi.Response{Message: u.shown, Replace: p.Shown != "" || p.TS != ""})
	if err == nil {
		p.URLUses++
	}
	return err
}

package slackbot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
)

// callAsker calls the asker by a new message where a record has ended, or it is their turn: once,
// whichever of its messages is looked at first. One that was itself new has called them.
func (b *Bot) callAsker(ctx context.Context, store Store, p delivery.Post, reason blocks.Reason, called bool) error {
	if reason == blocks.NoReason || p.User == "" || p.TS == "" || p.Kind != liveKind && p.Kind != directKind {
		return nil // what is still to be posted calls them itself
	}
	call := delivery.Post{Key: string(reason) + ":" + p.Approval, Approval: p.Approval, Kind: string(reason), User: p.User, Channel: p.Channel, Next: b.Now()}
	if called {
		call.TS, call.Shown, call.Next = p.TS, calledBy(p), time.Time{}
	}
	_, err := store.AddPost(context.WithoutCancel(ctx), call)
	b.poke()
	return err
}

// calledBy stands where the hash of a message would, if another one has called the asker.
func calledBy(p delivery.Post) string { return "called by " + p.Kind }

// hasCalled reports whether a message is the one that calls the asker.
func (b *Bot) hasCalled(ctx context.Context, store Store, p delivery.Post, reason blocks.Reason) bool {
	if p.Kind == endKind || p.Kind == turnKind {
		return p.Kind == string(reason)
	}
	call, err := store.Post(ctx, string(reason)+":"+p.Approval)
	if errors.Is(err, approval.ErrNotFound) {
		return p.TS == "" // it is new itself
	}
	return err == nil && call.Shown == calledBy(p)
}

// messageOf is what a message must show, and why the asker is to be called.
func (b *Bot) messageOf(ctx context.Context, store Store, p delivery.Post, rec approval.Record) (blocks.Message, blocks.Reason) {
	answers, err := store.Consents(ctx, rec.ID)
	if err != nil {
		answers = nil // who agreed is in the record too
	}
	asks := rec.State == approval.Pending && !rec.Overdue(b.Now())
	asked := p.Kind == cardKind || isDirect(p) && (p.Kind == directKind || p.Kind == liveKind)
	switch {
	case asks && p.Kind == approvalsKind:
		return blocks.Ask(rec, blocks.AskView{Role: blocks.Second, AskedBy: b.askedBy(rec), Answers: answers, Call: b.answerers(ctx, rec)}), blocks.NoReason
	case asks && asked && approval.Missing(rec, answers).Own:
		return blocks.Ask(rec, blocks.AskView{Role: blocks.Own, AskedBy: b.askedBy(rec), Answers: answers}), blocks.NoReason
	}
	view := blocks.LiveView{Now: b.Now(), Answers: answers, Undo: b.undo(rec), Cancel: asked && isSlack(rec) && (p.Kind != cardKind || !rec.Own)}
	b.follow(ctx, &view, rec)
	if p.Kind == cardKind { // it can be rewritten a few times only: no clock runs in it
		if view.Settled == "" {
			view.Waited, view.Progress = 0, ""
		}
		return blocks.Answered(rec, view), blocks.NoReason
	}
	reason := blocks.Calls(rec, view)
	if p.Kind != approvalsKind && reason != blocks.NoReason && b.hasCalled(ctx, store, p, reason) {
		view.Mention = p.User
	}
	return blocks.Live(rec, view), reason
}

// answerers are the Slack ids of who may answer a record for another person: of each person of the
// policy who may, and of the user groups that it names.
func (b *Bot) answerers(ctx context.Context, rec approval.Record) (ids []string) {
	book := b.Runner.Policy().Book
	if book == nil {
		return nil
	}
	answer := runner.Answer{Approval: rec.ID, Channel: permissions.Slack, Yes: true}
	for _, person := range book.People {
		for _, who := range person.Identities {
			user, ok := strings.CutPrefix(string(who), "slack:")
			if ok && !b.Runner.IsAsker(rec, who) && b.Runner.MayAnswer(ctx, rec, who, answer) == "" {
				ids = append(ids, user)
			}
		}
	}
	for _, party := range strings.FieldsFunc(rec.Approvers, func(c rune) bool { return c == ',' || c == ' ' }) {
		if id, ok := strings.CutPrefix(party, "slack-group:"); ok {
			ids = append(ids, id)
		}
		for _, g := range book.Groups {
			if g.Name == party {
				ids = append(ids, g.SlackGroups...)
			}
		}
	}
	return ids
}

// askedBy says who asked, and where.
func (b *Bot) askedBy(rec approval.Record) string {
	if user, ok := strings.CutPrefix(rec.Actor, "slack:"); ok {
		return "<@" + user + ">"
	}
	kind, name, _ := strings.Cut(rec.Actor, ":")
	says := kind + " " + name
	if kind == "local" {
		says = "user " + name
	}
	if user := b.askerIn(rec); user != "" {
		says += fmt.Sprintf(" (<@%s>)", user)
	}
	return says
}

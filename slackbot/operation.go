package slackbot

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/tools"
)

// operation carries out a command for an operation.
func (b *Bot) operation(ctx context.Context, v *visit, c command.Command) error {
	if len(c.Missing()) > 0 {
		return b.askFields(ctx, v, c)
	}
	input, err := c.JSON()
	if err != nil {
		return b.tell(ctx, v, blocks.Plain(err.Error()))
	}
	if c.Op.IsRead() {
		return b.read(ctx, v, c, input)
	}
	return b.change(ctx, v, c.Op, input, c.Share)
}

// change runs an operation that is no read, up to its end or to the question for a person. Where
// it was typed it is told at once how that stands; the messages of its record go on from there.
func (b *Bot) change(ctx context.Context, v *visit, op *tools.Op, input []byte, share bool) error {
	call := b.call(v, op, input)
	call.RequestID = "slack:" + v.id
	recorded := ""
	call.Recorded = func(rec approval.Record) {
		recorded = rec.ID
		b.post(ctx, v, rec, share)
	}
	reply := b.Runner.Run(ctx, call)
	if reply.Record != nil && recorded != reply.Record.ID && reply.Outcome != runner.Busy { // it joined one that was made before
		b.post(ctx, v, *reply.Record, share)
	}
	if recorded != "" {
		b.changed(ctx, recorded)
	}
	if reply.Outcome == runner.ApprovalRequired && reply.Record != nil {
		if reply.Record.Others > 0 && b.approvalsChannel() == "" {
			return b.tell(ctx, v, blocks.Plain("Nobody else was asked: the policy names no channel for it. Whoever may approve sees your request by `/vps approvals`."))
		}
		return nil // the card asks
	}
	if reply.Outcome == runner.Done && op.Settles && !strings.HasPrefix(reply.Message, "There was nothing to do") {
		return b.tell(ctx, v, blocks.Plain("⏳ VPS.org has accepted it: "+op.Title+" "+reply.Record.TargetName+". A message of its own tells how it ends."))
	}
	return b.tell(ctx, v, blocks.Answer(reply, blocks.AnswerView{Now: b.Now()}))
}

// post makes the messages of a record that somebody asked for in Slack: the card, for the asker
// alone, and the message that tells how the operation goes. What cannot be made now is made as
// soon as the record is looked at.
func (b *Bot) post(ctx context.Context, v *visit, rec approval.Record, share bool) {
	live := b.livePost(rec, v.user)
	if share && v.channel != "" {
		live.Channel = v.channel
	}
	posts := []delivery.Post{live}
	if rec.State == approval.Pending {
		posts = append(posts, b.card(v, rec))
		posts = append(posts, b.questions(rec)...)
	}
	for _, p := range posts {
		if err := b.addPost(ctx, p); err != nil {
			b.Log.Warn("Slack: a message could not be prepared", "approval", rec.ID, "kind", p.Kind, "error", err)
		}
	}
	b.poke()
}

// card is the question to the asker, as an answer to what they did.
func (b *Bot) card(v *visit, rec approval.Record) delivery.Post {
	now := b.Now()
	return delivery.Post{
		Key: cardKind + ":" + rec.ID, Approval: rec.ID, Kind: cardKind, User: v.user, Channel: v.channel,
		URL: b.sealURL(v.url), URLUntil: now.Add(urlLasts), Next: now,
	}
}

// addPost stores a message to be shown. A card that is asked anew replaces the one before: only
// the newest can be answered where the person looks.
func (b *Bot) addPost(ctx context.Context, p delivery.Post) error {
	store, err := b.Store(ctx)
	if err != nil {
		return err
	}
	first, err := store.AddPost(ctx, p)
	if err != nil || first || p.Kind != cardKind {
		return err
	}
	return store.ReplacePost(ctx, p)
}

// readAsk is a read that a button stands for. It is sealed: a button cannot be made to mean
// something else.
type readAsk struct {
	Op    string            `json:"o"`
	Input map[string]string `json:"i,omitempty"`
	Share bool              `json:"s,omitempty"`
}

const readPurpose = "read"

func (b *Bot) readToken(c command.Command) blocks.Token {
	return blocks.Token(b.token(readPurpose, readAsk{c.Op.Name, c.Input, c.Share}))
}

// readAgain runs the read that a button stands for, for whoever presses it.
func (b *Bot) readAgain(ctx context.Context, v *visit, a action) error {
	var ask readAsk
	if err := b.untoken(readPurpose, a.Value, &ask); err != nil {
		return b.tell(ctx, v, blocks.Plain("This button is too old. Send the command again."))
	}
	op, ok := tools.Lookup(ask.Op)
	if !ok || !op.IsRead() {
		return b.tell(ctx, v, blocks.Plain("This button is too old. Send the command again."))
	}
	c := command.Command{Kind: command.Operation, Op: op, Input: ask.Input, Share: ask.Share, CSV: a.ActionID == blocks.ActCSV}
	v.turns = v.ephemeral && a.ActionID != blocks.ActCSV
	input, err := c.JSON()
	if err != nil {
		return err
	}
	return b.read(ctx, v, c, input)
}

// read runs a read and shows what came of it, to the asker alone or to all.
func (b *Bot) read(ctx context.Context, v *visit, c command.Command, input []byte) error {
	if c.CSV {
		return b.sendCSV(ctx, v, c)
	}
	call := b.call(v, c.Op, pageOf(c, input))
	reply := b.Runner.Run(ctx, call)
	view := blocks.AnswerView{Now: b.Now()}
	if page, ok := pagesOf(reply); ok {
		view.Next, view.Prev, view.CSV = b.pageToken(c, page.next), b.pageToken(c, page.prev), b.readToken(c)
	}
	if c.Share && reply.Class == runner.OK {
		view.SharedBy = v.user
		return b.respond(ctx, v, blocks.Answer(reply, view), response{share: true})
	}
	return b.respond(ctx, v, blocks.Answer(reply, view), response{replace: v.turns})
}

// pageOf limits a list to what a message shows, unless the person says how much they want.
func pageOf(c command.Command, input []byte) []byte {
	if !c.Op.IsList() || c.Input["limit"] != "" {
		return input
	}
	var fields map[string]any
	if err := json.Unmarshal(input, &fields); err != nil || fields == nil {
		fields = map[string]any{}
	}
	fields["limit"] = blocks.PageRows
	raw, err := json.Marshal(fields)
	if err != nil {
		return input
	}
	return raw
}

// pages are the offsets of the pages beside one; -1: there is none.
type pages struct{ next, prev int }

// pagesOf reads from a list's reply where its neighbours begin.
func pagesOf(reply runner.Reply) (pages, bool) {
	if reply.Op == nil || !reply.Op.IsList() || reply.Class != runner.OK {
		return pages{}, false
	}
	var list struct {
		Count   int               `json:"count"`
		Offset  int               `json:"offset"`
		Results []json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(reply.JSON(), &list); err != nil {
		return pages{}, false
	}
	p := pages{-1, -1}
	if after := list.Offset + len(list.Results); len(list.Results) > 0 && after < list.Count {
		p.next = after
	}
	if list.Offset > 0 {
		p.prev = max(0, list.Offset-blocks.PageRows)
	}
	return p, true
}

func (b *Bot) pageToken(c command.Command, offset int) blocks.Token {
	if offset < 0 {
		return ""
	}
	input := map[string]string{}
	for name, value := range c.Input {
		input[name] = value
	}
	input["offset"] = itoa(offset)
	c.Input = input
	return b.readToken(c)
}

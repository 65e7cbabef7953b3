package slackbot

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
	"github.com/vpsbot/vpsbot/tools"
)

// The flags of /vps beside an operation's fields, in [command.Slack].
const (
	shareFlag = "share"
	csvFlag   = "csv"
)

// run runs an operation whose fields are all given. A list is limited to a page of a message, unless
// the person set a limit.
func (r *request) run(ctx context.Context, c command.Command) error {
	page := c
	if c.Op.IsList() && c.Input["limit"] == "" {
		page.Input = with(c.Input, "limit", strconv.Itoa(blocks.PageRows))
	}
	input, err := page.JSON()
	switch {
	case err != nil:
		return r.replyText(ctx, err.Error())
	case !c.Op.IsRead():
		return r.change(ctx, c, input)
	case c.Has(csvFlag):
		return r.sendCSV(ctx, c)
	}
	return r.read(ctx, c, input)
}

// change runs an operation that is no read, up to its end or to the question for a person. The reply
// has the state by then; the messages of the record follow it from there.
func (r *request) change(ctx context.Context, c command.Command, input []byte) error {
	call := r.call(c.Op, input)
	call.RequestID = "slack:" + r.id
	recorded := ""
	call.OnRecord = func(rec approval.Record) {
		recorded = rec.ID
		r.messages.Show(ctx, r.asked(c.Has(shareFlag)), rec)
	}
	reply := r.Runner.Run(ctx, call)
	if reply.Record != nil && recorded != reply.Record.ID && reply.Outcome != runner.Busy { // it joined an earlier record
		r.messages.Show(ctx, r.asked(c.Has(shareFlag)), *reply.Record)
	}
	if recorded != "" {
		r.messages.MarkDirty(ctx, recorded)
	}
	switch {
	case reply.Outcome == runner.ApprovalRequired && reply.Record != nil:
		if reply.Record.Others > 0 && r.Runner.Policy().ApprovalsChannel() == "" {
			return r.replyText(ctx, "Nobody else was asked: the policy names no channel for it. People who may approve see your request with `/vps approvals`.")
		}
		return nil // the card asks
	case reply.Outcome == runner.Done && c.Op.Settles && strings.HasPrefix(reply.Message, runner.Accepted):
		return r.replyText(ctx, "⏳ "+runner.Accepted+runner.Subject(r.Runner.Catalogue, *reply.Record)+". A message of its own tells how it ends.")
	}
	return r.reply(ctx, blocks.Answer(reply, blocks.AnswerView{Now: r.Now()}))
}

// readAsk is a read that a button runs. It is sealed, so that nobody can make a button run another.
type readAsk struct {
	Op    string            `json:"o"`
	Input map[string]string `json:"i,omitempty"`
	Own   map[string]string `json:"w,omitempty"` // flags
}

const readPurpose = "read"

func (r *request) readToken(c command.Command) blocks.Token {
	return blocks.Token(r.sealer.Token(readPurpose, readAsk{c.Op.Name, c.Input, c.Own}))
}

// pressedRead runs the read of a button, with the rights of the person who pressed it.
func (r *request) pressedRead(ctx context.Context, a action) error {
	var ask readAsk
	err := r.sealer.OpenToken(readPurpose, a.Value, &ask)
	op, ok := r.Runner.Catalogue.Lookup(ask.Op)
	if err != nil || !ok || !op.IsRead() {
		return r.replyText(ctx, "This button is too old. Send the command again.")
	}
	c := command.Command{Kind: command.Operation, Op: op, Input: ask.Input, Own: ask.Own}
	if a.ActionID == blocks.ActCSV {
		c.Own = with(c.Own, csvFlag, "true")
	}
	r.paging = r.ephemeral && !c.Has(csvFlag)
	return r.run(ctx, c)
}

// read runs a read and shows its result, to the person alone or to the channel.
func (r *request) read(ctx context.Context, c command.Command, input []byte) error {
	reply := r.Runner.Run(ctx, r.call(c.Op, input))
	view := blocks.AnswerView{Now: r.Now()}
	if page, ok := neighbours(reply); ok {
		view.Next, view.Prev, view.CSV = r.pageToken(c, page.next), r.pageToken(c, page.prev), r.readToken(c)
	}
	if c.Has(shareFlag) && reply.Class == runner.OK {
		view.SharedBy = r.user
		return r.respond(ctx, webapi.Response{Message: blocks.Answer(reply, view), Share: true})
	}
	return r.respond(ctx, webapi.Response{Message: blocks.Answer(reply, view), Replace: r.paging})
}

const maxCSVRows = 10_000

// sendCSV sends a whole list as a file: to the person's direct messages, or to the channel. The page
// that the command names does not matter.
func (r *request) sendCSV(ctx context.Context, c command.Command) error {
	if !r.api.HasScope(ScopeFiles) {
		return r.replyText(ctx, "Files are not switched on here: the app has no `files:write`. An administrator of vpsbot can add it: a manifest made with `--files`, and the app installed again.")
	}
	reply := r.wholeList(ctx, c.Op, c.Input, maxCSVRows)
	if reply.Class != runner.OK {
		return r.reply(ctx, blocks.Answer(reply, blocks.AnswerView{Now: r.Now()}))
	}
	table, _ := reply.Table()
	if len(table.Rows) == 0 {
		return r.replyText(ctx, table.Note+" There is nothing to put into a file.")
	}
	f := webapi.File{
		Name: fmt.Sprintf("%s-%s.csv", strings.ReplaceAll(c.Op.Name, ".", "-"), r.Now().UTC().Format("2006-01-02")),
		Text: string(blocks.CSV(table)), Caption: fmt.Sprintf("%s: %d rows as a file", c.Op.Title, len(table.Rows)), User: r.user,
	}
	if page, ok := neighbours(reply); ok && page.next >= 0 {
		f.Caption += ", and no more of them: the list is longer"
	}
	if c.Has(shareFlag) {
		f.Channel = r.channel
	}
	channel, err := r.api.Upload(ctx, f)
	switch {
	case err != nil:
		r.Log.Warn("Slack: sending a file", "error", err)
		why := webapi.Explain(err)
		if slices.Contains([]string{"channel_not_found", "not_in_channel"}, webapi.ErrorCode(err)) {
			why = "vpsbot is not in this channel. Invite it with /invite, or leave out --share to get the file as a direct message."
		}
		return r.replyText(ctx, "Slack did not take the file: "+why)
	case channel == r.channel:
		return nil
	}
	return r.replyText(ctx, "The file is in your direct messages with vpsbot.")
}

// pageOffsets are the offsets of the pages before and after one; -1: there is none.
type pageOffsets struct{ next, prev int }

// neighbours returns the offsets beside the page that a list's reply is.
func neighbours(reply runner.Reply) (pageOffsets, bool) {
	if reply.Op == nil || !reply.Op.IsList() || reply.Class != runner.OK {
		return pageOffsets{}, false
	}
	var list tools.Listing[json.RawMessage]
	if err := json.Unmarshal(reply.JSON(), &list); err != nil {
		return pageOffsets{}, false
	}
	p := pageOffsets{-1, -1}
	if after := list.Offset + len(list.Results); len(list.Results) > 0 && after < list.Count {
		p.next = after
	}
	if list.Offset > 0 {
		p.prev = max(0, list.Offset-blocks.PageRows)
	}
	return p, true
}

func (r *request) pageToken(c command.Command, offset int) blocks.Token {
	if offset < 0 {
		return ""
	}
	c.Input = with(c.Input, "offset", strconv.Itoa(offset))
	return r.readToken(c)
}

func with(values map[string]string, name, value string) map[string]string {
	changed := map[string]string{}
	maps.Copy(changed, values)
	changed[name] = value
	return changed
}

const allRows = math.MaxInt

// wholeList reads a list with the person's rights, up to a number of rows. A limit or an offset in input
// does not matter.
func (r *request) wholeList(ctx context.Context, op *tools.Op, input map[string]string, most int) runner.Reply {
	input = maps.Clone(input)
	maps.DeleteFunc(input, func(field, _ string) bool { return field == "limit" || field == "offset" })
	raw, err := command.Command{Op: op, Input: input}.JSON()
	if err != nil {
		return runner.Reply{Op: op, Class: runner.Invalid, Message: err.Error()}
	}
	call := r.call(op, raw)
	call.Limit = most
	return r.Runner.Run(ctx, call)
}

func rowsOf(reply runner.Reply) []map[string]string {
	t, _ := reply.Table()
	return text.Map(t.Rows, func(cells []string) map[string]string {
		row := map[string]string{}
		for i, cell := range cells {
			row[t.Header[i]] = cell
		}
		return row
	})
}

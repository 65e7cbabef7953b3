package slackbot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
)

const maxCSVRows = 10_000

// sendCSV sends a whole list as a file: to the person's direct messages, or to the channel. The page
// that the command names does not matter.
func (r *request) sendCSV(ctx context.Context, c command.Command) error {
	switch {
	case !c.Op.IsList():
		return r.replyText(ctx, c.Op.Name+" answers no list, so there is no file of it.")
	case !r.api.HasScope(ScopeFiles):
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
	if c.Share {
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

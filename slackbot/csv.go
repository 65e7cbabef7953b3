package slackbot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/command"
)

const (
	mostCSVRows  = 10_000
	uploadWithin = 90 * time.Second
)

// sendCSV sends a whole list as a file: to the asker's direct messages, or to the channel. Which
// page of it the command was about does not matter.
func (b *Bot) sendCSV(ctx context.Context, v *visit, c command.Command) error {
	switch {
	case !c.Op.IsList():
		return b.tell(ctx, v, blocks.Plain(c.Op.Name+" answers no list, so there is no file of it."))
	case !b.team.may(ScopeFiles):
		return b.tell(ctx, v, blocks.Plain("Files are not switched on here: the app has no `files:write`. Whoever installed vpsbot can add it: a manifest made with `--files`, and the app installed again."))
	}
	pages := b.wholeList(ctx, v, c.Op, c.Input, mostCSVRows)
	if !isWhole(pages) {
		return b.tell(ctx, v, blocks.Answer(pages[len(pages)-1], blocks.AnswerView{Now: b.Now()}))
	}
	table := joinTables(pages)
	if len(table.Rows) == 0 {
		return b.tell(ctx, v, blocks.Plain(table.Note+" There is nothing to put into a file."))
	}
	return b.sendFile(ctx, v, c, table, moreThan(pages, len(table.Rows)))
}

// moreThan reports whether a list goes on after its pages.
func moreThan(pages []runner.Reply, rows int) bool {
	page, ok := pagesOf(pages[len(pages)-1])
	return ok && page.next >= rows
}

func (b *Bot) sendFile(ctx context.Context, v *visit, c command.Command, t runner.Table, cut bool) error {
	f := file{
		name: fmt.Sprintf("%s-%s.csv", strings.ReplaceAll(c.Op.Name, ".", "-"), b.Now().UTC().Format("2006-01-02")),
		text: string(blocks.CSV(t)),
		says: fmt.Sprintf("%s: %d rows as a file", c.Op.Title, len(t.Rows)),
	}
	if cut {
		f.says += ", and no more of them: the list is longer"
	}
	channel := ""
	if c.Share {
		channel = v.channel
	}
	channel, err := b.upload(ctx, v, f, channel)
	if err != nil {
		b.Log.Warn("Slack: sending a file", "error", err)
		return b.tell(ctx, v, blocks.Plain("Slack did not take the file: "+unsent(err)))
	}
	if channel == v.channel {
		return nil
	}
	return b.tell(ctx, v, blocks.Plain("The file is in your direct messages with vpsbot."))
}

// unsent says why a file could not be sent, and what to do.
func unsent(err error) string {
	if slices.Contains([]string{"channel_not_found", "not_in_channel"}, said(err)) {
		return "vpsbot is not in this channel. Invite it with /invite, or leave out --share to get the file as a direct message."
	}
	return reason(err)
}

type file struct{ name, text, says string }

// upload sends a file to a channel, or to the visitor alone if none is given, and returns where
// it is. Their direct messages have an id that only a message to them tells.
func (b *Bot) upload(ctx context.Context, v *visit, f file, channel string) (string, error) {
	id, err := b.uploadText(ctx, f)
	if err != nil {
		return "", err
	}
	comment := "<@" + v.user + "> shares " + f.says + "."
	if channel == "" {
		comment = ""
		err = b.patiently(ctx, uploadWithin, func(ctx context.Context) error {
			channel, _, err = b.postTo(ctx, v.user, blocks.Plain(f.says+"."))
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return channel, b.patiently(ctx, uploadWithin, func(ctx context.Context) error {
		_, err := b.slack.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
			Files: []slack.FileSummary{{ID: id, Title: f.name}}, Channel: channel, InitialComment: comment,
		})
		return err
	})
}

// uploadText brings a file's content to Slack, where nobody sees it yet.
func (b *Bot) uploadText(ctx context.Context, f file) (id string, err error) {
	var place *slack.GetUploadURLExternalResponse
	err = b.patiently(ctx, uploadWithin, func(ctx context.Context) (err error) {
		place, err = b.slack.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{FileName: f.name, FileSize: len(f.text)})
		return err
	})
	if err != nil {
		return "", err
	}
	err = b.patiently(ctx, uploadWithin, func(ctx context.Context) error {
		return b.slack.UploadToURL(ctx, slack.UploadToURLParameters{UploadURL: place.UploadURL, Content: f.text, Filename: f.name})
	})
	return place.FileID, err
}

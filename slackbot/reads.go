package slackbot

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/tools"
)

// mostServers is how many servers a picker or the Home tab looks through.
const mostServers = 2000

// wholeList reads a list as the visitor, page after page, until it ends, has most rows, or cannot
// be read: then the last reply says why. A limit or an offset that was given does not matter.
func (b *Bot) wholeList(ctx context.Context, v *visit, op *tools.Op, given map[string]string, most int) []runner.Reply {
	var all []runner.Reply
	for offset := 0; offset < most; offset += tools.MaxLimit {
		input := maps.Clone(given)
		if input == nil {
			input = map[string]string{}
		}
		input["limit"], input["offset"] = strconv.Itoa(min(tools.MaxLimit, most-offset)), strconv.Itoa(offset)
		raw, err := command.Command{Op: op, Input: input}.JSON()
		if err != nil {
			return append(all, runner.Reply{Op: op, Class: runner.Invalid, Message: err.Error()})
		}
		reply := b.Runner.Run(ctx, b.call(v, op, raw))
		all = append(all, reply)
		if page, ok := pagesOf(reply); !ok || page.next < 0 {
			break
		}
	}
	return all
}

// isWhole reports whether all pages of a list could be read.
func isWhole(pages []runner.Reply) bool {
	return len(pages) > 0 && pages[len(pages)-1].Class == runner.OK
}

// joinTables makes one table of the pages of a list: a page has the columns that its rows fill.
func joinTables(pages []runner.Reply) runner.Table {
	var whole runner.Table
	for _, reply := range pages {
		page, _ := reply.Table()
		for _, name := range page.Header {
			if !slices.Contains(whole.Header, name) {
				whole.Header = append(whole.Header, name)
			}
		}
		for _, cells := range page.Rows {
			row := make([]string, len(whole.Header))
			for i, cell := range cells {
				row[slices.Index(whole.Header, page.Header[i])] = cell
			}
			whole.Rows = append(whole.Rows, row)
		}
		whole.Note = page.Note
	}
	for i, row := range whole.Rows { // those of pages that came before a column did
		whole.Rows[i] = append(row, make([]string, len(whole.Header)-len(row))...)
	}
	return whole
}

// row is one row of a table, by column.
type row map[string]string

func rowsOf(t runner.Table) []row {
	rows := make([]row, len(t.Rows))
	for i, cells := range t.Rows {
		rows[i] = row{}
		for j, cell := range cells {
			rows[i][t.Header[j]] = cell
		}
	}
	return rows
}

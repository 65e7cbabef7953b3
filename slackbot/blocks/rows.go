package blocks

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/tools"
)

// A row of a list is two short lines, which a phone shows whole: a table of six columns
// it would break. The first is what one looks for, the second all the rest.
var (
	titles    = []string{"name", "domain_name", "domain", "server"} // the first that a list has is its rows' title
	headlines = []string{"status", "ip_address"}                    // beside the title
)

// mostRowText leaves room for the buttons and notes of a message.
const mostRowText = mostText - 1500

// rows shows the rows of a list that fit, and tells how many do not.
func rows(t tools.Table) (shown []slack.Block, left int) {
	all := make([]md, 0, len(t.Rows))
	room := mostRowText
	for _, cells := range t.Rows {
		r := row(t.Header, cells)
		if room -= r.len() + 1; room < 0 {
			break
		}
		all = append(all, r)
	}
	return sections(all...), len(t.Rows) - len(all)
}

// row shows one row.
func row(header, cells []string) md {
	title := titleColumn(header)
	var first, second []md
	for i, c := range cells {
		switch {
		case i >= len(header):
		case i == title:
			first = append([]md{named(c)}, first...)
		case slices.Contains(headlines, header[i]):
			first = append(first, clip(cell(header[i], c), 200))
		default:
			second = append(second, clip(cell(header[i], c), 200))
		}
	}
	return clip(join("\n", join(" · ", first...), join(" · ", second...)), mostSection)
}

// named is the title of a row. Something without a name can be seen, too.
func named(s string) md {
	if m := bold(s); m != "" {
		return m
	}
	return "*(no name)*"
}

func titleColumn(header []string) int {
	for _, name := range titles {
		if i := slices.Index(header, name); i >= 0 {
			return i
		}
	}
	return 0
}

// note is what stands under a list. A button says better how to see more.
func note(t tools.Table, next Token) md {
	says := t.Note
	if next != "" {
		says, _, _ = strings.Cut(says, "; more with")
		says = strings.TrimSuffix(says, ".") + "."
	}
	return esc(says)
}

func leftOut(n int) md {
	if n == 0 {
		return ""
	}
	return counted(n, "more row") + " do not fit here: ask with `limit=" + digits(PageRows) + "`"
}

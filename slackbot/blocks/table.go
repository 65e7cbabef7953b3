package blocks

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

// A row of a list is two short lines, because a phone breaks tables of six columns. The first line has the
// columns that people look for, the second all others.
var (
	titleColumns    = []string{"name", "domain_name", "domain", "server"} // the first that a list has is its rows' title
	headlineColumns = []string{"status", "ip_address"}                    // beside the title
)

// mostRowText leaves room for the buttons and notes of a message.
const mostRowText = mostText - 1500

// rows shows the rows of a list that fit, and counts those that do not.
func rows(t runner.Table) (shown []slack.Block, left int) {
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

func row(header, cells []string) md {
	title := 0
	for _, column := range slices.Backward(titleColumns) {
		if i := slices.Index(header, column); i >= 0 {
			title = i
		}
	}
	var first, second []md
	for i, c := range cells {
		switch {
		case i == title:
			first = append([]md{strong(cmp.Or(named(c), "(no name)"))}, first...)
		case slices.Contains(headlineColumns, header[i]):
			first = append(first, clip(cell(header[i], c), 200))
		default:
			second = append(second, clip(cell(header[i], c), 200))
		}
	}
	return clip(join("\n", join(" · ", first...), join(" · ", second...)), mostSection)
}

// note is the text under a list. Where a button shows the next page, it does not name the option for it.
func note(t runner.Table, next Token) md {
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
	return counted(n, "more row") + " do not fit here: ask with `limit=" + number(PageRows) + "`"
}

// CSV is a whole table as a file, RFC 4180, with its header. No cell is a formula to the
// program that opens it.
func CSV(t runner.Table) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	for _, cells := range append([][]string{t.Header}, t.Rows...) {
		_ = w.Write(text.Map(cells, escapeFormula)) // a buffer takes everything
	}
	w.Flush()
	return b.Bytes()
}

// escapeFormula prevents formula injection: it puts an apostrophe before a cell that a spreadsheet would evaluate,
// also after a tab or a line break, and with the full-width signs of East Asian keyboards.
func escapeFormula(cell string) string {
	shown := visible(cell)
	if cell != "" && strings.ContainsAny(cell[:1], "\t\r\n") || strings.ContainsAny(text.Cut(shown, 1), "=+-@＝＋－＠") {
		return "'" + shown
	}
	return shown
}

package blocks

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// AnswerView is what a result is shown with.
type AnswerView struct {
	Now             time.Time
	Next, Prev, CSV Token  // buttons under a list; empty: none
	SharedBy        string // user id of who posts it for everybody; empty: it is for the asker alone
}

// Plain is a message of one sentence. Text between backticks, outside of quotations, is shown as code.
func Plain(says string) Message {
	m := cmp.Or(sentence(says), "–")
	return message(m, nil, sections(m))
}

// Answer shows the reply to a call: a read's result, how a change ended, or a refusal.
func Answer(r runner.Reply, o AnswerView) Message {
	table, isList := r.Table()
	switch {
	case r.Outcome != "":
		return answerChange(r, o)
	case isList:
		return answerList(r, table, o)
	case r.Value == nil:
		return answerFailure(r)
	}
	shows := heading(r)
	return message(shows, nil, sections(strong(shows), sentence(r.Message)), sections(lines(r.JSON())...), contextLine(asOf(o.Now), sharedBy(o)))
}

func answerList(r runner.Reply, t runner.Table, o AnswerView) Message {
	shown, left := rows(t)
	buttons := actions(
		button(ActPrev, string(o.Prev), "Previous", ""),
		button(ActPage, string(o.Next), "Next", ""),
		button(ActCSV, string(o.CSV), "All as CSV", ""),
	)
	return message(esc(t.Note), buttons,
		sections(strong(esc(text.Title(strings.TrimSuffix(r.Op.Name, ".list")))), sentence(r.Message)),
		shown,
		contextLine(note(t, o.Next), leftOut(left), asOf(o.Now), sharedBy(o)))
}

// heading is the name of an object, or else of its resource.
func heading(r runner.Reply) md {
	resource, _, _ := strings.Cut(r.Op.Name, ".")
	shows := esc(text.Title(resource))
	flatten("", r.JSON(), func(field, s string) {
		if m := named(s); field == "name" && m != "" {
			shows = m
		}
	})
	return shows
}

func answerFailure(r runner.Reply) Message {
	says := cmp.Or(sentence(r.Message), "There is nothing to show.")
	return message(says, nil, sections(classMarks[r.Class]+says))
}

var classMarks = map[runner.Class]md{
	runner.Failed: "❌ ", runner.Invalid: "✏️ ", runner.Refuse: "⛔ ", runner.Waiting: "✋ ", runner.Lost: "❓ ",
}

// outcomeMarks show how a change ended at a glance. One that waits for a person is shown as its record.
var outcomeMarks = map[runner.Outcome]md{
	runner.Done: "✅ ", runner.DryRun: "🧪 ", runner.Unknown: "❓ ", runner.Declined: "🚫 ",
	runner.Expired: "⌛ ", runner.Stale: "⚠️ ", runner.Busy: "⏳ ", runner.Refused: "⛔ ",
}

func answerChange(r runner.Reply, o AnswerView) Message {
	says := sentence(r.Message)
	mark := outcomeMarks[r.Outcome]
	switch {
	case r.Outcome == runner.Done && r.Class != runner.OK:
		mark = classMarks[runner.Failed] // accepted, but it did not go well
	case r.Outcome == runner.Refused && classMarks[r.Class] != "":
		mark = classMarks[r.Class] // a mistake of the input, or VPS.org's no
	}
	var card []slack.Block
	if r.Card != nil {
		card = append(cardBlocks(*r.Card), contextLine(account(r.Card.Where()))...)
	}
	made := append(created(r.Op, runner.Reply{Value: r.Value}.JSON()), wouldSend(r))
	return message(says, nil, sections(mark+says), card, sections(made...), contextLine(sharedBy(o)))
}

// wouldSend lists the fields of the request that a dry run has not sent.
func wouldSend(r runner.Reply) md {
	if r.Request == nil {
		return ""
	}
	var fields []md
	flatten("", r.Request.Body, func(field, s string) {
		fields = append(fields, labelled(esc(text.Label(field))+" ", code(s)))
	})
	return labelled("Would be sent: ", clip(join(" · ", fields...), longestText))
}

// created lists the fields of a new object that people wait for, such as its address. Other parts of the
// message have its status and the API's text.
func created(op *tools.Op, result []byte) (shown []md) {
	if op == nil || !op.Creates() {
		return nil
	}
	flatten("", result, func(field, s string) {
		switch field {
		case "id", "name", "hostname", "ip_address", "ipv6_address", "location", "expires_at":
			shown = append(shown, labelled("*"+esc(text.Label(field))+":* ", value(field, s)))
		}
	})
	return shown
}

func sharedBy(o AnswerView) md { return labelled("Shared by ", mention(o.SharedBy)) }

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

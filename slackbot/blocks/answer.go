package blocks

import (
	"cmp"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/runner"
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
		sections(strong(esc(listNoun(r.Op))), sentence(r.Message)),
		shown,
		contextLine(note(t, o.Next), leftOut(left), asOf(o.Now), sharedBy(o)))
}

// heading is the name of an object, or else of its resource.
func heading(r runner.Reply) md {
	resource, _, _ := strings.Cut(r.Op.Name, ".")
	shows := esc(capitalized(resource))
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
		fields = append(fields, labelled(esc(label(field))+" ", code(s)))
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
			shown = append(shown, labelled("*"+esc(label(field))+":* ", value(field, s)))
		}
	})
	return shown
}

func sharedBy(o AnswerView) md { return labelled("Shared by ", mention(o.SharedBy)) }

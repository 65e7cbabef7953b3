package blocks

import (
	"strings"

	"github.com/vpsbot/vpsbot/tools"
)

// Plain is a sentence of ours, escaped. What stands between backticks, and in no quotation, is shown
// as code.
func Plain(says string) Message {
	m := said(says)
	if m == "" {
		m = "–"
	}
	return message(m, sections(m))
}

// Answer shows what a call came to: a read's result, how a change ended, or a refusal.
func Answer(r tools.Reply, o AnswerView) Message {
	table, isList := r.Table()
	switch {
	case r.Outcome != "":
		return answerChange(r, o)
	case isList:
		return answerList(r, table, o)
	case r.Value == nil:
		return answerFailure(r)
	}
	return answerObject(r, o)
}

func answerList(r tools.Reply, t tools.Table, o AnswerView) Message {
	shown, left := rows(t)
	body := append(sections(strong(esc(noun(r.Op))), said(r.Message)), shown...)
	body = append(body, remark(note(t, o.Next), leftOut(left), asOf(o.Now), sharedBy(o))...)
	return message(esc(t.Note), body, actions(
		button(ActPrev, string(o.Prev), "Previous", ""),
		button(ActPage, string(o.Next), "Next", ""),
		button(ActCSV, string(o.CSV), "All as CSV", ""),
	)...)
}

func answerObject(r tools.Reply, o AnswerView) Message {
	shows := heading(r)
	body := append(sections(strong(shows), said(r.Message)), sections(lines(r.JSON())...)...)
	body = append(body, remark(asOf(o.Now), sharedBy(o))...)
	return message(shows, body)
}

// heading says what is shown: a server by its name.
func heading(r tools.Reply) md {
	resource, _, _ := strings.Cut(r.Op.Name, ".")
	shows := esc(titled(resource))
	flatten("", []byte(r.JSON()), func(field, s string) {
		if name := esc(short(s, longestName)); field == "name" && name != "" {
			shows = name
		}
	})
	return shows
}

func answerFailure(r tools.Reply) Message {
	says := said(r.Message)
	if says == "" {
		says = "There is nothing to show."
	}
	return message(says, sections(classMarks[r.Class]+says))
}

var classMarks = map[tools.Class]md{
	tools.Failed: "❌ ", tools.Invalid: "✏️ ", tools.Refuse: "⛔ ", tools.Waiting: "✋ ", tools.Lost: "❓ ",
}

// outcomeMarks show how a change ended at a glance.
var outcomeMarks = map[tools.Outcome]md{
	tools.Done: "✅ ", tools.DryRun: "🧪 ", tools.Unknown: "❓ ", tools.ApprovalRequired: "✋ ", tools.Declined: "🚫 ",
	tools.Expired: "⌛ ", tools.Stale: "⚠️ ", tools.Busy: "⏳ ", tools.Refused: "⛔ ",
}

func answerChange(r tools.Reply, o AnswerView) Message {
	says := said(r.Message)
	if r.Outcome == tools.ApprovalRequired {
		says = "A person must agree to this first." // the message is for assistants
	}
	mark := outcomeMarks[r.Outcome]
	switch {
	case r.Outcome == tools.Done && r.Class != tools.OK:
		mark = classMarks[tools.Failed] // accepted, but it did not go well
	case r.Outcome == tools.Refused && classMarks[r.Class] != "":
		mark = classMarks[r.Class] // a mistake of the input, or VPS.org's no
	}
	body := sections(mark + says)
	if r.Card != nil {
		body = append(append(body, cardBlocks(*r.Card)...), remark(account(r.Card.Account))...)
	}
	body = append(body, sections(append(created(r.Op, tools.Reply{Value: r.Value}.JSON()), wouldSend(r), undo(o.Undo))...)...)
	return message(says, append(body, remark(sharedBy(o))...))
}

// wouldSend is what a dry run would have sent, field by field.
func wouldSend(r tools.Reply) md {
	if r.Request == nil {
		return ""
	}
	var fields []md
	flatten("", r.Request.Body, func(field, s string) {
		if v := code(s); v != "" {
			fields = append(fields, esc(label(field))+" "+v)
		}
	})
	if fields == nil {
		return ""
	}
	return "Would be sent: " + clip(join(" · ", fields...), longestText)
}

// created shows what a change has made: its address is what people wait for. Of what was
// there before the message says enough.
func created(op *tools.Op, result []byte) []md {
	if op == nil || op.On != tools.NewServer && op.On != tools.ServerCopy {
		return nil
	}
	var shown []md
	flatten("", result, func(field, s string) { shown = append(shown, createdLine(field, s)) })
	return shown
}

// createdLine shows a field of something new; its status and the API's words are told elsewhere.
func createdLine(field, s string) md {
	switch field {
	case "id", "name", "hostname", "ip_address", "ipv6_address", "location", "expires_at":
		if v := value(field, s); v != "" {
			return "*" + esc(label(field)) + ":* " + v
		}
	}
	return ""
}

func undo(command string) md {
	if c := code(command); c != "" {
		return "To undo: " + c
	}
	return ""
}

func sharedBy(o AnswerView) md {
	if m := mention(o.SharedBy); m != "" {
		return "Shared by " + m
	}
	return ""
}

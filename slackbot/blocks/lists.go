package blocks

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// mostRecords is how many records a list shows with their buttons: two blocks each.
const mostRecords = 10

// Approvals lists the open requests of the reader, and those that wait for the reader.
func Approvals(mine, waiting []approval.Record, now time.Time) Message {
	mine, waiting = openRecords(mine, now), openRecords(waiting, now)
	if len(mine)+len(waiting) == 0 {
		return Plain("Nothing waits for you.")
	}
	says := join(" ", requests(len(waiting), "waits for you.", "wait for you."), requests(len(mine), "of yours is open.", "of yours are open."))
	return message(says, nil, questions("Wait for you", waiting, Second), questions("Asked for by you", mine, Own), contextLine(asOf(now)))
}

func openRecords(records []approval.Record, now time.Time) []approval.Record {
	return slices.DeleteFunc(slices.Clone(records), func(rec approval.Record) bool { return !rec.StateAt(now).IsOpen() })
}

func requests(n int, one, many md) md {
	switch n {
	case 0:
		return ""
	case 1:
		many = one
	}
	return counted(n, "request") + " " + many
}

func questions(heading md, records []approval.Record, role Role) []slack.Block {
	if len(records) == 0 {
		return nil
	}
	blocks := header(heading)
	for _, rec := range records[:min(mostRecords, len(records))] {
		blocks = append(blocks, sections(summary(rec)...)...)
		blocks = append(blocks, summaryButtons(rec, role)...)
	}
	return append(blocks, contextLine(moreOf(len(records)-mostRecords, "request"))...)
}

func summary(rec approval.Record) []md {
	by := askedBy(rec, identity(rec.Actor))
	if rec.State == approval.Pending {
		return []md{strong(title(nil, rec)), clip(esc(cardOf(rec).Effect), longestText), join(" · ", by, until(rec.ExpiresAt))}
	}
	w := stateTexts[rec.State]
	return []md{join(" ", w.mark, strong(title(nil, rec)), "·", w.head), by}
}

// summaryButtons are the answers that a record still accepts: a running one accepts none.
func summaryButtons(rec approval.Record, role Role) []slack.Block {
	switch {
	case rec.State == approval.Approved && role == Own, rec.State == approval.Pending && role == Own && !rec.Own:
		return actions(cancelButton(rec))
	case rec.State == approval.Pending:
		return askButtons(rec, role)
	}
	return nil
}

func moreOf(n int, noun string) md {
	if n <= 0 {
		return ""
	}
	return "And " + counted(n, "more "+noun)
}

// mostAudit is how many rows of the audit log a message shows.
const mostAudit = 30

// Audit lists rows of the audit log as they come, newest first.
func Audit(rows []audit.Row, now time.Time) Message {
	if len(rows) == 0 {
		return Plain("The audit log has no such row.")
	}
	return message("The audit log: "+counted(len(rows), "row")+".", nil,
		header("Audit log, newest first"), sections(auditLines(rows, mostAudit)...), contextLine(moreOf(len(rows)-mostAudit, "row"), asOf(now)))
}

func auditLines(rows []audit.Row, most int) []md {
	return text.Map(rows[:min(most, len(rows))], func(row audit.Row) md { return join(" · ", auditLine(row), date(row.At)) })
}

// mostAuditLine keeps thirty rows inside one message.
const mostAuditLine = 350

// auditLine renders one row: outcome, operation, target and actor.
func auditLine(row audit.Row) md {
	outcome := cmp.Or(string(row.Outcome), string(row.Decision))
	what := join(" ", auditMark(outcome), operation(row.Operation), named(runner.TargetOf(row)))
	m := join(" · ", what, esc(truncate(strings.ReplaceAll(outcome, "_", " "), 40)), identity(row.Actor))
	if row.Approver != "" {
		var verb md = "agreed"
		if row.Decision == audit.Denied || row.Decision == audit.Refused {
			verb = "answered"
		}
		m += ", " + verb + ": " + identity(row.Approver)
	}
	return clip(join(" · ", m, account(row.Account)), mostAuditLine)
}

// operation is how an operation is typed, also one that no longer exists.
func operation(s string) md {
	if op, ok := tools.Default.Lookup(s); ok {
		return code(slashCommand(op))
	}
	return codeName(s)
}

func auditMark(outcome string) md {
	if w, ok := stateTexts[approval.State(outcome)]; ok {
		return w.mark
	}
	switch audit.Decision(outcome) {
	case audit.Allowed:
		return "▶️"
	case audit.Asked:
		return "✋"
	}
	return "▫️"
}

// Mirror is a row of the audit log for the channel that follows it.
func Mirror(row audit.Row) Message {
	m := auditLine(row)
	var sequence md // the log is searched by it
	if row.Seq > 0 {
		sequence = "row " + number(row.Seq)
	}
	return message(m, nil, sections(join(" · ", m, date(row.At))), contextLine(clip(sentence(truncate(row.Reason, longestText)), longestText), surface(row.Surface), sequence))
}

// Expiry warns that a token expires.
func Expiry(says string) Message {
	m := "⏰ " + sentence(says)
	return message(m, nil, sections(m))
}

// NobodyAsked warns an asker that those who must agree could not be asked in their channel.
func NobodyAsked(channel, why string) Message {
	m := "⚠️ Nobody was asked: " + cmp.Or(channelLink(channel), "the approvals channel") + " takes no messages from vpsbot (" + code(why) + "). " +
		"People who may approve see your request with `/vps approvals`. To have them asked, invite vpsbot to the channel, or name another one in the policy."
	return message(m, nil, sections(m))
}

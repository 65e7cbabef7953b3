package blocks

import (
	"cmp"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/tools"
)

// mostRecords is how many records a list shows with their buttons: two blocks each.
const mostRecords = 10

// Approvals lists what waits: what the reader asked for, and what others ask of them.
func Approvals(mine, waiting []approval.Record, now time.Time) Message {
	mine, waiting = open(mine, now), open(waiting, now)
	if len(mine)+len(waiting) == 0 {
		return Plain("Nothing waits for you.")
	}
	says := join(" ", counts(waiting, "waits for you.", "wait for you."), counts(mine, "of yours is open.", "of yours are open."))
	body := append(questions("Wait for you", waiting, Second), questions("Asked for by you", mine, Own)...)
	return message(says, append(body, remark(asOf(now))...))
}

// open leaves out what has expired.
func open(records []approval.Record, now time.Time) []approval.Record {
	var kept []approval.Record
	for _, rec := range records {
		if stateAt(rec, now).IsOpen() {
			kept = append(kept, rec)
		}
	}
	return kept
}

func counts(records []approval.Record, one, many md) md {
	switch len(records) {
	case 0:
		return ""
	case 1:
		return "1 request " + one
	}
	return counted(len(records), "request") + " " + many
}

func asOf(now time.Time) md {
	if d := date(now); d != "" {
		return "As of " + d
	}
	return ""
}

// questions lists records with the buttons that answer them.
func questions(heading md, records []approval.Record, role Role) []slack.Block {
	if len(records) == 0 {
		return nil
	}
	blocks := header(heading)
	for _, rec := range records[:min(mostRecords, len(records))] {
		blocks = append(blocks, sections(brief(rec)...)...)
		blocks = append(blocks, briefButtons(rec, role)...)
	}
	return append(blocks, remark(moreOf(len(records)-mostRecords, "request"))...)
}

// brief is a record in two lines.
func brief(rec approval.Record) []md {
	by := askedBy(rec, "")
	if rec.State == approval.Pending {
		return []md{strong(title(rec)), clip(esc(cardOf(rec).Effect), longestText), join(" · ", by, until(rec.ExpiresAt))}
	}
	w := stateWords[rec.State]
	return []md{join(" ", w.mark, strong(title(rec)), "·", w.head), by}
}

// briefButtons offers what a record is still open to: what runs cannot be taken back.
func briefButtons(rec approval.Record, role Role) []slack.Block {
	switch {
	case rec.State == approval.Approved && role == Own, rec.State == approval.Pending && role == Own && !rec.Own:
		return actions(button(ActCancel, rec.ID, "Cancel", ""))
	case rec.State == approval.Pending:
		return askButtons(rec, role)
	}
	return nil
}

func moreOf(n int, noun md) md {
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
		return Plain("The audit log has nothing of this.")
	}
	body := append(header("Audit log, newest first"), sections(auditLines(rows, mostAudit)...)...)
	body = append(body, remark(moreOf(len(rows)-mostAudit, "row"), asOf(now))...)
	return message("The audit log: "+counted(len(rows), "row")+".", body)
}

func auditLines(rows []audit.Row, most int) []md {
	var all []md
	for _, row := range rows[:min(most, len(rows))] {
		all = append(all, join(" · ", auditLine(row), date(row.At)))
	}
	return all
}

// mostAuditLine keeps thirty rows inside one message.
const mostAuditLine = 350

// auditLine is one row: what became of it, what it was, who.
func auditLine(row audit.Row) md {
	outcome := cmp.Or(string(row.Outcome), string(row.Decision))
	what := join(" ", operation(row.Operation), esc(short(auditTarget(row.Target), longestName)))
	m := join(" · ", auditMark(outcome)+" "+what, esc(short(strings.ReplaceAll(outcome, "_", " "), 40)), who(row.Actor))
	if row.Approver != "" {
		var verb md = "agreed"
		if row.Decision == audit.Denied || row.Decision == audit.Refused {
			verb = "answered"
		}
		m += ", " + verb + ": " + who(row.Approver)
	}
	return clip(join(" · ", m, account(row.Account)), mostAuditLine)
}

// operation is how an operation is typed, also one that is no more.
func operation(name string) md {
	if op, ok := tools.Lookup(name); ok {
		return code(slashCommand(op))
	}
	return code(short(name, longestName))
}

// auditTarget is what a target is called: "web-1" of "server:12345 (web-1)".
func auditTarget(target string) string {
	if begin := strings.Index(target, " ("); begin >= 0 && strings.HasSuffix(target, ")") && begin+3 < len(target) {
		return target[begin+2 : len(target)-1]
	}
	return target
}

// auditMark is the mark of a decision or an outcome.
func auditMark(outcome string) md {
	if w, ok := stateWords[approval.State(outcome)]; ok {
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

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

// HomeView is what the Home tab shows. What is empty is left out.
type HomeView struct {
	Now        time.Time
	Notice     string       // in a sentence, on top: a freeze, a token that expires
	Fleet      runner.Reply // of servers.list, one page of it
	Filter     string       // as it was typed
	Next, Prev Token
	Running    []approval.Record
	Mine       []approval.Record // wait for the reader's own consent
	Waiting    []approval.Record // wait for the reader as a second person
	May        []*tools.Op       // what the reader may run here
	Audit      []audit.Row       // the reader's own, newest first
}

// How much of each the Home tab shows, so that all of it fits a hundred blocks.
const (
	homeRecords = 10
	homeAudit   = 10
	homeText    = 40_000 // a view may be longer than a message
	mostFilter  = 100
)

// Home is the Home tab: what needs the reader first, then the fleet, then the rest.
func Home(o HomeView) slack.HomeTabViewRequest {
	body := slices.Concat(
		actions(button(ActRefresh, "refresh", "Refresh", "")),
		contextLine(asOf(o.Now)),
		sections(labelled("📣 ", sentence(o.Notice))),
		questions("Wait for your approval", openRecords(o.Waiting, o.Now), Second),
		questions("Wait for your own confirmation", openRecords(o.Mine, o.Now), Own),
		running(o.Running),
		fleet(o),
	)
	if len(o.May) > 0 {
		body = slices.Concat(body, homePart("What you may do"), menu(o.May))
	}
	if len(o.Audit) > 0 {
		body = slices.Concat(body, homePart("What you did lately"), sections(auditLines(o.Audit, homeAudit)...))
	}
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: fit(body, nil, mostViewBlocks, homeText)}}
}

func homePart(heading md) []slack.Block {
	return append([]slack.Block{slack.NewDividerBlock()}, header(heading)...)
}

func running(records []approval.Record) []slack.Block {
	if len(records) == 0 {
		return nil
	}
	var all []md
	for _, rec := range records[:min(homeRecords, len(records))] {
		all = append(all, summary(rec)...)
	}
	return slices.Concat(header("Running"), sections(all...), contextLine(moreOf(len(records)-homeRecords, "change")))
}

// fleet is a page of the servers, with what filters and turns it.
func fleet(o HomeView) []slack.Block {
	blocks := append(homePart("Servers"), filter(o.Filter))
	if t, ok := o.Fleet.Table(); ok {
		shown, left := rows(t)
		blocks = slices.Concat(blocks, shown, contextLine(note(t, o.Next), leftOut(left)))
	} else if o.Fleet.Message != "" {
		blocks = append(blocks, sections(classMarks[o.Fleet.Class]+sentence(o.Fleet.Message))...)
	}
	return append(blocks, actions(
		button(ActHomePrev, string(o.Prev), "Previous", ""),
		button(ActHomePage, string(o.Next), "Next", ""),
	)...)
}

// filter is sent when Enter is pressed.
func filter(typed string) slack.Block {
	e := slack.NewPlainTextInputBlockElement(plain("A part of a name, an address or a status", mostOption), ActHomeFilter).WithMaxLength(mostFilter)
	e.DispatchActionConfig = &slack.DispatchActionConfig{TriggerActionsOn: []string{"on_enter_pressed"}}
	e.InitialValue = truncate(typed, mostFilter)
	return slack.NewInputBlock(ActHomeFilter, plain("Filter", mostLabel), nil, e).WithOptional(true).WithDispatchAction(true)
}

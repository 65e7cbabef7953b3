package blocks

import (
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Live is the message of a piece of work as it stands: who it waits for, how long it has been
// running, how it ended.
func Live(rec approval.Record, o LiveView) Message {
	now := stand(rec, o)
	body := sections(now.head, effect(rec, now), now.says)
	op, _ := tools.Lookup(rec.Operation)
	if rec.State == approval.Done {
		result := o.Result
		if result == nil {
			result = rec.Result
		}
		body = append(body, sections(created(op, result)...)...)
	}
	body = append(body, sections(now.undo)...)
	body = append(body, remark(askedBy(rec, ""), until(deadline(now, rec)))...)
	if now.state != approval.Refused { // an answer that the last check did not count would look like one that does
		body = append(body, remark(answers(o.Answers))...)
	}
	return message(now.text, body, takeBack(rec, now, o)...)
}

// Reason is why somebody is called.
type Reason string

// The reasons: it is their turn, or it has ended. Each is told once, by a message of its own: an
// edit notifies nobody.
const (
	NoReason Reason = ""
	Turn     Reason = "turn"
	End      Reason = "end"
)

// Calls says why the asker of a record is to be called, as it stands.
func Calls(rec approval.Record, o LiveView) Reason {
	switch now := stand(rec, o); {
	case now.ended:
		return End
	case now.called:
		return Turn
	}
	return NoReason
}

// standing is how a record stands, in words.
type standing struct {
	state  approval.State
	ended  bool // it has, and whoever asked is called
	called bool // whoever asked is called before, because it is their turn
	head   md   // what, and how it stands
	says   md   // more of it
	undo   md
	text   md // for a notification
}

// stateWords say how a record stands. What is sent afterwards and what is not is always said.
var stateWords = map[approval.State]struct{ mark, head, says md }{
	approval.Pending:    {"✋", "Waiting", ""},
	approval.Approved:   {"👍", "Agreed", "It starts in a moment."},
	approval.Executing:  {"⏳", "Running", ""},
	approval.Unknown:    {"❓", "Outcome unknown", "It may or may not have happened. It is being read back."},
	approval.Done:       {"✅", "Done", ""},
	approval.Failed:     {"❌", "Failed", "VPS.org refused it: nothing changed."},
	approval.Refused:    {"⛔", "Refused", "The last check refused it: nothing was sent."},
	approval.Stale:      {"⚠️", "Stale", "The target has changed since it was shown: nothing was sent."},
	approval.Denied:     {"🚫", "Declined", "Nothing was sent."},
	approval.Expired:    {"⌛", "Expired", "Nobody answered in time: nothing was sent."},
	approval.Cancelled:  {"🚫", "Cancelled", "Nothing was sent."},
	approval.NotApplied: {"❌", "Did not happen", "Reading back shows that it had no effect."},
	approval.NeedsHuman: {"🔎", "Needs a look", "Reading back cannot tell whether it happened. Look at the server before asking for it again."},
}

// stand puts into words how a record stands at a time.
func stand(rec approval.Record, o LiveView) standing {
	now := standing{state: stateAt(rec, o.Now)}
	w, ok := stateWords[now.state]
	if !ok {
		w.mark, w.head = "⚪", clip(esc(string(now.state)), longestName)
	}
	now.ended, now.says = !now.state.IsOpen(), w.says
	if rec.Message != "" && now.state == rec.State {
		now.says = said(rec.Message)
	}
	switch {
	case now.state == approval.Denied && hasNo(o.Answers):
		now.says = w.says // the answer below says who and why
	case now.state == approval.Pending:
		now.says = waitsFor(rec, o.Answers)
	case now.state == approval.Approved && rec.Surface == string(permissions.Terminal):
		now.says, now.called = "It runs when whoever asked gives the same command again at the terminal.", true
	case now.state == approval.Approved && rec.Surface == string(permissions.MCP):
		now.says = "The asker's side runs it now."
	case now.state == approval.Executing:
		w.head += during(o.Waited)
	case now.state == approval.Done:
		w.mark, w.head, now.ended = settling(o)
		now.says = outcome(rec, o, now.ended)
		now.undo = undo(o.Undo)
	}
	now.head = w.mark + " *" + w.head + "* · " + title(rec)
	now.text = subject(rec) + ": " + w.head
	if now.ended || now.called {
		m := mention(o.Mention)
		now.head, now.text = join(" ", m, now.head), join(" ", m, now.text)
	}
	if !now.ended {
		now.undo = ""
	}
	return now
}

func hasNo(given []approval.Consent) bool {
	return slices.ContainsFunc(given, func(c approval.Consent) bool { return !c.Yes })
}

// stateAt is a record's state; what nobody answered in time has expired, whether or not somebody
// has written that down.
func stateAt(rec approval.Record, now time.Time) approval.State {
	if !now.IsZero() && rec.Overdue(now) {
		return approval.Expired
	}
	return rec.State
}

// settling says how far a change is that VPS.org has accepted.
func settling(o LiveView) (mark, head md, ended bool) {
	status := clip(esc(o.Settled), longestName)
	switch {
	case o.Settled != "" && looksFailed(o.Settled):
		return "❌", "Ended as “" + status + "”" + after(o.Waited), true
	case o.Settled != "":
		return "✅", "Done" + after(o.Waited) + ": " + status, true
	case o.Going && o.Progress == "":
		return "⏳", "Accepted" + during(o.Waited), false
	case o.Going:
		return "⏳", "Accepted, " + clip(esc(o.Progress), longestName) + during(o.Waited), false
	}
	return "✅", "Done", true
}

// outcome says what is to be known of an accepted change beside its heading.
func outcome(rec approval.Record, o LiveView, ended bool) md {
	switch {
	case !ended:
		return "VPS.org has accepted it. This message will tell how it ends."
	case looksFailed(o.Settled):
		return "VPS.org had accepted it. Look at the server before asking for it again."
	}
	heading := "Done: " + tools.Subject(rec) + "."
	return said(strings.TrimPrefix(rec.Message, heading))
}

// looksFailed recognises the words of failure that VPS.org may have.
func looksFailed(status string) bool {
	s := strings.ToLower(status)
	return strings.Contains(s, "fail") || strings.Contains(s, "error")
}

func during(d time.Duration) md {
	if d < time.Second {
		return ""
	}
	return " for " + span(d)
}

func after(d time.Duration) md {
	if d < time.Second {
		return ""
	}
	return " after " + span(d)
}

// title names the work: "Reboot a server `web-1`".
func title(rec approval.Record) md {
	return join(" ", esc(short(titleOf(rec.Operation), longestName)), code(short(rec.TargetName, longestName)))
}

// subject is the title for a notification, which shows no markup.
func subject(rec approval.Record) md {
	return join(" ", esc(short(titleOf(rec.Operation), longestName)), esc(short(rec.TargetName, longestName)))
}

// effect says what the work does, while that is still to come; of settings also afterwards, because
// nothing else says which were changed.
func effect(rec approval.Record, now standing) md {
	op, _ := tools.Lookup(rec.Operation)
	settings := op != nil && op.On == tools.Server && op.Risk == permissions.Change && !op.Settles
	if rec.State.IsOpen() && !now.ended || rec.State == approval.Done && settings {
		return esc(cardOf(rec).Effect)
	}
	return ""
}

// deadline is when a question ends; of what waits for nobody, none.
func deadline(now standing, rec approval.Record) time.Time {
	if now.state.Waits() {
		return rec.ExpiresAt
	}
	return time.Time{}
}

// waitsFor says whose consent is missing.
func waitsFor(rec approval.Record, given []approval.Consent) md {
	q := approval.Missing(rec, given)
	var missing []md
	if q.Own {
		missing = append(missing, who(rec.Actor))
	}
	if q.Others > 0 {
		missing = append(missing, otherPeople(q.Others, rec.Approvers))
	}
	if missing == nil {
		return ""
	}
	return "Waits for " + join(", and for ", missing...) + "."
}

// otherPeople says how many others must agree, and who they may be: the policy's words, in which
// people of Slack are called.
func otherPeople(n int, approvers string) md {
	var m md = "another person"
	if n > 1 {
		m = digits(int64(n)) + " other people"
	}
	if a := partiesOf(approvers); a != "" {
		m += " (" + a + ")"
	}
	return m
}

func partiesOf(approvers string) md {
	var all []md
	for _, p := range strings.Split(approvers, ", ") {
		all = append(all, who(p))
	}
	return clip(join(", ", all...), longestText)
}

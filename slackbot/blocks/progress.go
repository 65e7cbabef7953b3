package blocks

import (
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// LiveView is what a message about a record is shown with.
type LiveView struct {
	Catalogue *tools.Catalogue // nil: that of the product
	Now       time.Time
	Mention   string        // user id of who is called, where it has ended or it is their turn; empty: nobody
	Cancel    bool          // there is a button to cancel the request, while that can be done
	Going     bool          // VPS.org has accepted it, and its work goes on
	Progress  string        // the status while it goes on: "provisioning"; empty: not known yet
	Waited    time.Duration // since it began to run
	Settled   string        // the status that it settled in; empty: not yet, or there is nothing to settle
	Result    []byte        // what it has made, as it is since it settled; nil: as it was accepted
	Answers   []approval.Consent
	Undo      string // the command that undoes it; empty: none
}

// Live is the message about a change as it stands: who it waits for, how long it has been
// running, how it ended.
func Live(rec approval.Record, o LiveView) Message {
	now := recordStatusOf(rec, o)
	var made []md
	if rec.State == approval.Done {
		result := o.Result
		if result == nil {
			result = rec.Result
		}
		op, _ := o.Catalogue.Lookup(rec.Operation)
		made = created(op, result)
	}
	if now.state == approval.Refused { // an answer that the last check did not count would look like one that does
		o.Answers = nil
	}
	return message(now.text, now.buttons,
		sections(now.head, effect(o.Catalogue, rec, now), now.says),
		sections(made...),
		sections(now.undo),
		contextLine(askedBy(rec, identity(rec.Actor)), now.until),
		contextLine(answers(o.Answers)))
}

// Reason is why a new message notifies a person: an edit notifies nobody.
type Reason string

// The reasons: it is their turn, or it has ended. Each calls once.
const (
	NoReason Reason = ""
	Turn     Reason = "turn"
	End      Reason = "end"
)

// Calls returns the reason to notify the asker of a record in its state.
func Calls(rec approval.Record, o LiveView) Reason {
	switch now := recordStatusOf(rec, o); {
	case now.ended:
		return End
	case now.called:
		return Turn
	}
	return NoReason
}

type recordStatus struct {
	state   approval.State
	ended   bool // the asker is called
	called  bool // the asker is called before the end, because it is their turn
	head    md   // what, and how it stands
	says    md   // more of it
	undo    md
	text    md // for a notification
	until   md // when the question ends
	buttons []slack.Block
}

// stateTexts are the texts of the states. Those of the ends say whether something was sent.
var stateTexts = map[approval.State]struct{ mark, head, says md }{
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

func recordStatusOf(rec approval.Record, o LiveView) recordStatus {
	now := recordStatus{state: rec.StateAt(o.Now)}
	w, ok := stateTexts[now.state]
	if !ok {
		w.mark, w.head = "⚪", named(string(now.state))
	}
	now.ended, now.says = !now.state.IsOpen(), w.says
	if rec.Message != "" && now.state == rec.State {
		now.says = sentence(runner.Beyond(o.Catalogue, rec))
	}
	switch {
	case now.state == approval.Denied && slices.ContainsFunc(o.Answers, func(c approval.Consent) bool { return !c.Yes }):
		now.says = w.says // the answer below says who and why
	case now.state == approval.Pending:
		now.says = waitsFor(rec, o.Answers)
	case now.state == approval.Approved && rec.Surface == string(permissions.Terminal):
		now.says, now.called = "It runs when the requester gives the same command again at the terminal.", true
	case now.state == approval.Approved && rec.Surface == string(permissions.MCP): // over HTTP this side runs it
		now.says = "The requester's side runs it now."
	case now.state == approval.Executing:
		w.head += lasting(" for ", o.Waited)
	case now.state == approval.Done:
		w.mark, w.head, now.ended = settling(o)
		now.says = outcome(rec, o, now.ended)
		if now.ended {
			now.undo = labelled("To undo: ", code(o.Undo))
		}
	}
	now.head = w.mark + " *" + w.head + "* · " + title(o.Catalogue, rec)
	now.text = subject(o.Catalogue, rec) + ": " + w.head
	if now.ended || now.called {
		m := mention(o.Mention)
		now.head, now.text = join(" ", m, now.head), join(" ", m, now.text)
	}
	if now.state.Waits() {
		now.until = until(rec.ExpiresAt)
		if o.Cancel {
			now.buttons = actions(cancelButton(rec))
		}
	}
	return now
}

// settling describes the progress of a change that VPS.org has accepted.
func settling(o LiveView) (mark, head md, ended bool) {
	switch status := named(o.Settled); {
	case o.Settled != "" && tools.IsFailedStatus(o.Settled):
		return "❌", "Ended as “" + status + "”" + lasting(" after ", o.Waited), true
	case o.Settled != "":
		return "✅", "Done" + lasting(" after ", o.Waited) + ": " + status, true
	case o.Going:
		return "⏳", "Accepted" + labelled(", ", named(o.Progress)) + lasting(" for ", o.Waited), false
	}
	return "✅", "Done", true
}

// outcome describes an accepted change below its heading.
func outcome(rec approval.Record, o LiveView, ended bool) md {
	switch {
	case !ended:
		return "VPS.org has accepted it. This message will show how it ends."
	case tools.IsFailedStatus(o.Settled):
		return "VPS.org had accepted it. Look at the server before asking for it again."
	}
	return sentence(runner.Beyond(o.Catalogue, rec))
}

// lasting is a duration behind a word; "" for less than a second.
func lasting(word md, d time.Duration) md {
	if d < time.Second {
		return ""
	}
	return word + span(d)
}

// title names a change: "Reboot a server `web-1`".
func title(c *tools.Catalogue, rec approval.Record) md {
	return join(" ", named(titleOf(c, rec.Operation)), codeName(rec.TargetName))
}

// subject is the title for a notification, which shows no markup.
func subject(c *tools.Catalogue, rec approval.Record) md {
	return join(" ", named(titleOf(c, rec.Operation)), named(rec.TargetName))
}

// effect returns the effect of a change that has not ended. That of changed settings stays: no other text names them.
func effect(c *tools.Catalogue, rec approval.Record, now recordStatus) md {
	op, _ := c.Lookup(rec.Operation)
	settings := op != nil && op.Risk == permissions.Change && !op.Settles && !op.Creates()
	if rec.State.IsOpen() && !now.ended || rec.State == approval.Done && settings {
		return esc(cardOf(rec).Effect)
	}
	return ""
}

func waitsFor(rec approval.Record, given []approval.Consent) md {
	missing := approval.Missing(rec, given)
	var all []md
	if missing.Own {
		all = append(all, identity(rec.Actor))
	}
	if missing.Others > 0 {
		all = append(all, otherPeople(missing.Others, rec.Approvers))
	}
	if all == nil {
		return ""
	}
	return "Waits for " + join(", and for ", all...) + "."
}

// otherPeople names the number of approvers that are missing, and who may approve, in the policy's words with
// mentions of Slack's users.
func otherPeople(n int, approvers string) md {
	var m md = "another person"
	if n > 1 {
		m = number(n) + " other people"
	}
	if named := clip(join(", ", text.Map(strings.Split(approvers, ", "), identity)...), longestText); named != "" {
		m += " (" + named + ")"
	}
	return m
}

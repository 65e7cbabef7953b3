package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// Class is how a call ended, for the surface; its number is the exit code.
type Class int

// The classes.
const (
	OK      Class = 0
	Failed  Class = 1 // the API said no or could not be reached, the target is busy, or it did not settle in time
	Invalid Class = 2 // the input is wrong; the message says what to write
	Refuse  Class = 3 // permission, policy, or what else forbids it
	Waiting Class = 4 // a person's answer is needed, was no, came too late, or was for something that changed
	Lost    Class = 5 // the call may or may not have happened
)

// String is the class in a word, for a program.
func (c Class) String() string {
	return [...]string{"done", "failed", "invalid", "refused", "waiting", "unknown"}[c]
}

// storeError is a change that cannot be recorded, and so is not made.
type storeError struct{ cause error }

func (e *storeError) Error() string {
	return fmt.Sprintf("it cannot be recorded, so it was not done: %v; vpsbot doctor checks the store", e.cause)
}

func (e *storeError) Unwrap() error { return e.cause }

// classOf sorts an error that ended a call before anything was changed.
func classOf(err error) Class {
	switch {
	case errors.As(err, new(*tools.InputError)):
		return Invalid
	case errors.As(err, new(*tools.Refusal)):
		return Refuse
	}
	return Failed
}

// Explain makes one clear sentence and a next step of an error.
func Explain(err error) string {
	api := (*apiclient.Error)(nil)
	switch {
	case errors.As(err, new(*tools.InputError)), errors.As(err, new(*tools.Refusal)), errors.As(err, new(*changedError)):
		return err.Error() // our own words, in which what others wrote is clean already
	case errors.As(err, &api):
		return apiSays(api)
	case errors.Is(err, context.Canceled):
		return "it was stopped; ask again if it is still wanted"
	}
	return text.Clean(err.Error())
}

func apiSays(e *apiclient.Error) string {
	says := strings.TrimRight(text.Clean(e.Error()), ".")
	if next := e.Next(); next != "" {
		says += ". " + next
	}
	return says
}

func busy(c *tools.Catalogue, e *approval.BusyError) string {
	h := e.Holder
	subject := Subject(c, h)
	if h.State == approval.Unknown {
		return fmt.Sprintf("it is not known yet whether an earlier change happened: %s; "+
			"nothing else is done to that server before it is settled. A person must look, and then say so at a terminal: vpsbot approvals settle %s done|not_applied", subject, AnswerID(h))
	}
	return fmt.Sprintf("another change is running: %s (approval %s); one at a time: try again when it has ended", subject, h.ID)
}

func outcomeOf(op *tools.Op, rec approval.Record, value any, err error) approval.Move {
	if err == nil {
		return approval.Move{To: approval.Done, Message: doneMessage(op, rec.TargetName, value), Result: resultOf(value)}
	}
	var api *apiclient.Error
	if errors.As(err, &api) && !api.Unknown {
		return approval.Move{To: approval.Failed, Message: about(op, rec) + "it did not happen. " + Explain(err) + wantsAnother(op, api)}
	}
	return approval.Move{
		To:      approval.Unknown,
		Message: about(op, rec) + "it is not known whether it happened, because VPS.org's answer was lost (" + lossOf(api) + ").",
	}
}

// isThere reports whether a refused change was refused because there is nothing to do: the
// server has the status already that it should be brought into. It goes by that status, not by
// the words of the refusal.
func (a *attempt) isThere(ctx context.Context, p plan, err error) (apiclient.ActionResult, bool) {
	var api *apiclient.Error
	if p.op.Goal == "" || !errors.As(err, &api) || api.Unknown || api.Kind != apiclient.KindInvalid && api.Kind != apiclient.KindConflict {
		return apiclient.ActionResult{}, false
	}
	if granted, err := a.Grants(ctx, "servers:list"); err != nil || !granted {
		return apiclient.ActionResult{}, false
	}
	now, err := tools.FollowServer(ctx, a.Client, p.target, apiclient.ActionResult{Message: api.Message})
	return now, err == nil && now.Server.ID.Equal(p.target.ID) && now.Server.Status == p.op.Goal
}

func vpsOrgSays(message string) string {
	if says := strings.TrimRight(text.Clean(message), ". "); says != "" {
		return " VPS.org says: " + text.Quote(says) + "."
	}
	return ""
}

// wantsAnother explains a 403 after our own check had found a permission: VPS.org's pages do
// not settle which one an operation needs.
func wantsAnother(op *tools.Op, e *apiclient.Error) string {
	if e.Kind != apiclient.KindForbidden || op.Needs.String() == string(op.Needs[0]) {
		return ""
	}
	return fmt.Sprintf(" Our own check found %s, so VPS.org wants another permission for this than its documentation suggests.", op.Needs)
}

// lossOf says in a few words how an answer was lost.
func lossOf(e *apiclient.Error) string {
	switch {
	case e == nil:
		return "an unexpected error"
	case e.Status != 0:
		return fmt.Sprintf("status %d", e.Status)
	case e.Kind == apiclient.KindTimeout:
		return "no answer in time"
	}
	return "the connection broke"
}

// resultOf returns a result as a record keeps it; nil where it says nothing.
func resultOf(value any) []byte {
	raw, err := tools.Encode(value)
	if err != nil || value == nil || string(raw) == "{}" {
		return nil
	}
	return raw
}

// Accepted begins the message of a change that VPS.org has accepted and whose work goes on.
const Accepted = "VPS.org has accepted it: "

// doneMessage says what VPS.org has done, or accepted where its work goes on; value is its answer, if there is one.
func doneMessage(op *tools.Op, target string, value any) string {
	now := tools.Summarize(value)
	if !op.Settles {
		return sentence(op.Did(target)+madeID(op, now)) + vpsOrgSays(now.Message)
	}
	if tools.IsSettledStatus(now.Status, tools.StillFor) || now.Status == "" { // the one of before
		return Accepted + op.Do(target) + madeID(op, now) + "." + vpsOrgSays(now.Message)
	}
	return Accepted + thing(op, target, now) + " " + stands(now.Status) + "."
}

// Beyond is the message of a record without what a heading has said: the operation, its target and that it is done.
func Beyond(c *tools.Catalogue, rec approval.Record) string {
	op, ok := c.Lookup(rec.Operation)
	if !ok {
		return rec.Message
	}
	if made, err := madeBy(op, rec); err == nil && rec.State == approval.Done {
		done, _, _ := strings.Cut(doneMessage(op, rec.TargetName, made), " VPS.org says: ")
		if more, ok := strings.CutPrefix(rec.Message, done); ok {
			return strings.TrimSpace(more)
		}
	}
	if more, ok := strings.CutPrefix(rec.Message, about(op, rec)); ok && more != "" {
		return strings.ToUpper(more[:1]) + more[1:]
	}
	return rec.Message
}

// thing names what the work of a change goes on with: what it makes, or the server behind it.
func thing(op *tools.Op, target string, now apiclient.Summary) string {
	switch {
	case op.Resource.IsNew:
		return op.Named(target) + madeID(op, now)
	case op.Creates():
		return cmp.Or(strings.Trim(madeID(op, now), " ()"), "the new "+kindMade(op)) + " of " + op.Named(target)
	case op.Resource.OverwritesServer:
		if _, server, ok := strings.Cut(target, " of "); ok {
			return tools.NamedServer(server)
		}
	}
	return op.Named(target)
}

// madeID is the id of what was created: " (id 12347)", or of what was made of something else: " (backup 502)".
func madeID(op *tools.Op, now apiclient.Summary) string {
	if !op.Creates() || now.ID.IsZero() {
		return ""
	}
	return " (" + kindMade(op) + " " + text.Clean(now.ID.String()) + ")"
}

func kindMade(op *tools.Op) string {
	kind, _, _ := strings.Cut(op.Name, "s.")
	if op.Resource.IsNew {
		return "id"
	}
	return kind
}

// stands says a status in a sentence: "is in progress".
func stands(status string) string {
	if text.IsBare(status) {
		return "is " + strings.ReplaceAll(status, "_", " ")
	}
	return "has the status " + text.Quote(status)
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(says string) string { return strings.ToUpper(says[:1]) + says[1:] + "." }

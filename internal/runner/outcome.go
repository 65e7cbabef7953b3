package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

func outcomeOf(op *tools.Op, rec approval.Record, value any, err error) approval.Move {
	subject := Subject(rec)
	if err == nil {
		return approval.Move{To: approval.Done, Message: doneMessage(op, subject, value), Result: resultOf(value)}
	}
	var api *apiclient.Error
	if errors.As(err, &api) && !api.Unknown {
		return approval.Move{To: approval.Failed, Message: subject + " did not happen. " + Explain(err) + wantsAnother(op, api)}
	}
	return approval.Move{
		To:      approval.Unknown,
		Message: "The answer was lost (" + lossOf(api) + "), so it is not known whether it happened: " + subject + ".",
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

func nothingToDo(rec approval.Record, there apiclient.ActionResult) string {
	return "There was nothing to do for " + Subject(rec) + ": it is " + text.Clean(there.Server.Status) + " already." + vpsOrgSays(there.Message)
}

// vpsOrgSays is a sentence with the message of an answer.
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

func itsID(created any) string {
	if id := tools.Summarize(created).ID; !id.IsZero() {
		return " Its id is " + text.Clean(id.String()) + "."
	}
	return ""
}

func doneMessage(op *tools.Op, subject string, value any) string {
	message := "Done: " + subject + "."
	if op.Creates() {
		message += itsID(value)
	}
	return message + vpsOrgSays(tools.Summarize(value).Message)
}

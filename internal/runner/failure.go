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

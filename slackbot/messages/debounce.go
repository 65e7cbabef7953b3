package messages

import (
	"context"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// Changes are debounced twice: those of one record during a claim of its post become one update of the
// message, and those of all records during a round of Sync become one more round.

// MarkDirty makes the messages about a record due at once.
func (f *Follower) MarkDirty(ctx context.Context, id string) {
	store, err := f.Store(ctx)
	if err == nil {
		err = store.MarkDue(context.WithoutCancel(ctx), id, f.Now())
	}
	if err != nil {
		f.Log.Debug("Slack: a message will be brought up to date later", "approval", id, "error", err)
	}
	f.wake()
}

// wake starts a round of Sync. All calls during one round start a single further one.
func (f *Follower) wake() {
	select {
	case f.wakeup <- struct{}{}:
	default:
	}
}

// appearance is the part of a record that decides which messages it needs and whether they are due.
func appearance(rec approval.Record) string {
	return strings.Join([]string{string(rec.State), string(rec.AnswerMode), rec.Approver}, " ")
}

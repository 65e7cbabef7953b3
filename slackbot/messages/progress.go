package messages

import (
	"context"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/tools"
)

// followFor is how long a message shows work that goes on after VPS.org has accepted it.
const followFor = 30 * time.Minute

// work is how a record's work stood when it was last read. It is in memory alone: after a restart, and
// on another replica, it is read anew.
type work struct {
	runner.Work
	readAt time.Time
	took   time.Duration // until it had settled
}

func (f *Follower) inProgress(rec approval.Record) bool {
	op, ok := f.Runner.Catalogue.Lookup(rec.Operation)
	w, _ := f.progress.Get(rec.ID)
	return ok && op.Settles && rec.State == approval.Done && !w.Settled && f.Now().Sub(rec.ClaimedAt) < followFor
}

func (u *update) addProgress(ctx context.Context, view *blocks.LiveView) {
	elapsed := u.Now().Sub(u.rec.ClaimedAt).Truncate(time.Second)
	if u.rec.State == approval.Executing && !u.rec.ClaimedAt.IsZero() {
		view.Waited = elapsed
	}
	if u.inProgress(u.rec) {
		u.readProgress(ctx)
	}
	w, _ := u.progress.Get(u.rec.ID)
	view.Going = u.inProgress(u.rec)
	switch {
	case w.Settled:
		view.Settled, view.Waited, view.Result = w.Status, w.took, w.Result
	case view.Going:
		view.Progress, view.Waited = w.Status, elapsed
	}
}

// readProgress reads the status of the record's work, unless it was read within the work's pause. Work
// that failed gets a row in the audit log.
func (u *update) readProgress(ctx context.Context) {
	w, _ := u.progress.Get(u.rec.ID)
	now := u.Now()
	if now.Sub(w.readAt) < w.Pause {
		return
	}
	var err error
	w.readAt = now
	if w.Work, err = u.Runner.ReadWork(ctx, u.rec, w.Work); err != nil {
		u.Log.Debug("Slack: reading the progress of work", "approval", u.rec.ID, "error", runner.Explain(err))
	}
	if w.Settled {
		w.took = now.Sub(u.rec.ClaimedAt).Truncate(time.Second)
	}
	if w.Settled && tools.IsFailedStatus(w.Status) { // once over all replicas: the row of its call says done, because VPS.org had accepted it
		if first, err := u.store.Dedupe(ctx, "failed work "+u.rec.ID, now, now.Add(2*followFor)); err == nil && first {
			u.Runner.NoteWorkFailed(ctx, u.rec, w.Status)
		}
	}
	u.progress.Set(u.rec.ID, w)
}

package slackbot

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/tools"
)

// followFor is how long a message tells of work that goes on after VPS.org has accepted it.
const followFor = 30 * time.Minute

// progress is what was last read of work that goes on. It is read again after a restart, and by
// whichever replica shows a message about it.
type progress struct {
	mu    sync.Mutex
	works map[string]work
}

type work struct {
	runner.Work
	at     time.Time     // of the last look
	waited time.Duration // until it had settled
}

func (p *progress) get(id string) work {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.works[id]
}

func (p *progress) set(id string, w work) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.works == nil || len(p.works) > 10000 {
		p.works = map[string]work{}
	}
	p.works[id] = w
}

// goesOn reports whether the work of a record may still be under way.
func (b *Bot) goesOn(rec approval.Record) bool {
	op, ok := tools.Lookup(rec.Operation)
	return ok && op.Settles && rec.State == approval.Done && !b.live.get(rec.ID).Settled && b.Now().Sub(rec.ClaimedAt) < followFor
}

// follow tells a message how far the work of its record is.
func (b *Bot) follow(ctx context.Context, view *blocks.LiveView, rec approval.Record) {
	running := b.Now().Sub(rec.ClaimedAt).Truncate(time.Second)
	if rec.State == approval.Executing && !rec.ClaimedAt.IsZero() {
		view.Waited = running
	}
	if b.goesOn(rec) {
		b.lookAtWork(ctx, rec)
	}
	w := b.live.get(rec.ID)
	view.Going = b.goesOn(rec)
	switch {
	case w.Settled:
		view.Settled, view.Waited, view.Result = w.Status, w.waited, w.Result
	case view.Going:
		view.Progress, view.Waited = w.Status, running
	}
}

// lookAtWork reads the status of work that goes on, unless it was read a moment ago.
func (b *Bot) lookAtWork(ctx context.Context, rec approval.Record) {
	w, now := b.live.get(rec.ID), b.Now()
	if now.Sub(w.at) < w.Pause {
		return
	}
	var err error
	w.at = now
	if w.Work, err = b.Runner.LookAtWork(ctx, rec, w.Work); err != nil {
		b.Log.Debug("Slack: reading how work goes on", "approval", rec.ID, "error", runner.Explain(err))
	}
	if w.Settled {
		w.waited = now.Sub(rec.ClaimedAt).Truncate(time.Second)
		b.noteFailure(ctx, rec, w.Status)
	}
	b.live.set(rec.ID, w)
}

// noteFailure writes work that failed into the audit log, once over all replicas: the row of its
// call says done, because VPS.org had accepted it.
func (b *Bot) noteFailure(ctx context.Context, rec approval.Record, status string) {
	if !runner.WorkFailed(status) {
		return
	}
	store, err := b.Store(ctx)
	if err != nil {
		return
	}
	if first, err := store.Dedupe(ctx, "failed work "+rec.ID, b.Now(), b.Now().Add(2*followFor)); err == nil && first {
		b.Runner.NoteWorkFailed(ctx, rec, status)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

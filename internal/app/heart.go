package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/process"
)

const (
	beatEvery = 5 * time.Second
	deadAfter = 15 * time.Second // without a beat
)

// heart tells other machines that this process lives while its store is open: they cannot look
// at its process themselves. A nil heart beats for nobody.
type heart struct {
	process string
	now     func() time.Time
	log     *slog.Logger
	clock   *databaseClock // set again with every beat; may be nil

	end    context.CancelFunc
	beaten sync.WaitGroup

	mu    sync.Mutex
	last  time.Time // the last beat that succeeded
	since time.Time // since when they have succeeded without a gap; zero: the last one failed
}

// start beats once, so that no claim is ever older than the first beat, and from then on
// regularly.
func (h *heart) start(ctx context.Context, store approval.Store) error {
	if h == nil {
		return nil
	}
	if err := h.beat(ctx, store); err != nil {
		return err
	}
	ctx, h.end = context.WithCancel(context.WithoutCancel(ctx))
	h.beaten.Go(func() { h.goOn(ctx, store) })
	return nil
}

func (h *heart) goOn(ctx context.Context, store approval.Store) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := h.beat(ctx, store)
		if db, ok := store.(timed); ok && err == nil {
			err = h.clock.set(ctx, db)
		}
		if err != nil && ctx.Err() == nil {
			h.log.Debug("telling others that this process lives", "error", err)
		}
	}
}

// beat beats once, and notes how that went.
func (h *heart) beat(ctx context.Context, store approval.Store) error {
	err := store.Beat(ctx, h.process)
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.wallTime()
	switch {
	case err != nil:
		h.since = time.Time{}
		return err
	case h.since.IsZero() || h.isGap(now):
		h.since = now
	}
	h.last = now
	return nil
}

// isGap reports whether beats are missing between the last one and now.
func (h *heart) isGap(now time.Time) bool {
	gap := now.Sub(h.last)
	return gap < 0 || gap > 2*beatEvery
}

// isSteady reports whether this process itself has beaten for as long as others must be silent
// to be taken for dead. After an outage of the database, or of the machine, everybody's last
// beat is old: the first to come back must not bury the living.
func (h *heart) isSteady() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.wallTime()
	return !h.since.IsZero() && !h.isGap(now) && now.Sub(h.since) >= deadAfter
}

// wallTime is the time of day: unlike what Go measures durations by, it goes on while the
// machine sleeps.
func (h *heart) wallTime() time.Time { return h.now().Round(0) }

func (h *heart) stop() {
	if h == nil {
		return
	}
	h.end()
	h.beaten.Wait()
}

// IsAlive reports whether the process that made a claim still runs. Of one elsewhere its last
// beat tells, if this one has been able to beat itself; as long as that cannot be read, it
// counts as alive.
func (l *Store) IsAlive(owner string) bool {
	if l.heart == nil || process.Here(owner) {
		return process.Alive(owner)
	}
	ctx := context.Background() // the store has a time limit of its own
	store, err := l.Open(ctx)
	if err != nil {
		return true
	}
	age, ever, err := store.Beaten(ctx, owner)
	return err != nil || ever && age < deadAfter || !l.heart.isSteady()
}

// isOpen reports whether this process has opened the store.
func (l *Store) isOpen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opened != nil
}

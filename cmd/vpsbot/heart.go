package main

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

	end    context.CancelFunc
	beaten sync.WaitGroup
}

// start beats once, so that no claim is ever older than the first beat, and from then on
// regularly.
func (h *heart) start(ctx context.Context, store approval.Store) error {
	if h == nil {
		return nil
	}
	if err := store.Beat(ctx, h.process, h.now()); err != nil {
		return err
	}
	ctx, h.end = context.WithCancel(context.WithoutCancel(ctx))
	h.beaten.Go(func() { h.beat(ctx, store) })
	return nil
}

func (h *heart) beat(ctx context.Context, store approval.Store) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := store.Beat(ctx, h.process, h.now()); err != nil && ctx.Err() == nil {
			h.log.Debug("telling others that this process lives", "error", err)
		}
	}
}

func (h *heart) stop() {
	if h == nil {
		return
	}
	h.end()
	h.beaten.Wait()
}

// alive reports whether the process that made a claim still runs. Of one elsewhere its last
// beat tells; as long as that cannot be read, it counts as alive.
func (l *lazyStore) alive(owner string) bool {
	if l.heart == nil || process.Here(owner) {
		return process.Alive(owner)
	}
	ctx := context.Background() // the store has a time limit of its own
	store, err := l.get(ctx)
	if err != nil {
		return true
	}
	at, err := store.Beaten(ctx, owner)
	return err != nil || l.heart.now().Sub(at) < deadAfter
}

// isOpen reports whether this process has opened the store.
func (l *lazyStore) isOpen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open != nil
}

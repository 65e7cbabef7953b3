package store

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// turns has the processes that write to one SQLite file do so in the order in which they ask. SQLite by
// itself has each ask again after ever longer pauses, and takes whoever asks at the right moment.
//
// Two lock files make the queue. The holder of the first waits for the second, and releases the first once
// it has it: so a process that has just written, and asks again, comes after all that wait. The system
// keeps these in their order (Linux does since 5.0), skips one that is stopped while it waits, and releases
// what a process held that has died. SQLite's own lock stays what protects the file: without a turn, after
// an error or too long a wait, a change is only slower.
type turns struct {
	folder string
	write  *sql.DB
	asked  chan *flock.Flock // receives the turn that was asked for; nil: none was
	vain   bool              // the last wait took too long
}

const (
	queueFile, turnFile = "queue", "turn"

	busyTime = 10 * time.Second // how long SQLite waits for its lock
	turnWait = busyTime / 2     // for a turn; SQLite waits the rest. The holder may be a process that is stopped
	turnKept = 10 * time.Millisecond
)

// enter waits for a turn; leave ends it. The caller has the write slot.
func (t *turns) enter(ctx context.Context) (leave func(), err error) {
	if t == nil {
		return func() {}, nil
	}
	for {
		if t.asked == nil {
			t.asked = t.ask()
		}
		wait := turnWait
		if t.vain { // it is still asked for
			wait = 0
		}
		select {
		case turn, ok := <-t.asked:
			t.asked, t.vain = nil, false
			if ok {
				return func() { _ = turn.Close() }, nil
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("store: %w", ctx.Err())
		case <-time.After(wait):
			if t.vain {
				return func() {}, nil
			}
			t.vain = true
			return t.hurry(ctx), nil
		}
	}
}

// ask queues for a turn. One that nobody receives, as the caller's time was up, is given back soon.
func (t *turns) ask() chan *flock.Flock {
	_ = os.MkdirAll(t.folder, 0o700)
	queue, turn := t.lockFile(queueFile), t.lockFile(turnFile)
	if first, _ := queue.TryLock(); first {
		if second, _ := turn.TryLock(); second {
			_ = queue.Close()
			free := make(chan *flock.Flock, 1)
			free <- turn
			return free
		}
	}
	asked := make(chan *flock.Flock)
	go func() {
		defer close(asked)
		_ = queue.Lock()
		_ = turn.Lock()
		_ = queue.Close()
		select {
		case asked <- turn:
		case <-time.After(turnKept):
			_ = turn.Close()
		}
	}()
	return asked
}

func (t *turns) lockFile(name string) *flock.Flock {
	return flock.New(filepath.Join(t.folder, name), flock.SetFlag(os.O_RDWR|os.O_CREATE), flock.SetPermissions(0o600))
}

// hurry has SQLite wait no longer than what is left of its time, until leave.
func (t *turns) hurry(ctx context.Context) (leave func()) {
	set := func(ctx context.Context, d time.Duration) {
		_, _ = t.write.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", d.Milliseconds()))
	}
	set(ctx, busyTime-turnWait)
	return func() { set(context.WithoutCancel(ctx), busyTime) }
}

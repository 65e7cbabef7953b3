package app

import (
	"context"
	"sync"
	"time"
)

// databaseClock is the time of a database that several machines share: by their own clocks a record could be
// expired for one of them and not for another. Between two queries this machine's clock is added.
type databaseClock struct {
	machine func() time.Time

	renewing sync.Mutex

	mu    sync.Mutex
	there time.Time // the database's answer; zero: there was none yet
	here  time.Time // of this machine at that moment
}

// timed is a database that answers with its time.
type timed interface {
	Now(ctx context.Context) (time.Time, error)
}

// now is the database's time, or this machine's before the first query.
func (c *databaseClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.machine()
	if c.there.IsZero() {
		return now
	}
	// The monotonic clock stands still while the machine sleeps, and the wall clock can be set.
	passed := max(now.Sub(c.here), now.Round(0).Sub(c.here.Round(0)))
	return c.there.Add(passed)
}

// clockAge is the age after which an answer is renewed.
const clockAge = 5 * time.Second

// renew calls set if the last answer is old and no other call is renewing it. It ignores errors: the
// caller's next query meets them.
func (c *databaseClock) renew(ctx context.Context, db timed) {
	if c == nil || !c.renewing.TryLock() {
		return
	}
	defer c.renewing.Unlock()
	c.mu.Lock()
	age := c.machine().Round(0).Sub(c.here.Round(0)).Abs()
	c.mu.Unlock()
	if age >= clockAge {
		_ = c.set(ctx, db)
	}
}

// set queries the database's time. The answer counts as of the middle of the query.
func (c *databaseClock) set(ctx context.Context, db timed) error {
	if c == nil {
		return nil
	}
	asked := c.machine()
	there, err := db.Now(ctx)
	if err != nil {
		return err
	}
	took := c.machine().Sub(asked)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.there, c.here = there, asked.Add(took/2)
	return nil
}

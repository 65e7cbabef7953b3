package app

import (
	"context"
	"sync"
	"time"
)

// databaseClock tells the time of the database that several machines share: by their own clocks, what
// one calls expired another would still run. Between two looks at it this machine's clock goes on.
type databaseClock struct {
	machine func() time.Time

	renewing sync.Mutex

	mu    sync.Mutex
	there time.Time // what the database said; zero: it was not asked yet
	here  time.Time // when it said so
}

// timed is a database that can be asked for its time.
type timed interface {
	Now(ctx context.Context) (time.Time, error)
}

// Now is the database's time, as far as it is known.
func (c *databaseClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.machine()
	if c.there.IsZero() {
		return now
	}
	// Of the two clocks of a machine one stands still while it sleeps, and the other can be set.
	passed := max(now.Sub(c.here), now.Round(0).Sub(c.here.Round(0)))
	return c.there.Add(passed)
}

// clockAge is how long the machine's clock is gone by between two questions to the database.
const clockAge = 5 * time.Second

// renew is set where the database was last asked a while ago, and nobody else is asking it. A database
// that does not answer is noticed by what comes next.
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

// set asks the database for its time. The answer is as of the middle of the question.
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

// Package ttl is a cache of values that are read from another system and expire, and a map of bounded size.
package ttl

import (
	"context"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Cache holds values by key. One read serves all callers that wait for the same key. The fields must not change
// once the cache is in use; the other zero values are valid to use. A Cache is safe for concurrent use.
type Cache[V any] struct {
	// Fresh is the age below which a value is used without a new read.
	Fresh time.Duration
	// Grace is the age below which a value is used although a newer one cannot be read. The zero value fails
	// closed: a read that fails deletes the value.
	Grace time.Duration
	// Pause returns how long a key is not read again after an error. nil means that the next Get reads again.
	Pause func(error) time.Duration
	// Max is the number of keys above which values that are not fresh, or else all, are deleted.
	Max int
	// Now is the clock. A value of the future counts as expired.
	Now func() time.Time

	mu      sync.Mutex
	entries map[string]entry[V]
	flight  singleflight.Group
}

type entry[V any] struct {
	value V
	at    time.Time // the begin of the read; zero: there is no value
	err   error     // of the last read
	pause time.Time // until then the key is not read
}

// Get returns the value of key. If it is not fresh, Get reads it, or waits for a read in progress, until ctx
// ends. The read goes on after that, with a context that does not end, and its value is stored. If the read
// fails or ctx ends, Get returns the last value within [Cache.Grace], else the error.
func (c *Cache[V]) Get(ctx context.Context, key string, read func(context.Context) (V, error)) (V, error) {
	value, isDue, err := c.lookup(key)
	if !isDue {
		return value, err
	}
	done := c.flight.DoChan(key, func() (any, error) {
		if value, isDue, err := c.lookup(key); !isDue {
			return value, err // another read has just ended
		}
		return c.Read(context.WithoutCancel(ctx), key, read)
	})
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case result := <-done:
		if err = result.Err; err == nil {
			return result.Val.(V), nil
		}
	}
	if value, ok := c.Peek(key); ok {
		return value, nil
	}
	return value, err
}

// Read reads the value of key now, whatever is stored, and stores the result: for a caller that cannot use a
// value, or a read in progress, that began earlier.
func (c *Cache[V]) Read(ctx context.Context, key string, read func(context.Context) (V, error)) (V, error) {
	began := c.Now()
	value, err := read(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	switch {
	case err == nil && !e.at.IsZero() && e.at.After(began):
		return value, nil // a later read has ended already
	case err == nil:
		e = entry[V]{value: value, at: began}
	case c.Grace == 0:
		e = entry[V]{err: err}
	default:
		e.err = err
	}
	if err != nil && c.Pause != nil {
		e.pause = c.Now().Add(c.Pause(err))
	}
	c.makeRoom()
	c.entries[key] = e
	return value, err
}

// Peek returns the value of key without a read, if it is fresh or within [Cache.Grace].
func (c *Cache[V]) Peek(key string) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if c.isYounger(e, max(c.Fresh, c.Grace)) {
		return e.value, true
	}
	var zero V
	return zero, false
}

// ReadAt returns when the read of key's value began, and whether Get would read it now.
func (c *Cache[V]) ReadAt(key string) (at time.Time, isDue bool) {
	_, isDue, _ = c.lookup(key)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries[key].at, isDue
}

// Clear deletes all values.
func (c *Cache[V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
}

// lookup returns the result of Get, unless a read is due.
func (c *Cache[V]) lookup(key string) (value V, isDue bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	switch {
	case c.isYounger(e, c.Fresh):
		return e.value, false, nil
	case !c.Now().Before(e.pause):
		return value, true, nil
	case c.isYounger(e, c.Grace):
		return e.value, false, nil
	}
	return value, false, e.err
}

func (c *Cache[V]) isYounger(e entry[V], age time.Duration) bool {
	now := c.Now()
	return !e.at.IsZero() && !e.at.After(now) && now.Sub(e.at) < age
}

func (c *Cache[V]) makeRoom() {
	if c.entries == nil {
		c.entries = map[string]entry[V]{}
	}
	if c.Max == 0 || len(c.entries) < c.Max {
		return
	}
	maps.DeleteFunc(c.entries, func(_ string, e entry[V]) bool { return !c.isYounger(e, c.Fresh) })
	if len(c.entries) >= c.Max {
		clear(c.entries)
	}
}

const maxBounded = 10_000

// Bounded is a map of at most 10,000 keys, for values that can be read again: when it is full, a new key
// deletes all others. The zero value is valid to use, and safe for concurrent use.
type Bounded[K comparable, V any] struct {
	mu     sync.Mutex
	values map[K]V
}

// Get returns the value of key, or the zero value.
func (b *Bounded[K, V]) Get(key K) (value V, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	value, ok = b.values[key]
	return value, ok
}

// Set stores the value of key.
func (b *Bounded[K, V]) Set(key K, value V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.values == nil || len(b.values) >= maxBounded {
		b.values = map[K]V{}
	}
	b.values[key] = value
}

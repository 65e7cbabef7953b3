package ttl

import "sync"

const maxBounded = 10_000

// Bounded is a map of at most 10,000 keys, for values that can be found out again: when it is full, a new key
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

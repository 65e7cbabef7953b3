package apiclient

import "sync"

// anyCount marks a list whose page 2 is its page 1 again, whatever its count.
const anyCount = -1

// pageMemory knows the lists whose page 2 brought nothing new, by route. It is
// safe for concurrent use; its zero value is empty.
type pageMemory struct {
	mu    sync.Mutex
	whole map[string]int64
}

// isWhole reports whether page 2 need not be asked for. Where page 2 was
// merely empty, that holds for the same count alone: an object deleted while
// a list was read looks the same, and must not cut later lists short.
func (m *pageMemory) isWhole(route string, count int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.whole[route]
	return ok && (known == anyCount || known == count)
}

func (m *pageMemory) noteWhole(route string, count int64, repeated bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.whole == nil {
		m.whole = map[string]int64{}
	}
	if repeated {
		count = anyCount
	}
	m.whole[route] = count
}

// complete forgets what was only known of a count that has passed.
func (m *pageMemory) complete(route string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.whole[route] != anyCount {
		delete(m.whole, route)
	}
}

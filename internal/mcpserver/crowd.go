package mcpserver

import "sync"

// mostWaiting calls hold a worker while a person thinks: fewer than there are workers, so
// that reads go on.
const mostWaiting = 50

// crowd counts calls. Its zero value is empty.
type crowd struct {
	mu   sync.Mutex
	here int
}

// enter reports whether there was room under most; if so, leave must follow.
func (c *crowd) enter(most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.here >= most {
		return false
	}
	c.here++
	return true
}

func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.here--
}

func (c *crowd) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.here
}

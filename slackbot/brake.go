package slackbot

import (
	"sync"
	"time"
)

// pace is how often one channel may be written to: Slack takes about a message a second.
const pace = time.Second

// brake holds back what Slack has said, or would say, is too much. Its zero value is ready to use.
type brake struct {
	mu      sync.Mutex
	methods map[string]time.Time // not before
	written map[string]time.Time // by channel
}

// hold returns how long a request must wait, and counts it if it need not.
func (k *brake) hold(method, channel string, now time.Time) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if until := k.methods[method]; now.Before(until) {
		return until.Sub(now)
	}
	if last := k.written[channel]; now.Before(last.Add(pace)) && !now.Before(last) {
		return last.Add(pace).Sub(now)
	}
	if k.written == nil || len(k.written) > 10000 {
		k.written = map[string]time.Time{}
	}
	k.written[channel] = now
	return 0
}

// press keeps a method from being called again for a while.
func (k *brake) press(method string, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.methods == nil {
		k.methods = map[string]time.Time{}
	}
	k.methods[method] = until
}

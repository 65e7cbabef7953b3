package fakeslack

import "time"

// pace counts what comes faster than one a second goes on: a few at once are fine.
type pace struct {
	last   time.Time
	budget float64
	over   int
}

// burst is how many messages at once Slack lets pass without a word.
const burst = 5

func (p *pace) count(now time.Time) {
	if p.last.IsZero() {
		p.budget = burst
	} else {
		p.budget = min(burst, p.budget+now.Sub(p.last).Seconds())
	}
	p.last = now
	if p.budget < 1 {
		p.over++
		return
	}
	p.budget--
}

// Rate is how many messages and updates came to a channel beyond about one a second, by the
// clock of the Options. Slack would begin to answer 429.
func (s *Slack) Rate(channelID string) (over int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[channelID]; c != nil {
		over = c.posted.over
	}
	return over
}

// often reports whether a method was called more often than limit in the last minute; the
// caller holds the lock.
func (s *Slack) often(method string, limit int) bool {
	n := 0
	for _, c := range s.calls {
		if c.Method == method && c.Error == "" && s.now().Sub(c.At) < time.Minute {
			n++
		}
	}
	return n >= limit
}

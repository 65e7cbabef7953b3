package transport

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

// pause is how long to wait before the next attempt: not at all after a good connection, then
// longer and longer, and never all of us at the same moment.
type pause struct {
	pace     *pace
	failures int
	least    time.Duration
}

func (p *pause) next() time.Duration {
	if p.failures == 0 {
		return p.least
	}
	longest := backoff.Doubled(p.pace.first, p.pace.most, p.failures-1)
	return max(p.least, longest/2+share(longest/2))
}

// failed takes note of an attempt that came to nothing.
func (p *pause) failed(err error) {
	p.failures++
	p.least = 0
	if needsPerson(err) {
		p.least = p.pace.slow
	}
	var open *openError
	if errors.As(err, &open) {
		p.least = max(p.least, open.after)
	}
}

// lasted takes note of how long a connection was good for, and why it has to go.
func (p *pause) lasted(life time.Duration, why string) {
	p.least = 0
	switch {
	case why == reasonOff || why == reasonTooMany:
		p.failures, p.least = 1, p.pace.slow
	case life < p.pace.steady:
		p.failures++
	default:
		p.failures = 0
	}
}

// share is some part of d.
func share(d time.Duration) time.Duration {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	part := float64(binary.BigEndian.Uint64(random[:])>>11) / (1 << 53)
	return time.Duration(part * float64(d))
}

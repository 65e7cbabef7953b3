package mcpserver

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/vpsbot/vpsbot/permissions"
)

// callTime limits a call over HTTP, beside the time that it waits for a person.
const callTime = time.Minute

// callLimit ends a call that takes too long. A nil limit never does.
type callLimit struct{ timer *time.Timer }

func limitCall(ctx context.Context) (context.Context, *callLimit) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &callLimit{time.AfterFunc(callTime, func() { cancel(context.DeadlineExceeded) })}
}

// pause stops the time while the call waits for a person; resume starts it anew.
func (l *callLimit) pause() {
	if l != nil {
		l.timer.Stop()
	}
}

func (l *callLimit) resume() {
	if l != nil {
		l.timer.Reset(callTime)
	}
}

// Limits bound what one replica serves. The zero value stands for the defaults.
type Limits struct {
	PerSecond   int // calls of one caller
	AtOnce      int // calls of one caller
	InAll       int // calls of everybody
	Waiting     int // of them those that wait for a person
	FailedTries int // bearers that are refused, of one address in a minute
}

func (l Limits) orDefaults() Limits {
	return Limits{cmp.Or(l.PerSecond, 10), cmp.Or(l.AtOnce, 16), cmp.Or(l.InAll, 256), cmp.Or(l.Waiting, 200), cmp.Or(l.FailedTries, 60)}
}

// callers counts the calls of each caller. A caller without one takes no memory after a while.
type callers struct {
	limits Limits

	mu      sync.Mutex
	inAll   int
	waiting int
	by      map[permissions.Actor]*usage
}

// usage is that of one caller.
type usage struct {
	rate    *rate.Limiter
	answers *rate.Limiter // to questions, beyond the rate of calls
	atOnce  int
	waiting int // calls that wait for a person, which are not among those at once: their answers need a place
	last    time.Time
}

const (
	mostCallers = 1000        // of whom the usage is kept
	idleCaller  = time.Minute // after which it is forgotten
)

// begin admits a request of a caller, or says why not. calls is how many it makes.
func (c *callers) begin(actor permissions.Actor, calls int, now time.Time) (end func(), refused *refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.of(actor, now)
	switch {
	case !u.rate.AllowN(now, calls):
		return nil, &refusal{http.StatusTooManyRequests, "rate", "too many calls by " + string(actor) + ": " + strconv.Itoa(c.limits.PerSecond) + " a second"}
	case u.atOnce+calls > c.limits.AtOnce:
		return nil, &refusal{http.StatusTooManyRequests, "rate", "too many calls by " + string(actor) + ": " + strconv.Itoa(c.limits.AtOnce) + " at once"}
	case c.inAll+calls > c.limits.InAll:
		return nil, &refusal{http.StatusServiceUnavailable, "room", "vpsbot is busy"}
	}
	c.inAll += calls
	u.atOnce += calls
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.inAll -= calls
		u.atOnce -= calls
	}, nil
}

// mayAnswer reports whether a caller whose calls are refused may answer a question: as many as may wait, and then as
// often as it may call.
func (c *callers) mayAnswer(actor permissions.Actor, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of(actor, now).answers.AllowN(now, 1)
}

// wait counts a call that begins to wait for a person, or ends to, by 1 and -1. It reports whether more wait than one
// caller may have, or all together.
func (c *callers) wait(actor permissions.Actor, change int) (tooMany bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.by[actor]
	u.atOnce -= change
	u.waiting += change
	c.waiting += change
	return u.waiting > c.limits.AtOnce || c.waiting > c.limits.Waiting
}

func (c *callers) of(actor permissions.Actor, now time.Time) *usage {
	u, ok := c.by[actor]
	if !ok {
		if len(c.by) >= mostCallers {
			maps.DeleteFunc(c.by, func(_ permissions.Actor, u *usage) bool {
				return u.atOnce+u.waiting == 0 && now.Sub(u.last) > idleCaller
			})
		}
		perSecond := rate.Limit(c.limits.PerSecond)
		u = &usage{rate: rate.NewLimiter(perSecond, c.limits.PerSecond), answers: rate.NewLimiter(perSecond, c.limits.AtOnce)}
		c.by[actor] = u
	}
	u.last = now
	return u
}

// failures counts the refused bearers of each address within a minute.
type failures struct {
	most int

	mu    sync.Mutex
	began time.Time
	by    map[string]int
}

// allows reports whether an address may try again.
func (f *failures) allows(address string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renew(now)
	return f.by[address] < f.most
}

// mostAddresses are counted at once. With more, which are one attacker's, all begin anew: nobody is locked out, and the
// memory is bounded.
const mostAddresses = 100_000

func (f *failures) note(address string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renew(now)
	if len(f.by) >= mostAddresses {
		clear(f.by)
	}
	f.by[address]++
}

// renew begins a new minute when one is over.
func (f *failures) renew(now time.Time) {
	if f.by == nil || now.Sub(f.began).Abs() >= time.Minute {
		f.began, f.by = now, map[string]int{}
	}
}

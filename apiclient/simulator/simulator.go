// Package simulator is VPS.org's REST API in memory: an http.Handler that tests and demonstrations run on.
//
// It speaks JSON on its own and shares no type with the client, so that a test of one against the other
// means something. Everything is under /api/v1/, and every path ends in a slash. Nothing is stored, and
// no goroutine runs between requests: statuses are moved on when somebody looks.
package simulator

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

const (
	prefix       = "/api/v1/"
	defaultSpeed = 60
	maxBody      = 1 << 20

	// identity is the header of every answer, so that nobody takes the simulator for VPS.org.
	identity = "X-Vpsbot-Simulator"
)

// Options describe a simulator. The zero value is the documentation's sample fleet at sixty times real speed.
type Options struct {
	// Servers is the size of the fleet. 0 means the documentation's two sample servers, 1 the first of them;
	// above 2 the rest is generated, the same each time.
	Servers int
	// Speed is how much faster than at VPS.org statuses move: at 60 a three minute create takes three seconds.
	// 0 or less means 60.
	Speed float64
	// Latency is added to each answer.
	Latency time.Duration
	// FailRate, from 0 to 1, is the part of requests that fail, whatever they ask for. The failures are mixed
	// evenly: 500 before the change, 502 after the change, 429 with Retry-After: 1, connection reset before the
	// change, connection reset after it.
	FailRate float64
	// Seed decides which requests fail, and how.
	Seed uint64
	// Now is the clock that statuses, dates and token expiry go by; nil means time.Now. Latency does not use it.
	Now func() time.Time
	// Tokens are those let in. nil means DefaultTokens.
	Tokens []Token
	// UUIDs makes all ids UUID strings (see UUID), as VPS.org's newer tools show them.
	UUIDs bool
	// PageSize above 0 pages all lists but the zones by the queries page and page_size (at most 100).
	PageSize int
	// Next adds the addresses of the next and the previous page to each paged list, null where there is none.
	Next bool
	// Vendor makes answers what VPS.org's newer tools suggest, rather than what its pages document: UUIDs under
	// "uuid", pages of 20 with addresses, prices as text, and no filter of servers by status or location.
	Vendor bool
}

// vendorPage is the size of a page of VPS.org's newer tools.
const vendorPage = 20

// Interceptor stands in front of the handling of a request; next does what the simulator would have done,
// with the body as it arrived even where the interceptor has read it. To break the connection, panic with
// http.ErrAbortHandler, before or after calling next with a writer of its own.
type Interceptor = func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Simulator answers as VPS.org's API does. Make one with New; it is safe for concurrent use.
type Simulator struct {
	opts Options

	mu        sync.Mutex
	world     *World
	log       requestLog
	random    *rand.Rand
	intercept Interceptor
}

// New makes a simulator with a fleet of its own.
func New(opts Options) *Simulator {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Speed <= 0 {
		opts.Speed = defaultSpeed
	}
	if opts.Tokens == nil {
		opts.Tokens = DefaultTokens(opts.Now())
	}
	if opts.Vendor {
		opts.UUIDs, opts.Next, opts.PageSize = true, true, cmp.Or(opts.PageSize, vendorPage)
	}
	return &Simulator{
		opts:   opts,
		world:  newWorld(opts),
		random: rand.New(rand.NewPCG(opts.Seed, opts.Seed)),
	}
}

// Intercept puts fn in front of the handling of each later request; nil removes it. It runs after the
// latency and before the injected failures, outside the simulator's lock, and must be safe for concurrent
// use where requests are.
func (s *Simulator) Intercept(fn func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = fn
}

// Edit lets fn read and change the world while no request is handled. Statuses are as of now when fn is
// called. fn must not call the simulator, and must not keep what it was given.
func (s *Simulator) Edit(fn func(*World)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.settle(s.opts.Now())
	fn(s.world)
}

// ServeHTTP answers one request, and records it on arrival. It panics with http.ErrAbortHandler to break a
// connection that cannot be taken over.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := readBody(r)
	number, intercept := s.arrived(r, body)
	w.Header().Set(identity, "1")
	writer := &statusWriter{ResponseWriter: w}
	defer func() { s.left(number, writer.status) }()
	if backoff.Sleep(r.Context(), s.opts.Latency) != nil {
		return
	}
	if intercept == nil {
		s.handle(writer, r, body)
		return
	}
	intercept(writer, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handle(w, r, body) }))
}

// handle is a request behind the interceptor: it fails as asked for, or answers.
func (s *Simulator) handle(w http.ResponseWriter, r *http.Request, body []byte) {
	failure := s.draw()
	if failure == nil {
		s.respond(r, body).write(w)
		return
	}
	if failure.changed {
		s.respond(r, body)
	}
	failure.write(w)
}

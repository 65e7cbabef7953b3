// Package simulator is VPS.org's REST API in memory: an http.Handler for tests and demonstrations.
//
// It shares no type with the client, so that a test of the client against it is a test of the wire format.
// Every path begins with /api/v1/ and ends in a slash. Nothing is stored, and no goroutine runs between
// requests: each request first advances the statuses to its time.
package simulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

const (
	prefix       = "/api/v1/"
	defaultSpeed = 60
	maxBody      = 1 << 20

	// identity is the header of every answer that distinguishes the simulator from VPS.org.
	identity = "X-Vpsbot-Simulator"
)

// Options describe a simulator. The zero value is the documentation's sample fleet at sixty times real speed.
type Options struct {
	// Servers is the size of the fleet. 0 means the documentation's two sample servers, 1 the first of them;
	// above 2 the rest is generated, the same each time.
	Servers int
	// Speed is the factor by which statuses change faster than at VPS.org: at 60 a three minute create takes
	// three seconds. 0 or less means 60.
	Speed float64
	// Latency is added to each answer.
	Latency time.Duration
	// FailRate, from 0 to 1, is the share of requests that fail. The failures are equally frequent: 500 before
	// the change, 502 after the change, 429 with Retry-After: 1, connection reset before the change, connection
	// reset after it.
	FailRate float64
	// Seed determines which requests fail, and how.
	Seed uint64
	// Now is the clock for statuses, dates and the expiry of tokens, but not for Latency; nil means time.Now.
	Now func() time.Time
	// Tokens are the valid tokens. nil means DefaultTokens.
	Tokens []Token
	// UUIDs makes all ids UUID strings (see UUID), as in VPS.org's newer tools.
	UUIDs bool
	// PageSize above 0 divides all lists but the zones into pages, by the queries page and page_size (at most
	// 100).
	PageSize int
	// Vendor answers as VPS.org's newer tools suggest, instead of as its pages document: UUIDs under "uuid",
	// pages of 20 with addresses, prices as text, and no filter of servers by status or location.
	Vendor bool
}

// vendorPage is the page size of VPS.org's newer tools.
const vendorPage = 20

// Interceptor is called before a request is handled; next is the simulator's own handler, which has the body
// even if the interceptor has read it. To break the connection, panic with http.ErrAbortHandler, before or
// after calling next with another writer.
type Interceptor = func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Simulator answers as VPS.org's API does. New makes one; it is safe for concurrent use.
type Simulator struct {
	opts Options

	mu        sync.Mutex
	world     *World
	log       []*Request // the last ones
	random    *rand.Rand
	intercept Interceptor
}

// New makes a simulator with its own world.
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
		opts.UUIDs, opts.PageSize = true, cmp.Or(opts.PageSize, vendorPage)
	}
	return &Simulator{
		opts:   opts,
		world:  newWorld(&opts),
		random: rand.New(rand.NewPCG(opts.Seed, opts.Seed)),
	}
}

// Intercept sets the interceptor of all later requests; nil removes it. It runs after the latency and before
// the injected failures, outside the simulator's lock, and must be safe for concurrent use if requests are
// concurrent.
func (s *Simulator) Intercept(fn func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = fn
}

// Edit calls fn to read and change the world while no request is handled. Statuses are up to date when fn is
// called. fn must not call the simulator, nor keep the world.
func (s *Simulator) Edit(fn func(*World)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.advance(s.opts.Now())
	defer func() { s.world.fleet = nil }()
	fn(s.world)
}

// ServeHTTP answers one request, and records it on arrival. It panics with http.ErrAbortHandler to break a
// connection that cannot be hijacked.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := readBody(r)
	entry, intercept := s.logRequest(r, body)
	w.Header().Set(identity, "1")
	writer := &statusWriter{ResponseWriter: w}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		entry.Status = writer.status
	}()
	if backoff.Sleep(r.Context(), s.opts.Latency) != nil {
		return
	}
	if intercept == nil {
		s.handle(writer, r, body)
		return
	}
	intercept(writer, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handle(w, r, body) }))
}

// handle answers a request behind the interceptor, or injects a fault.
func (s *Simulator) handle(w http.ResponseWriter, r *http.Request, body []byte) {
	failure := s.nextFault()
	if failure == nil {
		s.respond(r, body).write(w)
		return
	}
	if failure.changed {
		s.respond(r, body)
	}
	failure.write(w)
}

const (
	headerTimeout   = 10 * time.Second
	readTimeout     = 30 * time.Second
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 5 * time.Second
)

// Serve answers on the listener, which it owns, until ctx ends. Then it waits five seconds for running
// requests, closes the connections of the rest, and returns nil. If it ends for any other reason, it returns an
// error.
func Serve(ctx context.Context, listener net.Listener, s *Simulator) error {
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: readTimeout + s.opts.Latency, IdleTimeout: idleTimeout,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the simulator: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	if err != nil {
		return fmt.Errorf("stop the simulator: %w", err)
	}
	return nil
}

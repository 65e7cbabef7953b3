package fakeslack

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// Fault is how a request goes wrong.
type Fault struct {
	// Status is the HTTP status of the answer, RetryAfter its header in seconds.
	Status, RetryAfter int
	// Error is the code of an answer with ok false.
	Error string
	// Body is the whole answer as an object, in place of Error; Header is sent with it.
	Body   map[string]any
	Header map[string]string
	// Channel limits it to requests about that channel; empty: all.
	Channel string
	// Hang is for how long nothing is answered.
	Hang time.Duration
	// Drop ends the connection without an answer.
	Drop bool
	// Done does what was asked all the same: only its answer is lost.
	Done bool
	// Times is how many requests it happens to; 0: all, until Heal.
	Times int
}

// Fail makes requests fail: those of a method of the Web API, of "response_url", of
// "upload", or all for "*". It replaces what was set for the same before.
func (s *Slack) Fail(method string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[method] = &f
}

// NoBlocks makes Slack take no blocks but plain ones from now on: messages with any, and views with
// markup in them, are refused by that word; "" takes them again.
func (s *Slack) NoBlocks(word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noBlocks = word
}

// Heal takes back every Fail.
func (s *Slack) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.faults)
}

// Down makes Slack unreachable, or reachable again: no request is answered and no connection lives.
func (s *Slack) Down(down bool) {
	s.mu.Lock()
	s.down = down
	s.mu.Unlock()
	if down {
		s.DropConnections()
	}
}

// fault is what happens to this request; nil: nothing.
func (s *Slack) fault(name, channel string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return &Fault{Drop: true}
	}
	for _, key := range []string{name, "*"} {
		f := s.faults[key]
		if f == nil || f.Channel != "" && f.Channel != channel {
			continue
		}
		if f.Times--; f.Times == 0 {
			delete(s.faults, key)
		}
		happens := *f
		return &happens
	}
	return nil
}

// faulty does a request as far as the faults that are set let it.
func (s *Slack) faulty(w http.ResponseWriter, r *http.Request, name string, body []byte, do func(http.ResponseWriter)) {
	p, _, _ := readParams(r, body) // what cannot be read is about no channel
	f := s.fault(name, p.str("channel"))
	if f == nil {
		do(w)
		return
	}
	if f.Done {
		do(httptest.NewRecorder())
	}
	if !s.hang(r, f.Hang) {
		panic(http.ErrAbortHandler) // nobody waits any more: the request never arrived
	}
	fails := f.Drop || f.Status != 0 || f.Error != "" || f.Body != nil
	if !f.Done && fails {
		s.log(Call{Method: name, Params: p, Error: f.code()})
	}
	switch {
	case f.Drop || f.Done && !fails:
		panic(http.ErrAbortHandler)
	case fails:
		f.write(w, name)
	default:
		do(w)
	}
}

// hang waits, and reports whether somebody still waits for the answer.
func (s *Slack) hang(r *http.Request, d time.Duration) bool {
	if d == 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-r.Context().Done():
	case <-s.closed:
	}
	return false
}

func (f *Fault) code() string {
	switch {
	case f.Drop:
		return "dropped"
	case f.Error != "":
		return f.Error
	case f.Body != nil:
		return answer(f.Body).code()
	}
	return strconv.Itoa(f.Status)
}

func (f *Fault) write(w http.ResponseWriter, name string) {
	status := f.Status
	if status == 0 {
		status = http.StatusOK
		if name == "response_url" {
			status = http.StatusNotFound
		}
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	for key, value := range f.Header {
		w.Header().Set(key, value)
	}
	if f.Body != nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(f.Body)
		return
	}
	if f.Error == "" {
		w.WriteHeader(status)
		return
	}
	if name == "response_url" {
		http.Error(w, f.Error, status)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(no(f.Error))
}

package fakeslack

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Fault is how a request goes wrong.
type Fault struct {
	Status     int               // of HTTP
	RetryAfter int               // the header of the answer, in seconds
	Error      string            // the code of an answer with ok false
	Body       map[string]any    // the whole answer as an object, in place of Error
	Header     map[string]string // sent with the answer
	Channel    string            // the requests that it is limited to are about that channel; empty: all
	Hang       time.Duration     // for how long nothing is answered
	Drop       bool              // the connection ends without an answer
	Times      int               // how many requests it happens to; 0: all, until Heal
}

// faults are the ways in which requests go wrong at present.
type faults struct {
	slack    *Slack
	set      map[string]*Fault
	down     bool
	noBlocks string // the error by which blocks are refused
}

// Fail makes requests fail: those of a method of the Web API, of "response_url", of
// "upload", or all for "*". It replaces what was set for the same before.
func (s *Slack) Fail(method string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.set[method] = &f
}

// NoBlocks makes Slack take no blocks but plain ones from now on: messages with any, and views with
// markup in them, are refused by that word; "" takes them again.
func (k *faults) NoBlocks(word string) {
	k.slack.mu.Lock()
	defer k.slack.mu.Unlock()
	k.noBlocks = word
}

// Heal takes back every Fail.
func (k *faults) Heal() {
	k.slack.mu.Lock()
	defer k.slack.mu.Unlock()
	clear(k.set)
}

// Down makes Slack unreachable, or reachable again: no request is answered and no connection lives.
func (k *faults) Down(down bool) {
	k.slack.mu.Lock()
	k.down = down
	k.slack.mu.Unlock()
	if down {
		k.slack.DropConnections()
	}
}

// fault is what happens to this request; nil: nothing.
func (k *faults) fault(name, channel string) *Fault {
	k.slack.mu.Lock()
	defer k.slack.mu.Unlock()
	if k.down {
		return &Fault{Drop: true}
	}
	for _, key := range []string{name, "*"} {
		f := k.set[key]
		if f == nil || f.Channel != "" && f.Channel != channel {
			continue
		}
		if f.Times--; f.Times == 0 {
			delete(k.set, key)
		}
		happens := *f
		return &happens
	}
	return nil
}

// faulty does a request as far as the faults that are set let it.
func (k *faults) faulty(q request, do func(request)) {
	p, _, _ := readParams(q.r, q.body) // what cannot be read is about no channel
	f := k.fault(q.name, p.str("channel"))
	if f == nil {
		do(q)
		return
	}
	select {
	case <-time.After(f.Hang):
	case <-q.r.Context().Done():
		panic(http.ErrAbortHandler) // nobody waits any more: the request never arrived
	case <-k.slack.closed:
		panic(http.ErrAbortHandler)
	}
	if f.Body == nil && f.Error != "" {
		f.Body = no(f.Error)
	}
	switch {
	case f.Drop:
		k.slack.log(Call{Method: q.name, Params: p, Error: "dropped"})
		panic(http.ErrAbortHandler)
	case f.Status == 0 && f.Body == nil:
		do(q)
	default:
		k.slack.log(Call{Method: q.name, Params: p, Error: cmp.Or(answer(f.Body).code(), strconv.Itoa(f.Status))})
		f.write(q.w, q.name == "response_url")
	}
}

func (f *Fault) write(w http.ResponseWriter, asText bool) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	for key, value := range f.Header {
		w.Header().Set(key, value)
	}
	switch {
	case f.Body == nil:
		w.WriteHeader(f.Status)
	case asText:
		http.Error(w, answer(f.Body).code(), cmp.Or(f.Status, http.StatusNotFound))
	default:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(cmp.Or(f.Status, http.StatusOK))
		_ = json.NewEncoder(w).Encode(f.Body)
	}
}

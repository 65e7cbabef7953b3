package mcpserver

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
)

const (
	pollEvery  = time.Second
	pollAtMost = 30 * time.Second // between tries of what is approved and cannot run yet
)

// watched are the records of this process that still wait for a person. Its zero value is
// ready to use.
type watched struct {
	mu      sync.Mutex
	records map[string]*record
	closed  bool
	stop    chan struct{}
	running sync.WaitGroup
}

// record is one watched record, and who waits here for the answer to it.
type record struct {
	waiting map[int]func() // tells a waiting call that the record has ended
	next    int
}

// watch follows a record until it no longer waits for a person: what is approved elsewhere
// runs here, with this process's own token, whether or not a call waits for it.
func (s *Server) watch(call runner.Call, rec approval.Record) {
	stop, first := s.watched.add(rec.ID)
	if !first {
		return
	}
	call.Progress, call.WaitLimit = nil, 0
	go func() {
		defer s.watched.running.Done()
		defer s.watched.drop(rec.ID)
		defer s.survive("watching an approval")
		if s.follow(stop, call, rec) {
			s.watched.tell(rec.ID)
		}
	}()
}

// follow polls until the record no longer waits for a person, or the server stops. What
// has begun is finished.
func (s *Server) follow(stop <-chan struct{}, call runner.Call, rec approval.Record) (ended bool) {
	every := s.pollEvery()
	for {
		select {
		case <-stop:
			return false
		case <-time.After(every):
		}
		now, err := s.Runner.RunApproved(context.Background(), call, rec.ID)
		switch {
		case errors.Is(err, approval.ErrNotFound):
			return true
		case err != nil:
			s.Log.Warn("looking whether an approval was answered", "approval", rec.ID, "error", err)
			every = min(2*every, pollAtMost)
		case now.State == approval.Approved: // its target is busy: each try leaves a line in the audit log
			every = min(2*every, pollAtMost)
		case now.State != approval.Pending:
			if now.State == approval.Expired && now.Place == approval.Here {
				s.sessions.named(rec.Session).noteRanOut(s.Runner.Now())
			}
			return true
		default:
			every = s.pollEvery()
		}
	}
}

func (s *Server) pollEvery() time.Duration {
	if s.poll > 0 {
		return s.poll
	}
	return pollEvery
}

// add begins to watch a record. first is false if it is watched already, or if the server
// is stopping.
func (w *watched) add(id string) (stop <-chan struct{}, first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.records == nil {
		w.records, w.stop = map[string]*record{}, make(chan struct{})
	}
	if _, there := w.records[id]; there || w.closed {
		return nil, false
	}
	w.records[id] = &record{waiting: map[int]func(){}}
	w.running.Add(1)
	return w.stop, true
}

// tell tells the calls that wait for a record's answer that the record has ended. None can
// begin to wait for it afterwards.
func (w *watched) tell(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ended := range w.records[id].waiting {
		ended()
	}
	delete(w.records, id)
}

// drop stops to watch a record.
func (w *watched) drop(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.records, id)
}

// wait notes that a call waits for a record's answer; ended is called if the record ends
// meanwhile. leave stops that, and reports whether no other call waits for it here.
func (w *watched) wait(id string, ended func()) (leave func() (alone bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.records[id]
	if !ok {
		return func() bool { return true }
	}
	n := r.next
	r.next++
	r.waiting[n] = ended
	return func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(r.waiting, n)
		return len(r.waiting) == 0
	}
}

// close stops to watch. What runs is finished: done is closed then.
func (w *watched) close() (done <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed && w.stop != nil {
		close(w.stop)
	}
	w.closed = true
	finished := make(chan struct{})
	go func() {
		w.running.Wait()
		close(finished)
	}()
	return finished
}

package mcpserver

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
)

const (
	pollInterval    = time.Second
	maxPollInterval = 30 * time.Second // between attempts of an approved operation that cannot run yet
)

// approvalWatcher watches the records of this process that wait for a person. Its zero value is ready to use.
type approvalWatcher struct {
	mu      sync.Mutex
	records map[string]*watchedRecord
	closed  bool
	stop    chan struct{}
	running sync.WaitGroup
}

type watchedRecord struct {
	polled  bool           // by pollRecord
	waiting map[int]func() // called when the record has ended
	next    int
}

// watch polls a record until it no longer waits for a person. An operation that is approved on another surface
// runs in this process, with its token, whether or not a call waits for it. Over HTTP [HTTP.RunApproved] does both.
func (s *Server) watch(call runner.Call, rec approval.Record, asked *memory) {
	if call.Remote {
		return
	}
	stop, first := s.approvals.add(rec.ID)
	if !first {
		return
	}
	call.Progress, call.WaitLimit = nil, 0
	go func() {
		defer s.approvals.running.Done()
		ended := false
		defer func() { s.approvals.remove(rec.ID, ended) }()
		defer s.recoverPanic("watching an approval")
		ended = s.pollRecord(stop, call, rec, asked)
	}()
}

// pollRecord polls until the record no longer waits for a person, or the server stops. It completes an
// operation that has begun.
func (s *Server) pollRecord(stop <-chan struct{}, call runner.Call, rec approval.Record, asked *memory) (ended bool) {
	base := cmp.Or(s.poll, pollInterval)
	every := base
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
			every = min(2*every, maxPollInterval)
		case now.State == approval.Approved: // its target is busy: each attempt writes a line to the audit log
			every = min(2*every, maxPollInterval)
		case now.State != approval.Pending:
			if now.State == approval.Expired && now.AnswerMode == approval.Interactive && rec.Session == s.Runner.Process {
				asked.noteTimeout(s.Runner.Now())
			}
			return true
		default:
			every = base
		}
	}
}

// add adds a record. first is false if it is watched already, or if the server is stopping.
func (w *approvalWatcher) add(id string) (stop <-chan struct{}, first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.record(id)
	if r.polled || w.closed {
		return nil, false
	}
	r.polled = true
	w.running.Add(1)
	return w.stop, true
}

func (w *approvalWatcher) record(id string) *watchedRecord {
	if w.records == nil {
		w.records, w.stop = map[string]*watchedRecord{}, make(chan struct{})
	}
	r, ok := w.records[id]
	if !ok {
		r = &watchedRecord{waiting: map[int]func(){}}
		w.records[id] = r
	}
	return r
}

// remove removes a record, and notifies the calls that wait for it if it has ended.
func (w *approvalWatcher) remove(id string, ended bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.records[id]
	if !ok {
		return
	}
	if ended {
		for _, notify := range r.waiting {
			notify()
		}
	}
	delete(w.records, id)
}

// waitedFor returns the ids of the records that calls wait for.
func (w *approvalWatcher) waitedFor() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.records))
}

// subscribe calls ended when the record has ended. unsubscribe reports whether no other call of this process
// waits for the record.
func (w *approvalWatcher) subscribe(id string, ended func()) (unsubscribe func() (isLast bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.record(id)
	n := r.next
	r.next++
	r.waiting[n] = ended
	return func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(r.waiting, n)
		if len(r.waiting) == 0 && !r.polled && w.records[id] == r {
			delete(w.records, id)
		}
		return len(r.waiting) == 0
	}
}

// close stops all polling. done is closed when the operations that run have ended.
func (w *approvalWatcher) close() (done <-chan struct{}) {
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

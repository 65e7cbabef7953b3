package mcpserver

import (
	"sync"
	"time"
)

const (
	// formPause is how long a client gets no elicitation after one that timed out: it displayed no form, or
	// nobody was there.
	formPause = 10 * time.Minute
	// answerTimeout is the time after which a repeated call means that the client has cancelled the
	// elicitation: most clients do so after a minute, and some without a notification.
	answerTimeout = 45 * time.Second
)

// session records whether a person answers the elicitations to one client.
type session struct {
	mu        sync.Mutex
	automatic bool                 // it answered faster than a person can
	timedOut  time.Time            // when an elicitation last timed out
	escalated map[string]bool      // records that are confirmed on another surface
	asked     map[string]time.Time // when the elicitation of a record was sent that is not answered
}

// acceptsForm reports whether the elicitation of a record may be sent to the client.
func (s *session) acceptsForm(record string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if asked, ok := s.asked[record]; ok && now.Sub(asked) >= answerTimeout {
		return false
	}
	return !s.automatic && !s.escalated[record] && (s.timedOut.IsZero() || now.Sub(s.timedOut) >= formPause)
}

// noteAsked records that the elicitation of a record is sent.
func (s *session) noteAsked(record string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, before := s.asked[record]; !before {
		s.asked[record] = now
	}
}

// noteAnswered records that the elicitation of a record is answered.
func (s *session) noteAnswered(record string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.asked, record)
}

// isAutomatic reports whether a program answers elicitations, so that no yes is accepted.
func (s *session) isAutomatic() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.automatic
}

func (s *session) noteAutomatic() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.automatic = true
}

func (s *session) noteTimeout(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timedOut = now
}

func (s *session) noteEscalated(record string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.escalated[record] = true
}

// sessions are the sessions by id. Its zero value is ready to use.
type sessions struct{ all sync.Map }

func (s *sessions) get(id string) *session {
	found, _ := s.all.LoadOrStore(id, &session{escalated: map[string]bool{}, asked: map[string]time.Time{}})
	return found.(*session)
}

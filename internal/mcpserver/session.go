package mcpserver

import (
	"sync"
	"time"
)

const (
	// formPause is how long a client that let a question run out gets no other: it showed no form, or
	// nobody sat there.
	formPause = 10 * time.Minute
	// formPatience is how long a client may take for a question before its asking for the same again
	// means that it has given the question up: most do so after a minute, and not all say it.
	formPatience = 45 * time.Second
)

// session is what the server has learned of one client: whether a person sits behind the forms that
// are put to it. Its zero value is ready to use.
type session struct {
	mu        sync.Mutex
	automatic bool                 // it answered faster than a person can
	ranOut    time.Time            // when it last let a question run out
	handed    map[string]bool      // records whose question is answered elsewhere now
	asked     map[string]time.Time // when the question of a record was put that is not answered
}

// takesForm reports whether the question of a record may be put to the client at all.
func (s *session) takesForm(record string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if asked, ok := s.asked[record]; ok && now.Sub(asked) >= formPatience {
		return false
	}
	return !s.automatic && !s.handed[record] && (s.ranOut.IsZero() || now.Sub(s.ranOut) >= formPause)
}

// noteAsked notes that the question of a record is put.
func (s *session) noteAsked(record string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = map[string]time.Time{}
	}
	if _, before := s.asked[record]; !before {
		s.asked[record] = now
	}
}

// noteAnswered notes that an answer to the question of a record has come.
func (s *session) noteAnswered(record string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.asked, record)
}

// isAutomatic reports whether a program answers for the client, whose answers carry no yes.
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

func (s *session) noteRanOut(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ranOut = now
}

func (s *session) noteHanded(record string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handed == nil {
		s.handed = map[string]bool{}
	}
	s.handed[record] = true
}

// sessions are the clients by the name of their session. Its zero value is ready to use.
type sessions struct {
	mu  sync.Mutex
	all map[string]*session
}

func (s *sessions) named(name string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]*session{}
	}
	if s.all[name] == nil {
		s.all[name] = &session{}
	}
	return s.all[name]
}

package simulator

import (
	"net/http"
	"time"
)

const (
	keptRequests = 10_000
	keptBody     = 16 << 10
)

// Request is a request as it arrived.
type Request struct {
	Method string
	// Path is the whole path, escaped as it came: /api/v1/servers/12345/.
	Path string
	// Query is the raw query, without the question mark.
	Query string
	// Body is the body's first 16 KiB.
	Body string
	// Token is the name of the token that was sent, "" where it is unknown or missing.
	Token string
	// Status is what was answered: 0 while there is no answer, and where the connection was broken.
	Status int
	// At is the time of arrival by the simulator's clock.
	At time.Time
}

// Requests returns a copy of what arrived, oldest first: the last 10,000 at most. A request is there from its
// arrival, before it is answered, whether it is let in or not.
func (s *Simulator) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.all()
}

// Writes returns those of Requests whose method is not GET.
func (s *Simulator) Writes() []Request {
	var writes []Request
	for _, r := range s.Requests() {
		if r.Method != http.MethodGet {
			writes = append(writes, r)
		}
	}
	return writes
}

// arrived records a request and returns its number, and the interceptor as it is now.
func (s *Simulator) arrived(r *http.Request, body []byte) (int, Interceptor) {
	entry := Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		Body: string(body[:min(len(body), keptBody)]), At: s.opts.Now(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if token := s.world.Tokens[bearer(r)]; token != nil {
		entry.Token = token.Name
	}
	return s.log.add(entry), s.intercept
}

// left completes the record of a request.
func (s *Simulator) left(number, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.answered(number, status)
}

// requestLog is a ring: entry n is at n modulo its length.
type requestLog struct {
	entries []Request
	count   int
}

func (l *requestLog) add(r Request) int {
	number := l.count
	l.count++
	if len(l.entries) < keptRequests {
		l.entries = append(l.entries, r)
	} else {
		l.entries[number%keptRequests] = r
	}
	return number
}

func (l *requestLog) answered(number, status int) {
	if number >= l.count-keptRequests {
		l.entries[number%keptRequests].Status = status
	}
}

func (l *requestLog) all() []Request {
	oldest := 0
	if l.count > keptRequests {
		oldest = l.count % keptRequests
	}
	all := make([]Request, 0, len(l.entries))
	return append(append(all, l.entries[oldest:]...), l.entries[:oldest]...)
}

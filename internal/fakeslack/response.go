package fakeslack

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// responseURL is the right to answer something that somebody did, a few times, for a while.
type responseURL struct {
	user, channel, thread string
	at                    time.Time
	uses                  int
	// original is the message whose button was pressed. A command has none: what was
	// answered to it can be replaced by nobody, until one of its own buttons is pressed.
	original *Message
}

const (
	responseLife = 30 * time.Minute
	mostUses     = 5
)

// answerAt makes a response URL; the caller holds the lock.
func (s *Slack) answerAt(user, channelID string, original *Message) string {
	kind := "commands"
	r := &responseURL{user: user, channel: channelID, at: s.now(), original: original}
	if original != nil {
		kind, r.thread = "actions", original.Thread
	}
	path := fmt.Sprintf("/%s/%s/%d/%s", kind, s.o.Team, s.next(), s.opaque("response"))
	s.responses[path] = r
	return s.server.URL + path
}

// respond takes what is posted to a response URL.
func (s *Slack) respond(w http.ResponseWriter, r *http.Request, body []byte) {
	p, _, err := readParams(r, body)
	s.guard("a post to a response_url", p.text())
	code := "invalid_payload"
	if err == nil {
		s.mu.Lock()
		code = s.responded(r.URL.Path, p)
		s.mu.Unlock()
	}
	s.log(Call{Method: "response_url", Params: p, Error: code})
	status := http.StatusOK
	switch code {
	case "":
		code = "ok"
	case "expired_url", "used_url", "no_service":
		status = http.StatusNotFound
	default:
		status = http.StatusBadRequest
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, code) //nolint:gosec // plain text, of the codes above
}

// responded does what a post wants and says what was wrong with it; the caller holds the lock.
func (s *Slack) responded(path string, p params) (code string) {
	u := s.responses[path]
	switch {
	case u == nil:
		return "no_service"
	case s.now().Sub(u.at) > responseLife:
		return "expired_url"
	case u.uses >= mostUses:
		return "used_url"
	}
	u.uses++
	if p["delete_original"] == true {
		if u.original != nil {
			u.original.deleted = true
		}
		return ""
	}
	v, given, a := s.content("a response_url", p)
	if a != nil {
		return a.code()
	}
	if p["replace_original"] == true && u.original != nil {
		return u.original.replace(v, given)
	}
	to := u.user
	if p.str("response_type") == "in_channel" {
		to = ""
	}
	s.add(s.channels[u.channel], &Message{From: s.o.BotUser, To: to, Thread: u.thread}, v)
	return ""
}

// replace rewrites the message whose button was pressed; the caller holds the lock.
func (m *Message) replace(v Version, given bool) (code string) {
	if m.deleted {
		return "message_not_found"
	}
	if !given {
		v.Blocks = nil
	}
	m.change(v)
	return ""
}

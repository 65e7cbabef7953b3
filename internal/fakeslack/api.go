package fakeslack

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Call is one request that the app made.
type Call struct {
	Method string         // of the Web API, or "response_url", "upload"
	Params map[string]any // without the token
	Error  string         // what it was answered; empty: ok
	At     time.Time      // when it was answered
}

// method is one method of the Web API. It runs with the lock held.
type method struct {
	scope string
	app   bool // wants the app's token, not the bot's
	do    func(*Slack, params) answer
}

var methods = map[string]method{
	"auth.test":                    {do: authTest},
	"apps.connections.open":        {app: true, do: connectionsOpen},
	"chat.postMessage":             {scope: "chat:write", do: postMessage},
	"chat.update":                  {scope: "chat:write", do: chatUpdate},
	"files.completeUploadExternal": {scope: "files:write", do: completeUpload},
	"files.getUploadURLExternal":   {scope: "files:write", do: uploadURL},
	"usergroups.users.list":        {scope: "usergroups:read", do: userGroupUsers},
	"views.open":                   {do: viewsOpen},
	"views.publish":                {do: viewsPublish},
	"views.update":                 {do: viewsUpdate},
}

// allScopes are the scopes that the methods and features of an app want.
var allScopes = []string{"channels:read", "chat:write", "commands", "files:write", "im:write", "usergroups:read", "users:read"}

// answer is what a request is answered.
type answer map[string]any

func ok(fields answer) answer {
	fields["ok"] = true
	return fields
}

func no(code string) answer { return answer{"ok": false, "error": code} }

func (a answer) code() string {
	code, _ := a["error"].(string)
	return code
}

// maxBody is more than any request has reason to be, files included.
const maxBody = 8 << 20

// request is a request of the app: to a method of the Web API, "response_url" or "upload".
type request struct {
	w    http.ResponseWriter
	r    *http.Request
	name string
	body []byte
}

func (s *Slack) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == socketPath {
		s.upgrade(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	switch first, method, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); first {
	case "api":
		s.faulty(request{w, r, method, body}, s.call)
	case "commands", "actions":
		s.faulty(request{w, r, "response_url", body}, s.respond)
	case "upload":
		s.faulty(request{w, r, "upload", body}, s.upload)
	default:
		http.NotFound(w, r)
	}
}

// call does one request to the Web API.
func (s *Slack) call(q request) {
	p, token, err := readParams(q.r, q.body)
	s.guard("a call of "+q.name, fmt.Sprint(p))
	var a answer
	switch m, known := methods[q.name]; {
	case !known:
		a = no("unknown_method")
	case err != nil:
		a = no("invalid_json")
	default:
		if a = s.allowed(m, token); a == nil {
			a = locked(s, func() answer { return m.do(s, p) })
		}
	}
	s.log(Call{Method: q.name, Params: p, Error: a.code()})
	q.w.Header().Set("X-OAuth-Scopes", strings.Join(s.o.Scopes, ","))
	q.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if a.code() == "ratelimited" {
		q.w.Header().Set("Retry-After", "30")
		q.w.WriteHeader(http.StatusTooManyRequests)
	}
	_ = json.NewEncoder(q.w).Encode(a)
}

func (s *Slack) log(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.At = s.now()
	s.calls = append(s.calls, c)
}

// Calls are the requests that the app made so far, in the order they were answered: those of
// one method, or all for "".
func (s *Slack) Calls(method string) []Call {
	return locked(s, func() []Call {
		return slices.DeleteFunc(slices.Clone(s.calls), func(c Call) bool { return method != "" && c.Method != method })
	})
}

// allowed is why a token may not call a method; nil: it may.
func (s *Slack) allowed(m method, token string) answer {
	right, other := s.o.BotToken, s.o.AppToken
	if m.app {
		right, other = other, right
	}
	switch {
	case token == "":
		return no("not_authed")
	case token == other:
		return no("not_allowed_token_type")
	case token != right && (m.app || s.NextToken == "" || token != s.NextToken):
		return no("invalid_auth")
	case m.scope != "" && !slices.Contains(s.o.Scopes, m.scope):
		a := no("missing_scope")
		a["needed"], a["provided"] = m.scope, strings.Join(s.o.Scopes, ",")
		return a
	}
	return nil
}

// params are what a method is called with, however they were sent.
type params map[string]any

func readParams(r *http.Request, body []byte) (p params, token string, err error) {
	token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	p = params{}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/json" {
		if len(body) > 0 && string(body) != "null" {
			err = json.Unmarshal(body, &p)
		}
		return p, token, err
	}
	form, err := url.ParseQuery(r.URL.RawQuery + "&" + string(body))
	for key, v := range form {
		p[key] = v[0]
	}
	token = cmp.Or(token, p.str("token"))
	delete(p, "token")
	return p, token, err
}

func (p params) str(key string) string {
	if p[key] == nil {
		return ""
	}
	return fmt.Sprint(p[key])
}

// value reads a parameter that is JSON, or JSON in a string. It reports whether it was given.
func (p params) value(key string, into any) (given bool, err error) {
	v := p[key]
	if v == nil || v == "" {
		return false, nil
	}
	text, isText := v.(string)
	raw := []byte(text)
	if !isText {
		raw, _ = json.Marshal(v) // it was JSON
	}
	return true, json.Unmarshal(raw, into)
}

// guard fails the test if a text holds a secret.
func (s *Slack) guard(where, text string) {
	for _, secret := range slices.Concat(s.Secrets, []string{s.o.BotToken, s.NextToken, s.o.AppToken, s.o.SigningSecret}) {
		if secret != "" && strings.Contains(text, secret) {
			s.fail("%s holds a secret (%.4s…)", where, secret)
		}
	}
}

func authTest(s *Slack, _ params) answer {
	return ok(answer{
		"url": "https://" + domain + ".slack.com/", "team": domain, "user": "vpsbot", "team_id": s.o.Team,
		"user_id": s.o.BotUser, "bot_id": botID, "is_enterprise_install": false,
	})
}

// maxGroupReads is how often usergroups.users.list may be called in a minute.
const maxGroupReads = 20

func userGroupUsers(s *Slack, p params) answer {
	reads := 0
	for _, c := range s.calls {
		if c.Method == "usergroups.users.list" && c.Error == "" && s.now().Sub(c.At) < time.Minute {
			reads++
		}
	}
	if reads >= maxGroupReads {
		return no("ratelimited")
	}
	users, known := s.groups[p.str("usergroup")]
	if !known {
		return no("no_such_subteam")
	}
	return ok(answer{"users": users})
}

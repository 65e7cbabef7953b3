package slackbot

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

// line is the way to Slack's Web API. Every answer passes it, so that two things hold for every
// method: a token that Slack takes no more is noticed with the first refusal, and a pause that
// Slack asks for without a length that makes sense grows by itself.
type line struct {
	client *http.Client
	heard  func(code string) // the word of refusal in each answer; empty: it was none

	mu     sync.Mutex
	limits map[string]int // answers in a row that wanted a pause, by method
}

const (
	mostAnswer  = 4 << 20
	shortPause  = time.Second      // the least after a 429
	longPause   = 30 * time.Second // the most, where Slack names none
	mostAskedOf = 10 * time.Minute // whatever Slack names
)

// Do makes one request. A 429 comes back with a Retry-After that can be kept to.
func (l *line) Do(req *http.Request) (*http.Response, error) {
	resp, err := l.client.Do(req)
	if err != nil {
		return resp, err
	}
	method := path.Base(req.URL.Path)
	if resp.StatusCode == http.StatusTooManyRequests {
		return l.limited(method, resp), nil
	}
	if resp.StatusCode != http.StatusOK {
		return resp, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	_ = resp.Body.Close() // it has been read
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	code := refusalIn(body)
	if isLimit(code) {
		return l.limited(method, resp), nil
	}
	l.taken(method)
	l.heard(code)
	return resp, nil
}

func (l *line) limited(method string, resp *http.Response) *http.Response {
	resp.StatusCode = http.StatusTooManyRequests
	resp.Header.Set("Retry-After", strconv.Itoa(int(l.pause(method, resp.Header)/time.Second)))
	return resp
}

// pause is how long to wait after a method was limited once more.
func (l *line) pause(method string, h http.Header) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limits == nil {
		l.limits = map[string]int{}
	}
	after := pauseFor(h, l.limits[method])
	l.limits[method]++
	return after
}

// taken notes that a method was not limited.
func (l *line) taken(method string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.limits, method)
}

// pauseFor is how long Slack is left alone after it has said so: as long as it names, or longer
// each time where what it names is nothing.
func pauseFor(h http.Header, before int) time.Duration {
	if asked := backoff.RetryAfter(h); asked >= time.Second {
		return min(asked, mostAskedOf)
	}
	return backoff.Doubled(shortPause, longPause, before)
}

// refusalIn is the word by which an answer refuses; "" if it does not. A response_url says it
// without JSON, too.
func refusalIn(body []byte) string {
	var said struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	switch err := json.Unmarshal(body, &said); {
	case err == nil && said.OK != nil && !*said.OK:
		return said.Error
	case err != nil && isWord(body) && string(body) != "ok":
		return string(body)
	}
	return ""
}

func isWord(text []byte) bool {
	return len(text) > 0 && len(text) < 60 && len(bytes.Trim(text, "abcdefghijklmnopqrstuvwxyz_")) == 0
}

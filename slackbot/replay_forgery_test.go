package slackbot_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/testkit"
)

// A signed request that is replayed many times while its signature is valid, concurrently and across a
// restart, has one effect.
func TestFigure14Replayed(t *testing.T) {
	w := newWorld(t)
	genuine := w.slack.As(lea).In(ops).Type(change)
	w.waitDone()
	w.direct(lea, "Done")
	n := testkit.Size(400, 10_000)
	replay := func(n int) {
		forEachConcurrently(n, 0, func(*rand.Rand, int) {
			if again := w.slack.Replay(genuine); again.Status != http.StatusOK || len(again.Body) > 0 {
				t.Errorf("%d %s %v", again.Status, again.Body, again.Err)
			}
		})
	}
	replay(n / 2)
	w.stop()
	w.start()
	w.advanceClock(4 * time.Minute) // the signature counts for five
	replay(n - n/2)
	w.waitIdle()
	time.Sleep(300 * time.Millisecond) // for the bot's periodic work
	require.Len(t, w.sent(), 1)
	require.Len(t, w.records(), 1)
	require.Equal(t, 1, w.countNotifications(lea), "one notification")
	require.Equal(t, 1, w.countDeliveries())
	testkit.Figure(t, 14, "%d replays of one signed request by %d senders, across a restart and until its signature is over: 1 write, 1 record, 1 message (nothing random)", n, senders)
}

// A request whose signature does not match is answered 401 with the same bytes, whatever is wrong.
func TestFigure14Forged(t *testing.T) {
	w := newWorld(t)
	w.slack.As(lea).In(ops).Type(change)
	w.waitDone()
	genuine, err := w.newLoad().Command("http://app.invalid", 0)
	require.NoError(t, err)
	var requests atomic.Int64
	wants := w.answerTo(httptest.NewRequest(http.MethodPost, "/slack/commands", http.NoBody))
	require.Equal(t, "401 refused\n", statusAndBody(wants))
	refused := func(what string, r *http.Request) {
		requests.Add(1)
		if got := w.answerTo(r); got != wants {
			t.Errorf("%s: %s", what, got)
		}
	}
	body, header := contents(t, genuine)
	others := testkit.Size(2, 255) // other values of a byte
	forEachConcurrently(len(body), 0, func(_ *rand.Rand, at int) {
		for by := 1; by <= others; by++ {
			changed := bytes.Clone(body)
			changed[at] ^= byte(by)
			refused(fmt.Sprintf("byte %d is %q", at, changed[at]), request(changed, header))
		}
		refused(fmt.Sprint("byte left out: ", at), request(append(bytes.Clone(body[:at]), body[at+1:]...), header))
	})
	for _, name := range []string{"X-Slack-Signature", "X-Slack-Request-Timestamp"} {
		for at := range len(header.Get(name)) {
			for by := 1; by <= others; by++ {
				changed := []byte(header.Get(name))
				changed[at] ^= byte(by)
				h := header.Clone()
				h.Set(name, string(changed))
				refused(fmt.Sprintf("%s: %q", name, changed), request(body, h))
			}
		}
		h := header.Clone()
		h.Del(name)
		refused("without "+name, request(body, h))
	}
	for _, off := range []time.Duration{301 * time.Second, 302 * time.Second, time.Hour, 1000 * 24 * time.Hour} {
		refused("old", w.slack.Signed("/slack/commands", body, w.now().Add(-off)))
		refused("to come", w.slack.Signed("/slack/commands", body, w.now().Add(off+time.Second))) // it may be the next second by now
	}
	require.Equal(t, 1, w.countDeliveries(), "no forged request was stored")
	require.Equal(t, "200 ", statusAndBody(w.answerTo(request(body, header))), "the original request is accepted")
	testkit.Figure(t, 14, "%d requests with a body, a signature or a time changed in one byte, or signed more than 300 s before or ahead: all answered 401, by the same bytes; none was taken (nothing random)", requests.Load())
}

// contents returns the parts of a request.
func contents(t *testing.T, r *http.Request) (body []byte, header http.Header) {
	t.Helper()
	var b bytes.Buffer
	_, err := b.ReadFrom(r.Body)
	require.NoError(t, err)
	return b.Bytes(), r.Header
}

func request(body []byte, header http.Header) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/slack/commands", bytes.NewReader(body))
	r.Header = header
	return r
}

// answerTo is the whole answer to a request: its status, its body and its headers.
func (w *world) answerTo(r *http.Request) string {
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	return fmt.Sprintf("%d %s\n%v", rec.Code, rec.Body, rec.Header())
}

// statusAndBody is the status and the body of an answer.
func statusAndBody(answer string) string {
	first, _, _ := bytes.Cut([]byte(answer), []byte("\nmap"))
	return string(first)
}

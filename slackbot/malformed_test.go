package slackbot_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// maxGrowth is by how much the heap may grow between a tenth of the requests and the last.
const maxGrowth = 16 << 20

// Malformed requests from a generator, with a valid signature or none, have no effect but a
// well-formed answer.
func TestFigure15Malformed(t *testing.T) {
	s := testkit.Seed(t)
	w := newWorld(t)
	genuine := w.captureRequests()
	w.stop()
	bot := w.startDiscardingBot()
	n := testkit.Size(1500, 100_000)
	counts := &statusCounts{by: map[int]int{}}
	var early uint64
	for _, part := range []struct{ from, to int }{{0, n / 10}, {n / 10, n}} {
		for from := part.from; from < part.to; from += maxQueued {
			forEachConcurrently(min(maxQueued, part.to-from), s+uint64(from), func(random *mathrand.Rand, _ int) {
				m := &requestMutator{random, genuine, w}
				counts.count(t, w.mux, m.nextRequest())
			})
			w.advanceClock(time.Second)
			bot.catchUp()
		}
		if part.from == 0 {
			early = heapInUse()
		}
	}
	late := heapInUse()
	require.Less(t, late, early+maxGrowth, "memory grows")
	require.Zero(t, bot.writes.Load(), "something was written to VPS.org")
	require.Empty(t, bot.panicLog.String(), "a panic")
	require.Greater(t, counts.by[http.StatusOK], n/10, "%v", counts.by)
	require.Greater(t, counts.by[http.StatusUnauthorized], n/10, "%v", counts.by)
	others := n - counts.by[200] - counts.by[400] - counts.by[401] - counts.by[413]
	testkit.Figure(t, 15, "%d malformed deliveries made of %d real ones, signed and not (%d taken, %d answered 400, %d 401, %d 413, %d otherwise below 500): 0 panics, 0 answers of 500 or above, 0 writes to VPS.org; %.1f MB in use after a tenth of them, %.1f MB at the end (seed %d)",
		n, len(genuine), counts.by[200], counts.by[400], counts.by[401], counts.by[413], others, megabytes(early), megabytes(late), s)
}

// maxQueued is how many requests are sent before the bot may catch up.
const maxQueued = 500

func megabytes(n uint64) float64 { return float64(n) / (1 << 20) }

func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // frees the objects that the first run finalized
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// statusCounts counts the bot's HTTP responses by status.
type statusCounts struct {
	mu sync.Mutex
	by map[int]int
}

func (a *statusCounts) count(t *testing.T, to http.Handler, r *http.Request) {
	rec := httptest.NewRecorder()
	to.ServeHTTP(rec, r)
	if rec.Code >= http.StatusInternalServerError {
		t.Errorf("%s %s: %d %s", r.Method, r.URL, rec.Code, rec.Body)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.by[rec.Code]++
}

// capturedRequest is one request as Slack sent it.
type capturedRequest struct {
	path string
	body []byte
}

// captureRequests performs every kind of user action, and returns the requests that Slack sent. Their
// records have ended, so that none of the requests is still a consent.
func (w *world) captureRequests() (all []capturedRequest) {
	var mu sync.Mutex
	w.slack.DeliverTo(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		all = append(all, capturedRequest{r.URL.Path, body})
		mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.mux.ServeHTTP(rw, r)
	}))
	p, other := w.slack.As(lea).In(ops), w.slack.As(max).In(approvals)
	for _, line := range []string{
		"/vps", "/vps help servers", "/vps ls --share", "/vps servers lst", "/vps servers list --csv", "/vps why stop db-server-01",
		"/vps approvals", "/vps audit", "/vps servers get web-server-01", "/vps stop nothing-here", "/vps backups list",
	} {
		p.Type(line)
	}
	p.Type("/vps delete web-server-01")
	card := w.ephemeral(lea, "Deletes")
	p.Press(card, "confirm")
	v := w.modal(lea, "web-server-01")
	p.Fill(v, map[string]any{"name": "web-server-1"})
	p.Submit(v)
	p.CloseView(v)
	other.PressButton(card, card.Button("confirm"))
	p.Press(card, "cancel")
	p.Type("/vps stop db-server-01")
	asked := w.posted(approvals, "Stops")
	p.Press(w.ephemeral(lea, "Stops"), "confirm")
	p.Press(asked, "approve")
	other.Press(asked, "deny")
	why := w.modal(max, "")
	other.Fill(why, map[string]any{"reason": "not today"})
	other.Submit(why)
	p.Type("/vps servers create")
	form := w.form(lea, "plan_id")
	p.Fill(form, map[string]any{"field:name": "web-9", "field:plan_id": "2", "field:os_id": "Debian 12", "field:location": "us-west"})
	p.Submit(form)
	p.Press(w.ephemeral(lea, "Creates"), "cancel")
	p.Type("/vps stop")
	p.Suggest(w.form(lea, "server"), "field:server", "web")
	p.OpenHome()
	p.Press(w.slack.WaitHome(lea, ""), "home_refresh")
	w.waitIdle()
	require.Empty(w, w.sent())
	mu.Lock()
	defer mu.Unlock()
	return all
}

// discardingBot is a bot whose Slack API stores nothing, so that the heap in use is the bot's.
type discardingBot struct {
	*world
	panicLog *panicLog
	writes   atomic.Int64
}

// startDiscardingBot starts a discardingBot on the world's store, behind the world's routes.
func (w *world) startDiscardingBot() *discardingBot {
	d := &discardingBot{world: w, panicLog: &panicLog{}}
	w.slackTransport = discardingSlack{}
	w.changeRunner = func(r *runner.Runner) {
		var err error
		r.Log = slog.New(slog.NewTextHandler(d.panicLog, nil))
		r.Client, err = apiclient.New(apiclient.Options{BaseURL: loopback, Token: r.Token, Transport: d})
		require.NoError(w, err)
	}
	w.start()
	return d
}

// catchUp waits until the bot has carried out all deliveries.
func (d *discardingBot) catchUp() {
	d.Helper()
	require.Eventually(d, func() bool {
		if d.countInbox("done = 0") == 0 {
			return true
		}
		d.advanceClock(100 * time.Millisecond) // a delivery that found the queue full is claimed again after a minute
		return false
	}, time.Minute, 10*time.Millisecond)
}

// RoundTrip is the transport to VPS.org; it counts writes.
func (d *discardingBot) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		d.writes.Add(1)
	}
	return d.sim.Transport().RoundTrip(r)
}

// discardingSlack is a Slack API that answers every request with ok.
type discardingSlack struct{}

func (discardingSlack) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	const yes = `{"ok":true,"team_id":"T0TEAM","team":"fake","user":"vpsbot","channel":"C0OPS","ts":"1.2","view":{"id":"V1"},"upload_url":"http://127.0.0.1/","file_id":"F1","files":[{"id":"F1"}]}`
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(yes)),
	}, nil
}

// panicLog is a log that keeps the lines about panics.
type panicLog struct{ testkit.Log }

func (a *panicLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("internal error")) || bytes.Contains(line, []byte("panic")) {
		return a.Log.Write(line)
	}
	return len(line), nil
}

// errCut is the error of a body whose connection was cut.
var errCut = errors.New("the connection was cut")

// nextRequest makes a malformed request.
func (m *requestMutator) nextRequest() *http.Request {
	from := m.genuine[m.IntN(len(m.genuine))]
	path, body := from.path, m.mutateBody(from)
	if m.IntN(20) == 0 {
		path = []string{"/slack/commands", "/slack/interactivity", "/slack/events", "/slack", "/"}[m.IntN(5)]
	}
	at := m.now()
	if m.IntN(20) == 0 {
		at = at.Add(time.Duration(m.Int64N(1e17)) - 5e16)
	}
	r := m.slack.Signed(path, body, at)
	switch m.IntN(24) {
	case 0, 1:
		r.Header.Del("X-Slack-Signature")
	case 2:
		r.Header.Set("X-Slack-Signature", string(m.scrambleBytes([]byte(r.Header.Get("X-Slack-Signature")))))
	case 3:
		r.Header.Set("X-Slack-Request-Timestamp", string(m.scrambleBytes([]byte(r.Header.Get("X-Slack-Request-Timestamp")))))
	case 4:
		r.Header.Add("X-Slack-Signature", r.Header.Get("X-Slack-Signature"))
	case 5:
		r.Header.Set("Content-Type", string(m.scrambleBytes([]byte("application/json; charset=utf-8"))))
	case 6:
		r.Method = []string{http.MethodGet, http.MethodPut, http.MethodHead, "VPS", ""}[m.IntN(5)]
	case 7:
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:m.IntN(len(body)+1)]), iotest.ErrReader(errCut)))
	case 8:
		r.Header.Set("X-Slack-Retry-Num", string(m.scrambleBytes([]byte("1"))))
	}
	return r
}

package slackbot_test

import (
	"bytes"
	"context"
	"crypto/rand"
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
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/slackbot"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// mostGrowth is by how much the memory in use may grow from a tenth of the way to its end.
const mostGrowth = 16 << 20

// Malformed requests from a generator, with a valid signature or none, have no effect but a
// well-formed answer.
func TestFigure15Malformed(t *testing.T) {
	s := testkit.Seed(t)
	w := newWorld(t)
	genuine := w.realDeliveries()
	w.stop()
	bot := w.startDeaf()
	n := testkit.Size(1500, 100_000)
	counts := &answers{by: map[int]int{}}
	var early uint64
	for _, part := range []struct{ from, to int }{{0, n / 10}, {n / 10, n}} {
		for from := part.from; from < part.to; from += mostWaiting {
			some := part.to - from
			if some > mostWaiting {
				some = mostWaiting
			}
			share(some, s+uint64(from), func(random *mathrand.Rand, _ int) {
				m := &malformer{random, genuine, w}
				counts.see(t, w.mux, m.next())
			})
			w.later(time.Second)
			bot.catchUp()
		}
		if part.from == 0 {
			early = inUse()
		}
	}
	late := inUse()
	require.Less(t, late, early+mostGrowth, "memory grows")
	require.Zero(t, bot.writes.Load(), "something was written to VPS.org")
	require.Empty(t, bot.alarm.String(), "a panic")
	require.Greater(t, counts.by[http.StatusOK], n/10, "%v", counts.by)
	require.Greater(t, counts.by[http.StatusUnauthorized], n/10, "%v", counts.by)
	testkit.Figure(t, 15, "%d malformed deliveries made of %d real ones, signed and not (%d taken, %d answered 400, %d 401, %d 413, %d otherwise below 500): 0 panics, 0 answers of 500 or above, 0 writes to VPS.org; %.1f MB in use after a tenth of them, %.1f MB at the end (seed %d)",
		n, len(genuine), counts.by[200], counts.by[400], counts.by[401], counts.by[413], counts.others(), mb(early), mb(late), s)
}

// mostWaiting is how many requests are sent before the bot may catch up.
const mostWaiting = 500

func mb(n uint64) float64 { return float64(n) / (1 << 20) }

func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first has only marked to be finalized
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// answers are what was answered, by status.
type answers struct {
	mu sync.Mutex
	by map[int]int
}

func (a *answers) see(t *testing.T, to http.Handler, r *http.Request) {
	rec := httptest.NewRecorder()
	to.ServeHTTP(rec, r)
	if rec.Code >= http.StatusInternalServerError {
		t.Errorf("%s %s: %d %s", r.Method, r.URL, rec.Code, rec.Body)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.by[rec.Code]++
}

func (a *answers) others() (n int) {
	for code, count := range a.by {
		switch code {
		case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestEntityTooLarge:
		default:
			n += count
		}
	}
	return n
}

// delivered is one request as Slack sent it.
type delivered struct {
	path string
	body []byte
}

// realDeliveries lets people act in every way, and returns the requests that Slack sent. Their records
// have ended: no consent is among the requests any more.
func (w *world) realDeliveries() (all []delivered) {
	var mu sync.Mutex
	w.slack.DeliverTo(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		all = append(all, delivered{r.URL.Path, body})
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
	w.idle()
	require.Empty(w, w.sent())
	mu.Lock()
	defer mu.Unlock()
	return all
}

// deaf is a bot against a Slack that accepts all requests and stores nothing: the memory in use is
// the bot's.
type deaf struct {
	*world
	alarm  *alarm
	writes atomic.Int64
}

// startDeaf starts one on the store of the world, and lets the world's requests reach it.
func (w *world) startDeaf() *deaf {
	d := &deaf{world: w, alarm: &alarm{}}
	db, err := store.Open(w.Context(), w.url)
	require.NoError(w, err)
	w.store = db
	runner := w.newRunner("deaf", db)
	runner.Log = slog.New(slog.NewTextHandler(d.alarm, nil))
	source := func() (string, error) { return token, nil }
	runner.Client, err = apiclient.New(apiclient.Options{BaseURL: loopback, Token: source, Transport: d})
	require.NoError(w, err)
	o := w.slack.Options()
	bot, err := slackbot.New(slackbot.Options{
		Runner: runner, Store: func(context.Context) (slackbot.Store, error) { return db, nil },
		Token: o.BotToken, APIURL: w.slack.APIURL(), Client: &http.Client{Transport: oblivion{}},
		Now: w.now, Random: rand.Reader, Log: runner.Log, Every: 50 * time.Millisecond,
	})
	require.NoError(w, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { bot.Run(ctx) })
	w.mux = http.NewServeMux()
	h := &transport.HTTP{Secret: func() (string, error) { return o.SigningSecret, nil }, Handler: bot, Now: w.now, Log: runner.Log}
	h.Routes(w.mux)
	w.stop = func() {
		cancel()
		running.Wait()
		require.NoError(w, db.Close())
	}
	require.Eventually(w, bot.Ready, 5*time.Second, time.Millisecond)
	return d
}

// catchUp waits until the bot has carried out all deliveries.
func (d *deaf) catchUp() {
	d.Helper()
	require.Eventually(d, func() bool {
		if d.inInbox("done = 0") == 0 {
			return true
		}
		d.later(100 * time.Millisecond) // a delivery that found the queue full is claimed again after a minute
		return false
	}, time.Minute, 10*time.Millisecond)
}

// RoundTrip is VPS.org, whose writes are counted.
func (d *deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		d.writes.Add(1)
	}
	return d.sim.Transport().RoundTrip(r)
}

// oblivion is a Slack that answers every request with ok.
type oblivion struct{}

func (oblivion) RoundTrip(r *http.Request) (*http.Response, error) {
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

// alarm is a log that keeps the lines about panics.
type alarm struct{ testkit.Log }

func (a *alarm) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("internal error")) || bytes.Contains(line, []byte("panic")) {
		return a.Log.Write(line)
	}
	return len(line), nil
}

// errCut is how a body ends whose sender has gone.
var errCut = errors.New("the connection was cut")

// next is another malformed request.
func (m *malformer) next() *http.Request {
	from := m.genuine[m.IntN(len(m.genuine))]
	path, body := from.path, m.mutated(from)
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
		r.Header.Set("X-Slack-Signature", string(m.scrambled([]byte(r.Header.Get("X-Slack-Signature")))))
	case 3:
		r.Header.Set("X-Slack-Request-Timestamp", string(m.scrambled([]byte(r.Header.Get("X-Slack-Request-Timestamp")))))
	case 4:
		r.Header.Add("X-Slack-Signature", r.Header.Get("X-Slack-Signature"))
	case 5:
		r.Header.Set("Content-Type", string(m.scrambled([]byte("application/json; charset=utf-8"))))
	case 6:
		r.Method = []string{http.MethodGet, http.MethodPut, http.MethodHead, "VPS", ""}[m.IntN(5)]
	case 7:
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:m.IntN(len(body)+1)]), iotest.ErrReader(errCut)))
	case 8:
		r.Header.Set("X-Slack-Retry-Num", string(m.scrambled([]byte("1"))))
	}
	return r
}

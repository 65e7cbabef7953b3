package slackbot_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// apiDelay is how long VPS.org does not answer a request.
const apiDelay = 30 * time.Second

// Slack is answered within a second while VPS.org hangs: commands, presses, forms, server suggestions,
// the Home tab.
func TestFigure13AcknowledgedWhileTheAPIHangs(t *testing.T) {
	w := newWorld(t)
	actions := w.prepareActions()
	w.delayAPI("", apiDelay)
	n := testkit.Size(200, 3000)
	before := w.countDeliveries()
	var stored atomic.Int64
	var worst slowest
	forEachConcurrently(n, 0, func(_ *rand.Rand, i int) {
		began := time.Now()
		stored.Add(int64(actions[i%len(actions)](i)))
		worst.add(time.Since(began))
	})
	require.Less(t, worst.took, time.Second)
	require.Empty(t, w.sent())
	require.Equal(t, before+int(stored.Load()), w.countDeliveries(), "each acknowledged delivery is stored")
	testkit.Figure(t, 13, "%d commands, presses, forms and option loads by %d at once while each request to VPS.org hangs for %s: all acknowledged, %d ms at the worst, each of %d durable (nothing random)",
		n, senders, apiDelay, worst.took.Milliseconds(), stored.Load())
}

// Commands that come in at a steady rate, and those that another process has left, are carried out once each.
func TestLoadIsCarriedOut(t *testing.T) {
	w, l := newLoadedWorld(t)
	const left, fresh = 700, 300
	w.leave(l, left)
	w.start()
	_, err := l.Send(listen(t, w.mux), left, left+fresh)
	require.NoError(t, err)
	w.waitAnswered(l, left+fresh)
}

// slowest keeps the longest of the times added.
type slowest struct {
	mu   sync.Mutex
	took time.Duration
}

func (s *slowest) add(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if took > s.took {
		s.took = took
	}
}

// prepareActions returns user actions, each as a function that returns how many deliveries it stores.
func (w *world) prepareActions() []func(i int) int {
	p, other := w.slack.As(lea).In(ops), w.slack.As(max).In(approvals)
	p.Type("/vps delete web-server-01")
	named := w.ephemeral(lea, "Deletes")
	p.Type("/vps stop db-server-01")
	asked := w.posted(approvals, "Stops")
	p.Type("/vps stop")
	form := w.form(lea, "server")
	other.Type("/vps delete web-server-01")
	other.Press(w.ephemeral(max, "Deletes"), "confirm")
	window := w.modal(max, "web-server-01")
	other.Fill(window, map[string]any{"name": "web-server-02"})
	w.waitIdle()
	confirm, approve := named.Button("confirm"), asked.Button("approve")
	return []func(i int) int{
		func(i int) int { return w.requireAcknowledged(p.Type(fmt.Sprint("/vps servers list --offset ", i))) },
		func(i int) int { return w.requireAcknowledged(p.Type(fmt.Sprint("/vps reboot web-server-0", i))) },
		func(int) int { return w.requireAcknowledged(p.PressButton(asked, approve)) },
		func(int) int { return w.requireAcknowledged(other.PressButton(named, confirm)) },
		func(int) int { return w.requireAcknowledged(other.OpenHome()) },
		func(int) int {
			if wrong := other.Submit(window); wrong.Errors["name"] == "" {
				w.Errorf("the wrong name was answered %d %s", wrong.Status, wrong.Body)
			}
			return 0
		},
		func(i int) int { // nothing is cached for lea: the slowest
			p.Suggest(form, "field:server", fmt.Sprint("web", i))
			return 0
		},
	}
}

// requireAcknowledged fails unless the answer to Slack is an empty acknowledgement.
func (w *world) requireAcknowledged(a fakeslack.Ack) int {
	if !a.OK() || len(a.Body) > 0 {
		w.Errorf("%d %s %s %v", a.Status, a.Body, a.Unsent, a.Err)
	}
	return 1
}

// waitIdle waits until all acknowledged deliveries are done.
func (w *world) waitIdle() {
	w.Helper()
	require.Eventually(w, func() bool { return w.countInbox("done = 0") == 0 }, time.Minute, 5*time.Millisecond)
}

// countDeliveries counts the deliveries in the store.
func (w *world) countDeliveries() int { return w.countInbox("true") }

// countInbox counts the deliveries in the store that match an SQL condition, on a connection of its own.
func (w *world) countInbox(condition string) (n int) {
	w.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(w.url, "sqlite:"))
	require.NoError(w, err)
	defer db.Close()
	require.NoError(w, db.QueryRowContext(w.Context(), "SELECT count(*) FROM inbox WHERE "+condition).Scan(&n))
	return n
}

// senders is the number of concurrent senders.
const senders = 8

// forEachConcurrently calls do with 0 to n-1 from several goroutines, each with its own random source.
func forEachConcurrently(n int, s uint64, do func(random *rand.Rand, i int)) {
	var all sync.WaitGroup
	for from := range senders {
		random := rand.New(rand.NewPCG(s, uint64(from)))
		all.Go(func() {
			for i := from; i < n; i += senders {
				do(random, i)
			}
		})
	}
	all.Wait()
}

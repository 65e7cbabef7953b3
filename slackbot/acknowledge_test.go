package slackbot_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// hang is how long VPS.org says nothing to a request.
const hang = 30 * time.Second

// Slack is answered within a second while VPS.org hangs: commands, presses, forms, server suggestions,
// the Home tab.
func TestFigure13AcknowledgedWhileTheAPIHangs(t *testing.T) {
	w := newWorld(t)
	deeds := w.prepareDeeds()
	w.hangFor(hang)
	n := testkit.Size(200, 3000)
	before := w.stored()
	var stored atomic.Int64
	var worst slowest
	share(n, 0, func(_ *rand.Rand, i int) {
		began := time.Now()
		stored.Add(int64(deeds[i%len(deeds)](i)))
		worst.see(time.Since(began))
	})
	require.Less(t, worst.took, time.Second)
	require.Empty(t, w.sent())
	require.Equal(t, before+int(stored.Load()), w.stored(), "each that was acknowledged is there")
	testkit.Figure(t, 13, "%d commands, presses, forms and option loads by %d at once while each request to VPS.org hangs for %s: all acknowledged, %d ms at the worst, each of %d durable (nothing random)",
		n, senders, hang, worst.took.Milliseconds(), stored.Load())
}

// slowest remembers the longest time.
type slowest struct {
	mu   sync.Mutex
	took time.Duration
}

func (s *slowest) see(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if took > s.took {
		s.took = took
	}
}

// hangFor makes each request to VPS.org wait for a time, or until the test ends.
func (w *world) hangFor(d time.Duration) {
	over := make(chan struct{})
	w.Cleanup(func() { close(over) })
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		select {
		case <-time.After(d):
		case <-over:
		case <-r.Context().Done():
		}
		next.ServeHTTP(rw, r)
	})
}

// prepareDeeds returns the acts of people, each as a function that returns how many deliveries it
// has left in the store.
func (w *world) prepareDeeds() []func(i int) int {
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
	w.idle()
	confirm, approve := named.Button("confirm"), asked.Button("approve")
	return []func(i int) int{
		func(i int) int { return w.taken(p.Type(fmt.Sprint("/vps servers list --offset ", i))) },
		func(i int) int { return w.taken(p.Type(fmt.Sprint("/vps reboot web-server-0", i))) },
		func(int) int { return w.taken(p.PressButton(asked, approve)) },
		func(int) int { return w.taken(other.PressButton(named, confirm)) },
		func(int) int { return w.taken(other.OpenHome()) },
		func(int) int {
			if wrong := other.Submit(window); wrong.Errors["name"] == "" {
				w.Errorf("the wrong name was answered %d %s", wrong.Status, wrong.Body)
			}
			return 0
		},
		func(i int) int { // for somebody for whom nothing was read before: the slowest
			p.Suggest(form, "field:server", fmt.Sprint("web", i))
			return 0
		},
	}
}

// taken fails unless the answer to Slack is an empty acknowledgement.
func (w *world) taken(a fakeslack.Ack) int {
	if !a.OK() || len(a.Body) > 0 {
		w.Errorf("%d %s %s %v", a.Status, a.Body, a.Unsent, a.Err)
	}
	return 1
}

// idle waits until all acknowledged deliveries are carried out.
func (w *world) idle() {
	w.Helper()
	require.Eventually(w, func() bool { return w.inInbox("done = 0") == 0 }, time.Minute, 5*time.Millisecond)
}

// inInbox counts the deliveries in the store for which a condition holds.
func (w *world) inInbox(so string) (n int) {
	w.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(w.url, "sqlite:"))
	require.NoError(w, err)
	defer db.Close()
	require.NoError(w, db.QueryRowContext(w.Context(), "SELECT count(*) FROM inbox WHERE "+so).Scan(&n))
	return n
}

// senders is how many send at once.
const senders = 8

// share calls do with 0 to n-1, from several goroutines, each with a random source of its own.
func share(n int, s uint64, do func(random *rand.Rand, i int)) {
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

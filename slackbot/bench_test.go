package slackbot_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/internal/seal"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// rate is how many commands a second come in.
const rate = 1000

// benchSize is few, or full with VPSBOT_BENCH=full.
func benchSize(few, full int) int {
	if os.Getenv("VPSBOT_BENCH") == "full" {
		return full
	}
	return few
}

// newLoad is a load of reads by lea.
func (w *world) newLoad() *fakeslack.Load {
	return &fakeslack.Load{
		Slack: w.slack, Rate: rate, User: lea, Channel: ops, Answer: "web-server-01",
		Text: func(n int) string { return fmt.Sprint("servers list --limit ", 1+n%50) },
	}
}

// newLoadedWorld is a world whose bot answers a load.
func newLoadedWorld(tb testing.TB) (*world, *fakeslack.Load) {
	w := newStoppedSQLiteWorld(tb)
	l := w.newLoad()
	w.slackTransport = l
	w.start()
	return w, l
}

// leave leaves n acknowledged commands in the store, as a process does that ends before it carries them out.
func (w *world) leave(l *fakeslack.Load, n int) {
	w.Helper()
	w.stop()
	db, err := store.Open(w.Context(), w.url)
	require.NoError(w, err)
	sealer, err := seal.New(w.slack.Options().BotToken, rand.Reader)
	require.NoError(w, err)
	for from := 0; from < n; from += rate / 2 {
		var some []delivery.Delivery
		for i := from; i < min(n, from+rate/2); i++ {
			id := fmt.Sprint("left:", i)
			some = append(some, delivery.Delivery{
				ID: id, Kind: string(transport.Command), Body: sealer.Seal(id, l.Body(i)), ReceivedAt: w.now(), Until: w.now().Add(time.Hour),
			})
		}
		_, err := db.Enqueue(w.Context(), w.now(), some)
		require.NoError(w, err)
	}
	require.NoError(w, db.Close())
}

// waitAnswered waits until n commands of a load were carried out, each once.
func (w *world) waitAnswered(l *fakeslack.Load, n int) {
	w.Helper()
	w.eventually("all are answered", func() bool { done, _ := l.Answered(); return done >= n })
	w.waitIdle()
	all, wrong := l.Answered()
	require.Equal(w, []int{n, 0}, []int{all, wrong}, "each is answered once, and rightly")
	require.Equal(w, n, w.countDeliveries())
}

// listen returns the address of a server.
func listen(tb testing.TB, h http.Handler) string {
	server := httptest.NewServer(h)
	tb.Cleanup(server.Close)
	return server.URL
}

// BenchmarkAcknowledged sends commands at a steady rate to a handler that does nothing, to the bot while VPS.org hangs,
// and to the bot while each is carried out. p99-ms is against that of the first.
func BenchmarkAcknowledged(b *testing.B) {
	n := benchSize(rate, 60*rate)
	b.Run("by nothing", func(b *testing.B) {
		nothing := listen(b, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
		benchAcknowledged(b, newStoppedSQLiteWorld(b).newLoad(), nothing, n, "idle-")
	})
	b.Run("while VPS.org hangs", func(b *testing.B) {
		w := newWorld(b)
		w.sim.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })
		benchAcknowledged(b, w.newLoad(), listen(b, w.mux), min(n, 5*rate), "hanging-")
		require.Equal(b, b.N*min(n, 5*rate), w.countDeliveries(), "each acknowledged delivery is stored")
	})
	b.Run("and carried out", func(b *testing.B) {
		w, l := newLoadedWorld(b)
		benchAcknowledged(b, l, listen(b, w.mux), n, "")
		w.waitAnswered(l, b.N*n)
		b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "carried-out/s")
	})
}

// benchAcknowledged sends n commands b.N times, and reports the acknowledgements' times.
func benchAcknowledged(b *testing.B, l *fakeslack.Load, address string, n int, prefix string) {
	var took fakeslack.Times
	b.ResetTimer()
	for i := range b.N {
		some, err := l.Send(address, i*n, (i+1)*n)
		require.NoError(b, err)
		took = append(took, some...)
	}
	slices.Sort(took)
	for unit, share := range map[string]float64{"p50-ms": .5, "p99-ms": .99} {
		b.ReportMetric(took.Within(share), prefix+unit)
	}
}

// BenchmarkBacklog carries out what a process that has ended left in the store, and beside it as many commands
// that come in at once: backlog/fresh is the ratio of their times.
func BenchmarkBacklog(b *testing.B) {
	n := benchSize(rate, 10*rate)
	for b.Loop() {
		fresh, left := benchFresh(b, n), benchLeft(b, n)
		b.ReportMetric(float64(n)/fresh.Seconds(), "fresh/s")
		b.ReportMetric(float64(n)/left.Seconds(), "backlog/s")
		b.ReportMetric(left.Seconds(), "s/backlog")
		b.ReportMetric(left.Seconds()/fresh.Seconds(), "backlog/fresh")
	}
}

// benchFresh returns how long it takes to acknowledge and carry out n commands.
func benchFresh(b *testing.B, n int) time.Duration {
	w, l := newLoadedWorld(b)
	defer w.stop()
	address, began := listen(b, w.mux), time.Now()
	for from := 0; from < n; from += rate / 4 {
		_, err := l.Send(address, from, min(n, from+rate/4))
		require.NoError(b, err)
	}
	w.waitAnswered(l, n)
	return time.Since(began)
}

// benchLeft returns how long it takes a new process to carry out n commands that another has left.
func benchLeft(b *testing.B, n int) time.Duration {
	w, l := newLoadedWorld(b)
	w.leave(l, n)
	began := time.Now()
	w.start()
	defer w.stop()
	w.waitAnswered(l, n)
	return time.Since(began)
}

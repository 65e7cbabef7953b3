package inbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/seal"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// memory is a store of deliveries in memory. What it holds unclaimed another process has left.
type memory struct {
	mu        sync.Mutex
	stored    [][]string
	seen      map[string]bool
	unclaimed []delivery.Delivery
	claims    int
	acked     []string
	err       error
	takes     time.Duration
}

func (m *memory) delay() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.takes
}

// setDelay sets how long storing and claiming take.
func (m *memory) setDelay(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.takes = d
}

func (m *memory) Enqueue(_ context.Context, _ time.Time, ds []delivery.Delivery) (fresh []bool, err error) {
	time.Sleep(m.delay())
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for _, d := range ds {
		fresh, ids = append(fresh, !m.seen[d.ID]), append(ids, d.ID)
		if d.Unclaimed && !m.seen[d.ID] {
			m.unclaimed = append(m.unclaimed, d)
		}
		m.seen[d.ID] = true
	}
	m.stored = append(m.stored, ids)
	return fresh, m.err
}

func (m *memory) ClaimExpired(_ context.Context, _ time.Time, n int) (some []delivery.Delivery, _ error) {
	time.Sleep(m.delay())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claims++
	n = min(n, len(m.unclaimed))
	some, m.unclaimed = m.unclaimed[:n], m.unclaimed[n:]
	return some, nil
}

func (m *memory) Ack(_ context.Context, ids []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acked = append(m.acked, ids...)
	return nil
}

// harness is an inbox on a memory store, with what it has carried out.
type harness struct {
	*memory
	*Inbox
	carried, expired []string
	takes            time.Duration // to carry one out
	stop             func()
}

func newHarness(t *testing.T) *harness {
	sealer, err := seal.New("xoxb-1", rand.Reader)
	require.NoError(t, err)
	h := &harness{memory: &memory{seen: map[string]bool{}}}
	note := func(to *[]string) func(context.Context, transport.Delivery) error {
		return func(_ context.Context, d transport.Delivery) error {
			time.Sleep(h.takes)
			h.mu.Lock()
			defer h.mu.Unlock()
			*to = append(*to, d.ID+" "+string(d.Body))
			return nil
		}
	}
	ready := make(chan struct{})
	close(ready)
	h.Inbox = New(Options{
		Store:  func(context.Context) (delivery.Inbox, error) { return h.memory, nil },
		Sealer: sealer, Now: time.Now, Log: slog.New(slog.DiscardHandler), Every: time.Second,
		Ready: ready, Carry: note(&h.carried), Expired: note(&h.expired),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	h.stop = func() { cancel(); running.Wait() }
	return h
}

func of(id string) transport.Delivery {
	return transport.Delivery{ID: id, Kind: transport.Command, Body: []byte("body")}
}

// left is a delivery that another process stored some time ago.
func (h *harness) left(id string, ago time.Duration) delivery.Delivery {
	return delivery.Delivery{ID: id, Kind: "command", Body: h.Sealer.Seal(id, []byte("body")), ReceivedAt: time.Now().Add(-ago)}
}

func TestDeliveryIsStoredCarriedOutAndAcknowledgedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		require.NoError(t, h.Add(t.Context(), of("a")))
		require.NoError(t, h.Add(t.Context(), of("a")), "a repetition")
		synctest.Wait()
		h.stop()
		require.Equal(t, []string{"a body"}, h.carried)
		require.Equal(t, []string{"a"}, h.acked)
	})
}

func TestDeliveriesShareABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.setDelay(time.Second)
		var all sync.WaitGroup
		for i := range 2 * maxBatch {
			all.Go(func() { require.NoError(t, h.Add(t.Context(), of(time.Duration(i).String()))) })
		}
		all.Wait()
		time.Sleep(time.Minute)
		h.stop()
		require.LessOrEqual(t, len(h.stored), 4)
		for _, batch := range h.stored {
			require.LessOrEqual(t, len(batch), maxBatch)
		}
		require.Len(t, h.carried, 2*maxBatch)
	})
}

func TestDeliveryThatIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.err = errors.New("the database is gone")
		require.ErrorIs(t, h.Add(t.Context(), of("a")), h.err)
		h.err = nil
		h.setDelay(3 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, h.Add(ctx, of("b")), ErrSlow)
		time.Sleep(5 * time.Second)
		h.stop()
		require.Equal(t, []string{"b body"}, h.carried, "it was stored after all")
	})
}

func TestDeliveriesOfAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		sealed, late := h.left("sealed", time.Minute), h.left("sealed, late", time.Hour)
		sealed.Body, late.Body = []byte("by another token"), []byte("by another token")
		h.mu.Lock()
		h.unclaimed = []delivery.Delivery{h.left("new", time.Minute), h.left("late", time.Hour), sealed, late}
		h.mu.Unlock()
		time.Sleep(2 * time.Second)
		h.stop()
		require.Equal(t, []string{"new body"}, h.carried)
		require.Equal(t, []string{"late body"}, h.expired)
		require.ElementsMatch(t, []string{"new", "late", "sealed, late"}, h.acked, "another process may have the token of the fourth")
	})
}

// What finds no room waits in the store for whoever has room first; what comes meanwhile waits behind it, although
// there is room again. It is carried out as fast as what did find room.
func TestDeliveriesThatFindNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.takes = time.Second
		h.setDelay(time.Millisecond)
		const n = 10 * maxWorkers
		for i := range n {
			require.NoError(t, h.Add(t.Context(), of(fmt.Sprint(i))))
		}
		h.mu.Lock()
		require.GreaterOrEqual(t, len(h.unclaimed)+len(h.carried), n-maxWorkers-maxQueue-maxClaim, "this process claims what it can carry out")
		h.mu.Unlock()
		time.Sleep(8 * time.Second)
		h.stop()
		require.Len(t, h.carried, n)
		for i := range n {
			at := slices.Index(h.carried, fmt.Sprint(i, " body"))
			require.InDelta(t, i, at, maxWorkers+maxQueue, "each, and nothing is overtaken by what came much later")
		}
		require.Less(t, h.claims, n/maxClaim+n/2, "one claim for each batch that found no room, at most")
	})
}

// Nothing is claimed but at the interval where there is nothing.
func TestClaimsOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		for i := range 100 {
			require.NoError(t, h.Add(t.Context(), of(fmt.Sprint(i))))
			time.Sleep(100 * time.Millisecond)
		}
		h.stop()
		require.Len(t, h.carried, 100)
		require.LessOrEqual(t, h.claims, 11, "ten seconds")
	})
}

// What a process left that has ended is carried out at once, however much it is: neither at the interval nor all at
// the same time.
func TestManyDeliveriesOfAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.takes = time.Millisecond
		synctest.Wait()
		h.mu.Lock()
		const n = 2500
		for i := range n {
			h.unclaimed = append(h.unclaimed, h.left(fmt.Sprint(i), time.Duration(i%2)*time.Hour))
		}
		h.mu.Unlock()
		time.Sleep(1200 * time.Millisecond)
		h.stop()
		require.Len(t, h.carried, n/2)
		require.Len(t, h.expired, n/2)
		require.Len(t, h.acked, n)
	})
}

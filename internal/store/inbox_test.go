package store_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// newDelivery came so long after start, and is remembered for ten minutes.
func newDelivery(id string, after time.Duration) delivery.Delivery {
	return delivery.Delivery{
		ID: id, Kind: "command", Body: []byte("\x00\xff body of " + id), ReceivedAt: ms(start.Add(after)),
		Until: ms(start.Add(after + 10*time.Minute)),
	}
}

func deliveries(n int, after time.Duration) []delivery.Delivery {
	out := make([]delivery.Delivery, n)
	for i := range out {
		out[i] = newDelivery(fmt.Sprintf("%s-%04d", after, i), after)
	}
	return out
}

func received(t testing.TB, db database, after time.Duration, ds ...delivery.Delivery) []bool {
	t.Helper()
	fresh, err := db.Enqueue(t.Context(), start.Add(after), ds)
	require.NoError(t, err)
	require.Len(t, fresh, len(ds))
	return fresh
}

func leftover(t *testing.T, db database, after time.Duration, n int) (ids []string) {
	t.Helper()
	left, err := db.ClaimExpired(t.Context(), start.Add(after), n)
	require.NoError(t, err)
	for _, d := range left {
		ids = append(ids, d.ID)
	}
	return ids
}

const pastLease = time.Minute + time.Millisecond

func TestInbox(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		ctx := t.Context()
		big := newDelivery("b", time.Second)
		big.Body = bytes.Repeat([]byte{0, 1, 0x80, 0xff}, 32<<10)
		empty := delivery.Delivery{ID: "c", ReceivedAt: ms(start), Until: ms(start.Add(time.Hour))}
		require.Equal(t, []bool{true, true, true}, received(t, db, 0, big, newDelivery("a", 2*time.Second), empty))
		again := newDelivery("a", 3*time.Second)
		again.Body = []byte("another body")
		require.Equal(t, []bool{true, false}, received(t, db, time.Second, newDelivery("d", time.Minute), again))
		require.Empty(t, received(t, db, 0))

		require.Empty(t, leftover(t, db, time.Minute-time.Millisecond, 9), "p1 has them")
		require.Empty(t, leftover(t, db, pastLease, 0))
		require.Empty(t, leftover(t, db, pastLease, -1))
		got, err := db.ClaimExpired(ctx, start.Add(time.Minute), 9)
		require.NoError(t, err)
		want := []delivery.Delivery{empty, big, newDelivery("a", 2*time.Second)}
		for i := range want {
			want[i].Tries = 2
		}
		require.Equal(t, want, got, "the oldest first, and not what p1 still has")

		require.NoError(t, db.Ack(ctx, []string{"a", "nothing", "a"}))
		require.NoError(t, db.Ack(ctx, []string{"a"}), "twice is once")
		require.NoError(t, db.Ack(ctx, nil))
		require.Equal(t, []string{"c"}, leftover(t, db, 3*time.Minute, 1))
		require.Equal(t, []string{"b", "d"}, leftover(t, db, 3*time.Minute, 9))
		require.Equal(t, []bool{false}, received(t, db, 3*time.Minute, newDelivery("a", 3*time.Minute)), "finished is not forgotten")
		require.Zero(t, logLength(t, db))
	})
}

func TestInboxTakesTheFirstOfABatch(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		first, second := newDelivery("a", 0), newDelivery("a", 0)
		second.Body = []byte("second")
		require.Equal(t, []bool{true, true, false, false}, received(t, db, 0, newDelivery("b", time.Second), first, second, newDelivery("b", 0)))
		got, err := db.ClaimExpired(t.Context(), start.Add(pastLease), 9)
		require.NoError(t, err)
		require.Equal(t, []string{string(first.Body), string(newDelivery("b", 0).Body)}, []string{string(got[0].Body), string(got[1].Body)})
		require.Len(t, got, 2)
	})
}

// A delivery for which its process has no room is any process's at once, one that has an owner is not.
func TestInboxHasUnclaimedDeliveries(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		first, second := open(t, url), open(t, url)
		free := newDelivery("b", 0)
		free.Unclaimed = true
		require.Equal(t, []bool{true, true, false}, received(t, first, 0, newDelivery("a", 0), free, free))
		got, err := second.ClaimExpired(t.Context(), start, 9)
		require.NoError(t, err)
		want := newDelivery("b", 0)
		want.Tries = 1
		require.Equal(t, []delivery.Delivery{want}, got)
		require.Empty(t, leftover(t, first, time.Hour, 9)[1:], "the second has it for as long as it exists")
	})
}

// What no engine can store as it is, is the same every time.
func TestInboxTakesOddIDs(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		odd := newDelivery("a\x00b\xff' $1", 0)
		require.Equal(t, []bool{true, false}, received(t, db, 0, odd, odd))
		require.Equal(t, []bool{false}, received(t, db, 0, odd))
		require.NoError(t, db.Ack(t.Context(), []string{odd.ID}))
		require.Empty(t, leftover(t, db, pastLease, 9))
	})
}

func TestInboxRefuses(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		nameless, short := newDelivery("", 0), newDelivery("a", 0)
		short.Until = start
		for name, d := range map[string]delivery.Delivery{"no id": nameless, "no time to be remembered": short} {
			_, err := db.Enqueue(t.Context(), start, []delivery.Delivery{newDelivery("b", 0), d})
			require.ErrorContains(t, err, "a delivery needs an id and a time to be remembered", name)
		}
		require.Empty(t, leftover(t, db, pastLease, 9), "all or nothing")
	})
}

// More than go into one statement, of an engine or of ours.
func TestInboxTakesMany(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		const n = 1234
		many := deliveries(n, 0)
		require.Equal(t, slices.Repeat([]bool{true}, n), received(t, db, 0, many...))
		require.Equal(t, append(slices.Repeat([]bool{false}, n), true), received(t, db, 0, append(many, newDelivery("one more", 0))...))
		var ids []string
		for _, want := range []int{500, 500, 235} {
			some := leftover(t, db, pastLease, n+1)
			require.Len(t, some, want, "there is a most at once")
			ids = append(ids, some...)
		}
		require.True(t, slices.IsSorted(ids))
		require.NoError(t, db.Ack(t.Context(), ids))
		require.Empty(t, leftover(t, db, time.Hour, n))
	})
}

// A finished delivery keeps its id alone, and that only as long as it must be remembered.
func TestInboxDropsOldDeliveries(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db := open(t, url)
		const n = 600 // more than one cleaning deletes
		old := deliveries(n, 0)
		received(t, db, 0, old...)
		var ids []string
		for _, d := range old[1:] {
			ids = append(ids, d.ID)
		}
		require.NoError(t, db.Ack(t.Context(), ids))
		require.Equal(t, int64(1), counted(t, url, "SELECT count(*) FROM inbox WHERE body <> ''"))

		receiveOneByOne(t, db, 10*time.Minute-time.Millisecond, n)
		require.Equal(t, int64(2*n), counted(t, url, "SELECT count(*) FROM inbox"), "all are still remembered")
		receiveOneByOne(t, db, 10*time.Minute, n)
		require.Equal(t, int64(2*n+1), counted(t, url, "SELECT count(*) FROM inbox"), "but for the first, which is not done")
		require.Equal(t, old[0].ID, leftover(t, db, time.Hour, 1)[0])
		require.Equal(t, []bool{false, true}, received(t, db, time.Hour, newDelivery(old[0].ID, time.Hour), newDelivery(old[1].ID, time.Hour)))
	})
}

func receiveOneByOne(t *testing.T, db database, after time.Duration, n int) {
	t.Helper()
	for _, d := range deliveries(n, after) {
		require.Equal(t, []bool{true}, received(t, db, after, d))
	}
}

// counted goes round the store.
func counted(t *testing.T, url, query string) (n int64) {
	t.Helper()
	db := around(t, url)
	defer db.Close()
	require.NoError(t, db.QueryRow(query).Scan(&n))
	return n
}

// A connection breaks around the commit: what was stored is known, and is stored once.
func TestInboxLosesCommits(t *testing.T) {
	for name, arrives := range map[string]bool{"before it arrives": false, "before it is answered": true} {
		t.Run(name, func(t *testing.T) {
			server := pgtest.Start(t)
			p := newProxy(t, server.Socket())
			db := open(t, p.url())
			require.Equal(t, []bool{true}, received(t, db, 0, newDelivery("a", 0)))
			lost := p.loseCommit(arrives)
			require.Equal(t, []bool{false, true, true, false},
				received(t, db, 0, newDelivery("a", 0), newDelivery("b", 0), newDelivery("c", 0), newDelivery("b", 0)))
			require.EqualValues(t, 1, lost.Load(), "a commit was lost")
			require.Equal(t, []bool{false, false}, received(t, db, 0, newDelivery("b", 0), newDelivery("c", 0)))
			require.Equal(t, []string{"a", "b", "c"}, leftover(t, db, pastLease, 9))
		})
	}
}

// The same deliveries reach every replica, in any order: each is new to one of them.
func TestReplicasReceiveOnce(t *testing.T) {
	const n, callers = 200, 30
	replicated(t, func(t *testing.T, replicas []database) {
		var mu sync.Mutex
		firsts := map[string]int{}
		testkit.Concurrently(callers, func(i int) {
			ds := deliveries(n, 0)
			if i%2 == 1 {
				slices.Reverse(ds)
			}
			for some := range slices.Chunk(ds, 1+i*7) {
				fresh, err := replicas[i%3].Enqueue(t.Context(), start, some)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for j, first := range fresh {
					if first {
						firsts[some[j].ID]++
					}
				}
				mu.Unlock()
			}
		})
		require.Len(t, firsts, n)
		for id, times := range firsts {
			require.Equal(t, 1, times, id)
		}
	})
}

// While some receive, finish and forget, what is left is taken by others: each once.
func TestReplicasShareTheInbox(t *testing.T) {
	const n = 90
	replicated(t, func(t *testing.T, replicas []database) {
		received(t, replicas[3], 0, deliveries(n, 0)...)
		require.NoError(t, replicas[3].Close())
		got := make([][]delivery.Delivery, 45)
		testkit.Concurrently(len(got), func(i int) {
			var err error
			if got[i], err = replicas[i%3].ClaimExpired(t.Context(), start.Add(pastLease), 3); err != nil {
				t.Error(err)
			}
			_, err = replicas[i%3].Enqueue(t.Context(), start.Add(pastLease), deliveries(20, time.Duration(i)*time.Minute+pastLease))
			if err != nil {
				t.Error(err)
			}
			if err := replicas[(i+1)%3].Ack(t.Context(), idsOf(got[i])); err != nil {
				t.Error(err)
			}
		})
		ids := idsOf(slices.Concat(got...))
		slices.Sort(ids)
		require.Len(t, slices.Compact(slices.Clone(ids)), len(ids), "nothing was handed out twice")
		ids = append(ids, leftover(t, replicas[0], pastLease, n)...)
		require.Len(t, ids, n, "nothing was lost")
	})
}

func idsOf(ds []delivery.Delivery) (ids []string) {
	for _, d := range ds {
		ids = append(ids, d.ID)
	}
	return ids
}

func TestDedupe(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		once := func(key string, after, until time.Duration) bool {
			t.Helper()
			first, err := db.Dedupe(t.Context(), key, start.Add(after), start.Add(until))
			require.NoError(t, err)
			return first
		}
		require.True(t, once("a", 0, time.Minute))
		require.True(t, once("b", 0, time.Minute))
		require.False(t, once("a", time.Second, time.Hour))
		require.False(t, once("a", time.Minute-time.Millisecond, time.Hour))
		require.True(t, once("a", time.Minute, time.Hour), "forgotten")
		for _, err := range []error{
			second2(db.Dedupe(t.Context(), "", start, start.Add(time.Minute))), second2(db.Dedupe(t.Context(), "c", start, start)),
		} {
			require.Error(t, err)
		}
	})
}

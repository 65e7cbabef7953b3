package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// replicated runs a test on three stores of one new database of each engine, and a fourth that it may
// close. Each is a process but for the name.
func replicated(t *testing.T, test func(t *testing.T, replicas []database)) {
	t.Helper()
	onEach(t, func(t *testing.T, url string) {
		t.Parallel()
		replicas := []database{open(t, url), open(t, url), open(t, url), open(t, url)}
		test(t, replicas)
		_, err := audit.Verify(replicas[0].Rows(t.Context(), audit.Filter{}))
		require.NoError(t, err)
	})
}

// decisions are those of the log, in its order.
func decisions(t *testing.T, db database) (all []string) {
	t.Helper()
	for _, row := range rows(t, db, audit.Filter{}) {
		all = append(all, string(row.Decision))
	}
	return all
}

// A hundred claims at once, half of them by inserts, where three are allowed: three.
func TestReplicasKeepLimits(t *testing.T) {
	const n = 100
	limits := []approval.Limit{{Name: "deletions", Suffix: ".delete", Most: most, Within: time.Hour}}
	replicated(t, func(t *testing.T, replicas []database) {
		for i := 0; i < n; i += 2 {
			inserted(t, replicas[0], asked(fmt.Sprint(i)))
		}
		var won, refused atomic.Int64
		testkit.Concurrently(n, func(i int) {
			db, err := replicas[i%3], error(nil)
			if i%2 == 0 {
				m := claim(fmt.Sprint(i))
				m.Limits = limits
				_, err = db.Move(t.Context(), m, row("claimed"))
			} else {
				_, _, err = db.Insert(t.Context(), claimed(fmt.Sprint(i)), limits, row("claimed"))
			}
			var limit *approval.LimitError
			switch {
			case err == nil:
				won.Add(1)
			case errors.As(err, &limit):
				refused.Add(1)
			}
		})
		require.EqualValues(t, [2]int64{most, n - most}, [2]int64{won.Load(), refused.Load()})
		executing, err := replicas[0].Find(t.Context(), approval.Query{States: []approval.State{approval.Executing}})
		require.NoError(t, err)
		require.Len(t, executing, most)
	})
}

// No claim comes after a freeze, whichever replica froze.
func TestReplicasFreezeAtOnce(t *testing.T) {
	const n = 60
	replicated(t, func(t *testing.T, replicas []database) {
		for round := range 3 {
			testkit.Concurrently(n, func(i int) {
				if i == n/2 {
					_ = replicas[round].Freeze(t.Context(), approval.Freeze{By: "lead", At: start}, row("frozen"))
					return
				}
				_, _, _ = replicas[i%3].Insert(t.Context(), claimed(fmt.Sprint(round, "-", i)), nil, row("claimed"))
			})
			for _, db := range replicas {
				_, _, err := db.Insert(t.Context(), claimed("late"), nil, row("claimed"))
				require.ErrorAs(t, err, new(*approval.FrozenError))
			}
			all := decisions(t, replicas[0])
			require.Equal(t, "frozen", all[len(all)-1], "what was claimed was claimed before")
			require.NoError(t, replicas[0].Unfreeze(t.Context(), row("unfrozen")))
		}
	})
}

func TestReplicasJoinByRequestID(t *testing.T) {
	const n = 99
	replicated(t, func(t *testing.T, replicas []database) {
		var made, joined atomic.Int64
		testkit.Concurrently(n, func(i int) {
			r := named(fmt.Sprint(i), "r1", 0)
			r.AskedHash = "the same" // resolved to another id each time
			_, old, err := replicas[i%3].Insert(t.Context(), r, nil, row("asked"))
			switch {
			case err == nil && old:
				joined.Add(1)
			case err == nil:
				made.Add(1)
			}
		})
		require.EqualValues(t, [2]int64{1, n - 1}, [2]int64{made.Load(), joined.Load()})
	})
}

// Two others agree at the same moment on different replicas: one of them completes it.
func TestReplicasAgree(t *testing.T) {
	people := []string{"alice", "bob", "carol", "bob", "carol", "alice"}
	replicated(t, func(t *testing.T, replicas []database) {
		for round := range 10 {
			id := fmt.Sprint(round)
			inserted(t, replicas[0], needing(id, true, 2))
			var yeses, completed, twice atomic.Int64
			testkit.Concurrently(len(people), func(i int) {
				r, err := replicas[i%3].Agree(t.Context(), id, yes(people[i]), row("approved"))
				switch {
				case err == nil && r.State == approval.Approved:
					completed.Add(1)
					yeses.Add(1)
				case err == nil:
					yeses.Add(1)
				case errors.As(err, new(*approval.AnsweredError)), errors.As(err, new(*approval.StateError)):
					twice.Add(1)
				}
			})
			require.EqualValues(t, [3]int64{3, 1, 3}, [3]int64{yeses.Load(), completed.Load(), twice.Load()})
			moved(t, replicas[0], move(id, approval.Approved, approval.Cancelled)) // alice may not have many open
		}
	})
}

func TestReplicasShareDeliveries(t *testing.T) {
	replicated(t, func(t *testing.T, replicas []database) {
		var first atomic.Int64
		testkit.Concurrently(60, func(i int) {
			if once, err := replicas[i%3].Dedupe(t.Context(), "event", start, start.Add(time.Hour)); err == nil && once {
				first.Add(1)
			}
		})
		require.EqualValues(t, 1, first.Load())
	})
}

// Approved changes of one server, all at once: one executes at a time, and all do in the end.
func TestReplicasChangeAServerOneAtATime(t *testing.T) {
	n := testkit.Size(20, 2000)
	replicated(t, func(t *testing.T, replicas []database) {
		approve(t, replicas, n)
		before := logLength(t, replicas[0])
		var won, busy atomic.Int64
		left := make(chan int, n)
		testkit.Concurrently(n, func(i int) {
			switch _, err := replicas[i%3].Move(t.Context(), claim(fmt.Sprint(i)), row("claimed")); {
			case err == nil:
				won.Add(1)
				finish(t, replicas[(i+1)%3], i)
			case errors.As(err, new(*approval.BusyError)):
				busy.Add(1)
				left <- i
			}
		})
		require.EqualValues(t, n, won.Load()+busy.Load())
		close(left)
		testkit.Concurrently(9, func(worker int) {
			for i := range left {
				for errors.As(second2(replicas[worker%3].Move(t.Context(), claim(fmt.Sprint(i)), row("claimed"))), new(*approval.BusyError)) {
					time.Sleep(time.Millisecond)
				}
				finish(t, replicas[(worker+1)%3], i)
			}
		})
		// The log tells the order in which all of that was kept.
		want := slices.Repeat([]string{"claimed", "done"}, n)
		require.Equal(t, want, decisions(t, replicas[0])[before:])
	})
}

func approve(t *testing.T, replicas []database, n int) {
	t.Helper()
	for i := range n {
		r := asked(fmt.Sprint(i))
		r.Target = "server:same"
		inserted(t, replicas[i%3], r)
		_, err := replicas[i%3].Agree(t.Context(), r.ID, yes(r.Person), row("approved"))
		require.NoError(t, err)
	}
}

func finish(t *testing.T, db database, i int) {
	_, err := db.Move(t.Context(), move(fmt.Sprint(i), approval.Executing, approval.Done), row("done"))
	if err != nil {
		t.Error(err)
	}
}

// At most five questions of one person are open, whichever replicas they come to at once.
func TestReplicasKeepQuestions(t *testing.T) {
	const n = 60
	replicated(t, func(t *testing.T, replicas []database) {
		var stored, refused atomic.Int64
		testkit.Concurrently(n, func(i int) {
			r := asked(fmt.Sprint(i))
			r.Person = "alice"
			_, _, err := replicas[i%3].Insert(t.Context(), r, nil, row("asked"))
			var limit *approval.LimitError
			switch {
			case err == nil:
				stored.Add(1)
			case errors.As(err, &limit):
				refused.Add(1)
			}
		})
		require.EqualValues(t, [2]int64{5, n - 5}, [2]int64{stored.Load(), refused.Load()})
	})
}

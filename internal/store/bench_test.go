package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/store"
)

func benchmark(b *testing.B, run func(b *testing.B, fresh func() string)) {
	b.Helper()
	for name, engine := range unmade {
		b.Run(name, func(b *testing.B) { run(b, func() string { return engine(b) }) })
	}
}

// BenchmarkOpen opens a store that is up to date, as every start of the program does.
func BenchmarkOpen(b *testing.B) {
	benchmark(b, func(b *testing.B, fresh func() string) {
		url := fresh()
		require.NoError(b, open(b, url).Close())
		for b.Loop() {
			s, err := store.Open(b.Context(), url)
			require.NoError(b, err)
			require.NoError(b, s.Close())
		}
	})
}

// BenchmarkOpenNew makes the file and its schema.
func BenchmarkOpenNew(b *testing.B) {
	benchmark(b, func(b *testing.B, fresh func() string) {
		for b.Loop() {
			s, err := store.Open(b.Context(), fresh())
			require.NoError(b, err)
			require.NoError(b, s.Close())
		}
	})
}

// BenchmarkTenThousandPresses claims one record ten thousand times at once.
func BenchmarkTenThousandPresses(b *testing.B) {
	benchmark(b, func(b *testing.B, fresh func() string) {
		for b.Loop() {
			b.StopTimer()
			db := open(b, fresh())
			inserted(b, db, asked("1"))
			b.StartTimer()
			won, lost := press(b.Context(), db, 10_000)
			require.EqualValues(b, [2]int64{1, 9_999}, [2]int64{won, lost})
		}
	})
}

// BenchmarkChange is one change that needs a consent: asked, claimed, done.
func BenchmarkChange(b *testing.B) {
	benchmark(b, func(b *testing.B, fresh func() string) {
		db := open(b, fresh())
		for i := 0; b.Loop(); i++ {
			id := fmt.Sprint(i)
			inserted(b, db, asked(id))
			moved(b, db, claim(id))
			moved(b, db, move(id, approval.Executing, approval.Done))
		}
	})
}

// BenchmarkFindOpen finds the one open record beside many that have ended.
func BenchmarkFindOpen(b *testing.B) {
	for _, n := range []int{100, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchmark(b, func(b *testing.B, fresh func() string) {
				url := fresh()
				db := open(b, url)
				ended(b, db)
				multiply(b, url, n)
				r := inserted(b, db, asked("open"))
				for b.Loop() {
					found, err := db.Find(b.Context(), approval.Query{States: approval.Open, API: r.API, Account: r.Account})
					require.NoError(b, err)
					require.Len(b, found, 1)
				}
			})
		})
	}
}

// multiply makes n records of the only one.
func multiply(b *testing.B, url string, n int) {
	b.Helper()
	columns := columnsOf(b, url, "approvals")
	list := strings.Join(columns, ", ")
	columns[slices.Index(columns, "id")] = "id || '-' || n"
	execute(b, url, "WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < $1) INSERT INTO approvals ("+list+
		") SELECT "+strings.Join(columns, ", ")+" FROM approvals, many", n-1)
}

// BenchmarkReceive stores what came at the same time.
func BenchmarkReceive(b *testing.B) {
	benchmarkInbox(b, func(b *testing.B, db database, round int, ids []string) {
		received(b, db, 0, arrived(ids, 0)...)
	})
}

// BenchmarkInbox has deliveries come, be done, and ten rounds later be forgotten.
func BenchmarkInbox(b *testing.B) {
	benchmarkInbox(b, func(b *testing.B, db database, round int, ids []string) {
		after := time.Duration(round) * time.Minute
		received(b, db, after, arrived(ids, after)...)
		require.NoError(b, db.Ack(b.Context(), ids))
	})
}

func benchmarkInbox(b *testing.B, run func(b *testing.B, db database, round int, ids []string)) {
	b.Helper()
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchmark(b, func(b *testing.B, fresh func() string) {
				db, ids := open(b, fresh()), make([]string, n)
				for round := 0; b.Loop(); round++ {
					for i := range ids {
						ids[i] = fmt.Sprint("sig:", round, "-", i)
					}
					run(b, db, round, ids)
				}
				b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "deliveries/s")
			})
		})
	}
}

// arrived are deliveries as large as most.
func arrived(ids []string, after time.Duration) []delivery.Delivery {
	ds := make([]delivery.Delivery, len(ids))
	for i, id := range ids {
		ds[i] = newDelivery(id, after)
		ds[i].Body = make([]byte, 2<<10)
	}
	return ds
}

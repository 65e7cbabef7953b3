//go:build unix

package store_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/testkit/bigstore"
)

// BenchmarkVerify reads signed logs of two sizes and verifies them in turn: the time for each row is to be the same.
// The CPU time is that of this process: of PostgreSQL's server it is not.
//
//	VPSBOT_BENCH=full go test ./internal/store -run '^$' -bench Verify -benchtime 1x -timeout 30m
func BenchmarkVerify(b *testing.B) {
	sizes := logSizes(5_000, 20_000, 250_000, 1_000_000)
	compareLogs(b, sizes, func(b *testing.B, log *store.Log, known audit.Verifiers) {
		notes, err := log.Checkpoints(b.Context(), 0)
		require.NoError(b, err)
		_, err = audit.Check{Keys: known}.Verify(audit.Merge(log.Rows(b.Context(), audit.Filter{}), notes))
		require.NoError(b, err)
	}, func(b *testing.B, wall, cpu [2]time.Duration) {
		millions := float64(b.N*sizes[1]) / 1e6
		b.ReportMetric(wall[1].Seconds()/millions, "s/1M-rows")
		b.ReportMetric(cpu[1].Seconds()/millions, "cpu-s/1M-rows")
		b.ReportMetric(cpu[1].Seconds()/float64(sizes[1])/(cpu[0].Seconds()/float64(sizes[0])), "row-big/small")
	})
}

// BenchmarkNewest lists the newest 20 rows of a short log and of a long one, in turn.
func BenchmarkNewest(b *testing.B) {
	compareLogs(b, logSizes(1_000, 20_000, 1_000, 1_000_000), func(b *testing.B, log *store.Log, _ audit.Verifiers) {
		n := 0
		for _, err := range log.Rows(b.Context(), audit.Filter{Limit: 20}) {
			require.NoError(b, err)
			n++
		}
		require.Equal(b, 20, n)
	}, func(b *testing.B, wall, _ [2]time.Duration) {
		b.ReportMetric(float64(wall[1].Microseconds())/float64(b.N), "µs-big")
		b.ReportMetric(wall[1].Seconds()/wall[0].Seconds(), "big/small")
	})
}

func logSizes(small, big, smallest, full int) [2]int {
	if os.Getenv("VPSBOT_BENCH") == "full" {
		return [2]int{smallest, full}
	}
	return [2]int{small, big}
}

// compareLogs opens logs of two sizes in turn, and reports what reading them took in all.
func compareLogs(b *testing.B, sizes [2]int, read func(*testing.B, *store.Log, audit.Verifiers), report func(b *testing.B, wall, cpu [2]time.Duration)) {
	benchmark(b, func(b *testing.B, fresh func() string) {
		key, known := auditKey(b)
		var urls [2]string
		for i, rows := range sizes {
			urls[i] = fresh()
			bigstore.Fill(b, urls[i], bigstore.Size{Rows: rows, Key: key, Now: time.Now(), Account: "john@example.com", Actor: "local:alice"})
		}
		var wall, cpu [2]time.Duration
		for b.Loop() {
			for i, url := range urls {
				began, used := time.Now(), cpuTime(b)
				log, err := store.OpenLog(b.Context(), url)
				require.NoError(b, err)
				read(b, log, known)
				require.NoError(b, log.Close())
				wall[i], cpu[i] = wall[i]+time.Since(began), cpu[i]+cpuTime(b)-used
			}
		}
		report(b, wall, cpu)
	})
}

func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

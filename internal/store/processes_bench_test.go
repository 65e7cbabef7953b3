package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

// BenchmarkProcesses has one process and then many make changes in one database at the same time, each one
// change after the other: asked, claimed, done. Beside PostgreSQL as it is, where all share the machine's
// processors, stands one that is a network away.
func BenchmarkProcesses(b *testing.B) {
	many, far := []int{4}, []int{4}
	if os.Getenv("VPSBOT_BENCH") == "full" {
		many, far = []int{8, 64, 128}, []int{8, 32}
	}
	server := durablePostgres(b)
	p := newProxy(b, server.Socket())
	p.far = time.Millisecond
	for _, c := range []struct {
		name string
		url  func(b *testing.B) string
		many []int
	}{
		{"sqlite", func(b *testing.B) string { return engines["sqlite"](b) }, many},
		{"postgres", func(*testing.B) string { return server.URL() }, far},
		{"postgres-1ms", func(*testing.B) string { return p.url() }, far},
	} {
		one := 0.0
		for _, n := range append([]int{1}, c.many...) {
			b.Run(fmt.Sprint(c.name, "/", n), func(b *testing.B) {
				got := changesOf(b, c.url(b), n)
				if n == 1 {
					one = got.rate
				}
				got.report(b, one)
			})
		}
	}
}

// durablePostgres is a server that waits for its disk, as those of tests do not.
func durablePostgres(b *testing.B) *pgtest.Server {
	b.Helper()
	server := pgtest.Start(b)
	for _, setting := range []string{"fsync = on", "full_page_writes = on"} {
		execute(b, server.URL(), "ALTER SYSTEM SET "+setting)
	}
	execute(b, server.URL(), "SELECT pg_reload_conf()")
	return server
}

// changed is what many processes did together.
type changed struct {
	took []time.Duration // each change, sorted
	busy int             // changes that failed
	rate float64         // changes in a second
}

// changesOf has n processes make changes for a time.
func changesOf(b *testing.B, url string, n int) (all changed) {
	b.Helper()
	open(b, url) // makes the schema, and keeps it open
	lasts := 300 * time.Millisecond
	if os.Getenv("VPSBOT_BENCH") == "full" {
		lasts = 10 * time.Second
	}
	b.ResetTimer()
	for range b.N {
		begin := time.Now().Add(200*time.Millisecond + time.Duration(n)*50*time.Millisecond)
		b.Setenv(timesVariable, fmt.Sprint(begin.UnixMilli(), " ", begin.Add(lasts).UnixMilli()))
		for _, printed := range together(b, n, "change", url) {
			var one struct {
				Took []time.Duration
				Busy int
				Why  string
			}
			require.NoError(b, json.Unmarshal([]byte(printed), &one), printed)
			all.took, all.busy = append(all.took, one.Took...), all.busy+one.Busy
			if one.Busy > 0 {
				b.Log(one.Why)
			}
		}
	}
	slices.Sort(all.took)
	all.rate = float64(len(all.took)) / lasts.Seconds() / float64(b.N)
	return all
}

func (c changed) report(b *testing.B, one float64) {
	b.Helper()
	require.NotEmpty(b, c.took)
	p50, p99 := c.took[len(c.took)/2], c.took[len(c.took)*99/100]
	for unit, value := range map[string]float64{
		"p50-ms": p50.Seconds() * 1000, "p99-ms": p99.Seconds() * 1000, "p99/p50": p99.Seconds() / p50.Seconds(),
		"failed": float64(c.busy), "changes/s": c.rate, "×one": c.rate / one, "ns/op": 0,
	} {
		b.ReportMetric(value, unit)
	}
}

// timesVariable has when changes begin and end.
const timesVariable = "STORE_TEST_TIMES"

// changing makes changes within the time that it is given, and prints how long each took.
func changing(db database, name string) error {
	from, until, _ := strings.Cut(os.Getenv(timesVariable), " ")
	var out struct {
		Took []time.Duration
		Busy int
		Why  string
	}
	if err := changeOnce(context.Background(), db, name+"-"+from); err != nil { // connects
		return err
	}
	time.Sleep(time.Until(timeOf(from)))
	for i := 0; time.Now().Before(timeOf(until)); i++ {
		began := time.Now()
		if err := changeOnce(context.Background(), db, fmt.Sprint(name, "-", began.UnixNano(), "-", i)); err != nil {
			out.Busy, out.Why = out.Busy+1, err.Error()
			continue
		}
		out.Took = append(out.Took, time.Since(began))
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func timeOf(text string) time.Time {
	ms, _ := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(ms)
}

// changeOnce is one change that needs a consent: asked, claimed, done.
func changeOnce(ctx context.Context, db database, id string) error {
	if _, _, err := db.Insert(ctx, asked(id), nil, row("asked")); err != nil {
		return err
	}
	if _, err := db.Move(ctx, claim(id), row("approved")); err != nil {
		return err
	}
	_, err := db.Move(ctx, move(id, approval.Executing, approval.Done), row("done"))
	return err
}

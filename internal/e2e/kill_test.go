package e2e_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

const (
	// clockPerProcess is how far the Runners' clock is put forward from one process to the next, so that
	// each process is later than any time its predecessor reached.
	clockPerProcess = 3 * time.Minute

	appliedWithin = 30 * time.Second // of the restart
	// A change counts as not applied when the reconciler has found no sign of it for a minute, in rounds
	// of five seconds.
	notAppliedWithin = time.Minute + 2*reconcileInterval

	// randomKills follow a kill at each of the named points, in each cycle.
	randomKills = 7
)

// Processes run operations on one store, each until it is killed: at a named point before or after a
// step, or at a random moment. The next process settles the records left unfinished and repeats the
// interrupted operation under the same request id. Waits are simulated with the Runners' clock.
func TestFigure2Killed(t *testing.T) {
	t.Parallel()
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			kills := testkit.Size(len(killPoints)+randomKills, map[string]int{"sqlite": 1000, "postgres": 150}[name])
			testKilled(t, name, engine(t), kills, kills*testkit.Size(4, 10))
		})
	}
}

func testKilled(t *testing.T, engine, url string, kills, operations int) {
	random, s := seededRand(t)
	w := newWorld(t, url, simulator.Options{Speed: 1e12})
	w.sim.Edit(func(world *simulator.World) { world.Credits = 1e9 })
	sent := watchWrites(w)
	processRuns := &processRuns{world: w, url: url, api: w.serve(plainListener), last: operations, atPoint: map[string]int{}}
	for range kills {
		processRuns.runProcess(t, processRuns.nextKill(random, kills))
	}
	for processRuns.next < operations {
		processRuns.runProcess(t, killPlan{})
	}
	processRuns.runProcess(t, killPlan{}) // settles the records that the last process left

	log := readLog(t, w.store)
	log.requireComplete(t)
	require.Equal(t, kills, processRuns.kills)
	require.Len(t, processRuns.atPoint, len(killPoints), "a kill happened at every point: %v", processRuns.atPoint)
	doubled, wrong := processRuns.compare(log, sent)
	require.Zero(t, doubled, "operations were sent twice")
	require.Empty(t, wrong, "records disagree with the requests sent")
	applied, notApplied := processRuns.settleTimes(log)
	require.LessOrEqual(t, applied, appliedWithin)
	require.LessOrEqual(t, notApplied, notAppliedWithin)
	counts := log.states()
	require.Zero(t, counts[approval.Executing]+counts[approval.Unknown]+counts[approval.Approved], "%v", counts)
	testkit.Figure(t, 2, "%s: %d kills (%d at %d named points, the rest at any moment), %d operations, %d writes: 0 doubled, 0 rows lost, 0 extra, chain of %d rows whole; of %d settled after a restart those that happened took %s at most, those that did not %s (seed %d)",
		engine, processRuns.kills, sum(processRuns.atPoint), len(killPoints), operations, len(sent.keys), len(log.rows), countRows(log, "settled"), applied.Round(time.Second), notApplied.Round(time.Second), s)
}

func sum(counts map[string]int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

func countRows(log logAndRecords, decision audit.Decision) (n int) {
	for _, row := range log.rows {
		if row.Decision == decision {
			n++
		}
	}
	return n
}

// killPlan is when a process is killed. The zero value is never.
type killPlan struct {
	point string        // one of points, or anyMoment
	from  int           // the first operation in which it may be killed
	after time.Duration // for randomMoment: since that operation began
}

// nextKill spreads the remaining kills over the remaining operations.
func (v *processRuns) nextKill(random *rand.Rand, kills int) killPlan {
	index, operations := v.kills%(len(killPoints)+randomKills), v.last-v.next
	d := killPlan{point: randomMoment, from: v.next + min(operations, random.IntN(1+2*operations/(kills-v.kills)))}
	switch {
	case index >= len(killPoints):
		d.after = time.Duration(random.Int64N(int64(40 * time.Millisecond)))
	case isRecovery(killPoints[index]):
		d.point, d.from = killPoints[index], v.next
	default:
		d.point = killPoints[index]
	}
	return d
}

// processRuns are the processes that ran on one store, one after the other.
type processRuns struct {
	world      *world
	url, api   string
	next, last int
	kills      int
	atPoint    map[string]int // those at a point
	ahead      time.Duration
	started    []time.Time // when each began, on the Runners' clock
}

// runProcess runs a process until it is killed, or has run all operations.
func (v *processRuns) runProcess(t *testing.T, d killPlan) {
	t.Helper()
	v.ahead += clockPerProcess
	cmd := child(t, "worker", append(childOf(v.url, v.api), fmt.Sprint("PROOF_AHEAD=", int64(v.ahead)),
		fmt.Sprint("PROOF_NEXT=", v.next), fmt.Sprint("PROOF_LAST=", v.last), "PROOF_POINT="+d.point, fmt.Sprint("PROOF_FROM=", d.from)))
	v.started = append(v.started, time.Now().Add(v.ahead))
	in, out := pipes(t, cmd)
	defer in.Close()
	var kill sync.Once
	killAtRandom := func() {
		if d.point == randomMoment && v.next >= d.from {
			kill.Do(func() { time.AfterFunc(d.after, func() { _ = cmd.Process.Kill() }) })
		}
	}
	killAtRandom()
	v.readProgress(t, out, killAtRandom)
	err := cmd.Wait()
	if d == (killPlan{}) {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, "signal: killed", "operation %d, %+v", v.next, d)
	v.kills++
}

// readProgress reads the numbers of the operations that a process has run, until it ends.
func (v *processRuns) readProgress(t *testing.T, out io.Reader, each func()) {
	t.Helper()
	for {
		var n int
		if _, err := fmt.Fscanln(out, &n); err != nil {
			return
		}
		if n < 0 {
			v.atPoint[killPoints[-1-n]]++
			continue
		}
		require.Equal(t, v.next, n, "operations completed out of order")
		v.next = n + 1
		each()
	}
}

// writes are the writes that arrived at the API, by a key that is unique to an operation.
type writes struct {
	mu   sync.Mutex
	keys []string
}

var operationKey = regexp.MustCompile(`op-\d+`)

func watchWrites(w *world) *writes {
	all := &writes{}
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet {
			key := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/v1")
			body, _ := io.ReadAll(r.Body)
			all.mu.Lock()
			all.keys = append(all.keys, key+operationKey.FindString(string(body)))
			all.mu.Unlock()
		}
		next.ServeHTTP(rw, r)
	})
	return all
}

// compare checks the writes that arrived at the API against the records: at most one per record, and
// exactly one for a record that is done.
func (v *processRuns) compare(log logAndRecords, sent *writes) (doubled int, wrong []string) {
	arrived, claims, done, requests := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	for _, key := range sent.keys {
		arrived[key]++
	}
	for _, rec := range log.records {
		key := writeKey(rec)
		requests[rec.RequestID]++
		if !rec.ClaimedAt.IsZero() {
			claims[key]++
		}
		if rec.State == approval.Done {
			done[key]++
		}
	}
	for key, n := range arrived {
		doubled += max(0, n-claims[key])
	}
	for key, n := range done {
		if arrived[key] < n {
			wrong = append(wrong, fmt.Sprintf("%s: %d done, %d arrived", key, n, arrived[key]))
		}
	}
	for id, n := range requests {
		if n != 1 {
			wrong = append(wrong, fmt.Sprintf("%d records for %s", n, id))
		}
	}
	return doubled, wrong
}

var serverIDs = regexp.MustCompile(`"server":"?(\w+)`)

// writeKey is the write that a record sends, as watchWrites names it.
func writeKey(rec approval.Record) string {
	id := ""
	if m := serverIDs.FindStringSubmatch(string(rec.Input)); m != nil {
		id = m[1]
	}
	switch rec.Operation {
	case "servers.create":
		return "POST /servers/" + operationKey.FindString(string(rec.Input))
	case "servers.update":
		return "PATCH /servers/" + id + "/" + operationKey.FindString(string(rec.Input))
	case "servers.delete":
		return "DELETE /servers/" + id + "/"
	}
	return "POST /servers/" + id + "/" + strings.TrimPrefix(rec.Operation, "servers.") + "/"
}

// settleTimes returns the longest times from a restart to the settling of a change that was applied,
// and of one that was not.
func (v *processRuns) settleTimes(log logAndRecords) (applied, notApplied time.Duration) {
	for _, row := range log.rows {
		if row.Decision != "settled" {
			continue
		}
		var restart time.Time
		for _, started := range v.started {
			if !started.After(row.At.Add(time.Millisecond)) {
				restart = started
			}
		}
		if took := row.At.Sub(restart); row.Outcome == audit.Done {
			applied = max(applied, took)
		} else {
			notApplied = max(notApplied, took)
		}
	}
	return applied, notApplied
}

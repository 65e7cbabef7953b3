package store_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

const day = 24 * time.Hour

// past is an approval with all that can belong to one, and how long ago each of it was. What is negative is
// still to come, and what is 0 is not there.
type past struct {
	id                               string
	path                             []approval.State
	changed, claimed                 time.Duration
	consent, challenge, request, due time.Duration
	post                             bool // a message that is not due
}

// agesToDraw are on both sides of each limit: an hour, a day, ninety days.
var agesToDraw = []time.Duration{-time.Hour, time.Minute, 2 * time.Hour, 23 * time.Hour, 25 * time.Hour, 60 * day, 89*day + 20*time.Hour, 90*day + 4*time.Hour, 200 * day, 900 * day}

func drawPast(t *rapid.T, id string) past {
	age, maybe := rapid.SampledFrom(agesToDraw), rapid.SampledFrom(append([]time.Duration{0, 0, 0, 0}, agesToDraw...))
	p := past{id: id, path: rapid.SampledFrom(paths()).Draw(t, "path"), changed: age.Draw(t, "changed")}
	p.claimed = p.changed
	if rapid.IntRange(0, 3).Draw(t, "a clock was put back") == 0 {
		p.claimed = maybe.Draw(t, "claimed")
	}
	p.consent, p.challenge, p.request, p.due = maybe.Draw(t, "consent"), maybe.Draw(t, "challenge"), maybe.Draw(t, "request"), maybe.Draw(t, "due")
	p.post = rapid.Bool().Draw(t, "post")
	return p
}

// store stores it through the store, and then dates it back.
func (p past) store(t testing.TB, db database, around *sql.DB, now time.Time) {
	walk(t, db, p.id, p.path)
	at := func(age time.Duration) int64 {
		if age == 0 {
			return 0
		}
		return now.Add(-age).UnixMilli()
	}
	do := func(statement string, args ...any) {
		_, err := around.ExecContext(t.Context(), statement, args...)
		require.NoError(t, err)
	}
	do("UPDATE approvals SET created_at = $1, changed_at = $2, claimed_at = $3 WHERE id = $4", at(p.changed), at(p.changed), at(p.claimed), p.id)
	if p.consent != 0 {
		do("INSERT INTO consents (approval, person, identity, channel, yes, reason, at, seq) VALUES ($1, 'bob', 'local:bob', 'terminal', 1, '', $2, 1)", p.id, at(p.consent))
	}
	if p.challenge != 0 {
		do("INSERT INTO forms (hash, approval, session, asked_at, expires_at) VALUES ($1, $2, 's1', 1, $3)", "h-"+p.id, p.id, at(p.challenge))
	}
	if p.request != 0 {
		do("INSERT INTO requests (api, account, actor, request_id, approval, at) VALUES ('a', 'b', 'c', $1, $2, $3)", "r-"+p.id, p.id, at(p.request))
	}
	if p.due != 0 {
		message := post(p.id, 0)
		message.Next = now.Add(-p.due)
		added(t, db, message)
	}
	if p.post {
		message := post(p.id, 0)
		message.Key, message.Kind, message.Next = "card:"+p.id, "card", time.Time{}
		added(t, db, message)
	}
}

// stays reports whether it must outlive a run that deletes what is older than an age.
func (p past) stays(old time.Duration) bool {
	end := p.path[len(p.path)-1]
	young := func(age time.Duration) bool { return age != 0 && age < old }
	return end.IsOpen() || end == approval.NeedsHuman || p.due != 0 || young(p.changed) || young(p.claimed) ||
		young(p.challenge) || young(p.request)
}

// oldIn is the age from which on something is old: ninety days, of which a time without a change counts as a
// week at most.
func oldIn(changes []past) time.Duration {
	ages := []time.Duration{0}
	for _, p := range changes {
		if p.changed > 0 {
			ages = append(ages, p.changed)
		}
	}
	slices.Sort(ages)
	counted := time.Duration(0)
	for i := range ages[1:] {
		passed := min(ages[i+1]-ages[i], 7*day)
		if counted+passed >= 90*day {
			return ages[i] + 90*day - counted
		}
		counted += passed
	}
	return 1 << 62
}

// contents are the rows of an approval in all tables.
func contents(t *testing.T, around *sql.DB, id string) (rows []string) {
	for _, table := range []string{"approvals WHERE id", "consents WHERE approval", "forms WHERE approval", "requests WHERE approval", "posts WHERE approval"} {
		found, err := around.QueryContext(t.Context(), "SELECT * FROM "+table+" = $1 ORDER BY 1", id)
		require.NoError(t, err)
		columns, err := found.Columns()
		require.NoError(t, err)
		for found.Next() {
			values, places := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				places[i] = &values[i]
			}
			require.NoError(t, found.Scan(places...))
			rows = append(rows, fmt.Sprint(table, values))
		}
		require.NoError(t, found.Err())
		require.NoError(t, found.Close())
	}
	return rows
}

// used is a change every few days for longer than anything is kept: without a pause that counts less.
func used(days int) (changes []past) {
	for i := range days / 6 {
		changes = append(changes, past{id: fmt.Sprint("used-", i), path: []approval.State{approval.Executing, approval.Done}, changed: time.Duration(i+1) * 6 * day})
	}
	return changes
}

// oneOfEach are approvals that are old, one in each state, and those that are over but for one thing each.
func oneOfEach(id string) []past {
	over := past{id: id, path: []approval.State{approval.Executing, approval.Done}, changed: 200 * day, claimed: 200 * day, consent: 200 * day, challenge: 200 * day, request: 200 * day, post: true}
	claimed, challenge, request, due := over, over, over, over
	claimed.id, claimed.claimed = id+"claimed", time.Hour
	challenge.id, challenge.challenge = id+"challenge", time.Hour
	request.id, request.request = id+"request", 23*time.Hour
	due.id, due.due = id+"due", 200*day
	all, seen := []past{claimed, challenge, request, due}, map[approval.State]bool{}
	for _, path := range paths() {
		if end := path[len(path)-1]; !seen[end] {
			seen[end] = true
			over.id, over.path = id+string(end), path
			all = append(all, over)
		}
	}
	return all
}

// withoutRests has this process prune a batch right after the other: nobody waits for the write lock.
func withoutRests(t *testing.T) {
	before := store.Rest(0)
	t.Cleanup(func() { store.Rest(before) })
}

// Of random stores everything that is old and over is deleted, and nothing else; what stays is as it was.
func TestPruneDeletesWhatIsOldAndOver(t *testing.T) {
	withoutRests(t)
	require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(testkit.Size(8, 50))))
	onEach(t, func(t *testing.T, url string) {
		db, around := open(t, url), around(t, url)
		defer around.Close()
		n, deleted, kept := 0, 0, 0
		rapid.Check(t, func(r *rapid.T) {
			n++
			for _, table := range []string{"consents", "forms", "requests", "posts", "approvals"} {
				_, err := around.ExecContext(t.Context(), "DELETE FROM "+table)
				require.NoError(r, err)
			}
			all := used(rapid.SampledFrom([]int{0, 60, 120, 400}).Draw(r, "used for days"))
			for i := range rapid.IntRange(1, 20).Draw(r, "approvals") {
				all = append(all, drawPast(r, fmt.Sprint(n, "-", i)))
			}
			all = append(all, oneOfEach(fmt.Sprint(n, "-"))...)
			now, err := db.Now(t.Context())
			require.NoError(r, err)
			before := map[string][]string{}
			for _, p := range all {
				p.store(t, db, around, now)
				before[p.id] = contents(t, around, p.id)
			}
			log := logLength(t, db)
			done, err := db.Prune(t.Context(), store.PruneOptions{})
			require.NoError(r, err)
			gone := 0
			for _, p := range all {
				if after := contents(t, around, p.id); p.stays(oldIn(all)) {
					require.Equal(r, before[p.id], after, "%+v", p)
					kept++
				} else {
					require.Empty(r, after, "%+v", p)
					gone++
				}
			}
			require.Equal(r, gone, done.Approvals)
			deleted += gone
			require.Equal(r, log, logLength(t, db), "the log stays")
		})
		require.Positive(t, deleted)
		require.Positive(t, kept)
		_, err := audit.Verify(db.Rows(t.Context(), audit.Filter{}))
		require.NoError(t, err)
		requireForeignKeys(t, url)
	})
}

// requireForeignKeys checks on SQLite what PostgreSQL ensures.
func requireForeignKeys(t *testing.T, url string) {
	if strings.HasPrefix(url, "sqlite:") {
		require.Empty(t, query(t, url, "SELECT \"table\" FROM pragma_foreign_key_check"))
	}
}

// A clock that is five years ahead makes no approval older than a week does: the store shows the pause.
func TestPruneWithAWrongClock(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db, around := open(t, url), around(t, url)
		defer around.Close()
		now, err := db.Now(t.Context())
		require.NoError(t, err)
		kept := 0
		for _, p := range used(180) {
			if p.changed <= 80*day {
				kept++
			}
			p.changed += 5 * 365 * day
			p.store(t, db, around, now)
		}
		done, err := db.Prune(t.Context(), store.PruneOptions{})
		require.NoError(t, err)
		require.Positive(t, done.Approvals)
		require.GreaterOrEqual(t, len(query(t, url, "SELECT id FROM approvals")), kept)
	})
}

// Deliveries that are done are deleted, those that nobody has carried out are not.
func TestPruneDeliveries(t *testing.T) {
	withoutRests(t)
	onEach(t, func(t *testing.T, url string) {
		db, around := open(t, url), around(t, url)
		defer around.Close()
		now, err := db.Now(t.Context())
		require.NoError(t, err)
		for _, p := range used(120) {
			p.store(t, db, around, now)
		}
		const n = 600 // more than one batch
		ids := make([]string, n)
		for i, d := range deliveries(n, 0) {
			ids[i] = d.ID
			received(t, db, 0, d)
		}
		require.NoError(t, db.Ack(t.Context(), ids))
		received(t, db, 0, newDelivery("open", 0))
		_, err = around.Exec("UPDATE inbox SET until = $1", now.Add(-91*day).UnixMilli())
		require.NoError(t, err)
		received(t, db, 0, newDelivery("young", 0))
		require.NoError(t, db.Ack(t.Context(), []string{"young"}))
		_, err = around.Exec("UPDATE inbox SET until = $1 WHERE id = 'young'", now.Add(-89*day).UnixMilli())
		require.NoError(t, err)
		for key, age := range map[string]time.Duration{"old": 91 * day, "young": 89 * day} {
			_, err := around.Exec("INSERT INTO deliveries (delivery, until) VALUES ($1, $2)", key, now.Add(-age).UnixMilli())
			require.NoError(t, err)
		}
		_, err = db.Prune(t.Context(), store.PruneOptions{})
		require.NoError(t, err)
		require.Equal(t, []string{"open", "young"}, query(t, url, "SELECT id FROM inbox ORDER BY id"))
		require.Equal(t, []string{"young"}, query(t, url, "SELECT delivery FROM deliveries"))
	})
}

// old stores n approvals that are old and over, each with a consent, a request id and a message.
func old(t testing.TB, url string, db database, n int) {
	t.Helper()
	around := around(t, url)
	defer around.Close()
	now, err := db.(*store.Store).Now(t.Context())
	require.NoError(t, err)
	for _, p := range used(84) {
		p.store(t, db, around, now)
	}
	past{
		id: "old", path: []approval.State{approval.Executing, approval.Done}, changed: 100 * day, claimed: 100 * day,
		consent: 100 * day, request: 100 * day, post: true,
	}.store(t, db, around, now)
	for _, table := range []string{"approvals", "consents", "requests", "posts"} {
		key := map[bool]string{true: "id", false: "approval"}[table == "approvals"]
		columns := columnsOf(t, url, table)
		values := slices.Clone(columns)
		for i, column := range columns {
			if column == key || column == "key" || column == "request_id" && table == "requests" {
				values[i] = column + " || '-' || n"
			}
		}
		execute(t, url, fmt.Sprintf("WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < %d) INSERT INTO %s (%s) SELECT %s FROM %s, many WHERE %s = 'old' AND n < %d",
			n, table, strings.Join(columns, ", "), strings.Join(values, ", "), table, key, n))
	}
}

const (
	selectLeft  = "SELECT count(*) FROM approvals WHERE id LIKE 'old%'"
	selectDue   = selectLeft + " AND EXISTS (SELECT 1 FROM posts WHERE approval = approvals.id AND next > 0)"
	selectParts = `SELECT count(*) FROM approvals a WHERE id LIKE 'old%' AND 3 <> (SELECT count(*) FROM consents WHERE approval = a.id)
		+ (SELECT count(*) FROM requests WHERE approval = a.id) + (SELECT count(*) FROM posts WHERE approval = a.id)`
	selectBelongings = `SELECT (SELECT count(*) FROM consents WHERE approval LIKE 'old%') + (SELECT count(*) FROM requests WHERE approval LIKE 'old%')
		+ (SELECT count(*) FROM posts WHERE approval LIKE 'old%')`
)

// Two stores prune while both change what is new, and messages of old approvals become due: each change
// succeeds, nothing is counted twice, and what became due in time stays whole.
func TestPruneBesideChanges(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		const n = 150
		stores := []*store.Store{open(t, url), open(t, url)}
		old(t, url, stores[0], n)
		counts := make([]int, len(stores))
		var pruning, changing sync.WaitGroup
		ended := make(chan struct{})
		for i, db := range stores {
			pruning.Go(func() {
				for query(t, url, selectLeft)[0] != query(t, url, selectDue)[0] {
					done, err := db.Prune(t.Context(), store.PruneOptions{})
					if err != nil && !strings.Contains(err.Error(), "changed by others") { // a message became due at that moment
						t.Error(err)
						return
					}
					counts[i] += done.Approvals
				}
			})
			changing.Go(func() {
				for round := 0; ; round++ {
					select {
					case <-ended:
						return
					default:
					}
					id := fmt.Sprint("new-", i, "-", round)
					r, step := claimed(id), move(id, approval.Executing, approval.Done)
					r.CreatedAt, step.At = time.Now(), time.Now()
					inserted(t, db, r)
					moved(t, db, step)
					require.NoError(t, db.MarkDue(t.Context(), fmt.Sprint("old-", n-1-round%20*3-i), start))
					time.Sleep(20 * time.Millisecond) // a busy store is not pruned
				}
			})
		}
		pruning.Wait()
		close(ended)
		changing.Wait()
		left, err := strconv.Atoi(query(t, url, selectLeft)[0])
		require.NoError(t, err)
		require.Equal(t, n, left+counts[0]+counts[1])
		require.Equal(t, query(t, url, selectDue), query(t, url, selectLeft))
		require.Equal(t, []string{"0"}, query(t, url, selectParts))
		requireForeignKeys(t, url)
	})
}

// prune is a process that prunes.
func prune(db database, _ string) error {
	_, err := db.(*store.Store).Prune(context.Background(), store.PruneOptions{})
	return err
}

// A process that is killed as it prunes leaves each approval whole or gone, and the next one goes on.
func TestKilledPrune(t *testing.T) {
	withoutRests(t)
	onEach(t, func(t *testing.T, url string) {
		const n = 400
		db := open(t, url)
		old(t, url, db, n)
		left := func() int {
			left, err := strconv.Atoi(query(t, url, selectLeft)[0])
			require.NoError(t, err)
			return left
		}
		for before := n; before > n/2; before = left() {
			cmd := process(t, "prune", url, "")
			require.NoError(t, cmd.Start())
			require.Eventually(t, func() bool { return left() < before }, 20*time.Second, time.Millisecond)
			require.NoError(t, cmd.Process.Signal(os.Kill))
			require.Error(t, cmd.Wait())
			require.Equal(t, []string{"0"}, query(t, url, selectParts))
			requireForeignKeys(t, url)
		}
		before := left()
		require.Positive(t, before)
		var done store.Pruned
		for done.Approvals == 0 { // until PostgreSQL has ended the session of the process
			var err error
			done, err = db.Prune(t.Context(), store.PruneOptions{})
			require.NoError(t, err)
		}
		require.Equal(t, before, done.Approvals)
		require.Equal(t, []string{"0"}, query(t, url, selectBelongings))
	})
}

// An approval that was deleted is one that never was: for every statement of the version before, as for ours.
func TestPrunedApprovalIsUnknown(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db := open(t, url)
		old(t, url, db, 1)
		message := posted(t, db, "card:old")
		done, err := db.Prune(t.Context(), store.PruneOptions{})
		require.NoError(t, err)
		require.Equal(t, 1, done.Approvals)
		ctx := t.Context()
		for _, id := range []string{"old", "never"} {
			_, err := db.Record(ctx, id)
			require.ErrorIs(t, err, approval.ErrNotFound)
			_, err = db.Move(ctx, move(id, approval.Unknown, approval.Done), row("moved"))
			require.ErrorIs(t, err, approval.ErrNotFound)
			_, err = db.Agree(ctx, id, yes("bob"), row("approved"))
			require.ErrorIs(t, err, approval.ErrNotFound)
			_, err = db.MarkDelivered(ctx, id, start)
			require.ErrorIs(t, err, approval.ErrNotFound)
			require.ErrorIs(t, db.Escalate(ctx, id, start), approval.ErrNotFound)
			require.ErrorIs(t, db.IssueChallenge(ctx, approval.Challenge{Hash: "h", Approval: id, Session: "s1", AskedAt: start, ExpiresAt: start.Add(time.Hour)}), approval.ErrNotFound)
			given, err := db.Consents(ctx, id)
			require.NoError(t, err)
			require.Empty(t, given)
			require.NoError(t, db.MarkDue(ctx, id, start))
		}
		require.ErrorIs(t, db.SavePost(ctx, message), approval.ErrNotFound)
		again := asked("old")
		inserted(t, db, again)
	})
}

// BenchmarkChangeBesidePruning makes changes by one store, without another that prunes and with it, in turn.
//
//	VPSBOT_BENCH=full go test ./internal/store -run '^$' -bench BesidePruning -benchtime 1x
func BenchmarkChangeBesidePruning(b *testing.B) {
	changes, n := 100, 500
	if os.Getenv("VPSBOT_BENCH") == "full" {
		changes, n = 2000, 10_000
	}
	benchmark(b, func(b *testing.B, fresh func() string) {
		url := fresh()
		db, other := open(b, url), open(b, url)
		old(b, url, db, n)
		var took [2][]time.Duration
		pruned, pruning := 0, time.Duration(0)
		for b.Loop() {
			took[0] = append(took[0], changeTimes(b, db, changes)...)
			ctx, stop := context.WithCancel(b.Context())
			var done sync.WaitGroup
			done.Go(func() {
				begun := time.Now()
				for ctx.Err() == nil {
					run, _ := other.Prune(ctx, store.PruneOptions{}) // the end of ctx
					if pruned += run.Approvals; run.Approvals == 0 {
						return
					}
				}
				pruning += time.Since(begun)
			})
			took[1] = append(took[1], changeTimes(b, db, changes)...)
			stop()
			done.Wait()
		}
		for i, name := range []string{"alone", "pruning"} {
			slices.Sort(took[i])
			b.ReportMetric(float64(took[i][len(took[i])/2].Microseconds())/1000, "ms-p50-"+name)
			b.ReportMetric(float64(took[i][len(took[i])*99/100].Microseconds())/1000, "ms-p99-"+name)
		}
		b.ReportMetric(float64(took[1][len(took[1])*99/100])/float64(took[0][len(took[0])*99/100]), "pruning/alone-p99")
		b.ReportMetric(float64(pruned), "pruned")
	})
}

// changeTimes makes changes a few milliseconds apart.
func changeTimes(b *testing.B, db database, n int) (took []time.Duration) {
	for range n {
		id := "new-" + rand.Text()
		r, step := claimed(id), move(id, approval.Executing, approval.Done)
		r.CreatedAt, step.At = time.Now(), time.Now()
		begun := time.Now()
		inserted(b, db, r)
		moved(b, db, step)
		took = append(took, time.Since(begun))
		time.Sleep(3 * time.Millisecond)
	}
	return took
}

// A bound of one's own makes less old, never more, and a dry run counts what a run deletes.
func TestPruneWithABound(t *testing.T) {
	withoutRests(t)
	onEach(t, func(t *testing.T, url string) {
		db, around := open(t, url), around(t, url)
		defer around.Close()
		now, err := db.Now(t.Context())
		require.NoError(t, err)
		older := 0
		for _, p := range used(300) {
			if p.changed > 200*day {
				older++
			}
			p.store(t, db, around, now)
		}
		bound := store.PruneOptions{Before: now.Add(-200 * day), DryRun: true}
		counted, err := db.Prune(t.Context(), bound)
		require.NoError(t, err)
		require.Equal(t, older, counted.Approvals)
		require.Len(t, query(t, url, "SELECT id FROM approvals"), 50, "nothing is deleted")
		bound.DryRun = false
		done, err := db.Prune(t.Context(), bound)
		require.NoError(t, err)
		require.Equal(t, counted, done)
		require.Len(t, query(t, url, "SELECT id FROM approvals"), 50-older)

		all, err := db.Prune(t.Context(), store.PruneOptions{Before: now, DryRun: true})
		require.NoError(t, err)
		require.True(t, all.Before.Before(now.Add(-89*day)), "a later bound than what is kept changes nothing")
	})
}

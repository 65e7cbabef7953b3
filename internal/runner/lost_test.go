package runner_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Ways in which the answer to a write is lost, before or after the change was made.
var losses = map[string]simulator.Interceptor{
	"500 instead of the change": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(500) },
	"reset instead of the change": func(http.ResponseWriter, *http.Request, http.Handler) {
		panic(http.ErrAbortHandler)
	},
	"502 after the change": func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(discard{http.Header{}}, r)
		w.WriteHeader(502)
	},
	"reset after the change": func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	},
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// loseWrites makes each write end that way; reads go on.
func (w *world) loseWrites(how simulator.Interceptor) {
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodGet {
			next.ServeHTTP(rw, r)
			return
		}
		how(rw, r, next)
	})
}

// Every operation that changes something, and how its read-back ends if the change was
// made, and a minute later if it was not.
var changes = []struct {
	operation, input string
	prepare          func(*simulator.World)
	made, notMade    approval.State
}{
	{"servers.create", `{"name":"web-3","plan_id":"1","os_id":"5","location":"us-west"}`, nil, approval.Done, approval.NotApplied},
	{"servers.update", `{"server":"web-server-01","name":"web-2"}`, nil, approval.Done, approval.NotApplied},
	{"servers.replace", `{"server":"web-server-01","name":"web-2","hostname":"a.example.com","backups_enabled":true}`, nil, approval.Done, approval.NotApplied},
	{"servers.delete", `{"server":"web-server-01"}`, nil, approval.Done, approval.NotApplied},
	{"servers.start", `{"server":"web-server-01"}`, stopped, approval.Done, approval.NotApplied},
	{"servers.stop", `{"server":"web-server-01"}`, nil, approval.Done, approval.NotApplied},
	{"servers.reboot", `{"server":"web-server-01"}`, nil, approval.Done, approval.NeedsHuman},
	{"servers.restore", `{"server":"web-server-01","backup_id":"501"}`, nil, approval.Done, approval.NeedsHuman},
	{"backups.create", `{"server":"web-server-01","description":"before"}`, nil, approval.Done, approval.NotApplied},
	{"backups.delete", `{"backup_id":"499"}`, nil, approval.Done, approval.NotApplied},
	{"snapshots.create", `{"server":"web-server-01","name":"before"}`, nil, approval.Done, approval.NotApplied},
	{"snapshots.restore", `{"snapshot_id":"7001"}`, nil, approval.Done, approval.NeedsHuman},
	{"snapshots.delete", `{"snapshot_id":"7001"}`, nil, approval.Done, approval.NotApplied},
}

// A change without its rows would go untested: nothing else says what its read-back is to find.
func TestEveryChangeHasItsRows(t *testing.T) {
	t.Parallel()
	rows, inOrder := map[string]bool{}, map[string]bool{}
	for _, c := range changes {
		rows[c.operation] = true
	}
	for _, c := range harmlessFirst {
		inOrder[c[0]] = true
	}
	for _, op := range tools.Default.Operations() {
		if op.Risk != permissions.Read {
			require.True(t, rows[op.Name], "add a row for %s to changes in lost_test.go", op.Name)
			require.True(t, inOrder[op.Name], "add a row for %s to harmlessFirst in departures_test.go", op.Name)
		}
	}
}

func stopped(w *simulator.World) { w.ServerNamed("web-server-01").Status = "stopped" }

func TestLostAnswerIsReadBackAndNeverSentAgain(t *testing.T) {
	for _, c := range changes {
		for loss, how := range losses {
			t.Run(c.operation+"/"+loss, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				if c.prepare != nil {
					w.sim.Edit(c.prepare)
				}
				w.loseWrites(how)
				reply := w.runAndAgree(c.operation, c.input)
				require.Len(t, w.sent(), 1)
				require.Regexp(t, "VPS.org's answer was lost", reply.Message)
				rec := w.onRecord(reply.Record.ID)
				if strings.Contains(loss, "after") {
					require.Equal(t, c.made, rec.State, reply.Message)
					require.Equal(t, runner.Done, reply.Outcome, reply.Message)
					require.Equal(t, runner.OK, reply.Class)
					require.Contains(t, reply.Message, "reading back shows this")
					w.showsWhatWasMade(c.operation, reply)
					return
				}
				require.Equal(t, runner.Unknown, reply.Outcome, reply.Message)
				require.Equal(t, runner.Lost, reply.Class)
				require.Equal(t, approval.Unknown, rec.State, reply.Message)
				again := w.run(c.operation, c.input)
				require.Equal(t, reply.Record.ID, again.Record.ID, "asking again joins: %s", again.Message)
				require.Equal(t, runner.Unknown, again.Outcome)
				w.clock.Advance(61 * time.Second)
				last := w.run(c.operation, c.input)
				require.Equal(t, c.notMade, w.onRecord(reply.Record.ID).State, last.Message)
				require.Contains(t, last.Message, "answer was lost")
				if c.notMade == approval.NotApplied {
					require.Equal(t, runner.Failed, last.Class)
					require.Equal(t, runner.Refused, last.Outcome)
				} else {
					require.Equal(t, runner.Lost, last.Class)
					require.Equal(t, runner.Unknown, last.Outcome)
				}
				require.Len(t, w.sent(), 1, "never sent twice")
			})
		}
	}
}

// showsWhatWasMade checks that a reply to a lost answer gives the id of what was created, in its
// text, its result and its record.
func (w *world) showsWhatWasMade(operation string, reply runner.Reply) {
	w.Helper()
	if !strings.HasSuffix(operation, ".create") {
		return
	}
	// A new kind adds the id that the simulator gives next to what it makes first.
	for _, raw := range [][]byte{reply.JSON(), w.onRecord(reply.Record.ID).Result} {
		require.Regexp(w, `"id":"(12347|502|7002)"`, string(raw))
	}
	require.Regexp(w, `\((id 12347|backup 502|snapshot 7002)\)|(backup 502|snapshot 7002) of`, reply.Message)
}

func (w *world) runAndAgree(operation, input string) runner.Reply {
	w.Helper()
	reply := w.run(operation, input)
	if reply.Outcome == runner.ApprovalRequired {
		return w.answer(operation, reply.Record.ID, reply.Card.Confirm)
	}
	return reply
}

func TestEveryChangeSendsItsOneRequest(t *testing.T) {
	t.Parallel()
	for _, c := range changes {
		t.Run(c.operation, func(t *testing.T) {
			w := newWorld(t)
			if c.prepare != nil {
				w.sim.Edit(c.prepare)
			}
			reply := w.runAndAgree(c.operation, c.input)
			require.Equal(t, runner.Done, reply.Outcome, reply.Message)
			require.Len(t, w.sent(), 1)
			op, _ := tools.Default.Lookup(c.operation)
			method, path, _ := strings.Cut(op.Request, " ")
			require.Regexp(t, "^"+method+" "+strings.ReplaceAll(path, "{id}", `\d+`)+"$", w.sent()[0])
		})
	}
}

func TestUnknownChangeHoldsItsServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.loseWrites(losses["500 instead of the change"])
	lost := w.agree("servers.reboot", `{"server":"web-server-01"}`)
	again := w.agree("servers.reboot", `{"server":"db-server-01"}`)
	w.sim.Intercept(nil)
	busy := w.run("backups.create", `{"server":"web-server-01"}`)
	require.Equal(t, runner.Busy, busy.Outcome, busy.Message)
	require.Contains(t, busy.Message, "vpsbot approvals settle "+lost.Record.ID)
	require.Nil(t, busy.Record, "what was not stored has no id")

	_, err := w.runner.Settle(t.Context(), "local:mallory", lost.Record.ID, true)
	require.Error(t, err, "not everybody may say what happened")
	w.policy.Book = &permissions.Rulebook{Rules: []permissions.Rule{
		{Name: "ops settles", Effect: permissions.Allow, Who: []permissions.Principal{"key:ops"}, Operations: []permissions.Glob{"approvals.settle"}},
		{Name: "ci reads", Effect: permissions.Allow, Who: []permissions.Principal{"key:ci"}, Risks: []permissions.Risk{permissions.Read}},
	}}
	_, err = w.runner.Settle(t.Context(), "key:ci", lost.Record.ID, true)
	require.Error(t, err, "nor every key")
	given, err := w.runner.Settle(t.Context(), "key:ops", again.Record.ID, true)
	require.NoError(t, err, "but one that a rule gives it to")
	require.Equal(t, approval.Done, given.State)
	w.policy.Book = nil
	rec, err := w.runner.Settle(t.Context(), alice, lost.Record.ID, false)
	require.NoError(t, err)
	require.Equal(t, approval.NotApplied, rec.State)
	require.Equal(t, runner.Done, w.run("backups.create", `{"server":"web-server-01"}`).Outcome)
}

func TestNextChangeReadsBackAbandonedRecords(t *testing.T) {
	t.Parallel()
	for _, made := range []bool{true, false} {
		w := newWorld(t)
		inside, never := make(chan struct{}), make(chan struct{})
		t.Cleanup(func() { close(never) })
		w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method != http.MethodDelete {
				next.ServeHTTP(rw, r)
				return
			}
			if made {
				next.ServeHTTP(discard{http.Header{}}, r)
			}
			close(inside)
			<-never // as for a process that is killed: the answer never comes
		})
		victim := w.newRunner("process-2", "vps_demo")
		asked := victim.Run(t.Context(), call("servers.delete", `{"server":"web-server-01"}`))
		go victim.Answer(t.Context(), call("servers.delete", ""), runner.Answer{Approval: asked.Record.ID, Yes: true, Text: "web-server-01"})
		<-inside
		w.run("backups.create", `{"server":"db-server-01"}`)
		require.Equal(t, approval.Executing, w.onRecord(asked.Record.ID).State, "it still lives")

		w.kill("process-2")
		w.run("backups.create", `{"server":"db-server-01"}`)
		want := map[bool]approval.State{true: approval.Done, false: approval.Unknown}[made]
		require.Equal(t, want, w.onRecord(asked.Record.ID).State)
		require.Len(t, w.sent(), 3)
	}
}

func TestPanicInACallReleasesItsLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.panicOn(func(r *http.Request) bool { return r.Method != http.MethodGet })
	require.PanicsWithValue(t, "broken with Bearer vps_demo", func() { w.run("servers.update", `{"server":"web-server-01","name":"x"}`) })
	records, err := w.store.Find(t.Context(), approval.Query{})
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.Equal(t, approval.Unknown, records[0].State, "nobody can say what was sent")
}

func TestRefusalOfTheAPIIsNotUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Edit(func(world *simulator.World) { world.ServerNamed("web-server-01").Status = "suspended" })
	reply := w.run("servers.start", `{"server":"web-server-01"}`)
	require.Equal(t, runner.Refused, reply.Outcome)
	require.Equal(t, runner.Failed, reply.Class)
	require.Contains(t, reply.Message, "Server is suspended")
	require.Equal(t, approval.Failed, w.onRecord(reply.Record.ID).State)
}

// A start of what runs and a stop of what is stopped are refused by VPS.org, and have what they want.
func TestNothingToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		operation, says string
		prepare         func(*simulator.World)
	}{
		{"servers.start", "web-server-01 is active already: there was nothing to do.", nil},
		{"servers.stop", "web-server-01 is stopped already: there was nothing to do.", stopped},
	} {
		t.Run(c.operation, func(t *testing.T) {
			w := newWorld(t)
			if c.prepare != nil {
				w.sim.Edit(c.prepare)
			}
			reply := w.runAndAgree(c.operation, `{"server":"web-server-01","wait":true}`)
			require.Len(t, w.sent(), 1)
			require.Equal(t, runner.OK, reply.Class, reply.Message)
			require.Equal(t, runner.Done, reply.Outcome)
			require.Equal(t, c.says, reply.Message)
			require.Equal(t, approval.Done, w.onRecord(reply.Record.ID).State)
			require.Contains(t, string(reply.JSON()), `"server":{"id":"12345"`)
		})
	}
}

func TestUnreadableAPISettlesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.loseWrites(losses["500 instead of the change"])
	lost := w.agree("servers.reboot", `{"server":"web-server-01"}`)
	w.failingAt("/servers/12345/", 500)
	w.clock.Advance(time.Hour)
	w.run("backups.create", `{"server":"db-server-01"}`)
	require.Equal(t, approval.Unknown, w.onRecord(lost.Record.ID).State)
	w.sim.Intercept(nil)
	w.run("backups.create", `{"server":"db-server-01","description":"again"}`)
	require.Equal(t, approval.NeedsHuman, w.onRecord(lost.Record.ID).State)
}

func TestForbiddenAfterOwnCheckNamesThePermissionCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.loseWrites(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(403) })
	reply := w.run("backups.create", `{"server":"web-server-01"}`)
	require.Equal(t, runner.Failed, reply.Class)
	require.Contains(t, reply.Message, "Our own check found servers:backup or backups:*, so VPS.org wants another permission")
}

// What cannot be read back for a day is a person's to look at: nothing stays unknown for ever.
func TestUnreadableForADayNeedsAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.loseWrites(losses["500 instead of the change"])
	reply := w.run("backups.create", `{"server":"web-server-01"}`)
	require.Equal(t, runner.Unknown, reply.Outcome, reply.Message)
	id := reply.Record.ID
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/account/me/") {
			next.ServeHTTP(rw, r)
			return
		}
		rw.WriteHeader(http.StatusForbidden)
	})
	w.clock.Advance(23 * time.Hour)
	require.NoError(t, w.runner.ReconcileOnce(t.Context()))
	require.Equal(t, approval.Unknown, w.onRecord(id).State)
	w.clock.Advance(2 * time.Hour)
	require.NoError(t, w.runner.ReconcileOnce(t.Context()))
	require.Equal(t, approval.NeedsHuman, w.onRecord(id).State)
	require.Contains(t, w.onRecord(id).Message, "Look at the server")
}

// What stays unknown is read back ever more rarely, and not while the API asks for rest.
func TestReconcilingSlowsDown(t *testing.T) {
	t.Parallel()
	for retryAfter, want := range map[string][]int{
		"":   {0, 1, 3, 6, 10, 16, 24, 36, 54, 60, 90, 120, 150, 180, 210, 240, 270},
		"90": {0, 90, 180, 270},
	} {
		w := newWorld(t)
		w.loseWrites(losses["500 instead of the change"])
		lost := w.agree("servers.reboot", `{"server":"web-server-01"}`)
		require.Equal(t, runner.Unknown, lost.Outcome)
		reads := 0
		w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if !strings.HasSuffix(r.URL.Path, "/servers/12345/") {
				next.ServeHTTP(rw, r)
				return
			}
			reads++
			if retryAfter == "" {
				rw.WriteHeader(http.StatusInternalServerError)
				return
			}
			rw.Header().Set("Retry-After", retryAfter)
			rw.WriteHeader(http.StatusTooManyRequests)
		})
		var at []int
		for second := range 300 {
			before := reads
			require.NoError(t, w.runner.ReconcileOnce(t.Context()))
			if reads > before {
				at = append(at, second)
			}
			w.clock.Advance(time.Second)
		}
		require.Equal(t, want, at, "Retry-After: %q", retryAfter)
	}
}

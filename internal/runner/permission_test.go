package runner_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// grant gives the demo token these permissions and no others.
func (w *world) grant(all ...string) {
	w.sim.Edit(func(world *simulator.World) { world.Tokens["vps_demo"].Permissions = all })
}

func (w *world) requests() []string {
	var all []string
	for _, r := range w.sim.Requests() {
		all = append(all, r.Method+" "+strings.TrimPrefix(r.Path, "/api/v1"))
	}
	return all
}

func (w *world) rows() []audit.Row {
	w.Helper()
	var rows []audit.Row
	for row, err := range w.store.Rows(w.Context(), audit.Filter{}) {
		require.NoError(w, err)
		rows = append(rows, row)
	}
	_, err := audit.Verify(w.store.Rows(w.Context(), audit.Filter{}))
	require.NoError(w, err)
	return rows
}

func TestMissingPermissionIsRefusedBeforeAnyRequest(t *testing.T) {
	t.Parallel()
	for _, op := range tools.Default.Operations() {
		if len(op.Needs) == 0 {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			w := newWorld(t)
			w.grant("billing:list")
			reply := w.run(op.Name, string(op.Examples[0]))
			require.Equal(t, runner.Refuse, reply.Class)
			require.Contains(t, reply.Message, op.Name+" is refused: it needs the permission "+op.Needs.String())
			require.Contains(t, reply.Message, `the token "Demo"`)
			require.Contains(t, reply.Message, permissions.TokensPage)
			require.Equal(t, []string{"GET /account/me/"}, w.requests())

			rows := w.rows()
			require.Len(t, rows, 1, "a refusal is a row too")
			require.Equal(t, audit.Refused, rows[0].Decision)
			require.Equal(t, "local:alice", rows[0].Actor)
			require.Contains(t, rows[0].Reason, op.Needs.String())
		})
	}
}

func TestEachPermissionThatIsEnoughIsEnough(t *testing.T) {
	t.Parallel()
	for _, op := range tools.Default.Operations() {
		for _, p := range op.Needs {
			resource, _, _ := strings.Cut(string(p), ":")
			for _, grant := range []string{string(p), resource + ":*", "*:*"} {
				w := newWorld(t)
				w.grant(grant, "servers:list", "backups:list", "snapshots:list")
				ops, why, err := w.runner.Offered(t.Context(), runner.Call{Actor: alice, Surface: permissions.MCP})
				require.NoError(t, err)
				require.Contains(t, ops, op, "%s with %s: %v", op.Name, grant, why)
			}
		}
	}
}

func TestPolicyRefusesWithoutAskingAnybody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy = permissions.Policy{ReadOnly: true}
	require.Contains(t, w.run("servers.delete", `{"server":"web-server-01"}`).Message, "VPSBOT_READ_ONLY")
	w.policy = permissions.Policy{Operations: []string{"backups.*"}}
	require.Contains(t, w.run("servers.list", ``).Message, "VPSBOT_OPERATIONS")
	require.Empty(t, w.requests())
}

func TestConfirmedServerMustBeReadable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ operation, input, grant, missing string }{
		{"servers.reboot", `{"server":"12345"}`, "servers:power", "servers:list"},
		{"servers.delete", `{"server":"12345"}`, "servers:delete", "servers:list"},
		{"servers.create", `{"name":"a","plan_id":"1","os_id":"5","location":"us-west"}`, "servers:create", "servers:list"},
		{"backups.delete", `{"backup_id":"499"}`, "backups:delete", "backups:list"},
		{"snapshots.delete", `{"snapshot_id":"7001"}`, "snapshots:delete", "snapshots:list"},
		{"servers.update", `{"server":"12345","backups_enabled":false}`, "servers:update", "servers:list"},
		{"servers.start", `{"server":"web-server-01"}`, "servers:power", "servers:list"},
	} {
		w := newWorld(t)
		w.grant(c.grant)
		reply := w.run(c.operation, c.input)
		require.Equal(t, runner.Refuse, reply.Class, "%s: %s", c.operation, reply.Message)
		require.Contains(t, reply.Message, "needs the permission "+c.missing)
		require.Equal(t, []string{"GET /account/me/"}, w.requests(), c.operation)
	}
}

func TestStartByIDNeedsNoOtherPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("servers:power")
	w.sim.Edit(stopped)
	require.Equal(t, runner.Done, w.run("servers.start", `{"server":"12345"}`).Outcome)
	require.Equal(t, []string{"POST /servers/12345/start/"}, w.sent())
}

func TestCardNamesUnreadParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("servers:list", "servers:create", "servers:delete")
	create := w.run("servers.create", `{"name":"a","plan_id":"1","os_id":"5","location":"us-west"}`)
	require.Contains(t, create.Card.Warnings, "Price not readable: plans:list is missing.")
	remove := w.run("servers.delete", `{"server":"12345"}`)
	require.Contains(t, remove.Card.Warnings, "Backups not readable: backups:list is missing.")
	require.NotContains(t, remove.Text(), "nothing can bring the data back", "what was not read is not claimed")
}

func TestExpiredTokenIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_expiring", simulator.Options{})
	require.Contains(t, w.run("account.get", "").Message, "expires in 5 days")
	require.Equal(t, runner.OK, w.run("servers.list", "").Class)
	w.clock.Advance(5 * 24 * time.Hour)
	require.Equal(t, runner.Refuse, w.run("servers.list", "").Class)

	w = newWorld(t)
	w.sim.Edit(func(world *simulator.World) { world.Tokens["vps_demo"].Expired = true })
	for _, operation := range []string{"servers.list", "account.get"} {
		reply := w.run(operation, "")
		require.Equal(t, runner.Refuse, reply.Class)
		require.Contains(t, reply.Message, "has expired")
	}
}

func TestPermissionsThatCannotBeReadRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Intercept(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(500) })
	reply := w.run("servers.list", "")
	require.Equal(t, runner.Refuse, reply.Class)
	require.Contains(t, reply.Message, "permissions cannot be read")
}

// A call that is stopped, as by the end of the process, says so in our words, whatever it was at.
func TestWordsOfAStoppedCall(t *testing.T) {
	t.Parallel()
	stopped := 0
	for operation, input := range map[string]string{"servers.list": "", "servers.update": `{"server":"web-server-01","name":"renamed"}`} {
		for requests := range 6 {
			w := newWorld(t)
			ctx, cancel := context.WithCancel(t.Context())
			left := requests
			w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
				if left == 0 {
					cancel()
					<-r.Context().Done()
				}
				left--
				next.ServeHTTP(rw, r)
			})
			reply := w.runner.Run(ctx, call(operation, input))
			if ctx.Err() != nil {
				stopped++
				require.Regexp(t, "stopped|cancelled", reply.Message)
			}
			require.NotContains(t, reply.Message, "context", "%s: words of Go", operation)
			cancel()
		}
	}
	require.Greater(t, stopped, 4)
}

func TestPermissionsAreKeptAMinuteAndReadOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { w.run("servers.list", "") })
	}
	wg.Wait()
	count := func() int { return strings.Count(strings.Join(w.requests(), " "), "/account/me/") }
	require.Equal(t, 1, count(), "one request for all who wait")
	w.clock.Advance(59 * time.Second)
	w.run("servers.list", "")
	require.Equal(t, 1, count())
	w.clock.Advance(2 * time.Second)
	w.run("servers.list", "")
	require.Equal(t, 2, count())
}

func TestForbiddenAnswerDropsCachedPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("servers.list", "")
	w.grant("backups:list")
	require.Equal(t, runner.Failed, w.run("servers.list", "").Class, "the API said no")
	require.Equal(t, runner.Refuse, w.run("servers.list", "").Class, "and now we know it beforehand")
}

func TestEveryChangeIsInTheAuditLogBeforeItIsSent(t *testing.T) {
	t.Parallel()
	for _, c := range changes {
		t.Run(c.operation, func(t *testing.T) {
			w := newWorld(t)
			if c.prepare != nil {
				w.sim.Edit(c.prepare)
			}
			var intent []audit.Row
			w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Method != http.MethodGet {
					intent = w.rows()
				}
				next.ServeHTTP(rw, r)
			})
			w.runAndAgree(c.operation, c.input)
			require.NotEmpty(t, intent)
			last := intent[len(intent)-1]
			require.Equal(t, audit.Allowed, last.Decision)
			require.Empty(t, last.Outcome)
			rows := w.rows()
			require.Len(t, rows, len(intent)+1)
			end := rows[len(rows)-1]
			require.Equal(t, audit.Done, end.Outcome)
			require.Equal(t, last.Approval, end.Approval)
			require.Equal(t, "SIMULATOR john@example.com", end.Account)
			require.Equal(t, "Demo", end.Token)
			require.Contains(t, []int{200, 201, 204}, end.APIStatus)
		})
	}
}

func TestReadsAreAuditedWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("servers.list", "")
	require.Empty(t, w.rows())
	w.runner.AuditReads = true
	w.run("servers.list", `{"status":"active"}`)
	rows := w.rows()
	require.Len(t, rows, 1)
	require.Equal(t, "servers.list", rows[0].Operation)
	require.JSONEq(t, `{"status":"active"}`, string(rows[0].Arguments))
}

// A policy costs a read of a server one more request only where it depends on the server's name, and where it refuses.
func TestReadUnderAPolicyIsOneRequest(t *testing.T) {
	t.Parallel()
	everybody, web := []permissions.Principal{"*"}, []permissions.ServerPattern{"web-*"}
	allow := permissions.Rule{Name: "all", Effect: permissions.Allow, Who: everybody}
	for name, c := range map[string]struct {
		rules   []permissions.Rule
		reads   int
		refused bool
	}{
		"a rule about all":                {[]permissions.Rule{allow}, 1, false},
		"one about some servers":          {[]permissions.Rule{{Name: "web", Effect: permissions.Allow, Who: everybody, Servers: web}}, 2, false},
		"all but some":                    {[]permissions.Rule{allow, {Name: "no web", Effect: permissions.Deny, Who: everybody, Servers: web}}, 1, true},
		"some are refused to others":      {[]permissions.Rule{allow, {Name: "bob", Effect: permissions.Deny, Who: []permissions.Principal{"local:bob"}, Servers: web}}, 1, false},
		"some are refused to be stopped":  {[]permissions.Rule{allow, {Name: "stop", Effect: permissions.Deny, Who: everybody, Operations: []permissions.Glob{"servers.stop"}, Servers: web}}, 1, false},
		"others are refused to everybody": {[]permissions.Rule{allow, {Name: "db", Effect: permissions.Deny, Who: everybody, Servers: []permissions.ServerPattern{"db-*"}}}, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.policy = permissions.Policy{Book: &permissions.Rulebook{Rules: c.rules}}
			var reply runner.Reply
			require.Equal(t, c.reads, w.asked("/servers/12345/", func() { reply = w.run("servers.get", `{"server":"12345"}`) }))
			require.Equal(t, c.refused, reply.Class != runner.OK, reply.Message)
		})
	}
}

package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// drift is a change between the card and the consent.
type drift struct {
	name        string
	operation   string
	input       string
	change      func(*fixture)
	wantMessage string // in the refusal: names the change
}

const (
	deleteWeb  = "servers.delete"
	web        = `{"server":"web-server-01"}`
	fromBackup = `{"server":"web-server-01","backup_id":"501"}`
	newServer  = `{"name":"web-3","plan_id":"1","os_id":"5","location":"us-west"}`
	oneSnap    = `{"snapshot_id":"7001"}`
	oneBackup  = `{"backup_id":"501"}`

	asyncOnly = "to be answered elsewhere"
)

// editAccount changes the account, as another token or the website does.
func editAccount(change func(*simulator.World)) func(*fixture) {
	return func(s *fixture) { s.sim.Edit(change) }
}

// editServer changes the server of the card.
func editServer(change func(*simulator.Server)) func(*fixture) {
	return editAccount(func(w *simulator.World) { change(w.Servers[12345]) })
}

// editPolicy changes the policy.
func editPolicy(change func(*permissions.Policy)) func(*fixture) {
	return func(s *fixture) { change(&s.policy) }
}

// onePerson is a policy in which the lead may run everything without an approver.
func onePerson() permissions.Policy {
	p := twoApproverPolicy()
	p.Book.Rules[2].Approvers = nil
	return p
}

// setTokenPermissions replaces the token's permissions.
func setTokenPermissions(permissions ...string) func(*fixture) {
	return editAccount(func(w *simulator.World) { w.Tokens["vps_demo"].Permissions = permissions })
}

func advanceClock(d time.Duration) func(*fixture) { return func(s *fixture) { s.clock.Advance(d) } }

var drifts = []drift{
	// The server.
	{"renamed", deleteWeb, web, editServer(func(s *simulator.Server) { s.Name = "payroll" }), `name was “web-server-01” and is now “payroll”`},
	{"other hostname", deleteWeb, web, editServer(func(s *simulator.Server) { s.Hostname = "pay.example.com" }), `hostname was “web01.example.com” and is now “pay.example.com”`},
	{"other address", deleteWeb, web, editServer(func(s *simulator.Server) { s.IPAddress = "198.51.100.7" }), `address was “203.0.113.10” and is now “198.51.100.7”`},
	{"moved", deleteWeb, web, editServer(func(s *simulator.Server) { s.Location = "eu-north" }), `location was “us-west” and is now “eu-north”`},
	{"resized", deleteWeb, web, editServer(func(s *simulator.Server) { s.Plan.ID, s.Plan.Name = 2, "Performance VPS" }), `plan was “1 Standard VPS” and is now “2 Performance VPS”`},
	{"other system", deleteWeb, web, editServer(func(s *simulator.Server) { s.OS = simulator.OS{ID: 9, Name: "Another OS"} }), `os was “5 Ubuntu 22.04 LTS” and is now “9 Another OS”`},
	{"stopped", "servers.reboot", web, editServer(func(s *simulator.Server) { s.Status = simulator.Stopped }), `status was “active” and is now “stopped”`},
	{"suspended", deleteWeb, web, editServer(func(s *simulator.Server) { s.Status = simulator.Suspended }), `status was “active” and is now “suspended”`},
	{"backups switched", deleteWeb, web, editServer(func(s *simulator.Server) { s.BackupsEnabled = !s.BackupsEnabled }), `backups_enabled was`},
	{"deleted", deleteWeb, web, editAccount(func(w *simulator.World) { w.DeleteServer(12345) }), "no server has the id 12345"},
	{"re-created under the name", deleteWeb, web, editAccount(func(w *simulator.World) {
		w.DeleteServer(12345)
		w.AddServer(simulator.Server{Name: "web-server-01"})
	}), "no server has the id 12345"},
	{"re-created under the name and id", deleteWeb, web, editAccount(func(w *simulator.World) {
		w.DeleteServer(12345)
		w.AddServer(simulator.Server{ID: 12345, Name: "web-server-01", Hostname: "web01.example.com", Location: "us-west"})
	}), "snapshot ids was"},
	{"two swapped names", deleteWeb, web, editAccount(func(w *simulator.World) {
		a, b := w.Servers[12345], w.Servers[12346]
		a.Name, b.Name = b.Name, a.Name
	}), `name was “web-server-01” and is now “db-server-01”`},
	{"restored", "servers.stop", web, editServer(func(s *simulator.Server) { s.Status = simulator.Restoring }), `status was “active” and is now “restoring”`},

	// Its backups and snapshots.
	{"a new backup", deleteWeb, web, editAccount(func(w *simulator.World) {
		w.AddBackup(simulator.Backup{Image: simulator.Image{ID: 900, ServerID: 12345}})
	}), "backup ids was"},
	{"a backup gone", deleteWeb, web, editAccount(func(w *simulator.World) { delete(w.Backups, 501) }), "backup ids was"},
	{"a new snapshot", deleteWeb, web, editAccount(func(w *simulator.World) {
		w.AddSnapshot(simulator.Snapshot{Name: "before-upgrade", Image: simulator.Image{ID: 7900, ServerID: 12345}})
	}), "snapshot ids was"},
	{"a snapshot gone", deleteWeb, web, editAccount(func(w *simulator.World) { delete(w.Snapshots, 7001) }), "snapshot ids was"},
	{"the snapshot renamed", "snapshots.delete", oneSnap, editAccount(func(w *simulator.World) { w.Snapshots[7001].Name = "keep-me" }), `and is now “keep-me”`},
	{"the snapshot gone", "snapshots.restore", oneSnap, editAccount(func(w *simulator.World) { delete(w.Snapshots, 7001) }), "no snapshot has the id 7001"},
	{"the snapshot of another server", "snapshots.restore", oneSnap, editAccount(func(w *simulator.World) { w.Snapshots[7001].ServerID = 12346 }), "is now"},
	{"the backup gone", "backups.delete", oneBackup, editAccount(func(w *simulator.World) { delete(w.Backups, 501) }), "no backup has the id 501"},
	{"the backup to restore gone", "servers.restore", fromBackup, editAccount(func(w *simulator.World) { delete(w.Backups, 501) }), "backup 501"},
	{"the backup of another server", "servers.restore", fromBackup, editAccount(func(w *simulator.World) { w.Backups[501].ServerID = 12346 }), "is not a backup of"},

	// What it costs.
	{"other price", "servers.create", newServer, editAccount(func(w *simulator.World) { w.Plans[1].PriceMonthly *= 10 }), "price was"},
	{"the plan sold out", "servers.create", newServer, editAccount(func(w *simulator.World) { w.Plans[1].Available = false }), `available was “true” and is now “false”`},
	{"the plan gone", "servers.create", newServer, editAccount(func(w *simulator.World) { delete(w.Plans, 1) }), "plan"},
	{"the name taken", "servers.create", newServer, editAccount(func(w *simulator.World) { w.AddServer(simulator.Server{ID: 13000, Name: "web-3"}) }), `servers of that name was “” and is now “13000”`},

	// The token and its account.
	{"permission revoked", deleteWeb, web, setTokenPermissions("servers:list", "servers:power", "backups:list", "snapshots:list"), "servers:delete"},
	{"role lowered", deleteWeb, web, setTokenPermissions("servers:list", "backups:list", "snapshots:list", "plans:list"), "servers:delete"},
	{"target no longer readable", deleteWeb, web, setTokenPermissions("servers:delete", "backups:list", "snapshots:list"), "servers:list"},
	{"all permissions revoked", "servers.stop", web, setTokenPermissions(), "servers:power"},
	{"token deleted", deleteWeb, web, editAccount(func(w *simulator.World) { delete(w.Tokens, "vps_demo") }), "token"},
	{"token run out", deleteWeb, web, editAccount(func(w *simulator.World) { w.Tokens["vps_demo"].ExpiresAt = w.Now().Add(-time.Second) }), "token"},
	{"token marked as expired", deleteWeb, web, editAccount(func(w *simulator.World) { w.Tokens["vps_demo"].Expired = true }), "expired"},
	{"another account", deleteWeb, web, editAccount(func(w *simulator.World) { w.Account.Email = "other@example.com" }), "another account"},
	{"a weaker token", deleteWeb, web, func(s *fixture) { s.token = "vps_readonly" }, "servers:delete"},

	// The policy.
	{"denied", deleteWeb, web, editPolicy(func(p *permissions.Policy) {
		p.Book.Rules = append(p.Book.Rules, permissions.Rule{Name: "not on Friday", Effect: permissions.Deny, Who: []permissions.Principal{"lead"}, Operations: []permissions.Glob{"*.delete"}})
	}), "not on Friday"},
	{"no longer allowed", deleteWeb, web, editPolicy(func(p *permissions.Policy) { p.Book.Rules = p.Book.Rules[:2] }), "no rule"},
	{"no longer a person", deleteWeb, web, editPolicy(func(p *permissions.Policy) { p.Book.People = p.Book.People[1:] }), "allows it to local:lead"},
	{"protected", "servers.stop", web, editPolicy(func(p *permissions.Policy) { p.Book.Protected = []permissions.ServerPattern{"web-*"} }), "more consent"},
	{"two must agree", deleteWeb, web, editPolicy(func(p *permissions.Policy) {
		p.Book.Rules[2].Approvers = &permissions.Approvers{Count: 1, Who: []permissions.Principal{"second"}}
	}), "more consent"},
	{asyncOnly, deleteWeb, web, editPolicy(func(p *permissions.Policy) {
		p.Book.Confirm = map[permissions.Risk][]permissions.Surface{permissions.Destructive: {permissions.Slack}}
	}), "slack"},
	{"read-only", deleteWeb, web, func(s *fixture) { s.policy.ReadOnly = true }, "read-only"},
	{"switched off", deleteWeb, web, func(s *fixture) { s.policy.Operations = []string{"servers.get"} }, "VPSBOT_OPERATIONS"},
	{"frozen", deleteWeb, web, func(s *fixture) {
		require.NoError(s, s.runner.Freeze(s.Context(), second, permissions.Terminal, "incident 7"))
	}, "incident 7"},

	// Time, and the requester.
	{"the clock jumped ahead", deleteWeb, web, advanceClock(72 * time.Hour), "in time"},
	{"answered too late", deleteWeb, web, advanceClock(time.Hour + time.Second), "in time"},
	{"cancelled", deleteWeb, web, func(s *fixture) {
		for _, rec := range s.openRecords() {
			_, err := s.runner.Cancel(s.Context(), lead, rec.ID)
			require.NoError(s, err)
		}
	}, "cancelled"},
}

// openRecords lists the records that are not yet run.
func (s *fixture) openRecords() []approval.Record {
	s.Helper()
	all, err := s.store.Find(s.Context(), approval.Query{States: []approval.State{approval.Pending, approval.Approved}})
	require.NoError(s, err)
	return all
}

// consentPaths are how a consent is given, and whether the change comes before or after it.
var consentPaths = map[string]func(s *fixture, d drift) (message string){
	"interactive": answerInteractively, "asynchronous": answerAsync, "after the consent": changeAfterApproval,
}

// Figure 7: after any change between the card and the consent, nothing is sent and the message names
// the change: for an interactive answer, for one on another surface, and for a change between the
// consent and the run.
func TestFigure07ChangedMeanwhile(t *testing.T) {
	t.Parallel()
	tries := 0
	for _, d := range drifts {
		for path, try := range consentPaths {
			if d.name == asyncOnly && path == "after the consent" {
				continue // the consent counted when it was given
			}
			t.Run(d.name+"/"+path, func(t *testing.T) {
				s := newFixture(t)
				s.policy = onePerson()
				message := try(s, d)
				require.Contains(t, message, d.wantMessage, "the message names the change")
				require.Empty(t, s.writes(), "nothing was sent")
				require.False(t, strings.Contains(message, "internal error"), message)
				s.verifyChain()
			})
			tries++
		}
	}
	require.Greater(t, len(drifts), 30)
	logFigure(t, 7, "%d kinds of change between card and consent, by %d ways of consent (%d tries): all refused, 0 calls to the API, each message names the change (nothing random)",
		len(drifts), len(consentPaths), tries)
}

// Without a change the same consents count, by each path.
func TestFigure07UnchangedRuns(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, d := range drifts {
		if seen[d.operation] {
			continue
		}
		seen[d.operation] = true
		d.change = unchanged
		for path, try := range consentPaths {
			t.Run(d.operation+"/"+path, func(t *testing.T) {
				s := newFixture(t)
				s.policy = onePerson()
				try(s, d)
				require.Len(t, s.writes(), 1)
			})
		}
	}
	require.Len(t, seen, 8)
}

func answerInteractively(s *fixture, d drift) (message string) {
	c := mcpCall(lead, d.operation, d.input)
	rec := s.requestApproval(c)
	nonce, err := s.runner.IssueChallenge(s.Context(), rec, "process-1")
	require.NoError(s, err)
	s.clock.Advance(30 * time.Second)
	d.change(s)
	if _, _, err := s.runner.ConsumeChallenge(s.Context(), nonce, "process-1"); err != nil {
		return err.Error() + " " + s.runner.Standing(s.Context(), c, rec.ID).Message
	}
	reply := s.runner.Answer(s.Context(), c, runner.Answer{Approval: rec.ID, Channel: permissions.MCP, Yes: true, Text: rec.Confirm})
	if d.wantMessage != "" && len(s.writes()) == 0 {
		require.NotEqual(s, runner.OK, reply.Class, reply.Message)
	}
	return reply.Message
}

func answerAsync(s *fixture, d drift) (message string) {
	return s.approveAtTerminal(d, d.change, unchanged)
}

func changeAfterApproval(s *fixture, d drift) (message string) {
	return s.approveAtTerminal(d, unchanged, d.change)
}

func unchanged(*fixture) {}

// approveAtTerminal makes the call of a drift, approves it at a terminal, with a change before and another
// after the consent, and runs it.
func (s *fixture) approveAtTerminal(d drift, before, after func(*fixture)) (message string) {
	c := mcpCall(lead, d.operation, d.input)
	c.CanPrompt = false
	rec := s.requestApproval(c)
	s.clock.Advance(30 * time.Second)
	before(s)
	yes := runner.Answer{Approval: rec.ID, Channel: permissions.Terminal, Yes: true, Text: rec.Confirm}
	if _, err := s.runner.Decide(s.Context(), lead, yes, ""); err != nil {
		return err.Error()
	}
	after(s)
	return s.runApproved(c, rec)
}

// runApproved runs a record as its requester's process, and returns the message.
func (s *fixture) runApproved(c runner.Call, rec approval.Record) (message string) {
	now, err := s.runner.RunApproved(s.Context(), c, rec.ID)
	if err != nil {
		return err.Error()
	}
	if now.State == approval.Approved { // it was not started; a repeated request has the reason
		return s.runner.Run(s.Context(), c).Message
	}
	return now.Message
}

// A person whose policy id changes after their own consent does not count as the second person.
func TestFigure07RenamedPersonIsNoSecondPerson(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.policy = twoApproverPolicy()
	rec := s.requestApproval(mcpCall(lead, deleteWeb, web))
	yes := runner.Answer{Approval: rec.ID, Channel: permissions.Terminal, Yes: true, Text: rec.Confirm}
	_, err := s.runner.Decide(t.Context(), lead, yes, "")
	require.NoError(t, err, "their own consent")

	s.policy = twoApproverPolicy()
	s.policy.Book.People[0].ID = "leader"
	for i := range s.policy.Book.Rules[1:] {
		s.policy.Book.Rules[i+1].Who = []permissions.Principal{"leader", "second"}
	}
	s.policy.Book.Rules[2].Approvers.Who = []permissions.Principal{"leader", "second"}
	for _, who := range []permissions.Actor{lead, leadLaptop} {
		_, _ = s.runner.Decide(t.Context(), who, yes, "")
		_, _ = s.runner.RunApproved(t.Context(), mcpCall(lead, "", ""), rec.ID)
		require.Empty(t, s.writes(), "one person alone deleted a server, as %s", who)
	}
	require.Contains(t, []approval.State{approval.Pending, approval.Refused}, s.recordByID(rec.ID).State)
}

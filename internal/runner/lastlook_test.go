package runner_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// grounds is a world in which each thing that a change rests on can be taken away.
type grounds struct {
	*world
	asker  runner.Call
	token  atomic.Value // in use
	groups []string     // of bob and of the asker, in Slack
	expiry time.Time    // of the asker's key
}

const (
	askerKey = permissions.Actor("key:alice-laptop")
	oncall   = "S0ONCALL"
)

func newGrounds(t *testing.T) *grounds {
	g := &grounds{world: newWorldWith(t, "vps_demo", teamSimulator), groups: []string{oncall}}
	g.asker = runner.Call{Actor: askerKey, Surface: permissions.MCP, CanPrompt: true}
	g.policy = permissions.Policy{Book: &permissions.Rulebook{
		People: []permissions.Person{
			{ID: "alice", Identities: []permissions.Actor{askerKey, "slack:U0ALICE"}},
			{ID: "bob", Identities: []permissions.Actor{"slack:U0BOB"}},
		},
		Rules: []permissions.Rule{
			{Name: "alice", Effect: permissions.Allow, Who: []permissions.Principal{"alice"}, Risks: []permissions.Risk{permissions.Change, permissions.Disruptive}},
			{Name: "on call", Effect: permissions.Allow, Who: []permissions.Principal{"slack-group:" + oncall}, Where: []permissions.Place{"slack"}, Operations: []permissions.Glob{"servers.reboot"}},
			{
				Name: "two delete", Effect: permissions.Allow, Who: []permissions.Principal{"alice"}, Operations: []permissions.Glob{"servers.delete"},
				Approvers: &permissions.Approvers{Count: 1, Who: []permissions.Principal{"slack-group:" + oncall}},
			},
		},
	}}
	g.expiry = g.clock.Now().Add(time.Hour)
	require.NoError(t, g.store.Add(t.Context(), keys.Key{Name: "alice-laptop", Hash: "h", CreatedAt: g.clock.Now(), ExpiresAt: g.expiry}, audit.Row{At: g.clock.Now(), Operation: "keys.create", Decision: "allowed"}))
	g.sim.Edit(func(world *simulator.World) {
		other := *world.Tokens["vps_demo"]
		other.Value, other.Name = "vps_other", "Other"
		world.Tokens["vps_other"] = &other
	})
	g.token.Store("vps_demo")
	g.connect()
	return g
}

// connect gives the runner what a process has that serves Slack and knows keys.
func (g *grounds) connect() {
	source := func() (string, error) { return g.token.Load().(string), nil }
	client, err := apiclient.New(apiclient.Options{BaseURL: "http://localhost/api/v1", Token: source, Transport: g.sim.Transport()})
	require.NoError(g, err)
	g.runner.Client, g.runner.Token = client, source
	g.runner.Groups = func(context.Context, permissions.Actor) []string { return g.groups }
	g.runner.Ended = func(ctx context.Context, who permissions.Actor) (string, error) {
		name, isKey := strings.CutPrefix(string(who), "key:")
		if !isKey {
			return "", nil
		}
		if err := keys.Ended(ctx, g.store, name, g.clock.Now()); err != nil {
			return err.Error(), nil
		}
		return "", nil
	}
}

// lostGround takes something away that a change rests on.
type lostGround struct {
	name string
	does func(*grounds)
	ways []string // in which it matters; nil: all
	asks bool     // VPS.org must be asked about it: what happens after that it alone can refuse
}

// The ways to a call.
const (
	unasked   = "needs nobody's yes"
	here      = "agreed to where it was asked"
	elsewhere = "agreed to elsewhere"
	byTwo     = "agreed to by two"
	inSlack   = "asked and agreed to in Slack"
)

var (
	agreedTo    = []string{here, elsewhere, byTwo, inSlack}
	withKey     = []string{unasked, here, elsewhere, byTwo}
	lostGrounds = []lostGround{
		{"the key is revoked", func(g *grounds) {
			require.NoError(g, g.store.Revoke(context.Background(), "alice-laptop", g.clock.Now(), audit.Row{At: g.clock.Now(), Operation: "keys.revoke", Decision: "allowed"}))
		}, withKey, false},
		{"the key expires", func(g *grounds) { g.clock.Advance(g.expiry.Sub(g.clock.Now())) }, withKey, false},
		{"the channel may carry it no more", func(g *grounds) {
			only := []permissions.Surface{permissions.Script}
			g.policy.Book = g.edited(func(b *permissions.Rulebook) {
				b.Confirm = map[permissions.Risk][]permissions.Surface{permissions.Disruptive: only, permissions.Destructive: only}
			})
		}, agreedTo, false},
		{"the group is left", func(g *grounds) { g.groups = nil }, []string{byTwo, inSlack}, false},
		{"the asker is taken out of the people", func(g *grounds) {
			g.policy.Book = g.edited(func(b *permissions.Rulebook) { b.People = b.People[1:] })
		}, withKey, false},
		{"the second person is taken out of the people", func(g *grounds) {
			g.policy.Book = g.edited(func(b *permissions.Rulebook) { b.People = b.People[:1] })
		}, []string{byTwo}, false},
		{"two people turn out to be one", func(g *grounds) {
			g.policy.Book = g.edited(func(b *permissions.Rulebook) {
				b.People = []permissions.Person{{ID: "alice", Identities: []permissions.Actor{askerKey, "slack:U0ALICE", "slack:U0BOB"}}}
			})
		}, []string{byTwo}, false},
		{"the identity that agreed is taken from the asker", func(g *grounds) {
			g.policy.Book = g.edited(func(b *permissions.Rulebook) { b.People[0].Identities = []permissions.Actor{askerKey} })
		}, []string{elsewhere}, false},
		{"the policy forbids it", func(g *grounds) {
			g.policy.Book = g.edited(func(b *permissions.Rulebook) {
				b.Rules = append(b.Rules, permissions.Rule{Name: "none", Effect: permissions.Deny, Who: []permissions.Principal{"*"}})
			})
		}, nil, false},
		{"the policy wants one more", func(g *grounds) {
			g.policy.Book = g.edited(func(b *permissions.Rulebook) {
				for i := range b.Rules {
					b.Rules[i].Approvers = &permissions.Approvers{Count: 2, Who: []permissions.Principal{"*"}}
				}
			})
		}, nil, false},
		{"the policy file is taken away", func(g *grounds) { g.policy.Book = nil }, []string{elsewhere, byTwo, inSlack}, false},
		{"the installation becomes read-only", func(g *grounds) { g.policy.ReadOnly = true }, nil, false},
		{"the permission is gone", func(g *grounds) {
			g.sim.Edit(func(world *simulator.World) { world.Tokens["vps_demo"].Permissions = []string{"servers:list"} })
		}, nil, true},
		{"the target changes", func(g *grounds) { g.sim.Edit(func(world *simulator.World) { world.Servers[12345].Name = "payroll" }) }, nil, true},
		{"another token is used", func(g *grounds) { g.token.Store("vps_other") }, nil, false},
		{"all is frozen", func(g *grounds) {
			require.NoError(g, g.runner.Freeze(context.Background(), bob, permissions.Terminal, ""))
		}, nil, false},
	}
)

// edited is a copy of the rulebook with a change: what was handed out stays as it was.
func (g *grounds) edited(change func(*permissions.Rulebook)) *permissions.Rulebook {
	book := *g.policy.Book
	book.People, book.Rules = slices.Clone(book.People), slices.Clone(book.Rules)
	change(&book)
	return &book
}

// The moments at which something is taken away.
const (
	never    = "never"
	asked    = "after it was asked"
	agreed   = "after it was agreed to"
	claimed  = "after it was claimed"
	readLast = "after the target was read for the last time"
)

// Whatever a change rests on is taken away, at every moment between asking and the call: then
// nothing is sent, and where nothing is taken away it is sent once.
func TestLastLookStopsTheCall(t *testing.T) {
	t.Parallel()
	for way, run := range map[string]func(*grounds, func(moment string)){
		unasked: (*grounds).unasked, here: (*grounds).here, elsewhere: (*grounds).elsewhere, byTwo: (*grounds).byTwo, inSlack: (*grounds).inSlack,
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			g := newGrounds(t)
			run(g, g.taking(never, nil))
			require.Len(t, g.sent(), 1, "where nothing is taken away")
			for _, l := range lostGrounds {
				for _, moment := range []string{asked, agreed, claimed, readLast} {
					if l.ways != nil && !slices.Contains(l.ways, way) || l.asks && moment == readLast || way == unasked && moment == agreed || isLeftOut() {
						continue
					}
					t.Run(l.name+" "+moment, func(t *testing.T) {
						g, taken := newGrounds(t), 0
						run(g, g.taking(moment, func() { taken++; l.does(g) }))
						require.Equal(t, 1, taken, "the moment came")
						require.Empty(t, g.sent())
						for _, rec := range g.open() {
							_, _ = g.runner.RunApproved(t.Context(), g.asker, rec.ID)
						}
						require.Empty(t, g.sent(), "nor is it tried again")
					})
				}
			}
		})
	}
}

// taking takes something away at a moment, once. What it returns is called at those that a caller
// sees; the others are seen in what is asked of VPS.org.
func (g *grounds) taking(moment string, take func()) func(string) {
	at := func(now string) {
		if now == moment && take != nil {
			once := take
			take = nil
			once()
		}
	}
	g.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		running, err := g.store.Find(context.Background(), approval.Query{States: []approval.State{approval.Executing}})
		require.NoError(g, err)
		if len(running) > 0 && r.URL.Path == "/api/v1/account/me/" {
			at(claimed)
		}
		next.ServeHTTP(rw, r)
		switch last := lastRead(g, running); {
		case len(running) > 0 && strings.HasSuffix(r.URL.Path, last):
			at(readLast)
		case r.URL.Path == "/api/v1/servers/12345/" && g.asker.Operation == "servers.start":
			at(asked)
		}
	})
	return at
}

// lastRead is the last thing that is read before a call.
func lastRead(g *grounds, running []approval.Record) string {
	if len(running) > 0 && running[0].Operation == "servers.delete" {
		return "/snapshots/"
	}
	return "/servers/12345/"
}

func (g *grounds) open() []approval.Record {
	open, err := g.store.Find(g.Context(), approval.Query{States: approval.Open})
	require.NoError(g, err)
	return open
}

func (g *grounds) wants(operation string) runner.Reply {
	g.asker.Operation, g.asker.Input = operation, []byte(`{"server":"12345"}`)
	return g.runner.Run(g.Context(), g.asker)
}

func (g *grounds) yes(rec *approval.Record, channel permissions.Surface) runner.Answer {
	return runner.Answer{Approval: rec.ID, Channel: channel, Yes: true, Text: rec.Confirm, Groups: g.groups}
}

func (g *grounds) unasked(func(string)) {
	g.sim.Edit(func(world *simulator.World) { world.Servers[12345].Status = "stopped" })
	g.wants("servers.start")
}

func (g *grounds) here(at func(string)) {
	rec := g.wants("servers.stop").Record
	at(asked)
	at(agreed) // is the same: the yes comes with the claim
	g.runner.Answer(g.Context(), g.asker, g.yes(rec, permissions.MCP))
}

func (g *grounds) elsewhere(at func(string)) {
	g.asker.CanPrompt = false
	rec := g.wants("servers.stop").Record
	at(asked)
	_, _ = g.runner.Decide(g.Context(), "slack:U0ALICE", g.yes(rec, permissions.Slack), "")
	at(agreed)
	_, _ = g.runner.RunApproved(g.Context(), g.asker, rec.ID)
}

func (g *grounds) byTwo(at func(string)) {
	rec := g.wants("servers.delete").Record
	at(asked)
	g.runner.Answer(g.Context(), g.asker, g.yes(rec, permissions.MCP))
	_, _ = g.runner.Decide(g.Context(), "slack:U0BOB", g.yes(rec, permissions.Slack), "")
	at(agreed)
	_, _ = g.runner.RunApproved(g.Context(), g.asker, rec.ID)
}

func (g *grounds) inSlack(at func(string)) {
	g.asker = runner.Call{Actor: "slack:U0CAROL", Surface: permissions.Slack, Channel: "C0OPS", Groups: g.groups, CanPrompt: true}
	rec := g.wants("servers.reboot").Record
	at(asked)
	at(agreed)
	g.asker.Groups = g.groups
	g.runner.Answer(g.Context(), g.asker, g.yes(rec, permissions.Slack))
}

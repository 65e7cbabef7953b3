package slackbot_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

// people press the buttons; unknownUser is in no workspace.
var people = []string{lea, max, eve, stranger, unknownUser}

const unknownUser = "U0NOBODY"

// People press all buttons that exist or ever existed, in any order and concurrently, and type the right
// or a wrong name into modals, while the policy changes, servers are renamed and cards expire. Each
// write that arrives is checked against the consents given by then.
func TestFigure17RandomPresses(t *testing.T) {
	s := testkit.Seed(t)
	w := newWorld(t)
	c := &pressTest{world: w, Rand: rand.New(rand.NewPCG(s, s)), sent: map[string]bool{}, names: map[int]string{}}
	w.setPolicy(c.applyPolicy)
	c.waitUntilSettled()
	w.sim.Intercept(c.checkRequest)
	n := testkit.Size(150, 10_000)
	for most := n; c.presses < most; {
		c.waitUntilSettled() // a record that still runs belongs to the previous batch
		c.nextBatch()
		c.typeCommands()
		if c.IntN(2) == 0 {
			c.changeWorld()
		}
		c.pressConcurrently(most)
		if c.IntN(3) == 0 {
			c.changeWorld()
		}
		c.submitModals()
		if c.presses == most && c.writes() <= n/300 && most < 10*n {
			most += n // chance agreed to too little until now
		}
	}
	require.Greater(t, c.writes(), n/300, "too few requests were approved")
	c.mu.Lock()
	defer c.mu.Unlock()
	require.False(t, t.Failed(), "writes without the required consents are listed above")
	testkit.Figure(t, 17, "%d presses of %d buttons of %d requests by %d people at once (two of the team, one without rights, one of another workspace, one of none), %d windows filled in, %d changes of the policy, %d renames, %d expiries in between: %d writes, each with the consent of its requester to the state that the server then had, %d of them with that of a second person whom the policy then required; 0 without, 0 twice (seed %d)",
		c.presses, len(c.buttons), len(c.allRecords()), len(people), c.modals, c.policies, c.renames, c.clockJumps, len(c.sent), c.secondApprovals, s)
}

// writes counts the requests that were sent, once all that were approved have been.
func (c *pressTest) writes() int {
	c.waitUntilSettled()
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sent)
}

// changeWorld changes the policy, a server's name or the clock while no record runs.
func (c *pressTest) changeWorld() {
	c.waitUntilSettled()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.IntN(3) == 0 {
		c.rule = c.IntN(len(policyCases))
		c.setPolicy(c.applyPolicy)
		c.policies++
	}
	if c.IntN(3) == 0 {
		c.renames++
		c.rename([]int{12345, 12346}[c.IntN(2)], []string{"web-server-01", "db-server-01", "web-2", "db-2", "cache-1"}[c.IntN(5)])
	}
	if c.IntN(16) == 0 {
		c.clockJumps++
		c.advanceClock(time.Duration(c.IntN(20)) * time.Minute)
	}
	c.advanceClock(time.Second)
}

// applyPolicy sets a policy without a budget, so that an approved record runs at once.
func (c *pressTest) applyPolicy(p *permissions.Policy) {
	policyCases[c.rule].change(p)
	lots := permissions.Rate{Most: 1e9, Within: time.Hour}
	p.Book.Budgets = map[string]permissions.Rate{"deletions": lots, "destructive": lots}
}

// rename renames a server, unless another server has the name.
func (c *pressTest) rename(id int, name string) {
	c.sim.Edit(func(world *simulator.World) {
		if world.ServerNamed(name) == nil && world.Servers[id] != nil {
			world.Servers[id].Name, c.names[id] = name, name
		}
	})
}

// waitUntilSettled waits until no record runs, and restores deleted and stopped servers.
func (c *pressTest) waitUntilSettled() {
	c.waitIdle()
	for end := time.Now().Add(10 * time.Second); len(c.unfinishedRecords()) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			rec := c.unfinishedRecords()[0]
			given, err := c.store.Consents(c.Context(), rec.ID)
			require.NoError(c, err)
			c.Fatalf("policy %d: %s of %s stays %s: %q; asked by %s, wants %d others, has %+v\n%s", c.rule, rec.Operation, rec.TargetName, rec.State, rec.Message, rec.Actor, rec.Others, given, lastLines(c.log.String(), 20))
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sim.Edit(func(world *simulator.World) {
		for id, name := range map[int]string{12345: "web-server-01", 12346: "db-server-01"} {
			if known, ok := c.names[id]; ok {
				name = known
			}
			if world.Servers[id] == nil {
				world.AddServer(simulator.Server{ID: id, Name: name, IPAddress: "203.0.113.10"})
			}
			world.Servers[id].Status, world.Servers[id].SettlesAt = simulator.Active, time.Time{}
			c.names[id] = world.Servers[id].Name
		}
	})
}

// lastLines are the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}

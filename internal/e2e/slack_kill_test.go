package e2e_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

const (
	concurrentCommands = 16 // commands in progress when a process is killed
	maxKillDelay       = 40 * time.Millisecond
)

// Processes serve Slack on one store, each until it is killed: right after an acknowledgement, during
// the execution that follows, or while it recovers another process's deliveries. An acknowledged command
// has one effect, or none where the process died between its claim and its call; its requester is told
// either.
func TestFigure16KilledAfterAcknowledging(t *testing.T) {
	t.Parallel()
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			random, s := seededRand(t)
			k := newSlackKillTest(t, engine(t), random)
			kills := testkit.Size(4, map[string]int{"sqlite": 100, "postgres": 40}[name])
			for k.kills < kills {
				k.runUntilKilled(t)
			}
			k.finish(t)
			one, none := k.compare(t)
			testkit.Figure(t, 16, "%s: %d kills -9 (%d in the moment of an acknowledgement, %d while another's work is taken up, the rest up to %s later), %d commands acknowledged, %d unfinished at a kill: %d had one effect, %d none and their requester was told so, 0 two; each requester was told each outcome; %d further commands without an acknowledgement: %d had one effect, the rest none (seed %d)",
				name, k.kills, k.atOnce, k.inRecovery, maxKillDelay, len(k.acknowledged), k.unfinished, one, none, k.commands-len(k.acknowledged), k.effectsWithoutAck(), s)
		})
	}
}

// slackKillTest runs the processes that serve one Slack, and counts what they acknowledged.
type slackKillTest struct {
	*world
	slack   *fakeslack.Slack
	person  *fakeslack.Person
	url     string
	api     string
	random  *rand.Rand
	servers []string
	sent    *writes
	in      io.Writer // of the process: each byte puts its clock forward

	commands                              int
	acknowledged                          []int
	kills, atOnce, inRecovery, unfinished int
	recovering                            bool // the last process was killed in its recovery
}

func newSlackKillTest(t *testing.T, url string, random *rand.Rand) *slackKillTest {
	w := newWorld(t, url, simulator.Options{Speed: 1e12, Servers: concurrentCommands})
	k := &slackKillTest{world: w, url: url, random: random, sent: watchWrites(w), api: w.serve(plainListener)}
	w.sim.Edit(func(world *simulator.World) {
		for _, server := range world.Servers {
			k.servers = append(k.servers, server.Name)
		}
	})
	k.slack = fakeslack.New(t, fakeslack.Options{Now: w.clock.Now})
	k.slack.AddUser(fakeslack.User{ID: requester, Name: "lea"})
	k.person = k.slack.As(requester).AllowSlow()
	return k
}

// runUntilKilled runs one process and kills it.
func (k *slackKillTest) runUntilKilled(t *testing.T) {
	t.Helper()
	kill := k.start(t)
	if !k.recovering && k.random.IntN(4) == 0 {
		k.recovering = true
		time.Sleep(time.Duration(k.random.Int64N(int64(maxKillDelay))))
		k.inRecovery++
		kill()
		return
	}
	k.recovering = false // a delivery whose processing ends three processes in a row is abandoned
	k.settle(t)
	k.send(k.random.IntN(concurrentCommands), k.killDelay(), kill)
	k.unfinished += k.countUnfinished(t)
}

// killDelay draws the time from an acknowledgement to the kill.
func (k *slackKillTest) killDelay() time.Duration {
	if k.random.IntN(3) == 0 {
		k.atOnce++
		return 0
	}
	return time.Duration(k.random.Int64N(int64(maxKillDelay)))
}

// start starts a process, and returns a function that kills it.
func (k *slackKillTest) start(t *testing.T) (kill func()) {
	t.Helper()
	k.clock.Advance(clockPerProcess)
	o := k.slack.Options()
	cmd := child(t, "slack", append(childOf(k.url, k.api), "PROOF_SLACK="+k.slack.APIURL(), "PROOF_SLACK_TOKEN="+o.BotToken,
		"PROOF_SLACK_SECRET="+o.SigningSecret, fmt.Sprint("PROOF_AHEAD=", k.clock.ahead.Load())))
	in, out := pipes(t, cmd)
	k.in = in
	var address string
	_, err := fmt.Fscanln(out, &address)
	require.NoError(t, err)
	k.slack.Deliver("http://" + address)
	return sync.OnceFunc(func() {
		k.kills++
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
			t.Errorf("the process was not killed: %v", err)
		}
	})
}

// send types a command for each server concurrently, and kills the process a delay after the
// acknowledgement with the given index.
func (k *slackKillTest) send(fatal int, delay time.Duration, kill func()) {
	var mu sync.Mutex
	var acks atomic.Int64
	from := k.commands
	k.commands += len(k.servers)
	testkit.Concurrently(len(k.servers), func(i int) {
		ack := k.person.Type(fmt.Sprintf("/vps servers update %s hostname=op-%d.example.com", k.servers[i], from+i))
		if !ack.OK() || len(ack.Body) > 0 {
			return
		}
		mu.Lock()
		k.acknowledged = append(k.acknowledged, from+i)
		mu.Unlock()
		if acks.Add(1) == int64(fatal+1) {
			time.Sleep(delay)
			kill()
		}
	})
	kill()
}

// settle waits until each acknowledged command has ended and its message shows the outcome. It puts the
// clocks forward, because a read-back that finds nothing waits for a minute.
func (k *slackKillTest) settle(t *testing.T) {
	t.Helper()
	done := func() bool { return k.countUnfinished(t) == 0 && k.missingNotice(t) == "" }
	end, next := time.Now().Add(2*time.Minute), time.Now().Add(time.Second/3)
	for ; !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(next) {
			next = time.Now().Add(time.Second / 10)
			k.clock.Advance(clockStep)
			_, err := k.in.Write([]byte{0})
			require.NoError(t, err)
		}
		require.True(t, time.Now().Before(end), "%d are unfinished; without notice: %s", k.countUnfinished(t), k.missingNotice(t))
	}
}

// countUnfinished counts the acknowledged commands whose record is open or missing.
func (k *slackKillTest) countUnfinished(t *testing.T) (n int) {
	t.Helper()
	have := k.records(t)
	for _, i := range k.acknowledged {
		if rec, ok := have[fmt.Sprint("op-", i)]; !ok || rec.State.IsOpen() {
			n++
		}
	}
	return n
}

// records are the records of the store, by the key of their command.
func (k *slackKillTest) records(t *testing.T) map[string]approval.Record {
	t.Helper()
	all, err := k.store.Find(context.Background(), approval.Query{Limit: 1 << 30})
	require.NoError(t, err)
	by := map[string]approval.Record{}
	for _, rec := range all {
		key := operationKey.FindString(string(rec.Input))
		require.NotContains(t, by, key, "two records of one command")
		by[key] = rec
	}
	return by
}

// outcomeText is the text in the requester's message, by the record's state.
var outcomeText = map[approval.State]string{approval.Done: "Done", approval.NotApplied: "Did not happen", approval.Refused: "Refused"}

// missingNotice names a record whose outcome is in no message to its requester.
func (k *slackKillTest) missingNotice(t *testing.T) string {
	t.Helper()
	messages := map[string]string{}
	for _, m := range k.slack.DMs(requester) {
		messages[m.TS] = m.Text()
	}
	for key, rec := range k.records(t) {
		post, err := k.store.Post(context.Background(), "live:"+rec.ID)
		if ending := outcomeText[rec.State]; err != nil || ending == "" || !strings.Contains(messages[post.TS], ending) {
			return fmt.Sprintf("%s, which is %s (%q)", key, rec.State, messages[post.TS])
		}
	}
	return ""
}

// finish runs a last process until all records are settled.
func (k *slackKillTest) finish(t *testing.T) {
	t.Helper()
	kill := k.start(t)
	k.settle(t)
	kill()
	k.kills--
}

// compare checks the writes that arrived at the API against the records, and counts the acknowledged
// commands that had one effect, and those that had none.
func (k *slackKillTest) compare(t *testing.T) (one, none int) {
	t.Helper()
	arrived := k.writesByCommand()
	for key, rec := range k.records(t) {
		wants := map[approval.State]int{approval.Done: 1, approval.NotApplied: 0, approval.Refused: 0} // a refused record had expired
		require.Contains(t, wants, rec.State, "%s: %s", key, rec.Message)
		require.Equal(t, wants[rec.State], arrived[key], "%s is %s", key, rec.State)
	}
	for key, n := range arrived {
		require.Equal(t, 1, n, key)
	}
	for _, i := range k.acknowledged {
		if arrived[fmt.Sprint("op-", i)] == 1 {
			one++
		} else {
			none++
		}
	}
	return one, none
}

func (k *slackKillTest) writesByCommand() map[string]int {
	k.sent.mu.Lock()
	defer k.sent.mu.Unlock()
	by := map[string]int{}
	for _, key := range k.sent.keys {
		require.True(k, strings.HasPrefix(key, http.MethodPatch), key)
		by[operationKey.FindString(key)]++
	}
	return by
}

// effectsWithoutAck counts the commands that had an effect although Slack got no acknowledgement.
func (k *slackKillTest) effectsWithoutAck() (n int) {
	for key := range k.writesByCommand() {
		if !slices.ContainsFunc(k.acknowledged, func(i int) bool { return key == fmt.Sprint("op-", i) }) {
			n++
		}
	}
	return n
}

package e2e_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	crand "crypto/rand"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

// Figure 5: 1,000,000 forged approvals, none of which is accepted. They use each way in which an
// approval arrives: an MCP answer with the nonce of a question, an answer of the requester, a decision
// on another surface, a run of a record that is said to be approved, and an access key.
func TestFigure05ForgedApprovals(t *testing.T) {
	t.Parallel()
	_, seed := seededRand(t)
	s := newForgeryTest(t)
	total, workers := testkit.Size(2_000, 1_000_000), 4
	var running sync.WaitGroup
	for n := range workers {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		running.Go(func() {
			for i := n; i < total && !t.Failed(); i += workers {
				s.tryOne(r)
			}
		})
	}
	running.Wait()
	s.requireUnchanged()
	s.verifyChain()
	s.requireGenuineAccepted()
	logFigure(t, 5, "%d forged approvals of %d kinds, 0 accepted, 0 calls to the API; then each genuine answer ran once (seed %d)", total, len(forgeries), seed)
	t.Log(s.tries.String())
}

// forgeryTest is a fixture with open, expired and used questions and access keys.
type forgeryTest struct {
	*fixture
	deletion approval.Record // needs two people; the lead has approved
	stop     approval.Record // needs the lead alone
	expired  approval.Record
	used     approval.Record

	nonce, expiredNonce, usedNonce string
	key, expiredKey, revokedKey    string
	writesBefore                   []string // those before the forgeries
	tries                          counter
}

func newForgeryTest(t *testing.T) *forgeryTest {
	s := &forgeryTest{fixture: newFixture(t)}
	s.policy = twoApproverPolicy()
	s.used = s.requestApproval(mcpCall(lead, "servers.reboot", `{"server":"web-server-01"}`))
	s.usedNonce = s.issueNonce(s.used)
	s.clock.Advance(time.Second)
	_, _, err := s.runner.ConsumeChallenge(t.Context(), s.usedNonce, "process-1")
	require.NoError(t, err)
	yes := runner.Answer{Approval: s.used.ID, Channel: permissions.MCP, Yes: true}
	require.Equal(t, runner.Done, s.runner.Answer(t.Context(), mcpCall(lead, "servers.reboot", ""), yes).Outcome)

	s.expired = s.requestApproval(mcpCall(lead, "servers.reboot", `{"server":"db-server-01"}`))
	s.expiredNonce = s.issueNonce(s.expired)
	s.clock.Advance(2 * time.Hour)

	s.deletion = s.requestApproval(mcpCall(lead, "servers.delete", `{"server":"web-server-01"}`))
	_, err = s.runner.Decide(t.Context(), lead, runner.Answer{Approval: s.deletion.ID, Channel: permissions.Terminal, Yes: true, Text: "web-server-01"}, "")
	require.NoError(t, err)
	s.stop = s.requestApproval(mcpCall(lead, "servers.stop", `{"server":"db-server-01"}`))
	s.nonce = s.issueNonce(s.stop)
	s.key, s.expiredKey, s.revokedKey = s.newAccessKey("live", time.Time{}), s.newAccessKey("expired", s.clock.Now()), s.newAccessKey("revoked", time.Time{})
	require.NoError(t, s.store.Revoke(t.Context(), "revoked", s.clock.Now(), keyRow(s.clock.Now())))
	s.writesBefore = s.writes()
	require.Len(t, s.writesBefore, 1)
	return s
}

func (s *forgeryTest) issueNonce(rec approval.Record) (nonce string) {
	s.Helper()
	nonce, err := s.runner.IssueChallenge(context.Background(), rec, "process-1")
	require.NoError(s, err)
	return nonce
}

func (s *forgeryTest) newAccessKey(name string, expires time.Time) (secret string) {
	s.Helper()
	secret, hash, err := keys.New(crand.Reader)
	require.NoError(s, err)
	require.NoError(s, s.store.Add(s.Context(), keys.Key{Name: name, Hash: hash, CreatedAt: s.clock.Now(), ExpiresAt: expires}, keyRow(s.clock.Now())))
	return secret
}

func keyRow(at time.Time) audit.Row {
	return audit.Row{At: at, Actor: string(lead), Surface: "terminal", Operation: "keys.create", Decision: "allowed"}
}

// forgery is one kind of forged approval. try makes one and reports whether it was accepted.
type forgery struct {
	name   string
	weight int // relative to the other kinds
	try    func(s *forgeryTest, r *rand.Rand) (taken bool)
}

var forgeries = []forgery{
	{"random nonce", 20, func(s *forgeryTest, r *rand.Rand) bool {
		return s.answerByNonce(randomID(r), "process-1", s.stopCall())
	}},
	{"bit-flipped nonce", 20, func(s *forgeryTest, r *rand.Rand) bool {
		return s.answerByNonce(bitFlipped(r, s.nonce), "process-1", s.stopCall())
	}},
	{"another session's nonce", 5, func(s *forgeryTest, r *rand.Rand) bool {
		return s.answerByNonce(s.nonce, pick(r, []string{"", "process-2", "PROCESS-1", "process-1 "}), s.stopCall())
	}},
	{"another user's nonce", 2, func(s *forgeryTest, r *rand.Rand) bool {
		return s.answerByNonce(s.issueNonce(s.stop), "process-1", mcpCall(pick(r, otherActors), "servers.stop", `{"server":"db-server-01"}`))
	}},
	{"another operation's nonce", 2, func(s *forgeryTest, r *rand.Rand) bool {
		return s.answerByNonce(s.issueNonce(s.stop), "process-1", pick(r, []runner.Call{
			mcpCall(lead, "servers.delete", `{"server":"db-server-01"}`), mcpCall(lead, "servers.stop", `{"server":"web-server-01"}`),
			mcpCall(lead, "servers.reboot", `{"server":"db-server-01"}`), mcpCall(lead, "servers.delete", `{"server":"web-server-01"}`),
		}))
	}},
	{"expired nonce", 3, func(s *forgeryTest, _ *rand.Rand) bool {
		return s.answerByNonce(s.expiredNonce, "process-1", mcpCall(lead, "servers.reboot", `{"server":"db-server-01"}`))
	}},
	{"used nonce", 3, func(s *forgeryTest, _ *rand.Rand) bool {
		return s.answerByNonce(s.usedNonce, "process-1", mcpCall(lead, "servers.reboot", `{"server":"web-server-01"}`))
	}},

	{"random approval", 6, func(s *forgeryTest, r *rand.Rand) bool {
		return s.answerRequest(lead, "servers.delete", randomID(r), "web-server-01")
	}},
	{"bit-flipped approval", 6, func(s *forgeryTest, r *rand.Rand) bool {
		return s.answerRequest(lead, "servers.stop", bitFlipped(r, s.stop.ID), "")
	}},
	{"another user's answer", 3, func(s *forgeryTest, r *rand.Rand) bool {
		return s.answerRequest(pick(r, otherActors), "servers.stop", s.stop.ID, "")
	}},
	{"another operation's answer", 3, func(s *forgeryTest, r *rand.Rand) bool {
		return s.answerRequest(lead, pick(r, []string{"servers.delete", "servers.reboot", "backups.delete", "servers.list", ""}), s.stop.ID, "db-server-01")
	}},
	{"expired answer", 2, func(s *forgeryTest, _ *rand.Rand) bool {
		return s.answerRequest(lead, "servers.reboot", s.expired.ID, "")
	}},
	{"used answer", 2, func(s *forgeryTest, _ *rand.Rand) bool {
		s.answerRequest(lead, "servers.reboot", s.used.ID, "")
		return false
	}}, // the reply is the old outcome

	{"random decision", 4, func(s *forgeryTest, r *rand.Rand) bool { return s.decide(second, randomID(r), "web-server-01") }},
	{"bit-flipped decision", 4, func(s *forgeryTest, r *rand.Rand) bool {
		return s.decide(second, bitFlipped(r, s.deletion.ID), "web-server-01")
	}},
	{"bit-flipped name", 4, func(s *forgeryTest, r *rand.Rand) bool {
		return s.decide(second, s.deletion.ID, bitFlipped(r, "web-server-01"))
	}},
	{"another user's decision", 3, func(s *forgeryTest, r *rand.Rand) bool {
		return s.decide(pick(r, []permissions.Actor{outsider, stranger, "", "key:second ", "slack:second", "lead"}), s.deletion.ID, "web-server-01")
	}},
	{"the requester as the second person", 3, func(s *forgeryTest, r *rand.Rand) bool {
		return s.decide(pick(r, []permissions.Actor{lead, leadLaptop}), s.deletion.ID, "web-server-01")
	}},
	{"expired decision", 2, func(s *forgeryTest, _ *rand.Rand) bool { return s.decide(lead, s.expired.ID, "") }},
	{"used decision", 2, func(s *forgeryTest, _ *rand.Rand) bool { return s.decide(lead, s.used.ID, "") }},
	{"run before the yes", 3, func(s *forgeryTest, r *rand.Rand) bool {
		rec, err := s.runner.RunApproved(context.Background(), mcpCall(lead, "", ""), pick(r, []string{s.deletion.ID, s.stop.ID, s.used.ID, randomID(r)}))
		return err == nil && rec.State != approval.Pending && rec.ID != s.used.ID
	}},

	{"random key", 2, func(s *forgeryTest, r *rand.Rand) bool { return s.findKey(keys.Prefix + randomID(r) + randomID(r)) }},
	{"bit-flipped key", 2, func(s *forgeryTest, r *rand.Rand) bool { return s.findKey(bitFlipped(r, s.key)) }},
	{"expired key", 1, func(s *forgeryTest, _ *rand.Rand) bool { return s.findKey(s.expiredKey) }},
	{"revoked key", 1, func(s *forgeryTest, _ *rand.Rand) bool { return s.findKey(s.revokedKey) }},
}

// otherActors may not answer the lead's question. The second person may approve a deletion, but not a
// request that only the lead must confirm.
var otherActors = []permissions.Actor{second, outsider, stranger, "", "local:Lead", "lead ", "key:lead"}

func (s *forgeryTest) stopCall() runner.Call {
	return mcpCall(lead, "servers.stop", `{"server":"db-server-01"}`)
}

// tryOne makes one forged approval, of a kind drawn by weight.
func (s *forgeryTest) tryOne(r *rand.Rand) {
	at := 0
	for _, f := range forgeries {
		at += f.weight
	}
	at = r.IntN(at)
	for _, f := range forgeries {
		if at -= f.weight; at >= 0 {
			continue
		}
		if f.try(s, r) {
			s.Errorf("accepted: %s", f.name)
		}
		s.tries.add(f.name, 1)
		return
	}
}

// answerByNonce handles an MCP answer as the MCP server does. An answer that would reach Runner.Answer
// counts as accepted.
func (s *forgeryTest) answerByNonce(nonce, session string, c runner.Call) (taken bool) {
	ctx := context.Background()
	approvalID, _, err := s.runner.ConsumeChallenge(ctx, nonce, session)
	if err != nil {
		return false
	}
	_, _, err = s.runner.AnswerMatches(ctx, c, approvalID)
	return err == nil
}

// answerRequest answers a record as its requester.
func (s *forgeryTest) answerRequest(actor permissions.Actor, operation, id, text string) (taken bool) {
	reply := s.runner.Answer(context.Background(), mcpCall(actor, operation, ""), runner.Answer{Approval: id, Channel: permissions.MCP, Yes: true, Text: text})
	return reply.Class == runner.OK
}

// decide approves a record from another surface.
func (s *forgeryTest) decide(actor permissions.Actor, id, text string) (taken bool) {
	_, err := s.runner.Decide(context.Background(), actor, runner.Answer{Approval: id, Channel: permissions.Terminal, Yes: true, Text: text}, "")
	return err == nil
}

func (s *forgeryTest) findKey(secret string) (taken bool) {
	_, err := keys.Find(context.Background(), s.store, secret, s.clock.Now())
	return err == nil
}

// requireUnchanged requires that the forgeries changed no record and sent no request.
func (s *forgeryTest) requireUnchanged() {
	s.Helper()
	require.Equal(s, s.writesBefore, s.writes(), "nothing was sent")
	for id, answers := range map[string]int{s.deletion.ID: 1, s.stop.ID: 0, s.expired.ID: 0, s.used.ID: 1} {
		given, err := s.store.Consents(s.Context(), id)
		require.NoError(s, err)
		require.Len(s, given, answers, "no consent was added to %s", id)
	}
	require.Equal(s, approval.Pending, s.recordByID(s.deletion.ID).State)
	require.Equal(s, approval.Pending, s.recordByID(s.stop.ID).State)
	require.Equal(s, approval.Expired, s.recordByID(s.expired.ID).State)
	require.Equal(s, approval.Done, s.recordByID(s.used.ID).State)
}

// requireGenuineAccepted sends the genuine answers: they are accepted, so the forged ones failed for
// what is wrong with them.
func (s *forgeryTest) requireGenuineAccepted() {
	s.Helper()
	s.clock.Advance(time.Second)
	require.True(s, s.answerByNonce(s.nonce, "process-1", s.stopCall()))
	require.True(s, s.answerRequest(lead, "servers.stop", s.stop.ID, ""))
	require.True(s, s.decide(second, s.deletion.ID, "web-server-01"))
	rec, err := s.runner.RunApproved(s.Context(), mcpCall(lead, "", ""), s.deletion.ID)
	require.NoError(s, err)
	require.Equal(s, approval.Done, rec.State, rec.Message)
	require.True(s, s.findKey(s.key))
	require.Equal(s, append(s.writesBefore, "POST /servers/12346/stop/", "DELETE /servers/12345/"), s.writes())
}

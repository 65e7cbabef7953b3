package blocks

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

var noon = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

const recordID = "aaaabbbbccccddddeeeeffff22"

// run runs an operation on the simulator. What is not a read is a dry run.
func run(t testing.TB, token, operation, input string) runner.Reply {
	t.Helper()
	sim := simulator.New(simulator.Options{Now: func() time.Time { return noon }})
	source := func() (string, error) { return token, nil }
	client, err := apiclient.New(apiclient.Options{BaseURL: "http://localhost/api/v1", Token: source, Transport: sim.Transport()})
	require.NoError(t, err)
	r := &runner.Runner{
		Client: client, API: "http://localhost/api/v1", Token: source, Policy: func() permissions.Policy { return permissions.Policy{} },
		Store: func(context.Context) (approval.Store, error) {
			return nil, errors.New("reads and dry runs need no store")
		},
		Process: "p",
		Now:     func() time.Time { return noon }, Random: rand.Reader, Log: slog.New(slog.DiscardHandler),
	}
	return r.Run(t.Context(), runner.Call{Operation: operation, Input: []byte(input), Actor: "local:alice", Surface: permissions.Terminal})
}

// record is what somebody asked for, with the card that the Runner would have made.
func record(t testing.TB, operation, input string) approval.Record {
	t.Helper()
	reply := run(t, "vps_demo", operation, input)
	require.NotNil(t, reply.Card, reply.Message)
	card, err := json.Marshal(reply.Card)
	require.NoError(t, err)
	return approval.Record{
		ID: recordID, Operation: operation, Risk: string(reply.Op.Risk), Actor: "slack:U1", Surface: "slack:C1 S1", Person: "alice",
		TargetName: "web-server-01", Confirm: reply.Card.Confirm, Card: card, Account: reply.Card.Account, Own: true, State: approval.Pending,
		CreatedAt: noon, ExpiresAt: noon.Add(time.Hour), ChangedAt: noon,
	}
}

// with returns a record as it stands later.
func with(rec approval.Record, change func(*approval.Record)) approval.Record {
	change(&rec)
	return rec
}

func reboot(t testing.TB) approval.Record {
	return record(t, "servers.reboot", `{"server":"web-server-01","dry_run":true}`)
}

func deletion(t testing.TB) approval.Record {
	return with(record(t, "servers.delete", `{"server":"web-server-01","dry_run":true}`), func(rec *approval.Record) {
		rec.Actor, rec.Surface, rec.Others, rec.Approvers = "key:lead-laptop", "mcp", 1, "slack:U2, slack-group:S1"
	})
}

func creation(t testing.TB) approval.Record {
	return with(record(t, "servers.create", `{"name":"web-server-09","plan_id":"1","os_id":"5","location":"us-west","backups_enabled":true,"dry_run":true}`),
		func(rec *approval.Record) { rec.TargetName = "web-server-09" })
}

var yes = approval.Consent{Person: "bob", Identity: "slack:U2", Channel: "slack", Yes: true, At: noon.Add(time.Minute)}

var no = approval.Consent{Person: "bob", Identity: "slack:U2", Channel: "slack", Reason: "We need it <until> Monday.", At: noon.Add(time.Minute)}

func auditRows() []audit.Row {
	return []audit.Row{
		{Seq: 12, At: noon, Actor: "slack:U1", Surface: "slack", Account: "SIMULATOR john@example.com", Operation: "servers.delete", Target: "server:12345 (web-server-01)", Decision: "allowed", Outcome: "done", Approver: "slack:U2", Reason: "Deleted web-server-01."},
		{Seq: 11, At: noon.Add(-time.Minute), Actor: "key:lead-laptop", Surface: "mcp", Operation: "servers.delete", Target: "server:12345 (web-server-01)", Decision: "asked"},
		{Seq: 10, At: noon.Add(-time.Hour), Actor: "local:alice", Surface: "terminal", Operation: "freeze", Decision: "refused", Reason: "the policy's rule “nobody” says no"},
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/store"
)

const twoDelete = `version: 1
people:
  - {id: lead, keys: [lead-laptop]}
  - {id: second, keys: [second-laptop]}
rules:
  - {name: team reads, effect: allow, who: [lead, second], risks: [read]}
  - {name: two delete, effect: allow, who: [lead, second], operations: [servers.delete], approvers: {count: 1, who: [lead, second]}}
`

// policyFile sets VPSBOT_POLICY_FILE to a file with a policy.
func (b *sandbox) policyFile(t *testing.T, text string) (path string) {
	t.Helper()
	path = policyFile(t, text)
	b.env["VPSBOT_POLICY_FILE"] = path
	return path
}

// makeKey makes an access key and returns its secret.
func (b *sandbox) makeKey(t *testing.T, name string, flags ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	screen, code := b.inTerminal(t, "", append([]string{"keys", "create", name, "--out", file}, flags...)...)
	require.Zero(t, code, screen)
	secret, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(secret), keys.Prefix), "the file has the secret alone")
	return strings.TrimSpace(string(secret))
}

// A request of the lead's assistant needs the lead and a second person. After both have approved it at a
// terminal, the assistant's process runs it.
func TestSecondPersonApproves(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	lead, second := b.makeKey(t, "lead-laptop"), b.makeKey(t, "second-laptop")
	b.policyFile(t, twoDelete)
	b.env["VPSBOT_KEY"] = lead
	a := b.assistant(t)
	asked := a.call("servers_delete", `{"server":"web-server-01"}`).StructuredContent
	require.Equal(t, "approval_required", asked.Outcome)
	dialogue := parseDialogue("> Needs the consent of another person: lead, second\n> Type web-server-01 to confirm:\n< web-server-01\n")

	screen, err := runDialogue(b.command(t, "approvals", "approve", asked.ApprovalID), dialogue)
	require.NoError(t, err, screen)
	require.Contains(t, screen, "Your yes is recorded. Still to agree: another person (lead, second).")
	require.Equal(t, "approval_required", a.call("servers_delete", `{"server":"web-server-01"}`).StructuredContent.Outcome)
	require.Empty(t, b.sim.Writes())

	b.env["VPSBOT_KEY"] = second
	screen, err = runDialogue(b.command(t, "approvals", "approve", asked.ApprovalID), dialogue)
	require.NoError(t, err, screen)
	require.Contains(t, screen, "Approved. The assistant's process runs it now")
	require.Contains(t, screen, "Deleted web-server-01.")
	require.Len(t, b.sim.Writes(), 1)
	require.Equal(t, "done", a.call("servers_delete", `{"server":"web-server-01"}`).StructuredContent.Outcome)
	require.Len(t, b.sim.Writes(), 1)
}

// approve runs a request that its own person made at another terminal. With another token it does not: the
// command that made the request runs it.
func TestApproveRunsARequestFromAnotherTerminal(t *testing.T) {
	t.Parallel()
	for token, own := range map[string]bool{secret: true, "vps_other+4711": false} {
		b := newSandbox(t)
		b.sim.Edit(func(w *simulator.World) {
			other := *w.Tokens[secret]
			other.Value, other.Name = "vps_other+4711", "Other"
			w.Tokens[other.Value] = &other
		})
		asking := b.command(t, "run", "servers.reboot", "web-server-01")
		b.env["VPS_API_TOKEN"] = token
		approved := make(chan struct{})
		isApproved := func() bool {
			select {
			case <-approved:
				return true
			default:
				return false
			}
		}
		asked, ended := make(chan struct{}), make(chan error)
		go func() {
			_, err := runDialogue(asking, []step{{question: true}, {seen: func() { close(asked) }}, {until: isApproved, text: "y"}})
			ended <- err
		}()
		<-asked
		list, _, _ := b.run(t.Context(), "approvals", "list", "--json")
		screen, code := b.inTerminal(t, "y", "approvals", "approve", onlyOne(t, list))
		require.Zero(t, code, screen)
		if own {
			require.Contains(t, screen, "web-server-01 is rebooting")
			require.Len(t, b.sim.Writes(), 1)
		} else {
			require.Contains(t, screen, "Approved. Run the same command again to carry it out")
			require.Empty(t, b.sim.Writes())
		}
		close(approved)
		require.NoError(t, <-ended)
		require.Len(t, b.sim.Writes(), 1)
	}
}

// "vpsbot mcp" reloads the policy file. An invalid one leaves the last valid one in force, and is logged once.
func TestMCPReloadsThePolicy(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	const rule = "version: 1\nrules:\n  - {name: all, effect: allow, who: ['*'], operations: [%s]}\n"
	path := b.policyFile(t, fmt.Sprintf(rule, "servers.*"))
	a, log := b.assistantWithLog(t)
	change := func(text string) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		time.Sleep(1100 * time.Millisecond) // the file is checked once a second
	}
	require.Contains(t, string(a.ask("tools/list", `{}`)), `"servers_list"`)
	change(fmt.Sprintf(rule, "plans.list"))
	require.NotContains(t, string(a.ask("tools/list", `{}`)), `"servers_list"`)
	require.Equal(t, "refused", a.call("servers_reboot", `{"server":"web-server-01"}`).StructuredContent.Outcome)
	change("version: 1\nrulez: []\n")
	for range 3 {
		require.Contains(t, string(a.ask("tools/list", `{}`)), `"plans_list"`, "the last valid one is in force")
	}
	require.Empty(t, b.sim.Writes())
	said := func() int { return strings.Count(log.String(), "is not taken") }
	require.Eventually(t, func() bool { return said() > 0 }, testTimeout, 10*time.Millisecond, "the log is written in the background")
	require.Equal(t, 1, said(), log.String())
}

// "vpsbot mcp" ends once its access key is revoked, with the exit code of a refusal.
func TestMCPEndsWithARevokedKey(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_KEY"] = b.makeKey(t, "lead-laptop")
	a, log := b.assistantWithLog(t)
	require.NotEmpty(t, a.ask("tools/list", `{}`))
	b.env["VPSBOT_KEY"] = ""
	_, _, code := b.run(t.Context(), "keys", "revoke", "lead-laptop")
	require.Zero(t, code)
	require.ErrorContains(t, a.wait(), "exit status 3")
	require.Contains(t, log.String(), "VPSBOT_KEY_FILE or VPSBOT_KEY: the access key was revoked")
}

// "vpsbot mcp" settles the records that another process left open.
func TestMCPReconcilesOpenRecords(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	_, _, code := b.run(t.Context(), "run", "servers.delete", "web-server-01")
	require.Equal(t, 4, code)
	db := b.store(t)
	records, err := db.Find(t.Context(), approval.Query{})
	require.NoError(t, err)
	require.NoError(t, db.Escalate(t.Context(), records[0].ID, time.Now().Add(time.Second)))
	b.assistant(t)
	require.Eventually(t, func() bool {
		rec, err := db.Record(t.Context(), records[0].ID)
		return err == nil && rec.State == approval.Expired
	}, testTimeout, 50*time.Millisecond)
}

func (b *sandbox) store(t *testing.T) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(b.env["XDG_STATE_HOME"], "vpsbot", "vpsbot.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// The secret of an access key is in no output, no log and no database.
func TestKeyAppearsNowhere(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	secret := b.makeKey(t, "lead-laptop")
	b.env["VPSBOT_KEY"], b.env["VPSBOT_LOG_LEVEL"] = secret, "debug"
	seen := func(args ...string) {
		out, errs, _ := b.run(t.Context(), args...)
		require.NotContains(t, out+errs, secret, "%q", args)
	}
	commands := append([][]string{{"keys", "list"}, {"keys", "list", "--json"}, {"freeze"}, {"unfreeze"}, {"keys", "create", "x"}, {"approvals", "list"}}, allCommands...)
	for _, args := range commands {
		seen(args...)
	}
	seen("keys", "revoke", "lead-laptop")
	for _, args := range commands {
		seen(args...)
	}
	b.requireNotStored(t, secret)
}

func TestExpiredKeyIsRefused(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_KEY"] = b.makeKey(t, "lead-laptop", "--expires", "1s")
	_, _, code := b.run(t.Context(), "run", "servers.list")
	require.Zero(t, code)
	time.Sleep(1100 * time.Millisecond)
	_, errs, code := b.run(t.Context(), "run", "servers.list")
	require.Equal(t, 3, code)
	require.Contains(t, errs, "the access key has expired")
	b.env["VPSBOT_KEY"] = ""
	out, _, _ := b.run(t.Context(), "keys", "list", "--json")
	var list []struct{ State string }
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	require.Equal(t, "expired", list[0].State)
}

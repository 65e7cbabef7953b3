package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

// On PostgreSQL a user's name is no identity. The row of the first access key says that nothing proves who
// made it.
func TestKeysOnPostgreSQL(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_DATABASE_URL"] = pgtest.URL(t)
	_, errs, code := b.run(t.Context(), "run", "servers.list")
	require.Equal(t, 3, code)
	require.Contains(t, errs, "on PostgreSQL an access key identifies you")
	_, _, code = b.run(t.Context(), "run", "servers.delete", "12345", "--confirm", "web-server-01")
	require.Equal(t, 3, code)
	require.Empty(t, b.sim.Requests())

	secret := b.makeKey(t, "lead-laptop")
	rows, _, _ := b.run(t.Context(), "audit", "list", "--json")
	require.Contains(t, rows, `"keys.create"`)
	require.Contains(t, rows, "the name is what their own machine says")
	b.env["VPSBOT_KEY"] = secret
	errs, code = b.inTerminal(t, "web-server-01", "run", "servers.delete", "12345")
	require.Zero(t, code, errs)
	rows, _, _ = b.run(t.Context(), "audit", "list", "--operation", "servers.delete", "--json")
	require.Contains(t, rows, `"key:lead-laptop"`)

	b.env["VPSBOT_KEY"] = ""
	_, _, code = b.run(t.Context(), "approvals", "list")
	require.Zero(t, code, "a list of open requests needs no identity")
	for _, args := range [][]string{{"freeze"}, {"unfreeze"}, {"operations"}, {"mcp"}} {
		_, errs, code = b.run(t.Context(), args...)
		require.Equal(t, 3, code, "%q: %s", args, errs)
	}
}

// The socket of a server that is away does not exist, as the file of a new database: that is no empty log, which would
// be whole.
func TestPostgreSQLThatIsAway(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"audit verify", "audit list", "audit export", "audit export --follow --to " + filepath.Join(t.TempDir(), "log"), "audit show x", "approvals list", "keys list", "store prune --dry-run", "doctor",
	} {
		b := newSandbox(t)
		b.env["VPSBOT_DATABASE_URL"] = "postgres://vpsbot@/vpsbot?host=" + t.TempDir()
		out, errs, code := b.run(t.Context(), strings.Fields(command)...)
		require.Equal(t, 1, code, "%s: %s", command, out)
		require.Contains(t, out+errs, "cannot be reached", command)
		require.NotContains(t, out, "whole", command)
	}
}

// With the settings of serve, which has no identity of its own, doctor is content; with those of a terminal it is not.
func TestDoctorOfServe(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"postgres": pgtest.URL(t), "sqlite": ""} {
		b := newSandbox(t)
		b.env["VPSBOT_DATABASE_URL"] = url
		b.policyFile(t, approvalsPolicy) // nobody of it is at a terminal
		out, _, code := b.run(t.Context(), "doctor")
		require.Equal(t, 1, code, "%s: %s", name, out)
		require.Contains(t, out, "FAIL permissions    0 of ")
		b.env["VPSBOT_LISTEN"] = "127.0.0.1:0"
		out, _, code = b.run(t.Context(), "doctor")
		require.Zero(t, code, "%s: %s", name, out)
		require.Contains(t, out, "warn permissions    0 of ")
		require.Contains(t, out, "warn identity       ")
	}
}

func TestMigrateToPostgreSQL(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	secret := b.makeKey(t, "lead-laptop")
	_, code := b.inTerminal(t, "y", "run", "servers.reboot", "12345")
	require.Zero(t, code)
	sqlite := "sqlite:" + filepath.Join(b.env["XDG_STATE_HOME"], "vpsbot", "vpsbot.db")
	url := pgtest.URL(t)
	out, errs, code := b.run(t.Context(), "store", "migrate", "--to", url)
	require.Zero(t, code, errs)
	require.Contains(t, out, "Copied and counted; the audit log is whole, 4 rows.")

	b.env["VPSBOT_DATABASE_URL"], b.env["VPSBOT_KEY"] = url, secret
	out, errs, code = b.run(t.Context(), "audit", "list")
	require.Zero(t, code, errs)
	require.Contains(t, out, "root rebooted web-server-01")
	_, _, code = b.run(t.Context(), "run", "servers.list")
	require.Zero(t, code, "the key has moved too")
	_, errs, code = b.run(t.Context(), "store", "migrate", "--from", sqlite)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "name an empty database")
	_, errs, code = b.run(t.Context(), "store", "backup", filepath.Join(t.TempDir(), "x.db"))
	require.Equal(t, 1, code)
	require.Contains(t, errs, "pg_dump")
	require.NotContains(t, errs, strings.TrimPrefix(url, "postgres://"))
}

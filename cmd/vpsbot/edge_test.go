package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/tools"
)

// Under -o json each error of each command is one line of JSON on stderr, with the exit code that it has anyway; also
// where the arguments could not be parsed.
func TestErrorsAsJSON(t *testing.T) {
	t.Parallel()
	breaks := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodPost {
			http.Error(w, "{}", http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	}
	down := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/plans/") {
			http.Error(w, "{}", http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	}
	for _, c := range []struct {
		args, class string
		code        int
		world       func(http.ResponseWriter, *http.Request, http.Handler)
	}{
		{"plans list -o json", "failed", 1, down},
		{"servers get nope -o json", "invalid", 2, nil},
		{"servers get --nope -o=json", "invalid", 2, nil},
		{"servers list --limit x --output json", "invalid", 2, nil},
		{"servers list --output=json -o yaml", "invalid", 2, nil},
		{"run servers.reboot -ojson", "invalid", 2, nil},
		{"nope --json", "invalid", 2, nil},
		{"version --nope --json=true", "invalid", 2, nil},
		{"approvals show abcdefghij -o json", "invalid", 2, nil},
		{"servers delete web-server-01 --json", "refused", 3, nil},
		{"servers reboot web-server-01 --json", "waiting", 4, nil},
		{"snapshots create web-server-01 --name s1 --json", "unknown", 5, breaks},
	} {
		b := newSandbox(t)
		b.sim.Intercept(c.world)
		if c.code == 3 {
			b.env["VPSBOT_OPERATIONS"] = "servers.list"
		}
		_, errs, code := b.run(t.Context(), strings.Fields(c.args)...)
		require.Equal(t, c.code, code, "%s: %s", c.args, errs)
		lines := strings.Split(strings.TrimSuffix(errs, "\n"), "\n")
		var printed struct {
			Error struct {
				ExitCode       int `json:"exit_code"`
				Class, Message string
			}
		}
		require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &printed), "%s: %s", c.args, errs)
		require.Equal(t, c.code, printed.Error.ExitCode, c.args)
		require.Equal(t, c.class, printed.Error.Class, c.args)
		require.NotEmpty(t, printed.Error.Message, c.args)
		require.NotContains(t, errs, "vpsbot: ", c.args)
	}
	b := newSandbox(t)
	_, errs, _ := b.run(t.Context(), "servers", "get", "nope", "--json=false")
	require.True(t, strings.HasPrefix(errs, "vpsbot: "), errs)
	_, errs, _ = b.run(t.Context(), "servers", "get", "nope", "-o", "json")
	require.Contains(t, errs, "“nope”", "data stays as it is")
	_, errs, _ = b.run(t.Context(), "servers", "get", "nope")
	require.Contains(t, errs, `"nope"`)
}

// What the terminal prints can be copied into a shell: its quotation marks are those of a keyboard.
func TestQuotationMarksOfAKeyboard(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_POLICY_FILE"] = b.policyFile(t, "version: 1\nrules:\n  - name: all\n    effect: allow\n    who: ['*']\n  - name: no plans\n    effect: deny\n    who: ['*']\n    operations: [plans.list]\n")
	commands := []string{
		"", "help", "help policy", "help scripts", "help exit-codes", "help output", "nope", "servers get nope", "servers list --nope", "servers list -o yml",
		"servers delete db-server-01", "servers reboot web-server-01", "servers create --name web-9 --plan-id 1 --os-id 5 --location us-west",
		"servers create --name web-9 --plan-id 77 --os-id 5 --location us-west", "servers update web-server-01 --name db-server-01",
		"servers update web-server-01 --name web-7 --dry-run", "servers start web-server-01", "backups create web-server-01",
		"snapshots create web-server-01 --name s1 --wait", "backups delete 1", "snapshots restore 1", "plans list", "why plans list", "why servers delete web-server-01",
		"servers list", "servers get web-server-01", "freeze --reason because", "unfreeze", "approvals list --all", "audit list", "audit list -o table", "audit verify",
		"approvals show zzzzzzzz", "approvals deny zzzzzzzz", "operations --all", "policy show", "policy explain servers.delete web-server-01", "policy explain plans.list", "keys list",
		"keys create x", "doctor", "version", "store status",
	}
	out, errs, _ := b.run(t.Context(), "why", "plans", "list")
	require.Contains(t, out, `"no plans"`, errs)
	for _, op := range tools.Default.Operations() {
		commands = append(commands, "help "+op.Name, op.Name)
	}
	for _, line := range commands {
		out, errs, _ := b.run(t.Context(), strings.Fields(line)...)
		require.False(t, strings.ContainsAny(out+errs, "“”"), "%s:\n%s%s", line, out, errs)
	}
}

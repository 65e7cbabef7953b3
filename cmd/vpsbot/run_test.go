package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

const secret = "vps_hush+4711/x"

// bench is a simulator with an environment that points to it.
type bench struct {
	sim *simulator.Simulator
	env map[string]string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{env: map[string]string{"VPS_API_TOKEN": secret, "XDG_STATE_HOME": t.TempDir(), "VPSBOT_LOG_LEVEL": "debug"}}
	storetest.Place(t, filepath.Join(b.env["XDG_STATE_HOME"], "vpsbot", "vpsbot.db"))
	b.serve(t, 1000)
	return b
}

// serve puts a new simulator of that speed at the address.
func (b *bench) serve(t *testing.T, speed float64) {
	t.Helper()
	token := simulator.Token{Value: secret, Name: "Test", Permissions: []string{"*:*"}}
	b.sim = simulator.New(simulator.Options{Speed: speed, Tokens: []simulator.Token{token}})
	api := httptest.NewServer(b.sim)
	t.Cleanup(api.Close)
	b.env["VPS_API_URL"] = api.URL + "/api/v1"
}

// run runs a command in this process and returns all that it printed.
func (b *bench) run(ctx context.Context, args ...string) (out, errs string, code int) {
	var stdout, stderr bytes.Buffer
	err := run(ctx, args, envconfig.MapLookuper(b.env), stdio{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	code = report(&stderr, err)
	return stdout.String(), stderr.String(), code
}

// everything are commands that between them print all there is to print.
var everything = [][]string{
	{"run", "servers.list"},
	{"run", "account.get", "--json"},
	{"run", "servers.get", secret},
	{"run", "servers.get", "--server", "x" + secret},
	{"run", "servers.update", "12345", "--name", secret},
	{"run", "servers.update", "12345", "--hostname", "new.example.com"},
	{"run", "servers.stop", "12345", "--yes", "--wait", "--json"},
	{"run", "servers.delete", "12345", "--dry-run", "--json"},
	{"run", "servers.delete", "12345"},
	{"run", "servers.delete", "12345", "--confirm", "web-server-01"},
	{"operations", "--all", "--json"},
	{"approvals", "list", "--all", "--json"},
	{"audit", "list", "--json"},
	{"audit", "verify"},
	{"doctor"},
	{"doctor", "--json"},
	{"version", "--json"},
}

func TestTokenAppearsNowhere(t *testing.T) {
	t.Parallel()
	worlds := map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"an API that behaves": nil,
		"an API that answers with the token": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Error(w, `{"detail": "token `+secret+` is wrong, `+r.Header.Get("Authorization")+`"}`, http.StatusUnauthorized)
		},
		"an API that fails with the token": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			http.Error(w, secret, http.StatusInternalServerError)
		},
	}
	for name, world := range worlds {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.sim.Intercept(world)
			for _, args := range everything {
				out, errs, _ := b.run(t.Context(), args...)
				require.NotContains(t, out+errs, "hush", "%q", args)
			}
			for _, file := range []string{"vpsbot.db", "vpsbot.db-wal"} {
				raw, err := os.ReadFile(filepath.Join(b.env["XDG_STATE_HOME"], "vpsbot", file))
				if !os.IsNotExist(err) {
					require.NoError(t, err)
				}
				require.NotContains(t, string(raw), "hush", file)
			}
		})
	}
}

// At debug level there is something to hide the token from.
func TestDebugLogs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, errs, code := b.run(t.Context(), "run", "servers.list")
	require.Zero(t, code)
	require.Contains(t, errs, "msg=\"api request\" method=GET path=/servers/ status=200")
	b.env["VPSBOT_LOG_FORMAT"] = "json"
	_, errs, _ = b.run(t.Context(), "run", "servers.list")
	require.Contains(t, errs, `"msg":"api request","method":"GET","path":"/servers/"`)
	b.env["VPSBOT_LOG_LEVEL"] = "info"
	_, errs, _ = b.run(t.Context(), "run", "servers.list")
	require.Empty(t, errs)
}

func TestHostileNamesReachNoTerminal(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"web\x1b[2J\x1b]0;owned\x07", "web\u202egpj.exe", "a\r\nvpsbot: Done: deleted", strings.Repeat("x", 100_000), "%s%n%d", "\u200bweb\U000e0041",
	} {
		b := newBench(t)
		b.sim.Edit(func(w *simulator.World) { w.Server(12345).Name, w.Server(12345).Hostname = name, name })
		for _, args := range [][]string{
			{"run", "servers.list"},
			{"run", "servers.list", "--json"},
			{"run", "servers.get", "12345"},
			{"run", "servers.get", "nobody"},
			{"run", "servers.delete", "12345", "--dry-run"},
			{"run", "servers.delete", "12345"},
			{"run", "servers.stop", "12345", "--yes"},
			{"approvals", "list", "--all"},
			{"approvals", "list", "--all", "--json"},
			{"audit", "list"},
			{"__complete", "run", "servers.get", ""},
		} {
			out, errs, _ := b.run(t.Context(), args...)
			shown := out + errs
			require.Less(t, len(shown), 20_000, "%q", args)
			require.Negative(t, strings.IndexFunc(shown, func(r rune) bool {
				return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf))
			}), "%q prints %q", args, shown)
			require.NotContains(t, shown, "%!", "%q", args)
			require.NotRegexp(t, `(?m)^vpsbot: Done`, shown)
		}
	}
}

// Approvals need the store alone: an API that cannot be reached does not matter, and no
// token is needed.
func TestApprovalsCallNoAPI(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, _, code := b.run(t.Context(), "run", "servers.delete", "12345")
	require.Equal(t, 4, code)
	before := len(b.sim.Requests())
	delete(b.env, "VPS_API_TOKEN")
	out, _, code := b.run(t.Context(), "approvals", "list")
	require.Zero(t, code)
	id := strings.Fields(out)[7]
	require.Len(t, id, 26)
	for _, args := range [][]string{
		{"approvals", "show", id[:6]},
		{"approvals", "list", "--json"},
		{"approvals", "approve", id},
		{"approvals", "cancel", strings.ToUpper(id)},
		{"approvals", "settle", id, "done"},
		{"audit", "list"},
		{"audit", "verify"},
	} {
		_, _, code := b.run(t.Context(), args...)
		require.NotEqual(t, 3, code, "%q", args)
	}
	require.Len(t, b.sim.Requests(), before)
	out, _, _ = b.run(t.Context(), "approvals", "show", id)
	require.Contains(t, out, "was cancelled")
}

func TestPanicIsOneLine(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	a := &app{env: envconfig.MapLookuper(b.env), io: stdio{Out: io.Discard, Err: io.Discard}}
	err := a.internal("token "+secret, []byte("goroutine 1"))
	require.ErrorContains(t, err, "an internal error: token [redacted]")
	var shown bytes.Buffer
	require.Equal(t, 1, report(&shown, err))
	require.Equal(t, 1, strings.Count(shown.String(), "\n"))
}

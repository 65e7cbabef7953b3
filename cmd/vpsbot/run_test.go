package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
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
	"github.com/vpsbot/vpsbot/internal/cli"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
	"github.com/vpsbot/vpsbot/tools"
)

const secret = "vps_hush+4711/x"

// sandbox is a simulator, and an environment with its address.
type sandbox struct {
	sim *simulator.Simulator
	env map[string]string
}

func newSandbox(t testing.TB) *sandbox {
	t.Helper()
	b := &sandbox{env: map[string]string{"VPS_API_TOKEN": secret, "XDG_STATE_HOME": t.TempDir()}}
	storetest.Place(t, filepath.Join(b.env["XDG_STATE_HOME"], "vpsbot", "vpsbot.db"))
	b.serve(t, 1000)
	return b
}

// serve starts a new simulator, which works at a speed.
func (b *sandbox) serve(t testing.TB, speed float64) {
	t.Helper()
	token := simulator.Token{Value: secret, Name: "Test", Permissions: []string{"*:*"}}
	b.sim = simulator.New(simulator.Options{Speed: speed, Tokens: []simulator.Token{token}})
	api := httptest.NewServer(b.sim)
	t.Cleanup(api.Close)
	b.env["VPS_API_URL"] = api.URL + "/api/v1"
}

// environment is the environment of a command as it is now: the test may change its own while the command runs.
func (b *sandbox) environment() envconfig.Lookuper { return envconfig.MapLookuper(maps.Clone(b.env)) }

// run runs a command in this process, and returns its output and exit code.
func (b *sandbox) run(ctx context.Context, args ...string) (out, errs string, code int) {
	var stdout, stderr bytes.Buffer
	err := cli.Run(ctx, args, b.environment(), cli.IO{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	code = cli.Report(&stderr, err)
	return stdout.String(), stderr.String(), code
}

// allCommands are commands that together print everything that vpsbot prints.
var allCommands = [][]string{
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
			b := newSandbox(t)
			b.env["VPSBOT_LOG_LEVEL"] = "debug"
			b.sim.Intercept(world)
			for _, args := range allCommands {
				out, errs, _ := b.run(t.Context(), args...)
				require.NotContains(t, out+errs, "hush", "%q", args)
			}
			b.requireNotStored(t, "hush")
		})
	}
}

// requireNotStored fails if a text is in the database.
func (b *sandbox) requireNotStored(t *testing.T, text string) {
	t.Helper()
	for _, file := range []string{"vpsbot.db", "vpsbot.db-wal"} {
		raw, err := os.ReadFile(filepath.Join(b.env["XDG_STATE_HOME"], "vpsbot", file))
		if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		require.NotContains(t, string(raw), text, file)
	}
}

// At the level debug the log has each request to the API.
func TestDebugLogs(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_LOG_LEVEL"] = "debug"
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
		b := newSandbox(t)
		b.sim.Edit(func(w *simulator.World) { w.Servers[12345].Name, w.Servers[12345].Hostname = name, name })
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

// The commands about approvals need the store alone: neither the API nor a token.
func TestApprovalsCallNoAPI(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	_, _, code := b.run(t.Context(), "run", "servers.delete", "12345")
	require.Equal(t, 4, code)
	before := len(b.sim.Requests())
	delete(b.env, "VPS_API_TOKEN")
	out, _, code := b.run(t.Context(), "approvals", "list", "-o", "name")
	require.Zero(t, code)
	id := strings.TrimSpace(out)
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
	require.Contains(t, out, ": cancelled by ")
}

// An error about a flag is a sentence, not the message of a parser.
func TestFlagErrorsAreSentences(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	for _, args := range [][]string{
		{"run", "servers.list", "--limit", "x"},
		{"run", "servers.list", "--limit=99999999999999999999"},
		{"run", "servers.list", "--json=perhaps"},
		{"simulator", "--latency", "soon"},
		{"simulator", "--fail", "half"},
		{"simulator", "--servers", "1.5"},
	} {
		_, errs, code := b.run(t.Context(), args...)
		require.Equal(t, 2, code, "%q", args)
		require.Regexp(t, `^(vpsbot: |{"error":{"exit_code":2,"class":"invalid","message":")--[a-z]+ (must be a|stands alone; it takes no value but true or false)`, errs)
		require.NotRegexp(t, `strconv|parsing|time:|invalid `, errs)
	}
}

// The log of the standard library, into which net/http writes, is redacted too.
func TestTheStandardLogIsRedacted(t *testing.T) {
	b := newSandbox(t)
	b.env["VPS_API_TOKEN"], b.env["VPSBOT_KEY"] = "vps_hush4711", "vpsbot_hush4711"
	var out bytes.Buffer
	defer log.SetOutput(log.Writer())
	_ = cli.Run(t.Context(), []string{"version"}, b.environment(), cli.IO{Out: io.Discard, Err: &out})
	log.Print("a header of vps_hush4711, vpsbot_hush4711")
	slog.Warn("and vps_hush4711")
	require.NotContains(t, out.String(), "hush4711")
	require.Equal(t, 3, strings.Count(out.String(), "[redacted]"))
}

// The examples of the help are valid command lines.
func TestExamplesParse(t *testing.T) {
	t.Parallel()
	for _, op := range tools.Default.Operations() {
		for _, raw := range op.Examples {
			b := newSandbox(t)
			b.env["VPS_API_URL"] = "simulator"
			line := cli.CommandLine(op, raw)
			args := splitPlain(line)[1:]
			if !op.IsRead() {
				args = append(args, "--dry-run")
			}
			b.env["VPS_API_TOKEN"] = "vps_demo"
			_, errs, code := b.run(t.Context(), args...)
			require.NotContains(t, errs, "unknown flag", line)
			require.NotContains(t, errs, "is missing", line)
			require.NotContains(t, errs, "takes", line)
			require.Contains(t, []int{0, 2}, code, "%s: %s", line, errs) // 2: an example's id need not exist
		}
	}
}

// A name or a text that could be read as a flag, or as a field with its value, is none in a line to be copied.
func TestCommandLineOfOddNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"--yes", "-x", "a=b"} {
		lookup := func(operation string) *tools.Op { op, _ := tools.Default.Lookup(operation); return op }
		b := newSandbox(t)
		b.env["VPS_API_URL"], b.env["VPS_API_TOKEN"] = "simulator", "vps_demo"
		line := cli.CommandLine(lookup("servers.delete"), fmt.Appendf(nil, `{"server":%q}`, name))
		_, errs, _ := b.run(t.Context(), splitPlain(line)[1:]...)
		require.Contains(t, errs, `no server is called "`+name+`"`, line)
		line = cli.CommandLine(lookup("backups.create"), fmt.Appendf(nil, `{"server":"12345","description":%q}`, name))
		_, errs, code := b.run(t.Context(), append(splitPlain(line)[1:], "--dry-run")...)
		require.Zero(t, code, "%s: %s", line, errs)
	}
}

// splitPlain splits a line whose only quotes are single ones.
func splitPlain(line string) []string {
	var words []string
	word, quoted, any := "", false, false
	for _, c := range line {
		switch {
		case c == '\'':
			quoted, any = !quoted, true
		case c == ' ' && !quoted:
			words = append(words, word)
			word, any = "", false
		default:
			word += string(c)
		}
	}
	if word != "" || any {
		words = append(words, word)
	}
	return words
}

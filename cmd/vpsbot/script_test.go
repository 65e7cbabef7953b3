package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/cli"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
	"github.com/vpsbot/vpsbot/internal/testkit/volumes"
	"github.com/vpsbot/vpsbot/tools"
)

var update = flag.Bool("update", false, "rewrite the expectations of the scripts")

func TestMain(m *testing.M) {
	testscript.Main(withPostgres{m}, map[string]func(){
		"vpsbot":           main,
		"vpsbot-unlimited": serveUnlimited,
		"vpsbot-volumes":   func() { os.Exit(cli.Main(volumes.Catalogue())) },
	})
}

// withPostgres stops the PostgreSQL of the tests after them.
type withPostgres struct{ *testing.M }

func (w withPostgres) Run() int { return pgtest.Run(w.M) }

// TestScripts runs the scripts of testdata. Each has a simulator of its own at $API, a state folder of its own,
// and a token that has every permission.
func TestScripts(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"script", "audit"} {
		t.Run(folder, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir: "testdata/" + folder, UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true, Setup: setUp,
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits": exits, "terminal": inTerminal, "answers": answers, "requests": requests, "edit": edit,
					"capture": capture, "freeport": freePort, "fetch": fetch,
					"mode": fileMode, "lastword": lastWord, "replace": replaceOnce, "sql": runSQL,
				},
			})
		})
	}
}

// quickExit removes the second that the race detector adds to the end of each program.
const quickExit = "atexit_sleep_ms=0"

type simKey struct{}

func setUp(env *testscript.Env) error {
	sim := simulator.New(simulator.Options{Speed: 1000})
	api := httptest.NewServer(&volumes.API{Behind: sim})
	env.Defer(api.Close)
	env.Values[simKey{}] = sim
	env.Setenv("OPERATIONS", strconv.Itoa(len(tools.Default.Operations()))) // how many there are, for the scripts
	env.Setenv("GORACE", quickExit)
	env.Setenv("API", api.URL+"/api/v1")
	env.Setenv("VPS_API_URL", api.URL+"/api/v1")
	env.Setenv("VPS_API_TOKEN", "vps_demo")
	env.Setenv("VPSBOT_KEYRING", "false") // that of who runs the tests is not theirs
	env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
	if !storeless[strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")] {
		storetest.Place(env.T().(testing.TB), filepath.Join(env.WorkDir, "state", "vpsbot", "vpsbot.db"))
	}
	return nil
}

// storeless are the scripts that begin without a store, as a new user does.
var storeless = map[string]bool{"first_run": true, "doctor": true, "store": true, "mcp": true, "slack_manifest": true, "mistakes": true}

// exits CODE PROGRAM ARGS… runs a program, and checks its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGS]")
	}
	err := ts.Exec(args[1], args[2:]...)
	checkCode(ts, args[0], err)
}

func checkCode(ts *testscript.TestScript, want string, err error) {
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

// requests prints the requests that the simulator has received; "requests writes" the writes alone.
func requests(ts *testscript.TestScript, _ bool, args []string) {
	sim := ts.Value(simKey{}).(*simulator.Simulator)
	seen := sim.Requests()
	if len(args) == 1 && args[0] == "writes" {
		seen = sim.Writes()
	}
	out := ts.Stdout()
	for _, r := range seen {
		fmt.Fprintln(out, r.Method, r.Path)
	}
	if len(seen) == 0 {
		fmt.Fprintln(out, "none")
	}
}

// edit changes the account in the simulator.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	sim := ts.Value(simKey{}).(*simulator.Simulator)
	switch args[0] {
	case "rename": // ID NAME, which may have escapes such as \x1b
		id, err := strconv.Atoi(args[1])
		ts.Check(err)
		name, err := strconv.Unquote(`"` + args[2] + `"`)
		ts.Check(err)
		sim.Edit(func(w *simulator.World) { w.Servers[id].Name = name })
	case "status": // ID STATUS
		id, err := strconv.Atoi(args[1])
		ts.Check(err)
		sim.Edit(func(w *simulator.World) { w.Servers[id].Status = args[2] })
	case "add": // COUNT servers: one-of-many-1, one-of-many-2, …
		count, err := strconv.Atoi(args[1])
		ts.Check(err)
		sim.Edit(func(w *simulator.World) {
			for n := range count {
				w.AddServer(simulator.Server{Name: fmt.Sprintf("one-of-many-%d", n+1)})
			}
		})
	case "fail": // writes are carried out and answered with a 500
		failWrites(sim, true)
	case "break": // writes are answered with a 500 alone
		failWrites(sim, false)
	default:
		ts.Fatalf("edit %s: no such edit", args[0])
	}
}

// capture NAME PATTERN stores the word after PATTERN in the last stderr in a variable.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	_, after, found := strings.Cut(ts.ReadFile("stderr"), args[1])
	words := strings.Fields(after)
	if !found || len(words) == 0 {
		ts.Fatalf("stderr has nothing after %q", args[1])
	}
	ts.Setenv(args[0], strings.Trim(words[0], `().,"}\`))
}

// freePort NAME stores a free port of this machine in a variable.
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// fetch STATUS URL prints the answer of a URL. It waits for a status.
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	status, body := 0, ""
	for end := time.Now().Add(testTimeout); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get(args[1])
		if err != nil {
			continue
		}
		raw, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		ts.Check(err)
		status, body = resp.StatusCode, string(raw)
		if strconv.Itoa(status) == args[0] {
			break
		}
	}
	fmt.Fprint(ts.Stdout(), body)
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("%s: status %d, want %s", args[1], status, args[0])
	}
}

// environ is the environment of a script's programs.
func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{
		"PATH", "GORACE", "HOME", "WORK", "TMPDIR", "API", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "VPSBOT_PROFILE", "VPSBOT_KEYRING", "VPS_API_URL", "VPS_API_TOKEN", "VPS_API_TOKEN_FILE",
		"NO_COLOR", "TZ", "COLUMNS", "LINES", "PAGER", "VPSBOT_READ_ONLY", "VPSBOT_OPERATIONS", "VPSBOT_POLICY_FILE", "VPSBOT_LOG_LEVEL",
		"VPSBOT_KEY", "VPSBOT_KEY_FILE", "VPSBOT_DATABASE_URL", "VPSBOT_AUDIT_KEY_FILE", "VPSBOT_AUDIT_STATE",
	} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	term := ts.Getenv("TERM")
	if term == "" {
		term = "xterm-256color"
	}
	return append(env, "TERM="+term)
}

// program finds a program in the script's PATH.
func program(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
	}
	ts.Fatalf("%s is not in PATH", name)
	return ""
}

// inTerminal CODE DIALOGUE PROGRAM ARGS… runs a program in a terminal of its own, plays the dialogue of a file,
// and checks the exit code. "-" is no dialogue. The screen is the command's output.
func inTerminal(ts *testscript.TestScript, _ bool, args []string) {
	var dialogue []step
	if args[1] != "-" {
		dialogue = parseDialogue(ts.ReadFile(args[1]))
	}
	atTerminal(ts, args[0], dialogue, args[2:])
}

// answers CODE TEXT PROGRAM ARGS… runs a program in a terminal of its own, and types TEXT at its question.
func answers(ts *testscript.TestScript, _ bool, args []string) {
	atTerminal(ts, args[0], []step{{question: true}, {text: args[1]}}, args[2:])
}

func atTerminal(ts *testscript.TestScript, code string, dialogue []step, args []string) {
	cmd := exec.Command(program(ts, args[0]), args[1:]...)
	cmd.Env, cmd.Dir = environ(ts), ts.MkAbs(".")
	screen, err := runDialogue(cmd, dialogue)
	fmt.Fprint(ts.Stdout(), strings.ReplaceAll(screen, "\r\n", "\n"))
	checkCode(ts, code, err)
}

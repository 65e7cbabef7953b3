package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// environ is the environment for a program of its own.
func (b *bench) environ() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "TERM=xterm", "GORACE=" + quickExit, "HOME=/nowhere"}
	for name, value := range b.env {
		env = append(env, name+"="+value)
	}
	return env
}

func (b *bench) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("vpsbot", args...)
	cmd.Env = b.environ()
	return cmd
}

// inTerminal runs a command in a terminal of its own, where it is a person's who types answer at
// the question, if one is given. It returns what the screen showed, and the exit code.
func (b *bench) inTerminal(t *testing.T, answer string, args ...string) (screen string, code int) {
	t.Helper()
	var talk []turn
	if answer != "" {
		talk = []turn{{question: true}, {text: answer}}
	}
	screen, err := converse(b.command(t, args...), talk)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return screen, exit.ExitCode()
	}
	require.NoError(t, err, screen)
	return screen, 0
}

// assistant is a client that speaks MCP with "vpsbot mcp" and cannot ask anybody anything.
type assistant struct {
	stdout io.Closer
	t      *testing.T
	in     io.WriteCloser
	out    *bufio.Reader
	cmd    *exec.Cmd
	id     int
}

func (b *bench) assistant(t *testing.T, with ...func(*exec.Cmd)) *assistant {
	t.Helper()
	cmd := b.command(t, "mcp")
	for _, set := range with {
		set(cmd)
	}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	a := &assistant{t: t, in: in, stdout: out, out: bufio.NewReader(out), cmd: cmd}
	a.ask("initialize", `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}`)
	return a
}

// assistantWithLog is an assistant whose server's log, on stderr, can be read.
func (b *bench) assistantWithLog(t *testing.T) (*assistant, *testkit.Log) {
	t.Helper()
	log := &testkit.Log{}
	return b.assistant(t, func(cmd *exec.Cmd) { cmd.Stderr = log }), log
}

// ask sends one request and returns its result.
func (a *assistant) ask(method, params string) json.RawMessage {
	a.t.Helper()
	a.id++
	_, err := fmt.Fprintf(a.in, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`+"\n", a.id, method, params)
	require.NoError(a.t, err)
	for {
		line, err := a.out.ReadBytes('\n')
		require.NoError(a.t, err)
		var answer struct {
			ID     int
			Result json.RawMessage
		}
		require.NoError(a.t, json.Unmarshal(line, &answer))
		if answer.ID == a.id {
			return answer.Result
		}
	}
}

type envelope struct {
	StructuredContent struct {
		Outcome    string
		ApprovalID string `json:"approval_id"`
	}
}

func (a *assistant) call(tool, arguments string) (e envelope) {
	a.t.Helper()
	raw := a.ask("tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tool, arguments))
	require.NoError(a.t, json.Unmarshal(raw, &e))
	return e
}

// An assistant that cannot ask gets an id; a person approves at a terminal, and sees how it
// ends: the assistant's side has run it, once.
func TestPersonApprovesWhatAnAssistantAsked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.env["VPSBOT_LOG_LEVEL"] = "info"
	a := b.assistant(t)
	asked := a.call("servers_delete", `{"server":"web-server-01"}`).StructuredContent
	require.Equal(t, "approval_required", asked.Outcome)
	require.Empty(t, b.sim.Writes())

	screen, err := converse(b.command(t, "approvals", "approve", asked.ApprovalID[:8]), parseTalk("> Type web-server-01 to confirm:\n< web-server-01\n"))
	require.NoError(t, err, screen)
	require.Contains(t, screen, "Approved. The assistant's process runs it now")
	require.Regexp(t, `Done: servers.delete of .web-server-01.`, screen)
	require.Len(t, b.sim.Writes(), 1)

	told := a.call("servers_delete", `{"server":"web-server-01"}`).StructuredContent
	require.Equal(t, "done", told.Outcome)
	require.Equal(t, asked.ApprovalID, told.ApprovalID)
	require.Len(t, b.sim.Writes(), 1)
}

// If the assistant has gone, the person is told who will run it.
func TestPersonApprovesAfterTheAssistantHasGone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	a := b.assistant(t)
	asked := a.call("servers_delete", `{"server":"web-server-01"}`).StructuredContent
	require.NoError(t, a.in.Close())
	require.NoError(t, a.cmd.Wait())
	screen, err := converse(b.command(t, "approvals", "approve", asked.ApprovalID), parseTalk("> Type web-server-01 to confirm:\n< web-server-01\n"))
	require.NoError(t, err, screen)
	require.Contains(t, screen, "it runs when the assistant asks for the same again")
	require.Empty(t, b.sim.Writes())
	require.Equal(t, "done", b.assistant(t).call("servers_delete", `{"server":"web-server-01"}`).StructuredContent.Outcome)
	require.Len(t, b.sim.Writes(), 1)
}

func TestAssistantEndsOnSIGTERM(t *testing.T) {
	t.Parallel()
	a := newBench(t).assistant(t)
	require.NoError(t, a.cmd.Process.Signal(syscall.SIGTERM))
	ended := make(chan error, 1)
	go func() { ended <- a.cmd.Wait() }()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(patience):
		t.Fatal("it did not end")
	}
}

// What the token may not do is not even listed; calling it all the same explains itself.
func TestAssistantSeesWhatTheTokenMay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sim.Edit(func(w *simulator.World) { w.Tokens[secret].Permissions = []string{"servers:list"} })
	a := b.assistant(t)
	listed := string(a.ask("tools/list", `{}`))
	require.Contains(t, listed, `"name":"servers_list"`)
	require.NotContains(t, listed, `"name":"servers_delete"`)
	require.Equal(t, "refused", a.call("servers_delete", `{"server":"web-server-01"}`).StructuredContent.Outcome)
	for _, r := range b.sim.Requests() {
		require.Equal(t, "GET /api/v1/account/me/", r.Method+" "+r.Path)
	}
}

// A client that dies takes its pipes with it. What was sent is seen to its end all the same.
func TestAChangeOutlivesItsClient(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	inside, release := make(chan struct{}), make(chan struct{})
	b.sim.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodPost {
			close(inside)
			<-release
		}
		next.ServeHTTP(w, r)
	})
	a := b.assistant(t)
	_, err := fmt.Fprintf(a.in, `{"jsonrpc":"2.0","id":90,"method":"tools/call","params":{"name":"backups_create","arguments":{"server":"web-server-01"}}}`+"\n")
	require.NoError(t, err)
	<-inside
	_, err = fmt.Fprintf(a.in, `{"jsonrpc":"2.0","id":91,"method":"tools/call","params":{"name":"domains_list","arguments":{}}}`+"\n")
	require.NoError(t, err)
	require.NoError(t, a.stdout.Close()) // nobody reads any more
	require.NoError(t, a.in.Close())
	time.Sleep(100 * time.Millisecond)
	close(release)
	require.NoError(t, a.cmd.Wait(), "it ends in good order")
	require.Len(t, b.sim.Writes(), 1)
	out, err := b.command(t, "approvals", "list", "--all", "--json").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), `"state":"done"`)
}

// A client that never reads the log, or has closed it, is served on, and the end of its input ends the
// process.
func TestAssistantThatDoesNotReadTheLog(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(log *os.File){
		"not read": func(*os.File) {},
		"closed":   func(log *os.File) { log.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.env["VPSBOT_LOG_LEVEL"] = "debug"
			log, logs, err := os.Pipe()
			require.NoError(t, err)
			defer log.Close()
			a := b.assistant(t, func(cmd *exec.Cmd) { cmd.Stderr = logs })
			logs.Close()
			leave(log)
			for range 400 {
				a.ask("tools/call", `{"name":"servers_list","arguments":{}}`)
			}
			require.NoError(t, a.in.Close())
			ended := make(chan error, 1)
			go func() { ended <- a.cmd.Wait() }()
			select {
			case err := <-ended:
				require.NoError(t, err)
			case <-time.After(20 * time.Second):
				require.Fail(t, "it does not end with its input")
			}
		})
	}
}

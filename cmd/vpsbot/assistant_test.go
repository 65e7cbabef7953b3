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

// environ is the environment of a child process.
func (b *sandbox) environ() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "TERM=xterm", "GORACE=" + quickExit, "HOME=/nowhere"}
	for name, value := range b.env {
		env = append(env, name+"="+value)
	}
	return env
}

func (b *sandbox) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("vpsbot", args...)
	cmd.Env = b.environ()
	return cmd
}

// inTerminal runs a command in a terminal of its own, and types answer, if it is not empty, at the question.
// It returns the screen and the exit code.
func (b *sandbox) inTerminal(t *testing.T, answer string, args ...string) (screen string, code int) {
	t.Helper()
	var dialogue []step
	if answer != "" {
		dialogue = []step{{question: true}, {text: answer}}
	}
	screen, err := runDialogue(b.command(t, args...), dialogue)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return screen, exit.ExitCode()
	}
	require.NoError(t, err, screen)
	return screen, 0
}

// assistant is an MCP client of "vpsbot mcp" without elicitation.
type assistant struct {
	stdout io.Closer
	t      *testing.T
	in     io.WriteCloser
	out    *bufio.Reader
	cmd    *exec.Cmd
	id     int
}

func (b *sandbox) assistant(t *testing.T, with ...func(*exec.Cmd)) *assistant {
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

// assistantWithLog is an assistant, and the log of its server.
func (b *sandbox) assistantWithLog(t *testing.T) (*assistant, *testkit.Log) {
	t.Helper()
	log := &testkit.Log{}
	return b.assistant(t, func(cmd *exec.Cmd) { cmd.Stderr = log }), log
}

// wait waits for the end of the server, and returns its error.
func (a *assistant) wait() error {
	a.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- a.cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(testTimeout):
		a.t.Fatal("it does not end")
		return nil
	}
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

// An assistant without elicitation gets an approval id. After a person has approved it at a terminal, the
// assistant's process runs the change once, and the terminal shows the outcome.
func TestApproveRunsAnAssistantsRequest(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	a := b.assistant(t)
	asked := a.call("servers_delete", `{"server":"web-server-01"}`).StructuredContent
	require.Equal(t, "approval_required", asked.Outcome)
	require.Empty(t, b.sim.Writes())

	screen, err := runDialogue(b.command(t, "approvals", "approve", asked.ApprovalID[:8]), parseDialogue("> Type web-server-01 to confirm:\n< web-server-01\n"))
	require.NoError(t, err, screen)
	require.Contains(t, screen, "Approved. The assistant's process runs it now")
	require.Regexp(t, `Deleted web-server-01\.`, screen)
	require.Len(t, b.sim.Writes(), 1)

	told := a.call("servers_delete", `{"server":"web-server-01"}`).StructuredContent
	require.Equal(t, "done", told.Outcome)
	require.Equal(t, asked.ApprovalID, told.ApprovalID)
	require.Len(t, b.sim.Writes(), 1)
}

// Where the assistant's process has ended, approve says that the next one runs the change.
func TestApproveAfterTheAssistantEnded(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	a := b.assistant(t)
	asked := a.call("servers_delete", `{"server":"web-server-01"}`).StructuredContent
	require.NoError(t, a.in.Close())
	require.NoError(t, a.wait())
	screen, err := runDialogue(b.command(t, "approvals", "approve", asked.ApprovalID), parseDialogue("> Type web-server-01 to confirm:\n< web-server-01\n"))
	require.NoError(t, err, screen)
	require.Contains(t, screen, "it runs when the assistant asks for the same again")
	require.Empty(t, b.sim.Writes())
	require.Equal(t, "done", b.assistant(t).call("servers_delete", `{"server":"web-server-01"}`).StructuredContent.Outcome)
	require.Len(t, b.sim.Writes(), 1)
}

func TestMCPEndsOnSIGTERM(t *testing.T) {
	t.Parallel()
	a := newSandbox(t).assistant(t)
	require.NoError(t, a.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, a.wait())
}

// A tool that the token does not permit is not listed, and a call of it is refused.
func TestMCPListsPermittedTools(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
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

// A change that was sent is finished also when the client closes its pipes.
func TestMCPFinishesAChangeWithoutItsClient(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
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
	require.NoError(t, a.stdout.Close()) // the client reads no more
	require.NoError(t, a.in.Close())
	time.Sleep(100 * time.Millisecond)
	close(release)
	require.NoError(t, a.wait(), "it ends in good order")
	require.Len(t, b.sim.Writes(), 1)
	out, err := b.command(t, "approvals", "list", "--all", "--json").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), `"state":"done"`)
}

// A client that never reads the log, or has closed it, is still served.
func TestMCPWithUnreadLog(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(log *os.File){
		"not read": func(*os.File) {},
		"closed":   func(log *os.File) { log.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newSandbox(t)
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
			require.NoError(t, a.wait())
		})
	}
}

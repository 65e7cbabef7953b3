//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/tools"
)

// ways are those of starting a program without a person at a real terminal.
var ways = map[string]func(t *testing.T, cmd *exec.Cmd, tty, other *os.File){
	"pipes": func(_ *testing.T, cmd *exec.Cmd, _, _ *os.File) {},
	"stdin is a pipe": func(_ *testing.T, cmd *exec.Cmd, tty, _ *os.File) {
		cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = tty, tty, controlledBy(2)
	},
	"stderr is a pipe": func(_ *testing.T, cmd *exec.Cmd, tty, _ *os.File) {
		cmd.Stdin, cmd.Stdout, cmd.SysProcAttr = tty, tty, controlledBy(0)
	},
	"setsid": func(_ *testing.T, cmd *exec.Cmd, tty, _ *os.File) {
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = tty, tty, tty, &syscall.SysProcAttr{Setsid: true}
	},
	"two terminals": func(_ *testing.T, cmd *exec.Cmd, tty, other *os.File) {
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = tty, tty, other, controlledBy(0)
	},
	"a terminal that does not control": func(_ *testing.T, cmd *exec.Cmd, tty, other *os.File) {
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles, cmd.SysProcAttr = tty, tty, tty, []*os.File{other}, controlledBy(3)
	},
	"a background job": func(t *testing.T, cmd *exec.Cmd, tty, _ *os.File) {
		shell, err := exec.LookPath("sh")
		require.NoError(t, err)
		cmd.Args = append([]string{"sh", "-c", `set -m; "$@" & wait $!`, "sh", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = shell
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = tty, tty, tty, controlledBy(0)
	},
}

// controlledBy gives a program a session of its own, controlled by the terminal at that descriptor.
func controlledBy(fd int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: fd}
}

// without starts a command in one of the ways, with all that a person would type in its input, and
// returns what it printed anywhere, and its exit code.
func (b *bench) without(t *testing.T, way, typed string, args ...string) (printed string, code int) {
	t.Helper()
	var shown testkit.Log
	cmd := b.command(t, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(typed), &shown, &shown
	var reading sync.WaitGroup
	open := func() *os.File {
		master, tty, err := pty.Open()
		require.NoError(t, err)
		_, err = master.WriteString(typed)
		require.NoError(t, err)
		reading.Go(func() {
			_, _ = io.Copy(&shown, master) // EIO: all have closed it
			_ = master.Close()
		})
		return tty
	}
	tty, other := open(), open()
	ways[way](t, cmd, tty, other)
	require.NoError(t, cmd.Start())
	stuck := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // it asks somebody, who is not there
	err := cmd.Wait()
	stuck.Stop()
	require.NoError(t, errors.Join(tty.Close(), other.Close()))
	reading.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return shown.String(), exit.ExitCode()
	}
	require.NoError(t, err, shown.String())
	return shown.String(), 0
}

// line is the command that runs an operation with an input.
func line(t *testing.T, op *tools.Op, input []byte) []string {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal(input, &fields))
	args := []string{"run", op.Name}
	for name, value := range fields {
		args = append(args, fmt.Sprintf("--%s=%v", fieldtext.Flag(name), value))
	}
	return args
}

// asking are the inputs, for each operation, of which a person must be asked.
func asking() map[*tools.Op][]string {
	all := map[*tools.Op][]string{}
	for _, op := range tools.Operations() {
		for _, example := range op.Examples {
			if op.Risk.NeedsConsent() {
				all[op] = append(all[op], string(example))
			}
		}
		if op.Name == "servers.update" { // what it raises
			all[op] = append(all[op], `{"server":"web-server-01","backups_enabled":false}`)
		}
	}
	return all
}

// flagsOf are the ways in which a script may try to answer.
func flagsOf(op *tools.Op, name string) [][]string {
	if !op.Risk.NeedsTypedName() {
		return [][]string{nil, {"--yes"}}
	}
	return [][]string{nil, {"--yes"}, {"--confirm", name}, {"--yes", "--confirm", name}}
}

// Without a real terminal no change that needs consent happens, whatever flags are given and
// whatever stands in the input; it stays open for a person, and says how they agree.
func TestWithoutARealTerminalNothingIsAgreedTo(t *testing.T) {
	seen := 0
	for op, inputs := range asking() {
		for _, input := range inputs {
			seen++
			t.Run(op.Name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.env["VPSBOT_LOG_LEVEL"] = "info"
				command := line(t, op, []byte(input))
				out, errs, code := b.run(t.Context(), append(command, "--json")...)
				require.Equal(t, 4, code, errs)
				var asked struct{ Card struct{ Confirm string } }
				require.NoError(t, json.Unmarshal([]byte(out), &asked))
				for way := range ways {
					for _, flags := range flagsOf(op, asked.Card.Confirm) {
						printed, code := b.without(t, way, "y\n"+asked.Card.Confirm+"\n", append(command, flags...)...)
						require.Equal(t, 4, code, "%s %q: %s", way, flags, printed)
						require.Contains(t, printed, "vpsbot approvals approve ", "%s %q", way, flags)
						noWayAround(t, printed)
					}
				}
				require.Empty(t, b.sim.Writes())
				list, _, _ := b.run(t.Context(), "approvals", "list", "--json")
				require.Contains(t, list, `"state":"pending"`)
			})
		}
	}
	require.Greater(t, seen, 8)
}

// noWayAround wants a text that a machine reads to name no way around a person.
func noWayAround(t *testing.T, text string) {
	t.Helper()
	for _, way := range []string{"--yes", "--confirm", "unfreeze", "script", "VPSBOT_POLICY_FILE", "pty", "pseudo"} {
		require.NotRegexp(t, `(^|\W)`+way+`\b`, text) // a random id may have the letters
	}
}

// What is for a person is done by none of these ways either; what stops something is.
func TestWithoutARealTerminalNoActIsDone(t *testing.T) {
	for way := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.env["VPSBOT_LOG_LEVEL"] = "info"
			first := t.TempDir() + "/first"
			printed, code := b.without(t, way, "", "keys", "create", "first", "--out", first)
			require.Zero(t, code, "the first key of a database: %s", printed)
			require.FileExists(t, first)
			printed, code = b.without(t, way, "", "run", "servers.reboot", "web-server-01", "--json")
			require.Equal(t, 4, code, printed)
			id := approvalIn(t, printed)
			printed, code = b.without(t, way, "y\n", "approvals", "deny", id)
			if way == "pipes" {
				require.Zero(t, code, printed)
			}
			printed, code = b.without(t, way, "", "freeze")
			require.Zero(t, code, printed)
			noWayAround(t, printed)
			for _, act := range [][]string{
				{"unfreeze"},
				{"keys", "create", "second"},
				{"keys", "create", "second", "--out", first + "2"},
				{"audit", "key"},
				{"approvals", "settle", id, "done"},
				{"approvals", "approve", id},
			} {
				printed, code := b.without(t, way, "y\n", act...)
				require.NotZero(t, code, "%s: %s", act, printed)
				noWayAround(t, printed)
			}
			db := b.store(t)
			frozen, err := db.Frozen(t.Context())
			require.NoError(t, err)
			require.NotNil(t, frozen)
			made, err := db.Keys(t.Context())
			require.NoError(t, err)
			require.Len(t, made, 1)
			require.NoFileExists(t, b.env["XDG_STATE_HOME"]+"/vpsbot/audit.key")
			require.Empty(t, b.sim.Writes())
		})
	}
}

func approvalIn(t *testing.T, printed string) string {
	t.Helper()
	_, after, found := strings.Cut(printed, `"approval_id":"`)
	require.True(t, found, printed)
	id, _, _ := strings.Cut(after, `"`)
	return id
}

// A freeze tells a machine that a person must lift it, and not how: every change, over MCP and in a
// pipe, and all that says how things stand.
func TestAFreezeTellsAMachineNoWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.env["VPSBOT_LOG_LEVEL"] = "info"
	_, _, code := b.run(t.Context(), "freeze", "--reason", "incident")
	require.Zero(t, code)
	a := b.assistant(t)
	for _, op := range tools.Operations() {
		if op.IsRead() {
			continue
		}
		input := op.Examples[0]
		out, errs, code := b.run(t.Context(), append(line(t, op, input), "--json")...)
		require.Equal(t, 3, code, errs)
		require.Contains(t, out+errs, runner.LiftedByPerson)
		noWayAround(t, out+errs)
		answer := string(a.ask("tools/call", `{"name":"`+op.ToolName()+`","arguments":`+string(bytes.TrimSpace(input))+`}`))
		require.Contains(t, answer, runner.LiftedByPerson)
		noWayAround(t, answer)
	}
	for _, args := range [][]string{{"doctor"}, {"doctor", "--json"}, {"approvals", "list"}, {"approvals", "list", "--json"}, {"audit", "list", "--json"}, {"freeze"}} {
		out, errs, _ := b.run(t.Context(), args...)
		require.NotContains(t, out+errs, "vpsbot unfreeze", "%q", args)
	}
	screen, code := b.inTerminal(t, "", "run", "servers.reboot", "web-server-01")
	require.Equal(t, 3, code)
	require.Contains(t, screen, "vpsbot unfreeze lifts it", "a person is told how")
	require.Empty(t, b.sim.Writes())
}

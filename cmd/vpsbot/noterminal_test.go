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

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/tools"
)

// noTerminals are ways to start a program without a person at a real terminal.
var noTerminals = map[string]func(t *testing.T, cmd *exec.Cmd, tty, other *os.File){
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

// runWithoutTerminal runs a command in one of the ways of noTerminals, with the answers of a person in its
// input. It returns all output and the exit code.
func (b *sandbox) runWithoutTerminal(t *testing.T, way, typed string, args ...string) (printed string, code int) {
	t.Helper()
	var shown testkit.Log
	cmd := b.command(t, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(typed), &shown, &shown
	var reading sync.WaitGroup
	open := func() *os.File {
		master, tty, err := openTerminal()
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
	noTerminals[way](t, cmd, tty, other)
	require.NoError(t, cmd.Start())
	stuck := time.AfterFunc(testTimeout, func() { _ = cmd.Process.Kill() }) // it waits for an answer
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

// line returns the arguments that run an operation with an input.
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

// asking returns, by operation, inputs that need consent.
func asking() map[*tools.Op][]string {
	all := map[*tools.Op][]string{}
	for _, op := range tools.Default.Operations() {
		for _, example := range op.Examples {
			if op.Risk.NeedsConsent() {
				all[op] = append(all[op], string(example))
			}
		}
		if op.Name == "servers.update" { // which raises its risk
			all[op] = append(all[op], `{"server":"web-server-01","backups_enabled":false}`)
		}
	}
	return all
}

// flagsOf returns the flags by which a script may try to answer.
func flagsOf(op *tools.Op, name string) [][]string {
	if !op.Risk.NeedsTypedName() {
		return [][]string{nil, {"--yes"}}
	}
	return [][]string{nil, {"--yes"}, {"--confirm", name}, {"--yes", "--confirm", name}}
}

// Without a real terminal no flag and no input consents to a change: the request stays open, and its message
// names the command by which a person approves it.
func TestNoConsentWithoutATerminal(t *testing.T) {
	seen := 0
	for op, inputs := range asking() {
		for _, input := range inputs {
			seen++
			t.Run(op.Name, func(t *testing.T) {
				t.Parallel()
				b := newSandbox(t)
				b.env["VPSBOT_LOG_LEVEL"] = "info"
				command := line(t, op, []byte(input))
				out, errs, code := b.run(t.Context(), append(command, "--json")...)
				require.Equal(t, 4, code, errs)
				var asked struct{ Card struct{ Confirm string } }
				require.NoError(t, json.Unmarshal([]byte(out), &asked))
				for way := range noTerminals {
					for _, flags := range flagsOf(op, asked.Card.Confirm) {
						printed, code := b.runWithoutTerminal(t, way, "y\n"+asked.Card.Confirm+"\n", append(command, flags...)...)
						require.Equal(t, 4, code, "%s %q: %s", way, flags, printed)
						require.Contains(t, printed, "vpsbot approvals approve ", "%s %q", way, flags)
						requireNoBypass(t, printed)
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

// requireNoBypass fails for a text that names a way to do without a person: a machine may read it.
func requireNoBypass(t *testing.T, text string) {
	t.Helper()
	for _, way := range []string{"--yes", "--confirm", "unfreeze", "script", "VPSBOT_POLICY_FILE", "pty", "pseudo"} {
		require.NotRegexp(t, `(^|\W)`+way+`\b`, text) // a random id may have the letters
	}
}

// Acts of a person need a real terminal. Freezing and denying do not: they stop something.
func TestNoActWithoutATerminal(t *testing.T) {
	for way := range noTerminals {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			b := newSandbox(t)
			b.env["VPSBOT_LOG_LEVEL"] = "info"
			first := t.TempDir() + "/first"
			printed, code := b.runWithoutTerminal(t, way, "", "keys", "create", "first", "--out", first)
			require.Zero(t, code, "the first key of a database: %s", printed)
			require.FileExists(t, first)
			printed, code = b.runWithoutTerminal(t, way, "", "run", "servers.reboot", "web-server-01", "--json")
			require.Equal(t, 4, code, printed)
			id := approvalIn(t, printed)
			printed, code = b.runWithoutTerminal(t, way, "y\n", "approvals", "deny", id)
			if way == "pipes" {
				require.Zero(t, code, printed)
			}
			printed, code = b.runWithoutTerminal(t, way, "", "freeze")
			require.Zero(t, code, printed)
			requireNoBypass(t, printed)
			for _, act := range [][]string{
				{"unfreeze"},
				{"keys", "create", "second"},
				{"keys", "create", "second", "--out", first + "2"},
				{"audit", "key"},
				{"approvals", "settle", id, "done"},
				{"approvals", "approve", id},
			} {
				printed, code := b.runWithoutTerminal(t, way, "y\n", act...)
				require.NotZero(t, code, "%s: %s", act, printed)
				requireNoBypass(t, printed)
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

// A refusal by a freeze says that a person must lift it. Only at a terminal it names the command.
func TestFreezeNamesNoBypass(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_LOG_LEVEL"] = "info"
	_, _, code := b.run(t.Context(), "freeze", "--reason", "incident")
	require.Zero(t, code)
	a := b.assistant(t)
	for _, op := range tools.Default.Operations() {
		if op.IsRead() {
			continue
		}
		input := op.Examples[0]
		out, errs, code := b.run(t.Context(), append(line(t, op, input), "--json")...)
		require.Equal(t, 3, code, errs)
		require.Contains(t, out+errs, runner.LiftedByPerson)
		requireNoBypass(t, out+errs)
		answer := string(a.ask("tools/call", `{"name":"`+op.ToolName()+`","arguments":`+string(bytes.TrimSpace(input))+`}`))
		require.Contains(t, answer, runner.LiftedByPerson)
		requireNoBypass(t, answer)
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

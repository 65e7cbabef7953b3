package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
)

// task is one of an operator's day: what was there before, the command for it, and the calls of an assistant for it.
type task struct {
	title   string
	given   []string
	command string
	answer  string // typed at the question
	shows   []string
	calls   []mcpCall
}

type mcpCall struct{ tool, arguments, shows string }

func parseTasks(t *testing.T, file string) (tasks []*task) {
	t.Helper()
	for line := range strings.SplitSeq(file, "\n") {
		kind, rest, _ := strings.Cut(line, " ")
		last := len(tasks) - 1
		switch kind {
		case "#":
			tasks = append(tasks, &task{title: rest})
		case "given":
			tasks[last].given = append(tasks[last].given, rest)
		case "$":
			require.Empty(t, tasks[last].command, "%s: one command is enough", tasks[last].title)
			tasks[last].command = rest
		case "<":
			tasks[last].answer = rest
		case "mcp":
			tool, arguments, _ := strings.Cut(rest, " ")
			tasks[last].calls = append(tasks[last].calls, mcpCall{tool: tool, arguments: arguments})
		case "=":
			if calls := tasks[last].calls; len(calls) > 0 {
				calls[len(calls)-1].shows = rest
			} else {
				tasks[last].shows = append(tasks[last].shows, rest)
			}
		}
	}
	return tasks
}

// prepare makes what a task begins with.
func (b *sandbox) prepare(t *testing.T, given string) {
	t.Helper()
	words := strings.Fields(given)
	switch words[0] {
	case "stopped":
		b.sim.Edit(func(w *simulator.World) { w.Servers[12346].Status = "stopped" })
	case "backed-up": // yesterday
		b.sim.Edit(func(w *simulator.World) {
			copied := *w.Backups[501]
			copied.ID, copied.ServerID, copied.CreatedAt = 777, 12346, time.Now().UTC().AddDate(0, 0, -1)
			w.Backups[777] = &copied
		})
	case "asked", "denied": // a script asks, so that it waits
		_, errs, code := b.run(t.Context(), words[1:]...)
		require.Equal(t, 4, code, errs)
		if _, after, _ := strings.Cut(errs, "approvals approve "); words[0] == "denied" {
			_, errs, code := b.run(t.Context(), "approvals", "deny", strings.Fields(after)[0])
			require.Zero(t, code, errs)
		}
	case "readonly":
		b.env["VPSBOT_READ_ONLY"] = "true"
		_, errs, code := b.run(t.Context(), words[1:]...)
		require.Equal(t, 3, code, errs)
		delete(b.env, "VPSBOT_READ_ONLY")
	case "terminal":
		command, answer, _ := strings.Cut(strings.TrimPrefix(given, "terminal "), " / ")
		screen, code := b.inTerminal(t, answer, strings.Fields(command)...)
		require.Zero(t, code, screen)
	default:
		t.Fatalf("what is given is not known: %s", given)
	}
}

var colour = regexp.MustCompile(`\x1b\[[0-9;]*[mK]`)

// An operator's tasks take one command each, and an assistant at most two calls.
func TestTasksOfADay(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/tasks.txt")
	require.NoError(t, err)
	tasks := parseTasks(t, string(file))
	require.GreaterOrEqual(t, len(tasks), 30)
	for _, task := range tasks {
		t.Run(task.title, func(t *testing.T) {
			t.Parallel()
			prepared := func() *sandbox {
				b := newSandbox(t)
				b.env["TZ"] = "UTC"
				for _, given := range task.given {
					b.prepare(t, given)
				}
				return b
			}
			require.NotEmpty(t, task.shows)
			screen, code := prepared().inTerminal(t, task.answer, splitPlain(strings.ReplaceAll(task.command, `"`, `'`))...)
			screen = colour.ReplaceAllString(strings.ReplaceAll(screen, "\r", ""), "")
			require.Zero(t, code, screen)
			for _, shows := range task.shows {
				require.Regexp(t, regexp.MustCompile(shows), screen)
			}
			require.NotEmpty(t, task.calls)
			require.LessOrEqual(t, len(task.calls), 2)
			assistant := prepared().assistant(t)
			for _, call := range task.calls {
				answer := string(assistant.ask("tools/call", `{"name":"`+call.tool+`","arguments":`+call.arguments+`}`))
				require.Regexp(t, regexp.MustCompile(call.shows), strings.ReplaceAll(answer, `\"`, `"`), "%s %s", call.tool, call.arguments)
			}
		})
	}
}

package cli

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/command"
)

// shellWords are the arguments that a shell makes of a line.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	out, err := exec.Command("sh", "-fc", "set -- "+line+`; printf '%s\0' "$@"`).Output()
	require.NoError(t, err, line)
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// A line means the same after /vps in Slack and after vpsbot in a shell, and a mistake in it is the same mistake.
func TestSlackAndTheTerminalParseAlike(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh to split the lines")
	}
	file, err := os.ReadFile("testdata/lines.txt")
	require.NoError(t, err)
	parsed, mistakes := 0, 0
	for line := range strings.SplitSeq(strings.TrimSpace(string(file)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		inSlack, slackErr := command.Parse(nil, line)
		here, hereErr := grammar().ParseArgs(nil, shellWords(t, line))
		if slackErr == nil {
			require.NoError(t, hereErr, line)
			require.Equal(t, inSlack, here, line)
			parsed++
			continue
		}
		var theirs, ours *command.ParseError
		require.ErrorAs(t, slackErr, &theirs, line)
		require.ErrorAs(t, hereErr, &ours, line)
		withoutProgram := func(m string) string {
			return strings.NewReplacer("/vps ", "", "vpsbot ", "", ` value without a space, or status="" for an empty one`, " value").Replace(m)
		}
		require.Equal(t, withoutProgram(theirs.Message), withoutProgram(ours.Message), line)
		require.Equal(t, theirs.Suggestion, ours.Suggestion, line)
		mistakes++
	}
	require.Greater(t, parsed, 100)
	require.Greater(t, mistakes, 30)
}

// What is suggested, and what the help shows, can be typed as it stands.
func TestSpelledCommandsParse(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh to split the lines")
	}
	file, err := os.ReadFile("testdata/lines.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(file)) {
		if c, err := command.Parse(nil, strings.TrimSpace(line)); err == nil && c.Kind == command.Operation {
			again, err := grammar().ParseArgs(nil, shellWords(t, spelled(c))[1:])
			require.NoError(t, err, spelled(c))
			require.Equal(t, c, again, spelled(c))
		}
	}
}

// A suggestion repeats no flag that spares a person a question: whoever follows it may be a program.
func TestSuggestionsSpareNobodyAQuestion(t *testing.T) {
	t.Parallel()
	_, err := grammar().ParseArgs(nil, []string{"delte", "web-1", "--yes", "--confirm", "web-1"})
	wrong := (*command.ParseError)(nil)
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "vpsbot servers delete web-1", spelled(*wrong.Suggestion))
}

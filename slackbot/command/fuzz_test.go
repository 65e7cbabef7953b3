package command_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/tools"
)

// Whatever is typed: no panic; what parses has an input and one spelling that means the same;
// what does not says why in a line, and what it suggests parses.
func FuzzParse(f *testing.F) {
	for _, op := range tools.Operations() {
		f.Add(command.Usage(op))
	}
	for _, seed := range []string{
		"", "?", "ls", `servers get "My \"Server\\"`, "backups create web-1 —description ‘Bob’s box’", "freeze don't", `freeze ""x""`,
		"servrs lst", "delete backups", "restore web-1 501", "get <http://a|&amp;lt;>", "freeze &lt;http://a|b&gt;", "audit a --share",
		"create plan=1 -name=x --wait true", "why rm web-1 --csv", "freeze \"?\"", "get \xff\x00", "freeze ' & <x:y> \"", "a. .b _ = --= -",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := command.Parse(text)
		if err != nil {
			m, ok := errors.AsType[*command.Mistake](err)
			require.True(t, ok)
			checkMistake(t, m)
			return
		}
		raw, err := c.JSON()
		require.NoError(t, err)
		require.True(t, json.Valid(raw))
		checkSpelling(t, c)
	})
}

func checkSpelling(t *testing.T, c command.Command) {
	t.Helper()
	text := c.String()
	if utf8.RuneCountInString(text) > command.MaxCharacters { // short forms become longer
		return
	}
	again, err := command.Parse(text)
	require.NoError(t, err, text)
	require.Equal(t, c, again, text)
	require.Equal(t, text, again.String())
}

func checkMistake(t *testing.T, m *command.Mistake) {
	t.Helper()
	require.NotEmpty(t, m.Says)
	require.Less(t, utf8.RuneCountInString(m.Says), 400)
	require.True(t, utf8.ValidString(m.Says))
	require.Negative(t, strings.IndexFunc(m.Says, unicode.IsControl), "%q", m.Says)
	if m.Suggestion == "" {
		require.False(t, m.Reads)
		return
	}
	c, err := command.Parse(m.Suggestion)
	require.NoError(t, err, m.Suggestion)
	require.Equal(t, m.Suggestion, c.String())
	changes := c.Kind == command.Operation && !c.Op.IsRead() || c.Kind == command.Freeze || c.Kind == command.Unfreeze
	require.Equal(t, !changes, m.Reads, m.Suggestion)
}

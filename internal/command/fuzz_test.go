package command_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/tools"
)

// Whatever is typed: no panic; what parses has an input and one spelling that means the same;
// what does not says why in a line, and what it suggests parses.
func FuzzParse(f *testing.F) {
	for _, op := range tools.Default.Operations() {
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
		c, err := command.Parse(nil, text)
		if err != nil {
			wrong, ok := errors.AsType[*command.ParseError](err)
			require.True(t, ok)
			checkError(t, wrong)
			return
		}
		if c.Op != nil {
			raw, err := c.JSON()
			require.NoError(t, err)
			require.True(t, json.Valid(raw))
		}
		checkSpelling(t, c)
	})
}

func checkSpelling(t *testing.T, c command.Command) {
	t.Helper()
	text := c.String()
	if utf8.RuneCountInString(text) > command.MaxCharacters { // short forms become longer
		return
	}
	again, err := command.Parse(nil, text)
	require.NoError(t, err, text)
	require.Equal(t, c, again, text)
	require.Equal(t, text, again.String())
}

func checkError(t *testing.T, wrong *command.ParseError) {
	t.Helper()
	require.NotEmpty(t, wrong.Message)
	require.Less(t, utf8.RuneCountInString(wrong.Message), 400)
	require.True(t, utf8.ValidString(wrong.Message))
	require.Negative(t, strings.IndexFunc(wrong.Message, unicode.IsControl), "%q", wrong.Message)
	if wrong.Suggestion != nil {
		checkSpelling(t, *wrong.Suggestion)
	}
}

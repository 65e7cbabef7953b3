package cli

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/policy"
)

// eachPage calls do with every command of the tree, operations and topics among them.
func eachPage(t *testing.T, do func(*testing.T, *cobra.Command)) {
	t.Helper()
	seen := 0
	eachCommand(Tree(nil), func(cmd *cobra.Command) {
		seen++
		t.Run(cmd.CommandPath(), func(t *testing.T) { do(t, cmd) })
	})
	require.Greater(t, seen, 60, "the tree is not whole")
}

// A page of help fits into 80 columns, and can be copied from.
func TestHelpFitsIntoATerminal(t *testing.T) {
	eachPage(t, func(t *testing.T, cmd *cobra.Command) {
		page := helpPage(cmd)
		for line := range strings.Lines(page) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), helpWidth, line)
		}
		require.NotRegexp(t, `[“”‘’„«]`, page)
		require.NotContains(t, page, "\n\n\n")
		require.NotEmpty(t, cmd.Short)
		require.LessOrEqual(t, len(cmd.Short), 64)
		require.NotRegexp(t, `\.$`, cmd.Short)
	})
}

func TestWrap(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100)
	require.Equal(t, "  a\n  "+long+"\n  b c", wrap("a "+long+"\n b   c", "  "))
	require.Equal(t, strings.Repeat("é ", 39)+"é\né", reflow(strings.Repeat("é\n", 41)))
	require.Equal(t, "a b\n  c\n  d\n\ne", reflow("a\nb\n  c\n  d\n\ne\n"))
	line := "  vpsbot x --a " + strings.Repeat("y", 40) + " --b " + strings.Repeat("z", 40)
	require.Equal(t, "  vpsbot x --a "+strings.Repeat("y", 40)+" \\\n      --b "+strings.Repeat("z", 40), exampleLines(line))
	require.Equal(t, "a\n  b   "+strings.Repeat("c ", 36)+"c\n      c c", reflow("a\n  b   "+strings.Repeat("c ", 39)))
	require.Equal(t, "  vpsbot "+long, exampleLines("  vpsbot "+long))
}

// The policy that help shows is one that can be in force, and passes its own tests.
func TestThePolicyOfHelp(t *testing.T) {
	t.Parallel()
	_, block, _ := strings.Cut(helpText("policy"), "\n\n")
	block, _, _ = strings.Cut(block, "\n\n")
	document, err := policy.Load([]byte(strings.ReplaceAll(block, "\n  ", "\n")[2:]+"\n"), app.PolicyOperations(nil))
	require.NoError(t, err)
	require.Empty(t, document.Warnings)
	require.Len(t, document.Tests, 1)
	require.Empty(t, document.RunTests())
}

// The topic of the environment has each variable of the system that this package reads.
func TestTheVariablesOfTheSystem(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	environment, _ := descend(Tree(nil), []string{"environment"})
	found := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`ookup\("([A-Z_]+)"\)|Getenv\("([A-Z_]+)"\)`).FindAllStringSubmatch(string(source), -1) {
			if m[2] == "GOGC" { // of Go itself
				continue
			}
			found++
			require.Regexp(t, `(?m)^  (\w+, )*`+m[1]+m[2]+`(,|$)`, environment.Long, file)
		}
	}
	require.Greater(t, found, 2)
}

// docs/commands.md and the topic have the same exit codes.
func TestTheDocsHaveTheExitCodes(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/commands.md")
	require.NoError(t, err)
	require.Contains(t, strings.ReplaceAll(string(page), "\n", " "), exitCodeLine())
}

var wordsOfLine = regexp.MustCompile(`'[^']*'|\S+`)

// typed are the words that a shell makes of a line of help, without variables before it and what is behind > or |.
func typed(t *testing.T, line string) []string {
	t.Helper()
	before, after, _ := strings.Cut(line, "vpsbot ")
	for word := range strings.FieldsSeq(before) {
		require.Regexp(t, "^(VPS|VPSBOT)_[A-Z_]+=", word, line)
	}
	after, _, _ = strings.Cut(after, "   ") // what it is for
	words := wordsOfLine.FindAllString(after, -1)
	if end := slices.IndexFunc(words, func(w string) bool { return w == ">" || w == "|" }); end >= 0 {
		words = words[:end]
	}
	for i := range words {
		words[i] = strings.Trim(words[i], "'")
	}
	return words
}

// checkTyped fails for words that the program would refuse as mistyped.
func checkTyped(t *testing.T, root *cobra.Command, line string) {
	t.Helper()
	words := typed(t, line)
	if asked, isOperation := asWords(root, words); isOperation {
		_, err := grammar().ParseArgs(nil, asked)
		require.NoError(t, err, line)
		return
	}
	cmd, args, err := root.Find(words)
	require.NoError(t, err, line)
	require.True(t, cmd.HasParent(), line)
	require.NoError(t, cmd.ParseFlags(args), line)
	require.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), line)
}

// Every command that does something has an example, and each can be typed.
func TestExamples(t *testing.T) {
	tried := 0
	bare := func() *cobra.Command { // as it is before there are pages, and without the flags of another example
		return rootCommand(testSession(IO{Out: io.Discard, Err: io.Discard}).cli, nil)
	}
	eachPage(t, func(t *testing.T, cmd *cobra.Command) {
		for line := range strings.Lines(examplesOf(cmd)) {
			tried++
			require.Equal(t, "  ", line[:2])
			checkTyped(t, bare(), line)
		}
		isShell := cmd.HasParent() && cmd.Parent().Name() == "completion" // cobra's, with examples in the text
		if cmd.Runnable() && !strings.Contains(cmd.Use, "COMMAND") && !isShell && cmd.Name() != "completion" {
			require.NotEmpty(t, examplesOf(cmd))
		}
	})
	require.Greater(t, tried, 100)
	for line := range strings.Lines(helpText("examples")) {
		if strings.TrimSpace(line) != "" {
			checkTyped(t, bare(), line)
		}
	}
}

// What topics show can be typed, too.
func TestTopicsShowWhatCanBeTyped(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, cmd := range append(topics(), &cobra.Command{Long: helpText("vpsbot")}) {
		for _, line := range regexp.MustCompile(`(?m)^  ([A-Z_]+=\S+ )*vpsbot .*`).FindAllString(cmd.Long, -1) {
			seen++
			checkTyped(t, rootCommand(testSession(IO{Out: io.Discard, Err: io.Discard}).cli, nil), line)
		}
	}
	require.Greater(t, seen, 5)
}

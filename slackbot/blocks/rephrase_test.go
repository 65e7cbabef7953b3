package blocks

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// foreign is what no text in Slack has in it.
var foreign = regexp.MustCompile(`\b(slack|key|local):[A-Za-z0-9]|\b(\d+h)?\d+m\d+s\b|\d\d:\d\d:\d\d UTC|\b(GET|POST|PUT|PATCH|DELETE) /|\(status \d{3}\)` +
	`|\bvpsbot (approvals|audit|keys|policy|operations|doctor|store|freeze|unfreeze|run|serve|slack)\b` +
	`|(^|[^/\w.-])(servers|backups|snapshots|plans|domains|dns|account)\.(list|get|create|update|replace|delete|start|stop|reboot|restore|zones)\b`)

// Every text in the source of the Runner, the catalogue, the policy, the client or the bot is rephrased for Slack,
// whatever it is filled with.
func TestEveryTextIsRephrasedForSlack(t *testing.T) {
	t.Parallel()
	verbs := regexp.MustCompile(`(%[-+#.0-9]*[a-zA-Z])+`)
	seen := 0
	for _, dir := range []string{"../../internal/runner", "../../tools", "../../permissions", "../../apiclient", "..", "../../internal/command"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files, dir)
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			for _, text := range sentences(t, path) {
				for _, filling := range []string{"“web-1”", "slack:U024BE7LH", "servers.list", "10m0s", "2026-03-01 12:00:00 UTC", "409"} {
					seen++
					filled := verbs.ReplaceAllLiteralString(strings.ReplaceAll(text, "`%s`", "`/vps`"), filling) // a command of Slack's
					if shown := string(sentence(filled)); foreign.MatchString(shown) {
						t.Errorf("%s: %q is shown as %q", path, filled, shown)
					}
				}
			}
		}
	}
	require.Greater(t, seen, 1000)
}

// sentences are those among the strings of a file: what operations describe and examples are among
// them, what only programs read is not.
func sentences(t *testing.T, path string) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec, *ast.Field: // tags
			return false
		case *ast.KeyValueExpr:
			if name, ok := n.Key.(*ast.Ident); ok && name.Name == "Request" {
				return false // of the API; the reference page has it
			}
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && strings.Count(text, " ") > 1 {
				all = append(all, text)
			}
		}
		return true
	})
	return all
}

func TestRephrase(t *testing.T) {
	t.Parallel()
	for says, want := range map[string]string{
		"all changes are frozen by slack:U024BE7LH since 2026-03-01 12:00:00 UTC: “wait”; a person must lift it": "all changes are frozen by <@U024BE7LH> since <!date^1772366400^{date_short_pretty} {time}|2026-03-01 12:00 UTC>: “wait”; `/vps unfreeze` lifts it",
		"no rule of the policy allows it to slack:U024BE7LH from slack:C061EG9SL":                                "no rule of the policy allows it to <@U024BE7LH> from <#C061EG9SL>",
		"no rule allows it to key:ci from mcp":                                                                   "no rule allows it to key ci from mcp",
		"another change is running: stop web-1 (approval abc); try again":                                        "another change is running: stop web-1; try again",
		"servers.list shows them all":                                                                            "`/vps servers list` shows them all",
		"DELETE /servers/1/: VPS.org says no (status 409): locked":                                               "VPS.org says no: locked",
		"it waits 10m0s, 40s or 1h0m0s":                                                                          "it waits 10 min 0 s, 40 s or 1 h 0 min",
		"it was “slack:U024BE7LH, vpsbot unfreeze, servers.list, 10m0s `x` _y_”":                                 "it was “slack:U024BE7LH, vpsbot unfreeze, servers.list, 10m0s ʼxʼ ＿y＿”",
		"slack:U024BE7LH<!channel>":                                                                              "slack:U024BE7LH&lt;!channel&gt;",
		"add `files:write`, and ` one":                                                                           "add `files:write`, and ʼ one",
		"A person must look, and then say so at a terminal: vpsbot approvals settle x done|not_applied":          "A person must look, and an administrator of vpsbot then records what became of it.",
	} {
		require.Equal(t, want, string(sentence(says)), says)
	}
}

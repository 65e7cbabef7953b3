package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/vpsbot/vpsbot/"

// mayImport is the direction of imports: what each package may import of ours. What is not
// listed may import nothing of ours.
var mayImport = map[string][]string{
	"cmd/vpsbot":          {"internal/cli"},
	"internal/manpages":   {"internal/cli"},
	"internal/cli":        {"internal/trace", "internal/background", "internal/app", "internal/install", "internal/profile", "internal/command", "internal/doctor", "internal/fieldtext", "internal/backoff", "internal/redact", "internal/text", "internal/runner", "tools", "permissions", "apiclient", "apiclient/simulator", "internal/approval", "internal/audit", "internal/config", "internal/keys", "internal/policy", "internal/store", "slackbot"},
	"internal/doctor":     {"internal/app", "slackbot/transport", "slackbot/webapi", "internal/text", "permissions", "apiclient", "internal/approval", "internal/audit", "internal/keys", "internal/config", "internal/store", "slackbot"},
	"internal/app":        {"internal/trace", "internal/profile", "internal/systemd", "internal/background", "internal/backoff", "internal/ttl", "internal/redact", "internal/text", "internal/runner", "tools", "permissions", "apiclient", "apiclient/simulator", "internal/mcpserver", "internal/approval", "internal/audit", "internal/keys", "internal/config", "internal/policy", "internal/liveness", "internal/observe", "internal/store", "slackbot", "slackbot/transport"},
	"internal/observe":    {"internal/ttl", "apiclient", "internal/approval", "internal/store", "slackbot/transport", "slackbot/webapi"},
	"slackbot":            {"internal/trace", "internal/background", "internal/seal", "internal/ttl", "internal/text", "internal/runner", "tools", "permissions", "internal/approval", "internal/delivery", "internal/audit", "slackbot/blocks", "slackbot/transport", "internal/command", "slackbot/inbox", "slackbot/messages", "slackbot/webapi", "internal/fieldtext"},
	"slackbot/messages":   {"internal/fieldtext", "internal/background", "internal/ttl", "internal/backoff", "internal/seal", "internal/runner", "tools", "permissions", "internal/approval", "internal/delivery", "internal/audit", "slackbot/blocks", "internal/command", "slackbot/webapi"},
	"slackbot/inbox":      {"internal/background", "internal/delivery", "internal/seal", "slackbot/transport"},
	"slackbot/webapi":     {"internal/backoff", "internal/ttl", "internal/text", "slackbot/blocks"},
	"slackbot/blocks":     {"internal/text", "internal/runner", "tools", "permissions", "internal/approval", "internal/audit", "internal/command", "internal/fieldtext"},
	"internal/command":    {"internal/text", "tools", "internal/fieldtext"},
	"internal/fieldtext":  {"tools"},
	"internal/mcpserver":  {"internal/trace", "internal/background", "internal/audit", "internal/backoff", "internal/ttl", "internal/redact", "internal/text", "internal/runner", "tools", "permissions", "internal/approval", "apiclient", "internal/ttl"},
	"permissions":         {"internal/text"},
	"apiclient/simulator": {"internal/backoff"},
	"slackbot/transport":  {"internal/backoff", "internal/redact"},
	"apiclient":           {"internal/backoff", "internal/redact", "internal/text"},
	"tools":               {"internal/text", "permissions", "apiclient"},
	"internal/runner":     {"internal/trace", "internal/ttl", "internal/redact", "internal/backoff", "internal/text", "tools", "permissions", "apiclient", "internal/approval", "internal/audit", "internal/liveness"},
	"internal/approval":   {"internal/text", "internal/audit", "internal/liveness", "permissions"},
	"internal/audit":      {"internal/text", "permissions"},
	"internal/keys":       {"internal/audit"},
	"internal/store":      {"internal/trace", "internal/backoff", "internal/text", "internal/approval", "internal/delivery", "internal/audit", "internal/keys", "internal/liveness"},
	"internal/profile":    {"internal/config", "internal/text"},
	"internal/config":     {"internal/redact", "internal/text", "permissions"},
	"internal/policy":     {"internal/text", "permissions"},
	"internal/trace":      {"internal/backoff"},

	// For tests alone.
	"internal/testkit":          {"apiclient/simulator"},
	"internal/testkit/bigstore": {"internal/approval", "internal/audit", "internal/store"},
	"internal/testkit/volumes":  {"internal/text", "apiclient", "permissions", "tools"},
	"internal/store/pgtest":     {"internal/store", "internal/store/storetest"},
	"internal/store/storetest":  {"internal/store"},
}

// onlyImporter lists libraries that these packages alone may import, with those below them, so that
// the others do not come to depend on their types.
var onlyImporter = map[string][]string{
	"github.com/mark3labs/mcp-go": {"internal/mcpserver"},
	"github.com/slack-go/slack":   {"slackbot"},
	"modernc.org/sqlite":          {"internal/store"},
	"github.com/pressly/goose":    {"internal/store"},
	"github.com/spf13/cobra":      {"internal/cli"},
	"github.com/hashicorp":        {"apiclient"},
	"github.com/sony/gobreaker":   {"apiclient"},
	"github.com/goccy/go-yaml":    {"internal/policy"},
	"github.com/jackc":            {"internal/store"},
	"github.com/zalando":          {"internal/profile"},
	"github.com/VictoriaMetrics":  {"internal/observe"},
	"github.com/tailscale/hujson": {"internal/install"},
	"github.com/pelletier":        {"internal/install"},
	"go.opentelemetry.io":         {"internal/trace"},

	// Templates call methods by name: the linker then keeps each method of each type, and the program grows by 5 MB.
	"text/template": {},
	"html/template": {},
}

func TestImportsPointOneWay(t *testing.T) {
	eachSource(t, parser.ImportsOnly, func(s source) {
		for _, imported := range s.Imports {
			name, err := strconv.Unquote(imported.Path.Value)
			require.NoError(t, err)
			if ours, ok := strings.CutPrefix(name, module); ok && ours != s.dir {
				require.True(t, slices.Contains(mayImport[s.dir], ours), "%s imports %s: imports point one way", s.path, ours)
			}
			for library, owners := range onlyImporter {
				within := slices.ContainsFunc(owners, func(owner string) bool { return s.dir == owner || strings.HasPrefix(s.dir, owner+"/") })
				require.False(t, strings.HasPrefix(name, library) && !within, "%s imports %s: only %s may", s.path, name, owners)
			}
		}
	})
}

// source is a parsed Go file.
type source struct {
	*ast.File
	set       *token.FileSet
	path, dir string // dir is relative to the root
}

// eachSource calls do for every Go file of the project that is no test.
func eachSource(t *testing.T, mode parser.Mode, do func(source)) {
	t.Helper()
	eachFile(t, func(path, dir string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, mode)
		require.NoError(t, err)
		do(source{file, set, path, dir})
	})
}

// eachFile calls do for every Go file of the project, with its folder relative to the root.
func eachFile(t *testing.T, do func(path, dir string)) {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	seen := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") && path != root {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		seen++
		do(path, filepath.ToSlash(dir))
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, seen, 50, "the rules looked in the wrong place")
}

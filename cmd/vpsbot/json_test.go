package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/cli"
)

// printingData are commands that print data, each with -o, in an order in which all of them succeed but for the last.
// Several that begin with the same words have their fields together in testdata/schema.json.
var printingData = []string{
	"servers list", "servers get web-server-01", "plans list", "domains list", "dns zones", "account get", "backups list", "snapshots list",
	"operations --all", "doctor", "version", "why reboot web-server-01",
	"servers create --name web-server-02 --plan-id 1 --os-id 5 --location us-west --yes --wait",
	"servers update web-server-01 --hostname web.example.com", "servers update web-server-01 --name web-1 --dry-run",
	"servers replace web-server-01 --name web-server-01 --hostname web01.example.com --backups-enabled=true",
	"servers stop db-server-01 --yes --wait", "servers start db-server-01 --wait", "servers reboot db-server-01 --yes --wait", "servers reboot db-server-01",
	"backups create web-server-01", "servers restore web-server-01 --backup-id 501 --confirm web-server-01 --wait", "backups delete 495 --confirm 495",
	"snapshots create web-server-01 --name before --wait", "snapshots restore 7001 --confirm web-server-01 --wait", "snapshots delete 7001 --confirm nightly-a",
	"servers delete web-server-02 --dry-run", "servers delete web-server-02 --confirm web-server-02",
	"approvals list --all", "approvals show LAST", "audit list", "audit show LAST", "audit verify",
	"keys create lead-laptop --expires 2099-01-31 --out lead.key", "keys list", "keys revoke lead-laptop",
	"policy check policy.yaml", "policy explain --file policy.yaml --who lead --where terminal servers.delete web-server-01",
	"profile list", "profile show company", "profile use company", "logout",
	"freeze --reason strange", "unfreeze", "store backup copy.db", "store prune --before 2020-01-31T00:00:00Z", "audit key --out audit.key",
	"servers get nobody",
}

// notTried are commands that print data and are not in printingData.
var notTried = map[string]string{
	"vpsbot login": "needs a token: login.txtar", "vpsbot store migrate": "needs PostgreSQL", "vpsbot health": "needs vpsbot serve",
	"vpsbot install": "writes the file of another program", "vpsbot uninstall": "writes the file of another program",
	"vpsbot approvals approve": inAScript, "vpsbot approvals deny": inAScript, "vpsbot approvals cancel": inAScript, "vpsbot approvals settle": inAScript,
	"vpsbot audit key accept": "needs a restored log: restored.txtar",
}

const inAScript = "prints what approvals show does: approvals.txtar"

// noData are commands without the flag -o, and what they print.
var noData = map[string]string{
	"vpsbot": "help", "vpsbot help": "help", "vpsbot run": "words, which have the flag", "vpsbot why": "words, which have the flag",
	"vpsbot mcp": "the protocol", "vpsbot serve": "a log", "vpsbot simulator": "a log", "vpsbot audit export": "JSON", "vpsbot slack manifest": "JSON",
}

// freePolicy lets the key of the test answer by flags, and do what else is for a person.
const freePolicy = `version: 1
people: [{id: ada, keys: [ada]}]
rules:
  - {name: all, effect: allow, who: [ada]}
  - {name: acts, effect: allow, who: ["key:ada"], operations: [approvals.settle, freeze.lift, keys.create, audit.key]}
confirm: {disruptive: [terminal, script], destructive: [terminal, script], billable: [terminal, script]}
budgets: {deletions: 10/10m, destructive: 20/1h}
`

// What -o json prints is JSON, -o yaml prints the same value, and the fields' names and types are those that scripts
// depend on.
func TestJSONIsGolden(t *testing.T) {
	t.Parallel()
	formats := []string{"json", "yaml"}
	printed := make([][]string, len(formats))
	t.Run("print", func(t *testing.T) {
		for i, format := range formats {
			t.Run(format, func(t *testing.T) {
				t.Parallel()
				printed[i] = printData(t, format)
			})
		}
	})
	if t.Failed() {
		return
	}
	got := map[string]map[string]string{}
	for i, line := range printingData {
		command := commandName.FindString(line)
		if i == len(printingData)-1 {
			command = "any command that fails"
		}
		fields := got[command]
		if fields == nil {
			fields = map[string]string{}
			got[command] = fields
		}
		value := jsonValue(t, line, printed[0][i])
		var same any
		if i < len(printingData)-1 {
			require.NoError(t, yaml.Unmarshal([]byte(printed[1][i]), &same), "%s -o yaml: %s", line, printed[1][i])
			require.Equal(t, plainJSON(t, value), plainJSON(t, same), "%s -o yaml", line)
		}
		addFields(fields, "", value)
	}
	compareSchema(t, got)
}

// printData runs printingData, and returns what each prints on stdout, with what differs from run to run replaced; of
// the last, which fails, what it prints on stderr.
func printData(t *testing.T, format string) (printed []string) {
	p := newPlaying(t, 0)
	p.env["VPSBOT_POLICY_FILE"] = filepath.Join(p.dir, "free.yaml")
	require.NoError(t, os.WriteFile(p.env["VPSBOT_POLICY_FILE"], []byte(freePolicy), 0o600))
	for i, line := range printingData {
		words := strings.Fields(line)
		if at := slices.Index(words, "LAST"); at > 0 {
			ids, _, _ := p.run(t.Context(), "approvals", "list", "--all", "-o", "name")
			words[at] = strings.Fields(ids)[0]
		}
		cmd := p.command(t, append(words, "-o", format)...)
		cmd.Dir = p.dir
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		exit, failed := errors.AsType[*exec.ExitError](err)
		switch {
		case i == len(printingData)-1:
			require.True(t, failed, line)
			out = []byte(errs.String())
		case failed && exit.ExitCode() == 4 && len(out) > 0: // asks for a person, and says what
		default:
			require.NoError(t, err, "%s: %s%s", line, out, &errs)
		}
		printed = append(printed, string(out))
	}
	usual := p.usual()
	for i := range printed {
		printed[i] = usual(printed[i])
	}
	return printed
}

// jsonValue reads the output of a command: a value, or a list of one value a line.
func jsonValue(t *testing.T, command, out string) (value any) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) > 1 {
		out = "[" + strings.Join(lines, ",") + "]"
	}
	require.NoError(t, json.Unmarshal([]byte(out), &value), "%s -o json: %s", command, out)
	return value
}

// plainJSON is a value as JSON, whose objects have their fields in order.
func plainJSON(t *testing.T, value any) string {
	t.Helper()
	raw, err := json.MarshalIndent(value, "", " ")
	require.NoError(t, err)
	return string(raw)
}

var commandName = regexp.MustCompile(`^[a-z]+( [a-z]+)?`)

// byOperation are fields whose fields differ with the operation or the profile, and are its own.
var byOperation = []string{"input", "arguments", "input_schema", "output_schema", "variables"}

// addFields adds the paths of the fields in a value, and their types.
func addFields(fields map[string]string, path string, value any) {
	kind := fmt.Sprintf("%T", value)
	switch v := value.(type) {
	case nil:
		kind = "null"
	case map[string]any:
		kind = "object"
		for name, inner := range v {
			if slices.Contains(byOperation, path[strings.LastIndexByte(path, '.')+1:]) {
				break
			}
			addFields(fields, strings.TrimPrefix(path+"."+name, "."), inner)
		}
	case []any:
		kind = "list"
		for _, inner := range v {
			addFields(fields, path+"[]", inner)
		}
	case float64:
		kind = "number"
	}
	if path == "" {
		path = "."
	}
	if before := fields[path]; before != "" && !slices.Contains(strings.Split(before, " or "), kind) {
		kinds := append(strings.Split(before, " or "), kind)
		slices.Sort(kinds)
		kind = strings.Join(kinds, " or ")
	} else if before != "" {
		kind = before
	}
	fields[path] = kind
}

// compareSchema compares the fields of each command with testdata/schema.json.
func compareSchema(t *testing.T, got map[string]map[string]string) {
	t.Helper()
	path := filepath.Join("testdata", "schema.json")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(plainJSON(t, got)+"\n"), 0o644))
		return
	}
	raw, err := os.ReadFile(path)
	require.NoError(t, err, "-update writes it")
	var want map[string]map[string]string
	require.NoError(t, json.Unmarshal(raw, &want))
	for _, command := range slices.Sorted(maps.Keys(want)) {
		for _, field := range slices.Sorted(maps.Keys(want[command])) {
			if kind := cmp.Or(got[command][field], "gone"); kind != want[command][field] {
				t.Errorf("vpsbot %s -o json: the field %s was %s and is now %s; scripts depend on it", command, field, want[command][field], kind)
			}
		}
	}
	for command, fields := range got {
		for field := range fields {
			if want[command][field] == "" {
				t.Errorf("vpsbot %s -o json: the field %s is new; from now on scripts depend on it: go test ./cmd/vpsbot -run TestJSONIsGolden -update", command, field)
			}
		}
	}
}

// Each command that prints a result has the flag -o, and each with it is in printingData.
func TestJSONOfEveryCommand(t *testing.T) {
	t.Parallel()
	root := cli.Tree(nil)
	tried := maps.Clone(notTried)
	for _, line := range printingData {
		if cmd, _, err := root.Find(strings.Fields(line)); err == nil {
			tried[cmd.CommandPath()] = "is tried"
		}
	}
	walkCommands(root, func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if cmd.Runnable() && !cmd.HasSubCommands() && cmd.GroupID != "short" && cmd.Flags().Lookup("output") != nil && !strings.HasPrefix(path, "vpsbot run ") {
			require.NotEmpty(t, tried[path], "printingData lacks %s", path)
		} else if cmd.Runnable() && !cmd.HasSubCommands() && cmd.Flags().Lookup("output") == nil && !strings.HasPrefix(path, "vpsbot completion ") {
			require.NotEmpty(t, noData[path], "%s has no flag -o", path)
		}
	})
}

// A program such as jq reads it from a pipe.
func TestJQReadsJSON(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("there is no jq")
	}
	b := newSandbox(t)
	cmd := exec.Command("sh", "-c", `vpsbot servers list -o json | jq -r '.results[] | select(.status == "active") | .name'`)
	cmd.Env = b.environ()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, "web-server-01\ndb-server-01\n", string(out))
}

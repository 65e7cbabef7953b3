package command_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/tools"
)

var update = flag.Bool("update", false, "write the golden files")

// What settles later is waited for, unless the command says otherwise or changes nothing.
func TestJSON(t *testing.T) {
	for typed, want := range map[string]string{
		"ls limit=5 offset=10 --share":    `{"limit":5,"offset":10}`,
		"update web-1 backups_enabled=no": `{"backups_enabled":false,"server":"web-1"}`,
		"reboot web-1":                    `{"server":"web-1","wait":true}`,
		"reboot web-1 --wait":             `{"server":"web-1","wait":true}`,
		"reboot web-1 --wait=false":       `{"server":"web-1","wait":false}`,
		"reboot web-1 --dry-run":          `{"dry_run":true,"server":"web-1"}`,
		"reboot web-1 --dry-run=maybe":    `{"dry_run":"maybe","server":"web-1"}`,
		"reboot web-1 --dry-run=false":    `{"dry_run":false,"server":"web-1","wait":true}`,
		"delete web-1":                    `{"server":"web-1"}`,
		"why reboot web-1":                `{"server":"web-1"}`,
	} {
		raw, err := parse(t, typed).JSON()
		require.NoError(t, err)
		require.Equal(t, want, string(raw), typed)
	}
}

func TestEveryExampleCanBeTyped(t *testing.T) {
	for _, op := range tools.Default.Operations() {
		for _, raw := range op.Examples {
			values, err := fieldtext.Decode(raw)
			require.NoError(t, err)
			c := command.Command{Kind: command.Operation, Op: op, Input: values}
			got := parse(t, c.String())
			require.Equal(t, c, got)
			require.Empty(t, got.Missing())
		}
	}
}

// Each field of each operation can be typed in each way, and the operation by each of its names.
func TestEveryFieldCanBeTyped(t *testing.T) {
	values := map[tools.Kind]string{tools.Boolean: "false", tools.Integer: "7"}
	for _, op := range tools.Default.Operations() {
		for _, field := range op.Fields {
			value := values[field.Kind]
			if value == "" {
				value = "x 1"
			}
			want := command.Command{Kind: command.Operation, Op: op, Input: map[string]string{field.Name: value}}
			for _, way := range []string{op.Name, op.ToolName(), want.String()[:len(op.Name)]} {
				require.Equal(t, want, parse(t, way+` `+field.Name+`="`+value+`"`))
				require.Equal(t, want, parse(t, way+` --`+fieldtext.Flag(field.Name)+`='`+value+`'`))
				if field.Kind != tools.Boolean {
					require.Equal(t, want, parse(t, way+` —`+fieldtext.Flag(field.Name)+` “`+value+`”`))
				}
			}
		}
	}
}

func TestUsage(t *testing.T) {
	var all strings.Builder
	for _, op := range tools.Default.Operations() {
		usage := command.Usage(op)
		all.WriteString(usage + "\n")
		for _, field := range op.Fields {
			require.True(t, strings.Contains(usage, field.Name) || strings.Contains(usage, fieldtext.Flag(field.Name)) ||
				strings.Contains(usage, strings.ToUpper(field.Name)), "%s: %s", usage, field.Name)
		}
	}
	const golden = "testdata/usage.txt"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(all.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), all.String(), "if that is meant, go test ./internal/command -update")
}

package command_test

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/tools"
)

func TestJSON(t *testing.T) {
	for typed, want := range map[string]string{
		"":                                 `{}`,
		"help":                             `{}`,
		"freeze now":                       `{}`,
		"ls":                               `{}`,
		"ls limit=5 offset=10":             `{"limit":5,"offset":10}`,
		"ls limit=many":                    `{"limit":"many"}`,
		"ls limit=99999999999999999":       `{"limit":99999999999999999}`,
		"ls limit=99999999999999999999999": `{"limit":"99999999999999999999999"}`,
		"get 12345":                        `{"server":"12345"}`,
		`get "a \"b\" <c>"`:                `{"server":"a \"b\" <c>"}`,
		"update web-1 backups_enabled=no":  `{"backups_enabled":false,"server":"web-1"}`,
		"update web-1 backups_enabled=2":   `{"backups_enabled":"2","server":"web-1"}`,
		"reboot web-1":                     `{"server":"web-1","wait":true}`,
		"reboot web-1 --wait":              `{"server":"web-1","wait":true}`,
		"reboot web-1 --wait=false":        `{"server":"web-1","wait":false}`,
		"reboot web-1 --dry-run":           `{"dry_run":true,"server":"web-1"}`,
		"reboot web-1 --dry-run=maybe":     `{"dry_run":"maybe","server":"web-1"}`,
		"reboot web-1 --dry-run=false":     `{"dry_run":false,"server":"web-1","wait":true}`,
		"delete web-1":                     `{"server":"web-1"}`,
		"why reboot web-1":                 `{"server":"web-1"}`,
		"ls --share --csv":                 `{}`,
	} {
		raw, err := parse(t, typed).JSON()
		require.NoError(t, err)
		require.Equal(t, want, string(raw), typed)
	}
	_, err := command.Command{Input: map[string]string{"x": "\xff"}}.JSON()
	require.Error(t, err)
}

// commandOf makes the command of an input, as a form would.
func commandOf(t *testing.T, op *tools.Op, raw []byte) command.Command {
	t.Helper()
	var values map[string]any
	require.NoError(t, json.Unmarshal(raw, &values))
	c := command.Command{Kind: command.Operation, Op: op, Input: map[string]string{}}
	for name, value := range values {
		switch value := value.(type) {
		case string:
			c.Input[name] = value
		case bool:
			c.Input[name] = map[bool]string{true: "true", false: "false"}[value]
		default:
			t.Fatalf("%s: %v is neither text nor boolean", op.Name, value)
		}
	}
	return c
}

func TestEveryExampleCanBeTyped(t *testing.T) {
	for _, op := range tools.Operations() {
		for _, raw := range op.Examples {
			c := commandOf(t, op, raw)
			c.Input["wait"] = "false"
			if !op.Settles {
				delete(c.Input, "wait")
			}
			got := parse(t, c.String())
			require.Equal(t, c, got)
			require.Empty(t, got.Missing())
			delete(got.Input, "wait")
			got.Kind = command.Why // asks for no waiting
			typed, err := got.JSON()
			require.NoError(t, err)
			require.JSONEq(t, string(raw), string(typed), c)
		}
	}
}

// Each field of each operation can be typed in each way, and the operation by each of its names.
func TestEveryFieldCanBeTyped(t *testing.T) {
	values := map[tools.Kind]string{tools.Boolean: "false", tools.Integer: "7"}
	for _, op := range tools.Operations() {
		for _, field := range op.Fields {
			value := values[field.Kind]
			if value == "" {
				value = "x 1"
			}
			want := command.Command{Kind: command.Operation, Op: op, Input: map[string]string{field.Name: value}}
			for _, way := range []string{op.Name, op.ToolName(), want.String()[:len(op.Name)]} {
				require.Equal(t, want, parse(t, way+` `+field.Name+`="`+value+`"`))
				require.Equal(t, want, parse(t, way+` --`+hyphens(field.Name)+`='`+value+`'`))
				if field.Kind != tools.Boolean {
					require.Equal(t, want, parse(t, way+` —`+hyphens(field.Name)+` “`+value+`”`))
				}
			}
		}
	}
}

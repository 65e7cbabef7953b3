package command_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/tools"
)

var shell = command.Grammar{Program: "vpsbot", Own: []command.Flag{
	{Field: tools.Field{Name: "output", Kind: tools.Text}, Short: "o"},
	{Field: tools.Field{Name: "sort", Kind: tools.Text}, For: (*tools.Op).IsList, Says: "is for lists"},
	{Field: tools.Field{Name: "yes", Kind: tools.Boolean}, For: func(op *tools.Op) bool { return !op.IsRead() }, Says: "is for changes", Quiet: true},
}}

// The words of a shell have lost their quotes: what stood in them is one word.
func TestArgs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args       []string
		means      string
		output, by string
	}{
		{[]string{"servers", "list"}, "servers list", "", ""},
		{[]string{"ls", "-o", "json"}, "servers list", "json", ""},
		{[]string{"ls", "-ojson"}, "servers list", "json", ""},
		{[]string{"ls", "-o=json", "--sort=name"}, "servers list", "json", "name"},
		{[]string{"ls", "--sort", "-os_id"}, "servers list", "", "-os_id"},
		{[]string{"get", "-o", "yaml", "web-1"}, "servers get web-1", "yaml", ""},
		{[]string{"get", "My Server"}, `servers get "My Server"`, "", ""},
		{[]string{"get", "--", "-x"}, `servers get "-x"`, "", ""},
		{[]string{"get", "--", "a=b"}, `servers get "a=b"`, "", ""},
		{[]string{"get", "--server=a=b"}, `servers get "a=b"`, "", ""},
		{[]string{"backups", "create", "web-1", "description=before the upgrade"}, `backups create web-1 description="before the upgrade"`, "", ""},
		{[]string{"backups", "create", "web-1", "--description", `say "hi"`}, `backups create web-1 description="say \"hi\""`, "", ""},
		{[]string{"backups", "create", "web-1", "—description", "x"}, `backups create web-1 description=x`, "", ""},
		{[]string{"why", "rm", "web-1"}, "why servers delete web-1", "", ""},
		{[]string{"rm", "web-1", "-h"}, "help servers delete", "", ""},
	} {
		got, err := shell.ParseArgs(nil, c.args)
		require.NoError(t, err, "%q", c.args)
		require.Equal(t, c.means, got.String(), "%q", c.args)
		require.Equal(t, []string{c.output, c.by}, []string{got.Own["output"], got.Own["sort"]}, "%q", c.args)
	}
}

func TestArgsThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args           []string
		says, suggests string
	}{
		{[]string{"rebot", "web-1"}, "no operation is called “rebot”; vpsbot help lists them", "servers reboot web-1"},
		{[]string{"get", "web-1", "--sort", "id"}, "--sort is for lists", "servers get web-1"},
		{[]string{"ls", "--yes"}, "--yes is for changes", "servers list"},
		{[]string{"rm", "web-1", "--yse"}, "servers.delete has no flag “--yse”; it takes --server, --dry-run", ""}, // a flag that spares a person is not suggested
		{[]string{"ls", "-o", "json", "-o", "yaml"}, "output is given twice", ""},
		{[]string{"ls", "-o"}, "--output has no value", ""},
		{[]string{"ls", "--sort", "--yes"}, "--sort has no value", ""},
		{[]string{"get", "server=", "web-1"}, "server= has no value", ""},
		{[]string{"get", "web\u202e1"}, "an invisible character (U+202E)", ""},
		{[]string{"get", "web\x1b[2J"}, "an invisible character (U+001B)", ""},
	} {
		_, err := shell.ParseArgs(nil, c.args)
		wrong := (*command.ParseError)(nil)
		require.ErrorAs(t, err, &wrong, "%q", c.args)
		require.Contains(t, wrong.Message, c.says, "%q", c.args)
		suggestion := ""
		if wrong.Suggestion != nil {
			suggestion = wrong.Suggestion.String()
		}
		require.Equal(t, c.suggests, suggestion, "%q", c.args)
	}
}

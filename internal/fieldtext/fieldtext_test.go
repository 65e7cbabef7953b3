package fieldtext_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/tools"
)

func lookup(t *testing.T, name string) *tools.Op {
	t.Helper()
	op, ok := tools.Default.Lookup(name)
	require.True(t, ok)
	return op
}

func TestNames(t *testing.T) {
	for _, written := range []string{"--Backup-ID", "backup_id", "-backup-id", "BACKUP_ID"} {
		require.Equal(t, "backup_id", fieldtext.Name(written))
	}
	for _, op := range tools.Default.Operations() {
		for _, name := range op.FieldNames() {
			require.Equal(t, name, fieldtext.Name("--"+fieldtext.Flag(name)))
		}
	}
}

func TestBoolean(t *testing.T) {
	for word, want := range map[string]string{"true": "true", "Yes": "true", "ON": "true", "false": "false", "no": "false", "off": "false"} {
		value, ok := fieldtext.Boolean(word)
		require.True(t, ok)
		require.Equal(t, want, value)
	}
	_, ok := fieldtext.Boolean("1")
	require.False(t, ok)
}

func TestEncode(t *testing.T) {
	for _, c := range []struct {
		op     string
		values map[string]string
		want   string
	}{
		{"servers.list", nil, `{}`},
		{"servers.list", map[string]string{"offset": "10", "limit": "5"}, `{"limit":5,"offset":10}`},
		{"servers.list", map[string]string{"limit": "many"}, `{"limit":"many"}`},
		{"servers.list", map[string]string{"limit": "99999999999999999"}, `{"limit":99999999999999999}`},
		{"servers.list", map[string]string{"limit": "99999999999999999999999"}, `{"limit":"99999999999999999999999"}`},
		{"servers.get", map[string]string{"server": "12345"}, `{"server":"12345"}`},
		{"servers.get", map[string]string{"server": `a "b" <c>`}, `{"server":"a \"b\" <c>"}`},
		{"servers.update", map[string]string{"backups_enabled": "false"}, `{"backups_enabled":false}`},
		{"servers.update", map[string]string{"backups_enabled": "2", "name": "true"}, `{"backups_enabled":"2","name":"true"}`},
		{"servers.get", map[string]string{"colour": "red"}, `{"colour":"red"}`}, // the Runner refuses it
	} {
		raw, err := fieldtext.Encode(lookup(t, c.op), c.values)
		require.NoError(t, err)
		require.Equal(t, c.want, string(raw))
	}
	_, err := fieldtext.Encode(lookup(t, "servers.get"), map[string]string{"server": "\xff"})
	require.EqualError(t, err, "server is not valid UTF-8 text")
}

// Each example of the catalogue is the same input after it was written as text.
func TestDecodeIsTheInverseOfEncode(t *testing.T) {
	for _, op := range tools.Default.Operations() {
		for _, example := range op.Examples {
			values, err := fieldtext.Decode(example)
			require.NoError(t, err)
			require.Empty(t, fieldtext.Missing(op, values))
			again, err := fieldtext.Encode(op, values)
			require.NoError(t, err)
			require.JSONEq(t, string(example), string(again))
		}
	}
	values, err := fieldtext.Decode([]byte(`{"server":null,"limit":5}`))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"limit": "5"}, values)
	_, err = fieldtext.Decode([]byte(`[]`))
	require.Error(t, err)
	_, err = fieldtext.Decode([]byte(`{"server":"\ud800"}`))
	require.Error(t, err)
}

func TestMissing(t *testing.T) {
	var names []string
	for _, field := range fieldtext.Missing(lookup(t, "servers.create"), map[string]string{"name": ""}) {
		names = append(names, field.Name)
	}
	require.Equal(t, []string{"plan_id", "os_id", "location"}, names)
}

func TestCheck(t *testing.T) {
	op := lookup(t, "servers.create")
	for _, c := range []struct{ field, text, want string }{
		{"name", "web-3", ""},
		{"name", "web 3!", "name"},
		{"name", "\xff", "name is not valid UTF-8 text"},
		{"plan_id", "1", ""},
		{"backups_enabled", "true", ""},
		{"backups_enabled", "perhaps", "backups_enabled must be true or false, not the text “perhaps”"},
		{"colour", "red", "unknown field “colour”"},
	} {
		err := fieldtext.Check(op, c.field, c.text)
		if c.want == "" {
			require.NoError(t, err, c.field)
			continue
		}
		require.ErrorContains(t, err, c.want)
	}
}

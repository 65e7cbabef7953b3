package apiclient

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
)

func TestAmounts(t *testing.T) {
	for in, want := range map[string]struct {
		text, out string
		number    bool
	}{
		`4096`:             {"4096", `4096`, true},
		`4096.0`:           {"4096", `4096`, true},
		`"4096"`:           {"4096", `4096`, true},
		`"5.00"`:           {"5", `5`, true},
		`" 5.50 "`:         {"5.5", `5.5`, true},
		`0.007`:            {"0.007", `0.007`, true},
		`1e3`:              {"1000", `1000`, true},
		`0`:                {"0", `0`, true},
		`9007199254740993`: {"9007199254740993", `9007199254740993`, true},
		`"4 GB"`:           {"4 GB", `"4 GB"`, false},
		`"inf"`:            {"inf", `"inf"`, false},
		`"0x10"`:           {"0x10", `"0x10"`, false},
		`"1_000"`:          {"1_000", `"1_000"`, false},
		`null`:             {"", `null`, false},
		`""`:               {"", `null`, false},
		`true`:             {"", `null`, false},
		`[1]`:              {"", `null`, false},
		`{"value":1}`:      {"", `null`, false},
	} {
		got := Amount{"before", false}
		require.NoError(t, unmarshal([]byte(in), &got), in)
		require.Equal(t, want.text, got.String(), in)
		require.Equal(t, want.text == "", got.IsZero(), in)
		require.Equal(t, want.out, string(encode(t, got)), in)
		f, ok := got.Float()
		require.Equal(t, want.number, ok, in)
		if ok && f < 1<<53 {
			require.Equal(t, got, AmountOf(f), in)
		}
	}
}

func FuzzDecodeServer(f *testing.F) {
	for _, ex := range readExamples(f) {
		f.Add([]byte(ex.Response))
	}
	f.Add([]byte(`{"results":[{"id":"x","plan":{"vcpus":"2"}}],"next":null,"count":"1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var server Server
		if unmarshal(data, &server) == nil {
			var again Server
			require.NoError(t, unmarshal(encode(t, server), &again), "what is written can be read")
			require.Equal(t, plain(t, encode(t, server)), plain(t, encode(t, again)))
		}
		var list page[Server]
		if unmarshal(data, &list) == nil {
			require.True(t, list.Results.given)
		}
	})
}

func TestATextThatCameAsANumberIsKept(t *testing.T) {
	var servers []Server
	require.NoError(t, unmarshal([]byte(`[{"id":1,"name":5,"status":true},{"id":2,"name":"web"}]`), &servers))
	require.Equal(t, "5", servers[0].Name)
	require.Equal(t, "true", servers[0].Status, "no word of VPS.org's")
	require.Equal(t, "web", servers[1].Name)
}

// Whatever an answer holds, each decoder either reads it or says why not, what it reads can be
// written and read again, and no id that came through is unfit for a path.
func FuzzDecodeObjects(f *testing.F) {
	for _, ex := range readExamples(f) {
		f.Add([]byte(ex.Response))
	}
	for _, s := range []string{
		`{"uuid":"a","location":{"code":"x"},"os":"Debian","plan":7,"server":"1","status":{"a":1}}`, `{"data":{"server":{"id":1}}}`,
		`{"token":{"permissions":{"servers":["list"]},"expires_at":[1]}}`, `{"id":1,"memory":"4 GB","locations":[{"slug":1}],"available":"no"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		again(t, data, func(b *Backup) ID { return b.ID })
		again(t, data, func(s *Snapshot) ID { return s.ID })
		again(t, data, func(p *Plan) ID { return p.ID })
		again(t, data, func(d *Domain) ID { return d.ID })
		again(t, data, func(z *Zone) ID { return z.UUID })
		again(t, data, func(a *ActionResult) ID { return a.Server.ID })
		again(t, data, func(m *Me) ID {
			for _, p := range m.Token.Permissions {
				require.NotEmpty(t, p)
			}
			return ID{}
		})
	})
}

func again[T any](t *testing.T, data []byte, id func(*T) ID) {
	var first, second T
	if unmarshal(data, &first) != nil {
		return
	}
	require.False(t, strings.ContainsFunc(id(&first).String(), unsafeInID))
	written := encode(t, first)
	require.NoError(t, unmarshal(written, &second), "what is written can be read: %s", written)
	require.Equal(t, plain(t, written), plain(t, encode(t, second)))
}

func FuzzDecodePermissions(f *testing.F) {
	for _, s := range []string{`["a:b"]`, `"a:b, c:d"`, `{"a":["b"]}`, `{"a":{"b":true,"c":false}}`, `{"a:b":true}`, `[{"resource":"a","action":"b"}]`, `null`, `7`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var p Permissions
		if unmarshal(data, &p) != nil {
			return
		}
		for _, grant := range p {
			if jsontext.Value(data).Kind() != '[' { // a documented list is taken as it is
				require.Contains(t, grant, ":", "a word alone grants nothing")
			}
		}
	})
}

package apiclient

import (
	"testing"

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

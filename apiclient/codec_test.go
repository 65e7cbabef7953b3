package apiclient

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTolerantNumbers(t *testing.T) {
	for in, want := range map[string]struct {
		whole int64
		part  float64
		bad   bool
	}{
		`4096`:             {whole: 4096, part: 4096},
		`4096.0`:           {whole: 4096, part: 4096},
		`"4096"`:           {whole: 4096, part: 4096},
		`"-5.00"`:          {whole: -5, part: -5},
		`1e3`:              {whole: 1000, part: 1000},
		`null`:             {},
		`9007199254740993`: {whole: 9007199254740993, part: 9007199254740992},
		`"inf"`:            {bad: true},
		`"0x10"`:           {bad: true},
		`"1_000"`:          {bad: true},
		`""`:               {bad: true},
		`"2 GB"`:           {bad: true},
		`true`:             {bad: true},
		`[1]`:              {bad: true},
	} {
		var got struct {
			Whole int64   `json:"whole"`
			Maybe *int64  `json:"maybe"`
			Part  float64 `json:"part"`
		}
		errWhole := unmarshal([]byte(`{"whole":`+in+`,"maybe":`+in+`}`), &got)
		errPart := unmarshal([]byte(`{"part":`+in+`}`), &got)
		if want.bad {
			require.Error(t, errWhole, in)
			require.Error(t, errPart, in)
			continue
		}
		require.NoError(t, errWhole, in)
		require.NoError(t, errPart, in)
		require.Equal(t, want.whole, got.Whole, in)
		require.Equal(t, want.part, got.Part, in)
		require.Equal(t, in == "null", got.Maybe == nil, in)
	}
}

func TestNumbersThatDoNotFit(t *testing.T) {
	var whole int64
	for _, in := range []string{`4096.5`, `1e30`, `9223372036854775808`, `"-1e19"`} {
		require.ErrorContains(t, unmarshal([]byte(in), &whole), "not a whole number", in)
	}
	var part float64
	require.ErrorContains(t, unmarshal([]byte(`1e999`), &part), "not a number that fits")
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
	require.Equal(t, "true", servers[0].Status)
	require.Equal(t, "web", servers[1].Name)
}

package apiclient

import (
	"errors"
	"strconv"
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
		got := Amount{scalar{text: "before"}}
		require.NoError(t, unmarshal([]byte(in), &got), in)
		require.Equal(t, want.text, got.String(), in)
		require.Equal(t, want.text == "", got.IsZero(), in)
		require.Equal(t, want.out, string(encode(t, got)), in)
		f, ok := got.Float()
		require.Equal(t, want.number, ok, in)
		if ok && f < 1<<53 {
			require.Equal(t, strconv.FormatFloat(f, 'f', -1, 64), got.String(), in)
		}
	}
}

func TestNumberAsText(t *testing.T) {
	var servers []Server
	require.NoError(t, unmarshal([]byte(`[{"id":1,"name":5,"status":true},{"id":2,"name":"web"}]`), &servers))
	require.Equal(t, "5", servers[0].Name)
	require.Equal(t, "true", servers[0].Status, "not a status of VPS.org")
	require.Equal(t, "web", servers[1].Name)
}

// Each decoder decodes any answer or returns an error; a decoded object can be encoded and decoded again, and
// no decoded id is unsafe in a path.
func FuzzDecodeObjects(f *testing.F) {
	for _, ex := range readExamples(f) {
		f.Add([]byte(ex.Response))
	}
	for _, s := range []string{
		`{"uuid":"a","location":{"code":"x"},"os":"Debian","plan":7,"server":"1","status":{"a":1}}`, `{"data":{"server":{"id":1}}}`,
		`{"token":{"permissions":{"servers":["list"]},"expires_at":[1]}}`, `{"id":1,"memory":"4 GB","locations":[{"slug":1}],"available":"no"}`,
		`{"results":[{"id":"x","plan":{"vcpus":"2"}}],"next":null,"count":"1"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		roundTripJSON(t, data, func(s *Server) ID { return s.ID })
		roundTripJSON(t, data, func(b *Backup) ID { return b.ID })
		roundTripJSON(t, data, func(s *Snapshot) ID { return s.ID })
		roundTripJSON(t, data, func(p *Plan) ID { return p.ID })
		roundTripJSON(t, data, func(d *Domain) ID { return d.ID })
		roundTripJSON(t, data, func(z *Zone) ID { return z.UUID })
		roundTripJSON(t, data, func(a *ActionResult) ID { return a.Server.ID })
		roundTripJSON(t, data, func(m *Me) ID {
			for _, p := range m.Token.Permissions {
				require.NotEmpty(t, p)
			}
			return ID{}
		})
		var list page[Server]
		require.True(t, unmarshal(data, &list) != nil || list.Results != nil)
	})
}

func roundTripJSON[T any](t *testing.T, data []byte, id func(*T) ID) {
	var first, second T
	if unmarshal(data, &first) != nil {
		return
	}
	require.False(t, strings.ContainsFunc(id(&first).String(), unsafeInID))
	written := encode(t, first)
	require.NoError(t, unmarshal(written, &second), "encoded JSON can be decoded: %s", written)
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
			if jsontext.Value(data).Kind() != '[' { // a documented list is not changed
				require.Contains(t, grant, ":", "a word alone grants nothing")
			}
		}
	})
}

func TestSuccessStatusWithFailureInBody(t *testing.T) {
	for body, failed := range map[string]bool{
		`{"status":"error","message":"not possible now"}`:  true,
		`{"status":"failed","detail":"not possible now"}`:  true,
		`{"status":"success","message":"starting"}`:        false,
		`{"status":"queued"}`:                              false,
		`{"message":"not possible now"}`:                   false,
		`{"status":"success","server":{"status":"error"}}`: false,
	} {
		client := newFake(t, always(200, body)).client(t)
		for _, err := range []error{second(client.Servers.Start(t.Context(), someID)), client.Servers.Delete(t.Context(), someID)} {
			require.Equal(t, failed, err != nil, body)
			var apiErr *Error
			if errors.As(err, &apiErr) {
				require.False(t, apiErr.Unknown)
				require.Equal(t, "not possible now", apiErr.Message)
			}
		}
	}
}

func TestUnknownNumbersKeepTheirDigits(t *testing.T) {
	client := newFake(t, always(200, `[{"id":1,"owner_id":12345678901234567,"small":5,"odd":1e999,"deep":{"n":9007199254740993}}]`)).client(t)
	servers, err := client.Servers.List(t.Context(), ServerFilter{})
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"owner_id": "12345678901234567", "small": 5.0, "odd": "1e999", "deep": map[string]any{"n": "9007199254740993"},
	}, servers[0].Extra)
}

func TestMismatchIsDescribedWithoutGoTypes(t *testing.T) {
	client := newFake(t, always(200, `{"count":1,"results":[{"id":[1],"plan":{}}]}`)).client(t)
	_, err := client.Servers.List(t.Context(), ServerFilter{})
	require.ErrorContains(t, err, "id is not what it should be")
	require.NotContains(t, err.Error(), "Go ")
	require.NotContains(t, err.Error(), "apiclient")
}

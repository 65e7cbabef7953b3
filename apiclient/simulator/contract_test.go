package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// example is one entry of the documented bodies.
type example struct {
	Status   int             `json:"success_status"`
	Query    map[string]any  `json:"query"`
	Request  json.RawMessage `json:"request"`
	Response json.RawMessage `json:"response"`
}

func examples(t *testing.T) map[string]example {
	t.Helper()
	content, err := os.ReadFile("../testdata/examples.json")
	require.NoError(t, err)
	var all map[string]example
	require.NoError(t, json.Unmarshal(content, &all))
	require.NotEmpty(t, all)
	return all
}

// documentedToken is the token of the account sample.
func documentedToken() Token {
	return Token{
		Value: "vps_sample", Name: "Production Deploy Key",
		Permissions: []string{"servers:list", "servers:create", "servers:power", "dns:*"},
	}
}

func documented(t *testing.T) *Simulator {
	t.Helper()
	return New(Options{Now: fixed, Tokens: append(DefaultTokens(sampleNow), documentedToken())})
}

// pathOf makes a request path of an example's, with the ids of the sample fleet.
func pathOf(key string, e example) (method, path string) {
	method, path, _ = strings.Cut(key, " ")
	path = strings.NewReplacer("{server_id}", "12345", "{backup_id}", "501", "{snapshot_id}", "7001").Replace(path)
	if strings.Contains(path, "{") {
		panic("pathOf has no id of the sample for " + path)
	}
	if id := e.Query["server_id"]; id != nil {
		path += fmt.Sprintf("?server_id=%v", id)
	}
	return method, strings.TrimPrefix(path, prefix)
}

func TestEveryOperationHasAnExample(t *testing.T) {
	var served []string
	for _, e := range endpoints {
		served = append(served, pattern(e))
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(examples(t))), served,
		"each route has its documented bodies in apiclient/testdata/examples.json")
}

// pattern is an endpoint as the examples name it.
func pattern(e endpoint) string {
	singular := strings.TrimSuffix(strings.Split(e.path, "/")[0], "s")
	return e.method + " " + prefix + strings.Replace(e.path, "{id}", "{"+singular+"_id}", 1) + "/"
}

func TestReadsEqualTheDocumentation(t *testing.T) {
	for key, e := range examples(t) {
		method, path := pathOf(key, e)
		if method != "GET" || path == "plans/" {
			continue
		}
		t.Run(key, func(t *testing.T) {
			token := "vps_demo"
			if path == "account/me/" {
				token = "vps_sample"
			}
			got := doAs(t, documented(t), token, method, path, "")
			require.Equal(t, e.Status, got.status)
			require.JSONEq(t, string(e.Response), got.body)
			require.Equal(t, keys(t, string(e.Response)), keys(t, got.body), "the order of the fields")
		})
	}
}

// keys returns all member names of a JSON text in their order.
func keys(t *testing.T, text string) (names []string) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	for {
		token, err := decoder.Token()
		if err != nil {
			return names
		}
		if s, is := token.(string); is && strings.HasPrefix(strings.TrimSpace(text[decoder.InputOffset():]), ":") {
			names = append(names, s)
		}
	}
}

func TestPlansEqualTheDocumentation(t *testing.T) {
	var sample struct{ Results []map[string]any }
	require.NoError(t, json.Unmarshal(examples(t)["GET /api/v1/plans/"].Response, &sample))
	got := do(t, documented(t), "GET", "plans/", "")
	require.EqualValues(t, 4, got.object(t)["count"])
	first := got.results(t)[0].(map[string]any)
	want := sample.Results[0]
	require.NotEmpty(t, first["description"])
	delete(first, "description")
	delete(want, "description")
	require.Equal(t, want, first)
}

func TestWritesAnswerAsDocumented(t *testing.T) {
	for key, e := range examples(t) {
		method, path := pathOf(key, e)
		if method == "GET" {
			continue
		}
		t.Run(key, func(t *testing.T) {
			s := documented(t)
			if strings.HasSuffix(path, "/start/") {
				s.Edit(func(w *World) { w.Servers[12345].Status = Stopped })
			}
			got := do(t, s, method, path, strings.ReplaceAll(string(e.Request), "null", ""))
			if e.Status != 0 {
				require.Equal(t, e.Status, got.status, got.body)
			}
			require.Less(t, got.status, 300, got.body)
			sameAsDocumented(t, e, got)
		})
	}
}

// sameAsDocumented compares all members but the times of a write.
func sameAsDocumented(t *testing.T, e example, got result) {
	t.Helper()
	if string(e.Response) == "null" {
		return
	}
	var want map[string]any
	require.NoError(t, json.Unmarshal(e.Response, &want))
	have := got.object(t)
	for _, name := range []string{"created_at", "updated_at"} {
		if _, there := want[name]; there {
			require.Equal(t, "2025-02-11T08:45:12Z", have[name])
			want[name] = have[name]
		}
	}
	require.Equal(t, want, have)
}

func TestUndocumentedAnswers(t *testing.T) {
	s := documented(t)
	restored := do(t, s, "POST", "servers/12345/restore/", `{"backup_id":501}`)
	require.JSONEq(t, `{"status":"success","message":"Restore from backup started (5-15 minutes).",
		"server":{"id":12345,"name":"web-server-01","status":"restoring"}}`, restored.body)
	for _, c := range []struct{ method, body string }{
		{"PUT", `{"name":"a-1","hostname":"a.example.com","backups_enabled":false}`},
		{"PATCH", `{"name":"a-1"}`},
	} {
		got := do(t, s, c.method, "servers/12345/", c.body)
		require.JSONEq(t, do(t, s, "GET", "servers/12345/", "").body, got.body)
		require.Equal(t, "a-1", got.object(t)["name"])
	}
	require.Empty(t, do(t, s, "DELETE", "servers/12345/", "").body)
}

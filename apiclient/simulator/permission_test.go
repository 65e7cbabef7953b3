package simulator

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// requests is one that succeeds for each endpoint, by its path in the table.
var requests = map[string]struct{ path, body string }{
	"POST servers":                {"servers/", create},
	"PATCH servers/{id}":          {"servers/12345/", `{"name":"a"}`},
	"PUT servers/{id}":            {"servers/12345/", `{"name":"a","hostname":"b","backups_enabled":true}`},
	"POST servers/{id}/start":     {"servers/12346/start/", ""},
	"POST servers/{id}/restore":   {"servers/12345/restore/", `{"backup_id":501}`},
	"POST backups":                {"backups/", `{"server_id":12345}`},
	"POST snapshots":              {"snapshots/", `{"server_id":12345,"name":"n"}`},
	"DELETE backups/{id}":         {"backups/501/", ""},
	"DELETE snapshots/{id}":       {"snapshots/7001/", ""},
	"POST snapshots/{id}/restore": {"snapshots/7001/restore/", ""},
}

func requestFor(e endpoint) (path, body string) {
	if r, special := requests[e.method+" "+e.path]; special {
		return r.path, r.body
	}
	return strings.Replace(e.path, "{id}", "12345", 1) + "/", ""
}

// grantsFor are all grants that cover one of the needs.
func grantsFor(e endpoint) []string {
	grants := append([]string{"*:*"}, e.needs...)
	for _, need := range e.needs {
		resource, _, _ := strings.Cut(need, ":")
		grants = append(grants, resource+":*")
	}
	return grants
}

func withPermissions(permissions ...string) *Simulator {
	s := New(Options{Now: fixed})
	s.Edit(func(w *World) {
		w.Tokens["vps_demo"].Permissions = permissions
		w.Server(12346).Status = Stopped
	})
	return s
}

func TestPermissions(t *testing.T) {
	unrelated := []string{"billing:list", "servers:resize", "*", "*:list", "servers", "", ":"}
	for _, e := range endpoints {
		t.Run(e.method+" "+e.path, func(t *testing.T) {
			path, body := requestFor(e)
			for _, grant := range grantsFor(e) {
				got := do(t, withPermissions(grant), e.method, path, body)
				require.Less(t, got.status, 300, "%s: %s", grant, got.body)
			}
			got := do(t, withPermissions(unrelated...), e.method, path, body)
			if len(e.needs) == 0 {
				require.Equal(t, http.StatusOK, got.status)
				return
			}
			require.Equal(t, http.StatusForbidden, got.status)
			require.Contains(t, got.body, `"detail"`)
		})
	}
}

func TestReadOnlyTokenMayOnlyRead(t *testing.T) {
	for _, e := range endpoints {
		path, body := requestFor(e)
		got := doAs(t, New(Options{Now: fixed}), "vps_readonly", e.method, path, body)
		require.Equal(t, e.method == "GET", got.status == http.StatusOK, "%s %s: %d", e.method, e.path, got.status)
		require.Equal(t, e.method != "GET", got.status == http.StatusForbidden, "%s %s: %d", e.method, e.path, got.status)
	}
}

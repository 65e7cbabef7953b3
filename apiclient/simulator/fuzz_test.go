package simulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzRequest sends anything to everything: the answer is JSON or nothing, and never a failure of the simulator's own.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "servers/", "", create)
	f.Add("PATCH", "servers/12345/", "", `{"name":null}`)
	f.Add("GET", "backups/", "server_id=12345&page=2", "")
	f.Add("POST", "servers/99999999999999999999/start/", "page=-1", "[")
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		r := httptest.NewRequest("GET", "/", strings.NewReader(body))
		r.Method, r.URL = method, &url.URL{Path: prefix + path, RawQuery: query}
		r.Header.Set("Authorization", "Bearer vps_demo")
		w := httptest.NewRecorder()
		New(Options{PageSize: 1, Next: true, Now: fixed}).ServeHTTP(w, r)
		require.Less(t, w.Code, http.StatusInternalServerError)
		require.Equal(t, w.Code != http.StatusNoContent, json.Valid(w.Body.Bytes()), w.Body.String())
	})
}

func FuzzID(f *testing.F) {
	for _, seed := range []string{"1", "007", "-1", "+1", UUID(7), "１"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range []*World{{}, {uuids: true}} {
			if id, known := w.parseID(text); known {
				require.GreaterOrEqual(t, id, 0)
				require.NotContains(t, text, "/")
			}
		}
	})
}

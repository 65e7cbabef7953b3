package doctor

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const testKey = "vpsbot_hush4711"

// mcpThat is a /mcp that answers as this does once it was given a key.
func mcpThat(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="vpsbot"`)
			http.Error(w, "send an access key", http.StatusUnauthorized)
			return
		}
		answer(w, r)
	}
}

func saying(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, status) }
}

// Doctor says what answers in the place of /mcp, and shows a key to /mcp alone.
func TestDoctorCallsMCP(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, test := range map[string]struct {
		there   http.HandlerFunc // nil: nothing
		isTLS   bool
		private bool // VPSBOT_PUBLIC_URL is not set
		want    string
		says    string
	}{
		"nothing at the address": {nil, false, false, StatusFail, "cannot be reached"},
		"nothing here":           {nil, false, true, StatusWarn, "cannot be reached"},
		"a certificate of its own": {
			saying(http.StatusUnauthorized, ""), true, false, StatusFail, "certificate",
		},
		"a page":              {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, false, false, StatusFail, "not as vpsbot serve does (status 200)"},
		"serve without /mcp":  {http.NotFound, false, false, StatusFail, "not as vpsbot serve does (status 404)"},
		"a sign-in of others": {saying(http.StatusUnauthorized, "log in"), false, false, StatusFail, "not as vpsbot serve does (status 401)"},
		"another host": {
			saying(http.StatusForbidden, "a.example.com is not vpsbot's address"), false, false, StatusFail, "refuses every call (status 403): a.example.com is not",
		},
		"a proxy alone":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, false, false, StatusFail, "(status 503, no text of vpsbot): the proxy itself answers"},
		"a proxy's page": {saying(http.StatusServiceUnavailable, "<html>503</html>"), false, false, StatusFail, "the proxy itself answers"},
		"no room":        {saying(http.StatusServiceUnavailable, "vpsbot has too much to do"), false, false, StatusFail, "refuses every call (status 503): vpsbot has too much to do"},
		"a redirect": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://example.com", http.StatusMovedPermanently)
			}, false, false, StatusFail, "leads to another address",
		},
		"an unknown key": {mcpThat(saying(http.StatusUnauthorized, "the access key is not known")), false, false, StatusFail, "refuses your access key: the access key is not known"},
		"a broken one":   {mcpThat(saying(http.StatusInternalServerError, "an internal error")), false, false, StatusFail, "(status 500): an internal error"},
		"not JSON":       {mcpThat(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }), false, false, StatusFail, "not answer with your access key as"},
		"it": {mcpThat(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"result":{"serverInfo":{"version":"v1"},"tools":[{"name":"a"},{"name":"b"}]}}`)
		}), false, false, StatusOK, "answers: vpsbot v1, with 2 tools for your access key"},
	} {
		t.Run(name, func(t *testing.T) {
			given := ""
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				given += r.Header.Get("Authorization")
				test.there(w, r)
			})
			server := gone
			if test.isTLS {
				server = httptest.NewTLSServer(handler)
				defer server.Close()
			} else if test.there != nil {
				server = httptest.NewServer(handler)
				defer server.Close()
			}
			variables := map[string]string{"VPSBOT_KEY": testKey, "VPSBOT_LISTEN": server.Listener.Addr().String()}
			if !test.private {
				variables["VPSBOT_PUBLIC_URL"] = server.URL
			}
			found := newDoctor(t, variables).checkMCP(t.Context())
			require.Len(t, found, 1)
			require.Equal(t, test.want, found[0].Status, "%+v", found)
			require.Contains(t, found[0].Message, test.says)
			require.Equal(t, test.want != StatusOK, found[0].Next != "")
			require.NotContains(t, found[0].Message+found[0].Next, testKey)
			isOurs := strings.Contains(test.says, "access key") || strings.Contains(test.says, "500")
			require.Equal(t, isOurs, given != "", "the key was given")
		})
	}
}

// Where no variable is about /mcp nothing is said of it, and nothing called.
func TestDoctorWithoutMCP(t *testing.T) {
	t.Parallel()
	for _, variables := range []map[string]string{
		nil, {"VPSBOT_MCP": "false", "VPSBOT_LISTEN": ":8484"}, {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "VPSBOT_LISTEN": ":8484"},
	} {
		require.Empty(t, newDoctor(t, variables).checkMCP(t.Context()))
	}
	found := newDoctor(t, map[string]string{"VPSBOT_LISTEN": ":8484"}).checkMCP(t.Context())
	require.Equal(t, StatusFail, found[0].Status)
	require.Contains(t, found[0].Message, "a policy must say who may do what there")
	require.Contains(t, found[0].Next, "version: 1\n")
	found = newDoctor(t, map[string]string{"VPSBOT_LISTEN": "127.0.0.1:0"}).checkMCP(t.Context())
	require.Equal(t, StatusOK, found[0].Status)
}

package simulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// create is the documentation's request for a server.
const create = `{"name":"web-server-02","plan_id":1,"os_id":5,"location":"us-west"}`

func rebootingServer(w *World) { w.Servers[12345].Status = Rebooting }
func stoppedServer(w *World)   { w.Servers[12345].Status = Stopped }
func suspendedServer(w *World) { w.Servers[12345].Status = Suspended }
func soldOut(w *World)         { w.Plans[1].Available = false }

func unfinishedImages(w *World) {
	w.Backups[501].Status = InProgress
	w.Snapshots[7001].Status = InProgress
}

var refusals = []struct {
	name         string
	edit         func(*World)
	method, path string
	body         string
	status       int
	says         string
}{
	{"no slash", nil, "GET", "servers", "", 404, "The requested resource was not found on this server."},
	{"no slash after an id", nil, "GET", "servers/12345", "", 404, "The requested resource was not found on this server."},
	{"unknown path", nil, "GET", "flavours/", "", 404, "The requested resource was not found on this server."},
	{"unknown action", nil, "POST", "servers/12345/explode/", "", 404, "The requested resource was not found on this server."},
	{"deeper path", nil, "POST", "servers/12345/start/now/", "", 404, "The requested resource was not found on this server."},
	{"no id", nil, "GET", "servers//", "", 404, "The requested resource was not found on this server."},
	{"word as id", nil, "GET", "servers/web-server-01/", "", 404, "Not found."},
	{"negative id", nil, "GET", "servers/-1/", "", 404, "Not found."},
	{"escaped slash", nil, "GET", "servers/12345%2Fstart/", "", 404, "Not found."},
	{"no such server", nil, "GET", "servers/1/", "", 404, "Not found."},
	{"update no such server", nil, "PATCH", "servers/1/", `{}`, 404, "Not found."},
	{"delete no such server", nil, "DELETE", "servers/1/", "", 404, "Not found."},
	{"start no such server", nil, "POST", "servers/1/start/", "", 404, "Not found."},
	{"restore no such server", nil, "POST", "servers/1/restore/", `{"backup_id":501}`, 404, "Not found."},
	{"delete no such backup", nil, "DELETE", "backups/1/", "", 404, "Not found."},
	{"delete no such snapshot", nil, "DELETE", "snapshots/1/", "", 404, "Not found."},
	{"restore no such snapshot", nil, "POST", "snapshots/1/restore/", "", 404, "Not found."},
	{"back up no such server", nil, "POST", "backups/", `{"server_id":1}`, 404, "Not found."},
	{"method", nil, "DELETE", "servers/", "", 405, `Method \"DELETE\" not allowed.`},

	{"start a running server", nil, "POST", "servers/12345/start/", "", 400, "Server is already running"},
	{"stop a stopped server", stoppedServer, "POST", "servers/12345/stop/", "", 400, "Server is not running"},
	{"reboot a stopped server", stoppedServer, "POST", "servers/12345/reboot/", "", 400, "Server is not running"},
	{"start during a reboot", rebootingServer, "POST", "servers/12345/start/", "", 400, "Server is busy: rebooting"},
	{"stop during a reboot", rebootingServer, "POST", "servers/12345/stop/", "", 400, "Server is busy: rebooting"},
	{"restore during a reboot", rebootingServer, "POST", "servers/12345/restore/", `{"backup_id":501}`, 400, "busy"},
	{"snapshot restore during a reboot", rebootingServer, "POST", "snapshots/7001/restore/", "", 400, "busy"},
	{"start a suspended server", suspendedServer, "POST", "servers/12345/start/", "", 400, "Server is suspended"},
	{"restore a suspended server", suspendedServer, "POST", "snapshots/7001/restore/", "", 400, "Server is suspended"},
	{"restore an unfinished backup", unfinishedImages, "POST", "servers/12345/restore/", `{"backup_id":501}`, 400, "not completed"},
	{"restore an unfinished snapshot", unfinishedImages, "POST", "snapshots/7001/restore/", "", 400, "not completed"},
	{"restore another's backup", nil, "POST", "servers/12346/restore/", `{"backup_id":501}`, 400, "not of this server"},
	{"restore no such backup", nil, "POST", "servers/12345/restore/", `{"backup_id":1}`, 404, "Not found."},
	{"restore nothing", nil, "POST", "servers/12345/restore/", "", 400, `{"backup_id":["This field is required."]}`},

	{"plan that is sold out", soldOut, "POST", "servers/", create, 400, `{"plan_id":["This plan is not available."]}`},
	{"malformed", nil, "POST", "servers/", `{"name":`, 400, "JSON parse error."},
	{"more than one value", nil, "POST", "servers/", `{}{}`, 400, "JSON parse error."},
	{"array", nil, "POST", "servers/", `[]`, 400, "Expected a JSON object"},
	{"null", nil, "POST", "servers/", `null`, 400, "Expected a JSON object"},
	{"too large", nil, "POST", "servers/", strings.Repeat(" ", maxBody+1), 413, "too large"},
	{"server filter", nil, "GET", "backups/?server_id=web", "", 400, `"server_id":[`},
	{"server filter of snapshots", nil, "GET", "snapshots/?server_id=web", "", 400, `"server_id":[`},
}

func TestRefusals(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			s := New(Options{Now: fixed})
			if c.edit != nil {
				s.Edit(c.edit)
			}
			got := do(t, s, c.method, c.path, c.body)
			require.Equal(t, c.status, got.status, got.body)
			require.Contains(t, got.body, c.says)
			page := strings.Contains(c.says, "requested resource")
			require.Equal(t, map[bool]string{true: "text/html; charset=utf-8", false: "application/json"}[page], got.header.Get("Content-Type"))
		})
	}
}

var fieldErrors = []struct{ name, method, path, body, want string }{
	{
		"all missing", "POST", "servers/", `{}`,
		`{"name":["This field is required."],"plan_id":["This field is required."],
		  "os_id":["This field is required."],"location":["This field is required."]}`,
	},
	{
		"null", "POST", "servers/", `{"name":null,"plan_id":1,"os_id":5,"location":"us-west","hostname":null}`,
		`{"name":["This field may not be null."]}`,
	},
	{
		"types", "POST", "servers/",
		`{"name":1,"plan_id":"one","os_id":5.5,"location":"us-west","backups_enabled":"yes","ssh_key_id":"x","hostname":[]}`,
		`{"name":["Not a valid string."],"plan_id":["A valid integer is required."],
		  "os_id":["A valid integer is required."],"backups_enabled":["Must be a valid boolean."],
		  "ssh_key_id":["A valid integer is required."],"hostname":["Not a valid string."]}`,
	},
	{
		"unknown", "POST", "servers/", `{"name":"a","plan_id":9,"os_id":9,"location":"us-west"}`,
		`{"plan_id":["Unknown plan."],"os_id":["Unknown operating system."]}`,
	},
	{
		"location", "POST", "servers/", `{"name":"a","plan_id":1,"os_id":5,"location":"moon"}`,
		`{"location":["Unknown location."]}`,
	},
	{
		"location and plan", "POST", "servers/", `{"name":"a b","plan_id":9,"os_id":9,"location":"moon"}`,
		`{"name":["Enter a valid name: letters, digits and hyphens only."],"location":["Unknown location."],
		  "plan_id":["Unknown plan."],"os_id":["Unknown operating system."]}`,
	},
	{
		"location of the plan", "POST", "servers/", `{"name":"a","plan_id":4,"os_id":5,"location":"eu-central"}`,
		`{"location":["This plan is not available in this location."]}`,
	},
	{
		"names", "POST", "servers/",
		`{"name":"a b","plan_id":1,"os_id":5,"location":"us-west","hostname":"a_b"}`,
		`{"name":["Enter a valid name: letters, digits and hyphens only."],"hostname":["Enter a valid hostname."]}`,
	},
	{"blank", "PATCH", "servers/12345/", `{"name":""}`, `{"name":["This field may not be blank."]}`},
	{
		"long", "PATCH", "servers/12345/", `{"name":"` + strings.Repeat("a", 256) + `"}`,
		`{"name":["Ensure this field has no more than 255 characters."]}`,
	},
	{
		"replace needs all", "PUT", "servers/12345/", `{"name":"a"}`,
		`{"hostname":["This field is required."],"backups_enabled":["This field is required."]}`,
	},
	{
		"snapshot", "POST", "snapshots/", `{"server_id":12345,"name":"a b","description":1}`,
		`{"name":["Enter a valid name: letters, digits, hyphens and underscores only."],
		  "description":["Not a valid string."]}`,
	},
}

func TestFieldErrors(t *testing.T) {
	for _, c := range fieldErrors {
		t.Run(c.name, func(t *testing.T) {
			s := New(Options{Now: fixed})
			before := do(t, s, "GET", "servers/", "").body
			got := do(t, s, c.method, c.path, c.body)
			require.Equal(t, http.StatusBadRequest, got.status)
			require.JSONEq(t, c.want, got.body)
			require.Equal(t, before, do(t, s, "GET", "servers/", "").body, "nothing has changed")
		})
	}
}

func TestCreditsPayFor20Servers(t *testing.T) {
	s := New(Options{Now: fixed})
	for range 20 {
		require.Equal(t, http.StatusCreated, do(t, s, "POST", "servers/", create).status)
	}
	got := do(t, s, "POST", "servers/", create)
	require.Equal(t, http.StatusPaymentRequired, got.status)
	require.Contains(t, got.body, "credits")
	s.Edit(func(w *World) {
		require.Len(t, w.Servers, 22)
		w.Credits = 5
	})
	require.Equal(t, http.StatusCreated, do(t, s, "POST", "servers/", create).status)
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		path, body string
		room       int
	}{
		// The samples have one manual backup and one snapshot.
		{"backups/", `{"server_id":12345}`, 9},
		{"snapshots/", `{"server_id":12345,"name":"n_1"}`, 4},
	} {
		t.Run(c.path, func(t *testing.T) {
			s := New(Options{Now: fixed})
			for range c.room {
				require.Equal(t, http.StatusCreated, do(t, s, "POST", c.path, c.body).status)
			}
			got := do(t, s, "POST", c.path, c.body)
			require.Equal(t, http.StatusBadRequest, got.status)
			require.Contains(t, got.body, "limit reached")
			other := strings.Replace(c.body, "12345", "12346", 1)
			require.Equal(t, http.StatusCreated, do(t, s, "POST", c.path, other).status)
		})
	}
}

// Every answer of a path has the header Allow, with and without a token, unless the path does not exist.
func TestAllowHeader(t *testing.T) {
	s := New(Options{Now: fixed})
	for path, allow := range map[string]string{
		"servers/":             "GET, POST, HEAD, OPTIONS",
		"servers/12345/":       "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
		"servers/1/":           "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
		"servers/12345/start/": "POST, OPTIONS",
		"backups/501/":         "DELETE, OPTIONS",
		"flavours/":            "",
	} {
		for _, method := range []string{"OPTIONS", "GET", "PUT"} {
			for token, options := range map[string]int{"": 401, "vps_nobody": 401, "vps_readonly": 200, "vps_demo": 200} {
				got := doAs(t, s, token, method, path, "")
				require.Equal(t, allow, got.header.Get("Allow"), method+" "+path)
				if method == "OPTIONS" && allow != "" {
					require.Equal(t, options, got.status, path)
				}
			}
		}
	}
}

func TestPathsOutsideTheAPI(t *testing.T) {
	r := httptest.NewRequest("GET", "/servers/", nil)
	r.Header.Set("Authorization", "Bearer vps_demo")
	w := httptest.NewRecorder()
	New(Options{}).ServeHTTP(w, r)
	require.Equal(t, http.StatusNotFound, w.Code)
}

func TestTokens(t *testing.T) {
	clock := &clock{sampleNow}
	s := New(Options{Now: clock.Now})
	for _, c := range []struct{ header, says string }{
		{"", "credentials were not provided"},
		{"Basic dnBzX2RlbW86", "credentials were not provided"},
		{"Bearer ", "credentials were not provided"},
		{"Bearer nobody", "Invalid token."},
	} {
		r := httptest.NewRequest("GET", prefix+"account/me/", nil)
		r.Header.Set("Authorization", c.header)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		require.Equal(t, http.StatusUnauthorized, w.Code)
		require.Contains(t, w.Body.String(), c.says)
		require.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
	}
	clock.forward(5*24*time.Hour - time.Second)
	got := doAs(t, s, "vps_expiring", "GET", "account/me/", "")
	require.Contains(t, got.body, `"last_used_at":"2025-02-16T08:45:11Z","expires_at":"2025-02-16T08:45:12Z"`)
	clock.forward(time.Second)
	got = doAs(t, s, "vps_expiring", "GET", "account/me/", "")
	require.Equal(t, http.StatusUnauthorized, got.status)
	require.Contains(t, got.body, "expired")
}

func TestTokenLastUsedAt(t *testing.T) {
	clock := &clock{sampleNow}
	s := New(Options{Now: clock.Now})
	do(t, s, "GET", "servers/", "")
	clock.forward(time.Hour)
	s.Edit(func(w *World) {
		require.Equal(t, sampleNow, w.Tokens["vps_demo"].LastUsedAt)
		require.Zero(t, w.Tokens["vps_readonly"].LastUsedAt)
		require.Equal(t, clock.now, w.Now())
	})
}

func TestEditedAccount(t *testing.T) {
	s := New(Options{Now: fixed})
	s.Edit(func(w *World) {
		w.Account = Account{Email: "a@example.com"}
		w.Tokens["vps_demo"].Permissions = nil
		w.Tokens["vps_demo"].Expired = true
	})
	got := do(t, s, "GET", "account/me/", "")
	require.Contains(t, got.body, `"first_name":null,"last_name":null,"company_name":null`)
	require.Contains(t, got.body, `"permissions":[]`)
	require.Contains(t, got.body, `"is_expired":true`)
}

// requests has a request that succeeds for each endpoint.
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

// grantsFor returns all grants that include one of the needs.
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
		w.Servers[12346].Status = Stopped
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
				require.Less(t, got.status, 300, "%s: %s (if it is the request, give one that succeeds in the table requests)", grant, got.body)
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

func TestReadOnlyToken(t *testing.T) {
	for _, e := range endpoints {
		path, body := requestFor(e)
		got := doAs(t, New(Options{Now: fixed}), "vps_readonly", e.method, path, body)
		require.Equal(t, e.method == "GET", got.status == http.StatusOK, "%s %s: %d (DefaultTokens gives vps_readonly the permission of each list)", e.method, e.path, got.status)
		require.Equal(t, e.method != "GET", got.status == http.StatusForbidden, "%s %s: %d", e.method, e.path, got.status)
	}
}

// FuzzRequest sends any request to any path: the answer is JSON or empty, and never an internal error.
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
		New(Options{PageSize: 1, Vendor: true, Now: fixed}).ServeHTTP(w, r)
		require.Less(t, w.Code, http.StatusInternalServerError)
		require.Equal(t, w.Code != http.StatusNoContent, json.Valid(w.Body.Bytes()), w.Body.String())
	})
}

func FuzzID(f *testing.F) {
	for _, seed := range []string{"1", "007", "-1", "+1", UUID(7), "１"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range []*World{{opts: &Options{}}, {opts: &Options{UUIDs: true}}} {
			if id, known := w.parseID(text); known {
				require.GreaterOrEqual(t, id, 0)
				require.NotContains(t, text, "/")
			}
		}
	})
}

package mcpserver

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/permissions"
)

// says sends a message to a replica without a connection.
func (s *site) says(message string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(message))
	r.Host = "localhost"
	r.Header = http.Header{"Authorization": {"Bearer " + aliceKey}, "Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.http.ServeHTTP(w, r)
	return w
}

// What we read of a message is what is answered: no other spelling or second member of the same name changes it on the
// way to mcp-go, which reads JSON otherwise.
func TestOneReadingOfAMessage(t *testing.T) {
	s := newSite(t, nil)
	deletes := `{"name":"servers_delete","arguments":{"server":"web-server-01"}}`
	for message, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":` + deletes + `}`:                                            `"result":{}`,
		`{"jsonrpc":"2.0","id":1,"Method":"tools/call","method":"ping","METHOD":"tools/call","params":` + deletes + `}`:                      `"result":{}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping","params":` + deletes + `}`:                                            `"result":{}`,
		`{"jsonrpc":"2.0","id":1,"method":"ping","\u004dethod":"tools/call","params":` + deletes + `}`:                                       `"result":{}`,
		`{"jsonrpc":"2.0","id":1,"Method":"ping"}`:                                                                                           `belongs to no open question`,
		`{"jsonrpc":"2.0","id":1,"ID":2,"method":"ping"}`:                                                                                    `"id":1,`,
		`{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}`:                                                                                    `"id":2,`,
		`{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}`:                                                                            `"id":9007199254740993,`,
		`{"jsonrpc":"2.0","id":"5","method":"ping"}`:                                                                                         `"id":"5",`,
		`{"jsonrpc":"2.0","id":1e3,"method":"ping"}`:                                                                                         `"id":1e3,`,
		`{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}`:                                                                                     `{"jsonrpc":"2.0","error"`,
		`{"jsonrpc":"2.0","id":null,"method":"ping"}`:                                                                                        `{"jsonrpc":"2.0","error"`,
		`{"JSONRPC":"2.0","id":1,"method":"ping"}`:                                                                                           `a message has`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"servers_get","Name":"servers_delete","arguments":` + web + `}}`:     `203.0.113.10`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"Name":"servers_delete","arguments":` + web + `}}`:                          `names of its members`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"servers_get","Arguments":` + web + `}}`:                             `missing`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"servers_get","arguments":{"server":"a","server":"web-server-01"}}}`: `isError`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","PARAMS":` + deletes + `}`:                                                            `cannot be read`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + deletes + `,"result":{"action":"accept"}}`:                               `approval_required`,
	} {
		got := s.says(message)
		require.Contains(t, got.Body.String(), want, message)
	}
	require.Empty(t, s.sent())
}

// The era of a message is decided once: a client cannot be of one in the header and of the other in the message.
func TestOneEra(t *testing.T) {
	s := newSite(t, nil)
	meta := func(more string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{` + more + `}}`
	}
	const (
		now  = `"io.modelcontextprotocol/protocolVersion":"2026-07-28"`
		caps = `"io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}`
	)
	for name, c := range map[string]struct {
		message, header string
		status          int
		says            string
	}{
		"both":                   {meta(`"_meta":{` + now + `,` + caps + `}`), "2026-07-28", 200, `"tools":[`},
		"the header alone":       {meta(``), "2026-07-28", 400, "missing or invalid _meta field io.modelcontextprotocol/protocolVersion"},
		"the message alone":      {meta(`"_meta":{` + now + `,` + caps + `}`), "", 400, "the header Mcp-Protocol-Version is missing"},
		"an older header":        {meta(`"_meta":{` + now + `,` + caps + `}`), "2025-06-18", 400, "is not the version in _meta"},
		"an older message":       {meta(`"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-06-18"}`), "2026-07-28", 400, "is not the version in _meta"},
		"no capabilities":        {meta(`"_meta":{` + now + `}`), "2026-07-28", 400, "missing or invalid _meta field io.modelcontextprotocol/clientCapabilities"},
		"capabilities of a kind": {meta(`"_meta":{"io.modelcontextprotocol/clientCapabilities":5,` + now + `}`), "2026-07-28", 400, "missing or invalid _meta field"},
		"an unknown version":     {meta(`"_meta":{"io.modelcontextprotocol/protocolVersion":"2027-01-01",` + caps + `}`), "2027-01-01", 400, "2027-01-01"},
		"an unknown header":      {meta(``), "2024-01-01", 400, "the protocol version 2024-01-01 is not known"},
		"a hostile header":       {meta(``), "<script>", 400, "missing or invalid _meta field"},
		"an older one":           {meta(``), "2025-06-18", 200, `"tools":[`},
		"none":                   {meta(``), "", 200, `"tools":[`},
		"another spelling":       {meta(`"_META":{` + now + `,` + caps + `}`), "", 200, `"tools":[`},
		"an answer":              {`{"jsonrpc":"2.0","id":"x","result":{}}`, "2026-07-28", 400, "in this protocol version answers come with a new call"},
		"a notification":         {`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`, "2026-07-28", 202, ""},
		"a subscription":         {`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"_meta":{` + now + `,` + caps + `}}}`, "2026-07-28", 404, "-32601"},
	} {
		t.Run(name, func(t *testing.T) {
			headers := []string{"Mcp-Method", "tools/list"}
			if strings.Contains(c.message, "subscriptions") {
				headers[1] = "subscriptions/listen"
			}
			if c.header != "" {
				headers = append(headers, "Mcp-Protocol-Version", c.header)
			}
			got := s.says(c.message, headers...)
			require.Equal(t, c.status, got.Code, got.Body.String())
			require.Contains(t, got.Body.String(), c.says)
		})
	}
	for _, wrong := range [][]string{{"Mcp-Method", "ping"}, {"Mcp-Method", ""}, {"Mcp-Name", "x", "Mcp-Method", ""}} {
		got := s.says(meta(`"_meta":{`+now+`,`+caps+`}`), append(wrong, "Mcp-Protocol-Version", "2026-07-28")...)
		require.Equal(t, 400, got.Code, wrong)
	}
}

// shapes of parameters that no client should send.
var shapes = []string{
	``, `null`, `[]`, `5`, `"x"`, `true`, `{}`, `{"_meta":null}`, `{"_meta":[]}`, `{"_meta":5}`, `{"_meta":{"progressToken":{}}}`, `{"_meta":{"progressToken":[1]}}`,
	`{"name":null}`, `{"name":5}`, `{"name":"servers_get","arguments":null}`, `{"name":"servers_get","arguments":[]}`, `{"uri":null}`, `{"uri":5}`, `{"uri":"vps://"}`,
	`{"uri":"vps://servers/%zz"}`, `{"uri":"vps://servers/../../account/me"}`, `{"ref":null}`, `{"ref":{"type":"ref/prompt"}}`, `{"ref":{"type":"ref/prompt","name":"safe_reboot"},"argument":null}`,
	`{"ref":{"type":"ref/resource","uri":"vps://servers/{server}"},"argument":{"name":"server","value":null},"context":5}`, `{"cursor":"x"}`, `{"cursor":5}`,
	`{"name":"safe_reboot"}`, `{"name":"safe_reboot","arguments":{"server":null}}`, `{"name":"safe_reboot","arguments":{"server":{"a":1}}}`, `{"requestState":5}`, `{"inputResponses":[]}`,
	`{"name":"servers_delete","arguments":{"server":"web-server-01"},"inputResponses":{"confirm":null},"requestState":""}`, `{"protocolVersion":5}`, `{"protocolVersion":"2026-07-28"}`,
	`{"capabilities":{"elicitation":5}}`, `{"capabilities":[]}`, `{"clientInfo":"x","protocolVersion":"2025-06-18"}`, `{"requestId":null}`, `{"level":"debug"}`,
}

var methods = []string{
	"initialize", "ping", "tools/list", "tools/call", "resources/list", "resources/templates/list", "resources/read", "resources/subscribe", "prompts/list", "prompts/get",
	"completion/complete", "logging/setLevel", "server/discover", "subscriptions/listen", "tasks/list", "tasks/get", "notifications/cancelled", "elicitation/create", "nothing", "",
}

// No parameters of any shape break a request of either era.
func TestShapesOfParameters(t *testing.T) {
	s := newSite(t, nil)
	for _, method := range methods {
		for _, params := range shapes {
			message := `{"jsonrpc":"2.0","id":1,"method":"` + method + `"`
			if params != "" {
				message += `,"params":` + params
			}
			s.wellAnswered(message + `}`)
			s.wellAnswered(strings.Replace(message, `"id":1,`, "", 1) + `}`)
		}
	}
	require.Empty(t, s.sent())
}

// wellAnswered requires that a message gets a sound answer, in either era, and alone in a list.
func (s *site) wellAnswered(message string) {
	s.Helper()
	for _, headers := range [][]string{nil, {"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "ping"}} {
		for _, m := range []string{message, "[" + message + "]"} {
			got := s.says(m, headers...)
			require.Contains(s, []int{200, 202, 400, 404}, got.Code, m)
			require.NotContains(s, got.Body.String(), "internal error", m)
			require.NotContains(s, got.Body.String(), "json:", m)
			if text := got.Body.String(); got.Code != 202 && !strings.HasPrefix(text, "data: ") && text != "no such session: initialize again\n" {
				require.True(s, json.Valid([]byte(text)), "%s: %s", m, text)
			}
		}
	}
	if strings.Contains(s.log.String(), "internal error") {
		require.Fail(s, message, s.log.String())
	}
}

// Whatever a caller who may only read sends, it is answered, nothing is changed, and nobody is asked.
func FuzzMessage(f *testing.F) {
	for _, method := range methods {
		f.Add(`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{}}`)
	}
	for _, params := range shapes {
		if params != "" {
			f.Add(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + params + `}`)
		}
	}
	for _, message := range []string{
		`[`, `[]`, `[` + ping + `]`, `{"jsonrpc":"2.0","id":"x","result":{"action":"accept"}}`, `{"jsonrpc":"2.0","id":"x","error":{"code":1}}`, "\ufeff" + ping,
		`{"jsonrpc":"2.0","id":"\ud800","method":"ping"}`, `{"id":1,"id":2}`, strings.Repeat("[", 20_000), `{"a":` + strings.Repeat(`{"a":`, 11_000),
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"servers_delete","arguments":{"server":"web-server-01"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}}}`,
	} {
		f.Add(message)
	}
	w := newWorld(f)
	w.server.Runner.Policy = func() permissions.Policy {
		return permissions.Policy{Book: &permissions.Rulebook{Rules: []permissions.Rule{
			{Name: "read", Effect: permissions.Allow, Who: []permissions.Principal{"*"}, Risks: []permissions.Risk{permissions.Read}},
		}}}
	}
	s := w.bare(w.server, nil)
	f.Fuzz(func(t *testing.T, message string) {
		here := &site{http: s.http, world: &world{TB: t, sim: w.sim, store: w.store, clock: w.clock, log: w.log, server: w.server, token: w.token}}
		here.wellAnswered(message)
		require.Empty(t, here.sent())
	})
}

// Where VPS.org's answers hold the token, no client gets it: not as JSON, not in an event, not in a question.
func TestTokenInAnswersOverHTTP(t *testing.T) {
	s := newSite(t, nil)
	s.sim.Edit(func(world *simulator.World) { world.Servers[12345].Name = "my-vps_demo-server" })
	k := s.client(aliceKey).initialize(older, forms)
	for _, accept := range []string{"application/json", "application/json, text/event-stream"} {
		k.header.Set("Accept", accept)
		for _, message := range []string{
			`"tools/call","params":` + call("servers_list", `{}`), `"tools/call","params":` + call("servers_delete", `{"server":12345,"dry_run":true}`),
			`"resources/read","params":{"uri":"vps://servers/12345"}`, `"completion/complete","params":{"ref":{"type":"ref/resource","uri":"vps://servers/{server}"},"argument":{"name":"server","value":"my"}}`,
			`"tools/call","params":` + `{"name":"servers_delete","arguments":{"server":12345},"_meta":{"progressToken":"vps_demo"}}`,
		} {
			answer := k.post(`{"jsonrpc":"2.0","id":"vps_demo","method":` + message + `}`)
			part := make([]byte, 1<<16)
			n, err := io.ReadAtLeast(answer.Body, part, 100)
			require.NoError(t, err, message)
			answer.Body.Close()
			require.NotContains(t, string(part[:n]), "vps_demo", message)
			require.Contains(t, string(part[:n]), "[redacted]", message)
		}
	}
}

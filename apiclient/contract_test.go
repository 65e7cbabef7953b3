package apiclient

import (
	"context"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
)

type example struct {
	Status   int            `json:"success_status"`
	Request  jsontext.Value `json:"request"`
	Response jsontext.Value `json:"response"`
}

func readExamples(t testing.TB) map[string]example {
	data, err := os.ReadFile("testdata/examples.json")
	require.NoError(t, err)
	var all map[string]example
	require.NoError(t, json.Unmarshal(data, &all))
	return all
}

// contract makes each call of the documentation, by method and path below /api/v1.
func contract(ctx context.Context, c *Client) map[string]func() (any, error) {
	return map[string]func() (any, error){
		"GET /account/me/":          func() (any, error) { return c.Account.Me(ctx) },
		"GET /servers/":             func() (any, error) { return c.Servers.List(ctx, ServerFilter{}) },
		"GET /servers/{server_id}/": func() (any, error) { return c.Servers.Get(ctx, someID) },
		"POST /servers/": func() (any, error) {
			return c.Servers.Create(ctx, CreateServer{
				Name: "web-server-02", PlanID: number("1"), OSID: number("5"), Location: "us-west",
				Hostname: "web02.example.com", BackupsEnabled: new(true),
			})
		},
		"PUT /servers/{server_id}/": func() (any, error) {
			return c.Servers.Replace(ctx, someID, ReplaceServer{"web-server-updated", "web-updated.example.com", true})
		},
		"PATCH /servers/{server_id}/": func() (any, error) {
			return c.Servers.Update(ctx, someID, UpdateServer{Name: new("new-server-name")})
		},
		"DELETE /servers/{server_id}/":      func() (any, error) { return nil, c.Servers.Delete(ctx, someID) },
		"POST /servers/{server_id}/start/":  func() (any, error) { return c.Servers.Start(ctx, someID) },
		"POST /servers/{server_id}/stop/":   func() (any, error) { return c.Servers.Stop(ctx, someID) },
		"POST /servers/{server_id}/reboot/": func() (any, error) { return c.Servers.Reboot(ctx, someID) },
		"POST /servers/{server_id}/restore/": func() (any, error) {
			return c.Servers.Restore(ctx, someID, number("501"))
		},
		"GET /backups/": func() (any, error) {
			return c.Backups.List(ctx, BackupFilter{ServerID: someID})
		},
		"POST /backups/": func() (any, error) {
			return c.Backups.Create(ctx, CreateBackup{someID, "Pre-deployment backup"})
		},
		"DELETE /backups/{backup_id}/": func() (any, error) { return nil, c.Backups.Delete(ctx, someID) },
		"GET /snapshots/":              func() (any, error) { return c.Snapshots.List(ctx, SnapshotFilter{someID}) },
		"POST /snapshots/": func() (any, error) {
			return c.Snapshots.Create(ctx, CreateSnapshot{someID, "nightly-b", "Example"})
		},
		"POST /snapshots/{snapshot_id}/restore/": func() (any, error) { return c.Snapshots.Restore(ctx, someID) },
		"DELETE /snapshots/{snapshot_id}/":       func() (any, error) { return nil, c.Snapshots.Delete(ctx, someID) },
		"GET /dns-zones/": func() (any, error) {
			return c.DNSZones.List(ctx, ZoneFilter{Domain: "example.com"})
		},
		"GET /domains/": func() (any, error) { return c.Domains.List(ctx, DomainFilter{}) },
		"GET /plans/":   func() (any, error) { return c.Plans.List(ctx, PlanFilter{}) },
	}
}

func number(s string) ID { return ID{scalar{s, true}} }

func word(s string) ID { return ID{scalar{text: s}} }

func TestContract(t *testing.T) {
	examples := readExamples(t)
	for name, ex := range examples {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, always(statusOf(name, ex), string(ex.Response)))
			calls := contract(t.Context(), f.client(t))
			require.Len(t, calls, len(examples), "testdata/examples.json has an example without a call in contract, or the reverse")
			call := strings.Replace(name, "/api/v1", "", 1)
			require.Contains(t, calls, call, "add the call to contract")
			got, err := calls[call]()
			require.NoError(t, err)
			checkRequest(t, name, ex, f.requests())
			if len(ex.Response) > 0 && ex.Response.Kind() != 'n' {
				require.Equal(t, plain(t, objects(t, ex.Response)), plain(t, encode(t, got)))
			}
		})
	}
}

// statusOf returns the documented status, or else the usual one.
func statusOf(name string, ex example) int {
	switch {
	case ex.Status != 0:
		return ex.Status
	case strings.HasPrefix(name, http.MethodDelete):
		return http.StatusNoContent
	}
	return http.StatusOK
}

func checkRequest(t *testing.T, name string, ex example, got []seen) {
	t.Helper()
	require.Len(t, got, 1)
	method, path, _ := strings.Cut(name, " ")
	path = regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "12345")
	require.Equal(t, method, got[0].method)
	require.Equal(t, path, got[0].path)
	require.Equal(t, "Bearer "+secret, got[0].header.Get("Authorization"))
	require.Equal(t, "application/json", got[0].header.Get("Content-Type"))
	require.Empty(t, got[0].header.Get("Idempotency-Key"))
	if ex.Request.Kind() == 'n' || len(ex.Request) == 0 {
		require.Empty(t, got[0].body)
		return
	}
	require.JSONEq(t, string(ex.Request), got[0].body)
}

// objects returns the objects of a list.
func objects(t *testing.T, body jsontext.Value) jsontext.Value {
	var list struct {
		Results jsontext.Value `json:"results"`
	}
	if body.Kind() == '{' {
		require.NoError(t, json.Unmarshal(body, &list))
	}
	if list.Results != nil {
		return list.Results
	}
	return body
}

func encode(t testing.TB, v any) jsontext.Value {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return data
}

// plain decodes a body without its nulls.
func plain(t testing.TB, body jsontext.Value) any {
	var v any
	require.NoError(t, json.Unmarshal(body, &v))
	return withoutNulls(v)
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if inner == nil {
				delete(v, key)
			} else {
				v[key] = withoutNulls(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return v
}

func TestQueries(t *testing.T) {
	f := newFake(t, always(200, `[]`))
	c, ctx := f.client(t), t.Context()
	for want, list := range map[string]func() error{
		"location=us-west&status=active":     func() error { _, err := c.Servers.List(ctx, ServerFilter{"active", "us-west"}); return err },
		"backup_type=manual&server_id=12345": func() error { _, err := c.Backups.List(ctx, BackupFilter{someID, "manual"}); return err },
		"server_id=12345":                    func() error { _, err := c.Snapshots.List(ctx, SnapshotFilter{someID}); return err },
		"location=a%26page%3D2":              func() error { _, err := c.Plans.List(ctx, PlanFilter{"a&page=2"}); return err },
		"search=exa+mple&status=locked":      func() error { _, err := c.Domains.List(ctx, DomainFilter{"locked", "exa mple"}); return err },
		"domain=example.com":                 func() error { _, err := c.DNSZones.List(ctx, ZoneFilter{"example.com"}); return err },
	} {
		require.NoError(t, list())
		got := f.requests()
		require.Equal(t, want, got[len(got)-1].query)
		require.True(t, strings.HasSuffix(got[len(got)-1].path, "/"))
	}
}

// Every member may be null, and unknown members are kept.
func TestNullsAndUnknowns(t *testing.T) {
	nulls := `{"id":"9f1c0000-0000-4000-8000-00000000000A","name":null,"hostname":null,"status":"exploding","ip_address":null,
		"ipv6_address":null,"location":null,"plan":null,"os":null,"backups_enabled":null,"resource_usage":null,
		"created_at":null,"updated_at":null,"message":null,"gpu":{"count":2}}`
	f := newFake(t, always(200, nulls))
	got, err := f.client(t).Servers.Get(t.Context(), someID)
	require.NoError(t, err)
	require.Equal(t, "exploding", got.Status)
	require.Nil(t, got.BackupsEnabled)
	require.Nil(t, got.ResourceUsage)
	require.True(t, got.CreatedAt.IsZero())
	require.Equal(t, map[string]any{"gpu": map[string]any{"count": 2.0}}, got.Extra)
	require.JSONEq(t, `{"id":"9f1c0000-0000-4000-8000-00000000000A","status":"exploding","gpu":{"count":2}}`, string(encode(t, got)))
}

func TestNullsInAllObjects(t *testing.T) {
	for name, out := range map[string]any{
		`{"account":{"email":null,"created_at":null},"token":{"permissions":null,"expires_at":null,"is_expired":null}}`: new(Me),
		`{"id":null,"server":null,"size_mb":null,"expires_at":null,"description":null}`:                                 new(Backup),
		`{"id":null,"server":{"id":null,"name":null},"name":null,"size_mb":null}`:                                       new(Snapshot),
		`{"id":null,"vcpus":null,"price_monthly":null,"available":null,"locations":null}`:                               new(Plan),
		`{"id":null,"auto_renew":null,"nameservers":null,"locked":null}`:                                                new(Domain),
		`{"uuid":null,"record_count":null}`:                                                                             new(Zone),
		`{"status":null,"message":null,"server":null,"snapshot":null}`:                                                  new(ActionResult),
		`{"count":null,"next":null,"results":null}`:                                                                     new(page[Server]),
		`{"results":[null]}`: new(page[Server]),
	} {
		require.NoError(t, unmarshal([]byte(name), out), name)
	}
}

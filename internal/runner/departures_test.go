package runner_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/tools"
)

// answerOf is what the API answers to a request, before and after a departure.
type answerOf struct {
	*http.Request
	status int
	header http.Header
	body   any // decoded; nil: none
}

func (a *answerOf) isList() bool {
	body, _ := a.body.(map[string]any)
	return body["results"] != nil
}

// departures are ways in which VPS.org may answer otherwise than its pages say, and which must
// make no difference to any operation.
var departures = map[string]func(*answerOf){
	"ids under uuid":           eachObject(func(o map[string]any) { move(o, "id", "uuid") }),
	"ids as text":              eachObject(func(o map[string]any) { asText(o, "id") }),
	"uuid beside id":           eachObject(func(o map[string]any) { o["uuid"] = "10000000-0000-4000-8000-000000000001" }),
	"a zone's id under id":     eachObject(func(o map[string]any) { move(o, "uuid", "id") }),
	"location by code":         each("location", func(v any) any { return map[string]any{"id": 3, "code": v, "name": "The West"} }),
	"location by slug":         each("location", func(v any) any { return map[string]any{"uuid": "x", "slug": v} }),
	"a system as text":         each("os", func(any) any { return "Debian 12" }),
	"a system as an id":        each("os", func(any) any { return 5 }),
	"no system":                each("os", nothing),
	"a system as a list":       each("os", func(v any) any { return []any{v} }),
	"a system's id is no id":   each("os", func(any) any { return map[string]any{"id": "debian/12", "name": "Debian 12"} }),
	"a plan as text":           each("plan", func(any) any { return "Standard VPS" }),
	"a plan as an id":          each("plan", func(any) any { return 1 }),
	"no plan":                  each("plan", missing),
	"a plan's id is empty":     each("plan", func(any) any { return map[string]any{"id": ""} }),
	"memory with a unit":       each("memory", func(any) any { return "4 GB" }),
	"memory in fractions":      each("memory", func(any) any { return 4096.5 }),
	"memory as an object":      each("memory", func(any) any { return map[string]any{"value": 4, "unit": "GB"} }),
	"processors as text":       each("vcpus", func(any) any { return "2" }),
	"storage not known":        each("storage", nothing),
	"traffic without limit":    each("bandwidth", func(any) any { return "unlimited" }),
	"prices as text":           each("price_monthly price_hourly", func(any) any { return "5.00" }),
	"prices as objects":        each("price_monthly price_hourly", func(v any) any { return map[string]any{"amount": v, "currency": "USD"} }),
	"no prices":                each("price_monthly price_hourly", missing),
	"a plan that may be had":   each("available", missing),
	"flags as text":            each("backups_enabled auto_renew locked available is_expired", func(v any) any { return strconv.FormatBool(v.(bool)) }),
	"flags as numbers":         each("backups_enabled auto_renew locked available is_expired", func(v any) any { return map[bool]int{true: 1}[v.(bool)] }),
	"flags as words":           each("auto_renew locked privacy_protection available", func(any) any { return "perhaps" }),
	"no flags":                 each("auto_renew locked privacy_protection available is_expired", missing),
	"dates in seconds":         each("created_at updated_at last_used_at", func(any) any { return 1736510400 }),
	"dates as objects":         each("created_at updated_at last_used_at", func(v any) any { return map[string]any{"iso": v} }),
	"no dates":                 each("created_at updated_at expires_at last_used_at", missing),
	"usage as text":            each("resource_usage", func(any) any { return "n/a" }),
	"usage as a list":          each("resource_usage", func(v any) any { return []any{v} }),
	"no usage":                 each("resource_usage", missing),
	"usage in words":           each("cpu_percent memory_used disk_used", func(any) any { return "23.5 %" }),
	"addresses as objects":     each("ip_address", func(v any) any { return map[string]any{"address": v, "version": 4} }),
	"addresses as lists":       each("ip_address ipv6_address", func(v any) any { return []any{v} }),
	"no host names":            each("hostname", missing),
	"sizes with a unit":        each("size_mb", func(any) any { return "4.4 GB" }),
	"a server as its id":       each("server", func(v any) any { return v.(map[string]any)["id"] }),
	"a server as an id's text": each("server", func(v any) any { return scalarText(v.(map[string]any)["id"]) }),
	"a server's id beside":     eachObject(func(o map[string]any) { flatten(o, "server_id") }),
	"a server's uuid beside":   eachObject(func(o map[string]any) { flatten(o, "server_uuid") }),
	"no descriptions":          each("description", nothing),
	"name servers as text":     each("nameservers", func(any) any { return "ns1.vps.org" }),
	"name servers as objects":  each("nameservers", func(any) any { return []any{map[string]any{"host": "ns1.vps.org", "ip": "192.0.2.1"}} }),
	"places as objects":        each("locations", func(any) any { return []any{map[string]any{"code": "us-west"}, map[string]any{"slug": "us-east"}} }),
	"places as text":           each("locations", func(any) any { return "us-west" }),
	"places as an object":      each("locations", func(any) any { return map[string]any{"us-west": true} }),
	"record count as text":     each("record_count", func(any) any { return "3 records" }),
	"messages as lists":        each("message", func(v any) any { return []any{v} }),
	"members nobody knows":     eachObject(func(o map[string]any) { o["tags"] = []any{map[string]any{"a": []any{1, "b"}}}; o["region"] = nil }),

	"bare lists":       onLists(func(a *answerOf, list map[string]any) { a.body = list["results"] }),
	"count as text":    onLists(func(_ *answerOf, list map[string]any) { list["count"] = scalarText(list["count"]) }),
	"no count":         onLists(func(_ *answerOf, list map[string]any) { delete(list, "count") }),
	"count is an idea": onLists(func(_ *answerOf, list map[string]any) { list["count"] = map[string]any{"total": 3} }),
	"count is wrong":   onLists(func(_ *answerOf, list map[string]any) { list["count"] = 99 }),
	"no next page":     onLists(func(_ *answerOf, list map[string]any) { list["next"], list["previous"] = nil, nil }),
	"next within":      onLists(inPages("http://app:8000/api/v1/servers/")),
	"next elsewhere":   onLists(inPages("https://evil.example/other/")),
	"next is a query":  onLists(inPages("")),
	"zones in a list": func(a *answerOf) {
		if zones, bare := a.body.([]any); bare {
			a.body = map[string]any{"count": len(zones), "next": nil, "previous": nil, "results": zones}
		}
	},

	"permissions as text":        each("permissions", func(any) any { return separated(", ", ";", " ", "\n") }),
	"permissions as lists":       each("permissions", func(any) any { return grouped([]any{"*"}) }),
	"permissions as words":       each("permissions", func(any) any { return grouped("*") }),
	"permissions as flags":       each("permissions", func(any) any { return grouped(map[string]any{"*": true, "wipe": false}) }),
	"permissions named in full":  each("permissions", func(any) any { return map[string]any{"*:*": true, "servers:wipe": false} }),
	"permissions as objects":     each("permissions", func(any) any { return []any{map[string]any{"resource": "*", "action": "*"}} }),
	"permissions as named ones":  each("permissions", func(any) any { return []any{map[string]any{"id": 1, "name": "*:*"}} }),
	"a token's expiry in a list": each("expires_at", func(v any) any { return []any{v} }),

	"created under its own name": onCreates(func(a *answerOf) { a.body = map[string]any{noun(a): a.body, "message": "Made."} }),
	"created under data":         onCreates(func(a *answerOf) { a.body = map[string]any{"success": true, "data": a.body} }),
	"created under data, deeper": onCreates(func(a *answerOf) { a.body = map[string]any{"data": map[string]any{noun(a): a.body}} }),
	"created with 200":           onCreates(func(a *answerOf) { a.status = http.StatusOK }),
	"accepted in silence":        onWrites(func(a *answerOf) { a.status, a.body = http.StatusAccepted, nil }),
	"accepted with a word":       onWrites(func(a *answerOf) { a.status, a.body = http.StatusAccepted, map[string]any{"detail": "Accepted."} }),
	"accepted as a task": onWrites(func(a *answerOf) {
		a.status, a.body = http.StatusAccepted, map[string]any{"task_id": "7f", "status": "queued"}
	}),
	"changed under data":   onWrites(func(a *answerOf) { a.body = map[string]any{"success": true, "data": a.body} }),
	"success said in text": onWrites(func(a *answerOf) { addTo(a, "success", "true") }),
	"deleted with words": onWrites(func(a *answerOf) {
		if a.Method == http.MethodDelete {
			a.status, a.body = http.StatusOK, map[string]any{"status": "success", "message": "Deleted."}
		}
	}),
	"changed without a body": onWrites(func(a *answerOf) {
		if a.status == http.StatusOK {
			a.status, a.body = http.StatusNoContent, nil
		}
	}),
}

func TestAPIDeparturesMakeNoDifference(t *testing.T) {
	require.GreaterOrEqual(t, len(departures), 40)
	for name, depart := range departures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.depart(depart)
			for operation, count := range map[string]int{"servers.list": 2, "backups.list": 3, "snapshots.list": 1, "plans.list": 4, "domains.list": 2, "dns.zones": 1} {
				reply := w.run(operation, "")
				require.Equal(t, runner.OK, reply.Class, "%s: %s", operation, reply.Message)
				require.EqualValues(t, count, decoded(t, reply.JSON())["count"], operation)
				require.NotContains(t, string(reply.JSON()), `"id":null`, operation)
			}
			require.Equal(t, runner.OK, w.run("account.get", "").Class)
			got := w.run("servers.get", `{"server":"web-server-01"}`)
			require.Equal(t, runner.OK, got.Class, got.Message)
			require.Equal(t, "12345", decoded(t, got.JSON())["id"])
			for _, change := range harmlessFirst {
				if isLeftOut() {
					continue
				}
				before := len(w.sent())
				w.clock.Advance(11 * time.Minute) // more deletions than ten minutes allow are no matter here
				w.sim.Edit(serversAre(change[2]))
				reply := w.runAndAgree(change[0], change[1])
				require.Equal(t, runner.Done, reply.Outcome, "%s: %s", change[0], reply.Message)
				require.NotContains(t, reply.Message, "lost", change[0])
				require.Len(t, w.sent(), before+1, "exactly one write: %s", change[0])
			}
		})
	}
}

// harmlessFirst are all changes, in an order in which they can follow each other on one account; servers
// have the third's status before.
var harmlessFirst = [][3]string{
	{"servers.update", `{"server":"web-server-01","hostname":"a.example.com"}`, "active"},
	{"servers.replace", `{"server":"web-server-01","name":"web-server-01","hostname":"b.example.com","backups_enabled":true}`, "active"},
	{"backups.create", `{"server":"web-server-01","description":"before"}`, "active"},
	{"snapshots.create", `{"server":"web-server-01","name":"before"}`, "active"},
	{"servers.create", `{"name":"web-3","plan_id":"1","os_id":"5","location":"us-west"}`, "active"},
	{"servers.start", `{"server":"web-server-01"}`, "stopped"},
	{"servers.stop", `{"server":"web-server-01"}`, "active"},
	{"servers.reboot", `{"server":"web-server-01"}`, "active"},
	{"servers.restore", `{"server":"web-server-01","backup_id":"501"}`, "active"},
	{"snapshots.restore", `{"snapshot_id":"7001"}`, "active"},
	{"backups.delete", `{"backup_id":"499"}`, "active"},
	{"snapshots.delete", `{"snapshot_id":"7001"}`, "active"},
	{"servers.delete", `{"server":"db-server-01"}`, "active"},
}

func serversAre(status string) func(*simulator.World) {
	return func(world *simulator.World) {
		for _, s := range world.Servers {
			s.Status = status
		}
	}
}

// noes are answers that say, in whatever way, that nothing was done. None is taken for a success,
// for an unknown outcome, or for a sign that the target is gone.
func TestEveryFormOfDeclineIsADecline(t *testing.T) {
	page := "<!doctype html><title>Not Found</title>"
	const noRoute = "VPS.org's API does not take this request"
	for name, no := range map[string]struct {
		status     int
		body, says string
	}{
		"success false":           {200, `{"success":false,"message":"Try later"}`, "Try later"},
		"success false, error":    {200, `{"success":false,"error":"Quota used up"}`, "Quota used up"},
		"success false, in text":  {201, `{"success":"false","errors":{"name":["Taken."]}}`, "(status 201); name: Taken. Correct"},
		"a route that is no more": {404, page, noRoute},
		"a text that says 404":    {404, "404 page not found", noRoute},
		"another method":          {405, `{"detail":"Method \"POST\" not allowed."}`, noRoute},
		"an error of its own":     {400, `{"error":"Not now"}`, "Not now"},
		"forbidden by hand":       {403, `{"error":"Not yours"}`, "Not yours"},
	} {
		for _, change := range harmlessFirst {
			t.Run(name+"/"+change[0], func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.sim.Edit(serversAre(change[2]))
				w.loseWrites(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
					if no.body == page {
						rw.Header().Set("Content-Type", "text/html")
					}
					rw.WriteHeader(no.status)
					_, _ = rw.Write([]byte(no.body))
				})
				reply := w.runAndAgree(change[0], change[1])
				require.Equal(t, runner.Failed, reply.Class, reply.Message)
				require.Equal(t, runner.Refused, reply.Outcome)
				require.Contains(t, reply.Message, "did not happen")
				require.Contains(t, reply.Message, no.says)
				require.Len(t, w.sent(), 1)
			})
		}
	}
}

// A read that gets such an answer fails and says so: nothing is read as an empty list or a server
// that is gone.
func TestRefusedReadIsNotEmpty(t *testing.T) {
	t.Parallel()
	for body, says := range map[string]string{
		"<html><title>Not Found</title></html>":         "VPS.org's API does not take this request",
		`{"success":false,"message":"Down for repair"}`: "Down for repair",
	} {
		w := newWorld(t)
		w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/account/me/"):
				next.ServeHTTP(rw, r)
				return
			case strings.HasPrefix(body, "<"):
				rw.Header().Set("Content-Type", "text/html")
				rw.WriteHeader(404)
			}
			_, _ = rw.Write([]byte(body))
		})
		for _, op := range tools.Default.Operations() {
			if !op.IsRead() || op.Name == "account.get" {
				continue
			}
			reply := w.run(op.Name, map[bool]string{true: `{"server":"12345"}`}[op.Name == "servers.get"])
			require.Equal(t, runner.Failed, reply.Class, "%s: %s", op.Name, reply.Message)
			require.Contains(t, reply.Message, says, op.Name)
		}
	}
}

// The API may ignore each filter: what does not fit is left out here.
func TestFiltersAreAppliedHereToo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		operation, input string
		count            int
	}{
		{"servers.list", `{"status":"stopped"}`, 1},
		{"servers.list", `{"location":"us-east","status":"stopped"}`, 1},
		{"servers.list", `{"location":"moon"}`, 0},
		{"backups.list", `{"server":"db-server-01"}`, 0},
		{"backups.list", `{"server":"12345","backup_type":"manual"}`, 1},
		{"snapshots.list", `{"server":"db-server-01"}`, 0},
		{"plans.list", `{"location":"eu-central"}`, 3},
		{"domains.list", `{"status":"expired"}`, 0},
		{"domains.list", `{"search":"EXAMPLE.n"}`, 1},
		{"dns.zones", `{"domain":"example.org"}`, 0},
		{"dns.zones", `{"domain":"Example.com"}`, 1},
	} {
		w := newWorld(t)
		w.sim.Edit(func(world *simulator.World) { world.ServerNamed("db-server-01").Status = "stopped" })
		w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			r.URL.RawQuery = ""
			next.ServeHTTP(rw, r)
		})
		reply := w.run(c.operation, c.input)
		require.Equal(t, runner.OK, reply.Class, reply.Message)
		require.EqualValues(t, c.count, decoded(t, reply.JSON())["count"], "%s %s", c.operation, c.input)
	}
}

// What the API does not say is unknown, on the card and in the list, and stays the same fact.
func TestMissingFieldIsUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.depart(each("price_monthly price_hourly available auto_renew locked privacy_protection record_count", missing))
	for operation, cells := range map[string]int{"plans.list": 8, "domains.list": 4, "dns.zones": 1} {
		reply := w.run(operation, "")
		require.Equal(t, cells, strings.Count(reply.Text(), "unknown"), reply.Text())
		require.NotRegexp(t, `:0[,}]|false`, strings.Replace(string(reply.JSON()), `"offset":0`, "", 1), operation)
	}
	asked := w.run("servers.create", `{"name":"web-3","plan_id":"1","os_id":"5","location":"us-west"}`)
	require.Contains(t, asked.Card.Price, "unknown")
	require.NotContains(t, asked.Text(), "0.00")
	require.NotContains(t, asked.Text(), "not available")
	require.Equal(t, runner.Done, w.answer("servers.create", asked.Record.ID, "").Outcome, "the same unknown price is no change")
}

// A word that VPS.org does not document, or none at all, settles nothing in a read-back.
func TestUnknownStatusWordIsNoEvidence(t *testing.T) {
	t.Parallel()
	for _, word := range []any{"running", "", nil, map[string]any{"code": "active"}, []any{"active"}, 7} {
		for _, change := range changes {
			if change.operation == "servers.create" || strings.HasSuffix(change.operation, "s.create") ||
				slices.Contains([]string{"servers.update", "servers.replace"}, change.operation) {
				continue
			}
			w := newWorld(t)
			if change.prepare != nil {
				w.sim.Edit(change.prepare)
			}
			w.loseWrites(losses["500 instead of the change"])
			w.runAndAgree(change.operation, change.input)
			w.depart(each("status", func(any) any { return word }))
			records := w.unknownRecords()
			require.Len(t, records, 1)
			w.clock.Advance(61e9)
			require.NoError(t, w.runner.ReconcileOnce(t.Context()))
			now := w.onRecord(records[0])
			require.NotContains(t, []string{"done", "not_applied"}, string(now.State), "%s with %v: %s", change.operation, word, now.Message)
		}
	}
}

package simulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilters(t *testing.T) {
	s := New(Options{Now: fixed})
	s.Edit(func(w *World) { w.Servers[12346].Status = Stopped; w.Domains[9002].Status = "pending" })
	for path, want := range map[string]int{
		"servers/":               2,
		"servers/?status=active": 1,
		"servers/?status=stopped&location=us-east": 1,
		"servers/?status=stopped&location=us-west": 0,
		"servers/?status=suspended":                0,
		"servers/?status=":                         2,
		"backups/?backup_type=manual":              1,
		"backups/?backup_type=automatic":           2,
		"backups/?server_id=12346":                 0,
		"backups/?server_id=1":                     0,
		"snapshots/?server_id=12345":               1,
		"snapshots/?server_id=12346":               0,
		"plans/?location=us-west":                  4,
		"plans/?location=eu-central":               3,
		"plans/?location=moon":                     0,
		"domains/?status=pending":                  1,
		"domains/?search=EXAMPLE.n":                1,
		"domains/?search=.":                        2,
		"domains/?search=nothing":                  0,
	} {
		got := do(t, s, "GET", path, "")
		require.Equal(t, http.StatusOK, got.status, path)
		require.Len(t, got.results(t), want, path)
		require.EqualValues(t, want, got.object(t)["count"], path)
		require.NotContains(t, got.body, `"next"`)
	}
	require.Contains(t, do(t, s, "GET", "dns-zones/?domain=example.com", "").body, "example.com")
	require.Equal(t, "[]", do(t, s, "GET", "dns-zones/?domain=example", "").body)
}

func TestPages(t *testing.T) {
	s := New(Options{Servers: 25, PageSize: 10, Vendor: true, Now: fixed})
	for _, c := range []struct {
		query       string
		first, last string
		items       int
		next        string
	}{
		{"", "web-server-01", "cache-10", 10, "page=2"},
		{"?page=1", "web-server-01", "cache-10", 10, "page=2"},
		{"?page=2", "worker-11", "cache-20", 10, "page=3"},
		{"?page=3", "worker-21", "cache-25", 5, ""},
		{"?page=2&page_size=20", "worker-21", "cache-25", 5, ""},
		{"?page_size=20", "web-server-01", "cache-20", 20, "page=2&page_size=20"},
		{"?page_size=1000", "web-server-01", "cache-25", 25, ""},
		{"?page_size=x", "web-server-01", "cache-10", 10, "page=2&page_size=x"},
	} {
		got := do(t, s, "GET", "servers/"+c.query, "").object(t)
		results := got["results"].([]any)
		require.Len(t, results, c.items, c.query)
		require.EqualValues(t, 25, got["count"])
		previous, _ := got["previous"].(string)
		require.Equal(t, strings.HasPrefix(c.query, "?page=2") || strings.HasPrefix(c.query, "?page=3"), previous != "", c.query)
		require.NotContains(t, previous, "page=1")
		require.Equal(t, c.first, results[0].(map[string]any)["name"], c.query)
		require.Equal(t, c.last, results[len(results)-1].(map[string]any)["name"], c.query)
		if c.next == "" {
			require.Contains(t, got, "next")
			require.Nil(t, got["next"], c.query)
			continue
		}
		require.Equal(t, "http://example.com/api/v1/servers/?"+c.next, got["next"], c.query)
	}
	for _, page := range []string{"0", "-1", "4", "last"} {
		require.Equal(t, http.StatusNotFound, do(t, s, "GET", "servers/?page="+page, "").status, page)
	}
	require.Empty(t, do(t, s, "GET", "domains/?status=pending", "").results(t))
	require.True(t, strings.HasPrefix(do(t, s, "GET", "dns-zones/?page=7", "").body, "[{"), "zones have no pages")
}

func TestPagesWithoutNext(t *testing.T) {
	s := New(Options{Servers: 25, PageSize: 10, Now: fixed})
	got := do(t, s, "GET", "servers/?page=3", "")
	require.Len(t, got.results(t), 5)
	require.NotContains(t, got.body, `"next"`)
}

func TestNextLinks(t *testing.T) {
	s := New(Options{Servers: 25, PageSize: 10, Vendor: true, Now: fixed})
	client := &http.Client{Transport: s.Transport()}
	seen := map[string]bool{}
	for target := "https://vps.test" + prefix + "servers/?location=us-west"; target != ""; {
		u, err := url.Parse(target)
		require.NoError(t, err)
		require.Equal(t, "https://vps.test", u.Scheme+"://"+u.Host)
		require.Equal(t, "us-west", u.Query().Get("location"))
		got, err := send(t, client, "https://vps.test", "GET", strings.TrimPrefix(u.RequestURI(), prefix), "")
		require.NoError(t, err)
		for _, r := range got.results(t) {
			seen[fmt.Sprint(r.(map[string]any)["uuid"])] = true
		}
		target, _ = got.object(t)["next"].(string)
	}
	require.Len(t, seen, 25)
}

// The vendor's style differs from the documentation's in every list and object.
func TestVendorStyle(t *testing.T) {
	s := New(Options{Vendor: true, Servers: 45, Now: fixed})
	for path, items := range map[string]int{
		"servers/": 20, "servers/?page=3": 5, "servers/?page_size=100": 45, "servers/?status=stopped&location=moon": 20,
		"backups/?server_id=" + UUID(12345): 3, "snapshots/": 1, "plans/": 4, "domains/": 2,
	} {
		got := do(t, s, "GET", path, "")
		require.Len(t, got.results(t), items, path)
		require.Contains(t, got.object(t), "previous", path)
		for _, item := range got.results(t) {
			require.Contains(t, item, "uuid", path)
			require.NotContains(t, item, "id", path)
		}
	}
	plan := do(t, s, "GET", "plans/", "").results(t)[0]
	require.Contains(t, plan, "price_monthly")
	require.Equal(t, "5.00", plan.(map[string]any)["price_monthly"])
	require.Equal(t, "0.007", plan.(map[string]any)["price_hourly"])

	require.Contains(t, do(t, s, "GET", "servers/"+UUID(12345)+"/", "").body, `{"uuid":"`+UUID(12345)+`","name":"web-server-01"`)
	require.Equal(t, http.StatusNotFound, do(t, s, "GET", "servers/12345/", "").status)
	made := do(t, s, "POST", "servers/", `{"name":"a","plan_id":"`+UUID(1)+`","os_id":"`+UUID(5)+`","location":"us-west"}`)
	require.Equal(t, http.StatusCreated, made.status, made.body)
	stop := do(t, s, "POST", "servers/"+UUID(12345)+"/stop/", "")
	require.Contains(t, stop.body, `"server":{"uuid":"`+UUID(12345)+`"`)
}

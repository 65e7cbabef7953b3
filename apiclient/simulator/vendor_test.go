package simulator

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// The vendor's style differs from the documentation's in each list and each object.
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

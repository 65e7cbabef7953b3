package simulator

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddToWorld(t *testing.T) {
	s := New(Options{Now: fixed})
	s.Edit(func(w *World) {
		added := w.AddServer(Server{Name: "bad \u202ename %s", Plan: sample().ServerPlans[2]})
		require.Equal(t, 12347, added.ID)
		require.Equal(t, Server{
			ID: 12347, Name: "bad \u202ename %s", IPAddress: "203.0.113.12", IPv6Address: "2001:0db8::3", Status: Active,
			Location: "us-west", Plan: sample().ServerPlans[2], OS: sample().Systems[5], CreatedAt: sampleNow, UpdatedAt: sampleNow,
		}, *added)
		require.Same(t, added, w.ServerNamed(added.Name))
		require.Nil(t, w.ServerNamed("nobody"))
		require.Equal(t, "server-20000", w.AddServer(Server{ID: 20000, Status: Provisioning}).Name)
		require.Empty(t, w.Servers[20000].IPAddress)
		require.Equal(t, 20001, w.AddServer(Server{}).ID)
		require.Equal(t, "198.18.78.33", w.Servers[20001].IPAddress)

		backup := w.AddBackup(Backup{Image: Image{ServerID: 12346}})
		require.Equal(t, Backup{BackupType: Manual, Image: Image{
			ID: 502, ServerID: 12346, ServerName: "db-server-01", Status: Completed, SizeMB: 4002, CreatedAt: sampleNow,
		}}, *backup)
		require.Same(t, backup, w.Backups[502])
		snapshot := w.AddSnapshot(Snapshot{Image: Image{ServerID: 12346, Status: InProgress}})
		require.Same(t, snapshot, w.Snapshots[7002])
		require.Zero(t, snapshot.SizeMB)
	})
	require.Contains(t, do(t, s, "GET", "servers/12347/", "").body, "bad \u202ename %s")
}

func TestEditsAffectOneSimulator(t *testing.T) {
	tokens := DefaultTokens(sampleNow)
	s := New(Options{Tokens: tokens, Now: fixed})
	s.Edit(func(w *World) {
		w.Plans[1].Locations[0] = "moon"
		w.Tokens["vps_demo"].Permissions[0] = "servers:list"
	})
	require.Len(t, do(t, s, "GET", "servers/", "").results(t), 2)
	require.Equal(t, []string{"*:*"}, tokens[0].Permissions)
	s.Edit(func(w *World) {
		w.Tokens["vps_demo"].Permissions[0] = "*:*"
		require.Equal(t, []string{"us-west", "us-east", "eu-central"}, w.Plans[2].Locations)
	})
}

func TestDeletedServer(t *testing.T) {
	s := New(Options{Now: fixed})
	require.Equal(t, http.StatusOK, do(t, s, "PATCH", "servers/12345/", `{"name":"renamed"}`).status)
	require.Contains(t, do(t, s, "GET", "backups/", "").body, `"name":"renamed"`)
	got := do(t, s, "DELETE", "servers/12345/", "")
	require.Equal(t, http.StatusNoContent, got.status)
	require.Empty(t, got.header.Get("Content-Type"))
	require.Equal(t, http.StatusNotFound, do(t, s, "GET", "servers/12345/", "").status)
	require.Len(t, do(t, s, "GET", "backups/?server_id=12345", "").results(t), 3)
	require.Contains(t, do(t, s, "GET", "backups/", "").body, `"name":"renamed"`)
	require.Empty(t, do(t, s, "GET", "snapshots/", "").results(t))
	s.Edit(func(w *World) {
		w.DeleteServer(12345)
		w.AddSnapshot(Snapshot{Image: Image{ServerID: 12345}})
	})
	require.Equal(t, http.StatusBadRequest, do(t, s, "POST", "snapshots/7002/restore/", "").status)
}

func TestChangesOfAServer(t *testing.T) {
	s := New(Options{Now: fixed})
	got := do(t, s, "PATCH", "servers/12345/", `{"backups_enabled":false,"hostname":"h.example.com","status":"stopped","id":1}`)
	require.Equal(t, http.StatusOK, got.status)
	changed := got.object(t)
	require.Equal(t, "web-server-01", changed["name"])
	require.Equal(t, "h.example.com", changed["hostname"])
	require.Equal(t, false, changed["backups_enabled"])
	require.Equal(t, Active, changed["status"])
	require.Equal(t, "2025-02-11T08:45:12Z", changed["updated_at"])
	// VPS.org does not promise that names are unique.
	require.Equal(t, http.StatusOK, do(t, s, "PATCH", "servers/12346/", `{"name":"web-server-01"}`).status)
}

func TestHostnameIsOptional(t *testing.T) {
	got := do(t, New(Options{Now: fixed}), "POST", "servers/", create)
	require.Contains(t, got.body, `"hostname":null`)
	require.Contains(t, got.body, `"backups_enabled":false`)
}

func TestFleet(t *testing.T) {
	for _, size := range []int{-1, 0, 1, 2, 3, 50, 1000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			want := size
			if size <= 0 {
				want = 2
			}
			first, again := New(Options{Servers: size, Now: fixed}), New(Options{Servers: size, Now: fixed})
			got := do(t, first, "GET", "servers/", "")
			require.Len(t, got.results(t), want)
			require.Equal(t, got.body, do(t, again, "GET", "servers/", "").body)
			created := do(t, first, "POST", "servers/", create)
			require.EqualValues(t, 12345+max(want, 2), created.object(t)["id"])
		})
	}
}

func TestGeneratedServersVary(t *testing.T) {
	varied := map[string]map[any]bool{"name": {}, "location": {}, "status": {}}
	for _, r := range do(t, New(Options{Servers: 50, Now: fixed}), "GET", "servers/", "").results(t) {
		for field, values := range varied {
			values[r.(map[string]any)[field]] = true
		}
	}
	require.Len(t, varied["name"], 50)
	require.Contains(t, varied["name"], "web-03")
	require.Contains(t, varied["name"], "db-04")
	require.Len(t, varied["location"], 3)
	require.Equal(t, map[any]bool{Active: true, Stopped: true}, varied["status"])
}

func TestUUIDs(t *testing.T) {
	s := New(Options{UUIDs: true, Now: fixed})
	server := do(t, s, "GET", "servers/"+UUID(12345)+"/", "").object(t)
	require.Equal(t, "1a2b3c4d-5e6f-4a0b-8c0d-000000012345", server["id"])
	require.Equal(t, UUID(1), server["plan"].(map[string]any)["id"])
	require.Equal(t, UUID(5), server["os"].(map[string]any)["id"])
	require.Equal(t, http.StatusNotFound, do(t, s, "GET", "servers/12345/", "").status)
	require.Equal(t, http.StatusNotFound, do(t, s, "GET", "servers/"+UUID(1)+"/", "").status)
	require.Len(t, do(t, s, "GET", "backups/?server_id="+UUID(12345), "").results(t), 3)

	got := do(t, s, "POST", "servers/", fmt.Sprintf(`{"name":"a","location":"us-west","plan_id":%q,"os_id":%q}`, UUID(1), UUID(5)))
	require.Equal(t, http.StatusCreated, got.status, got.body)
	require.Equal(t, UUID(12347), got.object(t)["id"])
	require.Contains(t, do(t, s, "POST", "servers/", create).body, `"plan_id":["Must be a valid UUID."]`)
	got = do(t, s, "POST", "servers/"+UUID(12345)+"/restore/", fmt.Sprintf(`{"backup_id":%q}`, UUID(501)))
	require.Equal(t, http.StatusOK, got.status, got.body)
	got = do(t, s, "POST", "backups/", `{"server_id":"nothing"}`)
	require.Equal(t, http.StatusNotFound, got.status)
}

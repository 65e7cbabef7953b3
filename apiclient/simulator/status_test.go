package simulator

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	server   = "servers/12345/"
	backup   = "backups/?server_id=12346"
	snapshot = "snapshots/?server_id=12346"
)

var movements = []struct {
	name, from         string // from: the server's status to begin with
	path, body         string
	look               string
	during, after      string
	real               time.Duration
	sizeMB, hasAddress bool
}{
	{"create", Active, "servers/", create, "servers/12347/", Provisioning, Active, 180 * time.Second, false, true},
	{"start", Stopped, "servers/12345/start/", "", server, Starting, Active, 30 * time.Second, false, false},
	{"stop", Active, "servers/12345/stop/", "", server, Stopping, Stopped, 30 * time.Second, false, false},
	{"reboot", Active, "servers/12345/reboot/", "", server, Rebooting, Active, 30 * time.Second, false, false},
	{"restore", Active, "servers/12345/restore/", `{"backup_id":501}`, server, Restoring, Active, 420 * time.Second, false, false},
	{"restore stopped", Stopped, "servers/12345/restore/", `{"backup_id":501}`, server, Restoring, Active, 420 * time.Second, false, false},
	{"restore snapshot", Active, "snapshots/7001/restore/", "", server, Restoring, Active, 420 * time.Second, false, false},
	{"backup", Active, "backups/", `{"server_id":12346}`, backup, InProgress, Completed, 240 * time.Second, true, false},
	{"snapshot", Active, "snapshots/", `{"server_id":12346,"name":"n"}`, snapshot, InProgress, Completed, 240 * time.Second, true, false},
}

func TestStatusTransitions(t *testing.T) {
	for _, c := range movements {
		for speed, factor := range map[float64]time.Duration{0: 60, 1: 1, 10: 10} {
			t.Run(fmt.Sprintf("%s at %v", c.name, speed), func(t *testing.T) {
				clock := &clock{sampleNow}
				s := New(Options{Now: clock.Now, Speed: speed})
				s.Edit(func(w *World) { w.Servers[12345].Status = c.from })
				require.Less(t, do(t, s, "POST", c.path, c.body).status, 300)
				clock.forward(c.real/factor - time.Millisecond)
				during := do(t, s, "GET", c.look, "").body
				require.Contains(t, during, `"status":"`+c.during+`"`)
				clock.forward(time.Millisecond)
				after := do(t, s, "GET", c.look, "").body
				require.Contains(t, after, `"status":"`+c.after+`"`)
				require.NotContains(t, after, `"status":"`+c.during+`"`)
				if c.sizeMB {
					require.Contains(t, during, `"size_mb":null`)
					require.NotContains(t, after, `"size_mb":null`)
				}
				if c.hasAddress {
					require.Contains(t, during, `"ip_address":null,"ipv6_address":null`)
					require.Contains(t, after, `"ip_address":"203.0.113.12","ipv6_address":"2001:0db8::3"`)
				}
			})
		}
	}
}

func TestUpdatedAtIsTheTimeOfTheTransition(t *testing.T) {
	clock := &clock{sampleNow}
	s := New(Options{Now: clock.Now, Speed: 1})
	do(t, s, "POST", "servers/12345/reboot/", "")
	clock.forward(time.Hour)
	require.Equal(t, "2025-02-11T08:45:42Z", do(t, s, "GET", "servers/12345/", "").object(t)["updated_at"])
}

func TestStoppedServerUsesNoProcessor(t *testing.T) {
	s := New(Options{Now: fixed})
	s.Edit(func(w *World) { w.Servers[12345].Status = Stopped })
	got := do(t, s, "GET", "servers/12345/", "").body
	require.Contains(t, got, `"resource_usage":{"cpu_percent":0,"memory_used":0,"disk_used":35,"bandwidth_used":450}`)
}

func TestStuckServerStaysStuck(t *testing.T) {
	clock := &clock{sampleNow}
	s := New(Options{Now: clock.Now})
	s.Edit(func(w *World) { w.Servers[12345].Status = Stopping })
	clock.forward(24 * time.Hour)
	require.Equal(t, Stopping, do(t, s, "GET", "servers/12345/", "").object(t)["status"])
}

func TestEditCancelsATransition(t *testing.T) {
	clock := &clock{sampleNow}
	s := New(Options{Now: clock.Now})
	do(t, s, "POST", "servers/12345/reboot/", "")
	s.Edit(func(w *World) { w.Servers[12345].Status = Stopped })
	clock.forward(time.Hour)
	require.Equal(t, Stopped, do(t, s, "GET", "servers/12345/", "").object(t)["status"])
}

func TestEditAdvancesStatusesFirst(t *testing.T) {
	clock := &clock{sampleNow}
	s := New(Options{Now: clock.Now})
	do(t, s, "POST", "servers/12345/stop/", "")
	clock.forward(time.Minute)
	s.Edit(func(w *World) { require.Equal(t, Stopped, w.Servers[12345].Status) })
}

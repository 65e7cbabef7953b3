package mcpserver

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
)

type progressed struct {
	ProgressToken any     `json:"progressToken"`
	Progress      float64 `json:"progress"`
	Message       string  `json:"message"`
}

func TestProgressWhileWaiting(t *testing.T) {
	w := newWorldWith(t, "vps_demo", simulator.Options{Speed: 60, Now: time.Now})
	w.server.Runner.Now = time.Now
	w.sim.Edit(func(world *simulator.World) { world.Servers[12345].Status = "stopped" })
	bothEras(t, w, func(t *testing.T, k *talk) {
		w.sim.Edit(func(world *simulator.World) { world.Servers[12345].Status = "stopped" })
		o := k.call(`{"_meta":{"progressToken":"p1"},"name":"servers_start","arguments":{"server":"web-server-01","wait":true}}`)
		if k.meta == "" {
			require.NotEmpty(t, k.notes)
		}
		require.Equal(t, "done", o.is(), o.text())
		require.Contains(t, o.text(), "Started web-server-01; active after ")
		last := -1.0
		for len(k.notes) > 0 {
			m := <-k.notes
			require.Equal(t, "notifications/progress", m.Method)
			var p progressed
			require.NoError(t, json.Unmarshal(m.Params, &p))
			require.Equal(t, "p1", p.ProgressToken)
			require.Greater(t, p.Progress, last)
			require.Regexp(t, `^web-server-01 is \w+ \(\d+ s\)$`, p.Message)
			last = p.Progress
		}
	})
}

func TestProgressInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []float64
		r := &progressReporter{subject: "web-1", send: func(progress float64, message string) error {
			require.Equal(t, "web-1 is starting (0 s)", message)
			sent = append(sent, progress)
			return nil
		}}
		for range 30 {
			r.status("starting", 0)
			time.Sleep(10 * time.Millisecond)
		}
		require.Len(t, sent, 3)
		require.IsIncreasing(t, sent, "even where the clock stands still")
	})
}

func TestProgressTokens(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(forms)
	for _, token := range []string{`{}`, `[1]`, `true`, `null`} {
		o := k.call(`{"_meta":{"progressToken":` + token + `},"name":"servers_stop","arguments":{"server":5,"wait":true}}`)
		require.True(t, o.IsError)
	}
	require.Empty(t, k.notes)
}

// During an elicitation, progress is reported after a second and then every 10 s.
func TestProgressDuringAnElicitation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []float64
		var said string
		r := &progressReporter{send: func(progress float64, message string) error {
			sent, said = append(sent, progress), message
			return nil
		}}
		stop := r.waitingForPerson()
		time.Sleep(65 * time.Second)
		stop()
		require.Len(t, sent, 7)
		require.IsIncreasing(t, sent)
		require.Equal(t, "waiting for a person to answer (60 s)", said)
		r.status("starting", time.Second)
		require.IsIncreasing(t, sent, "it goes on growing while the work settles")
		require.Len(t, sent, 8)
		time.Sleep(time.Minute)
		require.Len(t, sent, 8, "nothing once it was answered")
	})
}

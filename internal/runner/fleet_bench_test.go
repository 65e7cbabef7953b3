package runner_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
)

// fleet is the size and the latency of an account: small, or as docs/performance.md names it.
func fleet() simulator.Options {
	o := simulator.Options{Servers: 500, Latency: 2 * time.Millisecond, PageSize: 100}
	if os.Getenv("VPSBOT_BENCH") == "full" {
		o.Servers, o.Latency = 10_000, 50*time.Millisecond
	}
	return o
}

// An account of 50,000 servers works: the last of them is found by name, on the last of 500 pages.
func TestFiftyThousandServers(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", simulator.Options{Servers: 50_000, PageSize: 100})
	last, name := 12344+50_000, ""
	w.sim.Edit(func(world *simulator.World) { name = world.Servers[last].Name })
	require.Contains(t, w.run("servers.list", `{"limit":1}`).Text(), "1 to 1 of 50000 servers")
	require.Equal(t, 500, w.read(name))
	require.Contains(t, w.run("servers.stop", `{"server":"`+name+`"}`).Card.Text(), fmt.Sprint(last))
}

// BenchmarkByName compares a read by a server's name with the same read by its id: cold, in a process that has read
// nothing yet, and warm, in one that was asked a moment ago.
func BenchmarkByName(b *testing.B) {
	o := fleet()
	w := newWorldWith(b, "vps_demo", o)
	last := 12344 + o.Servers
	name := ""
	w.sim.Edit(func(world *simulator.World) { name = world.Servers[last].Name })
	took := map[string]float64{}
	for _, state := range []string{"cold", "warm"} {
		for _, by := range []struct{ word, server string }{{"id", fmt.Sprint(last)}, {"name", name}} {
			b.Run(state+"/"+by.word, func(b *testing.B) {
				input := `{"server":"` + by.server + `"}`
				r := w.newRunner("process-1", "vps_demo")
				require.Equal(b, runner.OK, r.Run(b.Context(), call("servers.get", input)).Class)
				before := len(w.sim.Requests())
				for b.Loop() {
					if state == "cold" {
						r = w.newRunner("process-1", "vps_demo")
					}
					if reply := r.Run(context.Background(), call("servers.get", input)); reply.Class != runner.OK {
						b.Fatal(reply.Message)
					}
				}
				took[state+by.word] = float64(b.Elapsed()) / float64(b.N)
				b.ReportMetric(float64(len(w.sim.Requests())-before)/float64(b.N), "requests/op")
				if by.word == "name" {
					b.ReportMetric(took[state+"name"]/took[state+"id"], "x-by-id")
				}
			})
		}
	}
}

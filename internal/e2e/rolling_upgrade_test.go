package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/testkit"
)

// Two replicas of vpsbot serve are upgraded one after the other and rolled back again, while clients call through a proxy that goes on
// to the next replica where one listens no longer. The other version is the same source: there is no release whose
// program could be the version before. That a schema of a newer version is refused is tested in internal/store.
func TestReplicasUpgradedAndRolledBack(t *testing.T) {
	t.Parallel()
	random, s := seededRand(t)
	k := newReplicaKillTest(t, random, testkit.Size(160, 1000), buildProgram(t))
	versions := []string{buildProgram(t, "-ldflags=-X github.com/vpsbot/vpsbot/internal/app.releaseVersion=v9.9.9"), k.program}
	addresses := []string{k.running[0].address, k.running[1].address}
	url := proxied(t, failover{addresses}, addresses)
	for _, c := range k.clients {
		c.url = url
	}
	done, rolled := make(chan struct{}), make(chan int)
	go func() {
		pause := 500 * time.Millisecond
		for i := 0; ; i++ {
			select {
			case <-done:
				rolled <- i
				return
			case <-time.After(pause):
			}
			p, began := k.running[i%2], time.Now()
			k.program = versions[i/2%2] // both are upgraded, then both rolled back
			p.stop()
			k.start(p)
			pause = max(pause, time.Since(began)) // on a slow machine a call that was repeated has time to end
		}
	}()
	k.askAll()
	close(done)
	n := <-rolled
	require.GreaterOrEqual(t, n, 4, "both replicas were upgraded and rolled back under load")
	require.Zero(t, k.twice.Load(), "a call failed that was repeated")
	k.compare()
	t.Logf("2 replicas of vpsbot serve on PostgreSQL, %d upgrades and rollbacks by SIGTERM under %d asked changes of %d clients, of which %d requests broke and none when it was repeated: %s; 0 doubled, 0 lost (seed %d)",
		n, len(k.servers), askingClients, k.broken.Load(), &k.ends, s)
}

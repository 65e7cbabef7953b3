package simulator

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The ids of the documentation's samples.
const (
	firstServer   = 12345
	sampleServers = 2
	firstBackup   = 502
	firstSnapshot = 7002
	enoughFor20   = 100.00
)

//go:embed sample.json
var sampleJSON []byte

// sample is what an account of the documentation has. The first of the plans on sale is the documentation's, which also
// has a part of the second; ServerPlans are the first two as it has them in servers.
var sample = sync.OnceValue(func() (s struct {
	Account     Account
	Plans       []Plan
	ServerPlans map[int]Plan
	Systems     map[int]OS
	Servers     []Server
	Backups     []Backup
	Snapshots   []Snapshot
	Domains     []Domain
	Zones       []Zone
}) {
	if err := json.Unmarshal(sampleJSON, &s); err != nil {
		panic(err) // a test reads it
	}
	return s
})

func newWorld(opts *Options) *World {
	w := &World{
		Account: sample().Account, Credits: enoughFor20, Tokens: map[string]*Token{},
		Servers: map[int]*Server{}, Backups: map[int]*Backup{}, Snapshots: map[int]*Snapshot{},
		Plans: map[int]*Plan{}, Domains: map[int]*Domain{}, Zones: map[string]*Zone{},
		opts: opts, now: opts.Now(),
		nextServer: firstServer + sampleServers, nextBackup: firstBackup, nextSnapshot: firstSnapshot,
	}
	for _, t := range opts.Tokens {
		orDefault(&t.CreatedAt, time.Date(2025, 1, 10, 14, 30, 0, 0, time.UTC))
		t.Permissions = slices.Clone(t.Permissions)
		w.Tokens[t.Value] = &t
	}
	for _, p := range sample().Plans {
		p.Locations = slices.Clone(p.Locations)
		w.Plans[p.ID] = &p
	}
	for _, d := range sample().Domains {
		d.Nameservers = slices.Clone(d.Nameservers)
		w.Domains[d.ID] = &d
	}
	for _, z := range sample().Zones {
		w.Zones[z.UUID] = &z
	}
	w.addFleet(opts.Servers)
	return w
}

func (w *World) addFleet(size int) {
	if size <= 0 {
		size = sampleServers
	}
	samples := sample().Servers
	for _, s := range samples[:min(size, len(samples))] {
		w.AddServer(s)
	}
	for n := len(samples) + 1; n <= size; n++ {
		w.AddServer(w.generated(n))
	}
	for _, b := range sample().Backups {
		w.AddBackup(b)
	}
	for _, s := range sample().Snapshots {
		w.AddSnapshot(s)
	}
}

var (
	roles     = []string{"web", "db", "cache", "worker", "mail"}
	locations = []string{"us-west", "us-east", "eu-central"}
)

// generated returns the nth server of a fleet larger than the samples: web-03, db-04, cache-05, …
func (w *World) generated(n int) Server {
	role := roles[(n-sampleServers-1)%len(roles)]
	s := Server{
		Name: fmt.Sprintf("%s-%02d", role, n), Hostname: fmt.Sprintf("%s%02d.example.com", role, n),
		Location: locations[n%len(locations)], Plan: w.serverPlan(1 + n%4), OS: sample().Systems[[]int{3, 5, 6}[n/3%3]],
		BackupsEnabled: n%2 == 0,
		Usage:          Usage{CPUPercent: float64(n*37%800) / 10, MemoryUsed: 512 + n*128%1024, DiskUsed: 5 + n%30, BandwidthUsed: n * 11 % 500},
		CreatedAt:      time.Date(2025, 1, 12, 9, 15, 0, 0, time.UTC).Add(time.Duration(n) * 7 * time.Hour),
	}
	if n%4 == 0 {
		s.Status = Stopped
	}
	return s
}

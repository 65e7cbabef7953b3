package simulator

import (
	"fmt"
	"slices"
	"time"
)

// newWorld makes the world that a simulator starts with.
func newWorld(opts Options) *World {
	w := &World{
		Account: sampleAccount(), Credits: enoughFor20, Tokens: map[string]*Token{},
		Servers: map[int]*Server{}, Backups: map[int]*Backup{}, Snapshots: map[int]*Snapshot{},
		Plans: map[int]*Plan{}, ServerPlans: sampleServerPlans(), OS: sampleOS(),
		Domains: map[int]*Domain{}, Zones: map[string]*Zone{},
		now: opts.Now(), speed: opts.Speed, uuids: opts.UUIDs, vendor: opts.Vendor,
		nextServer: firstServer + sampleServers, nextBackup: firstBackup, nextSnapshot: firstSnapshot,
	}
	for _, t := range opts.Tokens {
		orDefault(&t.CreatedAt, at(sampleTokenAge))
		t.Permissions = slices.Clone(t.Permissions)
		w.Tokens[t.Value] = &t
	}
	w.addCatalogue()
	w.addFleet(opts.Servers)
	return w
}

func (w *World) addCatalogue() {
	for _, p := range samplePlans() {
		p.Locations = slices.Clone(p.Locations)
		w.Plans[p.ID] = &p
	}
	for _, d := range sampleDomains() {
		w.Domains[d.ID] = &d
	}
	for _, z := range sampleZones() {
		w.Zones[z.UUID] = &z
	}
}

func (w *World) addFleet(size int) {
	if size <= 0 {
		size = sampleServers
	}
	samples := w.sampleFleet()
	for _, s := range samples[:min(size, len(samples))] {
		w.AddServer(s)
	}
	for n := len(samples) + 1; n <= size; n++ {
		w.AddServer(w.generated(n))
	}
	for _, b := range sampleBackups() {
		w.AddBackup(b)
	}
	for _, s := range sampleSnapshots() {
		w.AddSnapshot(s)
	}
}

var (
	roles     = []string{"web", "db", "cache", "worker", "mail"}
	locations = []string{"us-west", "us-east", "eu-central"}
)

// generated is the nth server of a fleet larger than the samples: web-03, db-04, cache-05, …
func (w *World) generated(n int) Server {
	role := roles[(n-sampleServers-1)%len(roles)]
	s := Server{
		Name: fmt.Sprintf("%s-%02d", role, n), Hostname: fmt.Sprintf("%s%02d.example.com", role, n),
		Location: locations[n%len(locations)], Plan: w.serverPlan(1 + n%4), OS: w.OS[[]int{3, 5, 6}[n/3%3]],
		BackupsEnabled: n%2 == 0,
		Usage:          Usage{CPUPercent: float64(n*37%800) / 10, MemoryUsed: 512 + n*128%1024, DiskUsed: 5 + n%30, BandwidthUsed: n * 11 % 500},
		CreatedAt:      at("2025-01-12T09:15:00Z").Add(time.Duration(n) * 7 * time.Hour),
	}
	if n%4 == 0 {
		s.Status = Stopped
	}
	return s
}

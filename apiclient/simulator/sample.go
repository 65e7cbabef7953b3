package simulator

import (
	"fmt"
	"slices"
	"time"
)

// The ids of the documentation's samples.
const (
	firstServer    = 12345
	sampleServers  = 2
	firstBackup    = 502
	firstSnapshot  = 7002
	enoughFor20    = 100.00
	sampleTokenAge = "2025-01-10T14:30:00Z"
)

// at parses a time of a sample. The zero time of an invalid one fails the tests of the samples.
func at(s string) time.Time {
	t, _ := time.Parse(time.RFC3339, s)
	return t
}

var sampleAccount = Account{
	Email: "john@example.com", FirstName: "John", LastName: "Doe", CompanyName: "Acme Inc.",
	CreatedAt: at("2024-06-15T00:00:00Z"),
}

// samplePlans are the plans on sale. The first is the documentation's, which also has a part of the second.
var samplePlans = []Plan{
	{1, "Starter VPS", "starter", 1, 2048, 40, 1024, 5, 0.007, true, locations, "For small sites and tests"},
	{2, "Standard VPS", "standard", 2, 4096, 80, 2048, 10, 0.015, true, locations, "For web servers and applications"},
	{3, "Performance VPS", "performance", 4, 8192, 160, 4096, 20, 0.03, true, locations, "For databases and busy sites"},
	{4, "Business VPS", "business", 8, 16384, 320, 8192, 40, 0.06, true, locations[:2], "For heavy work"},
}

// sampleServerPlans are the first two plans as in the documentation of servers.
var sampleServerPlans = map[int]Plan{
	1: {ID: 1, Name: "Standard VPS", VCPUs: 2, Memory: 4096, Storage: 80, Bandwidth: 2048},
	2: {ID: 2, Name: "Performance VPS", VCPUs: 4, Memory: 8192, Storage: 160, Bandwidth: 4096},
}

var sampleOS = map[int]OS{3: {3, "Debian 12"}, 5: {5, "Ubuntu 22.04 LTS"}, 6: {6, "Ubuntu 24.04 LTS"}}

func (w *World) sampleFleet() []Server {
	return []Server{
		{
			ID: 12345, Name: "web-server-01", Hostname: "web01.example.com", Location: "us-west",
			Plan: w.serverPlan(1), OS: sampleOS[5], BackupsEnabled: true,
			Usage: Usage{
				CPUPercent: 23.5, MemoryUsed: 2048, DiskUsed: 35, BandwidthUsed: 450,
				MeasuredAt: at("2025-01-16T15:45:00Z"),
			},
			CreatedAt: at("2025-01-10T14:30:00Z"), UpdatedAt: at("2025-01-15T10:20:00Z"),
		},
		{
			ID: 12346, Name: "db-server-01", Hostname: "db01.example.com", Location: "us-east",
			Plan: w.serverPlan(2), OS: sampleOS[3],
			Usage:     Usage{CPUPercent: 41.2, MemoryUsed: 6144, DiskUsed: 96, BandwidthUsed: 120},
			CreatedAt: at("2025-01-12T09:15:00Z"), UpdatedAt: at("2025-01-16T08:45:00Z"),
		},
	}
}

var sampleBackups = []Backup{
	{sampleImage(501, 4523, "2025-01-16T03:00:00Z", "Automatic daily backup"), Automatic, at("2025-02-16T03:00:00Z")},
	{sampleImage(499, 4456, "2025-01-14T10:30:00Z", "Pre-update backup"), Manual, time.Time{}},
	{sampleImage(495, 4389, "2025-01-15T03:00:00Z", "Automatic daily backup"), Automatic, at("2025-02-15T03:00:00Z")},
}

var sampleSnapshots = []Snapshot{{sampleImage(7001, 4000, "2025-03-01T01:00:00Z", "Example"), "nightly-a"}}

func sampleImage(id, size int, createdAt, description string) Image {
	return Image{ID: id, ServerID: firstServer, SizeMB: size, CreatedAt: at(createdAt), Description: description}
}

var sampleDomains = []Domain{
	{
		ID: 9001, DomainName: "example.com", Status: "active", RegistrationDate: at("2024-03-01T01:00:00Z"),
		ExpirationDate: at("2027-03-01T01:00:00Z"), AutoRenew: true, Locked: true,
		Nameservers: []string{"ns1.vps.org", "ns2.vps.org"}, PrivacyProtection: true, DNSManagedBy: "vps.org",
	},
	{
		ID: 9002, DomainName: "example.net", Status: "active", RegistrationDate: at("2024-03-01T01:00:00Z"),
		ExpirationDate: at("2026-03-01T01:00:00Z"),
		Nameservers:    []string{"ns1.example.org", "ns2.example.org"}, DNSManagedBy: "external",
	},
}

var sampleZones = []Zone{{"00000000-0000-4000-8000-000000000001", "example.com", at("2025-03-01T01:00:00Z"), 3}}

func newWorld(opts *Options) *World {
	w := &World{
		Account: sampleAccount, Credits: enoughFor20, Tokens: map[string]*Token{},
		Servers: map[int]*Server{}, Backups: map[int]*Backup{}, Snapshots: map[int]*Snapshot{},
		Plans: map[int]*Plan{}, Domains: map[int]*Domain{}, Zones: map[string]*Zone{},
		opts: opts, now: opts.Now(),
		nextServer: firstServer + sampleServers, nextBackup: firstBackup, nextSnapshot: firstSnapshot,
	}
	for _, t := range opts.Tokens {
		orDefault(&t.CreatedAt, at(sampleTokenAge))
		t.Permissions = slices.Clone(t.Permissions)
		w.Tokens[t.Value] = &t
	}
	for _, p := range samplePlans {
		p.Locations = slices.Clone(p.Locations)
		w.Plans[p.ID] = &p
	}
	for _, d := range sampleDomains {
		d.Nameservers = slices.Clone(d.Nameservers)
		w.Domains[d.ID] = &d
	}
	for _, z := range sampleZones {
		w.Zones[z.UUID] = &z
	}
	w.addFleet(opts.Servers)
	return w
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
	for _, b := range sampleBackups {
		w.AddBackup(b)
	}
	for _, s := range sampleSnapshots {
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
		Location: locations[n%len(locations)], Plan: w.serverPlan(1 + n%4), OS: sampleOS[[]int{3, 5, 6}[n/3%3]],
		BackupsEnabled: n%2 == 0,
		Usage:          Usage{CPUPercent: float64(n*37%800) / 10, MemoryUsed: 512 + n*128%1024, DiskUsed: 5 + n%30, BandwidthUsed: n * 11 % 500},
		CreatedAt:      at("2025-01-12T09:15:00Z").Add(time.Duration(n) * 7 * time.Hour),
	}
	if n%4 == 0 {
		s.Status = Stopped
	}
	return s
}

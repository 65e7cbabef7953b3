package simulator

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Status words of servers, and of backups and snapshots.
const (
	Provisioning = "provisioning"
	Active       = "active"
	Starting     = "starting"
	Stopping     = "stopping"
	Stopped      = "stopped"
	Rebooting    = "rebooting"
	Restoring    = "restoring"
	Suspended    = "suspended"

	InProgress = "in_progress"
	Completed  = "completed"

	Manual    = "manual"
	Automatic = "automatic"
)

// World is the state of a simulator, which tests change in Simulator.Edit. Ids are whole numbers here even if
// answers have UUIDs (see UUID). The key of each map is the id; of Tokens the token's value, of Zones the UUID.
// A World has no lock: the simulator locks it.
type World struct {
	Account   Account
	Credits   float64 // the balance; a create takes the plan's monthly price
	Tokens    map[string]*Token
	Servers   map[int]*Server
	Backups   map[int]*Backup
	Snapshots map[int]*Snapshot
	Plans     map[int]*Plan // the plans on sale
	Domains   map[int]*Domain
	Zones     map[string]*Zone

	opts         *Options
	now          time.Time
	nextServer   int
	nextBackup   int
	nextSnapshot int

	fleet []*Server // Servers by ascending id; nil once they may have changed
}

// Account is the profile of all tokens. Empty names are null in answers.
type Account struct {
	Email, FirstName, LastName, CompanyName string
	CreatedAt                               time.Time
}

// Now returns the simulator's time at this edit.
func (w *World) Now() time.Time { return w.now }

// ServerNamed returns the server of that name with the lowest id, nil if there is none.
func (w *World) ServerNamed(name string) *Server {
	for _, s := range ordered(w.Servers) {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// AddServer adds a server and returns it. It sets a missing id, name, status (active), location, plan,
// operating system, date, and address unless the server is being provisioned. It replaces a server of the same
// id.
func (w *World) AddServer(s Server) *Server {
	s.ID = takeID(&w.nextServer, s.ID)
	w.fillServer(&s)
	w.Servers[s.ID] = &s
	return &s
}

// AddBackup adds a backup and returns it. It sets a missing id, type (manual), status (completed), size and
// date.
func (w *World) AddBackup(b Backup) *Backup {
	b.ID = takeID(&w.nextBackup, b.ID)
	orDefault(&b.BackupType, Manual)
	orDefault(&b.CreatedAt, w.now)
	w.fillImage(&b.Image)
	w.Backups[b.ID] = &b
	return &b
}

// AddSnapshot adds a snapshot and returns it. It sets a missing id, status (completed), size and date.
func (w *World) AddSnapshot(s Snapshot) *Snapshot {
	s.ID = takeID(&w.nextSnapshot, s.ID)
	orDefault(&s.CreatedAt, w.now)
	w.fillImage(&s.Image)
	w.Snapshots[s.ID] = &s
	return &s
}

// DeleteServer deletes a server as the API does. The documentation does not mention its images: here its
// snapshots, which are on its disk, are deleted as well, and its backups, which are stored elsewhere, are not.
func (w *World) DeleteServer(id int) {
	server := w.Servers[id]
	if server == nil {
		return
	}
	delete(w.Servers, id)
	for _, b := range w.Backups {
		if b.ServerID == id {
			b.ServerName = server.Name
		}
	}
	maps.DeleteFunc(w.Snapshots, func(_ int, s *Snapshot) bool { return s.ServerID == id })
}

// takeID returns id, or the next free one if it is 0, and moves the next one beyond it.
func takeID(next *int, id int) int {
	if id == 0 {
		id = *next
	}
	*next = max(*next, id+1)
	return id
}

func orDefault[T comparable](field *T, value T) { *field = cmp.Or(*field, value) }

func ordered[V any](m map[int]*V) []*V {
	values := make([]*V, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		values = append(values, m[key])
	}
	return values
}

// orderedServers returns the servers by ascending id. It is sorted once for all pages of a list, for a fleet may
// have many thousands.
func (w *World) orderedServers() []*Server {
	if w.fleet == nil {
		w.fleet = ordered(w.Servers)
	}
	return w.fleet
}

// Server is a server of the world.
type Server struct {
	ID int
	// Name may be any text here; only the API requires letters, digits and hyphens.
	Name string
	// Hostname, IPAddress and IPv6Address are null in answers if they are empty.
	Hostname, IPAddress, IPv6Address string
	// Status is any word. A transitional status changes at SettlesAt.
	Status         string
	Location       string
	Plan           Plan
	OS             OS
	BackupsEnabled bool
	Usage          Usage
	CreatedAt      time.Time
	UpdatedAt      time.Time
	// SettlesAt is when a transitional status ends. Zero means never: a test's server that is stuck.
	SettlesAt time.Time
}

// Usage is the resource usage of a server: processor in percent, memory in MB, disk and bandwidth in GB.
type Usage struct {
	CPUPercent                          float64
	MemoryUsed, DiskUsed, BandwidthUsed int
	// MeasuredAt affects the updated_at of a single server, but not of a list: in the documentation's samples
	// the two differ for one server.
	MeasuredAt time.Time
}

// OS is an operating system.
type OS struct {
	ID   int
	Name string
}

// Plan is a plan: memory in MB, storage and bandwidth in GB.
type Plan struct {
	ID                                int
	Name, Slug                        string
	VCPUs, Memory, Storage, Bandwidth int
	PriceMonthly, PriceHourly         float64
	Available                         bool
	Locations                         []string
	Description                       string
}

// Image holds the fields that backups and snapshots share.
type Image struct {
	ID       int
	ServerID int
	// ServerName is the name of a server that no longer exists.
	ServerName  string
	Status      string
	SizeMB      int // 0 is null in answers
	CreatedAt   time.Time
	Description string
	// SettlesAt is when the image is completed. Zero means never.
	SettlesAt time.Time
}

// Backup is a backup of a server; a zero ExpiresAt is null in answers.
type Backup struct {
	Image
	BackupType string
	ExpiresAt  time.Time
}

// Snapshot is a snapshot of a server.
type Snapshot struct {
	Image
	Name string
}

// Domain is a registered domain.
type Domain struct {
	ID                               int
	DomainName, Status               string
	RegistrationDate, ExpirationDate time.Time
	AutoRenew, Locked                bool
	Nameservers                      []string
	PrivacyProtection                bool
	DNSManagedBy                     string
}

// Zone is a DNS zone.
type Zone struct {
	UUID, Domain string
	CreatedAt    time.Time
	RecordCount  int
}

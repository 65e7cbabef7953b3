package simulator

import (
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

// World is all that the simulator knows, for tests to change in Simulator.Edit. Ids are whole numbers here
// even where the simulator shows UUIDs (see UUID). Maps have the id as their key; Tokens have the token's value,
// Zones the UUID. The world is locked while it is edited and has no lock of its own.
type World struct {
	Account   Account
	Credits   float64 // what is left to spend; a create takes the plan's monthly price
	Tokens    map[string]*Token
	Servers   map[int]*Server
	Backups   map[int]*Backup
	Snapshots map[int]*Snapshot
	Plans     map[int]*Plan // what can be bought
	// ServerPlans are plans as server objects show them, where that is not how Plans has them: the
	// documentation's pages disagree about the first two.
	ServerPlans map[int]Plan
	OS          map[int]OS
	Domains     map[int]*Domain
	Zones       map[string]*Zone

	now          time.Time
	speed        float64
	uuids        bool
	vendor       bool
	nextServer   int
	nextBackup   int
	nextSnapshot int
}

// Account is the profile behind all tokens. Empty names are shown as null.
type Account struct {
	Email, FirstName, LastName, CompanyName string
	CreatedAt                               time.Time
}

// Now is the simulator's time as of this edit.
func (w *World) Now() time.Time { return w.now }

// Server is the server of that id, nil if there is none.
func (w *World) Server(id int) *Server { return w.Servers[id] }

// ServerNamed is the server of that name with the lowest id, nil if there is none.
func (w *World) ServerNamed(name string) *Server {
	for _, s := range ordered(w.Servers) {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Backup is the backup of that id, nil if there is none.
func (w *World) Backup(id int) *Backup { return w.Backups[id] }

// Snapshot is the snapshot of that id, nil if there is none.
func (w *World) Snapshot(id int) *Snapshot { return w.Snapshots[id] }

// AddServer adds a server and returns it as it is in the world. Id, name, status (active), location, plan, operating
// system and dates get a value where they have none, and the address where the server is not being provisioned.
// An id that is taken is replaced.
func (w *World) AddServer(s Server) *Server {
	s.ID = take(&w.nextServer, s.ID)
	w.complete(&s)
	w.Servers[s.ID] = &s
	return &s
}

// AddBackup adds a backup and returns it as it is in the world. Id, type (manual), status (completed), size and
// date get a value where they have none.
func (w *World) AddBackup(b Backup) *Backup {
	b.ID = take(&w.nextBackup, b.ID)
	orDefault(&b.BackupType, Manual)
	orDefault(&b.CreatedAt, w.now)
	w.fillImage(&b.Image)
	w.Backups[b.ID] = &b
	return &b
}

// AddSnapshot adds a snapshot and returns it as it is in the world. Id, status (completed), size and date get a
// value where they have none.
func (w *World) AddSnapshot(s Snapshot) *Snapshot {
	s.ID = take(&w.nextSnapshot, s.ID)
	orDefault(&s.CreatedAt, w.now)
	w.fillImage(&s.Image)
	w.Snapshots[s.ID] = &s
	return &s
}

// DeleteServer deletes a server as the API does. The documentation does not say what becomes of the rest: here its
// snapshots, which live on its disk, go with it, and its backups, which are kept elsewhere, stay.
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

// take returns the id that was asked for, or the next, and moves the next beyond it.
func take(next *int, id int) int {
	if id == 0 {
		id = *next
	}
	*next = max(*next, id+1)
	return id
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// ordered are the values of a map by ascending key.
func ordered[V any](m map[int]*V) []*V {
	values := make([]*V, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		values = append(values, m[key])
	}
	return values
}

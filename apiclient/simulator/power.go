package simulator

import "slices"

// action is the answer to what settles later.
type action struct {
	Status   string       `json:"status"`
	Message  string       `json:"message"`
	Snapshot *snapshotRef `json:"snapshot,omitempty"`
	Server   serverRef    `json:"server"`
}

type serverRef struct {
	idWire
	Name   string `json:"name"`
	Status string `json:"status"`
}

type snapshotRef struct {
	idWire
	Name      string  `json:"name"`
	CreatedAt *string `json:"created_at"`
}

// change is an action that moves a server from one of some statuses to another.
type change struct {
	from    []string
	to      string
	message string
	refusal string // where the server is in a settled status that does not do
}

var (
	starting   = change{[]string{Stopped}, Starting, "Server is starting", "Server is already running"}
	stopping   = change{[]string{Active}, Stopping, "Server is stopping", "Server is not running"}
	rebooting  = change{[]string{Active}, Rebooting, "Server is rebooting", "Server is not running"}
	fromBackup = change{[]string{Active, Stopped}, Restoring, "Restore from backup started (5-15 minutes).", notRestorable}
	fromSnap   = change{[]string{Active, Stopped}, Restoring, "Restore from snapshot started (5-15 minutes).", notRestorable}
)

const notRestorable = "Server is not in a restorable state"

func (c *call) startServer() *answer  { return c.power(starting) }
func (c *call) stopServer() *answer   { return c.power(stopping) }
func (c *call) rebootServer() *answer { return c.power(rebooting) }

func (c *call) power(change change) *answer {
	s, missing := c.server()
	if missing != nil {
		return missing
	}
	return c.apply(change, s, nil)
}

// apply changes a server, or says why its status does not let it.
func (c *call) apply(change change, s *Server, of *Snapshot) *answer {
	if !slices.Contains(change.from, s.Status) {
		return badRequest(change.why(s.Status))
	}
	c.begin(s, change.to)
	result := action{Status: "success", Message: change.message, Server: serverRef{c.wireID(s.ID), s.Name, s.Status}}
	if of != nil {
		result.Snapshot = &snapshotRef{c.wireID(of.ID), of.Name, stamp(of.CreatedAt)}
	}
	return ok(result)
}

func (change change) why(status string) string {
	if _, moving := transitions[status]; moving {
		return "Server is busy: " + status
	}
	if status == Suspended {
		return "Server is suspended"
	}
	return change.refusal
}

// restoreBackup is documented by method, path and body alone; the answer is shaped like that of a snapshot.
func (c *call) restoreBackup() *answer {
	s, missing := c.server()
	if missing != nil {
		return missing
	}
	id := c.idField("backup_id", true)
	if refusal := c.form.refusal(); refusal != nil {
		return refusal
	}
	backup := c.Backups[*id]
	switch {
	case backup == nil:
		return notFound()
	case backup.ServerID != s.ID:
		return badRequest("Backup is not of this server")
	case backup.Status != Completed:
		return badRequest("Backup is not completed")
	}
	return c.apply(fromBackup, s, nil)
}

func (c *call) restoreSnapshot() *answer {
	snapshot, missing := c.snapshot()
	if missing != nil {
		return missing
	}
	server := c.Servers[snapshot.ServerID]
	switch {
	case server == nil:
		return badRequest(notRestorable)
	case snapshot.Status != Completed:
		return badRequest("Snapshot is not completed")
	}
	return c.apply(fromSnap, server, snapshot)
}

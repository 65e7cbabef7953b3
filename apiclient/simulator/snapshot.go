package simulator

const (
	maxSnapshots    = 5
	snapshotMessage = "Snapshot started (3-10 minutes)."
)

type snapshotWire struct {
	idWire
	Server      imageServer `json:"server"`
	Name        string      `json:"name"`
	Status      string      `json:"status"`
	SizeMB      *int        `json:"size_mb"`
	CreatedAt   *string     `json:"created_at"`
	Description string      `json:"description"`
	Message     string      `json:"message,omitempty"`
}

func (w *World) snapshotWire(s *Snapshot, message string) snapshotWire {
	return snapshotWire{
		w.wireID(s.ID), w.imageServer(&s.Image), s.Name, s.Status, orNull(s.SizeMB), stamp(s.CreatedAt), s.Description,
		message,
	}
}

func (c *call) listSnapshots() *answer {
	server, refusal := c.serverFilter()
	if refusal != nil {
		return refusal
	}
	wanted := func(s *Snapshot) bool { return server == 0 || s.ServerID == server }
	return list(c, newestFirst(c.Snapshots), wanted, func(s *Snapshot) any { return c.snapshotWire(s, "") })
}

func (c *call) createSnapshot() *answer {
	name := c.form.text("name", true, snapshotName)
	image, refusal := c.newImage()
	if refusal != nil {
		return refusal
	}
	same := func(s *Snapshot) bool { return s.ServerID == image.ServerID }
	if count(c.Snapshots, same) >= maxSnapshots {
		return badRequest("Snapshot limit reached: 5 snapshots per server")
	}
	snapshot := c.AddSnapshot(Snapshot{Image: image, Name: *name})
	return created(c.snapshotWire(snapshot, snapshotMessage))
}

// snapshot is the snapshot of the path, or the answer that there is none.
func (c *call) snapshot() (*Snapshot, *answer) {
	if s := c.Snapshots[c.id]; s != nil {
		return s, nil
	}
	return nil, notFound()
}

func (c *call) deleteSnapshot() *answer {
	if _, missing := c.snapshot(); missing != nil {
		return missing
	}
	delete(c.Snapshots, c.id)
	return deleted()
}

package simulator

import "slices"

const (
	maxManualBackups = 10
	maxSnapshots     = 5
	backupMessage    = "Backup is being created. This may take several minutes depending on server size."
	snapshotMessage  = "Snapshot started (3-10 minutes)."
)

func (w *World) backupObject(b *Backup) object {
	return object{
		w.idMember(b.ID), w.imageServer(&b.Image), {"backup_type", b.BackupType}, {"status", b.Status}, {"size_mb", orNull(b.SizeMB)},
		{"created_at", stamp(b.CreatedAt)}, {"expires_at", stamp(b.ExpiresAt)}, {"description", b.Description},
	}
}

func (w *World) snapshotObject(s *Snapshot) object {
	return object{
		w.idMember(s.ID), w.imageServer(&s.Image), {"name", s.Name}, {"status", s.Status}, {"size_mb", orNull(s.SizeMB)},
		{"created_at", stamp(s.CreatedAt)}, {"description", s.Description},
	}
}

// imageServer names the server of an image by its current name, or its last name if it is deleted.
func (w *World) imageServer(i *Image) member {
	name := i.ServerName
	if s := w.Servers[i.ServerID]; s != nil {
		name = s.Name
	}
	return member{"server", object{w.idMember(i.ServerID), {"name", name}}}
}

func (c *call) listBackups() *response {
	return listImages(c, c.Backups, c.backupObject, func(b *Backup) (int, bool) {
		return b.ServerID, c.matches("backup_type", b.BackupType)
	})
}

func (c *call) listSnapshots() *response {
	return listImages(c, c.Snapshots, c.snapshotObject, func(s *Snapshot) (int, bool) { return s.ServerID, true })
}

// listImages lists backups or snapshots, the newest first. of returns the server of one, and whether it matches
// the filters other than server_id.
func listImages[V any](c *call, images map[int]*V, show func(*V) object, of func(*V) (server int, matches bool)) *response {
	server := 0
	if asked := c.query.Get("server_id"); asked != "" {
		id, valid := c.parseID(asked)
		if !valid {
			c.form.fail("server_id", "Enter a valid id.")
			return c.form.refusal()
		}
		server = id
	}
	newest := ordered(images)
	slices.Reverse(newest)
	return list(c, newest, func(v *V) bool {
		id, matches := of(v)
		return matches && (server == 0 || server == id)
	}, show)
}

// newImage reads the fields that the forms of backups and snapshots share.
func (c *call) newImage() (Image, *response) {
	id := c.idField("server_id", true)
	description := field[string](&c.form, "description", false, notText)
	if refusal := c.form.refusal(); refusal != nil {
		return Image{}, refusal
	}
	if c.Servers[*id] == nil {
		return Image{}, notFound()
	}
	image := Image{ServerID: *id, Status: InProgress, SettlesAt: c.settlesAt(InProgress)}
	set(&image.Description, description)
	return image, nil
}

func (c *call) createBackup() *response {
	image, refusal := c.newImage()
	if refusal != nil {
		return refusal
	}
	manual := func(b *Backup) bool { return b.ServerID == image.ServerID && b.BackupType == Manual }
	if count(c.Backups, manual) >= maxManualBackups {
		return badRequest("Backup limit reached: 10 manual backups per server")
	}
	backup := c.AddBackup(Backup{Image: image, BackupType: Manual})
	return created(append(c.backupObject(backup), member{"message", backupMessage}))
}

func (c *call) createSnapshot() *response {
	name := c.form.text("name", true, snapshotName)
	image, refusal := c.newImage()
	if refusal != nil {
		return refusal
	}
	if count(c.Snapshots, func(s *Snapshot) bool { return s.ServerID == image.ServerID }) >= maxSnapshots {
		return badRequest("Snapshot limit reached: 5 snapshots per server")
	}
	snapshot := c.AddSnapshot(Snapshot{Image: image, Name: *name})
	return created(append(c.snapshotObject(snapshot), member{"message", snapshotMessage}))
}

func count[V any](m map[int]*V, wanted func(*V) bool) (n int) {
	for _, v := range m {
		if wanted(v) {
			n++
		}
	}
	return n
}

// restoreBackup: the documentation has no sample of its answer; it has the form of a restored snapshot's.
func (c *call) restoreBackup() *response {
	id := c.idField("backup_id", true)
	if refusal := c.form.refusal(); refusal != nil {
		return refusal
	}
	backup := c.Backups[*id]
	switch {
	case backup == nil:
		return notFound()
	case backup.ServerID != c.server.ID:
		return badRequest("Backup is not of this server")
	case backup.Status != Completed:
		return badRequest("Backup is not completed")
	}
	return c.begin(fromBackup, c.server)
}

func (c *call) restoreSnapshot() *response {
	server := c.Servers[c.snapshot.ServerID]
	switch {
	case server == nil:
		return badRequest(notRestorable)
	case c.snapshot.Status != Completed:
		return badRequest("Snapshot is not completed")
	}
	return c.begin(fromSnap, server)
}

func deleteFrom[V any](images map[int]*V, id int) *response {
	if images[id] == nil {
		return notFound()
	}
	delete(images, id)
	return deleted()
}

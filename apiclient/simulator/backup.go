package simulator

const (
	maxManualBackups = 10
	backupMessage    = "Backup is being created. This may take several minutes depending on server size."
)

type backupWire struct {
	idWire
	Server      imageServer `json:"server"`
	BackupType  string      `json:"backup_type"`
	Status      string      `json:"status"`
	SizeMB      *int        `json:"size_mb"`
	CreatedAt   *string     `json:"created_at"`
	ExpiresAt   *string     `json:"expires_at"`
	Description string      `json:"description"`
	Message     string      `json:"message,omitempty"`
}

func (w *World) backupWire(b *Backup, message string) backupWire {
	return backupWire{
		w.wireID(b.ID), w.imageServer(&b.Image), b.BackupType, b.Status, orNull(b.SizeMB), stamp(b.CreatedAt),
		stamp(b.ExpiresAt), b.Description, message,
	}
}

func (c *call) listBackups() *answer {
	server, refusal := c.serverFilter()
	if refusal != nil {
		return refusal
	}
	wanted := func(b *Backup) bool {
		return (server == 0 || b.ServerID == server) && c.filter("backup_type", b.BackupType)
	}
	return list(c, newestFirst(c.Backups), wanted, func(b *Backup) any { return c.backupWire(b, "") })
}

func (c *call) createBackup() *answer {
	image, refusal := c.newImage()
	if refusal != nil {
		return refusal
	}
	manual := func(b *Backup) bool { return b.ServerID == image.ServerID && b.BackupType == Manual }
	if count(c.Backups, manual) >= maxManualBackups {
		return badRequest("Backup limit reached: 10 manual backups per server")
	}
	backup := c.AddBackup(Backup{Image: image, BackupType: Manual})
	return created(c.backupWire(backup, backupMessage))
}

func (c *call) deleteBackup() *answer {
	if c.Backups[c.id] == nil {
		return notFound()
	}
	delete(c.Backups, c.id)
	return deleted()
}

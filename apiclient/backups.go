package apiclient

import "context"

// Backups are the operations on backups.
type Backups struct{ core *core }

// Backup is a backup of a server. SizeMB is not known while it is made; a zero
// ExpiresAt means that it is kept. Message comes with a create alone.
type Backup struct {
	ID          ID             `json:"id,omitzero"`
	Server      Ref            `json:"server,omitzero"`
	BackupType  string         `json:"backup_type,omitzero"`
	Status      string         `json:"status,omitzero"`
	SizeMB      Amount         `json:"size_mb,omitzero"`
	CreatedAt   Time           `json:"created_at,omitzero"`
	ExpiresAt   Time           `json:"expires_at,omitzero"`
	Description string         `json:"description,omitzero"`
	Message     string         `json:"message,omitzero"`
	Extra       map[string]any `json:",embed"`
}

func (b *Backup) identity() ID { return b.ID }

// BackupFilter narrows a list of backups; zero fields do not. Type is
// "manual" or "automatic".
type BackupFilter struct {
	ServerID ID
	Type     string
}

// CreateBackup names the server to back up; an empty Description is not sent.
type CreateBackup struct {
	ServerID    ID     `json:"server_id"`
	Description string `json:"description,omitzero"`
}

var (
	backupsList   = endpoint{"GET", "/backups/", answerRequired}
	backupsCreate = endpoint{"POST", "/backups/", answerRequired}
	backupsDelete = endpoint{"DELETE", "/backups/{id}/", answerNone}
)

// List reads all backups that fit the filter, in the API's order: GET /backups/.
func (b Backups) List(ctx context.Context, f BackupFilter) ([]Backup, error) {
	all, err := fetchAll[Backup](ctx, b.core, backupsList, query("server_id", f.ServerID.String(), "backup_type", f.Type))
	return only(all, err, func(b *Backup) bool { return of(b.Server.ID, f.ServerID) && is(b.BackupType, f.Type) })
}

// Create begins a manual backup: POST /backups/.
func (b Backups) Create(ctx context.Context, in CreateBackup) (Backup, error) {
	return fetch[Backup](ctx, b.core, &call{endpoint: backupsCreate, needs: []ID{in.ServerID}}, in)
}

// Delete removes a backup for good: DELETE /backups/{id}/.
func (b Backups) Delete(ctx context.Context, id ID) error {
	return send(ctx, b.core, backupsDelete, id)
}

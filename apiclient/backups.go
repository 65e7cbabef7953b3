package apiclient

import "context"

// Backups are the operations on backups.
type Backups struct{ run step }

// Backup is a backup of a server. SizeMB is not known while it is being made; a zero ExpiresAt means that it
// does not expire. Message is set in the answer to a create only.
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

func (b Backup) identity() ID { return b.ID }

// BackupFilter narrows a list of backups; zero fields are ignored. Type is "manual" or "automatic".
type BackupFilter struct {
	ServerID ID
	Type     string
}

// CreateBackup names the server to back up; an empty Description is not sent.
type CreateBackup struct {
	ServerID    ID     `json:"server_id"`
	Description string `json:"description,omitzero"`
}

// List reads all backups that fit the filter, in the API's order: GET /backups/.
func (b Backups) List(ctx context.Context, f BackupFilter) ([]Backup, error) {
	return list[Backup]{b.run, "/backups/", query("server_id", f.ServerID.String(), "backup_type", f.Type), func(b Backup) bool {
		return b.Server.is(f.ServerID) && equals(b.BackupType, f.Type)
	}}.fetch(ctx)
}

// Create begins a manual backup: POST /backups/.
func (b Backups) Create(ctx context.Context, in CreateBackup) (Backup, error) {
	return fetch[Backup](ctx, b.run, &call{method: "POST", route: "/backups/", needs: []ID{in.ServerID}, in: in})
}

// Delete removes a backup for good: DELETE /backups/{id}/.
func (b Backups) Delete(ctx context.Context, id ID) error {
	return remove(ctx, b.run, "/backups/{id}/", id)
}

// Snapshots are the operations on snapshots.
type Snapshots struct{ run step }

// Snapshot is a snapshot of a server. SizeMB is not known while it is being made. Message is set in the answer
// to a create only.
type Snapshot struct {
	ID          ID             `json:"id,omitzero"`
	Server      Ref            `json:"server,omitzero"`
	Name        string         `json:"name,omitzero"`
	Status      string         `json:"status,omitzero"`
	SizeMB      Amount         `json:"size_mb,omitzero"`
	CreatedAt   Time           `json:"created_at,omitzero"`
	Description string         `json:"description,omitzero"`
	Message     string         `json:"message,omitzero"`
	Extra       map[string]any `json:",embed"`
}

func (s Snapshot) identity() ID { return s.ID }

// SnapshotFilter narrows a list of snapshots; a zero ServerID is ignored.
type SnapshotFilter struct{ ServerID ID }

// CreateSnapshot names the server and the snapshot; an empty Description is not sent.
type CreateSnapshot struct {
	ServerID    ID     `json:"server_id"`
	Name        string `json:"name"`
	Description string `json:"description,omitzero"`
}

// List reads all snapshots that fit the filter: GET /snapshots/.
func (s Snapshots) List(ctx context.Context, f SnapshotFilter) ([]Snapshot, error) {
	return list[Snapshot]{s.run, "/snapshots/", query("server_id", f.ServerID.String()), func(s Snapshot) bool {
		return s.Server.is(f.ServerID)
	}}.fetch(ctx)
}

// Create begins a snapshot: POST /snapshots/.
func (s Snapshots) Create(ctx context.Context, in CreateSnapshot) (Snapshot, error) {
	return fetch[Snapshot](ctx, s.run, &call{method: "POST", route: "/snapshots/", needs: []ID{in.ServerID}, in: in})
}

// Restore overwrites the snapshot's server with it: POST /snapshots/{id}/restore/.
func (s Snapshots) Restore(ctx context.Context, id ID) (ActionResult, error) {
	return act(ctx, s.run, "/snapshots/{id}/restore/", id)
}

// Delete removes a snapshot for good: DELETE /snapshots/{id}/.
func (s Snapshots) Delete(ctx context.Context, id ID) error {
	return remove(ctx, s.run, "/snapshots/{id}/", id)
}

// is reports whether the reference is to the wanted object; a zero wanted id matches all.
func (r Ref) is(wanted ID) bool { return wanted.IsZero() || r.ID.Equal(wanted) }

// Summary returns the summary of a backup.
func (b Backup) Summary() Summary { return Summary{ID: b.ID, Message: b.Message, Status: b.Status} }

// Summary returns the summary of a snapshot.
func (s Snapshot) Summary() Summary { return Summary{ID: s.ID, Message: s.Message, Status: s.Status} }

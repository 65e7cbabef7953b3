package apiclient

import "context"

// Snapshots are the operations on snapshots.
type Snapshots struct{ core *core }

// Snapshot is a snapshot of a server. SizeMB is not known while it is made. Message
// comes with a create alone.
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

func (s *Snapshot) identity() ID { return s.ID }

// SnapshotFilter narrows a list of snapshots; a zero ServerID does not.
type SnapshotFilter struct{ ServerID ID }

// CreateSnapshot names the server and the snapshot; an empty Description is
// not sent.
type CreateSnapshot struct {
	ServerID    ID     `json:"server_id"`
	Name        string `json:"name"`
	Description string `json:"description,omitzero"`
}

var (
	snapshotsList    = endpoint{"GET", "/snapshots/", answerRequired}
	snapshotsCreate  = endpoint{"POST", "/snapshots/", answerRequired}
	snapshotsRestore = endpoint{"POST", "/snapshots/{id}/restore/", answerOptional}
	snapshotsDelete  = endpoint{"DELETE", "/snapshots/{id}/", answerNone}
)

// List reads all snapshots that fit the filter: GET /snapshots/.
func (s Snapshots) List(ctx context.Context, f SnapshotFilter) ([]Snapshot, error) {
	all, err := fetchAll[Snapshot](ctx, s.core, snapshotsList, query("server_id", f.ServerID.String()))
	return only(all, err, func(s *Snapshot) bool { return of(s.Server.ID, f.ServerID) })
}

// Create begins a snapshot: POST /snapshots/.
func (s Snapshots) Create(ctx context.Context, in CreateSnapshot) (Snapshot, error) {
	return fetch[Snapshot](ctx, s.core, &call{endpoint: snapshotsCreate, needs: []ID{in.ServerID}}, in)
}

// Restore overwrites the snapshot's server with it: POST
// /snapshots/{id}/restore/.
func (s Snapshots) Restore(ctx context.Context, id ID) (ActionResult, error) {
	return act(ctx, s.core, snapshotsRestore, id)
}

// Delete removes a snapshot for good: DELETE /snapshots/{id}/.
func (s Snapshots) Delete(ctx context.Context, id ID) error {
	return send(ctx, s.core, snapshotsDelete, id)
}

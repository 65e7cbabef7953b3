package apiclient

import "context"

// Servers are the operations on servers.
type Servers struct{ core *core }

// ServerFilter narrows a list of servers; empty fields do not.
type ServerFilter struct {
	Status   string
	Location string
}

// CreateServer describes a new server. Name, PlanID, OSID and Location are
// required; zero values of the others are not sent.
type CreateServer struct {
	Name           string `json:"name"`
	PlanID         ID     `json:"plan_id"`
	OSID           ID     `json:"os_id"`
	Location       string `json:"location"`
	Hostname       string `json:"hostname,omitzero"`
	SSHKeyID       ID     `json:"ssh_key_id,omitzero"`
	BackupsEnabled *bool  `json:"backups_enabled,omitzero"`
}

// UpdateServer holds the fields to change; nil ones are left as they are.
type UpdateServer struct {
	Name           *string `json:"name,omitzero"`
	Hostname       *string `json:"hostname,omitzero"`
	BackupsEnabled *bool   `json:"backups_enabled,omitzero"`
}

// ReplaceServer holds all three fields that a PUT replaces; each is sent.
type ReplaceServer struct {
	Name           string `json:"name"`
	Hostname       string `json:"hostname"`
	BackupsEnabled bool   `json:"backups_enabled"`
}

type restoreServer struct {
	BackupID ID `json:"backup_id"`
}

var (
	serversList    = endpoint{"GET", "/servers/", answerRequired}
	serversGet     = endpoint{"GET", "/servers/{id}/", answerRequired}
	serversCreate  = endpoint{"POST", "/servers/", answerRequired}
	serversUpdate  = endpoint{"PATCH", "/servers/{id}/", answerOptional}
	serversReplace = endpoint{"PUT", "/servers/{id}/", answerOptional}
	serversDelete  = endpoint{"DELETE", "/servers/{id}/", answerNone}
	serversStart   = endpoint{"POST", "/servers/{id}/start/", answerOptional}
	serversStop    = endpoint{"POST", "/servers/{id}/stop/", answerOptional}
	serversReboot  = endpoint{"POST", "/servers/{id}/reboot/", answerOptional}
	serversRestore = endpoint{"POST", "/servers/{id}/restore/", answerOptional}
)

// List reads all servers that fit the filter: GET /servers/.
func (s Servers) List(ctx context.Context, f ServerFilter) ([]Server, error) {
	all, err := fetchAll[Server](ctx, s.core, serversList, query("status", f.Status, "location", f.Location))
	return only(all, err, func(s *Server) bool { return is(s.Status, f.Status) && is(s.Location, f.Location) })
}

// Get reads one server in full: GET /servers/{id}/.
func (s Servers) Get(ctx context.Context, id ID) (Server, error) {
	return fetch[Server](ctx, s.core, &call{endpoint: serversGet, id: id}, nil)
}

// Create orders a server, which is billed: POST /servers/. The answer comes
// while it is still provisioned.
func (s Servers) Create(ctx context.Context, in CreateServer) (Server, error) {
	return fetch[Server](ctx, s.core, &call{endpoint: serversCreate, needs: []ID{in.PlanID, in.OSID}}, in)
}

// Update changes the fields that are set: PATCH /servers/{id}/. The result is
// zero where the API answers without a body.
func (s Servers) Update(ctx context.Context, id ID, in UpdateServer) (Server, error) {
	return fetch[Server](ctx, s.core, &call{endpoint: serversUpdate, id: id}, in)
}

// Replace sets all three fields: PUT /servers/{id}/. The result is zero where
// the API answers without a body.
func (s Servers) Replace(ctx context.Context, id ID, in ReplaceServer) (Server, error) {
	return fetch[Server](ctx, s.core, &call{endpoint: serversReplace, id: id}, in)
}

// Delete removes a server for good: DELETE /servers/{id}/.
func (s Servers) Delete(ctx context.Context, id ID) error {
	return send(ctx, s.core, serversDelete, id)
}

// Start boots a stopped server: POST /servers/{id}/start/.
func (s Servers) Start(ctx context.Context, id ID) (ActionResult, error) {
	return act(ctx, s.core, serversStart, id)
}

// Stop shuts a server down gracefully: POST /servers/{id}/stop/.
func (s Servers) Stop(ctx context.Context, id ID) (ActionResult, error) {
	return act(ctx, s.core, serversStop, id)
}

// Reboot restarts a server gracefully: POST /servers/{id}/reboot/.
func (s Servers) Reboot(ctx context.Context, id ID) (ActionResult, error) {
	return act(ctx, s.core, serversReboot, id)
}

// Restore overwrites a server with one of its backups: POST
// /servers/{id}/restore/.
func (s Servers) Restore(ctx context.Context, id, backupID ID) (ActionResult, error) {
	c := &call{endpoint: serversRestore, id: id, needs: []ID{backupID}}
	return fetch[ActionResult](ctx, s.core, c, restoreServer{backupID})
}

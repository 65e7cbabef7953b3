package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// readTarget reads what a change acts on, and what its card and its read-back need. Where
// a person will be asked, a target that cannot be read refuses the operation; else it
// goes on with the id alone.
func (r *Runner) readTarget(ctx context.Context, op *tools.Op, in tools.Input, server apiclient.ID) (tools.Target, error) {
	t := tools.Target{ID: server, Server: apiclient.Server{ID: server}}
	steps := map[tools.On]func(context.Context, *tools.Op, tools.Input, *tools.Target) error{
		tools.Server:      r.readServer,
		tools.ServerCopy:  r.readServer,
		tools.OneBackup:   r.readBackup,
		tools.OneSnapshot: r.readSnapshot,
		tools.NewServer:   r.readPlan,
	}
	if err := steps[op.On](ctx, op, in, &t); err != nil {
		return t, err
	}
	if op.Risk == permissions.Destructive {
		if err := r.readCopies(ctx, &t); err != nil {
			return t, err
		}
	}
	return t, r.readKnown(ctx, op, in, &t)
}

func (r *Runner) readServer(ctx context.Context, op *tools.Op, in tools.Input, t *tools.Target) error {
	err := r.mayRead(ctx, op, "servers:list", "showing what would be changed")
	var refused *refusal
	if errors.As(err, &refused) && !op.RiskOf(*t, in).NeedsConsent() {
		return nil
	}
	if err != nil {
		return err
	}
	t.Server, err = r.Client.Servers.Get(ctx, t.Server.ID)
	if err != nil {
		return missing(err, t.ID)
	}
	if err := sameServer(t.ID, t.Server); err != nil {
		return err
	}
	t.ID = t.Server.ID
	if err := r.readNamesakes(ctx, op, in, t); err != nil {
		return err
	}
	return r.readRestored(ctx, op, in, t)
}

// readNamesakes reads which servers have the name already that a rename asks for.
func (r *Runner) readNamesakes(ctx context.Context, op *tools.Op, in tools.Input, t *tools.Target) error {
	if name := op.NewName(in); op.On == tools.Server && name != t.Server.Name {
		t.NewName = name
	}
	if t.NewName == "" {
		return nil
	}
	servers, err := r.Client.Servers.List(ctx, apiclient.ServerFilter{})
	if err != nil {
		return fmt.Errorf("reading which servers have that name: %w", err)
	}
	t.Namesakes = map[string]bool{}
	for _, s := range servers {
		if s.Name == t.NewName && !s.ID.Equal(t.ID) {
			t.Namesakes[s.ID.String()] = true
		}
	}
	return nil
}

// readRestored reads the backup to restore from: it must be one of this very server.
func (r *Runner) readRestored(ctx context.Context, op *tools.Op, in tools.Input, t *tools.Target) error {
	asked, given := in.Fields["backup_id"]
	if !given || op.On != tools.Server {
		return nil
	}
	id, err := apiclient.ParseID(in.Text("backup_id"))
	if err != nil {
		return &inputError{"backup_id is not an id: " + tools.Describe(asked)}
	}
	if err := r.mayRead(ctx, op, "backups:list", "showing which backup would be restored"); err != nil {
		return err
	}
	backups, err := r.Client.Backups.List(ctx, apiclient.BackupFilter{ServerID: t.ID})
	if err != nil {
		return err
	}
	b, ok := tools.FindBackup(backups, id)
	if !ok || !b.Server.ID.Equal(t.ID) {
		return &inputError{fmt.Sprintf("backup %s is not a backup of server %s; backups.list shows those that are", id, in.Text("server"))}
	}
	t.Backup = b
	return nil
}

func (r *Runner) readBackup(ctx context.Context, op *tools.Op, in tools.Input, t *tools.Target) error {
	if err := r.mayRead(ctx, op, "backups:list", "showing what would be deleted"); err != nil {
		return err
	}
	backups, err := r.Client.Backups.List(ctx, apiclient.BackupFilter{})
	if err != nil {
		return err
	}
	id, _ := apiclient.ParseID(in.Text("backup_id"))
	b, ok := tools.FindBackup(backups, id)
	if !ok {
		return &inputError{fmt.Sprintf("no backup has the id %s; backups.list shows them", id)}
	}
	t.ID, t.Backup = b.ID, b
	return r.readBehind(ctx, op, b.Server, t)
}

func (r *Runner) readSnapshot(ctx context.Context, op *tools.Op, in tools.Input, t *tools.Target) error {
	if err := r.mayRead(ctx, op, "snapshots:list", "showing what would be changed"); err != nil {
		return err
	}
	snapshots, err := r.Client.Snapshots.List(ctx, apiclient.SnapshotFilter{})
	if err != nil {
		return err
	}
	id, _ := apiclient.ParseID(in.Text("snapshot_id"))
	s, ok := tools.FindSnapshot(snapshots, id)
	if !ok {
		return &inputError{fmt.Sprintf("no snapshot has the id %s; snapshots.list shows them", id)}
	}
	t.ID, t.Snapshot = s.ID, s
	return r.readBehind(ctx, op, s.Server, t)
}

// readBehind reads the server of a backup or a snapshot. It may be gone: its backups can
// outlive it. A restore is about the server, so that one must be readable.
func (r *Runner) readBehind(ctx context.Context, op *tools.Op, ref apiclient.Ref, t *tools.Target) error {
	t.Server = apiclient.Server{ID: ref.ID, Name: ref.Name}
	switch {
	case ref.ID.IsZero() && op.Typed() == tools.TypedServer:
		return &inputError{"VPS.org does not say which server it belongs to, so nothing can be confirmed"}
	case ref.ID.IsZero() && r.Policy().Book != nil:
		return &refusal{op.Name + " is refused: VPS.org does not say which server it belongs to, and the policy goes by that"}
	case ref.ID.IsZero():
		return nil
	}
	err := r.mayRead(ctx, op, "servers:list", "showing which server it belongs to")
	var refused *refusal
	if errors.As(err, &refused) && op.Typed() != tools.TypedServer {
		t.Unread = append(t.Unread, "server not readable: servers:list is missing")
		return nil
	}
	if err != nil {
		return err
	}
	s, err := r.Client.Servers.Get(ctx, ref.ID)
	if apiclient.IsNotFound(err) && op.Typed() != tools.TypedServer {
		t.Unread = append(t.Unread, "its server no longer exists")
		return nil
	}
	if err != nil {
		return missing(err, ref.ID)
	}
	t.Server = s
	return sameServer(ref.ID, s)
}

// sameServer holds the API to what it was asked: nothing is done to another server.
func sameServer(asked apiclient.ID, got apiclient.Server) error {
	if got.ID.Equal(asked) {
		return nil
	}
	return fmt.Errorf("VPS.org was asked for server %s and answered with server %s; nothing was changed", text.Clean(asked.String()), text.Clean(got.ID.String()))
}

// readPlan reads the price of a new server.
func (r *Runner) readPlan(ctx context.Context, op *tools.Op, in tools.Input, t *tools.Target) error {
	if err := r.mayRead(ctx, op, "servers:list", "checking that it is not created twice"); err != nil {
		return err
	}
	t.Server = apiclient.Server{Name: in.Text("name"), Location: in.Text("location"), Hostname: in.Text("hostname")}
	t.System = r.systemCalled(ctx, idOf(in.Text("os_id")))
	if granted, err := r.grants(ctx, "plans:list"); err != nil {
		return err
	} else if !granted {
		t.Unread = append(t.Unread, "price not readable: plans:list is missing")
		return nil
	}
	plans, err := r.Client.Plans.List(ctx, apiclient.PlanFilter{})
	if err != nil {
		return fmt.Errorf("reading the price: %w", err)
	}
	asked := idOf(in.Text("plan_id"))
	for _, p := range plans {
		if p.ID.Equal(asked) {
			t.Plan = p
			return nil
		}
	}
	t.Unread = append(t.Unread, "price not known: no plan on the price list has the id "+in.Text("plan_id"))
	return nil
}

// systemCalled is the name of an operating system, as the servers that have it tell: VPS.org lists
// them nowhere else. It is for show, so what cannot be read is left out.
func (r *Runner) systemCalled(ctx context.Context, id apiclient.ID) string {
	servers, err := r.Client.Servers.List(ctx, apiclient.ServerFilter{})
	if err != nil || id.IsZero() {
		return ""
	}
	for _, s := range servers {
		if s.OS.ID.Equal(id) {
			return s.OS.Name
		}
	}
	return ""
}

// readCopies reads the server's backups and snapshots: what would be lost, or what could
// bring it back.
func (r *Runner) readCopies(ctx context.Context, t *tools.Target) error {
	if t.Server.ID.IsZero() {
		return nil
	}
	granted, err := r.grants(ctx, "backups:list")
	switch {
	case err != nil:
		return err
	case !granted:
		t.Unread, t.NoBackups = append(t.Unread, "backups not readable: backups:list is missing"), true
	default:
		if t.Backups, err = r.Client.Backups.List(ctx, apiclient.BackupFilter{ServerID: t.Server.ID}); err != nil {
			return err
		}
	}
	granted, err = r.grants(ctx, "snapshots:list")
	switch {
	case err != nil:
		return err
	case !granted:
		t.Unread, t.NoSnapshots = append(t.Unread, "snapshots not readable: snapshots:list is missing"), true
	default:
		t.Snapshots, err = r.Client.Snapshots.List(ctx, apiclient.SnapshotFilter{ServerID: t.Server.ID})
	}
	return err
}

// readKnown notes the ids that exist before something is created, so that a lost answer
// can be read back.
func (r *Runner) readKnown(ctx context.Context, op *tools.Op, in tools.Input, t *tools.Target) error {
	if op.Candidates == nil {
		return nil
	}
	if granted, err := r.grants(ctx, op.CandidatesNeed); err != nil || !granted {
		return err
	}
	all, err := op.Candidates(ctx, r.Client, *t, in.Value)
	if err != nil {
		return err
	}
	t.ExistingIDs, t.ExistingComplete = map[string]bool{}, true
	for _, one := range all {
		_, id := tools.APIMessage(one)
		t.ExistingIDs[id.Key()] = true
	}
	return nil
}

// grants reports whether the token holds a permission. That it cannot be asked is not a no.
func (r *Runner) grants(ctx context.Context, p permissions.Permission) (bool, error) {
	token, err := r.token(ctx, false)
	return token.Grants.Covers(p), err
}

// missing makes a 404 of a server a mistake of the input.
func missing(err error, id apiclient.ID) error {
	if apiclient.IsNotFound(err) {
		return &inputError{"no server has the id " + text.Clean(id.String())}
	}
	return err
}

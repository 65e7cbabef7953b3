package tools

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// Target is what an operation acts on, as the API showed it a moment ago. What could not
// be read is zero.
type Target struct {
	ID     apiclient.ID     // of the thing itself; zero for one that does not exist yet
	Server apiclient.Server // the thing, or the server behind it
	Item   Item             // the thing that is no server; of a restore the backup or snapshot
	Plan   apiclient.Plan   // of a new server

	Backups   []apiclient.Backup // of the server, where copies matter to the card
	Snapshots []apiclient.Snapshot

	NewName   string          // the name that the server will have, if it is another
	Namesakes map[string]bool // ids of the servers that have that name already

	System      string          // the name of the operating system that a new server gets; "" if no list has it
	ExistingIDs map[string]bool // ids that existed beforehand, of what the operation creates; nil if they were not read
	Unread      []string        // what of the card is missing, and why

	NoBackups, NoSnapshots bool // they could not be read, which does not mean that there are none
}

// Item is one object other than a server.
type Item struct {
	Kind      string // "backup"
	ID        apiclient.ID
	Name      string
	CreatedAt apiclient.Time
}

// ServerLabel names the server for a sentence.
func (t Target) ServerLabel() string {
	if t.Server.Name == "" {
		return "server " + text.Clean(t.Server.ID.String())
	}
	return text.Quote(t.Server.Name)
}

// MadeAt says when the backup or snapshot was made: " (made 2025-01-16 03:00 UTC)".
func (t Target) MadeAt() string {
	if t.Item.CreatedAt.Time.IsZero() {
		return ""
	}
	return " (made " + text.Moment(t.Item.CreatedAt.Time) + ")"
}

// NewestCopy is when the newest backup or snapshot of the server was made; zero if there is none.
func (t Target) NewestCopy() (newest time.Time) {
	for _, b := range t.Backups {
		if b.CreatedAt.After(newest) {
			newest = b.CreatedAt.Time
		}
	}
	for _, s := range t.Snapshots {
		if s.CreatedAt.After(newest) {
			newest = s.CreatedAt.Time
		}
	}
	return newest
}

// Access is what a resource may read its target with.
type Access interface {
	API() *apiclient.Client
	// Grants reports whether the token holds a permission; an error says that it could not be read.
	Grants(context.Context, permissions.Permission) (bool, error)
	// Require returns a refusal unless the token holds a permission, which is needed for a purpose.
	Require(ctx context.Context, p permissions.Permission, purpose string) error
	// GoesByServer reports whether a policy file is in force, whose rules match servers.
	GoesByServer() bool
}

// ReadTarget reads the target of a change, and what its card and its read-back need. If a person must agree, a
// target that cannot be read refuses the operation; else the id alone is enough.
func (op *Op) ReadTarget(ctx context.Context, a Access, in Input, server apiclient.ID) (Target, error) {
	r := &Reader{Access: a, Op: op, In: in}
	r.ID, r.Server.ID = server, server
	if err := op.Resource.Read(ctx, r); err != nil {
		return r.Target, err
	}
	if op.Destroys() && !r.Server.ID.IsZero() {
		if err := readCopies(ctx, r); err != nil {
			return r.Target, err
		}
	}
	return r.Target, readExisting(ctx, r)
}

// Reader reads the target of one change into its Target.
type Reader struct {
	Access
	Op *Op
	In Input
	Target
}

func readServer(ctx context.Context, r *Reader) error {
	if granted, err := r.Grants(ctx, "servers:list"); err == nil && !granted && !r.Op.RiskOf(r.Target, r.In).NeedsConsent() {
		return nil
	}
	if err := r.Require(ctx, "servers:list", "showing what would be changed"); err != nil {
		return err
	}
	var err error
	if r.Server, err = getServer(ctx, r, r.ID); err != nil {
		return NoSuchServer(err, r.ID)
	}
	r.ID = r.Server.ID
	if name := r.Op.NewName(r.In); name != r.Server.Name {
		r.NewName = name
	}
	if r.NewName == "" {
		return nil
	}
	servers, err := r.API().Servers.List(ctx, apiclient.ServerFilter{})
	if err != nil {
		return fmt.Errorf("reading which servers have that name: %w", err)
	}
	r.Namesakes = map[string]bool{}
	for _, s := range servers {
		if s.Name == r.NewName && !s.ID.Equal(r.ID) {
			r.Namesakes[s.ID.String()] = true
		}
	}
	return nil
}

// getServer reads a server, and holds the API to what it was asked: nothing is done to another server.
func getServer(ctx context.Context, r *Reader, id apiclient.ID) (apiclient.Server, error) {
	s, err := r.API().Servers.Get(ctx, id)
	if err == nil && !s.ID.Equal(id) {
		err = fmt.Errorf("VPS.org was asked for server %s and answered with server %s; nothing was changed", text.Clean(id.String()), text.Clean(s.ID.String()))
	}
	return s, err
}

// NoSuchServer makes a 404 of a server a mistake of the input.
func NoSuchServer(err error, id apiclient.ID) error {
	if apiclient.IsNotFound(err) {
		return &InputError{"no server has the id " + text.Clean(id.String())}
	}
	return err
}

// readServerBackup reads the server, and the backup to restore from: it must be one of this very server.
func readServerBackup(ctx context.Context, r *Reader) error {
	if err := readServer(ctx, r); err != nil {
		return err
	}
	id, err := apiclient.ParseID(r.In.Text(Backup.Field))
	if err != nil {
		return &InputError{Backup.Field + " is not an id: " + Describe(r.In.Fields[Backup.Field])}
	}
	if err := r.Require(ctx, "backups:list", "showing which backup would be restored"); err != nil {
		return err
	}
	backups, err := listBackups(ctx, r.API(), r.ID)
	if err != nil {
		return err
	}
	b, ok := find(backups, id)
	if !ok || !b.Server.ID.Equal(r.ID) {
		return &InputError{fmt.Sprintf("backup %s is not a backup of server %s; backups.list shows those that are", id, r.In.Text("server"))}
	}
	r.Item = Item{Kind: "backup", ID: b.ID, CreatedAt: b.CreatedAt}
	return nil
}

func readBackup(ctx context.Context, r *Reader) error {
	if err := r.Require(ctx, "backups:list", "showing what would be deleted"); err != nil {
		return err
	}
	all, err := listBackups(ctx, r.API(), apiclient.ID{})
	b, err := FindAsked(r, all, err)
	if err != nil {
		return err
	}
	r.ID, r.Item = b.ID, Item{Kind: "backup", ID: b.ID, CreatedAt: b.CreatedAt}
	return readBehind(ctx, r, b.Server)
}

func readSnapshot(ctx context.Context, r *Reader) error {
	if err := r.Require(ctx, "snapshots:list", "showing what would be changed"); err != nil {
		return err
	}
	all, err := listSnapshots(ctx, r.API(), apiclient.ID{})
	s, err := FindAsked(r, all, err)
	if err != nil {
		return err
	}
	r.ID, r.Item = s.ID, Item{Kind: "snapshot", ID: s.ID, Name: s.Name, CreatedAt: s.CreatedAt}
	return readBehind(ctx, r, s.Server)
}

// FindAsked returns the one of a list that the input names by its id.
func FindAsked[T Summarized](r *Reader, all []T, err error) (T, error) {
	id, _ := apiclient.ParseID(r.In.Text(r.Op.Resource.Field))
	one, ok := find(all, id)
	if field, _ := r.Op.Field(r.Op.Resource.Field); err == nil && !ok {
		err = &InputError{fmt.Sprintf("no %s has the id %s; %s shows them", r.Op.Resource.Name, id, field.List)}
	}
	return one, err
}

// readBehind reads the server of a backup or a snapshot. It may be gone: its backups can
// outlive it. A restore is about the server, so that one must be readable.
func readBehind(ctx context.Context, r *Reader, ref apiclient.Ref) error {
	r.Server = apiclient.Server{ID: ref.ID, Name: ref.Name}
	needed := r.Op.Resource.OverwritesServer
	switch {
	case ref.ID.IsZero() && needed:
		return &InputError{"VPS.org does not say which server it belongs to, so nothing can be confirmed"}
	case ref.ID.IsZero() && r.GoesByServer():
		return &Refusal{r.Op.Name + " is refused: VPS.org does not say which server it belongs to, and the policy goes by that"}
	case ref.ID.IsZero():
		return nil
	}
	if granted, err := r.Grants(ctx, "servers:list"); err == nil && !granted && !needed {
		r.Unread = append(r.Unread, "server not readable: servers:list is missing")
		return nil
	}
	if err := r.Require(ctx, "servers:list", "showing which server it belongs to"); err != nil {
		return err
	}
	s, err := getServer(ctx, r, ref.ID)
	if apiclient.IsNotFound(err) && !needed {
		r.Unread = append(r.Unread, "its server no longer exists")
		return nil
	}
	if err == nil {
		r.Server = s
	}
	return NoSuchServer(err, ref.ID)
}

func readPlan(ctx context.Context, r *Reader) error {
	if err := r.Require(ctx, "servers:list", "checking that it is not created twice"); err != nil {
		return err
	}
	r.Server = apiclient.Server{Name: r.In.Text("name"), Location: r.In.Text("location"), Hostname: r.In.Text("hostname")}
	r.System = systemName(ctx, r, AnyID(r.In.Text("os_id")))
	if granted, err := r.Grants(ctx, "plans:list"); err != nil {
		return err
	} else if !granted {
		r.Unread = append(r.Unread, "price not readable: plans:list is missing")
		return nil
	}
	plans, err := r.API().Plans.List(ctx, apiclient.PlanFilter{})
	if err != nil {
		return fmt.Errorf("reading the price: %w", err)
	}
	asked := AnyID(r.In.Text("plan_id"))
	i := slices.IndexFunc(plans, func(p apiclient.Plan) bool { return p.ID.Equal(asked) })
	switch {
	case len(plans) == 0:
		r.Unread = append(r.Unread, "price not known: VPS.org's price list is empty")
		return nil
	case i < 0:
		return &InputError{"no plan has the id " + r.In.Text("plan_id") + "; plans.list shows those that there are"}
	}
	r.Plan = plans[i]
	return offeredIn(r.Plan, r.Server.Location)
}

// offeredIn refuses a location that a plan is not offered in. A plan that names no location says nothing.
func offeredIn(p apiclient.Plan, location string) error {
	if len(p.Locations) == 0 || slices.ContainsFunc(p.Locations, func(l string) bool { return SameName(l, location) }) {
		return nil
	}
	return &InputError{fmt.Sprintf("the plan %s is not offered in %s, but in: %s", text.Quote(p.Name), location, text.Clean(strings.Join(p.Locations, ", ")))}
}

// systemName is the name of an operating system as servers that have it show it: VPS.org lists
// them nowhere else, so one that no server has may exist. It is for show, so what cannot be read is left out.
func systemName(ctx context.Context, r *Reader, id apiclient.ID) string {
	servers, err := r.API().Servers.List(ctx, apiclient.ServerFilter{})
	if err != nil || id.IsZero() {
		return ""
	}
	known := false
	for _, s := range servers {
		if s.OS.ID.Equal(id) {
			return s.OS.Name
		}
		known = known || !s.OS.ID.IsZero()
	}
	if known {
		r.Unread = append(r.Unread, "system not known: no server of this account has the os_id "+text.Clean(id.String())+"; servers.get shows a server's")
	}
	return ""
}

// readCopies reads the server's backups and snapshots: what would be lost, or what could
// bring it back.
func readCopies(ctx context.Context, r *Reader) (err error) {
	if r.Backups, r.NoBackups, err = readCopiesOf(ctx, r, "backups", listBackups); err == nil {
		r.Snapshots, r.NoSnapshots, err = readCopiesOf(ctx, r, "snapshots", listSnapshots)
	}
	return err
}

func readCopiesOf[T Summarized](ctx context.Context, r *Reader, kind string, list lister[T]) (copies []T, unread bool, err error) {
	granted, err := r.Grants(ctx, permissions.Permission(kind+":list"))
	switch {
	case err != nil:
		return nil, false, err
	case !granted:
		r.Unread = append(r.Unread, kind+" not readable: "+kind+":list is missing")
		return nil, true, nil
	}
	copies, err = list(ctx, r.API(), r.Server.ID)
	return copies, false, err
}

// readExisting reads the ids that exist before something is created, so that a lost answer
// can be read back.
func readExisting(ctx context.Context, r *Reader) error {
	if r.Op.Candidates == nil {
		return nil
	}
	if granted, err := r.Grants(ctx, r.Op.CandidatesNeed); err != nil || !granted {
		return err
	}
	all, err := r.Op.Candidates(ctx, r.API(), r.Target, r.In.Value)
	if err != nil {
		return err
	}
	r.ExistingIDs = map[string]bool{}
	for _, one := range all {
		r.ExistingIDs[Summarize(one).ID.Key()] = true
	}
	return nil
}

// RestoreTarget makes the target of a record again, as far as a read-back needs it: from the facts of
// the record's card, and from the ids that existed beforehand, if those were read.
func (op *Op) RestoreTarget(in Input, facts map[string]string, existing []string) Target {
	t := Target{Server: apiclient.Server{ID: AnyID(facts["id"]), Name: facts["name"], Hostname: facts["hostname"], Status: facts["status"]}}
	if on, err := strconv.ParseBool(facts["backups_enabled"]); err == nil {
		t.Server.BackupsEnabled = &on
	}
	t.ID = t.Server.ID
	if !op.Resource.IsServer {
		t.ID = AnyID(in.Text(op.Resource.Field))
		t.Item = Item{Kind: op.Resource.Name, ID: t.ID, Name: facts[op.Resource.Name+" name"]}
	}
	if existing != nil {
		t.ExistingIDs = map[string]bool{}
		for _, id := range existing {
			t.ExistingIDs[NormalizeUnicode(id)] = true
		}
	}
	return t
}

// AnyID reads an id that the API once gave, in whatever form.
func AnyID(text string) apiclient.ID {
	if id, err := apiclient.ParseID(text); err == nil {
		return id
	}
	var id apiclient.ID
	if text != "" {
		_ = id.UnmarshalJSON(QuotedJSON(text)) // what is no id stays zero, and is refused before sending
	}
	return id
}

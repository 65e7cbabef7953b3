package tools

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// Resource is a kind of object that operations act on: a server, a backup. Whatever differs from one kind to
// another is a field of its value; no other code compares kinds.
type Resource struct {
	Name  string // a noun: "backup"
	Field string // the input field with its id, or for a server its name; a terminal takes it without the flag

	IsServer         bool   // it is a server, whose name confirms a change and stands in policies
	OfServer         bool   // it belongs to a server, by whose name policies decide
	IsNew            bool   // it does not exist before the operation
	IsCopy           bool   // it is itself a copy of its server's data
	OverwritesServer bool   // the server behind it is what changes, so it must be readable, and its name confirms
	ServerName       string // the input field with the name that the server will have; "" if there is none
	HasLogin         bool   // it is a server that a person logs in to once it has settled

	// Read reads the target of a change. It may be nil where only reads act on the resource.
	Read func(context.Context, *Reader) error
	// Facts adds properties to those that the fingerprint covers. It may be nil.
	Facts func(Target) map[string]string
	// Lines adds lines to the card. If it is nil, the card of a new object shows the fields of the input.
	Lines func(*Op, Input, Target) []Line
}

// The resources of VPS.org.
var (
	Account = &Resource{Name: "account"} // the account as a whole: the operation has no single target
	// ServerFilter is a list that may be narrowed to one server.
	ServerFilter = &Resource{Name: "server", Field: "server", IsServer: true}
	// Server is one server.
	Server = &Resource{Name: "server", Field: "server", IsServer: true, ServerName: "name", Read: readServer}
	// NewServer is a server that does not exist yet.
	NewServer = &Resource{
		Name: "server", IsServer: true, IsNew: true, ServerName: "name", HasLogin: true,
		Read: readPlan, Facts: planFacts, Lines: planLines,
	}
	// ServerCopy is a server that gets a new backup or snapshot.
	ServerCopy = &Resource{Name: "server", Field: "server", IsServer: true, Read: readServer}
	// ServerBackup is a server that one of its backups overwrites.
	ServerBackup = &Resource{Name: "server", Field: "server", IsServer: true, Read: readServerBackup}
	// Backup is one backup, and the server behind it.
	Backup = &Resource{Name: "backup", Field: "backup_id", OfServer: true, IsCopy: true, Read: readBackup}
	// Snapshot is one snapshot, and the server behind it.
	Snapshot = &Resource{Name: "snapshot", Field: "snapshot_id", OfServer: true, IsCopy: true, Read: readSnapshot}
	// SnapshotServer is one snapshot that overwrites the server behind it.
	SnapshotServer = &Resource{Name: "snapshot", Field: "snapshot_id", OfServer: true, OverwritesServer: true, Read: readSnapshot}
)

// The inputs that name one thing and nothing else.

type serverIn struct {
	Server string `json:"server" doc:"Server id or exact name"`
}

type backupIn struct {
	BackupID apiclient.ID `json:"backup_id" doc:"Backup id or SERVER/latest" list:"backups.list"`
}

type snapshotIn struct {
	SnapshotID apiclient.ID `json:"snapshot_id" doc:"Snapshot id or SERVER/latest" list:"snapshots.list"`
}

// OnServer reports whether policies decide by a server's name.
func (r *Resource) OnServer() bool { return r.IsServer || r.OfServer }

// renames reports whether an input can give a server that exists another name.
func (r *Resource) renames() bool { return r.ServerName != "" && !r.IsNew }

// Asked names the target by the input alone: "backup 499".
func (r *Resource) Asked(in Input) string {
	if id := in.Text(r.Field); id != "" {
		return r.Name + " " + text.Clean(id)
	}
	return "that " + r.Name
}

// Line is one labelled value of a card.
type Line struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// TakenBy are the ids of the objects that already have the name of a new object or of a rename.
func (op *Op) TakenBy(t Target) map[string]bool {
	if op.Resource.IsNew {
		return t.ExistingIDs
	}
	return t.Namesakes
}

// RiskOf returns the risk of this very input on this very target. A rename onto a name that another
// server has, or that cannot be looked for, is a matter for a person.
func (op *Op) RiskOf(t Target, in Input) permissions.Risk {
	risk := op.Risk
	if op.riskFor != nil {
		risk = op.riskFor(t, in.Value)
	}
	name := op.NewName(in)
	taken := len(t.Namesakes) > 0 || t.Namesakes == nil && name != t.Server.Name
	if op.Resource.renames() && name != "" && taken && !risk.NeedsConsent() {
		return permissions.Disruptive
	}
	return risk
}

// Destroys reports whether data may be lost for good.
func (op *Op) Destroys() bool { return op.Risk == permissions.Destructive }

// Renames reports whether the operation can give a server that exists another name.
func (op *Op) Renames() bool {
	_, named := op.Field(op.Resource.ServerName)
	return op.Resource.renames() && named
}

// NewName returns the name that a server will have, if the input gives it one.
func (op *Op) NewName(in Input) string { return in.Text(op.Resource.ServerName) }

// NoTarget returns the target of what is about no server at all; nil says that the server is
// not known yet.
func (op *Op) NoTarget() *permissions.TargetServer {
	if !op.Resource.OnServer() && op.View.Keep == nil {
		return &permissions.TargetServer{}
	}
	return nil
}

// ConfirmText returns the text that a person must type: the name, or the id where the name
// is not fit to be typed because what is shown of it is not all of it, or because its words
// could be read as part of the question.
func (op *Op) ConfirmText(t Target) string {
	name, id := t.Item.Name, t.ID
	if op.Resource.IsServer || op.Resource.OverwritesServer {
		name, id = t.Server.Name, t.Server.ID
	}
	if name == "" || text.Clean(name) != name || strings.ContainsRune(name, ' ') {
		return text.Clean(id.String())
	}
	return name
}

// Lock returns the key under which one change runs at a time: the server of the target, the name of a new
// object, or the object itself.
func (op *Op) Lock(t Target) string {
	switch r := op.Resource; {
	case r.IsServer && r.IsNew:
		return "name:" + t.Server.Name
	case !t.Server.ID.IsZero():
		return ServerLock(t.Server.ID.Key())
	case r.IsNew:
		return r.Name + "-name:" + t.Item.Name
	default:
		return r.Name + ":" + t.ID.Key()
	}
}

// ServerLock is the lock of everything that changes a server.
func ServerLock(id string) string { return "server:" + id }

// TargetName is what a record and its messages call the target.
func (op *Op) TargetName(t Target) string {
	server := text.Clean(t.Server.Name)
	if server == "" && !t.Server.ID.IsZero() {
		server = "server " + text.Clean(t.Server.ID.String())
	}
	if op.Resource.IsServer {
		return server
	}
	says := op.Resource.Name + " " + text.Clean(cmp.Or(t.Item.Name, t.Item.ID.String()))
	if server != "" {
		says += " of " + server
	}
	return says
}

// Facts are the properties of the target that its card shows and the fingerprint covers: if one differs right
// before the call, nothing is sent. "id" and "name" are the server's.
func (op *Op) Facts(t Target) map[string]string {
	s, r := t.Server, op.Resource
	facts := map[string]string{
		"id": s.ID.Key(), "name": s.Name, "hostname": s.Hostname, "address": s.IPAddress, "location": s.Location,
		"plan": idAndName(s.Plan.ID, s.Plan.Name), "os": idAndName(s.OS.ID, s.OS.Name),
		"status": s.Status, "backups_enabled": TrueFalse(s.BackupsEnabled),
	}
	if r.Facts != nil {
		maps.Copy(facts, r.Facts(t))
	}
	if r.IsNew || t.NewName != "" {
		facts[r.Name+"s of that name"] = strings.Join(slices.Sorted(maps.Keys(op.TakenBy(t))), " ")
	}
	if op.Destroys() {
		facts["backup ids"] = joinIDs(t.Backups)
		facts["snapshot ids"] = joinIDs(t.Snapshots)
	}
	if t.Item.Name != "" {
		facts[r.Name+" name"] = t.Item.Name
	}
	return facts
}

func planFacts(t Target) map[string]string {
	return map[string]string{
		"plan":      idAndName(t.Plan.ID, t.Plan.Name),
		"price":     fmt.Sprintf("%s a month, %s an hour", AmountCell(t.Plan.PriceMonthly), AmountCell(t.Plan.PriceHourly)),
		"available": FlagCell(t.Plan.Available),
	}
}

func idAndName(id apiclient.ID, name string) string { return strings.TrimSpace(id.Key() + " " + name) }

func joinIDs[T Summarized](items []T) string {
	keys := text.Map(items, func(item T) string { return item.Summary().ID.Key() })
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

// CardLines are the lines of the card about the target, cleaned and without empty ones.
func (op *Op) CardLines(in Input, t Target) []Line {
	s := t.Server
	lines := []Line{
		{"server", s.Name},
		{"id", s.ID.String()},
		{"hostname", s.Hostname},
		{"address", s.IPAddress},
		{"location", s.Location},
		{"plan", withSize(s.Plan.Name, s.Plan.VCPUs, s.Plan.Memory, s.Plan.Storage)},
		{"system", s.OS.Name},
		{"status", s.Status},
	}
	switch r := op.Resource; {
	case r.Lines != nil:
		lines = append(lines, r.Lines(op, in, t)...)
	case r.IsNew:
		lines = append(lines, op.givenLines(in)...)
	}
	if !t.Item.ID.IsZero() {
		lines = append(lines, Line{t.Item.Kind, strings.TrimSpace(t.Item.Name+" "+t.Item.ID.String()) + t.MadeAt()})
	}
	shown := lines[:0]
	for _, l := range lines {
		if l.Value = text.Clean(l.Value); l.Value != "" {
			shown = append(shown, l)
		}
	}
	return shown
}

// planLines are what is bought, as it is asked for.
func planLines(op *Op, in Input, t Target) []Line {
	plan := withSize(t.Plan.Name, t.Plan.VCPUs, t.Plan.Memory, t.Plan.Storage)
	lines, shown := []Line{}, []string{"name", "location", "hostname"}
	for _, l := range []struct{ label, name, field string }{{"plan", plan, "plan_id"}, {"system", t.System, "os_id"}} {
		if text.Clean(l.name) != "" {
			lines, shown = append(lines, Line{l.label, withID(l.name, l.field, in.Text(l.field))}), append(shown, l.field)
		}
	}
	return append(lines, op.givenLines(in, shown...)...)
}

// withID is a name with the id that is asked for: "Ubuntu 22.04 LTS (os_id 5)", "Starter (1 vCPU; plan_id 1)".
func withID(name, field, id string) string {
	if inner, ok := strings.CutSuffix(name, ")"); ok && strings.Contains(inner, " (") {
		return inner + "; " + field + " " + id + ")"
	}
	return name + " (" + field + " " + id + ")"
}

// givenLines are the fields of an input as they were given, but for some.
func (op *Op) givenLines(in Input, except ...string) (lines []Line) {
	for _, f := range op.Fields {
		if v, given := in.Fields[f.Name]; given && !slices.Contains(except, f.Name) {
			lines = append(lines, Line{f.Name, bare(v)})
		}
	}
	return lines
}

// withSize is a plan with what it has: "Standard VPS (2 vCPU, 4 GB memory, 80 GB disk)".
func withSize(plan string, vcpus, memory, storage apiclient.Amount) string {
	cpus, ram, disk := sized(vcpus, " vCPU"), sized(memory, " MB"), sized(storage, " GB")
	if plan == "" || cpus == "" || ram == "" || disk == "" {
		return plan
	}
	return plan + " (" + cpus + ", " + ram + " memory, " + disk + " disk)"
}

// sized is an amount with its unit, unless it has one already; "" if it is not known.
func sized(amount apiclient.Amount, unit string) string {
	text := amount.String()
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return text
	case n == 0:
		return ""
	case unit == " MB" && n >= 1024:
		return strconv.FormatFloat(n/1024, 'f', -1, 64) + " GB"
	}
	return text + unit
}

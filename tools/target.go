package tools

import (
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// Target is what an operation acts on, as the API showed it a moment ago. What could not
// be read is zero.
type Target struct {
	ID       apiclient.ID       // of the thing itself; zero for a server that does not exist yet
	Server   apiclient.Server   // the server behind it
	Backup   apiclient.Backup   // to delete or to restore from
	Snapshot apiclient.Snapshot // to delete or to restore from
	Plan     apiclient.Plan     // of a new server

	Backups   []apiclient.Backup // of the server, where copies matter to the card
	Snapshots []apiclient.Snapshot

	NewName   string          // the name that the server will have, if it is another
	Namesakes map[string]bool // ids of the servers that have that name already

	System           string          // the name of the operating system that a new server gets; "" if no list tells
	ExistingIDs      map[string]bool // ids that existed beforehand, of what the operation creates
	ExistingComplete bool            // AmountCell is complete
	Unread           []string        // what of the card is missing, and why

	NoBackups, NoSnapshots bool // they could not be read, which does not mean that there are none
}

// TakenBy are the ids of the servers that have the name which a new server or a rename asks for.
func (t Target) TakenBy(op *Op) map[string]bool {
	if op.On == NewServer {
		return t.ExistingIDs
	}
	return t.Namesakes
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
	at := t.Backup.CreatedAt
	if at.IsZero() {
		at = t.Snapshot.CreatedAt
	}
	if at.Time.IsZero() {
		return ""
	}
	return " (made " + text.Moment(at.Time) + ")"
}

// planID returns the plan's id in the form the API itself gave, if it was read.
func (t Target) planID(asked apiclient.ID) apiclient.ID {
	if t.Plan.ID.IsZero() {
		return asked
	}
	return t.Plan.ID
}

// backupID returns the backup's id in the form the API itself gave, if it was read.
func (t Target) backupID(asked apiclient.ID) apiclient.ID {
	if t.Backup.ID.IsZero() {
		return asked
	}
	return t.Backup.ID
}

// FindBackup returns the backup of that id.
func FindBackup(backups []apiclient.Backup, id apiclient.ID) (apiclient.Backup, bool) {
	for _, b := range backups {
		if b.ID.Equal(id) {
			return b, true
		}
	}
	return apiclient.Backup{}, false
}

// FindSnapshot returns the snapshot of that id.
func FindSnapshot(snapshots []apiclient.Snapshot, id apiclient.ID) (apiclient.Snapshot, bool) {
	for _, s := range snapshots {
		if s.ID.Equal(id) {
			return s, true
		}
	}
	return apiclient.Snapshot{}, false
}

func refName(r apiclient.Ref) string {
	if r.Name == "" {
		return r.ID.String()
	}
	return r.Name
}

func joined(words []string) string { return strings.Join(words, " ") }

// exampleID is for examples, which are written in the source.
func exampleID(text string) apiclient.ID {
	id, err := apiclient.ParseID(text)
	if err != nil {
		panic(err)
	}
	return id
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
	if op.On == Server && name != "" && taken && !risk.NeedsConsent() {
		return permissions.Disruptive
	}
	return risk
}

// Destroys reports whether data may be lost for good.
func (op *Op) Destroys() bool { return op.Risk == permissions.Destructive }

// Typed is what a person types to confirm something destructive.
type Typed int

// What a person types.
const (
	TypedServer   Typed = iota // the server's name
	TypedSnapshot              // the snapshot's name
	TypedID                    // the id
)

// Typed returns what a person types to confirm this operation, where it destroys.
func (op *Op) Typed() Typed {
	switch {
	case op.On == OneBackup:
		return TypedID
	case op.On == OneSnapshot && strings.HasPrefix(op.Request, "DELETE "):
		return TypedSnapshot
	}
	return TypedServer
}

// ConfirmText returns the text that a person must type: the name, or the id where the name
// is not fit to be typed because what is shown of it is not all of it, or because its words
// could be read as part of the question.
func (op *Op) ConfirmText(t Target) string {
	name, id := t.Server.Name, t.Server.ID
	switch op.Typed() {
	case TypedSnapshot:
		name, id = t.Snapshot.Name, t.ID
	case TypedID:
		name, id = "", t.ID
	}
	if name == "" || text.Clean(name) != name || strings.ContainsRune(name, ' ') {
		return text.Clean(id.String())
	}
	return name
}

// NoTarget returns the target of what is about no server at all; nil says that the server is
// not known yet.
func (op *Op) NoTarget() *permissions.TargetServer {
	if op.On == Account && op.View.Keep == nil {
		return &permissions.TargetServer{}
	}
	return nil
}

// NewName returns the name that a server will have, if the input gives it one.
func (op *Op) NewName(in Input) string {
	if op.On == NewServer || op.On == Server {
		return in.Text("name")
	}
	return ""
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

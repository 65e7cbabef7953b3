package blocks

import (
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/tools"
)

// AnswerView is what a result is shown with.
type AnswerView struct {
	Now             time.Time
	Next, Prev, CSV Token  // buttons under a list; empty: none
	Undo            string // the command that takes it back: "/vps servers start web-1"; empty: none
	SharedBy        string // user id of who posts it for everybody; empty: it is for the asker alone
}

// AskView is what a card is asked with.
type AskView struct {
	Role    Role
	AskedBy string // a mention such as "<@U024BE7LH>", or words such as "key lead-laptop"; empty: as the record has it
	Answers []approval.Consent
	Call    []string // ids of the users and user groups that are to be called
}

// Role is whose answer a card asks for.
type Role string

// The roles: the requester's own consent, or a second person's.
const (
	Own    Role = "own"
	Second Role = "second"
)

// LiveView is what a message about a record is shown with.
type LiveView struct {
	Now      time.Time
	Mention  string        // user id of who is called, where it has ended or it is their turn; empty: nobody
	Cancel   bool          // there is a button to take the request back, while that can be done
	Going    bool          // VPS.org has accepted it, and its work goes on
	Progress string        // the status while it goes on: "provisioning"; empty: not known yet
	Waited   time.Duration // since it began to run
	Settled  string        // the status that it settled in; empty: not yet, or there is nothing to settle
	Result   []byte        // what it has made, as it is since it settled; nil: as it was accepted
	Answers  []approval.Consent
	Undo     string // the command that takes it back; empty: none
}

// HelpView is what help is shown with.
type HelpView struct {
	About *tools.Op // one operation's page; nil: the whole list
	Usage string    // of About: "/vps servers create name=… plan_id=…"; empty: made from its fields
}

// HomeView is what the Home tab shows. What is empty is left out.
type HomeView struct {
	Now        time.Time
	Notice     string      // in a sentence, on top: a freeze, a token that expires
	Fleet      tools.Reply // of servers.list, one page of it
	Filter     string      // as it was typed
	Next, Prev Token
	Running    []approval.Record
	Mine       []approval.Record // wait for the reader's own consent
	Waiting    []approval.Record // wait for the reader as a second person
	May        []*tools.Op       // what the reader may run here
	Audit      []audit.Row       // the reader's own, newest first
}

// Choices are what fields of a form can be picked from, by field name.
type Choices map[string][]Choice

// Choice is one thing to pick.
type Choice struct{ Value, Label string }

package mcpserver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	endedFor  = 7 * 24 * time.Hour // how long the caller's ended approvals are listed
	mostEnded = 50
)

// approvalDocument is an approval as a model reads it. It has no input and no result: the card has what a person
// decides by, and the tool's next call the result.
type approvalDocument struct {
	ID          string         `json:"id"`
	State       approval.State `json:"state"`
	Tool        string         `json:"tool"`
	Target      string         `json:"target"`
	Effect      string         `json:"effect"`
	AskedBy     string         `json:"asked_by"`
	AskedByYou  bool           `json:"asked_by_you"`
	WaitsForYou bool           `json:"waits_for_you"` // a person's answer; an assistant cannot give it
	CreatedAt   time.Time      `json:"created_at"`
	ChangedAt   time.Time      `json:"changed_at"`
	ExpiresAt   *time.Time     `json:"expires_at,omitempty"` // while it waits
	Message     string         `json:"message,omitempty"`    // the outcome
	Answer      string         `json:"answer,omitempty"`     // how a person answers
	Card        *runner.Card   `json:"card,omitempty"`       // of one that is read alone
}

// approvals are the stored approvals of the account, as one caller may see them: their own, and those that wait for
// their answer.
type approvals struct {
	*Server
	caller permissions.Actor
	store  approval.Store
	scope  approval.Query
}

// approvalsFor opens the store for a caller. Whoever may do nothing sees nothing.
func (s *Server) approvalsFor(ctx context.Context) (all approvals, err error) {
	if offered, _ := s.offered(ctx); len(offered) == 0 {
		return all, invalidParams("vpsbot's records are refused: you may do nothing here; vps://me says why")
	}
	all = approvals{Server: s, caller: callerOf(ctx)}
	if all.scope, err = s.Runner.Scope(ctx); err != nil {
		return all, &clientError{mcp.INTERNAL_ERROR, runner.Explain(err)}
	}
	all.store, err = s.Runner.Store(ctx)
	return all, err
}

// document returns a record for the caller. visible is false where it is not theirs to see.
func (a approvals) document(ctx context.Context, rec approval.Record) (d approvalDocument, visible bool, err error) {
	own := a.Runner.IsAsker(rec, a.caller)
	waits, err := a.waits(ctx, rec, own)
	if err != nil || !own && !waits {
		return d, false, err
	}
	card, err := runner.CardOf(rec, a.Runner.Now())
	if err != nil {
		return d, false, err
	}
	card.Operation = a.toolNames(card.Operation)
	d = approvalDocument{
		ID: rec.ID, State: rec.StateAt(a.Runner.Now()), Tool: a.toolNames(rec.Operation), Target: text.Clean(rec.TargetName), Effect: card.Effect,
		AskedBy: text.Clean(rec.Actor), AskedByYou: own, WaitsForYou: waits,
		CreatedAt: rec.CreatedAt.UTC(), ChangedAt: rec.ChangedAt.UTC(), Message: a.toolNames(rec.Message), Card: &card,
	}
	if d.State.Waits() {
		d.ExpiresAt = new(rec.ExpiresAt.UTC())
	}
	if waits {
		d.Answer = a.howToAnswer(ctx, rec)
	}
	return d, true, nil
}

func (a approvals) howToAnswer(ctx context.Context, rec approval.Record) string {
	var ways []string
	if a.Runner.Slack != nil && a.Runner.Slack(ctx) && a.Runner.MayCarry(ctx, rec, permissions.Slack) {
		ways = append(ways, "in Slack")
	}
	if a.Runner.MayCarry(ctx, rec, permissions.Terminal) {
		ways = append(ways, "at a terminal: vpsbot approvals approve "+runner.AnswerID(rec)+", or deny")
	}
	if ways == nil {
		return ""
	}
	return "A person answers " + strings.Join(ways, ", or ") + ". An assistant never does."
}

// waits reports whether a record waits for an answer of the caller, whose own it may be.
func (a approvals) waits(ctx context.Context, rec approval.Record, own bool) (bool, error) {
	no := runner.Answer{Approval: rec.ID, Channel: permissions.Terminal} // who may say no is concerned, wherever a yes is given
	if rec.StateAt(a.Runner.Now()) != approval.Pending || !own && (rec.Others == 0 || a.Runner.MayAnswer(ctx, rec, a.caller, no) != "") {
		return false, nil
	}
	given, err := a.store.Consents(ctx, rec.ID)
	missing := approval.Missing(rec, given)
	return !runner.HasAnswered(a.Runner.Policy(), given, a.caller) && (own && missing.Own || !own && missing.Others > 0), err
}

func (s *Server) readApprovals(ctx context.Context, _ string) (any, error) {
	documents, err := s.listApprovals(ctx, "")
	return map[string]any{"count": len(documents), "results": documents}, err
}

// listApprovals returns the approvals that the caller may see, of one server or of all where server is empty, newest
// first.
func (s *Server) listApprovals(ctx context.Context, server string) ([]approvalDocument, error) {
	a, err := s.approvalsFor(ctx)
	if err != nil {
		return nil, err
	}
	open := a.scope
	open.States = approval.Open
	queries := []approval.Query{open}
	for _, identity := range a.Runner.Policy().Identities(a.caller) {
		own := a.scope
		own.Actor, own.Since, own.Limit = string(identity), a.Runner.Now().Add(-endedFor), mostEnded
		queries = append(queries, own)
	}
	var records []approval.Record
	for _, query := range queries {
		found, err := a.store.Find(ctx, query)
		if err != nil {
			return nil, err
		}
		records = append(records, found...)
	}
	slices.SortFunc(records, func(x, y approval.Record) int {
		return cmp.Or(y.CreatedAt.Compare(x.CreatedAt), strings.Compare(x.ID, y.ID))
	})
	records = slices.CompactFunc(records, func(x, y approval.Record) bool { return x.ID == y.ID })
	documents := []approvalDocument{}
	for _, rec := range records {
		if server != "" && !isAbout(rec, server) {
			continue
		}
		document, visible, err := a.document(ctx, rec)
		if err != nil {
			return nil, err
		}
		if visible {
			document.Card = nil
			documents = append(documents, document)
		}
	}
	return documents, nil
}

// isAbout reports whether a record is about the server of an id or a name: itself, or a copy of it.
func isAbout(rec approval.Record, server string) bool {
	var facts struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	_ = json.Unmarshal(rec.Facts, &facts) // of a server that was not there yet there are none
	return slices.Contains([]string{rec.TargetName, facts.ID, facts.Name}, server)
}

// readApproval reads one approval. One that the caller may not see is no other than one that does not exist.
func (s *Server) readApproval(ctx context.Context, id string) (any, error) {
	all, err := s.approvalsFor(ctx)
	if err != nil {
		return nil, err
	}
	rec, err := all.store.Record(ctx, text.Storable(strings.ToLower(id)))
	visible := err == nil && rec.API == all.scope.API && rec.Account == all.scope.Account
	var document approvalDocument
	if visible {
		document, visible, err = all.document(ctx, rec)
	}
	if errors.Is(err, approval.ErrNotFound) || err == nil && !visible {
		return nil, &clientError{mcp.RESOURCE_NOT_FOUND, "no approval of yours has the id " + text.Quote(id) + "; vps://approvals lists them"}
	}
	return document, err
}

// frozen says that nothing can be changed now, to whom a change would be allowed.
func (s *Server) frozen(ctx context.Context, offered []*tools.Op) string {
	if !slices.ContainsFunc(offered, func(op *tools.Op) bool { return !op.IsRead() }) {
		return ""
	}
	var freeze *approval.Freeze
	store, err := s.Runner.Store(ctx)
	if err == nil {
		freeze, err = store.Frozen(ctx)
	}
	switch {
	case err != nil:
		s.Log.Warn("whether changes are frozen cannot be read", "error", err)
		return "The store cannot be read, so that no change can be made."
	case freeze == nil:
		return ""
	}
	return "All changes are frozen by " + text.Clean(freeze.By) + " since " + runner.Since(freeze.At, s.Runner.Now()) + "; " + runner.LiftedByPerson + "."
}

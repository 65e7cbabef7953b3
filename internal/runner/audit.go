package runner

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
)

// row makes the audit row of a call that has no record.
func (q request) row(decision audit.Decision) audit.Row {
	return audit.Row{
		At: q.Now(), Actor: string(q.call.Actor), Surface: approval.Origin{Surface: string(q.call.Surface), Remote: q.call.Remote}.String(), Account: q.AccountName(), Token: InProfile(q.tokenName(), q.Profile),
		Operation: q.op.Name, Target: text.Clean(q.in.Text("server")), Arguments: json.RawMessage(q.in.Canonical()), Decision: decision,
	}
}

// AccountName names the account for a row of the log that is about no record: by what is known of it
// where it was not read, as when a policy refuses before anything is sent.
func (r *Runner) AccountName() string {
	name := r.account()
	switch {
	case name != "" || r.API == "":
		return name
	case strings.HasPrefix(r.API, "http"):
		return "not read, at " + r.API
	}
	return "SIMULATOR"
}

// rowRun makes the audit row of a claim or an outcome: with the token that it runs with,
// which need not be the one that it was asked with.
func (a *attempt) rowRun() audit.Row {
	row := a.rowFor(a.rec, audit.Allowed)
	row.Token, row.Approver = InProfile(a.tokenName(), a.Profile), a.rec.Approver
	return row
}

func (r *Runner) rowFor(rec approval.Record, decision audit.Decision) audit.Row {
	return audit.Row{
		At: r.Now(), Actor: rec.Actor, Surface: rec.Surface, Account: rec.Account, Token: InProfile(rec.TokenName, r.Profile),
		Operation: rec.Operation, Target: rec.Target + " (" + rec.TargetName + ")", Arguments: rec.Input,
		Approval: rec.ID, Decision: decision,
	}
}

// openStore opens the store, or says why a change cannot be made.
func (r *Runner) openStore(ctx context.Context) (store approval.Store, err error) {
	err = onStore(ctx, r, func(s approval.Store) error { store = s; return nil })
	return store, err
}

// onStore does something with the store. An error says why a change cannot be made.
func onStore(ctx context.Context, r *Runner, do func(approval.Store) error) error {
	s, err := r.Store(ctx)
	if err == nil {
		err = do(s)
	}
	if err != nil {
		return &storeError{err}
	}
	return nil
}

func (r *Runner) note(ctx context.Context, row audit.Row) error {
	return onStore(ctx, r, func(s approval.Store) error { return s.Note(ctx, row) })
}

// NoteOrLog records something that was refused anyway: if that fails it is still refused.
func (r *Runner) NoteOrLog(ctx context.Context, row audit.Row) {
	if err := r.note(ctx, row); err != nil {
		r.Log.Error("a refusal could not be recorded", "operation", row.Operation, "error", err)
	}
}

func (q request) noteRefusal(ctx context.Context, err error) {
	row := q.row(audit.Refused)
	row.Reason = Explain(err)
	q.NoteOrLog(context.WithoutCancel(ctx), row)
}

func (a *attempt) rowAgreed(consent approval.Consent) audit.Row {
	row := a.rowFor(a.rec, audit.Approved)
	row.Approver, row.Reason = consent.Person, agreedIn(consent.Channel)
	return row
}

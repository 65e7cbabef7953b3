package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
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

// AuditScope is the part of the audit log that somebody may read. The zero value is all of it.
type AuditScope struct {
	Whose  []permissions.Actor                 // rows of these identities; nil: of everybody
	mayGet func(permissions.TargetServer) bool // of others' rows those about such a server alone; nil: all
	asOf   *tools.Catalogue
	own    []permissions.Actor
}

// AuditScopeOf is what a caller may read who may run the offered operations: everybody's rows if one of these is
// destructive, but for rows of others about servers that the policy hides from the caller; otherwise their own.
func AuditScopeOf(r *Runner, call Call, offered []*tools.Op) AuditScope {
	policy := r.Policy()
	own := append([]permissions.Actor{call.Actor}, slices.DeleteFunc(slices.Clone(policy.Identities(call.Actor)), func(a permissions.Actor) bool { return a == call.Actor })...)
	if !slices.ContainsFunc(offered, func(op *tools.Op) bool { return op.Risk == permissions.Destructive }) {
		return AuditScope{Whose: own}
	}
	if policy.Book == nil {
		return AuditScope{}
	}
	return AuditScope{mayGet: policy.AllowedOn(call.ask(r.Catalogue.ServerGet(), tools.Input{}, permissions.Read, nil)), asOf: r.Catalogue, own: own}
}

func (s AuditScope) mayRead(row audit.Row) bool {
	if s.mayGet == nil {
		return true
	}
	op, isOperation := s.asOf.Lookup(row.Operation)
	if !isOperation || !op.Resource.OnServer() || row.Target == "" || slices.Contains(s.own, permissions.Actor(row.Actor)) {
		return true
	}
	server := permissions.TargetServer{Name: TargetOf(row)}
	if id, ok := strings.CutPrefix(row.Target, tools.ServerLock("")); ok {
		server.ID, _, _ = strings.Cut(id, " ")
	}
	if _, behind, ok := strings.Cut(server.Name, " of "); ok && !op.Resource.IsServer { // "backup 501 of web-1"
		server.Name = behind
	}
	return s.mayGet(server)
}

// RowsOf returns the newest rows of a scope, newest first.
func RowsOf(ctx context.Context, log audit.Store, f audit.Filter, scope AuditScope) (rows []audit.Row, err error) {
	whose, where := scope.Whose, f.Where
	if whose == nil {
		whose = []permissions.Actor{permissions.Actor(f.Actor)}
	}
	f.Where = func(row audit.Row) bool { return (where == nil || where(row)) && scope.mayRead(row) }
	for _, actor := range whose {
		f.Actor = string(actor)
		for row, err := range log.Rows(ctx, f) {
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b audit.Row) int { return cmp.Compare(b.Seq, a.Seq) })
	if f.Limit > 0 {
		rows = rows[:min(f.Limit, len(rows))]
	}
	return rows, nil
}

// IsIdentity reports whether a typed word has the form of an identity: "local:alice".
func IsIdentity(typed string) bool {
	kind, name, _ := strings.Cut(typed, ":")
	_, known := identityNouns[kind]
	return typed == audit.Itself || name != "" && known
}

// RowWords are the texts of a row in which people search; names has those of an identity.
func RowWords(row audit.Row, names func(identity string) []string) []string {
	return slices.Concat([]string{row.Operation, row.Target, string(row.Decision), string(row.Outcome)}, names(row.Actor), names(row.Approver))
}

// identitiesNamed returns the identities that a typed word may mean in the log: itself, or those of the policy's person;
// a bare name that is no person's is that of a user of a machine or of a key.
func identitiesNamed(policy permissions.Policy, typed string) []permissions.Actor {
	if IsIdentity(typed) {
		return []permissions.Actor{permissions.Actor(typed)}
	}
	if person, known := policy.Person(permissions.Actor(typed)); policy.Book != nil && known {
		return append([]permissions.Actor{}, policy.Identities(permissions.Actor(person))...)
	}
	return []permissions.Actor{permissions.Local(typed), permissions.Key(typed)}
}

// Rows is [RowsOf] for a filter as a person writes it: the actor as identitiesNamed reads it, among those that may be
// read, and the operation as [OperationGlob]. An operation that nothing is called is an error where no row has it: one of
// before may be in the log.
func (f AuditFormatter) Rows(ctx context.Context, log audit.Store, filter audit.Filter, scope AuditScope) ([]audit.Row, error) {
	if filter.Actor != "" {
		named := identitiesNamed(f.Policy, filter.Actor)
		may := scope.Whose
		scope.Whose = slices.DeleteFunc(named, func(a permissions.Actor) bool { return may != nil && !slices.Contains(may, a) })
	}
	glob, unknown := OperationGlob(f.Catalogue, filter.Operation)
	filter.Operation = glob
	rows, err := RowsOf(ctx, log, filter, scope)
	if len(rows) == 0 {
		err = cmp.Or(err, unknown)
	}
	return rows, err
}

// OperationGlob reads a typed operation as the glob that finds it in the log: the name of an operation, of its tool or of an
// act, the verb of operations alone, or a glob. An error says that no row has such a name, if the log has none.
func OperationGlob(c *tools.Catalogue, typed string) (glob string, unknown error) {
	names := text.Map(c.Operations(), func(op *tools.Op) string { return op.Name })
	for _, act := range acts {
		names = append(names, act.name)
	}
	matches := func(glob string) bool {
		return slices.ContainsFunc(names, audit.Filter{Operation: glob}.MatchesOperation)
	}
	for _, glob := range []string{typed, strings.Replace(typed, "_", ".", 1), "*." + typed} {
		if matches(glob) {
			return glob, nil
		}
	}
	next := "name one such as servers.delete, or a glob such as *.delete"
	if near := text.Suggest(typed, names); near != "" {
		next = "did you mean " + near
	}
	return typed, &tools.InputError{Text: "no operation or act is called " + text.Quote(typed) + "; " + next}
}

// TargetOf is the name of a row's target: "web-1" of "server:12345 (web-1)".
func TargetOf(row audit.Row) string {
	target := text.Clean(row.Target)
	if _, name, ok := strings.Cut(target, " ("); ok && strings.HasSuffix(name, ")") && name != ")" {
		return strings.TrimSuffix(name, ")")
	}
	return target
}

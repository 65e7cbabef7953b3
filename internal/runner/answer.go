package runner

import (
	"context"
	"errors"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Answer is what a person said to a card.
type Answer struct {
	Approval string
	Channel  permissions.Surface // where it was said
	Yes      bool
	Text     string   // what was typed, where the card wants a name
	External bool     // the one who answers is of another Slack workspace
	Groups   []string // ids of the Slack user groups that the one who answers is in
	Wait     bool     // Wait for the work to settle, as the call asked
}

// Answer takes the answer of the person who waits where the call was made, and runs the
// change if it is a yes. The surface vouches that the answer was given to this very
// question by this very actor; everything else is checked here.
func (r *Runner) Answer(ctx context.Context, call Call, a Answer) Reply {
	ctx = r.pin(ctx)
	store, rec, op, err := r.answered(ctx, a.Approval)
	if err == nil {
		err = r.mayAnswer(ctx, rec, call.Actor, a)
	}
	if err != nil {
		return failAnswer(op, err)
	}
	switch {
	case rec.Operation != call.Operation || rec.API != r.API:
		return failAnswer(op, &refusal{"the answer belongs to another operation; nothing was sent"})
	case !a.Yes:
		return r.no(ctx, store, op, rec, call, a)
	case rec.Confirm != "" && strings.TrimSpace(a.Text) != rec.Confirm:
		return r.mistyped(ctx, store, op, rec, call)
	}
	consent := r.consent(call.Actor, a, "")
	switch {
	case rec.State == approval.Approved:
		return r.execute(ctx, store, rec, approval.Approved, nil, a.Wait, call)
	case rec.Others > 0:
		return r.agreeFirst(ctx, store, op, rec, *consent, a.Wait, call)
	}
	return r.execute(ctx, store, rec, approval.Pending, consent, a.Wait, call)
}

// agreeFirst stores the requester's own consent where others must agree too, and runs the
// change if they all have.
func (r *Runner) agreeFirst(ctx context.Context, store approval.Store, op *tools.Op, rec approval.Record, consent approval.Consent, wait bool, call Call) Reply {
	agreed, err := store.Agree(ctx, rec.ID, consent, r.rowAgreed(rec, consent))
	if errors.As(err, new(*approval.AnsweredError)) {
		return askFor(op, rec) // asked again: the others are still missing
	}
	if err != nil {
		return r.failClaim(ctx, op, rec, true, call, err)
	}
	if agreed.State == approval.Approved {
		return r.execute(ctx, store, agreed, approval.Approved, nil, wait, call)
	}
	return askFor(op, agreed)
}

func (r *Runner) rowAgreed(rec approval.Record, consent approval.Consent) auditRow {
	row := r.rowFor(rec, audit.Approved)
	row.Approver, row.Reason = consent.Person, agreedIn(consent.Channel)
	return row
}

// APIMessage finds the record that an answer is for.
func (r *Runner) answered(ctx context.Context, id string) (approval.Store, approval.Record, *tools.Op, error) {
	store, err := r.store(ctx)
	if err != nil {
		return nil, approval.Record{}, nil, err
	}
	rec, err := store.Record(ctx, id)
	if errors.Is(err, approval.ErrNotFound) {
		return store, rec, nil, &inputError{"no approval has that id; vpsbot approvals list shows them"}
	}
	if err != nil {
		return store, rec, nil, &storeError{err}
	}
	op, ok := tools.Lookup(rec.Operation)
	if !ok {
		return store, rec, nil, &inputError{"this version has no operation " + text.Quote(rec.Operation)}
	}
	return store, rec, op, nil
}

// asked finds a record that its own asker decides on.
func (r *Runner) asked(ctx context.Context, actor permissions.Actor, id string) (approval.Store, approval.Record, *tools.Op, error) {
	store, rec, op, err := r.answered(ctx, id)
	if err == nil && !r.isAsker(rec, actor) {
		err = &refusal{"only " + text.Clean(rec.Actor) + ", who asked, can do that"}
	}
	return store, rec, op, err
}

// isAsker reports whether an actor is who asked, by whichever of their identities.
func (r *Runner) isAsker(rec approval.Record, actor permissions.Actor) bool {
	policy := r.Policy()
	person, known := policy.Person(actor)
	asker, _ := policy.Person(permissions.Actor(rec.Actor)) // as the policy knows them now
	return rec.Actor == string(actor) || known && person != "" && (person == rec.Person || person == asker)
}

// mayAnswer decides whether an actor may answer a record, at this moment: the requester
// their own question; somebody else only where the policy wants others, and names them. A
// no to that is a row of the log.
func (r *Runner) mayAnswer(ctx context.Context, rec approval.Record, actor permissions.Actor, a Answer) error {
	why := r.whyNot(ctx, rec, actor, a)
	if why == "" {
		return nil
	}
	row := r.rowFor(rec, audit.Refused)
	row.Reason = text.Clean(string(actor)+" may not answer it: ") + why
	r.noteOrLog(ctx, row)
	return &refusal{why}
}

func (r *Runner) whyNot(ctx context.Context, rec approval.Record, actor permissions.Actor, a Answer) string {
	if why := r.closed(rec, actor, a.Channel); why != "" {
		return why
	}
	if err := r.ended(ctx, actor); err != nil {
		return explain(err)
	}
	d := r.decide(ctx, askOf(rec))
	switch {
	case !a.Yes:
		return r.notConcerned(rec, actor, a.Groups, a.Channel)
	case !d.Allowed:
		return "the policy no longer allows it: " + text.Clean(d.Reason)
	case a.External:
		return "people of another workspace cannot agree to anything here"
	}
	return r.notEntitled(rec, d, actor, a.Groups, a.Channel)
}

// closed says why somebody in Slack has nothing to do with a record; "" if they may have. Without a
// policy file every member of a workspace is as good as any other, so nobody there sees, agrees to
// or denies what was asked elsewhere. Lists, presses, typed names and the last check before the
// call all go by this one rule.
func (r *Runner) closed(rec approval.Record, actor permissions.Actor, channel permissions.Surface) string {
	if channel != permissions.Slack || r.Policy().Book != nil || rec.Actor == string(actor) {
		return ""
	}
	return "without a policy file nobody in Slack may see, agree to or deny what was asked elsewhere"
}

// Closed says why somebody in Slack may neither be shown a record nor answer it; "" if they may be
// shown it. [Runner.MayAnswer] says whether they may answer.
func (r *Runner) Closed(rec approval.Record, actor permissions.Actor) string {
	return r.closed(rec, actor, permissions.Slack)
}

// Carries reports whether the policy lets a surface carry a yes to what a record asks.
func (r *Runner) Carries(ctx context.Context, rec approval.Record, surface permissions.Surface) bool {
	return r.decide(ctx, askOf(rec)).Accepts(surface)
}

// Carriers says, for a person to read, where a yes to what a record asks can be given.
func (r *Runner) Carriers(ctx context.Context, rec approval.Record) string {
	return surfaces(r.decide(ctx, askOf(rec)).Channels)
}

func surfaces(all []permissions.Surface) string {
	var words []string
	for _, s := range all {
		if s != permissions.Script { // no person answers there
			words = append(words, string(s))
		}
	}
	return strings.Join(words, ", ")
}

// askOf puts what a record is about to the policy again.
func askOf(rec approval.Record) permissions.Ask {
	facts, _ := factsThen(rec)
	from := rec.Origin()
	ask := permissions.Ask{
		Actor: permissions.Actor(rec.Actor), Groups: from.Groups, External: from.External, Surface: permissions.Surface(from.Surface), Channel: from.Channel,
		Operation: rec.Operation, Risk: permissions.Risk(rec.Risk), Raised: permissions.Risk(rec.Risk), Target: &permissions.TargetServer{ID: facts["id"], Name: facts["name"]},
	}
	if op, ok := tools.Lookup(rec.Operation); ok {
		ask.Risk = op.Risk
		if in, err := op.ParseInput(rec.Input); err == nil {
			ask.NewName = op.NewName(in)
		}
	}
	return ask
}

func failAnswer(op *tools.Op, err error) Reply {
	return Reply{Op: op, Class: classOf(err), Outcome: Refused, Message: explain(err)}
}

func (r *Runner) consent(actor permissions.Actor, a Answer, reason string) *approval.Consent {
	person, _ := r.Policy().Person(actor)
	return &approval.Consent{
		Person: person, Identity: string(actor), Groups: a.Groups, Channel: string(a.Channel), Yes: a.Yes,
		Reason: text.Clean(r.redact(reason)), At: r.Now(),
	}
}

// no ends a record with the requester's no, given where it was asked. A yes that the same
// person gave elsewhere is taken back with it. What somebody does not want after all at their own
// prompt is only cancelled: a no is remembered to bind a machine, and none has asked.
func (r *Runner) no(ctx context.Context, store approval.Store, op *tools.Op, rec approval.Record, call Call, a Answer) Reply {
	switch own := call.Interactive && a.Channel == permissions.Terminal; {
	case own && !rec.Interactive:
		reply := replyFor(op, rec)
		reply.Message = "Nothing was sent. The same was asked for before, and still waits: to end it, vpsbot approvals deny " + rec.ID
		return reply
	case own:
		m := approval.Move{To: approval.Cancelled, Message: Subject(rec) + " was not agreed to. Nothing was sent."}
		return r.endWaiting(ctx, store, op, rec, m, call)
	}
	m := approval.Move{To: approval.Denied, Consent: r.consent(call.Actor, a, "")}
	m.Message = Subject(rec) + " was declined by " + string(call.Actor) + ". Nothing was sent."
	return r.endWaiting(ctx, store, op, rec, m, call)
}

// mistyped ends a record whose name was not typed as it is: the next try shows the card anew.
func (r *Runner) mistyped(ctx context.Context, store approval.Store, op *tools.Op, rec approval.Record, call Call) Reply {
	m := approval.Move{To: approval.Denied, Message: "The text typed is not " + text.Quote(rec.Confirm) + ", so nothing was sent. Ask again to see the card anew."}
	return r.endWaiting(ctx, store, op, rec, m, call)
}

// endWaiting ends a record wherever it waits. One that no longer does has run or ended
// meanwhile, and its asker is told how it stands.
func (r *Runner) endWaiting(ctx context.Context, store approval.Store, op *tools.Op, rec approval.Record, m approval.Move, call Call) Reply {
	m.From = []approval.State{approval.Pending, approval.Approved}
	return r.moveOn(ctx, store, op, rec, m, call)
}

// Decide takes the answer that a person gives elsewhere than where the call was made. A
// yes is recorded; once all have agreed whose consent is needed, the asker's side runs it.
func (r *Runner) Decide(ctx context.Context, actor permissions.Actor, a Answer, reason string) (approval.Record, error) {
	store, rec, _, err := r.answered(ctx, a.Approval)
	if err == nil {
		err = r.mayAnswer(ctx, rec, actor, a)
	}
	if err != nil {
		return rec, err
	}
	if err := r.oneOfMachine(ctx, store, rec, actor, a.Yes); err != nil {
		return rec, err
	}
	consent := r.consent(actor, a, reason)
	consent.StandsIn = a.Yes && rec.Others == 0 && !r.isAsker(rec, actor)
	if !a.Yes {
		return r.deny(ctx, store, rec, consent)
	}
	if rec.Confirm != "" && strings.TrimSpace(a.Text) != rec.Confirm {
		return rec, &inputError{"that is not " + text.Quote(rec.Confirm) + "; the request stays open"}
	}
	agreed, err := store.Agree(ctx, rec.ID, *consent, r.rowAgreed(rec, *consent))
	return r.decided(ctx, store, rec, agreed, approval.Approved, err)
}

// oneOfMachine refuses a second yes for another person from the users of one machine: they count as
// one.
func (r *Runner) oneOfMachine(ctx context.Context, store approval.Store, rec approval.Record, actor permissions.Actor, yes bool) error {
	if !yes || !actor.IsLocal() || r.isAsker(rec, actor) {
		return nil
	}
	consents, err := store.Consents(ctx, rec.ID)
	if err != nil {
		return &storeError{err}
	}
	for _, c := range consents {
		if who := permissions.Actor(c.Identity); c.Yes && who.IsLocal() && who != actor && !r.isAsker(rec, who) {
			return &refusal{text.Clean(c.Identity) + " has agreed, and the users of one machine count as one person; agree with an access key or in Slack"}
		}
	}
	return nil
}

// deny ends a record with somebody's no, which is final.
func (r *Runner) deny(ctx context.Context, store approval.Store, rec approval.Record, consent *approval.Consent) (approval.Record, error) {
	m := approval.Move{
		ID: rec.ID, From: []approval.State{approval.Pending, approval.Approved}, To: approval.Denied, At: r.Now(), Live: true, Consent: consent,
		Message: withReason(Subject(rec)+" was denied by "+consent.Identity, consent.Reason) + " Nothing was sent.",
	}
	row := r.rowFor(rec, audit.Denied)
	row.Reason, row.Approver = m.Message, consent.Person
	moved, err := store.Move(ctx, m, row)
	return r.decided(ctx, store, rec, moved, m.To, err)
}

func withReason(says, reason string) string {
	if reason = text.Clean(reason); reason != "" {
		return says + ": " + reason + "."
	}
	return says + "."
}

// Cancel ends a record that its own asker no longer wants.
func (r *Runner) Cancel(ctx context.Context, actor permissions.Actor, id string) (approval.Record, error) {
	store, rec, _, err := r.asked(ctx, actor, id)
	if err != nil {
		return rec, err
	}
	return r.cancel(ctx, store, rec, "it was cancelled by "+string(actor))
}

func (r *Runner) cancel(ctx context.Context, store approval.Store, rec approval.Record, why string) (approval.Record, error) {
	m := approval.Move{
		ID: rec.ID, From: []approval.State{approval.Pending, approval.Approved}, To: approval.Cancelled, At: r.Now(),
		Message: Subject(rec) + ": " + why + ". Nothing was sent.",
	}
	row := r.rowFor(rec, audit.Cancelled)
	row.Reason = m.Message
	moved, err := store.Move(ctx, m, row)
	return r.decided(ctx, store, rec, moved, m.To, err)
}

// mightHaveAsked reports whether the policy file would let somebody ask for the same from
// where it was asked.
func (r *Runner) mightHaveAsked(rec approval.Record, actor permissions.Actor) bool {
	policy, ask := r.Policy(), askOf(rec)
	ask.Actor, ask.Groups = actor, nil
	return policy.Book != nil && policy.Decide(ask).Allowed
}

// Settle ends an unknown record with what a person found.
func (r *Runner) Settle(ctx context.Context, actor permissions.Actor, id string, happened bool) (approval.Record, error) {
	store, rec, _, err := r.answered(ctx, id)
	given := r.Policy().MayAct(actor, permissions.SettleApproval).Allowed
	if err == nil && !given && !r.isAsker(rec, actor) && !r.mightHaveAsked(rec, actor) {
		err = &refusal{"only " + text.Clean(rec.Actor) + ", who asked, or somebody whom the policy lets do the same, can say what became of it"}
	}
	if err != nil {
		return rec, err
	}
	if rec.State == approval.Executing && r.dead(ctx, store, rec) {
		rec = r.bury(ctx, store, rec)
	}
	subject := Subject(rec)
	if rec.State != approval.Unknown {
		return rec, &inputError{subject + " is not unknown, so there is nothing to settle: " + endings[rec.State].says}
	}
	m := approval.Move{
		ID: rec.ID, From: []approval.State{approval.Unknown}, To: approval.NotApplied, At: r.Now(),
		Message: subject + " did not happen, says " + string(actor) + ".",
	}
	if happened {
		m.To, m.Message = approval.Done, subject+" happened, says "+string(actor)+"."
	}
	row := r.rowFor(rec, audit.Settled)
	row.Reason, row.Outcome, row.Approver = m.Message, m.To.Outcome(), string(actor)
	moved, err := store.Move(ctx, m, row)
	return r.decided(ctx, store, rec, moved, m.To, err)
}

// decided explains why a decision came too late, if it did.
func (r *Runner) decided(ctx context.Context, store approval.Store, rec, moved approval.Record, to approval.State, err error) (approval.Record, error) {
	var (
		state *approval.StateError
		again *approval.AnsweredError
	)
	switch {
	case err == nil:
		return moved, nil
	case errors.As(err, &again):
		return rec, &inputError{"you have agreed to this before; it waits for others"}
	case !errors.As(err, &state):
		return rec, &storeError{err}
	}
	now := r.asOfNow(ctx, store, state.Record)
	return now, &inputError{Subject(rec) + " cannot be " + string(to) + " any more: " + standsAs(now)}
}

// Handover makes a record that was asked in one place answerable from elsewhere, because the
// one asked cannot put the question to a person after all. why says what came instead of an
// answer, for the log; empty: nothing did.
func (r *Runner) Handover(ctx context.Context, op *tools.Op, id, why string) Reply {
	store, err := r.store(ctx)
	if err != nil {
		return fail(op, err)
	}
	rec, err := store.Record(ctx, id)
	if err != nil {
		return fail(op, &storeError{err})
	}
	if why != "" {
		row := r.rowFor(rec, audit.Refused)
		row.Reason = why
		r.noteOrLog(ctx, row)
	}
	if rec.State == approval.Pending {
		rec.ExpiresAt = rec.CreatedAt.Add(answerElsewhere)
		if err := store.Handover(ctx, id, rec.ExpiresAt); err != nil {
			return fail(op, &storeError{err})
		}
		rec.Place = approval.Elsewhere
		return r.asking(ctx, op, rec)
	}
	return replyFor(op, rec)
}

// GaveUp cancels a record because its asker's client stopped waiting for the answer where it
// was asked. A record that can be answered elsewhere stays.
func (r *Runner) GaveUp(ctx context.Context, actor permissions.Actor, id string) {
	store, rec, _, err := r.asked(ctx, actor, id)
	if err != nil || rec.State != approval.Pending || rec.Place != approval.Here {
		return
	}
	if _, err := r.cancel(ctx, store, rec, "the client stopped waiting for the answer"); err != nil {
		return // it was answered meanwhile
	}
	if _, err := store.Told(ctx, id, r.Now()); err != nil {
		r.Log.Warn("noting that an asker gave up", "approval", id, "error", err)
	}
}

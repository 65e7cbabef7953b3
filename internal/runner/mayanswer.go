package runner

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Who may answer a record is decided here, for every surface: when it is listed, when the answer is
// given, and again right before the call.

// checkAnswer decides whether an actor may answer the record, at this moment: the requester
// their own question; somebody else only where the policy wants others, and names them. A
// refusal is a row of the log.
func (a *attempt) checkAnswer(ctx context.Context, actor permissions.Actor, ans Answer) error {
	why := a.MayAnswer(ctx, a.rec, actor, ans)
	if why == "" {
		return nil
	}
	a.NoteRefusedAnswer(ctx, a.rec, actor, why)
	return &tools.Refusal{Text: why}
}

// NoteRefusedAnswer records that somebody's answer did not count.
func (r *Runner) NoteRefusedAnswer(ctx context.Context, rec approval.Record, actor permissions.Actor, why string) {
	row := r.rowFor(rec, audit.Refused)
	row.Reason = text.Clean(string(actor)+" may not answer it: ") + why
	r.NoteOrLog(ctx, row)
}

type answerCheck struct {
	*Runner
	rec   approval.Record
	actor permissions.Actor
	ans   Answer
}

// MayAnswer says why somebody may not answer a record, at this moment; "" if they may.
func (r *Runner) MayAnswer(ctx context.Context, rec approval.Record, actor permissions.Actor, ans Answer) string {
	check := answerCheck{r, rec, actor, ans}
	if why := check.closed(); why != "" {
		return why
	}
	if err := r.ended(ctx, actor); err != nil {
		return Explain(err)
	}
	ask := r.askOf(rec)
	ask.Remote = ask.Remote || ans.Remote
	d := r.decide(ctx, ask)
	switch {
	case !ans.Yes:
		return check.notConcerned()
	case !d.Allowed:
		return "the policy no longer allows it: " + text.Clean(d.Reason)
	case ans.External:
		return "people of another workspace cannot agree to anything here"
	}
	return check.notEntitled(d)
}

// IsAsker reports whether an actor is the person who asked, by any of their identities.
func (r *Runner) IsAsker(rec approval.Record, actor permissions.Actor) bool {
	policy := r.Policy()
	person, known := policy.Person(actor)
	asker, _ := policy.Person(permissions.Actor(rec.Actor)) // as the policy knows them now
	return rec.Actor == string(actor) || known && person != "" && (person == rec.Person || person == asker)
}

// HasAnswered reports whether one of the answers to a record is an actor's, by any of their identities.
func HasAnswered(policy permissions.Policy, given []approval.Consent, actor permissions.Actor) bool {
	person, known := policy.Person(actor)
	return slices.ContainsFunc(given, func(c approval.Consent) bool { return c.Identity == string(actor) || known && c.Person == person })
}

// Closed says why somebody in Slack may neither be shown a record nor answer it; "" if they may be
// shown it. [Runner.MayAnswer] says whether they may answer.
func (r *Runner) Closed(rec approval.Record, actor permissions.Actor) string {
	return answerCheck{r, rec, actor, Answer{Channel: permissions.Slack}}.closed()
}

// closed says why somebody in Slack has nothing to do with a record; "" if they may have. Without a
// policy file every member of a workspace is as good as any other, so nobody there sees, agrees to
// or denies what was asked elsewhere. Lists, presses, typed names and the last check before the
// call all go by this one rule.
func (c answerCheck) closed() string {
	if c.ans.Channel != permissions.Slack || c.Policy().Book != nil || c.rec.Actor == string(c.actor) {
		return ""
	}
	return "without a policy file nobody in Slack may see, agree to or deny what was asked elsewhere"
}

// notEntitled says why somebody's yes does not count for a record; "" if it does. It
// is asked when the yes is given and again right before the call. d is the policy's decision by now.
func (c answerCheck) notEntitled(d permissions.Decision) string {
	switch {
	case c.closed() != "":
		return c.closed()
	case c.ans.Channel == permissions.Script && !(c.actor.IsKey() && c.IsAsker(c.rec, c.actor)):
		return "a flag answers for nobody but the bearer of the access key who asked"
	case !d.Accepts(c.ans.Channel):
		return "the policy does not let " + string(c.ans.Channel) + " carry a yes to this; it can be given in: " + surfaces(d.Channels)
	}
	return c.notConcerned()
}

// notConcerned says why a record is not somebody's to agree to or deny; "" if it is: the
// requester's own, another person's where the policy wants others and names them, or that of
// a delegate, in Slack, of a requester whom nobody can ask there.
func (c answerCheck) notConcerned() string {
	switch {
	case c.IsAsker(c.rec, c.actor):
		return ""
	case c.rec.Others == 0 && (c.ans.Channel != permissions.Slack || c.askerIsInSlack()):
		return "only " + text.Clean(c.rec.Actor) + ", who asked, can answer this"
	}
	return text.Clean(c.Policy().MayApprove(c.actor, c.ans.Groups, c.askOf(c.rec), c.rec.Person).Reason)
}

// askerIsInSlack reports whether Slack can ask the very person who made the record. Where it cannot,
// another person, whom the policy would let do the same, answers for them there.
func (c answerCheck) askerIsInSlack() bool {
	policy := c.Policy()
	asker, known := policy.Person(permissions.Actor(c.rec.Actor))
	if !known || policy.Book == nil {
		return strings.HasPrefix(c.rec.Actor, "slack:")
	}
	return slices.ContainsFunc(policy.Book.People, func(p permissions.Person) bool {
		return p.ID == asker && slices.ContainsFunc(p.Identities, func(who permissions.Actor) bool { return strings.HasPrefix(string(who), "slack:") })
	})
}

// MayCarry reports whether the policy lets a surface carry a yes to what a record asks.
func (r *Runner) MayCarry(ctx context.Context, rec approval.Record, surface permissions.Surface) bool {
	return r.decide(ctx, r.askOf(rec)).Accepts(surface)
}

// MayPrompt reports whether the question of a record may be put to the client that a call came from. The record may
// be one that another call made, from elsewhere.
func (r *Runner) MayPrompt(ctx context.Context, call Call, rec approval.Record) bool {
	ask := r.askOf(rec)
	ask.Remote = ask.Remote || call.Remote
	return call.CanPrompt && r.decide(ctx, ask).Accepts(call.Surface)
}

// AnswerChannels says, for a person to read, where a yes to what a record asks can be given.
func (r *Runner) AnswerChannels(ctx context.Context, rec approval.Record) string {
	return surfaces(r.decide(ctx, r.askOf(rec)).Channels)
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

// askOf puts a record to the policy as a question again.
func (r *Runner) askOf(rec approval.Record) permissions.Ask {
	facts, _ := factsThen(rec)
	from := rec.Origin()
	ask := permissions.Ask{
		Actor: permissions.Actor(rec.Actor), Groups: from.Groups, External: from.External, Surface: permissions.Surface(from.Surface), Channel: from.Channel, Remote: from.Remote,
		Operation: rec.Operation, Risk: permissions.Risk(rec.Risk), Raised: permissions.Risk(rec.Risk), Target: &permissions.TargetServer{ID: facts["id"], Name: facts["name"]},
	}
	if op, ok := r.Catalogue.Lookup(rec.Operation); ok {
		ask.Risk = op.Risk
		if in, err := op.ParseInput(rec.Input); err == nil {
			ask.NewName, ask.Creates = op.NewName(in), op.Resource.IsNew
		}
	}
	return ask
}

// stillAgreed counts every consent anew, under the policy of the process that runs the change: the
// requester's own, their delegate's, and those of the others.
func (a *attempt) stillAgreed(ctx context.Context) error {
	if !a.rec.Own && a.rec.Others == 0 {
		return nil
	}
	consents, err := a.store.Consents(ctx, a.rec.ID)
	if err != nil {
		return &storeError{err}
	}
	d := a.decide(ctx, a.askOf(a.rec))
	if !d.Allowed {
		return &tools.Refusal{Text: "the policy no longer allows it: " + text.Clean(d.Reason)}
	}
	counted, lost := a.countConsents(ctx, d, consents)
	says := ""
	switch missing := approval.Missing(a.rec, counted); {
	case missing.Own:
		says = "nobody whose yes counts has agreed"
	case missing.Others > 0:
		says = "not enough other people have agreed, as the policy here counts them"
	default:
		return nil
	}
	if lost != "" {
		says += ": " + lost
	}
	return &tools.Refusal{Text: says}
}

// countConsents returns the consents that still count, with the person that today's policy gives each
// identity to. lost is the reason why the last of the others does not count.
func (a *attempt) countConsents(ctx context.Context, d permissions.Decision, consents []approval.Consent) (counted []approval.Consent, lost string) {
	policy := a.Policy()
	for _, c := range consents {
		actor := permissions.Actor(c.Identity)
		if !c.Yes {
			continue
		}
		if err := a.ended(ctx, actor); err != nil {
			lost = Explain(err)
			continue
		}
		ans := Answer{Channel: permissions.Surface(c.Channel), Groups: a.groupsNow(ctx, c)}
		if why := (answerCheck{a.Runner, a.rec, actor, ans}).notEntitled(d); why != "" {
			lost = why
			continue
		}
		c.Person, _ = policy.Person(actor)
		switch {
		case a.IsAsker(a.rec, actor):
			c.Person = cmp.Or(a.rec.Person, a.rec.Actor)
		case actor.IsLocal(): // the users of one machine are one person
			c.Person = string(permissions.Local(""))
		}
		counted = append(counted, c)
	}
	return counted, lost
}

// groupsNow are the Slack user groups that somebody is in who has answered. A process that cannot
// ask Slack goes by those that the answer came with.
func (a *attempt) groupsNow(ctx context.Context, c approval.Consent) []string {
	if a.Groups == nil || !strings.HasPrefix(c.Identity, "slack:") {
		return c.Groups
	}
	return a.Groups(ctx, permissions.Actor(c.Identity))
}

package runner

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// What is looked at once more after VPS.org was asked for the last time: only the store, and Slack for
// groups that were not read for a minute, stand between it and the call.

// errTaken says that a claim no longer holds: another process has taken the record for dead.
var errTaken = errors.New("the claim no longer holds")

// lastLook checks, right before the call, whether all that it rests on still holds: the claim and the
// lock of its holder, no freeze, the token, who asked, what the policy says, and each consent. It
// returns the record as the store has it, and what the connection asks before the first byte is sent:
// time may pass in between, as for a process that is stopped.
func (r *Runner) lastLook(ctx context.Context, store approval.Store, p plan, rec approval.Record, call Call) (*liveness.LastLook, approval.Record, error) {
	defer r.unlessChecked(ctx, store, rec)()
	if err := r.checkGrounds(ctx, store, p, rec, call); err != nil {
		return nil, rec, err
	}
	lock, err := store.Hold(ctx)
	if err != nil {
		return nil, rec, &storeError{err}
	}
	look := liveness.StartLastLook(lock)
	now, err := store.Record(ctx, rec.ID)
	if err != nil {
		return nil, rec, &refusal{"the store cannot be asked whether the claim still holds. Ask for it again."}
	}
	switch frozen, err := store.Frozen(ctx); {
	case err != nil:
		return nil, rec, &refusal{"the store cannot be asked whether all changes are frozen: " + err.Error() + ". Ask for it again."}
	case frozen != nil:
		return nil, rec, &refusal{"all changes have been frozen meanwhile. Ask for it again."}
	case now.State != approval.Executing || now.Owner != rec.Owner || !now.ClaimedAt.Equal(rec.ClaimedAt):
		return nil, now, errTaken
	case now.Owner != lock.ID():
		return nil, now, &refusal{"the lock that shows that this process exists was lost meanwhile. Ask for it again."}
	}
	return look, now, nil
}

// checkGrounds checks whether what allowed the change still does: the token, who asked, what the policy
// says, and each consent.
func (r *Runner) checkGrounds(ctx context.Context, store approval.Store, p plan, rec approval.Record, call Call) error {
	if r.Now().Sub(rec.ClaimedAt) > freshFor {
		return &refusal{"the last check took too long. Ask for it again."}
	}
	if r.Groups != nil && call.Surface == permissions.Slack && !call.External {
		call.Groups = r.Groups(ctx, call.Actor)
	}
	d, err := r.authorizeTarget(ctx, p.op, p.in, p.target, call)
	switch {
	case err != nil:
		return err
	case d.Others > rec.Others || d.Own && !rec.Own:
		return &refusal{"the policy now asks for more consent than was given; ask for it again"}
	case r.tokenChanged(ctx):
		return &refusal{"the token has been changed meanwhile. Ask for it again."}
	}
	if err := r.ended(ctx, permissions.Actor(rec.Actor)); err != nil {
		return err
	}
	return r.agreed(ctx, store, rec)
}

// tokenChanged reports whether another token is in use than the one that everything was checked with.
func (r *Runner) tokenChanged(ctx context.Context) bool {
	pinned, ok := apiclient.PinnedToken(ctx)
	now, err := r.Token()
	return ok && (err != nil || now != pinned)
}

// ended fails for an identity that counts no more: an access key that was revoked or has expired.
func (r *Runner) ended(ctx context.Context, who permissions.Actor) error {
	if r.Ended == nil {
		return nil
	}
	why, err := r.Ended(ctx, who)
	switch {
	case err != nil:
		return &storeError{err}
	case why != "":
		return &refusal{text.Clean(string(who)) + " counts no more: " + why}
	}
	return nil
}

// agreed counts every consent anew, under the policy of the process that runs the change: the
// requester's own, that of whoever stood in for them, and those of the others.
func (r *Runner) agreed(ctx context.Context, store approval.Store, rec approval.Record) error {
	if !rec.Own && rec.Others == 0 {
		return nil
	}
	consents, err := store.Consents(ctx, rec.ID)
	if err != nil {
		return &storeError{err}
	}
	ask := askOf(rec)
	d := r.decide(ctx, ask)
	if !d.Allowed {
		return &refusal{"the policy no longer allows it: " + text.Clean(d.Reason)}
	}
	counted, lost := r.counted(ctx, rec, d, consents)
	switch missing := approval.Missing(rec, counted); {
	case missing.Own:
		return &refusal{missingConsent("nobody whose yes counts has agreed", lost)}
	case missing.Others > 0:
		return &refusal{missingConsent("not enough other people have agreed, as the policy here counts them", lost)}
	}
	return nil
}

// counted returns the consents that still count, with the person that today's policy gives each identity
// to. lost is the reason why the last of the others does not count.
func (r *Runner) counted(ctx context.Context, rec approval.Record, d permissions.Decision, consents []approval.Consent) (counted []approval.Consent, lost string) {
	policy := r.Policy()
	for _, c := range consents {
		who := permissions.Actor(c.Identity)
		if !c.Yes {
			continue
		}
		if why := r.lapsed(ctx, rec, d, c); why != "" {
			lost = why
			continue
		}
		c.Person, _ = policy.Person(who)
		switch {
		case r.isAsker(rec, who):
			c.Person = cmp.Or(rec.Person, rec.Actor)
		case who.IsLocal(): // the users of one machine are one person
			c.Person = string(permissions.Local(""))
		}
		counted = append(counted, c)
	}
	return counted, lost
}

func missingConsent(says, lost string) string {
	if lost != "" {
		says += ": " + lost
	}
	return says
}

// lapsed says why a yes that was taken counts no more; "" if it does. d is what the policy says
// of the record now.
func (r *Runner) lapsed(ctx context.Context, rec approval.Record, d permissions.Decision, c approval.Consent) string {
	who, channel := permissions.Actor(c.Identity), permissions.Surface(c.Channel)
	if err := r.ended(ctx, who); err != nil {
		return explain(err)
	}
	return r.notEntitled(rec, d, who, r.groupsNow(ctx, c), channel)
}

// groupsNow are the Slack user groups that somebody is in who has answered. A process that cannot
// ask Slack goes by those that the answer came with.
func (r *Runner) groupsNow(ctx context.Context, c approval.Consent) []string {
	if r.Groups == nil || !strings.HasPrefix(c.Identity, "slack:") {
		return c.Groups
	}
	return r.Groups(ctx, permissions.Actor(c.Identity))
}

// notEntitled says why somebody's yes by a channel does not count for a record; "" if it does. It
// is asked when the yes is given and again right before the call.
func (r *Runner) notEntitled(rec approval.Record, d permissions.Decision, who permissions.Actor, groups []string, channel permissions.Surface) string {
	switch {
	case r.closed(rec, who, channel) != "":
		return r.closed(rec, who, channel)
	case channel == permissions.Script && !(who.IsKey() && r.isAsker(rec, who)):
		return "a flag answers for nobody but the bearer of the access key who asked"
	case !d.Accepts(channel):
		return "the policy does not let " + string(channel) + " carry a yes to this; it can be given in: " + surfaces(d.Channels)
	}
	return r.notConcerned(rec, who, groups, channel)
}

// notConcerned says why a record is not somebody's to agree to or deny; "" if it is: the
// requester's own, another person's where the policy wants others and names them, or that of
// somebody who stands in, in Slack, for a requester whom nobody can ask there.
func (r *Runner) notConcerned(rec approval.Record, who permissions.Actor, groups []string, channel permissions.Surface) string {
	switch {
	case r.isAsker(rec, who):
		return ""
	case rec.Others == 0 && (channel != permissions.Slack || r.inSlack(rec)):
		return "only " + text.Clean(rec.Actor) + ", who asked, can answer this"
	}
	return text.Clean(r.Policy().MayApprove(who, groups, askOf(rec), rec.Person).Reason)
}

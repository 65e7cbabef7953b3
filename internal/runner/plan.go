package runner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// plan is a change that was thought through: on what, with what, and what a person must
// know of it.
type plan struct {
	op     *tools.Op
	in     tools.Input
	target tools.Target
	demand permissions.Decision // what the policy asks for: whose consent, and where it may be given
	card   Card
	facts  map[string]string // what the fingerprint covers
}

// plan resolves names, reads the target and makes the card. Where data may be lost for good, and where nobody is shown
// the card, the list says which server has the name, and that only one has it.
func (q request) plan(ctx context.Context) (_ plan, err error) {
	ctx, span := trace.Start(ctx, "plan")
	defer endStep(span, &err)
	ctx = apiclient.ReadListsOnce(ctx)
	resolved, server, err := q.resolve(ctx, !q.op.Destroys())
	if err != nil {
		return plan{}, err
	}
	p, err := resolved.planFor(ctx, server)
	if !resolved.remembers || err == nil && p.asks() {
		return p, cmp.Or(err, p.preCheck())
	}
	if resolved, server, err = q.resolve(ctx, false); err != nil {
		return plan{}, err
	}
	p, err = resolved.planFor(ctx, server)
	return p, cmp.Or(err, p.preCheck())
}

// preCheck refuses what nobody need be asked about. After the claim it is not asked again: what it goes by are facts of
// the fingerprint.
func (p plan) preCheck() error {
	if p.op == nil || p.op.PreCheck == nil {
		return nil
	}
	return p.op.PreCheck(p.target, p.in.Value)
}

func (q request) planFor(ctx context.Context, server apiclient.ID) (plan, error) {
	ctx = apiclient.ReadListsOnce(ctx)
	t, err := q.op.ReadTarget(ctx, reader{q}, q.in, server)
	if err != nil {
		return plan{}, err
	}
	demand, err := q.authorizeTarget(ctx, t)
	if err != nil {
		return plan{}, err
	}
	p := plan{op: q.op, in: q.in, target: t, demand: demand, card: q.card(t, demand)}
	p.facts = q.op.Facts(t)
	if demand.Risk.NeedsTypedName() && p.card.Confirm == "" {
		return plan{}, &tools.InputError{Text: "there is no name and no id to type, so nothing can be confirmed"}
	}
	return p, nil
}

// asks reports whether anybody must agree before the change is made.
func (p plan) asks() bool { return p.demand.Own || p.demand.Others > 0 }

func (p plan) here(call Call) bool { return call.CanPrompt && p.demand.Accepts(call.Surface) }

// drift says what differs between the facts of a card and those of now.
func drift(then, now map[string]string) []string {
	var says []string
	for name, was := range then {
		if is := now[name]; is != was {
			says = append(says, fmt.Sprintf("%s was %s and is now %s", name, text.Quote(was), text.Quote(is)))
		}
	}
	slices.Sort(says)
	return says
}

// canonical returns a value as JSON in one fixed spelling, with texts as they are.
func canonical(v any) jsontext.Value {
	raw, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err) // only maps and slices of strings come here
	}
	return raw
}

func fingerprint(canonical []byte) string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%d:%s", len(canonical), canonical)))
}

type reader struct{ request }

func (r reader) API() *apiclient.Client { return r.Client }

func (r reader) GoesByServer() bool { return r.Policy().Book != nil }

// Grants reports whether the token holds a permission. That it cannot be asked is not a no.
func (q request) Grants(ctx context.Context, p permissions.Permission) (bool, error) {
	token, err := q.token(ctx, false)
	return token.Grants.Covers(p), err
}

// Require refuses what needs a permission beside the operation's own.
func (q request) Require(ctx context.Context, p permissions.Permission, purpose string) error {
	token, err := q.token(ctx, false)
	if err != nil {
		return err
	}
	if !token.Grants.Covers(p) {
		return &tools.Refusal{Text: fmt.Sprintf("%s: %s needs the permission %s, which the token %q does not hold; add it at %s",
			q.op.Name, purpose, p, token.Name, permissions.TokensPage)}
	}
	return nil
}

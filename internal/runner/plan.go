package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
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

// plan resolves names, reads the target and makes the card.
func (r *Runner) plan(ctx context.Context, op *tools.Op, in tools.Input, call Call) (plan, error) {
	in, server, err := r.resolve(ctx, op, in, call)
	if err != nil {
		return plan{}, err
	}
	return r.planFor(ctx, op, in, server, call)
}

func (r *Runner) planFor(ctx context.Context, op *tools.Op, in tools.Input, server apiclient.ID, call Call) (plan, error) {
	t, err := r.readTarget(ctx, op, in, server)
	if err != nil {
		return plan{}, err
	}
	demand, err := r.authorizeTarget(ctx, op, in, t, call)
	if err != nil {
		return plan{}, err
	}
	p := plan{op: op, in: in, target: t, demand: demand, card: r.card(op, in, t, demand, call)}
	p.facts = op.Facts(t)
	if demand.Risk.NeedsTypedName() && p.card.Confirm == "" {
		return plan{}, &inputError{"there is no name and no id to type, so nothing can be confirmed"}
	}
	return p, nil
}

// asks reports whether anybody must agree before the change is made.
func (p plan) asks() bool { return p.demand.Own || p.demand.Others > 0 }

// here reports whether the answer can be given where the change was asked for.
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

func fingerprint(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

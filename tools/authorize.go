package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/permissions"
)

// authorize decides whether a call may go on: the policy for the actor, then the token's
// permissions. Where the policy says no, nothing at all has been sent; where the token
// does, nothing but GET /account/me/.
func (r *Runner) authorize(ctx context.Context, op *Op, call Call, fresh bool) error {
	ask := permissions.Ask{Actor: call.Actor, Surface: call.Surface, Operation: op.Name, Risk: op.Risk}
	if d := r.Policy.Decide(ask); !d.Allowed {
		return &refusal{op.Name + " is refused: " + d.Reason}
	}
	if len(op.Needs) == 0 && op.IsRead() {
		return nil // the call itself is the check
	}
	token, err := r.token(ctx, fresh)
	if err != nil {
		return err
	}
	if d := token.Allows(op.Needs, r.Now()); !d.Allowed {
		return &refusal{op.Name + " is refused: " + d.Reason}
	}
	return nil
}

// Offered returns the operations that actor may run from there, sorted by name, and why
// each of the others may not. Where the token cannot be asked, err says why and all that
// the policy lets exist is offered.
func (r *Runner) Offered(ctx context.Context, actor permissions.Actor, surface permissions.Surface) (ops []*Op, why map[string]string, err error) {
	token, err := r.token(ctx, false)
	why = map[string]string{}
	for _, op := range Operations() {
		d := r.Policy.Decide(permissions.Ask{Actor: actor, Surface: surface, Operation: op.Name, Risk: op.Risk})
		if d.Allowed && err == nil {
			d = token.Allows(op.Needs, r.Now())
		}
		if d.Allowed {
			ops = append(ops, op)
		} else {
			why[op.Name] = d.Reason
		}
	}
	return ops, why, err
}

package slackbot

import (
	"context"
	"fmt"
	"slices"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

func (r *request) freeze(ctx context.Context, c command.Command) error {
	why := r.mayDestroy(ctx)
	if c.Kind == command.Unfreeze {
		ask := permissions.Ask{Actor: r.actor(), Groups: r.groups, External: r.external, Surface: permissions.Slack, Channel: r.channel}
		if rule, forbidden := r.Runner.Policy().Forbids(ask, permissions.LiftFreeze); why == "" && forbidden {
			why = fmt.Sprintf("the policy's rule %q forbids it", rule)
		}
	}
	if why != "" {
		row := r.Runner.ActRow(r.actor(), permissions.Slack, string(c.Kind))
		row.Decision, row.Reason = audit.Refused, text.Clean(why)
		r.Runner.NoteOrLog(ctx, row)
		return r.replyText(ctx, string(c.Kind)+" is refused: "+why)
	}
	if c.Kind == command.Unfreeze {
		return r.unfreeze(ctx)
	}
	if err := r.Runner.Freeze(ctx, r.actor(), permissions.Slack, c.Rest); err != nil {
		return r.replyText(ctx, "Nothing is frozen: "+runner.Explain(err))
	}
	return r.replyText(ctx, "All changes are frozen, everywhere and for everybody. What runs already goes on; reads still work. /vps unfreeze lifts it.")
}

// mayDestroy returns the reason why the person may run nothing destructive here; "" if they may.
func (r *request) mayDestroy(ctx context.Context) string {
	if r.external {
		return "it is for people of this workspace"
	}
	ops, why, _ := r.offered(ctx, tokenWithin)
	if slices.ContainsFunc(ops, func(op *tools.Op) bool { return op.Risk == permissions.Destructive }) {
		return ""
	}
	return "it is for those who may run something destructive here, such as servers.delete; and " + why["servers.delete"]
}

func (r *request) unfreeze(ctx context.Context) error {
	var frozen *approval.Freeze
	store, err := r.Store(ctx)
	if err == nil {
		frozen, err = store.Frozen(ctx)
	}
	if err != nil {
		return r.noStore(ctx, err)
	}
	if err := r.Runner.Unfreeze(ctx, r.actor(), permissions.Slack); err != nil {
		return r.replyText(ctx, "The freeze was not lifted: "+runner.Explain(err))
	}
	if frozen == nil {
		return r.replyText(ctx, "Nothing was frozen.")
	}
	return r.replyText(ctx, "The freeze of "+frozen.By+" is lifted. What is asked for now runs again.")
}

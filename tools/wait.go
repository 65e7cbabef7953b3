package tools

import (
	"context"
	"slices"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

// VPS.org's status words are an open set. These are known to be ends, and those to be on
// the way; a word that nobody knows is an end once it has stood still for three looks.
var (
	ends   = []string{"active", "stopped", "suspended", "completed"}
	moving = []string{"", "provisioning", "starting", "stopping", "rebooting", "restoring", "in_progress", "pending", "creating", "queued"}
)

const stillFor = 3

// settledIn reports whether a status is an end, having stood for so many looks.
func settledIn(status string, looks int) bool {
	if slices.Contains(moving, status) {
		return false
	}
	return slices.Contains(ends, status) || looksFailed(status) || looks >= stillFor
}

// await polls the status until the work has settled, the limit is reached or the caller
// gives up.
func (r *Runner) await(ctx context.Context, p plan, value any, call Call) (status string, settled bool, waited time.Duration) {
	began, looks := r.Now(), 0
	ctx, cancel := context.WithTimeout(ctx, call.WaitLimit)
	defer cancel()
	err := apiclient.Poll(ctx, func(ctx context.Context) (bool, error) {
		now, err := p.op.status(ctx, r.Client, p.target, value)
		if err != nil {
			return false, err
		}
		if looks++; status != now {
			status, looks = now, 1
		}
		if call.Progress != nil {
			call.Progress(Clean(now), r.Now().Sub(began))
		}
		return settledIn(now, looks) && !p.still(now), nil
	})
	return status, err == nil, r.Now().Sub(began)
}

// still reports whether a start or stop shows the status it began with: it has been
// accepted, so that status is an old one.
func (p plan) still(status string) bool {
	goal, ok := map[string]string{"servers.start": "active", "servers.stop": "stopped"}[p.op.Name]
	return ok && status != goal && status == p.target.Server.Status
}

// unsettled is the class of a wait that ended too early: at a terminal a failure, while
// others were told beforehand that they would get the status as it is.
func (c Call) unsettled() Class {
	if c.Surface == permissions.Terminal {
		return Failed
	}
	return OK
}

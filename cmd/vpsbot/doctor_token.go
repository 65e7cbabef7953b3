package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

func (a *app) checkToken(ctx context.Context, p *parts, address finding) finding {
	const name = "token"
	if _, err := p.runner.Token(); err != nil {
		if errors.Is(err, config.ErrNoToken) {
			return broken(name, "none is set", "Make a token at "+permissions.TokensPage+" and set VPS_API_TOKEN to it.")
		}
		return broken(name, err.Error(), "Correct what gives the token, the variable or its file.")
	}
	if address.Status == statusFail {
		return warn(name, "set, but not checked: it would go to an address that is wrong or silent", "")
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	me, err := p.runner.Client.Account.Me(ctx)
	if err != nil {
		return tokenFailure(ctx, err)
	}
	token := tokenOf(me)
	renew := "Make a new token at " + permissions.TokensPage + " and set VPS_API_TOKEN to it."
	if token.Expired(a.now()) {
		return broken(name, fmt.Sprintf("%q has expired", token.Name), renew)
	}
	if _, soon := token.ExpiresSoon(a.now()); soon {
		return warn(name, fmt.Sprintf("%q expires in %s", token.Name, daysLeft(token.ExpiresAt.Sub(a.now()))), renew)
	}
	if token.ExpiresAt.IsZero() {
		return fine(name, "%q, which never expires", token.Name)
	}
	return fine(name, "%q, until %s", token.Name, token.ExpiresAt.Format(time.DateOnly))
}

// daysLeft counts a day that has begun as a whole one, but for the last.
func daysLeft(left time.Duration) string {
	const day = 24 * time.Hour
	if left < day {
		return "less than a day"
	}
	return text.Plural(int((left+day-1)/day), "day")
}

func tokenFailure(ctx context.Context, err error) finding {
	if ctx.Err() != nil {
		return broken("token", "not checked: the API "+silence, "Try again later.")
	}
	next := "Try again later."
	if api, ok := errors.AsType[*apiclient.Error](err); ok {
		next = api.Next()
	}
	return broken("token", text.Clean(err.Error()), next)
}

func (p *parts) checkPermissions(ctx context.Context, address finding) ([]right, finding) {
	const name = "permissions"
	switch {
	case p.policyErr != nil: // what to do is said of the policy
		return nil, broken(name, "not looked at: nothing is run under this configuration", "")
	case address.Status == statusFail:
		return nil, broken(name, "they cannot be read, so nothing would be run", "")
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	offers, note := p.offers(ctx)
	if note != "" { // what to do is said of the token
		return nil, broken(name, "they cannot be read, so nothing would be run", "")
	}
	rights, allowed := make([]right, 0, len(offers)), 0
	for _, o := range offers {
		if o.reason == "" {
			allowed++
		}
		rights = append(rights, right{o.op.Name, needs(o.op), o.reason == "", o.reason})
	}
	says := fmt.Sprintf("%d of %d operations can be run", allowed, len(offers))
	switch allowed {
	case len(offers):
		return rights, fine(name, "%s", says)
	case 0:
		return rights, broken(name, says, "See why: vpsbot operations --all")
	}
	return rights, fine(name, "%s; vpsbot operations --all says why not the others", says)
}

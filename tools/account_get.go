package tools

import (
	"context"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

var _ = register(Operation[noIn, apiclient.Me]{
	Meta: Meta{
		Name: "account.get", Title: "Show the account",
		Description: "Shows the account, and the token's permissions and expiry.",
		Request:     "GET /account/me/",
		Risk:        permissions.Read,
	},
	Examples: []noIn{{}},
	Note: func(me apiclient.Me, now time.Time) (string, error) {
		token := tokenFacts(me)
		if d := token.Allows(nil, now); !d.Allowed {
			return "", &refusal{"account.get is refused: " + d.Reason}
		}
		return expiryNotice(token, now), nil
	},
	Call: func(ctx context.Context, c *apiclient.Client, _ Target, _ noIn) (apiclient.Me, error) {
		return c.Account.Me(ctx)
	},
})

package tools

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

type noIn struct{}

var _ = register(Operation[noIn, apiclient.Me]{
	Meta: Meta{
		Name: "account.get", Title: "Show the account",
		Description: "Shows the account, and the token's permissions and expiry.",
		Request:     "GET /account/me/",
		Risk:        permissions.Read, Resource: Account,
	},
	Examples: []noIn{{}},
	PostCheck: func(me apiclient.Me, now time.Time) (string, error) {
		token := TokenOf(me)
		if d := token.Allows(nil, now); !d.Allowed {
			return "", errors.New("account.get is refused: " + d.Reason)
		}
		return token.ExpiryNotice(now), nil
	},
	Call: func(ctx context.Context, c *apiclient.Client, _ Target, _ noIn) (apiclient.Me, error) {
		return c.Account.Me(ctx)
	},
})

// TokenOf takes from the account's answer what decisions are made on.
func TokenOf(me apiclient.Me) permissions.Token {
	return permissions.Token{
		Name: text.Clean(me.Token.Name), IsExpired: me.Token.IsExpired != nil && *me.Token.IsExpired, ExpiresAt: me.Token.ExpiresAt.Time,
		Grants: text.Map(me.Token.Permissions, func(p string) permissions.Permission { return permissions.Permission(p) }),
	}
}

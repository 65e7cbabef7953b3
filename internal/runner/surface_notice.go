package runner

import (
	"context"
	"fmt"

	"github.com/vpsbot/vpsbot/permissions"
)

// ExpiryNotice warns in a sentence of a token that has expired or does so within a week; "" if
// there is nothing to warn of, or the token cannot be read.
func (r *Runner) ExpiryNotice(ctx context.Context) string {
	token, err := r.token(r.pin(ctx), false)
	if err != nil {
		return ""
	}
	if token.Expired(r.Now()) {
		return fmt.Sprintf("The token %q has expired: make a new one at %s", token.Name, permissions.TokensPage)
	}
	return token.ExpiryNotice(r.Now())
}

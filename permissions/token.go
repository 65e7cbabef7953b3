package permissions

import (
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/text"
)

// TokensPage is where a VPS.org token is made and edited.
const TokensPage = "https://admin.vps.org/account/developers/"

// Token is what is known of an API token: never the token itself.
type Token struct {
	Name      string
	Grants    Grants
	ExpiresAt time.Time // zero: never
	IsExpired bool      // the API's own word
}

// Allows decides whether the token may run an operation that has these needs.
func (t Token) Allows(needs Needs, now time.Time) Decision {
	if t.Expired(now) {
		return Decision{Reason: fmt.Sprintf("the token %q has expired; make a new one at %s", t.Name, TokensPage)}
	}
	if !needs.MetBy(t.Grants) {
		return Decision{Reason: fmt.Sprintf("it needs the permission %s, which the token %q does not hold; add it at %s or use another token",
			needs, t.Name, TokensPage)}
	}
	return Decision{Allowed: true}
}

// Expired reports whether the token is past its time.
func (t Token) Expired(now time.Time) bool {
	return t.IsExpired || !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}

// ExpiresSoon reports whether the token has under seven days left, and how many whole
// days they are.
func (t Token) ExpiresSoon(now time.Time) (days int, soon bool) {
	left := t.ExpiresAt.Sub(now)
	if t.ExpiresAt.IsZero() || left >= 7*24*time.Hour {
		return 0, false
	}
	return max(0, int(left.Hours()/24)), true
}

// ExpiryNotice warns, in one sentence, of a token that expires within a week. It is "" for others.
func (t Token) ExpiryNotice(now time.Time) string {
	days, soon := t.ExpiresSoon(now)
	if !soon {
		return ""
	}
	return fmt.Sprintf("The token %q expires in %s: make a new one at %s", t.Name, text.Plural(days, "day"), TokensPage)
}

package apiclient

import "context"

// Account is the operation on the account behind the token.
type Account struct{ core *core }

// Me is the answer of GET /account/me/: whose token it is and what it may do.
type Me struct {
	Account Profile        `json:"account,omitzero"`
	Token   Token          `json:"token,omitzero"`
	Extra   map[string]any `json:",embed"`
}

// Profile is the account itself. Names are empty where they were never set.
type Profile struct {
	Email       string         `json:"email,omitzero"`
	FirstName   string         `json:"first_name,omitzero"`
	LastName    string         `json:"last_name,omitzero"`
	CompanyName string         `json:"company_name,omitzero"`
	CreatedAt   Time           `json:"created_at,omitzero"`
	Extra       map[string]any `json:",embed"`
}

// Token describes the token that was sent; the secret itself is not in it.
// A zero ExpiresAt means that it never expires; IsExpired is nil where the API does not say.
type Token struct {
	Name        string         `json:"name,omitzero"`
	Permissions Permissions    `json:"permissions,omitzero"`
	CreatedAt   Time           `json:"created_at,omitzero"`
	LastUsedAt  Time           `json:"last_used_at,omitzero"`
	ExpiresAt   Time           `json:"expires_at,omitzero"`
	IsExpired   *bool          `json:"is_expired,omitzero"`
	Extra       map[string]any `json:",embed"`
}

var accountMe = endpoint{"GET", "/account/me/", answerRequired}

// Me reads the account and the token's permissions: GET /account/me/. Any
// valid token may.
func (a Account) Me(ctx context.Context) (Me, error) {
	return fetch[Me](ctx, a.core, &call{endpoint: accountMe}, nil)
}

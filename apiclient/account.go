package apiclient

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Account is the operation on the account behind the token.
type Account struct{ run step }

// Me is the answer of GET /account/me/: the account and the permissions of the token.
type Me struct {
	Account Profile        `json:"account,omitzero"`
	Token   Token          `json:"token,omitzero"`
	Extra   map[string]any `json:",embed"`
}

// Profile is the account itself. Names that were never set are empty.
type Profile struct {
	Email       string         `json:"email,omitzero"`
	FirstName   string         `json:"first_name,omitzero"`
	LastName    string         `json:"last_name,omitzero"`
	CompanyName string         `json:"company_name,omitzero"`
	CreatedAt   Time           `json:"created_at,omitzero"`
	Extra       map[string]any `json:",embed"`
}

// Token describes the token that was sent, without the secret itself. A zero ExpiresAt means that it never
// expires; IsExpired is nil if it is not known.
type Token struct {
	Name        string         `json:"name,omitzero"`
	Permissions Permissions    `json:"permissions,omitzero"`
	CreatedAt   Time           `json:"created_at,omitzero"`
	LastUsedAt  Time           `json:"last_used_at,omitzero"`
	ExpiresAt   Time           `json:"expires_at,omitzero"`
	IsExpired   *bool          `json:"is_expired,omitzero"`
	Extra       map[string]any `json:",embed"`
}

// Me reads the account and the token's permissions: GET /account/me/. It needs no permission.
func (a Account) Me(ctx context.Context) (Me, error) {
	return fetch[Me](ctx, a.run, &call{method: "GET", route: "/account/me/"})
}

// Permissions are grants, each as resource:action. The API documents a list of texts; a single text and an
// object of lists by resource are accepted too. An unknown form grants nothing; nil means that the answer had
// no permissions.
type Permissions []string

var errNoGrants = errors.New("permissions in a form that is not known")

// UnmarshalJSONFrom decodes a list, a text, or an object.
func (p *Permissions) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var value any
	if err := json.UnmarshalDecode(dec, &value); err != nil {
		return err
	}
	*p = nil
	switch v := value.(type) {
	case nil:
		return nil
	case string, []any:
		*p = append(Permissions{}, grantsIn("", v)...)
	case map[string]any:
		*p = Permissions{}
		for _, resource := range slices.Sorted(maps.Keys(v)) {
			*p = append(*p, grantsIn(resource, v[resource])...)
		}
	default:
		return errNoGrants
	}
	return nil
}

// grantsIn returns the grants for a resource; "" stands for a list over all resources.
func grantsIn(resource string, value any) (grants []string) {
	switch v := value.(type) {
	case string:
		for _, word := range strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(" ,;\n\t", r) }) {
			grants = append(grants, grant(resource, word)...)
		}
	case []any:
		for _, item := range v {
			grants = append(grants, grantsIn(resource, item)...)
		}
	case map[string]any:
		if resource == "" { // an item of a list: {"resource": "servers", "action": "list"}
			named, _ := v["resource"].(string)
			if action, isText := v["action"].(string); named != "" && isText {
				return grant(named, action)
			}
			name, _ := v["name"].(string)
			return grantsIn("", name)
		}
		for _, action := range slices.Sorted(maps.Keys(v)) {
			if v[action] == true {
				grants = append(grants, grant(resource, action)...)
			}
		}
	case bool: // {"servers:list": true}
		if v {
			return grant("", resource)
		}
	}
	return grants
}

// grant formats a grant; a word without a resource is none.
func grant(resource, word string) []string {
	switch {
	case word == "":
		return nil
	case strings.Contains(word, ":"):
		return []string{word}
	case resource == "":
		return nil
	}
	return []string{resource + ":" + word}
}

package apiclient

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Permissions are grants, each as resource:action. The API documents a list of texts; one text
// and an object of lists by resource are read too. What is not understood grants nothing; nil
// means that there is nothing that could be read.
type Permissions []string

var errNoGrants = errors.New("permissions in a form that is not known")

// UnmarshalJSONFrom takes a list, one text, or an object.
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

// grantsIn reads what is granted of a resource; "" stands for a list over all of them.
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

// grant puts a grant together; a word alone, without a resource, is none.
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

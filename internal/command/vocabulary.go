package command

import (
	"maps"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// serverResource is the resource that an action alone is about: "reboot web-1".
const serverResource = "servers"

// list is the action that a resource alone means.
const list = "list"

// Other words for actions that run at once.
var aliases = map[string]string{"ls": list, "rm": "delete", "show": "get"}

// Aliases returns the other words for an action.
func Aliases(action string) (words []string) {
	for word, of := range aliases {
		if of == action {
			words = append(words, word)
		}
	}
	return words
}

// Words of other tools. They are suggested, never run: "kill" need not be the same everywhere.
var synonyms = map[string]string{
	"restart": "reboot", "reset": "reboot", "cycle": "reboot",
	"destroy": "delete", "remove": "delete", "kill": "delete", "terminate": "delete",
	"shutdown": "stop", "halt": "stop", "poweroff": "stop", "boot": "start", "poweron": "start",
	"new": "create", "add": "create", "launch": "create",
	"rename": "update", "edit": "update", "set": "update",
	"info": "get", "status": "get", "describe": "get", "inspect": "get", "all": list,
}

// vocabulary is the operations of a catalogue by resource and action.
type vocabulary map[string]map[string]*tools.Op

func vocabularyOf(c *tools.Catalogue) vocabulary {
	all := vocabulary{}
	for _, op := range c.Operations() {
		resource, action := cutName(op)
		if all[resource] == nil {
			all[resource] = map[string]*tools.Op{}
		}
		all[resource][action] = op
	}
	return all
}

func cutName(op *tools.Op) (resource, action string) {
	resource, action, _ = strings.Cut(op.Name, ".")
	return resource, action
}

// resourceOf finds the resource that a word names: "backups" or "backup".
func (v vocabulary) resourceOf(word string) (string, bool) {
	for _, resource := range []string{word, word + "s"} {
		if v[resource] != nil {
			return resource, true
		}
	}
	return "", false
}

func (v vocabulary) actionOf(resource, action string) *tools.Op {
	if other, ok := aliases[action]; ok {
		action = other
	}
	if op := v[resource][action]; op != nil || action != list {
		return op
	}
	return v.defaultOf(resource)
}

// defaultOf returns what a resource without an action means: its list, or what else reads and
// needs no field (account.get, dns.zones); nil if there is none.
func (v vocabulary) defaultOf(resource string) *tools.Op {
	if op := v[resource][list]; op != nil {
		return op
	}
	for _, action := range v.actionsOf(resource) {
		if op := v[resource][action]; op.IsRead() && len(fieldtext.Missing(op, nil)) == 0 {
			return op
		}
	}
	return nil
}

func (v vocabulary) actionsOf(resource string) []string {
	return slices.Sorted(maps.Keys(v[resource]))
}

func (v vocabulary) resourcesWith(action string) []string {
	var all []string
	for resource := range v {
		if v[resource][action] != nil {
			all = append(all, resource)
		}
	}
	return all
}

// isAction reports whether a word is an action of any resource, here or in other tools.
func (v vocabulary) isAction(word string) bool {
	return aliases[word] != "" || synonyms[word] != "" || len(v.resourcesWith(word)) > 0
}

// actionList names a resource's actions in a sentence: "create, delete or list".
func (v vocabulary) actionList(resource string) string { return text.Join(v.actionsOf(resource), "or") }

func (v vocabulary) heads() []string {
	all := slices.Concat(slices.Collect(maps.Keys(v)), v.actionsOf(serverResource), text.Strings(kinds))
	slices.Sort(all)
	return all
}

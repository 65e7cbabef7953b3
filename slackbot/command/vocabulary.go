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

// Words of other tools. They are suggested, never run: "kill" need not be the same everywhere.
var synonyms = map[string]string{
	"restart": "reboot", "reset": "reboot", "cycle": "reboot",
	"destroy": "delete", "remove": "delete", "kill": "delete", "terminate": "delete",
	"shutdown": "stop", "halt": "stop", "poweroff": "stop", "boot": "start", "poweron": "start",
	"new": "create", "add": "create", "launch": "create",
	"rename": "update", "edit": "update", "set": "update",
	"info": "get", "status": "get", "describe": "get", "inspect": "get", "all": list,
}

// operations are all operations by resource and action.
var operations = byResource()

func byResource() map[string]map[string]*tools.Op {
	all := map[string]map[string]*tools.Op{}
	for _, op := range tools.Default.Operations() {
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
func resourceOf(word string) (string, bool) {
	for _, resource := range []string{word, word + "s"} {
		if operations[resource] != nil {
			return resource, true
		}
	}
	return "", false
}

// actionOf finds a resource's operation by its action, or returns nil.
func actionOf(resource, action string) *tools.Op {
	if other, ok := aliases[action]; ok {
		action = other
	}
	if op := operations[resource][action]; op != nil || action != list {
		return op
	}
	return defaultOf(resource)
}

// defaultOf returns what a resource without an action means: its list, or what else reads and
// needs no field (account.get, dns.zones); nil if there is none.
func defaultOf(resource string) *tools.Op {
	if op := operations[resource][list]; op != nil {
		return op
	}
	for _, action := range actionsOf(resource) {
		if op := operations[resource][action]; op.IsRead() && len(fieldtext.Missing(op, nil)) == 0 {
			return op
		}
	}
	return nil
}

// actionsOf returns a resource's actions, sorted.
func actionsOf(resource string) []string {
	return slices.Sorted(maps.Keys(operations[resource]))
}

// resourcesWith returns the resources that have an action.
func resourcesWith(action string) []string {
	var all []string
	for resource := range operations {
		if operations[resource][action] != nil {
			all = append(all, resource)
		}
	}
	return all
}

// isAction reports whether a word is an action of any resource, here or in other tools.
func isAction(word string) bool {
	return aliases[word] != "" || synonyms[word] != "" || len(resourcesWith(word)) > 0
}

// actionList names a resource's actions in a sentence: "create, delete or list".
func actionList(resource string) string { return text.Join(actionsOf(resource), "or") }

// heads are all words that a command may begin with.
func heads() []string {
	all := slices.Collect(maps.Keys(operations))
	all = append(all, actionsOf(serverResource)...)
	for _, kind := range kinds {
		all = append(all, string(kind))
	}
	slices.Sort(all)
	return all
}

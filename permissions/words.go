package permissions

import "slices"

// actions are VPS.org's own permissions, by resource: what can be given to a token. Each resource
// has "*" beside them.
var actions = map[string][]string{
	"servers":     {"list", "create", "update", "delete", "power", "backup", "snapshot", "resize"},
	"domains":     {"list", "search", "update", "renew"},
	"dns":         {"list", "create", "update", "delete"},
	"snapshots":   {"list", "delete"},
	"backups":     {"list"},
	"ssh-keys":    {"list", "create", "delete"},
	"plans":       {"list"},
	"locations":   {"list"},
	"deployments": {"list", "create", "delete"},
	"billing":     {"list"},
}

// Grantable returns what a person can give to a token so that it covers p: p itself where
// VPS.org has that word, else all of its resource, as "backups:*" for "backups:delete".
func (p Permission) Grantable() Permission {
	resource, action := p.split()
	if known, ok := actions[resource]; !ok || action == "*" || slices.Contains(known, action) {
		return p
	}
	return Permission(resource + ":*")
}

// Grantable returns the needs in words that VPS.org has, each once.
func (n Needs) Grantable() Needs {
	grantable := Needs{}
	for _, p := range n {
		if g := p.Grantable(); !slices.Contains(grantable, g) {
			grantable = append(grantable, g)
		}
	}
	return grantable
}

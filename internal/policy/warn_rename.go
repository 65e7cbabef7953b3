package policy

import (
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/permissions"
)

const mostPaths = 20_000 // that are looked at: a person, a name before, a name after

// warnOfRenames doubts every path by which a rename wins somebody a right: from the names of one
// pattern to those of another, by somebody who may rename both.
func (r *reader) warnOfRenames() {
	who, patterns := r.renamers(), r.namePatterns()
	if len(who)*len(patterns)*len(patterns) > mostPaths {
		r.doubt(0, "there are too many people and patterns to look at every rename; one that wins a right needs the yes of somebody who has it all the same")
		return
	}
	for _, from := range patterns {
		for _, to := range patterns {
			var by []string
			for _, one := range who {
				if from != to && r.winsByRename(one, from, to) {
					by = append(by, string(one))
				}
			}
			if len(by) > 0 {
				r.doubt(0, "a rename from %s to %s, which %s may ask for, lets somebody do more than before; it needs the yes of somebody who may do that already", from, to, strings.Join(by, ", "))
			}
		}
	}
}

// renamers are the words for those who may rename some server.
func (r *reader) renamers() (who []permissions.Principal) {
	for _, rule := range r.book.Rules {
		renames := slices.ContainsFunc(r.reach(rule), func(op Operation) bool { return op.Name == "servers.update" || op.Name == "servers.replace" })
		if rule.Effect == permissions.Allow && renames {
			who = append(who, rule.Who...)
		}
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// namePatterns are the patterns over names that the rules and the protection have, and what fits none.
func (r *reader) namePatterns() []permissions.ServerPattern {
	all := slices.Concat(r.book.Protected, []permissions.ServerPattern{"any other name"})
	for _, rule := range r.book.Rules {
		all = append(all, rule.Servers...)
	}
	all = slices.DeleteFunc(all, func(p permissions.ServerPattern) bool { return p.IsID() || strings.Trim(string(p), "*") == "" })
	slices.Sort(all)
	return slices.Compact(all)
}

// winsByRename reports whether a rename between names of two patterns, by somebody, wins a right that
// they do not have.
func (r *reader) winsByRename(who permissions.Principal, from, to permissions.ServerPattern) bool {
	document := Document{Book: r.book, operations: r.operations}
	before, after := sample(from), sample(to)
	return slices.ContainsFunc(surfaces, func(at permissions.Surface) bool {
		for _, operation := range []string{"servers.update", "servers.replace"} {
			ask := permissions.Ask{Surface: at, Operation: operation, Risk: permissions.Change, Target: &permissions.TargetServer{Name: before}, NewName: after}
			for _, one := range document.by(string(who), ask) {
				if r.stands(who, at) && (permissions.Policy{Book: r.book}).Decide(one).Rule == permissions.ByRename {
					return true
				}
			}
		}
		return false
	})
}

// sample is a name that a pattern matches.
func sample(p permissions.ServerPattern) string {
	return strings.NewReplacer("*", "1", "?", "1", " ", "-").Replace(string(p))
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/text"
)

// checkTeam looks at the policy, at who this is, and at whether changes are stopped. A store
// that was found broken it leaves alone.
func checkTeam(ctx context.Context, p *parts, store []finding) []finding {
	var found []finding
	if path := p.config.PolicyFile(); path != "" {
		found = append(found, checkPolicyFile(p, path))
	}
	found = append(found, p.checkIdentity(ctx))
	found = append(found, p.checkLocals()...)
	bad := slices.ContainsFunc(store, func(f finding) bool { return f.Status == statusFail })
	if p.hasStore() && !bad {
		found = append(found, checkFrozen(ctx, p)...)
		found = append(found, checkKeys(ctx, p)...)
	}
	return found
}

func checkPolicyFile(p *parts, path string) finding {
	const name = "policy"
	if p.policyErr != nil {
		return broken(name, p.policyErr.Error(), "Correct the file: vpsbot policy check "+shellWord(path)+". Until then nothing is run.")
	}
	file := p.policyFile.Document()
	says := fmt.Sprintf("%s: %d people, %d rules", path, len(file.Book.People), len(file.Book.Rules))
	if doubts := len(file.Warnings); doubts > 0 {
		says += "; " + text.Plural(doubts, "warning") + ": vpsbot policy check " + shellWord(path)
	}
	return fine(name, "%s", says)
}

func (p *parts) checkIdentity(ctx context.Context) finding {
	const name = "identity"
	if err := p.identify(ctx); err != nil {
		return broken(name, err.Error(), "Set VPSBOT_KEY_FILE to a file that holds an access key of yours.")
	}
	person, known := p.runner.Policy().Person(p.actor)
	switch {
	case p.policyErr != nil || p.config.PolicyFile() == "":
		return fine(name, "%s", p.actor)
	case !known:
		return warn(name, fmt.Sprintf("%s, whom the policy lists under no person", p.actor), "Put the identity under people in the policy, or use an access key that is there.")
	}
	return fine(name, "%s, who is %s", p.actor, person)
}

// checkLocals says what users of this machine are not: people who agree for each other.
func (p *parts) checkLocals() []finding {
	const name = "local users"
	policy := p.runner.Policy()
	switch {
	case policy.OneUser:
		return []finding{warn(name, "this process runs in a user namespace, where whoever makes one may be any user: all local users count as one person",
			"Use access keys, vpsbot keys create NAME, and name them in the policy.")}
	case policy.Book == nil || p.config.IsShared():
		return nil
	}
	if who := policy.Book.LocalPeople(); len(who) > 1 {
		return []finding{fine(name, "%s count as one person when one agrees for another as a user of this machine; access keys and Slack tell them apart", strings.Join(who, ", "))}
	}
	return nil
}

// checkKeys warns of keys that the policy trusts and nobody has made: whoever can open the
// database could make them, and would be taken for the person whom the policy names.
func checkKeys(ctx context.Context, p *parts) []finding {
	book := p.runner.Policy().Book
	if book == nil {
		return nil
	}
	db, err := p.store.get(ctx)
	if err != nil {
		return nil
	}
	made, err := db.Keys(ctx)
	if err != nil {
		return nil
	}
	var found []finding
	for _, person := range book.People {
		for _, who := range person.Identities {
			name, isKey := strings.CutPrefix(string(who), "key:")
			if isKey && !slices.ContainsFunc(made, func(k keys.Key) bool { return k.Name == name }) {
				found = append(found, warn("keys", fmt.Sprintf("the policy takes whoever has the key %s for %s, and nobody has made it yet: whoever can open the database could", name, person.ID),
					"Make it now, vpsbot keys create "+name+", or take it out of the policy."))
			}
		}
	}
	return found
}

// checkFrozen has nothing to say where nothing is frozen, or the store is found broken anyway.
func checkFrozen(ctx context.Context, p *parts) []finding {
	store, err := p.store.get(ctx)
	if err != nil {
		return nil
	}
	if says, err := frozen(ctx, store, p.now()); err == nil && says != "" {
		return []finding{warn("freeze", says, "When it is over, a person lifts it")}
	}
	return nil
}

package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/text"
)

// checkTeam checks the policy, the identity, the freeze and the access keys. It leaves a store alone that
// failed its own check.
func (d *doctor) checkTeam(ctx context.Context, store []Finding) []Finding {
	var found []Finding
	if path := d.Config.PolicyFile(); path != "" {
		found = append(found, d.checkPolicyFile(path))
	}
	found = append(found, d.checkIdentity(ctx))
	found = append(found, d.checkLocalUsers()...)
	if d.HasStore() && !slices.ContainsFunc(store, func(f Finding) bool { return f.Status == StatusFail }) {
		if notice, err := d.FreezeNotice(ctx); err == nil && notice != "" {
			found = append(found, warn("freeze", notice, "When it is over, a person must lift it"))
		}
		found = append(found, d.checkKeys(ctx)...)
	}
	return found
}

func (d *doctor) checkPolicyFile(path string) Finding {
	const name = "policy"
	if d.PolicyErr != nil {
		return fail(name, d.PolicyErr.Error(), "Correct the file: vpsbot policy check "+text.ShellWord(path)+". Until then nothing is run.")
	}
	file := d.PolicyFile.Document()
	message := fmt.Sprintf("%s: %s, %s", path, text.Plural(len(file.Book.People), "person"), text.Plural(len(file.Book.Rules), "rule"))
	if n := len(file.Warnings); n > 0 {
		message += "; " + text.Plural(n, "warning") + ": vpsbot policy check " + text.ShellWord(path)
	}
	return pass(name, "%s", message)
}

func (d *doctor) checkIdentity(ctx context.Context) Finding {
	const name = "identity"
	err := d.Authenticate(ctx)
	if _, said := errors.AsType[*app.Error](err); err != nil && !said { // the next step is with the store
		return warn(name, "not read: the store does not answer", "")
	}
	const ownKey = "Set VPSBOT_KEY_FILE to a file that holds an access key of yours."
	if errors.Is(err, app.ErrNoIdentity) && d.servesOthers() {
		return warn(name, "none, and vpsbot serve needs none: it asks each who calls. Commands here want an access key", ownKey)
	}
	if err != nil {
		return fail(name, err.Error(), ownKey)
	}
	person, known := d.Runner.Policy().Person(d.Actor)
	switch {
	case d.PolicyErr != nil || d.Config.PolicyFile() == "":
		return pass(name, "%s", d.Actor)
	case !known:
		return warn(name, fmt.Sprintf("%s, whom the policy lists under no person", d.Actor), "Put the identity under people in the policy, or use an access key that is there.")
	}
	return pass(name, "%s, who is %s", d.Actor, person)
}

// servesOthers reports whether the settings are those of a vpsbot serve, and who types this is nobody whom the policy knows.
func (d *doctor) servesOthers() bool {
	_, isKnown := d.Runner.Policy().Person(d.Actor)
	_, err := d.Config.SlackMode()
	return !isKnown && (d.Config.IsMCPSetUp() || !errors.Is(err, config.ErrNoSlack))
}

// checkLocalUsers says that users of one machine count as one person where an approval needs two.
func (d *doctor) checkLocalUsers() []Finding {
	const name = "local users"
	policy := d.Runner.Policy()
	switch {
	case policy.OneUser:
		return []Finding{warn(name, "this process runs in a user namespace, whose maker may be any user: all local users count as one person",
			"Use access keys, vpsbot keys create NAME, and name them in the policy.")}
	case policy.Book == nil || d.Config.IsShared():
		return nil
	}
	if who := policy.Book.LocalPeople(); len(who) > 1 {
		return []Finding{pass(name, "%s count as one person when one agrees for another as a user of this machine; access keys and Slack tell them apart", strings.Join(who, ", "))}
	}
	return nil
}

// checkKeys warns of keys that the policy trusts and that nobody has made: anybody who can open the database
// could make them, and would be taken for the person whom the policy names.
func (d *doctor) checkKeys(ctx context.Context) (found []Finding) {
	book := d.Runner.Policy().Book
	db, err := d.Store.Open(ctx)
	if err != nil || book == nil {
		return nil
	}
	made, err := db.Keys(ctx)
	if err != nil {
		return nil
	}
	for _, person := range book.People {
		for _, identity := range person.Identities {
			name, isKey := strings.CutPrefix(string(identity), "key:")
			if isKey && !slices.ContainsFunc(made, func(k keys.Key) bool { return k.Name == name }) {
				found = append(found, warn("keys", fmt.Sprintf("the policy takes the bearer of the key %s for %s, and nobody has made it yet: anybody who can open the database could", name, person.ID),
					"Make it now, vpsbot keys create "+name+", or take it out of the policy."))
			}
		}
	}
	return found
}

package permissions

import (
	"fmt"
	"path"
	"strings"
	"time"
)

// Policy is what this installation lets anybody do, whatever a token may. Its zero value
// lets everything exist, and whoever sits at a terminal or an editor do what the token may.
// It is a pure value: deciding reads no file and no clock.
type Policy struct {
	ReadOnly   bool      // only read operations exist
	Operations []string  // globs over operation names; empty: all of them
	Book       *Rulebook // what the policy file says; nil: there is no policy file

	// OneUser says that the users of this machine cannot be told apart, as in a user namespace, where
	// whoever makes one may be any user in it: every local identity is the same person.
	OneUser bool
}

// Check reports the first malformed glob.
func (p Policy) Check() error {
	for _, glob := range p.Operations {
		if _, err := path.Match(glob, ""); err != nil {
			return fmt.Errorf("%q is not a glob over operation names such as servers.*", glob)
		}
	}
	return nil
}

// Decide answers an ask. It fails closed: what it does not know it refuses. Without a
// target it answers as far as it goes: it allows what could be allowed on some server,
// with the demands that hold on every one, so that what it refuses then can never be.
// Before anything is run it must be asked with the target.
func (p Policy) Decide(ask Ask) Decision {
	if reason := p.denyReason(ask); reason != "" {
		return Decision{Risk: ask.Risk, Reason: reason}
	}
	if p.Book != nil {
		said := ask.Actor
		ask.Actor = p.identity(said)
		d := p.Book.decide(ask)
		if !d.Allowed && ask.Actor == anyLocal {
			d.Reason = strings.ReplaceAll(d.Reason, string(anyLocal), string(said)) +
				"; in a user namespace the users of a machine cannot be told apart: an access key says who you are"
		}
		return d
	}
	if ask.Surface == Slack && ask.Risk != Read {
		return Decision{Risk: ask.Risk, Reason: "without a policy file nobody may change anything from Slack"}
	}
	if ask.External {
		return Decision{Risk: ask.Risk, Reason: "without a policy file it is only for people of this workspace"}
	}
	return Decision{Allowed: true, Risk: ask.inputRisk(), Own: ask.inputRisk().NeedsConsent()}
}

// denyReason says why nobody may, whatever the rules say; "" if nothing bars it.
func (p Policy) denyReason(ask Ask) string {
	switch {
	case ask.Actor == "":
		return "nobody is known to be asking"
	case p.ReadOnly && ask.Risk != Read:
		return "this installation is read-only (VPSBOT_READ_ONLY)"
	case !p.exists(ask.Operation):
		return "it is switched off here (VPSBOT_OPERATIONS does not include it)"
	case ask.Surface != MCP && ask.Surface != Terminal && ask.Surface != Slack:
		return fmt.Sprintf("%q is not a place to ask from", ask.Surface)
	}
	return ""
}

func (p Policy) exists(operation string) bool {
	for _, glob := range p.Operations {
		if ok, _ := path.Match(glob, operation); ok {
			return true
		}
	}
	return len(p.Operations) == 0
}

// Budget limits how often something may be done. Whoever keeps the store counts.
type Budget struct {
	Name      string // "deletions" or "destructive"
	Most      int    // so many are allowed
	Within    time.Duration
	PerActor  bool // counted for each person; else for the account as a whole
	NotByHand bool // leaves out what a person asks for at a real terminal

	operations string // a glob; empty: any
	risk       Risk   // empty: any
}

// Counts reports whether an operation of this risk uses the budget up.
func (b Budget) Counts(operation string, risk Risk) bool {
	return (b.operations == "" || Glob(b.operations).Matches(operation)) && (b.risk == "" || b.risk == risk)
}

// budgets are what holds where no policy says otherwise.
var budgets = []Budget{
	{Name: "deletions", Most: 3, Within: 10 * time.Minute, operations: "*.delete"},
	{Name: "destructive", Most: 10, Within: time.Hour, PerActor: true, risk: Destructive},
}

// Budgets returns every budget that holds. The caller owns the list.
func (p Policy) Budgets() []Budget {
	all := append([]Budget(nil), budgets...)
	for i := range all {
		if p.Book == nil {
			all[i].NotByHand = true // the person whose own token it is
			continue
		}
		if rate, ok := p.Book.Budgets[all[i].Name]; ok {
			all[i].Most, all[i].Within = rate.Most, rate.Within
		}
	}
	return all
}

// Rate is how often: so many within a time.
type Rate struct {
	Most   int
	Within time.Duration
}

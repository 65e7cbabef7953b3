package permissions

import (
	"fmt"
	"path"
	"strings"
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
	return Decision{Allowed: true, Risk: ask.worst(), Own: ask.worst().Asks()}
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

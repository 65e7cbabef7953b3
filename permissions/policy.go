package permissions

import (
	"fmt"
	"path"
)

// Policy is what this installation lets anybody do, whatever a token may. Its zero value
// lets everything exist, and whoever sits at a terminal or an editor do what the token may.
type Policy struct {
	ReadOnly   bool     // only read operations exist
	Operations []string // globs over operation names; empty: all of them
}

// Ask is a question to a policy: may this actor run this operation from here?
type Ask struct {
	Actor     Actor
	Surface   Surface
	Operation string
	Risk      Risk
}

// Decision is the answer. Reason says why not, in a sentence that fits behind the
// operation's name; it is empty when Allowed.
type Decision struct {
	Allowed bool
	Reason  string
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

// Decide answers an ask. It fails closed: what it does not know it refuses.
func (p Policy) Decide(ask Ask) Decision {
	switch {
	case ask.Actor == "":
		return Decision{Reason: "nobody is known to be asking"}
	case p.ReadOnly && ask.Risk != Read:
		return Decision{Reason: "this installation is read-only (VPSBOT_READ_ONLY)"}
	case !p.exists(ask.Operation):
		return Decision{Reason: "it is switched off here (VPSBOT_OPERATIONS does not include it)"}
	case ask.Surface == MCP || ask.Surface == Terminal:
		return Decision{Allowed: true}
	case ask.Surface == Slack && ask.Risk == Read:
		return Decision{Allowed: true}
	case ask.Surface == Slack:
		return Decision{Reason: "without a policy file nobody may change anything from Slack"}
	}
	return Decision{Reason: fmt.Sprintf("%q is not a place to ask from", ask.Surface)}
}

func (p Policy) exists(operation string) bool {
	for _, glob := range p.Operations {
		if ok, _ := path.Match(glob, operation); ok {
			return true
		}
	}
	return len(p.Operations) == 0
}

package permissions

import "slices"

// Ask is a question to a policy: may this actor run this operation from here?
type Ask struct {
	Actor    Actor
	Groups   []string // ids of the Slack user groups ("S…") that the actor is in
	External bool     // the actor is a stranger: a Slack user of another workspace
	Surface  Surface
	Channel  string // id of the Slack channel, where Surface is Slack

	Operation string
	Risk      Risk          // the operation's own
	Raised    Risk          // what this very input raises it to; empty: not at all
	Target    *TargetServer // the server behind it; nil: not known yet
	NewName   string        // the name that a create or a rename asks for
}

// TargetServer is the server behind an operation. Its zero value says that there is none,
// as behind plans.list, which is not the same as one that is not known yet.
type TargetServer struct{ ID, Name string }

// Decision is the answer to an [Ask]. The zero value refuses.
type Decision struct {
	Allowed bool
	// Reason says why not, in a sentence that fits behind the operation's name. It is
	// empty when Allowed.
	Reason string
	// Rule is the name of the rule that decided: a deny, or the allow with the strictest
	// demand. [ByProtection] where the policy's protected servers demand more than any
	// rule, [ByRename] where a rename wins somebody a right; empty where no rule decided.
	Rule string
	// Risk is the ask's, or what it is raised to.
	Risk Risk
	// Own is set where the requester's own consent is needed.
	Own bool
	// Others is how many people must agree beside the requester.
	Others int
	// Approvers says, for a person to read, who the others may be: words of the policy.
	// Empty with Others above 0: whoever the policy would let run it there. The answer
	// for one person is [Policy.MayApprove]'s.
	Approvers []string
	// Channels are those that may carry an answer; nil: any but [Script].
	Channels []Surface
}

// Accepts reports whether a channel may carry a yes. A script may only where the policy names it.
func (d Decision) Accepts(channel Surface) bool {
	if d.Channels == nil {
		return channel != Script
	}
	return slices.Contains(d.Channels, channel)
}

// ByProtection stands in for a rule's name where protected servers decided.
const ByProtection = "protected"

// Risk says what an operation can do to a running account, and so what it needs before
// it runs.
type Risk string

// The risks. Read and Change run at once; Disruptive and Billable need a person's yes;
// Destructive needs a person who types the target's name.
const (
	Read        Risk = "read"
	Change      Risk = "change"
	Disruptive  Risk = "disruptive"
	Billable    Risk = "billable"
	Destructive Risk = "destructive"
)

// Risks lists every risk, mildest first.
var Risks = []Risk{Read, Change, Disruptive, Billable, Destructive}

// NeedsConsent reports whether a person must agree before an operation of this risk runs. A risk
// that is not known asks.
func (r Risk) NeedsConsent() bool { return r != Read && r != Change }

// NeedsTypedName reports whether the person must type the target's name. A risk that is not
// known wants it.
func (r Risk) NeedsTypedName() bool { return r.NeedsConsent() && r != Disruptive && r != Billable }

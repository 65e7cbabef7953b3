package permissions

import "slices"

// Ask is a question to a policy: may this actor run this operation from this surface?
type Ask struct {
	Actor    Actor
	Groups   []string // ids of the Slack user groups ("S…") that the actor is in
	External bool     // the actor is a Slack user of another workspace
	Surface  Surface
	Channel  string // id of the Slack channel, where Surface is Slack
	Remote   bool   // over HTTP, where Surface is MCP

	Operation string
	Risk      Risk          // the operation's own
	Raised    Risk          // of this input, where it is higher; empty: it is not
	Target    *TargetServer // the server behind it; nil: not known yet
	NewName   string        // the name that a create or a rename asks for
	Creates   bool          // there is no server yet: it makes one
}

// TargetServer is the server that an operation is about. Its zero value is for an operation without a server,
// such as plans.list; a server that is not known yet is nil in [Ask].
type TargetServer struct{ ID, Name string }

// Decision is the answer to an [Ask]. The zero value refuses.
type Decision struct {
	Allowed bool
	// Reason is why not, in a sentence that fits behind the operation's name; empty when Allowed.
	Reason string
	// Rule is the name of the rule that decided: a deny, or the allow with the strictest demand;
	// [ByProtection] where the protected servers demand more than any rule, [ByRename] where a rename
	// gives somebody a right; empty where no rule decided.
	Rule string
	// Risk is the ask's, raised where the input or the policy raises it.
	Risk Risk
	// Own is set where the requester's own consent is needed.
	Own bool
	// Others is how many people must agree beside the requester.
	Others int
	// Approvers are the others in the policy's words, for a person to read. Empty with Others above 0:
	// everybody whom the policy would let run it from there. For one person, [Policy.MayApprove] decides.
	Approvers []string
	// Channels are the surfaces that may carry an answer; nil: all but [Script].
	Channels []Surface
}

// Accepts reports whether a surface may carry a yes. A script may where the policy names it, and nowhere else.
func (d Decision) Accepts(channel Surface) bool {
	if d.Channels == nil {
		return channel != Script
	}
	return slices.Contains(d.Channels, channel)
}

// ByProtection is the Rule of a decision by the protected servers.
const ByProtection = "protected"

// Risk is the damage that an operation can do, which determines the consent that it needs.
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

// NeedsConsent reports whether a person must agree before an operation of this risk runs. An unknown risk
// needs it.
func (r Risk) NeedsConsent() bool { return r != Read && r != Change }

// NeedsTypedName reports whether the person must type the target's name. An unknown risk needs it.
func (r Risk) NeedsTypedName() bool { return r.NeedsConsent() && r != Disruptive && r != Billable }

package approval

import (
	"cmp"
	"time"
)

// Consent is one person's yes or no to a record, the requester's or a second person's. A person counts once, by whatever
// identity they answer.
type Consent struct {
	Person   string // the person who answered; without a policy the same as Identity
	Identity string // the actor who answered: "local:alice"
	Channel  string // "mcp", "terminal", "slack"
	Delegate bool   // a yes in the place of the requester's own, where the requester cannot be asked
	Yes      bool
	Reason   string
	At       time.Time
	Groups   []string // ids of the Slack user groups that the actor was in at that time; slack only
}

// Quorum is the consent that a record still needs.
type Quorum struct {
	Own    bool // the requester's own, or a delegate's
	Others int  // number of other people: a second person, or more
}

// IsComplete reports whether no consent is missing.
func (q Quorum) IsComplete() bool { return !q.Own && q.Others == 0 }

// Missing returns the consent that a record needs beside the given ones. People count, not identities, and the
// requester is none of the others, by whatever identity they agree. A delegate's yes counts as the requester's.
func Missing(r Record, consents []Consent) Quorum {
	q, others := Quorum{Own: r.Own}, map[string]bool{}
	for _, c := range consents {
		switch {
		case !c.Yes:
		case c.Delegate, c.Identity == r.Actor, c.Person == cmp.Or(r.Person, r.Actor):
			q.Own = false
		default:
			others[c.Person] = true
		}
	}
	q.Others = max(0, r.Others-len(others))
	return q
}

// Challenge is one question that was put to one session. The client gets a nonce, the store the nonce's hash: an
// answer counts only with the nonce of a stored challenge.
type Challenge struct {
	Hash      string // SHA-256 of the nonce, hex
	Approval  string
	Session   string
	AskedAt   time.Time
	ExpiresAt time.Time
}

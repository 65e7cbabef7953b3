package approval

import "cmp"

// Quorum is whose consent a record still waits for.
type Quorum struct {
	Own    bool // the asker's own, or that of somebody who stands in for them
	Others int  // of so many other people: a second person, and more where a rule wants them
}

// IsComplete reports whether nobody's consent is missing.
func (q Quorum) IsComplete() bool { return !q.Own && q.Others == 0 }

// Missing counts the consents to a record. People are counted, not identities, and the asker is none of
// the others, by whatever identity they agree. A yes that stands in for the asker is theirs.
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

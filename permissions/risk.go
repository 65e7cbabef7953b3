package permissions

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

// Asks reports whether a person must agree before an operation of this risk runs. A risk
// that is not known asks.
func (r Risk) Asks() bool { return r != Read && r != Change }

// WantsName reports whether the person must type the target's name. A risk that is not
// known wants it.
func (r Risk) WantsName() bool { return r.Asks() && r != Disruptive && r != Billable }

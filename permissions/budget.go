package permissions

import "time"

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

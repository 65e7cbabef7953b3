package runner

import (
	"fmt"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Card is what a person is shown before they agree. All of its texts are clean.
type Card struct {
	Operation string       `json:"operation"`
	Effect    string       `json:"effect"` // one sentence
	Target    []tools.Line `json:"target"`
	Lost      []string     `json:"lost,omitzero"`  // what is lost, or what could bring it back
	Price     string       `json:"price,omitzero"` // what is paid
	Warnings  []string     `json:"warnings,omitzero"`
	Account   string       `json:"account,omitzero"` // whose servers; a simulator's name begins with SIMULATOR
	Profile   string       `json:"profile,omitzero"` // under which it was asked
	AskedBy   string       `json:"asked_by"`         // who, and from where
	Confirm   string       `json:"confirm,omitzero"` // the text to type; empty: a yes is enough
	Others    string       `json:"others,omitzero"`  // who else must agree
	Until     string       `json:"until,omitzero"`   // until when it can be answered, RFC 3339

	left time.Duration // of the time in which it can be answered; 0: not known
}

// Text returns the card as lines for a terminal or a model, without the question.
func (c Card) Text() string {
	var b strings.Builder
	fmt.Fprintln(&b, c.Effect)
	for _, l := range c.Target {
		fmt.Fprintf(&b, "  %-10s %s\n", l.Label, l.Value)
	}
	for _, s := range c.Lost {
		fmt.Fprintln(&b, "- "+s)
	}
	if c.Price != "" {
		fmt.Fprintln(&b, "- "+c.Price)
	}
	for _, s := range c.Warnings {
		fmt.Fprintln(&b, "! "+s)
	}
	if c.Others != "" {
		fmt.Fprintln(&b, "! "+c.Others)
	}
	if c.Account != "" {
		fmt.Fprint(&b, "Account: "+c.Where()+". ")
	}
	fmt.Fprint(&b, "Asked by "+c.AskedBy+".")
	b.WriteString(c.answerable())
	return b.String()
}

// Where is the account, with the profile: "ada@example.com (profile prod)".
func (c Card) Where() string { return InProfile(c.Account, c.Profile) }

// InProfile adds the name of a profile to what is shown of its account or token; "" is none.
func InProfile(shown, profile string) string {
	if profile == "" {
		return shown
	}
	return strings.TrimSpace(shown + " (profile " + profile + ")")
}

// answerable says how long the card can be answered: "\nCan be answered for 5 minutes, until 14:07 UTC."
func (c Card) answerable() string {
	until, err := time.Parse(time.RFC3339, c.Until)
	left := c.left.Round(time.Second)
	switch {
	case err != nil:
		return ""
	case left <= 0:
		return "\nCan be answered until " + text.Moment(until) + "."
	case until.Add(-left).YearDay() != until.YearDay():
		return "\nCan be answered for " + text.Duration(left) + ", until " + text.Moment(until) + "."
	}
	return "\nCan be answered for " + text.Duration(left) + ", until " + until.Format("15:04 UTC") + "."
}

// Question returns what the person is asked to do.
func (c Card) Question() string {
	if c.Confirm == "" {
		return "Do this?"
	}
	return "Type " + c.Confirm + " to confirm"
}

func (q request) card(t tools.Target, demand permissions.Decision) Card {
	c := Card{
		Operation: q.op.Name,
		Effect:    q.op.Effect(t, q.in.Value),
		Target:    q.op.CardLines(q.in, t),
		Lost:      copiesLost(q.op, t, q.Now()),
		Price:     price(t.Plan),
		Account:   q.account(),
		Profile:   q.Profile,
		AskedBy:   text.Clean(string(q.call.Actor)) + " from " + string(q.call.Surface),
	}
	c.Warnings = ownWarnings(q.op, t) // first: that nothing can bring the data back is one of them
	if q.op.Warn != nil {
		c.Warnings = append(c.Warnings, q.op.Warn(t, q.in.Value)...)
	}
	if demand.Others > 0 {
		c.Others = "Needs the consent of " + othersNeeded(demand) + "."
	}
	if demand.Risk.NeedsTypedName() {
		c.Confirm = q.op.ConfirmText(t)
	}
	return c
}

// othersNeeded says who beside the requester must agree.
func othersNeeded(d permissions.Decision) string {
	who := "whoever may do this here"
	if len(d.Approvers) > 0 {
		who = text.Clean(strings.Join(d.Approvers, ", "))
	}
	if d.Others == 1 {
		return "another person: " + who
	}
	return fmt.Sprintf("%d other people: %s", d.Others, who)
}

// copiesLost says which backups and snapshots there are, and how old the newest is. What
// could not be read is not counted.
func copiesLost(op *tools.Op, t tools.Target, now time.Time) []string {
	if !op.Destroys() || t.Server.ID.IsZero() || t.NoBackups && t.NoSnapshots {
		return nil
	}
	var kinds []string
	if !t.NoBackups {
		kinds = append(kinds, text.Plural(len(t.Backups), "backup"))
	}
	if !t.NoSnapshots {
		kinds = append(kinds, text.Plural(len(t.Snapshots), "snapshot"))
	}
	says := "Copies of this server: " + strings.Join(kinds, ", ")
	if newest := t.NewestCopy(); !newest.IsZero() {
		says += "; the newest is " + age(now.Sub(newest)) + " old"
	}
	return []string{says + "."}
}

func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return text.Plural(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return text.Plural(int(d.Hours()), "hour")
	}
	return text.Plural(int(d.Hours()/24), "day")
}

// price is what a new server costs; "" where nothing is bought.
func price(p apiclient.Plan) string {
	month, hour := p.PriceMonthly, p.PriceHourly
	switch {
	case p.ID.IsZero():
		return ""
	case month.IsZero() && hour.IsZero():
		return "What it costs is unknown: VPS.org's price list does not say it."
	}
	monthly := tools.AmountCell(month)
	if f, ok := month.Float(); ok {
		monthly = fmt.Sprintf("%.2f", f)
	}
	return fmt.Sprintf("Costs %s a month (%s an hour), in the account's currency.", text.Clean(monthly), text.Clean(tools.AmountCell(hour)))
}

// ownWarnings are those that any operation can meet.
func ownWarnings(op *tools.Op, t tools.Target) []string {
	var says []string
	copies := len(t.Backups) + len(t.Snapshots)
	switch {
	case !op.Destroys() || len(t.Unread) > 0 || t.Server.ID.IsZero():
	case copies == 0:
		says = append(says, "There is no backup and no snapshot: nothing can bring the data back.")
	case copies == 1 && op.Resource.IsCopy:
		says = append(says, "It is the only copy of this server.")
	}
	if t.Plan.Available != nil && !*t.Plan.Available {
		says = append(says, "VPS.org says that this plan is not available.")
	}
	if same := op.TakenBy(t); len(same) > 0 {
		says = append(says, "There is already "+text.Plural(len(same), op.Resource.Name)+" of that name.")
	}
	for _, gap := range t.Unread {
		says = append(says, strings.ToUpper(gap[:1])+gap[1:]+".")
	}
	return says
}

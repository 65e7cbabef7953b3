package slackbot

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/tools"
)

// homePage is which part of the fleet somebody's Home tab shows. Its buttons and the tab itself
// take it along, sealed.
type homePage struct {
	Filter string `json:"f,omitempty"`
	Offset int    `json:"o,omitempty"`
	User   string `json:"u,omitempty"` // whose it is, once they are known to be of the workspace
}

const (
	homePurpose   = "home"
	homeWithin    = 8 * time.Second // for what VPS.org must be asked for
	publishWithin = 30 * time.Second
	mostFilter    = 100
	homeAudit     = 10
)

// homePressed shows the Home tab anew: another page of it, other servers, or the same as it is now.
func (b *Bot) homePressed(ctx context.Context, v *visit, a action, w view) error {
	var page homePage
	sealed := w.Meta
	switch a.ActionID {
	case blocks.ActHomeFilter:
		return b.home(ctx, v, homePage{Filter: cutTo(strings.TrimSpace(a.Value), mostFilter)})
	case blocks.ActHomePage, blocks.ActHomePrev:
		sealed = a.Value
	}
	if err := b.untoken(homePurpose, sealed, &page); err != nil {
		page = homePage{} // it is of another installation, or of an older one: begin at the top
	}
	return b.home(ctx, v, page)
}

func cutTo(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}

// thenHome shows the Home tab anew to whoever has answered there: what waited waits no more.
func (b *Bot) thenHome(ctx context.Context, v *visit, err error) error {
	if err != nil || !v.atHome {
		return err
	}
	return b.home(ctx, v, homePage{})
}

// firstHome is what the tab says to somebody of whom nothing is known yet.
const firstHome = "Press Refresh once, and your servers are shown here. When somebody opens this tab Slack does not say which workspace they belong to; when they press a button it does."

// leftAt is where somebody left the tab that they have just opened: w is the tab as Slack has it.
// What is sealed in it says, too, that they were known to be of the workspace.
func (b *Bot) leftAt(v *visit, w view) homePage {
	var page homePage
	if err := b.untoken(homePurpose, w.Meta, &page); err != nil || page.User != v.user || v.external {
		return homePage{}
	}
	b.groups.meet(v.user)
	return page
}

// home publishes the Home tab of the visitor. Who belongs to another workspace has none, and an
// event does not tell: whoever has done nothing yet that does is asked to press a button.
func (b *Bot) home(ctx context.Context, v *visit, page homePage) error {
	if v.external {
		return nil
	}
	if !b.isListed(v) && !b.groups.hasMet(v.user) {
		return b.publish(ctx, v, blocks.Home(blocks.HomeView{Now: b.Now(), Notice: firstHome}))
	}
	page.User = v.user
	shown := b.homeView(ctx, v, page)
	shown.PrivateMetadata = b.token(homePurpose, page)
	return b.publish(ctx, v, shown)
}

// isListed reports whether the policy knows the visitor as a person.
func (b *Bot) isListed(v *visit) bool {
	policy := b.Runner.Policy()
	_, listed := policy.Person(v.actor())
	return listed && policy.Book != nil
}

func (b *Bot) publish(ctx context.Context, v *visit, shown slack.HomeTabViewRequest) error {
	show := func(view slack.HomeTabViewRequest) error {
		return b.patiently(ctx, publishWithin, func(ctx context.Context) error {
			_, err := b.slack.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: v.user, View: view})
			return err
		})
	}
	err := show(shown)
	if viewTooMuch(err) {
		b.Log.Error("Slack does not take the blocks of a Home tab; its text is shown alone", "error", err)
		shown.Blocks = blocks.Bare(shown.Blocks)
		err = show(shown)
	}
	return err
}

func (b *Bot) homeView(ctx context.Context, v *visit, page homePage) slack.HomeTabViewRequest {
	view := blocks.HomeView{Now: b.Now(), Filter: page.Filter}
	fleet := b.readHome(ctx, v, &view)
	b.addFleet(&view, fleet, page)
	if err := b.addRecords(ctx, v, &view, fleet); err != nil {
		b.Log.Error("Slack: reading the store for a Home tab", "error", err)
		view.Notice = join(view.Notice, "vpsbot cannot read its store at the moment: what waits and what was done is not shown.")
	}
	return blocks.Home(view)
}

// readHome asks VPS.org for what the tab shows of it, all at once: the servers, what the visitor
// may do, and a token that expires.
func (b *Bot) readHome(ctx context.Context, v *visit, view *blocks.HomeView) (fleet []runner.Reply) {
	ctx, cancel := context.WithTimeout(ctx, homeWithin)
	defer cancel()
	op, _ := tools.Lookup("servers.list")
	var reading sync.WaitGroup
	for _, read := range []func(){
		func() { fleet = b.wholeList(ctx, v, op, nil, mostServers) },
		func() { view.May, _, _ = b.offered(ctx, v, homeWithin) },
		func() { view.Notice = b.Runner.ExpiryNotice(ctx) },
	} {
		reading.Go(func() {
			if err := b.guarded(ctx, func(context.Context) error { read(); return nil }); err != nil {
				b.Log.Error("Slack: reading what a Home tab shows", "error", err)
			}
		})
	}
	reading.Wait()
	return fleet
}

// addFleet adds the page of the servers that fit the filter. Where servers have gone meanwhile,
// and the page with them, it is the first.
func (b *Bot) addFleet(view *blocks.HomeView, fleet []runner.Reply, page homePage) {
	wanted := map[string]bool{}
	for _, r := range rowsOf(joinTables(fleet)) {
		wanted[r["id"]] = r.has(page.Filter)
	}
	want := func(s permissions.TargetServer) bool { return wanted[s.ID] }
	view.Fleet = runner.Select(fleet, want, blocks.PageRows, page.Offset)
	if t, ok := view.Fleet.Table(); ok && len(t.Rows) == 0 && page.Offset > 0 {
		view.Fleet = runner.Select(fleet, want, blocks.PageRows, 0)
	}
	beside, ok := pagesOf(view.Fleet)
	if !ok {
		return
	}
	if beside.next >= 0 {
		view.Next = blocks.Token(b.token(homePurpose, homePage{Filter: page.Filter, Offset: beside.next}))
	}
	if beside.prev >= 0 {
		view.Prev = blocks.Token(b.token(homePurpose, homePage{Filter: page.Filter, Offset: beside.prev}))
	}
}

// has reports whether any cell has the text in it. Nothing is in all.
func (r row) has(text string) bool {
	for _, cell := range r {
		if strings.Contains(strings.ToLower(cell), strings.ToLower(text)) {
			return true
		}
	}
	return text == ""
}

// addRecords adds what the store knows: what waits for the visitor, what runs, what they did.
func (b *Bot) addRecords(ctx context.Context, v *visit, view *blocks.HomeView, fleet []runner.Reply) error {
	store, err := b.Store(ctx)
	if err != nil {
		return err
	}
	frozen, err := store.Frozen(ctx)
	if err != nil {
		return err
	}
	if frozen != nil {
		view.Notice = join("All changes are frozen by "+frozen.By+": "+frozen.Reason+".", view.Notice)
	}
	if view.Audit, err = b.auditRows(ctx, b.identities(v), homeAudit); err != nil {
		return err
	}
	d, err := b.deskOf(ctx, store, v)
	if err != nil {
		return err
	}
	view.Waiting = d.waiting
	for _, rec := range d.mine {
		if rec.State == approval.Pending && rec.Own {
			view.Mine = append(view.Mine, rec)
		} else {
			view.Running = append(view.Running, rec)
		}
	}
	view.Running = append(view.Running, running(d.others, fleet)...)
	return nil
}

// running are the records at work on the servers that somebody may read.
func running(records []approval.Record, fleet []runner.Reply) []approval.Record {
	mayRead := map[string]bool{}
	for _, r := range rowsOf(joinTables(fleet)) {
		mayRead["server:"+r["id"]] = true
	}
	var found []approval.Record
	for _, rec := range records {
		if rec.State != approval.Pending && mayRead[rec.Target] {
			found = append(found, rec)
		}
	}
	return found
}

func join(sentences ...string) string {
	return strings.TrimSpace(strings.Join(sentences, " "))
}

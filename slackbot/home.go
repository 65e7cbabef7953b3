package slackbot

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
)

// homePage is the part of the fleet that somebody's Home tab shows. It is sealed in the metadata of the
// tab and in its buttons.
type homePage struct {
	Filter string `json:"f,omitempty"`
	Offset int    `json:"o,omitempty"`
	User   string `json:"u,omitempty"` // whose it is, once they are known to belong to the workspace
}

const (
	homePurpose = "home"
	readHomeFor = 8 * time.Second // for VPS.org's answers
	maxFilter   = 100
	homeAudit   = 10
)

// pressedHome updates the Home tab: another page of it, other servers, or the same anew.
func (r *request) pressedHome(ctx context.Context, a action, w view) error {
	var page homePage
	sealed := w.Meta
	switch a.ActionID {
	case blocks.ActHomeFilter:
		return r.home(ctx, homePage{Filter: text.Cut(strings.TrimSpace(a.Value), maxFilter)})
	case blocks.ActHomePage, blocks.ActHomePrev:
		sealed = a.Value
	}
	if err := r.sealer.OpenToken(homePurpose, sealed, &page); err != nil {
		page = homePage{} // of another installation, or an older one: begin at the top
	}
	return r.home(ctx, page)
}

// thenHome updates the Home tab of somebody who has answered a record there.
func (r *request) thenHome(ctx context.Context, err error) error {
	if err != nil || !r.atHome {
		return err
	}
	return r.home(ctx, homePage{})
}

// firstHome is the tab of somebody who is not known to belong to the workspace yet.
const firstHome = "Press Refresh once, and your servers are shown here. When somebody opens this tab Slack does not say which workspace they belong to; when they press a button it does."

// storedPage is the page in the tab that somebody has just opened; w is the tab as Slack has it. Its
// sealed metadata proves, too, that they were known to belong to the workspace.
func (r *request) storedPage(w view) homePage {
	var page homePage
	if err := r.sealer.OpenToken(homePurpose, w.Meta, &page); err != nil || page.User != r.user || r.external {
		return homePage{}
	}
	r.workspace.met.Set(r.user, true)
	return page
}

// home publishes the person's Home tab. Somebody external has none. An event does not prove where
// somebody belongs: until an act of theirs does, they are asked to press a button.
func (r *request) home(ctx context.Context, page homePage) error {
	if r.external {
		return nil
	}
	policy := r.Runner.Policy()
	_, listed := policy.Person(r.actor())
	if _, met := r.workspace.met.Get(r.user); !met && (!listed || policy.Book == nil) {
		return r.api.PublishHome(ctx, r.user, blocks.Home(blocks.HomeView{Now: r.Now(), Notice: firstHome}))
	}
	page.User = r.user
	tab := &homeTab{request: r, page: page, view: blocks.HomeView{Now: r.Now(), Filter: page.Filter}}
	tab.read(ctx)
	tab.addFleet()
	if err := tab.addRecords(ctx); err != nil {
		r.Log.Error("Slack: reading the store for a Home tab", "error", err)
		tab.view.Notice = strings.TrimSpace(tab.view.Notice + " vpsbot cannot read its store at the moment: what waits and what was done is not shown.")
	}
	shown := blocks.Home(tab.view)
	shown.PrivateMetadata = r.sealer.Token(homePurpose, page)
	return r.api.PublishHome(ctx, r.user, shown)
}

type homeTab struct {
	*request
	page  homePage
	view  blocks.HomeView
	fleet runner.Reply // all servers that the person may read
}

// read reads from VPS.org concurrently: the servers, the operations that the person may run, and a
// token that expires.
func (h *homeTab) read(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readHomeFor)
	defer cancel()
	var reading sync.WaitGroup
	for _, read := range []func(){
		func() { h.fleet = h.wholeList(ctx, h.Runner.Catalogue.ServerList(), nil, allRows) },
		func() { h.view.May, _, _ = h.offered(ctx, readHomeFor) },
		func() { h.view.Notice = h.Runner.ExpiryNotice(ctx) },
	} {
		reading.Go(func() {
			if err := background.Safely(ctx, func(context.Context) error { read(); return nil }); err != nil {
				h.Log.Error("Slack: reading what a Home tab shows", "error", err)
			}
		})
	}
	reading.Wait()
}

// addFleet adds a page of the servers that match the filter; the first page, if so many servers were deleted
// meanwhile that there is no such page.
func (h *homeTab) addFleet() {
	matches := map[string]bool{}
	for _, row := range rowsOf(h.fleet) {
		matches[row["id"]] = slices.ContainsFunc(slices.Collect(maps.Values(row)), func(cell string) bool {
			return strings.Contains(strings.ToLower(cell), strings.ToLower(h.page.Filter))
		})
	}
	want := func(s permissions.TargetServer) bool { return matches[s.ID] }
	view := &h.view
	view.Fleet = h.fleet.Select(want, blocks.PageRows, h.page.Offset)
	if t, ok := view.Fleet.Table(); ok && len(t.Rows) == 0 && h.page.Offset > 0 {
		view.Fleet = h.fleet.Select(want, blocks.PageRows, 0)
	}
	if beside, ok := neighbours(view.Fleet); ok {
		view.Next, view.Prev = h.token(beside.next), h.token(beside.prev)
	}
}

func (h *homeTab) token(offset int) blocks.Token {
	if offset < 0 {
		return ""
	}
	return blocks.Token(h.sealer.Token(homePurpose, homePage{Filter: h.page.Filter, Offset: offset}))
}

// addRecords adds from the store: a freeze, the records that wait for the person, those under execution,
// and the person's last rows of the audit log.
func (h *homeTab) addRecords(ctx context.Context) error {
	view := &h.view
	store, err := h.Store(ctx)
	if err != nil {
		return err
	}
	frozen, err := store.Frozen(ctx)
	if err != nil {
		return err
	}
	if frozen != nil {
		view.Notice = strings.TrimSpace("All changes are frozen by " + frozen.By + ": " + frozen.Reason + ". " + view.Notice)
	}
	if view.Audit, err = h.auditRows(ctx, runner.AuditScope{Whose: h.Runner.Policy().Identities(h.actor())}, homeAudit); err != nil {
		return err
	}
	open, err := h.openRecords(ctx)
	if err != nil {
		return err
	}
	view.Waiting = open.answerable
	for _, rec := range open.own {
		if rec.State == approval.Pending && rec.Own {
			view.Mine = append(view.Mine, rec)
		} else {
			view.Running = append(view.Running, rec)
		}
	}
	readable := map[string]bool{} // of others' records those on the servers that the person may read
	for _, row := range rowsOf(h.fleet) {
		readable["server:"+row["id"]] = true
	}
	for _, rec := range open.others {
		if rec.State != approval.Pending && readable[rec.Target] {
			view.Running = append(view.Running, rec)
		}
	}
	return nil
}

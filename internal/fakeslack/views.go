package fakeslack

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// View is a modal or a person's Home, as it is now.
type View struct {
	// ID names the view and User has it before them.
	ID, User string

	content
	source map[string]any // as the app sent it
	hash   string
	errors map[string]string
}

// Modal is the modal that a person sees; nil if there is none.
func (s *Slack) Modal(user string) *View {
	return locked(s, func() *View { return s.modals[user] })
}

// Home is what the app published as a person's Home; nil until then.
func (s *Slack) Home(user string) *View {
	return locked(s, func() *View { return s.homes[user] })
}

// Meta is the app's private metadata.
func (v *View) Meta() string {
	return locked(v.slack, func() string { return str(v.source, "private_metadata") })
}

// Text is all that can be read of the view, its title and errors included.
func (v *View) Text() string {
	v.slack.mu.Lock()
	defer v.slack.mu.Unlock()
	lines := []string{str(sub(v.source, "title"), "text")}
	lines = append(lines, read(v.latest().Blocks)...)
	for _, part := range []string{"submit", "close"} {
		lines = append(lines, str(sub(v.source, part), "text"))
	}
	for _, block := range slices.Sorted(maps.Keys(v.errors)) {
		lines = append(lines, v.errors[block])
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// Inputs are the block ids of what can be filled in, in order.
func (v *View) Inputs() []string {
	ids := []string{}
	for _, e := range elements(v.Now().Blocks) {
		if e.inForm() {
			ids = append(ids, e.in())
		}
	}
	return ids
}

// show puts a new content into a view. The caller holds the lock.
func (v *View) show(object map[string]any) {
	v.source, v.hash, v.errors = object, v.slack.opaque("hash"), nil
	v.change(Version{Blocks: addIDs(v.slack, list(object, "blocks")), At: v.slack.now()})
}

// payload is the view as Slack sends it; the caller holds the lock.
func (v *View) payload() map[string]any {
	blocks := v.latest().Blocks
	return map[string]any{
		"id": v.ID, "team_id": v.slack.o.Team, "type": str(v.source, "type"), "blocks": blocks,
		"private_metadata": str(v.source, "private_metadata"), "callback_id": str(v.source, "callback_id"),
		"state": map[string]any{"values": v.entered.values(blocks)}, "hash": v.hash,
		"title": v.source["title"], "close": v.source["close"], "submit": v.source["submit"],
		"clear_on_close": v.source["clear_on_close"] == true, "notify_on_close": v.source["notify_on_close"] == true,
		"previous_view_id": nil, "root_view_id": v.ID, "app_id": appID, "external_id": str(v.source, "external_id"),
		"app_installed_team_id": v.slack.o.Team, "bot_id": botID,
	}
}

// trigger is the right to open one modal, once, soon after a person did something.
type trigger struct {
	user string
	at   time.Time
	used bool
}

const triggerLife = 3 * time.Second

// newTrigger makes a trigger id for what a person just did; the caller holds the lock.
func (s *Slack) newTrigger(user string) string {
	id := s.opaque("trigger")
	s.triggers[id] = &trigger{user: user, at: s.now()}
	return id
}

// useTrigger uses a trigger up. The caller holds the lock.
func useTrigger(s *Slack, id string) (*trigger, answer) {
	t := s.triggers[id]
	switch {
	case t == nil:
		return nil, no("invalid_trigger_id")
	case s.now().Sub(t.at) > triggerLife:
		return nil, no("expired_trigger_id")
	case t.used:
		return nil, no("exchanged_trigger_id")
	}
	t.used = true
	return t, nil
}

// readView reads and checks the view of a request; the caller holds the lock.
func (s *Slack) readView(where, kind string, p params) (map[string]any, answer) {
	object := map[string]any{}
	if given, err := p.value("view", &object); err != nil || !given {
		return nil, s.refuse(where, "invalid_arguments", []string{"there is no view in it"})
	}
	if s.noBlocks != "" && hasMarkup(object) {
		return nil, no(s.noBlocks)
	}
	if bad := check(s).view(kind, object); len(bad) > 0 {
		return nil, s.refuse(where, "invalid_arguments", bad)
	}
	return object, nil
}

// hasMarkup reports whether a view has any text that is not plain.
func hasMarkup(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, hasMarkup)
	case map[string]any:
		return v["type"] == "mrkdwn" || slices.ContainsFunc(slices.Collect(maps.Values(v)), hasMarkup)
	}
	return false
}

// newView makes a view of a person's; the caller holds the lock.
func newView(s *Slack, user string, object map[string]any) *View {
	empty := content{slack: s, entered: entries{}, suggested: map[inputID][]Option{}}
	v := &View{ID: "V" + s.opaque("view")[:10], User: user, content: empty}
	v.show(object)
	return v
}

func shown(v *View) answer { return ok(answer{"view": v.payload()}) }

func viewsOpen(s *Slack, p params) answer {
	object, a := s.readView("views.open", "modal", p)
	if a != nil {
		return a
	}
	t, a := useTrigger(s, p.str("trigger_id"))
	if a != nil {
		return a
	}
	s.modals[t.user] = newView(s, t.user, object)
	return shown(s.modals[t.user])
}

func viewsUpdate(s *Slack, p params) answer {
	open := slices.AppendSeq(slices.Collect(maps.Values(s.homes)), maps.Values(s.modals))
	i := slices.IndexFunc(open, func(v *View) bool { return v.ID == p.str("view_id") })
	if i < 0 {
		return no("not_found")
	}
	v := open[i]
	object, a := s.readView("views.update", str(v.source, "type"), p)
	if a != nil {
		return a
	}
	v.show(object)
	return shown(v)
}

func viewsPublish(s *Slack, p params) answer {
	user := p.str("user_id")
	if u, known := s.users[user]; !known || u.bot {
		return no("user_not_found")
	}
	object, a := s.readView("views.publish", "home", p)
	if a != nil {
		return a
	}
	if v := s.homes[user]; v != nil {
		v.show(object)
	} else {
		s.homes[user] = newView(s, user, object)
	}
	return shown(s.homes[user])
}

package fakeslack

import (
	"maps"
	"slices"
	"strings"
)

// View is a modal or somebody's Home, as it is now.
type View struct {
	// ID names the view and User has it before them.
	ID, User string

	slack     *Slack
	is        map[string]any // as the app sent it
	hash      string
	root      string
	previous  string
	versions  []Version
	entered   entries
	suggested map[string][]Option
	errors    map[string]string
}

// Views is the stack of modals that somebody has open; the last is on top.
func (s *Slack) Views(user string) []*View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.stacks[user])
}

// Modal is the modal that somebody sees; nil if there is none.
func (s *Slack) Modal(user string) *View {
	stack := s.Views(user)
	if len(stack) == 0 {
		return nil
	}
	return stack[len(stack)-1]
}

// Home is what the app published as somebody's Home; nil until then.
func (s *Slack) Home(user string) *View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.homes[user]
}

// Meta is what the app has the view take along.
func (v *View) Meta() string {
	v.slack.mu.Lock()
	defer v.slack.mu.Unlock()
	return str(v.is, "private_metadata")
}

// Text is all that can be read of the view, its title and errors included.
func (v *View) Text() string {
	v.slack.mu.Lock()
	defer v.slack.mu.Unlock()
	lines := []string{str(sub(v.is, "title"), "text")}
	lines = append(lines, read(v.versions[len(v.versions)-1].Blocks)...)
	for _, part := range []string{"submit", "close"} {
		lines = append(lines, str(sub(v.is, part), "text"))
	}
	for _, block := range slices.Sorted(maps.Keys(v.errors)) {
		lines = append(lines, v.errors[block])
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// Title is the heading of a modal.
func (v *View) Title() string { return v.part("title") }

// SubmitText is what the button that submits says; empty: there is none.
func (v *View) SubmitText() string { return v.part("submit") }

func (v *View) part(name string) string {
	v.slack.mu.Lock()
	defer v.slack.mu.Unlock()
	return str(sub(v.is, name), "text")
}

// CallbackID is the app's name for the kind of view.
func (v *View) CallbackID() string { return v.own("callback_id") }

// Metadata is the app's private metadata.
func (v *View) Metadata() string { return v.own("private_metadata") }

func (v *View) own(name string) string {
	v.slack.mu.Lock()
	defer v.slack.mu.Unlock()
	return str(v.is, name)
}

// Buttons are the texts of its buttons, without submit and close.
func (v *View) Buttons() []string { return v.Now().texts() }

// Button is the first button with an action id, or with a text; the test fails if there is none.
func (v *View) Button(of string) Button { return v.slack.button(v, of) }

// Now is the newest version.
func (v *View) Now() Version {
	h := v.History()
	return h[len(h)-1]
}

// History is every version that the view had, oldest first.
func (v *View) History() []Version {
	v.slack.mu.Lock()
	defer v.slack.mu.Unlock()
	return slices.Clone(v.versions)
}

// Inputs are the block ids of what can be filled in, in order.
func (v *View) Inputs() []string {
	ids := []string{}
	for _, e := range elements(v.Now().Blocks) {
		if e.asked() {
			ids = append(ids, e.in())
		}
	}
	return ids
}

// Errors are what the app said about the last submission, by block id.
func (v *View) Errors() map[string]string {
	v.slack.mu.Lock()
	defer v.slack.mu.Unlock()
	return maps.Clone(v.errors)
}

// IsOpen reports whether the person has the view before them.
func (v *View) IsOpen() bool {
	v.slack.mu.Lock()
	defer v.slack.mu.Unlock()
	return v.open()
}

// open is IsOpen; the caller holds the lock.
func (v *View) open() bool {
	return v.slack.homes[v.User] == v || slices.Contains(v.slack.stacks[v.User], v)
}

// show puts a new content into a view. What was typed stays where block and action keep their
// ids. The caller holds the lock.
func (v *View) show(is map[string]any) {
	v.is, v.hash, v.errors = is, v.slack.opaque("hash"), nil
	blocks := v.slack.name(list(is, "blocks"))
	v.versions = append(v.versions, Version{Blocks: blocks, At: v.slack.now()})
	v.entered.keep(blocks)
}

// payload is the view as Slack sends it; the caller holds the lock.
func (v *View) payload() map[string]any {
	now, _ := v.parts()
	out := map[string]any{
		"id": v.ID, "team_id": v.slack.o.Team, "type": str(v.is, "type"), "blocks": now,
		"private_metadata": str(v.is, "private_metadata"), "callback_id": str(v.is, "callback_id"),
		"state": map[string]any{"values": v.entered.values(now)}, "hash": v.hash,
		"title": v.is["title"], "close": v.is["close"], "submit": v.is["submit"],
		"clear_on_close": v.is["clear_on_close"] == true, "notify_on_close": v.is["notify_on_close"] == true,
		"previous_view_id": nil, "root_view_id": v.root, "app_id": appID, "external_id": str(v.is, "external_id"),
		"app_installed_team_id": v.slack.o.Team, "bot_id": botID,
	}
	if v.previous != "" {
		out["previous_view_id"] = v.previous
	}
	return out
}

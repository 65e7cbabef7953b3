package fakeslack

import (
	"fmt"
	"slices"
)

// Button is a button as a person sees it.
type Button struct {
	Text, ActionID, BlockID, Value, URL, Style string
	// Asks is the text of the confirmation that Slack asks for itself; empty: none.
	Asks string
}

// Option is one choice of a select.
type Option struct{ Text, Value string }

// Surface is what buttons and inputs are on: a *Message or a *View.
type Surface interface {
	// parts are the blocks now and all they ever were; the caller holds the lock.
	parts() (now []Block, ever [][]Block)
	inputs() *entries
}

func (m *Message) parts() ([]Block, [][]Block) { return parts(m.versions) }
func (v *View) parts() ([]Block, [][]Block)    { return parts(v.versions) }
func (m *Message) inputs() *entries            { return &m.entered }
func (v *View) inputs() *entries               { return &v.entered }

func parts(versions []Version) (now []Block, ever [][]Block) {
	for _, v := range versions {
		ever = append(ever, v.Blocks)
	}
	return ever[len(ever)-1], ever
}

// element is something to press, pick or type in, and the block it is in.
type element struct {
	block Block
	is    map[string]any
}

func (e element) kind() string   { return str(e.is, "type") }
func (e element) action() string { return str(e.is, "action_id") }
func (e element) in() string     { return str(e.block, "block_id") }
func (e element) label() string  { return str(sub(e.block, "label"), "text") }
func (e element) asked() bool    { return str(e.block, "type") == "input" }

// elements are those of blocks, in order.
func elements(blocks []Block) []element {
	var all []element
	add := func(b Block, v any) {
		if el, ok := v.(map[string]any); ok && el["action_id"] != nil {
			all = append(all, element{b, el})
		}
	}
	for _, b := range blocks {
		add(b, b["accessory"])
		add(b, b["element"])
		for _, el := range list(b, "elements") {
			add(b, el)
		}
	}
	return all
}

// Buttons are the buttons of a version, in order.
func (v Version) Buttons() []Button { return buttons(v.Blocks) }

func buttons(blocks []Block) []Button {
	var all []Button
	for _, e := range elements(blocks) {
		if e.kind() == "button" {
			all = append(all, e.button())
		}
	}
	return all
}

func (e element) button() Button {
	return Button{
		Text: str(sub(e.is, "text"), "text"), ActionID: e.action(), BlockID: e.in(), Value: str(e.is, "value"),
		URL: str(e.is, "url"), Style: str(e.is, "style"), Asks: str(sub(sub(e.is, "confirm"), "text"), "text"),
	}
}

// button is the first button on a surface with an action id or a text.
func (s *Slack) button(on Surface, of string) Button {
	s.t.Helper()
	s.mu.Lock()
	now, _ := on.parts()
	s.mu.Unlock()
	all := buttons(now)
	for _, is := range []func(Button) bool{
		func(b Button) bool { return b.ActionID == of },
		func(b Button) bool { return b.Text == of },
	} {
		if i := slices.IndexFunc(all, is); i >= 0 {
			return all[i]
		}
	}
	s.fail("no button %q is there to press; there are %+v", of, all)
	return Button{}
}

// had finds the element of a button on what a surface is now, or was: a screen may not have
// been redrawn yet. The caller holds the lock.
func had(on Surface, b Button) (element, bool) {
	_, ever := on.parts()
	for _, blocks := range slices.Backward(ever) {
		for _, e := range elements(blocks) {
			if e.kind() == "button" && e.button() == b {
				return e, true
			}
		}
	}
	return element{}, false
}

// input finds what can be filled in by its block id, action id or label. The caller holds the lock.
func input(on Surface, name string) (element, error) {
	now, _ := on.parts()
	var names []string
	for _, e := range elements(now) {
		if e.kind() == "button" {
			continue
		}
		if e.in() == name || e.action() == name || e.asked() && e.label() == name {
			return e, nil
		}
		names = append(names, e.in())
	}
	return element{}, fmt.Errorf("nothing named %q can be filled in; there are %q", name, names)
}

// str, sub and list read JSON that somebody else wrote: what is not there is empty.
func str(m map[string]any, key string) string {
	v, _ := m[key].(string)
	return v
}

func sub(m map[string]any, key string) map[string]any {
	v, _ := m[key].(map[string]any)
	return v
}

func list(m map[string]any, key string) []any {
	v, _ := m[key].([]any)
	return v
}

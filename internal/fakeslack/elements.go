package fakeslack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Button is a button as a person sees it.
type Button struct {
	Text, ActionID, BlockID, Value string
}

// Option is one choice of a select.
type Option struct{ Text, Value string }

// Version is what a message or a view was at a time.
type Version struct {
	Fallback string // the text that notifications show; a view has none
	Blocks   []Block
	At       time.Time
}

// Block is a block as the app sent it, with the ids that Slack adds where there were none.
type Block = map[string]any

// Surface is what buttons and inputs are on: a *Message or a *View.
type Surface interface{ surface() *content }

// content is what a surface shows and showed, and what people entered on it.
type content struct {
	slack     *Slack
	versions  []Version
	entered   entries
	suggested map[inputID][]Option
}

func (c *content) surface() *content { return c }

// change shows a new version. What was entered stays where block and action keep their ids. The caller holds the lock.
func (c *content) change(v Version) {
	c.versions = append(c.versions, v)
	there := map[inputID]bool{}
	for _, e := range elements(v.Blocks) {
		there[e.id()] = true
	}
	maps.DeleteFunc(c.entered, func(id inputID, _ map[string]any) bool { return !there[id] })
}

// latest is Now; the caller holds the lock.
func (c *content) latest() Version { return c.versions[len(c.versions)-1] }

// Now is the newest version.
func (c *content) Now() Version {
	return locked(c.slack, func() Version { return c.latest() })
}

// History is every version, oldest first.
func (c *content) History() []Version {
	return locked(c.slack, func() []Version { return slices.Clone(c.versions) })
}

// Buttons are the texts of the buttons, without submit and close.
func (c *content) Buttons() []string {
	texts := []string{}
	for _, b := range c.Now().Buttons() {
		texts = append(texts, b.Text)
	}
	return texts
}

// Button is the first button with an action id, or else with a text; the test fails if there is none.
func (c *content) Button(of string) Button {
	c.slack.t.Helper()
	all := c.Now().Buttons()
	for _, matches := range []func(Button) bool{
		func(b Button) bool { return b.ActionID == of },
		func(b Button) bool { return b.Text == of },
	} {
		if i := slices.IndexFunc(all, matches); i >= 0 {
			return all[i]
		}
	}
	c.slack.fail("no button %q is there to press; there are %+v", of, all)
	return Button{}
}

// shownButton finds the element of a button on what a surface is now, or was: a screen may not have been redrawn yet. The
// caller holds the lock.
func (c *content) shownButton(b Button) (element, error) {
	for _, v := range slices.Backward(c.versions) {
		for _, e := range elements(v.Blocks) {
			if e.kind() == "button" && e.button() == b {
				return e, nil
			}
		}
	}
	return element{}, fmt.Errorf("button %+v was never there: Slack has no way to press it", b)
}

// input finds what can be filled in by its block id, action id or label. The caller holds the lock.
func (c *content) input(name string) (element, error) {
	var names []string
	for _, e := range elements(c.latest().Blocks) {
		if e.kind() == "button" {
			continue
		}
		if e.in() == name || e.action() == name || e.inForm() && str(sub(e.block, "label"), "text") == name {
			return e, nil
		}
		names = append(names, e.in())
	}
	return element{}, fmt.Errorf("nothing named %q can be filled in; there are %q", name, names)
}

// Text is all that can be read of the version.
func (v Version) Text() string {
	return strings.TrimSpace(v.Fallback + "\n" + strings.Join(read(v.Blocks), "\n"))
}

// Buttons are the buttons of the version, in order.
func (v Version) Buttons() []Button {
	var all []Button
	for _, e := range elements(v.Blocks) {
		if e.kind() == "button" {
			all = append(all, e.button())
		}
	}
	return all
}

// read is what of blocks people can read, in order.
func read(blocks []Block) []string {
	var lines []string
	for _, b := range blocks {
		walk(b, func(text map[string]any) { lines = append(lines, str(text, "text")) })
	}
	return lines
}

// readable are the parts of blocks and elements that can be read, in the order people see them.
var readable = []string{"label", "text", "fields", "elements", "rows", "accessory", "element", "hint", "placeholder", "options"}

// walk calls do for every text in a block: text objects, texts of rich text, markdown.
func walk(v any, do func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			walk(x, do)
		}
	case map[string]any:
		if _, isText := v["text"].(string); isText {
			do(v)
			return
		}
		for _, part := range readable {
			walk(v[part], do)
		}
	}
}

// element is something to press, pick or type in, and the block it is in.
type element struct {
	block  Block
	source map[string]any
}

// inputID is the block id and the action id of an element.
type inputID [2]string

func (e element) id() inputID    { return inputID{e.in(), e.action()} }
func (e element) kind() string   { return str(e.source, "type") }
func (e element) action() string { return str(e.source, "action_id") }
func (e element) in() string     { return str(e.block, "block_id") }
func (e element) inForm() bool   { return str(e.block, "type") == "input" }

func (e element) button() Button {
	return Button{Text: str(sub(e.source, "text"), "text"), ActionID: e.action(), BlockID: e.in(), Value: str(e.source, "value")}
}

// elements are those of blocks that have an action id, in order.
func elements(blocks []Block) []element {
	var all []element
	for _, b := range blocks {
		for _, v := range slices.Concat([]any{b["accessory"], b["element"]}, list(b, "elements")) {
			if object := asObject(v); object["action_id"] != nil {
				all = append(all, element{b, object})
			}
		}
	}
	return all
}

// addIDs gives blocks and elements the ids that Slack makes up where an app gave none. The caller holds the lock.
func addIDs(s *Slack, raw []any) []Block {
	var blocks []Block
	for _, v := range raw {
		b := asObject(v)
		if b == nil {
			continue
		}
		if str(b, "block_id") == "" {
			b["block_id"] = s.opaque("block")[:5]
		}
		for _, v := range slices.Concat(list(b, "elements"), []any{b["accessory"], b["element"]}) {
			el := asObject(v)
			if kind := str(el, "type"); str(el, "action_id") == "" && (kind == "button" || elementSpecs[kind].holds.fill != nil) {
				el["action_id"] = s.opaque("action")[:5]
			}
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// entries are what people typed and picked: the "state" of a payload.
type entries map[inputID]map[string]any

// of is what an element holds: what was entered, or what it started with.
func (n entries) of(e element) map[string]any {
	if v, ok := n[e.id()]; ok {
		return v
	}
	h := elementSpecs[e.kind()].holds
	if h.fill == nil {
		return nil
	}
	return map[string]any{"type": e.kind(), h.key: e.source[h.initial]}
}

// values are state.values: all that can hold something, filled in or not.
func (n entries) values(blocks []Block) map[string]any {
	values := map[string]any{}
	for _, e := range elements(blocks) {
		v := n.of(e)
		if v == nil {
			continue
		}
		if values[e.in()] == nil {
			values[e.in()] = map[string]any{}
		}
		values[e.in()].(map[string]any)[e.action()] = v
	}
	return values
}

// holder is how a kind of element holds its value: the key of it in a payload, the key of what it starts with, and
// how what a test gives becomes it.
type holder struct {
	key, initial string
	fill         func(e element, suggested []Option, given any) (any, error)
}

var (
	heldValue  = holder{"value", "initial_value", typed}
	heldOption = holder{"selected_option", "initial_option", picked}
)

// typed takes text as it is; empty text is nothing.
func typed(_ element, _ []Option, given any) (any, error) {
	if given == nil || fmt.Sprint(given) == "" {
		return nil, nil
	}
	return fmt.Sprint(given), nil
}

// picked is the option with a value or a text.
func picked(e element, suggested []Option, given any) (any, error) {
	if given == nil || given == "" {
		return nil, nil
	}
	want := fmt.Sprint(given)
	for _, o := range offered(e.source) {
		if str(o, "value") == want || str(sub(o, "text"), "text") == want {
			return o, nil
		}
	}
	for _, o := range suggested {
		if o.Value == want || o.Text == want {
			return map[string]any{"text": map[string]any{"type": "plain_text", "text": o.Text, "emoji": true}, "value": o.Value}, nil
		}
	}
	return nil, fmt.Errorf("%q has no option %q", e.in(), want)
}

// offered are the options that an element brings along, in groups or not.
func offered(el map[string]any) []map[string]any {
	var all []map[string]any
	for _, o := range list(el, "options") {
		all = append(all, asObject(o))
	}
	for _, g := range list(el, "option_groups") {
		all = append(all, offered(asObject(g))...)
	}
	return all
}

// isEmpty reports whether nothing was filled in.
func isEmpty(value map[string]any) bool {
	for key, v := range value {
		if key != "type" && v != nil && v != "" {
			return false
		}
	}
	return true
}

// asObject, str, number, sub and list read JSON that the app wrote: what is not there, or is something else, is
// empty.
func asObject(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func str(m map[string]any, key string) string {
	v, _ := m[key].(string)
	return v
}

func number(m map[string]any, key string) float64 {
	v, _ := m[key].(float64)
	return v
}

func sub(m map[string]any, key string) map[string]any { return asObject(m[key]) }

func list(m map[string]any, key string) []any {
	v, _ := m[key].([]any)
	return v
}

package fakeslack

import (
	"fmt"
	"slices"
)

// entries are what people typed and picked, by block and action: the "state" of a payload.
type entries struct {
	by map[[2]string]map[string]any
}

func (n *entries) set(e element, value map[string]any) {
	if n.by == nil {
		n.by = map[[2]string]map[string]any{}
	}
	n.by[[2]string{e.in(), e.action()}] = value
}

// of is what an element holds: what was entered, or what it started with.
func (n *entries) of(e element) map[string]any {
	if v, ok := n.by[[2]string{e.in(), e.action()}]; ok {
		return v
	}
	k, ok := kinds[e.kind()]
	if !ok {
		return nil
	}
	return map[string]any{"type": e.kind(), k.key: e.is[k.initial]}
}

// values are state.values: all that can hold something, filled in or not.
func (n *entries) values(blocks []Block) map[string]any {
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

// keep forgets what was entered where nothing has that name any more.
func (n *entries) keep(blocks []Block) {
	there := map[[2]string]bool{}
	for _, e := range elements(blocks) {
		there[[2]string{e.in(), e.action()}] = true
	}
	for at := range n.by {
		if !there[at] {
			delete(n.by, at)
		}
	}
}

// holder is how a kind of element holds its value: the key of it in a payload, the key of
// what it starts with, and how what a test gives becomes it.
type holder struct {
	key, initial string
	fill         func(e element, options []Option, given any) (any, error)
}

var kinds = map[string]holder{
	"plain_text_input":     {"value", "initial_value", typed},
	"number_input":         {"value", "initial_value", typed},
	"email_text_input":     {"value", "initial_value", typed},
	"url_text_input":       {"value", "initial_value", typed},
	"datepicker":           {"selected_date", "initial_date", typed},
	"timepicker":           {"selected_time", "initial_time", typed},
	"users_select":         {"selected_user", "initial_user", typed},
	"channels_select":      {"selected_channel", "initial_channel", typed},
	"conversations_select": {"selected_conversation", "initial_conversation", typed},
	"static_select":        {"selected_option", "initial_option", picked},
	"external_select":      {"selected_option", "initial_option", picked},
	"radio_buttons":        {"selected_option", "initial_option", picked},
	"overflow":             {"selected_option", "initial_option", picked},
	"checkboxes":           {"selected_options", "initial_options", ticked},
	"multi_static_select":  {"selected_options", "initial_options", ticked},
}

// typed takes text as it is; empty text is nothing.
func typed(_ element, _ []Option, given any) (any, error) {
	text := fmt.Sprint(given)
	if given == nil || text == "" {
		return nil, nil
	}
	return text, nil
}

// picked is the option with a value or a text.
func picked(e element, suggested []Option, given any) (any, error) {
	if given == nil || given == "" {
		return nil, nil
	}
	want := fmt.Sprint(given)
	for _, o := range offered(e.is) {
		if str(o, "value") == want || str(sub(o, "text"), "text") == want {
			return o, nil
		}
	}
	for _, o := range suggested {
		if o.Value == want || o.Text == want {
			return o.payload(), nil
		}
	}
	return nil, fmt.Errorf("%q has no option %q", e.in(), want)
}

// ticked are the options with the values or texts given; true ticks the only one there is,
// false none.
func ticked(e element, _ []Option, given any) (any, error) {
	names, _ := given.([]string)
	switch given := given.(type) {
	case string:
		names = []string{given}
	case bool:
		if all := offered(e.is); given && len(all) > 0 {
			names = []string{str(all[0], "value")}
		}
	}
	chosen := []any{}
	for _, name := range names {
		o, err := picked(e, nil, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, o)
	}
	return chosen, nil
}

// offered are the options that an element brings along, in groups or not.
func offered(el map[string]any) []map[string]any {
	var all []map[string]any
	for _, o := range list(el, "options") {
		if o, ok := o.(map[string]any); ok {
			all = append(all, o)
		}
	}
	for _, g := range list(el, "option_groups") {
		if g, ok := g.(map[string]any); ok {
			all = append(all, offered(g)...)
		}
	}
	return all
}

func (o Option) payload() map[string]any {
	return map[string]any{"text": map[string]any{"type": "plain_text", "text": o.Text, "emoji": true}, "value": o.Value}
}

// isEmpty reports whether nothing was filled in.
func isEmpty(value map[string]any) bool {
	for key, v := range value {
		chosen, several := v.([]any)
		if key != "type" && v != nil && v != "" && (!several || len(chosen) > 0) {
			return false
		}
	}
	return true
}

// name gives blocks and elements the ids that Slack makes up where an app gave none. The
// caller holds the lock.
func (s *Slack) name(raw []any) []Block {
	var blocks []Block
	for _, v := range raw {
		b, ok := v.(map[string]any)
		if !ok {
			continue
		}
		if str(b, "block_id") == "" {
			b["block_id"] = s.opaque("block")[:5]
		}
		for _, el := range slices.Concat(list(b, "elements"), []any{b["accessory"], b["element"]}) {
			if el, ok := el.(map[string]any); ok && acts(el) && str(el, "action_id") == "" {
				el["action_id"] = s.opaque("action")[:5]
			}
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// acts reports whether an element is one that people press or fill in.
func acts(el map[string]any) bool {
	_, holds := kinds[str(el, "type")]
	return holds || str(el, "type") == "button"
}

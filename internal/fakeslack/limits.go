package fakeslack

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"unicode/utf8"
)

// The limits of whole messages and views. Texts are counted in code points.
const (
	maxMessageBlocks = 50
	maxViewBlocks    = 100
	maxFallback      = 4000
	maxMessageText   = 13000
	maxMarkdown      = 12000
)

// spec is what a kind of block or element must be.
type spec struct {
	in    place
	rules []rule
	also  func(c *checker, at string, object map[string]any) // what rules cannot say
	holds holder                                             // of an element that holds a value
}

// place is where a block or an element may be; several are added.
type place int

const (
	inMessage place = 1 << iota
	inView
	inSection
	inActions
	inInput

	anyBlocks   = inMessage | inView
	anyElements = inSection | inActions | inInput
)

// checkFunc checks a value of a block, an element or a view.
type checkFunc func(c *checker, at string, v any, limit int)

// rule is the limit of one member of a block, an element or a view.
type rule struct {
	key   string
	check checkFunc
	limit int
	must  bool // it may not be left out
}

var (
	blockSpecs = map[string]spec{
		"section": {in: anyBlocks, also: sectionText, rules: []rule{
			{"text", isText, 3000, false}, {"fields", listOf(1, isText, 2000), 10, false},
			{"accessory", elementIn(inSection), 0, false},
		}},
		"header":    {in: anyBlocks, rules: []rule{{"text", isPlain, 150, true}}},
		"divider":   {in: anyBlocks},
		"context":   {in: anyBlocks, rules: []rule{{"elements", listOf(1, contextElement, 3000), 10, true}}},
		"actions":   {in: anyBlocks, rules: []rule{{"elements", listOf(1, elementIn(inActions), 0), 25, true}}},
		"image":     {in: anyBlocks, rules: imageRules},
		"input":     {in: anyBlocks, also: countInput, rules: []rule{{"label", isPlain, 2000, true}, {"hint", isPlain, 2000, false}, {"element", elementIn(inInput), 0, true}}},
		"rich_text": {in: anyBlocks, also: richText},
		"markdown":  {in: inMessage, also: markdown, rules: []rule{{"text", isFilled, maxMarkdown, true}}},
		"table":     {in: inMessage, also: countTable, rules: []rule{{"rows", listOf(1, listOf(1, tableCell, maxMessageText), 20), 100, true}}},
	}
	elementSpecs = map[string]spec{
		"button": {in: inSection | inActions, rules: []rule{
			{"text", isPlain, 75, true}, {"value", isString, 2000, false}, {"url", isLink, 3000, false},
			{"accessibility_label", isRead, 75, false}, {"style", isStyle, 0, false},
		}},
		"overflow":             {inSection | inActions, placeholderRules, choices(5), heldOption},
		"static_select":        {anyElements, placeholderRules, choices(100), heldOption},
		"multi_static_select":  {inSection | inInput, placeholderRules, choices(100), holder{}},
		"external_select":      {anyElements, placeholderRules, nil, heldOption},
		"users_select":         {anyElements, placeholderRules, nil, holder{"selected_user", "initial_user", typed}},
		"channels_select":      {anyElements, placeholderRules, nil, holder{"selected_channel", "initial_channel", typed}},
		"conversations_select": {anyElements, placeholderRules, nil, holder{"selected_conversation", "initial_conversation", typed}},
		"radio_buttons":        {anyElements, placeholderRules, choices(10), heldOption},
		"checkboxes":           {anyElements, placeholderRules, choices(10), holder{}},
		"datepicker":           {anyElements, placeholderRules, nil, holder{"selected_date", "initial_date", typed}},
		"timepicker":           {anyElements, placeholderRules, nil, holder{"selected_time", "initial_time", typed}},
		"plain_text_input":     {inInput, append(placeholderRules, rule{"initial_value", isRead, 3000, false}), lengths, heldValue},
		"number_input":         {inInput, placeholderRules, numberInput, heldValue},
		"email_text_input":     {inInput, placeholderRules, nil, heldValue},
		"url_text_input":       {inInput, placeholderRules, nil, heldValue},
		"image":                {in: inSection, rules: imageRules},
	}

	imageRules       = []rule{{"alt_text", isFilled, 2000, true}, {"image_url", isString, 3000, false}}
	placeholderRules = []rule{{"placeholder", isPlain, 150, false}}
	confirmRules     = []rule{{"title", isPlain, 100, true}, {"text", isText, 300, true}, {"confirm", isPlain, 30, true}, {"deny", isPlain, 30, true}, {"style", isStyle, 0, false}}
	optionRules      = []rule{{"text", isText, 75, true}, {"value", isValue, 75, true}, {"description", isText, 75, false}}
	viewRules        = []rule{{"private_metadata", isString, 3000, false}, {"callback_id", isString, 255, false}, {"external_id", isString, 255, false}}
	modalRules       = []rule{{"title", isPlain, 24, true}, {"submit", isPlain, 24, false}, {"close", isPlain, 24, false}}
)

// checker collects what is wrong with one message or view.
type checker struct {
	slack                           *Slack
	blockIDs                        map[string]bool
	total, markdown, tables, inputs int // characters of all text and of markdown; tables; inputs
	bad                             []string
}

// check begins to check what is sent to a workspace. The caller holds the lock.
func check(s *Slack) *checker { return &checker{slack: s} }

func (c *checker) report(at, format string, args ...any) {
	c.bad = append(c.bad, at+": "+fmt.Sprintf(format, args...))
}

// message returns what Slack, or a careful reader, would not take in a message.
func (c *checker) message(fallback string, blocks []any) []string {
	if fallback == "" {
		c.report("text", "there is no text for notifications and screen readers")
	}
	c.text(fallback)
	c.blocks(blocks, inMessage, maxMessageBlocks)
	if c.total > maxMessageText {
		c.report("blocks", "%d characters of text in all, and %d are the most", c.total, maxMessageText)
	}
	return c.bad
}

// CheckMessage returns what Slack, or a careful reader, would not take in a message to a workspace that has
// these users and user groups. blocks is any value that is the blocks as JSON.
func CheckMessage(text string, blocks any, ids ...string) []string {
	all, _ := asJSON(blocks).([]any)
	return check(workspaceOf(ids)).message(text, all)
}

// CheckView returns what Slack would not take in a view, a modal or a Home tab, which any value is as JSON.
func CheckView(view any, ids ...string) []string {
	object := asObject(asJSON(view))
	return check(workspaceOf(ids)).view(str(object, "type"), object)
}

func asJSON(v any) (object any) {
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, &object)
	}
	if err != nil {
		panic(err) // what is not JSON is a mistake of the test
	}
	return object
}

func workspaceOf(ids []string) *Slack {
	s := &Slack{users: map[string]User{}, groups: map[string][]string{}}
	for _, id := range ids {
		if id[0] == 'S' {
			s.groups[id] = nil
		} else {
			s.users[id] = User{ID: id}
		}
	}
	return s
}

// text is message for a text that stands alone.
func (c *checker) text(text string) []string {
	isRead(c, "text", text, maxFallback)
	c.mrkdwn("text", text)
	return c.bad
}

// view returns what Slack would not take in a view of a kind, modal or home.
func (c *checker) view(kind string, object map[string]any) []string {
	if str(object, "type") != kind {
		c.report("view", "type is %q, not %q", str(object, "type"), kind)
	}
	if len(list(object, "blocks")) == 0 {
		c.report("blocks", "there are none")
	}
	c.blocks(list(object, "blocks"), inView, maxViewBlocks)
	c.rules("view", object, viewRules)
	if kind == "modal" {
		c.rules("view", object, modalRules)
		if c.inputs > 0 && object["submit"] == nil {
			c.report("submit", "it is missing, and there are inputs")
		}
	}
	return c.bad
}

// suggestion returns what Slack would not take as the options of an external select.
func (c *checker) suggestion(answer map[string]any) []string {
	if answer["options"] == nil && answer["option_groups"] == nil {
		c.report("options", "there is neither options nor option_groups")
	}
	c.choices("options", answer, 0, 100)
	return c.bad
}

// blocks checks the blocks of a message or a view.
func (c *checker) blocks(blocks []any, where place, most int) {
	c.count("blocks", len(blocks), 0, most)
	c.blockIDs = map[string]bool{}
	for i, v := range blocks {
		at := fmt.Sprintf("blocks[%d]", i)
		b := asObject(v)
		c.part(at, b, blockSpecs, where)
		c.unique(at, "block_id", str(b, "block_id"), c.blockIDs)
		actionIDs := map[string]bool{}
		for _, e := range elements([]Block{b}) {
			c.unique(at, "action_id", e.action(), actionIDs)
		}
	}
}

// part checks a block or an element by its spec.
func (c *checker) part(at string, object map[string]any, specs map[string]spec, where place) {
	kind := str(object, "type")
	s, known := specs[kind]
	if !known || s.in&where == 0 {
		c.report(at, "%q has no place here", kind)
		return
	}
	at += " " + kind
	c.rules(at, object, s.rules)
	if s.also != nil {
		s.also(c, at, object)
	}
}

func (c *checker) rules(at string, object map[string]any, rules []rule) {
	for _, r := range rules {
		if r.must || object[r.key] != nil {
			r.check(c, at+" "+r.key, object[r.key], r.limit)
		}
	}
}

// unique checks an id, which may be missing.
func (c *checker) unique(at, what, id string, seen map[string]bool) {
	c.length(at+" "+what, id, 255)
	if id != "" && seen[id] {
		c.report(at, "%s %q is there twice", what, id)
	}
	seen[id] = true
}

func (c *checker) length(at, text string, limit int) {
	if n := utf8.RuneCountInString(text); n > limit {
		c.report(at, "%d characters, and %d are the most", n, limit)
	}
}

// count holds the length of a list against its limits.
func (c *checker) count(at string, n, least, most int) {
	if n < least || n > most {
		c.report(at, "there are %d, and it must be %d to %d", n, least, most)
	}
}

// The checks of rules. isPlain and isText are of text objects, plain_text alone or of either kind; isString and isValue are
// of strings for the app, isRead and isFilled of strings that people read; isValue and isFilled may not be empty.

func isPlain(c *checker, at string, v any, limit int) {
	if kind := str(asObject(v), "type"); kind != "plain_text" {
		c.report(at, "must be plain_text, and is %q", kind)
		return
	}
	isText(c, at, v, limit)
}

func isText(c *checker, at string, v any, limit int) {
	object := asObject(v)
	switch kind := str(object, "type"); kind {
	case "mrkdwn":
		c.mrkdwn(at, str(object, "text"))
	case "plain_text":
	default:
		c.report(at, "must be plain_text or mrkdwn, and is %q", kind)
	}
	isFilled(c, at, object["text"], limit)
	c.total += utf8.RuneCountInString(str(object, "text"))
}

func isString(c *checker, at string, v any, limit int) {
	text, _ := v.(string)
	c.length(at, text, limit)
}

func isValue(c *checker, at string, v any, limit int) {
	if text, _ := v.(string); text == "" {
		c.report(at, "is empty")
	}
	isString(c, at, v, limit)
}

func isRead(c *checker, at string, v any, limit int) {
	isString(c, at, v, limit)
	text, _ := v.(string)
	c.readable(at, text)
}

func isFilled(c *checker, at string, v any, limit int) {
	isValue(c, at, v, limit)
	text, _ := v.(string)
	c.readable(at, text)
}

func isStyle(c *checker, at string, v any, _ int) {
	if v != "primary" && v != "danger" {
		c.report(at, "is %q", v)
	}
}

func isLink(c *checker, at string, v any, limit int) {
	isString(c, at, v, limit)
	if to, _ := v.(string); to != "" {
		if why := c.link(to); why != "" {
			c.report(at, "%s: %.80q", why, to)
		}
	}
}

// listOf checks a list and each of its values, which have a limit of their own.
func listOf(least int, each checkFunc, limit int) checkFunc {
	return func(c *checker, at string, v any, most int) {
		all, _ := v.([]any)
		c.count(at, len(all), least, most)
		for i, x := range all {
			each(c, fmt.Sprintf("%s[%d]", at, i), x, limit)
		}
	}
}

// elementIn checks something to press, pick or type in.
func elementIn(where place) checkFunc {
	return func(c *checker, at string, v any, _ int) {
		el := asObject(v)
		c.part(at, el, elementSpecs, where)
		if el["confirm"] != nil {
			c.rules(at+" confirm", sub(el, "confirm"), confirmRules)
		}
	}
}

// The checks of whole blocks and elements.

func sectionText(c *checker, at string, b map[string]any) {
	if b["text"] == nil && b["fields"] == nil {
		c.report(at, "there is neither text nor fields")
	}
}

func contextElement(c *checker, at string, v any, limit int) {
	if object := asObject(v); str(object, "type") == "image" {
		c.rules(at, object, imageRules)
		return
	}
	isText(c, at, v, limit)
}

func countInput(c *checker, _ string, _ map[string]any) { c.inputs++ }

func markdown(c *checker, at string, b map[string]any) {
	n := utf8.RuneCountInString(str(b, "text"))
	c.total += n
	if c.markdown += n; c.markdown > maxMarkdown {
		c.report(at, "%d characters of markdown in all, and %d are the most", c.markdown, maxMarkdown)
	}
}

func countTable(c *checker, at string, _ map[string]any) {
	if c.tables++; c.tables > 1 {
		c.report(at, "there is more than one")
	}
}

func tableCell(c *checker, at string, v any, limit int) {
	switch cell := asObject(v); str(cell, "type") {
	case "raw_text":
		isFilled(c, at, cell["text"], limit)
		c.total += utf8.RuneCountInString(str(cell, "text"))
	case "rich_text":
		richText(c, at, cell)
	default:
		c.report(at, "a cell is of type %q", str(cell, "type"))
	}
}

// richText checks the texts of rich text, and that it mentions nobody whom the test does not know.
func richText(c *checker, at string, b map[string]any) {
	walk(b, func(text map[string]any) {
		c.readable(at, str(text, "text"))
		c.total += utf8.RuneCountInString(str(text, "text"))
	})
	c.mentions(at, list(b, "elements"))
}

func (c *checker) mentions(at string, elements []any) {
	for _, x := range elements {
		object := asObject(x)
		var why string
		switch str(object, "type") {
		case "broadcast":
			why = c.token("!" + str(object, "range"))
		case "user":
			why = c.token("@" + str(object, "user_id"))
		case "usergroup":
			why = c.token("!subteam^" + str(object, "usergroup_id"))
		case "link":
			why = c.token(str(object, "url"))
		}
		if why != "" {
			c.report(at, "%s", why)
		}
		c.mentions(at, list(object, "elements"))
	}
}

func lengths(c *checker, at string, el map[string]any) {
	least, most := number(el, "min_length"), number(el, "max_length")
	if least > 3000 || most > 3000 || el["max_length"] != nil && most < max(least, 1) {
		c.report(at, "min_length %v and max_length %v do not fit, or are over 3000", least, most)
	}
}

func numberInput(c *checker, at string, el map[string]any) {
	if el["is_decimal_allowed"] == nil {
		c.report(at, "is_decimal_allowed is missing")
	}
	if v := str(el, "initial_value"); v != "" && !isNumber(element{source: el}, v) {
		c.report(at, "initial_value %q is no number that it takes", v)
	}
}

// choices checks an element with options of its own, and that what is chosen at first is exactly one of them.
func choices(most int) func(*checker, string, map[string]any) {
	return func(c *checker, at string, el map[string]any) {
		c.choices(at, el, 1, most)
		chosen := list(el, "initial_options")
		if el["initial_options"] != nil && len(chosen) == 0 {
			c.report(at, "initial_options is empty: leave it out")
		}
		if el["initial_option"] != nil {
			chosen = append(slices.Clone(chosen), el["initial_option"])
		}
		for _, want := range chosen {
			if !slices.ContainsFunc(offered(el), func(o map[string]any) bool { return reflect.DeepEqual(any(o), want) }) {
				c.report(at, "what is chosen at first is not among the options")
			}
		}
	}
}

// choices checks options, in groups or not.
func (c *checker) choices(at string, el map[string]any, least, most int) {
	if groups := list(el, "option_groups"); el["options"] == nil && groups != nil {
		listOf(least, func(c *checker, at string, v any, _ int) {
			group := asObject(v)
			isPlain(c, at+" label", group["label"], 75)
			c.choices(at, map[string]any{"options": group["options"]}, least, most)
		}, 0)(c, at+" option_groups", el["option_groups"], 100)
		return
	}
	values := map[string]bool{}
	listOf(least, func(c *checker, at string, v any, _ int) {
		c.rules(at, asObject(v), optionRules)
		if value := str(asObject(v), "value"); values[value] {
			c.report(at, "value %q is there twice", value)
		} else {
			values[value] = true
		}
	}, 0)(c, at+" options", el["options"], most)
}

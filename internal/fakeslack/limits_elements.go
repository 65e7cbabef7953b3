package fakeslack

import (
	"fmt"
	"reflect"
	"slices"
)

// where an element may be.
type place int

const (
	inSection place = 1 << iota
	inActions
	inInput
)

// widget is how one kind of element is checked, and where it may be.
type widget struct {
	check func(c *checker, at string, el map[string]any)
	where place
}

var widgets = map[string]widget{
	"button":               {(*checker).buttonElement, inSection | inActions},
	"overflow":             {choosing(5), inSection | inActions},
	"static_select":        {choosing(100), inSection | inActions | inInput},
	"multi_static_select":  {choosing(100), inSection | inInput},
	"external_select":      {(*checker).placeholder, inSection | inActions | inInput},
	"users_select":         {(*checker).placeholder, inSection | inActions | inInput},
	"channels_select":      {(*checker).placeholder, inSection | inActions | inInput},
	"conversations_select": {(*checker).placeholder, inSection | inActions | inInput},
	"radio_buttons":        {choosing(10), inSection | inActions | inInput},
	"checkboxes":           {choosing(10), inSection | inActions | inInput},
	"datepicker":           {(*checker).placeholder, inSection | inActions | inInput},
	"timepicker":           {(*checker).placeholder, inSection | inActions | inInput},
	"plain_text_input":     {(*checker).textInput, inInput},
	"number_input":         {(*checker).numberInput, inInput},
	"email_text_input":     {(*checker).placeholder, inInput},
	"url_text_input":       {(*checker).placeholder, inInput},
	"image":                {(*checker).image, inSection},
}

// element checks something to press, pick or type in.
func (c *checker) element(at string, v any, where place) {
	el, _ := v.(map[string]any)
	w, known := widgets[str(el, "type")]
	if !known || w.where&where == 0 {
		c.say(at, "an element of type %q has no place here", str(el, "type"))
		return
	}
	at += " " + str(el, "type")
	c.length(at+" action_id", str(el, "action_id"), 255)
	if el["confirm"] != nil {
		c.confirm(at+" confirm", sub(el, "confirm"))
	}
	w.check(c, at, el)
}

func (c *checker) buttonElement(at string, el map[string]any) {
	c.plain(at+" text", el["text"], 75)
	c.length(at+" value", str(el, "value"), 2000)
	c.length(at+" url", str(el, "url"), 3000)
	c.most(at+" accessibility_label", str(el, "accessibility_label"), 75)
	if style := str(el, "style"); el["style"] != nil && style != "primary" && style != "danger" {
		c.say(at, "style is %q", style)
	}
	if to := str(el, "url"); to != "" {
		if why := c.link(to); why != "" {
			c.say(at, "%s: %.80q", why, to)
		}
	}
}

func (c *checker) confirm(at string, is map[string]any) {
	c.plain(at+" title", is["title"], 100)
	c.text(at+" text", is["text"], 300)
	c.plain(at+" confirm", is["confirm"], 30)
	c.plain(at+" deny", is["deny"], 30)
	if style := str(is, "style"); is["style"] != nil && style != "primary" && style != "danger" {
		c.say(at, "style is %q", style)
	}
}

func (c *checker) placeholder(at string, el map[string]any) {
	if el["placeholder"] != nil {
		c.plain(at+" placeholder", el["placeholder"], 150)
	}
}

func (c *checker) textInput(at string, el map[string]any) {
	c.placeholder(at, el)
	c.most(at+" initial_value", str(el, "initial_value"), 3000)
	least, most := number(el, "min_length"), number(el, "max_length")
	if least > 3000 || most > 3000 || el["max_length"] != nil && most < max(least, 1) {
		c.say(at, "min_length %v and max_length %v do not fit, or are over 3000", least, most)
	}
}

func (c *checker) numberInput(at string, el map[string]any) {
	c.placeholder(at, el)
	if el["is_decimal_allowed"] == nil {
		c.say(at, "is_decimal_allowed is missing")
	}
	if v := str(el, "initial_value"); v != "" && !isNumber(element{is: el}, v) {
		c.say(at, "initial_value %q is no number that it takes", v)
	}
}

// choosing checks an element with options of its own.
func choosing(most int) func(*checker, string, map[string]any) {
	return func(c *checker, at string, el map[string]any) {
		c.placeholder(at, el)
		c.choices(at, el, most, 1)
		c.initial(at, el)
	}
}

// choices checks options, in groups or not.
func (c *checker) choices(at string, el map[string]any, most, least int) {
	if groups := list(el, "option_groups"); el["options"] == nil && groups != nil {
		c.count(at+" option_groups", len(groups), least, 100)
		for i, g := range groups {
			group, _ := g.(map[string]any)
			at := fmt.Sprintf("%s option_groups[%d]", at, i)
			c.plain(at+" label", group["label"], 75)
			c.choices(at, map[string]any{"options": group["options"]}, most, least)
		}
		return
	}
	c.count(at+" options", len(list(el, "options")), least, most)
	seen := map[string]bool{}
	for i, o := range list(el, "options") {
		option, _ := o.(map[string]any)
		at := fmt.Sprintf("%s options[%d]", at, i)
		c.option(at, option)
		if v := str(option, "value"); seen[v] {
			c.say(at, "value %q is there twice", v)
		}
		seen[str(option, "value")] = true
	}
}

func (c *checker) option(at string, o map[string]any) {
	c.text(at+" text", o["text"], 75)
	if str(o, "value") == "" {
		c.say(at, "there is no value")
	}
	c.length(at+" value", str(o, "value"), 75)
	if o["description"] != nil {
		c.text(at+" description", o["description"], 75)
	}
}

// initial checks that what is chosen at first is among the options, exactly.
func (c *checker) initial(at string, el map[string]any) {
	chosen := list(el, "initial_options")
	if el["initial_options"] != nil && len(chosen) == 0 {
		c.say(at, "initial_options is empty: leave it out")
	}
	if el["initial_option"] != nil {
		chosen = append(slices.Clone(chosen), el["initial_option"])
	}
	for _, want := range chosen {
		if !slices.ContainsFunc(offered(el), func(o map[string]any) bool { return reflect.DeepEqual(any(o), want) }) {
			c.say(at, "what is chosen at first is not among the options")
		}
	}
}

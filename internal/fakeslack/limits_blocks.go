package fakeslack

import (
	"fmt"
	"unicode/utf8"
)

// block is how one kind of block is checked, and where it may be.
type block struct {
	check          func(c *checker, at string, b Block)
	message, views bool
}

var blockKinds = map[string]block{
	"section":   {(*checker).section, true, true},
	"header":    {(*checker).header, true, true},
	"divider":   {func(*checker, string, Block) {}, true, true},
	"context":   {(*checker).context, true, true},
	"actions":   {(*checker).actions, true, true},
	"image":     {(*checker).image, true, true},
	"input":     {(*checker).input, true, true},
	"rich_text": {(*checker).rich, true, true},
	"markdown":  {(*checker).markdownBlock, true, false},
	"table":     {(*checker).table, true, false},
}

// all checks every block of a message or a view.
func (c *checker) all(blocks []any, most int) {
	c.count("blocks", len(blocks), 0, most)
	for i, v := range blocks {
		at := fmt.Sprintf("blocks[%d]", i)
		b, _ := v.(map[string]any)
		kind, known := blockKinds[str(b, "type")]
		if !known || c.message && !kind.message || !c.message && !kind.views {
			c.say(at, "a block of type %q has no place here", str(b, "type"))
			continue
		}
		at += " " + str(b, "type")
		c.blockID(at, b)
		kind.check(c, at, b)
		c.actionIDs(at, b)
	}
}

func (c *checker) blockID(at string, b Block) {
	id := str(b, "block_id")
	if id == "" {
		return
	}
	c.length(at+" block_id", id, 255)
	if c.blocks[id] {
		c.say(at, "block_id %q is there twice", id)
	}
	c.blocks[id] = true
}

// actionIDs checks that an action can be told from the others of its block.
func (c *checker) actionIDs(at string, b Block) {
	seen := map[string]bool{}
	for _, e := range elements([]Block{b}) {
		if id := e.action(); id != "" && seen[id] {
			c.say(at, "action_id %q is there twice", id)
		}
		seen[e.action()] = true
	}
}

func (c *checker) section(at string, b Block) {
	if b["text"] == nil && b["fields"] == nil {
		c.say(at, "there is neither text nor fields")
	}
	if b["text"] != nil {
		c.text(at+" text", b["text"], 3000)
	}
	if b["fields"] != nil {
		c.count(at+" fields", len(list(b, "fields")), 1, 10)
	}
	for i, f := range list(b, "fields") {
		c.text(fmt.Sprintf("%s fields[%d]", at, i), f, 2000)
	}
	if b["accessory"] != nil {
		c.element(at+" accessory", b["accessory"], inSection)
	}
}

func (c *checker) header(at string, b Block) { c.plain(at, b["text"], 150) }

func (c *checker) context(at string, b Block) {
	c.count(at+" elements", len(list(b, "elements")), 1, 10)
	for i, v := range list(b, "elements") {
		at := fmt.Sprintf("%s elements[%d]", at, i)
		if is, _ := v.(map[string]any); str(is, "type") == "image" {
			c.image(at, is)
			continue
		}
		c.text(at, v, 3000)
	}
}

func (c *checker) actions(at string, b Block) {
	c.count(at+" elements", len(list(b, "elements")), 1, 25)
	for i, v := range list(b, "elements") {
		c.element(fmt.Sprintf("%s elements[%d]", at, i), v, inActions)
	}
}

func (c *checker) image(at string, b Block) {
	if str(b, "alt_text") == "" {
		c.say(at, "there is no alt_text")
	}
	c.most(at+" alt_text", str(b, "alt_text"), 2000)
	c.length(at+" image_url", str(b, "image_url"), 3000)
}

func (c *checker) input(at string, b Block) {
	c.inputs++
	c.plain(at+" label", b["label"], 2000)
	if b["hint"] != nil {
		c.plain(at+" hint", b["hint"], 2000)
	}
	c.element(at+" element", b["element"], inInput)
}

// rich checks the texts of rich text, and that it calls nobody whom the test does not know.
func (c *checker) rich(at string, b Block) {
	walk(b, func(text map[string]any) {
		c.readable(at, str(text, "text"))
		c.total += utf8.RuneCountInString(str(text, "text"))
	})
	c.calls(at, b["elements"])
}

func (c *checker) calls(at string, v any) {
	for _, x := range asList(v) {
		is, _ := x.(map[string]any)
		var why string
		switch str(is, "type") {
		case "broadcast":
			why = c.token("!" + str(is, "range"))
		case "user":
			why = c.token("@" + str(is, "user_id"))
		case "usergroup":
			why = c.token("!subteam^" + str(is, "usergroup_id"))
		case "link":
			why = c.token(str(is, "url"))
		}
		if why != "" {
			c.say(at, "%s", why)
		}
		c.calls(at, is["elements"])
	}
}

func asList(v any) []any {
	all, _ := v.([]any)
	return all
}

func (c *checker) markdownBlock(at string, b Block) {
	text := str(b, "text")
	if text == "" {
		c.say(at, "is empty")
	}
	c.markdown += utf8.RuneCountInString(text)
	c.total += utf8.RuneCountInString(text)
	if c.markdown > mostMarkdown {
		c.say(at, "%d characters of markdown in all, and %d are the most", c.markdown, mostMarkdown)
	}
	c.readable(at, text)
}

func (c *checker) table(at string, b Block) {
	if c.tables++; c.tables > 1 {
		c.say(at, "there is more than one")
	}
	c.count(at+" rows", len(list(b, "rows")), 1, 100)
	for i, row := range list(b, "rows") {
		at := fmt.Sprintf("%s rows[%d]", at, i)
		c.count(at, len(asList(row)), 1, 20)
		for _, v := range asList(row) {
			cell, _ := v.(map[string]any)
			c.cell(at, cell)
		}
	}
}

func (c *checker) cell(at string, cell map[string]any) {
	switch str(cell, "type") {
	case "raw_text":
		if str(cell, "text") == "" {
			c.say(at, "a cell is empty")
		}
		c.readable(at, str(cell, "text"))
		c.total += utf8.RuneCountInString(str(cell, "text"))
	case "rich_text":
		c.rich(at, cell)
	default:
		c.say(at, "a cell is of type %q", str(cell, "type"))
	}
}

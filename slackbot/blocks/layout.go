package blocks

import (
	"fmt"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// markdown is markup in a block. Verbatim keeps Slack from making links of words that look like
// addresses or channels.
func markdown(m md, most int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, string(clip(m, most)), false, true)
}

// plain is text that Slack shows as it is. Slack refuses an empty one.
func plain(s string, most int) *slack.TextBlockObject {
	if s = short(s, most); s == "" {
		s = "–"
	}
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}

// sections puts lines into as few blocks as they fit.
func sections(lines ...md) []slack.Block {
	var blocks []slack.Block
	for _, packed := range pack(lines, mostSection) {
		blocks = append(blocks, slack.NewSectionBlock(markdown(packed, mostSection), nil, nil))
	}
	return blocks
}

// pack joins lines to texts of at most so many characters.
func pack(lines []md, most int) []md {
	var packed []md
	var last md
	for _, line := range lines {
		line = clip(line, most)
		switch {
		case line == "":
		case last == "":
			last = line
		case last.len()+1+line.len() > most:
			packed, last = append(packed, last), line
		default:
			last += "\n" + line
		}
	}
	if last != "" {
		packed = append(packed, last)
	}
	return packed
}

// fields puts short labelled values side by side, where the screen is wide enough.
func fields(values []md) []slack.Block {
	var blocks []slack.Block
	for len(values) > 0 {
		row := values[:min(mostFields, len(values))]
		values = values[len(row):]
		texts := make([]*slack.TextBlockObject, len(row))
		for i, v := range row {
			texts[i] = markdown(v, mostField)
		}
		blocks = append(blocks, slack.NewSectionBlock(nil, texts, nil))
	}
	return blocks
}

// remark is a small grey line; nil if there is nothing to say.
func remark(parts ...md) []slack.Block {
	m := join(" · ", parts...)
	if m == "" {
		return nil
	}
	return []slack.Block{slack.NewContextBlock("", markdown(m, mostContext))}
}

func header(m md) []slack.Block { return sections(strong(m)) }

// button returns a button; nil if its value is empty or too long to be one that we made.
func button(action, value, label string, style slack.Style) *slack.ButtonBlockElement {
	if value == "" || utf8.RuneCountInString(value) > mostValue {
		return nil
	}
	return slack.NewButtonBlockElement(action, value, plain(label, mostButton)).WithStyle(style)
}

// actions puts buttons side by side; nil if there are none.
func actions(buttons ...*slack.ButtonBlockElement) []slack.Block {
	var elements []slack.BlockElement
	for _, b := range buttons {
		if b != nil && len(elements) < mostButtons {
			elements = append(elements, b)
		}
	}
	if elements == nil {
		return nil
	}
	return []slack.Block{slack.NewActionBlock("", elements...)}
}

// message makes a message whose tail, the buttons, is there whatever the body is.
func message(says md, body []slack.Block, tail ...slack.Block) Message {
	if says == "" {
		says = "vpsbot"
	}
	return Message{Text: string(clip(says, mostFallback)), Blocks: fit(body, tail, mostBlocks, mostText)}
}

// fit leaves out the end of a body that is too long, and says so.
func fit(body, tail []slack.Block, most, characters int) []slack.Block {
	for _, b := range tail {
		characters -= weight(b)
	}
	note := remark("_The rest does not fit here._")
	characters -= weight(note[0])
	for i, b := range body {
		characters -= weight(b)
		full := i+len(tail) == most-1 && i+1 < len(body) // the note takes the last place
		if full || characters < 0 {
			return append(append(body[:i:i], note...), tail...)
		}
	}
	return append(body[:len(body):len(body)], tail...)
}

// weight counts the characters of a block.
func weight(b slack.Block) int {
	switch b := b.(type) {
	case *slack.SectionBlock:
		n := length(b.Text)
		for _, f := range b.Fields {
			n += length(f)
		}
		return n
	case *slack.ContextBlock:
		n := 0
		for _, e := range b.ContextElements.Elements {
			n += length(e.(*slack.TextBlockObject))
		}
		return n
	case *slack.ActionBlock:
		n := 0
		for _, e := range b.Elements.ElementSet {
			n += length(e.(*slack.ButtonBlockElement).Text)
		}
		return n
	case *slack.InputBlock:
		return length(b.Label) + length(b.Hint)
	case *slack.DividerBlock:
		return 0
	}
	panic(fmt.Sprintf("a block of type %s, whose size nobody knows", b.BlockType()))
}

func length(t *slack.TextBlockObject) int {
	if t == nil {
		return 0
	}
	return utf8.RuneCountInString(t.Text)
}

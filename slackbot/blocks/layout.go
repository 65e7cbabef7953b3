package blocks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/text"
)

// markdown is markup in a block. Verbatim keeps Slack from making links of words that look like
// addresses or channels.
func markdown(m md, most int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, string(clip(m, most)), false, true)
}

// plain is text that Slack shows as it is. Slack refuses an empty one.
func plain(s string, most int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, cmp.Or(truncate(s, most), "–"), false, false)
}

// sections puts lines into as few section blocks as they fit.
func sections(lines ...md) (blocks []slack.Block) {
	var last md
	flush := func() {
		if last != "" {
			blocks = append(blocks, slack.NewSectionBlock(markdown(last, mostSection), nil, nil))
		}
		last = ""
	}
	for _, line := range lines {
		line = clip(line, mostSection)
		if last.len()+1+line.len() > mostSection {
			flush()
		}
		last = join("\n", last, line)
	}
	flush()
	return blocks
}

// fields puts short labelled values side by side, where the screen is wide enough.
func fields(values []md) (blocks []slack.Block) {
	for row := range slices.Chunk(values, mostFields) {
		texts := text.Map(row, func(v md) *slack.TextBlockObject { return markdown(v, mostField) })
		blocks = append(blocks, slack.NewSectionBlock(nil, texts, nil))
	}
	return blocks
}

// contextLine is a context block, a small grey line; nil if all its parts are empty.
func contextLine(parts ...md) []slack.Block {
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
		if b != nil {
			elements = append(elements, b)
		}
	}
	if elements == nil {
		return nil
	}
	return []slack.Block{slack.NewActionBlock("", elements...)}
}

// message makes a message whose buttons are there however long the body is.
func message(says md, buttons []slack.Block, body ...[]slack.Block) Message {
	return Message{Text: string(clip(cmp.Or(says, "vpsbot"), mostFallback)), Blocks: fit(slices.Concat(body...), buttons, mostBlocks, mostText)}
}

// modal makes a modal whose inputs are there however long the body is. Meta that Slack would not take
// is left out whole: half of it is worthless.
func modal(title, meta string, body []slack.Block, inputs ...slack.Block) slack.ModalViewRequest {
	if utf8.RuneCountInString(meta) > mostMeta {
		meta = ""
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain(title, mostTitle), Close: plain("Close", mostTitle),
		Blocks: slack.Blocks{BlockSet: fit(body, inputs, mostViewBlocks, mostText)}, PrivateMetadata: meta,
	}
}

func submittable(v slack.ModalViewRequest, callback, submit string) slack.ModalViewRequest {
	v.CallbackID, v.Submit = callback, plain(submit, mostTitle)
	return v
}

// fit leaves out the end of a body that is too long, and says so.
func fit(body, tail []slack.Block, most, characters int) []slack.Block {
	for _, b := range tail {
		characters -= textLength(b)
	}
	note := contextLine("_The rest does not fit here._")
	characters -= textLength(note[0])
	for i, b := range body {
		characters -= textLength(b)
		full := i+len(tail) == most-1 && i+1 < len(body) // the note takes the last place
		if full || characters < 0 {
			return slices.Concat(body[:i], note, tail)
		}
	}
	return slices.Concat(body, tail)
}

func textLength(b slack.Block) int {
	texts := readableTexts(b)
	switch b := b.(type) {
	case *slack.ActionBlock:
		for _, e := range b.Elements.ElementSet {
			texts = append(texts, e.(*slack.ButtonBlockElement).Text)
		}
	case *slack.InputBlock:
		texts = append(texts, b.Label, b.Hint)
	case *slack.SectionBlock, *slack.ContextBlock, *slack.DividerBlock:
	default:
		panic(fmt.Sprintf("the size of a block of type %s is not known", b.BlockType()))
	}
	n := 0
	for _, t := range texts {
		if t != nil {
			n += utf8.RuneCountInString(t.Text)
		}
	}
	return n
}

// readableTexts returns the texts of a block, without those of buttons and inputs.
func readableTexts(b slack.Block) (texts []*slack.TextBlockObject) {
	switch b := b.(type) {
	case *slack.SectionBlock:
		if b.Text != nil {
			texts = append(texts, b.Text)
		}
		texts = append(texts, b.Fields...)
	case *slack.ContextBlock:
		texts = text.Map(b.ContextElements.Elements, func(e slack.MixedElement) *slack.TextBlockObject { return e.(*slack.TextBlockObject) })
	}
	return texts
}

// Bare returns the message without blocks, where Slack does not take ours: their text.
func (m Message) Bare() Message {
	lines := append([]string{m.Text}, linesOf(m.Blocks)...)
	if slices.ContainsFunc(m.Blocks, func(b slack.Block) bool { return b.BlockType() == slack.MBTAction }) {
		lines = append(lines, "Its buttons cannot be shown: `/vps approvals` lists what waits for you.")
	}
	return Message{Text: string(cutMarkup(strings.Join(lines, "\n"), mostBare))}
}

// Bare returns the blocks of a modal or a Home tab, where Slack does not take ours, as one plain text and
// the inputs of the modal.
func Bare(all slack.Blocks) slack.Blocks {
	var inputs []slack.Block
	for _, b := range all.BlockSet {
		if input, ok := b.(*slack.InputBlock); ok && !input.DispatchAction {
			inputs = append(inputs, b)
		}
	}
	text := cmp.Or(cutMarkup(strings.Join(linesOf(all.BlockSet), "\n"), mostBare), "–")
	bare := slack.NewSectionBlock(slack.NewTextBlockObject(slack.PlainTextType, string(text), false, false), nil, nil)
	return slack.Blocks{BlockSet: append([]slack.Block{bare}, inputs...)}
}

func linesOf(blocks []slack.Block) (lines []string) {
	for _, b := range blocks {
		for _, t := range readableTexts(b) {
			lines = append(lines, t.Text)
		}
	}
	return lines
}

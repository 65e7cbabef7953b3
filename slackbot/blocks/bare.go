package blocks

import (
	"strings"

	"github.com/slack-go/slack"
)

// Where Slack does not take our blocks, people get the words without them.

// mostBare is how long a text without blocks is at most: Slack cuts longer ones off.
const mostBare = 3000

// Bare is the message without blocks: what they say, as a text.
func (m Message) Bare() Message {
	lines, asks := []string{m.Text}, false
	for _, b := range m.Blocks {
		lines = append(lines, textsOf(b)...)
		_, buttons := b.(*slack.ActionBlock)
		asks = asks || buttons
	}
	if asks {
		lines = append(lines, "Its buttons cannot be shown: `/vps approvals` lists what waits for you.")
	}
	return Message{Text: cutOff(strings.Join(lines, "\n"), mostBare)}
}

// textsOf are the texts of a block that can be read.
func textsOf(b slack.Block) (all []string) {
	switch b := b.(type) {
	case *slack.SectionBlock:
		for _, t := range append([]*slack.TextBlockObject{b.Text}, b.Fields...) {
			if t != nil {
				all = append(all, t.Text)
			}
		}
	case *slack.ContextBlock:
		for _, e := range b.ContextElements.Elements {
			if t, ok := e.(*slack.TextBlockObject); ok {
				all = append(all, t.Text)
			}
		}
	}
	return all
}

// BareModal is a modal with its inputs, and all else as plain text.
func BareModal(v slack.ModalViewRequest) slack.ModalViewRequest {
	v.Blocks.BlockSet = bareBlocks(v.Blocks.BlockSet)
	return v
}

// BareHome is a Home tab with plain text alone.
func BareHome(v slack.HomeTabViewRequest) slack.HomeTabViewRequest {
	v.Blocks.BlockSet = bareBlocks(v.Blocks.BlockSet)
	return v
}

func bareBlocks(all []slack.Block) []slack.Block {
	var inputs []slack.Block
	var lines []string
	for _, b := range all {
		if input, ok := b.(*slack.InputBlock); ok && !input.DispatchAction {
			inputs = append(inputs, b)
		}
		lines = append(lines, textsOf(b)...)
	}
	text := slack.NewTextBlockObject(slack.PlainTextType, cutOff(strings.Join(lines, "\n"), mostBare), false, false)
	if len(lines) == 0 {
		text.Text = "–"
	}
	return append([]slack.Block{slack.NewSectionBlock(text, nil, nil)}, inputs...)
}

package blocks

import (
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// modal makes a modal. Meta that Slack would not take is left out whole: half of it says
// nothing. Without submit it cannot be sent in.
func modal(callback, title, submit, meta string, blocks []slack.Block) slack.ModalViewRequest {
	if utf8.RuneCountInString(meta) > mostMeta {
		meta = ""
	}
	v := slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain(title, mostTitle), Close: plain("Close", mostTitle),
		Blocks: slack.Blocks{BlockSet: blocks}, PrivateMetadata: meta, CallbackID: callback,
	}
	if submit != "" {
		v.Submit = plain(submit, mostTitle)
	}
	return v
}

// NameModal shows the card once more and asks for the name that confirms it. There is nothing
// to pick and nothing filled in.
func NameModal(rec approval.Record, meta string) slack.ModalViewRequest {
	body := append(sections(title(rec)), cardBlocks(cardOf(rec))...)
	body = append(body, remark(askedBy(rec, ""), until(rec.ExpiresAt))...)
	if rec.Confirm == "" {
		return modal(CallbackName, "Confirm", "Confirm", meta, fit(body, nil, mostViewBlocks, mostText))
	}
	input := slack.NewPlainTextInputBlockElement(nil, BlockName)
	input.FocusOnLoad = true
	asks := slack.NewInputBlock(BlockName, plain("Type "+rec.Confirm+" to confirm", mostLabel), nil, input)
	return modal(CallbackName, "Confirm", "Confirm", meta, fit(body, []slack.Block{asks}, mostViewBlocks, mostText))
}

// mostReason is how long a reason may be.
const mostReason = 300

// DenyModal asks why not. The reason may be left out.
func DenyModal(rec approval.Record, meta string) slack.ModalViewRequest {
	input := slack.NewPlainTextInputBlockElement(nil, BlockReason).WithMultiline(true).WithMaxLength(mostReason)
	asks := slack.NewInputBlock(BlockReason, plain("Why not? The asker will read it.", mostLabel), nil, input).WithOptional(true)
	body := sections(title(rec), esc(cardOf(rec).Effect))
	return modal(CallbackDeny, "Say no", "Deny", meta, append(body, asks))
}

// Loading is shown while a modal is being filled: a trigger lives three seconds.
func Loading(title, meta string) slack.ModalViewRequest {
	return modal("", title, "", meta, sections("⏳ One moment…"))
}

// Done is what a modal says at its end.
func Done(title, says string) slack.ModalViewRequest {
	return modal("", title, "", "", Plain(says).Blocks)
}

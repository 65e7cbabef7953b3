package blocks

import (
	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// Ask is the card of a record with the buttons to answer it. The buttons carry the record's id
// and nothing else; where a name must be typed, they lead to the modal that asks for it.
func Ask(rec approval.Record, o AskView) Message {
	card := cardOf(rec)
	says := askWords[o.Role] + ": " + subject(rec)
	if o.Role == Second {
		says += ", asked by " + plainAsker(rec, o.AskedBy)
	}
	body := sections(join(" ", mention(o.Mention), "✋ *"+askWords[o.Role]+"* · "+title(rec)))
	body = append(body, cardBlocks(card)...)
	body = append(body, remark(askedBy(rec, o.AskedBy), until(rec.ExpiresAt))...)
	body = append(body, remark(answers(o.Answers))...)
	return message(join(" ", mention(o.Mention), says), body, askButtons(rec, o.Role)...)
}

// askWords say what is wanted of the reader.
var askWords = map[Role]md{Own: "Please confirm", Second: "Approval needed"}

// plainAsker is who asked, for a notification.
func plainAsker(rec approval.Record, as string) md {
	if m := rendered(as); m != "" {
		return m
	}
	return who(rec.Actor)
}

func askButtons(rec approval.Record, role Role) []slack.Block {
	further := ""
	if rec.Confirm != "" {
		further = "…" // a name is asked for next
	}
	if role == Second {
		return actions(
			button(ActApprove, rec.ID, "Approve"+further, style(rec)),
			button(ActDeny, rec.ID, "Deny…", ""),
		)
	}
	return actions(
		button(ActConfirm, rec.ID, "Confirm"+further, style(rec)),
		button(ActCancel, rec.ID, "Cancel", ""),
	)
}

// Answered is what a card becomes once it is answered: the same without buttons, and how it
// stands.
func Answered(rec approval.Record, o LiveView) Message {
	now := stand(rec, o)
	body := append(sections(now.head, now.says, now.undo), cardBlocks(cardOf(rec))...)
	body = append(body, remark(askedBy(rec, ""), until(deadline(now, rec)))...)
	body = append(body, remark(answers(o.Answers))...)
	return message(now.text, body)
}

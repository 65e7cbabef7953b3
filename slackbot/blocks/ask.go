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
	called := calls(o.Call)
	body := sections(join(" ", called, "✋ *"+askWords[o.Role]+"* · "+title(rec)))
	body = append(body, cardBlocks(card)...)
	body = append(body, remark(askedBy(rec, o.AskedBy), until(rec.ExpiresAt))...)
	body = append(body, remark(answers(o.Answers))...)
	return message(join(" ", called, says), body, askButtons(rec, o.Role)...)
}

// mostCalled is how many are called at once, so that what is asked stays in sight.
const mostCalled = 10

// calls mentions users and user groups.
func calls(ids []string) md {
	var all []md
	for _, id := range ids[:min(mostCalled, len(ids))] {
		if m := mention(id); m != "" {
			all = append(all, m)
		} else {
			all = append(all, group(id))
		}
	}
	return join(" ", all...)
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

// Answered is what a card becomes once it is answered: the same, and how it stands, without buttons
// but the one that takes the request back.
func Answered(rec approval.Record, o LiveView) Message {
	now := stand(rec, o)
	body := append(sections(now.head, now.says, now.undo), cardBlocks(cardOf(rec))...)
	body = append(body, remark(askedBy(rec, ""), until(deadline(now, rec)))...)
	body = append(body, remark(answers(o.Answers))...)
	return message(now.text, body, takeBack(rec, now, o)...)
}

// takeBack is the button by which the asker takes a request back, while that can be done.
func takeBack(rec approval.Record, now standing, o LiveView) []slack.Block {
	if !o.Cancel || !now.state.Waits() {
		return nil
	}
	return actions(button(ActCancel, rec.ID, "Cancel", ""))
}

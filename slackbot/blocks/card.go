package blocks

import (
	"cmp"
	"strings"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Role is whose answer a card asks for.
type Role string

// The roles: the requester's own consent, or a second person's.
const (
	Own    Role = "own"
	Second Role = "second"
)

// AskView is what a card is asked with.
type AskView struct {
	Catalogue *tools.Catalogue // nil: that of the product
	Role      Role
	Asker     string // the asker's user id in Slack; empty: they have none
	Answers   []approval.Consent
	Call      []string // ids of the users and user groups that are to be called
}

// mostCalled limits the mentions at once, so that the question stays visible.
const mostCalled = 10

var askTexts = map[Role]md{Own: "Please confirm", Second: "Approval needed"}

// Ask is the card of a record with the buttons to answer it. The buttons carry the record's id
// and nothing else; where a name must be typed, they lead to the modal that asks for it.
func Ask(rec approval.Record, o AskView) Message {
	asker := askerOf(rec, o.Asker)
	says := askTexts[o.Role] + ": " + subject(o.Catalogue, rec)
	if o.Role == Second {
		says += ", asked by " + asker
	}
	called := join(" ", text.Map(o.Call[:min(mostCalled, len(o.Call))], mention)...)
	return message(join(" ", called, says), askButtons(rec, o.Role),
		sections(join(" ", called, "✋ *"+askTexts[o.Role]+"* · "+title(o.Catalogue, rec))),
		cardBlocks(cardOf(rec)),
		contextLine(askedBy(rec, asker), until(rec.ExpiresAt)),
		contextLine(answers(o.Answers)))
}

func askButtons(rec approval.Record, role Role) []slack.Block {
	further, style := "", slack.StylePrimary
	if rec.Confirm != "" {
		further = "…" // a name is asked for next
	}
	if permissions.Risk(rec.Risk).NeedsTypedName() { // something is destroyed
		style = slack.StyleDanger
	}
	if role == Second {
		return actions(button(ActApprove, rec.ID, "Approve"+further, style), button(ActDeny, rec.ID, "Deny…", ""))
	}
	return actions(button(ActConfirm, rec.ID, "Confirm"+further, style), cancelButton(rec))
}

func cancelButton(rec approval.Record) *slack.ButtonBlockElement {
	return button(ActCancel, rec.ID, "Cancel", "")
}

// Answered is the card of a record after its answer: with its state, and at most the button that cancels
// the request.
func Answered(rec approval.Record, o LiveView) Message {
	now := recordStatusOf(rec, o)
	return message(now.text, now.buttons,
		sections(now.head, now.says, now.undo),
		cardBlocks(cardOf(rec)),
		contextLine(askedBy(rec, identity(rec.Actor)), now.until),
		contextLine(answers(o.Answers)))
}

// cardOf returns the card of a record, or one made of the record's fields if it cannot be decoded.
func cardOf(rec approval.Record) runner.Card {
	card, err := runner.CardOf(rec, rec.CreatedAt)
	if err != nil {
		return runner.Card{Operation: rec.Operation, Effect: rec.Operation + " of " + rec.TargetName + ". Its card cannot be read: decline it, and send the command again."}
	}
	return card
}

// mostTarget is how many lines of a target are shown; a card has at most a dozen.
const mostTarget = 20

// cardBlocks renders what a person must know before they agree: effect, target, loss, price, warnings.
func cardBlocks(c runner.Card) []slack.Block {
	marked := func(mark md, texts []string) []md {
		return text.Map(texts[:min(mostTarget, len(texts))], func(s string) md { return labelled(mark, sentence(s)) })
	}
	notes := append(marked("💾 ", c.Lost), labelled("💰 ", esc(c.Price)))
	notes = append(notes, marked("⚠️ ", c.Warnings)...)
	notes = append(notes, labelled("👥 ", sentence(c.Others)))
	blocks := sections("*" + clip(esc(c.Effect), longestText) + "*")
	blocks = append(blocks, fields(targetFields(c.Target))...)
	return append(blocks, sections(notes...)...)
}

func targetFields(target []tools.Line) (shown []md) {
	for _, l := range target[:min(mostTarget, len(target))] {
		v := codeOf(l.Value, 2*longestName)
		switch {
		case l.Label == "status":
			v = statusOf(l.Value)
		case l.Value == "true" || l.Value == "false":
			v = value(l.Label, l.Value)
		}
		if v != "" {
			shown = append(shown, "*"+esc(text.Title(l.Label))+"*\n"+v)
		}
	}
	return shown
}

func askerOf(rec approval.Record, user string) md {
	asker, inSlack := identity(rec.Actor), mention(user)
	if name, ok := strings.CutPrefix(rec.Actor, "local:"); ok {
		asker = "user " + named(name)
	}
	if inSlack == "" || inSlack == asker {
		return asker
	}
	return asker + " (" + inSlack + ")"
}

func askedBy(rec approval.Record, asker md) md {
	return join(" · ", join(" ", "Asked by", asker, surface(rec.Surface)), account(runner.InProfile(rec.Account, cardOf(rec).Profile)))
}

func answers(given []approval.Consent) md {
	var all []md
	for _, c := range given[:min(10, len(given))] {
		by := identity(cmp.Or(c.Identity, c.Person))
		if c.Yes {
			all = append(all, join(" ", "✅", by, "agreed", date(c.At)))
			continue
		}
		all = append(all, join(" ", "🚫", by, "said no", date(c.At))+labelled(": ", esc(truncate(c.Reason, longestText/2))))
	}
	return join(" · ", all...)
}

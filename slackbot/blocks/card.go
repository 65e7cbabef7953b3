package blocks

import (
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// cardOf returns the card of a record. One that cannot be read is made of what the record says.
func cardOf(rec approval.Record) tools.Card {
	card, err := tools.CardOf(rec)
	if err != nil {
		return tools.Card{Operation: rec.Operation, Effect: rec.Operation + " of " + rec.TargetName + ". What it would show cannot be read: say no, and ask for it again."}
	}
	return card
}

// cardBlocks shows what a person must know before they agree: the effect, the target, what is
// lost or paid, and the warnings.
func cardBlocks(c tools.Card) []slack.Block {
	blocks := sections("*" + clip(esc(c.Effect), longestText) + "*")
	blocks = append(blocks, fields(targetFields(c.Target))...)
	notes := each("💾 ", c.Lost)
	notes = append(notes, marked("💰 ", c.Price))
	notes = append(notes, each("⚠️ ", c.Warnings)...)
	if others := said(c.Others); others != "" {
		notes = append(notes, "👥 "+others)
	}
	return append(blocks, sections(notes...)...)
}

// mostTarget is how many lines of a target are shown; a card has at most a dozen.
const mostTarget = 20

func targetFields(target []tools.Line) []md {
	var shown []md
	for _, l := range target[:min(mostTarget, len(target))] {
		v := code(short(l.Value, 2*longestName))
		switch {
		case l.Label == "status":
			v = statusOf(l.Value)
		case l.Value == "true" || l.Value == "false":
			v = value(l.Label, l.Value)
		}
		if v != "" {
			shown = append(shown, "*"+esc(titled(l.Label))+"*\n"+v)
		}
	}
	return shown
}

func marked(mark md, s string) md {
	if m := esc(s); m != "" {
		return mark + m
	}
	return ""
}

// told is a sentence of the Runner's behind a mark.
func told(mark md, s string) md {
	if m := said(s); m != "" {
		return mark + m
	}
	return ""
}

func each(mark md, texts []string) []md {
	shown := make([]md, 0, len(texts))
	for _, s := range texts[:min(mostTarget, len(texts))] {
		shown = append(shown, told(mark, s))
	}
	return shown
}

// askedBy says who asked for a record, where, and on which account.
func askedBy(rec approval.Record, as string) md {
	asker := rendered(as)
	if asker == "" {
		asker = who(rec.Actor)
	}
	return join(" · ", join(" ", "Asked by", asker, surface(rec.Surface)), account(rec.Account))
}

// account names an account; that of a simulator says so.
func account(name string) md {
	if m := code(short(name, longestName)); m != "" {
		return "Account " + m
	}
	return ""
}

// until says when a question ends.
func until(at time.Time) md {
	if d := date(at); d != "" {
		return "Open until " + d
	}
	return ""
}

// answers says who has answered so far.
func answers(given []approval.Consent) md {
	var said []md
	for _, c := range given[:min(10, len(given))] {
		said = append(said, answer(c))
	}
	return join(" · ", said...)
}

func answer(c approval.Consent) md {
	identity := c.Identity
	if identity == "" {
		identity = c.Person
	}
	if c.Yes {
		return join(" ", "✅", who(identity), "agreed", date(c.At))
	}
	m := join(" ", "🚫", who(identity), "said no", date(c.At))
	if reason := esc(short(c.Reason, longestText/2)); reason != "" {
		m += ": " + reason
	}
	return m
}

// style is red where something is destroyed.
func style(rec approval.Record) slack.Style {
	if permissions.Risk(rec.Risk).WantsName() {
		return slack.StyleDanger
	}
	return slack.StylePrimary
}

package slackbot

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// dispatch carries out one delivery.
func (b *Bot) dispatch(ctx context.Context, d transport.Delivery) error {
	if d.Kind == transport.Command {
		v, text, err := b.visitOfCommand(ctx, d)
		if err != nil {
			return err
		}
		return b.command(ctx, v, text)
	}
	var p payload
	if err := json.Unmarshal(d.Body, &p); err != nil {
		return err
	}
	v := b.visitOf(ctx, d, p)
	switch {
	case v.user == "":
		return nil
	case p.Type == "block_actions" && len(p.Actions) > 0:
		return b.press(ctx, v, p)
	case p.Type == "view_submission":
		return b.submit(ctx, v, p.View)
	case p.Event.Type == "app_home_opened" && p.Event.Tab == "home":
		return b.home(ctx, v, b.leftAt(v, p.Event.View))
	}
	return nil
}

// visitor reads who sent a delivery.
func (b *Bot) visitor(ctx context.Context, d transport.Delivery) (*visit, error) {
	if d.Kind == transport.Command {
		v, _, err := b.visitOfCommand(ctx, d)
		return v, err
	}
	var p payload
	err := json.Unmarshal(d.Body, &p)
	return b.visitOf(ctx, d, p), err
}

// command carries out what somebody typed after /vps.
func (b *Bot) command(ctx context.Context, v *visit, text string) error {
	c, err := command.Parse(text)
	var wrong *command.ParseError
	switch {
	case errors.As(err, &wrong):
		return b.suggestCommand(ctx, v, wrong)
	case err != nil:
		return b.tell(ctx, v, blocks.Plain(err.Error()))
	}
	switch c.Kind {
	case command.Operation:
		return b.operation(ctx, v, c)
	case command.Why:
		return b.why(ctx, v, c)
	case command.Approvals:
		return b.approvals(ctx, v, c)
	case command.Audit:
		return b.audit(ctx, v, c)
	case command.Freeze, command.Unfreeze:
		return b.freeze(ctx, v, c)
	}
	return b.help(ctx, v, c)
}

// suggestCommand says what was mistyped. What may be meant can be run by a button if it only reads.
func (b *Bot) suggestCommand(ctx context.Context, v *visit, wrong *command.ParseError) error {
	c := wrong.Suggestion
	if c == nil {
		return b.tell(ctx, v, blocks.Suggest(wrong.Message, "", ""))
	}
	var token blocks.Token
	if c.Kind == command.Operation && c.IsRead() && len(c.Missing()) == 0 {
		token = b.readToken(*c)
	}
	return b.tell(ctx, v, blocks.Suggest(wrong.Message, c.String(), token))
}

// press carries out a press of a button.
func (b *Bot) press(ctx context.Context, v *visit, p payload) error {
	a := p.Actions[0]
	v.atHome = p.View.Type == "home"
	switch a.ActionID {
	case blocks.ActConfirm:
		return b.thenHome(ctx, v, b.agree(ctx, v, a.Value))
	case blocks.ActApprove:
		return b.thenHome(ctx, v, b.approve(ctx, v, a.Value))
	case blocks.ActCancel:
		return b.thenHome(ctx, v, b.decline(ctx, v, a.Value, ""))
	case blocks.ActDeny:
		return b.deny(ctx, v, a.Value)
	case blocks.ActPage, blocks.ActPrev, blocks.ActCSV, blocks.ActSuggest:
		return b.readAgain(ctx, v, a)
	case blocks.ActHomePage, blocks.ActHomePrev, blocks.ActHomeFilter, blocks.ActRefresh:
		return b.homePressed(ctx, v, a, p.View)
	}
	return nil
}

// submit carries out a modal that was filled in.
func (b *Bot) submit(ctx context.Context, v *visit, w view) error {
	switch w.CallbackID {
	case blocks.CallbackName:
		return b.thenHome(ctx, v, b.named(ctx, v, w))
	case blocks.CallbackDeny:
		return b.thenHome(ctx, v, b.denied(ctx, v, w))
	case blocks.CallbackForm:
		return b.filled(ctx, v, w)
	}
	return nil
}

package slackbot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/tools"
)

// formAsk is what a form takes along, sealed: the command that it completes, and where that was
// sent. It gives nobody a right.
type formAsk struct {
	Op      string            `json:"o"`
	Given   map[string]string `json:"g,omitempty"` // what was typed and the form does not ask for
	Share   bool              `json:"s,omitempty"`
	CSV     bool              `json:"c,omitempty"`
	URL     string            `json:"u,omitempty"` // the command's own response_url
	Channel string            `json:"h,omitempty"`
}

const (
	formPurpose  = "form"
	mostMeta     = 3000                   // characters that a view takes along
	beforeOpen   = 300 * time.Millisecond // of the three seconds that Slack gives
	openWithin   = 3 * time.Second
	choiceWithin = 8 * time.Second // while a person looks at "one moment"
	fillWithin   = 20 * time.Second
)

// askFields asks for the fields that a command lacks. Slack lets a window be opened for three
// seconds: it is opened first, and filled once there is something to pick from.
func (b *Bot) askFields(ctx context.Context, v *visit, c command.Command) error {
	offered, why, _ := b.offered(ctx, v, beforeOpen)
	if no := why[c.Op.Name]; no != "" {
		return b.tell(ctx, v, blocks.Plain(c.Op.Name+" is refused: "+no))
	}
	id, err := b.openLoading(ctx, v, c.Op)
	if err != nil {
		b.Log.Warn("Slack: opening a form", "error", err)
		return b.tell(ctx, v, blocks.Plain("vpsbot could not open its form. Nothing was done. "+reason(err)+" The fields can be typed, too: `"+command.Usage(c.Op)+"`"))
	}
	return b.fill(ctx, v, c.Op, id, blocks.Form(c.Op, c.Input, b.choices(ctx, v, c, offered), b.formToken(v, c)))
}

// offered returns what the visitor may run here, and why not the rest. Where the token cannot be
// read in time, err says so and the policy alone decides: the Runner looks at both before
// anything is done.
func (b *Bot) offered(ctx context.Context, v *visit, within time.Duration) (ops []*tools.Op, why map[string]string, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return b.Runner.Offered(ctx, b.call(v, &tools.Op{}, nil))
}

func (b *Bot) openLoading(ctx context.Context, v *visit, op *tools.Op) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	return b.openView(ctx, v, blocks.Loading(op.Title, ""))
}

// fill puts the form into the window. A person who has closed it meanwhile wants no more of it.
func (b *Bot) fill(ctx context.Context, v *visit, op *tools.Op, id string, form slack.ModalViewRequest) error {
	show := func(form slack.ModalViewRequest) error {
		return b.patiently(ctx, fillWithin, func(ctx context.Context) error {
			_, err := b.slack.UpdateViewContext(ctx, form, "", "", id)
			return err
		})
	}
	err := show(form)
	if viewTooMuch(err) {
		b.Log.Error("Slack does not take the blocks of a form; it is shown without", "error", err)
		form.Blocks = blocks.Bare(form.Blocks)
		err = show(form)
	}
	if err == nil || said(err) == "not_found" {
		return nil
	}
	b.Log.Warn("Slack: filling a form", "error", err)
	return b.tell(ctx, v, blocks.Plain("vpsbot could not fill its form. Nothing was done. "+reason(err)+" The fields can be typed, too: `"+command.Usage(op)+"`"))
}

// formToken seals what a form takes along. An address too long to go with it is left out: the
// answer is then a direct message.
func (b *Bot) formToken(v *visit, c command.Command) string {
	ask := formAsk{Op: c.Op.Name, Given: unasked(c), Share: c.Share, CSV: c.CSV, URL: v.url, Channel: v.channel}
	token := b.token(formPurpose, ask)
	if len(token) > mostMeta {
		ask.URL = ""
		token = b.token(formPurpose, ask)
	}
	return token
}

// unasked returns what was typed of the fields that the form has no input for.
func unasked(c command.Command) map[string]string {
	asked := map[string]bool{}
	for _, block := range blocks.Form(c.Op, c.Input, nil, "").Blocks.BlockSet {
		if input, ok := block.(*slack.InputBlock); ok {
			asked[input.BlockID] = true
		}
	}
	left := map[string]string{}
	for name, value := range c.Input {
		if !asked[blocks.FieldBlock(name)] {
			left[name] = value
		}
	}
	return left
}

// checkForm looks at what was filled in, before it is acknowledged: only then can Slack show at
// the field what is wrong.
func (b *Bot) checkForm(w view) (ack []byte, wrong bool) {
	c, _, err := b.formCommand(w)
	if err != nil {
		ack = blocks.FormErrors(atFirst(w, "This form is too old. Close it, and send the command again."))
	} else {
		ack = blocks.FormErrors(problems(c, w))
	}
	return ack, err != nil || ack != nil
}

// formCommand is the command that a filled form stands for.
func (b *Bot) formCommand(w view) (command.Command, formAsk, error) {
	var ask formAsk
	if err := b.untoken(formPurpose, w.Meta, &ask); err != nil {
		return command.Command{}, ask, err
	}
	op, ok := tools.Lookup(ask.Op)
	if !ok {
		return command.Command{}, ask, fmt.Errorf("there is no operation %s any more", ask.Op)
	}
	input := blocks.Values(op, w.State)
	for name, text := range ask.Given {
		if !isAsked(w, name) {
			input[name] = text
		}
	}
	return command.Command{Kind: command.Operation, Op: op, Input: input, Share: ask.Share, CSV: ask.CSV}, ask, nil
}

func isAsked(w view, field string) bool {
	if w.State == nil {
		return false
	}
	_, ok := w.State.Values[blocks.FieldBlock(field)]
	return ok
}

// problems says what is wrong, by field, as far as each can be judged by itself.
func problems(c command.Command, w view) map[string]string {
	wrong := map[string]string{}
	for _, f := range c.Missing() {
		if isAsked(w, f.Name) {
			wrong[f.Name] = "This is needed."
		}
	}
	for name, typed := range c.Input {
		if err := fieldtext.Check(c.Op, name, typed); err != nil && isAsked(w, name) {
			wrong[name] = text.Clean(err.Error())
		}
	}
	return wrong
}

// atFirst says something at any field of a form: Slack shows it at none else.
func atFirst(w view, says string) map[string]string {
	if w.State == nil {
		return nil
	}
	for block := range w.State.Values {
		if field, ok := strings.CutPrefix(block, blocks.FieldBlock("")); ok {
			return map[string]string{field: says}
		}
	}
	return nil
}

// filled goes on with the command that a form has completed, where it was sent.
func (b *Bot) filled(ctx context.Context, v *visit, w view) error {
	c, ask, err := b.formCommand(w)
	if err != nil {
		return b.tell(ctx, v, blocks.Plain("This form is too old. Nothing was done. Please send the command again."))
	}
	v.url, v.channel = ask.URL, ask.Channel
	input, err := c.JSON()
	if err != nil {
		return b.tell(ctx, v, blocks.Plain(err.Error()))
	}
	if c.Op.IsRead() {
		return b.read(ctx, v, c, input)
	}
	return b.change(ctx, v, c.Op, input, c.Share)
}

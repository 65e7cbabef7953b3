package slackbot

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
	"github.com/vpsbot/vpsbot/tools"
)

// formMeta is the sealed metadata of a form: the command that the form completes, and where it was
// sent. It grants nothing.
type formMeta struct {
	Op          string            `json:"o"`
	Given       map[string]string `json:"g,omitempty"` // typed fields that the form has no input for
	Own         map[string]string `json:"w,omitempty"` // flags
	ResponseURL string            `json:"u,omitempty"`
	Channel     string            `json:"h,omitempty"`
}

const (
	formPurpose  = "form"
	maxMeta      = 3000                   // characters of a view's metadata
	beforeOpen   = 300 * time.Millisecond // of the three seconds that Slack gives
	openWithin   = 3 * time.Second
	choiceWithin = 8 * time.Second // the modal shows "one moment" meanwhile
)

// form is a form that asks a person for the fields that their command lacks.
type form struct {
	*request
	command.Command
}

// ask asks for the fields that a command lacks. Slack lets a modal be opened for three seconds:
// it is opened first, and filled once there are choices.
func (f form) ask(ctx context.Context) error {
	offered, why, _ := f.offered(ctx, beforeOpen)
	if no := why[f.Op.Name]; no != "" {
		return f.replyText(ctx, f.Op.Name+" is refused: "+no)
	}
	opening, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	id, err := f.api.OpenView(opening, f.trigger, blocks.Loading(f.Op.Title, ""))
	if err != nil {
		return f.failed(ctx, "open", err)
	}
	if err := f.api.UpdateView(ctx, id, blocks.Form(f.Op, f.Input, f.choices(ctx, offered), f.token())); err != nil {
		return f.failed(ctx, "fill", err)
	}
	return nil
}

func (f form) failed(ctx context.Context, step string, err error) error {
	f.Log.Warn("Slack: a form failed", "step", step, "error", err)
	return f.replyText(ctx, fmt.Sprintf("vpsbot could not %s its form. Nothing was done. %s The fields can be typed, too: `%s`", step, webapi.Explain(err), command.Usage(f.Op)))
}

// offered returns what the person may run here, and why not the rest. If the token cannot be read in
// time, err says so and the policy alone decides: the Runner checks both before anything is done.
func (r *request) offered(ctx context.Context, within time.Duration) (ops []*tools.Op, why map[string]string, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return r.Runner.Offered(ctx, r.call(&tools.Op{}, nil))
}

// token seals the form's metadata. A response_url too long to fit is left out: the answer is then
// a direct message.
func (f form) token() string {
	meta := formMeta{Op: f.Op.Name, Given: notAsked(f.Input), Own: f.Own, ResponseURL: f.responseURL, Channel: f.channel}
	token := f.sealer.Token(formPurpose, meta)
	if len(token) > maxMeta {
		meta.ResponseURL = ""
		token = f.sealer.Token(formPurpose, meta)
	}
	return token
}

func notAsked(typed map[string]string) map[string]string {
	left := maps.Clone(typed)
	maps.DeleteFunc(left, func(name, _ string) bool { return !blocks.OmittedFields[name] })
	return left
}

// checkForm checks a submitted form before it is acknowledged. done is set if nothing is left to
// carry out.
func (b *Bot) checkForm(w view) (ack []byte, done bool) {
	c, _, err := b.formCommand(w)
	if err != nil {
		for block := range w.State.Values { // Slack shows an error at a field alone
			if field, ok := strings.CutPrefix(block, blocks.FieldBlock("")); ok {
				return blocks.FormErrors(map[string]string{field: "This form is too old. Close it, and send the command again."}), true
			}
		}
		return nil, true
	}
	ack = blocks.FormErrors(problems(c, w))
	return ack, ack != nil
}

func (b *Bot) formCommand(w view) (command.Command, formMeta, error) {
	var meta formMeta
	if err := b.sealer.OpenToken(formPurpose, w.Meta, &meta); err != nil {
		return command.Command{}, meta, err
	}
	op, ok := b.Runner.Catalogue.Lookup(meta.Op)
	if !ok {
		return command.Command{}, meta, fmt.Errorf("there is no operation %s any more", meta.Op)
	}
	input := blocks.Values(op, w.State)
	maps.Copy(input, meta.Given)
	return command.Command{Kind: command.Operation, Op: op, Input: input, Own: meta.Own}, meta, nil
}

func hasField(w view, field string) bool {
	_, ok := w.State.Values[blocks.FieldBlock(field)]
	return ok
}

// problems returns an error text by field, as far as a field can be checked alone.
func problems(c command.Command, w view) map[string]string {
	wrong := map[string]string{}
	for _, f := range c.Missing() {
		if hasField(w, f.Name) {
			wrong[f.Name] = "This is needed."
		}
	}
	for name, typed := range c.Input {
		if err := fieldtext.Check(c.Op, name, typed); err != nil && hasField(w, name) {
			wrong[name] = text.Clean(err.Error())
		}
	}
	return wrong
}

// submitForm runs the command that a form has completed, as if it had been typed in full.
func (r *request) submitForm(ctx context.Context, w view) error {
	c, meta, err := r.formCommand(w)
	if err != nil {
		return r.replyText(ctx, "This form is too old. Nothing was done. Please send the command again.")
	}
	r.responseURL, r.channel = meta.ResponseURL, meta.Channel
	return r.run(ctx, c)
}

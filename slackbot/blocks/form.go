package blocks

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/tools"
)

// unasked are the fields that a form leaves to the bot: a form is no dry run, and Slack shows
// the progress by itself.
var unasked = map[string]bool{"dry_run": true, "wait": true, "limit": true, "offset": true}

// Form asks for the fields of an operation. What was given already is filled in.
func Form(op *tools.Op, given map[string]string, c Choices, meta string) slack.ModalViewRequest {
	submit := "Run"
	body := sections(said(op.Description))
	if op.Risk.Asks() {
		submit = "Continue"
		body = append(body, remark("You are asked to confirm it before anything is sent.")...)
	}
	for _, f := range op.Fields {
		if !unasked[f.Name] {
			body = append(body, input(f, given[f.Name], c[f.Name]))
		}
	}
	title := op.Title
	if utf8.RuneCountInString(title) > mostTitle {
		title = slashCommand(op)
	}
	return modal(CallbackForm, title, submit, meta, fit(body, nil, mostViewBlocks, mostText))
}

// input is the block of one field.
func input(f tools.Field, given string, choices []Choice) slack.Block {
	hint := asTyped(f.Doc)
	options := optionsOf(choices, given)
	if len(choices) > 0 && options == nil {
		hint = fmt.Sprintf("%s (%d to choose from, too many for a list)", hint, len(choices))
	}
	block := slack.NewInputBlock(FieldBlock(f.Name), plain(asked(f.Name), mostLabel), nil, element(f, given, options))
	if hint != "" {
		block.Hint = plain(hint, mostLabel)
	}
	return block.WithOptional(!f.Required)
}

func element(f tools.Field, given string, options []*slack.OptionBlockObject) slack.BlockElement {
	switch {
	case f.Kind == tools.Ref:
		return serverPicker(given)
	case options != nil:
		return picker(f, given, options)
	case f.Kind == tools.Boolean:
		return yesNo(f, given)
	case f.Kind == tools.Integer:
		return numberInput(f, given)
	}
	return textInput(f, given)
}

// serverPicker finds servers as one types: the bot answers its options loads.
func serverPicker(given string) slack.BlockElement {
	e := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plain("Type a part of its name", mostOption), ActServer)
	e.MinQueryLength = new(0)
	if o := option(Choice{Value: given}); o != nil {
		e.InitialOption = o
	}
	return e
}

func picker(f tools.Field, given string, options []*slack.OptionBlockObject) slack.BlockElement {
	e := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plain("Pick one", mostOption), FieldBlock(f.Name), options...)
	for _, o := range options {
		if o.Value == given {
			e.InitialOption = o
		}
	}
	return e
}

// unset is the choice not to say anything. Slack takes no empty value.
const unset = "unset"

// yesNo offers to leave an optional field out: a picked radio button cannot be taken back.
func yesNo(f tools.Field, given string) slack.BlockElement {
	options := []*slack.OptionBlockObject{
		option(Choice{"true", "Yes"}), option(Choice{"false", "No"}), option(Choice{unset, "Leave it out"}),
	}
	if f.Required {
		options = options[:2]
	}
	e := slack.NewRadioButtonsBlockElement(FieldBlock(f.Name), options...)
	for _, o := range options {
		if o.Value == given || o.Value == unset && given == "" {
			e.InitialOption = o
		}
	}
	return e
}

func numberInput(f tools.Field, given string) slack.BlockElement {
	e := slack.NewNumberInputBlockElement(nil, FieldBlock(f.Name), false)
	e.MinValue, e.MaxValue = strconv.Itoa(f.Min), strconv.Itoa(f.Max)
	if n, err := strconv.Atoi(given); err == nil && f.Min <= n && n <= f.Max {
		e.InitialValue = strconv.Itoa(n)
	}
	return e
}

func textInput(f tools.Field, given string) slack.BlockElement {
	e := slack.NewPlainTextInputBlockElement(nil, FieldBlock(f.Name))
	if utf8.RuneCountInString(given) <= mostInitial {
		e.InitialValue = visible(given)
	}
	return e
}

// optionsOf makes the options of a picker, what was typed among them. It is nil where there are
// none, or more than Slack lists.
func optionsOf(choices []Choice, given string) []*slack.OptionBlockObject {
	if len(choices) == 0 {
		return nil
	}
	seen := map[string]bool{}
	var options []*slack.OptionBlockObject
	for _, c := range append(choices[:len(choices):len(choices)], Choice{given, given + " (as typed)"}) {
		if o := option(c); o != nil && !seen[c.Value] {
			seen[c.Value] = true
			options = append(options, o)
		}
	}
	if len(options) > mostOptions {
		return nil
	}
	return options
}

// option is one thing to pick; nil for a value that Slack would not give back as it is.
func option(c Choice) *slack.OptionBlockObject {
	if c.Value == "" || c.Value != short(c.Value, mostOption) {
		return nil
	}
	if blank(c.Label) {
		c.Label = c.Value
	}
	return slack.NewOptionBlockObject(c.Value, plain(c.Label, mostOption), nil)
}

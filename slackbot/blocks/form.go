package blocks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// Choices are what fields of a form can be picked from, by field name.
type Choices map[string][]Choice

// Choice is one thing to pick.
type Choice struct{ Value, Label string }

// OmittedFields are the fields without an input in forms: a form is no dry run, and Slack shows the
// progress in any case.
var OmittedFields = map[string]bool{"dry_run": true, "wait": true, "limit": true, "offset": true}

// Form asks for the fields of an operation. What was given already is filled in.
func Form(op *tools.Op, given map[string]string, c Choices, meta string) slack.ModalViewRequest {
	submit := "Run"
	body := sections(sentence(op.Description))
	if op.Risk.NeedsConsent() {
		submit = "Continue"
		body = append(body, contextLine("You are asked to confirm it before anything is sent.")...)
	}
	for _, f := range op.Fields {
		if !OmittedFields[f.Name] {
			body = append(body, input(f, given[f.Name], c[f.Name]))
		}
	}
	title := op.Title
	if utf8.RuneCountInString(title) > mostTitle {
		title = slashCommand(op)
	}
	return submittable(modal(title, meta, body), CallbackForm, submit)
}

func input(f tools.Field, given string, choices []Choice) slack.Block {
	hint := spellCommands(f.Doc)
	options := optionsOf(choices, given)
	if len(choices) > 0 && options == nil {
		hint = fmt.Sprintf("%s (%d to choose from, too many for a list)", hint, len(choices))
	}
	asks := strings.TrimSuffix(text.Title(f.Name), " ID") // a plan is picked by its name
	block := slack.NewInputBlock(FieldBlock(f.Name), plain(asks, mostLabel), nil, element(f, given, options))
	if hint != "" {
		block.Hint = plain(hint, mostLabel)
	}
	return block.WithOptional(!f.Required)
}

func element(f tools.Field, given string, options []*slack.OptionBlockObject) slack.BlockElement {
	id := FieldBlock(f.Name)
	switch {
	case f.Kind == tools.Ref: // found as one types: the bot answers its options loads
		e := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plain("Type a part of its name", mostOption), ActServer)
		e.MinQueryLength, e.InitialOption = new(0), option(Choice{Value: given})
		return e
	case options != nil:
		e := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plain("Pick one", mostOption), id, options...)
		e.InitialOption = chosen(options, given)
		return e
	case f.Kind == tools.Boolean:
		options = []*slack.OptionBlockObject{option(Choice{"true", "Yes"}), option(Choice{"false", "No"})}
		if !f.Required { // a picked radio button cannot be unpicked
			options = append(options, option(Choice{unset, "Leave it out"}))
		}
		if given == "" {
			given = unset
		}
		e := slack.NewRadioButtonsBlockElement(id, options...)
		e.InitialOption = chosen(options, given)
		return e
	}
	e := slack.NewPlainTextInputBlockElement(nil, id)
	if utf8.RuneCountInString(given) <= mostInitial {
		e.InitialValue = visible(given)
	}
	return e
}

// unset is the choice to leave a field out. Slack takes no empty value.
const unset = "unset"

func chosen(options []*slack.OptionBlockObject, value string) *slack.OptionBlockObject {
	if i := slices.IndexFunc(options, func(o *slack.OptionBlockObject) bool { return o.Value == value }); i >= 0 {
		return options[i]
	}
	return nil
}

// optionsOf makes the options of a picker, what was typed among them. It is nil where there are
// none, or more than Slack lists.
func optionsOf(choices []Choice, given string) []*slack.OptionBlockObject {
	if len(choices) == 0 {
		return nil
	}
	var options []*slack.OptionBlockObject
	for _, c := range slices.Concat(choices, []Choice{{given, given + " (as typed)"}}) {
		if o := option(c); o != nil && chosen(options, c.Value) == nil {
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
	if c.Value == "" || c.Value != truncate(c.Value, mostOption) {
		return nil
	}
	if blank(c.Label) {
		c.Label = c.Value
	}
	return slack.NewOptionBlockObject(c.Value, plain(c.Label, mostOption), nil)
}

// Values returns what was filled into a form, by field name; what was left empty is not in it.
func Values(op *tools.Op, state slack.ViewState) map[string]string {
	filled := map[string]string{}
	for _, f := range op.Fields {
		if OmittedFields[f.Name] {
			continue
		}
		for _, a := range state.Values[FieldBlock(f.Name)] { // there is one
			if v := filledIn(a); v != "" && v != unset {
				filled[f.Name] = v
			}
		}
	}
	return filled
}

// filledIn returns the value of an element of any kind. What was typed loses the space that phones
// and the clipboard put around it.
func filledIn(a slack.BlockAction) string {
	if a.SelectedOption.Value != "" {
		return a.SelectedOption.Value
	}
	return strings.TrimFunc(a.Value, func(c rune) bool { return unicode.IsSpace(c) || c == '\u200b' || c == '\u2060' || c == '\ufeff' })
}

// FormErrors is the acknowledgement of a form that says at each field what is wrong with it; nil
// if nothing is. problems are by field name, of fields that the form has.
func FormErrors(problems map[string]string) []byte {
	at := map[string]string{}
	for field, says := range problems {
		at[FieldBlock(field)] = says
	}
	return inputErrors(at)
}

// NameError is the acknowledgement of [NameModal] that says what is wrong with the name.
func NameError(says string) []byte { return inputErrors(map[string]string{BlockName: says}) }

func inputErrors(at map[string]string) []byte {
	if len(at) == 0 {
		return nil
	}
	for block, says := range at {
		at[block] = plain(spellCommands(says), mostFallback).Text
	}
	return encode(slack.NewErrorsViewSubmissionResponse(at))
}

// Options is the answer to an options load: what fits what was typed so far.
func Options(choices []Choice) []byte {
	options := []*slack.OptionBlockObject{}
	for _, c := range choices {
		if o := option(c); o != nil && len(options) < mostOptions {
			options = append(options, o)
		}
	}
	return encode(map[string]any{"options": options})
}

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings alone come here
	}
	return raw
}

// NameModal shows the card again and asks for the name that confirms it, with nothing to pick and nothing
// filled in.
func NameModal(rec approval.Record, meta string) slack.ModalViewRequest {
	body := slices.Concat(sections(title(nil, rec)), cardBlocks(cardOf(rec)), contextLine(askedBy(rec, identity(rec.Actor)), until(rec.ExpiresAt)))
	var asks []slack.Block
	if rec.Confirm != "" {
		typed := slack.NewPlainTextInputBlockElement(nil, BlockName)
		typed.FocusOnLoad = true
		asks = []slack.Block{slack.NewInputBlock(BlockName, plain("Type "+rec.Confirm+" to confirm", mostLabel), nil, typed)}
	}
	return submittable(modal("Confirm", meta, body, asks...), CallbackName, "Confirm")
}

const mostReason = 300

// DenyModal asks for the reason of a no, which is optional.
func DenyModal(rec approval.Record, meta string) slack.ModalViewRequest {
	reason := slack.NewPlainTextInputBlockElement(nil, BlockReason).WithMultiline(true).WithMaxLength(mostReason)
	asks := slack.NewInputBlock(BlockReason, plain("Why not? The requester will read it.", mostLabel), nil, reason).WithOptional(true)
	return submittable(modal("Say no", meta, sections(title(nil, rec), esc(cardOf(rec).Effect)), asks), CallbackDeny, "Deny")
}

// Loading is shown while a modal is being filled: a trigger lives three seconds.
func Loading(title, meta string) slack.ModalViewRequest {
	return modal(title, meta, sections("⏳ One moment…"))
}

// UpdateAck is the acknowledgement of a modal that makes it show a last text.
func UpdateAck(title, says string) []byte {
	return encode(map[string]any{"response_action": "update", "view": modal(title, "", Plain(says).Blocks)})
}

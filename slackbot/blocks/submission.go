package blocks

import (
	"encoding/json"
	"strings"
	"unicode"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/tools"
)

// Values returns what was filled into a form, by field name; what was left empty is not in it.
func Values(op *tools.Op, state *slack.ViewState) map[string]string {
	filled := map[string]string{}
	if state == nil {
		return filled
	}
	for _, f := range op.Fields {
		if unasked[f.Name] {
			continue
		}
		for _, a := range state.Values[FieldBlock(f.Name)] { // there is one
			if v := picked(a); v != "" && v != unset {
				filled[f.Name] = v
			}
		}
	}
	return filled
}

// picked returns the value of an element of any kind. What was typed loses the space that phones
// and the clipboard put around it.
func picked(a slack.BlockAction) string {
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
		at[block] = plain(asTyped(says), mostFallback).Text
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

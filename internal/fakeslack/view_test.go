package fakeslack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func nameInput() obj { return asks("name", obj{"type": "plain_text_input", "action_id": "n"}) }

func TestTriggers(t *testing.T) {
	w := newWorld(t)
	open := func(trigger string) any {
		return w.post("views.open", obj{"trigger_id": trigger, "view": modal(nameInput())})["error"]
	}
	id := w.trigger()
	w.clock.Advance(triggerLife)
	require.Nil(t, open(id))
	require.Equal(t, "exchanged_trigger_id", open(id))
	id = w.trigger()
	w.clock.Advance(triggerLife + time.Millisecond)
	require.Equal(t, "expired_trigger_id", open(id))
	require.Equal(t, "invalid_trigger_id", open("x"))
	w.clean()
}

func TestSubmission(t *testing.T) {
	w := newWorld(t)
	v := w.open(modal(section("Card"), nameInput()))
	require.Contains(t, v.Text(), "Title")
	require.Equal(t, "meta", v.Meta())
	require.Equal(t, []string{"name"}, v.Inputs())
	before := w.app.count()
	require.Contains(t, w.lea.Submit(v).Errors, "name", "Slack holds an empty form back")
	require.Equal(t, before, w.app.count())

	w.lea.Fill(v, map[string]any{"Label of name": "web-1"})
	w.app.says(`{"response_action":"errors","errors":{"name":"That is not the name."}}`)
	a := w.lea.Submit(v)
	require.Equal(t, "That is not the name.", a.Errors["name"])
	require.Contains(t, v.Text(), "That is not the name.")
	require.Same(t, v, w.Modal("U1"))
	view := w.app.last().json["view"].(obj)
	require.Equal(t, v.ID, view["id"])
	require.NotEmpty(t, view["hash"])
	require.Equal(t, obj{"name": obj{"n": obj{"type": "plain_text_input", "value": "web-1"}}}, view["state"].(obj)["values"])

	w.app.says("")
	require.True(t, w.lea.Submit(v).OK())
	require.Nil(t, w.Modal("U1"))
	w.clean()
	w.lea.Submit(v)
	require.Len(t, w.Violations(), 1)
}

func TestResponseActions(t *testing.T) {
	w := newWorld(t)
	v := w.open(modal(nameInput()))
	w.lea.Fill(v, map[string]any{"name": "x"})
	w.app.says(`{"response_action":"update","view":{"type":"modal","title":{"type":"plain_text","text":"Next"},"blocks":[{"type":"divider"}]}}`)
	w.lea.Submit(v)
	require.Contains(t, w.Modal("U1").Text(), "Next")
	require.Len(t, v.History(), 2)
	w.lea.CloseView(v)
	require.Nil(t, w.Modal("U1"))
	w.clean()
}

func TestWrongResponseActions(t *testing.T) {
	for body, says := range map[string]string{
		`nonsense`: "no JSON",
		`{"response_action":"errors","errors":{"other":"x"}}`:                                              "no input of the view",
		`{"response_action":"errors"}`:                                                                     "there are none",
		`{"response_action":"explode"}`:                                                                    "unknown response_action",
		`{"response_action":"update","view":{"type":"modal"}}`:                                             "must be plain_text",
		`{"response_action":"update","view":{"type":"home","title":{"type":"plain_text","text":"Title"}}}`: "not \"modal\"",
	} {
		w := newWorld(t)
		v := w.open(modal(nameInput()))
		w.lea.Fill(v, map[string]any{"name": "x"})
		w.app.says(body)
		w.lea.Submit(v)
		require.NotEmpty(t, w.Violations(), body)
		require.Contains(t, w.Transcript()+w.Violations()[0]+w.Violations()[len(w.Violations())-1], says)
	}
}

func TestUpdatingViews(t *testing.T) {
	w := newWorld(t)
	v := w.open(modal(nameInput()))
	w.lea.Fill(v, map[string]any{"name": "kept"})
	answered := w.post("views.update", obj{"view_id": v.ID, "view": modal(section("more"), nameInput())})
	require.Equal(t, true, answered["ok"], answered)
	require.True(t, w.lea.Submit(v).OK(), "what was typed stays")
	require.Equal(t, "not_found", w.post("views.update", obj{"view_id": v.ID, "view": modal(nameInput())})["error"])
	w.clean()
}

func choice(text, value string) obj { return obj{"text": plainText(text), "value": value} }

func TestFillingIn(t *testing.T) {
	options := []any{choice("One", "1"), choice("Two", "2")}
	w := newWorld(t)
	v := w.open(modal(
		asks("text", obj{"type": "plain_text_input", "action_id": "a", "initial_value": "first", "max_length": 9}),
		asks("number", obj{"type": "number_input", "action_id": "a", "is_decimal_allowed": false, "max_value": "10"}),
		asks("pick", obj{"type": "static_select", "action_id": "a", "options": options, "initial_option": options[0]}),
		asks("radio", obj{"type": "radio_buttons", "action_id": "a", "options": options}),
		asks("server", obj{"type": "external_select", "action_id": "a", "min_query_length": 2}),
	))
	w.app.says(`{"options":[{"text":{"type":"plain_text","text":"web-1"},"value":"12345"}]}`)
	before := w.app.count()
	require.Nil(t, w.lea.Suggest(v, "server", "w"), "too short to ask")
	require.Equal(t, before, w.app.count())
	require.Equal(t, []Option{{"web-1", "12345"}}, w.lea.Suggest(v, "server", "we"))
	require.Equal(t, "block_suggestion", w.app.last().json["type"])
	require.Equal(t, "we", w.app.last().json["value"])

	w.lea.Fill(v, map[string]any{"number": 11, "pick": "Two", "radio": "1", "server": "web-1"})
	require.Contains(t, w.lea.Submit(v).Errors, "number")
	w.lea.Fill(v, map[string]any{"number": 10, "text": "far too long"})
	require.Contains(t, w.lea.Submit(v).Errors, "text")
	w.lea.Fill(v, map[string]any{"text": "fits"})
	w.app.says("")
	require.True(t, w.lea.Submit(v).OK())
	values := w.app.last().json["view"].(obj)["state"].(obj)["values"].(obj)
	at := func(block string) obj { return values[block].(obj)["a"].(obj) }
	require.Equal(t, "fits", at("text")["value"])
	require.Equal(t, "10", at("number")["value"])
	require.Equal(t, "2", at("pick")["selected_option"].(obj)["value"])
	require.Equal(t, "1", at("radio")["selected_option"].(obj)["value"])
	require.Equal(t, "12345", at("server")["selected_option"].(obj)["value"])
	w.clean()
}

func TestWhatCannotBeFilledIn(t *testing.T) {
	for name, values := range map[string]map[string]any{
		"nowhere":   {"other": "x"},
		"no option": {"pick": "Three"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			v := w.open(modal(asks("pick", obj{"type": "static_select", "action_id": "a", "options": []any{choice("One", "1")}})))
			w.lea.Fill(v, values)
			require.Len(t, w.Violations(), 1)
		})
	}
}

package fakeslack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestResponseOfACommand(t *testing.T) {
	w := newWorld(t)
	w.KickBot("C1") // it works where the bot is not
	w.lea.Type("/vps servers list")
	url := w.app.last().form["response_url"]
	for i, args := range []obj{
		{"text": "alone"},
		{"text": "to all", "response_type": "in_channel"},
		{"text": "again", "replace_original": true},
		{"text": "more"},
		{"text": "last"},
	} {
		status, answered := w.respond(url, args)
		require.Equal(t, 200, status, "%d: %s", i, answered)
	}
	require.Len(t, w.Messages("C1"), 1)
	require.Len(t, w.Ephemerals("U1"), 4, "a command has no original that could be replaced")
	require.Empty(t, w.Ephemerals("U2"))
	status, answered := w.respond(url, obj{"text": "too many"})
	require.Equal(t, 404, status)
	require.Equal(t, "used_url", answered)
	status, answered = w.respond(url+"x", obj{"text": "nowhere"})
	require.Equal(t, 404, status)
	require.Equal(t, "no_service", answered)
	w.clean()
}

func TestResponseURLsEnd(t *testing.T) {
	w := newWorld(t)
	w.lea.Type("/vps")
	url := w.app.last().form["response_url"]
	w.clock.Advance(responseLife)
	status, _ := w.respond(url, obj{"text": "just in time"})
	require.Equal(t, 200, status)
	w.clock.Advance(time.Second)
	status, answered := w.respond(url, obj{"text": "late"})
	require.Equal(t, 404, status)
	require.Equal(t, "expired_url", answered)
	w.clean()
}

func TestResponseOfAPress(t *testing.T) {
	w := newWorld(t)
	w.lea.Type("/vps")
	w.respond(w.app.last().form["response_url"], obj{"text": "card", "blocks": []any{row(press("yes", "Yes"))}})
	card := w.WaitEphemeral("U1", "card")
	require.True(t, w.lea.Press(card, "Yes").OK())
	url := w.app.last().json["response_url"].(string)
	status, answered := w.respond(url, obj{"text": "done", "replace_original": true})
	require.Equal(t, 200, status, answered)
	require.Equal(t, "done", card.Text())
	require.Empty(t, card.Buttons())
	require.Equal(t, []string{"Yes"}, []string{card.History()[0].Buttons()[0].Text})

	status, _ = w.respond(url, obj{"text": "more"})
	require.Equal(t, 200, status)
	require.Len(t, w.Ephemerals("U1"), 2)
	w.DeleteMessage(card)
	require.NotContains(t, w.Ephemerals("U1"), card)
	_, answered = w.respond(url, obj{"text": "x", "replace_original": true})
	require.Equal(t, "message_not_found", answered)
	w.clean()
}

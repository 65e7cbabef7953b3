package fakeslack

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSlashCommand(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.app)
	defer server.Close()
	w.Deliver(server.URL + "/")
	a := w.lea.Type("/vps servers delete web-1")
	require.True(t, a.OK())
	require.Empty(t, a.Body)
	in := w.app.last()
	require.Equal(t, "/slack/commands", in.path)
	require.Equal(t, "application/x-www-form-urlencoded", in.header.Get("Content-Type"))
	require.Equal(t, map[string]string{
		"command": "/vps", "text": "servers delete web-1", "team_id": "T0TEAM", "team_domain": domain, "channel_id": "C1",
		"channel_name": "c1", "user_id": "U1", "user_name": "lea", "api_app_id": appID, "token": legacy,
		"is_enterprise_install": "false", "trigger_id": in.form["trigger_id"], "response_url": in.form["response_url"],
	}, in.form)
	require.Equal(t, signature(w.Options().SigningSecret, in.header.Get("X-Slack-Request-Timestamp"), in.body),
		in.header.Get("X-Slack-Signature"))
	require.Equal(t, "1750000000", in.header.Get("X-Slack-Request-Timestamp"))

	w.As("U9").In("C1").Type("/vps")
	require.Equal(t, "T9OTHER", w.app.last().form["team_id"])
	w.As("U1").Type("/vps")
	require.Equal(t, "DU1", w.app.last().form["channel_id"])
	w.clean()
}

// The example is Slack's own, from its page on verifying requests.
func TestSignature(t *testing.T) {
	body := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V" +
		"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=" +
		"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
		"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	require.Equal(t, "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
		signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", []byte(body)))
}

func TestAcknowledgementOfACommand(t *testing.T) {
	w := newWorld(t)
	w.app.says("plain text")
	w.lea.Type("/vps")
	w.app.says(`{"text":"to all","response_type":"in_channel"}`)
	w.lea.Type("/vps")
	w.app.says(`{}`)
	w.lea.Type("/vps")
	require.Equal(t, "plain text", w.Ephemerals("U1")[0].Text())
	require.Equal(t, "to all", w.Messages("C1")[0].Text())
	w.clean()
	w.app.says(`{"text":"<!channel>"}`)
	w.lea.Type("/vps")
	require.Contains(t, strings.Join(w.Violations(), "\n"), "calls everybody")
}

func TestPressOnAMessage(t *testing.T) {
	w := newWorld(t)
	w.post("chat.postMessage", obj{"channel": "C1", "text": "card", "blocks": []any{row(press("yes", "Yes"), press("no", "No"))}})
	m := w.WaitMessage("C1", "card")
	require.Equal(t, []string{"Yes", "No"}, m.Buttons())
	w.As("U9").In("C1").Press(m, "No")
	in := w.app.last()
	require.Equal(t, "/slack/interactivity", in.path)
	require.Equal(t, "block_actions", in.json["type"])
	require.Equal(t, obj{"id": "U9", "username": "guest", "name": "guest", "team_id": "T9OTHER"}, in.json["user"])
	require.Equal(t, "T0TEAM", in.json["team"].(obj)["id"])
	require.Equal(t, obj{"type": "message", "message_ts": m.TS, "channel_id": "C1", "is_ephemeral": false}, in.json["container"])
	require.Equal(t, m.TS, in.json["message"].(obj)["ts"])
	require.NotEmpty(t, in.json["trigger_id"])
	require.NotEmpty(t, in.json["response_url"])
	action := in.json["actions"].([]any)[0].(obj)
	require.Equal(t, "v-no", action["value"])
	require.Equal(t, "no", action["action_id"])
	require.Equal(t, "row", action["block_id"])

	old := m.Button("yes")
	w.post("chat.update", obj{"channel": "C1", "ts": m.TS, "text": "done", "blocks": []any{}})
	require.True(t, w.lea.PressButton(m, old).OK(), "an old screen can still be pressed")
	w.clean()
	before := w.app.count()
	w.lea.Press(m, "yes")
	old.Value = "forged"
	w.lea.PressButton(m, old)
	require.Equal(t, before, w.app.count())
	require.Len(t, w.Violations(), 3)
}

func TestEphemeralsTellLittle(t *testing.T) {
	w := newWorld(t)
	w.lea.Type("/vps")
	w.respond(w.app.last().form["response_url"], obj{"text": "card", "blocks": []any{row(press("yes", "Yes"))}})
	w.lea.Press(w.WaitEphemeral("U1", "card"), "yes")
	require.NotContains(t, w.app.last().json, "message")
	require.Equal(t, true, w.app.last().json["container"].(obj)["is_ephemeral"])
	w.clean()
}

func TestHome(t *testing.T) {
	w := newWorld(t)
	w.lea.OpenHome()
	in := w.app.last()
	require.Equal(t, "/slack/events", in.path)
	require.Equal(t, "event_callback", in.json["type"])
	require.Equal(t, "app_home_opened", in.json["event"].(obj)["type"])
	require.NotContains(t, in.json["event"], "view")

	home := obj{"type": "home", "blocks": []any{
		section("*Fleet*"), row(press("next", "Next")),
		with(asks("filter", obj{"type": "plain_text_input", "action_id": "f"}), "dispatch_action", true),
	}}
	answered := w.post("views.publish", obj{"user_id": "U1", "view": home})
	require.Equal(t, true, answered["ok"], answered)
	v := w.WaitHome("U1", "Fleet")
	require.True(t, w.lea.Choose(v, "filter", "web").OK())
	in = w.app.last()
	require.Equal(t, obj{"type": "view", "view_id": v.ID}, in.json["container"])
	require.Equal(t, "web", in.json["actions"].([]any)[0].(obj)["value"])
	require.Equal(t, "web", in.json["view"].(obj)["state"].(obj)["values"].(obj)["filter"].(obj)["f"].(obj)["value"])
	require.NotContains(t, in.json, "response_url")
	w.lea.Press(v, "next")
	require.Nil(t, w.Home("U2"))
	w.lea.OpenHome()
	require.Contains(t, w.app.last().json["event"], "view")
	w.clean()
}

func TestSlowAcknowledgement(t *testing.T) {
	w := newWorld(t)
	release := make(chan struct{})
	w.DeliverTo(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer close(release)
	a := w.lea.AllowSlow().Type("/vps")
	require.ErrorIs(t, a.Err, errSlow)
	w.clean()
	a = w.lea.Type("/vps")
	require.False(t, a.OK())
	require.Contains(t, w.Violations()[0], "within 3 s")
	require.GreaterOrEqual(t, a.Took, ackTime)
}

func TestAttacks(t *testing.T) {
	w := newWorld(t)
	w.app.reply = func(received) (int, string) { return http.StatusUnauthorized, "no" }
	a := w.lea.Type("/vps")
	require.Equal(t, 401, a.Status)
	require.False(t, a.OK())
	first := w.app.last()
	w.clock.Advance(time.Minute)
	w.Replay(a)
	require.Equal(t, first, w.app.last(), "byte for byte")
	req := w.Signed("/slack/commands", []byte("text=x"), w.clock.Now().Add(-time.Hour))
	req.Header.Set("X-Slack-Signature", "v0=00")
	require.Equal(t, "no", string(w.Send(req).Body))
	w.clean()
}

func TestWaiting(t *testing.T) {
	w := newWorld(t)
	go func() {
		time.Sleep(20 * time.Millisecond)
		_, _ = w.try(time.Second)
	}()
	require.Equal(t, "x", w.WaitMessage("C1", "x").Text())
	require.Contains(t, w.Transcript(), "C1, U0VPSBOT")
	w.clean()
}

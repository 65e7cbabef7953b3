package fakeslack

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTokensAndScopes(t *testing.T) {
	w := newWorld(t, "commands", "chat:write")
	bot, app := w.Options().BotToken, w.Options().AppToken
	for name, c := range map[string]struct{ token, method, code string }{
		"none":           {"", "auth.test", "not_authed"},
		"wrong":          {"xoxb-wrong", "auth.test", "invalid_auth"},
		"right":          {bot, "auth.test", ""},
		"the app's":      {app, "auth.test", "not_allowed_token_type"},
		"the bot's":      {bot, "apps.connections.open", "not_allowed_token_type"},
		"app":            {app, "apps.connections.open", ""},
		"no such method": {bot, "chat.shout", "unknown_method"},
		"scope":          {bot, "files.getUploadURLExternal", "missing_scope"},
		"other scope":    {bot, "usergroups.users.list", "missing_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _ := w.postAs(c.token, c.method, obj{})["error"].(string)
			require.Equal(t, c.code, code)
		})
	}
	answered := w.post("files.getUploadURLExternal", obj{})
	require.Equal(t, "files:write", answered["needed"])
	require.Equal(t, "commands,chat:write", answered["provided"])
	w.clean()
}

func TestTokenAndBlocksInAForm(t *testing.T) {
	w := newWorld(t)
	blocks, _ := json.Marshal([]any{section("hello")})
	resp, err := http.PostForm(w.APIURL()+"chat.postMessage", url.Values{
		"token": {w.Options().BotToken}, "channel": {"C1"}, "text": {"hello"}, "blocks": {string(blocks)},
	})
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Contains(t, resp.Header.Get("X-OAuth-Scopes"), "chat:write")
	require.Equal(t, "hello\nhello", w.Messages("C1")[0].Text())
	w.clean()
}

func TestPosting(t *testing.T) {
	w := newWorld(t)
	w.AddChannel("C2")
	w.KickBot("C2")
	w.AddChannel("C3")
	w.ArchiveChannel("C3")
	for channel, code := range map[string]string{
		"C1": "", "U1": "", "C2": "not_in_channel", "C3": "is_archived", "C404": "channel_not_found",
		"U9": "channel_not_found",
	} {
		answered := w.post("chat.postMessage", obj{"channel": channel, "text": "hello"})
		got, _ := answered["error"].(string)
		require.Equal(t, code, got, channel)
	}
	require.Equal(t, "hello", w.DMs("U1")[0].Text())
	require.Equal(t, "no_text", w.post("chat.postMessage", obj{"channel": "C1"})["error"])
	require.Len(t, w.Calls("chat.postMessage"), 7)
	require.Len(t, w.Calls(""), 7)
	w.clean()
}

func TestUpdating(t *testing.T) {
	w := newWorld(t)
	ts := w.post("chat.postMessage", obj{"channel": "C1", "text": "one", "blocks": []any{section("block")}})["ts"]
	m := w.WaitMessage("C1", "one")
	require.Equal(t, true, w.post("chat.update", obj{"channel": "C1", "ts": ts, "text": "two"})["ok"])
	require.Equal(t, "two\nblock", m.Text(), "blocks that are not given stay")
	w.post("chat.update", obj{"channel": "C1", "ts": ts, "text": "three", "blocks": []any{}})
	require.Equal(t, "three", m.Text())
	require.Len(t, m.History(), 3)

	w.mu.Lock()
	theirs := w.add(w.channels["C1"], &Message{From: "U1"}, Version{Fallback: "mine"})
	w.mu.Unlock()
	require.Equal(t, "cant_update_message", w.post("chat.update", obj{"channel": "C1", "ts": theirs.TS, "text": "x"})["error"])
	w.app.says("psst")
	w.lea.Type("/vps")
	alone := w.WaitEphemeral("U1", "psst").TS
	require.Equal(t, "message_not_found", w.post("chat.update", obj{"channel": "C1", "ts": alone, "text": "x"})["error"])

	reply := w.post("chat.postMessage", obj{"channel": "C1", "text": "reply", "thread_ts": ts})
	require.Equal(t, ts, reply["message"].(obj)["thread_ts"])
	w.DeleteMessage(m)
	require.Equal(t, "message_not_found", w.post("chat.update", obj{"channel": "C1", "ts": ts, "text": "x"})["error"])
	reply = w.post("chat.postMessage", obj{"channel": "C1", "text": "reply", "thread_ts": ts})
	require.NotContains(t, reply["message"], "thread_ts", "the thread is gone")
	require.Len(t, w.Messages("C1"), 3)
	require.Len(t, w.Ephemerals("U1"), 1)
	w.clean()
}

func TestTeam(t *testing.T) {
	w := newWorld(t)
	w.AddUserGroup("S1", "U1", "U2")
	require.Equal(t, "T0TEAM", w.post("auth.test", obj{})["team_id"])
	require.Equal(t, "no_such_subteam", w.post("usergroups.users.list", obj{"usergroup": "S2"})["error"])
	for range maxGroupReads {
		require.Len(t, w.post("usergroups.users.list", obj{"usergroup": "S1"})["users"], 2)
	}
	require.Equal(t, "ratelimited", w.post("usergroups.users.list", obj{"usergroup": "S1"})["error"])
	w.clock.Advance(time.Minute)
	require.Equal(t, true, w.post("usergroups.users.list", obj{"usergroup": "S1"})["ok"])
	w.clean()
}

func TestRate(t *testing.T) {
	w := newWorld(t)
	for range 20 {
		w.post("chat.postMessage", obj{"channel": "C1", "text": "x"})
		w.clock.Advance(time.Second)
	}
	require.Zero(t, w.Rate("C1"))
	for range 20 {
		w.post("chat.postMessage", obj{"channel": "C1", "text": "x"})
	}
	require.Equal(t, 15, w.Rate("C1"))
	w.clean()
}

func TestSecrets(t *testing.T) {
	for name, send := range map[string]func(*world){
		"json":     func(w *world) { w.post("chat.postMessage", obj{"channel": "C1", "text": "see hunter2"}) },
		"metadata": func(w *world) { w.post("views.open", obj{"view": obj{"private_metadata": "hunter2"}}) },
		"token":    func(w *world) { w.post("chat.postMessage", obj{"channel": "C1", "text": w.Options().BotToken}) },
		"response": func(w *world) { w.respond(w.server.URL+"/commands/x", obj{"text": "hunter2"}) },
		"ack":      func(w *world) { w.app.says("hunter2"); w.lea.Type("/vps") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Secrets = []string{"hunter2"}
			send(w)
			require.Contains(t, w.Violations()[0], "holds a secret")
			require.NotContains(t, w.Violations()[0], "hunter2")
		})
	}
}

func TestFiles(t *testing.T) {
	w := newWorld(t)
	where := w.post("files.getUploadURLExternal", obj{"filename": "servers.csv", "length": 5})
	id := where["file_id"].(string)
	share := obj{"files": []any{obj{"id": id, "title": "Servers"}}, "channel_id": "C1", "initial_comment": "All servers"}
	require.Equal(t, "file_not_found", w.post("files.completeUploadExternal", share)["error"])
	w.uploads(where["upload_url"].(string), "")
	require.Contains(t, w.Violations()[0], "announced with 5 bytes and has 0")
	w.uploads(where["upload_url"].(string), "a,b\nc")
	require.Equal(t, true, w.post("files.completeUploadExternal", share)["ok"])
	require.Equal(t, "a,b\nc", string(w.Files()[0].Content))
	require.Equal(t, "Servers", w.WaitMessage("C1", "All servers").Files[0].Title)
	share["channel_id"] = "U1"
	require.Equal(t, "channel_not_found", w.post("files.completeUploadExternal", share)["error"])
	require.Equal(t, "invalid_arguments", w.post("files.getUploadURLExternal", obj{"filename": "x"})["error"])
}

package slackbot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
	"github.com/vpsbot/vpsbot/tools"
)

var noon = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// answering is an HTTP client whose every request gets one answer.
type answering string

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

// idle is a bot of workspace T1 in enterprise E1, without a policy and a store, that does not run.
func idle(t testing.TB) *Bot {
	identity := answering(`{"ok":true,"team_id":"T1","enterprise_id":"E1"}`)
	b, err := New(Options{
		Runner: &runner.Runner{Policy: func() permissions.Policy { return permissions.Policy{} }},
		Store:  func(context.Context) (Store, error) { return nil, errors.New("there is none") },
		Token:  "xoxb-1", APIURL: "http://127.0.0.1:1/api/", Client: &http.Client{Transport: identity}, Random: rand.Reader,
		Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	err = b.api.Identify(t.Context())
	require.NoError(t, err)
	return b
}

func TestMatchingServers(t *testing.T) {
	t.Parallel()
	servers := []server{{"1", "web-2", ""}, {"2", "web-1", "203.0.113.7"}, {"12", "old-web", ""}, {"31", "db", ""}, {"4", "Web", ""}, {"5", "", ""}}
	for typed, want := range map[string]string{
		"":            ` (5) db (31) old-web (12) Web (4) web-1 (2) web-2 (1)`,
		"web":         `Web (4) web-1 (2) web-2 (1) old-web (12)`,
		"WEB ":        `Web (4) web-1 (2) web-2 (1) old-web (12)`,
		"1":           `web-2 (1) web-1 (2) db (31) old-web (12)`,
		"203.0.113.7": `web-1 (2)`, "web\u20111": `web-1 (2)`,
		"mail": ``,
	} {
		var got []string
		for _, c := range matching(servers, typed) {
			got = append(got, c.Label)
		}
		require.Equal(t, want, strings.Join(got, " "), typed)
	}
}

func TestServerLabelKeepsID(t *testing.T) {
	t.Parallel()
	label := server{id: "8c5f1e0a-9d6b-4a51-b4f4-0123456789ab", name: strings.Repeat("ä", 300)}.label()
	require.Equal(t, maxLabel, utf8.RuneCountInString(label))
	require.True(t, strings.HasSuffix(label, "… (8c5f1e0a-9d6b-4a51-b4f4-0123456789ab)"))
	require.NotPanics(t, func() { _ = server{id: strings.Repeat("9", 300), name: "x"}.label() })
}

func TestMentionedGroups(t *testing.T) {
	t.Parallel()
	require.Empty(t, MentionedGroups(nil))
	require.Equal(t, []string{"S1", "S2", "S3"}, MentionedGroups(&permissions.Rulebook{
		Groups: []permissions.Group{{Name: "oncall", SlackGroups: []string{"S2", "S1"}}},
		Rules: []permissions.Rule{
			{Who: []permissions.Principal{"lea", "slack-group:S1"}},
			{Who: []permissions.Principal{"*"}, Approvers: &permissions.Approvers{Who: []permissions.Principal{"slack-group:S3", "slack:U1"}}},
		},
	}))
}

func TestUserGroupReadOrder(t *testing.T) {
	t.Parallel()
	now := noon
	c := newGroupCache(func() time.Time { return now })
	read := func(id string, err error) {
		_, _ = c.lists.Read(t.Context(), id, func(context.Context) ([]string, error) { return []string{"U1"}, err })
	}
	var ids []string
	for i := range 30 {
		ids = append(ids, fmt.Sprintf("S%02d", i))
	}
	first := c.due(ids)
	require.Equal(t, ids[:20], first)
	for _, id := range first {
		require.True(t, c.reserveRead())
		read(id, nil)
	}
	require.Equal(t, ids[20:], c.due(ids))
	require.False(t, c.reserveRead(), "twenty a minute")
	read("S20", errReadLimit)
	require.Contains(t, c.due(ids), "S20", "our own limit causes no pause")
	later := noon.Add(time.Minute)
	now = later
	require.Equal(t, append(ids[20:30:30], ids[:10]...), c.due(ids), "the oldest first")
	require.True(t, c.reserveRead())
	read("S20", &webapi.RateLimitedError{After: 30 * time.Second})
	now = later.Add(29 * time.Second)
	require.NotContains(t, c.due(ids), "S20")
	now = later.Add(30 * time.Second)
	require.Contains(t, c.due(ids), "S20")
	now = noon.Add(groupGrace - 1)
	require.Equal(t, []string{"S00", "?S20"}, c.of("U1", []string{"S00", "S20"}))
	now = noon.Add(groupGrace)
	require.Equal(t, []string{"?S00"}, c.of("U1", []string{"S00"}))
	now = noon.Add(-time.Second)
	require.Equal(t, []string{"?S00"}, c.of("U1", []string{"S00"}), "a clock that was set back")
	now = noon
	require.Empty(t, c.of("U2", ids[:20]))
}

func TestExternalPersonHasNoGroups(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		request
		team string
		met  bool
		why  string
	}{
		{request{user: "U9", trigger: "1"}, "T9", false, "of another workspace"},
		{request{user: "U1"}, "T1", false, "an event does not name the user's workspace"},
		{request{user: "U1", trigger: "1"}, "T1", true, "of the workspace"},
	} {
		c.Bot = idle(t)
		c.identify(t.Context(), origin{team: c.team})
		require.Empty(t, c.groups, c.why)
		_, met := c.workspace.met.Get(c.user)
		require.Equal(t, c.met, met, c.why)
	}
}

func TestFormMetadata(t *testing.T) {
	t.Parallel()
	b := idle(t)
	op, _ := tools.Default.Lookup("servers.restore")
	c := command.Command{Kind: command.Operation, Op: op, Input: map[string]string{"server": "web-1", "dry_run": "true", "wait": "false"}, Own: map[string]string{shareFlag: "true"}}
	r := &request{Bot: b, responseURL: "https://hooks.slack.com/x", channel: "C1"}
	var meta formMeta
	require.NoError(t, b.sealer.OpenToken(formPurpose, form{r, c}.token(), &meta))
	require.Equal(t, formMeta{
		Op: op.Name, Given: map[string]string{"dry_run": "true", "wait": "false"}, Own: map[string]string{shareFlag: "true"}, ResponseURL: r.responseURL, Channel: "C1",
	}, meta)
	r.responseURL = "https://hooks.slack.com/" + strings.Repeat("x", 4000)
	require.LessOrEqual(t, len(form{r, c}.token()), maxMeta)
}

func TestForgedForm(t *testing.T) {
	t.Parallel()
	b := idle(t)
	var w view
	w.State.Values = map[string]map[string]slack.BlockAction{blocks.FieldBlock("server"): {}}
	for _, meta := range []string{"", "x", b.sealer.Token(answerPurpose, answerMeta{}), b.sealer.Token(formPurpose, formMeta{Op: "servers.explode"})} {
		w.Meta = meta
		ack, wrong := b.checkForm(w)
		require.True(t, wrong)
		require.Contains(t, string(ack), "field:server", meta)
		require.Contains(t, string(ack), "too old")
	}
}

// The sealed metadata of an open tab proves that its person was known, and has the page.
func TestStoredHomePage(t *testing.T) {
	t.Parallel()
	b := idle(t)
	of := func(page homePage) view { return view{Meta: b.sealer.Token(homePurpose, page)} }
	theirs := homePage{User: "U1", Offset: 20}
	for name, c := range map[string]struct {
		request
		view
	}{
		"none":      {request{Bot: b, user: "U2"}, view{}},
		"another's": {request{Bot: b, user: "U3"}, of(theirs)},
		"nobody's":  {request{Bot: b, user: "U4"}, of(homePage{})},
		"external":  {request{Bot: b, user: "U1", external: true}, of(theirs)},
	} {
		require.Equal(t, homePage{}, c.storedPage(c.view), name)
		_, met := b.workspace.met.Get(c.user)
		require.False(t, met, name)
	}
	own := &request{Bot: b, user: "U1"}
	require.Equal(t, theirs, own.storedPage(of(theirs)))
	_, met := b.workspace.met.Get("U1")
	require.True(t, met)
}

// Any payload gets a valid answer from the pure part of a form.
func FuzzForms(f *testing.F) {
	b := idle(f)
	meta := b.sealer.Token(formPurpose, formMeta{Op: "servers.create", Given: map[string]string{"dry_run": "true"}})
	f.Add(meta, `{"values":{"field:plan_id":{"field:plan_id":{"value":"x"}}}}`, `{"type":"block_suggestion"}`)
	f.Add("", `null`, `[]`)
	f.Fuzz(func(t *testing.T, typed, state, body string) {
		for _, m := range []string{meta, typed} {
			w := view{Meta: m}
			if json.Unmarshal([]byte(state), &w.State) != nil {
				w.State = slack.ViewState{}
			}
			if ack, wrong := b.checkForm(w); ack != nil {
				require.True(t, wrong)
				require.True(t, json.Valid(ack))
			}
		}
		require.True(t, json.Valid(b.suggestServers(t.Context(), transport.Delivery{ID: "1", Kind: transport.Options, Body: []byte(body)})))
	})
}

// The enterprise of a workspace counts only if it is the person's own workspace.
func TestExternalByEnterprise(t *testing.T) {
	t.Parallel()
	b := idle(t)
	for payload, ours := range map[string]bool{
		`{"user":{"id":"U2","team_id":"T1"}}`:                                               true,
		`{"user":{"id":"U2","team_id":"T2","enterprise_id":"E1"}}`:                          true,
		`{"user":{"id":"U2","team_id":"T2"},"team":{"id":"T2","enterprise_id":"E1"}}`:       true,
		`{"user":{"id":"U2","team_id":"T2"},"team":{"id":"T2"},"enterprise":{"id":"E1"}}`:   true,
		`{"user":{"id":"U2"},"team":{"id":"T1"}}`:                                           true,
		`{"user":{"id":"U2","team_id":"T9"},"team":{"id":"T1"},"enterprise":{"id":"E1"}}`:   false,
		`{"user":{"id":"U2","team_id":"T9"},"team":{"id":"T1","enterprise_id":"E1"}}`:       false,
		`{"user":{"id":"U2","team_id":"T9","enterprise_id":"E9"},"enterprise":{"id":"E1"}}`: false,
		`{"user":{"id":"U2","team_id":"T9"},"team":{"id":"T9"}}`:                            false,
		`{"user":{"id":"U2"}}`: false,
		`{"team_id":"T9","event":{"user":"U2"},"enterprise":{"id":"E1"}}`: false,
	} {
		require.Equal(t, ours, !b.fromPayload(t.Context(), transport.Delivery{}, parsed(t, payload)).external, payload)
	}
}

func parsed(t *testing.T, raw string) (p payload) {
	require.NoError(t, json.Unmarshal([]byte(raw), &p))
	return p
}

package slackbot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/tools"
)

var noon = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

func idle(t testing.TB) *Bot {
	b, err := New(Options{
		Token: "xoxb-1", APIURL: "http://127.0.0.1:1/api/", Client: http.DefaultClient, Random: rand.Reader,
		Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return b
}

func TestFitting(t *testing.T) {
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
		for _, c := range choices(fitting(servers, typed)) {
			got = append(got, c.Label)
		}
		require.Equal(t, want, strings.Join(got, " "), typed)
	}
}

func TestALabelKeepsItsID(t *testing.T) {
	t.Parallel()
	label := server{id: "8c5f1e0a-9d6b-4a51-b4f4-0123456789ab", name: strings.Repeat("ä", 300)}.label()
	require.Equal(t, mostLabel, utf8.RuneCountInString(label))
	require.True(t, strings.HasSuffix(label, "… (8c5f1e0a-9d6b-4a51-b4f4-0123456789ab)"))
	require.NotPanics(t, func() { _ = server{id: strings.Repeat("9", 300), name: "x"}.label() })
}

func TestGroupsThatAPolicyMentions(t *testing.T) {
	t.Parallel()
	require.Empty(t, mentionedGroups(nil))
	require.Equal(t, []string{"S1", "S2", "S3"}, mentionedGroups(&permissions.Rulebook{
		Groups: []permissions.Group{{Name: "oncall", SlackGroups: []string{"S2", "S1"}}},
		Rules: []permissions.Rule{
			{Who: []permissions.Principal{"lea", "slack-group:S1"}},
			{Who: []permissions.Principal{"*"}, Approvers: &permissions.Approvers{Who: []permissions.Principal{"slack-group:S3", "slack:U1"}}},
		},
	}))
}

func TestGroupsAreReadInTurn(t *testing.T) {
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
		require.True(t, c.reserveRead(now))
		read(id, nil)
	}
	require.Equal(t, ids[20:], c.due(ids))
	require.False(t, c.reserveRead(now), "twenty a minute")
	read("S20", errGroupReads)
	require.Contains(t, c.due(ids), "S20", "our own limit causes no pause")
	later := noon.Add(time.Minute)
	now = later
	require.Equal(t, append(ids[20:30:30], ids[:10]...), c.due(ids), "the oldest first")
	require.True(t, c.reserveRead(now))
	read("S20", &limitedError{30 * time.Second})
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

func TestAStrangerIsInNoGroup(t *testing.T) {
	t.Parallel()
	b := idle(t)
	b.Runner = &runner.Runner{Policy: func() permissions.Policy { return permissions.Policy{} }}
	require.Empty(t, b.groupsOf(t.Context(), &visit{user: "U9", external: true, trigger: "1"}))
	require.False(t, b.groups.hasMet("U9"))
	require.Empty(t, b.groupsOf(t.Context(), &visit{user: "U1"}))
	require.False(t, b.groups.hasMet("U1"), "an event says nothing of where somebody is from")
	require.Empty(t, b.groupsOf(t.Context(), &visit{user: "U1", trigger: "1"}))
	require.True(t, b.groups.hasMet("U1"))
}

func TestTablesOfPagesBecomeOne(t *testing.T) {
	t.Parallel()
	require.Empty(t, joinTables(nil).Rows)
	failed := runner.Reply{Class: runner.Failed, Message: "no"}
	require.Empty(t, joinTables([]runner.Reply{failed}).Rows)
	require.False(t, isWhole([]runner.Reply{failed}))
	require.False(t, isWhole(nil))
}

func TestAFormTakesAlongWhatItDoesNotAskFor(t *testing.T) {
	t.Parallel()
	b := idle(t)
	op, _ := tools.Lookup("servers.restore")
	c := command.Command{Kind: command.Operation, Op: op, Input: map[string]string{"server": "web-1", "dry_run": "true", "wait": "false"}, Share: true}
	v := &visit{url: "https://hooks.slack.com/x", channel: "C1"}
	var ask formAsk
	require.NoError(t, b.untoken(formPurpose, b.formToken(v, c), &ask))
	require.Equal(t, formAsk{
		Op: op.Name, Given: map[string]string{"dry_run": "true", "wait": "false"}, Share: true, URL: v.url, Channel: "C1",
	}, ask)
	v.url = "https://hooks.slack.com/" + strings.Repeat("x", 4000)
	require.LessOrEqual(t, len(b.formToken(v, c)), mostMeta)
}

func filledIn(b *Bot, op string, given, typed map[string]string) view {
	o, _ := tools.Lookup(op)
	w := view{State: &slack.ViewState{Values: map[string]map[string]slack.BlockAction{}}}
	w.Meta = b.token(formPurpose, formAsk{Op: o.Name, Given: given})
	for name, text := range typed {
		w.State.Values[blocks.FieldBlock(name)] = map[string]slack.BlockAction{blocks.FieldBlock(name): {Value: text}}
	}
	return w
}

func TestAFilledFormIsItsCommand(t *testing.T) {
	t.Parallel()
	b := idle(t)
	w := filledIn(b, "servers.update", map[string]string{"dry_run": "true", "name": "was typed first"}, map[string]string{"server": "web-1", "name": "", "hostname": "h.example.com"})
	c, _, err := b.formCommand(w)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"server": "web-1", "hostname": "h.example.com", "dry_run": "true"}, c.Input, "what was emptied stays empty")
	ack, wrong := b.checkForm(w)
	require.False(t, wrong)
	require.Nil(t, ack)
}

func TestAFormThatIsNotOurs(t *testing.T) {
	t.Parallel()
	b := idle(t)
	w := filledIn(b, "servers.get", nil, map[string]string{"server": "web-1"})
	for _, meta := range []string{"", "x", b.token(askedPurpose, asked{}), b.token(formPurpose, formAsk{Op: "servers.explode"})} {
		w.Meta = meta
		ack, wrong := b.checkForm(w)
		require.True(t, wrong)
		require.Contains(t, string(ack), "field:server", meta)
		require.Contains(t, string(ack), "too old")
	}
}

// What is sealed in the tab that somebody has says that they were known, and where they were.
func TestATabIsFilledAsItWasLeft(t *testing.T) {
	t.Parallel()
	b := idle(t)
	theirs := view{Meta: b.token(homePurpose, homePage{User: "U1", Offset: 20})}
	for name, w := range map[string]view{"none": {}, "another's": {Meta: b.token(homePurpose, homePage{User: "U2"})}, "nobody's": {Meta: b.token(homePurpose, homePage{})}} {
		require.Equal(t, homePage{}, b.leftAt(&visit{user: "U1"}, w), name)
		require.False(t, b.groups.hasMet("U1"), name)
	}
	require.Equal(t, homePage{}, b.leftAt(&visit{user: "U1", external: true}, theirs))
	require.False(t, b.groups.hasMet("U1"))
	require.Equal(t, homePage{User: "U1", Offset: 20}, b.leftAt(&visit{user: "U1"}, theirs))
	require.True(t, b.groups.hasMet("U1"))
}

// A replica that was slow to claim rows finds them posted already.
func TestRowsThatWerePostedMeanwhile(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "vpsbot.db"))
	require.NoError(t, err)
	defer db.Close()
	_, err = db.AddPost(t.Context(), mirrorPost("C1", streams[0], 5))
	require.NoError(t, err)
	more, err := idle(t).mirrorRows(t.Context(), db, "C1", mirrorBatch{streams[0], 3, []audit.Row{{Seq: 4}, {Seq: 5}}, 5})
	require.NoError(t, err, "Slack is not asked: it could not be reached")
	require.True(t, more, "but what came after may follow")
}

func TestARowTooLongForItsMessageComesInTheNext(t *testing.T) {
	t.Parallel()
	long := make([]audit.Row, mirrorRows)
	for i := range long {
		long[i] = audit.Row{Seq: int64(i + 1), At: noon, Actor: "local:a", Operation: "servers.stop", Decision: "refused", Reason: strings.Repeat("&<", 500)}
	}
	message, n := mirrorMessage(long)
	require.Greater(t, n, 0)
	require.Less(t, n, mirrorRows)
	raw, err := json.Marshal(message.Blocks)
	require.NoError(t, err)
	require.LessOrEqual(t, len(raw), 2*mirrorSize)
	_, n = mirrorMessage(long[:1])
	require.Equal(t, 1, n)
	for i := range long {
		long[i].Reason = "no rule allows it"
	}
	message, n = mirrorMessage(long)
	require.Equal(t, mirrorRows, n)
	require.Equal(t, "10 rows of the audit log", message.Text)
}

// Whatever Slack's client sends, the pure part of a form answers.
func FuzzForms(f *testing.F) {
	b := idle(f)
	b.team.teamID = "T1"
	meta := b.token(formPurpose, formAsk{Op: "servers.create", Given: map[string]string{"dry_run": "true"}})
	f.Add(meta, `{"values":{"field:plan_id":{"field:plan_id":{"value":"x"}}}}`, `{"type":"block_suggestion"}`)
	f.Add("", `null`, `[]`)
	f.Fuzz(func(t *testing.T, typed, state, body string) {
		for _, m := range []string{meta, typed} {
			w := view{Meta: m, State: &slack.ViewState{}}
			if json.Unmarshal([]byte(state), w.State) != nil {
				w.State = nil
			}
			if ack, wrong := b.checkForm(w); ack != nil {
				require.True(t, wrong)
				require.True(t, json.Valid(ack))
			}
		}
		require.True(t, json.Valid(b.suggest(t.Context(), transport.Delivery{ID: "1", Kind: transport.Options, Body: []byte(body)})))
	})
}

// What Slack says of a workspace proves where somebody is from only if it is said of theirs.
func TestWhoIsOfTheEnterprise(t *testing.T) {
	t.Parallel()
	b := idle(t)
	b.team.teamID, b.team.enterprise = "T1", "E1"
	b.Runner = &runner.Runner{Policy: func() permissions.Policy { return permissions.Policy{} }}
	b.Store = func(context.Context) (Store, error) { return nil, errors.New("there is none") }
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
		require.Equal(t, ours, !b.visitOf(t.Context(), transport.Delivery{}, parsed(t, payload)).external, payload)
	}
}

func parsed(t *testing.T, raw string) (p payload) {
	require.NoError(t, json.Unmarshal([]byte(raw), &p))
	return p
}

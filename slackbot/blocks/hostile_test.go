package blocks

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/tools"
)

// hostiles are what others may call their servers.
var hostiles = []string{
	"", " ", "   \t\n ", "web-1", strings.Repeat("x", 10_000), strings.Repeat("&", 3_500), strings.Repeat("`<", 2_000), strings.Repeat("名", 3_500),
	"<!channel>", "<!here|x>", "<@U9EVIL>", "<https://evil.example|your bank>", "https://evil.example", "@here", "#general", "<!date^0^{date}|x>", "<!subteam^S9>",
	"`", "``` code ```", "a`b", "*bold*", "_x_", "~gone~", ":white_check_mark: Done", "x:warning:y", "> quote", "&lt;!channel&gt;", "&amp", "&",
	"\u202Egnp.exe", "a\x00b", "\x1b[31mred", "zero\u200Bwidth", "\U0001F600\uFE0F", "\xff\xfe", "line\nbreak\r\n*Approved* by <@U1>", "“quoted”",
	"=1+1", "2025-01-10T14:30:00Z", "9999-12-31T23:59:59Z", "true", "12345", "slack:U9<!channel>", "slack-group:S9`", "</script>", `{"a":[1,{"b":"<!channel>"}]}`,
}

// everything shows a text in every place of every message, n times.
func everything(t testing.TB, s string, n int) map[string]any {
	rec, person := hostileRecord(t, s, n), s
	if isID(s, "UW") {
		person = "U1" // identity is to be called is the bot's to know
	}
	consents := many(n, approval.Consent{Person: s, Identity: s, Yes: true, At: noon}, approval.Consent{Identity: "slack:" + s, Reason: s, At: noon})
	view := LiveView{Now: noon, Mention: person, Going: true, Progress: s, Waited: time.Duration(n) * time.Minute, Answers: consents, Undo: s}
	rows := many(n, audit.Row{At: noon, Actor: s, Surface: s, Operation: s, Target: "server:1 (" + s + ")", Decision: audit.Decision(s), Reason: s, Approver: "key:" + s, Seq: 1})
	ops := tools.Default.Operations()
	why := map[string]string{"servers.delete": s}
	all := map[string]any{
		"plain": Plain(s), "expiry": Expiry(s), "mirror": Mirror(audit.Row{Actor: s, Target: s, Operation: s, Reason: s, Outcome: audit.Outcome(s)}),
		"suggest": Suggest(s, s, Token(s)), "help": Help(ops, why, nil), "audit": Audit(rows, noon),
		"ask": Ask(rec, AskView{Role: Own, Asker: s, Answers: consents, Call: []string{person, s}}), "second": Ask(rec, AskView{Role: Second, Asker: person, Answers: consents}),
		"name": NameModal(rec, s), "deny": DenyModal(rec, s), "loading": Loading(s, s), "done": modal(s, "", Plain(s).Blocks),
		"approvals": Approvals(many(n, rec), many(n, rec), noon),
	}
	for state := range stateTexts {
		at := with(rec, func(r *approval.Record) { r.State = state })
		all["live "+string(state)], all["answered "+string(state)] = Live(at, view), Answered(at, LiveView{Now: noon, Settled: s, Mention: "U1"})
	}
	for _, op := range ops {
		given, choices := map[string]string{}, Choices{}
		for _, f := range op.Fields {
			given[f.Name] = s
			choices[f.Name] = many(n, Choice{s, s}, Choice{"1", s}, Choice{fmt.Sprint(n), ""})
		}
		all["form "+op.Name], all["picker "+op.Name] = Form(op, given, nil, s), Form(op, given, choices, s)
		all["about "+op.Name] = Help(ops, why, op)
		if op.IsRead() {
			continue
		}
		all["change "+op.Name] = Answer(hostileChange(op, rec, s), AnswerView{SharedBy: person})
	}
	for name, reply := range hostileReads(t, s, n) {
		all["read "+name] = Answer(reply, AnswerView{Next: Token(s), Prev: "p", CSV: "c", SharedBy: "U1"})
		all["home "+name] = Home(HomeView{
			Now: noon, Notice: s, Fleet: reply, Filter: s, Next: Token(s), Prev: "p", Running: many(n, rec), Mine: many(n, rec),
			Waiting: many(n, rec), May: ops, Audit: rows,
		})
	}
	return all
}

func many[T any](n int, items ...T) []T {
	var all []T
	for range n {
		all = append(all, items...)
	}
	return all
}

func hostileRecord(t testing.TB, s string, n int) approval.Record {
	card, err := json.Marshal(runner.Card{
		Operation: s, Effect: s, Target: many(n, tools.Line{Label: s, Value: s}, tools.Line{Label: "status", Value: s}), Lost: many(n, s), Price: s,
		Warnings: many(n, s), AskedBy: s, Confirm: s, Others: strings.ReplaceAll(s, "slack", ""), // the policy's own words
	})
	require.NoError(t, err)
	if n%2 == 1 {
		card = []byte(s)
	}
	return approval.Record{
		ID: s, Operation: s, Risk: s, Actor: s, Surface: s, TargetName: s, Confirm: s, Card: card, Own: true, Others: n, Approvers: s,
		State: approval.Pending, ExpiresAt: noon.Add(time.Hour), Message: s, Result: []byte(s), Person: s,
	}
}

func hostileChange(op *tools.Op, rec approval.Record, s string) runner.Reply {
	s = strings.ToValidUTF8(s, "")
	body, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return runner.Reply{Op: op, Outcome: runner.Done, Message: s, Record: &rec, Value: apiclient.Server{Name: s, Hostname: s, Message: s}, Request: &apiclient.Request{Method: s, Path: s, Body: body}}
}

func hostileReads(t testing.TB, s string, n int) map[string]runner.Reply {
	s = strings.ToValidUTF8(s, "") // what the API sends is JSON
	servers, ok := tools.Default.Lookup("servers.list")
	require.True(t, ok)
	get, _ := tools.Default.Lookup("servers.get")
	me, _ := tools.Default.Lookup("account.get")
	one := apiclient.Server{Name: s, Hostname: s, Status: s, IPAddress: s, Location: s, Message: s, Extra: map[string]any{s: map[string]any{s: []any{s, 1, nil}}}}
	account := apiclient.Me{Account: apiclient.Profile{Email: s}, Token: apiclient.Token{Name: s, Permissions: many(n, s)}}
	return map[string]runner.Reply{
		"list":    {Op: servers, Message: s, Value: tools.Listing[apiclient.Server]{Count: n, Results: many(n, one)}},
		"server":  {Op: get, Value: one},
		"account": {Op: me, Value: account},
		"failed":  {Op: get, Class: runner.Refuse, Message: s},
		"unknown": {Class: runner.Invalid, Message: s},
	}
}

func TestNoTextBreaksAnything(t *testing.T) {
	t.Parallel()
	for i, s := range hostiles {
		crowds := []int{0, 1, 24, 25} // an odd one has a card that cannot be read
		if !testkit.IsFull() {
			crowds = []int{i % 2} // many take half a minute with the race detector
			if i%4 == 3 && len(s) < 1000 {
				crowds = []int{25}
			}
		}
		for _, n := range crowds {
			for name, shown := range everything(t, s, n) {
				check(t, fmt.Sprintf("%s with hostile %d, %d times", name, i, n), shown)
			}
		}
	}
}

func FuzzMessages(f *testing.F) {
	for _, s := range hostiles[5:12] {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, s string, n uint8) {
		if tokens().MatchString(s) {
			t.Skip("the bot's own word for a person")
		}
		for name, shown := range everything(t, s, int(n%30)) {
			check(t, name, shown)
		}
	})
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a & b <c>":           "a &amp; b &lt;c&gt;",
		"&lt;":                "&amp;lt;",
		"  two  \n lines ":    "two lines",
		"servers.* and *x*":   "servers.* and ∗x∗",
		"`code`":              "ʼcodeʼ",
		":warning: x":         "꞉warning: x",
		"a:tada:":             "a꞉tada:",
		"2001:db8:aa:1::1":    "2001:db8:aa:1::1",
		"12:30:00":            "12:30:00",
		"\u202Ea\x00b\u200Bc": "abc",
		"~off~":               "∼off∼",
		"“web-1”":             "“web-1”",
		"_nightly_":           "＿nightly＿",
		"“_nightly_”":         "“＿nightly＿”",
		"__init__":            "＿＿init＿＿",
		"my_db_1 a__b":        "my_db_1 a__b",
		"web* web~ -_x":       "web∗ web∼ -＿x",
		"*_~x":                "∗＿∼x",
	} {
		require.Equal(t, want, escape(in), "%q", in)
	}
}

// The buttons are there however long the card is.
func TestALongCardKeepsItsButtons(t *testing.T) {
	t.Parallel()
	rec := hostileRecord(t, strings.Repeat("w & ", 900), 400)
	rec.ID = recordID
	m := Ask(rec, AskView{Role: Own})
	check(t, "long card", m)
	require.IsType(t, &slack.ActionBlock{}, m.Blocks[len(m.Blocks)-1])
}

func TestApproversAreCalled(t *testing.T) {
	t.Parallel()
	rec := deletion(t)
	card := cardOf(rec)
	card.Others = "Needs the consent of another person: slack:U2, slack-group:S1, bob."
	raw, err := json.Marshal(card)
	require.NoError(t, err)
	rec.Card = raw
	text, err := json.Marshal(Ask(rec, AskView{Role: Second}))
	require.NoError(t, err)
	require.Contains(t, string(text), `another person: \u003c@U2\u003e, \u003c!subteam^S1\u003e, bob.`)
}

func TestFormsComeBack(t *testing.T) {
	t.Parallel()
	op, _ := tools.Default.Lookup("servers.create")
	var state slack.ViewState
	require.NoError(t, json.Unmarshal([]byte(`{"values":{
		"field:name":{"field:name":{"type":"plain_text_input","value":"\u00a0web-9 \u200b\n"}},
		"field:plan_id":{"field:plan_id":{"type":"static_select","selected_option":{"value":"2"}}},
		"field:hostname":{"field:hostname":{"type":"plain_text_input","value":null}},
		"field:backups_enabled":{"field:backups_enabled":{"type":"radio_buttons","selected_option":{"value":"unset"}}},
		"field:dry_run":{"field:dry_run":{"value":"true"}},
		"field:other":{"field:other":{"value":"x"}}}}`), &state))
	require.Equal(t, map[string]string{"name": "web-9", "plan_id": "2"}, Values(op, state))
	server, _ := tools.Default.Lookup("servers.get")
	require.NoError(t, json.Unmarshal([]byte(`{"values":{"field:server":{"server":{"type":"external_select","selected_option":{"value":"12345"}}}}}`), &state))
	require.Equal(t, map[string]string{"server": "12345"}, Values(server, state))
}

func TestAcknowledgements(t *testing.T) {
	t.Parallel()
	require.JSONEq(t, `{"response_action":"errors","errors":{"field:name":"is empty"}}`, string(FormErrors(map[string]string{"name": "is\nempty"})))
	require.Nil(t, FormErrors(nil))
	require.JSONEq(t, `{"response_action":"errors","errors":{"name":"–"}}`, string(NameError("")))
	require.JSONEq(t, `{"options":[]}`, string(Options(nil)))
	var answer struct{ Options []any }
	require.NoError(t, json.Unmarshal(Options(many(150, Choice{"1", "one"}, Choice{strings.Repeat("x", 76), "too long"})), &answer))
	require.Len(t, answer.Options, 100)
}

func TestMoreChoicesThanAListHolds(t *testing.T) {
	t.Parallel()
	op, _ := tools.Default.Lookup("servers.restore")
	var choices []Choice
	for i := range 101 {
		choices = append(choices, Choice{fmt.Sprint(i + 1), "backup"})
	}
	raw, err := json.Marshal(Form(op, nil, Choices{"backup_id": choices}, ""))
	require.NoError(t, err)
	require.NotContains(t, string(raw), "static_select")
	require.Contains(t, string(raw), "101 to choose from")
}

func TestCSV(t *testing.T) {
	t.Parallel()
	file := CSV(runner.Table{Header: []string{"name", "=x"}, Rows: [][]string{
		{"web-1", "=1+1"}, {"+1", "-1"}, {"@x", "\tx"}, {"\rx", " =1"}, {"a,b", `say "hi"`}, {"a\x00\x1bb", "two\nlines"}, {"\x00=1", "＝1"},
	}})
	require.Equal(t, "name,'=x\r\nweb-1,'=1+1\r\n'+1,'-1\r\n'@x,'x\r\n'x,'=1\r\n\"a,b\",\"say \"\"hi\"\"\"\r\nab,two lines\r\n'=1,'＝1\r\n", string(file))
	back, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	require.NoError(t, err)
	require.Len(t, back, 8)
}

func TestRowsThatDoNotFitAreCounted(t *testing.T) {
	t.Parallel()
	servers, _ := tools.Default.Lookup("servers.list")
	row := apiclient.Server{Name: strings.Repeat("long-name-", 9), Status: "active", IPAddress: "203.0.113.10", Location: "us-west"}
	m := Answer(runner.Reply{Op: servers, Value: tools.Listing[apiclient.Server]{Count: 500, Results: many(500, row)}}, AnswerView{Next: "n"})
	check(t, "500 rows", m)
	raw, err := json.Marshal(m)
	require.NoError(t, err)
	shown := strings.Count(string(raw), "203.0.113.10")
	require.Greater(t, shown, PageRows)
	require.Contains(t, string(raw), fmt.Sprintf("%d more rows do not fit here", 500-shown))
}

// What runs cannot be taken back, and what is agreed to needs no second yes.
func TestAListOffersWhatIsStillOpen(t *testing.T) {
	t.Parallel()
	for state, want := range map[approval.State]string{
		approval.Pending: "Confirm Cancel", approval.Approved: "Cancel", approval.Executing: "", approval.Unknown: "",
	} {
		rec := with(reboot(t), func(r *approval.Record) { r.State = state })
		require.Equal(t, want, pressable(Approvals([]approval.Record{rec}, nil, noon)), state)
	}
	require.Equal(t, "Approve… Deny…", pressable(Approvals(nil, []approval.Record{deletion(t)}, noon)))
	require.Empty(t, pressable(Approvals([]approval.Record{reboot(t)}, nil, noon.Add(2*time.Hour))), "it has expired")
	others := with(reboot(t), func(r *approval.Record) { r.Own = false })
	require.Equal(t, "Cancel", pressable(Approvals([]approval.Record{others}, nil, noon)))
}

// pressable lists the buttons of a message.
func pressable(m Message) string {
	var labels []string
	for _, b := range m.Blocks {
		if row, ok := b.(*slack.ActionBlock); ok {
			for _, e := range row.Elements.ElementSet {
				labels = append(labels, e.(*slack.ButtonBlockElement).Text.Text)
			}
		}
	}
	return strings.Join(labels, " ")
}

// Half a token is none: such a button is not shown.
func TestATokenIsNotCut(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Run /vps servers list", pressable(Suggest("x", "servers list", Token(strings.Repeat("t", 2000)))))
	require.Empty(t, pressable(Suggest("x", "servers list", Token(strings.Repeat("t", 2001)))))
	require.Empty(t, Loading("x", strings.Repeat("m", 3001)).PrivateMetadata)
}

func TestWhatIsCutKeepsItsMarkupWhole(t *testing.T) {
	t.Parallel()
	for in, want := range map[md]md{
		"ab&amp;cd":   "ab…",
		"a <@U1> b":   "a…",
		"a `code` b":  "a…",
		"a < b > c d": "a…",
		"abcde":       "abcde",
		"abcdef":      "abcd…",
	} {
		require.Equal(t, want, clip(in, 5), in)
	}
}

package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/mattn/go-runewidth"
	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/doctor"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/tools"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	time.Local = time.UTC // tables show times in the local zone
	os.Exit(m.Run())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// screenOf makes a command line whose stdout is a terminal of so many columns; 0 is a pipe.
func screenOf(columns int, o output) (c *cli, out, notes *bytes.Buffer) {
	out, notes = &bytes.Buffer{}, &bytes.Buffer{}
	variables := envconfig.MapLookuper(map[string]string{"COLUMNS": fmt.Sprint(columns), "NO_COLOR": "1"})
	return &cli{Environment: &app.Environment{Variables: variables}, io: IO{Out: out, Err: notes, outTerminal: columns > 0}, output: o}, out, notes
}

const backupsJSON = `{"count":134,"offset":0,"results":[
{"id":"501","server":{"id":"12345","name":"web-server-01"},"status":"completed","size_mb":4523,"created_at":"2025-01-16T03:00:00Z","tags":["a","b"],"description":"Automatic daily backup of the whole machine"},
{"id":"1499","server":{"id":"12346","name":"db-東京-サーバー"},"status":"in_progress","created_at":"2025-01-14T10:30:00Z","description":"🚀 before the 東京 update 🚀, kept by hand"},
{"id":"7","server":{"id":"12347","name":"web-server-9"},"status":"failed","size_mb":800,"created_at":"2024-12-31T23:59:00Z","description":""}]}`

func backups() result {
	t := &runner.Table{
		Header: []string{"id", "server", "status", "size_mb", "created_at", "description"},
		Rows: [][]string{
			{"501", "web-server-01", "completed", "4523", "2025-01-16T03:00:00Z", "Automatic daily backup of the whole machine"},
			{"1499", "db-東京-サーバー", "in_progress", "", "2025-01-14T10:30:00Z", "🚀 before the 東京 update 🚀, kept by hand"},
			{"7", "web-server-9", "failed", "800", "2024-12-31T23:59:00Z", ""},
		},
		Note: allNote("1 to 3 of 134 backups; more with offset 3."), Part: true,
	}
	return result{value: json.RawMessage(backupsJSON), table: t, names: []string{"501", "1499", "7"}}
}

func TestTablesAtEachWidth(t *testing.T) {
	t.Parallel()
	var shown strings.Builder
	for _, columns := range []int{0, 160, 80, 40, 20} {
		for _, o := range []output{{}, {columns: []string{"server", "description", "tags", "server.id"}, sort: "-size"}, {noHeaders: true}} {
			c, out, notes := screenOf(columns, o)
			require.NoError(t, c.print(backups()))
			fmt.Fprintf(&shown, "== %d columns, columns %v sort %q noHeaders %v\n%s%s", columns, o.columns, o.sort, o.noHeaders, out, notes)
			rows, _, _ := strings.Cut(out.String(), "1 to 3")
			for line := range strings.Lines(rows) {
				require.True(t, columns == 0 || runewidth.StringWidth(strings.TrimSuffix(line, "\n")) <= columns, "%d: %s", columns, line)
			}
		}
	}
	golden(t, "tables.txt", shown.String())
}

func TestColumnsAndOrder(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]string{
		"columns=id sort=size_mb":      "7 501 1499",
		"columns=id sort=-size":        "501 7 1499", // what has none is last
		"columns=id sort=id":           "7 501 1499",
		"columns=id sort=server":       "1499 501 7", // web-server-01 before web-server-9
		"columns=id sort=-created_at":  "501 1499 7",
		"columns=server.id,id sort=id": "12347 7 12345 501 12346 1499",
		"output=name sort=-id":         "1499 501 7",
	} {
		values := map[string]string{"no_headers": "true"}
		for _, field := range strings.Fields(flags) {
			name, value, _ := strings.Cut(field, "=")
			values[name] = value
		}
		o, err := outputOf(values)
		require.NoError(t, err)
		c, out, _ := screenOf(0, o)
		require.NoError(t, c.print(backups()))
		require.Equal(t, want, strings.Join(strings.Fields(out.String()), " "), flags)
	}
	c, out, _ := screenOf(0, output{sort: "size", columns: []string{"id"}, first: 2})
	require.NoError(t, c.print(backups()))
	require.Equal(t, "id\n7\n501\nThe first 2 of 1 to 3 of 134 backups; --all shows all 134.\n", out.String())
	for flags, want := range map[string]string{
		"columns=sever":             `there is no column "sever"; there are: server, id, `,
		"sort=-nope":                `there is no column "nope"; there are: id, server, `,
		"output=json columns=id":    "--columns and --sort are for tables",
		"output=yaml sort=id":       "--columns and --sort are for tables",
		"output=name columns=id":    "--columns and --sort are for tables",
		"output=jso":                "did you mean json?",
		"output=yaml json=true":     "given twice",
		"output=table no_headers=x": "--no-headers must be true or false",
	} {
		values := map[string]string{}
		for _, field := range strings.Fields(flags) {
			name, value, _ := strings.Cut(field, "=")
			values[name] = value
		}
		o, err := outputOf(values)
		if err == nil {
			c, _, _ := screenOf(0, o)
			err = c.print(backups())
		}
		require.ErrorContains(t, err, want, flags)
		require.Equal(t, runner.Invalid, app.ClassOf(err), flags)
	}
}

// What is printed for programs is the JSON itself, and a part of a list is told of beside it.
func TestPrintForPrograms(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"json": backupsJSON + "\n", "name": "501\n1499\n7\n"} {
		c, out, notes := screenOf(40, output{format: format})
		require.NoError(t, c.print(backups()))
		require.Equal(t, want, out.String())
		require.Equal(t, "1 to 3 of 134 backups; --all shows all 134.\n", notes.String())
	}
	c, out, _ := screenOf(0, output{format: "json"})
	require.NoError(t, c.print(result{value: []string{"<a>", "b"}, lines: true}))
	require.Equal(t, "\"<a>\"\n\"b\"\n", out.String())
	c, out, _ = screenOf(0, output{format: "json"})
	require.NoError(t, c.print(result{value: json.RawMessage(nil)}))
	require.Empty(t, out.String())
}

func TestYAML(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"id":"501","name":"web 1","on":true,"n":1.50,"none":null,"empty":{},"list":[]}`: "id: \"501\"\nname: web 1\n\"on\": true\n\"n\": 1.50\nnone: null\nempty: {}\nlist: []",
		`{"a":{"b":["x",{"c":1,"d":[[2]]}]}}`:                                             "a:\n  b:\n  - x\n  - c: 1\n    d:\n    - - 2",
		`["1e3","No","a: b","- x","a #b"," a","a\nb\u001b\u202e\u0085\udb40\udc41","東京"]`: `- "1e3"` + "\n- \"No\"\n- \"a: b\"\n- \"- x\"\n- \"a #b\"\n- \" a\"\n" + `- "a\nb\x1b\u202e\u0085\U000e0041"` + "\n- \"東京\"",
		`"x"`: "x",
	} {
		require.Equal(t, want, strings.Join(yamlOf(jsontext.Value(in)), "\n"))
	}
}

func TestDetails(t *testing.T) {
	t.Parallel()
	shown := style{}.details(jsontext.Value(`{"id":"12345","name":"web-server-01","status":"active","ip_address":"203.0.113.10","ipv6_address":null,
"plan":{"id":"1","name":"Standard VPS","vcpus":2,"memory":4096,"storage":80,"bandwidth":2048,"price_monthly":10,"price_hourly":0.015},
"os":{"id":"5"},"backups_enabled":true,"is_locked":false,"resource_usage":{"cpu_percent":23.5,"memory_used":512,"disk_used":"unknown","of":{"name":"x","deep":{"er":[1,2]}}},
"size_mb":4523,"tags":["a","b"],"networks":[{"name":"lan","mtu":1500},{"id":"9","mtu":9000}],"none":{},"an_unknown_field_that_is_longer_than_any":"value",
"created_at":"2025-01-10T14:30:00Z","due":"2026-02-14","seen_at":"2026-01-31T11:59:30Z","expires_at":"2026-01-31T15:10:00+02:00"}`), noon)
	golden(t, "details.txt", shown+"\n")
}

func TestRelativeTimes(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for ago, want := range map[time.Duration]string{
		0: "now", -59 * time.Second: "now", 61 * time.Second: "1 minute ago", -90 * time.Minute: "in 1 hour", 47 * time.Hour: "1 day ago",
		59 * day: "59 days ago", 61 * day: "2 months ago", 364 * day: "12 months ago", -800 * day: "in 2 years",
	} {
		require.Equal(t, want, relative(ago))
	}
}

// The names of fields are a contract: programs read them.
func TestFieldsOfJSON(t *testing.T) {
	t.Parallel()
	var names strings.Builder
	for _, of := range []struct {
		command string
		value   any
	}{
		{"approvals list, show", recordJSON{}},
		{"audit list", audit.Row{}},
		{"audit show", history{}},
		{"audit show, each of consents", consentJSON{}},
		{"audit verify", audit.Report{}},
		{"doctor", doctor.Diagnosis{}},
		{"doctor, each of findings", doctor.Finding{}},
		{"keys create", keyMade{}},
		{"keys list", keyJSON{}},
		{"operations", offerJSON{}},
		{"policy check", policyJSON{}},
		{"policy explain", explanationJSON{}},
		{"version", app.Version{}},
	} {
		fields := fieldNames(reflect.TypeOf(of.value))
		require.NotEmpty(t, fields, of.command)
		fmt.Fprintf(&names, "%s: %s\n", of.command, strings.Join(fields, " "))
	}
	golden(t, "fields.txt", names.String())
}

func TestNames(t *testing.T) {
	t.Parallel()
	var servers tools.Listing[apiclient.Server]
	raw := `{"results":[{"id":"1","name":"web"},{"id":"2","name":"db"},{"id":"3","name":"db"},{"id":"4","name":"-rf"},{"id":"5","name":"77"}]}`
	require.NoError(t, json.Unmarshal([]byte(raw), &servers))
	require.Equal(t, []string{"web", "2", "3", "4", "5"}, namesOf(servers, json.RawMessage(raw), false))
	require.Equal(t, []string{"1", "2", "3", "4", "5"}, namesOf(servers, json.RawMessage(raw), true), "of a part of the list no name is known to be alone")
	require.Equal(t, []string{"example.com"}, namesOf(nil, json.RawMessage(`{"results":[{"id":"9","domain_name":"example.com"}]}`), false))
	require.Equal(t, []string{"example.com"}, namesOf(nil, json.RawMessage(`{"results":[{"uuid":"9","domain":"example.com"}]}`), false))
}

func TestCardsAreColouredByTheirLines(t *testing.T) {
	t.Parallel()
	card := runner.Card{Effect: "Deletes web.", Lost: []string{"Copies of this server: none."}, Price: "Costs 5 a month.", Warnings: []string{"It runs."}, AskedBy: "ada"}
	require.Equal(t, card.Text(), style{}.card(card))
	coloured := style{true}.card(card)
	require.Equal(t, card.Text(), uncoloured(coloured))
	require.Equal(t, bold+"Deletes web."+reset+"\n"+red+"- Copies of this server: none."+reset+"\n- Costs 5 a month.\n"+yellow+"! It runs."+reset+"\nAsked by ada.", coloured)
}

func TestHeight(t *testing.T) {
	t.Parallel()
	require.Equal(t, 2, height("a\nb\n", 1))
	require.Equal(t, 3, height("abcdef", 2))
	require.Equal(t, 1, height(bold+"ab"+reset, 2))
	require.Equal(t, 2, height("東京", 2))
	require.Equal(t, 1, height(strings.Repeat("a", 500), 0))
}

// No table is wider than its room, whatever is in it.
func FuzzFit(f *testing.F) {
	f.Add("id,name,description", "1,web,東京🚀|22222,a\u0301b,", 20, false)
	f.Add("a,b,c,d,e,f,g,h", "1,2,3,4,5,6,7,8", 3, true)
	f.Add("uuid", "00000000-0000-4000-8000-000000000001", 1, false)
	f.Fuzz(func(t *testing.T, header, rows string, room int, chosen bool) {
		room = max(1, room%300)
		table := runner.Table{Header: strings.Split(header, ",")}
		for row := range strings.SplitSeq(rows, "|") {
			cells := slices.Grow(strings.Split(row, ","), len(table.Header))
			for len(cells) < len(table.Header) {
				cells = append(cells, "")
			}
			table.Rows = append(table.Rows, cells[:len(table.Header)])
		}
		if strings.ContainsAny(header+rows, "\n\r") {
			t.Skip("cells are of one line")
		}
		l := layoutOf(table, true)
		l.fit(room, chosen)
		for line := range strings.Lines(l.draw(style{})) {
			require.LessOrEqual(t, runewidth.StringWidth(strings.TrimSuffix(line, "\n")), room, line)
		}
	})
}

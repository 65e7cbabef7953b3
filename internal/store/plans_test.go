package store_test

import (
	"database/sql"
	"encoding/json"
	"flag"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/testkit/bigstore"
)

// observed are the statements that the tests of this package ran: of each kind one text, with its arguments.
var observed = struct {
	sync.Mutex
	texts map[string]bool
	kinds map[string]statement
}{texts: map[string]bool{}, kinds: map[string]statement{}}

type statement struct {
	query string
	args  []any
}

// several are lists of placeholders: texts that differ in how long they are count as one.
var several = regexp.MustCompile(`(\(?\$\d+\)?, )+(\(?\$\d+\)?)`)

func observe(query string, args []any) {
	observed.Lock()
	defer observed.Unlock()
	if !observed.texts[query] {
		observed.texts[query] = true
		observed.kinds[several.ReplaceAllString(query, "$$")] = statement{query, slices.Clone(args)}
	}
}

// short are tables, and partial indexes of what is open or waits, that do not grow with what has ended; and what a
// query selects of others, within a limit.
var short = []string{
	"freezes", "access_keys", "secrets", "beats", "audit_archives", "due", "newest",
	"approvals_holder", "approvals_open", "approvals_open_newest", "approvals_due", "approvals_questions", "audit_accepted", "audit_signed",
	"inbox_left", "posts_due", "posts_owner",
}

// mayScan are the statements that may read all of a table, and why.
var mayScan = map[string]*regexp.Regexp{
	"a copy into another database is counted":               regexp.MustCompile(`^SELECT count\(\*\) FROM \w+$`),
	"the whole log is verified":                             regexp.MustCompile(`^SELECT seq, note FROM audit_checkpoints ORDER BY seq$`),
	"the newest checkpoint is not of the key that signs":    regexp.MustCompile(`^SELECT seq, note FROM audit_checkpoints ORDER BY seq DESC$`),
	"a test asks for each criterion alone, and nobody else": regexp.MustCompile(`FROM approvals WHERE (\w+ = \$1|state IN \('executing'\)|told_at = 0|\(asked_hash[^)]*\)[^)]*\)\)) ORDER BY created_at DESC, seq DESC LIMIT 1000$`),
}

// onlySQLite are statements that PostgreSQL is given otherwise.
var onlySQLite = regexp.MustCompile(`^DELETE FROM inbox WHERE id IN \(`)

// plansLast runs TestPlans after all other tests: it looks at their statements.
type plansLast struct{ *testing.M }

func (m plansLast) Run() int {
	const plans = "TestPlans"
	flags := map[string]string{}
	for _, name := range []string{"run", "skip", "list", "fuzz"} {
		flags[name] = flag.Lookup("test." + name).Value.String()
	}
	matches := func(name string) bool {
		first, _, _ := strings.Cut(flags[name], "/")
		return regexp.MustCompile(first).MatchString(plans)
	}
	set := func(name, value string) {
		if err := flag.Set("test."+name, value); err != nil {
			panic(err) // every test binary has that flag
		}
	}
	wanted := flags["list"]+flags["fuzz"] == "" && matches("run") && (flags["skip"] == "" || !matches("skip"))
	if wanted {
		set("skip", strings.TrimPrefix(flags["skip"]+"|^"+plans+"$", "|"))
	}
	code := m.M.Run()
	if code != 0 || !wanted {
		return code
	}
	set("skip", "")
	set("run", "^"+plans+"$")
	set("bench", "")
	return m.M.Run()
}

// TestPlans looks at the plan of each statement that the tests of this package have run. None may read more as more has
// ended, but for those in mayScan.
func TestPlans(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			url := fresh(t)
			askAsOthersDo(t, open(t, url))
			bigstore.Fill(t, url, bigstore.Size{Ended: 5000, Open: 50, Rows: 5000, Now: start, API: "a", Account: "b", Actor: "local:alice"})
			for _, statement := range []string{
				"INSERT INTO consents (approval, person, identity, channel, yes, reason, at, seq) SELECT id, 'bob', 'local:bob', 'terminal', 1, '', changed_at, 1 FROM approvals",
				"INSERT INTO inbox (id, kind, received_at, until, tries, owner, leased_until, done, body) SELECT id, '', 1, changed_at, 1, '', 1, 1, '' FROM approvals",
				"INSERT INTO forms (hash, approval, session, asked_at, expires_at) SELECT id, id, '', 1, 1 FROM approvals",
				"INSERT INTO requests (api, account, actor, request_id, approval, at) SELECT '', '', '', id, id, 1 FROM approvals",
				`INSERT INTO posts (key, approval, kind, for_user, channel, ts, thread, url, url_until, url_uses, shown, fails, next, version, marked, owner, leased_until)
					SELECT id, id, '', '', '', '', '', '', 0, 0, '', 0, 0, 0, 0, '', 0 FROM approvals`,
				"INSERT INTO audit_checkpoints (seq, at, note) SELECT seq, at, '' FROM audit",
				"ANALYZE",
			} {
				if name == "postgres" || statement != "ANALYZE" { // the program's own SQLite has no statistics
					execute(t, url, statement)
				}
			}
			conn, err := open(t, url).Pools()[0].Conn(t.Context())
			require.NoError(t, err)
			defer conn.Close()
			observed.Lock()
			defer observed.Unlock()
			explained := 0
			for kind, one := range observed.kinds {
				if mayRead(one.query) || name == "postgres" && onlySQLite.MatchString(one.query) {
					continue
				}
				scans, err := scansOf[name](t, conn, one.query, one.args)
				if err != nil {
					require.Regexp(t, `pg_|pragma_|clock_timestamp|unixepoch|COLLATE|FOR UPDATE|clock_timestamp`, kind, err) // of the other engine
					continue
				}
				explained++
				for _, scan := range scans {
					t.Errorf("%s\n  %s", kind, scan)
				}
			}
			t.Log(explained, "statements")
		})
	}
}

// askAsOthersDo makes the queries of other packages.
func askAsOthersDo(t *testing.T, db database) {
	defer func() { require.NoError(t, db.Close()) }()
	for _, q := range []approval.Query{
		{States: approval.Open, Limit: 10_000}, {Limit: 10_000}, {IDPrefix: "abc", Limit: 2}, // the terminal
		{States: approval.Holding, Limit: 10_000},
		{States: approval.Open, API: "a", Account: "b"}, {API: "a", Account: "b", Since: start}, // Slack
		{IDs: []string{"e", "f"}, Limit: 1000}, // calls that wait
		{States: approval.Holding, API: "a", Account: "b", Actor: "c", Operation: "d", Hashes: []string{"e"}}, // the Runner
		{States: approval.Open, API: "a", Account: "b", Actor: "c", Operation: "d", Hashes: []string{"e"}},
		{Undelivered: true, API: "a", Account: "b", Actor: "c", Operation: "d", Hashes: []string{"e", "f"}, Since: start},
	} {
		_, err := db.Find(t.Context(), q)
		require.NoError(t, err)
	}
}

func mayRead(query string) bool {
	for _, known := range mayScan {
		if known.MatchString(query) {
			return true
		}
	}
	return false
}

// scansOf are the steps of a plan that read a whole table or index.
var scansOf = map[string]func(t *testing.T, conn *sql.Conn, query string, args []any) (scans []string, err error){
	"sqlite": scansOfSQLite, "postgres": scansOfPostgres,
}

var scan = regexp.MustCompile(`^SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?$`)

func scansOfSQLite(t *testing.T, conn *sql.Conn, query string, args []any) (scans []string, err error) {
	rows, err := conn.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	sorted := false
	for rows.Next() {
		var id, parent, unused int
		var step string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &step))
		sorted = sorted || strings.Contains(step, "TEMP B-TREE")
		if found := scan.FindStringSubmatch(step); found != nil && !slices.Contains(short, found[1]) && !slices.Contains(short, found[2]) {
			scans = append(scans, step)
		}
	}
	if strings.Contains(query, " LIMIT ") && !strings.Contains(query, " WHERE ") && !sorted {
		scans = nil // it ends after so many
	}
	return scans, rows.Err()
}

// node is a step of a plan of PostgreSQL.
type node struct {
	Type      string `json:"Node Type"`
	Relation  string `json:"Relation Name"`
	Index     string `json:"Index Name"`
	IndexCond string `json:"Index Cond"`
	Filter    string
	Plans     []node
}

func scansOfPostgres(t *testing.T, conn *sql.Conn, query string, args []any) (scans []string, err error) {
	_, err = conn.ExecContext(t.Context(), "SET enable_seqscan = off")
	require.NoError(t, err)
	var raw string
	if err := conn.QueryRowContext(t.Context(), "EXPLAIN (FORMAT JSON) "+query, args...).Scan(&raw); err != nil {
		return nil, err
	}
	var plans []struct{ Plan node }
	require.NoError(t, json.Unmarshal([]byte(raw), &plans))
	return plans[0].Plan.scans(""), nil
}

func (n node) scans(parent string) (scans []string) {
	isScan := n.Type == "Seq Scan" || strings.HasSuffix(n.Type, "Scan") && n.Index != "" && n.IndexCond == ""
	ends := parent == "Limit" && n.Filter == "" && n.Index != ""
	if isScan && !ends && !slices.Contains(short, n.Relation) && !slices.Contains(short, n.Index) {
		scans = append(scans, strings.TrimSpace(n.Type+" "+n.Relation+" "+n.Index+" "+n.Filter))
	}
	for _, child := range n.Plans {
		scans = append(scans, child.scans(n.Type)...)
	}
	return scans
}

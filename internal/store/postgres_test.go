package store_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/internal/trace"
)

// The server goes and comes back: changes are refused with a clear reason, and go on.
func TestPostgresRestarts(t *testing.T) {
	server := pgtest.Start(t)
	db := open(t, server.URL())
	inserted(t, db, asked("1"))
	server.Crash()
	began := time.Now()
	for name, err := range map[string]error{
		"a change":   second2(db.Move(t.Context(), claim("1"), row("approved"))),
		"a question": third(db.Insert(t.Context(), asked("2"), nil, row("asked"))),
		"a refusal":  db.Note(t.Context(), row("refused")),
		"a read":     second2(db.Record(t.Context(), "1")),
	} {
		require.ErrorContains(t, err, "the database cannot be reached: ", name)
		require.ErrorContains(t, err, "; changes are refused until it can", name)
		require.NotContains(t, err.Error(), "\n")
	}
	_, err := store.Open(t.Context(), server.URL())
	require.ErrorContains(t, err, "the database cannot be reached: ")
	require.Less(t, time.Since(began), 5*time.Second, "quickly")

	require.NoError(t, server.Restart())
	moved(t, db, claim("1"))
	_, err = audit.Verify(db.Rows(t.Context(), audit.Filter{}))
	require.NoError(t, err)
}

// A log that is followed while its database gets a newer schema is read by that from then on.
func TestRenewTakesTheNewSchema(t *testing.T) {
	url := pgtest.URL(t)
	db := open(t, url)
	tracer := trace.New(trace.Options{Endpoint: "http://collector/", Log: slog.New(slog.DiscardHandler), HTTP: func(*http.Request) (*http.Response, error) { return nil, errors.New("away") }})
	defer tracer.Close()
	traced, span := tracer.Begin(t.Context(), trace.Internal, "x")
	defer span.End()
	execute(t, url, "UPDATE goose_db_version SET version_id = 0 WHERE version_id = 11") // as before the migration
	log, err := store.OpenLog(t.Context(), url)
	require.NoError(t, err)
	defer log.Close()
	execute(t, url, "UPDATE goose_db_version SET version_id = 11 WHERE id = (SELECT max(id) FROM goose_db_version)")
	require.NoError(t, db.Note(traced, row("refused")))
	require.NoError(t, log.Renew(t.Context()))
	report, err := audit.Verify(log.Rows(t.Context(), audit.Filter{}))
	require.NoError(t, err)
	require.EqualValues(t, 1, report.Rows)
}

func second2[T any](_ T, err error) error { return err }

func third[T any](_ T, _ bool, err error) error { return err }

// The server crashes again and again under work: each step that was confirmed has happened
// and has one row, and what failed with "cannot be reached" has not happened twice.
func TestPostgresCrashesUnderWork(t *testing.T) {
	server := pgtest.Start(t)
	db := open(t, server.URL())
	stop := make(chan struct{})
	var workers sync.WaitGroup
	confirmed := make([][]string, 3)
	for w := range confirmed {
		workers.Go(func() { confirmed[w] = work(t, db, fmt.Sprint("w", w), stop) })
	}
	for range testkit.Size(2, 50) {
		time.Sleep(150 * time.Millisecond)
		server.Crash()
		require.NoError(t, server.Restart())
	}
	time.Sleep(150 * time.Millisecond)
	close(stop)
	workers.Wait()
	var all []string
	for _, lines := range confirmed {
		require.NotEmpty(t, lines)
		all = append(all, lines...)
	}
	requireConsistent(t, server.URL(), all)
}

// work takes records to their end until it is stopped, and goes on with the next after an error.
func work(t *testing.T, db database, name string, stop chan struct{}) (confirmed []string) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return confirmed
		default:
		}
		_ = takeToItsEnd(t.Context(), db, fmt.Sprint(name, "-", i), func(line string) { confirmed = append(confirmed, line) })
	}
}

// A network that swallows everything is found out after 5 seconds, not after minutes.
func TestPostgresStopsAnswering(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	p := newProxy(t, server.Socket())
	db := open(t, p.url())
	inserted(t, db, asked("1"))
	var slow atomic.Int64
	db.Watch = func(a store.Access) {
		if a.Failure == store.Slow {
			slow.Add(1)
		}
	}
	p.cut(true)
	began := time.Now()
	var both sync.WaitGroup
	var write, read error
	both.Go(func() { write = db.Note(t.Context(), row("refused")) })
	both.Go(func() { _, read = db.Record(t.Context(), "1") })
	both.Wait()
	require.WithinRange(t, time.Now(), began.Add(4*time.Second), began.Add(9*time.Second))
	for _, err := range []error{write, read} {
		require.ErrorContains(t, err, "the database cannot be reached: no answer within 5s; changes are refused until it can")
	}
	require.EqualValues(t, 2, slow.Load())
	p.cut(false)
	moved(t, db, claim("1"))
}

// Somebody keeps the log locked: who waits is told so, in time.
func TestPostgresTakesTooLong(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := open(t, url)
	tx, err := around(t, url).Begin()
	require.NoError(t, err)
	defer tx.Rollback() //nolint:errcheck // nothing was written
	_, err = tx.Exec("LOCK TABLE audit IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	began := time.Now()
	require.ErrorContains(t, db.Note(t.Context(), row("refused")), "the database ")
	require.WithinRange(t, time.Now(), began.Add(4*time.Second), began.Add(9*time.Second))
	require.NoError(t, tx.Rollback())
	require.NoError(t, db.Note(t.Context(), row("refused")))
}

func TestPostgresNeverShowsPasswords(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	execute(t, server.URL(), "CREATE ROLE "+pgtest.Role+" LOGIN PASSWORD '"+pgtest.Password+"'")
	socket := "@/postgres?host=" + strings.Split(server.URL(), "host=")[1]
	for name, c := range map[string]struct{ url, want string }{
		"wrong password": {"postgres://" + pgtest.Role + ":canary" + socket, "check user and password"},
		"unknown user":   {"postgres://nobody:canary" + socket, "check user and password"},
		"may not create": {"postgres://" + pgtest.Role + ":" + pgtest.Password + socket, "a schema of its own"},
		"no database":    {strings.Replace("postgres://postgres:canary"+socket, "/postgres?", "/other?", 1), "create the database"},
		"nobody listens": {"postgres://u:canary@127.0.0.1:1/d", "cannot be reached"},
		"no such host":   {"postgres://u:canary@host.invalid/d", "cannot be reached"},
		"not an escape":  {"postgres://u:canary%zz@h/d", "is not understood"},
		"an @ and a /":   {"postgres://u:ca@nary/x@h:y/d", "is not understood"},
		"a ? in it":      {"postgres://u:7001?canary@127.0.0.1/d", "is not understood"},
		"not a port":     {"postgres://u:canary@h:port/d", "is not understood"},
		"not a mode":     {"postgres://u:canary@h/d?sslmode=canary", "is not understood"},
		"as a parameter": {"postgres://h:port/d?password=canary", "is not understood"},
		"another scheme": {"postgresqls://u:canary@h/d", "is not understood"},
	} {
		_, err := store.Open(t.Context(), c.url)
		require.ErrorContains(t, err, c.want, name)
		for _, secret := range []string{"canary", "nary", "7001", pgtest.Password} {
			require.NotContains(t, err.Error(), secret, name)
		}
	}
}

func TestPostgresRefuses(t *testing.T) {
	url := pgtest.URL(t)
	require.NoError(t, open(t, url).Close())
	execute(t, url, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)")
	_, err := store.Open(t.Context(), url)
	require.ErrorContains(t, err, "version 99")
	require.ErrorContains(t, err, "upgrade vpsbot")

	execute(t, url, "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
	_, err = store.Open(t.Context(), strings.Replace(url, "/postgres?", "/latin?", 1))
	require.ErrorContains(t, err, "ENCODING 'UTF8'")

	occupied := pgtest.URL(t)
	execute(t, occupied, "CREATE TABLE approvals (x bigint)")
	_, err = store.Open(t.Context(), occupied)
	require.ErrorContains(t, err, "take a database of its own")
}

func TestPostgresSchema(t *testing.T) {
	url := pgtest.URL(t)
	inserted(t, open(t, url), asked("1"))
	require.Zero(t, counted(t, url, `SELECT count(*) FROM information_schema.columns WHERE table_schema = current_schema()
		AND table_name <> 'goose_db_version' AND data_type NOT IN ('text', 'bigint')`))
	for statement, want := range map[string]string{
		"UPDATE audit SET actor = 'mallory'":  "audit rows are never changed",
		"DELETE FROM audit":                   "audit rows are never deleted",
		"TRUNCATE audit":                      "audit rows are never deleted",
		"UPDATE approvals SET state = 'done'": "approvals_edge",
	} {
		require.ErrorContains(t, tryExecute(t, url, statement), want)
	}
}

// A server that confirms what it may forget is told not to.
func TestPostgresKeepsCommits(t *testing.T) {
	server := pgtest.Start(t)
	execute(t, server.URL(), `ALTER ROLE postgres SET synchronous_commit = off;
		ALTER ROLE postgres SET default_transaction_isolation = 'serializable'; CREATE TABLE seen (mode text, isolation text)`)
	db := open(t, server.URL())
	execute(t, server.URL(), `CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO seen VALUES (current_setting('synchronous_commit'), current_setting('transaction_isolation')); RETURN NEW; END $$;
		CREATE TRIGGER see BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION see()`)
	inserted(t, db, asked("1"))
	require.Equal(t, []string{"on, read committed"}, query(t, server.URL(), "SELECT mode || ', ' || isolation FROM seen"))
}

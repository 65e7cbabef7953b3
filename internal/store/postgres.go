package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const (
	// postgresTimeout is how long the database may take to connect, for a statement, and for a
	// transaction with all it has.
	postgresTimeout = 5 * time.Second

	// postgresWriters is small: writers wait for each other anyway.
	postgresWriters = 4

	idleTime = time.Minute // after which a connection is given back

	oldestPostgres = 150000 // as server_version_num has it
)

// The keys of our advisory locks: numbers that another program is unlikely to use.
const (
	appendLock  = "SELECT pg_advisory_xact_lock(8577661061)"
	upgradeLock = "SELECT pg_advisory_lock(8577661062)"
)

// postgresClock is the server's: now() would be when the transaction began.
const postgresClock = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"

func openPostgres(ctx context.Context, url string) (*Store, error) {
	config, err := parsePostgres(url)
	if err != nil {
		return nil, err
	}
	if err := migratePostgres(ctx, config); err != nil {
		return nil, fmt.Errorf("database %s: %w", placeOf(config), explainPostgres(err))
	}
	read := postgresPool(config, readers, map[string]string{"default_transaction_read_only": "on"})
	s := newStore(engine{
		// Snapshots are per statement, whatever the server's default is: one taken before the append lock was
		// had would not see what others have just written.
		options:  &sql.TxOptions{Isolation: sql.LevelReadCommitted},
		skip:     " FOR UPDATE SKIP LOCKED",
		lock:     appendLock,
		timeout:  postgresTimeout,
		bytewise: ` COLLATE "C"`,
		clock:    postgresClock,
		explain:  explainPostgres,
		session:  newSession(config),
		growth:   &growth{},
	}, postgresPool(config, postgresWriters, nil), postgresWriters, read)
	s.growth.narrow(s)
	return s, nil
}

const (
	growFor = 3 * time.Second
	// selectSpare returns 1 if fewer than 80 % of the server's connections are in use even once this process has
	// all of its own.
	selectSpare = `SELECT CASE WHEN (count(*) + $1) * 100 < 80 * current_setting('max_connections')::int THEN 1 ELSE 0 END
		FROM pg_stat_activity WHERE usesysid IS NOT NULL`
)

// growth bounds the connections of this process: one writer and one reader, beside that of its locks; more
// for a few seconds at a time, where a caller has waited and the server has connections to spare. So a new
// process gets its own soon, however busy the others are: see [patiently].
type growth struct {
	wanted atomic.Bool // a caller has waited for a slot

	mu    sync.Mutex
	at    time.Time // of the last selectSpare
	taken [2]int    // reserved write and read slots, so that no caller gets them
}

// enter acquires a slot; leave releases it. g is nil on an engine whose pools do not grow.
func (g *growth) enter(ctx context.Context, slots chan struct{}) (leave func(), err error) {
	leave = func() { <-slots }
	select {
	case slots <- struct{}{}:
		return leave, nil
	default:
	}
	if g != nil {
		g.wanted.Store(true)
	}
	select {
	case slots <- struct{}{}:
		return leave, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("store: %w", ctx.Err())
	}
}

// adjust widens the pools for a while if a caller has waited. The caller has a read slot.
func (g *growth) adjust(ctx context.Context, s *Store) {
	if g == nil || !g.wanted.Swap(false) || !g.mu.TryLock() {
		return
	}
	defer g.mu.Unlock()
	if time.Since(g.at) < growFor {
		return
	}
	g.at = time.Now()
	spare, err := one(ctx, conn{db: s.read}, func(f *flag) []any { return []any{f} }, selectSpare, g.taken[0]+g.taken[1])
	if err != nil || !bool(spare) { // after an error the caller's own query fails too
		return
	}
	s.write.SetMaxIdleConns(postgresWriters)
	s.read.SetMaxIdleConns(readers)
	for i, slots := range []chan struct{}{s.writeSlots, s.readSlots} {
		for ; g.taken[i] > 0; g.taken[i]-- {
			<-slots
		}
	}
	time.AfterFunc(growFor, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.narrow(s)
	})
}

// narrow reserves all slots but one of each kind, in its turn among the callers, and closes what is idle.
func (g *growth) narrow(s *Store) {
	for i, slots := range []chan struct{}{s.writeSlots, s.readSlots} {
		for ; g.taken[i] < cap(slots)-1; g.taken[i]++ {
			slots <- struct{}{}
		}
	}
	s.write.SetMaxIdleConns(1)
	s.read.SetMaxIdleConns(1)
}

// parsePostgres keeps the parser's own words to itself: they may repeat a part of the
// password that it took for something else.
func parsePostgres(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil || !isPlain(url) {
		return nil, errors.New("the database URL is not understood: write postgres://USER:PASSWORD@HOST/DATABASE, " +
			"with %XX for each special character of the password; sslmode is one of disable, require, verify-ca, verify-full")
	}
	timeout := fmt.Sprint(postgresTimeout.Milliseconds())
	for name, value := range map[string]string{
		"application_name": "vpsbot", "statement_timeout": timeout, "idle_in_transaction_session_timeout": timeout,
	} {
		if _, given := config.RuntimeParams[name]; !given {
			config.RuntimeParams[name] = value
		}
	}
	config.ConnectTimeout = postgresTimeout
	return config, nil
}

// isPlain reports whether an @, if there is one, ends user and password. Otherwise a part of
// the password would be taken for a host, and shown.
func isPlain(url string) bool {
	_, rest, _ := strings.Cut(url, "//")
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	return strings.Count(rest, "@") == strings.Count(authority, "@") && strings.Count(rest, "@") <= 1
}

func placeOf(c *pgx.ConnConfig) string { return c.Database + " at " + c.Host }

// postgresPool does not connect yet.
func postgresPool(config *pgx.ConnConfig, connections int, params map[string]string) *sql.DB {
	config = config.Copy()
	maps.Copy(config.RuntimeParams, params)
	db := sql.OpenDB(connector{stdlib.GetConnector(*config, stdlib.OptionAfterConnect(enforceDurability))})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(idleTime)
	return db
}

type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	return patiently(ctx, c.Connector.Connect)
}

// patiently connects again while all connections of the server are in use: some may be those of processes
// that have grown.
func patiently[T any](ctx context.Context, connect func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
	defer cancel()
	for {
		c, err := connect(ctx)
		if !hasCode(err, tooManyConnections) {
			return c, err
		}
		select {
		case <-ctx.Done():
			return c, err
		case <-time.After(verifyInterval):
		}
	}
}

// enforceDurability has the server keep what it confirms. Where commits are confirmed before they are
// on disk, a crash could forget a claim whose call has gone out.
func enforceDurability(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
	return err
}

// migratePostgres brings the schema to the newest version, in one process at a time.
func migratePostgres(ctx context.Context, config *pgx.ConnConfig) error {
	db := postgresPool(config, 2, map[string]string{"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"})
	defer db.Close()
	connecting, cancel := context.WithTimeout(ctx, postgresTimeout)
	defer cancel()
	if err := checkServer(connecting, db); err != nil {
		return err
	}
	done, err := isUpToDate(connecting, db)
	if done || err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // frees the lock in any case: the pool is closed with it
	if _, err := conn.ExecContext(ctx, upgradeLock); err != nil {
		return err
	}
	return migrate(ctx, db, dialect{goose.DialectPostgres, "postgres", wide, postgresClock})
}

// checkServer fails for a server that is too old, or that cannot hold every text.
func checkServer(ctx context.Context, db *sql.DB) error {
	var version int64
	var name, encoding string
	err := db.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::bigint, current_setting('server_version'),
		current_setting('server_encoding')`).Scan(&version, &name, &encoding)
	switch {
	case err != nil:
		return err
	case version < oldestPostgres:
		return fmt.Errorf("it is PostgreSQL %s: 15 or newer is needed", name)
	case encoding != "UTF8":
		return fmt.Errorf("its encoding is %s: make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}

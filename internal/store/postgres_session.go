package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vpsbot/vpsbot/internal/liveness"
)

// The keys of an advisory lock: a number for its kind, of one schema's, and one for its holder. Two
// holders with the same number would be taken for alive too long, never for dead.
const (
	lockKind      = "hashtext('vpsbot:' || current_schema()::text || ':' || $1::text)"
	lockHolder    = "hashtext($2::text)"
	lockKeys      = lockKind + ", " + lockHolder
	takeLock      = "SELECT CASE WHEN pg_try_advisory_lock(" + lockKeys + ") THEN pg_backend_pid() ELSE 0 END"
	releaseLock   = "SELECT pg_advisory_unlock(" + lockKeys + ")"
	selectFree    = "SELECT CASE WHEN pg_try_advisory_xact_lock_shared(" + lockKeys + ") THEN 1 ELSE 0 END"
	selectAnyLock = "SELECT CASE WHEN EXISTS (SELECT 1" + grantedLocks + ") THEN 1 ELSE 0 END"
	selectLock    = "SELECT count(*)" + grantedLocks + " AND objid = " + lockHolder + "::bit(32)::bigint::oid AND pid = pg_backend_pid() AND pid = $3::int"
	grantedLocks  = ` FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND classid = ` + lockKind + "::bit(32)::bigint::oid"
)

// sessionSettings have both ends find a cut wire within 20 s: 5 s without a word, then three questions
// 4 s apart. Nothing else ends the session.
const sessionSettings = `SELECT set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '4', false),
	set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '17000', false),
	set_config('idle_session_timeout', '0', false)`

var sessionKeepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 4 * time.Second, Count: 3}

// session is the connection whose life is that of this process's locks.
type session struct {
	config *pgx.ConnConfig

	mu   sync.Mutex
	conn *pgx.Conn
}

func newSession(config *pgx.ConnConfig) *session {
	config = config.Copy()
	config.DialFunc = (&net.Dialer{Timeout: postgresTimeout, KeepAliveConfig: sessionKeepAlive}).DialContext
	return &session{config: config}
}

func (s *session) take(ctx context.Context, kind liveness.Kind, id string) (liveness.Lock, error) {
	ctx, cancel := ownTime(ctx)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	lock := &sessionLock{session: s, conn: s.conn, kind: kind, id: id}
	if err := s.conn.QueryRow(ctx, takeLock, kind, lock.id).Scan(&lock.pid); err != nil {
		return nil, err
	}
	if lock.pid == 0 {
		return nil, errors.New("the advisory lock of this process is held by another: try again")
	}
	return lock, nil
}

// errPooled: the session of this process is not one of the server's.
var errPooled = errors.New("a connection pooler stands between vpsbot and PostgreSQL, where a lock can outlive its process: " +
	"name the server itself in VPSBOT_DATABASE_URL")

// checkDirect fails where the pid of the server's process is not the one of the handshake, or changes.
func (s *session) checkDirect(ctx context.Context) error {
	ctx, cancel := ownTime(ctx)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.connect(ctx); err != nil {
		return err
	}
	for range 3 {
		var pid uint32
		if err := s.conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			return err
		}
		if pid != s.conn.PgConn().PID() {
			return errPooled
		}
	}
	return nil
}

// ownTime bounds a question on the session. A caller's own end does not cut it short: the driver would
// close the connection, and with it end every lock of this process.
func ownTime(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), postgresTimeout)
}

func (s *session) connect(ctx context.Context) error {
	if s.conn != nil && !s.conn.IsClosed() {
		return nil
	}
	conn, err := patiently(ctx, func(ctx context.Context) (*pgx.Conn, error) { return pgx.ConnectConfig(ctx, s.config) })
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, sessionSettings); err != nil {
		_ = conn.Close(ctx)
		return err
	}
	s.conn = conn
	return nil
}

func (s *session) close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return nil
	}
	return s.conn.Close(ctx)
}

// sessionLock is an advisory lock of one connection: it ends with that.
type sessionLock struct {
	session *session
	conn    *pgx.Conn
	kind    liveness.Kind
	id      string
	pid     int32 // of the server's process that has it
}

func (l *sessionLock) ID() string { return l.id }

// Check implements [liveness.Lock]. A connection pooler that has given the session another process of
// the server is found by it.
func (l *sessionLock) Check(ctx context.Context) error {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	ctx, cancel := ownTime(ctx)
	defer cancel()
	held := 0
	if err := l.conn.QueryRow(ctx, selectLock, l.kind, l.id, l.pid).Scan(&held); err != nil {
		return fmt.Errorf("%w: %w", liveness.ErrLost, explainPostgres(err))
	}
	if held == 0 {
		return fmt.Errorf("%w: the database has given it up, or a connection pooler stands before it", liveness.ErrLost)
	}
	return nil
}

// Release implements [liveness.Lock].
func (l *sessionLock) Release() error {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	if l.conn.IsClosed() {
		return nil
	}
	ctx, cancel := ownTime(context.Background())
	defer cancel()
	_, err := l.conn.Exec(ctx, releaseLock, l.kind, l.id)
	return err
}

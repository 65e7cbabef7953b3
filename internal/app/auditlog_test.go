package app

import (
	"crypto/rand"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/testkit/bigstore"
)

// bigLog is a log of 2,504 rows, signed from row 5 on, every 100 rows, with what it is to be checked against.
func bigLog(t *testing.T) (cfg config.Config, path string, check audit.Check) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "vpsbot.db")
	cfg, err := config.Read(t.Context(), envconfig.MapLookuper(map[string]string{"VPSBOT_DATABASE_URL": "sqlite:" + path}), "linux")
	require.NoError(t, err)
	private, err := audit.NewKey(rand.Reader)
	require.NoError(t, err)
	key, err := audit.ParseKey(private)
	require.NoError(t, err)
	check.Keys, err = audit.ParseVerifiers(key.Verifier())
	require.NoError(t, err)
	bigstore.Fill(t, "sqlite:"+path, bigstore.Size{Rows: 2500, Key: key, Now: time.Now(), Account: "a", Actor: "alice"})
	return cfg, path, check
}

// kept is the checkpoint of a row.
func kept(t *testing.T, cfg config.Config, row int64) audit.Checkpoint {
	t.Helper()
	log, err := OpenLog(t.Context(), cfg)
	require.NoError(t, err)
	defer log.Close() //nolint:errcheck // it was only read
	notes, err := log.Checkpoints(t.Context(), row)
	require.NoError(t, err)
	c, err := audit.ReadCheckpoint(notes[0].Text)
	require.NoError(t, err)
	require.Equal(t, row, c.Seq)
	return c
}

func TestVerifyNewest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statement string
		keptRow   int64 // 0: no checkpoint is kept
		unsigned  bool
		want      string // error; empty: none
		first     int64
	}{
		"whole":                          {"", 2405, false, "", 1505},
		"its old checkpoint is kept":     {"", 305, false, "", 1505},
		"nothing is kept":                {"", 0, false, "", 1505},
		"not verified for want of a key": {"", 305, true, "", 1505},
		"before what it reads":           {"UPDATE audit SET actor = 'mallory' WHERE seq = 9", 305, false, "", 1505},
		"a row changed":                  {"UPDATE audit SET actor = 'mallory' WHERE seq = 2450", 305, false, "audit row 2450: its hash", 0},
		"and one long before":            {"UPDATE audit SET actor = 'mallory' WHERE seq IN (9, 2450)", 305, false, "audit row 9: its hash", 0},
		"its end cut off":                {"DELETE FROM audit WHERE seq > 2400", 0, false, "audit row 2401: rows are missing", 0},
		"and the checkpoints":            {"DELETE FROM audit WHERE seq > 2400; DELETE FROM audit_checkpoints WHERE seq > 2400", 2405, false, "audit row 2401: rows are missing: the checkpoint of row 2405", 0},
		"an old checkpoint removed":      {"DELETE FROM audit_checkpoints WHERE seq = 305", 305, false, "audit row 206: checkpoints are missing", 0},
		"its row changed":                {"UPDATE audit SET hash = previous WHERE seq = 305", 305, false, "audit row 305: its hash", 0},
		"the newest checkpoints removed": {"DELETE FROM audit_checkpoints WHERE seq > 1300", 0, false, "audit rows 1206 to 2504: they are not signed", 0},
		"a checkpoint of another":        {"INSERT INTO audit_checkpoints VALUES (2450, 0, 'mine')", 0, false, "audit row 2450: its checkpoint is not signed", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, path, check := bigLog(t)
			if c.keptRow > 0 {
				check.Kept = kept(t, cfg, c.keptRow)
			}
			if c.unsigned {
				check.Keys = audit.Verifiers{}
			}
			tamper(t, path, c.statement)
			report, err := VerifyNewest(t.Context(), cfg, check)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
				_, whole := VerifyLog(t.Context(), cfg, check, Exports{})
				require.Equal(t, whole, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []int64{c.first, 2504}, []int64{report.First, report.Rows})
		})
	}
}

// tamper changes a log as somebody does who can write its file.
func tamper(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file://"+path)
	require.NoError(t, err)
	defer db.Close()
	for _, trigger := range []string{"audit_no_update", "audit_no_delete", "audit_checkpoints_no_update", "audit_checkpoints_no_delete"} {
		_, err := db.ExecContext(t.Context(), "DROP TRIGGER "+trigger)
		require.NoError(t, err)
	}
	_, err = db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

// A log that is not long is verified as a whole, and one that is not there is none.
func TestVerifyNewestOfAShortLog(t *testing.T) {
	t.Parallel()
	cfg, err := config.Read(t.Context(), envconfig.MapLookuper(map[string]string{"VPSBOT_DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "vpsbot.db")}), "linux")
	require.NoError(t, err)
	report, err := VerifyNewest(t.Context(), cfg, audit.Check{})
	require.NoError(t, err)
	require.Zero(t, report.Rows)
	url, err := cfg.Database()
	require.NoError(t, err)
	db, err := store.Open(t.Context(), url)
	require.NoError(t, err)
	require.NoError(t, db.Note(t.Context(), audit.Row{At: time.Now(), Operation: "servers.list"}))
	require.NoError(t, db.Close())
	report, err = VerifyNewest(t.Context(), cfg, audit.Check{})
	require.NoError(t, err)
	require.Equal(t, []int64{1, 1}, []int64{report.First, report.Rows})
}

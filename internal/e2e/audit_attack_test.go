package e2e_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// An attacker changes the database of a signed log without the key, while honest processes write and
// sign. "audit verify" detects each attack by the key and the checkpoint kept outside the database;
// without that checkpoint, by a row that an auditor noted. Before each attack it reports nothing.
func TestFigure19AttackedLog(t *testing.T) {
	t.Parallel()
	random, s := seededRand(t)
	program := buildProgram(t)
	kinds := map[string]int{}
	attacks, rows, lost := testkit.Size(len(logAttacks), 300), 0, 0
	for n := range attacks {
		name := logAttacks[n%len(logAttacks)].name
		c := newAttackedLog(t, program, random)
		c.writeHistory()
		c.attack(logAttacks[n%len(logAttacks)])
		rows, lost = rows+c.rowCount, lost+c.stateLosses
		kinds[name]++
		require.False(t, t.Failed(), "attack %d, %s, seed %d", n, name, s)
	}
	testkit.Figure(t, 19, "%d attacks of %d kinds on signed logs of %d rows in all, honest processes writing and signing before and after (in %d the kept checkpoint was removed or replaced as well): 0 verified as intact; 0 false alarms before (seed %d)",
		attacks, len(kinds), rows, lost, s)
}

// attackedLog is one log, the processes that write it, and what is known of it outside the database.
type attackedLog struct {
	*testing.T
	program, folder       string
	random                *rand.Rand
	key                   audit.Key
	signers               []*store.Store
	unsigned              *store.Store // has no key
	at                    time.Time
	copies                []logContents // of earlier times, each with the checkpoint kept then
	auditorMark           audit.Mark    // the row that an auditor noted last
	warnings              []string
	rowCount, stateLosses int
}

// logContents is the content of a log's database, and the checkpoint kept outside.
type logContents struct {
	rows           []audit.Row
	checkpoints    []audit.SignedCheckpoint
	keptCheckpoint []byte
}

func newAttackedLog(t *testing.T, program string, random *rand.Rand) *attackedLog {
	c := &attackedLog{T: t, program: program, folder: memoryFolder(t), random: random, at: time.Now().Add(-48 * time.Hour)}
	c.key = c.newKey()
	c.openSigners()
	c.unsigned = c.store(audit.Key{})
	return c
}

// newKey makes a signing key from the seed.
func (c *attackedLog) newKey() audit.Key {
	private, err := audit.NewKey(rand.NewChaCha8([32]byte{byte(c.random.Uint32()), byte(c.random.Uint32()), byte(c.random.Uint32())}))
	require.NoError(c, err)
	key, err := audit.ParseKey(private)
	require.NoError(c, err)
	return key
}

func (c *attackedLog) url() string { return "sqlite:" + filepath.Join(c.folder, "vpsbot.db") }

// checkpointFile keeps the newest checkpoint at the path that the program uses.
func (c *attackedLog) checkpointFile() audit.CheckpointFile {
	return audit.CheckpointFile{Path: checkpointPath(c, c.url(), filepath.Join(c.folder, "state"))}
}

// openSigners opens the stores of two processes that have the key.
func (c *attackedLog) openSigners() { c.signers = []*store.Store{c.store(c.key), c.store(c.key)} }

func (c *attackedLog) store(key audit.Key) *store.Store {
	db, err := store.Open(c.Context(), c.url())
	require.NoError(c, err)
	c.Cleanup(func() { _ = db.Close() })
	db.SignWith(store.Signing{Key: key, Keep: c.checkpointFile(), Warn: func(err error) { c.warnings = append(c.warnings, err.Error()) }})
	return db
}

// writeRows writes n rows by honest processes, one in eight of them without the key.
func (c *attackedLog) writeRows(n int) {
	for range n {
		c.at = c.at.Add(time.Duration(c.random.IntN(20_000)) * time.Millisecond)
		if c.random.IntN(40) == 0 {
			c.at = c.at.Add(12 * time.Minute)
		}
		db := c.signers[c.random.IntN(len(c.signers))]
		if c.random.IntN(8) == 0 {
			db = c.unsigned
		}
		c.writeRow(db)
	}
}

func (c *attackedLog) writeRow(db *store.Store) {
	row := audit.Row{
		At: c.at, Actor: fmt.Sprintf("local:%c", 'a'+c.random.IntN(5)), Surface: "mcp", Operation: "servers.stop", Target: fmt.Sprint("server:", c.random.IntN(9)),
		Decision: "allowed", Outcome: "done",
	}
	require.NoError(c, db.Note(c.Context(), row))
	c.rowCount++
}

// writeHistory writes rows, and verifies and copies the log in between.
func (c *attackedLog) writeHistory() {
	for range 2 + c.random.IntN(2) {
		c.writeRows(20 + c.random.IntN(120))
		c.at = c.at.Add(11 * time.Minute)
		c.writeRow(c.signers[0])
		output, whole := c.verify()
		require.True(c, whole, "a false alarm: %s", output)
		require.Empty(c, c.warnings)
		now := c.read()
		c.copies = append(c.copies, now)
		last := now.rows[len(now.rows)-1]
		c.auditorMark = audit.Mark{Seq: last.Seq, Hash: last.Hash}
	}
	c.writeRows(c.random.IntN(30))
}

// attack changes the database, sometimes the kept checkpoint too, and requires that the attack is
// detected, also after honest processes have written more rows.
func (c *attackedLog) attack(kind logAttack) {
	log := c.read()
	kind.do(c, &log)
	var verifyArgs []string
	if kind.changesRows && c.random.IntN(3) == 0 {
		c.stateLosses++
		c.openSigners() // a process also remembers the newest checkpoint
		verifyArgs = []string{"--at-least", c.auditorMark.String()}
		if log.keptCheckpoint == nil || c.random.IntN(2) == 0 {
			require.NoError(c, os.Remove(c.checkpointFile().Path))
		} else {
			require.NoError(c, os.WriteFile(c.checkpointFile().Path, log.keptCheckpoint, 0o600))
		}
	} else if c.random.IntN(2) == 0 {
		c.openSigners()
	}
	c.replace(log)
	for range 3 {
		output, whole := c.verify(verifyArgs...)
		require.False(c, whole, "%s was not detected: %s", kind.name, output)
		c.writeRows(c.random.IntN(150))
	}
}

// verify runs "vpsbot audit verify" with the verifier key, as an auditor does.
func (c *attackedLog) verify(args ...string) (output string, whole bool) {
	cmd := exec.CommandContext(c.Context(), c.program, append([]string{"audit", "verify", "--key", c.key.Verifier()}, args...)...)
	cmd.Env = []string{
		"HOME=" + c.folder, "VPSBOT_DATABASE_URL=" + c.url(), "VPSBOT_AUDIT_STATE=" + filepath.Join(c.folder, "state"), "VPS_API_URL=http://127.0.0.1:1/api/v1",
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil {
		require.True(c, errors.As(err, &exit), "%v", err)
		require.Equal(c, 1, exit.ExitCode(), string(out))
	}
	return string(out), err == nil
}

func (c *attackedLog) read() (log logContents) {
	db, err := store.OpenLog(c.Context(), c.url())
	require.NoError(c, err)
	defer db.Close() //nolint:errcheck // it was only read
	for row, err := range db.Rows(c.Context(), audit.Filter{}) {
		require.NoError(c, err)
		log.rows = append(log.rows, row)
	}
	log.checkpoints, err = db.Checkpoints(c.Context(), 0)
	require.NoError(c, err)
	log.keptCheckpoint, err = os.ReadFile(c.checkpointFile().Path)
	require.NoError(c, err)
	return log
}

// coveredRow draws the index of a row that both a checkpoint and the auditor's mark cover, but not the
// last such row: the loss of later rows is undetectable when the kept checkpoint is lost too.
func (c *attackedLog) coveredRow(log *logContents) int {
	return c.random.IntN(int(min(log.checkpoints[len(log.checkpoints)-1].Seq, c.auditorMark.Seq)) - 1)
}

// dropCheckpoints returns the checkpoints whose row number does not match.
func dropCheckpoints(checkpoints []audit.SignedCheckpoint, gone func(seq int64) bool) []audit.SignedCheckpoint {
	return slices.DeleteFunc(slices.Clone(checkpoints), func(n audit.SignedCheckpoint) bool { return gone(n.Seq) })
}

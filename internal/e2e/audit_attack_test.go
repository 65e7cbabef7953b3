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

// A signed log is attacked by somebody who may do everything to its database but sign, while
// honest processes go on writing and signing. "audit verify" finds it each time, by the key and
// the checkpoint that is kept outside; where that is lost as well, by a row that was noted
// elsewhere. Before each attack it finds nothing.
func TestFigure19AttackedLog(t *testing.T) {
	t.Parallel()
	s := testkit.Seed(t)
	random := rand.New(rand.NewPCG(s, s))
	program := buildProgram(t)
	kinds := map[string]int{}
	attacks, rows, lost := testkit.Size(len(onLogs), 300), 0, 0
	for n := range attacks {
		name := onLogs[n%len(onLogs)].name
		c := newChronicle(t, program, random)
		c.grow()
		c.attack(onLogs[n%len(onLogs)])
		rows, lost = rows+c.written, lost+c.losses
		kinds[name]++
		require.False(t, t.Failed(), "attack %d, %s, seed %d", n, name, s)
	}
	testkit.Figure(t, 19, "%d attacks of %d kinds on signed logs of %d rows in all, honest processes writing and signing before and after (in %d what is kept outside was taken as well): 0 taken for whole; 0 false alarms before (seed %d)",
		attacks, len(kinds), rows, lost, s)
}

// chronicle is one log, those who write it, and what is known of it elsewhere.
type chronicle struct {
	*testing.T
	program, folder string
	random          *rand.Rand
	key             audit.Key
	signers         []*store.Store
	mute            *store.Store // has no key
	at              time.Time
	copies          []forged   // the database as it once was, with what was kept outside then
	noted           audit.Mark // what an auditor noted last
	warned          []string
	written, losses int
}

// forged is a log as somebody has it who can write the database, and what is kept outside.
type forged struct {
	rows  []audit.Row
	notes []audit.SignedCheckpoint
	kept  []byte
}

func newChronicle(t *testing.T, program string, random *rand.Rand) *chronicle {
	c := &chronicle{T: t, program: program, folder: quickFolder(t), random: random, at: time.Now().Add(-48 * time.Hour)}
	c.key = c.newKey()
	c.open()
	c.mute = c.store(audit.Key{})
	return c
}

// newKey makes a key that the seed decides.
func (c *chronicle) newKey() audit.Key {
	private, err := audit.NewKey(rand.NewChaCha8([32]byte{byte(c.random.Uint32()), byte(c.random.Uint32()), byte(c.random.Uint32())}))
	require.NoError(c, err)
	key, err := audit.ParseKey(private)
	require.NoError(c, err)
	return key
}

func (c *chronicle) url() string { return "sqlite:" + filepath.Join(c.folder, "vpsbot.db") }

// keeper is what keeps the newest checkpoint, where the program looks for it.
func (c *chronicle) keeper() audit.CheckpointFile {
	return audit.CheckpointFile{Path: keptFile(c, c.url(), filepath.Join(c.folder, "state"))}
}

// open starts processes with the key anew.
func (c *chronicle) open() { c.signers = []*store.Store{c.store(c.key), c.store(c.key)} }

func (c *chronicle) store(key audit.Key) *store.Store {
	db, err := store.Open(c.Context(), c.url())
	require.NoError(c, err)
	c.Cleanup(func() { _ = db.Close() })
	db.SignWith(store.Signing{Key: key, Keep: c.keeper(), Warn: func(err error) { c.warned = append(c.warned, err.Error()) }})
	return db
}

// write has honest processes write so many rows, now and then one without the key.
func (c *chronicle) write(n int) {
	for range n {
		c.at = c.at.Add(time.Duration(c.random.IntN(20_000)) * time.Millisecond)
		if c.random.IntN(40) == 0 {
			c.at = c.at.Add(12 * time.Minute)
		}
		db := c.signers[c.random.IntN(len(c.signers))]
		if c.random.IntN(8) == 0 {
			db = c.mute
		}
		c.note(db)
	}
}

func (c *chronicle) note(db *store.Store) {
	row := audit.Row{
		At: c.at, Actor: fmt.Sprintf("local:%c", 'a'+c.random.IntN(5)), Surface: "mcp", Operation: "servers.stop", Target: fmt.Sprint("server:", c.random.IntN(9)),
		Decision: "allowed", Outcome: "done",
	}
	require.NoError(c, db.Note(c.Context(), row))
	c.written++
}

// grow writes a log that is verified as whole now and then, and copied.
func (c *chronicle) grow() {
	for range 2 + c.random.IntN(2) {
		c.write(20 + c.random.IntN(120))
		c.at = c.at.Add(11 * time.Minute)
		c.note(c.signers[0])
		said, whole := c.verify()
		require.True(c, whole, "a false alarm: %s", said)
		require.Empty(c, c.warned)
		now := c.read()
		c.copies = append(c.copies, now)
		last := now.rows[len(now.rows)-1]
		c.noted = audit.Mark{Seq: last.Seq, Hash: last.Hash}
	}
	c.write(c.random.IntN(30))
}

// attack changes the database, and sometimes takes what is kept outside. Whatever honest processes
// do then, it is found.
func (c *chronicle) attack(how attackOnLog) {
	log := c.read()
	how.do(c, &log)
	var held []string
	if how.rows && c.random.IntN(3) == 0 {
		c.losses++
		c.open() // what a process remembers is lost, too
		held = []string{"--at-least", c.noted.String()}
		if log.kept == nil || c.random.IntN(2) == 0 {
			require.NoError(c, os.Remove(c.keeper().Path))
		} else {
			require.NoError(c, os.WriteFile(c.keeper().Path, log.kept, 0o600))
		}
	} else if c.random.IntN(2) == 0 {
		c.open()
	}
	c.replace(log)
	for range 3 {
		said, whole := c.verify(held...)
		require.False(c, whole, "%s was not found: %s", how.name, said)
		c.write(c.random.IntN(150))
	}
}

// verify runs the program as an auditor does, who has the verifier key.
func (c *chronicle) verify(args ...string) (said string, whole bool) {
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

func (c *chronicle) read() (log forged) {
	db, err := store.OpenLog(c.Context(), c.url())
	require.NoError(c, err)
	defer db.Close() //nolint:errcheck // it was only read
	for row, err := range db.Rows(c.Context(), audit.Filter{}) {
		require.NoError(c, err)
		log.rows = append(log.rows, row)
	}
	log.notes, err = db.Checkpoints(c.Context())
	require.NoError(c, err)
	log.kept, err = os.ReadFile(c.keeper().Path)
	require.NoError(c, err)
	return log
}

// signed is the index of a row that a checkpoint covers and the auditor has noted, but not the last
// one of those. What came later nothing but what is kept outside can tell, where both are taken.
func (c *chronicle) signed(log *forged) int {
	return c.random.IntN(int(min(log.notes[len(log.notes)-1].Seq, c.noted.Seq)) - 1)
}

// without leaves out the checkpoints from a row on, or of before.
func without(notes []audit.SignedCheckpoint, gone func(seq int64) bool) []audit.SignedCheckpoint {
	return slices.DeleteFunc(slices.Clone(notes), func(n audit.SignedCheckpoint) bool { return gone(n.Seq) })
}

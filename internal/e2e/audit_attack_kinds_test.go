package e2e_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sethvargo/go-envconfig"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/config"
)

// logAttack is one way to change the database of a signed log without the signing key.
type logAttack struct {
	name        string
	changesRows bool // in signed rows: "audit verify" detects it without the kept checkpoint too
	do          func(c *attackedLog, log *logContents)
}

var logAttacks = []logAttack{
	{"the end cut off", true, func(c *attackedLog, log *logContents) {
		i := c.coveredRow(log)
		log.rows = log.rows[:i]
		c.maybeDropCheckpoints(log, func(seq int64) bool { return seq > int64(i) })
	}},
	{"all cut off", true, func(_ *attackedLog, log *logContents) { log.rows, log.checkpoints = nil, nil }},
	{"a row changed", true, func(c *attackedLog, log *logContents) { log.rows[c.coveredRow(log)].Actor = "local:mallory" }},
	{"a row dropped", true, func(c *attackedLog, log *logContents) {
		i := c.coveredRow(log)
		log.rows = slices.Delete(log.rows, i, i+1)
	}},
	{"rewritten and chained anew", true, func(c *attackedLog, log *logContents) {
		i := c.coveredRow(log)
		c.rechain(log, i)
		c.maybeDropCheckpoints(log, func(seq int64) bool { return seq > int64(i) })
	}},
	{"a row put in, all chained anew", true, func(c *attackedLog, log *logContents) {
		i := c.coveredRow(log)
		log.rows = slices.Insert(log.rows, i, log.rows[i])
		c.rechain(log, i)
		c.maybeDropCheckpoints(log, func(seq int64) bool { return seq > int64(i) })
	}},
	{"put back to a copy", true, func(c *attackedLog, log *logContents) {
		*log = c.copies[c.random.IntN(len(c.copies)-1)]
	}},
	{"put back to a copy that has a row put in before, which takes a restored log up", false, func(c *attackedLog, log *logContents) {
		row := audit.AcceptRow(c.auditorMark, audit.Checkpoint{Seq: c.auditorMark.Seq, Head: c.auditorMark.Hash})
		row.Seq, row.At = int64(len(log.rows)+1), c.at.Add(time.Duration(c.random.IntN(100))*time.Hour)
		row, err := audit.Seal(log.rows[len(log.rows)-1].Hash, row)
		require.NoError(c, err)
		log.rows = append(log.rows, row)
		c.replace(*log)
		c.at = c.at.Add(11 * time.Minute)
		c.writeRow(c.signers[0])
		c.writeRows(c.random.IntN(30))
		*log = c.read()
		c.at = c.at.Add(11 * time.Minute)
		c.writeRow(c.signers[0])
	}},
	{"the beginning said to be archived", true, func(c *attackedLog, log *logContents) {
		i := c.coveredRow(log) + 1
		row := audit.Row{
			Seq: int64(len(log.rows) + 1), At: c.at, Operation: "audit.archive", Decision: "allowed", Outcome: "done",
			Arguments: fmt.Appendf(nil, `{"from":1,"to":%d,"head":"%s","file":"x"}`, i, log.rows[i-1].Hash),
		}
		row, err := audit.Seal(log.rows[len(log.rows)-1].Hash, row)
		require.NoError(c, err)
		log.rows = append(log.rows[i:], row)
		c.maybeDropCheckpoints(log, func(seq int64) bool { return seq < int64(i) })
	}},
	{"signed anew by another key", true, func(c *attackedLog, log *logContents) {
		c.rechain(log, 1)
		c.resign(log, c.newKey())
	}},
	{"checkpoints dropped", false, func(c *attackedLog, log *logContents) {
		gone := c.random.IntN(len(log.checkpoints))
		log.checkpoints = slices.Delete(slices.Clone(log.checkpoints), gone, gone+1)
		c.maybeDropCheckpoints(log, func(int64) bool { return c.random.IntN(2) == 0 })
	}},
	{"the newest checkpoints dropped", false, func(c *attackedLog, log *logContents) {
		log.checkpoints = log.checkpoints[:c.random.IntN(len(log.checkpoints))]
	}},
	{"all checkpoints dropped", false, func(_ *attackedLog, log *logContents) { log.checkpoints = nil }},
	{"two checkpoints swapped", false, func(c *attackedLog, log *logContents) {
		i := 1 + c.random.IntN(len(log.checkpoints)-1)
		log.checkpoints = slices.Clone(log.checkpoints)
		log.checkpoints[i].Text, log.checkpoints[i-1].Text = log.checkpoints[i-1].Text, log.checkpoints[i].Text
	}},
	{"a checkpoint repeated", false, func(c *attackedLog, log *logContents) {
		repeated := log.checkpoints[c.random.IntN(len(log.checkpoints))]
		repeated.Seq = log.checkpoints[len(log.checkpoints)-1].Seq + 1
		log.checkpoints = append(slices.Clone(log.checkpoints), repeated)
	}},
	{"a checkpoint of another key put in", false, func(c *attackedLog, log *logContents) {
		last, err := audit.ReadCheckpoint(log.checkpoints[len(log.checkpoints)-1].Text)
		require.NoError(c, err)
		row, before := log.rows[len(log.rows)-1], last.Mark()
		if row.Seq == last.Seq { // the forged checkpoint replaces the last one
			before, log.checkpoints = last.Before, log.checkpoints[:len(log.checkpoints)-1]
		}
		note, err := c.newKey().Sign(audit.CheckpointAt(row, before))
		require.NoError(c, err)
		log.checkpoints = append(slices.Clone(log.checkpoints), note)
	}},
}

// maybeDropCheckpoints drops the checkpoints that match, in half of the calls.
func (c *attackedLog) maybeDropCheckpoints(log *logContents, gone func(seq int64) bool) {
	if c.random.IntN(2) == 0 {
		log.checkpoints = dropCheckpoints(log.checkpoints, gone)
	}
}

// rechain changes the row at index i and recomputes the hash chain from there.
func (c *attackedLog) rechain(log *logContents, i int) {
	head := audit.Genesis
	if i > 0 {
		head = log.rows[i-1].Hash
	}
	log.rows[i].Actor = "local:mallory"
	for ; i < len(log.rows); i++ {
		row := log.rows[i]
		row.Seq = int64(i + 1)
		row, err := audit.Seal(head, row)
		require.NoError(c, err)
		log.rows[i], head = row, row.Hash
	}
}

// resign signs all checkpoints anew with another key.
func (c *attackedLog) resign(log *logContents, key audit.Key) {
	var before audit.Mark
	for i, note := range log.checkpoints {
		checkpoint := audit.CheckpointAt(log.rows[note.Seq-1], before)
		signed, err := key.Sign(checkpoint)
		require.NoError(c, err)
		log.checkpoints[i], before = signed, checkpoint.Mark()
	}
}

// replace writes a log into the database directly: it drops the triggers that forbid changes.
func (c *attackedLog) replace(log logContents) {
	db, err := sql.Open("sqlite", filepath.Join(c.folder, "vpsbot.db")+"?_pragma=busy_timeout(10000)")
	require.NoError(c, err)
	defer db.Close()
	tx, err := db.BeginTx(c.Context(), nil)
	require.NoError(c, err)
	do := func(statement string, args ...any) {
		_, err := tx.Exec(statement, args...)
		require.NoError(c, err)
	}
	for _, trigger := range []string{"audit_no_update", "audit_no_delete", "audit_checkpoints_no_update", "audit_checkpoints_no_delete"} {
		do("DROP TRIGGER IF EXISTS " + trigger)
	}
	do("DELETE FROM audit")
	do("DELETE FROM audit_checkpoints")
	for _, r := range log.rows {
		do("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", r.Seq, r.At.UnixMilli(), r.Actor, "", r.Surface, r.Account,
			r.Token, r.Operation, r.Target, string(r.Arguments), r.Approval, r.Decision, r.Reason, r.Approver, r.APIStatus, r.Outcome, r.Previous, r.Hash, r.Trace)
	}
	for _, n := range log.checkpoints {
		do("INSERT INTO audit_checkpoints VALUES (?, ?, ?)", n.Seq, 0, n.Text)
	}
	require.NoError(c, tx.Commit())
}

// checkpointPath is the file in which the program keeps the newest checkpoint of a database.
func checkpointPath(c *attackedLog, url, folder string) string {
	cfg, err := config.Read(c.Context(), envconfig.MapLookuper(map[string]string{"VPSBOT_DATABASE_URL": url, "VPSBOT_AUDIT_STATE": folder}), "linux")
	require.NoError(c, err)
	return cfg.AuditStateFile()
}

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

// attackOnLog is something that somebody does who can write the database, and has no key.
type attackOnLog struct {
	name string
	rows bool // it changes signed rows, so that it is found without what is kept outside, too
	do   func(c *chronicle, log *forged)
}

var onLogs = []attackOnLog{
	{"the end cut off", true, func(c *chronicle, log *forged) {
		i := c.signed(log)
		log.rows = log.rows[:i]
		c.maybeWithout(log, func(seq int64) bool { return seq > int64(i) })
	}},
	{"all cut off", true, func(_ *chronicle, log *forged) { log.rows, log.notes = nil, nil }},
	{"a row changed", true, func(c *chronicle, log *forged) { log.rows[c.signed(log)].Actor = "local:mallory" }},
	{"a row dropped", true, func(c *chronicle, log *forged) {
		i := c.signed(log)
		log.rows = slices.Delete(log.rows, i, i+1)
	}},
	{"rewritten and chained anew", true, func(c *chronicle, log *forged) {
		i := c.signed(log)
		c.rechain(log, i)
		c.maybeWithout(log, func(seq int64) bool { return seq > int64(i) })
	}},
	{"a row put in, all chained anew", true, func(c *chronicle, log *forged) {
		i := c.signed(log)
		log.rows = slices.Insert(log.rows, i, log.rows[i])
		c.rechain(log, i)
		c.maybeWithout(log, func(seq int64) bool { return seq > int64(i) })
	}},
	{"put back to a copy", true, func(c *chronicle, log *forged) {
		*log = c.copies[c.random.IntN(len(c.copies)-1)]
	}},
	{"put back to a copy that has a row put in before, which takes a restored log up", false, func(c *chronicle, log *forged) {
		says := audit.AcceptRow(c.noted, audit.Checkpoint{Seq: c.noted.Seq, Head: c.noted.Hash})
		says.Seq, says.At = int64(len(log.rows)+1), c.at.Add(time.Duration(c.random.IntN(100))*time.Hour)
		says, err := audit.Seal(log.rows[len(log.rows)-1].Hash, says)
		require.NoError(c, err)
		log.rows = append(log.rows, says)
		c.replace(*log)
		c.at = c.at.Add(11 * time.Minute)
		c.note(c.signers[0])
		c.write(c.random.IntN(30))
		*log = c.read()
		c.at = c.at.Add(11 * time.Minute)
		c.note(c.signers[0])
	}},
	{"the beginning said to be archived", true, func(c *chronicle, log *forged) {
		i := c.signed(log) + 1
		says := audit.Row{
			Seq: int64(len(log.rows) + 1), At: c.at, Operation: "audit.archive", Decision: "allowed", Outcome: "done",
			Arguments: fmt.Appendf(nil, `{"from":1,"to":%d,"head":"%s","file":"x"}`, i, log.rows[i-1].Hash),
		}
		says, err := audit.Seal(log.rows[len(log.rows)-1].Hash, says)
		require.NoError(c, err)
		log.rows = append(log.rows[i:], says)
		c.maybeWithout(log, func(seq int64) bool { return seq < int64(i) })
	}},
	{"signed anew by another key", true, func(c *chronicle, log *forged) {
		c.rechain(log, 1)
		c.resign(log, c.newKey())
	}},
	{"checkpoints dropped", false, func(c *chronicle, log *forged) {
		gone := c.random.IntN(len(log.notes))
		log.notes = slices.Delete(slices.Clone(log.notes), gone, gone+1)
		c.maybeWithout(log, func(int64) bool { return c.random.IntN(2) == 0 })
	}},
	{"the newest checkpoints dropped", false, func(c *chronicle, log *forged) {
		log.notes = log.notes[:c.random.IntN(len(log.notes))]
	}},
	{"all checkpoints dropped", false, func(_ *chronicle, log *forged) { log.notes = nil }},
	{"two checkpoints swapped", false, func(c *chronicle, log *forged) {
		i := 1 + c.random.IntN(len(log.notes)-1)
		log.notes = slices.Clone(log.notes)
		log.notes[i].Text, log.notes[i-1].Text = log.notes[i-1].Text, log.notes[i].Text
	}},
	{"a checkpoint repeated", false, func(c *chronicle, log *forged) {
		again := log.notes[c.random.IntN(len(log.notes))]
		again.Seq = log.notes[len(log.notes)-1].Seq + 1
		log.notes = append(slices.Clone(log.notes), again)
	}},
	{"a checkpoint of another key put in", false, func(c *chronicle, log *forged) {
		last, err := audit.ReadCheckpoint(log.notes[len(log.notes)-1].Text)
		require.NoError(c, err)
		row, before := log.rows[len(log.rows)-1], last.Mark()
		if row.Seq == last.Seq { // in its place
			before, log.notes = last.Before, log.notes[:len(log.notes)-1]
		}
		note, err := c.newKey().Sign(audit.CheckpointAt(row, before))
		require.NoError(c, err)
		log.notes = append(slices.Clone(log.notes), note)
	}},
}

// maybeWithout leaves checkpoints out, or lets them be.
func (c *chronicle) maybeWithout(log *forged, gone func(seq int64) bool) {
	if c.random.IntN(2) == 0 {
		log.notes = without(log.notes, gone)
	}
}

// rechain changes the i-th row, counted from 0, and chains all from there on anew.
func (c *chronicle) rechain(log *forged, i int) {
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

// resign makes all checkpoints anew.
func (c *chronicle) resign(log *forged, key audit.Key) {
	var before audit.Mark
	for i, note := range log.notes {
		checkpoint := audit.CheckpointAt(log.rows[note.Seq-1], before)
		signed, err := key.Sign(checkpoint)
		require.NoError(c, err)
		log.notes[i], before = signed, checkpoint.Mark()
	}
}

// replace writes a log into the database, past the program and its triggers.
func (c *chronicle) replace(log forged) {
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
		do("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", r.Seq, r.At.UnixMilli(), r.Actor, "", r.Surface, r.Account,
			r.Token, r.Operation, r.Target, string(r.Arguments), r.Approval, r.Decision, r.Reason, r.Approver, r.APIStatus, r.Outcome, r.Previous, r.Hash)
	}
	for _, n := range log.notes {
		do("INSERT INTO audit_checkpoints VALUES (?, ?, ?)", n.Seq, 0, n.Text)
	}
	require.NoError(c, tx.Commit())
}

// keptFile is where the program keeps the newest checkpoint of a database.
func keptFile(c *chronicle, url, folder string) string {
	cfg, err := config.Read(c.Context(), envconfig.MapLookuper(map[string]string{"VPSBOT_DATABASE_URL": url, "VPSBOT_AUDIT_STATE": folder}), "linux")
	require.NoError(c, err)
	return cfg.AuditStateFile()
}

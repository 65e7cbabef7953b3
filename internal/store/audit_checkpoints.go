package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/vpsbot/vpsbot/internal/audit"
)

// Signing is how a log is signed as it grows.
type Signing struct {
	Key  audit.Key            // the zero key signs nothing
	Keep audit.CheckpointFile // keeps the newest checkpoint outside the database
	Warn func(error)          // receives why rows are not signed, or a checkpoint is not kept; may be nil
}

// signing signs the log. Its zero value signs nothing.
type signing struct {
	Signing
	own audit.Verifiers // opens what the key signed

	mu         sync.Mutex
	last       audit.Checkpoint // the newest one that this process has made
	parsedText string           // the database's newest note when it was last read
	parsed     latest           // the note of parsedText
	warned     string           // the last argument of Warn
}

// SignWith makes the store sign checkpoints from now on. It is called before anything is
// written.
func (s *signing) SignWith(how Signing) {
	s.Signing = how
	s.own, _ = audit.ParseVerifiers(how.Key.Verifier()) // fails for the zero key alone: there is none then
}

// Untrusted is why a log is not signed: it does not contain what was signed before.
type Untrusted struct{ why string }

func (e *Untrusted) Error() string { return e.why }

// sign writes the checkpoint that the last row makes due, in the row's own transaction. A log that
// is not what was signed before gets none: the row is written, and goes unsigned.
func (s *signing) sign(ctx context.Context, tx transaction) error {
	if tx.log.seq == 0 || !s.own.Any() {
		return nil
	}
	newest, err := s.newest(ctx, tx)
	if err != nil {
		return err
	}
	if tx.log.accepts {
		return s.signAfter(ctx, tx, newest)
	}
	if newest.own && tx.log.seq > newest.Seq && !audit.Due(newest.Seq, newest.At, audit.Row{Seq: tx.log.seq, At: tx.log.at}) {
		return nil
	}
	err = s.checkTrust(ctx, tx, newest)
	if refused, ok := errors.AsType[*Untrusted](err); ok {
		s.warn(fmt.Errorf("the audit log is not signed any more: %w", refused))
		return nil
	}
	if err != nil {
		return err
	}
	return s.signAfter(ctx, tx, newest)
}

// latest is the newest checkpoint of a database; its Seq is 0 if there is none.
type latest struct {
	audit.Checkpoint
	own        bool // keepCheckpoint by this store's key, and of the form of today
	unreadable bool // it cannot be read
}

func (s *signing) newest(ctx context.Context, q queryer) (latest, error) {
	note, err := orNil(one(ctx, q, noteFields, "SELECT seq, note FROM audit_checkpoints ORDER BY seq DESC LIMIT 1"))
	if err != nil || note == nil {
		return latest{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parsedText != note.Text {
		s.parsedText, s.parsed = note.Text, s.parseCheckpoint(note.Text)
	}
	is := s.parsed
	if is.Seq != note.Seq {
		is.own, is.unreadable = false, true
	}
	return is, nil
}

// parseCheckpoint verifies a signature, which is slow: newest calls it once for each checkpoint.
func (s *signing) parseCheckpoint(text string) latest {
	if c, err := s.own.Open(text); err == nil {
		return latest{Checkpoint: c, own: !c.Old}
	}
	c, err := audit.ReadCheckpoint(text)
	return latest{Checkpoint: c, unreadable: err != nil}
}

// checkTrust fails with *Untrusted for a log that does not have what was signed before.
func (s *signing) checkTrust(ctx context.Context, tx transaction, newest latest) error {
	kept, err := s.Keep.Newest()
	if errors.Is(err, audit.ErrNoCheckpoint) {
		return &Untrusted{fmt.Sprintf("what is kept of it outside the database was changed: %v", err)}
	}
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	for _, c := range []audit.Checkpoint{kept, last} {
		fits, err := s.hasOrReplaces(ctx, tx, c)
		if err != nil {
			return err
		}
		if !fits {
			return &Untrusted{fmt.Sprintf("it does not have the checkpoint of row %d that was signed on %s: it was changed, or put back to an earlier state. "+
				"Run vpsbot audit verify; if you restored a copy, it says how to take that up", c.Seq, c.At.Format("2006-01-02 15:04 MST"))}
		}
	}
	if newest.Seq >= tx.log.seq {
		return &Untrusted{fmt.Sprintf("it ends with row %d, and its newest checkpoint is of row %d: rows were cut off", tx.log.seq, newest.Seq)}
	}
	if !newest.own {
		begun, err := s.hasSigned(ctx, tx)
		if err != nil {
			return err
		}
		if begun || newest.unreadable {
			return &Untrusted{"its newest checkpoint is not signed by this key, which has signed before, or cannot be read"}
		}
	}
	return checkRow(ctx, tx, newest.Checkpoint)
}

// checkRow fails with *Untrusted unless the row of a checkpoint is as it was.
func checkRow(ctx context.Context, tx transaction, c audit.Checkpoint) error {
	there, err := exists(ctx, tx, "SELECT count(*) FROM audit WHERE seq = $1 AND hash = $2", c.Seq, c.Head)
	if err != nil || there || c.Seq == 0 {
		return err
	}
	if archived, err := exists(ctx, tx, "SELECT count(*) FROM audit_archives WHERE last_seq = $1 AND hash = $2", c.Seq, c.Head); err != nil || archived {
		return err
	}
	return &Untrusted{fmt.Sprintf("row %d is not the one that its checkpoint saw", c.Seq)}
}

// hasOrReplaces reports whether the log has a checkpoint and its row, or a signed row replaces it.
func (s *signing) hasOrReplaces(ctx context.Context, tx transaction, c audit.Checkpoint) (bool, error) {
	if c.Seq == 0 {
		return true, nil
	}
	if has, err := hasCheckpoint(ctx, tx, c); has || err != nil {
		return has, err
	}
	return s.isReplaced(ctx, tx, c)
}

func hasCheckpoint(ctx context.Context, q queryer, c audit.Checkpoint) (bool, error) {
	note, err := orNil(one(ctx, q, noteFields, "SELECT seq, note FROM audit_checkpoints WHERE seq = $1", c.Seq))
	if err != nil || note == nil {
		return false, err
	}
	if have, err := audit.ReadCheckpoint(note.Text); err != nil || have.Mark() != c.Mark() {
		return false, nil //nolint:nilerr // what cannot be read is another
	}
	return exists(ctx, q, "SELECT count(*) FROM audit WHERE seq = $1 AND hash = $2", c.Seq, c.Head)
}

// The rows of the log about itself. Their operation is a literal: with a parameter SQLite uses no partial index.
const (
	selectAccepted = "SELECT " + auditColumns + " FROM audit WHERE operation = '" + audit.AcceptOperation + "' AND at > $1"
	selectBegun    = "SELECT seq FROM audit WHERE operation = '" + audit.SignOperation + "'"
)

// isReplaced reports whether a restored log was accepted (audit key accept) after a checkpoint that it
// lacks. The row of the acceptance counts only if a checkpoint signs it.
func (s *signing) isReplaced(ctx context.Context, tx transaction, c audit.Checkpoint) (bool, error) {
	taken, err := all(ctx, tx, auditFields, selectAccepted, millis(c.At))
	if err != nil {
		return false, err
	}
	for _, row := range taken {
		notes, err := all(ctx, tx, noteFields, "SELECT seq, note FROM audit_checkpoints WHERE seq >= $1 ORDER BY seq LIMIT 1", row.Seq)
		if err != nil {
			return false, err
		}
		if len(notes) == 0 || !row.Replaces(c) {
			continue
		}
		signed, err := s.own.Open(notes[0].Text)
		if err != nil || signed.Old {
			continue
		}
		between, err := exists(ctx, tx, "SELECT count(*) FROM audit WHERE seq > $1 AND seq <= $2 AND operation NOT IN ($3, $4)",
			row.Seq, signed.Seq, audit.LateOperation, audit.SignOperation)
		if err != nil {
			return false, err
		}
		if there, err := exists(ctx, tx, "SELECT count(*) FROM audit WHERE seq = $1 AND hash = $2", signed.Seq, signed.Head); there && !between || err != nil {
			return there, err
		}
	}
	return false, nil
}

// hasSigned reports whether the key has signed a checkpoint of this log. It looks through all of them only
// where no row says that the key began.
func (s *signing) hasSigned(ctx context.Context, tx transaction) (bool, error) {
	begun, err := all(ctx, tx, func(seq *int64) []any { return []any{seq} }, selectBegun)
	if err != nil {
		return false, err
	}
	for _, seq := range begun {
		if own, err := s.hasOwn(ctx, tx, "SELECT seq, note FROM audit_checkpoints WHERE seq = $1", seq); own || err != nil {
			return own, err
		}
	}
	return s.hasOwn(ctx, tx, "SELECT seq, note FROM audit_checkpoints ORDER BY seq DESC")
}

func (s *signing) hasOwn(ctx context.Context, tx transaction, query string, args ...any) (bool, error) {
	notes, err := all(ctx, tx, noteFields, query, args...)
	return slices.ContainsFunc(notes, func(note audit.SignedCheckpoint) bool {
		c, err := s.own.Open(note.Text)
		return err == nil && !c.Old
	}), err
}

// signAfter signs the last row after the newest checkpoint, with the rows before it that say why
// one is missing and that the key begins.
func (s *signing) signAfter(ctx context.Context, tx transaction, newest latest) error {
	late, err := missedCheckpoint(ctx, tx, newest.Checkpoint)
	if err != nil {
		return err
	}
	var rows []audit.Row
	if late {
		rows = append(rows, audit.LateRow(newest.Seq+1, tx.log.seq))
	}
	if !newest.own {
		rows = append(rows, audit.SignRow(s.Key))
	}
	for _, row := range rows {
		row.At = tx.log.at
		if _, err := appendRow(ctx, tx, row); err != nil {
			return err
		}
	}
	before := audit.Mark{}
	if newest.Seq > 0 {
		before = newest.Mark()
	}
	last := audit.Row{Seq: tx.log.seq, Hash: tx.log.hash, At: tx.log.at}
	tx.log.note, err = s.Key.Sign(audit.CheckpointAt(last, before))
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return tx.insertLater(ctx, "audit_checkpoints", "seq, at, note", []any{last.Seq, millis(last.At), tx.log.note.Text})
}

// missedCheckpoint reports whether rows before this transaction should have had a checkpoint.
func missedCheckpoint(ctx context.Context, tx transaction, c audit.Checkpoint) (bool, error) {
	most, earliest, latest := c.InTime()
	if c.Seq == 0 || tx.log.first-1-c.Seq > most {
		return c.Seq > 0, nil
	}
	return exists(ctx, tx, "SELECT count(*) FROM audit WHERE seq > $1 AND seq < $2 AND (at < $3 OR at > $4)", c.Seq, tx.log.first, millis(earliest), millis(latest))
}

// keepCheckpoint notes a checkpoint that is committed, and keeps it outside the database.
func (s *signing) keepCheckpoint(log appended) {
	if log.note.Text == "" {
		return
	}
	s.mu.Lock()
	s.last, _ = audit.ReadCheckpoint(log.note.Text)
	s.mu.Unlock()
	keep := s.Keep.Keep
	if log.accepts {
		keep = s.Keep.Replace
	}
	if err := keep(log.note); err != nil {
		s.warn(fmt.Errorf("the newest checkpoint of the audit log could not be kept outside the database (VPSBOT_AUDIT_STATE): %w", err))
	}
}

// warn calls Warn, but not twice in a row with the same text.
func (s *signing) warn(err error) {
	s.mu.Lock()
	said := s.warned == err.Error()
	s.warned = err.Error()
	s.mu.Unlock()
	if s.Warn != nil && !said {
		s.Warn(err)
	}
}

// Accept takes up a log that was restored, at a row of it that the caller knows: it appends the
// row, signs it, and keeps its checkpoint instead of the one that the log does not have.
func (s *Store) Accept(ctx context.Context, at audit.Mark, row audit.Row) error {
	if !s.own.Any() {
		return errors.New("there is no key to sign with: a log without one has nothing to accept")
	}
	return s.logged(ctx, func(ctx context.Context, tx transaction) error {
		there, err := exists(ctx, tx, "SELECT count(*) FROM audit WHERE seq = $1 AND hash = $2", at.Seq, at.Hash)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("the log has no row %d with that hash: vpsbot audit verify shows what it has", at.Seq)
		}
		tx.log.accepts = true
		_, err = appendRow(ctx, tx, row)
		return err
	})
}

func noteFields(n *audit.SignedCheckpoint) []any { return []any{&n.Seq, &n.Text} }

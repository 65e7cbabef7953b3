package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const lookAgain = 100 * time.Millisecond

// errCommitUnknown says that nobody can tell whether what was written is there.
var errCommitUnknown = errors.New("whether the last write was kept is not known")

// afterCommit finds out what became of a transaction whose commit was not answered: its row
// of the log is there, then all of it is; or it is not, then nothing is and the error may be
// tried again. What writes no row cannot be found again. The look waits for the lock that
// the lost transaction held, so that it cannot still be on its way.
func (s *Store) afterCommit(ctx context.Context, done appended, lost error) error {
	if !isLost(lost) {
		return lost
	}
	if done.seq == 0 {
		return fmt.Errorf("%w: %w", errCommitUnknown, lost)
	}
	there, err := s.look(context.WithoutCancel(ctx), done)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errCommitUnknown, errors.Join(lost, err))
	case there:
		return nil
	}
	return lost
}

// look keeps asking for a while: a server that was restarted takes a moment.
func (s *Store) look(ctx context.Context, done appended) (there bool, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	for {
		there, err = s.isThere(ctx, done)
		if err == nil || !isLost(err) {
			return there, err
		}
		select {
		case <-ctx.Done():
			return there, err
		case <-time.After(lookAgain):
		}
	}
}

func (s *Store) isThere(ctx context.Context, done appended) (bool, error) {
	tx, err := s.write.BeginTx(ctx, s.options)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	look := transaction{tx, nil, &appended{}}
	if err := s.alone(ctx, look); err != nil {
		return false, err
	}
	return exists(ctx, look, "SELECT count(*) FROM audit WHERE seq = $1 AND hash = $2", done.seq, done.hash)
}

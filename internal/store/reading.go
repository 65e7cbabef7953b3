package store

import "context"

// reading runs a read on a connection that cannot write.
func (s *Store) reading(ctx context.Context, read func(ctx context.Context, q queryer) error) error {
	leave, err := enter(ctx, s.seats)
	if err != nil {
		return err
	}
	defer leave()
	for attempt := 1; ; attempt++ {
		err := s.readOnce(ctx, read)
		if ctx.Err() != nil {
			return err
		}
		if attempt == attempts || !isPassing(err) {
			return s.explain(err)
		}
	}
}

func (s *Store) readOnce(ctx context.Context, read func(ctx context.Context, q queryer) error) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return read(ctx, s.reads)
}

// readOne reads a single row. No row is approval.ErrNotFound.
func readOne[T any](ctx context.Context, s *Store, fields func(*T) []any, query string, args ...any) (out T, err error) {
	err = s.reading(ctx, func(ctx context.Context, q queryer) error {
		out, err = one(ctx, q, fields, query, args...)
		return err
	})
	return out, err
}

// readAll reads any number of rows.
func readAll[T any](ctx context.Context, s *Store, fields func(*T) []any, query string, args ...any) (out []T, err error) {
	err = s.reading(ctx, func(ctx context.Context, q queryer) error {
		out, err = all(ctx, q, fields, query, args...)
		return err
	})
	return out, err
}

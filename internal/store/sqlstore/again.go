package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// ErrOutcomeUnknown says that the connection was lost while a transaction committed,
// and that the database did not say afterwards whether it had.
var ErrOutcomeUnknown = errors.New("it is not known whether it was written")

const (
	// againFor is how long what failed for the connection's sake is tried again: about
	// as long as a database takes to start again, or to fail over.
	againFor   = 10 * time.Second
	againPause = 50 * time.Millisecond
)

// again calls f until it succeeds, or fails for good, or its time is over. f must do
// no harm when it is done twice.
func (s *Store) again(ctx context.Context, f func() error) error {
	err := f()
	if err == nil || !s.dialect.transient(err) {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, againFor)
	defer cancel()
	for err != nil && s.dialect.transient(err) && pause(patience, againPause) {
		err = f()
	}
	return err
}

// lock begins a transaction that has all other writers shut out, and gives the revision
// before it. Until it has, nothing has happened, so that it is tried again.
func (s *Store) lock(ctx context.Context) (tx *sql.Tx, before int64, err error) {
	err = s.again(ctx, func() error {
		var err error
		if tx, err = s.writer.BeginTx(ctx, nil); err != nil {
			return fmt.Errorf("sqlstore: begin: %w", s.explain(err))
		}
		if err = tx.QueryRowContext(ctx, s.dialect.lockRevision).Scan(&before); err != nil {
			_ = tx.Rollback() // it has written nothing
			return fmt.Errorf("sqlstore: read the revision: %w", s.explain(err))
		}
		return nil
	})
	return tx, before, err
}

// newSign tells one transaction from others. Randomness does not fail (crypto/rand).
func newSign() int64 {
	var sign [8]byte
	_, _ = rand.Read(sign[:])
	return int64(binary.BigEndian.Uint64(sign[:]))
}

// outcome finds out whether the transaction of a sign, which was to take a revision,
// committed, after failed. It does not end with ctx: its caller may have gone, and who
// hears an error must be able to rely on it.
func (s *Store) outcome(ctx context.Context, revision, sign int64, failed error) (int64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), againFor)
	defer cancel()
	var now int64
	var committed bool
	err := s.again(ctx, func() error {
		return s.writer.QueryRowContext(ctx, s.dialect.committed, sign).Scan(&now, &committed)
	})
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: %w; asked afterwards: %w", failed, ErrOutcomeUnknown, err)
	case committed:
		return revision, nil
	case now >= revision+recentSigns:
		return 0, fmt.Errorf("%w: %w", failed, ErrOutcomeUnknown)
	default:
		return 0, fmt.Errorf("%w: nothing is written", failed)
	}
}

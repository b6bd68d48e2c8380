package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/daypass/daypass/internal/store"
)

// Contents reads all that the store keeps, while others write: the records as they are
// at one revision, and of the marks at least those that were set by then. They are in
// memory, all of them.
func (s *Store) Contents(ctx context.Context) (*store.Contents, error) {
	revision, records, err := store.ReadAll(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.inflight.Done()
	// After the records, so that none is missing that belongs to them.
	marks, err := s.readMarks(ctx)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: read the marks: %w", s.explain(err))
	}
	return &store.Contents{Revision: revision, Records: records, Marks: marks}, nil
}

func (s *Store) readMarks(ctx context.Context) (marks []store.UsedMark, err error) {
	rows, err := s.reader.QueryContext(ctx, s.dialect.allMarks)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var mark []byte
		var until int64
		if err := rows.Scan(&mark, &until); err != nil {
			return nil, err
		}
		used := store.UsedMark{Until: time.UnixMilli(until)}
		if copy(used.Mark[:], mark) != len(used.Mark) || len(mark) != len(used.Mark) {
			return nil, fmt.Errorf("%w: a mark of %d bytes", ErrDamaged, len(mark))
		}
		marks = append(marks, used)
	}
	return marks, rows.Err()
}

// Fill writes contents into a store in which nothing was ever written, with the
// revisions that they had, in one transaction. The error matches store.ErrNotEmpty where
// the store is at a revision already.
func (s *Store) Fill(ctx context.Context, contents *store.Contents) error {
	if err := contents.Check(); err != nil {
		return err
	}
	if err := s.begin(); err != nil {
		return err
	}
	defer s.inflight.Done()
	sqlTx, revision, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = sqlTx.Rollback() }() // after a commit it does nothing
	if revision != 0 {
		return fmt.Errorf("%w: it is at revision %d", store.ErrNotEmpty, revision)
	}
	if err := s.fill(ctx, sqlTx, contents); err != nil {
		return fmt.Errorf("sqlstore: nothing is written: %w", s.explain(err))
	}
	_, err = s.commit(ctx, sqlTx, contents.Revision)
	return err
}

func (s *Store) fill(ctx context.Context, sqlTx *sql.Tx, contents *store.Contents) error {
	put, err := sqlTx.PrepareContext(ctx, s.dialect.put)
	if err != nil {
		return err
	}
	defer put.Close() //nolint:errcheck // the transaction's end closes it
	for i := range contents.Records {
		r := &contents.Records[i]
		document := r.Document
		if document == nil {
			document = []byte{} // nil would be NULL
		}
		if _, err := put.ExecContext(ctx, string(r.Kind), r.Account, r.Key, document, r.Revision); err != nil {
			return fmt.Errorf("put %v: %w", r.ID, err)
		}
		if !r.Deleted {
			continue
		}
		if _, err := sqlTx.ExecContext(ctx, s.dialect.del, string(r.Kind), r.Account, r.Key, r.Revision); err != nil {
			return fmt.Errorf("delete %v: %w", r.ID, err)
		}
	}
	for i := range contents.Marks {
		m := &contents.Marks[i]
		if _, err := sqlTx.ExecContext(ctx, s.dialect.mark, m.Mark[:], int64(0), milliseconds(m.Until)); err != nil {
			return fmt.Errorf("mark: %w", err)
		}
	}
	return nil
}

// Snapshot writes the store, as it is at one revision, into a new file of SQLite, for
// its owner alone, which OpenSQLite opens. Others may write meanwhile. What was deleted
// is not in the file, not even in its unused pages. The file is not synced. After an
// error there is none.
func (s *Store) Snapshot(ctx context.Context, path string) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("sqlstore: snapshot: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	if err := f.Close(); err != nil {
		return fmt.Errorf("sqlstore: snapshot: %w", err)
	}
	if s.dialect.snapshot != "" {
		return s.vacuumInto(ctx, path)
	}
	contents, err := s.Contents(ctx)
	if err != nil {
		return err
	}
	copied, err := OpenSQLite(ctx, path)
	if err != nil {
		return err
	}
	return errors.Join(copied.Fill(ctx, contents), copied.Close())
}

// vacuumInto has SQLite copy its own file (sqlite.org/lang_vacuum.html, section 3). It
// takes a connection that may write, though it writes another file; the writer's one is
// not taken, so that Updates go on.
func (s *Store) vacuumInto(ctx context.Context, path string) (err error) {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.inflight.Done()
	db, err := sql.Open("sqlite", sqliteDSN(s.path))
	if err != nil {
		return fmt.Errorf("sqlstore: snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, s.dialect.snapshot, path); err != nil {
		return fmt.Errorf("sqlstore: snapshot: %w", s.explain(err))
	}
	return nil
}

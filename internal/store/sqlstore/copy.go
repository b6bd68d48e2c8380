package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/daypass/daypass/internal/store"
)

var (
	// ErrMoved says that all that the store had was moved to another, by Move.
	ErrMoved = errors.New("the store was moved to another")
	// ErrEmpty says that there is nothing to move.
	ErrEmpty = errors.New("there is nothing in the store")
)

// Moved is how much Move moved.
type Moved struct {
	Records, Tombstones, Marks int
	Revision                   int64
}

// Move moves all that a store has into another, which must be empty: records and
// tombstones under their revisions, and marks. All of it is written in one transaction,
// which is committed once every row was read back and is the same; what fails before
// leaves both stores as they were. Nobody can write to the first meanwhile, nor do
// anything with it afterwards: who has it open finds no revision any more.
//
// An error after the second store was committed leaves both full, and matches none of
// this package's but perhaps ErrOutcomeUnknown: which holds must then be looked at.
func Move(ctx context.Context, from, to *Store) (m Moved, err error) {
	source, revision, err := from.lock(ctx)
	if err != nil {
		return m, err
	}
	defer func() { _ = source.Rollback() }() // after a commit it does nothing
	if revision == 0 {
		return m, fmt.Errorf("sqlstore: %w", ErrEmpty)
	}
	target, before, err := to.lock(ctx)
	if err != nil {
		return m, err
	}
	defer func() { _ = target.Rollback() }()
	var held int64
	if err := target.QueryRowContext(ctx, to.dialect.held).Scan(&held); err != nil {
		return m, fmt.Errorf("sqlstore: %w", to.explain(err))
	}
	if held > 0 || before > 0 {
		return m, fmt.Errorf("sqlstore: %w: %d records and marks, at revision %d", store.ErrNotEmpty, held, before)
	}
	m.Revision = revision
	if err := fill(ctx, &m, source, target, &from.dialect, &to.dialect); err != nil {
		return m, fmt.Errorf("sqlstore: move: %w", err)
	}
	if err := compare(ctx, source, target, &from.dialect, &to.dialect); err != nil {
		return m, fmt.Errorf("sqlstore: what was moved, read back: %w", err)
	}
	if _, err := to.commit(ctx, target, revision); err != nil {
		return m, err
	}
	if _, err := source.ExecContext(ctx, from.dialect.leave); err != nil {
		return m, fmt.Errorf("sqlstore: all is in the other store, and the first is still in use: %w", from.explain(err))
	}
	if err := source.Commit(); err != nil {
		return m, fmt.Errorf("sqlstore: all is in the other store, and the first may still be in use: %w", from.explain(err))
	}
	return m, nil
}

func scanStored(rows *sql.Rows) (r store.Record, err error) {
	err = rows.Scan(&r.Kind, &r.Account, &r.Key, &r.Document, &r.Revision, &r.Deleted)
	return r, err
}

// storedMark is a row of marks.
type storedMark struct {
	mark  []byte
	until int64
}

func scanMark(rows *sql.Rows) (m storedMark, err error) {
	err = rows.Scan(&m.mark, &m.until)
	return m, err
}

// fill writes what source has.
func fill(ctx context.Context, m *Moved, source, target *sql.Tx, from, to *dialect) error {
	err := each(ctx, source, from.all, scanStored, func(r store.Record) error {
		if r.Deleted {
			m.Tombstones++
		} else {
			m.Records++
		}
		if r.Document == nil {
			r.Document = []byte{}
		}
		_, err := target.ExecContext(ctx, to.restore, string(r.Kind), r.Account, r.Key, r.Document, r.Revision, r.Deleted)
		return err
	})
	if err != nil {
		return err
	}
	return each(ctx, source, from.allMarks, scanMark, func(s storedMark) error {
		m.Marks++
		_, err := target.ExecContext(ctx, to.mark, s.mark, s.until-1, s.until)
		return err
	})
}

// each calls f for each row of a query.
func each[R any](ctx context.Context, tx *sql.Tx, query string, scan func(*sql.Rows) (R, error), f func(R) error) (err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		row, err := scan(rows)
		if err == nil {
			err = f(row)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}

// compare reads both stores to their ends, side by side.
func compare(ctx context.Context, source, target *sql.Tx, from, to *dialect) error {
	err := compareRows(ctx, source, target, from.all, to.all, scanStored, func(a, b store.Record) bool {
		return a.ID == b.ID && a.Revision == b.Revision && a.Deleted == b.Deleted && bytes.Equal(a.Document, b.Document)
	})
	if err != nil {
		return fmt.Errorf("records: %w", err)
	}
	err = compareRows(ctx, source, target, from.allMarks, to.allMarks, scanMark, func(a, b storedMark) bool {
		return a.until == b.until && bytes.Equal(a.mark, b.mark)
	})
	if err != nil {
		return fmt.Errorf("marks: %w", err)
	}
	return nil
}

func compareRows[R any](ctx context.Context, source, target *sql.Tx, query, other string, scan func(*sql.Rows) (R, error), same func(a, b R) bool) (err error) {
	rows, err := target.QueryContext(ctx, other)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	n := 0
	err = each(ctx, source, query, scan, func(want R) error {
		n++
		if !rows.Next() {
			return errors.Join(fmt.Errorf("row %d is missing", n), rows.Err())
		}
		got, err := scan(rows)
		if err == nil && !same(want, got) {
			err = fmt.Errorf("row %d is another", n)
		}
		return err
	})
	if err == nil && rows.Next() {
		err = fmt.Errorf("there are more than %d rows", n)
	}
	return errors.Join(err, rows.Err())
}

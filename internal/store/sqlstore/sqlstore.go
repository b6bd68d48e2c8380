// Package sqlstore keeps records in a SQL database, as package store asks.
//
// There are two: SQLite, embedded in the binary, a file, nothing to install
// (OpenSQLite); and PostgreSQL, which many nodes share (OpenPostgres). The statements
// are data, a dialect for each. What is particular to a database is in its files.
//
// The schema is three tables: records, keyed by kind, account and key, each row
// with the revision of its last write; state, with the newest revision; and
// marks, of what was used once, which have no part in revisions.
// A transaction reads the revision under the lock that serialises writers,
// gives its records the next one, and stores that as it commits.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/daypass/daypass/internal/store"
)

var (
	// ErrDamaged says that the file is not, or not all of it, what was written.
	// Put a backup in its place.
	ErrDamaged = errors.New("the file is damaged")
	// ErrForeign says that the file is a database, and not a store of Daypass.
	ErrForeign = errors.New("the file is a database of another program")
	// ErrNewerSchema says that a newer version of Daypass has had the store.
	ErrNewerSchema = errors.New("the store belongs to a newer version")
)

// dialect is what the store says to one kind of database.
type dialect struct {
	name         string
	lockRevision string // gives the revision, with all other writers shut out
	setRevision  string // 1 revision, 2 sign of the transaction where there is a committed
	revision     string
	committed    string // 1 sign; gives the revision, and whether that transaction took one of the last recentSigns; "" where a commit tells
	get          string // 1 kind, 2 account, 3 key; gives document, revision
	put          string // 1 kind, 2 account, 3 key, 4 document, 5 revision
	del          string // 1 kind, 2 account, 3 key, 4 revision
	changes      string // 1 after, 2 limit; gives all columns
	marked       string // 1 mark, 2 now; gives a row if the mark counts
	mark         string // 1 mark, 2 now, 3 until; affects a row unless the mark counts
	clearMarks   string // 1 now, 2 how many
	allMarks     string // gives mark, until, in order of the marks
	snapshot     string // 1 path of an empty file; "" where the records are copied one by one

	// Of Move.
	held    string // gives how many records, tombstones and marks there are
	all     string // gives all columns of all records, in order of revision, kind, account, key
	restore string // 1 kind, 2 account, 3 key, 4 document, 5 revision, 6 deleted
	leave   string // after it no revision is found

	transient func(error) bool // the same may succeed when it is tried again
}

// Store is a store.Store in a SQL database. Make one with OpenSQLite or OpenPostgres.
type Store struct {
	dialect dialect
	path    string            // of the file, absolute; "" for a server's database
	explain func(error) error // adds a sentinel to an error of the driver
	writer  *sql.DB           // for Update
	reader  *sql.DB           // for all else; nil until the schema is there

	get, changes, revision, marked *sql.Stmt // on reader

	uses useQueue

	mu       sync.Mutex // guards closed, and inflight against its own Wait
	closed   bool
	inflight sync.WaitGroup
}

var _ store.Store = (*Store)(nil)

func (s *Store) prepare(ctx context.Context) error {
	for _, p := range []struct {
		to  **sql.Stmt
		sql string
	}{{&s.get, s.dialect.get}, {&s.changes, s.dialect.changes}, {&s.revision, s.dialect.revision}, {&s.marked, s.dialect.marked}} {
		stmt, err := s.reader.PrepareContext(ctx, p.sql) //nolint:sqlclosecheck // it lives as long as the reader, whose Close closes it
		if err != nil {
			return err
		}
		*p.to = stmt
	}
	return nil
}

// begin counts one operation in, or says that the store is closed. It comes
// with a call of s.inflight.Done.
func (s *Store) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.inflight.Add(1)
	return nil
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	s.inflight.Wait()
	if again {
		return nil
	}
	var err error
	if s.reader != nil {
		err = s.reader.Close()
	}
	// Last: the last connection to close folds the log into the file.
	if err = errors.Join(err, s.writer.Close()); err != nil {
		return fmt.Errorf("sqlstore: close: %w", err)
	}
	return nil
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, f func(store.Tx) error) (int64, error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.inflight.Done()
	sqlTx, before, err := s.lock(ctx)
	if err != nil {
		return 0, err
	}
	// Also when f panics. After a commit it does nothing.
	defer func() { _ = sqlTx.Rollback() }()

	t := &tx{ctx: ctx, sql: sqlTx, dialect: &s.dialect, before: before}
	if err := t.run(f); err != nil {
		return 0, err
	}
	if t.failed != nil {
		return 0, fmt.Errorf("sqlstore: nothing is written: %w", s.explain(t.failed))
	}
	if !t.wrote {
		return before, nil
	}
	return s.commit(ctx, sqlTx, before+1)
}

// commit takes a revision and commits. An error says that nothing is written, or that
// it is not known.
func (s *Store) commit(ctx context.Context, sqlTx *sql.Tx, revision int64) (int64, error) {
	args, sign := []any{revision}, int64(0)
	if s.dialect.committed != "" {
		sign = newSign()
		args = append(args, sign)
	}
	if _, err := sqlTx.ExecContext(ctx, s.dialect.setRevision, args...); err != nil {
		return 0, fmt.Errorf("sqlstore: take revision %d: %w", revision, s.explain(err))
	}
	if err := sqlTx.Commit(); err != nil {
		err = fmt.Errorf("sqlstore: commit revision %d: %w", revision, s.explain(err))
		if s.dialect.committed == "" {
			return 0, err
		}
		return s.outcome(ctx, revision, sign, err)
	}
	return revision, nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, id store.ID) (store.Record, error) {
	if err := s.begin(); err != nil {
		return store.Record{}, err
	}
	defer s.inflight.Done()
	if id.Check() != nil { // nothing can be there
		return store.Record{}, fmt.Errorf("%w: %v", store.ErrNotFound, id)
	}
	var r store.Record
	err := s.again(ctx, func() (err error) {
		r, err = scanRecord(id, s.get.QueryRowContext(ctx, string(id.Kind), id.Account, id.Key))
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Record{}, fmt.Errorf("sqlstore: get %v: %w", id, s.explain(err))
	}
	return r, err
}

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]store.Record, error) {
	if limit < 1 {
		return nil, fmt.Errorf("%w: %d", store.ErrInvalidLimit, limit)
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.inflight.Done()
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	records, err := s.readChanges(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: read changes after revision %d: %w", after, s.explain(err))
	}
	if len(records) > 0 {
		return records, nil
	}
	// Revisions only grow, so one that is ahead after the read was so before it.
	now, err := s.readRevision(ctx)
	if err != nil {
		return nil, err
	}
	if after > now {
		return nil, fmt.Errorf("%w: %d was seen, the store is at %d", store.ErrRevisionAhead, after, now)
	}
	return nil, nil
}

func (s *Store) readChanges(ctx context.Context, after int64, limit int) (records []store.Record, err error) {
	rows, err := s.changes.QueryContext(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r store.Record
		if err := rows.Scan(&r.Kind, &r.Account, &r.Key, &r.Document, &r.Revision, &r.Deleted); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, rows.Err()
}

// Revision implements store.Store.
func (s *Store) Revision(ctx context.Context) (int64, error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.inflight.Done()
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return s.readRevision(ctx)
}

func (s *Store) readRevision(ctx context.Context) (int64, error) {
	var revision int64
	if err := s.revision.QueryRowContext(ctx).Scan(&revision); err != nil {
		return 0, fmt.Errorf("sqlstore: read the revision: %w", s.explain(err))
	}
	return revision, nil
}

// scanRecord reads the row of a get. No row is store.ErrNotFound, with the ID.
func scanRecord(id store.ID, row *sql.Row) (store.Record, error) {
	r := store.Record{ID: id}
	err := row.Scan(&r.Document, &r.Revision)
	if errors.Is(err, sql.ErrNoRows) {
		return store.Record{}, fmt.Errorf("%w: %v", store.ErrNotFound, id)
	}
	if err != nil {
		return store.Record{}, err
	}
	return r, nil
}

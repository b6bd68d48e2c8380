package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/store"
)

// clearPerUse is how many marks that are over each new mark clears away. With
// more than one the table shrinks again after a rush.
const clearPerUse = 4

// use is one call of UseOnce. Whoever takes it from the queue closes done, once
// first and err are set.
type use struct {
	mark       store.Mark
	now, until int64 // milliseconds since 1970
	first      bool
	err        error
	done       chan struct{}
}

// useQueue holds the uses that wait. One caller at a time has the turn; it goes
// for the writer, and does the work of all who wait by then in one transaction:
// a rush of tokens costs one flush of the disk for many, and Updates get the
// writer between two of them.
type useQueue struct {
	turn chan struct{} // of capacity 1; full while someone has the turn

	mu      sync.Mutex // guards waiting
	waiting []*use
}

func (q *useQueue) add(u *use) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, u)
}

// remove takes u back, and reports whether it was still waiting.
func (q *useQueue) remove(u *use) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	before := len(q.waiting)
	q.waiting = slices.DeleteFunc(q.waiting, func(w *use) bool { return w == u })
	return len(q.waiting) < before
}

func (q *useQueue) take() []*use {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiting
	q.waiting = nil
	return taken
}

// UseOnce implements store.Store.
func (s *Store) UseOnce(ctx context.Context, scope, key string, now, until time.Time) (bool, error) {
	mark, err := store.MarkOf(scope, key, now, until)
	if err != nil {
		return false, err
	}
	if err := s.begin(); err != nil {
		return false, err
	}
	defer s.inflight.Done()
	u := &use{mark: mark, now: now.UnixMilli(), until: milliseconds(until), done: make(chan struct{})}
	// A mark that is there was committed. Who shows a used token again does not
	// get as far as the writer.
	if marked, err := s.isMarked(ctx, u); err != nil || marked {
		return false, err
	}
	s.uses.add(u)
	select {
	case <-u.done: // by the caller that had the turn
		return u.first, u.err
	case s.uses.turn <- struct{}{}:
		err = s.markWaiting(ctx)
		<-s.uses.turn
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil && s.uses.remove(u) {
		return false, fmt.Errorf("sqlstore: use once: %w", s.explain(err))
	}
	<-u.done // it is taken up, so there will be an answer
	return u.first, u.err
}

// markWaiting waits for the writer, as long as ctx lasts, and carries out all
// uses that wait. What it then does is not only its caller's, and does not end
// with ctx.
func (s *Store) markWaiting(ctx context.Context) error {
	var conn *sql.Conn
	err := s.again(ctx, func() (err error) {
		conn, err = s.writer.Conn(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if uses := s.uses.take(); len(uses) > 0 {
		// In one order, so that two nodes that mark the same do not wait for each other.
		slices.SortFunc(uses, func(a, b *use) int { return bytes.Compare(a.mark[:], b.mark[:]) })
		conn = s.markAll(context.WithoutCancel(ctx), conn, uses)
	}
	if conn == nil {
		return nil
	}
	return conn.Close() // back to the pool
}

// milliseconds rounds up, so that no mark is over too early.
func milliseconds(t time.Time) int64 {
	n := t.UnixMilli()
	if t.After(time.UnixMilli(n)) {
		n++
	}
	return n
}

func (s *Store) isMarked(ctx context.Context, u *use) (bool, error) {
	var one int
	err := s.again(ctx, func() error { return s.marked.QueryRowContext(ctx, u.mark[:], u.now).Scan(&one) })
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("sqlstore: use once: %w", s.explain(err))
	}
	return true, nil
}

// markAll carries out uses in one transaction and lets their callers go. What failed
// before it was to be committed has marked nothing, and is tried again where that may
// help, over another connection; the one that is left, if any, is given back.
func (s *Store) markAll(ctx context.Context, conn *sql.Conn, uses []*use) *sql.Conn {
	begun := false
	err := s.again(ctx, func() (err error) {
		if begun {
			if conn != nil {
				_ = conn.Close() // it failed
			}
			if conn, err = s.writer.Conn(ctx); err != nil {
				conn = nil
				return err
			}
		}
		begun = true
		return s.commitMarks(ctx, conn, uses)
	})
	for _, u := range uses {
		if err != nil {
			u.first, u.err = false, fmt.Errorf("sqlstore: use once: %w", s.explain(err))
		}
		close(u.done)
	}
	return conn
}

// commitError is one of a commit, after which the marks may be set.
type commitError struct{ text string }

func (e *commitError) Error() string { return e.text }

func (s *Store) commitMarks(ctx context.Context, conn *sql.Conn, uses []*use) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	earliest, wrote := uses[0].now, int64(0)
	for _, u := range uses {
		result, err := tx.ExecContext(ctx, s.dialect.mark, u.mark[:], u.now, u.until)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		u.first = n == 1
		earliest, wrote = min(earliest, u.now), wrote+n
	}
	if wrote == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, s.dialect.clearMarks, earliest, clearPerUse*wrote); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		if s.dialect.committed == "" {
			return err
		}
		return &commitError{fmt.Sprintf("commit: %v", err)} // which nothing takes for transient
	}
	return nil
}

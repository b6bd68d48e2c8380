package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/daypass/daypass/internal/store"
)

// tx is one Update under way.
type tx struct {
	ctx     context.Context //nolint:containedctx // it lives as long as the one call of Update that made it
	sql     *sql.Tx
	dialect *dialect
	before  int64 // the revision when it began; it takes the next
	wrote   bool
	done    bool
	failed  error // the database's own first failure, which fails the Update
}

// run calls f, and makes the transaction unusable however f ends.
func (t *tx) run(f func(store.Tx) error) error {
	defer func() { t.done = true }()
	return f(t)
}

// fail keeps an error of the database. A function that drops it would
// otherwise commit what is only a part of its writes.
func (t *tx) fail(what string, id store.ID, err error) error {
	err = fmt.Errorf("%s %v: %w", what, id, err)
	if t.failed == nil {
		t.failed = err
	}
	return fmt.Errorf("sqlstore: %w", err)
}

// Get implements store.Tx.
func (t *tx) Get(id store.ID) (store.Record, error) {
	if t.done {
		return store.Record{}, store.ErrTxDone
	}
	if id.Check() != nil { // nothing can be there
		return store.Record{}, fmt.Errorf("%w: %v", store.ErrNotFound, id)
	}
	r, err := scanRecord(id, t.sql.QueryRowContext(t.ctx, t.dialect.get, string(id.Kind), id.Account, id.Key))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Record{}, t.fail("get", id, err)
	}
	return r, err
}

// Put implements store.Tx.
func (t *tx) Put(id store.ID, document []byte) error {
	if t.done {
		return store.ErrTxDone
	}
	if err := store.CheckPut(id, document); err != nil {
		return err
	}
	if document == nil {
		document = []byte{} // nil would be NULL
	}
	if _, err := t.sql.ExecContext(t.ctx, t.dialect.put, string(id.Kind), id.Account, id.Key, document, t.before+1); err != nil {
		return t.fail("put", id, err)
	}
	t.wrote = true
	return nil
}

// Delete implements store.Tx.
func (t *tx) Delete(id store.ID) error {
	if t.done {
		return store.ErrTxDone
	}
	if id.Check() != nil {
		return fmt.Errorf("%w: %v", store.ErrNotFound, id)
	}
	result, err := t.sql.ExecContext(t.ctx, t.dialect.del, string(id.Kind), id.Account, id.Key, t.before+1)
	if err != nil {
		return t.fail("delete", id, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return t.fail("delete", id, err)
	}
	if n == 0 {
		return fmt.Errorf("%w: %v", store.ErrNotFound, id)
	}
	t.wrote = true
	return nil
}

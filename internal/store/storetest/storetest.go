// Package storetest asks of a store.Store what its contract says.
//
// Run is the conformance suite: every sentence of the contract in package store
// is one subtest. KillDuringWrites asks for durability with kill -9. A new
// implementation calls both and adds only what is its own.
//
// Faulty is for the tests of those who use a store: it fails on demand, before
// or after the writes were kept.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/daypass/daypass/internal/store"

	"github.com/google/go-cmp/cmp"
)

const account = "123456789012"

// Run carries out the conformance suite. Each subtest calls open for a new,
// empty store; open sees to it that the store is closed when its t ends.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	for _, group := range []struct {
		name  string
		tests []conformanceTest
	}{
		{"Update", updateTests()},
		{"Tx", txTests()},
		{"Record", recordTests()},
		{"Read", readTests()},
		{"Changes", changesTests()},
		{"UseOnce", onceTests()},
		{"Close", closeTests()},
		{"Concurrency", concurrencyTests()},
		{"Model", modelTests()},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) {
					t.Parallel()
					test.run(t, open(t))
				})
			}
		})
	}
}

// conformanceTest is one sentence of the contract and how to ask it.
type conformanceTest struct {
	name string
	run  func(t *testing.T, s store.Store)
}

func roleID(name string) store.ID { return store.RoleID(account, name) }

// put writes one record in an Update of its own.
func put(t *testing.T, s store.Store, id store.ID, document string) int64 {
	t.Helper()
	return update(t, s, func(tx store.Tx) error { return tx.Put(id, []byte(document)) })
}

func update(t *testing.T, s store.Store, f func(store.Tx) error) int64 {
	t.Helper()
	revision, err := s.Update(t.Context(), f)
	if err != nil {
		t.Fatalf("Update: %v", err)
	}
	return revision
}

func changes(t *testing.T, s store.Store, after int64, limit int) []store.Record {
	t.Helper()
	records, err := s.Changes(t.Context(), after, limit)
	if err != nil {
		t.Fatalf("Changes(%d, %d): %v", after, limit, err)
	}
	return records
}

func wantRevision(t *testing.T, s store.Store, want int64) {
	t.Helper()
	got, err := s.Revision(t.Context())
	if err != nil {
		t.Fatalf("Revision: %v", err)
	}
	if got != want {
		t.Fatalf("revision is %d, want %d", got, want)
	}
}

func wantRecord(t *testing.T, s store.Store, want store.Record) {
	t.Helper()
	got, err := s.Get(t.Context(), want.ID)
	if err != nil {
		t.Fatalf("Get(%v): %v", want.ID, err)
	}
	wantSame(t, []store.Record{got}, []store.Record{want})
}

func wantAbsent(t *testing.T, s store.Store, id store.ID) {
	t.Helper()
	if r, err := s.Get(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("Get(%v) = %+v, %v; want ErrNotFound", id, r, err)
	}
}

// wantSame compares records; no document and an empty one are the same.
func wantSame(t *testing.T, got, want []store.Record) {
	t.Helper()
	empty := cmp.Transformer("document", func(b []byte) string { return string(b) })
	if diff := cmp.Diff(want, got, empty); diff != "" {
		t.Fatalf("records differ (-want +got):\n%s", diff)
	}
}

// state is what a follower has rebuilt: documents by ID.
type state map[store.ID]string

// apply is step 3 of the contract's "Following".
func (st state) apply(records []store.Record) {
	for _, r := range records {
		if r.Deleted {
			delete(st, r.ID)
		} else {
			st[r.ID] = string(r.Document)
		}
	}
}

// follow brings st from revision after to the newest, and returns that.
func follow(ctx context.Context, s store.Store, st state, after int64, limit int) (int64, error) {
	for {
		records, err := s.Changes(ctx, after, limit)
		if err != nil || len(records) == 0 {
			return after, err
		}
		for _, r := range records {
			if r.Revision < after {
				return 0, fmt.Errorf("revision %d comes after %d", r.Revision, after)
			}
			after = r.Revision
		}
		st.apply(records)
	}
}

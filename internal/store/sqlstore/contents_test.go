package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// contentsOf asks for everything.
func contentsOf(t *testing.T, s *sqlstore.Store) *store.Contents {
	t.Helper()
	c, err := s.Contents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// worn is a store in which records were written, rewritten and deleted, and marks set.
func worn(t *testing.T) *sqlstore.Store {
	s := open(t, filepath.Join(t.TempDir(), "state.db"))
	for i := range 40 {
		if _, err := put(s, fmt.Sprint(i%25), fmt.Sprint("document ", i)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.Delete(store.RoleID("123456789012", "3")), tx.Put(store.SessionKeysID(), nil))
	})
	if err != nil || !use(t, s, "a", noon, noon.Add(time.Hour)) {
		t.Fatal(err)
	}
	return s
}

// A store that was filled is the store whose contents it got: revisions, tombstones and
// marks as well.
func TestFillIsTheInverseOfContents(t *testing.T) {
	t.Parallel()
	s := worn(t)
	want := contentsOf(t, s)
	if len(want.Records) != 26 || len(want.Marks) != 1 || want.Revision != 41 {
		t.Fatalf("%d records, %d marks at revision %d", len(want.Records), len(want.Marks), want.Revision)
	}
	filled := open(t, filepath.Join(t.TempDir(), "state.db"))
	if err := filled.Fill(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, contentsOf(t, filled), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-filled from +has)\n%s", diff)
	}
	if use(t, filled, "a", noon, noon.Add(time.Hour)) {
		t.Error("what was used once can be used again")
	}
	if revision, err := put(filled, "new", "x"); err != nil || revision != want.Revision+1 {
		t.Errorf("the next write took revision %d, %v", revision, err)
	}
	if err := filled.Fill(t.Context(), want); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("a store in use is filled: %v", err)
	}
}

// Contents that no store can have had are refused, and leave nothing.
func TestFillRefuses(t *testing.T) {
	t.Parallel()
	record := store.Record{ID: store.RoleID("123456789012", "a"), Document: []byte("1"), Revision: 1}
	for name, c := range map[string]*store.Contents{
		"twice":      {Revision: 1, Records: []store.Record{record, record}},
		"ahead":      {Revision: 2, Records: []store.Record{record}},
		"behind":     {Revision: 0, Records: []store.Record{record}},
		"no id":      {Revision: 1, Records: []store.Record{{Revision: 1}}},
		"a document": {Revision: 1, Records: []store.Record{{ID: record.ID, Revision: 1, Document: []byte("1"), Deleted: true}}},
	} {
		s := open(t, filepath.Join(t.TempDir(), "state.db"))
		if err := s.Fill(t.Context(), c); err == nil {
			t.Errorf("%s: taken", name)
		}
		if got := contentsOf(t, s); got.Revision != 0 || len(got.Records) != 0 {
			t.Errorf("%s: the store has %d records at revision %d", name, len(got.Records), got.Revision)
		}
	}
}

// A snapshot and the contents are of one revision, however much is written meanwhile:
// each write here changes two records, which must be alike in all that is read.
func TestSnapshotWhileWritesGoOn(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "state.db"))
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				_, err := s.Update(t.Context(), func(tx store.Tx) error {
					document := fmt.Append(nil, n)
					return errors.Join(tx.Put(store.RoleID("123456789012", "a"), document), tx.Put(store.RoleID("123456789012", "b"), document))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	defer writers.Wait()
	defer stop()
	check := func(c *store.Contents) {
		t.Helper()
		if len(c.Records) == 0 && c.Revision == 0 {
			return // before the first write
		}
		if len(c.Records) != 2 || string(c.Records[0].Document) != string(c.Records[1].Document) || c.Records[0].Revision != c.Revision {
			t.Errorf("it is of no one revision: %v", c)
		}
	}
	for i := range 10 {
		check(contentsOf(t, s))
		path := filepath.Join(t.TempDir(), fmt.Sprint(i, ".db"))
		if err := s.Snapshot(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("the snapshot's mode: %v, %v", info.Mode(), err)
		}
		check(contentsOf(t, open(t, path)))
		if err := s.Snapshot(t.Context(), path); !errors.Is(err, os.ErrExist) {
			t.Fatalf("a file is replaced: %v", err)
		}
	}
}

// The snapshot is the store, marks included.
func TestSnapshotIsTheStore(t *testing.T) {
	t.Parallel()
	s := worn(t)
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Snapshot(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(contentsOf(t, s), contentsOf(t, open(t, path)), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-store +snapshot)\n%s", diff)
	}
}

// What is copied from the one database to the other, and back by a snapshot, is the same.
func TestContentsBetweenDatabases(t *testing.T) {
	t.Parallel()
	want := contentsOf(t, worn(t))
	postgres := openPostgres(t, postgresURL(t))
	if err := postgres.Fill(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, contentsOf(t, postgres.Store), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-SQLite +PostgreSQL)\n%s", diff)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := postgres.Snapshot(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, contentsOf(t, open(t, path)), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-PostgreSQL +snapshot)\n%s", diff)
	}
}

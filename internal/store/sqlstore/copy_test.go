package sqlstore_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"

	"github.com/google/go-cmp/cmp"
)

// asText holds no document and an empty one to be the same.
var asText = cmp.Transformer("document", func(b []byte) string { return string(b) })

// fillForMove writes records of many revisions, tombstones and marks.
func fillForMove(t *testing.T, s store.Store) []store.Record {
	t.Helper()
	for i := range 30 {
		if _, err := s.Update(t.Context(), func(tx store.Tx) error {
			for k := range 3 {
				if err := tx.Put(store.RoleID("123456789012", fmt.Sprintf("é-%d-%d", i, k)), []byte{0, byte(i), 0xff}); err != nil {
					return err
				}
			}
			if i%5 == 4 {
				return tx.Delete(store.RoleID("123456789012", fmt.Sprintf("é-%d-0", i-1)))
			}
			return tx.Put(store.SessionKeysID(), nil)
		}); err != nil {
			t.Fatal(err)
		}
		if !use(t, s, fmt.Sprint(i), noon, noon.Add(time.Hour)) {
			t.Error("not first")
		}
	}
	return everything(t, s)
}

func everything(t *testing.T, s store.Store) []store.Record {
	t.Helper()
	records, err := s.Changes(t.Context(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// A store is moved to PostgreSQL, and back to a file: nothing is another, and the one
// that it was in can be used no more.
func TestMove(t *testing.T) {
	t.Parallel()
	path, url := filepath.Join(t.TempDir(), "first.db"), postgresURL(t)
	first := open(t, path)
	want := fillForMove(t, first)
	shared := openPostgres(t, url)
	wantMoved := sqlstore.Moved{Records: 85, Tombstones: 6, Marks: 30, Revision: 30}
	moved, err := sqlstore.Move(t.Context(), first, shared.Store)
	if err != nil || moved != wantMoved {
		t.Fatalf("moved %+v, %v", moved, err)
	}
	check := func(s store.Store) {
		t.Helper()
		if diff := cmp.Diff(want, everything(t, s), asText); diff != "" {
			t.Errorf("records differ (-want +got):\n%s", diff)
		}
		for i := range 30 {
			if use(t, s, fmt.Sprint(i), noon, noon.Add(time.Hour)) {
				t.Error("a mark was lost")
			}
		}
	}
	check(shared)
	if _, err := put(first, "late", "1"); err == nil {
		t.Error("the first store can still be written to")
	}
	if _, err := first.Revision(t.Context()); err == nil {
		t.Error("who has the first store open can still follow it")
	}
	if _, err := sqlstore.OpenSQLite(t.Context(), path); !errors.Is(err, sqlstore.ErrMoved) {
		t.Errorf("the first store opens again: %v", err)
	}
	back := open(t, filepath.Join(t.TempDir(), "back.db"))
	if moved, err := sqlstore.Move(t.Context(), shared.Store, back); err != nil || moved != wantMoved {
		t.Fatalf("moved back %+v, %v", moved, err)
	}
	check(back)
	if revision, err := put(back, "next", "1"); err != nil || revision != 31 {
		t.Errorf("the next revision is %d, %v", revision, err)
	}
	if _, err := sqlstore.OpenPostgres(t.Context(), url); !errors.Is(err, sqlstore.ErrMoved) {
		t.Errorf("the shared store opens again: %v", err)
	}
}

func TestMoveIsRefused(t *testing.T) {
	t.Parallel()
	full := open(t, filepath.Join(t.TempDir(), "full.db"))
	want := fillForMove(t, full)
	unchanged := func() {
		t.Helper()
		if diff := cmp.Diff(want, everything(t, full), asText); diff != "" {
			t.Errorf("the first store changed (-want +got):\n%s", diff)
		}
		if _, err := full.Revision(t.Context()); err != nil {
			t.Errorf("the first store cannot be used any more: %v", err)
		}
	}
	marked := openPostgres(t, postgresURL(t))
	use(t, marked, "a", noon, noon.Add(time.Hour))
	if _, err := sqlstore.Move(t.Context(), full, marked.Store); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("into a store with a mark: %v", err)
	}
	written := openPostgres(t, postgresURL(t))
	if _, err := put(written, "a", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlstore.Move(t.Context(), full, written.Store); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("into a store with a record: %v", err)
	}
	if _, err := sqlstore.Move(t.Context(), open(t, filepath.Join(t.TempDir(), "empty.db")), openPostgres(t, postgresURL(t)).Store); !errors.Is(err, sqlstore.ErrEmpty) {
		t.Errorf("out of an empty store: %v", err)
	}
	unchanged()

	// What the database makes another is found when it is read back, and what it
	// refuses half way leaves nothing.
	for name, body := range map[string]string{"changes": "NEW.document := 'x'; RETURN NEW", "drops": "RETURN NULL", "refuses": "RAISE 'no space'"} {
		url := postgresURL(t)
		schema := url[strings.LastIndexByte(url, '=')+1:]
		target := openPostgres(t, url)
		sqlIn(t, fmt.Sprintf(`CREATE FUNCTION %[1]s.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.revision = 17 THEN %[2]s; END IF; RETURN NEW; END $$;
			CREATE TRIGGER f BEFORE INSERT ON %[1]s.daypass_records FOR EACH ROW EXECUTE FUNCTION %[1]s.f()`, schema, body))
		if _, err := sqlstore.Move(t.Context(), full, target.Store); err == nil {
			t.Errorf("a database that %s a record: no error", name)
		}
		if revision, err := target.Revision(t.Context()); err != nil || revision != 0 || len(everything(t, target)) != 0 {
			t.Errorf("a database that %s a record is left at revision %d with %d records, %v", name, revision, len(everything(t, target)), err)
		}
		unchanged()
	}
}

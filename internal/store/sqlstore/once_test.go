package sqlstore_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func use(t *testing.T, s store.Store, key string, now, until time.Time) bool {
	t.Helper()
	first, err := s.UseOnce(t.Context(), "tokens", key, now, until)
	if err != nil {
		t.Error(err)
	}
	return first
}

func marks(t *testing.T, path string) (n int) {
	t.Helper()
	if err := raw(t, path).QueryRow(`SELECT count(*) FROM marks`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMarksAreThereAfterReopening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	if !use(t, s, "a", noon, noon.Add(time.Hour)) {
		t.Error("the first use is not first")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if use(t, open(t, path), "a", noon, noon.Add(time.Hour)) {
		t.Error("the mark was lost")
	}
}

// TestOneIsFirstOfManyProcesses opens the file as several processes would.
func TestOneIsFirstOfManyProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	const keys = 10
	var firsts [keys]atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		s := open(t, path)
		for range 2 {
			wg.Go(func() {
				for key := range keys {
					if use(t, s, fmt.Sprint(key), noon, noon.Add(time.Hour)) {
						firsts[key].Add(1)
					}
				}
			})
		}
	}
	wg.Wait()
	for key := range firsts {
		if n := firsts[key].Load(); n != 1 {
			t.Errorf("key %d was first %d times", key, n)
		}
	}
}

// Marks that are over go, a few with each new one, so that the table does not
// grow and no call pays for all.
func TestMarksAreCleared(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	const many = 50
	for i := range many {
		use(t, s, fmt.Sprint("old", i), noon, noon.Add(time.Minute))
	}
	use(t, s, "stays", noon, noon.Add(48*time.Hour))
	if n := marks(t, path); n != many+1 {
		t.Fatalf("%d marks, want %d", n, many+1)
	}
	later := noon.Add(time.Hour)
	use(t, s, "new", later, later.Add(time.Hour))
	if n := marks(t, path); n >= many+1 || n < many-8 {
		t.Errorf("%d marks after one more use: all or none were cleared", n)
	}
	for i := range many {
		use(t, s, fmt.Sprint("new", i), later, later.Add(time.Hour))
	}
	if n := marks(t, path); n != many+2 {
		t.Errorf("%d marks, want the %d that count", n, many+2)
	}
	if use(t, s, "stays", later, later.Add(time.Hour)) {
		t.Error("a mark that counts was cleared")
	}
}

// A refused mark is a failure of every use that shared its transaction.
func TestMarkThatTheDatabaseRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	exec(t, path, `CREATE TRIGGER full BEFORE INSERT ON marks BEGIN SELECT RAISE(ABORT, 'no space'); END`)
	if first, err := s.UseOnce(t.Context(), "tokens", "a", noon, noon.Add(time.Hour)); first || err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("UseOnce = %v, %v, want the database's error", first, err)
	}
	exec(t, path, `DROP TRIGGER full`)
	if !use(t, s, "a", noon, noon.Add(time.Hour)) {
		t.Error("what was not marked is not first")
	}
}

// TestEarlierSchema opens a file that a program without marks made.
func TestEarlierSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	filled(t, path)
	exec(t, path, `DROP TABLE marks`)
	exec(t, path, `DELETE FROM goose_db_version WHERE version_id > 1`)
	s := open(t, path)
	if !use(t, s, "a", noon, noon.Add(time.Hour)) || use(t, s, "a", noon, noon.Add(time.Hour)) {
		t.Error("a use is not first once")
	}
	if revision, err := s.Revision(t.Context()); err != nil || revision != 50 {
		t.Errorf("revision %d, %v; want 50", revision, err)
	}
}

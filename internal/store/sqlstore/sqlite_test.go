package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

func open(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// raw opens the file as another program would.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func put(s store.Store, key, document string) (int64, error) {
	return s.Update(context.Background(), func(tx store.Tx) error {
		return tx.Put(store.RoleID("123456789012", key), []byte(document))
	})
}

func TestWhatIsWrittenIsThereAfterReopening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	if _, err := put(s, "a", "1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	r, err := s.Get(t.Context(), store.RoleID("123456789012", "a"))
	if err != nil || string(r.Document) != "1" || r.Revision != 1 {
		t.Fatalf("after reopening: %+v, %v", r, err)
	}
	if revision, err := put(s, "a", "2"); err != nil || revision != 2 {
		t.Fatalf("the next revision is %d, %v; want 2", revision, err)
	}
}

func TestPathIsTakenLiterally(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a?b%20c #d ü")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x?mode=memory")
	s := open(t, path)
	if _, err := put(s, "a", "1"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		t.Fatalf("the store is not in %s: %v, %v", path, info, err)
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	for _, was := range []os.FileMode{0, 0o644, 0o666, 0o600} {
		t.Run(fmt.Sprintf("%o", was), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "state.db")
			if was != 0 {
				if err := os.WriteFile(path, nil, was); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(path, was); err != nil { // past the umask
					t.Fatal(err)
				}
			}
			s := open(t, path)
			if _, err := put(s, "a", "1"); err != nil {
				t.Fatal(err)
			}
			for _, suffix := range []string{"", "-wal", "-shm"} {
				info, err := os.Stat(path + suffix)
				if err != nil {
					t.Fatal(err)
				}
				if info.Mode().Perm() != 0o600 {
					t.Errorf("%s has mode %o", info.Name(), info.Mode().Perm())
				}
			}
		})
	}
}

func TestRefusesToOpen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		make func(t *testing.T, path string)
		want error
	}{
		{"a text file", func(t *testing.T, path string) {
			write(t, path, []byte("this is not a database, and it is longer than the header of one, which has one hundred bytes in it"))
		}, sqlstore.ErrDamaged},
		{"another program's database", func(t *testing.T, path string) {
			exec(t, path, `CREATE TABLE albums (title TEXT)`)
		}, sqlstore.ErrForeign},
		{"another program's empty database", func(t *testing.T, path string) {
			exec(t, path, `PRAGMA application_id = 7`)
		}, sqlstore.ErrForeign},
		{"a newer schema", func(t *testing.T, path string) {
			filled(t, path)
			exec(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`)
		}, sqlstore.ErrNewerSchema},
		{"pages overwritten", func(t *testing.T, path string) {
			filled(t, path)
			b := read(t, path)
			for i := 4096; i < len(b); i++ {
				b[i] = 0xA5
			}
			write(t, path, b)
		}, sqlstore.ErrDamaged},
		{"cut short", func(t *testing.T, path string) {
			filled(t, path)
			b := read(t, path)
			write(t, path, b[:len(b)/2])
		}, sqlstore.ErrDamaged},
		{"a directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, nil},
		{"no directory", func(t *testing.T, path string) {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}, os.ErrNotExist},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "sub", "state.db")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			tt.make(t, path)
			s, err := sqlstore.OpenSQLite(t.Context(), path)
			if err == nil {
				_ = s.Close()
				t.Fatal("it opened")
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error is %v, want %v", err, tt.want)
			}
			if !strings.Contains(err.Error(), path) {
				t.Errorf("error %q does not name the file", err)
			}
		})
	}
}

func TestForeignFileIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	exec(t, path, `CREATE TABLE albums (title TEXT)`)
	if _, err := sqlstore.OpenSQLite(t.Context(), path); !errors.Is(err, sqlstore.ErrForeign) {
		t.Fatal(err)
	}
	var tables int
	if err := raw(t, path).QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil || tables != 1 {
		t.Fatalf("%d tables, %v; want the one that was there", tables, err)
	}
}

func TestManyOpenOneNewFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	const stores = 4
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() {
			s, err := sqlstore.OpenSQLite(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = s.Close() }()
			if _, err := put(s, fmt.Sprint(i), "1"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if revision, err := open(t, path).Revision(t.Context()); err != nil || revision != stores {
		t.Fatalf("revision %d, %v; want %d", revision, err, stores)
	}
}

func TestWaitsForAnotherProgram(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	other := raw(t, path)
	other.SetMaxOpenConns(1)
	if _, err := other.Exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	// Reads go on beside the other's lock.
	if revision, err := s.Revision(t.Context()); err != nil || revision != 0 {
		t.Fatalf("revision %d, %v", revision, err)
	}
	done := make(chan error)
	go func() {
		_, err := put(s, "a", "1")
		done <- err
	}()
	if _, err := other.Exec(`COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestDroppedDatabaseErrorFailsTheUpdate has the database refuse one of two
// writes, as a full disk would, and a function that does not care.
func TestDroppedDatabaseErrorFailsTheUpdate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	exec(t, path, `CREATE TRIGGER full BEFORE INSERT ON records WHEN NEW.key = 'second'
		BEGIN SELECT RAISE(ABORT, 'no space'); END`)
	_, err := s.Update(t.Context(), func(tx store.Tx) error {
		_ = tx.Put(store.RoleID("123456789012", "first"), nil)
		_ = tx.Put(store.RoleID("123456789012", "second"), nil)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "no space") || !strings.Contains(err.Error(), "second") {
		t.Errorf("error is %v, want the database's, naming the record", err)
	}
	if _, err := s.Get(t.Context(), store.RoleID("123456789012", "first")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the first half is there: %v", err)
	}
	if revision, err := s.Revision(t.Context()); err != nil || revision != 0 {
		t.Errorf("revision %d, %v", revision, err)
	}
}

func filled(t *testing.T, path string) {
	t.Helper()
	s, err := sqlstore.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if _, err := put(s, fmt.Sprintf("role-%03d", i), fmt.Sprintf("%01000d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func exec(t *testing.T, path, statement string) {
	t.Helper()
	db := raw(t, path)
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

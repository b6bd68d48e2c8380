package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"
)

// errRefused stands for whatever makes a caller's function give up.
var errRefused = errors.New("storetest: refused")

func updateTests() []conformanceTest {
	return []conformanceTest{
		{name: "a new store is at revision 0 and empty", run: func(t *testing.T, s store.Store) {
			wantRevision(t, s, 0)
			wantSame(t, changes(t, s, 0, 10), nil)
		}},
		{name: "an update that wrote takes one revision for all its records", run: func(t *testing.T, s store.Store) {
			for n := int64(1); n <= 3; n++ {
				revision := update(t, s, func(tx store.Tx) error {
					return errors.Join(tx.Put(roleID("a"), nil), tx.Put(roleID("b"), nil), tx.Put(roleID("a"), []byte("again")))
				})
				if revision != n {
					t.Fatalf("Update returned revision %d, want %d", revision, n)
				}
				wantRevision(t, s, n)
				wantRecord(t, s, store.Record{ID: roleID("a"), Document: []byte("again"), Revision: n})
				wantRecord(t, s, store.Record{ID: roleID("b"), Revision: n})
			}
		}},
		{name: "an update that wrote nothing takes no revision and returns the present one", run: func(t *testing.T, s store.Store) {
			put(t, s, roleID("a"), "1")
			revision := update(t, s, func(tx store.Tx) error {
				_, err := tx.Get(roleID("a"))
				return err
			})
			if revision != 1 {
				t.Fatalf("Update returned revision %d, want 1", revision)
			}
			wantRevision(t, s, 1)
		}},
		{name: "to write the same document again is a write", run: func(t *testing.T, s store.Store) {
			put(t, s, roleID("a"), "1")
			if revision := put(t, s, roleID("a"), "1"); revision != 2 {
				t.Fatalf("Update returned revision %d, want 2", revision)
			}
		}},
		{name: "an error of the function comes back and nothing is written", run: updateFails},
		{name: "a panic of the function goes on and nothing is written", run: updatePanics},
		{name: "a context that ended before writes nothing", run: func(t *testing.T, s store.Store) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := s.Update(ctx, func(tx store.Tx) error { return tx.Put(roleID("a"), nil) })
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("error is %v, want context.Canceled", err)
			}
			wantRevision(t, s, 0)
			wantAbsent(t, s, roleID("a"))
		}},
		{name: "a context that ends inside writes nothing", run: func(t *testing.T, s store.Store) {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := s.Update(ctx, func(tx store.Tx) error {
				err := tx.Put(roleID("a"), nil)
				cancel()
				return err
			})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("error is %v, want context.Canceled", err)
			}
			wantRevision(t, s, 0)
			wantAbsent(t, s, roleID("a"))
			if revision := put(t, s, roleID("b"), ""); revision != 1 {
				t.Fatalf("the next update took revision %d, want 1", revision)
			}
		}},
	}
}

func updateFails(t *testing.T, s store.Store) {
	put(t, s, roleID("a"), "1")
	put(t, s, roleID("b"), "1")
	calls := 0
	_, err := s.Update(t.Context(), func(tx store.Tx) error {
		calls++
		if err := errors.Join(tx.Put(roleID("a"), []byte("2")), tx.Delete(roleID("b")), tx.Put(roleID("c"), nil)); err != nil {
			return err
		}
		return errRefused
	})
	if !errors.Is(err, errRefused) {
		t.Fatalf("error is %v, want the function's own", err)
	}
	if calls != 1 {
		t.Fatalf("the function was called %d times", calls)
	}
	wantRevision(t, s, 2)
	wantRecord(t, s, store.Record{ID: roleID("a"), Document: []byte("1"), Revision: 1})
	wantRecord(t, s, store.Record{ID: roleID("b"), Document: []byte("1"), Revision: 2})
	wantAbsent(t, s, roleID("c"))
}

func updatePanics(t *testing.T, s store.Store) {
	func() {
		defer func() {
			if got := recover(); got != any("storetest") {
				t.Errorf("recovered %v, want the function's own panic", got)
			}
		}()
		_, _ = s.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.Put(roleID("a"), nil); err != nil {
				return err
			}
			panic("storetest")
		})
		t.Error("the panic was swallowed")
	}()
	wantRevision(t, s, 0)
	wantAbsent(t, s, roleID("a"))
	if revision := put(t, s, roleID("b"), ""); revision != 1 {
		t.Fatalf("the next update took revision %d, want 1", revision)
	}
}

func txTests() []conformanceTest {
	return []conformanceTest{
		{name: "it sees its own writes under the revision to come", run: txSeesItself},
		{name: "delete of what is not there is ErrNotFound and writes nothing", run: func(t *testing.T, s store.Store) {
			put(t, s, roleID("gone"), "")
			update(t, s, func(tx store.Tx) error { return tx.Delete(roleID("gone")) })
			for _, name := range []string{"never", "gone"} {
				update(t, s, func(tx store.Tx) error {
					if err := tx.Delete(roleID(name)); !errors.Is(err, store.ErrNotFound) {
						t.Errorf("Delete(%s): %v, want ErrNotFound", name, err)
					}
					return nil
				})
			}
			wantRevision(t, s, 2)
		}},
		{name: "a refused write refuses itself only", run: func(t *testing.T, s store.Store) {
			update(t, s, func(tx store.Tx) error {
				var limit *store.LimitError
				if err := tx.Put(roleID("large"), make([]byte, store.MaxDocumentBytes+1)); !errors.As(err, &limit) {
					t.Errorf("Put: %v, want a *LimitError", err)
				}
				return tx.Put(roleID("small"), nil)
			})
			wantAbsent(t, s, roleID("large"))
			wantRecord(t, s, store.Record{ID: roleID("small"), Revision: 1})
		}},
		{name: "an update of refused writes takes no revision", run: func(t *testing.T, s store.Store) {
			update(t, s, func(tx store.Tx) error {
				_ = tx.Put(store.ID{}, nil)
				return nil
			})
			wantRevision(t, s, 0)
		}},
		{name: "after its function it is over", run: func(t *testing.T, s store.Store) {
			var kept store.Tx
			update(t, s, func(tx store.Tx) error { kept = tx; return tx.Put(roleID("a"), nil) })
			_, get := kept.Get(roleID("a"))
			for what, err := range map[string]error{
				"Get": get, "Put": kept.Put(roleID("a"), nil), "Delete": kept.Delete(roleID("a")),
			} {
				if !errors.Is(err, store.ErrTxDone) {
					t.Errorf("%s: %v, want ErrTxDone", what, err)
				}
			}
			wantRevision(t, s, 1)
		}},
	}
}

func txSeesItself(t *testing.T, s store.Store) {
	put(t, s, roleID("a"), "old")
	update(t, s, func(tx store.Tx) error {
		if r, err := tx.Get(roleID("a")); err != nil || string(r.Document) != "old" || r.Revision != 1 {
			t.Errorf("before the write: %+v, %v", r, err)
		}
		if err := tx.Put(roleID("a"), []byte("new")); err != nil {
			return err
		}
		if r, err := tx.Get(roleID("a")); err != nil || string(r.Document) != "new" || r.Revision != 2 {
			t.Errorf("after the write: %+v, %v", r, err)
		}
		if err := tx.Delete(roleID("a")); err != nil {
			return err
		}
		if _, err := tx.Get(roleID("a")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after the deletion: %v, want ErrNotFound", err)
		}
		if err := tx.Delete(roleID("a")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleted twice: %v, want ErrNotFound", err)
		}
		return tx.Put(roleID("b"), nil)
	})
	wantAbsent(t, s, roleID("a"))
	wantRecord(t, s, store.Record{ID: roleID("b"), Revision: 2})
}

func closeTests() []conformanceTest {
	return []conformanceTest{
		{name: "afterwards all else is ErrClosed", run: func(t *testing.T, s store.Store) {
			put(t, s, roleID("a"), "")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			_, get := s.Get(t.Context(), roleID("a"))
			_, list := s.Changes(t.Context(), 0, 1)
			_, revision := s.Revision(t.Context())
			_, write := s.Update(t.Context(), func(store.Tx) error { t.Error("the function was called"); return nil })
			_, once := s.UseOnce(t.Context(), "tokens", "a", onceAt, onceAt.Add(time.Hour))
			for what, err := range map[string]error{"Get": get, "Changes": list, "Revision": revision, "Update": write, "UseOnce": once} {
				if !errors.Is(err, store.ErrClosed) {
					t.Errorf("%s: %v, want ErrClosed", what, err)
				}
			}
		}},
		{name: "to close again does nothing", run: func(t *testing.T, s store.Store) {
			for range 3 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{name: "it waits for what is under way", run: func(t *testing.T, s store.Store) {
			closed := make(chan error, 1)
			finished := false
			revision, err := s.Update(t.Context(), func(tx store.Tx) error {
				go func() {
					err := s.Close()
					if !finished { // and the race detector sees a Close that did not wait
						err = errors.Join(err, errors.New("closed during an update"))
					}
					closed <- err
				}()
				for open := true; open; { // until Close has begun
					_, err := s.Revision(t.Context())
					open = !errors.Is(err, store.ErrClosed)
				}
				for i := range 100 { // time for a Close that does not wait to end
					if err := tx.Put(roleID(name("a", i)), nil); err != nil {
						return err
					}
				}
				finished = true
				return nil
			})
			if err != nil || revision != 1 {
				t.Errorf("the update: %d, %v; want revision 1", revision, err)
			}
			if err := <-closed; err != nil {
				t.Error(err)
			}
		}},
	}
}

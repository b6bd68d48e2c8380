package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/daypass/daypass/internal/store"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func concurrencyTests() []conformanceTest {
	return []conformanceTest{
		{name: "updates are serialised and their revisions are without gaps", run: countTogether},
		{name: "readers and followers see whole updates in order", run: followTogether},
	}
}

const (
	writers       = 8
	writesPerTask = 10
)

// countTogether lets many writers add one to the same record. A lost update
// shows in the sum, a revision given twice in the list.
func countTogether(t *testing.T, s store.Store) {
	var (
		mu        sync.Mutex
		revisions []int64
		calls     int
		wg        sync.WaitGroup
	)
	for range writers {
		wg.Go(func() {
			for range writesPerTask {
				count := 0
				revision, err := s.Update(t.Context(), func(tx store.Tx) error {
					calls++ // no lock: Update is what keeps the others out
					var err error
					count, err = addOne(tx, roleID("count"))
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				// Read one's own write.
				if r, err := s.Get(t.Context(), roleID("count")); err != nil || r.Revision < revision {
					t.Errorf("after revision %d a read gave %+v, %v", revision, r, err)
				}
				if int64(count) != revision {
					t.Errorf("count %d was committed as revision %d", count, revision)
				}
				mu.Lock()
				revisions = append(revisions, revision)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if calls != writers*writesPerTask {
		t.Errorf("the functions were called %d times, want %d", calls, writers*writesPerTask)
	}
	slices.Sort(revisions)
	for i, revision := range revisions {
		if revision != int64(i+1) {
			t.Fatalf("revisions are %v", revisions)
		}
	}
	wantRecord(t, s, store.Record{
		ID: roleID("count"), Document: []byte(strconv.Itoa(writers * writesPerTask)), Revision: writers * writesPerTask,
	})
}

// addOne adds one to the number under id and returns it.
func addOne(tx store.Tx, id store.ID) (int, error) {
	n := 0
	r, err := tx.Get(id)
	if err == nil {
		n, err = strconv.Atoi(string(r.Document))
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	return n + 1, tx.Put(id, []byte(strconv.Itoa(n+1)))
}

// followTogether writes pairs that are always equal, and adds a third record
// that each update makes or deletes, while followers look.
func followTogether(t *testing.T, s store.Store) {
	left, right, flag := roleID("left"), roleID("right"), roleID("flag")
	done := make(chan struct{})
	var writing, following sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for range writesPerTask {
				if _, err := s.Update(t.Context(), func(tx store.Tx) error {
					n, err := addOne(tx, left)
					if err != nil {
						return err
					}
					if n%2 == 0 {
						err = tx.Delete(flag)
					} else {
						err = tx.Put(flag, nil)
					}
					return errors.Join(err, tx.Put(right, []byte(strconv.Itoa(n))))
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		following.Go(func() {
			st, revision := state{}, int64(0)
			for last := false; ; {
				var err error
				if revision, err = follow(t.Context(), s, st, revision, 1); err != nil {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(st[left])
				_, flagged := st[flag]
				if st[left] != st[right] || int64(n) != revision || flagged != (n%2 == 1) {
					t.Errorf("at revision %d a follower has %v", revision, st)
				}
				if last {
					if n != writers*writesPerTask {
						t.Errorf("in the end a follower is at %d", n)
					}
					return
				}
				select {
				case <-done:
					last = true // once more, for what came since
				default:
				}
			}
		})
	}
	writing.Wait()
	close(done)
	following.Wait()
}

func modelTests() []conformanceTest {
	return []conformanceTest{
		{name: "any updates and following from any revision are a plain map", run: func(t *testing.T, s store.Store) {
			rapid.Check(t, func(rt *rapid.T) { model(rt, s) })
		}},
	}
}

// modelIDs are few, so that writes meet.
func modelIDs() []store.ID {
	return []store.ID{roleID("a"), roleID("b"), store.UserID(account, "a"), store.SessionKeysID()}
}

// model empties s, carries out random updates on it and on a map, then follows
// s from every revision on, beginning with the map as it was at that revision.
func model(rt *rapid.T, s store.Store) {
	ctx := rt.Context()
	base, err := s.Update(ctx, func(tx store.Tx) error {
		for _, id := range modelIDs() {
			if err := tx.Delete(id); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		rt.Fatal(err)
	}
	now := state{}
	history := []state{{}} // by revision, from base on
	for range rapid.IntRange(0, 12).Draw(rt, "updates") {
		next, wrote := maps.Clone(now), false
		fails := rapid.IntRange(0, 4).Draw(rt, "fails") == 0
		revision, err := s.Update(ctx, func(tx store.Tx) error {
			wrote = modelWrites(rt, tx, next)
			if fails {
				return errRefused
			}
			return nil
		})
		if fails {
			if !errors.Is(err, errRefused) {
				rt.Fatalf("error is %v, want the function's own", err)
			}
			continue
		}
		if err != nil {
			rt.Fatal(err)
		}
		now = next
		if wrote {
			history = append(history, now)
		}
		if want := base + int64(len(history)-1); revision != want {
			rt.Fatalf("revision %d, want %d", revision, want)
		}
	}
	modelFollows(rt, s, base, history)
	for _, id := range modelIDs() {
		r, err := s.Get(ctx, id)
		document, there := now[id]
		if there != (err == nil) || string(r.Document) != document {
			rt.Fatalf("Get(%v) = %q, %v; want %q", id, r.Document, err, document)
		}
	}
}

// modelWrites carries out random writes on tx and on st, and tells whether
// there were any.
func modelWrites(rt *rapid.T, tx store.Tx, st state) (wrote bool) {
	for range rapid.IntRange(0, 4).Draw(rt, "writes") {
		id := rapid.SampledFrom(modelIDs()).Draw(rt, "id")
		if rapid.Bool().Draw(rt, "delete") {
			_, there := st[id]
			if err := tx.Delete(id); there != (err == nil) {
				rt.Fatalf("Delete(%v): %v; in the model: %v", id, err, there)
			}
			delete(st, id)
			wrote = wrote || there
			continue
		}
		document := rapid.StringN(0, 3, -1).Draw(rt, "document")
		if err := tx.Put(id, []byte(document)); err != nil {
			rt.Fatalf("Put(%v): %v", id, err)
		}
		st[id] = document
		wrote = true
	}
	return wrote
}

// modelFollows follows from every state of the history on.
func modelFollows(rt *rapid.T, s store.Store, base int64, history []state) {
	now := history[len(history)-1]
	for i, then := range history {
		st := maps.Clone(then)
		limit := rapid.IntRange(1, 5).Draw(rt, "limit")
		if _, err := follow(rt.Context(), s, st, base+int64(i), limit); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(now, st); diff != "" {
			rt.Fatalf("following from revision %d (-want +got):\n%s", base+int64(i), diff)
		}
		// To apply it all again changes nothing.
		if _, err := follow(rt.Context(), s, st, 0, limit); err != nil || !cmp.Equal(now, st) {
			rt.Fatalf("following again: %v, %v", st, err)
		}
	}
}

// name gives the i-th name of a series.
func name(series string, i int) string { return fmt.Sprintf("%s-%06d", series, i) }

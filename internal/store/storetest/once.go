package storetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"

	"pgregory.net/rapid"
)

// onceAt is when the tests of UseOnce begin; a store has no clock of its own.
var onceAt = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)

func wantFirst(t *testing.T, s store.Store, scope, key string, now, until time.Time, want bool) {
	t.Helper()
	first, err := s.UseOnce(t.Context(), scope, key, now, until)
	if err != nil || first != want {
		t.Errorf("UseOnce(%.20q, %.20q) at %v = %v, %v, want %v", scope, key, now, first, err, want)
	}
}

func onceTests() []conformanceTest {
	return []conformanceTest{
		{name: "one use is first until its time has passed", run: onceUntil},
		{name: "scope and key part uses", run: onceApart},
		{name: "it takes no revision and followers do not see it", run: func(t *testing.T, s store.Store) {
			put(t, s, roleID("a"), "1")
			for range 2 {
				_, err := s.UseOnce(t.Context(), "tokens", "a", onceAt, onceAt.Add(time.Hour))
				if err != nil {
					t.Fatal(err)
				}
			}
			wantRevision(t, s, 1)
			wantSame(t, changes(t, s, 0, 10), []store.Record{{ID: roleID("a"), Document: []byte("1"), Revision: 1}})
			wantAbsent(t, s, store.ID{Kind: "tokens", Key: "a"})
			if revision := put(t, s, roleID("b"), ""); revision != 2 {
				t.Errorf("the next update took revision %d, want 2", revision)
			}
		}},
		{name: "what cannot be marked is refused and marks nothing", run: onceRefuses},
		{name: "a context that ended before marks nothing", run: func(t *testing.T, s store.Store) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if first, err := s.UseOnce(ctx, "tokens", "a", onceAt, onceAt.Add(time.Hour)); first || !errors.Is(err, context.Canceled) {
				t.Errorf("UseOnce = %v, %v, want context.Canceled", first, err)
			}
			wantFirst(t, s, "tokens", "a", onceAt, onceAt.Add(time.Hour), true)
		}},
		{name: "a context that ends while it waits marks nothing", run: onceWaits},
		{name: "of many at once, one is first", run: onceTogether},
		{name: "any uses are those of a plain map", run: func(t *testing.T, s store.Store) {
			runs := 0
			rapid.Check(t, func(rt *rapid.T) {
				runs++
				onceModel(rt, s, name("run", runs))
			})
		}},
	}
}

func onceUntil(t *testing.T, s store.Store) {
	until := onceAt.Add(time.Hour)
	wantFirst(t, s, "tokens", "a", onceAt, until, true)
	wantFirst(t, s, "tokens", "a", onceAt, until, false)
	wantFirst(t, s, "tokens", "a", until.Add(-time.Millisecond), until.Add(time.Hour), false)
	// A use that was not first has not made the mark last longer.
	wantFirst(t, s, "tokens", "a", until, until.Add(time.Hour), true)
	wantFirst(t, s, "tokens", "a", until.Add(time.Hour-time.Millisecond), until.Add(time.Hour), false)
	// A time between two milliseconds is not cut.
	wantFirst(t, s, "tokens", "b", onceAt, onceAt.Add(time.Millisecond+time.Nanosecond), true)
	wantFirst(t, s, "tokens", "b", onceAt.Add(time.Millisecond), until, false)
}

func onceApart(t *testing.T, s store.Store) {
	until := onceAt.Add(time.Hour)
	long := strings.Repeat("é", 100_000)
	uses := [][2]string{
		{"tokens", "a"},
		{"tokens", "A"},
		{"token", "sa"},
		{"tokensa", "x"},
		{"tokens", "ax"},
		{"other", "a"},
		{"tokens", "\x00"},
		{"tokens", "a\x00"},
		{"tokens", "\xff\xfe"},
		{"\x00", "a"},
		{"tokens", long},
		{"tokens", long + "x"},
		{long, "a"},
		{"tokens", "' OR 1=1 --"},
	}
	for _, u := range uses {
		wantFirst(t, s, u[0], u[1], onceAt, until, true)
	}
	for _, u := range uses {
		wantFirst(t, s, u[0], u[1], onceAt, until, false)
	}
}

func onceRefuses(t *testing.T, s store.Store) {
	until := onceAt.Add(time.Hour)
	for _, tt := range []struct {
		what, scope, key string
		now, until       time.Time
	}{
		{"no scope", "", "a", onceAt, until},
		{"no key", "tokens", "", onceAt, until},
		{"over at once", "tokens", "a", onceAt, onceAt},
		{"over before", "tokens", "a", onceAt, onceAt.Add(-time.Hour)},
		{"no time", "tokens", "a", onceAt, time.Time{}},
	} {
		if first, err := s.UseOnce(t.Context(), tt.scope, tt.key, tt.now, tt.until); first || !errors.Is(err, store.ErrInvalidUse) {
			t.Errorf("%s: UseOnce = %v, %v, want ErrInvalidUse", tt.what, first, err)
		}
	}
	wantFirst(t, s, "tokens", "a", onceAt, until, true)
}

// onceWaits has callers give up behind an Update that does not end.
func onceWaits(t *testing.T, s store.Store) {
	until := onceAt.Add(time.Hour)
	update(t, s, func(tx store.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if first, err := s.UseOnce(ctx, "tokens", "a", onceAt, until); first || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("UseOnce = %v, %v, want context.DeadlineExceeded", first, err)
				}
			})
		}
		wg.Wait()
		return tx.Put(roleID("a"), nil)
	})
	wantFirst(t, s, "tokens", "b", onceAt, until, true)
	wantFirst(t, s, "tokens", "a", onceAt, until, true)
}

// onceTogether has many callers meet over few keys, with updates between them.
func onceTogether(t *testing.T, s store.Store) {
	const keys = 20
	var firsts [keys]atomic.Int64
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range keys {
				key := (i + w) % keys
				first, err := s.UseOnce(t.Context(), "tokens", name("key", key), onceAt, onceAt.Add(time.Hour))
				if err != nil {
					t.Error(err)
				}
				if first {
					firsts[key].Add(1)
				}
			}
		})
		wg.Go(func() {
			if _, err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put(roleID(name("w", w)), nil) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for key := range firsts {
		if n := firsts[key].Load(); n != 1 {
			t.Errorf("key %d was first %d times", key, n)
		}
	}
	wantRevision(t, s, writers)
}

// onceModel uses few keys in any order, as time goes on, in a scope of which no
// other run knows.
func onceModel(rt *rapid.T, s store.Store, scope string) {
	now, until := onceAt, map[string]time.Time{}
	for range rapid.IntRange(1, 20).Draw(rt, "uses") {
		now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(rt, "wait")) * time.Second)
		key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key")
		end := now.Add(time.Duration(rapid.IntRange(1, 5).Draw(rt, "lasts")) * time.Second)
		want := !until[key].After(now)
		first, err := s.UseOnce(rt.Context(), scope, key, now, end)
		if err != nil || first != want {
			rt.Fatalf("UseOnce(%q) at %v = %v, %v, want %v", key, now, first, err, want)
		}
		if first {
			until[key] = end
		}
	}
}

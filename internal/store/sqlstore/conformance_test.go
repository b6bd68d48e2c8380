package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
	"github.com/daypass/daypass/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, filepath.Join(t.TempDir(), "state.db"))
	})
}

func TestKillDuringWrites(t *testing.T) {
	storetest.KillDuringWrites(t, func(ctx context.Context, dir string) (store.Store, error) {
		return sqlstore.OpenSQLite(ctx, filepath.Join(dir, "state.db"))
	})
}

// TestFaulty asks of the wrapper what its two points promise.
func TestFaulty(t *testing.T) {
	t.Parallel()
	errDisk := errors.New("disk full")
	for _, tt := range []struct {
		at      storetest.Point
		written bool
	}{{storetest.BeforePersisting, false}, {storetest.AfterPersisting, true}} {
		t.Run(string(tt.at), func(t *testing.T) {
			t.Parallel()
			s := open(t, filepath.Join(t.TempDir(), "state.db"))
			faulty := &storetest.Faulty{Store: s, Fault: func(p storetest.Point) error {
				if p == tt.at {
					return errDisk
				}
				return nil
			}}
			if _, err := put(faulty, "a", "1"); !errors.Is(err, errDisk) {
				t.Fatalf("error is %v, want the fault", err)
			}
			_, err := faulty.Get(t.Context(), store.RoleID("123456789012", "a"))
			if tt.written != (err == nil) {
				t.Fatalf("afterwards Get gives %v", err)
			}
			if first, err := faulty.UseOnce(t.Context(), "tokens", "a", noon, noon.Add(time.Hour)); first || !errors.Is(err, errDisk) {
				t.Fatalf("UseOnce = %v, %v, want the fault", first, err)
			}
			if first, err := s.UseOnce(t.Context(), "tokens", "a", noon, noon.Add(time.Hour)); err != nil || first == tt.written {
				t.Fatalf("afterwards UseOnce gives %v, %v", first, err)
			}
		})
	}
	t.Run("reading", func(t *testing.T) {
		t.Parallel()
		s := open(t, filepath.Join(t.TempDir(), "state.db"))
		faulty := &storetest.Faulty{Store: s, Fault: func(storetest.Point) error { return errDisk }}
		_, get := faulty.Get(t.Context(), store.RoleID("123456789012", "a"))
		_, changes := faulty.Changes(t.Context(), 0, 1)
		_, revision := faulty.Revision(t.Context())
		for _, err := range []error{get, changes, revision} {
			if !errors.Is(err, errDisk) {
				t.Errorf("error is %v, want the fault", err)
			}
		}
	})
}

func BenchmarkGet(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "state.db"))
	if _, err := put(s, "a", fmt.Sprintf("%0500d", 1)); err != nil {
		b.Fatal(err)
	}
	id := store.RoleID("123456789012", "a")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Get(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "state.db"))
	document := fmt.Sprintf("%0500d", 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := put(s, "a", document); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUseOnce marks new keys, one at a time and many at once. The second is
// what a rush of tokens is.
func BenchmarkUseOnce(b *testing.B) {
	b.Run("one", func(b *testing.B) {
		s := open(b, filepath.Join(b.TempDir(), "state.db"))
		n := 0
		b.ReportAllocs()
		for b.Loop() {
			n++
			if first, err := s.UseOnce(b.Context(), "tokens", fmt.Sprint(n), noon, noon.Add(time.Hour)); err != nil || !first {
				b.Fatal(first, err)
			}
		}
	})
	b.Run("many", func(b *testing.B) {
		s := open(b, filepath.Join(b.TempDir(), "state.db"))
		var n atomic.Int64
		b.SetParallelism(32)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if first, err := s.UseOnce(b.Context(), "tokens", fmt.Sprint(n.Add(1)), noon, noon.Add(time.Hour)); err != nil || !first {
					b.Error(first, err)
				}
			}
		})
	})
	b.Run("again", func(b *testing.B) {
		s := open(b, filepath.Join(b.TempDir(), "state.db"))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.UseOnce(b.Context(), "tokens", "a", noon, noon.Add(time.Hour)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkChanges is one poll of a follower that has seen everything, in a
// store of 10,000 records.
func BenchmarkChanges(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "state.db"))
	revision, err := s.Update(b.Context(), func(tx store.Tx) error {
		for i := range 10_000 {
			if err := tx.Put(store.RoleID("123456789012", fmt.Sprint(i)), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Changes(b.Context(), revision, 1000); err != nil {
			b.Fatal(err)
		}
	}
}

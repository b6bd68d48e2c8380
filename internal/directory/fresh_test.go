package directory_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/storetest"
)

// patience is how long requests wait in these tests, by the clock on the wall: long
// beside what a busy machine takes for a read.
const patience = 2 * time.Second

var errUnreachable = errors.New("unreachable")

// hands is a clock that stands until it is moved.
type hands struct{ now atomic.Int64 }

func (c *hands) Now() time.Time          { return time.Unix(0, c.now.Load()) }
func (c *hands) move(by time.Duration)   { c.now.Add(int64(by)) }
func bound(c *hands) directory.Staleness { return bounded(c.Now) }

func bounded(now func() time.Time) directory.Staleness {
	return directory.Staleness{Now: now, Bound: time.Second, Patience: patience}
}

// unreliable is a store that can be told not to answer, or to be another.
type unreliable struct {
	*storetest.Faulty
	away atomic.Bool
}

func newUnreliable(st store.Store) *unreliable {
	u := &unreliable{Faulty: &storetest.Faulty{Store: st}}
	u.Fault = func(p storetest.Point) error {
		if p == storetest.Reading && u.away.Load() {
			return errUnreachable
		}
		return nil
	}
	return u
}

// A directory knows how old its state can be, and each read of the store makes it
// new, also one that found nothing.
func TestBehind(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	st := newUnreliable(f.open(t))
	d := f.directory(t, st)
	clock := &hands{}
	if err := d.AwaitFresh(t.Context()); err != nil || d.Behind(clock.Now().Add(time.Hour)) != 0 || d.Fresh(clock.Now()) != nil {
		t.Errorf("a directory without a limit is not fresh: %v", err)
	}
	if err := d.Limit(t.Context(), bound(clock)); err != nil {
		t.Fatal(err)
	}
	want := func(behind time.Duration, fresh bool) {
		t.Helper()
		if got, err := d.Behind(clock.Now()), d.Fresh(clock.Now()); got != behind || (err == nil) != fresh || err != nil && !errors.Is(err, directory.ErrStale) {
			t.Errorf("behind by %v, %v; want %v, fresh %v", got, err, behind, fresh)
		}
	}
	want(0, true)
	clock.move(time.Second)
	want(time.Second, true)
	clock.move(time.Nanosecond)
	want(time.Second+1, false)
	update(t, d, putRole(role("deploy"))) // read after the write
	want(0, true)
	clock.move(2 * time.Second)
	if err := d.Refresh(t.Context()); err != nil { // finds nothing
		t.Fatal(err)
	}
	want(0, true)
	st.away.Store(true)
	clock.move(2 * time.Second)
	if err := d.Refresh(t.Context()); !errors.Is(err, errUnreachable) {
		t.Fatal(err)
	}
	want(2*time.Second, false)
	clock.move(-time.Hour) // as a wall clock that is put back
	want(0, true)
}

// A state counts from when the read that brought it began, not from its end.
func TestReadThatTakesItsTime(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	clock := &hands{}
	slow := &storetest.Faulty{Store: f.open(t), Fault: func(storetest.Point) error {
		clock.move(700 * time.Millisecond)
		return nil
	}}
	d := f.directory(t, slow)
	if err := d.Limit(t.Context(), bound(clock)); err != nil {
		t.Fatal(err)
	}
	if behind := d.Behind(clock.Now()); behind != 700*time.Millisecond {
		t.Errorf("behind by %v", behind)
	}
}

// A request that finds the state too old has the store asked, and waits: as long as
// its patience, no longer, and not at all once that is over.
func TestAwaitFresh(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	st := newUnreliable(f.open(t))
	d := f.directory(t, st)
	clock := &hands{}
	if err := d.Limit(t.Context(), bound(clock)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() { d.Follow(ctx, time.Hour, slog.New(slog.DiscardHandler)) }) // asks when it is woken
	defer following.Wait()
	defer stop()

	other := f.directory(t, f.open(t))
	update(t, other, putRole(role("deploy")))
	clock.move(time.Hour) // as of a machine that slept
	if err := d.AwaitFresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Snapshot().Role(account, "deploy"); !ok {
		t.Error("who waited decides on the state before")
	}

	st.away.Store(true)
	clock.move(2 * time.Second)
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := d.AwaitFresh(gone); !errors.Is(err, directory.ErrStale) || !errors.Is(err, context.Canceled) {
		t.Errorf("a client that left: %v", err)
	}
	if err := d.AwaitFresh(t.Context()); !errors.Is(err, directory.ErrStale) { // the store is asked, and fails, meanwhile
		t.Errorf("the store does not answer: %v", err)
	}
	clock.move(time.Hour)
	began := time.Now()
	if err := d.AwaitFresh(t.Context()); !errors.Is(err, directory.ErrStale) || time.Since(began) > patience/2 {
		t.Errorf("the store has not answered for an hour: %v after %v", err, time.Since(began))
	}
	st.away.Store(false)
	if err := d.Refresh(t.Context()); err != nil || d.AwaitFresh(t.Context()) != nil {
		t.Errorf("the store answers again: %v", err)
	}
}

// A store that was put back to an older state is read anew, from its beginning.
func TestStoreThatWasPutBack(t *testing.T) {
	t.Parallel()
	f, before := newFiles(t), newFiles(t)
	before.key = f.key
	st := newUnreliable(f.open(t))
	d := f.directory(t, st)
	update(t, d, putRole(role("kept")))
	update(t, d, putRole(role("lost")))
	older := before.open(t)
	if _, err := older.Update(t.Context(), putRole(role("kept"))); err != nil {
		t.Fatal(err)
	}
	st.Store = older
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := d.Snapshot()
	if _, ok := s.Role(account, "lost"); ok || s.Revision() != 1 {
		t.Errorf("at revision %d, lost is there: %v", s.Revision(), ok)
	}
	if _, ok := s.Role(account, "kept"); !ok {
		t.Error("kept is not there")
	}
	if s.Count(account, store.KindRole) != 1 {
		t.Errorf("%d roles are counted", s.Count(account, store.KindRole))
	}
}

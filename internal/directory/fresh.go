package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ErrStale says that the store has not been asked with success for so long that
// nothing may be decided on what is known of it.
var ErrStale = errors.New("directory: what is known of the store is too old to decide on")

// Staleness bounds how old the state may be that requests are decided on.
type Staleness struct {
	// Now is the clock. Both its readings count, the wall's and the monotonic one:
	// a machine that slept, and whose monotonic clock did too, is behind all the same.
	Now func() time.Time
	// Bound is how long ago the store must have been asked at most.
	Bound time.Duration
	// Patience is how much longer a request waits for the store to answer, such as
	// while a database restarts. Beyond that requests are refused at once.
	Patience time.Duration
}

// freshness is what a directory knows of its own age.
type freshness struct {
	limit     Staleness                 // no clock: there is no bound
	confirmed atomic.Pointer[time.Time] // when the read began by which the snapshot is known to be the store's state
	wake      chan struct{}             // of capacity 1: the store should be asked now
	failing   atomic.Bool               // when Follow last asked, the store did not answer

	mu      sync.Mutex
	changed chan struct{} // closed when confirmed is set; nil if nobody waits
}

// Limit sets the bound, and asks the store, so that the state is known to be the
// present one. It is called once, before requests come and before Follow, which
// must then run: without it requests are refused once the bound is over. A
// directory without a limit, such as a command's that reads once, is always fresh.
func (d *Directory) Limit(ctx context.Context, s Staleness) error {
	d.fresh.limit = s
	return d.poll(ctx)
}

// Behind is how long ago, at most, the snapshot was the store's state. Without a
// limit it is 0, for nobody keeps the time.
func (d *Directory) Behind(now time.Time) time.Duration {
	if d.fresh.limit.Now == nil {
		return 0
	}
	confirmed := d.fresh.confirmed.Load()
	if confirmed == nil {
		return 1<<63 - 1
	}
	return max(0, now.Sub(*confirmed), now.Round(0).Sub(confirmed.Round(0)))
}

// Fresh is nil if the snapshot may be decided on; otherwise the error matches
// ErrStale.
func (d *Directory) Fresh(now time.Time) error {
	if behind := d.Behind(now); behind > d.fresh.limit.Bound && d.fresh.limit.Now != nil {
		return staleError(behind)
	}
	return nil
}

func staleError(behind time.Duration) error {
	if behind == 1<<63-1 {
		return fmt.Errorf("%w: it was never read", ErrStale)
	}
	return fmt.Errorf("%w: it was last known to be its state %v ago", ErrStale, behind.Round(time.Millisecond))
}

// AwaitFresh returns once the snapshot may be decided on, which nearly always is at
// once and without any I/O. Otherwise it has Follow ask the store, and waits as long
// as the limit's patience lasts; the error then matches ErrStale. Where the store has
// not answered for longer than that, nobody waits. Take the snapshot afterwards, not
// before.
func (d *Directory) AwaitFresh(ctx context.Context) error {
	limit := &d.fresh.limit
	if limit.Now == nil || d.Behind(limit.Now()) <= limit.Bound {
		return nil
	}
	patience := time.NewTimer(limit.Patience)
	defer patience.Stop()
	for {
		changed := d.fresh.changes()
		behind := d.Behind(limit.Now())
		switch {
		case behind <= limit.Bound:
			return nil
		case behind > limit.Bound+limit.Patience && d.fresh.failing.Load():
			return staleError(behind)
		}
		d.fresh.ask()
		select {
		case <-changed:
		case <-patience.C:
			return staleError(d.Behind(limit.Now()))
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", staleError(behind), ctx.Err())
		}
	}
}

// now is the time before a read of the store.
func (f *freshness) now() time.Time {
	if f.limit.Now == nil {
		return time.Time{}
	}
	return f.limit.Now()
}

// confirm notes that the snapshot has all that was committed before at.
func (f *freshness) confirm(at time.Time) {
	if f.limit.Now == nil {
		return
	}
	f.confirmed.Store(&at)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

func (f *freshness) changes() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.changed
}

// ask has Follow ask the store now.
func (f *freshness) ask() {
	select {
	case f.wake <- struct{}{}:
	default: // it was asked to already
	}
}

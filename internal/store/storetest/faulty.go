package storetest

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/store"
)

// Point is where a Faulty store can fail.
type Point string

// The points. The two of Update and of UseOnce are the two ways in which a disk or a network
// lets a writer down; a caller must come through both.
const (
	BeforePersisting Point = "before persisting" // the function ran, nothing is written
	AfterPersisting  Point = "after persisting"  // all is written, and the caller is told that it failed
	Reading          Point = "reading"           // Get, Changes, Revision
)

// Faulty passes all calls on to a store and fails where Fault says so.
type Faulty struct {
	store.Store
	// Fault is asked at each point; an error is what the call then returns. It
	// must be safe for concurrent use. Nil never fails.
	Fault func(Point) error
}

var _ store.Store = (*Faulty)(nil)

func (s *Faulty) fault(p Point) error {
	if s.Fault == nil {
		return nil
	}
	return s.Fault(p)
}

// Update implements store.Store.
func (s *Faulty) Update(ctx context.Context, f func(store.Tx) error) (int64, error) {
	revision, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return s.fault(BeforePersisting)
	})
	if err != nil {
		return 0, err
	}
	if err := s.fault(AfterPersisting); err != nil {
		return 0, err
	}
	return revision, nil
}

// UseOnce implements store.Store.
func (s *Faulty) UseOnce(ctx context.Context, scope, key string, now, until time.Time) (bool, error) {
	if err := s.fault(BeforePersisting); err != nil {
		return false, err
	}
	first, err := s.Store.UseOnce(ctx, scope, key, now, until)
	if err != nil {
		return false, err
	}
	if err := s.fault(AfterPersisting); err != nil {
		return false, err
	}
	return first, nil
}

// Get implements store.Store.
func (s *Faulty) Get(ctx context.Context, id store.ID) (store.Record, error) {
	if err := s.fault(Reading); err != nil {
		return store.Record{}, err
	}
	return s.Store.Get(ctx, id)
}

// Changes implements store.Store.
func (s *Faulty) Changes(ctx context.Context, after int64, limit int) ([]store.Record, error) {
	if err := s.fault(Reading); err != nil {
		return nil, err
	}
	return s.Store.Changes(ctx, after, limit)
}

// Revision implements store.Store.
func (s *Faulty) Revision(ctx context.Context) (int64, error) {
	if err := s.fault(Reading); err != nil {
		return 0, err
	}
	return s.Store.Revision(ctx)
}

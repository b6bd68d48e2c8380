package server

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/metrics"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/tracing"
)

// storeCalls are the calls of the store that services make past the directory, with
// those counted that failed. The directory tells of its own.
type storeCalls struct {
	to      store.Store
	metrics *metrics.Metrics
}

// Get reads what is not in the directory: a secret's value.
func (s storeCalls) Get(ctx context.Context, id store.ID) (store.Record, error) {
	ctx, span := tracing.Start(ctx, "read from store")
	r, err := s.to.Get(ctx, id)
	span.End(err)
	if !errors.Is(err, store.ErrNotFound) {
		s.count(ctx, metrics.StoreValue, err)
	}
	return r, err
}

// UseOnce spends a token.
func (s storeCalls) UseOnce(ctx context.Context, scope, key string, now, until time.Time) (bool, error) {
	ctx, span := tracing.Start(ctx, "mark token as used")
	first, err := s.to.UseOnce(ctx, scope, key, now, until)
	span.End(err)
	if !errors.Is(err, store.ErrInvalidUse) {
		s.count(ctx, metrics.StoreUse, err)
	}
	return first, err
}

// count leaves out what failed since nobody waits for it any more.
func (s storeCalls) count(ctx context.Context, call string, err error) {
	if err != nil && ctx.Err() == nil {
		s.metrics.StoreError(call)
	}
}

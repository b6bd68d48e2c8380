package client

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Refreshing holds credentials in memory and replaces them before they expire. It is
// a Source for many callers: of those who wait at once, one asks STS.
type Refreshing struct {
	Source Source
	// Early is how long before they expire they are replaced: at most, for it is
	// never more than half of their life. AWS SDKs begin to ask up to 15 minutes
	// before.
	Early time.Duration
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error

	refreshing sync.Mutex // held while STS is asked
	mu         sync.Mutex // guards the rest
	held       Credentials
	got        time.Time
	tried      time.Time // when STS last gave no answer
}

// EndpointEarly is for callers that ask long before their credentials expire.
const EndpointEarly = 20 * time.Minute

// holdOff lies between two questions to an STS that gave no answer, as long as what
// is held has not expired.
const holdOff = 30 * time.Second

// Credentials implements Source. Where STS gives no answer, credentials that have not
// expired are given; where it denies, none are.
func (r *Refreshing) Credentials(ctx context.Context) (Credentials, error) {
	if held, fresh := r.current(); fresh {
		return held, nil
	}
	r.refreshing.Lock()
	defer r.refreshing.Unlock()
	held, fresh := r.current() // somebody may have been quicker
	if fresh {
		return held, nil
	}
	c, err := r.Source.Credentials(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	if err == nil {
		r.held, r.got, r.tried = c, now, time.Time{}
		return c, nil
	}
	var e *Error
	if errors.As(err, &e) && e.Kind == Unreachable && now.Before(held.Expiration) {
		r.tried = now
		return held, nil
	}
	return Credentials{}, err
}

// current is what is held, and whether it will do.
func (r *Refreshing) current() (held Credentials, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	if now.Before(r.held.Expiration) && now.Sub(r.tried) < holdOff {
		return r.held, true
	}
	return r.held, now.Before(r.replaceAt())
}

// replaceAt is when what is held is to be replaced; mu is held.
func (r *Refreshing) replaceAt() time.Time {
	return r.held.Expiration.Add(-min(r.Early, r.held.Expiration.Sub(r.got)/2))
}

// Run replaces the credentials when it is time, so that nobody who asks waits for
// STS, until ctx ends. What fails is tried again.
func (r *Refreshing) Run(ctx context.Context) {
	for {
		r.mu.Lock()
		pause := r.replaceAt().Sub(r.Now())
		r.mu.Unlock()
		if r.Sleep(ctx, max(pause, holdOff/3)) != nil {
			return
		}
		_, _ = r.Credentials(ctx) // who asks next is told
	}
}

// Package jwks fetches the discovery document and the keys of registered
// OpenID Connect providers, through a guarded client, and caches the keys.
//
// Cache.Keys is on the way of every token: a cached set that has the token's
// key costs one lock-free read. All else goes to the issuer, with these
// limits:
//
//	what                       limit                 why
//	discovery and keys         5 seconds in all      AWS gives up then too
//	lifetime of a set          its max-age, 60 s to  a rotation is seen by its new kid at
//	                           24 h; 1 h if unsaid   once, a withdrawal when the time is up
//	a kid that the set lacks   one fetch per 30 s    tokens cannot make a flood of fetches
//	a failure                  is kept 5 s           a dead issuer is not asked by each job
//	fetches at a time          one per issuer        the others wait for it
//	use beyond the lifetime    24 h, by setting      jobs go on while their issuer is down
//
// A set that has not expired is used until then, whatever fails meanwhile. One
// that has expired is used only while its issuer is down: the first token asks
// the issuer, and waits; once that has failed with ErrUnreachable the old keys
// serve. While tokens come the issuer is asked again every 30 seconds, in the
// background, so that nobody waits; what was found more than 5 minutes ago is
// asked anew, so that keys withdrawn at a quiet time end with the outage. An
// issuer that answers, and answers wrong, is not down: it has the say over its
// keys, and whoever sits in its place has none over the old ones' life. A key
// that the old set lacks is refused with the reason of the outage.
//
// The guard: https with TLS 1.2 or later; certificates of a trusted authority
// or of the chain that the provider's thumbprint names; no proxy that the
// operator did not name; addresses that are only of this machine or its link,
// or that the operator denies, are refused after resolution, so that an
// account's administrator cannot read the host's neighbours through Daypass.
// Private networks are allowed by default, for that is where a self-managed
// GitLab lives.
package jwks

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/tracing"
)

const (
	defaultBudget    = 5 * time.Second
	unknownKeyFloor  = 30 * time.Second
	failureLifetime  = 5 * time.Second
	minLifetime      = time.Minute
	maxLifetime      = 24 * time.Hour
	defaultLifetime  = time.Hour
	defaultStaleFor  = 24 * time.Hour
	staleRetry       = 30 * time.Second
	downBelieved     = 5 * time.Minute
	maxDiscoveryBody = 64 << 10
)

// Provider is a registered OpenID Connect provider.
type Provider struct {
	// Issuer is the URL as registered, with its scheme, such as
	// "https://gitlab.example.com". Only https is served.
	Issuer string
	// Thumbprints are SHA-1 digests of certificates, 40 hexadecimal digits
	// each. They count only where no trusted authority vouches.
	Thumbprints []string
}

// Config is what a Cache needs.
type Config struct {
	Now func() time.Time // needed; for lifetimes and certificates
	// AllowLoopback lets issuers live on this machine: for a laptop, a
	// demonstration, a test.
	AllowLoopback bool
	// Roots are the trusted authorities; nil means the system's.
	Roots *x509.CertPool
	// Budget is the time for discovery and keys together; zero means 5 s.
	Budget time.Duration
	// Settings are the operator's; they must have passed Settings.Check.
	Settings Settings
	// Log hears of what no caller is told; nil is nobody.
	Log *slog.Logger
}

// Cache holds key sets by issuer and thumbprints: a set that was fetched under
// one pin is never used under another. It is safe for concurrent use. It
// starts no goroutine that outlives a fetch.
type Cache struct {
	config  Config
	files   map[string]*keysFile // by issuer
	entries sync.Map             // of cacheKey to *entry
}

// New makes an empty Cache. It asks no issuer, so that a server can start
// before its issuers do.
func New(c Config) *Cache {
	if c.Budget <= 0 {
		c.Budget = defaultBudget
	}
	if c.Settings.StaleFor == 0 {
		c.Settings.StaleFor = defaultStaleFor
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	cache := &Cache{config: c, files: map[string]*keysFile{}}
	for issuer, p := range c.Settings.Providers {
		if p.KeysFile != "" {
			cache.files[issuer] = &keysFile{}
		}
	}
	return cache
}

// Keys is a key set, and whether it is what the issuer says today.
type Keys struct {
	*oidc.KeySet
	// Stale is why the set is used though its time is over: since when, and
	// why the issuer cannot be asked. Nil for a set in its time.
	Stale error
}

type cacheKey struct{ issuer, thumbprints string }

// entry is one provider's keys.
type entry struct {
	set atomic.Pointer[keySet] // swapped whole; read without the lock

	mu       sync.Mutex // guards the fields below, and is never held while fetching
	flight   *flight    // the fetch that is under way, or nil
	asked    time.Time  // when the last fetch began
	failure  error      // of the last fetch that ended
	failedAt time.Time  // when that one began
	fetches  uint64     // that ended
	failures uint64     // of them
}

// keySet is what one successful fetch brought.
type keySet struct {
	keys    *oidc.KeySet
	fetched time.Time
	expires time.Time
}

// flight is a fetch that others may wait for; err is set before done is closed.
type flight struct {
	done       chan struct{}
	background bool // nobody has to wait
	err        error
}

// fresh is the cached set, nil if there is none that is in its time at now.
func (e *entry) fresh(now time.Time) *oidc.KeySet {
	if s := e.set.Load(); s != nil && now.Before(s.expires) {
		return s.keys
	}
	return nil
}

// stale is the cached set that is beyond its time at now, by not more than
// bound, nil if there is none.
func (e *entry) stale(now time.Time, bound time.Duration) *keySet {
	if s := e.set.Load(); s != nil && !now.Before(s.expires) && now.Sub(s.expires) < bound {
		return s
	}
	return nil
}

// Keys is the provider's current key set. It has the key kid if the issuer
// publishes it, as far as is known: a set without it is asked for again, but
// not within 30 seconds of the last time. While the issuer is down it may be
// an old set, which then has the key. The error is one of this package's.
func (c *Cache) Keys(ctx context.Context, p Provider, kid string) (Keys, error) {
	if file := c.files[p.Issuer]; file != nil {
		return file.keys(c, c.config.Settings.Providers[p.Issuer].KeysFile)
	}
	e := c.entry(p)
	now := c.config.Now()
	if keys := e.fresh(now); keys.Has(kid) {
		return Keys{KeySet: keys}, nil
	}
	next := c.join(e, now, kid)
	switch {
	case next.lead && next.flight.background:
		go c.landAlone(ctx, e, next.flight, p)
		return next.keys, next.err
	case next.lead:
		c.land(ctx, e, next.flight, p)
	case next.flight == nil:
		return next.keys, next.err
	}
	select {
	case <-next.flight.done:
		if err := next.flight.err; err != nil {
			return c.without(e, now, kid, err)
		}
		return Keys{KeySet: e.set.Load().keys}, nil
	case <-ctx.Done():
		return Keys{}, fmt.Errorf("%w: %w", ErrUnreachable, context.Cause(ctx))
	}
}

// without is the answer to who asks for kid while the issuer cannot be asked,
// for the reason failure: an old key, or the reason.
func (c *Cache) without(e *entry, now time.Time, kid string, failure error) (Keys, error) {
	old := e.stale(now, c.config.Settings.StaleFor)
	switch {
	case old == nil || !errors.Is(failure, ErrUnreachable):
		return Keys{}, failure
	case !old.keys.Has(kid):
		return Keys{}, fmt.Errorf("%w; the keys kept from before lack the token's", failure)
	}
	return Keys{KeySet: old.keys, Stale: fmt.Errorf("jwks: keys that expired at %s are used: %w", old.expires.UTC().Format(time.RFC3339), failure)}, nil
}

func keyOf(p Provider) cacheKey {
	key := cacheKey{issuer: p.Issuer}
	if len(p.Thumbprints) > 0 {
		key.thumbprints = strings.Join(p.Thumbprints, " ")
	}
	return key
}

func (c *Cache) entry(p Provider) *entry {
	key := keyOf(p)
	if e, ok := c.entries.Load(key); ok {
		return e.(*entry)
	}
	e, _ := c.entries.LoadOrStore(key, &entry{})
	return e.(*entry)
}

// step is what one does who did not find a key: wait for the flight, lead it
// first, or, without one or with one in the background, take keys and err.
type step struct {
	flight *flight
	lead   bool
	keys   Keys
	err    error
}

// join decides on the step of one who did not find kid.
func (c *Cache) join(e *entry, now time.Time, kid string) step {
	e.mu.Lock()
	defer e.mu.Unlock()
	keys, since := e.fresh(now), now.Sub(e.asked)
	isDown := errors.Is(e.failure, ErrUnreachable) && now.Sub(e.failedAt) < downBelieved && e.stale(now, c.config.Settings.StaleFor) != nil
	next := step{keys: Keys{KeySet: keys}}
	switch {
	case keys.Has(kid): // another's fetch has just brought it
		return next
	case isDown:
		next.keys, next.err = c.without(e, now, kid, e.failure)
		if e.flight != nil || since < staleRetry {
			return next
		}
	case e.flight != nil:
		return step{flight: e.flight}
	case keys != nil && since < unknownKeyFloor:
		if e.failure != nil { // whether there is such a key now is not known
			return step{err: e.failure}
		}
		return next
	case keys == nil && e.failure != nil && since < failureLifetime:
		return step{err: e.failure}
	}
	e.flight, e.asked = &flight{done: make(chan struct{}), background: isDown}, now
	next.flight, next.lead = e.flight, true
	return next
}

// land fetches for all who wait. The first of them does the work, and goes on
// if its own client leaves: the others have not.
func (c *Cache) land(ctx context.Context, e *entry, f *flight, p Provider) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.config.Budget)
	defer cancel()
	f.err = fmt.Errorf("%w: the fetch did not end", ErrUnreachable) // unless it does
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.flight, e.failure, e.failedAt = nil, f.err, e.asked
		e.fetches++
		if f.err != nil {
			e.failures++
		}
		close(f.done)
	}()
	host := strings.TrimPrefix(p.Issuer, "https://")
	host, _, _ = strings.Cut(host, "/")
	ctx, span := tracing.StartCall(ctx, "fetch issuer keys", host)
	defer func() { span.End(f.err) }()
	keys, lifetime, err := c.fetcher(p).keys(ctx, p.Issuer)
	f.err = err
	if err == nil {
		now := c.config.Now()
		e.set.Store(&keySet{keys: keys, fetched: now, expires: now.Add(lifetime)})
	}
}

// landAlone is land where no request stands above it to take a panic.
func (c *Cache) landAlone(ctx context.Context, e *entry, f *flight, p Provider) {
	defer func() {
		if r := recover(); r != nil {
			c.config.Log.Error("a fetch of keys panicked", "issuer", p.Issuer, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	c.land(ctx, e, f, p)
}

// Forget drops what is cached of a provider: when it is deleted or gets other
// thumbprints, and no other account has the same. It is then asked for anew.
func (c *Cache) Forget(p Provider) { c.entries.Delete(keyOf(p)) }

// Thumbprint is what IAM records for a provider that is created without one:
// the SHA-1 digest, in lower-case hexadecimal, of the last certificate in the
// chain that the host of jwks_uri presents (IAM User Guide, "Obtain the
// thumbprint for an OpenID Connect identity provider").
//
// It trusts on first use, as IAM does: nobody vouches for the chain, which is
// only asked to be whole, in date and made for the host. It sends nothing but
// the request for the discovery document. It is "" for a provider whose keys
// are pinned from a file, of which no host is asked.
func (c *Cache) Thumbprint(ctx context.Context, issuer string) (string, error) {
	if c.files[issuer] != nil {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Budget)
	defer cancel()
	f := c.fetcher(Provider{Issuer: issuer})
	f.firstUse = true
	return f.topThumbprint(ctx, issuer)
}

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
//
// A set that has expired is not used, even if its issuer is down; one that has
// not is used until then, whatever fails meanwhile.
//
// The guard: https with TLS 1.2 or later; certificates of a trusted authority
// or of the chain that the provider's thumbprint names; no proxy; addresses
// that are only of this machine or its link are refused after resolution, so
// that an account's administrator cannot read the host's neighbours through
// Daypass. Private networks are allowed, for that is where a self-managed
// GitLab lives.
package jwks

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/oidc"
)

var (
	// ErrThumbprint: the server's certificate is neither of a trusted
	// authority nor of a chain with a certificate of the provider's
	// thumbprints.
	ErrThumbprint = errors.New("jwks: the certificate is neither of a trusted authority nor matches a thumbprint")
	// ErrUnreachable: the issuer's documents could not be had, or are not
	// what they must be. It is wrapped around the reason.
	ErrUnreachable = errors.New("jwks: the issuer's keys cannot be fetched")
)

const (
	defaultBudget    = 5 * time.Second
	unknownKeyFloor  = 30 * time.Second
	failureLifetime  = 5 * time.Second
	minLifetime      = time.Minute
	maxLifetime      = 24 * time.Hour
	defaultLifetime  = time.Hour
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
}

// Cache holds key sets by issuer and thumbprints: a set that was fetched under
// one pin is never used under another. It is safe for concurrent use. It
// starts no goroutine that outlives a fetch.
type Cache struct {
	config  Config
	entries sync.Map // of cacheKey to *entry
}

// New makes an empty Cache.
func New(c Config) *Cache {
	if c.Budget <= 0 {
		c.Budget = defaultBudget
	}
	return &Cache{config: c}
}

type cacheKey struct{ issuer, thumbprints string }

// entry is one provider's keys.
type entry struct {
	set atomic.Pointer[keySet] // swapped whole; read without the lock

	mu      sync.Mutex // guards the fields below, and is never held while fetching
	flight  *flight    // the fetch that is under way, or nil
	asked   time.Time  // when the last fetch began
	failure error      // of the last fetch
}

// keySet is what one successful fetch brought.
type keySet struct {
	keys    *oidc.KeySet
	expires time.Time
}

// flight is a fetch that others may wait for; keys and err are set before done
// is closed.
type flight struct {
	done chan struct{}
	keys *oidc.KeySet
	err  error
}

// fresh is the cached set, nil if there is none that may be used at now.
func (e *entry) fresh(now time.Time) *oidc.KeySet {
	if s := e.set.Load(); s != nil && now.Before(s.expires) {
		return s.keys
	}
	return nil
}

// Keys is the provider's current key set. It has the key kid if the issuer
// publishes it, as far as is known: a set without it is asked for again, but
// not within 30 seconds of the last time. Errors are ErrThumbprint or
// ErrUnreachable.
func (c *Cache) Keys(ctx context.Context, p Provider, kid string) (*oidc.KeySet, error) {
	e := c.entry(p)
	if keys := e.fresh(c.config.Now()); keys.Has(kid) {
		return keys, nil
	}
	f, lead, keys, err := e.join(c.config.Now(), kid)
	if f == nil {
		return keys, err
	}
	if lead {
		c.land(ctx, e, f, p)
	}
	select {
	case <-f.done:
		return f.keys, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, context.Cause(ctx))
	}
}

func (c *Cache) entry(p Provider) *entry {
	key := cacheKey{issuer: p.Issuer}
	if len(p.Thumbprints) > 0 {
		key.thumbprints = strings.Join(p.Thumbprints, " ")
	}
	if e, ok := c.entries.Load(key); ok {
		return e.(*entry)
	}
	e, _ := c.entries.LoadOrStore(key, &entry{})
	return e.(*entry)
}

// join decides, for one who did not find kid: an answer at once (no flight),
// the flight to wait for, or a new one to lead.
func (e *entry) join(now time.Time, kid string) (f *flight, lead bool, keys *oidc.KeySet, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	keys = e.fresh(now)
	since := now.Sub(e.asked)
	switch {
	case keys.Has(kid): // another's fetch has just brought it
		return nil, false, keys, nil
	case e.flight != nil:
		return e.flight, false, nil, nil
	case keys != nil && since < unknownKeyFloor:
		return nil, false, keys, nil
	case keys == nil && e.failure != nil && since < failureLifetime:
		return nil, false, nil, e.failure
	}
	e.flight, e.asked = &flight{done: make(chan struct{})}, now
	return e.flight, true, nil, nil
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
		e.flight, e.failure = nil, f.err
		close(f.done)
	}()
	keys, lifetime, err := c.fetcher(p.Thumbprints).keys(ctx, p.Issuer)
	f.keys, f.err = keys, err
	if err == nil {
		e.set.Store(&keySet{keys: keys, expires: c.config.Now().Add(lifetime)})
	}
}

// Forget drops what is cached of an issuer, under whatever thumbprints: when
// its provider is deleted or has other thumbprints.
func (c *Cache) Forget(issuer string) {
	c.entries.Range(func(key, _ any) bool {
		if key.(cacheKey).issuer == issuer {
			c.entries.Delete(key)
		}
		return true
	})
}

// Thumbprint is what IAM records for a provider that is created without one:
// the SHA-1 digest, in lower-case hexadecimal, of the last certificate in the
// chain that the host of jwks_uri presents (IAM User Guide, "Obtain the
// thumbprint for an OpenID Connect identity provider").
//
// It trusts on first use, as IAM does: nobody vouches for the chain, which is
// only asked to be whole, in date and made for the host. It sends nothing but
// the request for the discovery document. Errors are ErrUnreachable.
func (c *Cache) Thumbprint(ctx context.Context, issuer string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Budget)
	defer cancel()
	f := c.fetcher(nil)
	f.firstUse = true
	return f.topThumbprint(ctx, issuer)
}

// Package ratelimit bounds how often somebody may ask, by what one has in common with
// oneself: an address, an issuer. What it remembers is bounded too, and to be one of
// very many is no way around it.
package ratelimit

import (
	"fmt"
	"hash/maphash"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is a token bucket's: so many a second for long, and as many as Burst at once. The
// zero Rate is no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Check refuses a rate under which nobody could ask.
func (r Rate) Check() error {
	if r == (Rate{}) || r.PerSecond > 0 && r.Burst > 0 {
		return nil
	}
	return fmt.Errorf("ratelimit: a rate has both, requests a second and how many may come at once: %v and %d", r.PerSecond, r.Burst)
}

const (
	shards = 16
	// most is how many keys are remembered in each shard. Beyond, those that are not
	// known share one bucket: what is remembered of others is not given up for them.
	most = 8192
	// sweepEvery is how often a full shard is looked through for keys that may be
	// forgotten, since their buckets are full again.
	sweepEvery = time.Second
)

// Limiter limits by keys. It is safe for concurrent use; nil limits nobody.
type Limiter[K comparable] struct {
	rate   Rate
	seed   maphash.Seed
	shards [shards]shard[K]
}

type shard[K comparable] struct {
	mu    sync.Mutex
	seen  map[K]*rate.Limiter
	rest  *rate.Limiter // of keys for which there was no room
	swept time.Time
}

// New makes a limiter, nil where there is no limit.
func New[K comparable](r Rate) *Limiter[K] {
	if r == (Rate{}) {
		return nil
	}
	return &Limiter[K]{rate: r, seed: maphash.MakeSeed()}
}

// Allow reports whether one more is within the limit, and counts it if it is.
func (l *Limiter[K]) Allow(key K, now time.Time) bool {
	if l == nil {
		return true
	}
	s := &l.shards[maphash.Comparable(l.seed, key)%shards]
	s.mu.Lock()
	bucket := l.bucket(s, key, now)
	s.mu.Unlock()
	return bucket.AllowN(now, 1)
}

func (l *Limiter[K]) bucket(s *shard[K], key K, now time.Time) *rate.Limiter {
	if b, ok := s.seen[key]; ok {
		return b
	}
	if s.seen == nil {
		s.seen, s.rest = map[K]*rate.Limiter{}, l.fresh()
	}
	if len(s.seen) >= most && now.Sub(s.swept) >= sweepEvery {
		s.swept = now
		for k, b := range s.seen {
			if b.TokensAt(now) >= float64(l.rate.Burst) { // as one that was never seen
				delete(s.seen, k)
			}
		}
	}
	if len(s.seen) >= most {
		return s.rest
	}
	b := l.fresh()
	s.seen[key] = b
	return b
}

func (l *Limiter[K]) fresh() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
}

// Source is where a connection comes from, as limits see it: an IPv4 address, or the /64
// that one customer has in IPv6 (RFC 6177). What is no address is one source.
func Source(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	address = address.Unmap().WithZone("")
	bits := 64
	if address.Is4() {
		bits = 32
	}
	prefix, _ := address.Prefix(bits) // in range for both
	return prefix
}

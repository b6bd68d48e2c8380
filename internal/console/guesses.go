package console

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// A secret access key has 240 random bits and is not found by guessing. The limit
// keeps the console from being where stolen lists of keys are tried.
const (
	guessLimit  = 10 // wrong guesses
	guessWindow = 5 * time.Minute
	guessMost   = 4096 // addresses that are remembered; with more, all of them wait
)

// guesses counts wrong sign-ins by where they come from. The zero value has seen none.
type guesses struct {
	mu   sync.Mutex
	seen map[netip.Prefix]guess
}

type guess struct {
	count int
	until time.Time // when it is forgotten
}

// wait is how long somebody must wait before the next guess; 0 for not at all.
func (g *guesses) wait(from netip.Prefix, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(now)
	if one, ok := g.seen[from]; ok && one.count >= guessLimit {
		return one.until.Sub(now)
	}
	if len(g.seen) >= guessMost {
		return guessWindow
	}
	return 0
}

// wrong counts a wrong guess.
func (g *guesses) wrong(from netip.Prefix, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen == nil {
		g.seen = map[netip.Prefix]guess{}
	}
	one := g.seen[from]
	g.seen[from] = guess{one.count + 1, now.Add(guessWindow)}
}

func (g *guesses) forget(now time.Time) {
	for from, one := range g.seen {
		if !now.Before(one.until) {
			delete(g.seen, from)
		}
	}
}

// origin is where a connection comes from: an IPv4 address, or the /64 that one
// customer has in IPv6.
func origin(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return netip.Prefix{} // counted together
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

// ended remembers the sessions that were signed out until their cookies are over.
// The zero value has none.
type ended struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func (e *ended) add(id string, until, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen == nil {
		e.seen = map[string]time.Time{}
	}
	for other, over := range e.seen {
		if !now.Before(over) {
			delete(e.seen, other)
		}
	}
	e.seen[id] = until
}

func (e *ended) has(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.seen[id]
	return ok
}

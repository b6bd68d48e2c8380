package console

import (
	"sync"
	"time"
)

// A secret access key has 240 random bits and is not found by guessing. The limit
// keeps the console from being where stolen lists of keys are tried.
const (
	guessLimit  = 10 // wrong guesses from one address
	keyLimit    = 20 // wrong guesses at one access key, from anywhere
	guessWindow = 5 * time.Minute
	guessMost   = 4096 // addresses, and keys, that are remembered; the oldest goes first
)

// guesses counts wrong sign-ins by something that they have in common. It is bounded,
// and what is forgotten for that is what was wrong least recently: so who makes up
// many addresses or keys locks nobody else out.
type guesses[K comparable] struct {
	limit int

	mu   sync.Mutex // guards seen
	seen map[K]guess
}

type guess struct {
	count int
	until time.Time // when it is forgotten
}

// wait is how long somebody must wait before the next guess; 0 for not at all.
func (g *guesses[K]) wait(who K, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, ok := g.seen[who]
	if !ok || one.count < g.limit || !now.Before(one.until) {
		return 0
	}
	return one.until.Sub(now)
}

// wrong counts a wrong guess.
func (g *guesses[K]) wrong(who K, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen == nil {
		g.seen = map[K]guess{}
	}
	one, ok := g.seen[who]
	if !ok && len(g.seen) >= guessMost {
		g.makeRoom(now)
	}
	if !now.Before(one.until) {
		one.count = 0
	}
	g.seen[who] = guess{one.count + 1, now.Add(guessWindow)}
}

// makeRoom forgets all that is over or, where nothing is, the oldest.
func (g *guesses[K]) makeRoom(now time.Time) {
	var oldest K
	var until time.Time
	for who, one := range g.seen {
		if !now.Before(one.until) {
			delete(g.seen, who)
		} else if until.IsZero() || one.until.Before(until) {
			oldest, until = who, one.until
		}
	}
	if len(g.seen) >= guessMost {
		delete(g.seen, oldest)
	}
}

// used remembers what may be used once, until it is over. The zero value has nothing.
type used struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

// first reports whether an id comes for the first time.
func (u *used) first(id string, until, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen == nil {
		u.seen = map[string]time.Time{}
	}
	for other, over := range u.seen {
		if !now.Before(over) {
			delete(u.seen, other)
		}
	}
	_, again := u.seen[id]
	u.seen[id] = until
	return !again
}

package jwks

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var unavailable = status(http.StatusServiceUnavailable)

// wantStale asks for kid and fails the test unless an old set has it.
func wantStale(t *testing.T, c *Cache, p Provider, why string) {
	t.Helper()
	keys, err := c.Keys(t.Context(), p, "one")
	if err != nil || !keys.Has("one") {
		t.Fatalf("set %v, error %v", keys, err)
	}
	if !errors.Is(keys.Stale, ErrUnreachable) || !strings.Contains(keys.Stale.Error(), why) || !strings.Contains(keys.Stale.Error(), "expired at 2026-11-20T13:00:00Z") {
		t.Fatalf("the set is stale because %v, want %q", keys.Stale, why)
	}
}

// wantFresh asks for kid "one" of a set in its time.
func wantFresh(t *testing.T, c *Cache, p Provider) {
	t.Helper()
	keys, err := c.Keys(t.Context(), p, "one")
	if err != nil || !keys.Has("one") || keys.Stale != nil {
		t.Fatalf("set %v, stale %v, error %v", keys, keys.Stale, err)
	}
}

// settled waits for the fetch that is under way, if any. It needs no clock:
// the issuer answers at once.
func settled(t *testing.T, c *Cache, p Provider) {
	t.Helper()
	e := c.entry(p)
	e.mu.Lock()
	f := e.flight
	e.mu.Unlock()
	if f != nil {
		<-f.done
	}
}

// expiredSet is a cache whose set of one key was fetched and is now beyond its
// hour, and its issuer, which is down.
func expiredSet(t *testing.T, change ...func(*Config)) (*clock, *issuer, *Cache) {
	t.Helper()
	clock := &clock{}
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), clock.cache(append([]func(*Config){p.trusted}, change...)...)
	wantFresh(t, c, i.provider())
	i.answer(discoveryPath, unavailable)
	clock.advance(time.Hour)
	return clock, i, c
}

// TestStaleKeys: the whole of an outage.
func TestStaleKeys(t *testing.T) {
	t.Parallel()
	clock, i, c := expiredSet(t)
	p := i.provider()
	wantStale(t, c, p, "status 503") // after it was asked
	if n := i.discovery.Load(); n != 2 {
		t.Fatalf("the issuer was asked %d times, want 2", n)
	}
	for range 50 {
		wantStale(t, c, p, "status 503")
		if _, err := c.Keys(t.Context(), p, "two"); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "lack the token's") {
			t.Fatalf("a kid that the old set lacks: error is %v", err)
		}
	}
	clock.advance(staleRetry - 1)
	wantStale(t, c, p, "status 503")
	if n := i.discovery.Load(); n != 2 {
		t.Fatalf("within 30 s the issuer was asked %d times", n-1)
	}

	// In an outage with traffic the issuer is asked in the background.
	clock.advance(1)
	i.answer(discoveryPath, status(http.StatusTooManyRequests))
	wantStale(t, c, p, "status 503")
	settled(t, c, p)
	wantStale(t, c, p, "status 429")
	if n := i.discovery.Load(); n != 3 {
		t.Fatalf("the issuer was asked %d times, want 3", n)
	}

	// It is back, without the key: who asks first still has the old answer.
	i.answer(discoveryPath, nil)
	i.set(func() { i.kids = []string{"two"} })
	clock.advance(staleRetry)
	wantStale(t, c, p, "status 429")
	settled(t, c, p)
	want(t, c, p, "one", false)
	want(t, c, p, "two", true)
}

// TestStaleRetryDoesNotWait: while the issuer hangs, everyone is served.
func TestStaleRetryDoesNotWait(t *testing.T) {
	t.Parallel()
	clock, i, c := expiredSet(t)
	wantStale(t, c, i.provider(), "status 503")
	asked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	i.answer(discoveryPath, func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() { close(asked) })
		<-release
		unavailable(w, nil)
	})
	clock.advance(staleRetry)
	for range 50 {
		wantStale(t, c, i.provider(), "status 503")
	}
	<-asked
	for range 50 {
		wantStale(t, c, i.provider(), "status 503")
	}
	close(release)
	settled(t, c, i.provider())
	if n := i.discovery.Load(); n != 3 {
		t.Errorf("the issuer was asked %d times, want 3", n)
	}
}

// TestStaleIsAskedAnewAfterQuiet: what was withdrawn while nobody came is not
// used once more when somebody does.
func TestStaleIsAskedAnewAfterQuiet(t *testing.T) {
	t.Parallel()
	clock, i, c := expiredSet(t)
	wantStale(t, c, i.provider(), "status 503")
	i.answer(discoveryPath, nil)
	i.set(func() { i.kids = []string{"two"} })
	clock.advance(downBelieved)
	want(t, c, i.provider(), "one", false)
}

func TestStaleEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set   time.Duration
		bound time.Duration
	}{"by default": {0, 24 * time.Hour}, "as set": {time.Hour, time.Hour}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock, i, cache := expiredSet(t, func(config *Config) { config.Settings.StaleFor = c.set })
			clock.advance(c.bound - 1)
			wantStale(t, cache, i.provider(), "status 503")
			clock.advance(1)
			keys, err := cache.Keys(t.Context(), i.provider(), "one")
			wantKind(t, err, ErrUnreachable)
			if keys.KeySet != nil {
				t.Error("the set is still there")
			}
		})
	}
	_, i, cache := expiredSet(t, func(config *Config) { config.Settings.StaleFor = -1 })
	_, err := cache.Keys(t.Context(), i.provider(), "one")
	wantKind(t, err, ErrUnreachable)
}

// TestStaleOnlyWhileUnreachable: an issuer that answers has the say, even if
// it makes no sense.
func TestStaleOnlyWhileUnreachable(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"a login page": text("<html>"), "gone": status(http.StatusGone), "no keys": text(`{"issuer":"x"}`), "elsewhere": redirect("https://127.0.0.1:1/"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock, i, c := expiredSet(t)
			i.answer(discoveryPath, answer)
			_, err := c.Keys(t.Context(), i.provider(), "one")
			wantKind(t, err, ErrDocument)
			// And also after it was down, as soon as that is seen.
			clock.advance(failureLifetime)
			i.answer(discoveryPath, unavailable)
			wantStale(t, c, i.provider(), "status 503")
			clock.advance(staleRetry)
			i.answer(discoveryPath, answer)
			wantStale(t, c, i.provider(), "status 503")
			settled(t, c, i.provider())
			_, err = c.Keys(t.Context(), i.provider(), "one")
			wantKind(t, err, ErrDocument)
		})
	}
}

// TestForgetEndsStale: what IAM drops serves no outage.
func TestForgetEndsStale(t *testing.T) {
	t.Parallel()
	_, i, c := expiredSet(t)
	wantStale(t, c, i.provider(), "status 503")
	c.Forget(i.provider())
	_, err := c.Keys(t.Context(), i.provider(), "one")
	wantKind(t, err, ErrUnreachable)
}

// lines hands on what is logged.
type lines chan string

func (l lines) Write(p []byte) (int, error) { l <- string(p); return len(p), nil }

// TestPanicInTheBackground: it ends its fetch, and not the server.
func TestPanicInTheBackground(t *testing.T) {
	t.Parallel()
	var clock clock
	var armed atomic.Int64 // the clock breaks at so many looks
	logged := make(lines, 1)
	p := newPKI(t)
	i := serve(t, p.leaf, p.intermediate)
	c := clock.cache(p.trusted, func(config *Config) {
		config.Log = slog.New(slog.NewTextHandler(logged, nil))
		config.Now = func() time.Time {
			if armed.Add(-1) == 0 {
				panic("no time")
			}
			return clock.now()
		}
	})
	wantFresh(t, c, i.provider())
	i.answer(discoveryPath, unavailable)
	clock.advance(time.Hour)
	wantStale(t, c, i.provider(), "status 503")
	clock.advance(staleRetry)
	armed.Store(2) // the caller's look, and the fetch's
	wantStale(t, c, i.provider(), "status 503")
	if line := <-logged; !strings.Contains(line, "no time") || !strings.Contains(line, i.url) {
		t.Errorf("logged %q", line)
	}
	wantStale(t, c, i.provider(), "the fetch did not end")
}

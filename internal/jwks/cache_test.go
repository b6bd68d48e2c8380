package jwks

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// want asks for kid and fails the test unless the set is there and has it, or
// lacks it.
func want(t *testing.T, c *Cache, p Provider, kid string, has bool) {
	t.Helper()
	keys, err := c.Keys(t.Context(), p, kid)
	if err != nil {
		t.Fatalf("kid %s: %v", kid, err)
	}
	if keys.Has(kid) != has {
		t.Fatalf("kid %s is there: %t", kid, !has)
	}
}

// wantFetches fails the test unless the keys were asked for n times.
func wantFetches(t *testing.T, i *issuer, n int64) {
	t.Helper()
	if d, k := i.discovery.Load(), i.keys.Load(); d != n || k != n {
		t.Fatalf("fetched discovery %d and keys %d times, want %d", d, k, n)
	}
}

func TestKeysAreCached(t *testing.T) {
	t.Parallel()
	var time0 clock
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), time0.cache(p.trusted)
	for range 3 {
		want(t, c, i.provider(), "one", true)
	}
	wantFetches(t, i, 1)
}

func TestKeysExpire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header   string
		lifetime time.Duration
	}{
		"GitLab":   {"max-age=86400, public, must-revalidate, no-transform", 24 * time.Hour},
		"short":    {"max-age=1", time.Minute},
		"no-store": {"no-store", time.Minute},
		"unsaid":   {"", time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock clock
			p := newPKI(t)
			i, cache := serve(t, p.leaf, p.intermediate), clock.cache(p.trusted)
			if c.header != "" {
				i.header.Set("Cache-Control", c.header)
			}
			want(t, cache, i.provider(), "one", true)
			clock.advance(c.lifetime - 1)
			want(t, cache, i.provider(), "one", true)
			wantFetches(t, i, 1)
			clock.advance(1)
			want(t, cache, i.provider(), "one", true)
			wantFetches(t, i, 2)
		})
	}
}

// TestRotation: a new key is found at its first token, a withdrawn one is used
// until the set is fetched again, and tokens with invented kids cause no flood.
func TestRotation(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), clock.cache(p.trusted)
	want(t, c, i.provider(), "one", true)
	i.set(func() { i.kids = []string{"two"} })

	clock.advance(30*time.Second - 1)
	want(t, c, i.provider(), "two", false)
	wantFetches(t, i, 1)
	clock.advance(1)
	want(t, c, i.provider(), "two", true)
	wantFetches(t, i, 2)
	want(t, c, i.provider(), "one", false)

	for range 50 {
		want(t, c, i.provider(), "invented", false)
	}
	wantFetches(t, i, 2)
	clock.advance(30 * time.Second)
	for range 50 {
		want(t, c, i.provider(), "invented", false)
	}
	wantFetches(t, i, 3)
}

// TestNoKeyID: a token without kid is served from a set of one key, and cannot
// make a set of two be fetched again and again.
func TestNoKeyID(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), clock.cache(p.trusted)
	for range 3 {
		want(t, c, i.provider(), "", true)
	}
	wantFetches(t, i, 1)
	i.set(func() { i.kids = []string{"one", "two"} })
	clock.advance(time.Hour)
	for range 3 {
		want(t, c, i.provider(), "", false)
	}
	wantFetches(t, i, 2)
}

func TestParallelCallersShareOneFetch(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), clock.cache(p.trusted)
	for round := int64(1); round <= 2; round++ { // an empty cache, then an unknown kid
		kid := []string{"", "one", "two"}[round]
		i.set(func() { i.kids = append(slices.Clone(i.kids), kid) })
		asked, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		i.answer(discoveryPath, func(w http.ResponseWriter, r *http.Request) {
			once.Do(func() { close(asked) })
			<-release
			i.answer(discoveryPath, nil)
			i.discovery.Add(-1)
			i.ServeHTTP(w, r)
		})
		var group sync.WaitGroup
		errs := make(chan error, 50)
		for range 50 {
			group.Go(func() {
				keys, err := c.Keys(t.Context(), i.provider(), kid)
				if err == nil && !keys.Has(kid) {
					err = errors.New("the key is missing")
				}
				errs <- err
			})
		}
		<-asked
		close(release)
		group.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				t.Error(err)
			}
		}
		wantFetches(t, i, round)
		clock.advance(time.Minute)
	}
}

// TestWaitersOutliveTheirLeader: who waits may leave, and who began the fetch
// may leave without ending it.
func TestWaitersOutliveTheirLeader(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), clock.cache(p.trusted)
	asked, release := make(chan struct{}), make(chan struct{})
	i.answer(discoveryPath, func(w http.ResponseWriter, r *http.Request) {
		i.answer(discoveryPath, nil)
		close(asked)
		<-release
		i.discovery.Add(-1)
		i.ServeHTTP(w, r)
	})
	leaderContext, leaderLeaves := context.WithCancel(t.Context())
	led := make(chan error, 1)
	go func() {
		_, err := c.Keys(leaderContext, i.provider(), "one")
		led <- err
	}()
	<-asked
	leaderLeaves()

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Keys(gone, i.provider(), "one")
	if !errors.Is(err, ErrUnreachable) || !errors.Is(err, context.Canceled) {
		t.Errorf("who left is told %v", err)
	}
	close(release)
	want(t, c, i.provider(), "one", true)
	if err := <-led; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the leader is told %v", err)
	}
	wantFetches(t, i, 1)
}

func TestFailures(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), clock.cache(p.trusted)
	down := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	fails := func() {
		t.Helper()
		keys, err := c.Keys(t.Context(), i.provider(), "one")
		if !errors.Is(err, ErrUnreachable) || keys.KeySet != nil || !strings.Contains(err.Error(), "status 502") {
			t.Fatalf("set %v, error %v", keys, err)
		}
	}
	i.answer(discoveryPath, down)
	for range 50 {
		fails()
	}
	if n := i.discovery.Load(); n != 1 {
		t.Errorf("a dead issuer is asked %d times", n)
	}
	clock.advance(5 * time.Second)
	i.answer(discoveryPath, nil)
	want(t, c, i.provider(), "one", true) // and it is well again

	// A good set stays, whatever fails, until it expires. Of a kid that it lacks
	// nobody knows.
	i.answer(discoveryPath, down)
	clock.advance(time.Hour - 1)
	before := i.discovery.Load()
	for range 50 {
		if keys, err := c.Keys(t.Context(), i.provider(), "two"); !errors.Is(err, ErrUnreachable) {
			t.Errorf("set %v, error %v", keys, err)
		}
		want(t, c, i.provider(), "one", true)
	}
	if n := i.discovery.Load() - before; n != 1 {
		t.Errorf("for a kid that is unknown a dead issuer is asked %d times", n)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), clock.cache(p.trusted)
	pin := thumbprint(p.intermediate.cert)
	want(t, c, i.provider(), "one", true)
	want(t, c, i.provider(pin), "one", true)
	wantFetches(t, i, 2) // one set per pin
	c.Forget(Provider{Issuer: i.url + "/"})
	c.Forget(i.provider(strings.Repeat("0", 40)))
	want(t, c, i.provider(), "one", true)
	wantFetches(t, i, 2)
	c.Forget(i.provider())
	want(t, c, i.provider(), "one", true)
	want(t, c, i.provider(pin), "one", true) // another's, and kept
	wantFetches(t, i, 3)
	c.Forget(i.provider(pin))
	want(t, c, i.provider(pin), "one", true)
	wantFetches(t, i, 4)
}

// TestOtherPinsDoNotReuse: what was fetched under a pin is not given to a
// provider of the same issuer with another.
func TestOtherPinsDoNotReuse(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), clock.cache()
	want(t, c, i.provider(thumbprint(p.intermediate.cert)), "one", true)
	for _, thumbprints := range [][]string{nil, {strings.Repeat("0", 40)}} {
		if _, err := c.Keys(t.Context(), i.provider(thumbprints...), "one"); !errors.Is(err, ErrThumbprint) {
			t.Errorf("thumbprints %v: error is %v", thumbprints, err)
		}
	}
}

func TestLifetime(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"":                             time.Hour,
		"public":                       time.Hour,
		"max-age=600":                  10 * time.Minute,
		"MAX-AGE=600":                  10 * time.Minute,
		`max-age="600"`:                10 * time.Minute,
		"public , max-age=600":         10 * time.Minute,
		"s-maxage=600":                 time.Hour,
		"max-age=0":                    time.Minute,
		"max-age=59":                   time.Minute,
		"max-age=61":                   61 * time.Second,
		"max-age=-1":                   time.Minute,
		"max-age":                      time.Minute,
		"max-age=1.5":                  time.Minute,
		"max-age=86401":                24 * time.Hour,
		"max-age=9223372037":           24 * time.Hour,
		"max-age=99999999999999999999": 24 * time.Hour,
		"max-age=600, no-cache":        time.Minute,
		"no-store, max-age=600":        time.Minute,
		`no-cache="set-cookie"`:        time.Minute,
	} {
		h := http.Header{}
		if header != "" {
			h.Set("Cache-Control", header)
		}
		if got := lifetime(h); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		h := http.Header{"Cache-Control": {rapid.String().Draw(t, "header"), rapid.StringMatching(`max-age=-?[0-9]{0,30}`).Draw(t, "age")}}
		if got := lifetime(h); got < minLifetime || got > maxLifetime {
			t.Fatalf("lifetime is %v", got)
		}
	})
}

func BenchmarkKeysCached(b *testing.B) {
	var clock clock
	p := newPKI(b)
	i, c := serve(b, p.leaf, p.intermediate), clock.cache(p.trusted)
	for name, provider := range map[string]Provider{"NoThumbprint": i.provider(), "Thumbprint": i.provider(thumbprint(p.root.cert))} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if keys, err := c.Keys(b.Context(), provider, "one"); err != nil || !keys.Has("one") {
					b.Fatal(err)
				}
			}
		})
	}
}

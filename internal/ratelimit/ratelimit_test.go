package ratelimit_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/ratelimit"
)

var start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// TestNoMoreThanTheRate: in any span of time nobody is allowed more than the rate and
// one burst, however he spreads his requests; and who keeps to the rate is never refused.
func TestNoMoreThanTheRate(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a draw of tests
		r := ratelimit.Rate{PerSecond: 1 + 20*random.Float64(), Burst: 1 + random.IntN(30)}
		l := ratelimit.New[string](r)
		now, allowed := start, 0
		for range 2000 {
			now = now.Add(time.Duration(random.ExpFloat64() * float64(20*time.Millisecond)))
			if l.Allow("one", now) {
				allowed++
			}
			if most := r.PerSecond*now.Sub(start).Seconds() + float64(r.Burst); float64(allowed) > most+1e-6 {
				t.Fatalf("seed %d: %d were allowed in %v under %+v", seed, allowed, now.Sub(start), r)
			}
		}
		steady := start
		for n := range 200 {
			if !l.Allow("other", steady) {
				t.Fatalf("seed %d: request %d was refused at the rate %+v", seed, n, r)
			}
			steady = steady.Add(time.Duration(float64(time.Second) / r.PerSecond * 1.0001))
		}
	}
}

// TestManyKeys: who comes from very many places is held to the limit all the same, and
// what is known of somebody is not given up for him.
func TestManyKeys(t *testing.T) {
	t.Parallel()
	l := ratelimit.New[string](ratelimit.Rate{PerSecond: 1, Burst: 2})
	for range 2 {
		if !l.Allow("known", start) {
			t.Fatal("the first two are refused")
		}
	}
	allowed := 0
	for n := range 400_000 {
		if l.Allow(fmt.Sprint("made up ", n), start.Add(time.Duration(n)*time.Microsecond)) {
			allowed++
		}
	}
	if allowed > 140_000 { // as many as are remembered, and a few
		t.Errorf("of 400,000 made-up places %d were allowed", allowed)
	}
	if l.Allow("known", start.Add(400*time.Millisecond)) {
		t.Error("who had used up his requests was forgotten")
	}
	if !l.Allow("new", start.Add(time.Hour)) {
		t.Error("an hour later there is no room for anybody")
	}
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	l := ratelimit.New[string](ratelimit.Rate{})
	for range 1000 {
		if !l.Allow("one", start) {
			t.Fatal("refused without a limit")
		}
	}
	for _, r := range []ratelimit.Rate{{PerSecond: 1}, {Burst: 1}, {PerSecond: -1, Burst: 1}, {PerSecond: 1, Burst: -1}} {
		if r.Check() == nil {
			t.Errorf("%+v is taken", r)
		}
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1/32", "[::ffff:192.0.2.1]:80": "192.0.2.1/32", "[2001:db8:1:2:3::4]:80": "2001:db8:1:2::/64", "[fe80::1%eth0]:1": "fe80::/64", "192.0.2.1": "192.0.2.1/32",
	} {
		if got := ratelimit.Source(remote); got != netip.MustParsePrefix(want) {
			t.Errorf("%s is %v, want %s", remote, got, want)
		}
	}
	if ratelimit.Source("@").IsValid() {
		t.Error("what is no address is one")
	}
}

func BenchmarkAllow(b *testing.B) {
	l := ratelimit.New[netip.Prefix](ratelimit.Rate{PerSecond: 1e9, Burst: 1 << 30})
	b.RunParallel(func(pb *testing.PB) {
		source := ratelimit.Source(fmt.Sprintf("192.0.2.%d:1", rand.IntN(255))) //nolint:gosec // a draw of tests
		for pb.Next() {
			if !l.Allow(source, time.Now()) {
				b.Error("refused")
			}
		}
	})
}

package metrics

import (
	"math"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/audit"
)

// HistoryMinutes is how far back a History goes: six hours.
const HistoryMinutes = 360

// Minute is what a node did in one minute.
type Minute struct {
	Start     time.Time `json:"start"` // UTC, a whole minute
	Requests  uint64    `json:"requests"`
	Succeeded uint64    `json:"succeeded"`
	Denied    uint64    `json:"denied"` // a policy or a trust policy said no
	Failed    uint64    `json:"failed"` // for another reason
	Exchanges uint64    `json:"exchanges"`
	Sessions  uint64    `json:"sessions"` // that were given
	// P50, P90 and P99 are quantiles of the time from a request's begin to its
	// event, right to 12 percent; Max is exact. Zero without requests.
	P50 time.Duration `json:"p50Nanoseconds"`
	P90 time.Duration `json:"p90Nanoseconds"`
	P99 time.Duration `json:"p99Nanoseconds"`
	Max time.Duration `json:"maxNanoseconds"`
}

// A History remembers the last six hours of one node, minute by minute, for pages
// that draw them: the console's health page asks Last. It takes 120 KB, is lost
// with the process, and is no substitute for Prometheus. The zero History is
// ready. It is safe for concurrent use.
type History struct {
	mu    sync.Mutex
	slots [HistoryMinutes]slot
}

// Durations fall into buckets, each a quarter longer than the one before, the
// first of up to 10 µs; so the last begins at 12 s.
const (
	buckets     = 64
	firstBucket = 10 * time.Microsecond
)

type slot struct {
	minute int64 // minutes since 1970; what the slot is of
	counts Minute
	spread [buckets]uint32
}

var perBucket = 1 / math.Log(1.25)

func bucketOf(d time.Duration) int {
	if d <= firstBucket {
		return 0
	}
	return min(buckets-1, 1+int(math.Log(float64(d)/float64(firstBucket))*perBucket))
}

// middle of a bucket, in the sense of its ratio.
func middle(bucket int) time.Duration {
	return time.Duration(float64(firstBucket) * math.Pow(1.25, float64(bucket)-0.5))
}

// note counts one request.
func (h *History) note(e *audit.Event, outcome audit.Outcome) {
	minute := e.Time.Unix() / 60
	bucket := bucketOf(e.Duration)
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &h.slots[minute%HistoryMinutes]
	if s.minute != minute {
		if s.minute > minute { // a request that took hours
			return
		}
		*s = slot{minute: minute}
	}
	c := &s.counts
	c.Requests++
	switch outcome {
	case audit.Succeeded:
		c.Succeeded++
	case audit.Denied:
		c.Denied++
	default:
		c.Failed++
	}
	if e.Operation == webIdentity {
		c.Exchanges++
	}
	if e.IssuedKey != "" && outcome == audit.Succeeded {
		c.Sessions++
	}
	c.Max = max(c.Max, e.Duration)
	s.spread[bucket]++
}

// Last gives the last n minutes, the oldest first, the last one being that of now,
// which is not over. n is at most HistoryMinutes; a minute without requests is
// there with zeros.
func (h *History) Last(now time.Time, n int) []Minute {
	n = max(0, min(n, HistoryMinutes))
	last := now.Unix() / 60
	minutes := make([]Minute, 0, n)
	h.mu.Lock()
	defer h.mu.Unlock()
	for minute := last - int64(n) + 1; minute <= last; minute++ {
		m := Minute{}
		if s := &h.slots[((minute%HistoryMinutes)+HistoryMinutes)%HistoryMinutes]; s.minute == minute {
			m = s.summary()
		}
		m.Start = time.Unix(minute*60, 0).UTC()
		minutes = append(minutes, m)
	}
	return minutes
}

func (s *slot) summary() Minute {
	m := s.counts
	for _, q := range []struct {
		part float64
		to   *time.Duration
	}{{0.5, &m.P50}, {0.9, &m.P90}, {0.99, &m.P99}} {
		wanted, seen := uint64(math.Ceil(q.part*float64(m.Requests))), uint64(0)
		for bucket, count := range s.spread {
			if seen += uint64(count); seen >= wanted && count > 0 {
				*q.to = min(middle(bucket), m.Max)
				break
			}
		}
	}
	return m
}

package publish

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/publish/ledger"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Watcher publishes again and again what an issuer's keys ask for. Several may
// run at once, on the same target: each write is conditional.
type Watcher struct {
	Publisher *Publisher
	// Request says what is asked for now: it reads the issuer and the proof token.
	// Its error is that the issuer could not be read; the request is then one
	// without the issuer's keys.
	Request  func(ctx context.Context) (ledger.Request, error)
	Interval time.Duration
	Log      *slog.Logger

	mu       sync.Mutex
	started  time.Time
	good     time.Time // when all was well last
	keys     int
	unknown  int
	mismatch bool
	checks   map[string]int
	told     string // the last trouble that was logged
}

// Run checks at once and then every Interval, give or take a tenth, so that many
// publishers do not ask in step. It ends with the context.
func (w *Watcher) Run(ctx context.Context) {
	w.mu.Lock()
	w.started, w.checks = w.Publisher.Now(), map[string]int{}
	w.mu.Unlock()
	for {
		w.note(w.Check(ctx))
		spread := time.Duration((rand.Float64() - 0.5) * 0.2 * float64(w.Interval)) //nolint:gosec // G404: nobody gains by guessing it
		if wait(ctx, w.Interval+spread) != nil {
			return
		}
	}
}

// Check is one round: read the issuer, publish, and look at what is public.
func (w *Watcher) Check(ctx context.Context) error {
	request, upstream := w.Request(ctx)
	result, published := w.Publisher.Follow(ctx, request)
	if published == nil && result.Changed {
		change := result.Change
		if change == "" { // what was public was not what the ledger says
			change = "put back"
		}
		w.Log.Info("published", "change", change, "ledgerHead", result.Head)
	}
	var refusal *Refusal
	if published == nil && errors.As(upstream, &refusal) && refusal.Rule == "proof" {
		upstream = nil // the token is over, and none was needed
	}
	var failed error
	if published == nil && result.Failed {
		failed = errors.New("publish: what was published does not work for those who trust it: see the last entry of the ledger")
	}
	state, err := w.Publisher.State(ctx)
	var public error
	if err == nil && state != nil {
		public = w.Publisher.matches(ctx, state)
		w.count(state, request.Upstream, public != nil)
	}
	return errors.Join(upstream, published, failed, err, public)
}

// matches compares what the public sees with what it is to see.
func (p *Publisher) matches(ctx context.Context, state *ledger.State) error {
	keys, discovery := state.Documents()
	for url, want := range map[string][]byte{state.JWKSURI: keys, state.Issuer + discoveryPath: discovery} {
		body, err := p.Public.get(ctx, url)
		if err != nil {
			return err
		}
		if !bytes.Equal(body, want) {
			return errors.New("publish: " + url + " does not show what the ledger says")
		}
	}
	return nil
}

func (w *Watcher) count(state *ledger.State, upstream []ledger.Key, mismatch bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keys, w.mismatch = len(state.Keys), mismatch
	if upstream == nil {
		return // what is not known is as it was
	}
	w.unknown = len(state.Unpublished(upstream))
}

// note keeps how a check went, and logs what is new.
func (w *Watcher) note(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.checks["ok"]++
		w.good = w.Publisher.Now()
		if w.told != "" {
			w.Log.Info("all is well again")
		}
		w.told = ""
		return
	}
	if errors.Is(err, context.Canceled) {
		return
	}
	w.checks["failed"]++
	if text := err.Error(); text != w.told {
		w.told = text
		w.Log.Error("not well; what is public stays", "error", err)
	}
}

// ready reports whether the last good check is recent.
func (w *Watcher) ready() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.good.IsZero() && w.Publisher.Now().Sub(w.good) <= 3*w.Interval+fetchTime
}

// Handler serves /metrics for Prometheus, /readyz and /livez.
func (w *Watcher) Handler() http.Handler {
	registry := prometheus.NewRegistry()
	gauge := func(name, help string, value func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "daypass", Subsystem: "publish", Name: name, Help: help}, func() float64 {
			w.mu.Lock()
			defer w.mu.Unlock()
			return value()
		}))
	}
	gauge("age_seconds", "Time since the issuer was last read, and what is public was found right.", func() float64 {
		since := w.good
		if since.IsZero() {
			since = w.started
		}
		return w.Publisher.Now().Sub(since).Seconds()
	})
	gauge("upstream_kid_unpublished", "Keys of the issuer that are neither public nor were set aside: tokens that they sign are refused.", func() float64 { return float64(w.unknown) })
	gauge("public_mismatch", "1 where the public URL does not show what the ledger says.", func() float64 {
		if w.mismatch {
			return 1
		}
		return 0
	})
	gauge("keys", "Keys that are public.", func() float64 { return float64(w.keys) })
	for _, result := range []string{"ok", "failed"} {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "daypass", Subsystem: "publish", Name: "checks_total", Help: "Checks, by their result.", ConstLabels: prometheus.Labels{"result": result},
		}, func() float64 {
			w.mu.Lock()
			defer w.mu.Unlock()
			return float64(w.checks[result])
		}))
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(rw http.ResponseWriter, _ *http.Request) {
		if !w.ready() {
			http.Error(rw, "not ready: there was no good check lately", http.StatusServiceUnavailable)
			return
		}
		_, _ = rw.Write([]byte("ok\n"))
	})
	return mux
}

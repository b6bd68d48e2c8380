package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/audit/sink"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/metrics"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/tracing"
)

const (
	// storePatience is how long the store has to answer a check of readiness, and
	// checkedFor how long that answer is used again: probes and scrapes come often.
	storePatience = 2 * time.Second
	checkedFor    = time.Second
)

// watch is what a node knows of itself, for who operates it. It decides nothing.
type watch struct {
	now       func() time.Time
	metrics   *metrics.Metrics
	store     store.Store
	events    *audit.Log
	directory *directory.Directory
	issuers   *jwks.Cache
	dataDir   string
	tracer    *tracing.Tracer
	sinks     *sink.Sinks  // nil: none
	record    *record      // nil: others keep it
	fresh     atomic.Int64 // when the store last answered, in nanoseconds of Unix
	ending    atomic.Bool
	otherKey  atomic.Bool // the master key's set lacks a key that the store needs

	asking  sync.Mutex // guards the fields below, and is held while the store is asked
	asked   time.Time
	storeOK bool
}

// newWatch hears of every event and of every reading of the store from now on.
func newWatch(c *Config, d *data, dir *directory.Directory, issuers *jwks.Cache) *watch {
	w := &watch{
		now: c.Now, metrics: metrics.New(c.Version), store: d.store, events: d.events, directory: dir, issuers: issuers, dataDir: c.DataDir, tracer: c.tracer,
	}
	w.fresh.Store(c.Now().UnixNano()) // it was read when it was opened
	d.events.Tell(func(e *audit.Event, failure error) {
		w.metrics.Event(e, failure)
		logRequest(c.Log, e, failure)
	})
	dir.Tell(func(write bool, err error) {
		switch {
		case err == nil && !write:
			w.fresh.Store(c.Now().UnixNano())
		case err != nil && write:
			w.metrics.StoreError(metrics.StoreWrite)
		case err != nil:
			w.metrics.StoreError(metrics.StoreRead)
		}
	})
	return w
}

// measure has the metrics ask for what is not counted.
func (w *watch) measure(inFlight *atomic.Int64) {
	w.metrics.Watch(metrics.Sources{
		Now: w.now, InFlight: inFlight.Load, Issuers: w.issuers.Issuers, Traces: w.tracer.Counts,
		Directory: func() metrics.Directory {
			s := w.directory.Snapshot()
			return metrics.Directory{Revision: s.Revision(), Fresh: w.freshAt(), Problems: len(s.Problems())}
		},
		SessionKeyRotated: func() time.Time { return w.directory.Snapshot().SessionKeys().RotatedAt() },
		FreeBytes:         func() int64 { return freeBytes(w.dataDir) },
		Sinks:             w.sinkMetrics,
		Record:            func() metrics.Record { return w.record.metrics() },
		Ready: func() map[string]bool {
			ready := map[string]bool{}
			for _, check := range w.checks(context.Background()) {
				ready[check.Name] = check.OK
			}
			return ready
		},
	})
}

func (w *watch) freshAt() time.Time { return time.Unix(0, w.fresh.Load()).UTC() }

// Check is one thing that a node needs to answer requests.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Detail is a sentence without names of files, hosts or accounts: the log has
	// those.
	Detail string `json:"detail"`
}

// checks are all that make the node ready, in a fixed order.
func (w *watch) checks(ctx context.Context) []Check {
	store := Check{Name: "store", OK: w.storeAnswers(ctx), Detail: "answers"}
	if !store.OK {
		store.Detail = fmt.Sprintf("does not answer within %v", storePatience)
	}
	behind := w.directory.Behind(w.now())
	fresh := Check{Name: "directory", OK: w.directory.Fresh(w.now()) == nil, Detail: fmt.Sprintf("revision %d, asked %v ago", w.directory.Snapshot().Revision(), behind.Round(100*time.Millisecond))}
	if !fresh.OK {
		fresh.Detail += fmt.Sprintf("; more than %v: requests are refused", staleBound)
	}
	record := Check{Name: "record", OK: w.events.Probe() == nil, Detail: "can be written"}
	if !record.OK {
		record.Detail = "cannot be written: requests are refused"
	}
	keys := Check{Name: "keys", OK: w.directory.Snapshot().SessionKeys() != nil, Detail: "loaded"}
	if !keys.OK {
		keys.Detail = "there is no key for sessions"
	}
	if w.otherKey.Load() {
		keys.OK, keys.Detail = false, "the master key's set lacks a key that the store needs: give this node that of the others"
	}
	ending := Check{Name: "serving", OK: !w.ending.Load(), Detail: "takes requests"}
	if !ending.OK {
		ending.Detail = "is ending"
	}
	checks := []Check{store, fresh, record, keys, ending}
	if sinks, any := w.sinksCheck(); any {
		checks = append(checks, sinks)
	}
	return checks
}

// storeAnswers asks the store, or knows from a moment ago.
func (w *watch) storeAnswers(ctx context.Context) bool {
	w.asking.Lock()
	defer w.asking.Unlock()
	if now := w.now(); now.Sub(w.asked) >= checkedFor || now.Before(w.asked) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
		defer cancel()
		_, err := w.store.Revision(ctx)
		w.asked, w.storeOK = now, err == nil
	}
	return w.storeOK
}

// AdminURL is the address of the admin listener of the server that runs on a data
// directory. It is an error where none runs, or runs without one.
func AdminURL(dataDir string) (string, error) {
	text, err := os.ReadFile(adminFile(dataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("server: no server with an admin listener runs on %s; start it (daypass serve), or name the listener's URL", dataDir)
	}
	if err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// adminFile is where `daypass status` on this machine finds the admin listener.
func adminFile(dataDir string) string { return filepath.Join(dataDir, "admin.url") }

package directory

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/store"
)

// relisten is how long Follow waits before it listens again to a feed that it lost.
const relisten = time.Second

// Follow asks the store, once in each interval and whenever its feed says so, whether
// another process wrote, and catches up. It returns when ctx ends. A failure is logged
// once for each run of failures. Until the store answers again, decisions go on, on
// the last state seen, for as long as Limit lets them.
func (d *Directory) Follow(ctx context.Context, interval time.Duration, log *slog.Logger) {
	var listening sync.WaitGroup
	defer listening.Wait()
	if feed, ok := d.store.(store.Feed); ok {
		listening.Go(func() { d.listen(ctx, feed, log) })
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	failing := false
	for {
		wake := d.fresh.wake
		if failing {
			wake = nil // a store that does not answer is not asked faster
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-wake:
		}
		err := d.poll(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			log.Error("the store cannot be followed; soon nothing is decided any more on the last state seen", "revision", d.Snapshot().revision, "error", err)
		}
		if err == nil && failing {
			log.Info("the store is followed again", "revision", d.Snapshot().revision)
		}
		failing = err != nil
		d.fresh.failing.Store(failing)
	}
}

// listen asks for a look at the store at each word of its feed. Without the feed the
// store is asked in each interval all the same, so that its loss is no failure.
func (d *Directory) listen(ctx context.Context, feed store.Feed, log *slog.Logger) {
	lost := false
	for ctx.Err() == nil {
		err := feed.Listen(ctx, func() {
			if lost {
				lost = false
				log.Info("the store tells of writes again")
			}
			d.fresh.ask()
		})
		if ctx.Err() != nil {
			return
		}
		if !lost {
			lost = true
			log.Warn("the store does not tell of writes any more; it is asked for them instead", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(relisten):
		}
	}
}

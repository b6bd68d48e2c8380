// Package sink hands the record of events on: to stdout, to a syslog daemon, to a
// webhook, to a bucket of S3. The record in its files comes first. A sink follows
// it, and remembers in a file beside it how far it came, so that a process that
// ends, however it ends, loses nothing: what was not acknowledged is sent again.
//
// Each sink is on its own: one that is down holds up no other. How far it may fall
// behind is bounded, and what happens then is chosen for each: all requests are
// refused, or the oldest events are given up, counted, and their number is written
// to the record itself. Nothing is dropped in silence.
package sink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/audit"
)

// Defaults of bounds and batches.
const (
	DefaultBehindEvents = 1_000_000
	DefaultBehindBytes  = 1 << 30
	DefaultBatchEvents  = 1000
	DefaultBatchBytes   = 1 << 20
	DefaultBatchEvery   = 5 * time.Second
	maxBatchEvents      = 100_000
	maxBatchBytes       = 64 << 20
)

// Config is one sink.
type Config struct {
	// Name is what its place in the record is remembered by: letters, digits and
	// hyphens.
	Name string
	// Target is where events go.
	Target Target
	// CloudTrail gives each event the form of an AWS CloudTrail record, in the
	// place of its line in the record.
	CloudTrail bool
	// FromBeginning has a new sink begin with the oldest event that there is; by
	// default it begins with the next.
	FromBeginning bool
	// Refuse has all requests refused while the sink is behind by more than Bounds.
	// Without it events beyond them are given up and counted.
	Refuse bool
	Bounds Bounds
	Batch  Batch
}

// Bounds say how far a sink may be behind the record. Zeros are the defaults; Age
// has none.
type Bounds struct {
	Events uint64
	Bytes  int64
	Age    time.Duration // of the oldest event that was not taken
}

// Batch says when events are sent: once there are so many, of so many bytes, or
// once the first has waited for Every. Zeros are the defaults, which Every has for
// targets that keep batches only; others get events at once.
type Batch struct {
	Events int
	Bytes  int64
	Every  time.Duration
}

// Target is where a sink's events go: what NewStdout, NewSyslog, NewWebhook and
// NewS3 make.
type Target interface {
	// kind is the word for it in the configuration.
	kind() string
	// plans says that a batch must be the same when it is sent again, and may wait.
	plans() bool
	// deliver returns once all events are taken, or an error, after which some may
	// have been.
	deliver(ctx context.Context, b *batch) error
	close()
}

// Status is how a sink does.
type Status struct {
	Name      string        `json:"name"`
	Kind      string        `json:"type"`
	Refuse    bool          `json:"failClosed"`
	Delivered uint64        `json:"delivered"`         // sequence of the last event that was taken, or given up
	Behind    uint64        `json:"behindEvents"`      // events that were not
	Bytes     int64         `json:"behindBytes"`       // of them, about
	Age       time.Duration `json:"behindNanoseconds"` // since the oldest of them
	Taken     uint64        `json:"takenSinceStart"`
	Failures  uint64        `json:"failuresSinceStart"` // of sending
	Lost      uint64        `json:"lost"`               // events that were given up, since there is the sink
	Last      time.Time     `json:"lastTaken,omitzero"`
	Failure   string        `json:"failure,omitempty"` // why the last sending failed; "" if it did not
	Over      bool          `json:"beyondBounds"`
}

// Options are what all sinks of a record share.
type Options struct {
	Record *audit.Log
	Node   string // names this node's record among others'
	Sinks  []Config
	Now    func() time.Time
	Log    *slog.Logger
}

// Sinks are those of one record.
type Sinks struct{ all []*runner }

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,63}$`)

// Open finds the place of each sink in the record. They are to be run, and closed
// also after an error. A new sink's place is written at once: what comes after is
// its own.
func Open(o Options) (*Sinks, error) {
	s := &Sinks{}
	for i, c := range o.Sinks {
		switch {
		case !nameForm.MatchString(c.Name):
			return s, fmt.Errorf("audit sink %q: a name has letters, digits and hyphens, 64 at most", c.Name)
		case slices.ContainsFunc(o.Sinks[:i], func(other Config) bool { return strings.EqualFold(other.Name, c.Name) }):
			return s, fmt.Errorf("audit sink %s: another has the name", c.Name)
		case c.Batch.Events < 0 || c.Batch.Events > maxBatchEvents || c.Batch.Bytes < 0 || c.Batch.Bytes > maxBatchBytes:
			return s, fmt.Errorf("audit sink %s: a batch has %d events and %d bytes at most", c.Name, maxBatchEvents, maxBatchBytes)
		}
		c.complete()
		r, err := openRunner(c, &o)
		if err != nil {
			return s, fmt.Errorf("audit sink %s: %w", c.Name, err)
		}
		s.all = append(s.all, r)
		r.judge() // before the first request
	}
	return s, nil
}

func (c *Config) complete() {
	if c.Bounds.Events == 0 {
		c.Bounds.Events = DefaultBehindEvents
	}
	if c.Bounds.Bytes == 0 {
		c.Bounds.Bytes = DefaultBehindBytes
	}
	if c.Batch.Events == 0 {
		c.Batch.Events = DefaultBatchEvents
	}
	if c.Batch.Bytes == 0 {
		c.Batch.Bytes = DefaultBatchBytes
	}
	if c.Batch.Every == 0 && c.Target.plans() {
		c.Batch.Every = DefaultBatchEvery
	}
}

// Run hands events on until ctx ends, and then once more what is there, for a few
// seconds at most.
func (s *Sinks) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, r := range s.all {
		all.Go(func() { r.run(ctx) })
	}
	if len(s.all) > 0 {
		all.Go(func() { s.judge(ctx) })
	}
	all.Wait()
}

// judge says of each sink again and again whether it is within its bounds: also
// while it waits for an answer.
func (s *Sinks) judge(ctx context.Context) {
	ticker := time.NewTicker(pollInterval / 2)
	defer ticker.Stop()
	for {
		for _, r := range s.all {
			r.judge()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Refusing is why requests are to be refused: the sinks that must not be further
// behind. Nil where there is none.
func (s *Sinks) Refusing() error {
	for _, r := range s.all {
		if r.config.Refuse && r.over.Load() {
			return fmt.Errorf("audit sink %s is further behind than it may be, and with onFailure: fail-closed nothing is done that it does not learn of", r.config.Name)
		}
	}
	return nil
}

// Status is how each sink does, in the order of the configuration.
func (s *Sinks) Status() []Status {
	all := make([]Status, 0, len(s.all))
	for _, r := range s.all {
		r.judge()
		all = append(all, r.told())
	}
	return all
}

// Delivered is the sequence of the last event that all sinks have taken or given up:
// what was before need not be kept for them. With no sink that is every event.
func (s *Sinks) Delivered() uint64 {
	delivered := ^uint64(0)
	for _, r := range s.all {
		delivered = min(delivered, r.told().Delivered)
	}
	return delivered
}

// Close lets go of files and connections. Run must have ended.
func (s *Sinks) Close() error {
	var err error
	for _, r := range s.all {
		r.config.Target.close()
		err = errors.Join(err, r.follower.Close())
	}
	return err
}

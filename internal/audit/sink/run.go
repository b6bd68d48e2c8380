package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/durable"
)

const (
	// pollInterval is how often the record is asked for more.
	pollInterval = 200 * time.Millisecond
	// Sending is tried again after firstPause, twice that, and so on.
	firstPause = 500 * time.Millisecond
	lastPause  = time.Minute
	// longestPause is how long a receiver may have us wait.
	longestPause = time.Hour
	// lastTry is how long a sink has at the end of the process.
	lastTry = 3 * time.Second
)

// errTooLarge is of a batch that the receiver says has too many bytes.
var errTooLarge = errors.New("the batch is too large for the receiver")

// pauseError is a failure with the time after which the receiver wants to be asked
// again.
type pauseError struct {
	error

	pause time.Duration
}

// Unwrap gives the failure.
func (e *pauseError) Unwrap() error { return e.error }

// batch is events on their way.
type batch struct {
	node       string
	lines      []audit.Line
	cloudTrail bool
}

func (b *batch) last() audit.Head { return b.lines[len(b.lines)-1].Head }

// place is the file that says how far a sink came.
type place struct {
	// Delivered is the last event that was taken, or given up.
	Delivered string `json:"delivered"`
	// Planned is the last event of the batch that was being sent: it is sent again
	// as it was.
	Planned string `json:"planned,omitempty"`
	Lost    uint64 `json:"lost,omitempty"`
}

// placePath is the file of a sink's place in the record with a live file.
func placePath(live, name string) string {
	return strings.TrimSuffix(live, ".jsonl") + "." + name + placeSuffix
}

const placeSuffix = ".sink"

// Left is the last event of a record that all sinks have had that ever followed it,
// for a record whose process has gone. live is the path of its live file. A place that
// cannot be read is an error: the events are kept.
func Left(live string) (uint64, error) {
	left := ^uint64(0)
	entries, err := os.ReadDir(filepath.Dir(live))
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), placeSuffix)
		if ok {
			name, ok = strings.CutPrefix(name, strings.TrimSuffix(filepath.Base(live), ".jsonl")+".")
		}
		if !ok || !nameForm.MatchString(name) { // with a full stop it is another record's
			continue
		}
		text, err := os.ReadFile(filepath.Join(filepath.Dir(live), entry.Name()))
		if err != nil {
			return 0, err
		}
		var r runner
		if err := r.read(text); err != nil {
			return 0, fmt.Errorf("%s says where a sink was, and cannot be read: %w", entry.Name(), err)
		}
		left = min(left, r.delivered.Sequence)
	}
	return left, nil
}

// runner is one sink at work.
type runner struct {
	config Config
	record *audit.Log
	now    func() time.Time
	log    *slog.Logger
	node   string
	path   string // of the place
	over   atomic.Bool

	mu        sync.Mutex // guards the fields below, and is never held while sending
	follower  *audit.Follower
	pending   []audit.Line // read, and not taken yet
	bytes     int64        // of them
	delivered audit.Head
	planned   audit.Head
	lost      uint64
	status    Status
}

// openRunner finds the sink's place.
func openRunner(c Config, o *Options) (*runner, error) {
	r := &runner{
		config: c, record: o.Record, now: o.Now, log: o.Log.With("sink", c.Name), node: o.Node,
		path: placePath(o.Record.Path(), c.Name),
	}
	r.status = Status{Name: c.Name, Kind: c.Target.kind(), Refuse: c.Refuse}
	text, err := os.ReadFile(r.path)
	isNew := errors.Is(err, fs.ErrNotExist)
	switch {
	case isNew && o.Record.Path() == "": // Follow says what is wrong
	case isNew:
		if !c.FromBeginning {
			r.delivered = o.Record.Head()
		}
	case err != nil:
		return nil, err
	default:
		if err := r.read(text); err != nil {
			return nil, fmt.Errorf("%s says where the sink was, and cannot be read: %w; to go on with the next event, remove it", r.path, err)
		}
	}
	if r.follower, err = o.Record.Follow(r.delivered); err != nil {
		return nil, err
	}
	if r.follower.Misplaced {
		r.log.Error("the record has lost the event that the sink took last; the sink goes on with what there is, perhaps with events that it had", "delivered", r.delivered.String(), "from", r.follower.At().String())
		r.delivered, r.planned = r.follower.At(), audit.Head{}
	}
	if err := r.save(); err != nil {
		return nil, errors.Join(err, r.follower.Close())
	}
	return r, nil
}

func (r *runner) read(text []byte) error {
	var p place
	err := json.Unmarshal(text, &p)
	if err != nil {
		return err
	}
	if r.delivered, err = audit.ParseHead(p.Delivered); err != nil {
		return err
	}
	if p.Planned != "" {
		if r.planned, err = audit.ParseHead(p.Planned); err != nil {
			return err
		}
	}
	r.lost = p.Lost
	return nil
}

// save writes the place. It needs mu, but for openRunner.
func (r *runner) save() error {
	p := place{Delivered: r.delivered.String(), Lost: r.lost}
	if r.planned.Sequence > 0 {
		p.Planned = r.planned.String()
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return durable.Replace(r.path, append(text, '\n'), 0o600)
}

func (r *runner) run(ctx context.Context) {
	for ctx.Err() == nil {
		b := r.gather(ctx)
		if b != nil {
			r.send(ctx, b)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTry)
	defer cancel()
	for ctx.Err() == nil {
		b, _ := r.next(true)
		if b == nil || r.try(ctx, b) != nil {
			return
		}
	}
}

// gather waits for a batch; nil at the end, or after a failure that was told.
func (r *runner) gather(ctx context.Context) *batch {
	waited := time.Duration(0)
	for {
		b, err := r.next(waited >= r.config.Batch.Every)
		if err != nil {
			r.fail(fmt.Errorf("the record cannot be read: %w", err))
			pause(ctx, firstPause)
			return nil
		}
		if b != nil {
			return b
		}
		if !pause(ctx, pollInterval) {
			return nil
		}
		if r.hasPending() {
			waited += pollInterval
		}
	}
}

func (r *runner) hasPending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pending) > 0
}

// next reads on, and gives a batch if one is full, or if what there is has waited
// long enough. A batch that was planned comes again as it was.
func (r *runner) next(now bool) (*batch, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	missing := r.follower.Missing
	for len(r.pending) < r.config.Batch.Events && r.bytes < r.config.Batch.Bytes {
		most := r.config.Batch.Events - len(r.pending)
		if r.planned.Sequence > 0 {
			most = 1
		}
		lines, err := r.follower.Next(most, r.config.Batch.Bytes-r.bytes)
		for _, l := range lines {
			r.bytes += int64(len(l.Text))
		}
		r.pending = append(r.pending, lines...)
		if err != nil {
			return nil, err
		}
		if len(lines) == 0 {
			break
		}
		if r.planned.Sequence > 0 && lines[0].Sequence >= r.planned.Sequence {
			now = true
			break
		}
	}
	if gone := r.follower.Missing - missing; gone > 0 {
		r.mu.Unlock()
		r.lose(gone, "their files were retired before the sink took them")
		r.mu.Lock()
	}
	full := len(r.pending) >= r.config.Batch.Events || r.bytes >= r.config.Batch.Bytes
	if len(r.pending) == 0 || !full && !now {
		return nil, nil //nolint:nilnil // not yet
	}
	if r.config.Target.plans() && r.planned.Sequence == 0 {
		r.planned = r.pending[len(r.pending)-1].Head
		if err := r.save(); err != nil {
			r.planned = audit.Head{}
			return nil, err
		}
	}
	lines := r.pending
	if i := slices.IndexFunc(lines, func(l audit.Line) bool { return l.Sequence >= r.planned.Sequence }); r.planned.Sequence > 0 && i >= 0 {
		lines = lines[:i+1]
	}
	return &batch{node: r.node, lines: lines, cloudTrail: r.config.CloudTrail}, nil
}

// send sends a batch until it is taken, given up, or the end.
func (r *runner) send(ctx context.Context, b *batch) {
	for attempt := 0; ; attempt++ {
		err := r.try(ctx, b)
		if err == nil || ctx.Err() != nil {
			return
		}
		if errors.Is(err, errTooLarge) && len(b.lines) > 1 {
			r.halve(b)
			continue
		}
		wait := backoff(attempt)
		var asked *pauseError
		if errors.As(err, &asked) {
			wait = max(wait, min(asked.pause, longestPause))
		}
		for wait > 0 { // in pieces: the bounds hold meanwhile
			r.judge()
			if !r.config.Refuse && r.over.Load() {
				r.giveUp(b)
				return
			}
			if !pause(ctx, min(wait, time.Second)) {
				return
			}
			wait -= time.Second
		}
	}
}

// backoff is the pause after so many failures, half of it by chance, so that nodes
// do not all come at once.
func backoff(attempt int) time.Duration {
	d := min(lastPause, firstPause<<min(attempt, 10))
	return d/2 + rand.N(d/2) //nolint:gosec // guards nothing
}

// try sends once.
func (r *runner) try(ctx context.Context, b *batch) error {
	if err := r.config.Target.deliver(ctx, b); err != nil {
		if ctx.Err() == nil {
			r.fail(err)
		}
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status.Failure != "" {
		r.log.Info("the audit sink takes events again")
	}
	r.status.Failure, r.status.Last = "", r.now().UTC()
	r.status.Taken += uint64(len(b.lines))
	return r.done(b)
}

// done moves on behind a batch. It needs mu. A place that cannot be written is told,
// and the sink goes on: the events would be sent again.
func (r *runner) done(b *batch) error {
	r.delivered, r.planned, r.pending, r.bytes = b.last(), audit.Head{}, r.pending[len(b.lines):], 0
	for _, l := range r.pending {
		r.bytes += int64(len(l.Text))
	}
	if len(r.pending) == 0 {
		r.pending = nil
	}
	if err := r.save(); err != nil {
		r.log.Error("how far the audit sink came could not be written; after a crash events would be sent again", "error", err)
	}
	return nil
}

// halve sends the first half of a batch first.
func (r *runner) halve(b *batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b.lines = b.lines[:len(b.lines)/2]
	r.planned = b.last()
	if err := r.save(); err != nil {
		r.log.Error("how far the audit sink came could not be written", "error", err)
	}
}

func (r *runner) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.Failures++
	if r.status.Failure == "" { // once for each run of failures
		r.log.Error("the audit sink does not take events; they are kept in the record and sent again", "error", err, "failClosed", r.config.Refuse)
	}
	r.status.Failure = err.Error()
}

// giveUp drops a batch and what comes after it, until the sink is within its bounds.
func (r *runner) giveUp(b *batch) {
	dropped := uint64(0)
	for b != nil && r.over.Load() {
		dropped += uint64(len(b.lines))
		r.mu.Lock()
		_ = r.done(b) // never fails
		r.mu.Unlock()
		b, _ = r.next(true) // what cannot be read is asked for again by gather
		r.judge()
	}
	r.lose(dropped, "the sink was further behind than it may be")
}

// lose counts events that the sink never gets: in its place, in the log, and in the
// record, which tells all sinks.
func (r *runner) lose(events uint64, why string) {
	r.mu.Lock()
	r.lost += events
	err := r.save()
	through := r.delivered.Sequence
	r.mu.Unlock()
	if err != nil {
		r.log.Error("how far the audit sink came could not be written", "error", err)
	}
	r.log.Error("events were given up for an audit sink; they are in the record while it is kept", "events", events, "through", through, "reason", why)
	err = r.record.Write(&audit.Event{
		Time: r.now().UTC(), Service: "daypass", Operation: "GiveUpAuditEvents", Status: 500, Fault: "Internal",
		Resource: r.config.Name, Reason: fmt.Sprintf("%d events up to %d were given up for the audit sink %s: %s", events, through, r.config.Name, why),
	})
	if err != nil {
		r.log.Error("that events were given up could not be written to the record", "error", err)
	}
}

// judge looks whether the sink is within its bounds.
func (r *runner) judge() {
	head := r.record.Head()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.status
	s.Delivered, s.Lost = r.delivered.Sequence, r.lost
	s.Behind, s.Bytes, s.Age = 0, 0, 0
	unknown := false // how many bytes it is behind
	if head.Sequence > r.delivered.Sequence {
		s.Behind = head.Sequence - r.delivered.Sequence
		bytes, err := r.follower.Behind()
		s.Bytes, unknown = max(0, bytes)+r.bytes, err != nil
	}
	if len(r.pending) > 0 {
		var oldest struct{ Time time.Time }
		if json.Unmarshal(r.pending[0].Text, &oldest) == nil {
			s.Age = max(0, r.now().Sub(oldest.Time))
		}
	}
	b := r.config.Bounds
	s.Over = s.Behind > b.Events || s.Bytes > b.Bytes || b.Age > 0 && s.Age > b.Age
	if unknown && r.config.Refuse { // of another nothing is given up for that
		s.Over = true
	}
	r.over.Store(s.Over)
}

func (r *runner) told() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.Delivered, s.Lost = r.delivered.Sequence, r.lost
	return s
}

// pause waits; false at the end.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

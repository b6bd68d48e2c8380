package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/audit/sink"
	"github.com/daypass/daypass/internal/metrics"
	"github.com/daypass/daypass/internal/store"
)

// record looks after the events of this node. It says in the store how far they have come, so that who
// can write the files of this node, and not the store, cannot shorten it unseen.
type record struct {
	store  store.Store
	events *audit.Log
	host   string
	kept   audit.Head

	retired  atomic.Uint64 // events that were removed since the start
	bytes    atomic.Int64  // of the files, when they were last looked at
	isHeld   atomic.Bool   // files are kept longer for a sink
	heldTold bool
}

// openedRecord is nil for events that are no file: others keep those, and for how long.
func openedRecord(s store.Store, events *audit.Log, keep audit.Retention) (*record, error) {
	switch {
	case events.Path() != "":
	case !keep.Keeps():
		return nil, fmt.Errorf("server: %s, and what is written to no file of the server's own it cannot remove; let events be a file whose name ends with .jsonl", keep)
	default:
		return nil, nil //nolint:nilnil // see above
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("server: this machine's name, under which its record of events is known: %w", err)
	}
	return &record{store: s, events: events, host: host}, nil
}

// keep writes the end, if there were events since it last did.
func (r *record) keep(ctx context.Context, now time.Time) error {
	if r == nil {
		return nil
	}
	head, err := r.events.Sync()
	if err != nil || head == r.kept {
		return err
	}
	if err = r.keepEnd(ctx, r.events.Path(), head, now); err == nil {
		r.kept = head
	}
	return err
}

func (r *record) keepEnd(ctx context.Context, path string, head audit.Head, now time.Time) error {
	_, err := r.store.Update(ctx, func(tx store.Tx) error {
		return store.PutRecord(tx, store.RecordEndID(r.host, path), store.RecordEnd{Host: r.host, Path: path, Head: head.String(), Time: now.UTC()})
	})
	return err
}

// buildIndexes makes the indexes of files that have become full.
func (r *record) buildIndexes(ctx context.Context) error {
	if r == nil {
		return nil
	}
	return r.events.BuildIndexes(ctx)
}

// retire removes what need not be kept any more, of this process's record and of those
// that other processes have left beside it; not what a sink has not had.
func (r *record) retire(ctx context.Context, keep audit.Retention, now time.Time, sinks *sink.Sinks, log *slog.Logger) error {
	if r == nil || keep.Keeps() {
		return nil
	}
	mayGo := ^uint64(0)
	if sinks != nil {
		mayGo = sinks.Delivered()
	}
	done, err := r.events.Retire(keep, now, mayGo)
	r.retired.Add(done.Events)
	r.bytes.Store(done.Bytes)
	r.isHeld.Store(done.Held)
	if done.Events > 0 {
		log.Info("removed events that need not be kept any more", "through", done.Through.String(), "events", done.Events)
	}
	if done.Held && !r.heldTold {
		log.Warn("events are kept beyond their time or size: a sink has not had them yet")
	}
	r.heldTold = done.Held
	return errors.Join(err, r.events.EachLeft(func(left *audit.Log) error { return r.retireLeft(ctx, left, keep, now) }))
}

// retireLeft does so with a record whose process has gone. The store then has its new
// end; so nothing is removed where the end that the store has is not there.
func (r *record) retireLeft(ctx context.Context, left *audit.Log, keep audit.Retention, now time.Time) error {
	kept, err := keptEnd(ctx, r.store, r.host, left.Path())
	if err != nil {
		return err
	}
	if is, err := left.Has(kept); err != nil || !is {
		return errors.Join(err, fmt.Errorf("server: %s does not have the event with which it once ended, %v; nothing is removed from it: see \"daypass audit verify\"", left.Path(), kept))
	}
	mayGo, err := sink.Left(left.Path())
	if err != nil {
		return err
	}
	// The store may lack the end of an earlier time too: a node that ended in between
	// removed the events, and did not come to say so.
	if _, err = left.Retire(keep, now, mayGo); err == nil && left.Head() != kept {
		err = r.keepEnd(ctx, left.Path(), left.Head(), now)
	}
	return err
}

// keptEnd is the end that the store has of a record; zero where it has none.
func keptEnd(ctx context.Context, s store.Store, host, path string) (audit.Head, error) {
	r, err := s.Get(ctx, store.RecordEndID(host, path))
	if errors.Is(err, store.ErrNotFound) {
		return audit.Head{}, nil
	}
	if err != nil {
		return audit.Head{}, err
	}
	var end store.RecordEnd
	if err := store.Decode(r.Document, &end); err != nil {
		return audit.Head{}, err
	}
	return audit.ParseHead(end.Head)
}

// metrics are what became of the record, as metrics have it.
func (r *record) metrics() metrics.Record {
	if r == nil {
		return metrics.Record{}
	}
	return metrics.Record{Retired: r.retired.Load(), Bytes: r.bytes.Load(), Held: r.isHeld.Load()}
}

// VerifiedRecord is what VerifyRecord found.
type VerifiedRecord struct {
	*audit.Report
	Kept int // heads of this record that the store had
}

// VerifyRecord checks a data directory's record of events, path or its own where
// that is "", against itself, against the heads in known, and against the ends
// that the store has of it. A server may be running on the directory.
func VerifyRecord(ctx context.Context, dataDir, path string, known ...audit.Head) (v *VerifiedRecord, err error) {
	if path == "" {
		path = filepath.Join(dataDir, eventsFile)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	d, err := reopenData(ctx, dataDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	v = &VerifiedRecord{}
	for _, file := range audit.LiveFiles(path) {
		head, err := keptEnd(ctx, d.store, host, file)
		if err != nil {
			return nil, err
		}
		if head.Sequence == 0 {
			continue
		}
		known, v.Kept = append(known, head), v.Kept+1
	}
	v.Report, err = audit.Verify(path, known...)
	return v, err
}

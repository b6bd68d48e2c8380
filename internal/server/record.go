package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/store"
)

// record looks after the events of this node. It says in the store how far they have come, so that who
// can write the files of this node, and not the store, cannot shorten it unseen.
type record struct {
	store  store.Store
	events *audit.Log
	host   string
	kept   audit.Head
}

// openedRecord is nil for events that are no file: others keep those.
func openedRecord(s store.Store, events *audit.Log) (*record, error) {
	if events.Path() == "" {
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
	_, err = r.store.Update(ctx, func(tx store.Tx) error {
		path := r.events.Path()
		return store.PutRecord(tx, store.RecordEndID(r.host, path), store.RecordEnd{Host: r.host, Path: path, Head: head.String(), Time: now.UTC()})
	})
	if err == nil {
		r.kept = head
	}
	return err
}

// buildIndexes makes the indexes of files that have become full.
func (r *record) buildIndexes(ctx context.Context) error {
	if r == nil {
		return nil
	}
	return r.events.BuildIndexes(ctx)
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
		r, err := d.store.Get(ctx, store.RecordEndID(host, file))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var end store.RecordEnd
		if err := store.Decode(r.Document, &end); err != nil {
			return nil, err
		}
		head, err := audit.ParseHead(end.Head)
		if err != nil {
			return nil, err
		}
		known, v.Kept = append(known, head), v.Kept+1
	}
	v.Report, err = audit.Verify(path, known...)
	return v, err
}

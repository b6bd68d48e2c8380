// Package directory holds, compiled and in memory, what decisions are taken on:
// the accounts, providers, roles, policies, users, access keys, the keys of
// sessions and the revocations of them.
//
// A Directory follows a store.Store. Each change of the store yields a new
// Snapshot that shares all that did not change with the one before it (the
// trees are persistent), so a change costs in proportion to the change and not
// to the account. A request takes one Snapshot and does no store I/O.
//
// A record that cannot be read is not skipped: what it would have said is
// replaced by a denial, and Snapshot.Problems names it. A revocation that cannot
// be read revokes all that it could have.
package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/tracing"
)

// changesAtOnce bounds how many records one read of the store brings.
const changesAtOnce = 1000

// Opener opens what was sealed under the master key. masterkey.Key is one.
type Opener interface {
	Open(sealed, associated []byte) ([]byte, error)
}

// Directory follows one store. It is safe for concurrent use.
type Directory struct {
	store     store.Store
	opener    Opener
	documents *documents

	applying sync.Mutex // held while a snapshot is replaced by its successor, and guards point
	point    store.Point
	snapshot atomic.Pointer[Snapshot]
	fresh    freshness

	told func(write bool, err error) // nil: nobody
}

// Open reads the whole store once. It fails when the store cannot be read, and
// when an access key, a signing key or the session keys cannot be opened under the
// master key: that is another key's data, and no request could be answered rightly.
func Open(ctx context.Context, st store.Store, opener Opener) (*Directory, error) {
	documents, err := newDocuments()
	if err != nil {
		return nil, err
	}
	d := &Directory{store: st, opener: opener, documents: documents, fresh: freshness{wake: make(chan struct{}, 1)}}
	d.snapshot.Store(newSnapshot())
	if err := d.Refresh(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Tell has f called with what became of each reading of the store and, where write
// is true, of each transaction whose function did not fail: for who watches the
// store. f must be quick, and safe for concurrent use. Call it before Follow.
func (d *Directory) Tell(f func(write bool, err error)) { d.told = f }

func (d *Directory) tell(ctx context.Context, write bool, err error) {
	if d.told != nil && ctx.Err() == nil { // who goes away is no fault of the store
		d.told(write, err)
	}
}

// Snapshot is the newest state that this node has seen.
func (d *Directory) Snapshot() *Snapshot { return d.snapshot.Load() }

// Update carries out one transaction on the store. When it returns without an
// error, the change is durable and Snapshot shows it. An error of f comes back
// as it is, and nothing was written. After any other error the writes may be
// there all the same; Snapshot then shows what the store has, where it can be
// read.
func (d *Directory) Update(ctx context.Context, f func(store.Tx) error) (err error) {
	ctx, span := tracing.Start(ctx, "write to store")
	defer func() { span.End(err) }()
	decided := false
	revision, err := d.store.Update(ctx, func(tx store.Tx) error {
		err := f(tx)
		decided = err == nil
		return err
	})
	if decided {
		d.tell(ctx, true, err)
	}
	if err != nil {
		if decided { // a revocation that was reported as failed counts at once
			if refreshErr := d.Refresh(context.WithoutCancel(ctx)); refreshErr != nil {
				return errors.Join(err, refreshErr)
			}
		}
		return err
	}
	if d.Snapshot().revision >= revision {
		return nil
	}
	// The write is durable: a caller that goes away must not leave this node
	// deciding on what was before.
	return d.Refresh(context.WithoutCancel(ctx))
}

// Refresh brings the snapshot up to the store's present revision.
func (d *Directory) Refresh(ctx context.Context) (err error) {
	defer func() { d.tell(ctx, false, err) }()
	d.applying.Lock()
	defer d.applying.Unlock()
	return d.catchUp(ctx)
}

// poll is Refresh, cheap where nothing was written.
func (d *Directory) poll(ctx context.Context) (err error) {
	defer func() { d.tell(ctx, false, err) }()
	d.applying.Lock()
	defer d.applying.Unlock()
	asked := d.fresh.now()
	now, err := d.since(ctx, d.point)
	if err != nil && !errors.Is(err, store.ErrRevisionAhead) {
		return fmt.Errorf("directory: ask for the revision: %w", err)
	}
	if err == nil && now.Revision == d.Snapshot().revision {
		d.point = now
		d.fresh.confirm(asked)
		return nil
	}
	return d.catchUp(ctx)
}

// since is where the store is now. Of a store that can have another history than the
// one that led to last, the error matches ErrRevisionAhead where it has.
func (d *Directory) since(ctx context.Context, last store.Point) (store.Point, error) {
	if timeline, ok := d.store.(store.Timeline); ok {
		return timeline.Since(ctx, last)
	}
	revision, err := d.store.Revision(ctx)
	return store.Point{Revision: revision}, err
}

// catchUp is Refresh, for who holds applying. A store that is behind what was seen, or
// has other writes in its place, was put back to an older state, such as by a failover
// that lost what was last written: the snapshot is then built anew, and replaced only
// when it is whole.
func (d *Directory) catchUp(ctx context.Context) error {
	s, point, again := *d.Snapshot(), d.point, false
	for {
		asked := d.fresh.now()
		records, after, err := d.changes(ctx, s.revision, point)
		if errors.Is(err, store.ErrRevisionAhead) && !again {
			s, point, again = *newSnapshot(), store.Point{}, true
			continue
		}
		if err != nil {
			return fmt.Errorf("directory: read changes after revision %d: %w", s.revision, err)
		}
		for i := range records {
			if err := d.apply(&s, &records[i]); err != nil {
				return err
			}
		}
		if point = after; len(records) > 0 {
			s.revision = records[len(records)-1].Revision
		}
		whole := len(records) < changesAtOnce // a read that was not filled had all there was
		if len(records) > 0 && !again || again && whole {
			next := s
			d.snapshot.Store(&next)
			d.point = point
		}
		if whole {
			d.fresh.confirm(asked)
			return nil
		}
	}
}

// changes reads what came after a revision, and gives the point that the store was at
// afterwards, in the history of the point at which that revision was read.
func (d *Directory) changes(ctx context.Context, revision int64, point store.Point) ([]store.Record, store.Point, error) {
	if revision == 0 { // any history will do; but it must stay the same from here on
		var err error
		if point, err = d.since(ctx, store.Point{}); err != nil {
			return nil, point, err
		}
	}
	records, err := d.store.Changes(ctx, revision, changesAtOnce)
	if err == nil {
		point, err = d.since(ctx, point)
	}
	return records, point, err
}

func (d *Directory) apply(s *Snapshot, r *store.Record) error {
	var problem string
	switch r.Kind {
	case store.KindAccount:
		problem = applyRecord(s, r, &s.accounts, []byte(r.Account), compileAccount)
	case store.KindAlias: // the account's own record tells it
	case store.KindRecordEnd, store.KindACME: // no decision looks at them
	case store.KindOIDCProvider:
		problem = applyRecord(s, r, &s.providers, treeKey(r.Account, r.Key), compileProvider)
	case store.KindRole:
		problem = applyRecord(s, r, &s.roles, treeKey(r.Account, r.Key), d.compileRole)
	case store.KindPolicy:
		problem = applyRecord(s, r, &s.policies, treeKey(r.Account, r.Key), d.compilePolicy)
	case store.KindUser:
		problem = applyRecord(s, r, &s.users, treeKey(r.Account, r.Key), d.compileUser)
	case store.KindGroup:
		problem = applyRecord(s, r, &s.groups, treeKey(r.Account, r.Key), d.compileGroup)
	case store.KindProfile:
		problem = applyRecord(s, r, &s.profiles, treeKey(r.Account, r.Key), compileProfile)
	case store.KindBucket:
		problem = applyRecord(s, r, &s.buckets, []byte(r.Key), d.compileBucket)
	case store.KindSecret:
		problem = applyRecord(s, r, &s.secrets, treeKey(r.Account, r.Key), d.compileSecret)
	case store.KindSecretValue: // sealed, and read from the store when it is asked for
	case store.KindLastUse:
		problem = applyRecord(s, r, &s.lastUses, treeKey(r.Account, r.Key), func(u *store.LastUse) (*store.LastUse, string) { return u, "" })
	case store.KindAccessKey:
		return d.applyAccessKey(s, r)
	case store.KindRevocation:
		problem = s.revocations.apply(r)
	case store.KindSessionKeys:
		return d.applySessionKeys(s, r)
	case store.KindMasterKey:
		return applyMasterKey(s, r)
	case store.KindNode:
		problem = applyRecord(s, r, &s.nodes, []byte(r.Key), func(n *store.Node) (*store.Node, string) { return n, "" })
	case store.KindOutbound:
		var err error
		if problem, err = d.applyOutbound(s, r); err != nil {
			return err
		}
	default:
		return fmt.Errorf("directory: the store holds a record of kind %q, which this version does not know; start the version that wrote it", r.Kind)
	}
	s.noteProblem(r, problem)
	return nil
}

func (s *Snapshot) noteProblem(r *store.Record, problem string) {
	key := treeKey(string(r.Kind)+"/"+r.Account, r.Key)
	if problem == "" {
		if _, had := s.problems.Get(key); had {
			s.problems, _, _ = s.problems.Delete(key)
		}
		return
	}
	s.problems, _, _ = s.problems.Insert(key, problem)
}

func (d *Directory) applyAccessKey(s *Snapshot, r *store.Record) error {
	if r.Deleted {
		s.accessKeys, _, _ = s.accessKeys.Delete([]byte(r.Key))
		return nil
	}
	var record store.AccessKey
	if err := store.Decode(r.Document, &record); err != nil {
		return fmt.Errorf("directory: access key %s: %w", r.Key, err)
	}
	if record.ID != r.Key { // it would be found under one and deleted under the other
		return fmt.Errorf("directory: the record of access key %s is of %q; restore the store from a backup", r.Key, record.ID)
	}
	secret, err := d.opener.Open(record.SealedSecret, []byte(record.ID))
	if err != nil {
		return fmt.Errorf("directory: access key %s does not open under this master key; start with the key file that belongs to this store: %w", record.ID, err)
	}
	s.accessKeys, _, _ = s.accessKeys.Insert([]byte(record.ID), &AccessKey{
		ID: record.ID, Account: record.Account, UserName: record.UserName,
		SecretAccessKey: string(secret), Active: record.Active, Created: record.Created,
	})
	return nil
}

// Package rotation replaces keys while they are in use: the master key, and the
// keys by which accounts sign as issuers. (The ring of session keys is rotated by
// package directory.) Each rotation is a row of steps that any process on the store
// may take, as often as it likes. What a step needs to know is in the store, so
// that the next step follows whoever took the one before and however it ended.
//
// # The master key
//
// A key set holds several keys, and the store says which seals.
//
//  1. Begin puts a further key into the set and announces it.
//  2. Once every node that runs says that it holds the next key, it becomes the
//     primary, in one transaction.
//  3. What lies under earlier keys is sealed anew, in transactions of a bounded
//     number of records.
//  4. Once every node says that it seals by the primary, the keep time is over and
//     a whole reading of the store finds nothing under the earlier keys, they are
//     retired, in a transaction that follows that reading without another between.
//  5. Nodes drop retired keys from their files.
//
// A node that was killed counts as running until Gone.
package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/store"
)

const (
	// Heartbeat is how often a node says that it runs.
	Heartbeat = time.Minute
	// Gone is how long after it was last heard a node counts as running.
	Gone = 5 * time.Minute
	// Keep is how long an earlier master key stays at least after it was replaced.
	// A request that sealed by it a moment before may not have written yet, and the
	// console's cookies, which lie in no store, are good for eight hours.
	Keep = 9 * time.Hour
	// MinKeep is the least that is taken while nodes run.
	MinKeep = 5 * time.Minute
	// resealAtOnce bounds the records of a transaction.
	resealAtOnce = 100
	readAtOnce   = 1000
	attempts     = 20
)

var (
	// ErrOtherKey says that a node's master key is not that of the store.
	ErrOtherKey = errors.New("rotation: this is not the master key of the store")
	// ErrUnderWay says that the rotation before is not over.
	ErrUnderWay = errors.New("rotation: the master key is being rotated already")
	// errMoved says that somebody wrote between a reading and its transaction.
	errMoved = errors.New("rotation: the store moved on")
)

// Master rotates the master key of a store.
type Master struct {
	Store     store.Store
	Directory *directory.Directory
	Key       *masterkey.Key

	resealed uint32 // the primary under which this process has sealed all anew
}

// Ensure says in the store which key seals, where the store does not say, and holds
// the key set against what it says. ErrOtherKey, where they do not fit.
func (m *Master) Ensure(ctx context.Context, now time.Time) error {
	if m.Directory.Snapshot().MasterKey() == nil {
		err := m.Directory.Update(ctx, func(tx store.Tx) error {
			if _, err := tx.Get(store.MasterKeyID()); !errors.Is(err, store.ErrNotFound) {
				return err // nil: another was quicker
			}
			record, err := NewRecord(m.Key, now)
			if err != nil {
				return err
			}
			return store.PutRecord(tx, store.MasterKeyID(), record)
		})
		if err != nil {
			return fmt.Errorf("rotation: %w", err)
		}
	}
	return m.Adopt()
}

// NewRecord is what a store says of a master key that was never rotated.
func NewRecord(key *masterkey.Key, now time.Time) (*store.MasterKey, error) {
	check, err := key.Seal(nil, store.MasterKeyAssociated)
	if err != nil {
		return nil, err
	}
	return &store.MasterKey{Primary: key.Primary(), Since: now.UTC(), Check: check}, nil
}

// Adopt has this process seal by the key that the store says. ErrOtherKey where the
// set lacks it, or a key under which records may still lie.
func (m *Master) Adopt() error {
	record := m.Directory.Snapshot().MasterKey()
	if record == nil {
		return nil
	}
	return Adopt(m.Key, record)
}

// Adopt is Master.Adopt with the record.
func Adopt(key *masterkey.Key, record *store.MasterKey) error {
	source := key.Source()
	needed := []uint32{record.Primary}
	for _, e := range record.Earlier {
		needed = append(needed, e.ID)
	}
	for _, id := range needed {
		if !key.Has(id) {
			return fmt.Errorf("%w: %s lacks the key %s, which the store needs; give this node the key set of the others", ErrOtherKey, source.String(), masterkey.FormatID(id))
		}
	}
	if _, err := key.Open(record.Check, store.MasterKeyAssociated); err != nil {
		return fmt.Errorf("%w: a key of %s has the name of the store's and is another; give this node the key set of the others", ErrOtherKey, source.String())
	}
	return key.SealWith(record.Primary)
}

// Begin announces the next key: one that the set holds beside those that the store
// knows, or else a fresh one, which it writes to the file. It is ErrUnderWay where
// a rotation is not over, with the next or present key's id.
func (m *Master) Begin(ctx context.Context, now time.Time) (id uint32, err error) {
	err = m.Directory.Update(ctx, func(tx store.Tx) error {
		record, err := store.GetRecord[store.MasterKey](tx, store.MasterKeyID())
		if err != nil {
			return err
		}
		if record.Next != 0 || len(record.Earlier) > 0 {
			id = cmp.Or(record.Next, record.Primary)
			return ErrUnderWay
		}
		// A key that was written by a process that was killed before it said so, or
		// was put there by a person.
		for _, held := range m.Key.IDs() {
			if held != record.Primary && !slices.Contains(record.Retired, held) {
				id = held
			}
		}
		if id == 0 {
			if id, err = m.Key.Add(); err != nil {
				return err
			}
		}
		record.Next, record.Announced = id, now.UTC()
		return store.PutRecord(tx, store.MasterKeyID(), record)
	})
	return id, err
}

// Running are the nodes that count as running: they said so less than Gone ago.
func Running(s *directory.Snapshot, now time.Time) []*store.Node {
	var nodes []*store.Node
	for n := range s.Nodes() {
		if now.Sub(n.Heard) < Gone {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// waiting names the nodes of which lacks is true.
func waiting(nodes []*store.Node, lacks func(*store.Node) bool) []string {
	var names []string
	for _, n := range nodes {
		if lacks(n) {
			names = append(names, n.Host+":"+n.Path)
		}
	}
	return names
}

// Phase is how far a rotation of the master key has come.
type Phase string

// The phases.
const (
	Idle       Phase = "idle"       // none is under way
	Announced  Phase = "announced"  // nodes are waited for that lack the next key
	Resealing  Phase = "resealing"  // nodes are waited for that do not seal by it, or records
	Keeping    Phase = "keeping"    // nothing lies under the earlier keys; they stay for a while
	unfinished       = "unfinished" // there is another step to take at once
)

// Progress is what Advance found.
type Progress struct {
	Phase    Phase
	Waiting  []string  // nodes
	Resealed int       // records that were sealed anew
	Until    time.Time // of Keeping: when the earlier keys can be retired
}

// Advance takes the steps that can be taken. keep is how long earlier keys stay.
func (m *Master) Advance(ctx context.Context, now time.Time, keep time.Duration) (Progress, error) {
	var total int
	for range attempts {
		p, err := m.step(ctx, now, keep)
		total += p.Resealed
		p.Resealed = total
		if errors.Is(err, errMoved) || err == nil && p.Phase == unfinished {
			if err := m.Directory.Refresh(ctx); err != nil {
				return p, err
			}
			continue
		}
		return p, err
	}
	return Progress{Phase: Resealing, Resealed: total}, nil // so much is written that the next call goes on
}

func (m *Master) step(ctx context.Context, now time.Time, keep time.Duration) (Progress, error) {
	snapshot := m.Directory.Snapshot()
	record := snapshot.MasterKey()
	if record == nil {
		return Progress{}, errors.New("rotation: the store does not say which master key seals; start a server on it once")
	}
	if err := Adopt(m.Key, record); err != nil {
		return Progress{}, err
	}
	nodes := Running(snapshot, now)
	switch {
	case record.Next != 0:
		names := waiting(nodes, func(n *store.Node) bool { return !slices.Contains(n.Holds, record.Next) })
		if !m.Key.Has(record.Next) {
			names = append(names, "this process")
		}
		if len(names) > 0 {
			return Progress{Phase: Announced, Waiting: names}, nil
		}
		return Progress{Phase: unfinished}, m.promote(ctx, snapshot.Revision(), now)
	case len(record.Earlier) == 0:
		return Progress{Phase: Idle}, m.dropRetired(ctx, record)
	}
	names := waiting(nodes, func(n *store.Node) bool { return n.Seals != record.Primary })
	if len(nodes) > 0 {
		keep = max(keep, MinKeep)
	}
	until := record.Since.Add(keep)
	if now.Before(until) && m.resealed == record.Primary {
		return Progress{Phase: Keeping, Waiting: names, Until: until}, nil
	}
	resealed, at, err := m.reseal(ctx, record.Primary)
	switch {
	case err != nil:
		return Progress{Phase: Resealing, Resealed: resealed}, err
	case len(names) > 0:
		return Progress{Phase: Resealing, Waiting: names, Resealed: resealed}, nil
	case resealed > 0:
		return Progress{Phase: unfinished, Resealed: resealed}, nil
	}
	m.resealed = record.Primary
	if now.Before(until) {
		return Progress{Phase: Keeping, Until: until}, nil
	}
	return Progress{Phase: unfinished}, m.retire(ctx, at)
}

// change is a transaction on the master key's record that follows a revision
// without another between. errMoved, where there was one.
func (m *Master) change(ctx context.Context, after int64, f func(*store.MasterKey) error) error {
	return m.Directory.Update(ctx, func(tx store.Tx) error {
		record, err := store.GetRecord[store.MasterKey](tx, store.MasterKeyID())
		if err != nil {
			return err
		}
		if err := f(&record); err != nil {
			return err
		}
		if err := store.PutRecord(tx, store.MasterKeyID(), record); err != nil {
			return err
		}
		written, err := tx.Get(store.MasterKeyID())
		if err == nil && written.Revision != after+1 {
			return errMoved
		}
		return err
	})
}

// promote makes the next key the primary.
func (m *Master) promote(ctx context.Context, after int64, now time.Time) error {
	before := m.Key.Primary()
	err := m.change(ctx, after, func(r *store.MasterKey) error {
		if r.Next == 0 || !m.Key.Has(r.Next) {
			return errMoved
		}
		if err := m.Key.SealWith(r.Next); err != nil {
			return err
		}
		check, err := m.Key.Seal(nil, store.MasterKeyAssociated)
		if err != nil {
			return err
		}
		r.Earlier = append(r.Earlier, store.EarlierMasterKey{ID: r.Primary, Since: r.Since, Replaced: now.UTC()})
		r.Primary, r.Since, r.Check, r.Next, r.Announced = r.Next, now.UTC(), check, 0, time.Time{}
		return nil
	})
	if err != nil { // the store goes on to say the other; the next step adopts what it says
		_ = m.Key.SealWith(before)
	}
	return err
}

// retire says that nothing lies under the earlier keys, and drops them.
func (m *Master) retire(ctx context.Context, after int64) error {
	return m.change(ctx, after, func(r *store.MasterKey) error {
		for _, e := range r.Earlier {
			r.Retired = append(r.Retired, e.ID)
		}
		r.Retired = r.Retired[max(0, len(r.Retired)-store.MaxRetired):]
		r.Earlier = nil
		return nil
	})
}

// DropRetired drops what the store says is retired from the file of this process.
func (m *Master) DropRetired(ctx context.Context) error {
	record := m.Directory.Snapshot().MasterKey()
	if record == nil {
		return nil
	}
	return m.dropRetired(ctx, record)
}

func (m *Master) dropRetired(ctx context.Context, record *store.MasterKey) error {
	source := m.Key.Source()
	if !source.Writable() || !slices.ContainsFunc(record.Retired, m.Key.Has) {
		return nil
	}
	// The transaction writes nothing; it keeps other processes from the file.
	_, err := m.Store.Update(ctx, func(store.Tx) error { return m.Key.Drop(record.Retired...) })
	return err
}

// reseal seals anew what does not lie under the primary. It returns how many
// records it wrote, and the revision up to which it has read.
func (m *Master) reseal(ctx context.Context, primary uint32) (resealed int, at int64, err error) {
	var ids []store.ID
	flush := func() error {
		n, err := m.resealRecords(ctx, primary, ids)
		resealed, ids = resealed+n, ids[:0]
		return err
	}
	at, err = m.eachSealed(ctx, func(id store.ID, by uint32) error {
		if by == primary || len(ids) > 0 && ids[len(ids)-1] == id {
			return nil
		}
		ids = append(ids, id)
		if len(ids) < resealAtOnce {
			return nil
		}
		return flush()
	})
	if err == nil && len(ids) > 0 {
		err = flush()
	}
	if err == nil && resealed > 0 {
		err = m.Directory.Refresh(ctx)
	}
	return resealed, at, err
}

// eachSealed reads the whole store and calls f for each sealed value.
func (m *Master) eachSealed(ctx context.Context, f func(id store.ID, by uint32) error) (at int64, err error) {
	for {
		records, err := m.Store.Changes(ctx, at, readAtOnce)
		if err != nil || len(records) == 0 {
			return at, err
		}
		for i := range records {
			if records[i].Deleted {
				continue
			}
			_, _, err := store.Reseal(records[i].ID, records[i].Document, func(sealed, _ []byte) ([]byte, error) {
				by, ok := masterkey.SealedBy(sealed)
				if !ok {
					return nil, fmt.Errorf("rotation: what is sealed in %v, no master key has sealed", records[i].ID)
				}
				return nil, f(records[i].ID, by)
			})
			if err != nil {
				return at, err
			}
		}
		at = records[len(records)-1].Revision
	}
}

// resealRecords is one transaction.
func (m *Master) resealRecords(ctx context.Context, primary uint32, ids []store.ID) (n int, err error) {
	_, err = m.Store.Update(ctx, func(tx store.Tx) error {
		record, err := store.GetRecord[store.MasterKey](tx, store.MasterKeyID())
		if err != nil {
			return err
		}
		if record.Primary != primary || m.Key.Primary() != primary {
			return errMoved
		}
		for _, id := range ids {
			changed, err := m.resealRecord(tx, id, primary)
			if err != nil {
				return err
			}
			if changed {
				n++
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (m *Master) resealRecord(tx store.Tx, id store.ID, primary uint32) (bool, error) {
	r, err := tx.Get(id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	document, changed, err := store.Reseal(id, r.Document, func(sealed, associated []byte) ([]byte, error) {
		if by, _ := masterkey.SealedBy(sealed); by == primary {
			return nil, nil
		}
		plain, err := m.Key.Open(sealed, associated)
		if err != nil {
			return nil, fmt.Errorf("rotation: what is sealed in %v: %w", id, err)
		}
		return m.Key.Seal(plain, associated)
	})
	if err != nil || !changed {
		return false, err
	}
	return true, tx.Put(id, document)
}

// Sealed counts the sealed values by the key that sealed them.
func (m *Master) Sealed(ctx context.Context) (map[uint32]int, error) {
	counts := map[uint32]int{}
	_, err := m.eachSealed(ctx, func(_ store.ID, by uint32) error { counts[by]++; return nil })
	return counts, err
}

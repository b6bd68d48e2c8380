// Package lastuse remembers when roles and access keys were last used.
//
// A use is noted in memory, so that a request does no store I/O for it. Now and
// then what is remembered is written to the store, where it is newer than what
// the store has by more than some time: other nodes, and this one after it was
// started again, see a use that much later. A node itself answers with what it
// remembers.
//
// What is remembered is lost with the process: when it is killed, the uses since
// they were written last are forgotten. AWS promises no more than hours either
// (IAM User Guide, "Refining permissions in AWS using last accessed
// information": recent activity usually appears within four hours).
package lastuse

import (
	"context"
	"errors"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
)

// atOnce bounds how many records one transaction writes: other writers wait for
// as long as it takes.
const atOnce = 256

// shards is in how many parts the memory is, each with a lock of its own.
const shards = 32

// Tracker remembers uses. It is safe for concurrent use.
type Tracker struct {
	directory *directory.Directory
	seed      maphash.Seed
	shards    [shards]shard
	flushing  sync.Mutex // one flush at a time
}

// shard is a part of the memory. mu guards uses.
type shard struct {
	mu   sync.Mutex
	uses map[key]use
}

// key names a role or an access key by its unique id.
type key struct{ account, id string }

// use is the newest use.
type use struct {
	at              int64 // seconds since 1970
	region, service string
}

// New makes a tracker that writes to the directory's store.
func New(dir *directory.Directory) *Tracker {
	t := &Tracker{directory: dir, seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].uses = map[key]use{}
	}
	return t
}

func (t *Tracker) shardOf(id string) *shard {
	return &t.shards[maphash.String(t.seed, id)%shards]
}

// Note remembers that the role or access key of that unique id (AROA…, AKIA…)
// signed a request to a service. The region is that of the signature, "" where it
// names none; it is not kept longer than the next use. A use that is older than
// the one remembered changes nothing.
func (t *Tracker) Note(account, id, region, service string, at time.Time) {
	s, seconds := t.shardOf(id), at.Unix()
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{account, id}
	before, known := s.uses[k]
	if known && before.at >= seconds {
		return
	}
	// The texts may be parts of a request, which must not stay with them.
	if !known {
		k = key{strings.Clone(account), strings.Clone(id)}
	}
	if before.region != region {
		before.region = strings.Clone(region)
	}
	if before.service != service {
		before.service = strings.Clone(service)
	}
	before.at = seconds
	s.uses[k] = before
}

// LastUse tells when the role or access key of that unique id was last used: what
// is remembered, or what the snapshot has where that is newer.
func (t *Tracker) LastUse(snapshot *directory.Snapshot, account, id string) (store.LastUse, bool) {
	stored, ok := snapshot.LastUse(account, id)
	s := t.shardOf(id)
	s.mu.Lock()
	remembered, known := s.uses[key{account, id}]
	s.mu.Unlock()
	switch {
	case known && (!ok || remembered.at > stored.At.Unix()):
		return remembered.record(key{account, id}), true
	case ok:
		return *stored, true
	}
	return store.LastUse{}, false
}

// record is the use of a key as the store keeps it. Of a role the service is not
// kept: AWS does not tell it.
func (u use) record(k key) store.LastUse {
	r := store.LastUse{Account: k.account, ID: k.id, At: time.Unix(u.at, 0).UTC(), Region: u.region}
	if !isRole(k.id) {
		r.Service = u.service
	}
	return r
}

func isRole(id string) bool { return strings.HasPrefix(id, "AROA") }

// Flush writes to the store what is remembered and newer by age, or more, than
// what the store has; 0 writes all that is newer. It writes in transactions of
// 256 records at most, and stops at the first that fails: what was not written
// stays remembered.
//
// A role or access key that is not there any more gets no record, and a record
// never goes back in time, whatever other nodes write.
func (t *Tracker) Flush(ctx context.Context, age time.Duration) error {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	for {
		due := t.due(age)
		if len(due) == 0 {
			return nil
		}
		done, err := t.write(ctx, due, age)
		if err != nil {
			return err
		}
		t.forget(done)
		if len(due) < atOnce {
			return nil
		}
	}
}

// pending is a use that is to be written.
type pending struct {
	key
	use
	owner store.ID // the record of the role or access key, which must be there
}

// due gives up to atOnce uses that are to be written. It forgets what the
// snapshot has, and what is of roles and keys that are gone.
func (t *Tracker) due(age time.Duration) []pending {
	snapshot := t.directory.Snapshot()
	var due []pending
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for k, u := range s.uses {
			if len(due) == atOnce {
				break
			}
			stored, ok := snapshot.LastUse(k.account, k.id)
			if ok && stored.At.Unix() >= u.at {
				delete(s.uses, k)
				continue
			}
			owner, there := ownerOf(snapshot, k)
			switch {
			case !there:
				delete(s.uses, k)
			case !ok || isDue(stored, u, age):
				due = append(due, pending{k, u, owner})
			}
		}
		s.mu.Unlock()
	}
	return due
}

func isDue(stored *store.LastUse, u use, age time.Duration) bool {
	apart := time.Unix(u.at, 0).Sub(stored.At)
	return apart > 0 && apart >= age
}

// ownerOf gives the record of the role or access key of a unique id. It was there
// in the snapshot of the request that used it, and ids do not come back: what is
// not there any more is gone.
func ownerOf(snapshot *directory.Snapshot, k key) (store.ID, bool) {
	if isRole(k.id) {
		role, ok := snapshot.RoleByID(k.id)
		if !ok || role.Account != k.account {
			return store.ID{}, false
		}
		return store.RoleID(role.Account, role.Name), true
	}
	accessKey, ok := snapshot.AccessKey(k.id)
	if !ok || accessKey.Account != k.account {
		return store.ID{}, false
	}
	return store.AccessKeyID(k.account, k.id), true
}

// write writes uses in one transaction. It returns those that need not be
// remembered, once it is committed.
func (t *Tracker) write(ctx context.Context, due []pending, age time.Duration) (done []pending, err error) {
	err = t.directory.Update(ctx, func(tx store.Tx) error {
		done = done[:0]
		for i := range due {
			kept, err := put(tx, &due[i], age)
			if err != nil {
				return err
			}
			if !kept {
				done = append(done, due[i])
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

// put writes one use, if it is still to be written: since the snapshot another
// node can have written a newer one, or deleted the owner. It reports whether the
// use is to be remembered on: until the snapshot has it.
func put(tx store.Tx, p *pending, age time.Duration) (kept bool, err error) {
	there, err := isThere(tx, p)
	if err != nil || !there {
		return false, err
	}
	id := store.LastUseID(p.account, p.id)
	stored, err := tx.Get(id)
	if errors.Is(err, store.ErrNotFound) {
		return true, store.PutRecord(tx, id, p.record(p.key))
	}
	if err != nil {
		return false, err
	}
	var other store.LastUse
	if err := store.Decode(stored.Document, &other); err != nil {
		return false, nil //nolint:nilerr // a newer version's, which is not overwritten; the directory tells of it
	}
	if !isDue(&other, p.use, age) {
		return true, nil
	}
	return true, store.PutRecord(tx, id, p.record(p.key))
}

// isThere reports whether the role or access key is there. One that was made
// again under a role's name is another.
func isThere(tx store.Tx, p *pending) (bool, error) {
	record, err := tx.Get(p.owner)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil || !isRole(p.id) {
		return err == nil, err
	}
	var role store.Role
	if err := store.Decode(record.Document, &role); err != nil {
		return false, nil //nolint:nilerr // a role that cannot be read admits nobody; the directory tells of it
	}
	return role.ID == p.id, nil
}

// forget drops uses, but for those that have become newer.
func (t *Tracker) forget(done []pending) {
	for i := range done {
		s := t.shardOf(done[i].id)
		s.mu.Lock()
		if s.uses[done[i].key] == done[i].use {
			delete(s.uses, done[i].key)
		}
		s.mu.Unlock()
	}
}

package lastuse_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/lastuse"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account   = "123456789012"
	accessKey = "AKIAWNIGRKBEAAAAAAAA"
)

var began = time.Date(2026, time.November, 26, 8, 0, 0, 0, time.UTC)

// at is a time some seconds after began.
func at(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }

// roleID is the unique id of the nth role.
func roleID(n int) string { return fmt.Sprintf("AROA%017d", n) }

// place is a store with roles and an access key.
type place struct {
	t    testing.TB
	path string
	key  *masterkey.Key
	node *node // that wrote them
}

// node is one process on the store.
type node struct {
	store     store.Store
	directory *directory.Directory
	*lastuse.Tracker
}

func newPlace(t testing.TB, roles int) *place {
	t.Helper()
	dir := t.TempDir()
	key, err := masterkey.Create(filepath.Join(dir, "master.key"))
	must(t, err)
	p := &place{t: t, path: filepath.Join(dir, "daypass.db"), key: key}
	p.node = p.open()
	sealed, err := key.Seal([]byte("secret"), []byte(accessKey))
	must(t, err)
	must(t, p.node.directory.Update(t.Context(), func(tx store.Tx) error {
		err := store.PutRecord(tx, store.AccessKeyID(account, accessKey), store.AccessKey{Account: account, ID: accessKey, UserName: "ann", SealedSecret: sealed})
		for n := range roles {
			err = errors.Join(err, putRole(tx, n, roleID(n)))
		}
		return err
	}))
	return p
}

func putRole(tx store.Tx, n int, id string) error {
	name := fmt.Sprintf("Role%d", n)
	return store.PutRecord(tx, store.RoleID(account, name), store.Role{Account: account, Name: name, Path: "/", ID: id, TrustPolicy: "{}"})
}

// open is another process on the store.
func (p *place) open() *node {
	p.t.Helper()
	st, err := sqlstore.OpenSQLite(p.t.Context(), p.path)
	must(p.t, err)
	p.t.Cleanup(func() { must(p.t, st.Close()) })
	dir, err := directory.Open(p.t.Context(), st, p.key)
	must(p.t, err)
	return &node{st, dir, lastuse.New(dir)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantUse asks what a node answers.
func (n *node) wantUse(t *testing.T, id string, want store.LastUse) {
	t.Helper()
	got, ok := n.LastUse(n.directory.Snapshot(), account, id)
	if !ok || got != want {
		t.Errorf("the last use of %s is %+v, %v; want %+v", id, got, ok, want)
	}
}

func (n *node) wantNone(t *testing.T, id string) {
	t.Helper()
	if got, ok := n.LastUse(n.directory.Snapshot(), account, id); ok {
		t.Errorf("the last use of %s is %+v, want none", id, got)
	}
}

// wantStored asks what the store has; a time of zero is nothing.
func (p *place) wantStored(id string, want time.Time) {
	p.t.Helper()
	record, err := p.node.store.Get(p.t.Context(), store.LastUseID(account, id))
	if want.IsZero() {
		if !errors.Is(err, store.ErrNotFound) {
			p.t.Errorf("the store has %s of %s, %v; want nothing", record.Document, id, err)
		}
		return
	}
	must(p.t, err)
	var got store.LastUse
	must(p.t, store.Decode(record.Document, &got))
	if !got.At.Equal(want) {
		p.t.Errorf("the store has %v of %s, want %v", got.At, id, want)
	}
}

func (p *place) revision() int64 {
	p.t.Helper()
	n, err := p.node.store.Revision(p.t.Context())
	must(p.t, err)
	return n
}

// What was noted is answered at once, the newest use; the store learns of it when
// it is written, in whole seconds, and of a role without its service.
func TestNote(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 2)
	n := p.node
	n.wantNone(t, roleID(0))
	n.Note(account, roleID(0), "eu-west-1", "sts", at(5).Add(700*time.Millisecond))
	n.Note(account, roleID(0), "eu-west-2", "iam", at(3)) // was longer under way
	n.Note(account, accessKey, "us-east-1", "sts", at(1).In(time.FixedZone("", 3600)))
	n.Note(account, accessKey, "us-east-2", "iam", at(2))
	role := store.LastUse{Account: account, ID: roleID(0), At: at(5), Region: "eu-west-1"}
	key := store.LastUse{Account: account, ID: accessKey, At: at(2), Region: "us-east-2", Service: "iam"}
	n.wantUse(t, roleID(0), role)
	n.wantUse(t, accessKey, key)
	n.wantNone(t, roleID(1))
	if got, ok := n.LastUse(n.directory.Snapshot(), "210987654321", roleID(0)); ok {
		t.Errorf("another account has %+v", got)
	}
	p.wantStored(roleID(0), time.Time{})

	must(t, n.Flush(t.Context(), time.Hour)) // never written: due at any age
	other := p.open()
	for _, n := range []*node{n, other} {
		n.wantUse(t, roleID(0), role)
		n.wantUse(t, accessKey, key)
	}
	before := p.revision()
	must(t, n.Flush(t.Context(), 0))
	if p.revision() != before {
		t.Error("what the store has was written again")
	}
}

// The store is written where it is behind by the age, and at the end (age 0)
// where it is behind at all.
func TestFlushByAge(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 1)
	n, id := p.node, roleID(0)
	for _, step := range []struct {
		noted  int
		age    time.Duration
		stored int
	}{
		{10, time.Minute, 10},
		{69, time.Minute, 10},
		{70, time.Minute, 70},
		{129, time.Minute, 70},
		{129, 0, 129},
	} {
		n.Note(account, id, "eu-west-1", "sts", at(step.noted))
		must(t, n.Flush(t.Context(), step.age))
		p.wantStored(id, at(step.stored))
		n.wantUse(t, id, store.LastUse{Account: account, ID: id, At: at(step.noted), Region: "eu-west-1"})
	}
}

// A role or key that was deleted leaves no record: neither if this node knows,
// nor if it does not yet, nor if the role was made again.
func TestDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 4)
	n, other := p.node, p.open()
	for i := range 4 {
		n.Note(account, roleID(i), "eu-west-1", "sts", at(1))
	}
	n.Note(account, accessKey, "eu-west-1", "sts", at(1))
	must(t, n.directory.Update(t.Context(), func(tx store.Tx) error { return tx.Delete(store.RoleID(account, "role0")) }))
	must(t, other.directory.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.Delete(store.RoleID(account, "role1")), tx.Delete(store.AccessKeyID(account, accessKey)), putRole(tx, 2, roleID(99)))
	}))
	must(t, n.Flush(t.Context(), 0))
	for _, id := range []string{roleID(0), roleID(1), roleID(2), roleID(99), accessKey} {
		p.wantStored(id, time.Time{})
		n.wantNone(t, id)
	}
	p.wantStored(roleID(3), at(1))
}

// Of two nodes on one store, whichever writes last, no time goes backwards, and
// what one wrote the other need not write again.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 2)
	early, late := p.node, p.open()
	early.Note(account, roleID(0), "eu-west-1", "sts", at(100))
	late.Note(account, roleID(0), "eu-west-2", "sts", at(160))
	early.Note(account, roleID(1), "eu-west-1", "sts", at(130))
	late.Note(account, roleID(1), "eu-west-1", "sts", at(100))
	must(t, late.Flush(t.Context(), time.Minute))
	before := p.revision()
	must(t, early.Flush(t.Context(), time.Minute)) // role 1 is 30 seconds newer here
	if p.revision() != before {
		t.Error("the second node wrote what the first had written")
	}
	p.wantStored(roleID(0), at(160))
	p.wantStored(roleID(1), at(100))
	early.wantUse(t, roleID(0), store.LastUse{Account: account, ID: roleID(0), At: at(160), Region: "eu-west-2"})
	must(t, early.Flush(t.Context(), 0))
	p.wantStored(roleID(0), at(160))
	p.wantStored(roleID(1), at(130))
}

// Many uses are written in transactions of 256 records.
func TestBatches(t *testing.T) {
	t.Parallel()
	const roles = 700
	p := newPlace(t, roles)
	for i := range roles {
		p.node.Note(account, roleID(i), "eu-west-1", "sts", at(i))
	}
	before := p.revision()
	must(t, p.node.Flush(t.Context(), time.Minute))
	if n := p.revision() - before; n != 3 {
		t.Errorf("%d transactions, want 3", n)
	}
	for i := range roles {
		p.wantStored(roleID(i), at(i))
	}
}

// failing is a store whose writes fail while it is told so.
type failing struct {
	store.Store
	fails atomic.Bool
}

var errFull = errors.New("disk full")

func (f *failing) Update(ctx context.Context, change func(store.Tx) error) (int64, error) {
	return f.Store.Update(ctx, func(tx store.Tx) error {
		if err := change(tx); err != nil || !f.fails.Load() {
			return err
		}
		return errFull
	})
}

// What could not be written is remembered, and written the next time.
func TestFlushFails(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 1)
	st := &failing{Store: p.node.store}
	dir, err := directory.Open(t.Context(), st, p.key)
	must(t, err)
	n, id := &node{st, dir, lastuse.New(dir)}, roleID(0)
	n.Note(account, id, "eu-west-1", "sts", at(1))
	st.fails.Store(true)
	if err := n.Flush(t.Context(), 0); !errors.Is(err, errFull) {
		t.Errorf("Flush: %v", err)
	}
	n.wantUse(t, id, store.LastUse{Account: account, ID: id, At: at(1), Region: "eu-west-1"})
	p.wantStored(id, time.Time{})
	st.fails.Store(false)
	must(t, n.Flush(t.Context(), 0))
	p.wantStored(id, at(1))
}

// A record that this version cannot read is left as it is.
func TestUnreadableRecord(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 1)
	n, id := p.node, store.LastUseID(account, roleID(0))
	const document = `{"account":"123456789012","colour":"blue"}`
	must(t, n.directory.Update(t.Context(), func(tx store.Tx) error { return tx.Put(id, []byte(document)) }))
	n.Note(account, roleID(0), "eu-west-1", "sts", at(1))
	must(t, n.Flush(t.Context(), 0))
	if record, err := n.store.Get(t.Context(), id); err != nil || string(record.Document) != document {
		t.Errorf("the record is %s, %v", record.Document, err)
	}
}

// Requests, questions and writing go on at once, on two nodes; what each node
// answers never goes backwards, and the store ends at the newest.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	const roles, seconds = 8, 400
	p := newPlace(t, roles)
	nodes := []*node{p.node, p.open()}
	var requests, writers sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for _, n := range nodes {
		for range 2 {
			requests.Go(func() {
				for s := range seconds {
					id := roleID(s % roles)
					n.Note(account, id, "eu-west-1", "sts", at(s))
					if use, ok := n.LastUse(n.directory.Snapshot(), account, id); !ok || use.At.Before(at(s)) {
						t.Errorf("after a use at %v the last is %v, %v", at(s), use.At, ok)
					}
				}
			})
		}
		writers.Go(func() {
			for ctx.Err() == nil {
				if err := n.Flush(context.WithoutCancel(ctx), 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	requests.Wait()
	stop()
	writers.Wait()
	for _, n := range slices.Backward(nodes) {
		must(t, n.Flush(t.Context(), 0))
	}
	for i := range roles {
		p.wantStored(roleID(i), at(seconds-roles+i))
	}
}

// A use of what was used before costs no memory.
func TestNoteTakesNoMemory(t *testing.T) {
	p := newPlace(t, 1)
	id, seconds := roleID(0), 0
	if n := testing.AllocsPerRun(1000, func() {
		seconds++
		p.node.Note(account, id, "eu-west-1", "sts", at(seconds))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkNote is what a request pays: by one role that all use, and by many.
func BenchmarkNote(b *testing.B) {
	for _, roles := range []int{1, 1000} {
		b.Run(fmt.Sprintf("roles=%d", roles), func(b *testing.B) {
			p := newPlace(b, 1)
			ids := make([]string, roles)
			for i := range ids {
				ids[i] = roleID(i)
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					p.node.Note(account, ids[i%roles], "eu-west-1", "sts", at(i>>10))
				}
			})
		})
	}
}

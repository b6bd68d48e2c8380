package directory_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/storetest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// records hands on each log record's level and text.
type records chan string

func (r records) Enabled(context.Context, slog.Level) bool { return true }
func (r records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r records) WithGroup(string) slog.Handler            { return r }
func (r records) Handle(_ context.Context, record slog.Record) error {
	r <- record.Level.String() + " " + record.Message
	return nil
}

// Follow sees what others write, says once that it cannot, and goes on.
func TestFollow(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	var failing atomic.Bool
	asked := make(chan struct{})
	st := &storetest.Faulty{Store: f.open(t), Fault: func(p storetest.Point) error {
		if p != storetest.Reading {
			return nil
		}
		select {
		case asked <- struct{}{}:
		default:
		}
		if failing.Load() {
			return errors.New("unreachable")
		}
		return nil
	}}
	d := f.directory(t, st)
	ctx, stop := context.WithCancel(t.Context())
	said, done := make(records, 16), make(chan struct{})
	go func() {
		defer close(done)
		d.Follow(ctx, time.Microsecond, slog.New(said))
	}()
	there := f.directory(t, f.open(t))
	update(t, there, putRole(role("deploy")))
	// The second question after the write is asked when the first was answered.
	for range 3 {
		<-asked
	}
	if _, ok := d.Snapshot().Role(account, "deploy"); !ok {
		t.Error("the other's write is not seen")
	}
	failing.Store(true)
	for range 10 {
		<-asked
	}
	failing.Store(false)
	for _, want := range []string{
		"ERROR the store cannot be followed; soon nothing is decided any more on the last state seen",
		"INFO the store is followed again",
	} {
		if got := <-said; got != want {
			t.Errorf("log says %q, want %q", got, want)
		}
	}
	stop()
	<-done
	if len(said) != 0 {
		t.Errorf("log says more: %q", <-said)
	}
}

// A store with more records than one read brings is read to its end.
func TestManyRecords(t *testing.T) {
	t.Parallel()
	d, f := newDirectory(t)
	const many = 2500
	for from := 0; from < many; from += 500 {
		update(t, d, func(tx store.Tx) error {
			for i := from; i < from+500; i++ {
				if err := putRole(role(fmt.Sprintf("role-%05d", i)))(tx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	s := f.directory(t, f.open(t)).Snapshot()
	list := names(s)
	if len(list) != many || !slices.IsSorted(list) || s.Revision() != 5 {
		t.Errorf("%d roles, sorted %v, revision %d", len(list), slices.IsSorted(list), s.Revision())
	}
	var after []string
	for r := range s.RolesAfter(account, "Role-02497") {
		after = append(after, r.Name)
	}
	if diff := cmp.Diff([]string{"role-02498", "role-02499"}, after); diff != "" {
		t.Errorf("roles after role-02497 (-want +got):\n%s", diff)
	}
}

// Names that begin alike are told apart, and so are accounts.
func TestListing(t *testing.T) {
	t.Parallel()
	d, _ := newDirectory(t)
	other := role("b")
	other.Account = "123456789013"
	update(t, d, func(tx store.Tx) error {
		return errors.Join(putRole(role("a"))(tx), putRole(role("ab"))(tx), putRole(role("A-b"))(tx), putRole(role("c"))(tx), putRole(other)(tx))
	})
	s := d.Snapshot()
	after := func(name string) []string {
		var list []string
		for r := range s.RolesAfter(account, name) {
			list = append(list, r.Name)
		}
		return list
	}
	for name, want := range map[string][]string{
		"": {"a", "A-b", "ab", "c"}, "a": {"A-b", "ab", "c"}, "AB": {"c"}, "b": {"c"}, "c": nil, "d": nil,
	} {
		if diff := cmp.Diff(want, after(name)); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", name, diff)
		}
	}
	for r := range s.RolesAfter(account, "") {
		if r.Name != "a" {
			t.Errorf("the first role is %s", r.Name)
		}
		break
	}
}

// BenchmarkUpdateRole is a write of one role, by the size of its account: what
// a change costs must not grow with it.
func BenchmarkUpdateRole(b *testing.B) {
	for _, size := range []int{100, 20_000} {
		b.Run(fmt.Sprintf("roles=%d", size), func(b *testing.B) {
			d, _ := newDirectory(b)
			fill(b, d, size)
			r := role("role-00050")
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				n++
				r.MaxSessionDuration = 3600 + n%1000
				update(b, d, putRole(r))
			}
			if got, ok := d.Snapshot().Role(account, r.Name); !ok || got.MaxSessionDuration != r.MaxSessionDuration {
				b.Errorf("role is %+v", got)
			}
		})
	}
}

func fill(b *testing.B, d *directory.Directory, size int) {
	b.Helper()
	update(b, d, func(tx store.Tx) error {
		for i := range size {
			if err := putRole(role(fmt.Sprintf("role-%05d", i)))(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

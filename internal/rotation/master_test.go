package rotation_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/outbound"
	"github.com/daypass/daypass/internal/rotation"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

var start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

const account = "123456789012"

// installation is a store with sealed values of each kind, and nodes with copies of
// its master key.
type installation struct {
	t    *testing.T
	dir  string
	st   store.Store
	keys int // access keys
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func install(t *testing.T, keys int) *installation {
	t.Helper()
	i := &installation{t: t, dir: t.TempDir(), keys: keys}
	st, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(i.dir, "daypass.db"))
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	i.st = st
	key, err := masterkey.Create(i.file("one"))
	must(t, err)
	seal := func(plain, associated []byte) []byte {
		sealed, err := key.Seal(plain, associated)
		must(t, err)
		return sealed
	}
	ring, err := session.NewKeys(start)
	must(t, err)
	signing, err := outbound.NewKeys(rand.Reader)
	must(t, err)
	issuer := &store.Outbound{Account: account, IssuerID: "issuer", Enabled: true, Created: start}
	for _, k := range signing {
		stored := store.SigningKey{ID: k.ID, Algorithm: k.Algorithm, Created: start}
		stored.Sealed = seal(k.PKCS8, issuer.Associated(&stored))
		issuer.Keys = append(issuer.Keys, stored)
	}
	_, err = st.Update(t.Context(), func(tx store.Tx) error {
		for n := range keys {
			id := fmt.Sprintf("AKIAEXAMPLE%09d", n)
			must(t, store.PutRecord(tx, store.AccessKeyID(account, id), store.AccessKey{Account: account, ID: id, UserName: "u", SealedSecret: seal([]byte("secret "+id), []byte(id)), Active: true, Created: start}))
		}
		must(t, store.PutRecord(tx, store.SecretValueID(account, "secret", "version"), store.SecretValue{Sealed: seal([]byte("svalue"), store.SecretAssociated(account, "secret", "version"))}))
		must(t, store.PutRecord(tx, store.OutboundID(account), issuer))
		const host = "daypass.example.com"
		must(t, store.PutRecord(tx, store.ACMEValueID(host), store.ACMEValue{Sealed: seal([]byte("certificate"), (*store.ACMEValue)(nil).Associated(host))}))
		return store.PutRecord(tx, store.SessionKeysID(), store.SessionKeys{Sealed: seal(ring, []byte(store.KindSessionKeys))})
	})
	must(t, err)
	return i
}

func (i *installation) file(node string) string { return filepath.Join(i.dir, node+".key") }

// node is one that runs, with its own copy of the key file.
func (i *installation) node(name string) *rotation.Master {
	i.t.Helper()
	key, err := masterkey.Load(i.file(name))
	must(i.t, err)
	dir, err := directory.Open(i.t.Context(), i.st, key)
	must(i.t, err)
	m := &rotation.Master{Store: i.st, Directory: dir, Key: key}
	must(i.t, m.Ensure(i.t.Context(), start))
	return m
}

// say is what a node's server does once a second.
func (i *installation) say(m *rotation.Master, name string, now time.Time) {
	i.t.Helper()
	must(i.t, m.Directory.Refresh(i.t.Context()))
	_, err := m.Key.Reload()
	must(i.t, err)
	must(i.t, m.Adopt())
	must(i.t, m.DropRetired(i.t.Context()))
	must(i.t, m.Directory.Update(i.t.Context(), func(tx store.Tx) error {
		return store.PutRecord(tx, store.NodeID(name, "d"), store.Node{Host: name, Path: "d", Heard: now, Holds: m.Key.IDs(), Seals: m.Key.Primary()})
	}))
}

// opens asks that everything opens, by a key file of that name.
func (i *installation) opens(name string) {
	i.t.Helper()
	m := i.node(name)
	s := m.Directory.Snapshot()
	for n := range i.keys {
		id := fmt.Sprintf("AKIAEXAMPLE%09d", n)
		if key, ok := s.AccessKey(id); !ok || key.SecretAccessKey != "secret "+id {
			i.t.Fatalf("access key %s: %v", id, ok)
		}
	}
	if o, ok := s.Outbound(account); !ok || len(o.Keys.Document()) == 0 || len(s.Problems()) > 0 {
		i.t.Fatalf("the issuer is %v, problems %v", o, s.Problems())
	}
	r, err := i.st.Get(i.t.Context(), store.SecretValueID(account, "secret", "version"))
	must(i.t, err)
	var value store.SecretValue
	must(i.t, store.Decode(r.Document, &value))
	if plain, err := m.Key.Open(value.Sealed, store.SecretAssociated(account, "secret", "version")); err != nil || string(plain) != "svalue" {
		i.t.Fatalf("the secret is %q, %v", plain, err)
	}
}

func advance(t *testing.T, m *rotation.Master, now time.Time, want rotation.Phase) rotation.Progress {
	t.Helper()
	must(t, m.Directory.Refresh(t.Context()))
	p, err := m.Advance(t.Context(), now, rotation.Keep)
	if err != nil || p.Phase != want {
		t.Fatalf("at %v: %+v, %v; want %s", now, p, err, want)
	}
	return p
}

// TestMasterOfTwoNodes: the new key seals only once both nodes have it, all is
// sealed anew, and the old key goes when it is over.
func TestMasterOfTwoNodes(t *testing.T) {
	t.Parallel()
	i := install(t, 250) // three transactions
	text, err := os.ReadFile(i.file("one"))
	must(t, err)
	must(t, os.WriteFile(i.file("two"), text, 0o600))
	one, two := i.node("one"), i.node("two")
	i.say(one, "one", start)
	i.say(two, "two", start)
	old := one.Key.Primary()
	next, err := one.Begin(t.Context(), start)
	must(t, err)
	if again, err := one.Begin(t.Context(), start); !errors.Is(err, rotation.ErrUnderWay) || again != next {
		t.Errorf("a second rotation: %x, %v", again, err)
	}
	i.say(one, "one", start)
	if p := advance(t, one, start, rotation.Announced); !slices.Equal(p.Waiting, []string{"two:d"}) {
		t.Errorf("waits for %v", p.Waiting)
	}
	if one.Key.Primary() != old {
		t.Error("a key seals that the other node does not have")
	}
	// The file is brought to the other node, where keys go on working meanwhile.
	i.opens("two")
	text, err = os.ReadFile(i.file("one"))
	must(t, err)
	must(t, os.WriteFile(i.file("two"), text, 0o600))
	i.say(two, "two", start)
	p := advance(t, one, start, rotation.Resealing)
	if !slices.Contains(p.Waiting, "two:d") || p.Resealed != 250+4 {
		t.Errorf("waits for %v, %d sealed anew", p.Waiting, p.Resealed)
	}
	i.opens("one")
	i.opens("two")
	// What the other node still seals under the old key is found.
	late := []byte("late")
	sealed, err := two.Key.Seal(late, store.SecretAssociated(account, "secret", "late"))
	must(t, err)
	i.say(one, "one", start)
	i.say(two, "two", start)
	must(t, two.Directory.Update(t.Context(), func(tx store.Tx) error {
		return store.PutRecord(tx, store.SecretValueID(account, "secret", "late"), store.SecretValue{Sealed: sealed})
	}))
	if by, _ := masterkey.SealedBy(sealed); by != old {
		t.Fatalf("the late value is sealed by %x", by)
	}
	if p := advance(t, one, start, rotation.Keeping); p.Resealed != 1 || !p.Until.Equal(start.Add(rotation.Keep)) {
		t.Errorf("%+v", p)
	}
	end := start.Add(rotation.Keep)
	i.say(one, "one", end)
	i.say(two, "two", end)
	advance(t, one, end, rotation.Idle)
	i.say(two, "two", end)
	for name, m := range map[string]*rotation.Master{"one": one, "two": two} {
		if ids := m.Key.IDs(); !slices.Equal(ids, []uint32{next}) {
			t.Errorf("%s holds %x, want %x alone", name, ids, next)
		}
		i.opens(name)
	}
	status, err := one.Read(t.Context(), end)
	must(t, err)
	if m := status.Master; m.Phase != rotation.Idle || len(m.Keys) != 1 || *m.Keys[0].Sealed != 250+1+1+2+1+1 || len(status.Overdue) > 0 {
		t.Errorf("status is %+v", status)
	}
}

// dying is a store whose process is killed before or after a transaction.
type dying struct {
	store.Store
	left  int // transactions
	after bool
}

var errKilled = errors.New("killed")

func (d *dying) Update(ctx context.Context, f func(store.Tx) error) (int64, error) {
	if d.left--; d.left > 0 {
		return d.Store.Update(ctx, f)
	}
	if !d.after {
		// Whatever f does beside the store, it has done.
		_, _ = d.Store.Update(ctx, func(tx store.Tx) error { return errors.Join(f(tx), errKilled) })
		return 0, errKilled
	}
	if _, err := d.Store.Update(ctx, f); err != nil {
		return 0, err
	}
	return 0, errKilled
}

// TestMasterKilledAnywhere: whichever transaction a rotation is killed in, before or
// after it is committed, everything opens and the next process goes on to the end.
func TestMasterKilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		i := install(t, 150)
		old := i.node("one").Key.Primary()
		for n := 1; ; n++ {
			if n > 20 {
				t.Fatal("the rotation does not end")
			}
			m := i.node("one")
			killer := &dying{Store: i.st, left: n, after: after}
			dir, err := directory.Open(t.Context(), killer, m.Key)
			must(t, err)
			killed := &rotation.Master{Store: killer, Directory: dir, Key: m.Key}
			_, err = killed.Begin(t.Context(), start)
			if err == nil || errors.Is(err, rotation.ErrUnderWay) {
				_, err = killed.Advance(t.Context(), start, 0)
			}
			i.opens("one")
			if err == nil {
				break
			}
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			// The next goes on to the end.
			next := i.node("one")
			if p, err := next.Advance(t.Context(), start, 0); err != nil || p.Phase != rotation.Idle {
				t.Fatalf("killed at transaction %d: %+v, %v", n, p, err)
			}
			i.opens("one")
		}
		m := i.node("one")
		sealed, err := m.Sealed(t.Context())
		if err != nil || len(sealed) != 1 || sealed[old] > 0 || len(m.Key.IDs()) != 1 {
			t.Errorf("sealed %v, held %v, %v", sealed, m.Key.IDs(), err)
		}
	}
}

// TestOtherKey: a node with another master key is told so.
func TestOtherKey(t *testing.T) {
	t.Parallel()
	i := install(t, 1)
	m := i.node("one")
	other, err := masterkey.Create(i.file("other"))
	must(t, err)
	m.Key = other
	if err := m.Adopt(); !errors.Is(err, rotation.ErrOtherKey) || !strings.Contains(err.Error(), "other.key") {
		t.Errorf("Adopt = %v", err)
	}
}

// TestAllThatIsSealed: no type of record has a sealed value that would be forgotten.
func TestAllThatIsSealed(t *testing.T) {
	t.Parallel()
	i := install(t, 1)
	found := map[string]bool{}
	for _, id := range []store.ID{store.AccessKeyID(account, "AKIAEXAMPLE000000000"), store.SessionKeysID(), store.OutboundID(account), store.SecretValueID(account, "secret", "version"), store.ACMEValueID("daypass.example.com")} {
		r, err := i.st.Get(t.Context(), id)
		must(t, err)
		n := 0
		_, changed, err := store.Reseal(id, r.Document, func(_, _ []byte) ([]byte, error) { n++; return []byte("anew"), nil })
		if err != nil || !changed || n == 0 {
			t.Errorf("%v: %d, %v, %v", id, n, changed, err)
		}
		found[string(id.Kind)] = true
	}
	types := []any{
		store.Account{},
		store.AccessKey{},
		store.SessionKeys{},
		store.RecordEnd{},
		store.Outbound{},
		store.Role{},
		store.User{},
		store.Group{},
		store.Policy{},
		store.OIDCProvider{},
		store.InstanceProfile{},
		store.Bucket{},
		store.Secret{},
		store.SecretValue{},
		store.LastUse{},
		store.Revocation{},
		store.Node{},
		store.MasterKey{},
		store.ACMEValue{},
	}
	sealed := 0
	for _, record := range types {
		if hasSealed(reflect.TypeOf(record)) {
			sealed++
		}
	}
	if sealed != len(found) {
		t.Errorf("%d types have sealed values, and %d kinds are sealed anew", sealed, len(found))
	}
}

func hasSealed(of reflect.Type) bool {
	for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer || of.Kind() == reflect.Map {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || of == reflect.TypeFor[time.Time]() {
		return false
	}
	for n := range of.NumField() {
		if f := of.Field(n); strings.Contains(f.Name, "Sealed") || hasSealed(f.Type) {
			return true
		}
	}
	return false
}

// TestIssuer: the next key is published before it signs, and the earlier one after.
func TestIssuer(t *testing.T) {
	t.Parallel()
	i := install(t, 1)
	m := i.node("one")
	issuer := rotation.Issuer{Directory: m.Directory, Sealer: m.Key, Random: rand.Reader}
	state := func() (published, signs string) {
		o, _ := m.Directory.Snapshot().Outbound(account)
		var kids []string
		for _, k := range o.Stored {
			kids = append(kids, k.ID)
			if k.Algorithm == outbound.ES384 && !k.Next && k.Replaced.IsZero() {
				signs = k.ID
			}
			if !strings.Contains(string(o.Keys.Document()), `"`+k.ID+`"`) {
				t.Errorf("%s is not published", k.ID)
			}
		}
		token, err := o.Keys.Sign(outbound.ES384, []byte(`{}`))
		must(t, err)
		if token == "" {
			t.Error("nothing is signed")
		}
		return strings.Join(kids, " "), signs
	}
	for _, step := range []struct {
		after            time.Duration
		begin            bool
		published, signs string
	}{
		{0, false, "RSA_0 EC384_0", "EC384_0"},
		{0, true, "RSA_0 EC384_0 RSA_1 EC384_1", "EC384_0"},
		{time.Hour, true, "RSA_0 EC384_0 RSA_1 EC384_1", "EC384_0"},
		{rotation.PublishNext, false, "RSA_0 EC384_0 RSA_1 EC384_1", "EC384_1"},
		{rotation.PublishNext + time.Hour, false, "RSA_0 EC384_0 RSA_1 EC384_1", "EC384_1"},
		{rotation.PublishNext + rotation.KeepIssuer, false, "RSA_1 EC384_1", "EC384_1"},
	} {
		_, err := issuer.Advance(t.Context(), account, step.begin, start.Add(step.after))
		must(t, err)
		if published, signs := state(); published != step.published || signs != step.signs {
			t.Errorf("after %v: published %s, %s signs", step.after, published, signs)
		}
	}
	issuer.SignNow, issuer.DropNow = true, true
	_, err := issuer.Advance(t.Context(), account, true, start.Add(5*time.Hour))
	must(t, err)
	if published, signs := state(); published != "RSA_2 EC384_2" || signs != "EC384_2" {
		t.Errorf("at once: published %s, %s signs", published, signs)
	}
	if _, err := issuer.Advance(t.Context(), "000000000001", true, start); !errors.Is(err, rotation.ErrNoIssuer) {
		t.Errorf("an account that is no issuer: %v", err)
	}
	o, _ := m.Directory.Snapshot().Outbound(account)
	if !rotation.Due(o, 24*time.Hour, start.Add(30*time.Hour)) || rotation.Due(o, 24*time.Hour, start.Add(20*time.Hour)) || rotation.Due(o, 0, start.Add(9000*time.Hour)) {
		t.Error("a schedule is not kept")
	}
}

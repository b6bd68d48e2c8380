package directory_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/storetest"
)

var ringMade = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)

// putRing puts a fresh ring into the store.
func (f files) putRing(t *testing.T, st store.Store) {
	t.Helper()
	ring, err := session.NewKeys(ringMade)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := f.key.Seal(ring, []byte(store.KindSessionKeys))
	if err != nil {
		t.Fatal(err)
	}
	write(t, st, store.SessionKeysID(), store.SessionKeys{Sealed: sealed})
}

func mint(t *testing.T, s *directory.Snapshot, issued time.Time) session.Credentials {
	t.Helper()
	c, err := s.SessionKeys().Mint(&session.Grant{
		Account: account, Kind: session.UserSession, UserID: "AIDAAAAAAAAAAAAAAAAAA", UserName: "bob",
		IssuedAt: issued, Expires: issued.Add(session.MaxDuration),
	}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantOpens(t *testing.T, s *directory.Snapshot, c session.Credentials) {
	t.Helper()
	if _, err := s.SessionKeys().Open(c.AccessKeyID, c.SessionToken); err != nil {
		t.Error(err)
	}
}

// One node rotates; the other opens what it mints before and after it follows,
// and the sessions of before stay.
func TestSessionKeysAreFollowed(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	st := f.open(t)
	f.putRing(t, st)
	here, there := f.directory(t, st), f.directory(t, f.open(t))
	before := mint(t, there.Snapshot(), ringMade)
	now := ringMade.Add(24 * time.Hour)
	rotate := func(olderThan time.Duration, want bool) {
		t.Helper()
		rotated, err := here.RotateSessionKeys(t.Context(), f.key, olderThan, now)
		if err != nil || rotated != want {
			t.Errorf("RotateSessionKeys(%v) = %v, %v, want %v", olderThan, rotated, err, want)
		}
	}
	rotate(24*time.Hour+time.Second, false)
	rotate(24*time.Hour, true)
	rotate(time.Second, false)
	if at := here.Snapshot().SessionKeys().RotatedAt(); !at.Equal(now) {
		t.Errorf("rotated at %v", at)
	}
	after := mint(t, here.Snapshot(), now)
	for _, c := range []session.Credentials{before, after} {
		wantOpens(t, here.Snapshot(), c)
		wantOpens(t, there.Snapshot(), c)
	}
	refresh(t, there)
	if at := there.Snapshot().SessionKeys().RotatedAt(); !at.Equal(now) {
		t.Errorf("the other node's ring was rotated at %v", at)
	}
	rotate(0, true) // in an emergency
	refresh(t, there)
	for _, c := range []session.Credentials{before, after, mint(t, there.Snapshot(), now)} {
		wantOpens(t, here.Snapshot(), c)
		wantOpens(t, there.Snapshot(), c)
	}
}

// Of many nodes that find the ring old at once, one rotates it.
func TestManyRotateOnce(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	f.putRing(t, f.open(t))
	var rotations atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		d := f.directory(t, f.open(t))
		for range 2 {
			wg.Go(func() {
				rotated, err := d.RotateSessionKeys(t.Context(), f.key, time.Hour, ringMade.Add(2*time.Hour))
				if err != nil {
					t.Error(err)
				}
				if rotated {
					rotations.Add(1)
				}
			})
		}
	}
	wg.Wait()
	if n := rotations.Load(); n != 1 {
		t.Errorf("%d rotated, want one", n)
	}
	if at := f.directory(t, f.open(t)).Snapshot().SessionKeys().RotatedAt(); !at.Equal(ringMade.Add(2 * time.Hour)) {
		t.Errorf("rotated at %v", at)
	}
}

// A rotation that the store fails leaves a ring that opens all the same.
func TestRotationFails(t *testing.T) {
	t.Parallel()
	errFault := errors.New("fault")
	for _, point := range []storetest.Point{storetest.BeforePersisting, storetest.AfterPersisting} {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			f := newFiles(t)
			st := f.open(t)
			f.putRing(t, st)
			d := f.directory(t, &storetest.Faulty{Store: st, Fault: func(p storetest.Point) error {
				if p == point {
					return errFault
				}
				return nil
			}})
			c := mint(t, d.Snapshot(), ringMade)
			if rotated, err := d.RotateSessionKeys(t.Context(), f.key, 0, ringMade.Add(time.Hour)); rotated || !errors.Is(err, errFault) {
				t.Errorf("RotateSessionKeys = %v, %v, want the fault", rotated, err)
			}
			wantOpens(t, d.Snapshot(), c)
			truth := f.directory(t, f.open(t)).Snapshot()
			wantOpens(t, truth, mint(t, d.Snapshot(), ringMade))
			if a, b := truth.SessionKeys().RotatedAt(), d.Snapshot().SessionKeys().RotatedAt(); !a.Equal(b) {
				t.Errorf("the store's ring was rotated at %v, the snapshot's at %v", a, b)
			}
		})
	}
}

func TestNoSessionKeys(t *testing.T) {
	t.Parallel()
	d, f := newDirectory(t)
	if keys := d.Snapshot().SessionKeys(); keys != nil {
		t.Errorf("an empty store has %v", keys)
	}
	if _, err := d.RotateSessionKeys(t.Context(), f.key, 0, ringMade); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("RotateSessionKeys: %v, want ErrNotFound", err)
	}
	f.putRing(t, f.open(t))
	refresh(t, d)
	if d.Snapshot().SessionKeys() == nil {
		t.Error("the ring is not seen")
	}
	update(t, d, func(tx store.Tx) error { return tx.Delete(store.SessionKeysID()) })
	if keys := d.Snapshot().SessionKeys(); keys != nil {
		t.Errorf("after its deletion the ring is %v", keys)
	}
}

// A ring that cannot be opened stops the node from going on, as an access key
// does, and it goes on with the ring that it has.
func TestUnreadableSessionKeys(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	st := f.open(t)
	f.putRing(t, st)
	other, err := masterkey.Create(filepath.Join(t.TempDir(), "other.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := directory.Open(t.Context(), st, other); !errors.Is(err, masterkey.ErrOpen) || !strings.Contains(err.Error(), "session keys") {
		t.Errorf("Open under another master key: %v", err)
	}
	junk, err := f.key.Seal([]byte("{}"), []byte(store.KindSessionKeys))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		id     store.ID
		record any
	}{
		"no JSON":           {store.SessionKeysID(), json.RawMessage(`{"sealed":`)},
		"a newer version's": {store.SessionKeysID(), json.RawMessage(`{"rings":[]}`)},
		"not sealed":        {store.SessionKeysID(), store.SessionKeys{Sealed: []byte("x")}},
		"no ring":           {store.SessionKeysID(), store.SessionKeys{Sealed: junk}},
		"a second ring":     {store.ID{Kind: store.KindSessionKeys, Key: "other"}, store.SessionKeys{Sealed: junk}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFiles(t)
			st := f.open(t)
			f.putRing(t, st)
			d := f.directory(t, st)
			c := mint(t, d.Snapshot(), ringMade)
			write(t, st, tt.id, tt.record)
			if err := d.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "session keys") {
				t.Errorf("Refresh: %v, want an error that names the session keys", err)
			}
			wantOpens(t, d.Snapshot(), c)
		})
	}
}

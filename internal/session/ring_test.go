package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func rotate(tb testing.TB, ring []byte, now time.Time) []byte {
	tb.Helper()
	rotated, err := RotateKeys(ring, now)
	if err != nil {
		tb.Fatal(err)
	}
	return rotated
}

// opens reports whether a ring opens a session, and asks that its secret did
// not change with the ring.
func opens(tb failer, keys *Keys, c Credentials) bool {
	tb.Helper()
	s, err := keys.Open(c.AccessKeyID, c.SessionToken)
	if err != nil && !errors.Is(err, ErrInvalid) {
		tb.Fatal(err)
	}
	if err == nil && s.SecretAccessKey != c.SecretAccessKey {
		tb.Error("the secret changed with the ring")
	}
	return err == nil
}

// size is how many keys a ring holds.
func size(tb testing.TB, serialised []byte) int {
	tb.Helper()
	r, _, err := parseRing(serialised)
	if err != nil {
		tb.Fatal(err)
	}
	return len(r.Keys)
}

func TestRotation(t *testing.T) {
	t.Parallel()
	fresh, err := NewKeys(start)
	if err != nil {
		t.Fatal(err)
	}
	first := parse(t, fresh)
	if at := first.RotatedAt(); !at.Equal(start) {
		t.Errorf("a ring made at %v was rotated at %v", start, at)
	}
	old := mint(t, first, typicalGrant())
	replaced := start.Add(90*time.Minute + time.Millisecond)
	rotated := rotate(t, fresh, replaced)
	second := parse(t, rotated)
	if at := second.RotatedAt(); !at.Equal(start.Add(90 * time.Minute)) {
		t.Errorf("rotated at %v", at)
	}
	since := mint(t, second, typicalGrant())
	if old.SessionToken[:6] == since.SessionToken[:6] {
		t.Error("the rotated ring still seals with the first key")
	}
	if !opens(t, second, old) {
		t.Error("the rotated ring does not open what the primary before it sealed")
	}
	if !opens(t, first, since) {
		t.Error("a node that has not seen the rotation does not open what the others seal")
	}
	// Rotations in between end nothing; the first after 37 hours does.
	for i := range 5 {
		rotated = rotate(t, rotated, replaced.Add(time.Duration(i)*time.Second))
	}
	for _, tt := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {MaxDuration, true}, {MaxDuration + time.Hour - time.Second, true}, {MaxDuration + time.Hour, false}, {1000 * time.Hour, false}} {
		later := parse(t, rotate(t, rotated, start.Add(90*time.Minute+tt.after)))
		if got := opens(t, later, old); got != tt.want {
			t.Errorf("%v after it was replaced the first key is there: %v, want %v", tt.after, got, tt.want)
		}
	}
	if n := size(t, rotate(t, rotated, replaced.Add(40*time.Hour))); n != 3 {
		t.Errorf("after all sessions are over the ring holds %d keys, want the primary before, the primary and the next", n)
	}
	if text := fmt.Sprintf("%v %+v %#v", second, second, second); text != "session keys session keys session keys" {
		t.Errorf("a ring is printed as %s", text)
	}
	var none *Keys
	if !none.RotatedAt().IsZero() {
		t.Error("no ring was rotated")
	}
}

// A ring that is rotated without end refuses before it ends a session, and goes
// on once sessions are over.
func TestRingIsBounded(t *testing.T) {
	t.Parallel()
	ring, err := NewKeys(start)
	if err != nil {
		t.Fatal(err)
	}
	first := mint(t, parse(t, ring), userGrant(UserSession))
	rotations := 0
	for {
		rotated, err := RotateKeys(ring, start.Add(time.Duration(rotations)*time.Second))
		if errors.Is(err, ErrRingFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rotations++
		ring = rotated
	}
	if rotations != MaxRingKeys-2 || size(t, ring) != MaxRingKeys || !opens(t, parse(t, ring), first) {
		t.Errorf("refused after %d rotations with %d keys", rotations, size(t, ring))
	}
	t.Logf("a full ring has %d bytes", len(ring))
	if n := size(t, rotate(t, ring, start.Add(keepEarlier))); n != MaxRingKeys {
		t.Errorf("%d keys after one went and one came", n)
	}
	for _, now := range []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 0)} {
		if _, err := NewKeys(now); err == nil {
			t.Errorf("a ring is made at %v", now)
		}
		if _, err := RotateKeys(ring, now); err == nil {
			t.Errorf("a ring is rotated at %v", now)
		}
	}
}

// TestRotatesEarlierRing: a ring of version 1 does not say when its keys were
// replaced. They stay for a whole term from the first rotation on.
func TestRotatesEarlierRing(t *testing.T) {
	t.Parallel()
	var file struct {
		Ring        json.RawMessage
		Credentials Credentials
	}
	readGolden(t, filepath.Join("testdata", "version1.json"), &file)
	if at := parse(t, file.Ring).RotatedAt(); !at.IsZero() {
		t.Errorf("a ring of version 1 was rotated at %v", at)
	}
	once := rotate(t, file.Ring, start)
	twice := rotate(t, once, start.Add(MaxDuration))
	if !parse(t, once).RotatedAt().Equal(start) || !opens(t, parse(t, twice), file.Credentials) {
		t.Error("the session of a ring of version 1 ended early")
	}
	if opens(t, parse(t, rotate(t, twice, start.Add(keepEarlier))), file.Credentials) {
		t.Error("the key of version 1 is never dropped")
	}
}

// TestRotationsEndNoSession rotates, mints and lets time pass in any order, some
// of the minting on a node that has not yet seen the last rotation. A session
// opens for as long as it lasts, under the ring of every node.
func TestRotationsEndNoSession(t *testing.T) {
	t.Parallel()
	type minted struct {
		Credentials
		grant *Grant
	}
	rapid.Check(t, func(t *rapid.T) {
		now := start
		ring, err := NewKeys(now)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := ParseKeys(ring)
		if err != nil {
			t.Fatal(err)
		}
		stale := keys // of the slowest node
		var sessions []minted
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"rotate", "mint", "mint on a slow node", "wait"}).Draw(t, "step") {
			case "rotate":
				rotated, err := RotateKeys(ring, now)
				if errors.Is(err, ErrRingFull) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				stale, ring = keys, rotated
				if keys, err = ParseKeys(ring); err != nil {
					t.Fatal(err)
				}
			case "mint on a slow node":
				if !now.Before(keys.RotatedAt().Add(time.Hour)) {
					stale = keys // nobody is as slow as that
				}
				g := drawGrantAt(t, now)
				sessions = append(sessions, minted{mint(t, stale, g), g})
			case "mint":
				g := drawGrantAt(t, now)
				sessions = append(sessions, minted{mint(t, keys, g), g})
			case "wait":
				now = now.Add(time.Duration(rapid.IntRange(0, 20*3600).Draw(t, "seconds")) * time.Second)
			}
			for _, s := range sessions {
				if !now.Before(s.grant.Expires) {
					continue
				}
				if !opens(t, keys, s.Credentials) {
					t.Fatalf("at %v the session from %v to %v does not open", now, s.grant.IssuedAt, s.grant.Expires)
				}
			}
		}
	})
}

func drawGrantAt(t *rapid.T, now time.Time) *Grant {
	g := userGrant(UserSession)
	g.IssuedAt = now
	g.Expires = now.Add(time.Duration(rapid.IntRange(1, 129600).Draw(t, "lasts")) * time.Second)
	return g
}

func TestParseKeysRefuses(t *testing.T) {
	t.Parallel()
	fresh, err := NewKeys(start)
	if err != nil {
		t.Fatal(err)
	}
	good := rotate(t, fresh, start.Add(time.Hour)) // with one earlier key
	other, err := NewKeys(start)
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(f func(r *ring)) []byte {
		t.Helper()
		var r ring
		if err := json.Unmarshal(good, &r); err != nil {
			t.Fatal(err)
		}
		f(&r)
		spoiled, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return spoiled
	}
	if _, err := ParseKeys(spoil(func(*ring) {})); err != nil {
		t.Fatalf("the ring unspoiled: %v", err)
	}
	for name, spoiled := range map[string][]byte{
		"empty":           nil,
		"not JSON":        []byte("ring"),
		"cut short":       good[:len(good)-1],
		"something after": append(bytes.Clone(good), '1'),
		"unknown field":   bytes.Replace(good, []byte(`"version":2`), []byte(`"version":2,"more":1`), 1),
		"unknown version": spoil(func(r *ring) { r.Version = 3 }),
		"version 0":       spoil(func(r *ring) { r.Version = 0 }),
		"times in 1":      spoil(func(r *ring) { r.Version = 1 }),
		"a time in 1":     spoil(func(r *ring) { r.Version, r.Rotated = 1, 0 }),
		"no rotation":     spoil(func(r *ring) { r.Rotated = 0 }),
		"before 1970":     spoil(func(r *ring) { r.Rotated = -1 }),
		"not replaced":    spoil(func(r *ring) { r.Keys[0].Replaced = 0 }),
		"primary gone":    spoil(func(r *ring) { r.Keys[1].Replaced = 1 }),
		"next gone":       spoil(func(r *ring) { r.Keys[2].Replaced = 1 }),
		"replaced never":  spoil(func(r *ring) { r.Keys[0].Replaced = -1 }),
		"too many keys":   spoil(func(r *ring) { r.Keys = slices.Repeat(r.Keys, 22) }),
		"other key id":    spoil(func(r *ring) { r.Keys[0].ID++ }),
		"one key twice":   spoil(func(r *ring) { r.Keys[1] = r.Keys[0] }),
		"no secret":       spoil(func(r *ring) { r.Keys[0].Secret = nil }),
		"short secret":    spoil(func(r *ring) { r.Keys[1].Secret = r.Keys[1].Secret[:31] }),
		"primary is last": spoil(func(r *ring) { r.Keys[0], r.Keys[1] = r.Keys[1], r.Keys[0] }),
		"no next":         spoil(func(r *ring) { r.Keys = r.Keys[:1] }),
		"no keys":         spoil(func(r *ring) { r.Keys = nil }),
		"no keyset":       spoil(func(r *ring) { r.Keyset = nil }),
		"keyset cut":      spoil(func(r *ring) { r.Keyset = r.Keyset[:len(r.Keyset)-1] }),
		"other keyset": spoil(func(r *ring) {
			var o ring
			if err := json.Unmarshal(other, &o); err != nil {
				t.Fatal(err)
			}
			r.Keyset = o.Keyset
		}),
	} {
		keys, err := ParseKeys(spoiled)
		if keys != nil || !errors.Is(err, ErrRing) {
			t.Errorf("%s: ParseKeys = %v, %v, want ErrRing", name, keys, err)
		}
		if _, err := RotateKeys(spoiled, start); !errors.Is(err, ErrRing) {
			t.Errorf("%s: RotateKeys = %v, want ErrRing", name, err)
		}
	}
}

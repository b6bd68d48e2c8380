package directory_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"

	"pgregory.net/rapid"
)

const (
	otherAccount = "210987654321"
	roleID       = "AROAAAAAAAAAAAAAAAAAA"
	jti          = "0f9f1a5e-4d34-4d2c-9a7b-0e5f4c9c1b11"
	provider     = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
)

// keyOf is the n-th access key id of an account's sessions.
func keyOf(t testing.TB, account string, n byte) string {
	t.Helper()
	id, err := session.NewAccessKeyID("ASIA", account, bytes.NewReader(bytes.Repeat([]byte{n}, 10)))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func grantOf(account string) *session.Grant {
	return &session.Grant{
		Account: account, RoleID: roleID, RoleName: "deploy", SessionName: "s",
		IssuedAt: ringMade, Expires: ringMade.Add(time.Hour), Provider: provider, TokenID: jti,
	}
}

func revocationOf(kind string, change func(r *store.Revocation)) store.Revocation {
	r := store.Revocation{Account: account, ID: "r1", Kind: kind, Created: ringMade, Until: ringMade.Add(37 * time.Hour)}
	switch kind {
	case store.RevocationRole:
		r.RoleName, r.RoleID, r.Before = "deploy", roleID, ringMade
	case store.RevocationToken:
		r.TokenID = jti
	}
	if change != nil {
		change(&r)
	}
	return r
}

func putRevocation(r store.Revocation) func(store.Tx) error {
	return func(tx store.Tx) error {
		return errors.Join(r.Check(), store.PutRecord(tx, store.RevocationID(r.Account, r.ID), r))
	}
}

// TestRevoked asks of each kind of revocation whom it reaches: of the session
// that it is about, its neighbours, and the chain.
func TestRevoked(t *testing.T) {
	t.Parallel()
	own, foreign, third := keyOf(t, account, 1), keyOf(t, otherAccount, 2), keyOf(t, account, 3)
	ofSession := func(account, id string) store.Revocation {
		return revocationOf(store.RevocationSession, func(r *store.Revocation) { r.Account, r.AccessKeyID = account, id })
	}
	for _, tt := range []struct {
		name       string
		revocation store.Revocation
		grant      func(g *session.Grant)
		key        string
		want       bool
	}{
		{"role, issued at the time", revocationOf(store.RevocationRole, nil), nil, own, true},
		{"role, issued a second later", revocationOf(store.RevocationRole, nil), func(g *session.Grant) { g.IssuedAt = ringMade.Add(time.Second) }, own, false},
		{"role, issued earlier", revocationOf(store.RevocationRole, nil), func(g *session.Grant) { g.IssuedAt = ringMade.Add(-time.Hour) }, own, true},
		{"another role", revocationOf(store.RevocationRole, nil), func(g *session.Grant) { g.RoleID = "AROABBBBBBBBBBBBBBBBB" }, own, false},
		{"role of another account", revocationOf(store.RevocationRole, nil), func(g *session.Grant) { g.Account = otherAccount }, foreign, false},
		{"session", ofSession(account, own), nil, own, true},
		{"another session", ofSession(account, own), nil, third, false},
		{"session of a user", ofSession(account, own), func(g *session.Grant) { *g = session.Grant{Account: account, Kind: session.UserSession} }, own, true},
		{"chained from it", ofSession(account, own), func(g *session.Grant) { g.Ancestors = []string{third, own} }, third, true},
		{"chained from another", ofSession(account, own), func(g *session.Grant) { g.Ancestors = []string{third} }, third, false},
		{"chained from it into another account", ofSession(account, own), func(g *session.Grant) { g.Account, g.Ancestors = otherAccount, []string{own} }, foreign, true},
		{"the chain in one's own account, of a foreign session", ofSession(account, foreign), func(g *session.Grant) { g.Ancestors = []string{foreign} }, own, true},
		{"a foreign session is not one's own to end", ofSession(account, foreign), func(g *session.Grant) { g.Account = otherAccount; g.Provider = "" }, foreign, false},
		{"nor what it began elsewhere", ofSession(account, foreign), func(g *session.Grant) { g.Account, g.Ancestors, g.Provider = otherAccount, []string{foreign}, "" }, foreign, false},
		{"token", revocationOf(store.RevocationToken, nil), nil, own, true},
		{"another token", revocationOf(store.RevocationToken, nil), func(g *session.Grant) { g.TokenID = "x" }, own, false},
		{"no token", revocationOf(store.RevocationToken, nil), func(g *session.Grant) { g.TokenID = "" }, own, false},
		{"token of the provider", revocationOf(store.RevocationToken, func(r *store.Revocation) { r.Provider = provider }), nil, own, true},
		{"token of another provider", revocationOf(store.RevocationToken, func(r *store.Revocation) { r.Provider = provider + "/x" }), nil, own, false},
		{"token, chained into another account", revocationOf(store.RevocationToken, nil), func(g *session.Grant) { g.Account, g.Ancestors = otherAccount, []string{own} }, foreign, true},
		{"token, the head of the chain forgotten", revocationOf(store.RevocationToken, nil), func(g *session.Grant) { g.Account, g.Ancestors = otherAccount, []string{foreign} }, foreign, true},
		{"token of another account", revocationOf(store.RevocationToken, func(r *store.Revocation) { r.Account = otherAccount }), nil, own, false},
		{"long token", revocationOf(store.RevocationToken, func(r *store.Revocation) { r.TokenID = strings.Repeat("x", 900) }), func(g *session.Grant) { g.TokenID = strings.Repeat("x", 900) }, own, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, _ := newDirectory(t)
			g := grantOf(account)
			if tt.grant != nil {
				tt.grant(g)
			}
			if r, revoked := d.Snapshot().Revoked(g, tt.key); revoked {
				t.Errorf("nothing was revoked, and the session is by %+v", r)
			}
			update(t, d, putRevocation(tt.revocation))
			r, revoked := d.Snapshot().Revoked(g, tt.key)
			if revoked != tt.want || revoked && r != tt.revocation {
				t.Errorf("Revoked = %+v, %v, want %v", r, revoked, tt.want)
			}
			update(t, d, func(tx store.Tx) error { return tx.Delete(store.RevocationID(tt.revocation.Account, "r1")) })
			if r, revoked := d.Snapshot().Revoked(g, tt.key); revoked {
				t.Errorf("after its deletion the session is revoked by %+v", r)
			}
		})
	}
}

// Of several revocations that end the same, each counts until it is deleted, and
// one that is changed counts as it is now.
func TestRevocationsOfOneRole(t *testing.T) {
	t.Parallel()
	d, f := newDirectory(t)
	before := func(id string, seconds int) store.Revocation {
		return revocationOf(store.RevocationRole, func(r *store.Revocation) {
			r.ID, r.Before = id, ringMade.Add(time.Duration(seconds)*time.Second)
		})
	}
	wantAll := func(want ...bool) {
		t.Helper()
		fresh := f.directory(t, f.open(t)).Snapshot()
		for i, revoked := range want {
			g := grantOf(account)
			g.IssuedAt = ringMade.Add(time.Duration(i) * time.Second)
			for _, s := range []*directory.Snapshot{d.Snapshot(), fresh} {
				if _, got := s.Revoked(g, keyOf(t, account, 1)); got != revoked {
					t.Errorf("issued at %d: revoked %v, want %v", i, got, revoked)
				}
			}
		}
	}
	for _, r := range []store.Revocation{before("b", 1), before("a", 2), before("c", 0)} {
		update(t, d, putRevocation(r))
	}
	kept := d.Snapshot()
	wantAll(true, true, true, false)
	var ids []string
	for _, r := range kept.Revocations(account) {
		ids = append(ids, r.ID)
	}
	if !slices.Equal(ids, []string{"a", "b", "c"}) || len(kept.Revocations(otherAccount)) != 0 {
		t.Errorf("the list is %v", ids)
	}
	update(t, d, func(tx store.Tx) error { return tx.Delete(store.RevocationID(account, "a")) })
	wantAll(true, true, false)
	update(t, d, putRevocation(before("b", 0)))
	wantAll(true, false)
	other := before("c", 0)
	other.RoleID = "AROABBBBBBBBBBBBBBBBB"
	update(t, d, putRevocation(other))
	update(t, d, func(tx store.Tx) error { return tx.Delete(store.RevocationID(account, "b")) })
	wantAll(false)
	if len(kept.Revocations(account)) != 3 {
		t.Error("a snapshot that was taken before has changed")
	}
}

// A revocation that cannot be read ends every session that it could have ended.
func TestUnreadableRevocation(t *testing.T) {
	t.Parallel()
	good := revocationOf(store.RevocationRole, nil)
	for name, record := range map[string]any{
		"no JSON":           json.RawMessage(`{"account":`),
		"a newer version's": json.RawMessage(`{"account":"123456789012","id":"r1","kind":"everything"}`),
		"a newer member":    json.RawMessage(`{"account":"123456789012","id":"r1","unless":1}`),
		"of another id":     revocationOf(store.RevocationRole, func(r *store.Revocation) { r.ID = "r2" }),
		"of another one's":  revocationOf(store.RevocationRole, func(r *store.Revocation) { r.Account = otherAccount }),
		"without its time":  revocationOf(store.RevocationRole, func(r *store.Revocation) { r.Before = time.Time{} }),
		"stored as that":    revocationOf(store.RevocationUnreadable, nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, f := newDirectory(t)
			write(t, f.open(t), store.RevocationID(account, "r1"), record)
			refresh(t, d)
			s := d.Snapshot()
			wantProblem(t, s, "revocation 123456789012/r1", "every session of account 123456789012")
			own, foreign := keyOf(t, account, 1), keyOf(t, otherAccount, 1)
			g := grantOf(account)
			g.IssuedAt, g.RoleID, g.TokenID, g.Provider = ringMade.Add(time.Hour), "AROABBBBBBBBBBBBBBBBB", "", ""
			user := &session.Grant{Account: account, Kind: session.UserSession}
			chained := grantOf(otherAccount)
			chained.Provider, chained.Ancestors = "", []string{foreign, own}
			for what, g := range map[string]*session.Grant{"a role's session": g, "a user's session": user, "one chained from here": chained, "one of a provider here": grantOf(otherAccount)} {
				if r, revoked := s.Revoked(g, foreign); !revoked || r.Kind != store.RevocationUnreadable || r.ID != "r1" {
					t.Errorf("%s: Revoked = %+v, %v", what, r, revoked)
				}
			}
			chained.Ancestors = []string{foreign}
			if r, revoked := s.Revoked(chained, foreign); revoked {
				t.Errorf("a session of another account is revoked by %+v", r)
			}
			if list := s.Revocations(account); len(list) != 1 || list[0].Kind != store.RevocationUnreadable {
				t.Errorf("the list is %+v", list)
			}
			update(t, d, putRevocation(good))
			if problems := d.Snapshot().Problems(); len(problems) != 0 {
				t.Errorf("problems after it was put right: %q", problems)
			}
			if _, revoked := d.Snapshot().Revoked(g, own); revoked {
				t.Error("after it was put right it still ends everything")
			}
		})
	}
}

func TestDeleteOverRevocations(t *testing.T) {
	t.Parallel()
	d, f := newDirectory(t)
	for i := range 5 {
		update(t, d, putRevocation(revocationOf(store.RevocationRole, func(r *store.Revocation) {
			r.ID, r.Until = fmt.Sprint(i), ringMade.Add(time.Duration(i+1)*time.Hour)
		})))
	}
	write(t, f.open(t), store.RevocationID(account, "bad"), json.RawMessage(`{}`))
	there := f.directory(t, f.open(t))
	// 0 and 1 are over at three hours; 2 is in its last second.
	deleteOver := func(d *directory.Directory, limit, want int) {
		t.Helper()
		n, err := d.DeleteOverRevocations(t.Context(), ringMade.Add(3*time.Hour), limit)
		if err != nil || n != want {
			t.Errorf("DeleteOverRevocations = %d, %v, want %d", n, err, want)
		}
	}
	deleteOver(d, 1, 1)
	deleteOver(there, 10, 1) // it has not yet seen that the first is gone
	refresh(t, d)
	deleteOver(d, 10, 0)
	var ids []string
	for _, r := range d.Snapshot().Revocations(account) {
		ids = append(ids, r.ID)
	}
	if !slices.Equal(ids, []string{"2", "3", "4", "bad"}) {
		t.Errorf("there remain %v", ids)
	}
}

// TestRevokedIsAScan compares the look-ups with a plain scan over all there is,
// for chains within one account.
func TestRevokedIsAScan(t *testing.T) {
	t.Parallel()
	d, _ := newDirectory(t)
	ids := []string{keyOf(t, account, 1), keyOf(t, account, 2), keyOf(t, account, 3)}
	roles, tokens := []string{roleID, "AROABBBBBBBBBBBBBBBBB"}, []string{"a", "b"}
	scan := func(all []*store.Revocation, g *session.Grant, id string) bool {
		return slices.ContainsFunc(all, func(r *store.Revocation) bool {
			switch r.Kind {
			case store.RevocationRole:
				return r.RoleID == g.RoleID && !g.IssuedAt.After(r.Before)
			case store.RevocationSession:
				return r.AccessKeyID == id || slices.Contains(g.Ancestors, r.AccessKeyID)
			}
			return r.TokenID == g.TokenID && (r.Provider == "" || r.Provider == g.Provider)
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(0, 4).Draw(t, "writes") {
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id")
			kind := rapid.SampledFrom([]string{"", store.RevocationRole, store.RevocationSession, store.RevocationToken}).Draw(t, "kind")
			r := revocationOf(kind, func(r *store.Revocation) {
				r.ID = name
				switch kind {
				case store.RevocationRole:
					r.RoleID = rapid.SampledFrom(roles).Draw(t, "role")
					r.Before = ringMade.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "before")) * time.Second)
				case store.RevocationSession:
					r.AccessKeyID = rapid.SampledFrom(ids).Draw(t, "key")
				case store.RevocationToken:
					r.TokenID = rapid.SampledFrom(tokens).Draw(t, "token")
					r.Provider = rapid.SampledFrom([]string{"", provider, "other"}).Draw(t, "provider")
				}
			})
			err := d.Update(t.Context(), func(tx store.Tx) error {
				if kind != "" {
					return putRevocation(r)(tx)
				}
				if err := tx.Delete(store.RevocationID(account, name)); !errors.Is(err, store.ErrNotFound) {
					return err
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		s := d.Snapshot()
		for range 8 {
			g := grantOf(account)
			g.RoleID, g.TokenID = rapid.SampledFrom(roles).Draw(t, "ofRole"), rapid.SampledFrom(tokens).Draw(t, "ofToken")
			g.IssuedAt = ringMade.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "issued")) * time.Second)
			g.Ancestors = rapid.SliceOfN(rapid.SampledFrom(ids), 0, 2).Draw(t, "ancestors")
			id := rapid.SampledFrom(ids).Draw(t, "own")
			if _, got := s.Revoked(g, id); got != scan(s.Revocations(account), g, id) {
				t.Fatalf("Revoked(%+v, %s) = %v with %+v", g, id, got, s.Revocations(account))
			}
		}
	})
}

// revokedSnapshot has many revocations of which none ends the sessions asked for.
func revokedSnapshot(t testing.TB, many int) *directory.Snapshot {
	t.Helper()
	d, _ := newDirectory(t)
	update(t, d, func(tx store.Tx) error {
		for i := range many {
			kind := []string{store.RevocationRole, store.RevocationSession, store.RevocationToken}[i%3]
			r := revocationOf(kind, func(r *store.Revocation) {
				r.ID = fmt.Sprintf("r%06d", i)
				switch kind {
				case store.RevocationRole:
					r.RoleID = fmt.Sprintf("AROA%017d", i)
				case store.RevocationSession:
					r.AccessKeyID = fmt.Sprintf("ASIA%016d", i)
				case store.RevocationToken:
					r.TokenID = fmt.Sprint("token-", i)
				}
			})
			if err := putRevocation(r)(tx); err != nil {
				return err
			}
		}
		return nil
	})
	return d.Snapshot()
}

// A session that is not revoked costs no memory, however many others are.
func TestRevokedAllocatesNothing(t *testing.T) {
	s := revokedSnapshot(t, 300)
	id, chained := keyOf(t, account, 1), grantOf(account)
	for range session.MaxAncestors {
		chained.Ancestors = append(chained.Ancestors, keyOf(t, account, 2))
	}
	for name, g := range map[string]*session.Grant{"plain": grantOf(account), "chained": chained, "of another account": grantOf(otherAccount)} {
		if n := testing.AllocsPerRun(100, func() { s.Revoked(g, id) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkRevoked(b *testing.B) {
	for _, many := range []int{0, 100, 10_000} {
		s := revokedSnapshot(b, many)
		id, chained := keyOf(b, account, 1), grantOf(account)
		for range session.MaxAncestors {
			chained.Ancestors = append(chained.Ancestors, keyOf(b, account, 2))
		}
		for name, g := range map[string]*session.Grant{"plain": grantOf(account), "ancestors=16": chained} {
			b.Run(fmt.Sprintf("%s/revocations=%d", name, many), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, revoked := s.Revoked(g, id); revoked {
						b.Fatal("revoked")
					}
				}
			})
		}
	}
}

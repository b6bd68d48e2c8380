package storetest

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/store"
)

func recordTests() []conformanceTest {
	return []conformanceTest{
		{name: "documents are any bytes", run: func(t *testing.T, s store.Store) {
			for _, document := range [][]byte{nil, {}, {0}, {0xff, 0xfe, 0}, []byte("é\n\x00é"), []byte("123"), []byte("null")} {
				revision := update(t, s, func(tx store.Tx) error { return tx.Put(roleID("a"), document) })
				wantRecord(t, s, store.Record{ID: roleID("a"), Document: document, Revision: revision})
				wantSame(t, changes(t, s, revision-1, 1), []store.Record{{ID: roleID("a"), Document: document, Revision: revision}})
			}
		}},
		{name: "documents are copied", run: func(t *testing.T, s store.Store) {
			document := []byte("as it was")
			update(t, s, func(tx store.Tx) error {
				err := tx.Put(roleID("a"), document)
				clear(document)
				return err
			})
			r, err := s.Get(t.Context(), roleID("a"))
			if err != nil {
				t.Fatal(err)
			}
			clear(r.Document)
			wantRecord(t, s, store.Record{ID: roleID("a"), Document: []byte("as it was"), Revision: 1})
		}},
		{name: "ids are compared byte for byte", run: func(t *testing.T, s store.Store) {
			keys := []string{"a", "A", "a ", " a", "é", "e\u0301", "a/b", "a%", "_", "%", "'", `"`, "\n", "🔑"}
			want := map[store.ID]string{}
			for _, key := range keys {
				for _, id := range []store.ID{
					{Kind: "role", Account: account, Key: key},
					{Kind: "Role", Account: account, Key: key},
					{Kind: "role", Account: "", Key: key},
					{Kind: "role", Account: account + " ", Key: key},
				} {
					want[id] = id.String()
					put(t, s, id, want[id])
				}
			}
			for id, document := range want {
				if r, err := s.Get(t.Context(), id); err != nil || string(r.Document) != document {
					t.Errorf("Get(%v) = %q, %v", id, r.Document, err)
				}
			}
		}},
		{name: "limits", run: recordLimits},
		{name: "ids that cannot be kept are refused", run: func(t *testing.T, s store.Store) {
			for _, id := range []store.ID{
				{},
				{Kind: "role"},
				{Key: "a"},
				{Kind: "role", Account: account, Key: "a\x00b"},
				{Kind: "role", Account: "1\x00", Key: "a"},
				{Kind: "role\x00", Account: account, Key: "a"},
				{Kind: "role", Account: account, Key: "\xff"},
			} {
				_, err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put(id, nil) })
				if !errors.Is(err, store.ErrInvalidID) {
					t.Errorf("Put(%q): %v, want ErrInvalidID", id, err)
				}
			}
			wantRevision(t, s, 0)
		}},
	}
}

func recordLimits(t *testing.T, s store.Store) {
	most := roleID(strings.Repeat("k", store.MaxKeyBytes))
	document := bytes.Repeat([]byte("d"), store.MaxDocumentBytes)
	put(t, s, most, string(document))
	wantRecord(t, s, store.Record{ID: most, Document: document, Revision: 1})
	for _, tt := range []struct {
		what     string
		id       store.ID
		document []byte
		bytes    int
	}{
		{"key", roleID(most.Key + "k"), nil, store.MaxKeyBytes + 1},
		{"document", most, append(document, 'd'), store.MaxDocumentBytes + 1},
	} {
		_, err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put(tt.id, tt.document) })
		var limit *store.LimitError
		if !errors.As(err, &limit) || limit.What != tt.what || limit.Bytes != tt.bytes || limit.Max != tt.bytes-1 {
			t.Errorf("%s over the limit: %v", tt.what, err)
		}
	}
	wantRevision(t, s, 1)
}

func readTests() []conformanceTest {
	return []conformanceTest{
		{name: "get of what is not there is ErrNotFound", run: func(t *testing.T, s store.Store) {
			put(t, s, roleID("a"), "")
			for _, id := range []store.ID{
				{},
				roleID("b"), store.UserID(account, "a"), store.RoleID("210987654321", "a"),
				roleID(strings.Repeat("k", store.MaxKeyBytes+1)), roleID("a\x00"),
			} {
				wantAbsent(t, s, id)
			}
		}},
		{name: "a reader sees no part of an update and does not wait for it", run: func(t *testing.T, s store.Store) {
			put(t, s, roleID("a"), "old")
			update(t, s, func(tx store.Tx) error {
				if err := errors.Join(tx.Put(roleID("a"), []byte("new")), tx.Put(roleID("b"), nil)); err != nil {
					return err
				}
				wantRecord(t, s, store.Record{ID: roleID("a"), Document: []byte("old"), Revision: 1})
				wantAbsent(t, s, roleID("b"))
				wantRevision(t, s, 1)
				wantSame(t, changes(t, s, 1, 10), nil)
				return nil
			})
			wantRecord(t, s, store.Record{ID: roleID("a"), Document: []byte("new"), Revision: 2})
		}},
		{name: "a deleted record is not found and can be written again", run: func(t *testing.T, s store.Store) {
			put(t, s, roleID("a"), "1")
			update(t, s, func(tx store.Tx) error { return tx.Delete(roleID("a")) })
			wantAbsent(t, s, roleID("a"))
			put(t, s, roleID("a"), "3")
			wantRecord(t, s, store.Record{ID: roleID("a"), Document: []byte("3"), Revision: 3})
			wantSame(t, changes(t, s, 0, 10), []store.Record{{ID: roleID("a"), Document: []byte("3"), Revision: 3}})
		}},
	}
}

func changesTests() []conformanceTest {
	return []conformanceTest{
		{name: "each record once under its newest revision in order", run: func(t *testing.T, s store.Store) {
			put(t, s, roleID("z"), "1")
			put(t, s, roleID("a"), "2")
			put(t, s, roleID("m"), "3")
			put(t, s, roleID("z"), "4")
			all := []store.Record{
				{ID: roleID("a"), Document: []byte("2"), Revision: 2},
				{ID: roleID("m"), Document: []byte("3"), Revision: 3},
				{ID: roleID("z"), Document: []byte("4"), Revision: 4},
			}
			for after, want := range [][]store.Record{all, all, all[1:], all[2:], nil} {
				wantSame(t, changes(t, s, int64(after), 10), want)
			}
			wantSame(t, changes(t, s, -1, 10), all)
		}},
		{name: "tombstones are kept", run: func(t *testing.T, s store.Store) {
			put(t, s, roleID("a"), "1")
			put(t, s, roleID("b"), "2")
			update(t, s, func(tx store.Tx) error { return tx.Delete(roleID("a")) })
			for range 20 {
				put(t, s, roleID("b"), "more")
			}
			wantSame(t, changes(t, s, 0, 1), []store.Record{{ID: roleID("a"), Revision: 3, Deleted: true}})
		}},
		{name: "what is made and deleted in one update leaves a tombstone or nothing", run: func(t *testing.T, s store.Store) {
			update(t, s, func(tx store.Tx) error {
				return errors.Join(tx.Put(roleID("a"), nil), tx.Delete(roleID("a")), tx.Put(roleID("b"), nil))
			})
			st := state{}
			if _, err := follow(t.Context(), s, st, 0, 1); err != nil {
				t.Fatal(err)
			}
			if _, there := st[roleID("a")]; there || len(st) != 1 {
				t.Fatalf("a follower has %v", st)
			}
		}},
		{name: "a revision is never split", run: changesWhole},
		{name: "a limit below 1 is refused", run: func(t *testing.T, s store.Store) {
			put(t, s, roleID("a"), "")
			for _, limit := range []int{0, -1, math.MinInt} {
				if records, err := s.Changes(t.Context(), 0, limit); !errors.Is(err, store.ErrInvalidLimit) {
					t.Errorf("limit %d: %v, %v; want ErrInvalidLimit", limit, records, err)
				}
			}
			wantSame(t, changes(t, s, 0, math.MaxInt), []store.Record{{ID: roleID("a"), Revision: 1}})
		}},
		{name: "a revision ahead of the store is refused", run: func(t *testing.T, s store.Store) {
			put(t, s, roleID("a"), "")
			for _, after := range []int64{2, math.MaxInt64} {
				if records, err := s.Changes(t.Context(), after, 1); !errors.Is(err, store.ErrRevisionAhead) {
					t.Errorf("after %d: %v, %v; want ErrRevisionAhead", after, records, err)
				}
			}
		}},
	}
}

// changesWhole writes revisions of 1, 3, 2 and 4 records and asks with every
// limit from every revision.
func changesWhole(t *testing.T, s store.Store) {
	sizes := []int{1, 3, 2, 4}
	for i, size := range sizes {
		update(t, s, func(tx store.Tx) error {
			for j := range size {
				if err := tx.Put(roleID(string(rune('a'+i))+string(rune('a'+j))), nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for after := range len(sizes) + 1 {
		for limit := 1; limit <= 12; limit++ {
			want := 0
			for _, size := range sizes[after:] {
				if want >= limit {
					break
				}
				want += size
			}
			if got := changes(t, s, int64(after), limit); len(got) != want {
				t.Errorf("Changes(%d, %d) gave %d records, want %d", after, limit, len(got), want)
			}
		}
	}
}

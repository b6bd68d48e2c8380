package sqlstore_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/store"
)

// TestEarlierUsers opens a file of a program whose users did not list their access
// keys: of each they list what names them, and nothing else is touched.
func TestEarlierUsers(t *testing.T) {
	t.Parallel()
	const account, other = "123456789012", "210987654321"
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	put := func(id store.ID, document string) {
		t.Helper()
		if _, err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put(id, []byte(document)) }); err != nil {
			t.Fatal(err)
		}
	}
	const broken = `{"userName":`
	put(store.UserID(account, "Ann"), `{"account":"123456789012","name":"Ann","path":"/","id":"AIDA1","created":"2026-11-21T00:00:00Z"}`)
	put(store.UserID(account, "bob"), `{"account":"123456789012","name":"bob","path":"/","id":"AIDA2","created":"2026-11-21T00:00:00Z"}`)
	put(store.UserID(account, "cleo"), `{"account":"123456789012","name":"cleo","path":"/","id":"AIDA3","accessKeys":["AKIA9"],"created":"2026-11-21T00:00:00Z"}`)
	put(store.UserID(account, "damaged"), broken)
	put(store.AccessKeyID(account, "AKIA1"), `{"userName":"Ann"}`)
	put(store.AccessKeyID(account, "AKIA2"), `{"userName":"ann"}`)
	put(store.AccessKeyID(account, "AKIA3"), `{"userName":"cleo"}`)
	put(store.AccessKeyID(account, "AKIA4"), broken)
	put(store.AccessKeyID(other, "AKIA5"), `{"userName":"ann"}`)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	exec(t, path, `DELETE FROM goose_db_version WHERE version_id > 2`)
	s = open(t, path)
	for name, want := range map[string][]string{"ann": {"AKIA1", "AKIA2"}, "bob": nil, "cleo": {"AKIA9"}} {
		record, err := s.Get(t.Context(), store.UserID(account, name))
		if err != nil {
			t.Fatal(err)
		}
		var user store.User
		if err := store.Decode(record.Document, &user); err != nil || !slices.Equal(user.AccessKeys, want) || !strings.EqualFold(user.Name, name) {
			t.Errorf("%s has the keys %q (%v), want %q", name, user.AccessKeys, err, want)
		}
	}
	if record, err := s.Get(t.Context(), store.UserID(account, "damaged")); err != nil || string(record.Document) != broken {
		t.Errorf("a damaged record is now %s (%v)", record.Document, err)
	}
	if revision, err := s.Revision(t.Context()); err != nil || revision != 9 {
		t.Errorf("revision %d, %v; want 9", revision, err)
	}
}

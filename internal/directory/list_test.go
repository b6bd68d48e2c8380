package directory_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestAfter compares lists that begin after a name with the whole list, over
// names that are beginnings of one another, in accounts beside another.
func TestAfter(t *testing.T) {
	t.Parallel()
	sql, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "daypass.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sql.Close(); err != nil {
			t.Error(err)
		}
	})
	d, err := directory.Open(t.Context(), sql, nil)
	if err != nil {
		t.Fatal(err)
	}
	accounts := []string{"000000000001", "000000000002", "000000000003"}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[aAbB.]{1,4}`)
		account := rapid.SampledFrom(accounts)
		names := rapid.SliceOfN(name, 0, 5).Draw(t, "names")
		err := d.Update(t.Context(), func(tx store.Tx) error {
			for _, n := range names {
				a := account.Draw(t, "account")
				if err := store.PutRecord(tx, store.RoleID(a, n), store.Role{Account: a, Name: n, Path: "/"}); err != nil {
					return err
				}
				if err := store.PutRecord(tx, store.PolicyID(a, n), store.Policy{Account: a, Name: n, Path: "/"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		snapshot, a, after := d.Snapshot(), account.Draw(t, "listed"), rapid.StringMatching(`[aAbB.]{0,4}`).Draw(t, "after")
		var wantRoles, gotRoles, wantPolicies, gotPolicies []string
		for _, r := range snapshot.Roles(a) {
			if strings.ToLower(r.Name) > strings.ToLower(after) {
				wantRoles = append(wantRoles, r.Name)
			}
		}
		for r := range snapshot.RolesAfter(a, after) {
			gotRoles = append(gotRoles, r.Name)
		}
		for _, p := range snapshot.Policies(a) {
			if strings.ToLower(p.Name) > strings.ToLower(after) {
				wantPolicies = append(wantPolicies, p.Name)
			}
		}
		for p := range snapshot.PoliciesAfter(a, after) {
			gotPolicies = append(gotPolicies, p.Name)
		}
		if diff := cmp.Diff(wantRoles, gotRoles) + cmp.Diff(wantPolicies, gotPolicies); diff != "" {
			t.Fatalf("after %q (-want +got):\n%s", after, diff)
		}
		byFold := func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }
		if !slices.IsSortedFunc(gotRoles, byFold) {
			t.Fatalf("not in order: %q", gotRoles)
		}
	})
}

package directory_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/managedpolicy"
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

// TestAWSPolicies finds each under its ARN in any case, with its document, and
// lists them from any name on; they are no account's own.
func TestAWSPolicies(t *testing.T) {
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
	snapshot := d.Snapshot()
	all := managedpolicy.All()
	for i, want := range all {
		p, ok := snapshot.Policy(strings.ToLower(want.ARN()))
		if !ok || p.ARN != want.ARN() || p.ID != want.ID || p.Default().String() != want.Document || p.DefaultVersion != want.DefaultVersion || !p.Created.Equal(want.Created) {
			t.Errorf("%s: %t %+v", want.ARN(), ok, p)
		}
		var names, wantNames []string
		for p := range snapshot.AWSPoliciesAfter(strings.ToUpper(want.Name)) {
			names = append(names, p.Name)
		}
		for _, later := range all[i+1:] {
			wantNames = append(wantNames, later.Name)
		}
		if diff := cmp.Diff(wantNames, names); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", want.Name, diff)
		}
	}
	if n := len(snapshot.Policies("aws")); n != 0 {
		t.Errorf("%d are listed as an account's own", n)
	}
	const readOnly, one, two = "arn:aws:iam::aws:policy/ReadOnlyAccess", "000000000001", "000000000002"
	p, ok := snapshot.Policy(readOnly)
	if _, other := snapshot.Policy("arn:aws:iam::aws:policy/job-function/ReadOnlyAccess"); !ok || other {
		t.Fatalf("found %t, under another path %t", ok, other)
	}
	if err := d.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(
			store.PutRecord(tx, store.RoleID(one, "r"), store.Role{Account: one, Name: "r", Path: "/", AttachedPolicies: []string{readOnly}, PermissionsBoundary: readOnly}),
			store.PutRecord(tx, store.GroupID(one, "g"), store.Group{Account: one, Name: "g", Path: "/", AttachedPolicies: []string{readOnly}}),
		)
	}); err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string][2]int{one: {2, 1}, two: {}} {
		if attached, bounded := d.Snapshot().Uses(account, p); [2]int{attached, bounded} != want {
			t.Errorf("account %s: %d attachments, %d boundaries, want %v", account, attached, bounded, want)
		}
	}
}

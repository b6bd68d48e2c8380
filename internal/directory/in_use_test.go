package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/store"

	"pgregory.net/rapid"
)

// TestPoliciesInUse compares the count with one over all roles and groups, of
// policies whose names begin alike or differ by case, beside another account.
func TestPoliciesInUse(t *testing.T) {
	t.Parallel()
	d, _ := newDirectory(t)
	const other = "210987654321"
	policies := []string{
		"arn:aws:iam::123456789012:policy/r", "arn:aws:iam::123456789012:policy/R", "arn:aws:iam::123456789012:policy/re",
		"arn:aws:iam::123456789012:policy/r/e", "arn:aws:iam::aws:policy/r", "arn:aws:iam::aws:policy/service-role/r",
	}
	some := rapid.SliceOfNDistinct(rapid.SampledFrom(policies), 0, 3, rapid.ID)
	rapid.Check(t, func(t *rapid.T) {
		used := map[string]map[string]bool{account: {}, other: {}}
		err := d.Update(t.Context(), func(tx store.Tx) error {
			for _, of := range []string{account, other} {
				used := used[of]
				use := func(policyARNs ...string) {
					for _, policyARN := range policyARNs {
						used[strings.ToLower(policyARN)] = true
					}
				}
				for i := range 3 {
					role := store.Role{Account: of, Name: fmt.Sprint("r", i), Path: "/", AttachedPolicies: some.Draw(t, "of a role")}
					use(role.AttachedPolicies...)
					if rapid.Bool().Draw(t, "bounded") {
						role.PermissionsBoundary = rapid.SampledFrom(policies).Draw(t, "boundary")
						use(role.PermissionsBoundary)
					}
					group := store.Group{Account: of, Name: fmt.Sprint("g", i), Path: "/", AttachedPolicies: some.Draw(t, "of a group")}
					use(group.AttachedPolicies...)
					if err := store.PutRecord(tx, store.RoleID(of, role.Name), role); err != nil {
						return err
					}
					if err := store.PutRecord(tx, store.GroupID(of, group.Name), group); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for of, used := range used {
			if got := d.Snapshot().PoliciesInUse(of); got != len(used) {
				t.Errorf("%d policies are in use in %s, want %d: %v", got, of, len(used), used)
			}
		}
	})
}

// TestAccountAlias: the account's record tells its alias; the alias's own record
// tells nothing more.
func TestAccountAlias(t *testing.T) {
	t.Parallel()
	d, _ := newDirectory(t)
	put := func(alias string) {
		t.Helper()
		update(t, d, func(tx store.Tx) error {
			if err := store.PutRecord(tx, store.AccountAliasID("example"), store.AccountAlias{Account: account, Alias: "example"}); err != nil {
				return err
			}
			return store.PutRecord(tx, store.AccountID(account), store.Account{Account: account, Alias: alias})
		})
		if got := d.Snapshot().AccountAlias(account); got != alias {
			t.Errorf("alias %q, want %q", got, alias)
		}
	}
	put("example")
	put("")
	if got := d.Snapshot().AccountAlias("210987654321"); got != "" {
		t.Errorf("an account that is not there has the alias %q", got)
	}
}

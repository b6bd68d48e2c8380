package iam_test

import (
	"fmt"
	"testing"

	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"
)

// TestManyRoles pages through 2,500 roles with the SDK's own paginator.
func TestManyRoles(t *testing.T) {
	t.Parallel()
	f := start(t)
	roles := make([]store.Role, 2500)
	want := make([]string, len(roles))
	for i := range roles {
		roles[i].Name = fmt.Sprintf("role-%04d", i)
		want[i] = roles[i].Name
	}
	f.putRoles(t, roles...)
	for size, pages := range map[int32][]int{0: repeat(100, 25), 999: {999, 999, 502}, 1000: {1000, 1000, 500}} {
		in := &iamclient.ListRolesInput{}
		if size > 0 {
			in.MaxItems = aws.Int32(size)
		}
		var names []string
		var sizes []int
		for p := iamclient.NewListRolesPaginator(f.admin, in); p.HasMorePages(); {
			out := noError[*iamclient.ListRolesOutput](t)(p.NextPage(t.Context()))
			sizes = append(sizes, len(out.Roles))
			for _, role := range out.Roles {
				names = append(names, *role.RoleName)
			}
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("MaxItems %d: names (-want +got):\n%s", size, diff)
		}
		if diff := cmp.Diff(pages, sizes); diff != "" {
			t.Errorf("MaxItems %d: pages (-want +got):\n%s", size, diff)
		}
	}
}

func repeat(n, times int) []int {
	all := make([]int, times)
	for i := range all {
		all[i] = n
	}
	return all
}

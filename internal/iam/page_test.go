package iam_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

// putRoles writes roles past the API, for tests that need many.
func (f *fixture) putRoles(t testing.TB, roles ...store.Role) {
	t.Helper()
	err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		for _, role := range roles {
			role.Account, role.TrustPolicy, role.MaxSessionDuration = account, trustPolicy, 3600
			if role.Path == "" {
				role.Path = "/"
			}
			if err := store.PutRecord(tx, store.RoleID(account, role.Name), role); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// listRoles reads all pages and gives the size of each.
func (f *fixture) listRoles(t *testing.T, in iamclient.ListRolesInput) (names []string, pages []int) {
	t.Helper()
	for {
		out, err := f.admin.ListRoles(t.Context(), &in)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, len(out.Roles))
		for _, role := range out.Roles {
			names = append(names, *role.RoleName)
		}
		if out.IsTruncated != (out.Marker != nil) {
			t.Fatalf("IsTruncated is %t, Marker %v", out.IsTruncated, out.Marker)
		}
		if !out.IsTruncated {
			return names, pages
		}
		in.Marker = out.Marker
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	f := start(t)
	var roles []store.Role
	var all, some []string
	for i := range 250 {
		role := store.Role{Name: fmt.Sprintf("Role%03d", i)}
		all = append(all, role.Name)
		if i%3 == 0 {
			role.Path = "/ci/"
			some = append(some, role.Name)
		}
		roles = append(roles, role)
	}
	f.putRoles(t, roles...)
	for _, c := range []struct {
		in    iamclient.ListRolesInput
		names []string
		pages []int
	}{
		{iamclient.ListRolesInput{}, all, []int{100, 100, 50}},
		{iamclient.ListRolesInput{MaxItems: aws.Int32(125)}, all, []int{125, 125}},
		{iamclient.ListRolesInput{MaxItems: aws.Int32(1000)}, all, []int{250}},
		{iamclient.ListRolesInput{PathPrefix: aws.String("/ci/"), MaxItems: aws.Int32(42)}, some, []int{42, 42}},
		{iamclient.ListRolesInput{PathPrefix: aws.String("/c")}, some, []int{84}},
		{iamclient.ListRolesInput{PathPrefix: aws.String("/none/")}, nil, []int{0}},
	} {
		names, pages := f.listRoles(t, c.in)
		if diff := cmp.Diff(c.names, names); diff != "" {
			t.Errorf("%s %d: names (-want +got):\n%s", aws.ToString(c.in.PathPrefix), aws.ToInt32(c.in.MaxItems), diff)
		}
		if diff := cmp.Diff(c.pages, pages); diff != "" {
			t.Errorf("%s %d: pages (-want +got):\n%s", aws.ToString(c.in.PathPrefix), aws.ToInt32(c.in.MaxItems), diff)
		}
	}

	// What is made or deleted between two pages moves no other role over.
	first := noError[*iamclient.ListRolesOutput](t)(f.admin.ListRoles(t.Context(), &iamclient.ListRolesInput{MaxItems: aws.Int32(2)}))
	must(t)(f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("role001")}))
	f.putRoles(t, store.Role{Name: "role000a"})
	second := noError[*iamclient.ListRolesOutput](t)(f.admin.ListRoles(t.Context(), &iamclient.ListRolesInput{MaxItems: aws.Int32(1), Marker: first.Marker}))
	if got := *second.Roles[0].RoleName; got != "Role002" {
		t.Errorf("the page goes on at %s, want Role002", got)
	}
}

// TestSparsePages lists a path that few of many roles have: a page ends after
// 2,000 roles looked at, and says that there are more.
func TestSparsePages(t *testing.T) {
	t.Parallel()
	f := start(t)
	roles := make([]store.Role, 4_001)
	for i := range roles {
		roles[i].Name = fmt.Sprintf("role%05d", i)
	}
	roles[3_000].Path, roles[4_000].Path = "/rare/", "/rare/"
	f.putRoles(t, roles...)
	names, pages := f.listRoles(t, iamclient.ListRolesInput{PathPrefix: aws.String("/rare/")})
	if diff := cmp.Diff([]string{"role03000", "role04000"}, names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{0, 1, 1}, pages); diff != "" {
		t.Error(diff)
	}
}

func TestShortPages(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	name := aws.String("deploy")
	for _, p := range []string{"b", "C", "a"} {
		must(t)(f.admin.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{RoleName: name, PolicyName: &p, PolicyDocument: aws.String(readPolicy)}))
		if err := f.attach(t, "deploy", f.createPolicy(t, "/", p)); err != nil {
			t.Fatal(err)
		}
	}
	var inline, attached, managed []string
	for marker := (*string)(nil); ; {
		out := noError[*iamclient.ListRolePoliciesOutput](t)(f.admin.ListRolePolicies(t.Context(), &iamclient.ListRolePoliciesInput{RoleName: name, MaxItems: aws.Int32(2), Marker: marker}))
		inline = append(inline, out.PolicyNames...)
		if marker = out.Marker; marker == nil {
			break
		}
	}
	for marker := (*string)(nil); ; {
		out := noError[*iamclient.ListAttachedRolePoliciesOutput](t)(f.admin.ListAttachedRolePolicies(t.Context(), &iamclient.ListAttachedRolePoliciesInput{RoleName: name, MaxItems: aws.Int32(1), Marker: marker}))
		for _, p := range out.AttachedPolicies {
			attached = append(attached, *p.PolicyName)
		}
		if marker = out.Marker; marker == nil {
			break
		}
	}
	paginator := iamclient.NewListPoliciesPaginator(f.admin, &iamclient.ListPoliciesInput{MaxItems: aws.Int32(2), Scope: types.PolicyScopeTypeLocal})
	for paginator.HasMorePages() {
		out := noError[*iamclient.ListPoliciesOutput](t)(paginator.NextPage(t.Context()))
		for _, p := range out.Policies {
			managed = append(managed, *p.PolicyName)
		}
	}
	want := []string{"a", "b", "C"}
	for what, got := range map[string][]string{"inline": inline, "attached": attached, "managed": managed} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

func TestPageParameters(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	wrong := "1 validation error detected: Value at '"
	for _, action := range []string{"ListRoles", "ListPolicies", "ListRolePolicies", "ListAttachedRolePolicies"} {
		for _, c := range []struct{ name, value, code, message string }{
			{"MaxItems", "0", "ValidationError", wrong + "maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"},
			{"MaxItems", "1001", "ValidationError", wrong + "maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000"},
			{"MaxItems", "ten", "MalformedInput", ""},
			{"MaxItems", "", "MalformedInput", "missing value for decimal type"},
			{"Marker", "", "ValidationError", wrong + "marker' failed to satisfy constraint: Member must have length greater than or equal to 1"},
			{"Marker", strings.Repeat("a", 1025), "ValidationError", wrong + "marker' failed to satisfy constraint: Member must have length less than or equal to 320"},
			{"Marker", "not base64!", "ValidationError", "Invalid Marker."},
			{"Marker", "_w", "ValidationError", "Invalid Marker."}, // one byte, 0xFF
		} {
			t.Logf("%s %s=%.20s", action, c.name, c.value)
			wantCall(t, f.call(t, action, "RoleName", "deploy", c.name, c.value), fault{http.StatusBadRequest, c.code, c.message})
		}
	}
	wantCall(t, f.call(t, "ListRoles", "PathPrefix", "ci/"), fault{
		http.StatusBadRequest, "ValidationError",
		"The specified value for pathPrefix is invalid. It must begin with the / character and contain only alphanumeric characters and/or / characters.",
	})
	wantCall(t, f.call(t, "ListPolicies", "PathPrefix", "/ci"), fault{
		http.StatusBadRequest, "ValidationError",
		"The specified value for pathPrefix is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
	})
}

// BenchmarkListRoles reads one page in accounts of two sizes: what it costs
// must not follow the account.
func BenchmarkListRoles(b *testing.B) {
	for _, size := range []int{1000, 20_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			f := start(b)
			roles := make([]store.Role, size)
			for i := range roles {
				roles[i].Name = fmt.Sprintf("role%05d", i)
			}
			for chunk := range slices.Chunk(roles, 5000) {
				f.putRoles(b, chunk...)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.admin.ListRoles(b.Context(), &iamclient.ListRolesInput{MaxItems: aws.Int32(10)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestPagesOfLongNames goes on behind the longest ARN and the longest key there are.
func TestPagesOfLongNames(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "r")
	path := "/" + strings.Repeat(strings.Repeat("p", 101)+"/", 5)
	for _, name := range []string{strings.Repeat("a", 128), strings.Repeat("b", 128)} {
		if err := f.attach(t, "r", f.createPolicy(t, path, name)); err != nil {
			t.Fatal(err)
		}
	}
	must(t)(f.admin.TagRole(t.Context(), &iamclient.TagRoleInput{RoleName: aws.String("r"), Tags: keyed(strings.Repeat("\U0001D400", 128), "", strings.Repeat("\U0001D401", 128), "")}))
	n := 0
	for p := iamclient.NewListAttachedRolePoliciesPaginator(f.admin, &iamclient.ListAttachedRolePoliciesInput{RoleName: aws.String("r"), MaxItems: aws.Int32(1)}); p.HasMorePages(); n++ {
		noError[*iamclient.ListAttachedRolePoliciesOutput](t)(p.NextPage(t.Context()))
	}
	if tags := f.roleTags(t, "r", 1); n != 2 || len(tags) != 2 {
		t.Errorf("%d pages of policies, %d of tags", n, len(tags))
	}
}

// TestPagesOfLongDocuments lists roles and instance profiles whose trust policies
// are mostly white space, which no quota counts.
func TestPagesOfLongDocuments(t *testing.T) {
	t.Parallel()
	f := start(t)
	long := trustPolicy + strings.Repeat(" ", 130_000)
	records := map[store.ID]any{}
	held := store.Role{Account: account, Name: "held", Path: "/", ID: "AROAHELD0000000000001", TrustPolicy: long}
	for i := range 180 {
		name := fmt.Sprintf("p%03d", i)
		held.InstanceProfiles = append(held.InstanceProfiles, name)
		records[store.InstanceProfileID(account, name)] = store.InstanceProfile{Account: account, Name: name, Path: "/", ID: fmt.Sprintf("AIPA%017d", i), Role: "held"}
		if i < 40 {
			records[store.RoleID(account, "r"+name)] = store.Role{Account: account, Name: "r" + name, Path: "/", ID: fmt.Sprintf("AROA%017d", i), TrustPolicy: long}
		}
	}
	records[store.RoleID(account, "held")] = held
	f.putRecords(t, records)
	const most = 20 << 20
	first := ""
	for action, parameters := range map[string][]string{
		"ListRoles": nil, "ListInstanceProfiles": nil, "ListInstanceProfilesForRole": {"RoleName", "held"}, "GetAccountAuthorizationDetails": {"Filter.member.1", "Role", "Marker", "Mi8xL2hlbGQ"}, // behind held
	} {
		reply := f.call(t, action, append(parameters, "MaxItems", "1000")...)
		if reply.Status != http.StatusOK || len(reply.Body) > most || !strings.Contains(reply.Body, "<IsTruncated>true</IsTruncated>") {
			t.Errorf("%s: %d, %d bytes", action, reply.Status, len(reply.Body))
		}
		if action == "ListRoles" {
			first = reply.Body
		}
	}
	reply := f.call(t, "GetAccountAuthorizationDetails", "Filter.member.1", "Role") // of which the first tells 180 times the same
	if reply.Status != http.StatusBadRequest || !strings.Contains(reply.Body, "The reply would have more than 67108864 bytes.") {
		t.Errorf("%d, %d bytes", reply.Status, len(reply.Body))
	}
	_, marker, _ := strings.Cut(first, "<Marker>")
	marker, _, _ = strings.Cut(marker, "</Marker>")
	rest := f.call(t, "ListRoles", "Marker", marker).Body
	if n := strings.Count(first, "<RoleId>") + strings.Count(rest, "<RoleId>"); n != 41 || !strings.Contains(rest, "<IsTruncated>false</IsTruncated>") {
		t.Errorf("two pages of %d roles", n)
	}
}

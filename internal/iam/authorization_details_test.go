package iam_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

const readOnlyAccess = "arn:aws:iam::aws:policy/ReadOnlyAccess"

// putCrowd puts n users, roles, groups and policies each, and gives the ARNs in
// the order of pages: users, roles, groups, policies, of AWS last.
func (f *fixture) putCrowd(t *testing.T, n int) []string {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	records := map[store.ID]any{}
	arns := make([][]string, 4)
	for i := range n {
		name := fmt.Sprintf("Name%03d", i)
		records[store.UserID(account, name)] = store.User{Account: account, Name: name, Path: "/u/", ID: fmt.Sprintf("AIDA%017d", i), Created: at}
		records[store.GroupID(account, name)] = store.Group{Account: account, Name: name, Path: "/", ID: fmt.Sprintf("AGPA%017d", i), Created: at}
		role := store.Role{Account: account, Name: name, Path: "/", ID: fmt.Sprintf("AROA%017d", i), TrustPolicy: trustPolicy, MaxSessionDuration: 3600, Created: at}
		if i == 0 {
			role.AttachedPolicies = []string{readOnlyAccess}
		}
		records[store.RoleID(account, name)] = role
		records[store.PolicyID(account, name)] = store.Policy{
			Account: account, Name: name, Path: "/", ID: fmt.Sprintf("ANPA%017d", i), DefaultVersion: "v1",
			Versions: []store.PolicyVersion{{ID: "v1", Document: readPolicy, Created: at}}, Created: at, Updated: at,
		}
		for i, kind := range []string{"user/u/", "role/", "group/", "policy/"} {
			arns[i] = append(arns[i], "arn:aws:iam::"+account+":"+kind+name)
		}
	}
	f.putRecords(t, records)
	arns[0] = append([]string{"arn:aws:iam::" + account + ":user/administrator"}, arns[0]...)
	return append(slices.Concat(arns...), readOnlyAccess)
}

// details reads all pages by the SDK's paginator.
func (f *fixture) details(t *testing.T, in *iamclient.GetAccountAuthorizationDetailsInput) (arns []string, pages []int) {
	t.Helper()
	for p := iamclient.NewGetAccountAuthorizationDetailsPaginator(f.admin, in); p.HasMorePages(); {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		before := len(arns)
		for _, d := range out.UserDetailList {
			arns = append(arns, *d.Arn)
		}
		for _, d := range out.RoleDetailList {
			arns = append(arns, *d.Arn)
		}
		for _, d := range out.GroupDetailList {
			arns = append(arns, *d.Arn)
		}
		for _, d := range out.Policies {
			arns = append(arns, *d.Arn)
		}
		pages = append(pages, len(arns)-before)
	}
	return arns, pages
}

func TestDetailPages(t *testing.T) {
	t.Parallel()
	f := start(t)
	all := f.putCrowd(t, 80) // 81 users, 80 of each other, one of AWS's policies
	like := func(parts ...string) (some []string) {
		for _, a := range all {
			if slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(a, part) }) {
				some = append(some, a)
			}
		}
		return some
	}
	for _, c := range []struct {
		filter []types.EntityType
		items  *int32
		want   []string
		first  int // things on the first page
		pages  int
	}{
		{nil, nil, all, 100, 4},
		{nil, aws.Int32(7), all, 7, 46},
		{nil, aws.Int32(1), all, 1, 322},
		{nil, aws.Int32(322), all, 322, 1},
		{nil, aws.Int32(321), all, 321, 2},
		{nil, aws.Int32(81), all, 81, 4}, // pages that end where sections do
		{[]types.EntityType{"Group", "User"}, aws.Int32(100), like(":user/", ":group/"), 100, 2},
		{[]types.EntityType{"Role"}, aws.Int32(79), like(":role/"), 79, 2},
		{[]types.EntityType{"AWSManagedPolicy"}, aws.Int32(1), like(":aws:policy/"), 1, 1},
		{[]types.EntityType{"AWSManagedPolicy", "LocalManagedPolicy", "LocalManagedPolicy"}, aws.Int32(80), like(":policy/"), 80, 2},
	} {
		got, pages := f.details(t, &iamclient.GetAccountAuthorizationDetailsInput{Filter: c.filter, MaxItems: c.items})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v, %v (-want +got):\n%s", c.filter, c.items, diff)
		}
		if len(pages) != c.pages || pages[0] != c.first {
			t.Errorf("%v: pages are %v, want %d with %d first", c.filter, pages, c.pages, c.first)
		}
	}
}

// TestDetailsChangeBetweenPages deletes the thing that a page ended with: the
// next goes on after its place.
func TestDetailsChangeBetweenPages(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putCrowd(t, 3)
	out := noError[*iamclient.GetAccountAuthorizationDetailsOutput](t)(f.admin.GetAccountAuthorizationDetails(t.Context(),
		&iamclient.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{"Role"}, MaxItems: aws.Int32(2)}))
	if !out.IsTruncated || *out.RoleDetailList[1].RoleName != "Name001" {
		t.Fatalf("got %+v", out)
	}
	must(t)(f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("Name001")}))
	out = noError[*iamclient.GetAccountAuthorizationDetailsOutput](t)(f.admin.GetAccountAuthorizationDetails(t.Context(),
		&iamclient.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{"Role"}, MaxItems: aws.Int32(1), Marker: out.Marker}))
	if out.IsTruncated || len(out.RoleDetailList) != 1 || *out.RoleDetailList[0].RoleName != "Name002" {
		t.Errorf("got %+v", out)
	}
}

func TestDetailsRefused(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putCrowd(t, 3)
	first := noError[*iamclient.GetAccountAuthorizationDetailsOutput](t)(f.admin.GetAccountAuthorizationDetails(t.Context(),
		&iamclient.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{"User", "Role"}, MaxItems: aws.Int32(1)}))
	marker := *first.Marker
	encoded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	mismatch := fault{http.StatusBadRequest, "ValidationError", "Marker and Filter do not match"}
	filter := "1 validation error detected: Value at 'filter' failed to satisfy constraint: Member must satisfy constraint: " +
		"[Member must satisfy enum value set: [LocalManagedPolicy, User, AWSManagedPolicy, Role, Group]]"
	for _, c := range []struct {
		parameters []string
		want       fault
	}{
		{[]string{"Marker", marker}, mismatch},
		{[]string{"Marker", marker, "Filter.member.1", "User"}, mismatch},
		{[]string{"Marker", marker, "Filter.member.1", "User", "Filter.member.2", "Group"}, mismatch},
		{[]string{"Marker", "x"}, mismatch},
		{[]string{"Marker", "%%%"}, mismatch},
		{[]string{"Marker", encoded("31/5/a")}, mismatch},
		{[]string{"Marker", encoded("31/-1/a")}, mismatch},
		{[]string{"Marker", encoded("30/0/a")}, mismatch}, // a section that the filter lacks
		{[]string{"Marker", encoded("31/0")}, mismatch},
		{[]string{"Marker", encoded("63/0/a")}, fault{}}, // a bit without a section says nothing
		{[]string{"Marker", ""}, fault{http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at 'marker' failed to satisfy constraint: Member must have length greater than or equal to 1"}},
		{[]string{"Filter.member.1", "user"}, fault{http.StatusBadRequest, "ValidationError", filter}},
		{[]string{"Filter.member.1", "User", "Filter.member.2", "Policy"}, fault{http.StatusBadRequest, "ValidationError", filter}},
		{[]string{"MaxItems", "1001"}, fault{http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000"}},
		{[]string{"MaxItems", "0"}, fault{http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"}},
		{[]string{"MaxItems", "1.0"}, fault{http.StatusBadRequest, "MalformedInput", ""}},
		{[]string{"Marker", marker, "Filter.member.1", "Role", "Filter.member.2", "User", "MaxItems", "2"}, fault{}},
	} {
		reply := f.call(t, "GetAccountAuthorizationDetails", c.parameters...)
		if c.want == (fault{}) {
			if reply.Status != http.StatusOK {
				t.Errorf("%v: %d %s", c.parameters, reply.Status, reply.Body)
			}
			continue
		}
		wantCall(t, reply, c.want)
	}
}

// TestDetailsEmpty looks at the raw reply: which lists are there when they are
// empty, and in which order.
func TestDetailsEmpty(t *testing.T) {
	t.Parallel()
	f := start(t)
	names := func(e *awsapitest.Element) (names []string) {
		for _, child := range e.Children {
			names = append(names, child.Name)
		}
		return names
	}
	result := awsapitest.MustElement(t, f.call(t, "GetAccountAuthorizationDetails", "Filter.member.1", "Group").Body).Child("GetAccountAuthorizationDetailsResult")
	if diff := cmp.Diff([]string{"Policies", "UserDetailList", "RoleDetailList", "GroupDetailList", "IsTruncated"}, names(result)); diff != "" {
		t.Errorf("sections (-want +got):\n%s", diff)
	}
	f.putCrowd(t, 1)
	result = awsapitest.MustElement(t, f.call(t, "GetAccountAuthorizationDetails").Body).Child("GetAccountAuthorizationDetailsResult")
	for section, want := range map[string][]string{
		"UserDetailList":  {"Path", "UserName", "UserId", "Arn", "CreateDate", "GroupList", "AttachedManagedPolicies", "Tags"},
		"RoleDetailList":  {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument", "InstanceProfileList", "RolePolicyList", "AttachedManagedPolicies", "Tags", "RoleLastUsed"},
		"GroupDetailList": {"Path", "GroupName", "GroupId", "Arn", "CreateDate", "GroupPolicyList", "AttachedManagedPolicies"},
		"Policies":        {"PolicyName", "PolicyId", "Arn", "Path", "DefaultVersionId", "AttachmentCount", "PermissionsBoundaryUsageCount", "IsAttachable", "CreateDate", "UpdateDate", "PolicyVersionList"},
	} {
		list := result.Child(section).Children
		if diff := cmp.Diff(want, names(list[len(list)-1])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", section, diff)
		}
	}
}

// TestDetailsTell reads what is told of one of each.
func TestDetailsTell(t *testing.T) {
	t.Parallel()
	f := start(t)
	putDetailed(t, f)
	document := strings.ReplaceAll(trustPolicy, "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com", "x")
	f.putRecords(t, map[store.ID]any{store.RoleID(account, "trusting"): store.Role{
		Account: account, Name: "trusting", Path: "/", ID: "AROATRUSTING000000001", MaxSessionDuration: 3600,
		TrustPolicy: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:user/Was","arn:aws:iam::123456789012:user/Gone"]},"Action":"sts:AssumeRole"}}`,
		Principals:  map[string]string{"arn:aws:iam::123456789012:user/Was": "AIDADETAILED000000001", "arn:aws:iam::123456789012:user/Gone": "AIDAGONE000000000001"},
	}, store.PolicyID(account, "many"): store.Policy{
		Account: account, Name: "many", Path: "/", ID: "ANPAMANY0000000000001", DefaultVersion: "v9", LastVersion: 10, AttachmentCount: 3, BoundaryCount: 2,
		Versions: []store.PolicyVersion{{ID: "v9", Document: readPolicy}, {ID: "v10", Document: document}},
	}})
	out := noError[*iamclient.GetAccountAuthorizationDetailsOutput](t)(f.admin.GetAccountAuthorizationDetails(t.Context(), nil))
	user := out.UserDetailList[slices.IndexFunc(out.UserDetailList, func(u types.UserDetail) bool { return *u.UserName == "Detailed" })]
	if !slices.Equal(user.GroupList, []string{"Detailed"}) || unescape(t, user.UserPolicyList[0].PolicyDocument) != readPolicy ||
		*user.AttachedManagedPolicies[0].PolicyName != "ReadOnlyAccess" || user.PermissionsBoundary.PermissionsBoundaryType != "Policy" {
		t.Errorf("user %+v", user)
	}
	role := out.RoleDetailList[0]
	if profile := role.InstanceProfileList[0]; *profile.InstanceProfileName != "Detailed" || *profile.Roles[0].RoleId != *role.RoleId || len(profile.Tags) != 0 {
		t.Errorf("profile %+v", profile)
	}
	if *role.RoleLastUsed.Region != "eu-central-1" || role.RoleLastUsed.LastUsedDate.Unix() != 1767323045 || *role.Tags[0].Key != "team" {
		t.Errorf("role %+v", role)
	}
	// Users and roles in trust policies are shown as they are called now.
	trusting := unescape(t, out.RoleDetailList[1].AssumeRolePolicyDocument)
	if !strings.Contains(trusting, `["arn:aws:iam::123456789012:user/Detailed","AIDAGONE000000000001"]`) {
		t.Errorf("trust policy %s", trusting)
	}
	many, of := out.Policies[0], out.Policies[1]
	if *many.PolicyVersionList[0].VersionId != "v10" || many.PolicyVersionList[0].IsDefaultVersion || !many.PolicyVersionList[1].IsDefaultVersion ||
		unescape(t, many.PolicyVersionList[0].Document) != document || *many.AttachmentCount != 3 || *many.PermissionsBoundaryUsageCount != 2 {
		t.Errorf("policy %+v", many)
	}
	if *of.Arn != readOnlyAccess || *of.AttachmentCount != 3 || *of.PermissionsBoundaryUsageCount != 2 || len(of.PolicyVersionList) != 1 {
		t.Errorf("policy of AWS %+v", of)
	}
}

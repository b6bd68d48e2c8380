package iam_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

// entitiesOf lists who uses a policy, a line for each page.
func (f *fixture) entitiesOf(t *testing.T, in iamclient.ListEntitiesForPolicyInput) (pages []string) {
	t.Helper()
	for p := iamclient.NewListEntitiesForPolicyPaginator(f.admin, &in); p.HasMorePages(); {
		out := noError[*iamclient.ListEntitiesForPolicyOutput](t)(p.NextPage(t.Context()))
		if out.PolicyGroups == nil || out.PolicyUsers == nil || out.PolicyRoles == nil {
			t.Errorf("a list is missing: %+v", out)
		}
		var page []string
		for _, g := range out.PolicyGroups {
			page = append(page, "group:"+*g.GroupName+":"+(*g.GroupId)[:4])
		}
		for _, u := range out.PolicyUsers {
			page = append(page, "user:"+*u.UserName+":"+(*u.UserId)[:4])
		}
		for _, r := range out.PolicyRoles {
			page = append(page, "role:"+*r.RoleName+":"+(*r.RoleId)[:4])
		}
		pages = append(pages, strings.Join(page, " "))
	}
	return pages
}

func TestListEntitiesForPolicy(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, policyARN := range []string{f.createPolicy(t, "/ci/", "Read"), "arn:aws:iam::aws:policy/ReadOnlyAccess"} {
		if got := f.entitiesOf(t, iamclient.ListEntitiesForPolicyInput{PolicyArn: &policyARN}); len(got) != 1 || got[0] != "" {
			t.Errorf("%s: %q uses it", policyARN, got)
		}
		if err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
			role := store.Role{Account: account, Name: "Role", Path: "/team/", ID: "AROA" + idOf("r"), TrustPolicy: trustPolicy, AttachedPolicies: []string{policyARN}, PermissionsBoundary: policyARN}
			bounded := store.Role{Account: account, Name: "bounded", Path: "/", ID: "AROA" + idOf("b"), TrustPolicy: trustPolicy, PermissionsBoundary: policyARN}
			user := store.User{Account: account, Name: "Ann", Path: "/team/", ID: "AIDA" + idOf("a"), AttachedPolicies: []string{policyARN}}
			boundedUser := store.User{Account: account, Name: "zoe", Path: "/", ID: "AIDA" + idOf("z"), PermissionsBoundary: policyARN}
			group := store.Group{Account: account, Name: "All", Path: "/", ID: "AGPA" + idOf("g"), AttachedPolicies: []string{policyARN}}
			return errors.Join(store.PutRecord(tx, store.RoleID(account, "Role"), role), store.PutRecord(tx, store.RoleID(account, "bounded"), bounded), store.PutRecord(tx, store.UserID(account, "Ann"), user),
				store.PutRecord(tx, store.UserID(account, "zoe"), boundedUser), store.PutRecord(tx, store.GroupID(account, "All"), group))
		}); err != nil {
			t.Fatal(err)
		}
		const (
			group, ann, zoe, role, bounded = "group:All:AGPA", "user:Ann:AIDA", "user:zoe:AIDA", "role:Role:AROA", "role:bounded:AROA"
		)
		for _, c := range []struct {
			name string
			in   iamclient.ListEntitiesForPolicyInput
			want []string
		}{
			{"all", iamclient.ListEntitiesForPolicyInput{}, []string{group + " " + ann + " " + zoe + " " + bounded + " " + role}},
			{"one by one", iamclient.ListEntitiesForPolicyInput{MaxItems: aws.Int32(1)}, []string{group, bounded, role, ann, zoe}},
			{"two by two", iamclient.ListEntitiesForPolicyInput{MaxItems: aws.Int32(2)}, []string{group + " " + bounded, ann + " " + role, zoe}},
			{"users", iamclient.ListEntitiesForPolicyInput{EntityFilter: types.EntityTypeUser}, []string{ann + " " + zoe}},
			{"roles", iamclient.ListEntitiesForPolicyInput{EntityFilter: types.EntityTypeRole}, []string{bounded + " " + role}},
			{"groups", iamclient.ListEntitiesForPolicyInput{EntityFilter: types.EntityTypeGroup}, []string{group}},
			{"policies", iamclient.ListEntitiesForPolicyInput{EntityFilter: types.EntityTypeLocalManagedPolicy}, []string{""}},
			{"AWS's policies", iamclient.ListEntitiesForPolicyInput{EntityFilter: types.EntityTypeAWSManagedPolicy}, []string{""}},
			{"attached", iamclient.ListEntitiesForPolicyInput{PolicyUsageFilter: types.PolicyUsageTypePermissionsPolicy}, []string{group + " " + ann + " " + role}},
			{"bounded", iamclient.ListEntitiesForPolicyInput{PolicyUsageFilter: types.PolicyUsageTypePermissionsBoundary}, []string{zoe + " " + bounded + " " + role}},
			{"bounded users", iamclient.ListEntitiesForPolicyInput{PolicyUsageFilter: types.PolicyUsageTypePermissionsBoundary, EntityFilter: types.EntityTypeUser, MaxItems: aws.Int32(1)}, []string{zoe}},
			{"path", iamclient.ListEntitiesForPolicyInput{PathPrefix: aws.String("/te")}, []string{ann + " " + role}},
		} {
			c.in.PolicyArn = aws.String(strings.ToLower(policyARN))
			if diff := cmp.Diff(c.want, f.entitiesOf(t, c.in)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", policyARN, c.name, diff)
			}
		}
	}
}

func TestListEntitiesForPolicyRefusals(t *testing.T) {
	t.Parallel()
	f := start(t)
	const other = "210987654321"
	f.AddAccount(t, other)
	owner := &fixture{f.Server, iamclient.NewFromConfig(f.UserOf(t, other, "administrator", awsapitest.Administrator))}
	policyARN := f.createPolicy(t, "/", "read")
	for _, absent := range []string{arn.Policy(account, "/", "absent"), arn.Policy(account, "/ci/", "read"), owner.createPolicy(t, "/", "theirs"), "arn:aws:iam::aws:policy/NoneOfThisName"} {
		_, err := f.admin.ListEntitiesForPolicy(t.Context(), &iamclient.ListEntitiesForPolicyInput{PolicyArn: &absent})
		wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "Policy " + absent + " does not exist or is not attachable."})
	}
	for _, c := range []struct{ parameter, value, message string }{
		{"EntityFilter", "user", "1 validation error detected: Value at 'entityFilter' failed to satisfy constraint: Member must satisfy enum value set: [LocalManagedPolicy, User, AWSManagedPolicy, Role, Group]"},
		{"PolicyUsageFilter", "", "1 validation error detected: Value at 'policyUsageFilter' failed to satisfy constraint: Member must satisfy enum value set: [PermissionsPolicy, PermissionsBoundary]"},
		{"PathPrefix", "ci", "The specified value for pathPrefix is invalid. It must begin with the / character and contain only alphanumeric characters and/or / characters."},
		{"MaxItems", "0", "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"Marker", "not base64!", "Invalid Marker."},
	} {
		wantCall(t, f.call(t, "ListEntitiesForPolicy", "PolicyArn", policyARN, c.parameter, c.value), fault{http.StatusBadRequest, "ValidationError", c.message})
	}
}

// policyTags are the tags of a policy in pages of a size: Key=Value.
func (f *fixture) policyTags(t *testing.T, policyARN string, items int32) (pages []string) {
	t.Helper()
	for p := iamclient.NewListPolicyTagsPaginator(f.admin, &iamclient.ListPolicyTagsInput{PolicyArn: &policyARN, MaxItems: &items}); p.HasMorePages(); {
		out := noError[*iamclient.ListPolicyTagsOutput](t)(p.NextPage(t.Context()))
		pages = append(pages, tagText(out.Tags))
	}
	return pages
}

func tagText(tags []types.Tag) string {
	var text []string
	for _, tag := range tags {
		text = append(text, *tag.Key+"="+*tag.Value)
	}
	return strings.Join(text, " ")
}

// keyed are tags of which each second text is the value.
func keyed(texts ...string) (tags []types.Tag) {
	for i := 0; i+1 < len(texts); i += 2 {
		tags = append(tags, types.Tag{Key: &texts[i], Value: &texts[i+1]})
	}
	return tags
}

func TestPolicyTags(t *testing.T) {
	t.Parallel()
	f := start(t)
	created := noError[*iamclient.CreatePolicyOutput](t)(f.admin.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{
		PolicyName: aws.String("Read"), Path: aws.String("/ci/"), PolicyDocument: aws.String(readPolicy), Tags: keyed("team", "a", "Team", "b", "aaa", ""),
	})).Policy
	if got := tagText(created.Tags); got != "team=a Team=b aaa=" {
		t.Errorf("created with %s, want the order of the request", got)
	}
	policyARN, lower := *created.Arn, strings.ToLower(*created.Arn)
	if got := tagText(f.getPolicy(t, policyARN).Tags); got != "Team=b aaa= team=a" {
		t.Errorf("tags %s", got)
	}
	must(t)(f.admin.TagPolicy(t.Context(), &iamclient.TagPolicyInput{PolicyArn: &lower, Tags: keyed("team", "c", "größe ::/=+-@_.", "1")}))
	if diff := cmp.Diff([]string{"Team=b aaa=", "größe ::/=+-@_.=1 team=c"}, f.policyTags(t, policyARN, 2)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	must(t)(f.admin.UntagPolicy(t.Context(), &iamclient.UntagPolicyInput{PolicyArn: &lower, TagKeys: []string{"TEAM", "team", "aws:absent"}}))
	if diff := cmp.Diff([]string{"Team=b aaa= größe ::/=+-@_.=1"}, f.policyTags(t, policyARN, 1000)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}

	// Fifty in all, and what is refused changes nothing.
	var many []types.Tag
	for i := range 47 {
		many = append(many, keyed("k"+strings.Repeat("x", i), "v")...)
	}
	must(t)(f.admin.TagPolicy(t.Context(), &iamclient.TagPolicyInput{PolicyArn: &policyARN, Tags: many}))
	_, err := f.admin.TagPolicy(t.Context(), &iamclient.TagPolicyInput{PolicyArn: &policyARN, Tags: keyed("aaa", "changed", "one more", "")})
	wantFault(t, err, fault{http.StatusConflict, "LimitExceeded", "The number of tags has reached the maximum limit."})
	if got := f.policyTags(t, policyARN, 2); len(got) != 25 || got[0] != "Team=b aaa=" {
		t.Errorf("tags after the refusal: %d pages, %s", len(got), got[0])
	}
}

func TestPolicyTagRefusals(t *testing.T) {
	t.Parallel()
	f := start(t)
	policyARN, absent := f.createPolicy(t, "/", "read"), arn.Policy(account, "/", "absent")
	failed := "1 validation error detected: Value at '"
	for _, c := range []struct {
		name string
		tags []types.Tag
		want fault
	}{
		{"twice", keyed("k", "1", "k", "2"), fault{400, "InvalidInput", "Duplicate tag keys found."}},
		{"reserved", keyed("Aws:k", "1", "Aws:k", "2"), fault{400, "InvalidInput", "Tag keys beginning with aws: are reserved for system use."}},
		{"long key", keyed(strings.Repeat("k", 129), ""), fault{400, "ValidationError", failed + "tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal to 128"}},
		{"long value", keyed("k", strings.Repeat("v", 257)), fault{400, "ValidationError", failed + "tags.1.member.value' failed to satisfy constraint: Member must have length less than or equal to 256"}},
		{"characters", keyed("a", "1", "k!", ""), fault{400, "ValidationError", failed + `tags.2.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`}},
		{"too many", make([]types.Tag, 0, 51), fault{400, "ValidationError", failed + "tags' failed to satisfy constraint: Member must have length less than or equal to 50"}},
	} {
		if c.name == "too many" {
			for i := range 51 {
				c.tags = append(c.tags, keyed(strings.Repeat("k", i+1), "")...)
			}
		}
		t.Log(c.name)
		_, err := f.admin.TagPolicy(t.Context(), &iamclient.TagPolicyInput{PolicyArn: &policyARN, Tags: c.tags})
		wantFault(t, err, c.want)
		_, err = f.admin.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{PolicyName: aws.String("new"), PolicyDocument: aws.String(readPolicy), Tags: c.tags})
		wantFault(t, err, c.want)
	}
	elements := failed + `tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+, Member must not be null]`
	for _, key := range []string{"", "k!", strings.Repeat("k", 129)} {
		_, err := f.admin.UntagPolicy(t.Context(), &iamclient.UntagPolicyInput{PolicyArn: &policyARN, TagKeys: []string{"a", key}})
		wantFault(t, err, fault{400, "ValidationError", elements})
	}
	_, err := f.admin.UntagPolicy(t.Context(), &iamclient.UntagPolicyInput{PolicyArn: &policyARN, TagKeys: strings.Split(strings.Repeat("k,", 50)+"k", ",")})
	wantFault(t, err, fault{400, "ValidationError", failed + "tagKeys' failed to satisfy constraint: Member must have length less than or equal to 50"})
	wantCall(t, f.call(t, "TagPolicy", "PolicyArn", policyARN), fault{400, "ValidationError", failed + "tags' failed to satisfy constraint: Member must not be null"})
	wantCall(t, f.call(t, "UntagPolicy", "PolicyArn", policyARN), fault{400, "ValidationError", failed + "tagKeys' failed to satisfy constraint: Member must not be null"})
	wantCall(t, f.call(t, "TagPolicy", "PolicyArn", policyARN, "Tags", ""), fault{400, "InvalidInput", "Error occurred while validating input. "})

	_, err = f.admin.TagPolicy(t.Context(), &iamclient.TagPolicyInput{PolicyArn: &absent, Tags: keyed("k", "v")})
	wantFault(t, err, noPolicy(absent))
	_, err = f.admin.UntagPolicy(t.Context(), &iamclient.UntagPolicyInput{PolicyArn: &absent, TagKeys: []string{"k"}})
	wantFault(t, err, noPolicy(absent))
	_, err = f.admin.ListPolicyTags(t.Context(), &iamclient.ListPolicyTagsInput{PolicyArn: &absent})
	wantFault(t, err, noPolicy(absent))
	if got := f.policyTags(t, policyARN, 10); got[0] != "" || len(f.Directory.Snapshot().Policies(account)) != 1 {
		t.Errorf("tags after refusals: %q", got)
	}
}

// TestPolicyTagConditions: tags of a policy and of a request are condition keys.
func TestPolicyTagConditions(t *testing.T) {
	t.Parallel()
	f := start(t)
	mine, theirs := f.createPolicy(t, "/", "mine"), f.createPolicy(t, "/", "theirs")
	must(t)(f.admin.TagPolicy(t.Context(), &iamclient.TagPolicyInput{PolicyArn: &mine, Tags: keyed("team", "a")}))
	user := f.as(t, "ann",
		statement("Allow", "iam:GetPolicy", "*", `"StringEquals":{"aws:ResourceTag/team":"a"}`),
		statement("Allow", "iam:ListPolicyTags", "*", `"StringEquals":{"iam:ResourceTag/team":"a"}`),
		statement("Allow", "iam:CreatePolicy", "*", ""),
		statement("Allow", "iam:TagPolicy", "*", `"StringEquals":{"aws:RequestTag/team":"a"},"ForAllValues:StringEquals":{"aws:TagKeys":"team"}`),
		statement("Allow", "iam:UntagPolicy", "*", `"ForAllValues:StringEquals":{"aws:TagKeys":"use"}`))
	user.getPolicy(t, mine)
	_, err := user.admin.GetPolicy(t.Context(), &iamclient.GetPolicyInput{PolicyArn: &theirs})
	wantFault(t, err, denied("ann", "GetPolicy", theirs))
	_, err = user.admin.ListPolicyTags(t.Context(), &iamclient.ListPolicyTagsInput{PolicyArn: &mine})
	wantFault(t, err, denied("ann", "ListPolicyTags", mine)) // policies have no iam:ResourceTag
	create := func(tags ...string) error {
		_, err := user.admin.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{PolicyName: aws.String("new"), PolicyDocument: aws.String(readPolicy), Tags: keyed(tags...)})
		return err
	}
	wantFault(t, create("team", "b"), denied("ann", "TagPolicy", arn.Policy(account, "/", "new")))
	wantFault(t, create("team", "a", "use", "c"), denied("ann", "TagPolicy", arn.Policy(account, "/", "new")))
	succeed(t, "create", create("team", "a"))
	_, err = user.admin.UntagPolicy(t.Context(), &iamclient.UntagPolicyInput{PolicyArn: &mine, TagKeys: []string{"team"}})
	wantFault(t, err, denied("ann", "UntagPolicy", mine))
	must(t)(user.admin.UntagPolicy(t.Context(), &iamclient.UntagPolicyInput{PolicyArn: &mine, TagKeys: []string{"use"}}))
}

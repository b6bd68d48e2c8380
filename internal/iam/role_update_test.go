package iam_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/arn"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

// TestUpdateRole changes what is sent, and leaves what is not.
func TestUpdateRole(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRoleAt(t, "/ci/", "Deploy")
	name := aws.String("dEPLOY")
	check := func(what string, description *string, duration int32) {
		t.Helper()
		role := f.getRole(t, "Deploy").Role
		if diff := cmp.Diff(description, role.Description); diff != "" || *role.MaxSessionDuration != duration || *role.RoleName != "Deploy" || *role.Path != "/ci/" || unescape(t, role.AssumeRolePolicyDocument) != trustPolicy {
			t.Errorf("%s: %d seconds, description (-want +got):\n%s", what, *role.MaxSessionDuration, diff)
		}
	}
	update := func(in iamclient.UpdateRoleInput) error {
		in.RoleName = name
		_, err := f.admin.UpdateRole(t.Context(), &in)
		return err
	}
	succeed(t, "nothing", update(iamclient.UpdateRoleInput{}))
	check("nothing", nil, 3600)
	succeed(t, "both", update(iamclient.UpdateRoleInput{Description: aws.String("über <alles>"), MaxSessionDuration: aws.Int32(43200)}))
	check("both", aws.String("über <alles>"), 43200)
	succeed(t, "nothing", update(iamclient.UpdateRoleInput{}))
	check("nothing again", aws.String("über <alles>"), 43200)
	succeed(t, "description", update(iamclient.UpdateRoleInput{Description: aws.String(strings.Repeat("ä", 1000))}))
	check("description", aws.String(strings.Repeat("ä", 1000)), 43200)
	succeed(t, "duration", update(iamclient.UpdateRoleInput{MaxSessionDuration: aws.Int32(3600)}))
	check("duration", aws.String(strings.Repeat("ä", 1000)), 3600)
	succeed(t, "no description", update(iamclient.UpdateRoleInput{Description: aws.String("")}))
	check("no description", aws.String(""), 3600)

	out := noError[*iamclient.UpdateRoleDescriptionOutput](t)(f.admin.UpdateRoleDescription(t.Context(), &iamclient.UpdateRoleDescriptionInput{RoleName: name, Description: aws.String("deploys")}))
	if r := out.Role; *r.RoleName != "Deploy" || *r.Description != "deploys" || r.MaxSessionDuration != nil || r.RoleLastUsed != nil || unescape(t, r.AssumeRolePolicyDocument) != trustPolicy {
		t.Errorf("UpdateRoleDescription tells %+v", r)
	}
	check("UpdateRoleDescription", aws.String("deploys"), 3600)
}

func TestUpdateRoleRefusals(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRoleAt(t, "/ci/", "Deploy")
	failed := "1 validation error detected: Value at '"
	for _, c := range []struct {
		action, parameter, value string
		want                     fault
	}{
		{"UpdateRole", "MaxSessionDuration", "3599", fault{400, "ValidationError", failed + "maxSessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 3600"}},
		{"UpdateRole", "MaxSessionDuration", "-1", fault{400, "ValidationError", failed + "maxSessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 3600"}},
		{"UpdateRole", "MaxSessionDuration", "43201", fault{400, "ValidationError", failed + "maxSessionDuration' failed to satisfy constraint: Member must have value less than or equal to 43200"}},
		{"UpdateRole", "MaxSessionDuration", "1.0", fault{400, "MalformedInput", ""}},
		{"UpdateRole", "Description", strings.Repeat("a", 1001), fault{400, "ValidationError", failed + "description' failed to satisfy constraint: Member must have length less than or equal to 1000"}},
		{"UpdateRoleDescription", "Description", strings.Repeat("ä", 1001), fault{400, "ValidationError", failed + "description' failed to satisfy constraint: Member must have length less than or equal to 1000"}},
		{"UpdateRoleDescription", "Description", "\u20ac", fault{400, "ValidationError", failed + `description' failed to satisfy constraint: Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`}},
		{"UpdateRoleDescription", "Other", "", fault{400, "ValidationError", failed + "description' failed to satisfy constraint: Member must not be null"}},
		{"UpdateRole", "RoleName", "absent", noRole("absent")},
		{"UpdateRoleDescription", "RoleName", "absent", noRole("absent")},
	} {
		t.Logf("%s %s %.10s", c.action, c.parameter, c.value)
		parameters := map[string]string{"RoleName": "Deploy"}
		if c.action == "UpdateRoleDescription" && c.parameter != "Other" {
			parameters["Description"] = "d"
		}
		parameters[c.parameter] = c.value
		var flat []string
		for name, value := range parameters {
			flat = append(flat, name, value)
		}
		wantCall(t, f.call(t, c.action, flat...), c.want)
	}
	if r := f.getRole(t, "Deploy").Role; *r.MaxSessionDuration != 3600 || r.Description != nil {
		t.Errorf("refused changes were made: %+v", r)
	}
}

// TestCreateRoleWithTagsAndBoundary makes a role with all that it can have.
func TestCreateRoleWithTagsAndBoundary(t *testing.T) {
	t.Parallel()
	f := start(t)
	boundary := f.createPolicy(t, "/ci/", "Boundary")
	lower := strings.ToLower(boundary)
	create := func(name string, in iamclient.CreateRoleInput) (*types.Role, error) {
		in.RoleName, in.AssumeRolePolicyDocument = &name, aws.String(trustPolicy)
		out, err := f.admin.CreateRole(t.Context(), &in)
		if err != nil {
			return nil, err
		}
		return out.Role, nil
	}
	created := noError[*types.Role](t)(create("deploy", iamclient.CreateRoleInput{PermissionsBoundary: &lower, Tags: keyed("use", "", "Team", "a")}))
	if got := tagText(created.Tags); got != "use= Team=a" || *created.PermissionsBoundary.PermissionsBoundaryArn != boundary || created.PermissionsBoundary.PermissionsBoundaryType != "Policy" {
		t.Errorf("created with %s, %+v", got, created.PermissionsBoundary)
	}
	found := f.getRole(t, "deploy").Role
	if got := tagText(found.Tags); got != "Team=a use=" || *found.PermissionsBoundary.PermissionsBoundaryArn != boundary {
		t.Errorf("found with %s, %+v", got, found.PermissionsBoundary)
	}
	listed := noError[*iamclient.ListRolesOutput](t)(f.admin.ListRoles(t.Context(), nil)).Roles
	if len(listed) != 1 || listed[0].Tags != nil || listed[0].PermissionsBoundary != nil || listed[0].RoleLastUsed != nil {
		t.Errorf("listed %+v", listed)
	}
	if p := f.getPolicy(t, boundary); *p.PermissionsBoundaryUsageCount != 1 || *p.AttachmentCount != 0 {
		t.Errorf("the boundary counts %d uses and %d attachments", *p.PermissionsBoundaryUsageCount, *p.AttachmentCount)
	}
	bare := noError[*types.Role](t)(create("bare", iamclient.CreateRoleInput{}))
	if bare.Tags != nil || bare.PermissionsBoundary != nil || f.getRole(t, "bare").Role.Tags != nil {
		t.Errorf("without tags: %+v", bare)
	}

	absent := arn.Policy(account, "/", "absent")
	for _, c := range []struct {
		in   iamclient.CreateRoleInput
		want fault
	}{
		{iamclient.CreateRoleInput{PermissionsBoundary: &absent}, fault{404, "NoSuchEntity", "Scope ARN: " + absent + " does not exist or is not attachable."}},
		{iamclient.CreateRoleInput{PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/aws-service-role/x")}, fault{400, "PolicyNotAttachable", "Cannot attach AWS reserved policy to an IAM role."}},
		{iamclient.CreateRoleInput{Tags: keyed("Team", "a", "team", "b")}, fault{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}},
		{iamclient.CreateRoleInput{Tags: keyed("aWs:team", "a")}, fault{400, "InvalidInput", "Tag keys beginning with aws: are reserved for system use."}},
		{iamclient.CreateRoleInput{Tags: keyed(strings.Repeat("k", 129), "a")}, fault{400, "ValidationError", "1 validation error detected: Value at 'tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal to 128"}},
	} {
		_, err := create("refused", c.in)
		wantFault(t, err, c.want)
	}
	_, err := f.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("refused")})
	wantFault(t, err, noRole("refused"))

	// A role goes with its boundary.
	must(t)(f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("deploy")}))
	must(t)(f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: &boundary}))
}

// TestCreateRoleConditions: tags and boundary of the request are condition keys,
// and to tag needs a permission of its own.
func TestCreateRoleConditions(t *testing.T) {
	t.Parallel()
	f := start(t)
	boundary, other := f.createPolicy(t, "/", "Boundary"), f.createPolicy(t, "/", "other")
	user := f.as(t, "ann",
		statement("Allow", "iam:CreateRole", "*", `"ArnEquals":{"iam:PermissionsBoundary":"`+boundary+`"}`),
		statement("Allow", "iam:TagRole", "*", `"StringEquals":{"aws:RequestTag/team":"a"}`),
		statement("Allow", "iam:PutRolePolicy", "*", `"ArnEquals":{"iam:PermissionsBoundary":"`+boundary+`"}`))
	create := func(name, boundary string, tags ...string) error {
		in := &iamclient.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trustPolicy), Tags: keyed(tags...)}
		if boundary != "" {
			in.PermissionsBoundary = &boundary
		}
		_, err := user.admin.CreateRole(t.Context(), in)
		return err
	}
	role := arn.Role(account, "/", "r")
	wantFault(t, create("r", ""), denied("ann", "CreateRole", role))
	wantFault(t, create("r", other), denied("ann", "CreateRole", role))
	wantFault(t, create("r", boundary, "team", "b"), denied("ann", "TagRole", role))
	succeed(t, "create", create("r", strings.ToLower(boundary), "team", "a"), create("untagged", boundary))
	// Of the others it is the boundary that the role has.
	f.createRole(t, "unbounded")
	succeed(t, "put", user.putRolePolicy(t, "r", "p", readPolicy))
	wantFault(t, user.putRolePolicy(t, "unbounded", "p", readPolicy), denied("ann", "PutRolePolicy", arn.Role(account, "/", "unbounded")))
}

func (f *fixture) roleTags(t *testing.T, role string, items int32) (pages []string) {
	t.Helper()
	for p := iamclient.NewListRoleTagsPaginator(f.admin, &iamclient.ListRoleTagsInput{RoleName: &role, MaxItems: &items}); p.HasMorePages(); {
		pages = append(pages, tagText(noError[*iamclient.ListRoleTagsOutput](t)(p.NextPage(t.Context())).Tags))
	}
	return pages
}

// TestRoleTags: keys of a role's tags are the same in any case, and the spelling of
// the last write is kept.
func TestRoleTags(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRoleAt(t, "/ci/", "Deploy")
	name := aws.String("dEPLOY")
	tag := func(tags ...string) error {
		_, err := f.admin.TagRole(t.Context(), &iamclient.TagRoleInput{RoleName: name, Tags: keyed(tags...)})
		return err
	}
	untag := func(keys ...string) error {
		_, err := f.admin.UntagRole(t.Context(), &iamclient.UntagRoleInput{RoleName: name, TagKeys: keys})
		return err
	}
	succeed(t, "tag", tag("Team", "a", "use", "aws:b"), tag("team", "c", "ort", "Zürich"))
	if diff := cmp.Diff([]string{"ort=Zürich team=c", "use=aws:b"}, f.roleTags(t, "deploy", 2)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	succeed(t, "untag", untag("TEAM", "absent", "aws:x"), untag("absent"))
	if diff := cmp.Diff([]string{"ort=Zürich use=aws:b"}, f.roleTags(t, "deploy", 1000)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	wantFault(t, tag("Key", "1", "kEY", "2"), fault{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."})
	wantFault(t, tag("AWS:k", "1"), fault{400, "InvalidInput", "Tag keys beginning with aws: are reserved for system use."})
	wantCall(t, f.call(t, "TagRole", "RoleName", "deploy", "Tags", ""), fault{400, "InvalidInput", "Error occurred while validating input. "})
	if reply := f.call(t, "UntagRole", "RoleName", "deploy", "TagKeys", ""); reply.Status != http.StatusOK {
		t.Errorf("an empty list of keys: %d %s", reply.Status, reply.Body)
	}
	for i := range 48 {
		succeed(t, "tag", tag(fmt.Sprint("k", i), ""))
	}
	wantFault(t, tag("USE", "changed", "more", ""), fault{409, "LimitExceeded", "The number of tags has reached the maximum limit."})
	if got := f.roleTags(t, "deploy", 1000)[0]; strings.Count(got, "=") != 50 || !strings.HasSuffix(got, "use=aws:b") {
		t.Errorf("after the refusal: %s", got)
	}
	_, err := f.admin.ListRoleTags(t.Context(), &iamclient.ListRoleTagsInput{RoleName: aws.String("absent")})
	wantFault(t, err, noRole("absent"))
	_, err = f.admin.TagRole(t.Context(), &iamclient.TagRoleInput{RoleName: aws.String("absent"), Tags: keyed("k", "v")})
	wantFault(t, err, noRole("absent"))
	_, err = f.admin.UntagRole(t.Context(), &iamclient.UntagRoleInput{RoleName: aws.String("absent"), TagKeys: []string{"k"}})
	wantFault(t, err, noRole("absent"))

	// What is reserved or double is told after permission is asked, what the model
	// forbids before (recorded on AWS).
	nobody := f.as(t, "nobody")
	_, err = nobody.admin.TagRole(t.Context(), &iamclient.TagRoleInput{RoleName: name, Tags: keyed("aws:k", "1")})
	wantFault(t, err, denied("nobody", "TagRole", arn.Role(account, "/ci/", "Deploy")))
	_, err = nobody.admin.TagRole(t.Context(), &iamclient.TagRoleInput{RoleName: name, Tags: keyed("k!", "1")})
	wantFault(t, err, fault{400, "ValidationError", `1 validation error detected: Value at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`})
}

// TestRoleTagConditions: a role's tags are condition keys of what is done with it.
func TestRoleTagConditions(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "mine")
	f.createRole(t, "theirs")
	must(t)(f.admin.TagRole(t.Context(), &iamclient.TagRoleInput{RoleName: aws.String("mine"), Tags: keyed("Team", "a")}))
	user := f.as(t, "ann",
		statement("Allow", "iam:GetRole", "*", `"StringEquals":{"aws:ResourceTag/team":"a"}`),
		statement("Allow", "iam:ListRoleTags", "*", `"StringEquals":{"iam:ResourceTag/Team":"a"}`))
	user.getRole(t, "MINE")
	user.roleTags(t, "mine", 1)
	_, err := user.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("theirs")})
	wantFault(t, err, denied("ann", "GetRole", arn.Role(account, "/", "theirs")))
}

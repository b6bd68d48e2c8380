package iam_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/iam"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func (f *fixture) createProfile(t *testing.T, path, name string, tags ...string) *types.InstanceProfile {
	t.Helper()
	return noError[*iamclient.CreateInstanceProfileOutput](t)(f.admin.CreateInstanceProfile(t.Context(), &iamclient.CreateInstanceProfileInput{
		InstanceProfileName: &name, Path: &path, Tags: tagsOf(tags...),
	})).InstanceProfile
}

func (f *fixture) getProfile(t *testing.T, name string) *types.InstanceProfile {
	t.Helper()
	return noError[*iamclient.GetInstanceProfileOutput](t)(f.admin.GetInstanceProfile(t.Context(), &iamclient.GetInstanceProfileInput{InstanceProfileName: &name})).InstanceProfile
}

func (f *fixture) addRole(t *testing.T, profile, role string) error {
	t.Helper()
	_, err := f.admin.AddRoleToInstanceProfile(t.Context(), &iamclient.AddRoleToInstanceProfileInput{InstanceProfileName: &profile, RoleName: &role})
	return err
}

func (f *fixture) removeRole(t *testing.T, profile, role string) error {
	t.Helper()
	_, err := f.admin.RemoveRoleFromInstanceProfile(t.Context(), &iamclient.RemoveRoleFromInstanceProfileInput{InstanceProfileName: &profile, RoleName: &role})
	return err
}

func (f *fixture) deleteProfile(t *testing.T, name string) error {
	t.Helper()
	_, err := f.admin.DeleteInstanceProfile(t.Context(), &iamclient.DeleteInstanceProfileInput{InstanceProfileName: &name})
	return err
}

func noProfile(name string) fault {
	return fault{http.StatusNotFound, "NoSuchEntity", "Instance Profile " + name + " cannot be found."}
}

func TestInstanceProfileLife(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRoleAt(t, "/ci/", "Deploy")
	created := f.createProfile(t, "/ci/", "Build", "team", "ci")
	if !regexp.MustCompile(`^AIPA[A-Z2-7]{17}$`).MatchString(*created.InstanceProfileId) {
		t.Errorf("id %s", *created.InstanceProfileId)
	}
	if *created.Arn != "arn:aws:iam::123456789012:instance-profile/ci/Build" || *created.Path != "/ci/" || *created.InstanceProfileName != "Build" || created.CreateDate == nil {
		t.Errorf("created %+v", created)
	}
	if created.Roles == nil || len(created.Roles) != 0 {
		t.Errorf("roles of a new profile are %v, want an empty list", created.Roles)
	}
	// Every spelling finds it; its own comes back.
	found := f.getProfile(t, "bUILD")
	if diff := cmp.Diff(created, found, cmpopts.IgnoreUnexported(types.InstanceProfile{}, types.Tag{})); diff != "" {
		t.Error(diff)
	}
	if untagged := f.createProfile(t, "/", "untagged"); untagged.Tags != nil {
		t.Errorf("a profile without tags is made with %v", untagged.Tags)
	}
	if untagged := f.getProfile(t, "untagged"); untagged.Tags == nil || len(untagged.Tags) != 0 {
		t.Errorf("a profile without tags has %v, want an empty list", untagged.Tags)
	}
	_, err := f.admin.CreateInstanceProfile(t.Context(), &iamclient.CreateInstanceProfileInput{InstanceProfileName: aws.String("BUILD")})
	wantFault(t, err, fault{http.StatusConflict, "EntityAlreadyExists", "Instance Profile BUILD already exists."})

	if err := f.addRole(t, "build", "deploy"); err != nil {
		t.Fatal(err)
	}
	role := f.getProfile(t, "Build").Roles
	if len(role) != 1 || *role[0].RoleName != "Deploy" || *role[0].Arn != "arn:aws:iam::123456789012:role/ci/Deploy" || *role[0].Path != "/ci/" ||
		unescape(t, role[0].AssumeRolePolicyDocument) != trustPolicy || role[0].CreateDate == nil || !strings.HasPrefix(*role[0].RoleId, "AROA") {
		t.Errorf("roles %+v", role)
	}
	inUse := fault{http.StatusConflict, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first."}
	wantFault(t, f.deleteProfile(t, "Build"), inUse)
	_, err = f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("Deploy")})
	wantFault(t, err, inUse)

	if err := f.removeRole(t, "BUILD", "DEPLOY"); err != nil {
		t.Fatal(err)
	}
	if roles := f.getProfile(t, "Build").Roles; len(roles) != 0 {
		t.Errorf("roles %+v", roles)
	}
	must(t)(f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("Deploy")}))
	if err := f.deleteProfile(t, "build"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, f.deleteProfile(t, "build"), noProfile("build"))
	_, err = f.admin.GetInstanceProfile(t.Context(), &iamclient.GetInstanceProfileInput{InstanceProfileName: aws.String("Build")})
	wantFault(t, err, noProfile("Build"))
	if again := f.createProfile(t, "/", "build"); *again.InstanceProfileId == *created.InstanceProfileId {
		t.Error("a profile that is made again has the old id")
	}
}

func TestRoleInInstanceProfile(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	f.createRole(t, "other")
	f.createProfile(t, "/", "build")
	f.createProfile(t, "/", "test")
	if err := f.addRole(t, "build", "deploy"); err != nil {
		t.Fatal(err)
	}
	one := fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"}
	wantFault(t, f.addRole(t, "build", "other"), one)
	wantFault(t, f.addRole(t, "build", "deploy"), one) // not idempotent, on AWS neither
	if err := f.addRole(t, "test", "deploy"); err != nil {
		t.Errorf("a role can be in several profiles: %v", err)
	}
	wantFault(t, f.addRole(t, "build", "Absent"), noRole("Absent"))
	wantFault(t, f.addRole(t, "Absent", "deploy"), noProfile("Absent"))
	wantFault(t, f.addRole(t, "absent", "gone"), noRole("gone"))
	wantFault(t, f.removeRole(t, "build", "Absent"), noRole("Absent"))
	wantFault(t, f.removeRole(t, "Absent", "deploy"), noProfile("Absent"))
	wantFault(t, f.removeRole(t, "Build", "Other"), fault{http.StatusNotFound, "NoSuchEntity", "Role Other in Instance Profile Build cannot be found."})
	if err := f.removeRole(t, "build", "deploy"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, f.removeRole(t, "build", "deploy"), fault{http.StatusNotFound, "NoSuchEntity", "Role deploy in Instance Profile build cannot be found."})
	// Removed from one, it is still in the other.
	listed := noError[*iamclient.ListInstanceProfilesForRoleOutput](t)(f.admin.ListInstanceProfilesForRole(t.Context(), &iamclient.ListInstanceProfilesForRoleInput{RoleName: aws.String("DEPLOY")}))
	if len(listed.InstanceProfiles) != 1 || *listed.InstanceProfiles[0].InstanceProfileName != "test" || len(listed.InstanceProfiles[0].Roles) != 1 {
		t.Errorf("profiles of the role: %+v", listed.InstanceProfiles)
	}
	none := noError[*iamclient.ListInstanceProfilesForRoleOutput](t)(f.admin.ListInstanceProfilesForRole(t.Context(), &iamclient.ListInstanceProfilesForRoleInput{RoleName: aws.String("other")}))
	if none.InstanceProfiles == nil || len(none.InstanceProfiles) != 0 || none.IsTruncated {
		t.Errorf("profiles of a role that is in none: %+v", none)
	}
	_, err := f.admin.ListInstanceProfilesForRole(t.Context(), &iamclient.ListInstanceProfilesForRoleInput{RoleName: aws.String("Absent")})
	wantFault(t, err, noRole("Absent"))
	// Another account has neither.
	const other = "210987654321"
	f.AddAccount(t, other)
	stranger := &fixture{f.Server, iamclient.NewFromConfig(f.UserOf(t, other, "administrator", awsapitest.Administrator))}
	wantFault(t, stranger.addRole(t, "build", "deploy"), noRole("deploy"))
	wantFault(t, stranger.deleteProfile(t, "build"), noProfile("build"))
}

func TestListInstanceProfiles(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	for _, name := range []string{"b", "A", "c", "B2", "d"} {
		path := "/ci/"
		if name == "c" {
			path = "/c/"
		}
		f.createProfile(t, path, name, "team", "ci")
		if err := f.addRole(t, name, "deploy"); err != nil {
			t.Fatal(err)
		}
	}
	names := func(profiles []types.InstanceProfile) (names []string) {
		for _, p := range profiles {
			names = append(names, *p.InstanceProfileName)
			if p.Tags != nil || len(p.Roles) != 1 {
				t.Errorf("a list tells the tags %v and the roles %v of %s", p.Tags, p.Roles, *p.InstanceProfileName)
			}
		}
		return names
	}
	for prefix, want := range map[string][]string{"/": {"A", "b", "B2", "c", "d"}, "/ci/": {"A", "b", "B2", "d"}, "/c": {"A", "b", "B2", "c", "d"}, "/none/": nil} {
		var got []string
		pages := iamclient.NewListInstanceProfilesPaginator(f.admin, &iamclient.ListInstanceProfilesInput{PathPrefix: &prefix, MaxItems: aws.Int32(2)})
		for pages.HasMorePages() {
			got = append(got, names(noError[*iamclient.ListInstanceProfilesOutput](t)(pages.NextPage(t.Context())).InstanceProfiles)...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", prefix, diff)
		}
	}
	var got []string
	pages := iamclient.NewListInstanceProfilesForRolePaginator(f.admin, &iamclient.ListInstanceProfilesForRoleInput{RoleName: aws.String("deploy"), MaxItems: aws.Int32(2)})
	for pages.HasMorePages() {
		page := noError[*iamclient.ListInstanceProfilesForRoleOutput](t)(pages.NextPage(t.Context()))
		if len(page.InstanceProfiles) > 2 {
			t.Errorf("a page of %d", len(page.InstanceProfiles))
		}
		got = append(got, names(page.InstanceProfiles)...)
	}
	if diff := cmp.Diff([]string{"A", "b", "B2", "c", "d"}, got); diff != "" {
		t.Error(diff)
	}
	for _, request := range [][]string{{"ListInstanceProfiles"}, {"ListInstanceProfilesForRole", "RoleName", "deploy"}, {"ListInstanceProfileTags", "InstanceProfileName", "b"}} {
		wantCall(t, f.call(t, request[0], append(request[1:], "Marker", "!")...), fault{http.StatusBadRequest, "ValidationError", "Invalid Marker."})
		wantCall(t, f.call(t, request[0], append(request[1:], "MaxItems", "1001")...), fault{
			http.StatusBadRequest, "ValidationError",
			"1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000",
		})
	}
	wantCall(t, f.call(t, "ListInstanceProfiles", "PathPrefix", "ci"), fault{
		http.StatusBadRequest, "ValidationError",
		"The specified value for pathPrefix is invalid. It must begin with the / character and contain only alphanumeric characters and/or / characters.",
	})
}

func TestInstanceProfileConstraints(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	invalid := func(message string) fault { return fault{http.StatusBadRequest, "ValidationError", message} }
	longest := strings.Repeat("n", 128)
	f.createProfile(t, "/"+strings.Repeat("p", 510)+"/", longest)
	name := "The specified value for instanceProfileName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
	for given, want := range map[string]string{
		"a b": name, "ä": name, "a/b": name,
		longest + "n": "1 validation error detected: Value at 'instanceProfileName' failed to satisfy constraint: Member must have length less than or equal to 128",
		"":            "1 validation error detected: Value at 'instanceProfileName' failed to satisfy constraint: Member must have length greater than or equal to 1",
	} {
		for operation, more := range map[string][]string{
			"CreateInstanceProfile": nil, "GetInstanceProfile": nil, "DeleteInstanceProfile": nil, "ListInstanceProfileTags": nil,
			"AddRoleToInstanceProfile": {"RoleName", "deploy"}, "RemoveRoleFromInstanceProfile": {"RoleName", "deploy"},
			"TagInstanceProfile": {"Tags.member.1.Key", "a", "Tags.member.1.Value", ""}, "UntagInstanceProfile": {"TagKeys.member.1", "a"},
		} {
			t.Log(operation, given)
			wantCall(t, f.call(t, operation, append([]string{"InstanceProfileName", given}, more...)...), invalid(want))
		}
	}
	wantCall(t, f.call(t, "CreateInstanceProfile", "InstanceProfileName", "p", "Path", "ci/"), invalid(
		"The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."))
	wantCall(t, f.call(t, "CreateInstanceProfile", "InstanceProfileName", "p", "Path", "/"+strings.Repeat("p", 511)+"/"), invalid(
		"1 validation error detected: Value at 'path' failed to satisfy constraint: Member must have length less than or equal to 512"))
	wantCall(t, f.call(t, "AddRoleToInstanceProfile"), invalid(
		"2 validation errors detected: Value at 'instanceProfileName' failed to satisfy constraint: Member must not be null; "+
			"Value at 'roleName' failed to satisfy constraint: Member must not be null"))
	wantCall(t, f.call(t, "ListInstanceProfilesForRole"), invalid("1 validation error detected: Value at 'roleName' failed to satisfy constraint: Member must not be null"))

	// The account has one. The rest is put as it would be stored, all with one
	// role, whose record has room for them.
	err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		role, err := store.GetRecord[store.Role](tx, store.RoleID(account, "deploy"))
		if err != nil {
			return err
		}
		for i := range iam.MaxProfiles - 2 {
			record := store.InstanceProfile{Account: account, Name: fmt.Sprintf("%0128d", i), Path: "/", Role: "deploy"}
			role.InstanceProfiles = append(role.InstanceProfiles, record.Name)
			if err := store.PutRecord(tx, store.InstanceProfileID(account, record.Name), record); err != nil {
				return err
			}
		}
		return store.PutRecord(tx, store.RoleID(account, "deploy"), role)
	})
	if err != nil {
		t.Fatal(err)
	}
	f.createProfile(t, "/", "last")
	for _, profile := range []string{"last", longest} {
		if err := f.addRole(t, profile, "deploy"); err != nil {
			t.Error(err)
		}
	}
	_, err = f.admin.CreateInstanceProfile(t.Context(), &iamclient.CreateInstanceProfileInput{InstanceProfileName: aws.String("more")})
	wantFault(t, err, fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for InstanceProfilesPerAccount: 5000"})
}

func TestInstanceProfileTags(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createProfile(t, "/", "Build", "Key", "1", "key", "")
	tag := func(name string, tags ...string) error {
		_, err := f.admin.TagInstanceProfile(t.Context(), &iamclient.TagInstanceProfileInput{InstanceProfileName: &name, Tags: tagsOf(tags...)})
		return err
	}
	untag := func(name string, keys ...string) error {
		_, err := f.admin.UntagInstanceProfile(t.Context(), &iamclient.UntagInstanceProfileInput{InstanceProfileName: &name, TagKeys: keys})
		return err
	}
	list := func(name string) ([]types.Tag, error) {
		out, err := f.admin.ListInstanceProfileTags(t.Context(), &iamclient.ListInstanceProfileTagsInput{InstanceProfileName: &name})
		if err != nil {
			return nil, err
		}
		return out.Tags, nil
	}
	if err := tag("BUILD", "KEY", "3", "key", "2"); err != nil {
		t.Fatal(err)
	}
	if err := untag("build", "kEY", "Key"); err != nil {
		t.Fatal(err)
	}
	want := []string{"KEY=3", "key=2"}
	if diff := cmp.Diff(want, shown(f.getProfile(t, "Build").Tags)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, shown(noError[[]types.Tag](t)(list("bUILD")))); diff != "" {
		t.Error(diff)
	}
	wantFault(t, tag("build", "a", "", "a", ""), fault{http.StatusBadRequest, "InvalidInput", "Duplicate tag keys found."})
	wantFault(t, tag("build", "aws:a", ""), fault{http.StatusBadRequest, "InvalidInput", "Tag keys beginning with aws: are reserved for system use."})
	var many []string
	for i := range 49 {
		many = append(many, fmt.Sprint("k", i), "v")
	}
	wantFault(t, tag("build", many...), fault{http.StatusConflict, "LimitExceeded", "The number of tags has reached the maximum limit."})
	wantFault(t, tag("Absent", "a", ""), noProfile("Absent"))
	wantFault(t, untag("Absent", "a"), noProfile("Absent"))
	_, err := list("Absent")
	wantFault(t, err, noProfile("Absent"))
}

// TestPassRole: a role goes into a profile only for one who may pass it to EC2.
func TestPassRole(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRoleAt(t, "/ci/", "Deploy")
	f.createProfile(t, "/ci/", "Build", "team", "ci")
	const role, profile = "arn:aws:iam::123456789012:role/ci/Deploy", "arn:aws:iam::123456789012:instance-profile/ci/Build"
	add := statement("Allow", "iam:AddRoleToInstanceProfile", profile, "")
	cannotPass := func(user string) fault { return denied(user, "PassRole", role) }

	wantFault(t, f.as(t, "passes", statement("Allow", "iam:PassRole", role, "")).addRole(t, "build", "deploy"), denied("passes", "AddRoleToInstanceProfile", profile))
	wantFault(t, f.as(t, "adds", add).addRole(t, "build", "deploy"), cannotPass("adds"))
	wantFault(t, f.as(t, "elsewhere", add, statement("Allow", "iam:PassRole", role, `"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}`)).addRole(t, "build", "deploy"), cannotPass("elsewhere"))
	wantFault(t, f.as(t, "other", add, statement("Allow", "iam:PassRole", "arn:aws:iam::123456789012:role/Deploy", "")).addRole(t, "build", "deploy"), cannotPass("other"))
	// A role that is not there is denied like one that is.
	wantFault(t, f.as(t, "guesses", add).addRole(t, "build", "absent"), denied("guesses", "PassRole", "arn:aws:iam::123456789012:role/absent"))
	if roles := f.getProfile(t, "Build").Roles; len(roles) != 0 {
		t.Fatalf("the profile has the roles %v", roles)
	}
	both := f.as(t, "both", statement("Allow", "iam:*RoleToInstanceProfile", "*", `"StringEquals":{"aws:ResourceTag/team":"ci"}`), statement("Allow", "iam:PassRole", role,
		`"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"},"ArnLike":{"iam:AssociatedResourceArn":"arn:aws:ec2:*:123456789012:instance/*"}`))
	if err := both.addRole(t, "build", "deploy"); err != nil {
		t.Error(err)
	}
	// To take it out again needs nothing of the role.
	remover := f.as(t, "removes", statement("Allow", "iam:RemoveRoleFromInstanceProfile", profile, ""))
	if err := remover.removeRole(t, "build", "deploy"); err != nil {
		t.Error(err)
	}
	wantFault(t, both.removeRole(t, "build", "deploy"), denied("both", "RemoveRoleFromInstanceProfile", profile))

	create := f.as(t, "creates", statement("Allow", "iam:CreateInstanceProfile", "arn:aws:iam::123456789012:instance-profile/new/*", ""))
	create.createProfile(t, "/new/", "untagged")
	_, err := create.admin.CreateInstanceProfile(t.Context(), &iamclient.CreateInstanceProfileInput{InstanceProfileName: aws.String("p"), Path: aws.String("/new/"), Tags: tagsOf("a", "b")})
	wantFault(t, err, denied("creates", "TagInstanceProfile", "arn:aws:iam::123456789012:instance-profile/new/p"))
	_, err = create.admin.CreateInstanceProfile(t.Context(), &iamclient.CreateInstanceProfileInput{InstanceProfileName: aws.String("p")})
	wantFault(t, err, denied("creates", "CreateInstanceProfile", "arn:aws:iam::123456789012:instance-profile/p"))
}

// TestProfileInTheStore has requests be allowed on what is not there any more.
func TestProfileInTheStore(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	f.createProfile(t, "/ci/", "build")
	taken, _ := f.Directory.Snapshot().InstanceProfile(account, "build")
	moved := taken.InstanceProfile
	moved.Path = "/admin/"
	at := func(p store.InstanceProfile) map[store.ID]any {
		return map[store.ID]any{store.InstanceProfileID(account, p.Name): p}
	}
	user := f.as(t, "ci", statement("Allow", "iam:*", "arn:aws:iam::123456789012:instance-profile/ci/*", ""), statement("Allow", "iam:*", "arn:aws:iam::123456789012:role/*", ""))
	got := f.overtaken(t, at(taken.InstanceProfile), at(moved),
		func() error { return user.deleteProfile(t, "build") },
		func() error { return user.addRole(t, "build", "deploy") },
		func() error { return user.removeRole(t, "build", "deploy") },
		func() error {
			_, err := user.admin.TagInstanceProfile(t.Context(), &iamclient.TagInstanceProfileInput{InstanceProfileName: aws.String("build"), Tags: tagsOf("a", "b")})
			return err
		})
	for i, action := range []string{"DeleteInstanceProfile", "AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile", "TagInstanceProfile"} {
		wantFault(t, got[i], denied("ci", action, "arn:aws:iam::123456789012:instance-profile/admin/build"))
	}
	full := taken.InstanceProfile
	full.Role = "other"
	f.behind(t, at(full))
	wantFault(t, f.addRole(t, "build", "deploy"), fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"})
	f.behind(t, at(store.InstanceProfile{Account: account, Name: "Late", Path: "/"}))
	_, err := f.admin.CreateInstanceProfile(t.Context(), &iamclient.CreateInstanceProfileInput{InstanceProfileName: aws.String("late")})
	wantFault(t, err, fault{http.StatusConflict, "EntityAlreadyExists", "Instance Profile late already exists."})
}

// recordedProfiles holds ListInstanceProfiles against AWS's reply for the same
// profiles, in which an id was still called Id.
func recordedProfiles(t *testing.T, r awsapitest.RecordedBody) {
	f := start(t)
	ids := r.Body.Child("ListInstanceProfilesResult", "InstanceProfiles").Children
	var parsed struct {
		InstanceProfiles []store.InstanceProfile
	}
	for _, profile := range ids {
		text := func(name string) string { return profile.Child(name).Text }
		parsed.InstanceProfiles = append(parsed.InstanceProfiles, store.InstanceProfile{
			Account: account, Name: text("InstanceProfileName"), Path: text("Path"), ID: text("Id"), Created: parseTime(t, text("CreateDate")),
		})
	}
	for _, record := range parsed.InstanceProfiles {
		if err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
			return store.PutRecord(tx, store.InstanceProfileID(account, record.Name), record)
		}); err != nil {
			t.Fatal(err)
		}
	}
	got := awsapitest.MustElement(t, f.call(t, "ListInstanceProfiles").Body)
	if diff := cmp.Diff(r.Body.Without("RequestId").Without("Id").Sorted(), got.Without("RequestId").Without("InstanceProfileId").Sorted()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

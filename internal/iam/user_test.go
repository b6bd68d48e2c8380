package iam_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

func (f *fixture) createUser(t *testing.T, path, name string) *types.User {
	t.Helper()
	return noError[*iamclient.CreateUserOutput](t)(f.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: &name, Path: &path})).User
}

func (f *fixture) getUser(t *testing.T, name string) *types.User {
	t.Helper()
	return noError[*iamclient.GetUserOutput](t)(f.admin.GetUser(t.Context(), &iamclient.GetUserInput{UserName: &name})).User
}

func (f *fixture) updateUser(t *testing.T, in iamclient.UpdateUserInput) error {
	t.Helper()
	_, err := f.admin.UpdateUser(t.Context(), &in)
	return err
}

func (f *fixture) deleteUser(t *testing.T, name string) error {
	t.Helper()
	_, err := f.admin.DeleteUser(t.Context(), &iamclient.DeleteUserInput{UserName: &name})
	return err
}

// asSession is a client with a session of a role that has the given policies.
func (f *fixture) asSession(t *testing.T, role string, policies ...string) *fixture {
	t.Helper()
	id, err := session.NewUniqueID("AROA", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	record := store.Role{Name: role, ID: id}
	for i, document := range policies {
		record.InlinePolicies = append(record.InlinePolicies, store.InlinePolicy{Name: fmt.Sprint("p", i), Document: document})
	}
	f.putRoles(t, record)
	issued := time.Now().Truncate(time.Second)
	c, err := f.SessionKeys.Mint(&session.Grant{
		Account: account, RoleID: id, RoleName: role, SessionName: "job", IssuedAt: issued, Expires: issued.Add(time.Hour),
	}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	config := f.Config(aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken})
	return &fixture{f.Server, iamclient.NewFromConfig(config)}
}

func noUser(name string) fault {
	return fault{http.StatusNotFound, "NoSuchEntity", "The user with name " + name + " cannot be found."}
}

func userTaken(name string) fault {
	return fault{http.StatusConflict, "EntityAlreadyExists", "User with name " + name + " already exists."}
}

func TestUserLife(t *testing.T) {
	t.Parallel()
	f := start(t)
	boundary := f.createPolicy(t, "/", "most")
	created := noError[*iamclient.CreateUserOutput](t)(f.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{
		UserName: aws.String("Ann.Lee"), Path: aws.String("/people/data/"), PermissionsBoundary: &boundary,
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("data")}},
	})).User
	if *created.UserName != "Ann.Lee" || *created.Path != "/people/data/" || *created.Arn != "arn:aws:iam::123456789012:user/people/data/Ann.Lee" {
		t.Errorf("created %s %s %s", *created.UserName, *created.Path, *created.Arn)
	}
	if !regexp.MustCompile(`^AIDA[A-Z2-7]{17}$`).MatchString(*created.UserId) || created.CreateDate.Nanosecond() != 0 || created.PasswordLastUsed != nil {
		t.Errorf("created %s at %v, password %v", *created.UserId, created.CreateDate, created.PasswordLastUsed)
	}
	if created.PermissionsBoundary == nil || *created.PermissionsBoundary.PermissionsBoundaryArn != boundary || len(created.Tags) != 1 || *created.Tags[0].Value != "data" {
		t.Errorf("CreateUser tells boundary %v and tags %v", created.PermissionsBoundary, created.Tags)
	}
	ignore := cmp.AllowUnexported(types.User{}, types.Tag{}, types.AttachedPermissionsBoundary{})
	if diff := cmp.Diff(created, f.getUser(t, "ANN.LEE"), ignore); diff != "" {
		t.Errorf("found in another case (-created +found):\n%s", diff)
	}
	_, err := f.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("ann.lee")})
	wantFault(t, err, userTaken("ann.lee"))
	// What CreateUser counts on the boundary, DeleteUser takes back.
	if n := f.boundaryCount(t, boundary); n != 1 {
		t.Errorf("the boundary is used %d times", n)
	}
	if err := f.deleteUser(t, "aNN.lEE"); err != nil { // a boundary is no hindrance
		t.Fatal(err)
	}
	if n := f.boundaryCount(t, boundary); n != 0 {
		t.Errorf("the boundary is used %d times by a user who is gone", n)
	}
	wantFault(t, f.deleteUser(t, "Ann.Lee"), noUser("Ann.Lee"))
	again := f.createUser(t, "/", "Ann.Lee")
	if *again.UserId == *created.UserId {
		t.Error("a user made again has the old unique id: sessions of the deleted user would go on")
	}
	if again.Tags != nil || again.PermissionsBoundary != nil || *again.Path != "/" {
		t.Errorf("made again with tags %v, boundary %v, path %s", again.Tags, again.PermissionsBoundary, *again.Path)
	}
	if reply := f.call(t, "GetUser", "UserName", "Ann.Lee"); strings.Contains(reply.Body, "<Tags>") { // recorded on AWS
		t.Errorf("without tags: %s", reply.Body)
	}
}

func (f *fixture) boundaryCount(t *testing.T, policyARN string) int {
	t.Helper()
	p, ok := f.Directory.Snapshot().Policy(policyARN)
	if !ok {
		t.Fatalf("no policy %s", policyARN)
	}
	return p.BoundaryCount
}

func TestUserConstraints(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/", "ann")
	failed, constraint := "1 validation error detected: Value at '", "' failed to satisfy constraint: "
	name := func(member string) string {
		return "The specified value for " + member + " is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
	}
	path := func(member string) string {
		return "The specified value for " + member + " is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
	}
	for _, c := range []struct {
		action     string
		parameters []string
		message    string
	}{
		{"CreateUser", nil, failed + "userName" + constraint + "Member must not be null"},
		{"CreateUser", []string{"UserName", ""}, failed + "userName" + constraint + "Member must have length greater than or equal to 1"},
		{"CreateUser", []string{"UserName", strings.Repeat("a", 65)}, failed + "userName" + constraint + "Member must have length less than or equal to 64"},
		{"CreateUser", []string{"UserName", "a/b"}, name("userName")},
		{"CreateUser", []string{"UserName", "änn"}, name("userName")},
		{"CreateUser", []string{"UserName", "ann\n"}, name("userName")},
		{"CreateUser", []string{"UserName", "new", "Path", "/team"}, path("path")},
		{"CreateUser", []string{"UserName", "new", "Path", "team/"}, path("path")},
		{"CreateUser", []string{"UserName", "new", "Path", "/ space/"}, path("path")},
		{"CreateUser", []string{"UserName", "new", "Path", "/é/"}, path("path")},
		{"CreateUser", []string{"UserName", "new", "Path", "/\x7f/"}, path("path")},
		{"CreateUser", []string{"UserName", "new", "Path", "//"}, path("path")},
		{"CreateUser", []string{"UserName", "new", "Path", "/team/\n"}, path("path")},
		{"CreateUser", []string{"UserName", "new", "Path", "/" + strings.Repeat("a", 511) + "/"}, failed + "path" + constraint + "Member must have length less than or equal to 512"},
		{"GetUser", []string{"UserName", strings.Repeat("a", 129)}, failed + "userName" + constraint + "Member must have length less than or equal to 128"},
		{"UpdateUser", nil, failed + "userName" + constraint + "Member must not be null"},
		{"UpdateUser", []string{"UserName", "ann", "NewUserName", strings.Repeat("a", 65)}, failed + "newUserName" + constraint + "Member must have length less than or equal to 64"},
		{"UpdateUser", []string{"UserName", "ann", "NewUserName", "a b"}, name("newUserName")},
		{"UpdateUser", []string{"UserName", "ann", "NewUserName", "bob", "NewPath", "/team"}, path("newPath")},
		{"UpdateUser", []string{"UserName", "ann", "NewPath", ""}, failed + "newPath" + constraint + "Member must have length greater than or equal to 1"},
		{"ListUsers", []string{"PathPrefix", "team/"}, "The specified value for pathPrefix is invalid. It must begin with the / character and contain only alphanumeric characters and/or / characters."},
	} {
		t.Logf("%s %.60q", c.action, c.parameters)
		wantCall(t, f.call(t, c.action, c.parameters...), fault{http.StatusBadRequest, "ValidationError", c.message})
	}
	_, err := f.admin.GetUser(t.Context(), &iamclient.GetUserInput{UserName: aws.String(strings.Repeat("a", 128))})
	wantFault(t, err, noUser(strings.Repeat("a", 128))) // longer than any, and no fault of the model
	if _, there := f.Directory.Snapshot().User(account, "new"); there || *f.getUser(t, "ann").Path != "/" {
		t.Error("a refused request changed something")
	}
	f.createUser(t, "/a//b/", strings.Repeat("a", 64))
	_, err = f.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("new"), PermissionsBoundary: aws.String("arn:aws:iam::123456789012:policy/gone")})
	wantFaultPrefix(t, "a boundary that is not there", err, fault{http.StatusNotFound, "NoSuchEntity", ""})
	_, err = f.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("new"), Tags: []types.Tag{
		{Key: aws.String("Team"), Value: aws.String("a")}, {Key: aws.String("team"), Value: aws.String("b")},
	}})
	wantFault(t, err, fault{http.StatusBadRequest, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."})
}

// userRequests are requests of every operation that names a user.
var userRequests = [][]string{
	{"GetUser"},
	{"UpdateUser", "NewPath", "/new/"},
	{"DeleteUser"},
	{"ListGroupsForUser"},
	{"PutUserPolicy", "PolicyName", "p", "PolicyDocument", readPolicy},
	{"GetUserPolicy", "PolicyName", "p"},
	{"ListUserPolicies"},
	{"DeleteUserPolicy", "PolicyName", "p"},
	{"AttachUserPolicy", "PolicyArn", shapedPolicy},
	{"DetachUserPolicy", "PolicyArn", shapedPolicy},
	{"ListAttachedUserPolicies"},
	{"PutUserPermissionsBoundary", "PermissionsBoundary", shapedPolicy},
	{"DeleteUserPermissionsBoundary"},
	{"TagUser", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v"},
	{"UntagUser", "TagKeys.member.1", "k"},
	{"ListUserTags"},
	{"CreateAccessKey"},
	{"UpdateAccessKey", "AccessKeyId", "AKIAIOSFODNN7EXAMPLE", "Status", "Inactive"},
	{"DeleteAccessKey", "AccessKeyId", "AKIAIOSFODNN7EXAMPLE"},
	{"ListAccessKeys"},
	{"GetLoginProfile"},
	{"DeleteLoginProfile"},
	{"ListMFADevices"},
	{"ListSSHPublicKeys"},
	{"ListSigningCertificates"},
	{"ListServiceSpecificCredentials"},
}

func TestAbsentUser(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/", "ann")
	const other = "210987654321"
	f.AddAccount(t, other)
	stranger := f.UserOf(t, other, "administrator", awsapitest.Administrator)
	for _, request := range userRequests {
		t.Log(request[0])
		wantCall(t, f.call(t, request[0], append(request[1:], "UserName", "absent")...), noUser("absent"))
		form := formOf(request[0], append(request[1:], "UserName", "ann")...)
		wantCall(t, f.Post(t, stranger, "iam", time.Now(), form), noUser("ann"))
	}
}

// Every operation on a user is denied on the user's own ARN, however the request
// spells the name, before anything else is told.
func TestUsersWithoutPermission(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/people/", "Ann")
	config := f.User(t, "nobody")
	deny := func(resource string, request ...string) {
		t.Helper()
		t.Log(request)
		wantCall(t, f.Post(t, config, "iam", time.Now(), formOf(request[0], request[1:]...)), denied("nobody", request[0], resource))
	}
	for _, request := range userRequests {
		deny("arn:aws:iam::123456789012:user/people/Ann", append(request, "UserName", "aNN")...)
		if request[0] != "GetUser" {
			deny("arn:aws:iam::123456789012:user/absent", append(request, "UserName", "absent")...)
		}
	}
	for _, action := range []string{"GetUser", "CreateAccessKey", "ListAccessKeys", "ListMFADevices", "GetLoginProfile"} {
		deny("arn:aws:iam::123456789012:user/nobody", action) // one's own needs permission too
	}
	deny("arn:aws:iam::123456789012:user/new/bob", "CreateUser", "UserName", "bob", "Path", "/new/")
	deny("arn:aws:iam::123456789012:user/people/", "ListUsers", "PathPrefix", "/people/")
	deny("arn:aws:iam::123456789012:mfa/", "ListVirtualMFADevices")
	deny("arn:aws:iam::123456789012:user/*", "ListServiceSpecificCredentials", "AllUsers", "true")
}

// What the service's model forbids is told before permission is asked, what only
// IAM forbids after (recorded on AWS).
func TestUserTagsNeedPermission(t *testing.T) {
	t.Parallel()
	f := start(t)
	const bob = "arn:aws:iam::123456789012:user/bob"
	hand := f.as(t, "hand", statement("Allow", "iam:CreateUser", "*", ""))
	tagged := &iamclient.CreateUserInput{UserName: aws.String("bob"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("data")}}}
	_, err := hand.admin.CreateUser(t.Context(), tagged)
	wantFault(t, err, denied("hand", "TagUser", bob))
	team := f.as(t, "team", statement("Allow", "iam:*User", "*", `"StringEquals":{"aws:RequestTag/team":"data"}`))
	_, err = team.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("bob")})
	wantFault(t, err, denied("team", "CreateUser", bob))
	must(t)(team.admin.CreateUser(t.Context(), tagged))
	byTag := f.as(t, "lead", statement("Allow", "iam:*", "*", `"StringEquals":{"iam:ResourceTag/team":"data"}`))
	must(t)(byTag.admin.UpdateUser(t.Context(), &iamclient.UpdateUserInput{UserName: aws.String("bob"), NewUserName: aws.String("Bob")}))
	must(t)(byTag.admin.CreateAccessKey(t.Context(), &iamclient.CreateAccessKeyInput{UserName: aws.String("bob")}))
	_, err = byTag.admin.CreateAccessKey(t.Context(), &iamclient.CreateAccessKeyInput{UserName: aws.String("hand")})
	wantFault(t, err, denied("lead", "CreateAccessKey", "arn:aws:iam::123456789012:user/hand"))
}

// Who may make users only with a boundary can make no other.
func TestCreateUserWithinBoundary(t *testing.T) {
	t.Parallel()
	f := start(t)
	boundary, other := f.createPolicy(t, "/", "most"), f.createPolicy(t, "/", "other")
	hand := f.as(t, "hand", statement("Allow", "iam:CreateUser", "*", `"StringEquals":{"iam:PermissionsBoundary":"`+boundary+`"}`))
	for _, given := range []*string{nil, &other} {
		_, err := hand.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("bob"), PermissionsBoundary: given})
		wantFault(t, err, denied("hand", "CreateUser", "arn:aws:iam::123456789012:user/bob"))
	}
	must(t)(hand.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("bob"), PermissionsBoundary: &boundary}))
}

func TestDeleteUserInUse(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/", "ann")
	f.createGroup(t, "/", "team")
	name, policyARN := aws.String("ann"), f.createPolicy(t, "/", "read")
	must(t)(f.admin.PutUserPolicy(t.Context(), &iamclient.PutUserPolicyInput{UserName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String(writePolicy)}))
	must(t)(f.admin.AttachUserPolicy(t.Context(), &iamclient.AttachUserPolicyInput{UserName: name, PolicyArn: &policyARN}))
	key := f.createKey(t, "ann")
	f.join(t, "ann", "team")
	conflict := func(what string) fault {
		return fault{http.StatusConflict, "DeleteConflict", "Cannot delete entity, must " + what + " first."}
	}
	wantFault(t, f.deleteUser(t, "ann"), conflict("remove users from group"))
	must(t)(f.admin.RemoveUserFromGroup(t.Context(), &iamclient.RemoveUserFromGroupInput{UserName: name, GroupName: aws.String("team")}))
	wantFault(t, f.deleteUser(t, "ann"), conflict("delete access keys"))
	must(t)(f.admin.DeleteAccessKey(t.Context(), &iamclient.DeleteAccessKeyInput{UserName: name, AccessKeyId: key.AccessKeyId}))
	wantFault(t, f.deleteUser(t, "ann"), conflict("detach all policies"))
	must(t)(f.admin.DetachUserPolicy(t.Context(), &iamclient.DetachUserPolicyInput{UserName: name, PolicyArn: &policyARN}))
	wantFault(t, f.deleteUser(t, "ann"), conflict("delete policies"))
	must(t)(f.admin.DeleteUserPolicy(t.Context(), &iamclient.DeleteUserPolicyInput{UserName: name, PolicyName: aws.String("p")}))
	if err := f.deleteUser(t, "ann"); err != nil {
		t.Error(err)
	}
}

func TestRenameUser(t *testing.T) {
	t.Parallel()
	f := start(t)
	before := f.createUser(t, "/people/", "ann")
	f.createUser(t, "/", "bob")
	f.createGroup(t, "/", "team")
	f.join(t, "ann", "team")
	key := f.createKey(t, "ann")
	must(t)(f.admin.PutUserPolicy(t.Context(), &iamclient.PutUserPolicyInput{UserName: aws.String("ann"), PolicyName: aws.String("p"), PolicyDocument: aws.String(awsapitest.Administrator)}))
	wantFault(t, f.updateUser(t, iamclient.UpdateUserInput{UserName: aws.String("ann"), NewUserName: aws.String("BOB"), NewPath: aws.String("/x/")}), userTaken("BOB"))
	if got := *f.getUser(t, "ann").Arn; got != *before.Arn {
		t.Errorf("a rename that failed left %s", got)
	}
	for _, c := range []struct {
		in  iamclient.UpdateUserInput
		arn string
	}{
		{iamclient.UpdateUserInput{UserName: aws.String("ANN"), NewUserName: aws.String("cleo")}, "user/people/cleo"},
		{iamclient.UpdateUserInput{UserName: aws.String("cleo"), NewUserName: aws.String("Cleo")}, "user/people/Cleo"},
		{iamclient.UpdateUserInput{UserName: aws.String("cleo"), NewUserName: aws.String("Cleo")}, "user/people/Cleo"},
		{iamclient.UpdateUserInput{UserName: aws.String("cleo"), NewPath: aws.String("/staff/")}, "user/staff/Cleo"},
		{iamclient.UpdateUserInput{UserName: aws.String("cleo")}, "user/staff/Cleo"},
		{iamclient.UpdateUserInput{UserName: aws.String("cleo"), NewUserName: aws.String("dora"), NewPath: aws.String("/")}, "user/dora"},
	} {
		if err := f.updateUser(t, c.in); err != nil {
			t.Fatal(err)
		}
		// The key works on, and acts as the user of the new name.
		own := iamclient.NewFromConfig(f.Config(aws.Credentials{AccessKeyID: *key.AccessKeyId, SecretAccessKey: *key.SecretAccessKey}))
		user := noError[*iamclient.GetUserOutput](t)(own.GetUser(t.Context(), nil)).User
		if *user.Arn != "arn:aws:iam::123456789012:"+c.arn || *user.UserId != *before.UserId || !user.CreateDate.Equal(*before.CreateDate) {
			t.Errorf("the user is %s %s of %v, want %s", *user.Arn, *user.UserId, user.CreateDate, c.arn)
		}
		keys := noError[*iamclient.ListAccessKeysOutput](t)(own.ListAccessKeys(t.Context(), nil)).AccessKeyMetadata
		if len(keys) != 1 || *keys[0].UserName != *user.UserName {
			t.Errorf("keys of %s: %v", *user.UserName, keys)
		}
		if last := noError[*iamclient.GetAccessKeyLastUsedOutput](t)(own.GetAccessKeyLastUsed(t.Context(), &iamclient.GetAccessKeyLastUsedInput{AccessKeyId: key.AccessKeyId})); *last.UserName != *user.UserName {
			t.Errorf("the key is %s's", *last.UserName)
		}
		if diff := cmp.Diff([]string{*user.UserName}, f.members(t, "team")); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"team"}, f.groupsOf(t, *user.UserName)); diff != "" {
			t.Errorf("groups (-want +got):\n%s", diff)
		}
	}
	_, err := f.admin.GetUser(t.Context(), &iamclient.GetUserInput{UserName: aws.String("ann")})
	wantFault(t, err, noUser("ann"))
	f.createUser(t, "/", "ann") // the name is free
}

// To rename or move a user or group, one must be allowed to do so under the old ARN
// and under the new.
func TestRenamingNeedsBothARNs(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/ci/", "Ann")
	f.createGroup(t, "/ci/", "Team")
	hand := f.as(t, "hand", statement("Allow", "iam:Update*", "arn:aws:iam::123456789012:*/ci/*", ""), statement("Allow", "iam:Update*", "arn:aws:iam::123456789012:*/free", ""))
	user := func(in iamclient.UpdateUserInput) error {
		_, err := hand.admin.UpdateUser(t.Context(), &in)
		return err
	}
	group := func(in iamclient.UpdateGroupInput) error {
		_, err := hand.admin.UpdateGroup(t.Context(), &in)
		return err
	}
	wantFault(t, user(iamclient.UpdateUserInput{UserName: aws.String("ann"), NewPath: aws.String("/admin/")}), denied("hand", "UpdateUser", "arn:aws:iam::123456789012:user/admin/Ann"))
	wantFault(t, user(iamclient.UpdateUserInput{UserName: aws.String("ann"), NewPath: aws.String("/"), NewUserName: aws.String("boss")}), denied("hand", "UpdateUser", "arn:aws:iam::123456789012:user/boss"))
	wantFault(t, user(iamclient.UpdateUserInput{UserName: aws.String("hand"), NewPath: aws.String("/ci/")}), denied("hand", "UpdateUser", "arn:aws:iam::123456789012:user/hand"))
	wantFault(t, group(iamclient.UpdateGroupInput{GroupName: aws.String("team"), NewPath: aws.String("/admin/")}), denied("hand", "UpdateGroup", "arn:aws:iam::123456789012:group/admin/Team"))
	wantFault(t, group(iamclient.UpdateGroupInput{GroupName: aws.String("absent"), NewPath: aws.String("/ci/")}), denied("hand", "UpdateGroup", "arn:aws:iam::123456789012:group/absent"))
	for _, err := range []error{
		user(iamclient.UpdateUserInput{UserName: aws.String("ann"), NewUserName: aws.String("bob")}),
		user(iamclient.UpdateUserInput{UserName: aws.String("bob"), NewPath: aws.String("/"), NewUserName: aws.String("free")}),
		group(iamclient.UpdateGroupInput{GroupName: aws.String("team"), NewPath: aws.String("/ci/x/"), NewGroupName: aws.String("crew")}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}

// Where the user name may be left out, it is the caller's, and a role session has
// none.
func TestWithoutUserName(t *testing.T) {
	t.Parallel()
	f := start(t)
	ann, job := f.as(t, "ann", awsapitest.Administrator), f.asSession(t, "ci", awsapitest.Administrator)
	nobody := fault{http.StatusBadRequest, "ValidationError", "Must specify userName when calling with non-User credentials"}
	for _, operation := range []struct {
		name string
		call func(*iamclient.Client) error
		want fault // for the user
	}{
		{"GetUser", func(c *iamclient.Client) error { _, err := c.GetUser(t.Context(), nil); return err }, fault{}},
		{"ListAccessKeys", func(c *iamclient.Client) error { _, err := c.ListAccessKeys(t.Context(), nil); return err }, fault{}},
		{"ListMFADevices", func(c *iamclient.Client) error { _, err := c.ListMFADevices(t.Context(), nil); return err }, fault{}},
		{"ListSSHPublicKeys", func(c *iamclient.Client) error { _, err := c.ListSSHPublicKeys(t.Context(), nil); return err }, fault{}},
		{"ListSigningCertificates", func(c *iamclient.Client) error { _, err := c.ListSigningCertificates(t.Context(), nil); return err }, fault{}},
		{"ListServiceSpecificCredentials", func(c *iamclient.Client) error {
			_, err := c.ListServiceSpecificCredentials(t.Context(), nil)
			return err
		}, fault{}},
		{"GetLoginProfile", func(c *iamclient.Client) error { _, err := c.GetLoginProfile(t.Context(), nil); return err }, noLoginProfile("ann")},
		{"DeleteLoginProfile", func(c *iamclient.Client) error { _, err := c.DeleteLoginProfile(t.Context(), nil); return err }, noLoginProfile("ann")},
		{"UpdateAccessKey", func(c *iamclient.Client) error {
			_, err := c.UpdateAccessKey(t.Context(), &iamclient.UpdateAccessKeyInput{AccessKeyId: aws.String("AKIAIOSFODNN7EXAMPLE"), Status: types.StatusTypeActive})
			return err
		}, noKey("AKIAIOSFODNN7EXAMPLE")},
		{"DeleteAccessKey", func(c *iamclient.Client) error {
			_, err := c.DeleteAccessKey(t.Context(), &iamclient.DeleteAccessKeyInput{AccessKeyId: aws.String("AKIAIOSFODNN7EXAMPLE")})
			return err
		}, noKey("AKIAIOSFODNN7EXAMPLE")},
		{"CreateAccessKey", func(c *iamclient.Client) error { _, err := c.CreateAccessKey(t.Context(), nil); return err }, fault{}},
	} {
		t.Log(operation.name)
		if err := operation.call(ann.admin); operation.want != (fault{}) {
			wantFault(t, err, operation.want)
		} else if err != nil {
			t.Error(err)
		}
		wantFault(t, operation.call(job.admin), nobody)
	}
	if user := noError[*iamclient.GetUserOutput](t)(ann.admin.GetUser(t.Context(), nil)).User; *user.UserName != "ann" {
		t.Errorf("ann is %s", *user.UserName)
	}
	must(t)(job.admin.GetUser(t.Context(), &iamclient.GetUserInput{UserName: aws.String("ann")}))
}

func TestListUsers(t *testing.T) {
	t.Parallel()
	f := start(t)
	for i, path := range []string{"/team/a/", "/team/b/", "/tea/", "/team/a/"} {
		f.createUser(t, path, fmt.Sprintf("%c-user", "bACd"[i]))
	}
	list := func(in iamclient.ListUsersInput) (names []string, pages int) {
		t.Helper()
		paginator := iamclient.NewListUsersPaginator(f.admin, &in)
		for ; paginator.HasMorePages(); pages++ {
			out := noError[*iamclient.ListUsersOutput](t)(paginator.NextPage(t.Context()))
			for _, user := range out.Users {
				if user.Tags != nil || user.PermissionsBoundary != nil {
					t.Errorf("%s is listed with tags or boundary", *user.UserName)
				}
				names = append(names, *user.UserName)
			}
		}
		return names, pages
	}
	for _, c := range []struct {
		in    iamclient.ListUsersInput
		names []string
		pages int
	}{
		{iamclient.ListUsersInput{}, []string{"A-user", "administrator", "b-user", "C-user", "d-user"}, 1},
		{iamclient.ListUsersInput{MaxItems: aws.Int32(2)}, []string{"A-user", "administrator", "b-user", "C-user", "d-user"}, 3},
		{iamclient.ListUsersInput{PathPrefix: aws.String("/team/a/"), MaxItems: aws.Int32(1)}, []string{"b-user", "d-user"}, 2},
		{iamclient.ListUsersInput{PathPrefix: aws.String("/tea")}, []string{"A-user", "b-user", "C-user", "d-user"}, 1},
		{iamclient.ListUsersInput{PathPrefix: aws.String("/none/")}, nil, 1},
	} {
		names, pages := list(c.in)
		if diff := cmp.Diff(c.names, names); diff != "" || pages != c.pages {
			t.Errorf("%s: %d pages, names (-want +got):\n%s", aws.ToString(c.in.PathPrefix), pages, diff)
		}
	}
}

// TestUserPolicies puts, attaches and tags: what users have in common with roles.
func TestUserPolicies(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/", "Ann")
	read := f.createPolicy(t, "/", "read")
	name, p := aws.String("ann"), aws.String("p")
	_, err := f.admin.GetUserPolicy(t.Context(), &iamclient.GetUserPolicyInput{UserName: name, PolicyName: p})
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "The user policy with name p cannot be found."})
	must(t)(f.admin.PutUserPolicy(t.Context(), &iamclient.PutUserPolicyInput{UserName: name, PolicyName: p, PolicyDocument: aws.String(readPolicy)}))
	got := noError[*iamclient.GetUserPolicyOutput](t)(f.admin.GetUserPolicy(t.Context(), &iamclient.GetUserPolicyInput{UserName: name, PolicyName: aws.String("P")}))
	if *got.UserName != "ann" || *got.PolicyName != "P" || unescape(t, got.PolicyDocument) != readPolicy {
		t.Errorf("got %s %s %s", *got.UserName, *got.PolicyName, *got.PolicyDocument)
	}
	long := strings.Replace(readPolicy, "releases", strings.Repeat("r", 2048), 1)
	_, err = f.admin.PutUserPolicy(t.Context(), &iamclient.PutUserPolicyInput{UserName: name, PolicyName: p, PolicyDocument: &long})
	wantFault(t, err, fault{http.StatusConflict, "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user Ann"})
	must(t)(f.admin.AttachUserPolicy(t.Context(), &iamclient.AttachUserPolicyInput{UserName: name, PolicyArn: &read}))
	_, err = f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: &read})
	wantFaultPrefix(t, "attached to a user", err, fault{http.StatusConflict, "DeleteConflict", ""})
	attached := noError[*iamclient.ListAttachedUserPoliciesOutput](t)(f.admin.ListAttachedUserPolicies(t.Context(), &iamclient.ListAttachedUserPoliciesInput{UserName: name}))
	inline := noError[*iamclient.ListUserPoliciesOutput](t)(f.admin.ListUserPolicies(t.Context(), &iamclient.ListUserPoliciesInput{UserName: name}))
	if len(attached.AttachedPolicies) != 1 || *attached.AttachedPolicies[0].PolicyArn != read || !cmp.Equal(inline.PolicyNames, []string{"p"}) {
		t.Errorf("attached %v, inline %v", attached.AttachedPolicies, inline.PolicyNames)
	}
	must(t)(f.admin.PutUserPermissionsBoundary(t.Context(), &iamclient.PutUserPermissionsBoundaryInput{UserName: name, PermissionsBoundary: &read}))
	if user := f.getUser(t, "ann"); user.PermissionsBoundary == nil || *user.PermissionsBoundary.PermissionsBoundaryArn != read {
		t.Errorf("boundary %v", user.PermissionsBoundary)
	}
	must(t)(f.admin.DeleteUserPermissionsBoundary(t.Context(), &iamclient.DeleteUserPermissionsBoundaryInput{UserName: name}))
	tag := func(key, value string) {
		t.Helper()
		must(t)(f.admin.TagUser(t.Context(), &iamclient.TagUserInput{UserName: name, Tags: []types.Tag{{Key: &key, Value: &value}}}))
	}
	tag("Team", "a")
	tag("team", "b") // in place of the other: of a user they are one
	tags := noError[*iamclient.ListUserTagsOutput](t)(f.admin.ListUserTags(t.Context(), &iamclient.ListUserTagsInput{UserName: name})).Tags
	if len(tags) != 1 || *tags[0].Key != "team" || *tags[0].Value != "b" {
		t.Errorf("tags %v", tags)
	}
	must(t)(f.admin.UntagUser(t.Context(), &iamclient.UntagUserInput{UserName: name, TagKeys: []string{"TEAM"}}))
	if user := f.getUser(t, "ann"); user.Tags != nil || user.PermissionsBoundary != nil {
		t.Errorf("tags %v, boundary %v", user.Tags, user.PermissionsBoundary)
	}
}

package iam_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/iam"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// formOf is a request as a form.
func formOf(action string, parameters ...string) url.Values {
	form := url.Values{"Action": {action}, "Version": {iam.Version}}
	for i := 0; i+1 < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	return form
}

func (f *fixture) createGroup(t *testing.T, path, name string) *types.Group {
	t.Helper()
	return noError[*iamclient.CreateGroupOutput](t)(f.admin.CreateGroup(t.Context(), &iamclient.CreateGroupInput{GroupName: &name, Path: &path})).Group
}

func (f *fixture) add(t *testing.T, user, group string) error {
	t.Helper()
	_, err := f.admin.AddUserToGroup(t.Context(), &iamclient.AddUserToGroupInput{UserName: &user, GroupName: &group})
	return err
}

func (f *fixture) remove(t *testing.T, user, group string) error {
	t.Helper()
	_, err := f.admin.RemoveUserFromGroup(t.Context(), &iamclient.RemoveUserFromGroupInput{UserName: &user, GroupName: &group})
	return err
}

func (f *fixture) join(t *testing.T, user, group string) {
	t.Helper()
	if err := f.add(t, user, group); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) deleteGroup(t *testing.T, name string) error {
	t.Helper()
	_, err := f.admin.DeleteGroup(t.Context(), &iamclient.DeleteGroupInput{GroupName: &name})
	return err
}

func (f *fixture) members(t *testing.T, group string) (names []string) {
	t.Helper()
	out := noError[*iamclient.GetGroupOutput](t)(f.admin.GetGroup(t.Context(), &iamclient.GetGroupInput{GroupName: &group}))
	for _, user := range out.Users {
		names = append(names, *user.UserName)
	}
	return names
}

func (f *fixture) groupsOf(t *testing.T, user string) (names []string) {
	t.Helper()
	out := noError[*iamclient.ListGroupsForUserOutput](t)(f.admin.ListGroupsForUser(t.Context(), &iamclient.ListGroupsForUserInput{UserName: &user}))
	for _, group := range out.Groups {
		names = append(names, *group.GroupName)
	}
	return names
}

func noGroup(name string) fault {
	return fault{http.StatusNotFound, "NoSuchEntity", "The group with name " + name + " cannot be found."}
}

func TestGroupLife(t *testing.T) {
	t.Parallel()
	f := start(t)
	created := f.createGroup(t, "/people/", "Team")
	if !regexp.MustCompile(`^AGPA[A-Z2-7]{17}$`).MatchString(*created.GroupId) || *created.Arn != "arn:aws:iam::123456789012:group/people/Team" || *created.Path != "/people/" {
		t.Errorf("created %s %s %s", *created.GroupId, *created.Arn, *created.Path)
	}
	_, err := f.admin.CreateGroup(t.Context(), &iamclient.CreateGroupInput{GroupName: aws.String("team")})
	wantFault(t, err, fault{http.StatusConflict, "EntityAlreadyExists", "Group with name team already exists."})
	for _, name := range []string{"bob", "Ann", "cleo"} {
		f.createUser(t, "/", name)
		f.join(t, name, "TEAM")
	}
	f.join(t, "ann", "team") // once more
	if diff := cmp.Diff([]string{"Ann", "bob", "cleo"}, f.members(t, "tEAM")); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if n := f.memberCount(t, "team"); n != 3 {
		t.Errorf("the group counts %d members", n)
	}
	f.createGroup(t, "/", "other")
	_, err = f.admin.UpdateGroup(t.Context(), &iamclient.UpdateGroupInput{GroupName: aws.String("team"), NewGroupName: aws.String("OTHER")})
	wantFault(t, err, fault{http.StatusConflict, "EntityAlreadyExists", "Group with name OTHER already exists."})
	must(t)(f.admin.UpdateGroup(t.Context(), &iamclient.UpdateGroupInput{GroupName: aws.String("team"), NewGroupName: aws.String("Crew"), NewPath: aws.String("/x/")}))
	found := noError[*iamclient.GetGroupOutput](t)(f.admin.GetGroup(t.Context(), &iamclient.GetGroupInput{GroupName: aws.String("crew")}))
	if *found.Group.GroupId != *created.GroupId || *found.Group.Arn != "arn:aws:iam::123456789012:group/x/Crew" || !found.Group.CreateDate.Equal(*created.CreateDate) || len(found.Users) != 3 {
		t.Errorf("renamed %+v with %d users", found.Group, len(found.Users))
	}
	if diff := cmp.Diff([]string{"Crew"}, f.groupsOf(t, "bob")); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	_, err = f.admin.GetGroup(t.Context(), &iamclient.GetGroupInput{GroupName: aws.String("Team")})
	wantFault(t, err, noGroup("Team"))

	conflict := func(what string) fault {
		return fault{http.StatusConflict, "DeleteConflict", "Cannot delete entity, must " + what + " first."}
	}
	crew, policyARN := aws.String("crew"), f.createPolicy(t, "/", "read")
	must(t)(f.admin.PutGroupPolicy(t.Context(), &iamclient.PutGroupPolicyInput{GroupName: crew, PolicyName: aws.String("p"), PolicyDocument: aws.String(readPolicy)}))
	must(t)(f.admin.AttachGroupPolicy(t.Context(), &iamclient.AttachGroupPolicyInput{GroupName: crew, PolicyArn: &policyARN}))
	wantFault(t, f.deleteGroup(t, "crew"), conflict("remove users from group"))
	for _, name := range []string{"ann", "BOB", "cleo", "cleo", "administrator"} { // who is not in it, is passed over
		if err := f.remove(t, name, "crew"); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.memberCount(t, "crew"); n != 0 {
		t.Errorf("the empty group counts %d members", n)
	}
	wantFault(t, f.deleteGroup(t, "crew"), conflict("detach all policies"))
	must(t)(f.admin.DetachGroupPolicy(t.Context(), &iamclient.DetachGroupPolicyInput{GroupName: crew, PolicyArn: &policyARN}))
	wantFault(t, f.deleteGroup(t, "crew"), conflict("delete policies"))
	must(t)(f.admin.DeleteGroupPolicy(t.Context(), &iamclient.DeleteGroupPolicyInput{GroupName: crew, PolicyName: aws.String("p")}))
	if err := f.deleteGroup(t, "crew"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, f.deleteGroup(t, "crew"), noGroup("crew"))
}

func (f *fixture) memberCount(t *testing.T, group string) int {
	t.Helper()
	g, ok := f.Directory.Snapshot().Group(account, group)
	if !ok {
		t.Fatalf("no group %s", group)
	}
	return g.Members
}

// groupRequests are requests of every operation that names a group.
var groupRequests = [][]string{
	{"GetGroup"},
	{"UpdateGroup", "NewPath", "/new/"},
	{"DeleteGroup"},
	{"AddUserToGroup", "UserName", "administrator"},
	{"RemoveUserFromGroup", "UserName", "administrator"},
	{"PutGroupPolicy", "PolicyName", "p", "PolicyDocument", readPolicy},
	{"GetGroupPolicy", "PolicyName", "p"},
	{"ListGroupPolicies"},
	{"DeleteGroupPolicy", "PolicyName", "p"},
	{"AttachGroupPolicy", "PolicyArn", shapedPolicy},
	{"DetachGroupPolicy", "PolicyArn", shapedPolicy},
	{"ListAttachedGroupPolicies"},
}

func TestAbsentGroup(t *testing.T) {
	t.Parallel()
	f := start(t)
	config := f.User(t, "nobody")
	f.createGroup(t, "/people/", "Team")
	for _, request := range groupRequests {
		t.Log(request[0])
		wantCall(t, f.call(t, request[0], append(request[1:], "GroupName", "absent")...), noGroup("absent"))
		wantCall(t, f.Post(t, config, "iam", time.Now(), formOf(request[0], append(request[1:], "GroupName", "TEAM")...)),
			denied("nobody", request[0], "arn:aws:iam::123456789012:group/people/Team"))
	}
	wantCall(t, f.Post(t, config, "iam", time.Now(), formOf("CreateGroup", "GroupName", "new", "Path", "/x/")), denied("nobody", "CreateGroup", "arn:aws:iam::123456789012:group/x/new"))
	wantCall(t, f.Post(t, config, "iam", time.Now(), formOf("ListGroups", "PathPrefix", "/x/")), denied("nobody", "ListGroups", "arn:aws:iam::123456789012:group/x/"))
	// Of user and group, the user is missed first.
	wantFault(t, f.add(t, "nobody-there", "absent"), noUser("nobody-there"))
	wantFault(t, f.remove(t, "nobody-there", "absent"), noUser("nobody-there"))
	wantFault(t, f.add(t, "nobody-there", "team"), noUser("nobody-there"))
	for _, c := range []struct {
		request []string
		message string
	}{
		{[]string{"CreateGroup"}, "1 validation error detected: Value at 'groupName' failed to satisfy constraint: Member must not be null"},
		{[]string{"CreateGroup", "GroupName", strings.Repeat("a", 129)}, "1 validation error detected: Value at 'groupName' failed to satisfy constraint: Member must have length less than or equal to 128"},
		{[]string{"CreateGroup", "GroupName", "a b"}, "The specified value for groupName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"},
		{[]string{"CreateGroup", "GroupName", "a", "Path", "/a"}, "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."},
		{[]string{"AddUserToGroup"}, "2 validation errors detected: Value at 'groupName' failed to satisfy constraint: Member must not be null; Value at 'userName' failed to satisfy constraint: Member must not be null"},
		{[]string{"UpdateGroup", "GroupName", "team", "NewGroupName", "a b"}, "The specified value for newGroupName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"},
	} {
		wantCall(t, f.call(t, c.request[0], c.request[1:]...), fault{http.StatusBadRequest, "ValidationError", c.message})
	}
}

func TestGroupQuota(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/", "ann")
	var want []string
	for i := range 11 {
		name := fmt.Sprintf("group%02d", i)
		f.createGroup(t, "/", name)
		if i < 10 {
			f.join(t, "ann", name)
			want = append(want, name)
		}
	}
	wantFault(t, f.add(t, "ann", "group10"), fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10"})
	f.join(t, "ann", "group03") // is in it already
	if diff := cmp.Diff(want, f.groupsOf(t, "ann")); diff != "" || f.memberCount(t, "group10") != 0 {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	long := strings.Replace(readPolicy, "releases", strings.Repeat("r", 5120), 1)
	_, err := f.admin.PutGroupPolicy(t.Context(), &iamclient.PutGroupPolicyInput{GroupName: aws.String("group00"), PolicyName: aws.String("p"), PolicyDocument: &long})
	wantFault(t, err, fault{http.StatusConflict, "LimitExceeded", "Maximum policy size of 5120 bytes exceeded for group group00"})
	_, err = f.admin.GetGroupPolicy(t.Context(), &iamclient.GetGroupPolicyInput{GroupName: aws.String("group00"), PolicyName: aws.String("p")})
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "The group policy with name p cannot be found."})
}

func TestGroupPages(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, name := range []string{"b", "C", "a"} {
		f.createUser(t, "/", "user-"+name)
		f.createGroup(t, "/"+name+"/", "Group-"+name)
	}
	for _, name := range []string{"C", "b", "a"} {
		f.join(t, "user-"+name, "group-b")
		f.join(t, "user-b", "group-"+name)
	}
	two := aws.Int32(2)
	users, groups, of := []string{}, []string{}, []string{}
	for p := iamclient.NewGetGroupPaginator(f.admin, &iamclient.GetGroupInput{GroupName: aws.String("group-b"), MaxItems: two}); p.HasMorePages(); {
		out := noError[*iamclient.GetGroupOutput](t)(p.NextPage(t.Context()))
		if *out.Group.GroupName != "Group-b" {
			t.Errorf("a page of group %s", *out.Group.GroupName)
		}
		for _, user := range out.Users {
			users = append(users, *user.UserName)
		}
		users = append(users, "|")
	}
	for p := iamclient.NewListGroupsPaginator(f.admin, &iamclient.ListGroupsInput{MaxItems: two}); p.HasMorePages(); groups = append(groups, "|") {
		for _, group := range noError[*iamclient.ListGroupsOutput](t)(p.NextPage(t.Context())).Groups {
			groups = append(groups, *group.GroupName)
		}
	}
	for p := iamclient.NewListGroupsForUserPaginator(f.admin, &iamclient.ListGroupsForUserInput{UserName: aws.String("user-B"), MaxItems: two}); p.HasMorePages(); of = append(of, "|") {
		for _, group := range noError[*iamclient.ListGroupsForUserOutput](t)(p.NextPage(t.Context())).Groups {
			of = append(of, *group.GroupName)
		}
	}
	if diff := cmp.Diff([]string{"user-a", "user-b", "|", "user-C", "|"}, users); diff != "" {
		t.Errorf("GetGroup (-want +got):\n%s", diff)
	}
	for what, got := range map[string][]string{"ListGroups": groups, "ListGroupsForUser": of} {
		if diff := cmp.Diff([]string{"Group-a", "Group-b", "|", "Group-C", "|"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	under := noError[*iamclient.ListGroupsOutput](t)(f.admin.ListGroups(t.Context(), &iamclient.ListGroupsInput{PathPrefix: aws.String("/a")}))
	if len(under.Groups) != 1 || *under.Groups[0].GroupName != "Group-a" {
		t.Errorf("under /a: %v", under.Groups)
	}
}

// TestMembershipsAtOnce has several clients add and remove the same users, and
// delete and make groups and users. Whatever came of each request, at the end each
// group counts its users, and no user is in a group that is gone.
func TestMembershipsAtOnce(t *testing.T) {
	t.Parallel()
	f := start(t)
	const clients, rounds = 6, 14
	for i := range 3 {
		f.createUser(t, "/", fmt.Sprint("user", i))
		f.createGroup(t, "/", fmt.Sprint("group", i))
	}
	step := func(client, round int) error {
		n := client*7 + round*5
		user, group := fmt.Sprint("user", n%3), fmt.Sprint("group", n/3%3)
		switch round % 5 {
		case 0, 1:
			return f.add(t, user, group)
		case 2:
			return f.remove(t, user, group)
		case 3:
			return errors.Join(f.deleteGroup(t, group), f.deleteUser(t, user))
		default:
			_, err1 := f.admin.CreateGroup(t.Context(), &iamclient.CreateGroupInput{GroupName: &group})
			_, err2 := f.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: &user})
			return errors.Join(err1, err2)
		}
	}
	var running sync.WaitGroup
	for client := range clients {
		running.Go(func() {
			for round := range rounds {
				err := step(client, round)
				var api smithy.APIError
				if err != nil && (!errors.As(err, &api) || !expected[api.ErrorCode()]) {
					t.Errorf("client %d, round %d: %v", client, round, err)
				}
			}
		})
	}
	running.Wait()
	snapshot, counts := f.Directory.Snapshot(), map[string]int{}
	for user := range snapshot.UsersAfter(account, "") {
		for _, id := range user.Groups {
			counts[id]++
			if _, ok := snapshot.GroupByID(id); !ok {
				t.Errorf("%s is in group %s, which is gone", user.Name, id)
			}
		}
	}
	for group := range snapshot.GroupsAfter(account, "") {
		if group.Members != counts[group.ID] {
			t.Errorf("%s counts %d members, and %d users name it", group.Name, group.Members, counts[group.ID])
		}
	}
}

// TestPermissionIsForTheUserInTheStore is TestPermissionIsForTheThingInTheStore
// for users and groups.
func TestPermissionIsForTheUserInTheStore(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/ci/", "ann")
	f.createGroup(t, "/ci/", "team")
	f.createUser(t, "/", "mine")
	hand := f.as(t, "hand", statement("Allow", "iam:*", "arn:aws:iam::123456789012:*/ci/*", ""), statement("Allow", "iam:*", "arn:aws:iam::123456789012:user/mine", ""))
	snapshot := f.Directory.Snapshot()
	ann, _ := snapshot.User(account, "ann")
	team, _ := snapshot.Group(account, "team")
	user, group := ann.User, team.Group
	user.Path, group.Path = "/admin/", "/admin/"
	both := func(user, group any) map[store.ID]any {
		return map[store.ID]any{store.UserID(account, "ann"): user, store.GroupID(account, "team"): group}
	}
	got := f.overtaken(t, both(ann.User, team.Group), both(user, group),
		func() error { return hand.deleteUser(t, "ann") },
		func() error {
			return hand.updateUser(t, iamclient.UpdateUserInput{UserName: aws.String("ann"), NewUserName: aws.String("bob")})
		},
		func() error {
			_, err := hand.admin.CreateAccessKey(t.Context(), &iamclient.CreateAccessKeyInput{UserName: aws.String("ann")})
			return err
		},
		func() error { return hand.deleteGroup(t, "team") },
		func() error { return hand.add(t, "mine", "team") },
		func() error {
			_, err := hand.admin.UpdateGroup(t.Context(), &iamclient.UpdateGroupInput{GroupName: aws.String("team"), NewGroupName: aws.String("crew")})
			return err
		})
	for i, action := range []string{"DeleteUser", "UpdateUser", "CreateAccessKey"} {
		wantFault(t, got[i], denied("hand", action, "arn:aws:iam::123456789012:user/admin/ann"))
	}
	for i, action := range []string{"DeleteGroup", "AddUserToGroup", "UpdateGroup"} {
		wantFault(t, got[3+i], denied("hand", action, "arn:aws:iam::123456789012:group/admin/team"))
	}
}

package iam_test

import (
	"errors"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/store"

	"github.com/google/go-cmp/cmp"
)

// recordedUsers and recordedGroups are the expected parses of bodies that tell
// users and groups.
type (
	recordedUser struct {
		Path, UserName, UserID, Arn string
		CreateDate                  time.Time
	}
	recordedGroup struct {
		Path, GroupName, GroupID, Arn string
		CreateDate                    time.Time
	}
)

// put writes recorded users and groups past the API; the users are in the first of
// the groups.
func (f *fixture) put(t *testing.T, users []recordedUser, groups []recordedGroup) {
	t.Helper()
	err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		var of []string
		for i, g := range groups {
			record := store.Group{Account: account, Name: g.GroupName, Path: g.Path, ID: g.GroupID, Created: g.CreateDate}
			if i == 0 && len(users) > 0 {
				of, record.Members = []string{g.GroupID}, len(users)
			}
			if err := store.PutRecord(tx, store.GroupID(account, g.GroupName), record); err != nil {
				return err
			}
		}
		var all error
		for _, u := range users {
			all = errors.Join(all, store.PutRecord(tx, store.UserID(account, u.UserName), store.User{
				Account: account, Name: u.UserName, Path: u.Path, ID: u.UserID, Groups: of, Created: u.CreateDate,
			}))
		}
		return all
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantRecorded holds a reply against a recorded body, but for the order of a
// structure's members and for some elements.
func (f *fixture) wantRecorded(t *testing.T, want *awsapitest.Element, without []string, action string, parameters ...string) {
	t.Helper()
	got := awsapitest.MustElement(t, f.call(t, action, parameters...).Body)
	for _, name := range append(without, "RequestId") {
		want, got = want.Without(name), got.Without(name)
	}
	if diff := cmp.Diff(want.Sorted(), got.Sorted()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func recordedGetGroup(t *testing.T, r awsapitest.RecordedBody) {
	f := start(t)
	var parsed struct {
		Group recordedGroup
		Users []recordedUser
	}
	r.Parse(t, &parsed)
	f.put(t, parsed.Users, []recordedGroup{parsed.Group})
	f.wantRecorded(t, r.Body, []string{"Arn"}, "GetGroup", "GroupName", parsed.Group.GroupName) // of another account
}

// recordedListGroups: the body is out of the documentation, whose ARNs lack the
// path, and which has no dates. Its order is no order of names or paths.
func recordedListGroups(t *testing.T, r awsapitest.RecordedBody) {
	f := start(t)
	var parsed struct{ Groups []recordedGroup }
	r.Parse(t, &parsed)
	f.put(t, nil, parsed.Groups)
	listed := r.Body.Child("ListGroupsResult", "Groups").Children
	listed[1], listed[2] = listed[2], listed[1] // Managers before Test
	f.wantRecorded(t, r.Body, []string{"Arn", "CreateDate"}, "ListGroups")
}

// recordedListUsers: the body has a line break within its ARNs.
func recordedListUsers(t *testing.T, r awsapitest.RecordedBody) {
	f := start(t)
	var parsed struct{ Users []recordedUser }
	r.Parse(t, &parsed)
	f.put(t, parsed.Users, nil)
	f.wantRecorded(t, r.Body, []string{"Arn", "CreateDate"}, "ListUsers", "PathPrefix", "/division_abc/")
}

// recordedGetUser: the body tells of the root user, whom there is not here. What it
// has, we tell of every user.
func recordedGetUser(t *testing.T, r awsapitest.RecordedBody) {
	f := start(t)
	user := awsapitest.MustElement(t, f.call(t, "GetUser").Body).Child("GetUserResult", "User")
	for _, member := range r.Body.Child("GetUserResult", "User").Children {
		if told := user.Child(member.Name); told == nil || told.Text == "" {
			t.Errorf("we do not tell %s", member.Name)
		}
	}
}

func recordedGetUserPolicy(t *testing.T, r awsapitest.RecordedBody) {
	f := start(t)
	result := r.Body.Child("GetUserPolicyResult")
	f.createUser(t, "/", result.Child("UserName").Text)
	document := unescape(t, &result.Child("PolicyDocument").Text)
	if reply := f.call(t, "PutUserPolicy", "UserName", "test", "PolicyName", "test", "PolicyDocument", document); reply.Status != 200 {
		t.Fatal(reply.Body)
	}
	f.wantRecorded(t, r.Body, nil, "GetUserPolicy", "UserName", "test", "PolicyName", "test")
}

// recordedListAccessKeys: beside the list the body, of 2012, names the user, which
// the model does not have.
func recordedListAccessKeys(t *testing.T, r awsapitest.RecordedBody) {
	f := start(t)
	var parsed struct {
		AccessKeyMetadata []struct{ AccessKeyID, Status, UserName string }
	}
	r.Parse(t, &parsed)
	var keys []store.AccessKey
	for _, key := range parsed.AccessKeyMetadata {
		keys = append(keys, store.AccessKey{ID: key.AccessKeyID, Active: key.Status == "Active"})
	}
	f.putKeys(t, parsed.AccessKeyMetadata[0].UserName, keys...)
	result := r.Body.Child("ListAccessKeysResult")
	result.Children = result.Children[1:]
	f.wantRecorded(t, r.Body, []string{"CreateDate"}, "ListAccessKeys", "UserName", "bob")
}

// recordedWithoutItems is for a list that has nothing in it here: its frame is the
// recorded one.
func recordedWithoutItems(list string) func(*testing.T, awsapitest.RecordedBody) {
	return func(t *testing.T, r awsapitest.RecordedBody) {
		f := start(t)
		result := r.Body.Children[0]
		*result = *result.Without("UserName") // of 2012, as in ListAccessKeys
		result.Child(list).Children, result.Child(list).Text = nil, ""
		f.wantRecorded(t, r.Body, nil, result.Name[:len(result.Name)-len("Result")])
	}
}

package iam_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
)

// trusting is a trust policy for principals of AWS, written as no program would.
func trusting(principals ...string) string {
	return "{ \"Version\" : \"2012-10-17\",\n\t\"Statement\": [{\"Principal\":{\"AWS\":[\"" + strings.Join(principals, "\" ,\"") + "\"]},\"Effect\":\"Allow\",\"Action\":[\"sts:AssumeRole\"]}]}\n"
}

func (f *fixture) putUser(t testing.TB, path, name, id string) string {
	t.Helper()
	if err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		return store.PutRecord(tx, store.UserID(account, name), store.User{Account: account, Name: name, Path: path, ID: id})
	}); err != nil {
		t.Fatal(err)
	}
	return arn.User(account, path, name)
}

func (f *fixture) dropUser(t testing.TB, name string) {
	t.Helper()
	if err := f.Directory.Update(t.Context(), func(tx store.Tx) error { return tx.Delete(store.UserID(account, name)) }); err != nil {
		t.Fatal(err)
	}
}

// wantTrust asks all that show it for the trust policy of a role.
func (f *fixture) wantTrust(t *testing.T, what, role, want string) {
	t.Helper()
	shown := map[string]*string{
		"GetRole": f.getRole(t, role).Role.AssumeRolePolicyDocument,
		"UpdateRoleDescription": noError[*iamclient.UpdateRoleDescriptionOutput](t)(f.admin.UpdateRoleDescription(t.Context(),
			&iamclient.UpdateRoleDescriptionInput{RoleName: &role, Description: aws.String("d")})).Role.AssumeRolePolicyDocument,
	}
	for _, r := range noError[*iamclient.ListRolesOutput](t)(f.admin.ListRoles(t.Context(), nil)).Roles {
		if *r.RoleName == role {
			shown["ListRoles"] = r.AssumeRolePolicyDocument
		}
	}
	for operation, document := range shown {
		if got := unescape(t, document); got != want {
			t.Errorf("%s: %s shows\n%s\nwant\n%s", what, operation, got, want)
		}
	}
}

func (f *fixture) trust(t *testing.T, role, document string) error {
	t.Helper()
	_, err := f.admin.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: &document})
	return err
}

// TestPrincipalsAreKeptById: a principal is the user or role that it named when
// the policy was put, whatever becomes of the name.
func TestPrincipalsAreKeptById(t *testing.T) {
	t.Parallel()
	f := start(t)
	const first, second = "AIDAFIRSTFIRSTFIRST1", "AIDASECONDSECOND2345"
	ann := f.putUser(t, "/team/", "Ann", first)
	f.createRoleAt(t, "/ci/", "Build")
	build := arn.Role(account, "/ci/", "Build")
	buildID := *f.getRole(t, "Build").Role.RoleId
	document := trusting(ann, build, account, arn.Root(account), "*")
	must(t)(f.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("deploy"), AssumeRolePolicyDocument: &document}))
	f.wantTrust(t, "as submitted", "deploy", document)
	if role, _ := f.Directory.Snapshot().Role(account, "deploy"); len(role.Principals) != 2 || role.Principals[ann] != first || role.Principals[build] != buildID {
		t.Errorf("kept are %v", role.Principals)
	}

	// Renamed, a user is shown under the new name.
	f.dropUser(t, "Ann")
	renamed := f.putUser(t, "/", "Anne", first)
	f.wantTrust(t, "renamed", "deploy", trusting(renamed, build, account, arn.Root(account), "*"))

	// Gone, and made again, a user is somebody else.
	f.dropUser(t, "Anne")
	f.wantTrust(t, "deleted", "deploy", trusting(first, build, account, arn.Root(account), "*"))
	f.putUser(t, "/team/", "Ann", second)
	must(t)(f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("build")}))
	f.createRoleAt(t, "/ci/", "Build")
	f.wantTrust(t, "made again", "deploy", trusting(first, buildID, account, arn.Root(account), "*"))

	// What is shown of those that are gone can no longer be put; the names can.
	wantFault(t, f.trust(t, "deploy", trusting(first)), invalidPrincipal(first))
	wantFault(t, f.trust(t, "deploy", trusting(buildID)), invalidPrincipal(buildID))
	succeed(t, "put again", f.trust(t, "deploy", trusting(ann, build)))
	if role, _ := f.Directory.Snapshot().Role(account, "deploy"); role.Principals[ann] != second {
		t.Errorf("kept are %v", role.Principals)
	}
	f.wantTrust(t, "put again", "deploy", trusting(ann, build))

	// An id of somebody who is there is shown as the name.
	succeed(t, "by id", f.trust(t, "deploy", trusting(second)))
	f.wantTrust(t, "by id", "deploy", trusting(ann))
}

func invalidPrincipal(written string) fault {
	return fault{http.StatusBadRequest, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"` + written + `"`}
}

// TestUnknownPrincipals: whom a trust policy names must be there, spelled as it is
// spelled; in whichever account.
func TestUnknownPrincipals(t *testing.T) {
	t.Parallel()
	f := start(t)
	const other = "210987654321"
	f.AddAccount(t, other)
	f.UserOf(t, other, "theirs")
	ann := f.putUser(t, "/team/", "Ann", "AIDAFIRSTFIRSTFIRST1")
	f.putEntities(t, "both")
	f.createRole(t, "deploy")
	for _, unknown := range []string{
		arn.User(account, "/", "absent"), arn.Role(account, "/", "absent"), arn.User(account, "/", "Ann"), arn.User(account, "/team/", "ann"), arn.Role(account, "/team/", "Ann"),
		arn.User(other, "/team/", "Ann"), "AIDAABSENTABSENT1234", "AROAABSENTABSENT1234", "arn:aws:iam:::user/Ann", arn.Group(account, "/team/", "both"),
		"999999999999", arn.Root("999999999999"), arn.User("999999999999", "/", "ann"),
	} {
		for _, document := range []string{trusting(unknown), trusting(ann, unknown), strings.Replace(trusting(unknown), "Allow", "Deny", 1)} {
			_, created := f.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("new"), AssumeRolePolicyDocument: &document})
			for _, err := range []error{created, f.trust(t, "deploy", document)} {
				wantFaultPrefix(t, unknown, err, invalidPrincipal(unknown))
			}
		}
	}
	succeed(t, "known", f.trust(t, "deploy", trusting(ann, arn.User(other, "/", "theirs"), other, arn.Root(other))))
	// A role cannot name itself before it is there.
	self := trusting(arn.Role(account, "/", "self"))
	_, err := f.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("self"), AssumeRolePolicyDocument: &self})
	wantFault(t, err, invalidPrincipal(arn.Role(account, "/", "self")))
	f.createRole(t, "self")
	succeed(t, "itself", f.trust(t, "self", self))
}

// TestOldTrustPolicies: a record of an earlier build knows no ids, and its trust
// policy is shown and decides by the names in it.
func TestOldTrustPolicies(t *testing.T) {
	t.Parallel()
	f := start(t)
	document := trusting(arn.User(account, "/", "gone"))
	if err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(store.PutRecord(tx, store.RoleID(account, "old"), store.Role{Account: account, Name: "old", Path: "/", ID: "AROA" + idOf("old"), TrustPolicy: document, MaxSessionDuration: 3600}))
	}); err != nil {
		t.Fatal(err)
	}
	f.wantTrust(t, "old", "old", document)
}

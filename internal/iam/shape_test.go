package iam_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/store"

	"github.com/google/go-cmp/cmp"
)

// shapes are requests of one area of IAM that together have every element in
// their replies that a reply can have, and what it lacks for which reason. Those
// that delete are sent last, in the opposite order of areas.
type shapes struct {
	records   func(testing.TB, *fixture) // puts what requests do not make; may be nil
	requests  [][]string                 // an operation, then parameters and values
	deletions [][]string
	lacking   map[string][]string // elements by reason
}

// Things that the areas' requests make and name.
const (
	shapedProvider = "arn:aws:iam::" + account + ":oidc-provider/gitlab.example.com"
	shapedPolicy   = "arn:aws:iam::" + account + ":policy/read"
	shapedRole     = "arn:aws:iam::" + account + ":role/deploy"
)

// TestShapes has every operation answer with success, with all elements that it
// can have: each reply is held against the service model on its way. So is each
// of the other tests.
func TestShapes(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.User(t, "ann")
	f.putEntities(t, "shaped")
	f.putKeys(t, "gus", store.AccessKey{ID: shapedKey})
	areas := []shapes{
		providerShapes, policyShapes, roleShapes, userShapes, accessKeyShapes, groupShapes, profileShapes, accountShapes, detailShapes, outboundShapes, simulationShapes,
	}
	send := func(requests [][]string) {
		for _, request := range requests {
			if reply := f.call(t, request[0], request[1:]...); reply.Status != http.StatusOK {
				t.Errorf("%s: %d %s", request[0], reply.Status, reply.Body)
			}
		}
	}
	lacking := map[string][]string{}
	for _, area := range areas {
		if area.records != nil {
			area.records(t, f)
		}
		send(area.requests)
		maps.Copy(lacking, area.lacking)
	}
	role, ok := f.Directory.Snapshot().Role(account, "deploy")
	if !ok {
		t.Fatal("the role is not there")
	}
	f.LastUse.Note(account, role.ID, "eu-central-1", "sts", time.Now())
	send([][]string{{"GetRole", "RoleName", "deploy"}}) // which was used
	for _, area := range slices.Backward(areas) {
		send(area.deletions)
	}
	f.Shapes.WantAll(t, lacking, "testdata", "operations.golden")
}

// recordedRoles is the expected parse of ListRoles's body.
type recordedRoles struct {
	Roles []struct {
		Path, RoleName, RoleID, Arn string
		CreateDate                  time.Time
	}
}

// TestInputs: what awsapi.Params does not decode, no request has, be it of an
// operation that is not served, but for these.
func TestInputs(t *testing.T) {
	t.Parallel()
	want := []string{
		"AcquireRole/ReplacementValues is a map[string]types.ReplacementValueEntry",      // not served
		"PutAccountProperties/Properties is a map[string]string",                         // not served
		"SimulatePrincipalPolicy/PolicyExclusionList/member is a types.PolicyIdentifier", // refused by name (docs/aws-divergences.md)
	}
	if diff := cmp.Diff(want, start(t).Shapes.Undecoded()); diff != "" {
		t.Errorf("inputs that are not decoded (-want +got):\n%s", diff)
	}
}

// TestRecordedBodies holds our reply against each recorded body of an operation
// that there is: of the same records, the same elements with the same values.
func TestRecordedBodies(t *testing.T) {
	t.Parallel()
	awsapitest.RecordedBodies(t, "iam", map[string]func(*testing.T, awsapitest.RecordedBody){
		"GetAccountSummary":      recordedSummary,
		"ListAccountAliases":     recordedAliases,
		"ListInstanceProfiles":   recordedProfiles,
		"ListServerCertificates": recordedCertificates,
		"GetGroup":               recordedGetGroup, "ListGroups": recordedListGroups, "ListUsers": recordedListUsers, "GetUser": recordedGetUser,
		"GetUserPolicy": recordedGetUserPolicy, "ListAccessKeys": recordedListAccessKeys,
		"ListMFADevices": recordedWithoutItems("MFADevices"), "ListVirtualMFADevices": recordedWithoutItems("VirtualMFADevices"),
		"ListSigningCertificates": recordedWithoutItems("Certificates"),
		"ListRoles": func(t *testing.T, r awsapitest.RecordedBody) {
			f := start(t)
			f.putRecordedRoles(t, r)
			got := awsapitest.MustElement(t, f.call(t, "ListRoles").Body)
			// Lists have told it since 2018 (IAM API Reference, Role). The order of
			// a structure's members is AWS's affair (docs/aws-divergences.md).
			got = got.Without("MaxSessionDuration").Without("RequestId").Sorted()
			if diff := cmp.Diff(r.Body.Without("RequestId").Sorted(), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		},
	}, "testdata", "operations.golden")
}

// putRecordedRoles puts the roles that a recorded ListRoles lists.
func (f *fixture) putRecordedRoles(t *testing.T, r awsapitest.RecordedBody) {
	t.Helper()
	var parsed recordedRoles
	r.Parse(t, &parsed)
	for i, listed := range r.Body.Child("ListRolesResult", "Roles").Children {
		role := parsed.Roles[i]
		document := listed.Child("AssumeRolePolicyDocument").Text // parsed, it is no longer as it was put
		record := store.Role{
			Account: account, Name: role.RoleName, Path: role.Path, ID: role.RoleID,
			TrustPolicy: unescape(t, &document), Created: role.CreateDate, MaxSessionDuration: 3600,
		}
		if got := arn.Role(account, role.Path, role.RoleName); got != role.Arn {
			t.Errorf("the ARN of %s is %s, want %s", role.RoleName, got, role.Arn)
		}
		if err := f.Directory.Update(t.Context(), func(tx store.Tx) error { return store.PutRecord(tx, store.RoleID(account, role.RoleName), record) }); err != nil {
			t.Fatal(err)
		}
	}
}

package iam_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/store"

	"github.com/google/go-cmp/cmp"
)

// TestShapes has every operation answer with success, with all elements that it
// can have: each reply is held against the service model on its way. So is each
// of the other tests.
func TestShapes(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.User(t, "ann")
	const (
		provider = "arn:aws:iam::" + account + ":oidc-provider/gitlab.example.com"
		policy   = "arn:aws:iam::" + account + ":policy/read"
		role     = "arn:aws:iam::" + account + ":role/deploy"
	)
	simulated := []string{
		"ActionNames.member.1", "s3:GetObject", "ActionNames.member.2", "s3:PutObject", "MaxItems", "1",
		"PermissionsBoundaryPolicyInputList.member.1", readPolicy, "CallerArn", "arn:aws:iam::" + account + ":user/ann", "ResourceArns.member.1", "arn:aws:s3:::releases/a",
		"ResourceOwner", "arn:aws:iam::210987654321:root",
		"ResourcePolicy", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::releases/*"}}`,
	}
	for _, request := range [][]string{
		{"CreateOpenIDConnectProvider", "Url", "https://gitlab.example.com", "ClientIDList.member.1", "a", "ThumbprintList.member.1", strings.Repeat("a", 40)},
		{"GetOpenIDConnectProvider", "OpenIDConnectProviderArn", provider},
		{"ListOpenIDConnectProviders"},
		{"CreateRole", "RoleName", "deploy", "AssumeRolePolicyDocument", trustPolicy, "Description", "d"},
		{"CreateRole", "RoleName", "other", "AssumeRolePolicyDocument", trustPolicy},
		{"UpdateAssumeRolePolicy", "RoleName", "deploy", "PolicyDocument", trustPolicy},
		{"GetRole", "RoleName", "deploy"},
		{"ListRoles", "MaxItems", "1"},
		{"CreatePolicy", "PolicyName", "read", "PolicyDocument", readPolicy, "Description", "d"},
		{"CreatePolicy", "PolicyName", "write", "PolicyDocument", writePolicy},
		{"GetPolicy", "PolicyArn", policy},
		{"GetPolicyVersion", "PolicyArn", policy, "VersionId", "v1"},
		{"ListPolicies", "MaxItems", "1", "Scope", "Local"},
		{"PutRolePolicy", "RoleName", "deploy", "PolicyName", "p", "PolicyDocument", writePolicy},
		{"PutRolePolicy", "RoleName", "deploy", "PolicyName", "q", "PolicyDocument", writePolicy},
		{"GetRolePolicy", "RoleName", "deploy", "PolicyName", "p"},
		{"ListRolePolicies", "RoleName", "deploy", "MaxItems", "1"},
		{"AttachRolePolicy", "RoleName", "deploy", "PolicyArn", policy},
		{"AttachRolePolicy", "RoleName", "deploy", "PolicyArn", strings.Replace(policy, "read", "write", 1)},
		{"ListAttachedRolePolicies", "RoleName", "deploy", "MaxItems", "1"},
		{"EnableOutboundWebIdentityFederation"},
		{"GetOutboundWebIdentityFederationInfo"},
		{"DisableOutboundWebIdentityFederation"},
		append([]string{"SimulateCustomPolicy", "PolicyInputList.member.1", readPolicy}, simulated...),
		append([]string{"SimulatePrincipalPolicy", "PolicySourceArn", "arn:aws:iam::" + account + ":user/ann", "PolicyInputList.member.1", readPolicy}, simulated...),
		{"GetContextKeysForCustomPolicy", "PolicyInputList.member.1", statement("Allow", "s3:*", "*", `"StringEquals":{"aws:username":"a"}`)},
		{"GetContextKeysForPrincipalPolicy", "PolicySourceArn", role},
		{"DetachRolePolicy", "RoleName", "deploy", "PolicyArn", policy},
		{"DeletePolicy", "PolicyArn", policy},
		{"DeleteRolePolicy", "RoleName", "deploy", "PolicyName", "p"},
		{"DeleteRole", "RoleName", "other"},
		{"DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", provider},
	} {
		if reply := f.call(t, request[0], request[1:]...); reply.Status != http.StatusOK {
			t.Errorf("%s: %d %s", request[0], reply.Status, reply.Body)
		}
	}
	f.Shapes.WantAll(t, map[string][]string{
		"roles, policies and providers have no tags (docs/aws-divergences.md)": {
			"CreateOpenIDConnectProviderResult/Tags", "GetOpenIDConnectProviderResult/Tags", "CreatePolicyResult/Policy/Tags",
			"CreateRoleResult/Role/Tags", "GetRoleResult/Role/Tags",
		},
		"roles have no permissions boundary (docs/aws-divergences.md)": {"CreateRoleResult/Role/PermissionsBoundary", "GetRoleResult/Role/PermissionsBoundary"},
		"when a role was used is not kept":                             {"GetRoleResult/Role/RoleLastUsed/LastUsedDate", "GetRoleResult/Role/RoleLastUsed/Region"},
		"there are no role templates":                                  {"CreateRoleResult/Role/SourceRoleTemplate", "GetRoleResult/Role/SourceRoleTemplate", "ListRolesResult/Roles/member/SourceRoleTemplate"},
		"there are no organizations":                                   {"SimulateCustomPolicyResult/EvaluationResults/member/OrganizationsDecisionDetail", "SimulatePrincipalPolicyResult/EvaluationResults/member/OrganizationsDecisionDetail"},
		"AWS's CreateRole does not tell it (recorded)":                 {"CreateRoleResult/Role/MaxSessionDuration", "CreateRoleResult/Role/RoleLastUsed"},
		"only GetPolicy tells it (IAM API Reference, Policy)":          {"CreatePolicyResult/Policy/Description", "ListPoliciesResult/Policies/member/Description"},
		"lists tell a subset of the attributes (IAM API Reference, ListRoles and ListPolicies)": {
			"ListRolesResult/Roles/member/PermissionsBoundary", "ListRolesResult/Roles/member/RoleLastUsed", "ListRolesResult/Roles/member/Tags",
			"ListPoliciesResult/Policies/member/Tags",
		},
	}, "testdata", "operations.golden")
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

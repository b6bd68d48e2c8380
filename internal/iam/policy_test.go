package iam_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/managedpolicy"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

func noPolicy(policyARN string) fault {
	return fault{http.StatusNotFound, "NoSuchEntity", "Policy " + policyARN + " was not found."}
}

func (f *fixture) getPolicy(t *testing.T, policyARN string) *types.Policy {
	t.Helper()
	return noError[*iamclient.GetPolicyOutput](t)(f.admin.GetPolicy(t.Context(), &iamclient.GetPolicyInput{PolicyArn: &policyARN})).Policy
}

func TestPolicyLife(t *testing.T) {
	t.Parallel()
	f := start(t)
	created, err := f.admin.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{
		PolicyName: aws.String("Read"), Path: aws.String("/ci/"), PolicyDocument: aws.String(readPolicy), Description: aws.String("reads € releases"),
	})
	if err != nil {
		t.Fatal(err)
	}
	policy, policyARN := created.Policy, "arn:aws:iam::123456789012:policy/ci/Read"
	if *policy.Arn != policyARN || *policy.PolicyName != "Read" || *policy.Path != "/ci/" || *policy.DefaultVersionId != "v1" ||
		*policy.AttachmentCount != 0 || *policy.PermissionsBoundaryUsageCount != 0 || !policy.IsAttachable || policy.Description != nil ||
		!policy.CreateDate.Equal(*policy.UpdateDate) || !regexp.MustCompile(`^ANPA[A-Z2-7]{17}$`).MatchString(*policy.PolicyId) {
		t.Errorf("created %+v", policy)
	}
	found := f.getPolicy(t, strings.ToLower(policyARN))
	if *found.Arn != policyARN || *found.PolicyId != *policy.PolicyId || *found.Description != "reads € releases" {
		t.Errorf("found %+v", found)
	}
	version := noError[*iamclient.GetPolicyVersionOutput](t)(f.admin.GetPolicyVersion(t.Context(), &iamclient.GetPolicyVersionInput{PolicyArn: &policyARN, VersionId: aws.String("v1")})).PolicyVersion
	if diff := cmp.Diff(readPolicy, unescape(t, version.Document)); diff != "" || !version.IsDefaultVersion || *version.VersionId != "v1" || version.CreateDate == nil {
		t.Errorf("version %+v (-want +got):\n%s", version, diff)
	}
	_, err = f.admin.GetPolicyVersion(t.Context(), &iamclient.GetPolicyVersionInput{PolicyArn: &policyARN, VersionId: aws.String("v2")})
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "Policy " + policyARN + " version v2 does not exist or is not attachable."})
	_, err = f.admin.GetPolicyVersion(t.Context(), &iamclient.GetPolicyVersionInput{PolicyArn: &policyARN, VersionId: aws.String("1")})
	wantFault(t, err, fault{
		http.StatusBadRequest, "ValidationError",
		`1 validation error detected: Value at 'versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`,
	})

	// A name is taken under every path.
	_, err = f.admin.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{PolicyName: aws.String("READ"), PolicyDocument: aws.String(readPolicy)})
	wantFault(t, err, fault{http.StatusConflict, "EntityAlreadyExists", "A policy called READ already exists. Duplicate names are not allowed."})

	must(t)(f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: aws.String(strings.ToLower(policyARN))}))
	_, err = f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: &policyARN})
	wantFault(t, err, noPolicy(policyARN))
}

func TestPolicyConstraints(t *testing.T) {
	t.Parallel()
	f := start(t)
	create := func(in iamclient.CreatePolicyInput) error {
		if in.PolicyName == nil {
			in.PolicyName = aws.String("read")
		}
		if in.PolicyDocument == nil {
			in.PolicyDocument = aws.String(readPolicy)
		}
		_, err := f.admin.CreatePolicy(t.Context(), &in)
		return err
	}
	wantFault(t, create(iamclient.CreatePolicyInput{Path: aws.String("/a:b/")}), fault{
		http.StatusBadRequest, "ValidationError",
		"The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
	})
	wantFault(t, create(iamclient.CreatePolicyInput{PolicyName: aws.String(strings.Repeat("a", 129))}), fault{
		http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'policyName' failed to satisfy constraint: Member must have length less than or equal to 128",
	})
	wantFault(t, create(iamclient.CreatePolicyInput{Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}, {Key: aws.String("k"), Value: aws.String("v")}}}), fault{
		http.StatusBadRequest, "InvalidInput", "Duplicate tag keys found.",
	})
	wantFault(t, create(iamclient.CreatePolicyInput{PolicyDocument: aws.String(sized(6145))}), fault{
		http.StatusConflict, "LimitExceeded",
		"Cannot exceed quota for PolicySize: 6144",
	})
	if err := create(iamclient.CreatePolicyInput{PolicyDocument: aws.String(sized(6144)), PolicyName: aws.String(strings.Repeat("a", 128))}); err != nil {
		t.Errorf("at the limits: %v", err)
	}
	if n := len(f.Directory.Snapshot().Policies(account)); n != 1 {
		t.Errorf("%d policies, want 1", n)
	}
}

// TestAbsentPolicies names policies that are not there for the caller: nowhere,
// under another path, in another account, and an AWS managed one that there is
// not.
func TestAbsentPolicies(t *testing.T) {
	t.Parallel()
	f := start(t)
	const other = "210987654321"
	f.AddAccount(t, other)
	owner := &fixture{f.Server, iamclient.NewFromConfig(f.UserOf(t, other, "administrator", awsapitest.Administrator))}
	f.createRole(t, "deploy")
	f.createPolicy(t, "/ci/", "read")
	for _, policyARN := range []string{
		arn.Policy(account, "/", "absent"), arn.Policy(account, "/", "read"), owner.createPolicy(t, "/", "theirs"),
		"arn:aws:iam::aws:policy/NoneOfThisName", "arn:aws:iam::aws:policy/other/AdministratorAccess",
	} {
		t.Log(policyARN)
		_, err := f.admin.GetPolicy(t.Context(), &iamclient.GetPolicyInput{PolicyArn: &policyARN})
		wantFault(t, err, noPolicy(policyARN))
		_, err = f.admin.GetPolicyVersion(t.Context(), &iamclient.GetPolicyVersionInput{PolicyArn: &policyARN, VersionId: aws.String("v1")})
		wantFault(t, err, noVersion(policyARN, "v1"))
		_, err = f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: &policyARN})
		if strings.HasPrefix(policyARN, "arn:aws:iam::aws:") {
			wantFault(t, err, outsideAccount("Cannot delete policies outside your own account."))
		} else {
			wantFault(t, err, noPolicy(policyARN))
		}
		_, err = f.admin.DetachRolePolicy(t.Context(), &iamclient.DetachRolePolicyInput{RoleName: aws.String("deploy"), PolicyArn: &policyARN})
		wantFault(t, err, noPolicy(policyARN))
		_, err = f.admin.AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{RoleName: aws.String("deploy"), PolicyArn: &policyARN})
		wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "Policy " + policyARN + " does not exist or is not attachable."})
	}
	if n := len(f.Directory.Snapshot().Policies(other)); n != 1 {
		t.Errorf("the other account has %d policies, want its own one", n)
	}
	for _, broken := range []string{"AdministratorAccess-by-name", "arn:aws:iam::123456789012:role/deploy", "arn:aws:s3:::policy/not-of-iam"} {
		_, err := f.admin.AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{RoleName: aws.String("deploy"), PolicyArn: &broken})
		wantFault(t, err, fault{http.StatusBadRequest, "ValidationError", "ARN " + broken + " is not valid."})
	}
}

func TestListPolicies(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	f.createPolicy(t, "/", "b")
	f.createPolicy(t, "/ci/", "C")
	attachedARN := f.createPolicy(t, "/ci/main/", "a")
	const lambda = "arn:aws:iam::aws:policy/service-role/AWSLambdaRole"
	boundary := f.createPolicy(t, "/", "bounds")
	must(t)(f.admin.PutRolePermissionsBoundary(t.Context(), &iamclient.PutRolePermissionsBoundaryInput{RoleName: aws.String("deploy"), PermissionsBoundary: &boundary}))
	must(t)(f.admin.AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{RoleName: aws.String("deploy"), PolicyArn: aws.String(lambda)}))
	var ofAWS []string
	for _, p := range managedpolicy.All() {
		ofAWS = append(ofAWS, p.Name)
	}
	must(t)(f.admin.AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{RoleName: aws.String("deploy"), PolicyArn: &attachedARN}))
	for _, c := range []struct {
		name string
		in   iamclient.ListPoliciesInput
		want []string
	}{
		{"all", iamclient.ListPoliciesInput{}, slices.Concat([]string{"a", "b", "bounds", "C"}, ofAWS)},
		{"Scope All", iamclient.ListPoliciesInput{Scope: types.PolicyScopeTypeAll}, slices.Concat([]string{"a", "b", "bounds", "C"}, ofAWS)},
		{"Scope Local", iamclient.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal}, []string{"a", "b", "bounds", "C"}},
		{"Scope AWS", iamclient.ListPoliciesInput{Scope: types.PolicyScopeTypeAws}, ofAWS},
		{"path", iamclient.ListPoliciesInput{PathPrefix: aws.String("/ci/")}, []string{"a", "C"}},
		{"path of AWS", iamclient.ListPoliciesInput{PathPrefix: aws.String("/job-function/"), Scope: types.PolicyScopeTypeAws}, []string{"Billing", "ViewOnlyAccess"}},
		{"in use", iamclient.ListPoliciesInput{OnlyAttached: true}, []string{"a", "bounds", "AWSLambdaRole"}},
		{"in use, Local", iamclient.ListPoliciesInput{OnlyAttached: true, Scope: types.PolicyScopeTypeLocal}, []string{"a", "bounds"}},
		{"in use, AWS", iamclient.ListPoliciesInput{OnlyAttached: true, Scope: types.PolicyScopeTypeAws}, []string{"AWSLambdaRole"}},
		{"attached for permissions", iamclient.ListPoliciesInput{OnlyAttached: true, PolicyUsageFilter: types.PolicyUsageTypePermissionsPolicy}, []string{"a", "AWSLambdaRole"}},
		{"attached as boundary", iamclient.ListPoliciesInput{OnlyAttached: true, PolicyUsageFilter: types.PolicyUsageTypePermissionsBoundary}, []string{"bounds"}},
		{"usage alone is not heard", iamclient.ListPoliciesInput{PolicyUsageFilter: types.PolicyUsageTypePermissionsBoundary, Scope: types.PolicyScopeTypeLocal}, []string{"a", "b", "bounds", "C"}},
	} {
		out := noError[*iamclient.ListPoliciesOutput](t)(f.admin.ListPolicies(t.Context(), &c.in))
		var names []string
		for _, p := range out.Policies {
			names = append(names, *p.PolicyName)
		}
		if diff := cmp.Diff(c.want, names); diff != "" || out.IsTruncated {
			t.Errorf("%s: truncated %t, names (-want +got):\n%s", c.name, out.IsTruncated, diff)
		}
	}
	_, err := f.admin.ListPolicies(t.Context(), &iamclient.ListPoliciesInput{Scope: "Mine"})
	wantFault(t, err, fault{
		http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'scope' failed to satisfy constraint: Member must satisfy enum value set: [All, AWS, Local]",
	})
	_, err = f.admin.ListPolicies(t.Context(), &iamclient.ListPoliciesInput{PolicyUsageFilter: "Both"})
	wantFault(t, err, fault{
		http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'policyUsageFilter' failed to satisfy constraint: Member must satisfy enum value set: [PermissionsPolicy, PermissionsBoundary]",
	})
	wantCall(t, f.call(t, "ListPolicies", "OnlyAttached", "yes"), fault{
		http.StatusBadRequest, "MalformedInput",
		"",
	})
}

// TestListPoliciesPages reads the customer's policies and AWS's in pages of every
// size, and asks for the rest of one scope with the marker of another.
func TestListPoliciesPages(t *testing.T) {
	t.Parallel()
	f := start(t)
	want := []string{"a", "B", "c"}
	for _, name := range want {
		f.createPolicy(t, "/", name)
	}
	for _, p := range managedpolicy.All() {
		want = append(want, p.Name)
	}
	markers := map[types.PolicyScopeType]*string{}
	for _, size := range []int32{1, 2, 3, 4, 50, 1000} {
		var got []string
		for p := iamclient.NewListPoliciesPaginator(f.admin, &iamclient.ListPoliciesInput{MaxItems: &size}); p.HasMorePages(); {
			out := noError[*iamclient.ListPoliciesOutput](t)(p.NextPage(t.Context()))
			for _, policy := range out.Policies {
				got = append(got, *policy.PolicyName)
			}
			if len(got) == 2 {
				markers[types.PolicyScopeTypeLocal] = out.Marker
			} else if len(got) == 4 {
				markers[types.PolicyScopeTypeAws] = out.Marker
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", size, diff)
		}
	}
	for scope, other := range map[types.PolicyScopeType]types.PolicyScopeType{types.PolicyScopeTypeLocal: types.PolicyScopeTypeAws, types.PolicyScopeTypeAws: types.PolicyScopeTypeLocal} {
		_, err := f.admin.ListPolicies(t.Context(), &iamclient.ListPoliciesInput{Scope: scope, Marker: markers[other]})
		wantFault(t, err, fault{http.StatusBadRequest, "ValidationError", "Invalid Marker."})
		out := noError[*iamclient.ListPoliciesOutput](t)(f.admin.ListPolicies(t.Context(), &iamclient.ListPoliciesInput{Scope: scope, Marker: markers[scope], MaxItems: aws.Int32(1)}))
		if len(out.Policies) != 1 {
			t.Errorf("%s goes on with %d policies", scope, len(out.Policies))
		}
	}
}

package iam_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/managedpolicy"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

func outsideAccount(message string) fault {
	return fault{http.StatusForbidden, "AccessDenied", message}
}

// TestAWSManagedPolicies reads each as the API shows it.
func TestAWSManagedPolicies(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, want := range managedpolicy.All() {
		policyARN := want.ARN()
		p := f.getPolicy(t, strings.ToLower(policyARN))
		if *p.Arn != policyARN || *p.PolicyName != want.Name || *p.Path != want.Path || *p.PolicyId != want.ID || *p.Description != want.Description ||
			*p.DefaultVersionId != want.DefaultVersion || *p.AttachmentCount != 0 || *p.PermissionsBoundaryUsageCount != 0 || !p.IsAttachable ||
			!p.CreateDate.Equal(want.Created) || !p.UpdateDate.Equal(want.Updated) || p.Tags == nil || len(p.Tags) != 0 {
			t.Errorf("%s is %+v", policyARN, p)
		}
		version := noError[*iamclient.GetPolicyVersionOutput](t)(f.admin.GetPolicyVersion(t.Context(), &iamclient.GetPolicyVersionInput{PolicyArn: &policyARN, VersionId: &want.DefaultVersion})).PolicyVersion
		if diff := cmp.Diff(want.Document, unescape(t, version.Document)); diff != "" || !version.IsDefaultVersion {
			t.Errorf("%s: default %t, document (-want +got):\n%s", policyARN, version.IsDefaultVersion, diff)
		}
		if diff := cmp.Diff([]string{want.DefaultVersion + "*"}, f.versions(t, policyARN, 10)); diff != "" {
			t.Errorf("%s: versions (-want +got):\n%s", policyARN, diff)
		}
	}
}

// TestAWSManagedPoliciesStay: nobody changes them, whether there is such a policy
// or not.
func TestAWSManagedPoliciesStay(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, policyARN := range []string{"arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/NoneOfThisName"} {
		_, err := f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: &policyARN})
		wantFault(t, err, outsideAccount("Cannot delete policies outside your own account."))
		_, err = f.createVersion(t, policyARN, "no policy", true)
		wantFault(t, err, outsideAccount("Cannot create versions for policies outside your own account."))
		wantFault(t, f.setDefault(t, policyARN, "v1"), outsideAccount("Cannot update policies outside your own account."))
		wantFault(t, f.deleteVersion(t, policyARN, "v1"), outsideAccount("Cannot delete policy versions for policies outside your own account."))
		untaggable := fault{http.StatusBadRequest, "InvalidInput", "Tags not supported for policies in this domain"}
		_, err = f.admin.TagPolicy(t.Context(), &iamclient.TagPolicyInput{PolicyArn: &policyARN, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
		wantFault(t, err, untaggable)
		_, err = f.admin.UntagPolicy(t.Context(), &iamclient.UntagPolicyInput{PolicyArn: &policyARN, TagKeys: []string{"k"}})
		wantFault(t, err, untaggable)
	}
	listed := noError[*iamclient.ListPolicyTagsOutput](t)(f.admin.ListPolicyTags(t.Context(), &iamclient.ListPolicyTagsInput{PolicyArn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")}))
	if listed.Tags == nil || len(listed.Tags) != 0 || listed.IsTruncated {
		t.Errorf("tags %+v", listed)
	}
	// Who may not is told so first.
	stranger := f.as(t, "stranger")
	readOnly := "arn:aws:iam::aws:policy/ReadOnlyAccess"
	_, err := stranger.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: aws.String(strings.ToLower(readOnly))})
	wantFault(t, err, denied("stranger", "DeletePolicy", readOnly))
	_, err = stranger.admin.GetPolicy(t.Context(), &iamclient.GetPolicyInput{PolicyArn: &readOnly})
	wantFault(t, err, denied("stranger", "GetPolicy", readOnly))
}

// TestAWSManagedPoliciesDecide attaches one, and has another as a boundary; each
// account counts its own uses.
func TestAWSManagedPoliciesDecide(t *testing.T) {
	t.Parallel()
	f := start(t)
	const other = "210987654321"
	f.AddAccount(t, other)
	iamFull, readOnly := "arn:aws:iam::aws:policy/IAMFullAccess", "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
	user := f.as(t, "ann")
	_, err := user.admin.ListRoles(t.Context(), nil)
	wantFault(t, err, denied("ann", "ListRoles", "arn:aws:iam::123456789012:role/"))
	must(t)(f.admin.AttachUserPolicy(t.Context(), &iamclient.AttachUserPolicyInput{UserName: aws.String("ann"), PolicyArn: &iamFull}))
	must(t)(user.admin.ListRoles(t.Context(), nil))
	user.createRole(t, "made")
	must(t)(f.admin.PutUserPermissionsBoundary(t.Context(), &iamclient.PutUserPermissionsBoundaryInput{UserName: aws.String("ann"), PermissionsBoundary: &readOnly}))
	must(t)(user.admin.ListRoles(t.Context(), nil))
	_, err = user.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("made")})
	wantFault(t, err, fault{
		http.StatusForbidden, "AccessDenied",
		"User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:DeleteRole on resource: arn:aws:iam::123456789012:role/made because no permissions boundary allows the iam:DeleteRole action",
	})

	for _, policyARN := range []string{iamFull, readOnly} {
		p := f.getPolicy(t, policyARN)
		if *p.AttachmentCount+*p.PermissionsBoundaryUsageCount != 1 {
			t.Errorf("%s: %d attachments, %d boundaries", policyARN, *p.AttachmentCount, *p.PermissionsBoundaryUsageCount)
		}
		theirs := &fixture{f.Server, iamclient.NewFromConfig(f.UserOf(t, other, "a"+*p.PolicyName, allowing("iam:*")))}
		if p := theirs.getPolicy(t, policyARN); *p.AttachmentCount != 0 || *p.PermissionsBoundaryUsageCount != 0 {
			t.Errorf("%s in the other account: %d attachments, %d boundaries", policyARN, *p.AttachmentCount, *p.PermissionsBoundaryUsageCount)
		}
	}
}

// TestSimulateGroups simulates a group, and a user with the policies of a group,
// which are told of as the group's.
func TestSimulateGroups(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putEntities(t, "Team")
	groups, users := f.groupClient(t), f.userClient(t)
	succeed(t, "policies", groups.put("team", "read", allowing("s3:GetObject")), groups.attach("team", "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"), users.put("team", "write", allowing("s3:PutObject")))
	must(t)(f.admin.AddUserToGroup(t.Context(), &iamclient.AddUserToGroupInput{GroupName: aws.String("Team"), UserName: aws.String("Team")}))
	const read, list, write = "allowed group_Team_read(IAM Policy)", "allowed AmazonSQSReadOnlyAccess(IAM Policy)", "allowed user_Team_write(IAM Policy)"
	for source, want := range map[string][]string{
		"arn:aws:iam::123456789012:group/team/Team": {read, list, "implicitDeny"}, "arn:aws:iam::123456789012:GROUP/team/team": nil,
		"arn:aws:iam::123456789012:user/team/team": {read, list, write},
	} {
		out, err := f.admin.SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{
			PolicySourceArn: &source, ActionNames: []string{"s3:GetObject", "sqs:ListQueues", "s3:PutObject"},
		})
		if want == nil {
			wantFault(t, err, fault{http.StatusBadRequest, "InvalidInput", "Invalid Entity Arn: " + source + " does not clearly define entity type and name."})
			continue
		}
		var got []string
		for _, r := range noError[*iamclient.SimulatePrincipalPolicyOutput](t)(out, err).EvaluationResults {
			got = append(got, told(r))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", source, diff)
		}
	}
	user := f.as(t, "ann", statement("Allow", "iam:SimulatePrincipalPolicy", "arn:aws:iam::123456789012:group/other/*", ""))
	_, err := user.admin.SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::123456789012:group/team/team"), ActionNames: []string{"s3:GetObject"}})
	wantFault(t, err, denied("ann", "SimulatePrincipalPolicy", "arn:aws:iam::123456789012:group/team/Team"))
}

// TestSimulateAWSManagedPolicy names the policy as AWS does: by its name, and as
// "IAM Policy" (published captures of AdministratorAccess and others).
func TestSimulateAWSManagedPolicy(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	succeed(t, "attach", f.attach(t, "deploy", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"))
	out := noError[*iamclient.SimulatePrincipalPolicyOutput](t)(f.admin.SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String("arn:aws:iam::123456789012:role/deploy"), ActionNames: []string{"s3:GetObject", "s3:PutObject"},
	}))
	if got, want := told(out.EvaluationResults[0]), "allowed AmazonS3ReadOnlyAccess(IAM Policy)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := told(out.EvaluationResults[1]), "implicitDeny"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

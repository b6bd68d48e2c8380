package iam_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

// These tests make the calls of Terraform's AWS provider, in its order, as its
// source has them (hashicorp/terraform-provider-aws, internal/service/iam): each
// resource is created, read, changed, read, and destroyed. What the provider
// reads back must be what was configured, or the second plan would not be empty.

// tfRole is the configuration and the state of aws_iam_role.
type tfRole struct {
	Name, Path, Description, Trust, Boundary string
	MaxSession                               int32
	Inline                                   map[string]string
	Managed                                  []string
	Tags                                     map[string]string
}

func (f *fixture) tfCreateRole(t *testing.T, r tfRole) {
	t.Helper()
	in := &iamclient.CreateRoleInput{
		RoleName: &r.Name, Path: &r.Path, AssumeRolePolicyDocument: &r.Trust, Description: &r.Description,
		MaxSessionDuration: &r.MaxSession, Tags: tfTags(r.Tags),
	}
	if r.Boundary != "" {
		in.PermissionsBoundary = &r.Boundary
	}
	must(t)(f.admin.CreateRole(t.Context(), in))
	for name, document := range r.Inline {
		must(t)(f.admin.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{RoleName: &r.Name, PolicyName: &name, PolicyDocument: &document}))
	}
	for _, policyARN := range r.Managed {
		must(t)(f.admin.AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{RoleName: &r.Name, PolicyArn: &policyARN}))
	}
}

func (f *fixture) tfReadRole(t *testing.T, name string) tfRole {
	t.Helper()
	role := noError[*iamclient.GetRoleOutput](t)(f.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: &name})).Role
	read := tfRole{
		Name: *role.RoleName, Path: *role.Path, Description: aws.ToString(role.Description), Trust: tfDocument(t, role.AssumeRolePolicyDocument),
		MaxSession: *role.MaxSessionDuration, Tags: tfTagMap(role.Tags), Inline: map[string]string{},
	}
	if role.PermissionsBoundary != nil {
		read.Boundary = *role.PermissionsBoundary.PermissionsBoundaryArn
	}
	inline := iamclient.NewListRolePoliciesPaginator(f.admin, &iamclient.ListRolePoliciesInput{RoleName: &name})
	for inline.HasMorePages() {
		for _, policyName := range noError[*iamclient.ListRolePoliciesOutput](t)(inline.NextPage(t.Context())).PolicyNames {
			out := noError[*iamclient.GetRolePolicyOutput](t)(f.admin.GetRolePolicy(t.Context(), &iamclient.GetRolePolicyInput{RoleName: &name, PolicyName: &policyName}))
			read.Inline[policyName] = tfDocument(t, out.PolicyDocument)
		}
	}
	read.Managed = f.tfAttached(t, name)
	return read
}

// tfAttached is how aws_iam_role_policy_attachment reads: it looks its policy up
// in the whole list.
func (f *fixture) tfAttached(t *testing.T, role string) []string {
	t.Helper()
	var arns []string
	pages := iamclient.NewListAttachedRolePoliciesPaginator(f.admin, &iamclient.ListAttachedRolePoliciesInput{RoleName: &role})
	for pages.HasMorePages() {
		for _, p := range noError[*iamclient.ListAttachedRolePoliciesOutput](t)(pages.NextPage(t.Context())).AttachedPolicies {
			arns = append(arns, *p.PolicyArn)
		}
	}
	slices.Sort(arns)
	return arns
}

// tfDestroyRole is aws_iam_role with force_detach_policies.
func (f *fixture) tfDestroyRole(t *testing.T, name string) {
	t.Helper()
	profiles := noError[*iamclient.ListInstanceProfilesForRoleOutput](t)(f.admin.ListInstanceProfilesForRole(t.Context(), &iamclient.ListInstanceProfilesForRoleInput{RoleName: &name}))
	for _, p := range profiles.InstanceProfiles {
		must(t)(f.admin.RemoveRoleFromInstanceProfile(t.Context(), &iamclient.RemoveRoleFromInstanceProfileInput{RoleName: &name, InstanceProfileName: p.InstanceProfileName}))
	}
	for _, policyARN := range f.tfAttached(t, name) {
		must(t)(f.admin.DetachRolePolicy(t.Context(), &iamclient.DetachRolePolicyInput{RoleName: &name, PolicyArn: &policyARN}))
	}
	for policyName := range f.tfReadRole(t, name).Inline {
		must(t)(f.admin.DeleteRolePolicy(t.Context(), &iamclient.DeleteRolePolicyInput{RoleName: &name, PolicyName: &policyName}))
	}
	must(t)(f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: &name}))
	_, err := f.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: &name})
	tfGone(t, err)
}

func TestTerraformRole(t *testing.T) {
	t.Parallel()
	f := start(t)
	boundary, managed := f.createPolicy(t, "/", "boundary"), f.createPolicy(t, "/ci/", "deploy")
	want := tfRole{
		Name: "deploy", Path: "/ci/", Description: "jobs of mygroup/myproject", Trust: tfCanonical(t, trustPolicy), MaxSession: 7200, Boundary: boundary,
		Inline: map[string]string{"read": tfCanonical(t, readPolicy), "write": tfCanonical(t, writePolicy)}, Managed: []string{managed},
		Tags: map[string]string{"team": "platform", "Cost Center": "ä/1"},
	}
	f.tfCreateRole(t, want)
	waiter := iamclient.NewRoleExistsWaiter(f.admin)
	if err := waiter.Wait(t.Context(), &iamclient.GetRoleInput{RoleName: &want.Name}, time.Second); err != nil {
		t.Fatalf("the waiter role_exists: %v", err)
	}
	tfNoPlan(t, want, f.tfReadRole(t, want.Name))

	// Each changed argument has its own call.
	trust := strings.Replace(trustPolicy, "ref:main", "ref:release-*", 1)
	want.Trust, want.Description, want.MaxSession, want.Boundary, want.Tags = tfCanonical(t, trust), "", 3600, "", map[string]string{"team": "ops"}
	must(t)(f.admin.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{RoleName: &want.Name, PolicyDocument: &trust}))
	must(t)(f.admin.UpdateRoleDescription(t.Context(), &iamclient.UpdateRoleDescriptionInput{RoleName: &want.Name, Description: aws.String("")}))
	must(t)(f.admin.UpdateRole(t.Context(), &iamclient.UpdateRoleInput{RoleName: &want.Name, MaxSessionDuration: aws.Int32(3600)}))
	must(t)(f.admin.DeleteRolePermissionsBoundary(t.Context(), &iamclient.DeleteRolePermissionsBoundaryInput{RoleName: &want.Name}))
	must(t)(f.admin.UntagRole(t.Context(), &iamclient.UntagRoleInput{RoleName: &want.Name, TagKeys: []string{"Cost Center"}}))
	must(t)(f.admin.TagRole(t.Context(), &iamclient.TagRoleInput{RoleName: &want.Name, Tags: tfTags(want.Tags)}))
	tfNoPlan(t, want, f.tfReadRole(t, want.Name))
	must(t)(f.admin.PutRolePermissionsBoundary(t.Context(), &iamclient.PutRolePermissionsBoundaryInput{RoleName: &want.Name, PermissionsBoundary: &boundary}))
	want.Boundary = boundary
	tfNoPlan(t, want, f.tfReadRole(t, want.Name))

	f.tfDestroyRole(t, want.Name)
	f.tfDestroyPolicy(t, managed)
	f.tfDestroyPolicy(t, boundary) // its use ended with the role
}

// tfPolicy is the configuration and the state of aws_iam_policy.
type tfPolicy struct {
	Name, Path, Description, Document string
	Tags                              map[string]string
}

func (f *fixture) tfReadPolicy(t *testing.T, policyARN string) tfPolicy {
	t.Helper()
	p := noError[*iamclient.GetPolicyOutput](t)(f.admin.GetPolicy(t.Context(), &iamclient.GetPolicyInput{PolicyArn: &policyARN})).Policy
	version := noError[*iamclient.GetPolicyVersionOutput](t)(f.admin.GetPolicyVersion(t.Context(), &iamclient.GetPolicyVersionInput{PolicyArn: &policyARN, VersionId: p.DefaultVersionId}))
	return tfPolicy{*p.PolicyName, *p.Path, aws.ToString(p.Description), tfDocument(t, version.PolicyVersion.Document), tfTagMap(p.Tags)}
}

func (f *fixture) tfDestroyPolicy(t *testing.T, policyARN string) {
	t.Helper()
	for _, v := range f.tfVersions(t, policyARN) {
		if !v.IsDefaultVersion {
			must(t)(f.admin.DeletePolicyVersion(t.Context(), &iamclient.DeletePolicyVersionInput{PolicyArn: &policyARN, VersionId: v.VersionId}))
		}
	}
	must(t)(f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: &policyARN}))
	_, err := f.admin.GetPolicy(t.Context(), &iamclient.GetPolicyInput{PolicyArn: &policyARN})
	tfGone(t, err)
}

func (f *fixture) tfVersions(t *testing.T, policyARN string) []types.PolicyVersion {
	t.Helper()
	var versions []types.PolicyVersion
	pages := iamclient.NewListPolicyVersionsPaginator(f.admin, &iamclient.ListPolicyVersionsInput{PolicyArn: &policyARN})
	for pages.HasMorePages() {
		versions = append(versions, noError[*iamclient.ListPolicyVersionsOutput](t)(pages.NextPage(t.Context())).Versions...)
	}
	return versions
}

// TestTerraformPolicy changes the document more often than a policy has versions:
// the provider deletes the oldest first.
func TestTerraformPolicy(t *testing.T) {
	t.Parallel()
	f := start(t)
	want := tfPolicy{"read", "/ci/", "reads releases", tfCanonical(t, readPolicy), map[string]string{"team": "platform"}}
	made := noError[*iamclient.CreatePolicyOutput](t)(f.admin.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{
		PolicyName: &want.Name, Path: &want.Path, Description: &want.Description, PolicyDocument: &want.Document, Tags: tfTags(want.Tags),
	}))
	policyARN := *made.Policy.Arn
	waiter := iamclient.NewPolicyExistsWaiter(f.admin)
	if err := waiter.Wait(t.Context(), &iamclient.GetPolicyInput{PolicyArn: &policyARN}, time.Second); err != nil {
		t.Fatalf("the waiter policy_exists: %v", err)
	}
	tfNoPlan(t, want, f.tfReadPolicy(t, policyARN))
	for i := range 7 {
		want.Document = tfCanonical(t, strings.Replace(readPolicy, "releases", "releases"+string(rune('a'+i)), 1))
		if versions := f.tfVersions(t, policyARN); len(versions) >= 5 {
			oldest := slices.MinFunc(slices.DeleteFunc(versions, func(v types.PolicyVersion) bool { return v.IsDefaultVersion }),
				func(a, b types.PolicyVersion) int { return strings.Compare(*a.VersionId, *b.VersionId) })
			must(t)(f.admin.DeletePolicyVersion(t.Context(), &iamclient.DeletePolicyVersionInput{PolicyArn: &policyARN, VersionId: oldest.VersionId}))
		}
		must(t)(f.admin.CreatePolicyVersion(t.Context(), &iamclient.CreatePolicyVersionInput{PolicyArn: &policyARN, PolicyDocument: &want.Document, SetAsDefault: true}))
		tfNoPlan(t, want, f.tfReadPolicy(t, policyARN))
	}
	want.Tags = map[string]string{"Team": "platform"}
	must(t)(f.admin.UntagPolicy(t.Context(), &iamclient.UntagPolicyInput{PolicyArn: &policyARN, TagKeys: []string{"team"}}))
	must(t)(f.admin.TagPolicy(t.Context(), &iamclient.TagPolicyInput{PolicyArn: &policyARN, Tags: tfTags(want.Tags)}))
	tfNoPlan(t, want, f.tfReadPolicy(t, policyARN))
	f.tfDestroyPolicy(t, policyARN)
}

// tfProvider is the configuration and the state of aws_iam_openid_connect_provider,
// whose client ids are a set and whose thumbprints are a list.
type tfProvider struct {
	URL         string
	ClientIDs   []string
	Thumbprints []string
	Tags        map[string]string
}

func (f *fixture) tfReadProvider(t *testing.T, providerARN string) tfProvider {
	t.Helper()
	out := noError[*iamclient.GetOpenIDConnectProviderOutput](t)(f.admin.GetOpenIDConnectProvider(t.Context(), &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &providerARN}))
	slices.Sort(out.ClientIDList)
	return tfProvider{*out.Url, out.ClientIDList, out.ThumbprintList, tfTagMap(out.Tags)}
}

func TestTerraformProvider(t *testing.T) {
	t.Parallel()
	f := start(t)
	first, second := strings.Repeat("b", 40), strings.Repeat("a", 40)
	want := tfProvider{"gitlab.example.com", []string{"https://gitlab.example.com", "sts.amazonaws.com"}, []string{first, second}, map[string]string{"team": "platform"}}
	made := noError[*iamclient.CreateOpenIDConnectProviderOutput](t)(f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://gitlab.example.com"), ClientIDList: want.ClientIDs, ThumbprintList: want.Thumbprints, Tags: tfTags(want.Tags),
	}))
	providerARN := made.OpenIDConnectProviderArn
	tfNoPlan(t, want, f.tfReadProvider(t, *providerARN))

	want.Thumbprints = []string{second, first, second}
	must(t)(f.admin.UpdateOpenIDConnectProviderThumbprint(t.Context(), &iamclient.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: providerARN, ThumbprintList: want.Thumbprints}))
	must(t)(f.admin.RemoveClientIDFromOpenIDConnectProvider(t.Context(), &iamclient.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: providerARN, ClientID: aws.String("sts.amazonaws.com")}))
	must(t)(f.admin.AddClientIDToOpenIDConnectProvider(t.Context(), &iamclient.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: providerARN, ClientID: aws.String("aws")}))
	must(t)(f.admin.TagOpenIDConnectProvider(t.Context(), &iamclient.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: providerARN, Tags: tfTags(map[string]string{"Team": "ops"})}))
	want.ClientIDs, want.Tags = []string{"aws", "https://gitlab.example.com"}, map[string]string{"team": "platform", "Team": "ops"}
	tfNoPlan(t, want, f.tfReadProvider(t, *providerARN))
	tags := noError[*iamclient.ListOpenIDConnectProviderTagsOutput](t)(f.admin.ListOpenIDConnectProviderTags(t.Context(), &iamclient.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: providerARN}))
	tfNoPlan(t, want.Tags, tfTagMap(tags.Tags))

	must(t)(f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: providerARN}))
	_, err := f.admin.GetOpenIDConnectProvider(t.Context(), &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: providerARN})
	tfGone(t, err)
}

// TestTerraformInstanceProfile is aws_iam_instance_profile with its role.
func TestTerraformInstanceProfile(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "worker")
	name, role := aws.String("workers"), aws.String("worker")
	must(t)(f.admin.CreateInstanceProfile(t.Context(), &iamclient.CreateInstanceProfileInput{InstanceProfileName: name, Path: aws.String("/"), Tags: tfTags(map[string]string{"a": "b"})}))
	waiter := iamclient.NewInstanceProfileExistsWaiter(f.admin)
	if err := waiter.Wait(t.Context(), &iamclient.GetInstanceProfileInput{InstanceProfileName: name}, time.Second); err != nil {
		t.Fatalf("the waiter instance_profile_exists: %v", err)
	}
	must(t)(f.admin.AddRoleToInstanceProfile(t.Context(), &iamclient.AddRoleToInstanceProfileInput{InstanceProfileName: name, RoleName: role}))
	read := noError[*iamclient.GetInstanceProfileOutput](t)(f.admin.GetInstanceProfile(t.Context(), &iamclient.GetInstanceProfileInput{InstanceProfileName: name})).InstanceProfile
	if len(read.Roles) != 1 || *read.Roles[0].RoleName != "worker" || *read.Path != "/" || !cmp.Equal(tfTagMap(read.Tags), map[string]string{"a": "b"}) {
		t.Errorf("read %+v", read)
	}
	f.tfDestroyRole(t, "worker") // takes it out of the profile first
	must(t)(f.admin.DeleteInstanceProfile(t.Context(), &iamclient.DeleteInstanceProfileInput{InstanceProfileName: name}))
}

// TestTerraformUser is aws_iam_user, aws_iam_access_key, aws_iam_group,
// aws_iam_group_membership and aws_iam_user_policy_attachment, and the destroy of
// a user with force_destroy, which asks for everything that a user can have.
func TestTerraformUser(t *testing.T) {
	t.Parallel()
	f := start(t)
	ctx := t.Context()
	user, group, policyARN := aws.String("ann"), aws.String("ops"), f.createPolicy(t, "/", "read")
	must(t)(f.admin.CreateUser(ctx, &iamclient.CreateUserInput{UserName: user, Path: aws.String("/people/"), PermissionsBoundary: &policyARN, Tags: tfTags(map[string]string{"team": "ops"})}))
	waiter := iamclient.NewUserExistsWaiter(f.admin)
	if err := waiter.Wait(ctx, &iamclient.GetUserInput{UserName: user}, time.Second); err != nil {
		t.Fatalf("the waiter user_exists: %v", err)
	}
	must(t)(f.admin.CreateGroup(ctx, &iamclient.CreateGroupInput{GroupName: group, Path: aws.String("/")}))
	must(t)(f.admin.AddUserToGroup(ctx, &iamclient.AddUserToGroupInput{UserName: user, GroupName: group}))
	must(t)(f.admin.AttachUserPolicy(ctx, &iamclient.AttachUserPolicyInput{UserName: user, PolicyArn: &policyARN}))
	key := noError[*iamclient.CreateAccessKeyOutput](t)(f.admin.CreateAccessKey(ctx, &iamclient.CreateAccessKeyInput{UserName: user})).AccessKey
	must(t)(f.admin.UpdateAccessKey(ctx, &iamclient.UpdateAccessKeyInput{UserName: user, AccessKeyId: key.AccessKeyId, Status: types.StatusTypeInactive}))

	read := noError[*iamclient.GetUserOutput](t)(f.admin.GetUser(ctx, &iamclient.GetUserInput{UserName: user})).User
	if *read.Path != "/people/" || *read.PermissionsBoundary.PermissionsBoundaryArn != policyARN || !cmp.Equal(tfTagMap(read.Tags), map[string]string{"team": "ops"}) {
		t.Errorf("read %+v", read)
	}
	keys := noError[*iamclient.ListAccessKeysOutput](t)(f.admin.ListAccessKeys(ctx, &iamclient.ListAccessKeysInput{UserName: user})).AccessKeyMetadata
	if len(keys) != 1 || keys[0].Status != types.StatusTypeInactive || *keys[0].AccessKeyId != *key.AccessKeyId {
		t.Errorf("keys %+v", keys)
	}
	must(t)(f.admin.GetAccessKeyLastUsed(ctx, &iamclient.GetAccessKeyLastUsedInput{AccessKeyId: key.AccessKeyId}))
	members := noError[*iamclient.GetGroupOutput](t)(f.admin.GetGroup(ctx, &iamclient.GetGroupInput{GroupName: group})).Users
	if len(members) != 1 || *members[0].UserName != "ann" {
		t.Errorf("members %+v", members)
	}
	f.tfDestroyUser(ctx, t, user)
	must(t)(f.admin.DeleteGroup(ctx, &iamclient.DeleteGroupInput{GroupName: group}))
	f.tfDestroyPolicy(t, policyARN)
}

func (f *fixture) tfDestroyUser(ctx context.Context, t *testing.T, user *string) {
	t.Helper()
	for _, g := range noError[*iamclient.ListGroupsForUserOutput](t)(f.admin.ListGroupsForUser(ctx, &iamclient.ListGroupsForUserInput{UserName: user})).Groups {
		must(t)(f.admin.RemoveUserFromGroup(ctx, &iamclient.RemoveUserFromGroupInput{UserName: user, GroupName: g.GroupName}))
	}
	for _, k := range noError[*iamclient.ListAccessKeysOutput](t)(f.admin.ListAccessKeys(ctx, &iamclient.ListAccessKeysInput{UserName: user})).AccessKeyMetadata {
		must(t)(f.admin.DeleteAccessKey(ctx, &iamclient.DeleteAccessKeyInput{UserName: user, AccessKeyId: k.AccessKeyId}))
	}
	must(t)(f.admin.ListSSHPublicKeys(ctx, &iamclient.ListSSHPublicKeysInput{UserName: user}))
	must(t)(f.admin.ListVirtualMFADevices(ctx, &iamclient.ListVirtualMFADevicesInput{AssignmentStatus: types.AssignmentStatusTypeAssigned}))
	must(t)(f.admin.ListMFADevices(ctx, &iamclient.ListMFADevicesInput{UserName: user}))
	_, err := f.admin.DeleteLoginProfile(ctx, &iamclient.DeleteLoginProfileInput{UserName: user})
	tfGone(t, err)
	must(t)(f.admin.ListSigningCertificates(ctx, &iamclient.ListSigningCertificatesInput{UserName: user}))
	must(t)(f.admin.ListServiceSpecificCredentials(ctx, &iamclient.ListServiceSpecificCredentialsInput{UserName: user}))
	for _, p := range noError[*iamclient.ListAttachedUserPoliciesOutput](t)(f.admin.ListAttachedUserPolicies(ctx, &iamclient.ListAttachedUserPoliciesInput{UserName: user})).AttachedPolicies {
		must(t)(f.admin.DetachUserPolicy(ctx, &iamclient.DetachUserPolicyInput{UserName: user, PolicyArn: p.PolicyArn}))
	}
	must(t)(f.admin.DeleteUser(ctx, &iamclient.DeleteUserInput{UserName: user}))
	_, err = f.admin.GetUser(ctx, &iamclient.GetUserInput{UserName: user})
	tfGone(t, err)
}

// TestTerraformAccountAlias is aws_iam_account_alias.
func TestTerraformAccountAlias(t *testing.T) {
	t.Parallel()
	f := start(t)
	alias := aws.String("my-company")
	must(t)(f.admin.CreateAccountAlias(t.Context(), &iamclient.CreateAccountAliasInput{AccountAlias: alias}))
	out := noError[*iamclient.ListAccountAliasesOutput](t)(f.admin.ListAccountAliases(t.Context(), &iamclient.ListAccountAliasesInput{}))
	tfNoPlan(t, []string{"my-company"}, out.AccountAliases)
	must(t)(f.admin.DeleteAccountAlias(t.Context(), &iamclient.DeleteAccountAliasInput{AccountAlias: alias}))
}

func tfNoPlan(t *testing.T, configured, read any) {
	t.Helper()
	if diff := cmp.Diff(configured, read); diff != "" {
		t.Errorf("the plan is not empty (-configured +read):\n%s", diff)
	}
}

// tfGone asks for the error by which the provider knows that a thing is not there.
func tfGone(t *testing.T, err error) {
	t.Helper()
	var missing *types.NoSuchEntityException
	if !errors.As(err, &missing) {
		t.Errorf("got %v, want NoSuchEntity", err)
	}
}

func tfTags(tags map[string]string) []types.Tag {
	var list []types.Tag
	for key, value := range tags {
		list = append(list, types.Tag{Key: &key, Value: &value})
	}
	return list
}

func tfTagMap(tags []types.Tag) map[string]string {
	all := map[string]string{}
	for _, tag := range tags {
		all[*tag.Key] = *tag.Value
	}
	return all
}

// tfDocument reads a document as the provider does: unescaped as a query, and
// compared as JSON.
func tfDocument(t *testing.T, escaped *string) string {
	t.Helper()
	text, err := url.QueryUnescape(*escaped)
	if err != nil {
		t.Fatal(err)
	}
	return tfCanonical(t, text)
}

func tfCanonical(t *testing.T, document string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(document), &value); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

package iam_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/iam"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
)

// statement makes an identity policy with one statement.
func statement(effect, action, resource, condition string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":%q,"Action":%q,"Resource":%q,"Condition":{%s}}]}`, effect, action, resource, condition)
}

func (f *fixture) as(t *testing.T, name string, policies ...string) *fixture {
	t.Helper()
	return &fixture{f.Server, iamclient.NewFromConfig(f.User(t, name, policies...))}
}

func denied(user, action, resource string) fault {
	return fault{http.StatusForbidden, "AccessDenied", "User: arn:aws:iam::123456789012:user/" + user +
		" is not authorized to perform: iam:" + action + " on resource: " + resource +
		" because no identity-based policy allows the iam:" + action + " action"}
}

// deniedOn says, of every operation, on what the fixture of TestWithoutPermission
// is denied it.
var deniedOn = map[string]string{
	"CreateOpenIDConnectProvider": "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com/x",
	"GetOpenIDConnectProvider":    deniedProvider, "DeleteOpenIDConnectProvider": deniedProvider,
	"ListOpenIDConnectProviders": "arn:aws:iam::123456789012:oidc-provider/*",
	"CreateRole":                 "arn:aws:iam::123456789012:role/new/deploy", "ListRoles": "arn:aws:iam::123456789012:role/under/",
	"GetRole": deniedRole, "DeleteRole": deniedRole, "UpdateAssumeRolePolicy": deniedRole, "PutRolePolicy": deniedRole, "GetRolePolicy": deniedRole,
	"UpdateRole": deniedRole, "UpdateRoleDescription": deniedRole, "PutRolePermissionsBoundary": deniedRole, "DeleteRolePermissionsBoundary": deniedRole,
	"TagRole": deniedRole, "UntagRole": deniedRole, "ListRoleTags": deniedRole,
	"ListRolePolicies": deniedRole, "DeleteRolePolicy": deniedRole, "AttachRolePolicy": deniedRole, "DetachRolePolicy": deniedRole, "ListAttachedRolePolicies": deniedRole,
	"CreatePolicy": "arn:aws:iam::123456789012:policy/new/p", "ListPolicies": "policy path /under/",
	"GetAccountAuthorizationDetails":     "*",
	"AddClientIDToOpenIDConnectProvider": deniedProvider, "RemoveClientIDFromOpenIDConnectProvider": deniedProvider, "UpdateOpenIDConnectProviderThumbprint": deniedProvider,
	"TagOpenIDConnectProvider": deniedProvider, "UntagOpenIDConnectProvider": deniedProvider, "ListOpenIDConnectProviderTags": deniedProvider,
	"CreateInstanceProfile": "arn:aws:iam::123456789012:instance-profile/new/build", "ListInstanceProfiles": "arn:aws:iam::123456789012:instance-profile/under/",
	"GetInstanceProfile": deniedProfile, "DeleteInstanceProfile": deniedProfile, "AddRoleToInstanceProfile": deniedProfile, "RemoveRoleFromInstanceProfile": deniedProfile,
	"TagInstanceProfile": deniedProfile, "UntagInstanceProfile": deniedProfile, "ListInstanceProfileTags": deniedProfile, "ListInstanceProfilesForRole": deniedRole,
	"CreateAccountAlias": "*", "DeleteAccountAlias": "*", "ListAccountAliases": "*", "GetAccountSummary": "*",
	"GetAccountPasswordPolicy": "*", "DeleteAccountPasswordPolicy": "*",
	"ListSAMLProviders": "arn:aws:iam::123456789012:saml-provider/*", "ListServerCertificates": "arn:aws:iam::123456789012:server-certificate/under/",
	"GetPolicy": deniedPolicy, "DeletePolicy": deniedPolicy, "ListEntitiesForPolicy": deniedPolicy,
	"CreatePolicyVersion": deniedPolicy, "GetPolicyVersion": deniedPolicy, "ListPolicyVersions": deniedPolicy, "SetDefaultPolicyVersion": deniedPolicy, "DeletePolicyVersion": deniedPolicy,
	"TagPolicy": deniedPolicy, "UntagPolicy": deniedPolicy, "ListPolicyTags": deniedPolicy,
	"SimulateCustomPolicy": "*", "GetContextKeysForCustomPolicy": "*", "SimulatePrincipalPolicy": deniedRole, "GetContextKeysForPrincipalPolicy": deniedRole,
}

// What the entries of deniedOn name.
const (
	deniedProvider = "arn:aws:iam::123456789012:oidc-provider/any"
	deniedProfile  = "arn:aws:iam::123456789012:instance-profile/ci/Build"
	deniedRole     = "arn:aws:iam::123456789012:role/ci/Deploy"
	deniedPolicy   = "arn:aws:iam::123456789012:policy/ci/Read"
)

// TestWithoutPermission sends every operation as a user without policies. Each is
// denied in AWS's words, and on what the service says it acts. The parameters are
// such as each operation understands, since they are looked at before.
func TestWithoutPermission(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRoleAt(t, "/ci/", "Deploy")
	f.createPolicy(t, "/ci/", "Read")
	f.createProfile(t, "/ci/", "Build")
	config := f.User(t, "nobody")
	for action, resource := range deniedOn {
		reply := f.Post(t, config, "iam", time.Now(), url.Values{
			"Action": {action}, "Version": {iam.Version}, "RoleName": {"deploy"}, "PolicyName": {"p"}, "PolicyArn": {strings.ToLower(deniedPolicy)},
			"Path": {"/new/"}, "PathPrefix": {"/under/"}, "Url": {"https://gitlab.example.com:443/x"}, "VersionId": {"v1"}, "Description": {"d"},
			"PolicyDocument": {readPolicy}, "AssumeRolePolicyDocument": {trustPolicy}, "PermissionsBoundary": {deniedPolicy},
			"Tags.member.1.Key": {"team"}, "Tags.member.1.Value": {"a"}, "TagKeys.member.1": {"team"},
			"ActionNames.member.1": {"s3:GetObject"}, "PolicyInputList.member.1": {readPolicy},
			"ClientID": {"a"}, "ThumbprintList.member.1": {thumbprint}, "InstanceProfileName": {"build"}, "AccountAlias": {"example"},
			"OpenIDConnectProviderArn": {deniedProvider}, "PolicySourceArn": {strings.ToLower(deniedRole)},
		})
		t.Log(action)
		wantCall(t, reply, denied("nobody", action, resource))
	}
	reply := f.Post(t, aws.Config{}, "iam", time.Now(), url.Values{"Action": {"ListRoles"}, "Version": {iam.Version}})
	wantCall(t, reply, fault{http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token"})
}

// TestPermissionFollowsPath has a user who may do all with roles under /ci/ and
// with policies under /ci/, and nothing else.
func TestPermissionFollowsPath(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRoleAt(t, "/ci/", "deploy")
	f.createRoleAt(t, "/admin/", "Root")
	user := f.as(t, "ci", statement("Allow", "iam:*", "arn:aws:iam::123456789012:role/ci/*", ""))

	must(t)(user.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("DEPLOY")}))
	user.createRoleAt(t, "/ci/", "other")
	must(t)(user.admin.ListRoles(t.Context(), &iamclient.ListRolesInput{PathPrefix: aws.String("/ci/")}))

	_, err := user.admin.ListRoles(t.Context(), nil)
	wantFault(t, err, denied("ci", "ListRoles", "arn:aws:iam::123456789012:role/"))
	_, err = user.admin.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{RoleName: aws.String("root"), PolicyDocument: aws.String(trustPolicy)})
	wantFault(t, err, denied("ci", "UpdateAssumeRolePolicy", "arn:aws:iam::123456789012:role/admin/Root"))
	_, err = user.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("third"), AssumeRolePolicyDocument: aws.String(trustPolicy)})
	wantFault(t, err, denied("ci", "CreateRole", "arn:aws:iam::123456789012:role/third"))
	// A name that reads like a path is no way under one.
	_, err = user.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("ci/third"), AssumeRolePolicyDocument: aws.String(trustPolicy)})
	wantFaultPrefix(t, "a slash in a name", err, fault{http.StatusBadRequest, "ValidationError", "The specified value for roleName is invalid."})
}

// TestDenyHoldsForEverySpelling denies one role and one policy by their ARNs
// and asks for them as they may also be spelt.
func TestDenyHoldsForEverySpelling(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "Secret")
	f.createRole(t, "open")
	policyARN := f.createPolicy(t, "/", "Secret")
	config := f.User(t, "most", awsapitest.Administrator,
		statement("Deny", "*", "arn:aws:iam::123456789012:role/Secret", ""),
		statement("Deny", "*", "arn:aws:iam::123456789012:policy/Secret", ""),
		statement("Deny", "iam:AttachRolePolicy", "*", `"ArnEquals":{"iam:PolicyARN":"`+policyARN+`"}`))
	user := &fixture{f.Server, iamclient.NewFromConfig(config)}
	explicit := func(action, resource string) fault {
		return fault{http.StatusForbidden, "AccessDenied", "User: arn:aws:iam::123456789012:user/most is not authorized to perform: iam:" +
			action + " on resource: " + resource + " with an explicit deny in an identity-based policy"}
	}
	// The last one folds to "secret" by Unicode's rules, and is no name.
	for _, spelling := range []string{"Secret", "secret", "SECRET", "\u017fecret"} {
		reply := f.Post(t, config, "iam", time.Now(), url.Values{"Action": {"DeleteRole"}, "Version": {iam.Version}, "RoleName": {spelling}})
		if reply.Status == http.StatusOK {
			t.Errorf("%s was deleted", spelling)
		}
	}
	_, err := user.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("sECRET")})
	wantFault(t, err, explicit("DeleteRole", "arn:aws:iam::123456789012:role/Secret"))
	_, err = user.admin.GetPolicy(t.Context(), &iamclient.GetPolicyInput{PolicyArn: aws.String(strings.ToLower(policyARN))})
	wantFault(t, err, explicit("GetPolicy", policyARN))
	wantFault(t, user.attach(t, "open", strings.ToLower(policyARN)), explicit("AttachRolePolicy", "arn:aws:iam::123456789012:role/open"))
	if err := user.attach(t, "open", f.createPolicy(t, "/", "other")); err != nil {
		t.Error(err)
	}
}

// TestPolicyARNCondition allows to attach one policy only.
func TestPolicyARNCondition(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	read, write := f.createPolicy(t, "/", "read"), f.createPolicy(t, "/", "write")
	user := f.as(t, "careful", statement("Allow", "iam:*RolePolicy", "*", `"ArnEquals":{"iam:PolicyARN":"`+read+`"}`))
	if err := user.attach(t, "deploy", read); err != nil {
		t.Fatal(err)
	}
	wantFault(t, user.attach(t, "deploy", write), denied("careful", "AttachRolePolicy", "arn:aws:iam::123456789012:role/deploy"))
	wantFault(t, user.detach(t, "deploy", write), denied("careful", "DetachRolePolicy", "arn:aws:iam::123456789012:role/deploy"))
	if err := user.detach(t, "deploy", read); err != nil {
		t.Fatal(err)
	}
	_, err := user.admin.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{RoleName: aws.String("deploy"), PolicyName: aws.String("p"), PolicyDocument: aws.String(readPolicy)})
	wantFault(t, err, denied("careful", "PutRolePolicy", "arn:aws:iam::123456789012:role/deploy")) // has no such key
}

// behind writes to the store behind the snapshot's back, as another process does.
func (f *fixture) behind(t *testing.T, records map[store.ID]any) {
	t.Helper()
	_, err := f.Store.Update(t.Context(), func(tx store.Tx) error {
		for id, record := range records {
			if err := store.PutRecord(tx, id, record); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// overtaken has each of some requests be decided on one state while the store is in
// another already, and gives what they are answered with.
func (f *fixture) overtaken(t *testing.T, seen, there map[store.ID]any, requests ...func() error) []error {
	t.Helper()
	answers := make([]error, len(requests))
	for i, send := range requests {
		f.behind(t, seen)
		if err := f.Directory.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.behind(t, there)
		answers[i] = send()
	}
	return answers
}

// TestPermissionIsForTheThingInTheStore has requests be allowed on what the
// transaction does not find any more. They are decided again, on what is there.
func TestPermissionIsForTheThingInTheStore(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRoleAt(t, "/ci/", "deploy")
	f.createRole(t, "mine")
	known, _ := f.Directory.Snapshot().Role(account, "deploy")
	role, moved := known.Role, known.Role
	moved.Path = "/admin/"
	user := f.as(t, "ci", statement("Allow", "iam:*", "arn:aws:iam::123456789012:role/ci/*", ""),
		statement("Allow", "iam:*", "arn:aws:iam::123456789012:role/new", ""),
		statement("Allow", "iam:*", "arn:aws:iam::123456789012:policy/late", ""))
	at := func(r store.Role) map[store.ID]any { return map[store.ID]any{store.RoleID(account, r.Name): r} }
	got := f.overtaken(t, at(role), at(moved), func() error {
		_, err := user.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("deploy")})
		return err
	}, func() error {
		_, err := user.admin.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{RoleName: aws.String("deploy"), PolicyDocument: aws.String(trustPolicy)})
		return err
	})
	for i, action := range []string{"DeleteRole", "UpdateAssumeRolePolicy"} {
		wantFault(t, got[i], denied("ci", action, "arn:aws:iam::123456789012:role/admin/deploy"))
	}
	// What another node has just made is there for who writes to this one.
	other := moved
	other.Name = "new"
	late := store.Policy{Account: account, Name: "Late", Path: "/", DefaultVersion: "v1"}
	f.behind(t, at(other))
	_, err := f.admin.UpdateRole(t.Context(), &iamclient.UpdateRoleInput{RoleName: aws.String("new"), Description: aws.String("changed")})
	must(t)(nil, err)
	_, err = user.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("new")})
	wantFault(t, err, denied("ci", "DeleteRole", "arn:aws:iam::123456789012:role/admin/new"))
	f.behind(t, map[store.ID]any{store.PolicyID(account, "late"): late})
	_, err = user.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: aws.String("arn:aws:iam::123456789012:policy/late")})
	wantFault(t, err, denied("ci", "DeletePolicy", "arn:aws:iam::123456789012:policy/Late"))
	late.Name = "Later"
	f.behind(t, map[store.ID]any{store.PolicyID(account, "later"): late})
	must(t)(nil, f.attach(t, "mine", "arn:aws:iam::123456789012:policy/Later"))
	// A thing that is there already is not made again.
	_, err = f.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("new"), AssumeRolePolicyDocument: aws.String(trustPolicy)})
	wantFault(t, err, fault{http.StatusConflict, "EntityAlreadyExists", "Role with name new already exists."})
	_, err = f.admin.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{PolicyName: aws.String("LATE"), PolicyDocument: aws.String(readPolicy)})
	wantFault(t, err, fault{http.StatusConflict, "EntityAlreadyExists", "A policy called LATE already exists. Duplicate names are not allowed."})
	f.behind(t, map[store.ID]any{store.OIDCProviderID(account, "late.example.com"): store.OIDCProvider{Account: account, URL: "late.example.com"}})
	_, err = f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{Url: aws.String("https://late.example.com"), ThumbprintList: []string{thumbprint}})
	wantFault(t, err, fault{http.StatusConflict, "EntityAlreadyExists", "Provider with url https://late.example.com already exists."})
	if r, ok := f.Directory.Snapshot().Role(account, "deploy"); !ok || r.Path != "/admin/" {
		t.Error("the role under /admin/ was changed by a user of /ci/")
	}
}

// TestEventsNameTheResource reads what the event of a change says.
func TestEventsNameTheResource(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRoleAt(t, "/ci/", "Deploy")
	must(t)(f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("deploy")}))
	for i, operation := range []string{"CreateRole", "DeleteRole"} {
		var event struct{ Service, Operation, Principal, Resource string }
		if err := json.Unmarshal([]byte(f.Events()[i]), &event); err != nil {
			t.Fatal(err)
		}
		if event.Service != "iam" || event.Operation != operation || event.Resource != "arn:aws:iam::123456789012:role/ci/Deploy" ||
			event.Principal != "arn:aws:iam::123456789012:user/administrator" {
			t.Errorf("event %+v", event)
		}
	}
}

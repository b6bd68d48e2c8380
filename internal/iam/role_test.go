package iam_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"
)

func (f *fixture) getRole(t *testing.T, name string) *iamclient.GetRoleOutput {
	t.Helper()
	return noError[*iamclient.GetRoleOutput](t)(f.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: &name}))
}

func noRole(name string) fault {
	return fault{http.StatusNotFound, "NoSuchEntity", "The role with name " + name + " cannot be found."}
}

func TestRoleLife(t *testing.T) {
	t.Parallel()
	f := start(t)
	created, err := f.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName: aws.String("Deploy-main"), Path: aws.String("/ci/main/"), AssumeRolePolicyDocument: aws.String(trustPolicy),
		Description: aws.String("deploys <main> & nothing else"), MaxSessionDuration: aws.Int32(7200),
	})
	if err != nil {
		t.Fatal(err)
	}
	role := created.Role
	if *role.RoleName != "Deploy-main" || *role.Path != "/ci/main/" || *role.Arn != "arn:aws:iam::123456789012:role/ci/main/Deploy-main" {
		t.Errorf("created %s %s %s", *role.RoleName, *role.Path, *role.Arn)
	}
	if !regexp.MustCompile(`^AROA[A-Z2-7]{17}$`).MatchString(*role.RoleId) {
		t.Errorf("RoleId is %s", *role.RoleId)
	}
	if role.MaxSessionDuration != nil {
		t.Error("CreateRole tells MaxSessionDuration, which AWS does not")
	}
	if role.CreateDate.Nanosecond() != 0 {
		t.Errorf("CreateDate is %v, want whole seconds", role.CreateDate)
	}

	found := f.getRole(t, "DEPLOY-MAIN").Role // names are found without regard to case
	if diff := cmp.Diff("Deploy-main", *found.RoleName); diff != "" {
		t.Errorf("the stored spelling comes back:\n%s", diff)
	}
	if diff := cmp.Diff(trustPolicy, unescape(t, found.AssumeRolePolicyDocument)); diff != "" {
		t.Errorf("trust policy (-want +got):\n%s", diff)
	}
	if *found.Description != "deploys <main> & nothing else" || *found.MaxSessionDuration != 7200 || *found.RoleId != *role.RoleId {
		t.Errorf("found %q, %d s, %s", *found.Description, *found.MaxSessionDuration, *found.RoleId)
	}
	if found.RoleLastUsed == nil || found.RoleLastUsed.LastUsedDate != nil {
		t.Errorf("RoleLastUsed is %v, want it there and empty", found.RoleLastUsed)
	}

	_, err = f.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("deploy-MAIN"), AssumeRolePolicyDocument: aws.String(trustPolicy)})
	wantFault(t, err, fault{http.StatusConflict, "EntityAlreadyExists", "Role with name deploy-MAIN already exists."})

	changed := strings.Replace(trustPolicy, "group/*", "group/app", 1)
	_, err = f.admin.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{RoleName: aws.String("deploy-main"), PolicyDocument: &changed})
	if err != nil {
		t.Fatal(err)
	}
	found = f.getRole(t, "Deploy-main").Role
	if diff := cmp.Diff(changed, unescape(t, found.AssumeRolePolicyDocument)); diff != "" || *found.RoleId != *role.RoleId {
		t.Errorf("after the change, %s (-want +got):\n%s", *found.RoleId, diff)
	}

	if _, err = f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("deploy-main")}); err != nil {
		t.Fatal(err)
	}
	_, err = f.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("Deploy-main")})
	wantFault(t, err, noRole("Deploy-main"))
	f.createRole(t, "Deploy-main")
	again := f.getRole(t, "Deploy-main").Role
	if *again.RoleId == *role.RoleId {
		t.Error("a role made again has its old unique id: sessions of the deleted role would go on")
	}
	if *again.MaxSessionDuration != 3600 || again.Description != nil || *again.Path != "/" {
		t.Errorf("defaults: %d s, description %v, path %s", *again.MaxSessionDuration, again.Description, *again.Path)
	}
}

func TestAbsentRole(t *testing.T) {
	t.Parallel()
	f := start(t)
	const other = "210987654321"
	f.AddAccount(t, other)
	f.createRole(t, "deploy")
	stranger := &fixture{f.Server, iamclient.NewFromConfig(f.UserOf(t, other, "administrator", awsapitest.Administrator))}
	for _, c := range []struct {
		who  *fixture
		role string
	}{{f, "absent"}, {stranger, "deploy"}} {
		name, policy, document, policyARN := &c.role, aws.String("p"), aws.String(readPolicy), aws.String(arn.Policy(account, "/", "read"))
		_, err := c.who.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: name})
		wantFault(t, err, noRole(c.role))
		_, err = c.who.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: name})
		wantFault(t, err, noRole(c.role))
		_, err = c.who.admin.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: aws.String(trustPolicy)})
		wantFault(t, err, noRole(c.role))
		_, err = c.who.admin.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{RoleName: name, PolicyName: policy, PolicyDocument: document})
		wantFault(t, err, noRole(c.role))
		_, err = c.who.admin.GetRolePolicy(t.Context(), &iamclient.GetRolePolicyInput{RoleName: name, PolicyName: policy})
		wantFault(t, err, noRole(c.role))
		_, err = c.who.admin.ListRolePolicies(t.Context(), &iamclient.ListRolePoliciesInput{RoleName: name})
		wantFault(t, err, noRole(c.role))
		_, err = c.who.admin.DeleteRolePolicy(t.Context(), &iamclient.DeleteRolePolicyInput{RoleName: name, PolicyName: policy})
		wantFault(t, err, noRole(c.role))
		_, err = c.who.admin.AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{RoleName: name, PolicyArn: policyARN})
		wantFault(t, err, noRole(c.role))
		_, err = c.who.admin.DetachRolePolicy(t.Context(), &iamclient.DetachRolePolicyInput{RoleName: name, PolicyArn: policyARN})
		wantFault(t, err, noRole(c.role))
		_, err = c.who.admin.ListAttachedRolePolicies(t.Context(), &iamclient.ListAttachedRolePoliciesInput{RoleName: name})
		wantFault(t, err, noRole(c.role))
	}
}

func TestRoleConstraints(t *testing.T) {
	t.Parallel()
	f := start(t)
	failed := "1 validation error detected: Value at "
	constraint := " failed to satisfy constraint: "
	pathSentence := "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
	nameSentence := "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
	for _, c := range []struct {
		parameter, value string // "-" leaves the parameter out
		code, message    string
	}{
		{"RoleName", "-", "ValidationError", failed + "'roleName'" + constraint + "Member must not be null"},
		{"RoleName", "", "ValidationError", failed + "'roleName'" + constraint + "Member must have length greater than or equal to 1"},
		{"RoleName", strings.Repeat("a", 65), "ValidationError", failed + "'roleName'" + constraint + "Member must have length less than or equal to 64"},
		{"RoleName", "a/b", "ValidationError", nameSentence},
		{"RoleName", "a b", "ValidationError", nameSentence},
		{"RoleName", "röle", "ValidationError", nameSentence},
		{"RoleName", "role\n", "ValidationError", nameSentence},
		{"RoleName", "a*", "ValidationError", nameSentence},
		{"RoleName", "\xff", "MalformedInput", "The value at 'roleName' is not UTF-8."},
		{"Path", "", "ValidationError", failed + "'path'" + constraint + "Member must have length greater than or equal to 1"},
		{"Path", "//", "ValidationError", pathSentence},
		{"Path", "ci/", "ValidationError", pathSentence},
		{"Path", "/ci", "ValidationError", pathSentence},
		{"Path", "/c i/", "ValidationError", pathSentence},
		{"Path", "/" + strings.Repeat("a", 511) + "/", "ValidationError", failed + "'path'" + constraint + "Member must have length less than or equal to 512"},
		{"Description", strings.Repeat("a", 1001), "ValidationError", failed + "'description'" + constraint + "Member must have length less than or equal to 1000"},
		{"Description", "€", "ValidationError", failed + "'description'" + constraint + `Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`},
		{"MaxSessionDuration", "3599", "ValidationError", failed + "'maxSessionDuration'" + constraint + "Member must have value greater than or equal to 3600"},
		{"MaxSessionDuration", "43201", "ValidationError", failed + "'maxSessionDuration'" + constraint + "Member must have value less than or equal to 43200"},
		{"MaxSessionDuration", "1h", "MalformedInput", ""},
		{"AssumeRolePolicyDocument", "-", "ValidationError", failed + "'assumeRolePolicyDocument'" + constraint + "Member must not be null"},
		{"AssumeRolePolicyDocument", "{\u20ac}", "ValidationError", failed + "'assumeRolePolicyDocument'" + constraint + `Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+`},
		{"Tags.member.1.Key", "team", "ValidationError", failed + "'tags.1.member.value'" + constraint + "Member must not be null"},
		{"PermissionsBoundary", "arn:aws:iam::123456789012:role/boundary", "InvalidInput", "ARN arn:aws:iam::123456789012:role/boundary is not valid."},
	} {
		parameters := map[string]string{"RoleName": "deploy", "AssumeRolePolicyDocument": trustPolicy}
		if parameters[c.parameter] = c.value; c.value == "-" {
			delete(parameters, c.parameter)
		}
		var flat []string
		for name, value := range parameters {
			flat = append(flat, name, value)
		}
		reply := f.call(t, "CreateRole", flat...)
		t.Logf("%s %.20q", c.parameter, c.value)
		wantCall(t, reply, fault{http.StatusBadRequest, c.code, c.message})
	}
	reply := f.call(t, "CreateRole", "Path", "", "Description", strings.Repeat("a", 1001))
	wantCall(t, reply, fault{http.StatusBadRequest, "ValidationError", "4 validation errors detected: " +
		"Value at 'roleName' failed to satisfy constraint: Member must not be null; " +
		"Value at 'path' failed to satisfy constraint: Member must have length greater than or equal to 1; " +
		"Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 1000; " +
		"Value at 'assumeRolePolicyDocument' failed to satisfy constraint: Member must not be null"})
	if n := len(f.Directory.Snapshot().Roles(account)); n != 0 {
		t.Errorf("%d roles were made all the same", n)
	}
	reply = f.call(t, "CreateRole", "RoleName", strings.Repeat("a", 64), "Path", "/a//b/", "Tags", "", "Description", "", "AssumeRolePolicyDocument", trustPolicy)
	if reply.Status != http.StatusOK {
		t.Errorf("a name of 64 characters, a path with an empty element, an empty list of tags: %s", reply.Body)
	}
}

func TestTrustPolicies(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	padding := func(n int) string {
		return strings.Replace(trustPolicy, `"Effect"`, `"Sid": "`+strings.Repeat("S", n)+`", "Effect"`, 1)
	}
	// Without white space a document is this much longer than its Sid.
	spare := len(strings.NewReplacer(" ", "", "\n", "").Replace(padding(0)))
	for _, c := range []struct {
		name, document string
		want           fault // Message is a prefix
	}{
		{"not JSON", `{`, fault{400, "MalformedPolicyDocument", "This policy contains invalid Json"}},
		{"no action", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*"}]}`, fault{400, "MalformedPolicyDocument", "Missing required field Action"}},
		{"resource", strings.Replace(trustPolicy, `"Action"`, `"Resource": "*", "Action"`, 1), fault{400, "MalformedPolicyDocument", "Has prohibited field Resource"}},
		{"all actions of STS", strings.Replace(trustPolicy, "sts:AssumeRoleWithWebIdentity", "sts:*", 1), fault{400, "MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions."}},
		{"other action", strings.Replace(trustPolicy, "sts:AssumeRoleWithWebIdentity", "s3:GetObject", 1), fault{400, "MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions."}},
		{"bad principal", strings.Replace(trustPolicy, `{"Federated": "`, `{"AWS": "x`, 1), fault{400, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"xarn:`}},
		{"not implemented", strings.Replace(trustPolicy, "StringLike", "DateLessThan", 1), fault{400, "MalformedPolicyDocument", ""}},
		{"largest", padding(4096 - spare), fault{}},
		{"too large", padding(4097 - spare), fault{409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 4096"}},
	} {
		_, updated := f.admin.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{RoleName: aws.String("deploy"), PolicyDocument: &c.document})
		_, created := f.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("new"), AssumeRolePolicyDocument: &c.document})
		for _, err := range []error{updated, created} {
			if c.want == (fault{}) {
				if err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
				continue
			}
			wantFaultPrefix(t, c.name, err, c.want)
		}
	}
	// What Daypass does not implement is named, so that the caller can mend it.
	document := strings.Replace(trustPolicy, "StringLike", "DateLessThan", 1)
	_, err := f.admin.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{RoleName: aws.String("deploy"), PolicyDocument: &document})
	if err == nil || !strings.Contains(err.Error(), "DateLessThan") || !strings.Contains(err.Error(), "ine 4, column") {
		t.Errorf("got %v, want an error that names DateLessThan and where it is", err)
	}
}

func TestDeleteRoleInUse(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	name, policyARN := aws.String("deploy"), f.createPolicy(t, "/", "read")
	must(t)(f.admin.AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{RoleName: name, PolicyArn: &policyARN}))
	must(t)(f.admin.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("write"), PolicyDocument: aws.String(writePolicy)}))

	_, err := f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: name})
	wantFault(t, err, fault{http.StatusConflict, "DeleteConflict", "Cannot delete entity, must detach all policies first."})
	must(t)(f.admin.DetachRolePolicy(t.Context(), &iamclient.DetachRolePolicyInput{RoleName: name, PolicyArn: &policyARN}))
	_, err = f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: name})
	wantFault(t, err, fault{http.StatusConflict, "DeleteConflict", "Cannot delete entity, must delete policies first."})
	must(t)(f.admin.DeleteRolePolicy(t.Context(), &iamclient.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String("write")}))
	must(t)(f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: name}))
}

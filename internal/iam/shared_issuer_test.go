package iam_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
)

// A trust policy that opens a role to all users of a shared issuer is not
// written, neither for a new role nor for one that is there (recorded on AWS,
// 2026-09).
func TestSharedIssuers(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	const gitHub = "token.actions.githubusercontent.com"
	for _, c := range []struct{ url, open, scoped, message string }{
		{
			"gitlab.com", `{"StringEquals":{"gitlab.com:aud":"https://gitlab.com"}}`,
			`{"StringLike":{"gitlab.com:sub":"project_path:mygroup/*"}}`,
			"Trust policy with trusted principal gitlab.com must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, gitlab.com:sub which is not scoped to all.",
		},
		{
			gitHub, `{"StringLike":{"` + gitHub + `:sub":"*"}}`, `{"StringLike":{"` + gitHub + `:sub":"repo:octo-org/*"}}`,
			"Trust policy with trusted principal arn:aws:iam::123456789012:oidc-provider/" + gitHub + " must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, " +
				gitHub + ":sub or " + gitHub + ":job_workflow_ref which is not scoped to all.",
		},
	} {
		policyOf := func(condition string) *string {
			return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/` + c.url +
				`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + condition + `}]}`)
		}
		want := fault{400, "MalformedPolicyDocument", c.message}
		_, err := f.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("new"), AssumeRolePolicyDocument: policyOf(c.open)})
		wantFault(t, err, want)
		_, err = f.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("new")})
		wantFault(t, err, fault{404, "NoSuchEntity", "The role with name new cannot be found."})

		_, err = f.admin.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{RoleName: aws.String("deploy"), PolicyDocument: policyOf(c.open)})
		wantFault(t, err, want)
		role := noError[*iamclient.GetRoleOutput](t)(f.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("deploy")}))
		if strings.Contains(unescape(t, role.Role.AssumeRolePolicyDocument), c.url+`"}`) {
			t.Errorf("the policy that was refused is there: %s", *role.Role.AssumeRolePolicyDocument)
		}

		noError[*iamclient.CreateRoleOutput](t)(f.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("for-" + c.url), AssumeRolePolicyDocument: policyOf(c.scoped)}))
	}
}

package iam_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
)

// A policy that is wide, and that AWS takes, is written; the event says what it
// admits. One of which nothing is to be said has no findings.
func TestFindingsInEvents(t *testing.T) {
	t.Parallel()
	f := start(t)
	policyOf := func(condition string) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/gitlab.com"},` +
			`"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + condition + `}]}`)
	}
	const wide = `{"StringLike":{"gitlab.com:sub":"project_path:mygroup*"}}`
	noError[*iamclient.CreateRoleOutput](t)(f.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("wide"), AssumeRolePolicyDocument: policyOf(wide)}))
	event := f.Events()[len(f.Events())-1]
	for _, want := range []string{`"operation":"CreateRole"`, `"status":200`, `TP004 owner-boundary critical: line 1: `, `it admits sub \"project_path:mygroup-evil/x:`, "TP061 federated-principal error"} {
		if !strings.Contains(event, want) {
			t.Errorf("the event lacks %s: %s", want, event)
		}
	}
	noError[*iamclient.CreateOpenIDConnectProviderOutput](t)(f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://gitlab.com"), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: []string{strings.Repeat("a", 40)},
	}))
	const narrow = `{"StringEquals":{"gitlab.com:sub":"project_path:mygroup/app:ref_type:branch:ref:main","gitlab.com:aud":"sts.amazonaws.com",` +
		`"gitlab.com:project_id":"20","gitlab.com:ref_protected":"true","gitlab.com:pipeline_source":"push"}}`
	for condition, finding := range map[string]bool{wide: true, narrow: false} {
		noError[*iamclient.UpdateAssumeRolePolicyOutput](t)(f.admin.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{RoleName: aws.String("wide"), PolicyDocument: policyOf(condition)}))
		event := f.Events()[len(f.Events())-1]
		if !strings.Contains(event, `"operation":"UpdateAssumeRolePolicy"`) || strings.Contains(event, `"findings":[`) != finding {
			t.Errorf("findings: %v expected: %s", finding, event)
		}
	}
}

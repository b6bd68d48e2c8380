package server_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/analyzer"

	"github.com/aws/aws-sdk-go-v2/aws"

	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// denied is the newest request that policies refused somebody, explained.
func (b *browser) denied(operation string) *analyzer.GetDecisionOutput {
	b.t.Helper()
	var list analyzer.ListDecisionsOutput
	b.must("ListDecisions", members{"outcome": "denied", "operation": operation, "max": 1}, &list)
	if len(list.Decisions) != 1 {
		b.t.Fatalf("no %s was denied", operation)
	}
	one := &analyzer.GetDecisionOutput{}
	b.must("GetDecision", members{"requestId": list.Decisions[0].RequestID}, one)
	return one
}

func isDenied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "AccessDenied"
}

// TestDeniedRequestToFix: a user, and the session of a role, were refused something;
// the change that is told for each allows that and no more. What a session's own
// policy refused has none.
func TestDeniedRequestToFix(t *testing.T) {
	t.Parallel()
	_, config, b := startConsole(t)
	admin := iamclient.NewFromConfig(config)
	as := func(id, secret, token string) aws.Config {
		c := config.Copy()
		c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, nil
		})
		return c
	}
	for _, name := range []string{"dev", "a", "b", "c"} {
		if _, err := admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: &name}); err != nil {
			t.Fatal(err)
		}
	}
	key, err := admin.CreateAccessKey(t.Context(), &iamclient.CreateAccessKeyInput{UserName: aws.String("dev")})
	if err != nil {
		t.Fatal(err)
	}
	dev := as(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	assume := `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`
	look := `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::123456789012:user/a"}`
	if _, err := admin.PutUserPolicy(t.Context(), &iamclient.PutUserPolicyInput{
		UserName: aws.String("dev"), PolicyName: aws.String("own"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + assume + `,` + look + `]}`),
	}); err != nil {
		t.Fatal(err)
	}
	get := func(c aws.Config, user string) error {
		_, err := iamclient.NewFromConfig(c).GetUser(t.Context(), &iamclient.GetUserInput{UserName: &user})
		return err
	}

	if err := get(dev, "b"); !isDenied(err) {
		t.Fatalf("dev looks at b: %v", err)
	}
	one := b.denied("GetUser")
	fix := one.Explanation.Fix
	if fix == nil || one.Now != "denied" || fix.Operation != "PutUserPolicy" || fix.UserName != "dev" || fix.PolicyName != "own" || fix.RoleName != "" || !strings.Contains(fix.Policy, `"arn:aws:iam::123456789012:user/b"`) {
		t.Fatalf("now %q, the fix is %+v", one.Now, fix)
	}
	if _, err := admin.PutUserPolicy(t.Context(), &iamclient.PutUserPolicyInput{UserName: &fix.UserName, PolicyName: &fix.PolicyName, PolicyDocument: &fix.Policy}); err != nil {
		t.Fatal(err)
	}
	if now := b.denied("GetUser").Now; now != "allowed" {
		t.Errorf("after the fix it is %q", now)
	}
	if err := get(dev, "b"); err != nil {
		t.Errorf("dev looks at b after the fix: %v", err)
	}
	if err := get(dev, "c"); !isDenied(err) {
		t.Errorf("dev looks at c after the fix for b: %v", err)
	}

	if _, err := admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName: aws.String("look"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`),
	}); err != nil {
		t.Fatal(err)
	}
	session := func(policy *string) aws.Config {
		s, err := stsclient.NewFromConfig(dev).AssumeRole(t.Context(), &stsclient.AssumeRoleInput{
			RoleArn: aws.String("arn:aws:iam::123456789012:role/look"), RoleSessionName: aws.String("looking"), Policy: policy,
		})
		if err != nil {
			t.Fatal(err)
		}
		return as(*s.Credentials.AccessKeyId, *s.Credentials.SecretAccessKey, *s.Credentials.SessionToken)
	}
	whole, narrow := session(nil), session(aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}`))
	if err := get(narrow, "c"); !isDenied(err) {
		t.Fatalf("the narrow session looks at c: %v", err)
	}
	one = b.denied("GetUser")
	if one.Explanation.Fix != nil || !strings.Contains(strings.Join(one.Explanation.Notes, "\n"), "the session began with") {
		t.Errorf("of the session's own policy it is told %q, %+v", one.Explanation.Notes, one.Explanation.Fix)
	}
	if err := get(whole, "c"); !isDenied(err) {
		t.Fatalf("the session looks at c: %v", err)
	}
	fix = b.denied("GetUser").Explanation.Fix
	if fix == nil || fix.Operation != "PutRolePolicy" || fix.RoleName != "look" || fix.PolicyName != "allow-iam-GetUser" || fix.Before != "" {
		t.Fatalf("the fix for the role is %+v", fix)
	}
	if _, err := admin.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{RoleName: &fix.RoleName, PolicyName: &fix.PolicyName, PolicyDocument: &fix.Policy}); err != nil {
		t.Fatal(err)
	}
	if err := get(whole, "c"); err != nil {
		t.Errorf("the session looks at c after the fix: %v", err)
	}
	if err := get(whole, "a"); !isDenied(err) {
		t.Errorf("the session looks at a after the fix for c: %v", err)
	}
}

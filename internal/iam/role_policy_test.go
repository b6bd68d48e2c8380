package iam_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"
)

// sized is an identity policy of n characters without white space, and with
// some white space besides.
func sized(n int) string {
	const text = `{"Version":"2012-10-17","Statement":{"Sid":"","Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	return strings.Replace(text, `"Sid":"`, "\n\t \r\"Sid\": \""+strings.Repeat("S", n-len(text)), 1)
}

func (f *fixture) putRolePolicy(t *testing.T, role, name, document string) error {
	t.Helper()
	_, err := f.admin.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{RoleName: &role, PolicyName: &name, PolicyDocument: &document})
	return err
}

func TestRolePolicyLife(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	latin := strings.Replace(readPolicy, "releases", "r%20é~\u00ff+", 1) // every byte comes back
	for _, p := range []struct{ name, document string }{{"Write", writePolicy}, {"read", readPolicy}, {"READ", latin}} {
		if err := f.putRolePolicy(t, "Deploy", p.name, p.document); err != nil {
			t.Fatal(err)
		}
	}
	got := noError[*iamclient.GetRolePolicyOutput](t)(f.admin.GetRolePolicy(t.Context(), &iamclient.GetRolePolicyInput{RoleName: aws.String("DEPLOY"), PolicyName: aws.String("rEAD")}))
	if *got.RoleName != "DEPLOY" || *got.PolicyName != "rEAD" {
		t.Errorf("got %s %s, want the spelling of the request", *got.RoleName, *got.PolicyName)
	}
	if diff := cmp.Diff(latin, unescape(t, got.PolicyDocument)); diff != "" {
		t.Errorf("the second write of one name replaces the first (-want +got):\n%s", diff)
	}
	listed := noError[*iamclient.ListRolePoliciesOutput](t)(f.admin.ListRolePolicies(t.Context(), &iamclient.ListRolePoliciesInput{RoleName: aws.String("deploy")}))
	if diff := cmp.Diff([]string{"read", "Write"}, listed.PolicyNames); diff != "" || listed.IsTruncated || listed.Marker != nil {
		t.Errorf("listed (-want +got):\n%s%t %v", diff, listed.IsTruncated, listed.Marker)
	}

	must(t)(f.admin.DeleteRolePolicy(t.Context(), &iamclient.DeleteRolePolicyInput{RoleName: aws.String("deploy"), PolicyName: aws.String("Read")}))
	absent := fault{http.StatusNotFound, "NoSuchEntity", "The role policy with name Read cannot be found."}
	_, err := f.admin.DeleteRolePolicy(t.Context(), &iamclient.DeleteRolePolicyInput{RoleName: aws.String("deploy"), PolicyName: aws.String("Read")})
	wantFault(t, err, absent)
	_, err = f.admin.GetRolePolicy(t.Context(), &iamclient.GetRolePolicyInput{RoleName: aws.String("deploy"), PolicyName: aws.String("Read")})
	wantFault(t, err, absent)
}

// TestRolePolicySizes puts documents up to the quota of all of a role's inline
// policies together, which white space does not count against.
func TestRolePolicySizes(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "Deploy")
	tooLarge := fault{http.StatusConflict, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role Deploy"}
	if err := f.putRolePolicy(t, "deploy", "a", sized(10000)); err != nil {
		t.Fatal(err)
	}
	if err := f.putRolePolicy(t, "deploy", "b", sized(240)); err != nil {
		t.Fatal(err)
	}
	wantFault(t, f.putRolePolicy(t, "deploy", "c", sized(120)), tooLarge)
	wantFault(t, f.putRolePolicy(t, "deploy", "B", sized(241)), tooLarge)
	if err := f.putRolePolicy(t, "deploy", "A", sized(9000)); err != nil {
		t.Errorf("a smaller document in place of a larger one: %v", err)
	}
	if err := f.putRolePolicy(t, "deploy", "c", sized(1000)); err != nil {
		t.Errorf("up to the quota again: %v", err)
	}
}

// TestPadding fills a role with white space, which AWS's quota does not count
// and the store does.
func TestPadding(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	padded := writePolicy + strings.Repeat(" ", 131072-len(writePolicy))
	var err error
	for i := 0; i < 9 && err == nil; i++ {
		err = f.putRolePolicy(t, "deploy", fmt.Sprint("p", i), padded)
	}
	wantFault(t, err, fault{
		http.StatusConflict, "LimitExceeded",
		"The documents of this entity have more than 1048576 bytes, white space included. Send them without padding.",
	})
	wantFault(t, f.putRolePolicy(t, "deploy", "p", padded+" "), fault{
		http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'policyDocument' failed to satisfy constraint: Member must have length less than or equal to 131072",
	})
}

func TestIdentityPolicies(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	for _, c := range []struct{ name, document, message string }{
		{"not JSON", `{`, "Syntax errors in policy."},
		{"principal", strings.Replace(readPolicy, `"Effect"`, `"Principal":"*","Effect"`, 1), "Policy document should not specify a principal."},
		{"no action", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*"}]}`, "Policy statement must contain actions."},
		{"no resource", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*"}]}`, "Policy statement must contain resources."},
		{"unknown operator", strings.Replace(readPolicy, `"Action"`, `"Condition":{"NumericLess":{"s3:max-keys":1}},"Action"`, 1), "Syntax errors in policy."},
	} {
		want := fault{http.StatusBadRequest, "MalformedPolicyDocument", c.message}
		wantFaultPrefix(t, "inline, "+c.name, f.putRolePolicy(t, "deploy", "p", c.document), want)
		_, err := f.admin.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: &c.document})
		wantFaultPrefix(t, "managed, "+c.name, err, want)
	}
	err := f.putRolePolicy(t, "deploy", "a b", readPolicy)
	wantFault(t, err, fault{
		http.StatusBadRequest, "ValidationError",
		"The specified value for policyName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
	})
}

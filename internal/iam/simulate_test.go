package iam_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

const (
	mateo = "arn:aws:iam::123456789012:user/mateo"
	arnav = "arn:aws:iam::444455556666:user/arnav"
)

// policyOf is a policy with one statement that is in no list.
func policyOf(members string) string {
	return `{"Version":"2012-10-17","Statement":{` + members + `}}`
}

func allowing(actions string) string {
	return policyOf(`"Effect":"Allow","Action":"` + actions + `","Resource":"*"`)
}

func granting(principal, actions string) string {
	return policyOf(`"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"` + actions + `","Resource":"*"`)
}

// told is an evaluation result in short: decision, then the policies whose
// statements matched, then what the boundary says, the details, and the keys
// that are missing.
func told(r types.EvaluationResult) string {
	text := string(r.EvalDecision)
	for _, m := range r.MatchedStatements {
		text += " " + aws.ToString(m.SourcePolicyId) + "(" + string(m.SourcePolicyType) + ")"
	}
	if b := r.PermissionsBoundaryDecisionDetail; b != nil {
		text += fmt.Sprintf(" bounded:%v", b.AllowedByPermissionsBoundary)
	}
	for _, kind := range []string{"IAM Policy", "Resource Policy", "Permissions Boundary Policy"} {
		if effect, ok := r.EvalDecisionDetails[kind]; ok {
			text += " " + kind + ":" + string(effect)
		}
	}
	if len(r.MissingContextValues) > 0 {
		text += " missing " + strings.Join(r.MissingContextValues, ",")
	}
	return text
}

// TestSimulateCustomPolicy decides by policies of the request. The first three
// are the examples of IAM API Reference.
func TestSimulateCustomPolicy(t *testing.T) {
	t.Parallel()
	f := start(t)
	key := func(name string, kind types.ContextKeyTypeEnum, values ...string) types.ContextEntry {
		return types.ContextEntry{ContextKeyName: &name, ContextKeyType: kind, ContextKeyValues: values}
	}
	mfa := policyOf(`"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::teambucket","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`)
	tagged := policyOf(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]},"StringLike":{"aws:userid":"${aws:username}*"}}`)
	for name, c := range map[string]struct {
		in   iamclient.SimulateCustomPolicyInput
		want string
	}{
		"context keys": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"s3:ListBucket"}, ResourceArns: []string{"arn:aws:s3:::teambucket"}, PolicyInputList: []string{mfa},
			PermissionsBoundaryPolicyInputList: []string{policyOf(`"Effect":"Deny","Action":["iam:GetRole","iam:CreateRole","iam:DeleteRole"],"Resource":"*"`)},
			ContextEntries:                     []types.ContextEntry{key("aws:MultiFactorAuthPresent", "boolean", "true")},
		}, "implicitDeny bounded:false"}, // the example says "allowed", of a boundary that is not JSON
		"same account": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"s3:PutObject"}, CallerArn: aws.String(mateo), ResourceArns: []string{"arn:aws:s3:::production/Test"},
			ResourceOwner: aws.String("arn:aws:iam::123456789012:root"), PermissionsBoundaryPolicyInputList: []string{allowing("iam:*")},
			PolicyInputList: []string{allowing("iam:*")}, ResourcePolicy: aws.String(granting(mateo, "s3:Put*")),
		}, "allowed ResourcePolicy(Resource Policy) bounded:false"},
		"across accounts": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"s3:PutObject"}, CallerArn: aws.String(arnav), ResourceArns: []string{"arn:aws:s3:::mary/Test"},
			ResourceOwner: aws.String("arn:aws:iam::123456789012:root"), PermissionsBoundaryPolicyInputList: []string{allowing("iam:*")},
			PolicyInputList: []string{allowing("iam:*")}, ResourcePolicy: aws.String(granting(arnav, "s3:Put*")),
		}, "implicitDeny bounded:false IAM Policy:implicitDeny Resource Policy:allowed Permissions Boundary Policy:implicitDeny"},

		"across accounts, both": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"sqs:SendMessage"}, CallerArn: aws.String(arnav), ResourceArns: []string{"arn:aws:sqs:eu-central-1:123456789012:q"},
			PolicyInputList: []string{allowing("sqs:*")}, ResourcePolicy: aws.String(granting("444455556666", "sqs:*")),
		}, "allowed PolicyInputList.1(IAM Policy) ResourcePolicy(Resource Policy) IAM Policy:allowed Resource Policy:allowed"},
		"another's resource, no policy of it": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"sqs:SendMessage"}, CallerArn: aws.String(arnav), ResourceArns: []string{"arn:aws:sqs:eu-central-1:123456789012:q"},
			PolicyInputList: []string{allowing("sqs:*")},
		}, "allowed PolicyInputList.1(IAM Policy)"},
		"all resources": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"S3:listbucket"}, PolicyInputList: []string{allowing("iam:*"), allowing("s3:List*"), allowing("s3:*")},
		}, "allowed PolicyInputList.2(IAM Policy) PolicyInputList.3(IAM Policy)"},
		"a Deny is told of alone": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"s3:ListBucket"}, PolicyInputList: []string{allowing("s3:*"), policyOf(`"Effect":"Deny","NotAction":"iam:*","Resource":"*"`)},
			PermissionsBoundaryPolicyInputList: []string{policyOf(`"Effect":"Deny","Action":"s3:*","Resource":"*"`)},
		}, "explicitDeny PolicyInputList.2(IAM Policy) PermissionsBoundaryPolicyInputList.1(Permissions Boundary Policy) bounded:false"},
		"within the boundary": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"s3:ListBucket"}, PolicyInputList: []string{allowing("s3:*")}, PermissionsBoundaryPolicyInputList: []string{allowing("s3:List*")},
		}, "allowed PolicyInputList.1(IAM Policy) bounded:true"},
		"nothing allows": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"s3:ListBucket"}, PolicyInputList: []string{},
		}, "implicitDeny"},
		// boto3 issue 3111: keys of statements about other actions count too.
		"missing keys": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"ec2:RunInstances"}, PolicyInputList: []string{mfa, tagged},
			ContextEntries: []types.ContextEntry{key("AWS:UserName", "string", "ann")},
		}, "implicitDeny missing aws:MultiFactorAuthPresent,aws:TagKeys,aws:userid"},
		"a multivalued key": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"ec2:RunInstances"}, PolicyInputList: []string{tagged},
			ContextEntries: []types.ContextEntry{key("aws:TagKeys", "stringList", "a", "b"), key("aws:username", "string", "ann"), key("aws:userid", "string", "anna")},
		}, "allowed PolicyInputList.1(IAM Policy)"},
		"a multivalued key with one value is still one": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"s3:ListBucket"}, PolicyInputList: []string{policyOf(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:TagKeys":"a"}}`)},
			ContextEntries: []types.ContextEntry{key("aws:TagKeys", "stringList", "a")},
		}, "implicitDeny"},
		"an empty multivalued key": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"s3:ListBucket"}, PolicyInputList: []string{policyOf(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"aws:TagKeys":"false"}}`)},
			ContextEntries: []types.ContextEntry{key("aws:TagKeys", "stringList")},
		}, "allowed PolicyInputList.1(IAM Policy)"},
		"who asks is known": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"s3:ListBucket"}, CallerArn: aws.String(mateo),
			PolicyInputList: []string{policyOf(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"mateo","aws:PrincipalArn":"` + mateo + `","aws:PrincipalAccount":"123456789012"}}`)},
		}, "allowed PolicyInputList.1(IAM Policy)"},
		"a session may be the caller": {iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"sqs:SendMessage"}, CallerArn: aws.String("arn:aws:sts::123456789012:assumed-role/deploy/job-1"),
			PolicyInputList: []string{allowing("iam:*")}, ResourcePolicy: aws.String(granting("arn:aws:iam::123456789012:role/deploy", "sqs:*")),
		}, "allowed ResourcePolicy(Resource Policy)"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := f.admin.SimulateCustomPolicy(t.Context(), &c.in)
			if err != nil {
				t.Fatal(err)
			}
			if len(out.EvaluationResults) != 1 || aws.ToString(out.EvaluationResults[0].EvalActionName) != c.in.ActionNames[0] || out.IsTruncated {
				t.Fatalf("got %+v", out)
			}
			r := out.EvaluationResults[0]
			if got := told(r); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			named := len(c.in.ResourceArns) == 1
			if len(r.ResourceSpecificResults) == 1 != named || named && aws.ToString(r.EvalResourceName) != c.in.ResourceArns[0] || !named && aws.ToString(r.EvalResourceName) != "*" {
				t.Errorf("resources of %+v", r)
			}
			if named && r.ResourceSpecificResults[0].EvalResourceDecision != r.EvalDecision {
				t.Errorf("on the resource %s, in all %s", r.ResourceSpecificResults[0].EvalResourceDecision, r.EvalDecision)
			}
		})
	}
}

// TestSimulateWire fixes a reply to the byte: elements, order and places are
// those of the same-account example of IAM API Reference.
func TestSimulateWire(t *testing.T) {
	t.Parallel()
	f := start(t)
	reply := f.call(t, "SimulateCustomPolicy", "ActionNames.member.1", "s3:PutObject", "CallerArn", mateo,
		"ResourceArns.member.1", "arn:aws:s3:::production/Test", "PolicyInputList.member.1", allowing("iam:*"),
		"PermissionsBoundaryPolicyInputList.member.1", allowing("iam:*"), "ResourcePolicy", `{"Version":"2012-10-17","Statement":[`+
			`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}},`+"\n"+
			`{"Effect":"Allow","Principal":{"AWS":"`+mateo+`"},"Action":"s3:Put*","Resource":"arn:aws:s3:::production/*"}]}`)
	common := `        <PermissionsBoundaryDecisionDetail>
          <AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary>
        </PermissionsBoundaryDecisionDetail>
        <MatchedStatements>
          <member>
            <SourcePolicyId>ResourcePolicy</SourcePolicyId>
            <SourcePolicyType>Resource Policy</SourcePolicyType>
            <StartPosition>
              <Line>1</Line>
              <Column>155</Column>
            </StartPosition>
            <EndPosition>
              <Line>2</Line>
              <Column>136</Column>
            </EndPosition>
          </member>
        </MatchedStatements>
        <MissingContextValues>
          <member>aws:SecureTransport</member>
        </MissingContextValues>
`
	want := `<SimulateCustomPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
  <SimulateCustomPolicyResult>
    <IsTruncated>false</IsTruncated>
    <EvaluationResults>
      <member>
        <EvalDecisionDetails>
        </EvalDecisionDetails>
` + common + `        <EvalResourceName>arn:aws:s3:::production/Test</EvalResourceName>
        <EvalDecision>allowed</EvalDecision>
        <EvalActionName>s3:PutObject</EvalActionName>
        <ResourceSpecificResults>
          <member>
` + regexp.MustCompile(`(?m)^`).ReplaceAllString(strings.TrimSuffix(common, "\n"), "    ") + `
            <EvalResourceDecision>allowed</EvalResourceDecision>
            <EvalResourceName>arn:aws:s3:::production/Test</EvalResourceName>
          </member>
        </ResourceSpecificResults>
      </member>
    </EvaluationResults>
  </SimulateCustomPolicyResult>
  <ResponseMetadata>
    <RequestId>REQUEST</RequestId>
  </ResponseMetadata>
</SimulateCustomPolicyResponse>
`
	got := regexp.MustCompile(`<RequestId>.*</RequestId>`).ReplaceAllString(reply.Body, "<RequestId>REQUEST</RequestId>")
	if diff := cmp.Diff(want, got); diff != "" || reply.Status != http.StatusOK {
		t.Errorf("%d (-want +got):\n%s", reply.Status, diff)
	}
}

// Several resources are one result for an action, with each resource by itself;
// the whole is the worst of them.
func TestSimulateSeveralResources(t *testing.T) {
	t.Parallel()
	f := start(t)
	good, bad, other := "arn:aws:s3:::good/x", "arn:aws:s3:::bad/x", "arn:aws:s3:::other/x"
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::good/*","arn:aws:s3:::bad/*"]},{"Effect":"Deny","Action":"s3:Get*","Resource":"arn:aws:s3:::bad/*"}]}`
	for _, c := range []struct {
		resources []string
		want      types.PolicyEvaluationDecisionType
	}{
		{[]string{good, good}, "allowed"}, {[]string{good, other}, "implicitDeny"}, {[]string{good, bad, other}, "explicitDeny"}, {[]string{other, bad}, "explicitDeny"},
	} {
		out := noError[*iamclient.SimulateCustomPolicyOutput](t)(f.admin.SimulateCustomPolicy(t.Context(), &iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{"s3:GetObject"}, ResourceArns: c.resources, PolicyInputList: []string{document},
		}))
		r := out.EvaluationResults[0]
		if len(out.EvaluationResults) != 1 || r.EvalDecision != c.want || len(r.MatchedStatements) != 0 || r.EvalResourceName != nil || len(r.ResourceSpecificResults) != len(c.resources) {
			t.Errorf("%v: %+v", c.resources, r)
		}
		each := map[string]types.PolicyEvaluationDecisionType{good: "allowed", bad: "explicitDeny", other: "implicitDeny"}
		for i, specific := range r.ResourceSpecificResults {
			if aws.ToString(specific.EvalResourceName) != c.resources[i] || specific.EvalResourceDecision != each[c.resources[i]] {
				t.Errorf("%v: %+v", c.resources, specific)
			}
		}
	}
}

// TestSimulatePrincipalPolicy decides by the policies that a user and a role
// have, and names each as AWS does.
func TestSimulatePrincipalPolicy(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.User(t, "mateo", statement("Allow", "iam:GetRole", "*", ""), statement("Deny", "iam:Delete*", "*", ""))
	f.createRoleAt(t, "/ci/", "deploy")
	must(t)(f.admin.AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{RoleName: aws.String("deploy"), PolicyArn: aws.String(f.createPolicy(t, "/team/", "Read"))}))
	must(t)(f.admin.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{
		RoleName: aws.String("deploy"), PolicyName: aws.String("own"),
		PolicyDocument: aws.String(statement("Allow", "sqs:*", "*", `"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/ci/deploy","aws:RequestedRegion":"eu-central-1"}`)),
	}))
	role := "arn:aws:iam::123456789012:role/ci/deploy"
	for _, c := range []struct {
		source, action, resource string
		more                     []string
		want                     string
	}{
		{mateo, "iam:GetRole", role, nil, "allowed user_mateo_policyA(IAM Policy)"},
		{mateo, "iam:DeleteRole", role, nil, "explicitDeny user_mateo_policyB(IAM Policy)"},
		{mateo, "iam:ListRoles", role, nil, "implicitDeny"},
		{mateo, "iam:ListRoles", role, []string{allowing("iam:*")}, "allowed PolicyInputList.1(IAM Policy)"},
		{role, "s3:GetObject", "arn:aws:s3:::releases/v1", nil, "allowed Read(IAM Policy) missing aws:RequestedRegion"},
		{strings.ToLower(role), "sqs:SendMessage", "*", nil, "implicitDeny missing aws:RequestedRegion"},
	} {
		out := noError[*iamclient.SimulatePrincipalPolicyOutput](t)(f.admin.SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{
			PolicySourceArn: &c.source, ActionNames: []string{c.action}, ResourceArns: []string{c.resource}, PolicyInputList: c.more,
		}))
		if got := told(out.EvaluationResults[0]); got != c.want {
			t.Errorf("%s by %s: got %s, want %s", c.action, c.source, got, c.want)
		}
	}
	region := types.ContextEntry{ContextKeyName: aws.String("aws:RequestedRegion"), ContextKeyType: types.ContextKeyTypeEnumString, ContextKeyValues: []string{"eu-central-1"}}
	out := noError[*iamclient.SimulatePrincipalPolicyOutput](t)(f.admin.SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{
		PolicySourceArn: &role, ActionNames: []string{"sqs:SendMessage"}, ContextEntries: []types.ContextEntry{region},
	}))
	if got, want := told(out.EvaluationResults[0]), "allowed role_deploy_own(IAM Policy)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// A user is the caller to whom a resource's policy grants.
	out = noError[*iamclient.SimulatePrincipalPolicyOutput](t)(f.admin.SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(mateo), ActionNames: []string{"sqs:SendMessage"}, ResourcePolicy: aws.String(granting(mateo, "sqs:*")),
	}))
	if got, want := told(out.EvaluationResults[0]), "allowed ResourcePolicy(Resource Policy)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What the simulator says of a user is what the front door does with one.
func TestSimulationIsTheDecision(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRoleAt(t, "/ci/", "deploy")
	role := "arn:aws:iam::123456789012:role/ci/deploy"
	for i, document := range []string{
		statement("Allow", "iam:GetRole", "*", ""),
		statement("Allow", "iam:Get*", "arn:aws:iam::*:role/ci/*", ""),
		statement("Allow", "iam:GetRole", "arn:aws:iam::*:role/other/*", ""),
		statement("Allow", "iam:GetRole", "*", `"StringLike":{"aws:username":"user?"}`),
		statement("Allow", "iam:GetRole", "*", `"StringNotLike":{"aws:PrincipalArn":"*:user/*"}`),
		statement("Deny", "*", "*", ""),
	} {
		name := fmt.Sprintf("user%d", i)
		user := f.as(t, name, document)
		out := noError[*iamclient.SimulatePrincipalPolicyOutput](t)(f.admin.SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{
			PolicySourceArn: aws.String("arn:aws:iam::123456789012:user/" + name), ActionNames: []string{"iam:GetRole"}, ResourceArns: []string{role},
		}))
		_, err := user.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("deploy")})
		if simulated := out.EvaluationResults[0].EvalDecision; (simulated == "allowed") != (err == nil) {
			t.Errorf("%s: simulated %s, done with %v", document, simulated, err)
		}
	}
}

// TestSimulateTrustPolicy: beyond AWS, the trust policy of a role decides where
// all actions are of a role's trust.
func TestSimulateTrustPolicy(t *testing.T) {
	t.Parallel()
	f := start(t)
	provider := "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
	sub := func(value string) []types.ContextEntry {
		return []types.ContextEntry{{ContextKeyName: aws.String("gitlab.example.com:sub"), ContextKeyType: "string", ContextKeyValues: []string{value}}}
	}
	trusting := policyOf(`"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"`)
	for name, c := range map[string]struct {
		trust, caller, action string
		identity              []string
		keys                  []types.ContextEntry
		want                  string
	}{
		"admitted":          {trustPolicy, provider, "sts:AssumeRoleWithWebIdentity", nil, sub("project_path:group/x:ref_type:branch:ref:main"), "allowed ResourcePolicy(Resource Policy)"},
		"another branch":    {trustPolicy, provider, "sts:AssumeRoleWithWebIdentity", nil, sub("project_path:group/x:ref_type:branch:ref:dev"), "implicitDeny"},
		"another provider":  {trustPolicy, provider + "x", "sts:AssumeRoleWithWebIdentity", nil, sub("project_path:group/x:ref_type:branch:ref:main"), "implicitDeny"},
		"without its key":   {trustPolicy, provider, "sts:AssumeRoleWithWebIdentity", []string{allowing("*")}, nil, "implicitDeny missing gitlab.example.com:sub"},
		"a tag needs more":  {trustPolicy, provider, "sts:TagSession", nil, sub("project_path:group/x:ref_type:branch:ref:main"), "implicitDeny"},
		"account, identity": {trusting, mateo, "sts:AssumeRole", []string{allowing("sts:*")}, nil, "allowed PolicyInputList.1(IAM Policy) ResourcePolicy(Resource Policy)"},
		"account alone":     {trusting, mateo, "sts:AssumeRole", nil, nil, "implicitDeny"},
	} {
		out := noError[*iamclient.SimulateCustomPolicyOutput](t)(f.admin.SimulateCustomPolicy(t.Context(), &iamclient.SimulateCustomPolicyInput{
			ActionNames: []string{c.action}, ResourceArns: []string{"arn:aws:iam::123456789012:role/deploy"}, PolicyInputList: append([]string{}, c.identity...),
			ResourcePolicy: &c.trust, CallerArn: &c.caller, ContextEntries: c.keys,
		}))
		if got := told(out.EvaluationResults[0]); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

// A policy that is stored and cannot be read denies in a simulation as it does
// at the door.
func TestSimulateUnreadablePolicy(t *testing.T) {
	t.Parallel()
	f := start(t)
	if err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		return store.PutRecord(tx, store.UserID(account, "mateo"), store.User{Account: account, Name: "mateo", Path: "/", ID: "AIDAX", InlinePolicies: []store.InlinePolicy{{Name: "broken", Document: "{"}}})
	}); err != nil {
		t.Fatal(err)
	}
	out := noError[*iamclient.SimulatePrincipalPolicyOutput](t)(f.admin.SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(mateo), ActionNames: []string{"iam:GetRole"}, PolicyInputList: []string{allowing("*")},
	}))
	if got, want := told(out.EvaluationResults[0]), "explicitDeny user_mateo_broken(IAM Policy)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestSimulatePages goes through the actions page by page.
func TestSimulatePages(t *testing.T) {
	t.Parallel()
	f := start(t)
	var actions []string
	for i := range 25 {
		actions = append(actions, fmt.Sprintf("s3:Get%d", i))
	}
	in := &iamclient.SimulateCustomPolicyInput{ActionNames: actions, PolicyInputList: []string{allowing("s3:*")}, MaxItems: aws.Int32(10)}
	var got []string
	var sizes []int
	pages := iamclient.NewSimulateCustomPolicyPaginator(f.admin, in)
	for pages.HasMorePages() {
		page := noError[*iamclient.SimulateCustomPolicyOutput](t)(pages.NextPage(t.Context()))
		sizes = append(sizes, len(page.EvaluationResults))
		for _, r := range page.EvaluationResults {
			got = append(got, aws.ToString(r.EvalActionName))
		}
	}
	if !slices.Equal(got, actions) || !slices.Equal(sizes, []int{10, 10, 5}) {
		t.Errorf("pages of %v with %v", sizes, got)
	}
	// What would be too much work for one page is spread over more of them.
	in.MaxItems, in.ResourceArns = nil, slices.Repeat([]string{"arn:aws:s3:::b/x"}, 1000)
	in.PolicyInputList = []string{policyOf(`"Effect":"Deny","Action":"ec2:*","Resource":"arn:aws:s3:::` + strings.Repeat("*a", 1000) + `"`)}
	out := noError[*iamclient.SimulateCustomPolicyOutput](t)(f.admin.SimulateCustomPolicy(t.Context(), in))
	if n := len(out.EvaluationResults); n < 5 || n > 20 || !out.IsTruncated {
		t.Errorf("%d results, truncated %v", n, out.IsTruncated)
	}
	in.ContextEntries = []types.ContextEntry{{ContextKeyName: aws.String("aws:x"), ContextKeyType: "string", ContextKeyValues: []string{strings.Repeat("a", 1000)}}}
	_, err := f.admin.SimulateCustomPolicy(t.Context(), in)
	wantFaultPrefix(t, "too much", err, fault{http.StatusBadRequest, "InvalidInput", "The simulation is too much work for one action: 1000 resources, policies of "})
}

// TestSimulateRefusals: what is not understood is refused by name. Which of the
// sentences are AWS's is said where they are.
func TestSimulateRefusals(t *testing.T) {
	t.Parallel()
	f := start(t)
	one := []string{"PolicyInputList.member.1", allowing("s3:*"), "ActionNames.member.1", "s3:GetObject"}
	const invalidInput, validation = "InvalidInput", "ValidationError"
	for name, c := range map[string]struct {
		with []string
		want fault
	}{
		"no parameters":         {[]string{"PolicyInputList.member.1", "", "ActionNames.member.1", ""}, fault{http.StatusBadRequest, validation, "2 validation errors detected: Value at 'policyInputList' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 131072, Member must have length greater than or equal to 1]; Value at 'actionNames' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 3]"}},
		"a wildcard":            {[]string{"ActionNames.member.1", "s3:Get*"}, fault{http.StatusBadRequest, invalidInput, "Invalid action name: s3:Get*. Write service:Action, without wildcards."}},
		"no service":            {[]string{"ActionNames.member.1", "GetObject"}, fault{http.StatusBadRequest, invalidInput, "Invalid action name: GetObject. Write service:Action, without wildcards."}},
		"no ARN":                {[]string{"ResourceArns.member.1", "14a050d4"}, fault{http.StatusBadRequest, invalidInput, "ResourceNames are not in a valid ARN format: 14a050d4."}},
		"an owner's number":     {[]string{"ResourceOwner", "123456789012"}, fault{http.StatusBadRequest, invalidInput, "&apos;"}},
		"two boundaries":        {[]string{"PermissionsBoundaryPolicyInputList.member.1", allowing("*"), "PermissionsBoundaryPolicyInputList.member.2", allowing("*")}, fault{http.StatusBadRequest, invalidInput, "The list of Permissions Boundary policies cannot exceed 1 items."}},
		"a policy":              {[]string{"PolicyInputList.member.2", `{"Statement":[]}`}, fault{http.StatusBadRequest, invalidInput, "Syntax errors in policy."}},
		"a boundary":            {[]string{"PermissionsBoundaryPolicyInputList.member.1", "x"}, fault{http.StatusBadRequest, invalidInput, "Syntax errors in policy."}},
		"nobody to grant to":    {[]string{"ResourcePolicy", granting(mateo, "s3:*")}, fault{http.StatusBadRequest, invalidInput, "CallerArn is required with ResourcePolicy"}},
		"a resource's policy":   {[]string{"ResourcePolicy", allowing("s3:*"), "CallerArn", mateo}, fault{http.StatusBadRequest, invalidInput, "Missing required field Principal"}},
		"a trust policy":        {[]string{"ResourcePolicy", trustPolicy, "CallerArn", mateo}, fault{http.StatusBadRequest, invalidInput, ""}},
		"a role":                {[]string{"CallerArn", "arn:aws:iam::123456789012:role/x"}, fault{http.StatusBadRequest, invalidInput, "Invalid CallerArn: arn:aws:iam::123456789012:role/x is no ARN of a user"}},
		"a provider":            {[]string{"CallerArn", "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"}, fault{http.StatusBadRequest, invalidInput, "Invalid CallerArn: "}},
		"no caller at all":      {[]string{"CallerArn", "ann"}, fault{http.StatusBadRequest, invalidInput, "Invalid CallerArn: ann"}},
		"scenario":              {[]string{"ResourceHandlingOption", "EC2-VPC-EBS"}, fault{http.StatusBadRequest, validation, "Daypass does not serve the parameter ResourceHandlingOption yet"}},
		"organizations":         {[]string{"OrderedOrganizationPolicyInputList.member.1.ServiceControlPolicyInputList.member.1", "x"}, fault{http.StatusBadRequest, validation, "Daypass does not serve the parameter OrderedOrganizationPolicyInputList yet"}},
		"key type":              {[]string{"ContextEntries.member.1.ContextKeyName", "aws:x", "ContextEntries.member.1.ContextKeyType", "text", "ContextEntries.member.1.ContextKeyValues.member.1", "a"}, fault{http.StatusBadRequest, validation, "1 validation error detected: Value at 'contextEntries.1.member.contextKeyType' failed to satisfy constraint: Member must satisfy enum value set: [string, "}},
		"key without name":      {[]string{"ContextEntries.member.1.ContextKeyValues.member.1", "a"}, fault{http.StatusBadRequest, validation, "1 validation error detected: Value at 'contextEntries.1.member.contextKeyName' failed"}},
		"two values of one":     {[]string{"ContextEntries.member.1.ContextKeyName", "aws:x", "ContextEntries.member.1.ContextKeyType", "string", "ContextEntries.member.1.ContextKeyValues.member.1", "a", "ContextEntries.member.1.ContextKeyValues.member.2", "b"}, fault{http.StatusBadRequest, invalidInput, "The context key aws:x has 2 values"}},
		"no value of one":       {[]string{"ContextEntries.member.1.ContextKeyName", "aws:x"}, fault{http.StatusBadRequest, invalidInput, "The context key aws:x has 0 values"}},
		"a key twice":           {[]string{"ContextEntries.member.1.ContextKeyName", "aws:x", "ContextEntries.member.1.ContextKeyValues.member.1", "a", "ContextEntries.member.2.ContextKeyName", "AWS:X", "ContextEntries.member.2.ContextKeyValues.member.1", "b"}, fault{http.StatusBadRequest, invalidInput, "The context key AWS:X is given twice."}},
		"an entry that is none": {[]string{"ContextEntries.member.1", "aws:x"}, fault{http.StatusBadRequest, "MalformedInput", ""}},
		"a marker of another":   {[]string{"Marker", "Mg"}, fault{http.StatusBadRequest, validation, "Invalid Marker."}},
		"a marker of words":     {[]string{"Marker", "eA"}, fault{http.StatusBadRequest, validation, "Invalid Marker."}},
	} {
		parameters := append(slices.Clone(one), c.with...)
		reply := f.call(t, "SimulateCustomPolicy", parameters...)
		body := strings.ReplaceAll(reply.Body, "&quot;", `"`)
		want := c.want.Message
		if name == "an owner's number" {
			want = "'123456789012' is not a valid as a Resource Owner."
		}
		if want != "" {
			want = "<Message>" + want
		}
		if reply.Status != c.want.Status || !strings.Contains(body, "<Code>"+c.want.Code+"</Code>") || !strings.Contains(body, want) || c.want.Code == "MalformedInput" && strings.Contains(body, "<Message>") {
			t.Errorf("%s: got %d %s, want %s %s", name, reply.Status, reply.Body, c.want.Code, want)
		}
	}
	many := slices.Clone(one)
	for i := range 1001 {
		at := fmt.Sprintf("ContextEntries.member.%d.ContextKey", i+1)
		many = append(many, at+"Name", fmt.Sprintf("aws:x%d", i), at+"Values.member.1", "a")
	}
	wantCall(t, f.call(t, "SimulateCustomPolicy", many...), fault{http.StatusBadRequest, invalidInput, "The list of context entries cannot exceed 1000 items."})
	reply := f.call(t, "SimulateCustomPolicy")
	wantCall(t, reply, fault{http.StatusBadRequest, validation, "2 validation errors detected: Value at 'actionNames' failed to satisfy constraint: Member must not be null; Value at 'policyInputList' failed to satisfy constraint: Member must not be null"})
}

// TestPolicySourceRefusals: AWS's words for what is no user, group or role, and
// for one that is not there.
func TestPolicySourceRefusals(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRoleAt(t, "/ci/", "deploy")
	const session = "arn:aws:sts::123456789012:assumed-role/deploy/job-1"
	for given, want := range map[string]fault{
		session: {http.StatusBadRequest, "InvalidInput", "Invalid Entity Arn: " + session + " does not clearly define entity type and name."},
		"arn:aws:iam::123456789012:policy/somewhere":   {http.StatusBadRequest, "InvalidInput", "Invalid Entity Arn: arn:aws:iam::123456789012:policy/somewhere does not clearly define entity type and name."},
		"arn:aws:iam::123456789012:role/":              {http.StatusBadRequest, "InvalidInput", "Invalid Entity Arn: arn:aws:iam::123456789012:role/ does not clearly define entity type and name."},
		"arn:aws:iam::123456789012:user/nobody":        {http.StatusNotFound, "NoSuchEntity", "The user with name nobody cannot be found."},
		"arn:aws:iam::123456789012:role/x/y/nobody":    {http.StatusNotFound, "NoSuchEntity", "The role with name nobody cannot be found."},
		"arn:aws:iam::123456789012:role/deploy":        {http.StatusNotFound, "NoSuchEntity", "The role with name deploy cannot be found."}, // of another path
		"arn:aws:iam::123456789012:group/all":          {http.StatusNotFound, "NoSuchEntity", "The group with name all cannot be found."},
		"arn:aws:iam::210987654321:user/administrator": {http.StatusNotFound, "NoSuchEntity", "The user with name administrator cannot be found."},
	} {
		_, err := f.admin.SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{PolicySourceArn: &given, ActionNames: []string{"s3:GetObject"}})
		wantFault(t, err, want)
		_, err = f.admin.GetContextKeysForPrincipalPolicy(t.Context(), &iamclient.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: &given})
		wantFault(t, err, want)
	}
	role := "arn:aws:iam::123456789012:role/ci/deploy"
	_, err := f.admin.SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{
		PolicySourceArn: &role, ActionNames: []string{"s3:GetObject"}, ResourcePolicy: aws.String(granting(mateo, "s3:*")),
	})
	wantFaultPrefix(t, "a role calls nobody", err, fault{http.StatusBadRequest, "InvalidInput", "CallerArn is required with ResourcePolicy"})
}

// TestContextKeys lists what policies read; see policy.Document.ContextKeys.
func TestContextKeys(t *testing.T) {
	t.Parallel()
	f := start(t)
	read := policyOf(`"Effect":"Allow","Action":"dynamodb:*","Resource":"arn:aws:dynamodb:us-west-2:123456789012:table/${aws:username}","Condition":{"StringEquals":{"aws:CurrentTime":"x"}}`)
	custom := noError[*iamclient.GetContextKeysForCustomPolicyOutput](t)(f.admin.GetContextKeysForCustomPolicy(t.Context(), &iamclient.GetContextKeysForCustomPolicyInput{
		PolicyInputList: []string{read, allowing("*"), policyOf(`"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Null":{"AWS:currenttime":"true","aws:userid":"true"}}`)},
	}))
	if want := []string{"aws:username", "aws:CurrentTime", "aws:userid"}; !slices.Equal(custom.ContextKeyNames, want) {
		t.Errorf("got %q, want %q", custom.ContextKeyNames, want)
	}
	f.User(t, "mateo", statement("Allow", "*", "*", `"Bool":{"aws:SecureTransport":"true"}`))
	principal := noError[*iamclient.GetContextKeysForPrincipalPolicyOutput](t)(f.admin.GetContextKeysForPrincipalPolicy(t.Context(), &iamclient.GetContextKeysForPrincipalPolicyInput{
		PolicySourceArn: aws.String(mateo), PolicyInputList: []string{read},
	}))
	if want := []string{"aws:SecureTransport", "aws:username", "aws:CurrentTime"}; !slices.Equal(principal.ContextKeyNames, want) {
		t.Errorf("got %q, want %q", principal.ContextKeyNames, want)
	}
	_, err := f.admin.GetContextKeysForCustomPolicy(t.Context(), &iamclient.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{"{}"}})
	wantFaultPrefix(t, "no policy", err, fault{http.StatusBadRequest, "InvalidInput", "Syntax errors in policy."})
	wantCall(t, f.call(t, "GetContextKeysForCustomPolicy"), fault{http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at 'policyInputList' failed to satisfy constraint: Member must not be null"})
}

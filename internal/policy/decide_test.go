package policy_test

import (
	"testing"

	"github.com/daypass/daypass/internal/policy"
)

const (
	account = "123456789012"
	user    = "arn:aws:iam::123456789012:user/x"
)

// decide decides with and without reasons, which must not differ.
func decide(t testing.TB, r *policy.Request, docs ...*policy.Document) policy.Decision {
	t.Helper()
	got := policy.Decide(r, docs, nil)
	var why policy.Reasons
	if told := policy.Decide(r, docs, &why); told != got || why.Decision != got {
		t.Errorf("decision %+v with reasons, %+v in them, %+v without", told, why.Decision, got)
	}
	return got
}

func TestZeroDecisionDenies(t *testing.T) {
	t.Parallel()
	var d policy.Decision
	if d.Allowed() || d.Effect.String() != "ImplicitDeny" {
		t.Errorf("the zero decision is %v", d.Effect)
	}
}

// What is missing or broken never allows.
func TestNeverOpen(t *testing.T) {
	t.Parallel()
	everything := mustParse(t, policy.Identity, identity(`"Effect":"Allow","Action":"*","Resource":"*"`))
	nothing := mustParse(t, policy.Identity, identity(`"Effect":"Allow","NotAction":"a:b","NotResource":"arn:aws:s3:::x"`))
	anyone := mustParse(t, policy.Trust, trust(`"Effect":"Allow","Action":"sts:Assume*","Principal":"*"`))
	ask := &policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	none := policy.Decision{Document: -1, Statement: -1}

	if got := decide(t, ask, everything); !got.Allowed() || got.Document != 0 || got.Statement != 0 {
		t.Fatalf("the policy that allows everything: %+v", got)
	}
	for name, tc := range map[string]struct {
		r    *policy.Request
		docs []*policy.Document
		want policy.Decision
	}{
		"no documents":           {ask, nil, none},
		"no request":             {nil, []*policy.Document{everything, nothing, anyone}, none},
		"empty request":          {&policy.Request{}, []*policy.Document{everything, nothing, anyone}, none},
		"action without vendor":  {&policy.Request{Action: "GetObject", Resource: "*"}, []*policy.Document{everything, nothing}, none},
		"action without name":    {&policy.Request{Action: "s3:", Resource: "*"}, []*policy.Document{everything, nothing}, none},
		"action of a colon":      {&policy.Request{Action: ":GetObject", Resource: "*"}, []*policy.Document{everything, nothing}, none},
		"no resource":            {&policy.Request{Action: "s3:GetObject"}, []*policy.Document{everything, nothing}, none},
		"nobody":                 {&policy.Request{Action: "sts:AssumeRole", Resource: "*"}, []*policy.Document{anyone}, none},
		"account without ARN":    {&policy.Request{Action: "sts:AssumeRole", Resource: "*", Principal: policy.Principal{Account: account}}, []*policy.Document{anyone}, none},
		"unread document":        {ask, []*policy.Document{nil}, policy.Decision{Effect: policy.ExplicitDeny, Document: 0, Statement: -1}},
		"unread, among others":   {ask, []*policy.Document{everything, nil, everything}, policy.Decision{Effect: policy.ExplicitDeny, Document: 1, Statement: -1}},
		"zero document":          {ask, []*policy.Document{everything, {}}, policy.Decision{Effect: policy.ExplicitDeny, Document: 1, Statement: -1}},
		"unread, without reason": {nil, []*policy.Document{nil}, policy.Decision{Effect: policy.ExplicitDeny, Document: 0, Statement: -1}},
	} {
		if got := decide(t, tc.r, tc.docs...); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

// IAM User Guide, "Policy evaluation logic": a deny outweighs every allow, and
// what nobody allows is denied.
func TestDenyOutweighs(t *testing.T) {
	t.Parallel()
	const allow, deny, other = `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, `{"Effect":"Deny","Action":"s3:Get*","Resource":"*"}`, `{"Effect":"Deny","Action":"iam:*","Resource":"*"}`
	document := func(statements string) *policy.Document {
		return mustParse(t, policy.Identity, `{"Version":"2012-10-17","Statement":[`+statements+`]}`)
	}
	r := &policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	for _, tc := range []struct {
		name string
		docs []*policy.Document
		want policy.Decision
	}{
		{"allow", []*policy.Document{document(other), document(other + "," + allow)}, policy.Decision{Effect: policy.Allow, Document: 1, Statement: 1}},
		{"the first allow", []*policy.Document{document(allow), document(allow)}, policy.Decision{Effect: policy.Allow}},
		{"deny after allow", []*policy.Document{document(allow + "," + deny)}, policy.Decision{Effect: policy.ExplicitDeny, Statement: 1}},
		{"deny before allow", []*policy.Document{document(deny + "," + allow)}, policy.Decision{Effect: policy.ExplicitDeny}},
		{"deny in another document", []*policy.Document{document(allow), document(deny)}, policy.Decision{Effect: policy.ExplicitDeny, Document: 1}},
		{"the first deny", []*policy.Document{document(allow), document(deny), document(deny), nil}, policy.Decision{Effect: policy.ExplicitDeny, Document: 1}},
		{"none", []*policy.Document{document(other)}, policy.Decision{Document: -1, Statement: -1}},
	} {
		if got := decide(t, r, tc.docs...); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

func TestAction(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		element, action string
		want            bool
	}{
		// IAM User Guide, "IAM JSON policy elements: Action".
		{`"Action":"*"`, "s3:GetObject", true},
		{`"Action":"s3:*"`, "s3:GetObject", true},
		{`"Action":"s3:*"`, "s3express:GetObject", false},
		{`"Action":"s3:*"`, "iam:GetRole", false},
		{`"Action":"S3:getobject"`, "s3:GetObject", true},
		{`"Action":"s3:getobject"`, "S3:GETOBJECT", true},
		{`"Action":"iam:Get*"`, "iam:GetRole", true},
		{`"Action":"iam:Get*"`, "iam:ListRoles", false},
		{`"Action":"iam:*Role?"`, "iam:ListRoles", true},
		{`"Action":["a:b","s3:GetObject"]`, "s3:GetObject", true},
		{`"Action":"s3:*"`, "s3:a:b", true},
		// IAM User Guide, "IAM JSON policy elements: NotAction".
		{`"NotAction":"iam:*"`, "s3:GetObject", true},
		{`"NotAction":"iam:*"`, "iam:GetRole", false},
		{`"NotAction":["a:b","IAM:getrole"]`, "iam:GetRole", false},
		{`"NotAction":"*"`, "iam:GetRole", false},
	} {
		d := mustParse(t, policy.Identity, identity(`"Effect":"Allow","Resource":"*",`+tc.element))
		if got := decide(t, &policy.Request{Action: tc.action, Resource: "*"}, d).Allowed(); got != tc.want {
			t.Errorf("%s against %s = %v, want %v", tc.element, tc.action, got, tc.want)
		}
	}
}

func TestResource(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		element, resource string
		want              bool
	}{
		// IAM User Guide, "IAM JSON policy elements: Resource".
		{`"Resource":"*"`, "arn:aws:s3:::b/k", true},
		{`"Resource":"*"`, "*", true},
		{`"Resource":"arn:aws:s3:::b/*"`, "arn:aws:s3:::b/k/l:m", true},
		{`"Resource":"arn:aws:s3:::b/*"`, "arn:aws:s3:::b", false},
		{`"Resource":"arn:aws:s3:::b"`, "arn:aws:s3:::B", false},
		{`"Resource":"arn:aws:s3:::b"`, "*", false},
		{`"Resource":"arn:aws:iam::*:role/x"`, "arn:aws:iam::123456789012:role/x", true},
		{`"Resource":"arn:aws:iam::123456789012:*/x"`, "arn:aws:iam::123456789012:role/a/b/x", true},
		{`"Resource":"arn:aws:s3:*"`, "arn:aws:s3:::b", true},
		// one pattern over the whole, unlike the ARN operators: * crosses the colons
		{`"Resource":"arn:aws:*"`, "arn:aws:s3:::b", true},
		{`"Resource":"arn:aws:s3:*:*:b"`, "arn:aws:s3:::x:b", true},
		{`"Resource":["arn:aws:s3:::a","arn:aws:s3:::b"]`, "arn:aws:s3:::b", true},
		// IAM User Guide, "IAM JSON policy elements: NotResource".
		{`"NotResource":"arn:aws:s3:::b"`, "arn:aws:s3:::c", true},
		{`"NotResource":["arn:aws:s3:::a","arn:aws:s3:::b"]`, "arn:aws:s3:::b", false},
	} {
		d := mustParse(t, policy.Identity, identity(`"Effect":"Allow","Action":"*",`+tc.element))
		if got := decide(t, &policy.Request{Action: "s3:GetObject", Resource: tc.resource}, d).Allowed(); got != tc.want {
			t.Errorf("%s against %s = %v, want %v", tc.element, tc.resource, got, tc.want)
		}
	}
}

func TestPrincipal(t *testing.T) {
	t.Parallel()
	token := policy.Principal{Federated: provider}
	caller := policy.Principal{ARN: user, Account: account}
	session := policy.Principal{ARN: "arn:aws:sts::123456789012:assumed-role/r/s", Account: account}
	stranger := policy.Principal{ARN: "arn:aws:iam::999999999999:user/x", Account: "999999999999"}
	both := policy.Principal{Federated: provider, ARN: user, Account: account}
	for _, tc := range []struct {
		principal   string
		who         policy.Principal
		allow, deny bool // does an Allow admit, does a Deny reach
	}{
		{`{"Federated":"` + provider + `"}`, token, true, true},
		{`{"Federated":["x.example","` + provider + `"]}`, token, true, true},
		{`{"Federated":"` + provider + `/"}`, token, false, false},
		{`{"Federated":"arn:aws:iam::123456789012:oidc-provider/GitLab.example.com"}`, token, false, false},
		{`{"Federated":"arn:aws:iam::999999999999:oidc-provider/gitlab.example.com"}`, token, false, false},
		{`{"Federated":"gitlab.example.com"}`, token, false, false},
		{`{"Federated":"` + provider + `"}`, caller, false, false},
		// An AWS principal admits no web identity: published captures of AWS, 2026. A
		// Deny on everyone is taken to reach everyone.
		{`"*"`, token, false, true},
		{`{"AWS":"*"}`, token, false, true},
		{`{"AWS":"*"}`, policy.Principal{}, false, true},
		{`{"AWS":"123456789012"}`, token, false, false},
		{`{"AWS":"123456789012"}`, both, false, false},
		{`{"AWS":"*"}`, both, false, true},
		// IAM User Guide, "AWS JSON policy elements: Principal".
		{`"*"`, caller, true, true},
		{`{"AWS":"*"}`, stranger, true, true},
		{`{"AWS":"123456789012"}`, caller, true, true},
		{`{"AWS":"arn:aws:iam::123456789012:root"}`, caller, true, true},
		{`{"AWS":"arn:aws:iam::123456789012:root"}`, session, true, true},
		{`{"AWS":"123456789012"}`, stranger, false, false},
		{`{"AWS":"` + user + `"}`, caller, true, true},
		{`{"AWS":"arn:aws:sts::123456789012:assumed-role/r/s"}`, session, true, true},
		{`{"AWS":"arn:aws:iam::123456789012:user/X"}`, caller, false, false},
		{`{"AWS":["999999999999","` + user + `"]}`, caller, true, true},
		{`{"Service":"ec2.amazonaws.com"}`, caller, false, false},
		{`{"Service":"ec2.amazonaws.com"}`, token, false, false},
		{`{"AWS":"123456789012"}`, policy.Principal{ARN: user}, false, false},
	} {
		r := &policy.Request{Action: "sts:AssumeRole", Resource: "arn:aws:iam::123456789012:role/r", Principal: tc.who}
		allow := mustParse(t, policy.Trust, trust(`"Effect":"Allow","Action":"sts:Assume*","Principal":`+tc.principal))
		if got := decide(t, r, allow).Allowed(); got != tc.allow {
			t.Errorf("Allow %s admits %+v: %v, want %v", tc.principal, tc.who, got, tc.allow)
		}
		deny := mustParse(t, policy.Trust, trust(`"Effect":"Deny","Action":"sts:Assume*","Principal":`+tc.principal))
		if got := decide(t, r, deny).Effect == policy.ExplicitDeny; got != tc.deny {
			t.Errorf("Deny %s reaches %+v: %v, want %v", tc.principal, tc.who, got, tc.deny)
		}
	}
}

func TestEffectText(t *testing.T) {
	t.Parallel()
	for _, e := range []policy.Effect{policy.ImplicitDeny, policy.Allow, policy.ExplicitDeny} {
		text, err := e.MarshalText()
		got := policy.Allow
		if err != nil || got.UnmarshalText(text) != nil || got != e {
			t.Errorf("%v becomes %q becomes %v (%v)", e, text, got, err)
		}
	}
	for _, text := range []string{"", "allow", "Deny", "policy.Effect(1)"} {
		e := policy.Allow
		if err := e.UnmarshalText([]byte(text)); err == nil || e != policy.ImplicitDeny {
			t.Errorf("UnmarshalText(%q) = %v, %v", text, e, err)
		}
	}
}

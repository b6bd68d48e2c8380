package policy_test

import (
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"github.com/google/go-cmp/cmp"
)

// The pages that these tests cite.
const variablesPage = "IAM User Guide, IAM policy elements: Variables and tags"

func variableKeys() *policy.Context {
	keys := &policy.Context{}
	keys.Set("aws:username", "alice")
	keys.Set("aws:PrincipalTag/team", "web*")
	keys.Set("aws:PrincipalTag/empty", "")
	keys.Set("aws:PrincipalTag/dollar", "${aws:username}")
	keys.Set("aws:PrincipalTag/bytes", "\xff")
	keys.Set("aws:PrincipalTag/arn", "arn:aws:kms:us-east-1:123456789012:key/example")
	keys.Set("aws:PrincipalAccount", account)
	keys.SetMulti("aws:TagKeys", []string{"alice"})
	keys.SetIn("gitlab.example.com:8443", "sub", "job")
	return keys
}

func TestVariablesInResource(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, resource string
		want              bool
	}{
		// variablesPage: the value stands in place of the variable.
		{"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/alice/x/y", true},
		{"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/x", false},
		{"arn:aws:s3:::b/${AWS:UserName}", "arn:aws:s3:::b/alice", true},
		{"arn:aws:s3:::b/${aws:username}-${aws:PrincipalAccount}", "arn:aws:s3:::b/alice-123456789012", true},
		{"arn:aws:s3:::b/${gitlab.example.com:8443:sub}", "arn:aws:s3:::b/job", true},
		// variablesPage: defaults; one that is not needed does not count.
		{"arn:aws:s3:::b/${aws:userid, 'nobody'}", "arn:aws:s3:::b/nobody", true},
		{"arn:aws:s3:::b/${aws:username, 'nobody'}", "arn:aws:s3:::b/nobody", false},
		{"arn:aws:s3:::b/${aws:username, 'nobody'}", "arn:aws:s3:::b/alice", true},
		{"arn:aws:s3:::b/${aws:userid, ''}x", "arn:aws:s3:::b/x", true},
		{"arn:aws:s3:::b/${aws:userid, 'a, {b}'}", "arn:aws:s3:::b/a, {b}", true},
		// variablesPage: special characters.
		{"arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", true},
		{"arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", false},
		{"arn:aws:s3:::b/${?}*", "arn:aws:s3:::b/?x", true},
		{"arn:aws:s3:::b/${?}*", "arn:aws:s3:::b/yx", false},
		{"arn:aws:s3:::b/${$}{aws:username}", "arn:aws:s3:::b/${aws:username}", true},
		{"arn:aws:s3:::b/$${aws:username}$", "arn:aws:s3:::b/$alice$", true},
		// Captures: what is put in is literal, and not read again.
		{"arn:aws:s3:::b/${aws:PrincipalTag/team}", "arn:aws:s3:::b/web*", true},
		{"arn:aws:s3:::b/${aws:PrincipalTag/team}", "arn:aws:s3:::b/website", false},
		{"arn:aws:s3:::b/${aws:userid, '*'}", "arn:aws:s3:::b/website", false},
		{"arn:aws:s3:::b/${aws:PrincipalTag/dollar}", "arn:aws:s3:::b/alice", false},
		{"arn:aws:s3:::b/${aws:PrincipalTag/dollar}", "arn:aws:s3:::b/${aws:username}", true},
		// An empty value is a value.
		{"arn:aws:s3:::b/${aws:PrincipalTag/empty}", "arn:aws:s3:::b/", true},
		{"arn:aws:s3:::b/${aws:PrincipalTag/empty, 'x'}", "arn:aws:s3:::b/x", false},
		// Captures: a variable may stand in any part, and be the whole.
		{"arn:aws:kms:us-east-1:${aws:PrincipalAccount}:key/*", "arn:aws:kms:us-east-1:123456789012:key/example", true},
		{"arn:${aws:userid, 'aws'}:kms:us-east-1:123456789012:key/*", "arn:aws:kms:us-east-1:123456789012:key/example", true},
		{"${aws:PrincipalTag/arn}", "arn:aws:kms:us-east-1:123456789012:key/example", true},
		{"arn:aws:${aws:userid, 'kms'}", "arn:aws:kms:us-east-1:123456789012:key/example", false},
		// variablesPage: one without a value matches no resource.
		{"arn:aws:s3:::b/${aws:userid}", "arn:aws:s3:::b/", false},
		{"arn:aws:s3:::b/${aws:userid}*", "arn:aws:s3:::b/x", false},
		{"arn:aws:s3:::b/${aws:userid}", "arn:aws:s3:::b/${aws:userid}", false},
		// Captures: a multivalued key has none, not even the default.
		{"arn:aws:s3:::b/${aws:TagKeys}", "arn:aws:s3:::b/alice", false},
		{"arn:aws:s3:::b/${aws:TagKeys, 'alice'}", "arn:aws:s3:::b/alice", false},
		// Bytes that are no text stand for nothing, least of all for a wildcard.
		{"arn:aws:s3:::b/${aws:PrincipalTag/bytes}", "arn:aws:s3:::b/anything", false},
		{"arn:aws:s3:::b/${aws:PrincipalTag/bytes, 'x'}", "arn:aws:s3:::b/x", false},
	} {
		r := &policy.Request{Action: "s3:GetObject", Resource: tc.resource, Context: variableKeys()}
		for _, effect := range []string{"Allow", "Deny"} {
			d := mustParse(t, policy.Identity, identity(`"Effect":"`+effect+`","Action":"*","Resource":"`+tc.pattern+`"`))
			if got := decide(t, r, d).Effect != policy.ImplicitDeny; got != tc.want {
				t.Errorf("%s on %s covers %s: %v, want %v", effect, tc.pattern, tc.resource, got, tc.want)
			}
		}
		old := mustParse(t, policy.Identity, strings.Replace(identity(`"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::`+tc.pattern+`"`), "2012", "2008", 1))
		if !decide(t, r, old).Allowed() {
			t.Errorf("in a 2008 document %s is not literal", tc.pattern)
		}
	}
}

// A pattern that matches nothing spares nothing. For a Deny that closes. For an
// Allow it would open what the pattern was to spare, and there NotResource does
// not match: AWS's page says that such a resource matches none, and not what
// NotResource makes of that.
func TestNotResourceWithoutValue(t *testing.T) {
	t.Parallel()
	r := &policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/alice", Context: variableKeys()}
	for _, tc := range []struct {
		patterns    string
		allow, deny bool
	}{
		{`"arn:aws:s3:::b/${aws:username}"`, false, false},
		{`"arn:aws:s3:::b/x-${aws:username}"`, true, true},
		{`"arn:aws:s3:::b/${aws:userid}"`, false, true},
		{`["arn:aws:s3:::c","arn:aws:s3:::b/${aws:userid}"]`, false, true},
		{`["arn:aws:s3:::b/${aws:userid}","arn:aws:s3:::b/*"]`, false, false},
		{`"arn:aws:s3:::b/${aws:userid, 'x'}"`, true, true},
	} {
		allow := mustParse(t, policy.Identity, identity(`"Effect":"Allow","Action":"*","NotResource":`+tc.patterns))
		deny := mustParse(t, policy.Identity, identity(`"Effect":"Deny","Action":"*","NotResource":`+tc.patterns))
		if got := decide(t, r, allow).Allowed(); got != tc.allow {
			t.Errorf("Allow, NotResource %s: %v, want %v", tc.patterns, got, tc.allow)
		}
		if got := decide(t, r, deny).Effect == policy.ExplicitDeny; got != tc.deny {
			t.Errorf("Deny, NotResource %s: %v, want %v", tc.patterns, got, tc.deny)
		}
	}
}

func TestVariablesInConditions(t *testing.T) {
	t.Parallel()
	keys := variableKeys()
	keys.Set("k:name", "alice")
	keys.Set("k:upper", "ALICE")
	keys.Set("k:star", "*")
	keys.Set("k:key", "arn:aws:kms:us-east-1:123456789012:key/example")
	for _, tc := range []struct {
		condition string
		want      bool
		source    string
	}{
		{`{"StringEquals":{"k:name":"${aws:username}"}}`, true, variablesPage},
		{`{"StringEquals":{"k:name":["x","${aws:username}"]}}`, true, variablesPage},
		{`{"StringNotEquals":{"k:name":"${aws:username}"}}`, false, variablesPage},
		{`{"StringEqualsIgnoreCase":{"k:upper":"${aws:username}"}}`, true, variablesPage},
		{`{"StringEquals":{"k:upper":"${aws:username}"}}`, false, variablesPage},
		{`{"StringLike":{"k:name":"${aws:username, 'x'}*"}}`, true, variablesPage},
		{`{"StringLike":{"k:name":"a*${*}"}}`, false, variablesPage},
		{`{"StringEquals":{"k:star":"${*}"}}`, true, variablesPage},
		{`{"StringEquals":{"k:star":"*"}}`, true, variablesPage},
		{`{"StringLike":{"k:star":"${*}"}}`, true, variablesPage},
		{`{"StringLike":{"k:name":"${*}"}}`, false, variablesPage},
		{`{"ArnLike":{"k:key":"arn:aws:kms:*:${aws:PrincipalAccount}:key/*"}}`, true, variablesPage},
		{`{"ArnEquals":{"k:key":"${aws:PrincipalTag/arn}"}}`, true, captures},
		{`{"ArnLike":{"k:key":"arn:aws:kms:*:${aws:username}:key/*"}}`, false, variablesPage},
		{`{"ForAnyValue:StringEquals":{"aws:TagKeys":"${aws:username}"}}`, true, variablesPage},
		// without a value
		{`{"StringEquals":{"k:name":"${aws:userid}"}}`, false, variablesPage},
		{`{"StringLike":{"k:name":"${aws:userid}*"}}`, false, variablesPage},
		{`{"StringNotEquals":{"k:name":"${aws:userid}"}}`, true, variablesPage},
		{`{"StringNotLike":{"k:name":"${aws:userid}*"}}`, true, variablesPage},
		{`{"StringNotEqualsIgnoreCase":{"k:name":"${aws:userid}"}}`, true, variablesPage},
		{`{"StringNotEquals":{"k:name":["${aws:userid}","alice"]}}`, false, variablesPage},
		{`{"StringEquals":{"k:name":["${aws:userid}","alice"]}}`, true, variablesPage},
		{`{"StringEqualsIfExists":{"k:name":"${aws:userid}"}}`, false, variablesPage},
		{`{"StringEqualsIfExists":{"k:absent":"${aws:userid}"}}`, true, variablesPage},
		{`{"ArnLike":{"k:key":"arn:aws:kms:*:${aws:userid}:key/*"}}`, false, variablesPage},
		{`{"ArnNotLike":{"k:key":"arn:aws:kms:*:${aws:userid}:key/*"}}`, true, variablesPage},
		{`{"StringEquals":{"k:name":"${aws:TagKeys}"}}`, false, captures},
		{`{"StringEquals":{"k:name":"${aws:TagKeys, 'alice'}"}}`, false, captures},
		{`{"StringNotEquals":{"k:name":"${aws:TagKeys, 'alice'}"}}`, true, captures},
		// a value that makes no ARN: an Allow does not apply
		{`{"ArnLike":{"k:key":"${aws:username}"}}`, false, captures},
		{`{"ArnNotLike":{"k:key":"${aws:username}"}}`, false, captures},
	} {
		if got := meets(t, tc.condition, keys); got != tc.want {
			t.Errorf("%s = %v, want %v (%s)", tc.condition, got, tc.want, tc.source)
		}
	}
	for _, operator := range []string{"ArnLike", "ArnNotLike"} { // but a Deny does (captures)
		d := mustParse(t, policy.Identity, identity(`"Effect":"Deny","Action":"*","Resource":"*","Condition":{"`+operator+`":{"k:key":"${aws:username}"}}`))
		if got := decide(t, &policy.Request{Action: "s3:GetObject", Resource: "*", Context: keys}, d).Effect; got != policy.ExplicitDeny {
			t.Errorf("a Deny with %s on what is no ARN: %v", operator, got)
		}
	}
}

// Without variables, in a document of the older version, the text is itself.
func TestVariablesAreLiteralIn2008(t *testing.T) {
	t.Parallel()
	var keys policy.Context
	keys.Set("aws:username", "alice")
	keys.Set("k:k", "${aws:username}")
	for _, version := range []string{"", `"Version":"2008-10-17",`} {
		for condition, want := range map[string]bool{
			`{"StringEquals":{"k:k":"${aws:username}"}}`: true,
			`{"StringLike":{"k:k":"${*}"}}`:              true, // * is a wildcard here
			`{"StringEquals":{"k:k":"alice"}}`:           false,
			`{"StringLike":{"k:k":"${unclosed"}}`:        false,
			`{"Bool":{"k:k":"${aws:username}"}}`:         true,
		} {
			d := mustParse(t, policy.Identity, `{`+version+`"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":`+condition+`}}`)
			if got := decide(t, &policy.Request{Action: "s3:GetObject", Resource: "*", Context: &keys}, d).Allowed(); got != want {
				t.Errorf("%s%s = %v, want %v", version, condition, got, want)
			}
		}
	}
}

func TestReasonsResolveVariables(t *testing.T) {
	t.Parallel()
	d := mustParse(t, policy.Identity, identity(`"Effect":"Allow","Action":"*",
		"Resource":["arn:aws:s3:::b/${aws:username}/*","arn:aws:s3:::c"],
		"Condition":{"StringEquals":{"k:k":["${aws:userid}-${aws:username, 'x'}","plain","${*}"]},"StringLike":{"k:l":"plain"}}`))
	keys := &policy.Context{}
	keys.Set("aws:username", "alice")
	keys.Set("k:k", "bob")
	var why policy.Reasons
	policy.Decide(&policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/bob/x", Context: keys}, []*policy.Document{d}, &why)
	s := &why.Statements[0]
	if diff := cmp.Diff([]string{"arn:aws:s3:::b/alice/*", "arn:aws:s3:::c"}, s.Resource.Resolved); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"${aws:userid}-alice", "plain", "${*}"}, s.Conditions[0].Resolved); diff != "" {
		t.Error(diff)
	}
	if s.Conditions[1].Resolved != nil || s.Resource.Wanted[0] != "arn:aws:s3:::b/${aws:username}/*" {
		t.Errorf("%+v", s)
	}
	want := `ImplicitDeny: no statement allows it
  document 1 statement 1 (Allow, line 1) does not match
    Resource
      wanted "arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::c"
      which is "arn:aws:s3:::b/alice/*", "arn:aws:s3:::c"
      got    "arn:aws:s3:::b/bob/x"
    Condition "StringEquals" "k:k"
      wanted "${aws:userid}-${aws:username, 'x'}", "plain", "${*}"
      which is "${aws:userid}-alice", "plain", "${*}"
      got    "bob"
      hint   the request has no single value for ${aws:userid}, so that the value wanted matches nothing; give the variable a default: ${key, 'text'}
    Condition "StringLike" "k:l"
      wanted "plain"
      got    absent
      hint   the request does not carry the key k:l; check its spelling and the provider's URL in front of it
`
	if diff := cmp.Diff(want, why.String()); diff != "" {
		t.Error(diff)
	}
}

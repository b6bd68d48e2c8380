package policy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"github.com/google/go-cmp/cmp"
)

const trustOfThree = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Main",
      "Effect": "Allow",
      "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"},
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "gitlab.example.com:aud": ["sts.amazonaws.com", "https://gitlab.example.com"],
          "gitlab.example.com:sub": "project_path:g/p:*"
        }
      }
    },
    {
      "Effect": "Allow",
      "Principal": {"AWS": "123456789012"},
      "Action": ["sts:AssumeRole", "sts:TagSession"],
      "Condition": {"ForAnyValue:StringLike": {"gitlab.example.com:amr": "mfa"}, "StringEquals": {"gitlab.example.com:email": ""}}
    },
    {
      "Sid": "NoTags",
      "Effect": "Deny",
      "Principal": "*",
      "Action": "sts:Assume*",
      "Condition": {"StringLike": {"gitlab.example.com:sub": "*:ref_type:tag:*"}}
    }
  ]
}`

func reasonsOfThree(t *testing.T) *policy.Reasons {
	t.Helper()
	keys := &policy.Context{}
	keys.Set("gitlab.example.com:aud", "https://gitlab.example.com")
	keys.Set("gitlab.example.com:sub", "project_path:g/p:ref_type:branch:ref:dev\n  forged")
	keys.SetMulti("gitlab.example.com:amr", nil)
	why := &policy.Reasons{}
	policy.Decide(&policy.Request{
		Action: "sts:AssumeRoleWithWebIdentity", Resource: "arn:aws:iam::123456789012:role/r",
		Principal: policy.Principal{Federated: provider}, Context: keys,
	}, []*policy.Document{mustParse(t, policy.Trust, trustOfThree)}, why)
	keys.Reset() // the reasons must not share its memory
	keys.Set("gitlab.example.com:aud", "overwritten")
	return why
}

func TestReasonsText(t *testing.T) {
	t.Parallel()
	want := `ImplicitDeny: no statement allows it
  document 1 statement 1 "Main" (Allow, line 4) does not match
    Condition "StringEquals" "gitlab.example.com:sub"
      wanted "project_path:g/p:*"
      got    "project_path:g/p:ref_type:branch:ref:dev\n  forged"
      hint   StringEquals compares * and ? literally; use StringLike
  document 1 statement 2 (Allow, line 16) does not match
    Principal
      wanted "AWS 123456789012"
      got    "Federated arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
    Action
      wanted "sts:AssumeRole", "sts:TagSession"
      got    "sts:AssumeRoleWithWebIdentity"
    Condition "ForAnyValue:StringLike" "gitlab.example.com:amr"
      wanted "mfa"
      got    present, without a value
    Condition "StringEquals" "gitlab.example.com:email"
      wanted ""
      got    absent
      hint   the request does not carry the key gitlab.example.com:email; check its spelling and the provider's URL in front of it
  document 1 statement 3 "NoTags" (Deny, line 22) does not match
    Condition "StringLike" "gitlab.example.com:sub"
      wanted "*:ref_type:tag:*"
      got    "project_path:g/p:ref_type:branch:ref:dev\n  forged"
`
	why := reasonsOfThree(t)
	if diff := cmp.Diff(want, why.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := why.Nearest(); got != &why.Statements[0] || got.Sid != "Main" {
		t.Errorf("Nearest = %v", got)
	}
	if again := reasonsOfThree(t); again.String() != why.String() {
		t.Error("the text differs from one time to the next")
	}
}

func TestReasonsTextOfOtherEffects(t *testing.T) {
	t.Parallel()
	allow := mustParse(t, policy.Identity, identity(`"Effect":"Allow","Action":"*","Resource":"*"`))
	r := &policy.Request{Action: "s3:GetObject", Resource: "*"}
	var why policy.Reasons
	policy.Decide(r, []*policy.Document{allow}, &why)
	if got, want := why.String(), "Allow: document 1 statement 1 allows it\n  document 1 statement 1 (Allow, line 1) matches\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if why.Nearest() != nil {
		t.Error("Nearest, though the only Allow matched")
	}
	policy.Decide(r, []*policy.Document{allow, nil}, &why)
	if got := why.String(); !strings.HasPrefix(got, "ExplicitDeny: document 2, which cannot be read, denies it\n") || len(why.Statements) != 2 {
		t.Errorf("got %q", got)
	}
	policy.Decide(r, nil, &why)
	if got := why.String(); got != "ImplicitDeny: no statement allows it\n" || why.Nearest() != nil {
		t.Errorf("got %q", got)
	}
}

func TestReasonsJSON(t *testing.T) {
	t.Parallel()
	why := reasonsOfThree(t)
	text, err := json.Marshal(why)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`{"effect":"ImplicitDeny","document":-1,"statement":-1,"statements":[{"document":0,"statement":0,"sid":"Main","effect":"Allow","line":4,"matched":false,"principal":{`,
		`"action":{"element":"Action","present":true,"matched":true,"wanted":["sts:AssumeRoleWithWebIdentity"],"got":"sts:AssumeRoleWithWebIdentity"}`,
		`"resource":{"present":false,"matched":true}`,
		`{"operator":"StringEquals","key":"gitlab.example.com:email","wanted":[""],"got":[],"present":false,"matched":false}`,
		`{"operator":"ForAnyValue:StringLike","key":"gitlab.example.com:amr","wanted":["mfa"],"got":[],"present":true,"multivalued":true,"matched":false}`,
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the JSON lacks %s\n%s", part, text)
		}
	}
	var back policy.Reasons
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(why, &back); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	d := mustParse(t, policy.Identity, `{"Version":"2012-10-17","Statement":[
		{"Sid":"TwoElements","Effect":"Allow","Action":"iam:*","Resource":"arn:aws:s3:::x"},
		{"Sid":"Deny","Effect":"Deny","Action":"iam:*","Resource":"*"},
		{"Sid":"OneElement","Effect":"Allow","Action":"iam:*","Resource":"*"},
		{"Sid":"OneCondition","Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"a:b":"x"}}},
		{"Sid":"OneConditionToo","Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"a:b":"y"}}},
		{"Sid":"TwoConditions","Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"a:b":"x","a:c":"y"}}}
	]}`)
	var why policy.Reasons
	policy.Decide(&policy.Request{Action: "s3:GetObject", Resource: "*"}, []*policy.Document{d}, &why)
	if got := why.Nearest(); got == nil || got.Sid != "OneCondition" {
		t.Errorf("Nearest = %v", got)
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		operator, key, wanted string
		got                   keyed
		want                  string // a part of it; empty for no hint
	}{
		{"StringEquals", "k:k", "a*", one("ab"), "StringEquals compares * and ? literally; use StringLike"},
		{"StringEquals", "k:k", "a?", one("ab"), "use StringLike"},
		{"StringEqualsIfExists", "k:k", "a*", one("ab"), "use StringLike"},
		{"ForAnyValue:StringEquals", "k:k", "a*", multi("b", "ab"), "use StringLike"},
		{"StringNotEquals", "k:k", "a*", one("ab"), "StringNotEquals compares * and ? literally; use StringNotLike"},
		{"StringEquals", "k:k", "a*", one("b"), ""},
		{"StringEquals", "k:k", "a*", one("a*"), ""},
		{"StringNotEquals", "k:k", "a*", one("b"), ""},
		{"StringLike", "k:k", "a*", one("b"), ""},
		{"StringEquals", "k:k", "Main", one("main"), "case of letters"},
		{"StringLike", "k:k", "Main*", one("main1"), "case of letters"},
		{"StringEquals", "k:k", "Main*", one("main1"), "case of letters"},
		{"StringNotEquals", "k:k", "main", one("main"), ""},
		{"StringEquals", "k:absent", "a", absent, "does not carry the key k:absent"},
		{"StringEquals", "https://k:k", "a", absent, "without https://; use k:k"},
		{"StringNotEquals", "k:absent", "a", absent, ""},
		{"ForAnyValue:StringEquals", "k:absent", "a", absent, "does not carry"},
		{"StringEquals", "k:k", "a", multi("a"), "ForAnyValue:StringEquals"},
		{"StringNotEqualsIfExists", "k:k", "a", multi("b"), "ForAllValues:StringNotEqualsIfExists"},
		{"Null", "k:k", "false", absent, ""},
		{"Bool", "k:k", "true", one("false"), ""},
		{"StringEquals", "k:k", "a", one("b"), ""},
		{"NumericLessThan", "k:k", "10", one("ten"), "the request's value is no number"},
		{"DateLessThan", "k:k", "2030-01-01", one("2030"), "is no date"},
		{"IpAddress", "k:k", "192.0.2.0/24", one("192.0.2.7/32"), "is no IP address"},
		{"NotIpAddress", "k:k", "192.0.2.0/24", one("x"), "is no IP address"},
		{"ArnLike", "k:k", "arn:aws:s3:::b", one("b"), "is no ARN"},
		{"NumericLessThan", "k:k", "10", one("11"), ""},
		{"NumericNotEquals", "k:k", "10", one("ten"), ""},
		{"StringEquals", "k:k", "${k:absent}", one("b"), "no single value for ${k:absent}"},
		{"StringNotEquals", "k:k", "${k:absent}", one("b"), "no single value for ${k:absent}"},
		{"StringEquals", "k:k", "${k:k}", one("b"), ""},
	} {
		keys := &policy.Context{}
		tc.got.set(keys)
		value, err := json.Marshal(tc.wanted)
		if err != nil {
			t.Fatal(err)
		}
		d := mustParse(t, policy.Identity, identity(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"`+tc.operator+`":{"`+tc.key+`":`+string(value)+`}}`))
		var why policy.Reasons
		policy.Decide(&policy.Request{Action: "s3:GetObject", Resource: "*", Context: keys}, []*policy.Document{d}, &why)
		hint := why.Statements[0].Conditions[0].Hint()
		if !strings.Contains(hint, tc.want) || tc.want == "" && hint != "" {
			t.Errorf("%s %s %q against %+v: hint %q, want %q", tc.operator, tc.key, tc.wanted, tc.got, hint, tc.want)
		}
	}
	if hint := (policy.ConditionReason{}).Hint(); hint != "" {
		t.Errorf("the zero reason has the hint %q", hint)
	}
}

// The reasons are the caller's own: changing them changes no document.
func TestReasonsShareNothing(t *testing.T) {
	t.Parallel()
	d := mustParse(t, policy.Identity, identity(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b","Condition":{"StringEquals":{"k:k":"a"}}`))
	r := &policy.Request{Action: "s3:GetObject", Resource: "*"}
	var first, second policy.Reasons
	policy.Decide(r, []*policy.Document{d}, &first)
	s := &first.Statements[0]
	s.Action.Wanted[0], s.Resource.Wanted[0], s.Conditions[0].Wanted[0] = "x", "x", "x"
	policy.Decide(r, []*policy.Document{d}, &second)
	s = &second.Statements[0]
	if s.Action.Wanted[0] != "s3:*" || s.Resource.Wanted[0] != "arn:aws:s3:::b" || s.Conditions[0].Wanted[0] != "a" {
		t.Errorf("the document was changed: %v", s)
	}
}

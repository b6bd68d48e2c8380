package trust_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
	"github.com/google/go-cmp/cmp"
)

// The end-to-end tests of the claims under https://aws.amazon.com/ are those of
// package sts; here is what they leave out.

const (
	tagsClaim  = "https://aws.amazon.com/tags"
	rolesClaim = "https://aws.amazon.com/roles"
)

func TestSessionTagsAreRead(t *testing.T) {
	t.Parallel()
	tok := newToken(t, minted(t, "https://gitlab.example.com", claims{
		tagsClaim:                                claims{"principal_tags": claims{"b": []string{"2"}, "A": []string{""}}, "transitive_tag_keys": []string{"B", "b"}},
		tagsClaim + "/principal_tags/Größe /x":   "é=+@",
		tagsClaim + "/transitive_tag_keys":       []string{"a"},
		"https://aws.amazon.com/source_identity": "alice@example.com",
	}), false)
	want := &trust.Token{
		Tags: []trust.Tag{{Key: "A"}, {Key: "Größe /x", Value: "é=+@"}, {Key: "b", Value: "2"}}, TransitiveTagKeys: []string{"B", "a"}, SourceIdentity: "alice@example.com",
	}
	if diff := cmp.Diff([]any{want.Tags, want.TransitiveTagKeys, want.SourceIdentity}, []any{tok.Tags, tok.TransitiveTagKeys, tok.SourceIdentity}); diff != "" {
		t.Error(diff)
	}
	for i, transitive := range []bool{true, false, true} {
		if tok.IsTransitive(tok.Tags[i]) != transitive {
			t.Errorf("%+v is transitive: %v", tok.Tags[i], !transitive)
		}
	}
	var ctx policy.Context
	trust.ConditionKeys(trust.Action, tok, session(), &ctx)
	for key, want := range map[string][]string{
		"aws:TagKeys": {"A", "Größe /x", "b"}, "sts:TransitiveTagKeys": {"B", "a"}, "sts:SourceIdentity": {"alice@example.com"},
		"aws:RequestTag/A": {""}, "aws:RequestTag/b": {"2"}, "aws:RequestTag/Größe /x": {"é=+@"},
	} {
		values, multi, present := ctx.Get(key)
		if !present || !cmp.Equal(values, want) || multi != (key == "aws:TagKeys" || key == "sts:TransitiveTagKeys") {
			t.Errorf("%s is %q, multivalued %v, present %v", key, values, multi, present)
		}
	}
}

// Without tags and source identity their keys are absent, not empty.
func TestSessionKeysAreAbsent(t *testing.T) {
	t.Parallel()
	for _, more := range []claims{{}, {tagsClaim: claims{}}, {tagsClaim: claims{"principal_tags": claims{}, "transitive_tag_keys": []string{}}}} {
		var ctx policy.Context
		trust.ConditionKeys(trust.Action, newToken(t, minted(t, "https://gitlab.example.com", more), false), session(), &ctx)
		for _, key := range []string{"aws:TagKeys", "sts:TransitiveTagKeys", "sts:SourceIdentity", "aws:PrincipalArn"} {
			if _, _, present := ctx.Get(key); present {
				t.Errorf("%v: %s is present", more, key)
			}
		}
	}
}

// The last of repeated members counts, in tags as in claims (recorded on AWS,
// 2026-09).
func TestRepeatedTags(t *testing.T) {
	t.Parallel()
	c := verified(t, []byte(`{"iss":"https://gitlab.example.com","sub":"s","aud":"a","iat":1,"exp":2,
		"https://aws.amazon.com/tags":{"principal_tags":{"team":"first"}},
		"https://aws.amazon.com/tags":{"principal_tags":{"team":"second","team":["third"]}}}`))
	if diff := cmp.Diff([]trust.Tag{{Key: "team", Value: "third"}}, newToken(t, c, false).Tags); diff != "" {
		t.Error(diff)
	}
}

// Decide asks the claim roles itself: a caller who forgot AuthorizeRole opens
// nothing.
func TestDecideAsksTheRolesClaim(t *testing.T) {
	t.Parallel()
	open := role(t, federated, `{}`)
	for listed, want := range map[string]policy.Effect{
		roleARN:                                 policy.Allow,
		"arn:aws:iam::123456789012:role/DEPLOY": policy.Allow, // one role, whatever the case
		"arn:aws:iam::123456789012:role/ci/deploy": policy.ExplicitDeny,
		"arn:aws:iam::210987654321:role/deploy":    policy.ExplicitDeny,
	} {
		tok := newToken(t, minted(t, "https://gitlab.example.com", claims{rolesClaim: []string{listed}}), false)
		if got, _ := decide(t, open, tok); got.Effect != want {
			t.Errorf("%s: %v", listed, got.Effect)
		}
		var e *trust.Error
		if err := tok.AuthorizeRole(roleARN); (err == nil) != (listed == roleARN) || err != nil && (!errors.As(err, &e) || e.Kind != trust.RoleNotListed) {
			t.Errorf("%s: AuthorizeRole: %v", listed, err)
		}
	}
	if got := trust.Decide(open, &trust.Token{Provider: provider, HasRoles: true}, session(), nil, nil); got.Effect != policy.ExplicitDeny {
		t.Errorf("a claim without roles: %+v", got)
	}
}

// The answer says which action it is about, and the reasons are of that action.
func TestDecisionNamesTheAction(t *testing.T) {
	t.Parallel()
	tok := token(mainBranch)
	tok.Tags, tok.SourceIdentity = []trust.Tag{{Key: "team", Value: "data"}}, "alice"
	for actions, want := range map[string]trust.Decision{
		`["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]`: {Action: trust.Action},
		`["sts:TagSession","sts:SetSourceIdentity"]`:                                 {Action: trust.Action},
		`["sts:AssumeRoleWithWebIdentity","sts:SetSourceIdentity"]`:                  {Action: trust.ActionTagSession},
		`["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`:                         {Action: trust.ActionSetSourceIdentity},
		`"sts:AssumeRoleWithWebIdentity"`:                                            {Action: trust.ActionTagSession},
	} {
		d := parse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":`+federated+`,"Action":`+actions+`}]}`)
		why := &policy.Reasons{}
		got := trust.Decide(d, tok, session(), nil, why)
		if got.Action != want.Action || why.Statements[0].Action.Got != want.Action || got != trust.Decide(d, tok, session(), nil, nil) {
			t.Errorf("%s: %+v, reasons of %s", actions, got, why.Statements[0].Action.Got)
		}
	}
	// A Deny on one of the actions denies the exchange.
	d := parse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":`+federated+`,"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]},
		{"Effect":"Deny","Principal":"*","Action":"sts:TagSession","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"team"}}}]}`)
	if got := trust.Decide(d, tok, session(), nil, nil); got.Effect != policy.ExplicitDeny || got.Action != trust.ActionTagSession || got.Statement != 1 {
		t.Errorf("decision is %+v", got)
	}
	if (trust.Decision{}).Allowed() {
		t.Error("the zero Decision allows")
	}
}

// The request's own keys are seen, and cannot stand in for the token's.
func TestRequestKeys(t *testing.T) {
	t.Parallel()
	s := session()
	s.RequestKeys = func(keys *policy.Context) {
		keys.Set("aws:SourceIp", "192.0.2.1")
		keys.Set(url+":sub", "forged")
		keys.Set("sts:RoleSessionName", "forged")
	}
	for condition, admitted := range map[string]bool{
		`{"StringEquals":{"aws:SourceIp":"192.0.2.1"}}`:                                                   true,
		`{"StringEquals":{"aws:SourceIp":"192.0.2.2"}}`:                                                   false,
		`{"StringEquals":{"gitlab.example.com:sub":"` + mainBranch + `","sts:RoleSessionName":"job-17"}}`: true,
	} {
		if got := trust.Decide(role(t, federated, condition), token(mainBranch), s, nil, nil); got.Allowed() != admitted {
			t.Errorf("%s: %+v", condition, got)
		}
	}
}

// Errors tell no values, and every kind has a word for the client or none on
// purpose.
func TestErrors(t *testing.T) {
	t.Parallel()
	const secret = "a-value-that-is-nobody's-business|"
	for name, value := range map[string]any{
		rolesClaim: secret, tagsClaim: claims{"principal_tags": claims{"k": []string{secret}}}, tagsClaim + "/principal_tags/k": secret,
		"https://aws.amazon.com/source_identity": secret, "https://aws.amazon.com/other": secret,
	} {
		_, err := trust.NewToken(trust.Provider{ARN: provider, URL: url}, minted(t, "https://gitlab.example.com", claims{name: value}))
		var e *trust.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(e.Error()+e.Message(), secret) || e.Claim == "" || !strings.HasPrefix(e.Error(), "trust: ") {
			t.Errorf("%s: %v, %s", name, e, e.Message())
		}
		if (e.Message() == "") != (e.Kind == trust.UnknownClaim) {
			t.Errorf("%s: message %q", name, e.Message())
		}
	}
}

package policy_test

import (
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"github.com/google/go-cmp/cmp"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	const provider = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
	d, err := policy.Parse(policy.Trust, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Federated":["`+provider+`","accounts.google.com"],"AWS":"123456789012"},
		 "Action":["sts:TagSession","sts:AssumeRoleWith*"],
		 "Condition":{"ForAnyValue:StringLikeIfExists":{"gitlab.example.com:sub":["a*","b"]},"Bool":{"sts:RoleAuthorizedByIdp":true}}},
		{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		Denies, Web, Tag bool
		Federated        []string
		Conditions       []policy.ConditionView
	}
	var got []seen
	for _, s := range d.Statements() {
		got = append(got, seen{s.Denies(), s.Covers("sts:AssumeRoleWithWebIdentity"), s.Covers("sts:TagSession"), s.Federated(), s.Conditions()})
	}
	want := []seen{
		{false, true, true, []string{provider, "accounts.google.com"}, []policy.ConditionView{
			{Operator: "ForAnyValue:StringLikeIfExists", Key: "gitlab.example.com:sub", Values: []string{"a*", "b"}},
			{Operator: "Bool", Key: "sts:RoleAuthorizedByIdp", Values: []string{"true"}},
		}},
		{true, false, false, nil, []policy.ConditionView{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var none *policy.Document
	if len(none.Statements()) != 0 || len((&policy.Document{}).Statements()) != 0 {
		t.Error("a document that was not read has statements")
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"S3:existingobjecttag/team":"a"}}}}`:               true,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"s3:RequestObjectTag/team":"a"}}}}`:                false,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${s3:ExistingObjectTag/team}/*"}}`:                                  true,
		`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:username":"x${s3:ExistingObjectTag/team}"}}}}`: true,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/s3:ExistingObjectTag/*"}}`:                                          false,
	} {
		d, err := policy.Parse(policy.Identity, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Reads("s3:ExistingObjectTag/"); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if (*policy.Document)(nil).Reads("s3:") {
		t.Error("a document that was not read reads a key")
	}
}

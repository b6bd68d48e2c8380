package auth_test

import (
	"testing"
	"time"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
)

// TestAnonymous: who did not sign may do what the resource's policy grants
// everyone.
func TestAnonymous(t *testing.T) {
	t.Parallel()
	public := resourcePolicy(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::site/*"},
		{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::site","Condition":{"StringEquals":{"aws:PrincipalType":"Anonymous","aws:userid":"anonymous"}}},
		{"Effect":"Allow","Principal":{"AWS":"210987654321"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::site/*"},
		{"Effect":"Allow","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::site/*","Condition":{"Null":{"aws:PrincipalArn":"false"}}}
	]}`)
	for _, tt := range []struct {
		action, resource string
		policy           *directory.Attached
		want             policy.Effect
	}{
		{"s3:GetObject", "arn:aws:s3:::site/index.html", public, policy.Allow},
		{"s3:ListBucket", "arn:aws:s3:::site", public, policy.Allow},
		{"s3:PutObject", "arn:aws:s3:::site/index.html", public, policy.ImplicitDeny},
		{"s3:DeleteObject", "arn:aws:s3:::site/index.html", public, policy.ImplicitDeny},
		{"s3:GetObject", "arn:aws:s3:::other/index.html", public, policy.ImplicitDeny},
		{"s3:GetObject", "arn:aws:s3:::site/index.html", nil, policy.ImplicitDeny},
		{"s3:GetObject", "arn:aws:s3:::site/index.html", &directory.Attached{Source: "unreadable"}, policy.ExplicitDeny},
	} {
		q := &auth.Question{Action: tt.action, Resource: tt.resource, Owner: "123456789012", Policy: tt.policy}
		why := &policy.Reasons{}
		caller := auth.Anonymous()
		got := caller.Decide(&auth.Request{Now: time.Unix(0, 0)}, q, why)
		if got.Effect != tt.want || why.Effect != tt.want {
			t.Errorf("%s on %s: %v (reasons %v), want %v", tt.action, tt.resource, got.Effect, why.Effect, tt.want)
		}
		if got.Effect != policy.ImplicitDeny && got.Source != tt.policy.Source {
			t.Errorf("%s on %s: decided by %q", tt.action, tt.resource, got.Source)
		}
	}
	if zero := (&auth.Caller{}); zero.IsAnonymous() || zero.Decide(&auth.Request{}, &auth.Question{Action: "s3:GetObject", Resource: "arn:aws:s3:::site/a", Owner: "123456789012", Policy: public}, nil).Allowed() {
		t.Error("the zero Caller may read what is public, or passes for anonymous")
	}
}

func resourcePolicy(t *testing.T, text string) *directory.Attached {
	t.Helper()
	document, err := policy.Parse(policy.Resource, text)
	if err != nil {
		t.Fatal(err)
	}
	return &directory.Attached{Source: "bucket policy", Document: document}
}

package explain_test

import (
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/policy"
)

const readBuild = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::build/a"}`

// statements makes a policy of statements.
func statements(all ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(all, ",") + `]}`
}

// permission asks for s3:GetObject on a key, of a principal with inline policies, one
// managed policy, and a boundary; "" is none.
func permission(t testing.TB, key string, inline []string, managed, boundary string) *explain.PermissionQuestion {
	t.Helper()
	q := &explain.PermissionQuestion{
		Request: &policy.Request{
			Action: "s3:GetObject", Resource: "arn:aws:s3:::build/" + key,
			Principal: policy.Principal{ARN: "arn:aws:iam::111122223333:user/u", Account: "111122223333"}, Context: &policy.Context{},
		},
		Policies: &policy.Policies{ResourceAccount: "111122223333"},
	}
	q.Request.Context.Set("aws:RequestedRegion", "eu-west-1")
	q.Request.Context.Set("aws:SourceIp", "203.0.113.7")
	add := func(list *[]*policy.Document, name, text string) {
		d, err := policy.Parse(policy.Identity, text)
		if err != nil {
			t.Fatal(err)
		}
		*list, q.Names = append(*list, d), append(q.Names, name)
	}
	for i, text := range inline {
		name := string(rune('a' + i))
		add(&q.Policies.Identity, "inline policy "+name, text)
		q.Inline = append(q.Inline, explain.InlinePolicy{Name: name, Text: text})
	}
	if managed != "" {
		add(&q.Policies.Identity, "arn:aws:iam::111122223333:policy/m", managed)
	}
	if boundary != "" {
		add(&q.Policies.Boundary, "the boundary", boundary)
	}
	return q
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	inRegion := `{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}`
	fromAddress := `{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`
	for name, tt := range map[string]struct {
		key               string
		inline            []string
		managed, boundary string

		name, policy  string // of the fix; "" for none
		note, warning string // a part of it
		allowed       bool
	}{
		"nothing yet": {key: "b", name: "allow-s3-GetObject", policy: `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::build/b"}]}`},
		"allowed":     {key: "a", inline: []string{statements(readBuild)}, allowed: true},
		"another resource": {
			key: "b", inline: []string{statements(readBuild)}, name: "a",
			policy: statements(`{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::build/a", "arn:aws:s3:::build/b"]}`),
		},
		"another action": {
			key: "a", inline: []string{statements(`{"Effect":"Allow","Action":["s3:PutObject"],"Resource":"arn:aws:s3:::build/a"}`)}, name: "a",
			policy: statements(`{"Effect":"Allow","Action":["s3:PutObject", "s3:GetObject"],"Resource":"arn:aws:s3:::build/a"}`),
		},
		"a statement of more": { // to append to it would allow more
			key: "b", inline: []string{statements(`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::build/a"}`)}, name: "a",
			policy: statements(`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::build/a"}, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::build/b"}`),
		},
		"a statement alone": {
			key: "b", inline: []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Put*","Resource":"arn:aws:s3:::build/a"}}`}, name: "a",
			policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Put*","Resource":"arn:aws:s3:::build/a"}, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::build/b"}]}`,
		},
		"the second policy is nearer": {
			key: "b", inline: []string{statements(`{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:*:*:q"}`), statements(readBuild)}, name: "b",
			policy: statements(`{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::build/a", "arn:aws:s3:::build/b"]}`),
		},
		"characters of patterns": {
			key: "*?$x", inline: []string{statements(readBuild)}, name: "a",
			policy: statements(`{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::build/a", "arn:aws:s3:::build/${*}${?}${$}x"]}`),
		},
		"a condition": {
			key: "b", inline: []string{statements(inRegion)}, name: "a", warning: "widened for all",
			policy: statements(strings.Replace(inRegion, `"us-east-1"`, `["us-east-1", "eu-west-1"]`, 1)),
		},
		"a condition that takes no value": {key: "b", inline: []string{statements(readBuild, fromAddress)}, note: "inline policy a allows it under a condition"},
		"a condition of a managed policy": {key: "b", inline: []string{statements(readBuild)}, managed: statements(inRegion), note: "policy/m allows it under a condition"},
		"a managed policy is not changed": {
			key: "b", managed: statements(readBuild), name: "allow-s3-GetObject",
			policy: `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::build/b"}]}`,
		},
		"a deny":         {key: "b", inline: []string{statements(readBuild)}, managed: statements(`{"Effect":"Deny","Action":"s3:*","Resource":"*"}`), note: "policy/m denies it explicitly"},
		"a boundary":     {key: "a", inline: []string{statements(readBuild)}, boundary: statements(`{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`), note: "permissions boundary does not allow it"},
		"a boundary too": {key: "b", inline: []string{statements(readBuild)}, boundary: statements(`{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`), note: "permissions boundary does not allow it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := permission(t, tt.key, tt.inline, tt.managed, tt.boundary)
			r := explain.Refusal(q)
			if r.Allowed != tt.allowed || !strings.Contains(strings.Join(r.Notes, "\n"), tt.note) || tt.note == "" && len(r.Notes) > 0 && tt.name != "" {
				t.Errorf("allowed %t, notes %q", r.Allowed, r.Notes)
			}
			if tt.name == "" {
				if r.Fix != nil {
					t.Errorf("the fix is %+v", r.Fix)
				}
				return
			}
			if r.Fix == nil || r.Fix.PolicyName != tt.name || r.Fix.Policy != tt.policy || len(r.Fix.Steps) != 1 || !strings.Contains(r.Fix.Warning, tt.warning) || tt.warning == "" && r.Fix.Warning != "" {
				t.Fatalf("the fix is %+v", r.Fix)
			}
		})
	}
}

// TestPermissionFixAllowsNoMore: under a fix that has no warning, what is near to the
// request is decided as it was.
func TestPermissionFixAllowsNoMore(t *testing.T) {
	t.Parallel()
	for _, inline := range [][]string{
		nil,
		{statements(readBuild)},
		{statements(`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::build/a"}`)},
		{statements(`{"Effect":"Allow","NotAction":"s3:GetObject","NotResource":"arn:aws:s3:::build/b"}`)},
	} {
		for _, key := range []string{"b", "b*", "b?", "b$", "${aws:SourceIp}", `b"`, "b\\"} {
			q := permission(t, key, inline, "", "")
			fix := explain.Refusal(q).Fix
			if fix == nil || fix.Warning != "" {
				t.Errorf("%s: the fix is %+v", key, fix)
				continue
			}
			near := func() map[string]bool {
				decided := map[string]bool{}
				for _, action := range []string{"s3:GetObject", "s3:PutObject", "s3:GetObjectAcl"} {
					for _, resource := range []string{"build/a", "build/b", "build/bx", "build/bxx", "build/", "build/203.0.113.7", "other/" + key} {
						if resource == "build/"+key {
							continue
						}
						r := *q.Request
						r.Action, r.Resource = action, "arn:aws:s3:::"+resource
						decided[action+" "+resource] = policy.Evaluate(&r, q.Policies, nil).Allowed()
					}
				}
				return decided
			}
			before := near()
			document, err := policy.Parse(policy.Identity, fix.Policy)
			if err != nil {
				t.Fatal(err)
			}
			q.Policies.Identity = []*policy.Document{document}
			for asked, allowed := range near() {
				if allowed != before[asked] {
					t.Errorf("%s: %s is allowed: %t, under %s", key, asked, allowed, fix.Policy)
				}
			}
		}
	}
}

package suite_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/suite"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// files are the policies of the tests.
var files = map[string]string{
	"trust.json": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"},
		"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{"StringLike":{"gitlab.example.com:sub":"project_path:acme/*"}}}]}`,
	"all.json":      `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
	"tagged.json":   `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::${aws:PrincipalTag/team}/*"}}`,
	"subject.json":  `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"gitlab.example.com:sub":"project_path:acme/app:ref_type:branch:ref:main"}}}}`,
	"boundary.json": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`,
	"bucket.json":   `{"Version":"2012-10-17","Statement":{"Sid":"Closed","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"],"Condition":{"StringNotEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/ci/deploy"}}}}`,
	"far.json":      `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::210987654321:oidc-provider/gitlab.example.com"},"Action":"sts:AssumeRoleWithWebIdentity"}}`,
	"get-role.json": `{"Role":{"RoleName":"deploy","AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"},"Action":"sts:AssumeRoleWithWebIdentity"}}}}`,
}

func open(name string) ([]byte, error) {
	text, ok := files[name]
	if !ok {
		return nil, errors.New(name + ": no such file")
	}
	return []byte(text), nil
}

func run(t *testing.T, text string, o suite.Options) *suite.Result {
	t.Helper()
	s, err := suite.Read("x.policytest.yaml", []byte(text), open)
	if err != nil {
		t.Fatal(err)
	}
	o.Now = now
	result, err := s.Run(o)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestEverythingCounts has what a session brings decide: tags of role and token,
// keys of the provider, the boundary, the resource's own policy, the path of the
// role.
func TestEverythingCounts(t *testing.T) {
	t.Parallel()
	result := run(t, `
issuer: https://gitlab.example.com
roles:
  tagged: {trust: trust.json, permissions: [tagged.json], tags: {team: own}}
  subject: {trust: trust.json, permissions: [subject.json]}
  bounded: {trust: get-role.json, permissions: [all.json], boundary: boundary.json}
  deploy: {trust: trust.json, permissions: [all.json], path: /ci/}
tests:
  - {name: the role's tag, role: tagged, do: s3:GetObject, on: "arn:aws:s3:::own/key", expect: allow}
  - name: the token's tag in its place
    role: tagged
    token:
      sub: project_path:acme/app:ref_type:branch:ref:main
      https://aws.amazon.com/tags: {principal_tags: {team: [blue]}}
    do: s3:GetObject
    on: arn:aws:s3:::blue/key
    expect: allow
  - {name: no other, role: tagged, do: s3:GetObject, on: "arn:aws:s3:::blue/key", expect: deny, because: Resource}
  - {name: sub goes with the session, role: subject, token: {project_path: acme/app, ref: main}, do: s3:GetObject, expect: allow}
  - {name: another sub, role: subject, token: {project_path: acme/app, ref: topic}, do: s3:GetObject, expect: deny, because: "gitlab.example.com:sub"}
  - {name: within the boundary, role: bounded, do: s3:GetObject, expect: allow}
  - {name: beyond it, role: bounded, do: iam:CreateRole, expect: deny, because: Action}
  - {name: the bucket admits this role, role: deploy, do: s3:GetObject, on: "arn:aws:s3:::b/key", policy: bucket.json, expect: allow}
  - {name: and no other, role: bounded, do: s3:GetObject, on: "arn:aws:s3:::b/key", policy: bucket.json, expect: deny, because: Closed}
  - {name: another account's bucket, role: deploy, do: s3:GetObject, on: "arn:aws:s3:::c/key", owner: "999999999999", expect: deny}
`, suite.Options{})
	for _, o := range result.Outcomes {
		if !o.Passed {
			t.Errorf("%s: wanted %s, got %s: %s", o.Name, o.Wanted, o.Got, strings.Join(o.Why, "\n"))
		}
	}
	uncovered, all := result.Uncovered()
	if all != 9 || len(uncovered) != 2 || uncovered[0].String() != "get-role.json:1: statement 1 of role bounded" {
		t.Errorf("of %d statements these are not covered: %v", all, uncovered)
	}
}

// TestTokenFirst: what a session may do is asked only if the token begins one.
func TestTokenFirst(t *testing.T) {
	t.Parallel()
	result := run(t, `
issuer: https://gitlab.example.com
roles: {deploy: {trust: trust.json, permissions: [all.json]}}
tests:
  - {name: a, token: {project_path: mallory/app, ref: main}, do: s3:GetObject, expect: deny}
`, suite.Options{})
	if o := result.Outcomes[0]; o.Passed || !strings.Contains(strings.Join(o.Why, "\n"), "has to be admitted first") {
		t.Errorf("the outcome is %+v", o)
	}
}

// TestLike makes tokens of a kind.
func TestLike(t *testing.T) {
	t.Parallel()
	text := `
issuer: https://gitlab.example.com
roles: {deploy: {trust: trust.json}}
tests:
  - {name: a, token: {like: forge, project: acme/app}, expect: allow}
`
	result := run(t, text, suite.Options{Like: func(kind string, settings map[string]any) (map[string]any, error) {
		if kind != "forge" || fmt.Sprint(settings) != "map[iss:https://gitlab.example.com project:acme/app]" {
			t.Errorf("asked for %s of %v", kind, settings)
		}
		return map[string]any{"sub": "project_path:acme/app:x"}, nil
	}})
	if result.Failed() != 0 {
		t.Errorf("the outcome is %+v", result.Outcomes)
	}
	s, err := suite.Read("x.policytest.yaml", []byte(text), open)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(suite.Options{Now: now}); err == nil || !strings.Contains(err.Error(), "line 5: like: forge") {
		t.Errorf("without kinds the error is %v", err)
	}
}

// TestRefused has what a suite may not say.
func TestRefused(t *testing.T) {
	t.Parallel()
	const head = "issuer: https://gitlab.example.com\nroles: {deploy: {trust: trust.json, permissions: [all.json]}, other: {trust: trust.json}}\ntests:\n"
	for text, want := range map[string]string{
		"": "there are no tests in it",
		"roles: {a: {trust: trust.json}, b: {trust: far.json}}\ntests: [{name: a, role: a, token: {sub: x}, expect: allow}]": "which account are the roles of? Their trust policies name 123456789012, 210987654321",
		"a: b": "line 1: there is no key a here",
		head + "- {name: a, token: {sub: x}, expect: allow}":                                           "line 4: which role?",
		head + "- {name: a, role: deploy, expect: allow}":                                              "line 4: there is nothing to test",
		head + "- {role: deploy, token: {sub: x}, expect: allow}":                                      "line 4: the test has no name",
		head + "- {name: a, role: deploy, token: {sub: x}, on: y, expect: allow}":                      "line 4: on, policy and owner go with do",
		head + "- {name: a, role: deploy, do: s3, expect: allow}":                                      `"s3" is no action`,
		head + "- {name: a, role: deploy, do: {a: b}, expect: allow}":                                  "this must be a text, or a list of texts",
		head + "- {name: a, role: deploy, token: {sub: x}, expect: allow, because: b}":                 "because goes with expect: deny",
		"account: 123\n" + head + "- {name: a, role: deploy, token: {sub: x}, expect: allow}":          "account 123 has not 12 digits",
		"roles: {a: {trust: all.json}}\ntests: [{name: a, token: {sub: x}, expect: allow}]":            "all.json: ",
		"roles: {a: {permissions: [all.json]}}\ntests: [{name: a, token: {sub: x}, expect: allow}]":    "has no trust policy to put a token to",
		"roles: {a: {}}\ntests: [{name: a, token: {sub: x}, expect: allow}]":                           "neither trust nor permissions",
		"roles: {a: {trust: trust.json, path: x}}\ntests: [{name: a, token: {sub: x}, expect: allow}]": "begins and ends with a slash",
	} {
		if _, err := suite.Read("x", []byte(text), open); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %q", text, err, want)
		}
	}
}

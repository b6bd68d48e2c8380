package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	roleARN  = "arn:aws:iam::123456789012:role/ci/deploy"
	provider = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
	mainSub  = "project_path:a/b:ref_type:branch:ref:main"
)

// trustPolicy is one statement that allows action to federated under a
// condition.
func trustPolicy(federated, action, condition string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":%q},"Action":%q,"Condition":{%s}}]}`, federated, action, condition)
}

func roleConfig(policy string) RoleConfig {
	return RoleConfig{
		ARN: roleARN, Made: roleARN, TrustPolicy: policy,
		Providers: []RoleProvider{{URL: "gitlab.example.com", ClientIDs: []string{clientID}}, {URL: "gitlab.com/x", ClientIDs: []string{"x"}}, {URL: "empty.example"}},
	}
}

// TestRoles: the causes of "Not authorized to perform
// sts:AssumeRoleWithWebIdentity", the third of the errors of the tutorial's
// troubleshooting, as far as a role shows them.
func TestRoles(t *testing.T) {
	t.Parallel()
	const action = "sts:AssumeRoleWithWebIdentity"
	const good = `"StringEquals":{"gitlab.example.com:sub":"` + mainSub + `","gitlab.example.com:aud":"` + clientID + `"}`
	aud := func(condition string) string {
		return condition + `,"StringEqualsIgnoreCase":{"gitlab.example.com:aud":"` + clientID + `"}`
	}
	for name, c := range map[string]struct {
		policy string
		codes  []string
	}{
		"good":                 {trustPolicy(provider, action, good), nil},
		"no JSON":              {"{", []string{"policy-unreadable"}},
		"no audience asked":    {trustPolicy(provider, action, `"StringEquals":{"gitlab.example.com:sub":"`+mainSub+`"}`), []string{"+audience-not-asked"}},
		"another action":       {trustPolicy(provider, "sts:AssumeRole", good), []string{"action-other"}},
		"a wildcard of equals": {trustPolicy(provider, action, aud(`"StringEquals":{"gitlab.example.com:sub":"project_path:a/b:*"}`)), []string{"operator-wildcard"}},
		"a wildcard of like":   {trustPolicy(provider, action, aud(`"StringLike":{"gitlab.example.com:sub":"project_path:a/b:*"}`)), nil},
		"a variable's *":       {trustPolicy(provider, action, aud(`"StringEquals":{"gitlab.example.com:sub":"${*}"}`)), nil},
		"merge requests":       {trustPolicy(provider, action, aud(`"StringLike":{"gitlab.example.com:sub":"project_path:a/b:ref_type:mr:*"}`)), []string{"sub-merge-request"}},
		"a claim that is none": {trustPolicy(provider, action, aud(`"StringEquals":{"gitlab.example.com:ref_protected":"true"}`)), []string{"key-not-aws"}},
		"that, if it exists":   {trustPolicy(provider, action, aud(`"StringEqualsIfExists":{"gitlab.example.com:ref_protected":"true"}`)), []string{"key-idle"}},
		"a key with a scheme":  {trustPolicy(provider, action, aud(`"StringEquals":{"https://gitlab.example.com:sub":"`+mainSub+`"}`)), []string{"key-scheme"}},
		"another's key":        {trustPolicy(provider, action, aud(`"StringEquals":{"gitlab.com:sub":"`+mainSub+`"}`)), []string{"key-other-provider"}},
		"for all values":       {trustPolicy(provider, action, aud(`"ForAllValues:StringLike":{"gitlab.example.com:sub":"project_path:a/*"}`)), []string{"operator-for-all"}},
		"for any value":        {trustPolicy(provider, action, aud(`"ForAnyValue:StringLike":{"gitlab.example.com:sub":"project_path:a/*"}`)), []string{"operator-for-any"}},
		"another audience":     {trustPolicy(provider, action, `"StringEquals":{"gitlab.example.com:aud":"x"}`), []string{"audience-not-registered"}},
		"gitlab.com, open":     {trustPolicy("arn:aws:iam::123456789012:oidc-provider/gitlab.com", action, `"StringEquals":{"gitlab.com:aud":"x"}`), []string{"policy-open", "provider-missing"}},
		"another account's":    {trustPolicy(strings.Replace(provider, "123456789012", "210987654321", 1), action, good), []string{"provider-other-account"}},
		"with a scheme":        {trustPolicy(strings.Replace(provider, "gitlab", "https://gitlab", 1), action, good), []string{"provider-arn-scheme"}},
		"not there":            {trustPolicy(provider+"/path", action, `"StringEquals":{"gitlab.example.com/path:sub":"`+mainSub+`","gitlab.example.com/path:aud":"x"}`), []string{"provider-missing"}},
		"no clients":           {trustPolicy("arn:aws:iam::123456789012:oidc-provider/empty.example", action, `"StringEquals":{"empty.example:sub":"x"}`), []string{"provider-no-clients"}},
		"users only":           {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`, []string{"provider-none"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Role(roleConfig(c.policy))
			want(t, r, c.codes...)
			for _, code := range c.codes {
				if strings.HasPrefix(code, "key-other") || strings.HasPrefix(code, "operator-w") || code == "action-other" {
					wantText(t, r, code, "Not authorized to perform sts:AssumeRoleWithWebIdentity")
				}
			}
		})
	}
}

func TestRoleARNs(t *testing.T) {
	t.Parallel()
	policy := trustPolicy(provider, "sts:AssumeRoleWithWebIdentity", `"StringEquals":{"gitlab.example.com:sub":"x","gitlab.example.com:aud":"`+clientID+`"}`)
	for asked, c := range map[string]struct {
		made  string
		codes []string
	}{
		"arn:aws:iam::123456789012:role/deploy":           {roleARN, []string{"role-arn-other"}},
		"arn:aws:sts::123456789012:assumed-role/deploy/x": {"", []string{"role-arn-session"}},
		"arn:aws:iam::123456789012:user/deploy":           {"", []string{"role-arn-form"}},
		"arn:aws:iam::12345678901:role/deploy":            {"", []string{"role-arn-form"}},
		"arn:amazon:iam::123456789012:role/deploy":        {"", []string{"role-arn-form"}},
		"deploy": {"", []string{"role-arn-form"}},
		"arn:aws:iam::123456789012:role/GitHubActions":      {"", []string{"role-name-reserved"}},
		"arn:aws-us-gov:iam::123456789012:role/deploy":      {"", []string{"provider-other-partition"}},
		"arn:aws:iam::123456789012:role/path/to/somewhere/": {"", []string{"role-arn-form"}},
	} {
		config := roleConfig(policy)
		config.ARN, config.Made = asked, c.made
		t.Run(asked, func(t *testing.T) {
			t.Parallel()
			want(t, Role(config), c.codes...)
		})
	}
	config := roleConfig(trustPolicy("https://gitlab.example.com", "sts:AssumeRoleWithWebIdentity", ""))
	r := Role(config)
	if !r.has("provider-arn-form") && !r.has("policy-unreadable") {
		t.Error("a URL under Federated is taken")
	}
	config = roleConfig(policy)
	config.Providers, config.NoProviders = nil, "not asked"
	want(t, Role(config), "+provider-not-compared")
}

// TestFederatedForm: names that the policy language takes, and no provider's.
func TestFederatedForm(t *testing.T) {
	t.Parallel()
	e := &roleExam{Report: newReport("", AWS), c: &RoleConfig{}}
	for _, name := range []string{"accounts.google.com", "arn:aws:iam::123456789012:saml-provider/x", provider} {
		e.examineFederated(name)
	}
	want(t, e.finish("R"))
	for _, name := range []string{"https://gitlab.example.com", "arn:aws:iam::123456789012:role/x", "arn:aws:s3:::oidc-provider/x"} {
		e = &roleExam{Report: newReport("", AWS), c: &RoleConfig{}}
		e.examineFederated(name)
		want(t, e.finish("R"), "provider-arn-form")
	}
}

// TestDecision: the verdict is the server's engine's, with what it wanted and
// what it got.
func TestDecision(t *testing.T) {
	t.Parallel()
	policy := func(sub string) string {
		return trustPolicy(provider, "sts:AssumeRoleWithWebIdentity", `"StringEquals":{"gitlab.example.com:sub":"`+sub+`","gitlab.example.com:aud":"`+clientID+`"}`)
	}
	with := func(policy, raw string) *Report {
		c := roleConfig(policy)
		c.Token = &TokenConfig{Raw: raw, Now: start}
		return Role(c)
	}
	r := with(policy(mainSub), sign(t, goodHeader, payload("")))
	want(t, r)
	contains(t, asJSON(t, r), "statement 1 admits")
	r = with(policy("project_path:a/b:ref_type:branch:ref:develop"), sign(t, goodHeader, payload("")))
	want(t, r, "role-denies")
	wantText(t, r, "role-denies", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	contains(t, seen(t, r, "role-denies"), `"gitlab.example.com:sub"`, `"project_path:a/b:ref_type:branch:ref:develop"`, `"`+mainSub+`"`)
	r = with(policy(mainSub), sign(t, goodHeader, payload(`,"https://aws.amazon.com/tags":{"principal_tags":{"a":["b"]}}`)))
	want(t, r, "role-denies")
	contains(t, seen(t, r, "role-denies"), "sts:TagSession")
	r = with(policy(mainSub), sign(t, goodHeader, strings.Replace(payload(""), clientID, "elsewhere", 1)))
	want(t, r, "aud-not-registered", "role-denies")
	want(t, with(policy(mainSub), "Bearer x"), "token-bearer")
	r = with(policy(mainSub), sign(t, goodHeader, strings.Replace(payload(""), "gitlab.example.com", "gitlab.example.org", 1)))
	want(t, r, "iss-other", "role-denies")
}

// TestRoleFromArchive: a dump of a real account, and an export.
func TestRoleFromArchive(t *testing.T) {
	t.Parallel()
	policy := trustPolicy(provider, "sts:AssumeRoleWithWebIdentity", `"StringEquals":{"gitlab.example.com:sub":"x"}`)
	dump := filepath.Join(t.TempDir(), "dump.json")
	write(t, dump, `{"UserDetailList":[],"GroupDetailList":[],"Policies":[],"RoleDetailList":[{"Path":"/ci/","RoleName":"deploy","RoleId":"AROAABCDEFGHIJKLMNOPQ","Arn":"`+roleARN+`","CreateDate":"2026-01-01T00:00:00+00:00","AssumeRolePolicyDocument":`+policy+`,"InstanceProfileList":[],"RolePolicyList":[],"AttachedManagedPolicies":[]}]}`)
	for asked, bad := range map[string]bool{"deploy": false, roleARN: false, "other": true, "arn:aws:iam::210987654321:role/deploy": true, "arn:aws:iam::123456789012:user/deploy": true} {
		c, err := RoleFromArchive(dump, asked)
		if (err != nil) != bad {
			t.Errorf("%s: error %v", asked, err)
		}
		if err == nil && (c.Made != roleARN || c.Providers != nil) {
			t.Errorf("%s: %+v", asked, c)
		}
	}
	c, err := RoleFromArchive(dump, "deploy")
	if err != nil {
		t.Fatal(err)
	}
	want(t, Role(c), "+provider-not-compared")
	if _, err := RoleFromArchive(dump+".gone", "deploy"); err == nil {
		t.Error("a file that is not there is read")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTables: what the manual is made of.
func TestTables(t *testing.T) {
	t.Parallel()
	if (&Report{}).Passed || newReport("x", "").finish("D", "T", "R").Passed {
		t.Error("a report of nothing has passed")
	}
	codes := map[string]bool{}
	for _, f := range faults {
		check, ok := checksByID[f.Check]
		if !ok || codes[f.Code] || f.What == "" || f.Why == "" || f.Fix == "" || rank(f.Level) < rank(Info) {
			t.Errorf("the row of %s is not whole, or there twice", f.Code)
		}
		if f.Link == "" && check.Link == "" {
			t.Errorf("%s has no link", f.Code)
		}
		codes[f.Code] = true
	}
}

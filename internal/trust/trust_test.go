package trust_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
	"github.com/google/go-cmp/cmp"
)

const (
	account  = "123456789012"
	provider = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
	url      = "gitlab.example.com"
	roleARN  = "arn:aws:iam::123456789012:role/deploy"

	mainBranch = "project_path:mygroup/myproject:ref_type:branch:ref:main"
	devBranch  = "project_path:mygroup/myproject:ref_type:branch:ref:dev"
	mainTag    = "project_path:mygroup/myproject:ref_type:tag:ref:main"
)

func parse(t testing.TB, text string) *policy.Document {
	t.Helper()
	d, err := policy.Parse(policy.Trust, text)
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	return d
}

// role is a trust policy of one statement.
func role(t testing.TB, principal, conditions string) *policy.Document {
	t.Helper()
	return parse(t, fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":%s,`+
		`"Action":"sts:AssumeRoleWithWebIdentity","Condition":%s}]}`, principal, conditions))
}

const federated = `{"Federated":"` + provider + `"}`

func token(subject string) *trust.Token {
	return &trust.Token{Provider: provider, ProviderURL: url, Subject: subject, Audience: "https://gitlab.example.com"}
}

func session() *trust.Session {
	return &trust.Session{RoleSessionName: "job-17", RoleARN: roleARN, Account: account}
}

// decide asks in every way there is; all must agree.
func decide(t testing.TB, d *policy.Document, tok *trust.Token) (policy.Decision, *policy.Reasons) {
	t.Helper()
	var scratch policy.Context
	scratch.Set(url+":sub", "left over") // of an earlier token
	scratch.SetMulti("aws:PrincipalArn", []string{"left over"})
	why := &policy.Reasons{}
	got := trust.Decide(d, tok, session(), nil, nil)
	for _, other := range []trust.Decision{
		trust.Decide(d, tok, session(), &scratch, nil),
		trust.Decide(d, tok, session(), nil, why),
		trust.Decide(d, tok, session(), &scratch, why),
	} {
		if other != got {
			t.Errorf("%+v and %+v for one question", got, other)
		}
	}
	if why.Decision != got.Decision {
		t.Errorf("reasons of %+v for %+v", why.Decision, got.Decision)
	}
	return got.Decision, why
}

// The trust policy that a published tutorial for gitlab.com tells people to
// paste, with names filled in: the condition is StringLike.
func TestTutorialStringLike(t *testing.T) {
	t.Parallel()
	d := parse(t, `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "",
      "Effect": "Allow",
      "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/gitlab.com"},
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringLike": {"gitlab.com:sub": "project_path:mygroup/myproject:ref_type:branch:ref:main"}
      }
    }
  ]
}`)
	for subject, want := range map[string]bool{mainBranch: true, devBranch: false, mainTag: false, mainBranch + "x": false, "": false} {
		tok := &trust.Token{Provider: "arn:aws:iam::123456789012:oidc-provider/gitlab.com", ProviderURL: "gitlab.com", Subject: subject, Audience: "https://gitlab.com"}
		if got, _ := decide(t, d, tok); got.Allowed() != want {
			t.Errorf("%s: %v", subject, got.Effect)
		}
	}
}

// The trust policy of GitLab's own page for an instance of one's own: the
// condition is StringEquals.
func TestTutorialStringEquals(t *testing.T) {
	t.Parallel()
	d := parse(t, `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"},
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {"gitlab.example.com:sub": "project_path:mygroup/myproject:ref_type:branch:ref:main"}
      }
    }
  ]
}`)
	if got, _ := decide(t, d, token(mainBranch)); got != (policy.Decision{Effect: policy.Allow}) {
		t.Errorf("main: %+v", got)
	}
	for name, tok := range map[string]*trust.Token{
		"another branch":        token(devBranch),
		"a tag":                 token(mainTag),
		"another project":       token("project_path:mygroup/other:ref_type:branch:ref:main"),
		"other case":            token(strings.ToUpper(mainBranch)),
		"another provider":      {Provider: "arn:aws:iam::123456789012:oidc-provider/evil.example.com", ProviderURL: "evil.example.com", Subject: mainBranch},
		"its keys, our url":     {Provider: "arn:aws:iam::123456789012:oidc-provider/evil.example.com", ProviderURL: url, Subject: mainBranch},
		"another account":       {Provider: "arn:aws:iam::999999999999:oidc-provider/gitlab.example.com", ProviderURL: url, Subject: mainBranch},
		"provider with a slash": {Provider: provider + "/", ProviderURL: url + "/", Subject: mainBranch},
		"no provider":           {ProviderURL: url, Subject: mainBranch},
		"nothing":               {},
	} {
		if got, _ := decide(t, d, tok); got.Allowed() {
			t.Errorf("%s: %v", name, got.Effect)
		}
	}
}

// The mistake made most: a wildcard under StringEquals.
func TestStringEqualsWithWildcard(t *testing.T) {
	t.Parallel()
	d := role(t, federated, `{"StringEquals":{"gitlab.example.com:sub":"project_path:mygroup/myproject:*"}}`)
	got, why := decide(t, d, token(mainBranch))
	if got.Allowed() {
		t.Fatal("admitted")
	}
	nearest := why.Nearest()
	if nearest == nil || len(nearest.Conditions) != 1 {
		t.Fatalf("Nearest = %v", nearest)
	}
	if hint := nearest.Conditions[0].Hint(); hint != "StringEquals compares * and ? literally; use StringLike" {
		t.Errorf("hint %q", hint)
	}
	if !strings.Contains(why.String(), mainBranch) {
		t.Errorf("the reasons do not say what the token carried:\n%v", why)
	}
}

// Published captures of AWS, 2026: an AWS principal does not admit a web identity.
func TestAWSPrincipals(t *testing.T) {
	t.Parallel()
	for _, principal := range []string{
		`"*"`, `{"AWS":"*"}`, `{"AWS":"123456789012"}`, `{"AWS":"arn:aws:iam::123456789012:root"}`, `{"Service":"ec2.amazonaws.com"}`,
		`{"Federated":"gitlab.example.com"}`,
	} {
		if got, _ := decide(t, role(t, principal, `{}`), token(mainBranch)); got.Allowed() {
			t.Errorf("%s admits a token", principal)
		}
	}
	both := role(t, `{"AWS":"*","Federated":"`+provider+`"}`, `{}`)
	if got, _ := decide(t, both, token(mainBranch)); !got.Allowed() {
		t.Errorf("a list with the provider: %v", got.Effect)
	}
}

func TestOtherActions(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]bool{
		"sts:AssumeRoleWithWebIdentity": true, "sts:assumerolewithwebidentity": true, "sts:AssumeRole*": true,
		"sts:AssumeRole": false, "sts:AssumeRoleWithSAML": false, "sts:TagSession": false,
	} {
		d := parse(t, `{"Statement":{"Effect":"Allow","Principal":`+federated+`,"Action":"`+action+`"}}`)
		if got, _ := decide(t, d, token(mainBranch)); got.Allowed() != want {
			t.Errorf("%s: %v", action, got.Effect)
		}
	}
}

func TestDenyInTrust(t *testing.T) {
	t.Parallel()
	const allow = `{"Effect":"Allow","Principal":` + federated + `,"Action":"sts:Assume*"}`
	for deny, want := range map[string]policy.Effect{
		`"Principal":` + federated: policy.ExplicitDeny,
		`"Principal":"*"`:          policy.ExplicitDeny,
		`"Principal":{"AWS":"*"}`:  policy.ExplicitDeny,
		`"Principal":"*","Condition":{"StringNotLike":{"gitlab.example.com:sub":"project_path:mygroup/*"}}`:                         policy.Allow,
		`"Principal":"*","Condition":{"StringNotLike":{"gitlab.example.com:sub":"project_path:other/*"}}`:                           policy.ExplicitDeny,
		`"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/other.example.com"}`:                                     policy.Allow,
		`"Principal":` + federated + `,"Condition":{"StringNotEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/admin"}}`: policy.ExplicitDeny,
	} {
		d := parse(t, `{"Version":"2012-10-17","Statement":[`+allow+`,{"Effect":"Deny","Action":"sts:Assume*",`+deny+`}]}`)
		if got, _ := decide(t, d, token(mainBranch)); got.Effect != want {
			t.Errorf("Deny %s: %v, want %v", deny, got.Effect, want)
		}
	}
}

// What cannot be read, or is no trust policy, denies explicitly.
func TestNeverOpen(t *testing.T) {
	t.Parallel()
	open := role(t, federated, `{}`)
	identity, err := policy.Parse(policy.Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]trust.Decision{
		"unread trust policy":   trust.Decide(nil, token(mainBranch), session(), nil, nil),
		"zero trust policy":     trust.Decide(&policy.Document{}, token(mainBranch), session(), nil, nil),
		"identity-based policy": trust.Decide(identity, token(mainBranch), session(), nil, nil),
		"no token":              trust.Decide(open, nil, session(), nil, nil),
		"no session":            trust.Decide(open, token(mainBranch), nil, nil, nil),
	} {
		if got.Effect != policy.ExplicitDeny {
			t.Errorf("%s: %v", name, got.Effect)
		}
	}
	if got, _ := decide(t, open, token(mainBranch)); !got.Allowed() {
		t.Errorf("the open role: %v", got.Effect)
	}
}

func TestConditionKeys(t *testing.T) {
	t.Parallel()
	type key struct {
		Values []string
		Multi  bool
	}
	keysOf := func(tok *trust.Token) map[string]key {
		ctx := &policy.Context{}
		trust.ConditionKeys(trust.Action, tok, session(), ctx)
		keys := map[string]key{}
		for _, name := range ctx.Keys() {
			values, multi, _ := ctx.Get(name)
			keys[name] = key{append([]string{}, values...), multi}
		}
		return keys
	}
	base := map[string]key{
		"gitlab.example.com:aud":  {[]string{"https://gitlab.example.com"}, false},
		"gitlab.example.com:sub":  {[]string{mainBranch}, false},
		"sts:RoleSessionName":     {[]string{"job-17"}, false},
		"sts:RoleAuthorizedByIdp": {[]string{"false"}, false},
		"aws:PrincipalAccount":    {[]string{account}, false},
		"aws:PrincipalType":       {[]string{"User"}, false},
		"aws:userid":              {[]string{provider}, false},
	}
	with := func(more map[string]key) map[string]key {
		all := map[string]key{}
		for name, k := range base {
			all[name] = k
		}
		for name, k := range more {
			all[name] = k
		}
		return all
	}
	for name, tc := range map[string]struct {
		change func(*trust.Token)
		want   map[string]key
	}{
		"the least": {func(*trust.Token) {}, base},
		"azp and one aud": {
			func(tok *trust.Token) { tok.Audience, tok.OAud = "client", []string{"https://gitlab.example.com"} },
			with(map[string]key{"gitlab.example.com:aud": {[]string{"client"}, false}, "gitlab.example.com:oaud": {[]string{"https://gitlab.example.com"}, false}}),
		},
		"azp and two auds": {
			func(tok *trust.Token) { tok.Audience, tok.OAud = "client", []string{"a", "b"} },
			with(map[string]key{"gitlab.example.com:aud": {[]string{"client"}, false}, "gitlab.example.com:oaud": {[]string{"a", "b"}, true}}),
		},
		"amr":       {func(tok *trust.Token) { tok.AMR = []string{"mfa"} }, with(map[string]key{"gitlab.example.com:amr": {[]string{"mfa"}, true}})},
		"empty amr": {func(tok *trust.Token) { tok.AMR = []string{} }, with(map[string]key{"gitlab.example.com:amr": {[]string{}, true}})},
		"email": {
			func(tok *trust.Token) { tok.Email, tok.HasEmail = "a@b.c", true },
			with(map[string]key{"gitlab.example.com:email": {[]string{"a@b.c"}, false}}),
		},
		"empty email": {func(tok *trust.Token) { tok.HasEmail = true }, with(map[string]key{"gitlab.example.com:email": {[]string{""}, false}})},
	} {
		tok := token(mainBranch)
		tc.change(tok)
		if diff := cmp.Diff(tc.want, keysOf(tok)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// aws:PrincipalArn is absent, and only the claims above are keys (published captures of
// AWS, 2026): conditions on others fail as on an absent key.
func TestAbsentKeys(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"aws:PrincipalArn", "gitlab.example.com:iss", "gitlab.example.com:ref_protected", "gitlab.example.com:project_path",
		"gitlab.example.com:amr", "gitlab.example.com:email", "gitlab.example.com:oaud", "gitlab.com:sub", "https://gitlab.example.com:sub",
	} {
		for conditions, want := range map[string]bool{
			`{"Null":{"` + key + `":"true"}}`:            true,
			`{"Null":{"` + key + `":"false"}}`:           false,
			`{"StringLike":{"` + key + `":"*"}}`:         false,
			`{"StringLikeIfExists":{"` + key + `":"x"}}`: true,
		} {
			if got, _ := decide(t, role(t, federated, conditions), token(mainBranch)); got.Allowed() != want {
				t.Errorf("%s: %v", conditions, got.Effect)
			}
		}
	}
}

func TestConditionsOnTheSession(t *testing.T) {
	t.Parallel()
	for conditions, want := range map[string]bool{
		`{"StringLike":{"sts:RoleSessionName":"job-*"}}`:                                             true,
		`{"StringLike":{"sts:RoleSessionName":"deploy-*"}}`:                                          false,
		`{"StringEquals":{"aws:PrincipalAccount":"123456789012","aws:PrincipalType":"User"}}`:        true,
		`{"ArnEquals":{"aws:userid":"` + provider + `"}}`:                                            true,
		`{"StringEquals":{"GITLAB.example.com:SUB":"` + mainBranch + `"}}`:                           true,
		`{"ForAnyValue:StringEquals":{"gitlab.example.com:aud":["x","https://gitlab.example.com"]}}`: true,
		`{"StringEquals":{"gitlab.example.com:aud":"https://gitlab.example.com/"}}`:                  false,
	} {
		if got, _ := decide(t, role(t, federated, conditions), token(mainBranch)); got.Allowed() != want {
			t.Errorf("%s: %v", conditions, got.Effect)
		}
	}
}

func benchmarkInput(tb testing.TB) (d *policy.Document, admitted, denied *trust.Token) {
	d = role(tb, federated, `{"StringEquals":{"gitlab.example.com:aud":"https://gitlab.example.com"},"StringLike":{"gitlab.example.com:sub":"project_path:mygroup/*:ref_type:branch:ref:main"}}`)
	admitted, denied = token(mainBranch), token(devBranch)
	admitted.AMR, denied.AMR = []string{"mfa"}, []string{"mfa"}
	return d, admitted, denied
}

func BenchmarkDecide(b *testing.B) {
	d, admitted, denied := benchmarkInput(b)
	for name, tok := range map[string]*trust.Token{"allow": admitted, "deny": denied} {
		b.Run(name, func(b *testing.B) {
			var ctx policy.Context
			s := session()
			b.ReportAllocs()
			for b.Loop() {
				if trust.Decide(d, tok, s, &ctx, nil).Allowed() != (name == "allow") {
					b.Fatal("the other decision")
				}
			}
		})
	}
}

// Not parallel: AllocsPerRun counts for the whole process.
func TestDecideDoesNotAllocate(t *testing.T) {
	d, admitted, denied := benchmarkInput(t)
	var ctx policy.Context
	s := session()
	for _, tok := range []*trust.Token{admitted, denied} {
		if n := testing.AllocsPerRun(100, func() { trust.Decide(d, tok, s, &ctx, nil) }); n != 0 {
			t.Errorf("%s: %v allocations", tok.Subject, n)
		}
	}
}

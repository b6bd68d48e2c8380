package trust_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// always are the keys of a minted token, and the claims that only extended
// claims make keys of.
func always(more map[string]string) map[string]string {
	all := map[string]string{"aud": "sts.amazonaws.com", "sub": "s", "iss": "https://gitlab.example.com", "iat": "1789123397", "exp": "1789123697"}
	for name, value := range more {
		all[name] = value
	}
	return all
}

func TestExtendedClaims(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		more claims
		want map[string]string
	}{
		"GitLab's": {
			claims{"project_id": "20", "ref_protected": "true", "runner_id": 1, "environment": "production", "ci": true},
			map[string]string{"project_id": "20", "ref_protected": "true", "runner_id": "1", "environment": "production", "ci": "true"},
		},
		"numbers as they are written": {claims{"n": json.Number("1.50"), "big": json.Number("123456789012345678901234567890")}, map[string]string{"n": "1.50", "big": "123456789012345678901234567890"}},
		"lists of strings":            {claims{"groups": []string{"dev", "ops"}, "one": []string{"x"}, "none": []string{}}, map[string]string{"groups": "multi dev|ops", "one": "multi x", "none": "multi "}},
		"other lists":                 {claims{"numbers": []int{1}, "mixed": []any{"a", 1}, "null": []any{"a", nil}, "lists": []any{[]string{"a"}}}, nil},
		"objects":                     {claims{"kubernetes.io": claims{"namespace": "default", "pod": claims{"name": "p"}}}, nil},
		"null":                        {claims{"nothing": nil}, nil},
		"empty":                       {claims{"empty": ""}, map[string]string{"empty": ""}},
		"a name with a colon":         {claims{"https://example.com/team": "data", "a:b": "c"}, map[string]string{"https://example.com/team": "data", "a:b": "c"}},
		"another provider's key":      {claims{"8443:sub": "forged", "8443/path:aud": "forged", "443": "fine", "8443.sub": "fine"}, map[string]string{"443": "fine", "8443.sub": "fine"}},
		"AWS's keys":                  {claims{"SUB": "forged", "Aud": "forged", "oaud": "forged", "OAUD": "forged", "AMR": []string{"mfa"}, "Email": "forged@example.com"}, nil},
		"email":                       {claims{"email": "a@example.com"}, map[string]string{"email": "a@example.com"}},
		"AWS's own claims": {
			claims{"https://aws.amazon.com/roles": roleARN, "https://aws.amazon.com/tags": claims{}, "https://aws.amazon.com/source_identity": "alice"}, nil,
		},
		"no name":                 {claims{"": "x"}, nil},
		"other case":              {claims{"Team": "data", "TEAM": []string{"ops"}, "team": "dev"}, map[string]string{"TEAM": "multi ops|data|dev"}},
		"other case, not ASCII":   {claims{"Ärger": "a", "ärger": "b"}, map[string]string{"Ärger": "a", "ärger": "b"}},
		"empty email":             {claims{"email": ""}, map[string]string{"email": ""}},
		"other case, one no key":  {claims{"Team": claims{}, "team": "dev"}, map[string]string{"team": "dev"}},
		"azp":                     {claims{"azp": "client"}, map[string]string{"azp": "client", "aud": "client", "oaud": "sts.amazonaws.com"}},
		"control characters, XML": {claims{"x": "a\n<b>&\u0000"}, map[string]string{"x": "a\n<b>&\u0000"}},
	} {
		c.more["iss"] = "https://gitlab.example.com"
		if diff := cmp.Diff(always(c.want), providersKeys(newToken(t, minted(t, "https://gitlab.example.com", c.more), true))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		off := map[string]string{"aud": "sts.amazonaws.com", "sub": "s"}
		for _, own := range []string{"aud", "oaud", "email"} {
			if value, ok := c.want[own]; ok {
				off[own] = value
			}
		}
		if diff := cmp.Diff(off, providersKeys(newToken(t, minted(t, "https://gitlab.example.com", c.more), false))); diff != "" {
			t.Errorf("%s, off (-want +got):\n%s", name, diff)
		}
	}
}

// A key that AWS has for this provider holds what AWS puts into it.
func TestExtendedClaimsLeaveProviderKeys(t *testing.T) {
	t.Parallel()
	tok := newToken(t, minted(t, "https://gitlab.com", claims{"Project_ID": "forged", "ref": "main", "user_login": []string{"forged"}}), true)
	keys := providersKeys(tok)
	if _, present := keys["project_id"]; present || keys["ref"] != "main" {
		t.Errorf("keys are %q", keys)
	}
	for _, name := range []string{"Project_ID", "user_login"} {
		if value, present := keys[name]; present {
			t.Errorf("%s is %q", name, value)
		}
	}
}

// A multivalued key of two claims meets no operator without a prefix, neither
// as it is nor negated.
func TestClaimsThatDifferInCase(t *testing.T) {
	t.Parallel()
	tok := newToken(t, minted(t, "https://gitlab.example.com", claims{"team": "data", "Team": "ops"}), true)
	for condition, admitted := range map[string]bool{
		`{"StringEquals":{"gitlab.example.com:team":"data"}}`:             false,
		`{"StringNotEquals":{"gitlab.example.com:team":"x"}}`:             false,
		`{"ForAnyValue:StringEquals":{"gitlab.example.com:team":"data"}}`: true,
		`{"ForAllValues:StringEquals":{"gitlab.example.com:team":"ops"}}`: false,
		`{"Null":{"gitlab.example.com:TEAM":"false"}}`:                    true,
	} {
		if got, _ := decide(t, role(t, federated, condition), tok); got.Allowed() != admitted {
			t.Errorf("%s: %v", condition, got.Effect)
		}
	}
}

// What is searched from end to end is bounded; off, nothing is.
func TestTooManyClaims(t *testing.T) {
	t.Parallel()
	many := func(n int) claims {
		all := claims{}
		for i := range n - 5 { // the minted token has five
			all[fmt.Sprint("claim-", i)] = "x"
		}
		return all
	}
	p := trust.Provider{ARN: provider, URL: url, ExtendedClaims: true}
	if _, err := trust.NewToken(p, minted(t, "https://gitlab.example.com", many(trust.MaxExtendedClaims))); err != nil {
		t.Errorf("%d claims: %v", trust.MaxExtendedClaims, err)
	}
	tooMany := minted(t, "https://gitlab.example.com", many(trust.MaxExtendedClaims+1))
	_, err := trust.NewToken(p, tooMany)
	var e *trust.Error
	if !errors.As(err, &e) || e.Kind != trust.TooManyClaims || e.Message() != "" || !strings.Contains(e.Reason, "257 claims") {
		t.Errorf("257 claims: %v", err)
	}
	p.ExtendedClaims = false
	if _, err := trust.NewToken(p, tooMany); err != nil {
		t.Errorf("257 claims, off: %v", err)
	}
}

func TestNonPortable(t *testing.T) {
	t.Parallel()
	d := parse(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":`+federated+`,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{
			"StringEquals":{"gitlab.example.com:sub":"x","gitlab.example.com:Ref_Protected":"true","aws:SourceIp":"192.0.2.1","gitlab.com:project_path":"x"},
			"Null":{"GITLAB.example.com:environment":"false","gitlab.example.com:EMAIL":"true"}}},
		{"Effect":"Deny","Principal":"*","Action":"sts:Assume*","Condition":{"StringNotEquals":{"gitlab.example.com:Ref_Protected":"true"}}}]}`)
	c := minted(t, "https://gitlab.example.com", claims{})
	want := []string{"gitlab.example.com:Ref_Protected", "GITLAB.example.com:environment"}
	if diff := cmp.Diff(want, newToken(t, c, true).NonPortable(d)); diff != "" {
		t.Error(diff)
	}
	var none *trust.Token
	if on := newToken(t, c, true); newToken(t, c, false).NonPortable(d) != nil || none.NonPortable(d) != nil || on.NonPortable(nil) != nil {
		t.Error("keys that are not portable, where there are none")
	}
	// What AWS has for a provider is portable.
	gitlab := newToken(t, minted(t, "https://gitlab.com", claims{}), true)
	d = admitting(t, "gitlab.com", `"sts:AssumeRoleWithWebIdentity"`, `{"StringEquals":{"gitlab.com:project_id":"1","gitlab.com:project_path":"a/b"}}`)
	if diff := cmp.Diff([]string{"gitlab.com:project_path"}, gitlab.NonPortable(d)); diff != "" {
		t.Error(diff)
	}
	d = admitting(t, "gitlab.com", `"sts:AssumeRoleWithWebIdentity"`, `{"StringEquals":{"sts:RoleSessionName":["${gitlab.com:job_id}","${gitlab.com:user_login}"]}}`)
	if diff := cmp.Diff([]string{"gitlab.com:job_id"}, gitlab.NonPortable(d)); diff != "" {
		t.Errorf("in a policy variable: %s", diff)
	}
}

// Where a condition failed for want of a key, the account of it says that the
// token has the claim, and why it is no key.
func TestExplain(t *testing.T) {
	t.Parallel()
	c := minted(t, "https://gitlab.example.com", claims{"ref_protected": "true", "groups": []any{1}, "email": nil, "kubernetes.io": claims{}})
	conditions := `{"StringEquals":{"gitlab.example.com:ref_protected":"true","gitlab.example.com:groups":"x","gitlab.example.com:missing":"x",
		"gitlab.example.com:sub":"y","gitlab.example.com:iss":"https://gitlab.example.com","gitlab.com:ref_protected":"true"}}`
	hint := func(claim string) string {
		return `the token has the claim "` + claim + `", and AWS makes no condition key of it; Daypass does with --extended-claims https://gitlab.example.com, which works nowhere else`
	}
	for extended, want := range map[bool][]string{
		false: {hint("ref_protected"), hint("groups"), hint("iss")},
		true:  {`the claim "groups" is a list or an object, of which no condition key is made`},
	} {
		tok := newToken(t, c, extended)
		_, why := decide(t, role(t, federated, conditions), tok)
		if diff := cmp.Diff(want, tok.Explain(why)); diff != "" {
			t.Errorf("extended %v (-want +got):\n%s", extended, diff)
		}
	}
	gitlab := newToken(t, minted(t, "https://gitlab.com", claims{"project_id": []string{"20"}}), false)
	_, why := decide(t, admitting(t, "gitlab.com", `"sts:AssumeRoleWithWebIdentity"`, `{"StringEquals":{"gitlab.com:project_id":"20"}}`), gitlab)
	if diff := cmp.Diff([]string{`the claim "project_id" is a list or an object, of which no condition key is made`}, gitlab.Explain(why)); diff != "" {
		t.Error(diff)
	}
	var none *trust.Token
	if none.Explain(why) != nil || gitlab.Explain(nil) != nil || token("x").Explain(why) != nil {
		t.Error("something to say of nothing")
	}
}

// drawClaims are claims of any names and values; many have names that are near
// to those of keys.
func drawClaims(t *rapid.T) claims {
	names := rapid.OneOf(
		rapid.SampledFrom([]string{
			"SUB", "Sub", "AUD", "oaud", "OAud", "AMR", "eMail", "project_id", "PROJECT_ID", "ref_protected", "environment", "8443:sub", "8443/x:aud", "sub ", "a:sub",
			"gitlab.example.com:sub", "azp2", "groups", "https://example.com/x", "actor",
		}),
		rapid.StringN(0, 8, 24),
	)
	value := rapid.OneOf(
		rapid.Map(rapid.SampledFrom([]string{"s", "forged", "true", "20", ""}), func(s string) any { return s }),
		rapid.Map(rapid.Int(), func(n int) any { return n }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"s", "mfa"}), 0, 3), func(l []string) any { return l }),
		rapid.SampledFrom([]any{nil, claims{"sub": "s"}, []any{1, "s"}}),
	)
	all := claims{}
	for name, v := range rapid.MapOfN(names, value, 0, 12).Draw(t, "claims") {
		switch name {
		case "iss", "sub", "aud", "iat", "exp", "nbf", "azp", "amr", "email", "jti":
		default:
			all[name] = v
		}
	}
	return all
}

// Switching extended claims on changes no decision of a policy that names only
// keys of AWS, whatever the token carries.
func TestExtendedClaimsChangeNothingOfAWS(t *testing.T) {
	t.Parallel()
	issuers := map[string][]string{
		"gitlab.example.com": {"aud", "oaud", "sub", "amr", "email"},
		"gitlab.com":         {"aud", "oaud", "sub", "amr", "email", "project_id", "ref_protected", "user_login"},
	}
	others := []string{"aws:PrincipalArn", "aws:PrincipalAccount", "aws:userid", "sts:RoleSessionName", "sts:RoleAuthorizedByIdp", "aws:TagKeys", "gitlab.example.com:8443:sub", "gitlab.example.com:8443/x:aud"}
	operators := []string{
		"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists", "StringNotEqualsIfExists", "StringEqualsIgnoreCase",
		"ForAnyValue:StringEquals", "ForAllValues:StringEquals", "ForAllValues:StringNotEquals", "ForAnyValue:StringLikeIfExists", "Bool", "Null",
	}
	rapid.Check(t, func(t *rapid.T) {
		url := rapid.SampledFrom([]string{"gitlab.example.com", "gitlab.com"}).Draw(t, "url")
		more := drawClaims(t)
		if rapid.Bool().Draw(t, "azp") {
			more["azp"] = "s"
		}
		if rapid.Bool().Draw(t, "amr") {
			more["amr"] = []string{"mfa"}
		}
		c := minted(t, "https://"+url, more)
		var statements []string
		for range rapid.IntRange(1, 3).Draw(t, "statements") {
			var conditions []string
			for _, operator := range rapid.SliceOfNDistinct(rapid.SampledFrom(operators), 0, 3, rapid.ID[string]).Draw(t, "operators") {
				key := rapid.OneOf(
					rapid.Map(rapid.SampledFrom(issuers[url]), func(name string) string { return url + ":" + name }),
					rapid.Map(rapid.SampledFrom(issuers[url]), func(name string) string { return strings.ToUpper(url + ":" + name) }),
					rapid.SampledFrom(others),
				).Draw(t, "key")
				wanted := rapid.SampledFrom([]string{"s", "sts.amazonaws.com", "forged", "mfa", "*", "true", "20"}).Draw(t, "wanted")
				if operator == "Null" {
					wanted = rapid.SampledFrom([]string{"true", "false"}).Draw(t, "null")
				}
				conditions = append(conditions, fmt.Sprintf(`%q:{%q:%q}`, operator, key, wanted))
			}
			statements = append(statements, fmt.Sprintf(`{"Effect":%q,"Principal":{"Federated":%q},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{%s}}`,
				rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect"), oidcProvider+url, strings.Join(conditions, ",")))
		}
		text := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
		d, err := policy.Parse(policy.Trust, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		off, on := newToken(t, c, false), newToken(t, c, true)
		without, with := trust.Decide(d, off, session(), nil, nil), trust.Decide(d, on, session(), nil, nil)
		if without != with {
			t.Fatalf("%s:\n%+v without extended claims, %+v with them, for %v", text, without, with, more)
		}
	})
}

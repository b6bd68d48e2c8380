package sts_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/sts"

	"github.com/google/go-cmp/cmp"
)

const (
	rolesClaim          = "https://aws.amazon.com/roles"
	tagsClaim           = "https://aws.amazon.com/tags"
	sourceIdentityClaim = "https://aws.amazon.com/source_identity"
)

// object is a JSON object of a token.
type object = map[string]any

// with is a token with one claim more.
func (f *fixture) with(t testing.TB, name string, value any) string {
	t.Helper()
	return f.tokenWith(t, func(c map[string]any) { c[name] = value })
}

// trustOf is a policy of statements for the fixture's provider, each of actions
// and a condition in turn.
func (f *fixture) trustOf(statements ...string) string {
	var all []string
	for i := 0; i+1 < len(statements); i += 2 {
		all = append(all, `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::`+account+`:oidc-provider/`+f.issuer.host()+
			`"},"Action":`+statements[i]+`,"Condition":`+statements[i+1]+`}`)
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(all, ",") + `]}`
}

const (
	web       = `"sts:AssumeRoleWithWebIdentity"`
	webAndTag = `["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`
	webAndAll = `["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]`
)

// TestRolesClaim: the claim is asked before the trust policy, and before anyone
// looks whether there is such a role (recorded on AWS, 2026-09).
func TestRolesClaim(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "authorized", TrustPolicy: f.trust(account, `{"Bool":{"sts:RoleAuthorizedByIdp":"true"}}`)})
	f.putRole(t, store.Role{Name: "free", TrustPolicy: f.trust(account, `{"Bool":{"sts:RoleAuthorizedByIdp":"false"}}`)})
	f.putRole(t, store.Role{Name: "Spelled", TrustPolicy: f.trust(account, `{}`)})
	arn := func(name string) string { return "arn:aws:iam::" + account + ":role/" + name }
	const (
		format    = "The roles claim is not in a supported format"
		none      = "The roles claim contains no valid role ARNs"
		notListed = "The target role ARN is not present in the roles claim of the identity token"
	)
	for _, c := range []struct {
		claim   any
		role    string
		message string // "" is credentials
	}{
		{claim: []string{arn("authorized")}, role: "authorized"},
		{claim: []string{arn("other"), arn("authorized")}, role: "authorized"},
		{claim: arn("authorized"), role: "authorized"},
		{claim: " " + arn("other") + " ; " + arn("authorized") + "\n", role: "authorized"},
		{claim: []any{"no ARN", 17, nil, "\t" + arn("authorized")}, role: "authorized"},
		{claim: nil, role: "free"},
		{claim: nil, role: "authorized", message: denied},
		{claim: []string{arn("free")}, role: "free", message: denied}, // the key is true
		{claim: []string{arn("other")}, role: "authorized", message: notListed},
		{claim: []string{arn("other")}, role: "missing", message: notListed},
		{claim: []string{arn("missing")}, role: "missing", message: denied},
		{claim: []string{arn("Authorized")}, role: "authorized", message: notListed},
		{claim: []string{arn("ci/authorized")}, role: "authorized", message: notListed},
		{claim: []string{arn("spelled")}, role: "spelled"}, // as the request spells it
		{claim: []string{arn("Spelled")}, role: "spelled", message: notListed},
		{claim: []string{arn("*")}, role: "authorized", message: none},
		{claim: []string{"authorized"}, role: "authorized", message: none},
		{claim: []string{arn("authorized") + ";" + arn("other")}, role: "authorized", message: notListed},
		{claim: []string{}, role: "authorized", message: none},
		{claim: "", role: "authorized", message: none},
		{claim: true, role: "authorized", message: format},
		{claim: object{"a": arn("authorized")}, role: "authorized", message: format},
	} {
		name := fmt.Sprintf("%v for %s", c.claim, c.role)
		reply := f.assume(t, f.with(t, rolesClaim, c.claim), "RoleArn", arn(c.role))
		switch c.message {
		case "":
			f.wantAssumed(t, reply)
		case denied:
			wantFault(t, reply, http.StatusForbidden, "AccessDenied", denied)
		default:
			wantFault(t, reply, http.StatusBadRequest, "InvalidIdentityToken", c.message)
			f.wantReason(t, reply, rolesClaim)
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if r := f.assume(t, f.token(t), "RoleArn", arn("authorized")); r.Status != http.StatusForbidden {
		t.Errorf("without the claim: %d", r.Status)
	}
	f.wantAssumed(t, f.assume(t, f.token(t), "RoleArn", arn("free")))
}

// Both spellings of session tags (IAM User Guide, "Pass session tags in AWS
// STS") give the same keys to the trust policy and to the session.
func TestSessionTags(t *testing.T) {
	t.Parallel()
	f := start(t)
	nested := f.with(t, tagsClaim, object{
		"principal_tags":      object{"Project": []string{"Automation"}, "CostCenter": []string{"987654"}},
		"transitive_tag_keys": []string{"Project"},
	})
	flat := f.tokenWith(t, func(c map[string]any) {
		c[tagsClaim+"/principal_tags/Project"], c[tagsClaim+"/principal_tags/CostCenter"] = "Automation", "987654"
		c[tagsClaim+"/transitive_tag_keys"] = []string{"Project"}
	})
	halves := f.tokenWith(t, func(c map[string]any) {
		c[tagsClaim] = object{"principal_tags": object{"Project": []string{"Automation"}}}
		c[tagsClaim+"/principal_tags/CostCenter"] = "987654"
		c[tagsClaim+"/transitive_tag_keys"] = []string{"project"} // the case of keys does not count
	})
	touch := func(condition string) []store.InlinePolicy {
		return []store.InlinePolicy{{Name: "p", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"probe:Touch","Resource":"*","Condition":{` + condition + `}}]}`}}
	}
	const project = `"StringEquals":{"aws:PrincipalTag/Project":"Automation","aws:PrincipalTag/costcenter":"987654"}`
	for name, token := range map[string]string{"nested": nested, "flat": flat, "half and half": halves} {
		for _, c := range []struct {
			condition string
			admitted  bool
		}{
			{`{}`, true},
			{`{"StringEquals":{"aws:RequestTag/Project":"Automation","aws:RequestTag/CostCenter":"987654"}}`, true},
			{`{"StringEquals":{"aws:RequestTag/project":"Automation"}}`, true},
			{`{"StringEquals":{"aws:RequestTag/Project":"automation"}}`, false},
			{`{"StringLike":{"aws:RequestTag/Department":"*"}}`, false},
			{`{"ForAllValues:StringEquals":{"aws:TagKeys":["Project","CostCenter"]}}`, true},
			{`{"ForAllValues:StringEquals":{"aws:TagKeys":["Project"]}}`, false},
			{`{"StringEquals":{"aws:TagKeys":["Project","CostCenter"]}}`, false}, // multivalued
			{`{"ForAnyValue:StringEqualsIgnoreCase":{"sts:TransitiveTagKeys":"Project"}}`, true},
			{`{"ForAnyValue:StringEquals":{"sts:TransitiveTagKeys":"CostCenter"}}`, false},
			{`{"Null":{"aws:PrincipalTag/Project":"true","sts:SourceIdentity":"true"}}`, true}, // of later requests
		} {
			f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trustOf(webAndTag, c.condition), InlinePolicies: touch(project)})
			reply := f.assume(t, token)
			if !c.admitted {
				wantFault(t, reply, http.StatusForbidden, "AccessDenied", denied)
			} else {
				f.wantTouch(t, f.wantAssumed(t, reply), http.StatusOK)
			}
			if t.Failed() {
				t.Fatalf("%s with %s", name, c.condition)
			}
		}
	}
	f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trustOf(webAndTag, `{}`), InlinePolicies: touch(`"Null":{"aws:RequestTag/Project":"false"}`)})
	f.wantTouch(t, f.wantAssumed(t, f.assume(t, nested)), http.StatusForbidden)
	a := f.wantAssumed(t, f.assume(t, nested))
	if a.Packed != 26 { // the subject's 55 characters, and the tags' 33
		t.Errorf("packed size %d", a.Packed)
	}
}

// Each action that the token needs is decided by itself, and the event says
// which one was lacking. To the caller it is one answer.
func TestEveryActionIsAsked(t *testing.T) {
	t.Parallel()
	f := start(t)
	tags := f.with(t, tagsClaim, object{"principal_tags": object{"team": []string{"data"}}})
	noTags := f.with(t, tagsClaim, object{"principal_tags": object{}})
	source := f.with(t, sourceIdentityClaim, "alice@example.com")
	both := f.tokenWith(t, func(c map[string]any) {
		c[tagsClaim+"/principal_tags/team"], c[sourceIdentityClaim] = "data", "alice@example.com"
	})
	const tag, set = "sts:TagSession", "sts:SetSourceIdentity"
	webAndSet := `["sts:AssumeRoleWithWebIdentity","sts:SetSourceIdentity"]`
	for _, c := range []struct {
		trust, token string
		lacking      string // "" is credentials
	}{
		{f.trustOf(web, `{}`), f.token(t), ""},
		{f.trustOf(web, `{}`), noTags, ""},
		{f.trustOf(web, `{}`), tags, tag},
		{f.trustOf(web, `{}`), source, set},
		{f.trustOf(web, `{}`), both, tag},
		{f.trustOf(webAndTag, `{}`), tags, ""},
		{f.trustOf(webAndTag, `{}`), both, set},
		{f.trustOf(webAndSet, `{}`), source, ""},
		{f.trustOf(webAndSet, `{}`), both, tag},
		{f.trustOf(webAndAll, `{}`), both, ""},
		{f.trustOf(`"sts:TagSession"`, `{}`), tags, "sts:AssumeRoleWithWebIdentity"},
		{f.trustOf(web, `{}`, `"sts:TagSession"`, `{"StringEquals":{"aws:RequestTag/team":"data"}}`), tags, ""},
		{f.trustOf(web, `{}`, `"sts:TagSession"`, `{"StringEquals":{"aws:RequestTag/team":"other"}}`), tags, tag},
		{f.trustOf(webAndAll, `{"StringLike":{"sts:SourceIdentity":"*@example.com"}}`), both, ""},
		{f.trustOf(webAndAll, `{"StringLike":{"sts:SourceIdentity":"bob@*"}}`), both, "sts:AssumeRoleWithWebIdentity"},
		{f.trustOf(webAndTag, `{"StringLike":{"sts:RoleSessionName":"*"}}`), tags, ""},
		{f.trustOf(webAndAll, `{"StringLike":{"sts:RoleSessionName":"*"}}`), both, set},
		{f.trustOf(webAndAll, `{"StringEquals":{"aws:RequestTag/team":"data"}}`), both, set},
		{f.trustOf(webAndTag, `{"StringLike":{"sts:RoleSessionName":"*","aws:RequestTag/team":"data"}}`, `"sts:SetSourceIdentity"`, `{"StringLike":{"sts:SourceIdentity":"alice@*"}}`), both, ""},
	} {
		f.putRole(t, store.Role{Name: "deploy", TrustPolicy: c.trust})
		reply := f.assume(t, c.token)
		if c.lacking == "" {
			f.wantAssumed(t, reply)
			continue
		}
		wantFault(t, reply, http.StatusForbidden, "AccessDenied", denied)
		e := f.wantReason(t, reply, "the trust policy of role deploy does not admit this token")
		if e.Action != c.lacking || e.Decision != "ImplicitDeny" || e.Reasons == nil || e.Reasons.Statements[0].Action.Got != c.lacking {
			t.Errorf("%s: event is %+v", c.trust, e)
		}
		if named := strings.Contains(e.Reason, "it does not allow "+c.lacking); named != (c.lacking == tag || c.lacking == set) {
			t.Errorf("%s: reason %q", c.trust, e.Reason)
		}
	}
}

// A source identity is told in the reply, in the event, and to every later
// decision.
func TestSourceIdentity(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{
		Name: "deploy", TrustPolicy: f.trustOf(webAndAll, `{}`),
		InlinePolicies: []store.InlinePolicy{{Name: "p", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"probe:Touch","Resource":"*","Condition":{"StringEquals":{"aws:SourceIdentity":"alice@example.com"}}}]}`}},
	})
	reply := f.assume(t, f.with(t, sourceIdentityClaim, "alice@example.com"))
	a := f.wantAssumed(t, reply)
	if a.SourceIdentity != "alice@example.com" || f.eventOf(t, reply).SourceIdentity != "alice@example.com" || a.Packed != 25 {
		t.Errorf("source identity %q, event %+v, packed size %d", a.SourceIdentity, f.eventOf(t, reply), a.Packed)
	}
	if !strings.Contains(reply.Body, "</Credentials>\n    <SourceIdentity>alice@example.com</SourceIdentity>\n    <Provider>") {
		t.Errorf("the reply is %s", reply.Body)
	}
	f.wantTouch(t, a, http.StatusOK)
	f.wantTouch(t, f.wantAssumed(t, f.assume(t, f.with(t, sourceIdentityClaim, "bob"))), http.StatusForbidden)
	plain := f.assume(t, f.token(t))
	f.wantTouch(t, f.wantAssumed(t, plain), http.StatusForbidden)
	if strings.Contains(plain.Body, "SourceIdentity") {
		t.Errorf("a reply without one is %s", plain.Body)
	}
	f.wantAssumed(t, f.assume(t, f.with(t, sourceIdentityClaim, strings.Repeat("x", 256)))) // the model says 64
}

// TestAWSClaimsThatAreRefused, with AWS's texts where they are known.
func TestAWSClaimsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trustOf(webAndAll, `{}`)})
	const (
		invalid   = "InvalidIdentityToken"
		parameter = "InvalidParameterValue"
		tags      = "Session tags passed in claim are not in correct format."
		principal = "principal_tags passed in claim is not in correct format."
		duplicate = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
		notATag   = "The specified transitive tag key must be included in the requested tags."
		source    = "Source identity passed in claim is not in correct format."
	)
	many := object{}
	for i := range 51 {
		many[fmt.Sprint("k", i)] = []string{""}
	}
	one := func(key, value string) object { return object{"principal_tags": object{key: []string{value}}} }
	for name, c := range map[string]refusal{
		"tags a string":         {token: f.with(t, tagsClaim, "team=data"), code: invalid, message: tags, reason: "is not an object"},
		"tags null":             {token: f.with(t, tagsClaim, nil), code: invalid, message: tags, reason: "is not an object"},
		"unknown member":        {token: f.with(t, tagsClaim, object{"tags": object{}}), code: invalid, message: tags, reason: `the member "tags"`},
		"value a string":        {token: f.with(t, tagsClaim, object{"principal_tags": object{"team": "data"}}), code: invalid, message: principal, reason: `the tag "team"`},
		"two values":            {token: f.with(t, tagsClaim, object{"principal_tags": object{"team": []string{"a", "b"}}}), code: invalid, message: principal, reason: "list of one"},
		"no value":              {token: f.with(t, tagsClaim, object{"principal_tags": object{"team": []string{}}}), code: invalid, message: principal, reason: "list of one"},
		"value null":            {token: f.with(t, tagsClaim, object{"principal_tags": object{"team": []any{nil}}}), code: invalid, message: principal, reason: "list of one"},
		"value a number":        {token: f.with(t, tagsClaim, object{"principal_tags": object{"team": []int{1}}}), code: invalid, message: principal, reason: "list of one"},
		"tags a list":           {token: f.with(t, tagsClaim, object{"principal_tags": []string{"team"}}), code: invalid, message: principal, reason: "not an object"},
		"long key":              {token: f.with(t, tagsClaim, one(strings.Repeat("k", 129), "v")), code: invalid, message: principal, reason: "too long"},
		"no key":                {token: f.with(t, tagsClaim, one("", "v")), code: invalid, message: principal, reason: "too long"},
		"long value":            {token: f.with(t, tagsClaim, one("k", strings.Repeat("v", 257))), code: invalid, message: principal, reason: "too long"},
		"forbidden character":   {token: f.with(t, tagsClaim, one("user", "a|b")), code: invalid, message: principal, reason: "letters, digits"},
		"newline":               {token: f.with(t, tagsClaim, one("user", "a\n")), code: invalid, message: principal, reason: "letters, digits"},
		"reserved key":          {token: f.with(t, tagsClaim, one("AWS:team", "x")), code: invalid, message: principal, reason: "begins with aws:"},
		"flat tag a list":       {token: f.with(t, tagsClaim+"/principal_tags/team", []string{"data"}), code: invalid, message: tags, reason: "is not a string"},
		"flat tag a number":     {token: f.with(t, tagsClaim+"/principal_tags/team", 1), code: invalid, message: tags, reason: "is not a string"},
		"flat tag without name": {token: f.with(t, tagsClaim+"/principal_tags/", "x"), code: invalid, message: principal, reason: "too long"},
		"transitive a string":   {token: f.with(t, tagsClaim, object{"principal_tags": object{"k": []string{"v"}}, "transitive_tag_keys": "k"}), code: invalid, message: tags, reason: "list of strings"},
		"transitive, no tag":    {token: f.with(t, tagsClaim+"/transitive_tag_keys", []string{"k"}), code: parameter, message: notATag, reason: `"k"`},
		"51 tags":               {token: f.with(t, tagsClaim, object{"principal_tags": many}), code: invalid, message: tags, reason: "51 session tags"},
		"one tag twice":         {token: f.with(t, tagsClaim, object{"principal_tags": object{"team": []string{"a"}, "Team": []string{"a"}}}), code: parameter, message: duplicate, reason: `"Team" twice`},
		"one tag in both spellings": {token: f.tokenWith(t, func(c map[string]any) {
			c[tagsClaim], c[tagsClaim+"/principal_tags/TEAM"] = one("team", "a"), "a"
		}), code: parameter, message: duplicate, reason: "twice"},
		"source null":      {token: f.with(t, sourceIdentityClaim, nil), code: invalid, message: source, reason: "2 to 256"},
		"source of one":    {token: f.with(t, sourceIdentityClaim, "a"), code: invalid, message: source, reason: "2 to 256"},
		"source of 257":    {token: f.with(t, sourceIdentityClaim, strings.Repeat("x", 257)), code: invalid, message: source, reason: "2 to 256"},
		"source a number":  {token: f.with(t, sourceIdentityClaim, 12), code: invalid, message: source, reason: "2 to 256"},
		"source a colon":   {token: f.with(t, sourceIdentityClaim, "aws:alice"), code: invalid, message: source, reason: "2 to 256"},
		"source a newline": {token: f.with(t, sourceIdentityClaim, "alice\n"), code: invalid, message: source, reason: "2 to 256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t, f)
		})
	}
}

// Tags that are each within their limits, and together more than a session
// token holds.
func TestTagsThatDoNotFit(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trustOf(webAndAll, `{}`)})
	tags := object{}
	for i := range 40 {
		tags[fmt.Sprintf("%02d", i)] = []string{strings.Repeat("v", 250)}
	}
	reply := f.assume(t, f.with(t, tagsClaim, object{"principal_tags": tags}))
	wantFault(t, reply, http.StatusBadRequest, "PackedPolicyTooLarge", "Packed policy consumes 396% of allotted space, please use smaller policy.")
	f.wantReason(t, reply, "do not fit into a session token")
}

// A trust policy sees how was asked, as every policy does.
func TestRequestKeysInTrust(t *testing.T) {
	t.Parallel()
	f := start(t)
	for condition, status := range map[string]int{
		`{"StringEquals":{"aws:SourceIp":"127.0.0.1","aws:UserAgent":"Go-http-client/1.1"}}`: http.StatusOK,
		`{"StringEquals":{"aws:SourceIp":"192.0.2.1"}}`:                                      http.StatusForbidden,
		`{"Bool":{"aws:SecureTransport":"true"}}`:                                            http.StatusForbidden,
		`{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`:                                       http.StatusOK,
		`{"NotIpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`:                                    http.StatusForbidden,
		`{"DateLessThan":{"aws:CurrentTime":"2024-01-01T00:00:00Z"}}`:                        http.StatusForbidden,
		`{"StringEquals":{"sts:RoleSessionName":"${aws:RequestTag/job}"}}`:                   http.StatusForbidden, // the token has none
		`{"StringEquals":{"sts:RoleSessionName":"${aws:RequestTag/job, 'job-1'}"}}`:          http.StatusOK,
		`{"Null":{"aws:CurrentTime":"false","aws:EpochTime":"false"}}`:                       http.StatusOK,
		`{"Null":{"aws:PrincipalArn":"true","aws:RequestedRegion":"true"}}`:                  http.StatusOK, // not signed, so for no region
	} {
		f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trust(account, condition)})
		reply := f.assume(t, f.token(t))
		if reply.Status != status {
			t.Errorf("%s: %d", condition, reply.Status)
		} else if status == http.StatusOK {
			f.wantAssumed(t, reply)
		}
	}
}

// TestExtendedClaims: off, a claim of GitLab's is no key, and the event says so;
// on, it is one, and the event says that AWS has none.
func TestExtendedClaims(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	off, on := startFor(t, awsapitest.Options{}, i), startFor(t, awsapitest.Options{}, i, i.URL())
	host := i.host()
	protected := off.trust(account, `{"StringEquals":{"`+host+`:sub":"`+subject+`","`+host+`:ref_protected":"true"},"ForAnyValue:StringEquals":{"`+host+`:groups":"ops"}}`)
	token := func(f *fixture) string {
		return f.tokenWith(t, func(c map[string]any) {
			c["ref_protected"], c["groups"], c["SUB"] = "true", []string{"dev", "ops"}, "other"
		})
	}
	for _, f := range []*fixture{off, on} {
		f.putRole(t, store.Role{Name: "deploy", TrustPolicy: protected})
	}
	refused := off.assume(t, token(off))
	wantFault(t, refused, http.StatusForbidden, "AccessDenied", denied)
	e := off.wantReason(t, refused, `the token has the claim "ref_protected", and AWS makes no condition key of it; Daypass does with --extended-claims `+i.URL())
	if e.NonPortableKeys != nil {
		t.Errorf("off, the event is %+v", e)
	}
	keys := []string{host + ":ref_protected", host + ":groups"}
	admitted := on.assume(t, token(on))
	a := on.wantAssumed(t, admitted)
	if e := on.eventOf(t, admitted); !cmp.Equal(e.NonPortableKeys, keys) {
		t.Errorf("on, the event is %+v", e)
	}
	on.wantTouch(t, a, http.StatusForbidden)
	denied := on.assume(t, on.token(t)) // without groups
	e = on.wantReason(t, denied, "not portable to AWS, which has no such condition keys: "+strings.Join(keys, ", "))
	if !cmp.Equal(e.NonPortableKeys, keys) {
		t.Errorf("on, the event is %+v", e)
	}
	// They are for the trust policy: a session keeps none of them.
	on.putRole(t, store.Role{Name: "deploy", TrustPolicy: protected, InlinePolicies: []store.InlinePolicy{{
		Name: "p", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"probe:Touch","Resource":"*","Condition":{"Null":{"` + host + `:ref_protected":"true"}}}]}`,
	}}})
	on.wantTouch(t, on.wantAssumed(t, on.assume(t, token(on))), http.StatusOK)
}

// What is no provider's URL stops the start: a switch that is misspelt would be
// off.
func TestExtendedClaimsURL(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://gitlab.example.com": true, "https://gitlab.example.com:8443/sub/": true,
		"": false, "gitlab.example.com": false, "http://gitlab.example.com": false, "https://": false,
		"https://u@gitlab.example.com": false, "https://gitlab.example.com?": false, "https://gitlab.example.com#f": false,
		"https://aws": false, "https://STS": false, "https://aws.example.com": true, "https://aws/": true, // aws:SourceIp would be the token's to say
	} {
		_, err := sts.New(sts.Config{ExtendedClaims: []string{url}})
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "extended claims") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

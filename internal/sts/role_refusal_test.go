package sts_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

// stranger is what somebody without rights sees of a reply: all but its id
// and date.
func stranger(r awsapitest.Reply) string {
	var b strings.Builder
	_ = r.Header.Clone().WriteSubset(&b, map[string]bool{"X-Amzn-Requestid": true, "X-Amz-Sts-Extended-Request-Id": true, "Date": true})
	return http.StatusText(r.Status) + "\n" + b.String() + strings.ReplaceAll(r.Body, r.Header.Get("X-Amzn-Requestid"), "ID")
}

// TestOneAnswerToStrangers: whatever is wrong with the role, the answer is the
// same to the byte. The event knows better.
func TestOneAnswerToStrangers(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "others", TrustPolicy: f.trust(account, f.condition("project_path:mygroup/other:ref_type:branch:ref:main"))})
	f.putRole(t, store.Role{Name: "in-path", Path: "/ci/", TrustPolicy: f.trust(account, f.condition(subject))})
	f.putRole(t, store.Role{Name: "user-only", TrustPolicy: strings.Replace(f.trust(account, f.condition(subject)), "AssumeRoleWithWebIdentity", "AssumeRole", 1)})
	f.putRole(t, store.Role{Name: "denying", TrustPolicy: strings.Replace(f.trust(account, f.condition(subject)), `"Allow"`, `"Deny"`, 1)})
	f.putRole(t, store.Role{Name: "everyone", TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`})
	f.putRole(t, store.Role{Name: "another-provider", TrustPolicy: f.trust("210987654321", f.condition(subject))})
	f.putRole(t, store.Role{Name: "broken", TrustPolicy: `{"Version":"2012-10-17","Statement":[]`})
	f.putRole(t, store.Role{Name: "short", TrustPolicy: f.trust(account, f.condition("x")), MaxSessionDuration: 3600})

	arn := func(name string) []string { return []string{"RoleArn", "arn:aws:iam::123456789012:role/" + name} }
	first := ""
	for _, c := range []struct {
		parameters []string
		reason     string
		decision   string // "" where the policy was not asked
	}{
		{arn("missing"), "there is no role missing in account 123456789012", ""},
		{arn("others"), "the trust policy of role others does not admit this token", "ImplicitDeny"},
		{arn("in-path"), "the role in-path has another path: its ARN is arn:aws:iam::123456789012:role/ci/in-path", ""},
		{arn("other/deploy"), "the role deploy has another path: its ARN is " + deployARN, ""},
		{arn("user-only"), "does not admit", "ImplicitDeny"},
		{arn("denying"), "does not admit", "ExplicitDeny"},
		{arn("everyone"), "does not admit", "ImplicitDeny"},
		{arn("another-provider"), "does not admit", "ImplicitDeny"},
		{arn("broken"), "does not admit", "ExplicitDeny"},
		// Nor does the role's longest session tell that it exists.
		{append(arn("short"), "DurationSeconds", "7200"), "does not admit", "ImplicitDeny"},
		{append(arn("deploy"), "ProviderId", "accounts.example.com"), "ProviderId names an OAuth 2.0 provider", ""},
	} {
		reply := f.assume(t, f.token(t), c.parameters...)
		wantFault(t, reply, http.StatusForbidden, "AccessDenied", denied)
		if first == "" {
			first = stranger(reply)
		}
		if diff := cmp.Diff(first, stranger(reply)); diff != "" {
			t.Errorf("%q is answered otherwise (-missing role +this):\n%s", c.parameters, diff)
		}
		e := f.wantReason(t, reply, c.reason)
		if e.Fault != "AccessDenied" || e.Decision != c.decision || (e.Reasons != nil) != (c.decision != "") {
			t.Errorf("%q: event is %+v", c.parameters, e)
		}
	}
}

// The event of a denial tells each condition: what was wanted, what there was.
func TestEventExplains(t *testing.T) {
	t.Parallel()
	f := start(t)
	reply := f.assume(t, f.tokenWith(t, func(c map[string]any) { c["sub"] = "project_path:mygroup/myproject:ref_type:branch:ref:try" }))
	e := f.wantReason(t, reply, "the trust policy of role deploy does not admit this token")
	if e.Action != "sts:AssumeRoleWithWebIdentity" || e.Resource != deployARN || !cmp.Equal(e.Documents, []string{"trust policy of " + deployARN}) {
		t.Errorf("event is %+v", e)
	}
	if len(e.Reasons.Statements) != 1 || len(e.Reasons.Statements[0].Conditions) != 1 {
		t.Fatalf("reasons are %+v", e.Reasons)
	}
	s := e.Reasons.Statements[0]
	if s.Sid != "Main" || s.Matched || !s.Principal.Matched || !s.Action.Matched {
		t.Errorf("statement is %+v", s)
	}
	c := s.Conditions[0]
	if c.Operator != "StringEquals" || c.Key != f.issuer.host()+":sub" || c.Matched || !cmp.Equal(c.Wanted, []string{subject}) ||
		!cmp.Equal(c.Got, []string{"project_path:mygroup/myproject:ref_type:branch:ref:try"}) {
		t.Errorf("condition is %+v", c)
	}
}

// TestExplainToCaller: AWS's sentence first, then the operator's reasons; and
// without the option not a byte more than AWS's.
func TestExplainToCaller(t *testing.T) {
	t.Parallel()
	f := startWith(t, awsapitest.Options{ExplainToCaller: true})
	wrong := f.tokenWith(t, func(c map[string]any) { c["sub"] = "wrong" })
	for _, c := range []struct {
		token string
		words []string // in this order
	}{
		{wrong, []string{
			"<Message>" + denied + "\n\nWhy: the trust policy of role deploy does not admit this token\n",
			"ImplicitDeny", "StringEquals", f.issuer.host() + ":sub", "wanted", subject, "got", "wrong", "</Message>",
		}},
		{f.token(t) + ".x", []string{"<Message>The ID Token provided is not a valid JWT.", "\n\nWhy: ", "4 parts", "</Message>"}},
		{f.tokenWith(t, func(c map[string]any) { c["aud"] = "x" }), []string{"<Message>" + notValidated + "\n\nWhy: ", "client ids are", audience, "</Message>"}},
	} {
		reply := f.assume(t, c.token)
		rest := reply.Body
		for _, word := range c.words {
			_, after, ok := strings.Cut(rest, word)
			if !ok {
				t.Errorf("%q is not in its place in %s", word, reply.Body)
				break
			}
			rest = after
		}
		if strings.Contains(f.eventOf(t, reply).Message, "Why:") {
			t.Error("the event's message is not AWS's alone")
		}
		for _, part := range strings.Split(c.token, ".") {
			if len(part) > 20 && strings.Contains(reply.Body, part) {
				t.Errorf("the reply holds a part of the token: %s", reply.Body)
			}
		}
	}
	f.wantAssumed(t, f.assume(t, f.token(t)))
}

// TestParametersThatAreRefused are the constraints of the service's model, and
// the parameters that Daypass must not ignore.
func TestParametersThatAreRefused(t *testing.T) {
	t.Parallel()
	f := start(t)
	const invalid = "ValidationError"
	one := func(rest string) string { return "1 validation error detected: " + rest }
	long, longRole := strings.Repeat("n", 65), "arn:aws:iam::123456789012:role/"+strings.Repeat("r", 2048)
	for name, c := range map[string]struct {
		parameters    []string
		code, message string
		reason        string // "" where the message says it all
	}{
		"899 seconds":            {parameters: []string{"DurationSeconds", "899"}, code: invalid, message: one("Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900")},
		"43201 seconds":          {parameters: []string{"DurationSeconds", "43201"}, code: invalid, message: one("Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200")},
		"-3600 seconds":          {parameters: []string{"DurationSeconds", "-3600"}, code: invalid, message: one("Value '-3600' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900")},
		"more than the role's":   {parameters: []string{"DurationSeconds", "3601"}, code: invalid, message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		"seconds in words":       {parameters: []string{"DurationSeconds", "an hour"}, code: "MalformedInput", reason: "is not an integer"},
		"fraction of a second":   {parameters: []string{"DurationSeconds", "900.0"}, code: "MalformedInput", reason: "is not an integer"},
		"2^31 seconds":           {parameters: []string{"DurationSeconds", "2147483648"}, code: "MalformedInput", reason: "is not an integer"},
		"no session name":        {parameters: []string{"RoleSessionName", ""}, code: invalid, message: one("Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null")},
		"session name of one":    {parameters: []string{"RoleSessionName", "a"}, code: invalid, message: one("Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2")},
		"session name of 65":     {parameters: []string{"RoleSessionName", long}, code: invalid, message: one("Value '" + long + "' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64")},
		"session name a colon":   {parameters: []string{"RoleSessionName", "Session1:2"}, code: invalid, message: one(`Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`)},
		"session name newline":   {parameters: []string{"RoleSessionName", "job\n"}, code: invalid, message: one("Value 'job\n' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*")},
		"session name not ASCII": {parameters: []string{"RoleSessionName", "jöb"}, code: invalid, message: one(`Value 'jöb' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`)},
		"no role":                {parameters: []string{"RoleArn", ""}, code: invalid, message: one("Value null at 'roleArn' failed to satisfy constraint: Member must not be null")},
		"a role's name alone":    {parameters: []string{"RoleArn", "deploy"}, code: invalid, message: one("Value 'deploy' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20")},
		"a long role":            {parameters: []string{"RoleArn", longRole}, code: invalid, message: one("Value '" + longRole + "' at 'roleArn' failed to satisfy constraint: Member must have length less than or equal to 2048")},
		"a user's ARN":           {parameters: []string{"RoleArn", "arn:aws:iam::123456789012:user/deploy"}, code: invalid, message: "arn:aws:iam::123456789012:user/deploy is invalid"},
		"another partition":      {parameters: []string{"RoleArn", "arn:aws-cn:iam::123456789012:role/deploy"}, code: invalid, message: "arn:aws-cn:iam::123456789012:role/deploy is invalid"},
		"role without a name":    {parameters: []string{"RoleArn", "arn:aws:iam::123456789012:role/"}, code: invalid, message: "arn:aws:iam::123456789012:role/ is invalid"},
		"an account of letters":  {parameters: []string{"RoleArn", "arn:aws:iam::12345678901x:role/deploy"}, code: invalid, message: "arn:aws:iam::12345678901x:role/deploy is invalid"},
		"no token":               {parameters: []string{"WebIdentityToken", ""}, code: invalid, message: one("Value null at 'webIdentityToken' failed to satisfy constraint: Member must not be null")},
		"all at once": {
			parameters: []string{"RoleSessionName", "", "DurationSeconds", "1"}, code: invalid,
			message: "2 validation errors detected: Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null; " +
				"Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
		},
		"a session policy without a statement": {
			parameters: []string{"Policy", `{"Version":"2012-10-17","Statement":[]}`}, code: "MalformedPolicyDocument",
			message: "Syntax errors in policy. Line 1, column 37: the policy has an empty Statement; add one",
		},
		"a session policy that is no JSON": {
			parameters: []string{"Policy", `{"Version`}, code: "MalformedPolicyDocument",
			message: "The policy is not in the valid JSON format. Line 1, column 9: the document is not JSON: unexpected end of JSON input", reason: "line 1",
		},
		"a session policy of other characters": {
			parameters: []string{"Policy", "{€}"}, code: invalid,
			message: one(`Value '{€}' at 'policy' failed to satisfy constraint: Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+`),
		},
		"a long session policy": {
			parameters: []string{"Policy", strings.Repeat(" ", 2049)}, code: invalid,
			message: one("Value '" + strings.Repeat(" ", 2049) + "' at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048"),
		},
		"a session policy that is not there": {
			parameters: []string{"PolicyArns.member.1.arn", "arn:aws:iam::123456789012:policy/p"}, code: invalid,
			message: "Policy arn:aws:iam::123456789012:policy/p does not exist or is not attachable.", reason: "has no managed policy of this ARN",
		},
		"a session policy that is none": {
			parameters: []string{"PolicyArns.member.1.arn", "arn:aws:iam::123456789012:role/p"}, code: invalid,
			message: "The specified ARN is not valid: arn:aws:iam::123456789012:role/p",
		},
		"a session policy without its ARN": {
			parameters: []string{"PolicyArns.member.1.Arn", "arn:aws:iam::123456789012:policy/p"}, code: invalid,
			message: one("Value null at 'policyArns.1.member.arn' failed to satisfy constraint: Member must not be null"),
		},
		"Amazon's ProviderId": {
			parameters: []string{"ProviderId", "www.amazon.com"}, code: "InvalidIdentityToken", message: "Provided Token is not a Login With Amazon token",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply := f.assume(t, f.token(t), c.parameters...)
			wantFault(t, reply, http.StatusBadRequest, c.code, c.message)
			if e := f.eventOf(t, reply); e.Code != c.code || e.Message != c.message || !strings.Contains(e.Reason, c.reason) || e.IssuedKey != "" {
				t.Errorf("event is %+v", e)
			}
		})
	}
}

// A token beyond the bound is refused before anyone looks into it, and does
// not come back in the message; one of the whole bound is looked into.
func TestLargeTokens(t *testing.T) {
	t.Parallel()
	f := start(t)
	const tooLong = "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must have length less than or equal to 20000"
	for _, length := range []int{20001, 1 << 20} {
		token := f.noted(strings.Repeat("aT9-", length/4) + strings.Repeat(".", length%4))
		wantFault(t, f.assume(t, token), http.StatusBadRequest, "ValidationError", tooLong)
	}
	padded := func(length int) string {
		token := f.token(t)
		return token + strings.Repeat("\n", length-len(token))
	}
	f.wantAssumed(t, f.assume(t, padded(20000)))
	wantFault(t, f.assume(t, padded(20001)), http.StatusBadRequest, "ValidationError", tooLong)
	wantFault(t, f.assume(t, "abc"), http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must have length greater than or equal to 4")
}

// TestTokenInTheWrongPlace: variables get mixed up. What is no name of a role
// or of a session is kept out of the event.
func TestTokenInTheWrongPlace(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, name := range []string{"RoleArn", "RoleSessionName", "DurationSeconds", "ProviderId", "Action", "Version"} {
		reply := f.assume(t, f.token(t), name, f.token(t))
		if reply.Status != http.StatusBadRequest && reply.Status != http.StatusForbidden {
			t.Errorf("a token as %s is answered %d", name, reply.Status)
		}
		if e := f.eventOf(t, reply); e.Code == "" {
			t.Errorf("a token as %s leaves the event %+v", name, e)
		}
	}
	// The fixture looks for the tokens in the events.
	reply := f.Post(t, aws.Config{}, "", time.Time{}, url.Values{"Action": {"GetCallerIdentity"}, "Version": {f.token(t)}})
	if e := f.eventOf(t, reply); e.Fault != "UnknownOperation" {
		t.Errorf("event is %+v", e)
	}
}

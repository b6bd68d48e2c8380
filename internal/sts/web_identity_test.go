package sts_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
)

// TestReply holds every byte of a reply against AWS's form.
func TestReply(t *testing.T) {
	t.Parallel()
	f := start(t)
	role := f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trust(account, f.condition(subject)), MaxSessionDuration: 43200})
	reply := f.assume(t, f.token(t))
	a := f.wantAssumed(t, reply)
	// Its life is an hour, though the role allows twelve and the token ends
	// earlier; it counts from the whole second.
	expires := f.clock.Now().UTC().Truncate(time.Second).Add(time.Hour).Format("2006-01-02T15:04:05Z")
	want := fmt.Sprintf(`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>project_path:mygroup/myproject:ref_type:branch:ref:main</SubjectFromWebIdentityToken>
    <Audience>https://gitlab.example.com</Audience>
    <AssumedRoleUser>
      <AssumedRoleId>%s:job-1</AssumedRoleId>
      <Arn>arn:aws:sts::123456789012:assumed-role/deploy/job-1</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>%s</AccessKeyId>
      <SecretAccessKey>%s</SecretAccessKey>
      <SessionToken>%s</SessionToken>
      <Expiration>%s</Expiration>
    </Credentials>
    <Provider>arn:aws:iam::123456789012:oidc-provider/%s</Provider>
    <PackedPolicySize>25</PackedPolicySize>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata>
    <RequestId>%s</RequestId>
  </ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>
`, role.ID, a.KeyID, a.Secret, a.Token, expires, f.issuer.host(), reply.Header.Get("X-Amzn-Requestid"))
	if diff := cmp.Diff(want, reply.Body); diff != "" {
		t.Errorf("reply (-want +got):\n%s", diff)
	}
	if got := reply.Header.Get("Content-Type"); got != "text/xml" {
		t.Errorf("content type %q", got)
	}
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if !uuid.MatchString(a.Request) {
		t.Errorf("request id %q", a.Request)
	}
	if owner, ok := session.AccountOf(a.KeyID); !strings.HasPrefix(a.KeyID, "ASIA") || owner != account || !ok {
		t.Errorf("access key id %s is of account %s", a.KeyID, owner)
	}

	e := f.eventOf(t, reply)
	if !e.Verified || e.Decision != "Allow" || e.Role != deployARN || e.Session != a.ARN || e.IssuedKey != a.KeyID ||
		e.Account != account || e.Issuer != f.issuer.URL() || e.Subject != subject || e.TokenID == "" || e.Operation != "AssumeRoleWithWebIdentity" ||
		e.ExpiresAt == nil || e.ExpiresAt.Format("2006-01-02T15:04:05Z") != expires || !cmp.Equal(e.Audience, []string{audience}) {
		t.Errorf("event is %+v", e)
	}
}

// The same with AWS's client, and then as the session.
func TestSessionCallsAsItself(t *testing.T) {
	t.Parallel()
	f := start(t)
	// The role's path is in its own ARN and not in its sessions'.
	role := f.putRole(t, store.Role{Name: "Nightly", Path: "/ci/jobs/", TrustPolicy: f.trust(account, f.condition(subject))})
	out, err := stsclient.NewFromConfig(f.Config(aws.Credentials{})).AssumeRoleWithWebIdentity(t.Context(), &stsclient.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/ci/jobs/Nightly"), RoleSessionName: aws.String("a=b,c.d@e-f+g_h"),
		WebIdentityToken: aws.String(f.token(t)), DurationSeconds: aws.Int32(900),
	})
	if err != nil {
		t.Fatal(err)
	}
	const sessionARN = "arn:aws:sts::123456789012:assumed-role/Nightly/a=b,c.d@e-f+g_h"
	c := out.Credentials
	f.secret(*c.SecretAccessKey, *c.SessionToken)
	if *out.AssumedRoleUser.Arn != sessionARN || !c.Expiration.Equal(f.clock.Now().Truncate(time.Second).Add(15*time.Minute)) {
		t.Errorf("session %s until %s", *out.AssumedRoleUser.Arn, c.Expiration)
	}
	caller, err := stsclient.NewFromConfig(f.Config(aws.Credentials{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
	})).GetCallerIdentity(t.Context(), &stsclient.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *caller.Arn != sessionARN || *caller.Account != account || *caller.UserId != role.ID+":a=b,c.d@e-f+g_h" || *caller.UserId != *out.AssumedRoleUser.AssumedRoleId {
		t.Errorf("caller is %s %s %s", *caller.Arn, *caller.UserId, *caller.Account)
	}
}

func TestGetCallerIdentityOfAUser(t *testing.T) {
	t.Parallel()
	f := start(t)
	denying := f.User(t, "nobody", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`)
	for name, config := range map[string]aws.Config{"administrator": f.AdminConfig, "nobody": denying} { // no policy can deny it
		out, err := stsclient.NewFromConfig(config).GetCallerIdentity(t.Context(), &stsclient.GetCallerIdentityInput{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if *out.Arn != "arn:aws:iam::123456789012:user/"+name || *out.Account != account || !strings.HasPrefix(*out.UserId, "AIDA") {
			t.Errorf("%s is %s %s %s", name, *out.Arn, *out.UserId, *out.Account)
		}
	}
}

// Tokens that AWS takes, though a strict reader might not.
func TestTokensThatAreTaken(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "any", TrustPolicy: f.trust(account, `{"StringLike":{"`+f.issuer.host()+`:sub":"*"}}`)})
	second := int64(1)
	for name, c := range map[string]struct {
		token    string
		subject  string // subject where ""
		audience string // audience where ""
		packed   int    // 25 where 0
	}{
		"with the newline of its file": {token: f.token(t) + "\n"},
		"expired 299 s ago":            {token: f.tokenWith(t, func(c map[string]any) { c["exp"] = f.clock.Now().Unix() - 299*second })},
		"expired 300 s ago":            {token: f.tokenWith(t, func(c map[string]any) { c["exp"] = f.clock.Now().Unix() - 300*second })},
		"issued 300 s from now":        {token: f.tokenWith(t, func(c map[string]any) { c["iat"] = f.clock.Now().Unix() + 300*second })},
		"valid 300 s from now":         {token: f.tokenWith(t, func(c map[string]any) { c["nbf"] = f.clock.Now().Unix() + 300*second })},
		"times in strings":             {token: f.tokenWith(t, func(c map[string]any) { c["exp"] = fmt.Sprint(f.clock.Now().Unix() + 60) })},
		"without nbf":                  {token: f.tokenWith(t, func(c map[string]any) { delete(c, "nbf") })},
		"aud an array of one":          {token: f.tokenWith(t, func(c map[string]any) { c["aud"] = []string{audience} })},
		"the first client id":          {token: f.tokenWith(t, func(c map[string]any) { c["aud"] = "first" }), audience: "first"},
		"azp in the place of aud": {
			token:    f.tokenWith(t, func(c map[string]any) { c["aud"], c["azp"] = []string{"x", "y"}, "first" }),
			audience: "first",
		},
		"sub a number":      {token: f.tokenWith(t, func(c map[string]any) { c["sub"] = 4711 }), subject: "4711", packed: 23},
		"a sub that is XML": {token: f.tokenWith(t, func(c map[string]any) { c["sub"] = "<a>&amp;\"'\n" }), subject: "<a>&amp;\"'\n", packed: 23},
		"a long sub": {
			token:   f.tokenWith(t, func(c map[string]any) { c["sub"] = strings.Repeat("s", 300) }),
			subject: strings.Repeat("s", 300), packed: 34,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := f.wantAssumed(t, f.assume(t, c.token, "RoleArn", "arn:aws:iam::123456789012:role/any"))
			want := [3]any{orElse(c.subject, subject), orElse(c.audience, audience), orElse(c.packed, 25)}
			if got := [3]any{a.Subject, a.Aud, a.Packed}; got != want {
				t.Errorf("subject, audience, packed size are %q, want %q", got, want)
			}
		})
	}
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Parameters that AWS takes: the first of two counts, an unknown one is
// ignored, and so is an empty ProviderId.
func TestParametersThatAreTaken(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trust(account, f.condition(subject)), MaxSessionDuration: 43200})
	v := form(f.token(t), "Unknown", "x")
	v["RoleSessionName"] = []string{"first", "second/bad"}
	v["ProviderId"] = []string{""}
	if a := f.wantAssumed(t, f.Post(t, aws.Config{}, "", time.Time{}, v)); a.ARN != "arn:aws:sts::123456789012:assumed-role/deploy/first" {
		t.Errorf("session is %s", a.ARN)
	}
	for seconds, want := range map[string]time.Duration{"900": 900, "+0900": 900, "43200": 43200} {
		a := f.wantAssumed(t, f.assume(t, f.token(t), "DurationSeconds", seconds))
		if expires := f.clock.Now().UTC().Truncate(time.Second).Add(want * time.Second).Format("2006-01-02T15:04:05Z"); a.Expires != expires {
			t.Errorf("%s seconds end at %s, want %s", seconds, a.Expires, expires)
		}
	}
}

// The key oaud is there only where azp took aud's place.
func TestOAud(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "without", TrustPolicy: f.trust(account, `{"Null":{"`+f.issuer.host()+`:oaud":"true"}}`)})
	f.putRole(t, store.Role{Name: "with", TrustPolicy: f.trust(account, `{"StringEquals":{"`+f.issuer.host()+`:oaud":"other"}}`)})
	plain := f.tokenWith(t, func(map[string]any) {})
	displaced := f.tokenWith(t, func(c map[string]any) { c["aud"], c["azp"] = "other", audience })
	for _, c := range []struct {
		token, role string
		status      int
	}{
		{plain, "without", http.StatusOK},
		{plain, "with", http.StatusForbidden},
		{displaced, "without", http.StatusForbidden},
		{displaced, "with", http.StatusOK},
	} {
		if r := f.assume(t, c.token, "RoleArn", "arn:aws:iam::123456789012:role/"+c.role); r.Status != c.status {
			t.Errorf("role %s: %d %s, want %d", c.role, r.Status, r.Body, c.status)
		} else if r.Status == http.StatusOK {
			f.wantAssumed(t, r)
		}
	}
}

// The names of roles have no case, and their sessions have the name that made
// the role.
func TestRoleInAnotherSpelling(t *testing.T) {
	t.Parallel()
	f := start(t)
	a := f.wantAssumed(t, f.assume(t, f.token(t), "RoleArn", "arn:aws:iam::123456789012:role/DEPLOY"))
	if a.ARN != "arn:aws:sts::123456789012:assumed-role/deploy/job-1" {
		t.Errorf("session is %s", a.ARN)
	}
}

// From token to credentials and from signature to decision nothing is read
// from the store: it can be gone.
func TestNoStoreOnTheWay(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trust(account, f.condition(subject)), InlinePolicies: []store.InlinePolicy{{
		Name: "touch", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"probe:Touch","Resource":"*"}]}`,
	}}})
	if err := f.Store.Close(); err != nil {
		t.Fatal(err)
	}
	a := f.wantAssumed(t, f.assume(t, f.token(t)))
	f.wantTouch(t, a, http.StatusOK)
}

// touch calls the probe as a session.
func (f *fixture) touch(t testing.TB, a *assumed) awsapitest.Reply {
	t.Helper()
	return f.Post(t, f.Config(a.credentials()), "probe", f.clock.Now(), map[string][]string{"Action": {"Touch"}, "Version": {"2026-11-21"}})
}

func (f *fixture) wantTouch(t testing.TB, a *assumed, status int) awsapitest.Reply {
	t.Helper()
	r := f.touch(t, a)
	if r.Status != status {
		t.Errorf("got %d %s, want %d", r.Status, r.Body, status)
	}
	return r
}

// A session carries the provider's keys aud, sub and amr to its requests, and
// no other; the email of its token was for the trust policy alone.
func TestKeysOfTheSession(t *testing.T) {
	t.Parallel()
	f := start(t)
	host := f.issuer.host()
	token := f.tokenWith(t, func(c map[string]any) {
		c["aud"], c["azp"], c["amr"], c["email"] = []string{"other"}, "first", []string{"pwd", "mfa"}, "a@example.com"
	})
	for _, c := range []struct {
		condition string
		status    int
	}{
		{`"StringEquals":{"` + host + `:sub":"` + subject + `","` + host + `:aud":"first"}`, http.StatusOK},
		{`"ForAnyValue:StringEquals":{"` + host + `:amr":"mfa"}`, http.StatusOK},
		{`"StringEquals":{"aws:FederatedProvider":"arn:aws:iam::123456789012:oidc-provider/` + host + `"}`, http.StatusOK},
		{`"StringEquals":{"aws:PrincipalArn":"` + deployARN + `","aws:PrincipalType":"AssumedRole"}`, http.StatusOK},
		{`"StringEquals":{"` + host + `:aud":"other"}`, http.StatusForbidden},
		{`"Null":{"` + host + `:email":"false"}`, http.StatusForbidden},
		{`"Null":{"` + host + `:oaud":"false"}`, http.StatusForbidden},
		{`"Null":{"` + host + `:azp":"false"}`, http.StatusForbidden},
		{`"Null":{"aws:username":"false"}`, http.StatusForbidden},
	} {
		f.putRole(t, store.Role{
			Name: "deploy", TrustPolicy: f.trust(account, `{"StringEquals":{"`+host+`:email":"a@example.com","`+host+`:oaud":"other"}}`),
			InlinePolicies: []store.InlinePolicy{{Name: "p", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"probe:Touch","Resource":"*","Condition":{` + c.condition + `}}]}`}},
		})
		a := f.wantAssumed(t, f.assume(t, token))
		if r := f.touch(t, a); r.Status != c.status {
			t.Errorf("condition %s: got %d, want %d", c.condition, r.Status, c.status)
		}
	}
}

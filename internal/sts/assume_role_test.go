package sts_test

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/sts"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	adminARN = "arn:aws:iam::" + account + ":user/administrator"
	touch    = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"probe:Touch","Resource":"*"}}`
)

// principal is a trust policy that admits a principal of AWS to the actions, on
// a condition.
func principal(arn, actions, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + arn + `"},"Action":` + actions + `,"Condition":` + condition + `}]}`
}

const allActions = `["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`

// given is what any operation says that gives credentials.
type given struct {
	ARN            string `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
	Packed         string `xml:"AssumeRoleResult>PackedPolicySize"`
	SourceIdentity string `xml:"AssumeRoleResult>SourceIdentity"`
	Role           keys   `xml:"AssumeRoleResult>Credentials"`
	User           keys   `xml:"GetSessionTokenResult>Credentials"`
	Federated      keys   `xml:"GetFederationTokenResult>Credentials"`
	FederatedARN   string `xml:"GetFederationTokenResult>FederatedUser>Arn"`
	FederatedID    string `xml:"GetFederationTokenResult>FederatedUser>FederatedUserId"`
	FederatedPack  string `xml:"GetFederationTokenResult>PackedPolicySize"`
	Account        string `xml:"GetAccessKeyInfoResult>Account"`
	Decoded        string `xml:"DecodeAuthorizationMessageResult>DecodedMessage"`
}

type keys struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }

// call sends an operation of STS, signed.
func (f *fixture) call(t testing.TB, config aws.Config, operation string, parameters ...string) awsapitest.Reply {
	t.Helper()
	v := url.Values{"Action": {operation}, "Version": {sts.Version}}
	for i := 0; i+1 < len(parameters); i += 2 {
		v.Set(parameters[i], parameters[i+1])
	}
	return f.Post(t, config, "sts", f.clock.Now(), v)
}

func (f *fixture) wantGiven(t testing.TB, r awsapitest.Reply) *given {
	t.Helper()
	g := &given{}
	if r.Status != http.StatusOK {
		t.Fatalf("got %d %s", r.Status, r.Body)
	}
	if err := xml.Unmarshal([]byte(r.Body), g); err != nil {
		t.Fatal(err)
	}
	return g
}

// as signs with credentials that were given.
func (f *fixture) as(k keys) aws.Config {
	f.secret(k.SecretAccessKey, k.SessionToken)
	return f.Config(aws.Credentials{AccessKeyID: k.AccessKeyId, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken})
}

func (f *fixture) assumeAs(t testing.TB, config aws.Config, role string, parameters ...string) awsapitest.Reply {
	t.Helper()
	return f.call(t, config, "AssumeRole", append([]string{"RoleArn", "arn:aws:iam::" + account + ":role/" + role, "RoleSessionName", "s-1"}, parameters...)...)
}

// touches asks whether the caller may call probe:Touch.
func (f *fixture) touches(t testing.TB, config aws.Config) awsapitest.Reply {
	t.Helper()
	return f.Post(t, config, "probe", f.clock.Now(), url.Values{"Action": {"Touch"}, "Version": {"2026-11-21"}})
}

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	f := start(t)
	role := f.putRole(t, store.Role{
		Name: "ops", Path: "/team/", TrustPolicy: principal(adminARN, allActions, `{"StringEquals":{"sts:ExternalId":"x-1"}}`),
		InlinePolicies: []store.InlinePolicy{{Name: "touch", Document: touch}},
	})
	g := f.wantGiven(t, f.assumeAs(t, f.AdminConfig, "team/ops", "ExternalId", "x-1"))
	if g.ARN != "arn:aws:sts::"+account+":assumed-role/ops/s-1" || g.Packed != "" || g.SourceIdentity != "" {
		t.Errorf("%+v", g)
	}
	if r := f.touches(t, f.as(g.Role)); r.Status != http.StatusOK {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
	if r := f.call(t, f.as(g.Role), "GetCallerIdentity"); !strings.Contains(r.Body, "<UserId>"+role.ID+":s-1</UserId>") {
		t.Errorf("got %s", r.Body)
	}
	bare := "User: " + adminARN + " is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::" + account + ":role/"
	for name, r := range map[string]struct {
		reply   awsapitest.Reply
		message string
	}{
		"no external id":    {f.assumeAs(t, f.AdminConfig, "team/ops"), bare + "team/ops"},
		"wrong external id": {f.assumeAs(t, f.AdminConfig, "team/ops", "ExternalId", "x-2"), bare + "team/ops"},
		"another path":      {f.assumeAs(t, f.AdminConfig, "ops", "ExternalId", "x-1"), bare + "ops"},
		"no role":           {f.assumeAs(t, f.AdminConfig, "none"), bare + "none"},
		"a role of tokens":  {f.assumeAs(t, f.AdminConfig, "deploy"), bare + "deploy"},
	} {
		t.Log(name)
		wantFault(t, r.reply, http.StatusForbidden, "AccessDenied", r.message)
	}
}

// A trust policy that names the account leaves it to the caller's own policies;
// one that names the caller does not ask them. A Deny there counts in any case.
func TestAssumeRoleWhoDecides(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "account", TrustPolicy: principal(account, `"sts:AssumeRole"`, `{}`)})
	f.putRole(t, store.Role{Name: "bob", TrustPolicy: principal("arn:aws:iam::"+account+":user/bob", `"sts:AssumeRole"`, `{}`)})
	bob := f.User(t, "bob")
	allowed := f.User(t, "ann", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}`)
	for name, c := range map[string]struct {
		config aws.Config
		role   string
		status int
	}{
		"account, no policy":  {bob, "account", http.StatusForbidden},
		"account, and policy": {allowed, "account", http.StatusOK},
		"named, no policy":    {bob, "bob", http.StatusOK},
		"policy, not trusted": {allowed, "bob", http.StatusForbidden},
	} {
		if r := f.assumeAs(t, c.config, c.role); r.Status != c.status {
			t.Errorf("%s: got %d %s", name, r.Status, r.Body)
		}
	}
	f.putRole(t, store.Role{Name: "carol", TrustPolicy: principal("arn:aws:iam::"+account+":user/carol", `"sts:AssumeRole"`, `{}`)})
	carol := f.User(t, "carol", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"sts:*","Resource":"*"}}`)
	if r := f.assumeAs(t, carol, "carol"); r.Status != http.StatusForbidden {
		t.Errorf("an explicit deny: got %d", r.Status)
	}
}

func TestAssumeRoleParameters(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "ops", TrustPolicy: principal(adminARN, allActions, `{}`)})
	one := func(s string) string { return "1 validation error detected: " + s }
	for name, c := range map[string]struct {
		parameters []string
		code       string
		message    string
	}{
		"short session name": {[]string{"RoleSessionName", "a"}, "ValidationError", one("Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2")},
		"session name":       {[]string{"RoleSessionName", "a:b"}, "ValidationError", one(`Value 'a:b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`)},
		"no ARN":             {[]string{"RoleArn", "this-is-not-an-arn-at-all"}, "ValidationError", "this-is-not-an-arn-at-all is invalid"},
		"too short":          {[]string{"DurationSeconds", "899"}, "ValidationError", one("Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900")},
		"too long":           {[]string{"DurationSeconds", "43201"}, "ValidationError", one("Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200")},
		"beyond the role":    {[]string{"DurationSeconds", "3601"}, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		"external id":        {[]string{"ExternalId", "a b"}, "ValidationError", one(`Value 'a b' at 'externalId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@:\/-]*`)},
		"source identity":    {[]string{"SourceIdentity", "aws:x"}, "ValidationError", one(`Value 'aws:x' at 'sourceIdentity' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`)},
		"no number":          {[]string{"DurationSeconds", "abc"}, "MalformedInput", ""},
		"empty number":       {[]string{"DurationSeconds", ""}, "MalformedInput", "missing value for decimal type"},
		"tags twice":         {[]string{"Tags.member.1.Key", "a", "Tags.member.1.Value", "1", "Tags.member.2.Key", "A", "Tags.member.2.Value", "2"}, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		"tag characters":     {[]string{"Tags.member.1.Key", "<a>", "Tags.member.1.Value", "1"}, "ValidationError", one(`Value '<a>' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`)},
		"transitive, no tag": {[]string{"TransitiveTagKeys.member.1", "a"}, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."},
		"gap":                {[]string{"Tags.member.2.Key", "a", "Tags.member.2.Value", "1"}, "ValidationError", one("Value null at 'tags.1.member' failed to satisfy constraint: Member must not be null")},
		"a policy of none":   {[]string{"PolicyArns.member.1.arn", "arn:aws:iam::" + account + ":policy/none"}, "ValidationError", "Policy arn:aws:iam::" + account + ":policy/none does not exist or is not attachable."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantFault(t, f.assumeAs(t, f.AdminConfig, "ops", c.parameters...), http.StatusBadRequest, c.code, c.message)
		})
	}
}

// TestChaining: an hour at most; transitive tags and the source identity go
// with the session, and need the permissions for them; whoever revokes the
// first session ends the second.
func TestChaining(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "first", TrustPolicy: principal(adminARN, allActions, `{}`), MaxSessionDuration: 43200})
	firstARN := "arn:aws:iam::" + account + ":role/first"
	f.putRole(t, store.Role{
		Name: "second", TrustPolicy: principal(firstARN, allActions, `{"StringEquals":{"aws:PrincipalTag/team":"red"}}`), MaxSessionDuration: 43200,
		InlinePolicies: []store.InlinePolicy{{Name: "touch", Document: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"probe:Touch","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red","aws:SourceIdentity":"alice"}}}}`}},
	})
	f.putRole(t, store.Role{Name: "untagged", TrustPolicy: principal(firstARN, `["sts:AssumeRole","sts:SetSourceIdentity"]`, `{}`)})
	f.putRole(t, store.Role{Name: "anonymous", TrustPolicy: principal(firstARN, `["sts:AssumeRole","sts:TagSession"]`, `{}`)})
	g := f.wantGiven(t, f.assumeAs(t, f.AdminConfig, "first", "DurationSeconds", "7200", "SourceIdentity", "alice",
		"Tags.member.1.Key", "team", "Tags.member.1.Value", "red", "Tags.member.2.Key", "cost", "Tags.member.2.Value", "1", "TransitiveTagKeys.member.1", "Team"))
	if g.SourceIdentity != "alice" || g.Packed == "" {
		t.Errorf("%+v", g)
	}
	first := f.as(g.Role)
	caller := "User: arn:aws:sts::" + account + ":assumed-role/first/s-1 is not authorized to perform: "
	wantFault(t, f.assumeAs(t, first, "second", "DurationSeconds", "3601"), http.StatusBadRequest, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	wantFault(t, f.assumeAs(t, first, "second", "SourceIdentity", "bob"), http.StatusBadRequest, "ValidationError", "The source identity is already set for this assume role session")
	wantFault(t, f.assumeAs(t, first, "second", "Tags.member.1.Key", "TEAM", "Tags.member.1.Value", "blue"), http.StatusBadRequest, "InvalidParameterValue",
		"One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
	wantFault(t, f.assumeAs(t, first, "untagged"), http.StatusForbidden, "AccessDenied", caller+"sts:TagSession on resource: arn:aws:iam::"+account+":role/untagged")
	wantFault(t, f.assumeAs(t, first, "anonymous"), http.StatusForbidden, "AccessDenied", caller+"sts:SetSourceIdentity on resource: arn:aws:iam::"+account+":role/anonymous")

	second := f.as(f.wantGiven(t, f.assumeAs(t, first, "second", "SourceIdentity", "alice")).Role)
	if r := f.touches(t, second); r.Status != http.StatusOK {
		t.Fatalf("got %d %s", r.Status, r.Body)
	}
	f.update(t, func(tx store.Tx) error {
		return store.PutRecord(tx, store.RevocationID(account, "r-1"), store.Revocation{
			Account: account, ID: "r-1", Kind: store.RevocationSession, AccessKeyID: g.Role.AccessKeyId, Created: f.clock.Now(), Until: f.clock.Now().Add(48 * time.Hour),
		})
	})
	for _, config := range []aws.Config{first, second} {
		wantFault(t, f.call(t, config, "GetCallerIdentity"), http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	}
}

// TestSetSourceIdentityKeys: neither the session's name nor the tags are keys of
// sts:SetSourceIdentity.
func TestSetSourceIdentityKeys(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "named", TrustPolicy: principal(adminARN, allActions, `{"StringEquals":{"sts:RoleSessionName":"s-1"}}`)})
	if r := f.assumeAs(t, f.AdminConfig, "named"); r.Status != http.StatusOK {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
	wantFault(t, f.assumeAs(t, f.AdminConfig, "named", "SourceIdentity", "alice"), http.StatusForbidden, "AccessDenied",
		"User: "+adminARN+" is not authorized to perform: sts:SetSourceIdentity on resource: arn:aws:iam::"+account+":role/named")
}

// TestSessionPolicies: they limit, and those named by ARN as they stand now.
func TestSessionPolicies(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "ops", TrustPolicy: principal(adminARN, allActions, `{}`), InlinePolicies: []store.InlinePolicy{{Name: "touch", Document: touch}}})
	f.putRole(t, store.Role{Name: "job", TrustPolicy: f.trust(account, f.condition(subject)), InlinePolicies: []store.InlinePolicy{{Name: "touch", Document: touch}}})
	other := strings.Replace(touch, "probe:Touch", "probe:Look", 1)
	put := func(document string) {
		f.update(t, func(tx store.Tx) error {
			return store.PutRecord(tx, store.PolicyID(account, "limit"), store.Policy{
				Account: account, Name: "limit", Path: "/", ID: "ANPA" + strings.Repeat("A", 17), DefaultVersion: "v1", Versions: []store.PolicyVersion{{ID: "v1", Document: document}},
			})
		})
	}
	put(touch)
	limit := []string{"PolicyArns.member.1.arn", "arn:aws:iam::" + account + ":policy/limit"}
	byARN := f.as(f.wantGiven(t, f.assumeAs(t, f.AdminConfig, "ops", limit...)).Role)
	both := f.as(f.wantGiven(t, f.assumeAs(t, f.AdminConfig, "ops", append(limit, "Policy", other)...)).Role)
	inline := f.as(f.wantGiven(t, f.assumeAs(t, f.AdminConfig, "ops", "Policy", other)).Role)
	job := f.wantAssumed(t, f.assume(t, f.token(t), "RoleArn", "arn:aws:iam::"+account+":role/job", "Policy", other))
	token := f.Config(aws.Credentials{AccessKeyID: job.KeyID, SecretAccessKey: job.Secret, SessionToken: job.Token})
	touches := func(name string, config aws.Config, status int) {
		t.Helper()
		if r := f.touches(t, config); r.Status != status {
			t.Errorf("%s: got %d %s, want %d", name, r.Status, r.Body, status)
		}
	}
	touches("by ARN", byARN, http.StatusOK)
	touches("both: one is enough", both, http.StatusOK)
	touches("inline", inline, http.StatusForbidden)
	touches("a token's", token, http.StatusForbidden)
	if r := f.touches(t, inline); !strings.Contains(r.Body, "because no session policy allows the probe:Touch action") {
		t.Errorf("got %s", r.Body)
	}
	ofAWS := func(name string) aws.Config {
		return f.as(f.wantGiven(t, f.assumeAs(t, f.AdminConfig, "ops", "PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/"+name)).Role)
	}
	touches("AWS's, all", ofAWS("AdministratorAccess"), http.StatusOK)
	touches("AWS's, in other case", ofAWS("administratoraccess"), http.StatusOK)
	touches("AWS's, others", ofAWS("AmazonS3ReadOnlyAccess"), http.StatusForbidden)
	none := "arn:aws:iam::aws:policy/NoneOfThisName"
	wantFault(t, f.assumeAs(t, f.AdminConfig, "ops", "PolicyArns.member.1.arn", none), http.StatusBadRequest, "ValidationError", "Policy "+none+" does not exist or is not attachable.")
	put(other)
	touches("by ARN, changed", byARN, http.StatusForbidden)
	f.update(t, func(tx store.Tx) error { return tx.Delete(store.PolicyID(account, "limit")) })
	touches("by ARN, gone", byARN, http.StatusForbidden)
}

package sts_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/outbound"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/sts"

	"github.com/aws/aws-sdk-go-v2/aws"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

const (
	issuerID = "5e1c3f0a-6a3f-4b8f-9d39-0c6f4e0f2a11"
	api      = "https://api.example.com" // an audience
	self     = "arn:aws:sts::" + account + ":self"
)

var outboundKeys = sync.OnceValues(func() ([]outbound.NewKey, error) { return outbound.NewKeys(rand.Reader) })

// enable makes the account an issuer, or ends that.
func (f *fixture) enable(t testing.TB, enabled bool) {
	t.Helper()
	o := store.Outbound{Account: account, IssuerID: issuerID, Enabled: enabled}
	for _, k := range noError(t)(outboundKeys()).([]outbound.NewKey) {
		key := store.SigningKey{ID: k.ID, Algorithm: k.Algorithm}
		key.Sealed = noError(t)(f.MasterKey().Seal(k.PKCS8, o.Associated(&key))).([]byte)
		o.Keys = append(o.Keys, key)
	}
	f.update(t, func(tx store.Tx) error { return store.PutRecord(tx, store.OutboundID(account), o) })
}

// issued asks for a token through the SDK and reads it: signature, header and
// claims.
func (f *fixture) issued(t testing.TB, c aws.Config, in *stsclient.GetWebIdentityTokenInput) (out *stsclient.GetWebIdentityTokenOutput, claims object) {
	t.Helper()
	out, err := stsclient.NewFromConfig(c).GetWebIdentityToken(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	f.noted(*out.WebIdentityToken)
	issuer, _ := f.Directory.Snapshot().Outbound(account)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(issuer.Keys.Document(), &set); err != nil {
		t.Fatal(err)
	}
	algorithm := jose.SignatureAlgorithm(*in.SigningAlgorithm)
	signed := noError(t)(jose.ParseSignedCompact(*out.WebIdentityToken, []jose.SignatureAlgorithm{algorithm})).(*jose.JSONWebSignature)
	payload := noError(t)(signed.Verify(set)).([]byte)
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return out, claims
}

func tokenInput(algorithm string, audience ...string) *stsclient.GetWebIdentityTokenInput {
	return &stsclient.GetWebIdentityTokenInput{Audience: audience, SigningAlgorithm: &algorithm}
}

// tokenForm is a request for a token; parameters as with form.
func tokenForm(parameters ...string) url.Values {
	v := url.Values{
		"Action": {"GetWebIdentityToken"}, "Version": {sts.Version},
		"Audience.member.1": {api}, "SigningAlgorithm": {"RS256"},
	}
	for i := 0; i+1 < len(parameters); i += 2 {
		v.Set(parameters[i], parameters[i+1])
	}
	return v
}

// ask sends it as the configuration's owner.
func (f *fixture) ask(t testing.TB, c aws.Config, parameters ...string) awsapitest.Reply {
	t.Helper()
	return f.Post(t, c, "sts", time.Now(), tokenForm(parameters...))
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// A user's token, of both algorithms.
func TestTokenOfAUser(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.enable(t, true)
	now := f.clock.Now()
	seen := map[string]bool{}
	for _, algorithm := range []string{"RS256", "ES384"} {
		out, claims := f.issued(t, f.AdminConfig, tokenInput(algorithm, api))
		if want := now.Add(300 * time.Second).Truncate(time.Millisecond); !out.Expiration.Equal(want) {
			t.Errorf("%s: it expires at %v, want %v", algorithm, out.Expiration, want)
		}
		jti, _ := claims["jti"].(string)
		if !uuidForm.MatchString(jti) || seen[jti] {
			t.Errorf("jti is %q", jti)
		}
		seen[jti] = true
		const admin = "arn:aws:iam::" + account + ":user/administrator"
		want := object{
			"iss": publicURL + "/" + issuerID, "sub": admin, "aud": api, "jti": jti,
			"iat": float64(now.Unix()), "exp": float64(now.Unix() + 300),
			"https://sts.amazonaws.com/": object{"aws_account": account, "source_region": awsapitest.Region, "principal_id": admin},
		}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Errorf("%s (-want +got):\n%s", algorithm, diff)
		}
		token := noError(t)(oidc.Parse(*out.WebIdentityToken)).(*oidc.Unverified)
		issuer, _ := f.Directory.Snapshot().OutboundIssuer(issuerID)
		keys := noError(t)(oidc.ParseKeySet(issuer.Keys.Document())).(*oidc.KeySet)
		if _, err := token.Verify(keys, []string{api}, now); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

// The reply and its event, to the byte.
func TestTokenReply(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.enable(t, true)
	reply := f.ask(t, f.AdminConfig, "DurationSeconds", "60")
	token := regexp.MustCompile(`eyJ[\w.-]+`).FindString(reply.Body)
	f.noted(token)
	want := fmt.Sprintf(`<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetWebIdentityTokenResult>
    <WebIdentityToken>%s</WebIdentityToken>
    <Expiration>%s</Expiration>
  </GetWebIdentityTokenResult>
  <ResponseMetadata>
    <RequestId>%s</RequestId>
  </ResponseMetadata>
</GetWebIdentityTokenResponse>
`, token, f.clock.Now().UTC().Add(time.Minute).Format("2006-01-02T15:04:05.000Z"), reply.Header.Get("X-Amzn-Requestid"))
	if diff := cmp.Diff(want, reply.Body); diff != "" || reply.Status != http.StatusOK {
		t.Errorf("%d (-want +got):\n%s", reply.Status, diff)
	}
	e := f.eventOf(t, reply)
	if e.Operation != "GetWebIdentityToken" || e.Issuer != publicURL+"/"+issuerID || e.Subject != "arn:aws:iam::"+account+":user/administrator" ||
		!slices.Equal(e.Audience, []string{api}) || !uuidForm.MatchString(e.TokenID) || e.ExpiresAt == nil || e.Resource != self {
		t.Errorf("event is %+v", e)
	}
}

// A role session's token: the role is the subject, and of the session are its
// end, its tags, its source identity and its provider.
func TestTokenOfASession(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.enable(t, true)
	f.putRole(t, store.Role{
		Name: "deploy", Path: "/ci/", TrustPolicy: f.trustOf(webAndAll, f.condition(subject)),
		InlinePolicies: []store.InlinePolicy{{Name: "p", Document: awsapitest.Administrator}},
	})
	const roleARN = "arn:aws:iam::" + account + ":role/ci/deploy"
	given := f.tokenWith(t, func(c map[string]any) {
		c[tagsClaim] = object{"principal_tags": object{"Team": []string{"data"}}}
		c[sourceIdentityClaim] = "alice"
	})
	a := f.wantAssumed(t, f.assume(t, given, "RoleArn", roleARN))
	in := tokenInput("ES384", "one", "two", "one")
	in.DurationSeconds = aws.Int32(3599)
	in.Tags = []ststypes.Tag{{Key: aws.String("Team"), Value: aws.String("request")}, {Key: aws.String("aws:test"), Value: aws.String("")}}
	_, claims := f.issued(t, f.Config(a.credentials()), in)
	want := object{
		"aws_account": account, "source_region": awsapitest.Region, "principal_id": roleARN,
		"request_tags": object{"Team": "request", "aws:test": ""}, "principal_tags": object{"Team": "data"},
		"original_session_exp": a.Expires, "source_identity": "alice",
		"federated_provider": "arn:aws:iam::" + account + ":oidc-provider/" + f.issuer.host(),
	}
	if diff := cmp.Diff(want, claims["https://sts.amazonaws.com/"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if claims["sub"] != roleARN || !cmp.Equal(claims["aud"], []any{"one", "two", "one"}) {
		t.Errorf("sub is %v, aud %v", claims["sub"], claims["aud"])
	}
}

// No token outlives the session that asks for it; that is told even where the
// feature is disabled (recorded on AWS).
func TestTokenOutlivesSession(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{
		Name: "deploy", TrustPolicy: f.trust(account, f.condition(subject)),
		InlinePolicies: []store.InlinePolicy{{Name: "p", Document: awsapitest.Administrator}},
	})
	c := f.Config(f.wantAssumed(t, f.assume(t, f.token(t), "DurationSeconds", "900")).credentials())
	reply := f.ask(t, c, "DurationSeconds", "900")
	wantFault(t, reply, http.StatusForbidden, "SessionDurationEscalationException", "Requested token expiry time must be before the original session's expiry time.")
	f.wantReason(t, reply, "ask for fewer DurationSeconds")
	wantFault(t, f.ask(t, c, "DurationSeconds", "899"), http.StatusForbidden, "OutboundWebIdentityFederationDisabledException", "OutboundWebIdentityFederation is disabled.")
	f.enable(t, true)
	f.noted(regexp.MustCompile(`eyJ[\w.-]+`).FindString(f.ask(t, c, "DurationSeconds", "899").Body))
	f.clock.Advance(10 * time.Second)
	wantFault(t, f.ask(t, c, "DurationSeconds", "899"), http.StatusForbidden, "SessionDurationEscalationException", "Requested token expiry time must be before the original session's expiry time.")
}

// Only an account that is enabled makes tokens, on a server that knows its URL.
func TestTokenWhereDisabled(t *testing.T) {
	t.Parallel()
	f := start(t)
	disabled := func(c aws.Config, reason string) {
		t.Helper()
		reply := f.ask(t, c)
		wantFault(t, reply, http.StatusForbidden, "OutboundWebIdentityFederationDisabledException", "OutboundWebIdentityFederation is disabled.")
		f.wantReason(t, reply, reason)
	}
	disabled(f.AdminConfig, "account "+account+" has not enabled it")
	f.enable(t, true)
	const other = "210987654321"
	f.AddAccount(t, other)
	disabled(f.UserOf(t, other, "administrator", awsapitest.Administrator), "account "+other+" has not enabled it")
	f.enable(t, false)
	disabled(f.AdminConfig, "account "+account+" has not enabled it")

	bare := &fixture{clock: newClock()}
	bare.Server = awsapitest.Start(t, awsapitest.Options{Now: bare.clock.Now, Services: func(*awsapitest.Server) ([]*awsapi.Service, error) {
		service, err := sts.New(sts.Config{Random: rand.Reader})
		return []*awsapi.Service{service}, err
	}})
	bare.enable(t, true)
	f = bare
	disabled(f.AdminConfig, "start it with --public-url")
}

// The size that is bounded is that of the payload (recorded: 14,984 bytes).
func TestTokenTooLarge(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.enable(t, true)
	var parameters []string
	for i := range 10 {
		parameters = append(parameters, fmt.Sprintf("Audience.member.%d", i+1), strings.Repeat("a", 1000))
	}
	for i := range 20 {
		parameters = append(parameters, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprint(i), fmt.Sprintf("Tags.member.%d.Value", i+1), strings.Repeat("v", 256))
	}
	reply := f.ask(t, f.AdminConfig, parameters...)
	wantFault(t, reply, http.StatusBadRequest, "JWTPayloadSizeExceededException", "JWT payload exceeds maximum allowed size")
	f.wantReason(t, reply, "at most 14984 are signed")
}

// TestTokenParameters has AWS's sentences (recorded, 2026-09), the feature being
// disabled: whoever is not refused comes to that.
func TestTokenParameters(t *testing.T) {
	t.Parallel()
	f := start(t)
	const (
		invalid    = "ValidationError"
		unmet      = "1 validation error detected: Value "
		keyPattern = `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`
	)
	tag := func(key, value string) []string {
		return []string{"Tags.member.1.Key", key, "Tags.member.1.Value", value}
	}
	long := strings.Repeat
	audiences, tags, shown := []string{}, []string{}, []string{}
	for i := range 11 {
		audiences = append(audiences, fmt.Sprintf("Audience.member.%d", i+1), fmt.Sprint(i))
	}
	for i := range 51 {
		tags = append(tags, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprint(i), fmt.Sprintf("Tags.member.%d.Value", i+1), "test")
		shown = append(shown, fmt.Sprintf("Tag(key=%d, value=test)", i))
	}
	for name, c := range map[string]struct {
		parameters    []string
		code, message string // "" for OutboundWebIdentityFederationDisabledException
	}{
		"as it should be":     {},
		"ES384":               {parameters: []string{"SigningAlgorithm", "ES384"}},
		"RS384":               {[]string{"SigningAlgorithm", "RS384"}, invalid, "Requested SigningAlgorithm is not supported. See the GetWebIdentityToken documentation for supported algorithms"},
		"rs256":               {[]string{"SigningAlgorithm", "rs256"}, invalid, "Requested SigningAlgorithm is not supported. See the GetWebIdentityToken documentation for supported algorithms"},
		"algorithm none":      {[]string{"SigningAlgorithm", "none"}, invalid, unmet + "'none' at 'signingAlgorithm' failed to satisfy constraint: Member must have length greater than or equal to 5"},
		"algorithm empty":     {[]string{"SigningAlgorithm", ""}, invalid, unmet + "'' at 'signingAlgorithm' failed to satisfy constraint: Member must have length greater than or equal to 5"},
		"algorithm long":      {[]string{"SigningAlgorithm", "RS256x"}, invalid, unmet + "'RS256x' at 'signingAlgorithm' failed to satisfy constraint: Member must have length less than or equal to 5"},
		"audience empty":      {[]string{"Audience.member.1", ""}, invalid, unmet + "'[]' at 'audience' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 1000, Member must have length greater than or equal to 1]"},
		"audience a space":    {parameters: []string{"Audience.member.1", " "}},
		"audience twice":      {parameters: []string{"Audience.member.2", api}},
		"audience of 1000":    {parameters: []string{"Audience.member.1", long("é", 1000)}},
		"audience of 1001":    {[]string{"Audience.member.1", long("a", 1001)}, invalid, unmet + "'[" + long("a", 1001) + "]' at 'audience' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 1000, Member must have length greater than or equal to 1]"},
		"audience not UTF-8":  {[]string{"Audience.member.1", "\xff"}, "MalformedInput", "A value at 'audience' is not UTF-8."},
		"eleven audiences":    {audiences, invalid, unmet + "'[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]' at 'audience' failed to satisfy constraint: Member must have length less than or equal to 10"},
		"59 seconds":          {[]string{"DurationSeconds", "59"}, invalid, unmet + "'59' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 60"},
		"60 seconds":          {parameters: []string{"DurationSeconds", "60"}},
		"3600 seconds":        {parameters: []string{"DurationSeconds", "3600"}},
		"3601 seconds":        {[]string{"DurationSeconds", "3601"}, invalid, unmet + "'3601' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 3600"},
		"no number":           {[]string{"DurationSeconds", "1h"}, "MalformedInput", ""},
		"a tag":               {parameters: tag("team", "test")},
		"a tag of aws:":       {parameters: tag("aws:team", "")},
		"no tags":             {parameters: []string{"Tags", ""}},
		"tag key empty":       {tag("", "test"), invalid, "2 validation errors detected: Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: " + keyPattern},
		"tag key no word":     {tag("<team>", "test"), invalid, unmet + "'<team>' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: " + keyPattern},
		"tag key long":        {tag(long("k", 129), "test"), invalid, unmet + "'" + long("k", 129) + "' at 'tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal to 128"},
		"tag value long":      {tag("team", long("v", 257)), invalid, unmet + "'" + long("v", 257) + "' at 'tags.1.member.value' failed to satisfy constraint: Member must have length less than or equal to 256"},
		"tag without value":   {[]string{"Tags.member.1.Key", "team"}, invalid, unmet + "null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null"},
		"tag without key":     {[]string{"Tags.member.1.Value", "test"}, invalid, unmet + "null at 'tags.1.member.key' failed to satisfy constraint: Member must not be null"},
		"tag without a field": {[]string{"Tags.member.1", "test"}, "MalformedInput", ""},
		"a tag twice":         {append(tag("team", "one"), "Tags.member.2.Key", "team", "Tags.member.2.Value", "two"), "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		"a tag in two cases":  {append(tag("team", "one"), "Tags.member.2.Key", "Team", "Tags.member.2.Value", "two"), "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		"51 tags":             {tags, invalid, unmet + "'[" + strings.Join(shown, ", ") + "]' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status := http.StatusBadRequest
			if c.code == "" {
				status, c.code, c.message = http.StatusForbidden, "OutboundWebIdentityFederationDisabledException", "OutboundWebIdentityFederation is disabled."
			}
			wantFault(t, f.ask(t, f.AdminConfig, c.parameters...), status, c.code, c.message)
		})
	}
	for _, missing := range []string{"audience", "signingAlgorithm"} {
		v := tokenForm()
		v.Del("Audience.member.1")
		v.Set("Audience", "") // as a client sends an empty list
		if missing != "audience" {
			v = tokenForm()
			v.Del("SigningAlgorithm")
		}
		wantFault(t, f.Post(t, f.AdminConfig, "sts", time.Now(), v), http.StatusBadRequest, invalid, unmet+"null at '"+missing+"' failed to satisfy constraint: Member must not be null")
	}
}

// TestTokenPermissions: what a policy can say of a token, and AWS's denials.
func TestTokenPermissions(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.enable(t, true)
	const get, tag = "sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"
	allow := func(action, resource, condition string) string {
		return `{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `","Condition":{` + condition + `}}`
	}
	team := []string{"Tags.member.1.Key", "team", "Tags.member.1.Value", "test"}
	recorded := allow(get, "*", `"ForAllValues:StringEquals":{"sts:IdentityTokenAudience":["`+api+`"]},"StringEquals":{"sts:SigningAlgorithm":"RS256"},"NumericEquals":{"sts:DurationSeconds":"300"}`)
	tagged := allow(get, "*", "") + "," + allow(tag, "*", `"StringEquals":{"aws:RequestTag/team":"test"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}`)
	for i, c := range []struct {
		statements string
		parameters []string
		denied     string // the action, "" for none
	}{
		{allow("iam:*", "*", ""), nil, get},
		{allow(get, "arn:aws:iam::"+account+":user/*", ""), nil, get},
		{allow(get, self, ""), nil, ""},
		{allow(get, "arn:aws:sts::210987654321:self", ""), nil, get},
		{allow("sts:*", "*", "") + `,{"Effect":"Deny","Action":"` + get + `","Resource":"*"}`, nil, get + " with"},
		{allow(get, self, ""), team, tag},
		{allow(tag, self, ""), team, get},
		{allow("sts:*GetWebIdentityToken", self, ""), team, ""},
		{recorded, nil, ""},
		{recorded, []string{"DurationSeconds", "300"}, ""},
		{recorded, []string{"DurationSeconds", "301"}, get},
		{recorded, []string{"SigningAlgorithm", "ES384"}, get},
		{recorded, []string{"Audience.member.1", "other"}, get},
		{recorded, []string{"Audience.member.2", "other"}, get},
		{tagged, nil, ""},
		{tagged, team, ""},
		{tagged, []string{"Tags.member.1.Key", "team", "Tags.member.1.Value", "other"}, tag},
		{tagged, []string{"Tags.member.1.Key", "extra", "Tags.member.1.Value", "test"}, tag},
		{tagged, append([]string{"Tags.member.2.Key", "extra", "Tags.member.2.Value", "test"}, team...), tag},
		// The audience is multivalued: an operator for one value never matches it.
		{allow(get, "*", `"StringEquals":{"sts:IdentityTokenAudience":"`+api+`"}`), nil, get},
		{allow(get, "*", `"ForAnyValue:StringEquals":{"sts:IdentityTokenAudience":"other"}`), []string{"Audience.member.2", "other"}, ""},
		{allow(get, "*", `"Null":{"aws:TagKeys":"true"}`), nil, ""},
	} {
		user := fmt.Sprintf("user-%d", i)
		cfg := f.User(t, user, `{"Version":"2012-10-17","Statement":[`+c.statements+`]}`)
		reply := f.ask(t, cfg, c.parameters...)
		if c.denied == "" {
			if f.noted(regexp.MustCompile(`eyJ[\w.-]+`).FindString(reply.Body)); reply.Status != http.StatusOK {
				t.Errorf("%d: %s: %d %s", i, c.statements, reply.Status, reply.Body)
			}
			continue
		}
		action, explicit := strings.CutSuffix(c.denied, " with")
		why := "because no identity-based policy allows the " + action + " action"
		if explicit {
			why = "with an explicit deny in an identity-based policy"
		}
		wantFault(t, reply, http.StatusForbidden, "AccessDenied",
			"User: arn:aws:iam::"+account+":user/"+user+" is not authorized to perform: "+action+" on resource: "+self+" "+why)
	}
}

// A token that this server made is not taken back, whatever provider is
// registered, and under whatever name the server was known.
func TestOwnTokenIsNotTakenBack(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.enable(t, true)
	own := strings.TrimPrefix(publicURL, "https://") + "/" + issuerID
	f.update(t, func(tx store.Tx) error {
		return store.PutRecord(tx, store.OIDCProviderID(account, own), store.OIDCProvider{Account: account, URL: own, ClientIDs: []string{api}})
	})
	f.putRole(t, store.Role{Name: "deploy", TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",` +
		`"Principal":{"Federated":"arn:aws:iam::` + account + `:oidc-provider/` + own + `"}}]}`})
	out, _ := f.issued(t, f.AdminConfig, tokenInput("RS256", api))
	for _, token := range []string{*out.WebIdentityToken, f.tokenWith(t, func(c map[string]any) { c["iss"] = "https://old-name.example.com/" + issuerID })} {
		reply := f.assume(t, token)
		wantFault(t, reply, http.StatusBadRequest, "InvalidIdentityToken", notValidated)
		f.wantReason(t, reply, "takes none of its own back")
	}
	f.enable(t, false) // it stays an issuer of ours
	wantFault(t, f.assume(t, *out.WebIdentityToken), http.StatusBadRequest, "InvalidIdentityToken", notValidated)
}

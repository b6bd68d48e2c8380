package sts

import (
	"errors"
	"regexp"
	"strconv"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/trust"
)

// notAuthorized is AWS's one answer to a stranger: no such role, not trusted,
// not this way. The reason is in the event.
const notAuthorized = "Not authorized to perform sts:AssumeRoleWithWebIdentity"

const (
	defaultDuration = 3600 // seconds, whatever the role would allow
	// minDuration and maxDuration bound DurationSeconds (service model).
	minDuration = 900
	maxDuration = 43200
)

// webIdentityRequest is a decoded AssumeRoleWithWebIdentity request.
type webIdentityRequest struct {
	roleARN, account, roleName string
	sessionName                string
	token                      string
	duration                   time.Duration
}

// assumeRoleWithWebIdentity is the exchange. Each step refuses or hands on.
func (s *service) assumeRoleWithWebIdentity(c *awsapi.Call) (awsapi.Result, error) {
	in, err := decodeWebIdentity(c)
	if err != nil {
		return nil, err
	}
	provider, claims, err := s.verify(c, in)
	if err != nil {
		return nil, err
	}
	token, err := s.token(in, provider, claims)
	if err != nil {
		return nil, err
	}
	role, err := s.admit(c, in, token)
	if err != nil {
		return nil, err
	}
	if in.duration > time.Duration(role.MaxSessionDuration)*time.Second {
		return nil, awsapi.Invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return s.mint(c, in, &admitted{role: role, provider: provider, token: token, claims: claims})
}

var sessionNamePattern = regexp.MustCompile(`^[\w+=,.@-]*$`)

// decodeWebIdentity checks the parameters as the service's model constrains
// them. A parameter whose effect this version cannot give is refused, since
// to leave out a session policy would be to allow more than was asked.
func decodeWebIdentity(c *awsapi.Call) (*webIdentityRequest, error) {
	p := c.Params
	in := &webIdentityRequest{
		roleARN: p.Get("RoleArn"), sessionName: p.Get("RoleSessionName"), token: p.Get("WebIdentityToken"),
	}
	c.Event.Role = in.roleARN
	var v awsapi.Validation
	v.Required("roleArn", p.Has("RoleArn"))
	v.Required("roleSessionName", p.Has("RoleSessionName"))
	v.Required("webIdentityToken", p.Has("WebIdentityToken"))
	if p.Has("RoleArn") {
		v.Length("roleArn", in.roleARN, 20, 2048)
	}
	if p.Has("RoleSessionName") {
		v.Length("roleSessionName", in.sessionName, 2, 64)
		v.Pattern("roleSessionName", in.sessionName, sessionNamePattern, `[\w+=,.@-]*`)
	}
	if p.Has("WebIdentityToken") {
		v.SecretLength("webIdentityToken", in.token, 4, oidc.MaxTokenBytes)
	}
	seconds, sent, err := p.Int("DurationSeconds")
	if err != nil {
		return nil, err
	}
	if !sent {
		seconds = defaultDuration
	}
	v.Range("durationSeconds", seconds, minDuration, maxDuration)
	if err := v.Err(); err != nil {
		return nil, err
	}
	in.duration = time.Duration(seconds) * time.Second
	// An empty list of ARNs is sent as "PolicyArns=", and asks for nothing.
	if p.Has("Policy") || p.Get("PolicyArns") != "" || p.HasAny("PolicyArns.member") {
		return nil, awsapi.Invalid("Daypass does not serve session policies yet; leave out the parameters Policy and PolicyArns.").
			Because("a session policy that is ignored would allow more than was asked for")
	}
	if err := refuseProviderID(p); err != nil {
		return nil, err
	}
	var ok bool
	if in.account, in.roleName, ok = arn.RoleName(in.roleARN); !ok {
		return nil, awsapi.Invalid(in.roleARN + " is invalid")
	}
	return in, nil
}

// refuseProviderID answers a ProviderId, which names an OAuth 2.0 provider and
// not an OpenID Connect one, in AWS's words.
func refuseProviderID(p awsapi.Params) error {
	switch p.Get("ProviderId") {
	case "":
		return nil
	case "www.amazon.com":
		return invalidToken("Provided Token is not a Login With Amazon token")
	default:
		return denied("ProviderId names an OAuth 2.0 provider, which Daypass does not serve; leave it out for OpenID Connect")
	}
}

// verify finds the provider that the token's issuer and the role's account
// name, and verifies the token with that provider's keys. The unverified
// issuer chooses among registered providers and nothing else.
func (s *service) verify(c *awsapi.Call, in *webIdentityRequest) (*directory.OIDCProvider, *oidc.Claims, error) {
	token, err := oidc.Parse(in.token)
	if err != nil {
		return nil, nil, tokenFault(err)
	}
	c.Event.Issuer = token.Issuer()
	c.Event.Subject, c.Event.Audience, c.Event.TokenID = token.UnverifiedNames()

	url, named := trust.ProviderURL(token.Issuer())
	provider, ok := c.Snapshot.OIDCProvider(in.account, url)
	if !named || !ok {
		return nil, nil, invalidToken("No OpenIDConnect provider found in your account for "+token.Issuer()).
			Because("account %s has no provider whose URL is exactly the token's iss; case and a trailing slash count, and so does the account in the role's ARN", in.account)
	}
	if err := token.Check(provider.ClientIDs, c.Now); err != nil {
		return nil, nil, tokenFault(err)
	}
	keys, err := s.ProviderKeys.Keys(c.Request.Context(), jwks.Provider{Issuer: provider.Issuer, Thumbprints: provider.Thumbprints}, token.KeyID())
	if err != nil {
		return nil, nil, keysFault(err)
	}
	if keys.Stale != nil {
		c.Event.StaleKeys = keys.Stale.Error()
	}
	claims, err := token.Verify(keys.KeySet, provider.ClientIDs, c.Now)
	if err != nil {
		return nil, nil, tokenFault(err)
	}
	c.Event.Verified = true
	return provider, claims, nil
}

// admitted is a token and the role that admits it.
type admitted struct {
	role     *directory.Role
	provider *directory.OIDCProvider
	token    *trust.Token
	claims   *oidc.Claims
}

// mint makes the session. Its life does not depend on the token's.
func (s *service) mint(c *awsapi.Call, in *webIdentityRequest, a *admitted) (awsapi.Result, error) {
	issued := c.Now.UTC().Truncate(time.Second)
	grant := &session.Grant{
		Account: a.role.Account, RoleID: a.role.ID, RoleName: a.role.Name, SessionName: in.sessionName,
		IssuedAt: issued, Expires: issued.Add(in.duration),
		Provider: a.provider.ARN, TokenID: a.claims.ID, SourceIdentity: a.token.SourceIdentity,
		Context: sessionKeys(a.provider, a.claims), Tags: sessionTags(a.token),
	}
	credentials, err := s.SessionKeys.Mint(grant, s.Random)
	if errors.Is(err, session.ErrTooLarge) {
		return nil, packedPolicyTooLarge(grant)
	}
	if err != nil {
		return nil, err
	}
	result := &webIdentityResult{
		credentials: credentials, subject: a.claims.Subject, provider: a.provider.ARN, audience: a.claims.Audience,
		roleID: a.role.ID + ":" + in.sessionName, arn: arn.AssumedRole(a.role.Account, a.role.Name, in.sessionName),
		sourceIdentity: grant.SourceIdentity, packedPolicySize: packedSize(a.claims.Subject, grant),
	}
	c.Event.Account, c.Event.Session, c.Event.IssuedKey = a.role.Account, result.arn, credentials.AccessKeyID
	c.Event.ExpiresAt, c.Event.Decision = &grant.Expires, policy.Allow.String()
	c.Event.SourceIdentity = grant.SourceIdentity
	return result, nil
}

// sessionTags are the token's tags as the session keeps them.
func sessionTags(token *trust.Token) []session.Tag {
	if len(token.Tags) == 0 {
		return nil
	}
	tags := make([]session.Tag, len(token.Tags))
	for i, tag := range token.Tags {
		tags[i] = session.Tag{Key: tag.Key, Value: tag.Value, Transitive: token.IsTransitive(tag)}
	}
	return tags
}

// sessionKeys are the condition keys of the provider that later requests of
// the session carry: aud, sub and amr, and no others (IAM User Guide, "AWS
// federation and AWS STS condition keys", available in subsequent requests).
func sessionKeys(provider *directory.OIDCProvider, claims *oidc.Claims) []session.KeyValue {
	keys := []session.KeyValue{
		{Key: provider.URL + ":aud", Values: []string{claims.Audience}},
		{Key: provider.URL + ":sub", Values: []string{claims.Subject}},
	}
	if claims.AMR != nil {
		keys = append(keys, session.KeyValue{Key: provider.URL + ":amr", Multi: true, Values: claims.AMR})
	}
	return keys
}

// packedSize is the percentage that AWS says the session's context takes of
// what a token can hold. AWS has not published the measure. Recorded: 24 to 25
// for a plain token, 34 with a subject of 300 characters, one more with a source
// identity; this is the line through the first two, and tags are counted by the
// same rule as the subject.
func packedSize(subject string, grant *session.Grant) int {
	n := len(subject) + len(grant.SourceIdentity)
	for _, tag := range grant.Tags {
		n += len(tag.Key) + len(tag.Value)
	}
	return 23 + n/27
}

type webIdentityResult struct {
	credentials      session.Credentials
	subject          string
	provider         string
	audience         string
	roleID           string
	arn              string
	sourceIdentity   string // "" for none
	packedPolicySize int
}

// WriteXML implements awsapi.Result.
func (r *webIdentityResult) WriteXML(x *awsapi.XML) {
	x.Text("SubjectFromWebIdentityToken", r.subject)
	x.Text("Audience", r.audience)
	x.Open("AssumedRoleUser")
	x.Text("AssumedRoleId", r.roleID)
	x.Text("Arn", r.arn)
	x.Close()
	x.Open("Credentials")
	x.Text("AccessKeyId", r.credentials.AccessKeyID)
	x.Text("SecretAccessKey", r.credentials.SecretAccessKey)
	x.Text("SessionToken", r.credentials.SessionToken)
	x.Time("Expiration", r.credentials.Expires)
	x.Close()
	if r.sourceIdentity != "" {
		x.Text("SourceIdentity", r.sourceIdentity)
	}
	x.Text("Provider", r.provider)
	x.Text("PackedPolicySize", strconv.Itoa(r.packedPolicySize))
}

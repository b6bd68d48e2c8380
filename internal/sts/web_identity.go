package sts

import (
	"net/http"
	"regexp"
	"strconv"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/oidc"
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
	roleRequest

	token string
}

// assumeRoleWithWebIdentity is the exchange. Each step refuses or hands on.
func (s *service) assumeRoleWithWebIdentity(c *awsapi.Call) (awsapi.Result, error) {
	in, err := decodeWebIdentity(c)
	if err != nil {
		return nil, err
	}
	var provider *directory.OIDCProvider
	var claims *oidc.Claims
	err = c.Step("verify token", func() (err error) { provider, claims, err = s.verify(c, in); return err })
	if err != nil {
		return nil, err
	}
	if !s.Issuers.Allow(provider.URL, c.Now) {
		return nil, (&awsapi.Fault{Kind: awsapi.Throttled}).Because("more tokens of %s are exchanged than limits.issuer lets", provider.Issuer)
	}
	token, err := s.token(in, provider, claims)
	if err != nil {
		return nil, err
	}
	var role *directory.Role
	err = c.Step("decide", func() (err error) { role, err = s.admit(c, in, token); return err })
	if err != nil {
		return nil, err
	}
	if err := in.withinLimits(role, false); err != nil {
		return nil, err
	}
	// What a session policy is, a stranger is not told.
	if err := in.policies.check(c, role.Account); err != nil {
		return nil, err
	}
	if err := s.useOnce(c, provider, claims); err != nil {
		return nil, err
	}
	return s.mint(c, in, &admitted{role: role, provider: provider, token: token, claims: claims})
}

var sessionNamePattern = regexp.MustCompile(`^[\w+=,.@-]*$`)

// decodeWebIdentity checks the parameters as the service's model constrains them.
func decodeWebIdentity(c *awsapi.Call) (*webIdentityRequest, error) {
	p := c.Params
	in := &webIdentityRequest{token: p.Get("WebIdentityToken")}
	var v awsapi.Validation
	if err := in.decode(c, &v); err != nil {
		return nil, err
	}
	v.Required("webIdentityToken", p.Has("WebIdentityToken"))
	if p.Has("WebIdentityToken") {
		v.SecretLength("webIdentityToken", in.token, 4, oidc.MaxTokenBytes)
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	if err := refuseProviderID(p); err != nil {
		return nil, err
	}
	return in, in.resolve()
}

// refuseProviderID answers a ProviderId, which names an OAuth 2.0 provider and
// not an OpenID Connect one, in AWS's words for a token that is not of this
// provider. Nobody is asked: no token that is taken here is one of theirs.
func refuseProviderID(p awsapi.Params) error {
	switch p.Get("ProviderId") {
	case "":
		return nil
	case "www.amazon.com":
		return invalidToken("Provided Token is not a Login With Amazon token")
	case "graph.facebook.com":
		return awsapi.Error(http.StatusForbidden, "IDPRejectedClaim", "graph.facebook.com: graph.facebook.com responded with HTTP/1.1 400 Bad Request")
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
	if isOurs(c, token.Issuer()) {
		return nil, nil, ownToken()
	}

	url, named := trust.ProviderURL(token.Issuer())
	provider, ok := c.Snapshot.OIDCProvider(in.account, url)
	if ok {
		c.Event.Provider = provider.ARN
	}
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
	c.Event.Verified, c.Event.Claims = true, namingClaims(claims)
	if revocation, revoked := c.Snapshot.TokenRevoked(in.account, provider.ARN, claims.ID); revoked {
		return nil, nil, invalidToken(notValidated).Because("the token %s was revoked by %s", claims.ID, revocation.ID)
	}
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
	grant := newGrant(c, in.duration)
	grant.Account, grant.RoleID, grant.RoleName, grant.SessionName = a.role.Account, a.role.ID, a.role.Name, in.sessionName
	grant.Provider, grant.TokenID, grant.SourceIdentity = a.provider.ARN, a.claims.ID, a.token.SourceIdentity
	grant.Context, grant.Tags = SessionContext(a.token)
	grant.Origin = originOf(a.claims, c.Event.Claims)
	in.policies.set(grant)
	credentials, err := s.mintGrant(c, grant)
	if err != nil {
		return nil, err
	}
	result := &webIdentityResult{
		credentials: credentials, subject: a.claims.Subject, provider: a.provider.ARN, audience: a.claims.Audience,
		roleID: a.role.ID + ":" + in.sessionName, arn: arn.AssumedRole(a.role.Account, a.role.Name, in.sessionName),
		sourceIdentity: grant.SourceIdentity, packedPolicySize: packedSize(a.claims.Subject, grant),
	}
	c.Event.Session, c.Event.SourceIdentity = result.arn, grant.SourceIdentity
	return result, nil
}

// SessionContext is what of a token its session keeps: condition keys and tags.
func SessionContext(token *trust.Token) (keys []session.KeyValue, tags []session.Tag) {
	for _, key := range token.SessionKeys() {
		keys = append(keys, session.KeyValue{Key: token.ProviderURL + ":" + key.Name, Multi: key.Multi, Values: key.Values})
	}
	for _, tag := range token.Tags {
		tags = append(tags, session.Tag{Key: tag.Key, Value: tag.Value, Transitive: token.IsTransitive(tag)})
	}
	return keys, tags
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
	writeCredentials(x, r.credentials)
	if r.sourceIdentity != "" {
		x.Text("SourceIdentity", r.sourceIdentity)
	}
	x.Text("Provider", r.provider)
	x.Text("PackedPolicySize", strconv.Itoa(r.packedPolicySize))
}

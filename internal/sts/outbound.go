package sts

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/outbound"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/trust"

	"github.com/google/uuid"
)

// Limits of GetWebIdentityToken (service model).
const (
	maxAudiences       = 10
	maxAudience        = 1000
	algorithmLength    = 5
	minTokenDuration   = 60
	maxTokenDuration   = 3600
	plainTokenDuration = 300
)

// tokenRequest is a decoded GetWebIdentityToken request.
type tokenRequest struct {
	audience  []string
	algorithm string
	seconds   int
	tags      []session.Tag
}

// tokenOperation asks for one permission, and for another where there are tags.
// Both see the same condition keys (Service Authorization Reference, "Actions
// defined by AWS Security Token Service").
func (s *service) tokenOperation() awsapi.Operation {
	return awsapi.Signed("GetWebIdentityToken", []awsapi.Need{
		{Action: "sts:GetWebIdentityToken", Resource: onSelf, Keys: tokenKeys},
		{Action: "sts:TagGetWebIdentityToken", Resource: onSelf, Keys: tokenKeys, When: awsapi.When{
			Words: "with tags", Of: func(c *awsapi.Call) bool { return len(tokenInput(c).tags) > 0 },
		}},
	}, s.getWebIdentityToken).Decoding(decodeTokenRequest)
}

func tokenInput(c *awsapi.Call) *tokenRequest { return c.Input.(*tokenRequest) }

// getWebIdentityToken makes a token that says who the caller is, for a service
// that trusts this account's issuer. The order of refusals is AWS's: that a
// session would outlive itself is told before that the feature is disabled.
func (s *service) getWebIdentityToken(c *awsapi.Call) (awsapi.Result, error) {
	in := tokenInput(c)
	c.Event.Resource = onSelf.Of(c)
	expires := c.Now.Add(time.Duration(in.seconds) * time.Second)
	if held := c.Caller.Session; held != nil && !expires.Before(held.Expires) {
		return nil, awsapi.Error(http.StatusForbidden, "SessionDurationEscalationException",
			"Requested token expiry time must be before the original session's expiry time.").
			Because("the session ends at %s, and the token would at %s: ask for fewer DurationSeconds", held.Expires.UTC().Format(time.RFC3339), expires.UTC().Format(time.RFC3339))
	}
	issuer, ok := c.Snapshot.Outbound(c.Account)
	if !ok || !issuer.Enabled || s.PublicURL == "" {
		fault := awsapi.Error(http.StatusForbidden, "OutboundWebIdentityFederationDisabledException", "OutboundWebIdentityFederation is disabled.")
		if ok && issuer.Enabled {
			return nil, fault.Because("it is enabled, but this server does not know the URL under which others reach it; start it with --public-url")
		}
		return nil, fault.Because("account %s has not enabled it; iam:EnableOutboundWebIdentityFederation does", c.Account)
	}
	id, err := uuid.NewRandomFromReader(s.Random)
	if err != nil {
		return nil, fmt.Errorf("sts: make a token id: %w", err)
	}
	claims := in.claims(c, outbound.IssuerURL(s.PublicURL, issuer.IssuerID))
	claims.ID, claims.Expires = id.String(), expires
	return issue(c, issuer, in.algorithm, claims)
}

// issue signs, and puts what the token says of itself into the event.
func issue(c *awsapi.Call, issuer *directory.Outbound, algorithm string, claims *outbound.Claims) (awsapi.Result, error) {
	payload, err := claims.Payload()
	if errors.Is(err, outbound.ErrTooLarge) {
		return nil, awsapi.Error(http.StatusBadRequest, "JWTPayloadSizeExceededException", "JWT payload exceeds maximum allowed size").
			Because("%s: give fewer or shorter audiences and tags", err.Error())
	}
	if err != nil {
		return nil, err
	}
	token, err := issuer.Keys.Sign(algorithm, payload)
	if err != nil {
		return nil, err
	}
	c.Event.Issuer, c.Event.Subject, c.Event.Audience = claims.Issuer, claims.Subject, claims.Audience
	c.Event.TokenID, c.Event.ExpiresAt = claims.ID, &claims.Expires
	return &tokenResult{token: token, expires: claims.Expires}, nil
}

// claims are those that come from the request, the caller and its session.
func (in *tokenRequest) claims(c *awsapi.Call, issuer string) *outbound.Claims {
	claims := &outbound.Claims{
		Issuer: issuer, Audience: in.audience, Subject: c.Caller.PrincipalARN(), IssuedAt: c.Now,
		Account: c.Account, Region: c.Region,
	}
	for _, tag := range in.tags {
		if claims.RequestTags == nil {
			claims.RequestTags = make(map[string]string, len(in.tags))
		}
		claims.RequestTags[tag.Key] = tag.Value
	}
	held := c.Caller.Session
	if held == nil {
		return claims
	}
	claims.SessionExpires, claims.SourceIdentity = held.Expires, held.SourceIdentity
	if !held.Chained {
		claims.FederatedProvider = held.Provider
	}
	for _, tag := range held.Tags {
		if claims.PrincipalTags == nil {
			claims.PrincipalTags = make(map[string]string, len(held.Tags))
		}
		claims.PrincipalTags[tag.Key] = tag.Value
	}
	return claims
}

// decodeTokenRequest checks the parameters as the service's model constrains
// them, with AWS's sentences (recorded, 2026-09). Audiences go into a JSON text,
// in which what is not UTF-8 would be another audience.
func decodeTokenRequest(c *awsapi.Call) error {
	p := c.Params
	in := &tokenRequest{algorithm: p.Get("SigningAlgorithm"), seconds: plainTokenDuration}
	var v awsapi.Validation
	var err error
	if in.audience, err = p.List("Audience"); err != nil {
		return err
	}
	if err := validateAudience(&v, in.audience); err != nil {
		return err
	}
	seconds, sent, err := p.Int("DurationSeconds")
	if err != nil {
		return err
	}
	if sent {
		in.seconds = seconds
		v.Range("durationSeconds", seconds, minTokenDuration, maxTokenDuration)
	}
	v.Required("signingAlgorithm", p.Has("SigningAlgorithm"))
	if p.Has("SigningAlgorithm") {
		v.Length("signingAlgorithm", in.algorithm, algorithmLength, algorithmLength)
	}
	if in.tags, _, err = decodeTags(p, &v); err != nil {
		return err
	}
	if err := v.Err(); err != nil {
		return err
	}
	if in.algorithm != outbound.RS256 && in.algorithm != outbound.ES384 {
		return awsapi.Invalid("Requested SigningAlgorithm is not supported. See the GetWebIdentityToken documentation for supported algorithms")
	}
	if s := c.Caller.Session; s != nil && s.Kind == session.FederatedUser {
		return &awsapi.Fault{Kind: awsapi.AccessDenied, Message: "GetWebIdentityToken does not support federated user sessions"}
	}
	c.Input = in
	return distinctTags(in.tags)
}

// validateAudience is told of the whole list, as AWS tells it: a list with an
// empty member is shown as an empty list.
func validateAudience(v *awsapi.Validation, audience []string) error {
	shown := awsapi.ShowList(audience)
	v.Required("audience", len(audience) > 0)
	v.Size("audience", shown, len(audience), maxAudiences)
	for _, a := range audience {
		if !utf8.ValidString(a) {
			return &awsapi.Fault{Kind: awsapi.MalformedInput, Message: "A value at 'audience' is not UTF-8."}
		}
	}
	v.Elements("audience", audience, func(a string) bool {
		n := utf8.RuneCountInString(a)
		return n >= 1 && n <= maxAudience
	}, awsapi.LengthConstraints(1, maxAudience)...)
	return nil
}

// onSelf is what both permissions are asked for on (recorded: AWS's denials
// name it, and a policy that names only it is enough).
var onSelf = awsapi.Resource{Template: "arn:aws:sts::${Account}:self", Of: func(c *awsapi.Call) string { return "arn:aws:sts::" + c.Account + ":self" }}

func tokenKeys(c *awsapi.Call, keys *policy.Context) {
	in := tokenInput(c)
	keys.Set("sts:SigningAlgorithm", in.algorithm)
	keys.Set("sts:DurationSeconds", strconv.Itoa(in.seconds))
	keys.SetMulti("sts:IdentityTokenAudience", in.audience)
	trust.SetTagKeys(tagsAsked(in.tags), nil, keys)
}

// tokenResult is the reply. AWS gives this one time in milliseconds (recorded).
type tokenResult struct {
	token   string
	expires time.Time
}

// WriteXML implements awsapi.Result.
func (r *tokenResult) WriteXML(x *awsapi.XML) {
	x.Text("WebIdentityToken", r.token)
	x.Text("Expiration", r.expires.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// isOurs says whether a token is one that an account of this server made. AWS
// takes none of its own back (IAM User Guide, "Getting started with outbound
// identity federation"), and neither would it be of use: who can ask for one has
// credentials here.
func isOurs(c *awsapi.Call, iss string) bool {
	_, ours := c.Snapshot.OutboundIssuer(outbound.IssuerIDOf(iss))
	return ours
}

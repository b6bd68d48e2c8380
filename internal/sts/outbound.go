package sts

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/outbound"

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
	maxTags            = 50
	maxTagKey          = 128
	maxTagValue        = 256
)

var (
	tagKeyPattern   = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$`)
	tagValuePattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// tokenRequest is a decoded GetWebIdentityToken request.
type tokenRequest struct {
	audience  []string
	algorithm string
	seconds   int
	tags      []requestTag
}

type requestTag struct{ key, value string }

// getWebIdentityToken makes a token that says who the caller is, for a service
// that trusts this account's issuer. The order of refusals is AWS's: that a
// session would outlive itself is told before that the feature is disabled.
func (s *service) getWebIdentityToken(c *awsapi.Call) (awsapi.Result, error) {
	in, err := decodeTokenRequest(c.Params)
	if err != nil {
		return nil, err
	}
	c.Event.Resource = onSelf.Of(c)
	expires := c.Now.Add(time.Duration(in.seconds) * time.Second)
	if session := c.Caller.Session; session != nil && !expires.Before(session.Expires) {
		return nil, awsapi.Error(http.StatusForbidden, "SessionDurationEscalationException",
			"Requested token expiry time must be before the original session's expiry time.").
			Because("the session ends at %s, and the token would at %s: ask for fewer DurationSeconds", session.Expires.UTC().Format(time.RFC3339), expires.UTC().Format(time.RFC3339))
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
		claims.RequestTags[tag.key] = tag.value
	}
	session := c.Caller.Session
	if session == nil {
		return claims
	}
	claims.SessionExpires, claims.SourceIdentity, claims.FederatedProvider = session.Expires, session.SourceIdentity, session.Provider
	for _, tag := range session.Tags {
		if claims.PrincipalTags == nil {
			claims.PrincipalTags = make(map[string]string, len(session.Tags))
		}
		claims.PrincipalTags[tag.Key] = tag.Value
	}
	return claims
}

// decodeTokenRequest checks the parameters as the service's model constrains
// them, with AWS's sentences (recorded, 2026-09). Audiences go into a JSON text,
// in which what is not UTF-8 would be another audience.
func decodeTokenRequest(p awsapi.Params) (*tokenRequest, error) {
	in := &tokenRequest{algorithm: p.Get("SigningAlgorithm"), seconds: plainTokenDuration}
	var v awsapi.Validation
	var err error
	if in.audience, err = p.List("Audience"); err != nil {
		return nil, err
	}
	if err := validateAudience(&v, in.audience); err != nil {
		return nil, err
	}
	seconds, sent, err := p.Int("DurationSeconds")
	if err != nil {
		return nil, err
	}
	if sent {
		in.seconds = seconds
		v.Range("durationSeconds", seconds, minTokenDuration, maxTokenDuration)
	}
	v.Required("signingAlgorithm", p.Has("SigningAlgorithm"))
	if p.Has("SigningAlgorithm") {
		v.Length("signingAlgorithm", in.algorithm, algorithmLength, algorithmLength)
	}
	if in.tags, err = decodeTags(&v, p); err != nil {
		return nil, err
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	if in.algorithm != outbound.RS256 && in.algorithm != outbound.ES384 {
		return nil, awsapi.Invalid("Requested SigningAlgorithm is not supported. See the GetWebIdentityToken documentation for supported algorithms")
	}
	return in, distinctTags(in.tags)
}

// validateAudience is told of the whole list, as AWS tells it: a list with an
// empty member is shown as an empty list.
func validateAudience(v *awsapi.Validation, audience []string) error {
	shown := "[" + strings.Join(audience, ", ") + "]"
	v.Required("audience", len(audience) > 0)
	if len(audience) > maxAudiences {
		v.Constraint("audience", shown, fmt.Sprintf("Member must have length less than or equal to %d", maxAudiences))
	}
	for _, a := range audience {
		if !utf8.ValidString(a) {
			return &awsapi.Fault{Kind: awsapi.MalformedInput, Message: "A value at 'audience' is not UTF-8."}
		}
		if n := utf8.RuneCountInString(a); n < 1 || n > maxAudience {
			v.Constraint("audience", shown, fmt.Sprintf("Member must satisfy constraint: [Member must have length less than or equal to %d, Member must have length greater than or equal to 1]", maxAudience))
			break
		}
	}
	return nil
}

func decodeTags(v *awsapi.Validation, p awsapi.Params) ([]requestTag, error) {
	members, err := p.Structs("Tags")
	if err != nil {
		return nil, err
	}
	tags, shown := make([]requestTag, len(members)), make([]string, len(members))
	for i, m := range members {
		tags[i] = requestTag{m.Get("Key"), m.Get("Value")}
		shown[i] = "Tag(key=" + tags[i].key + ", value=" + tags[i].value + ")"
	}
	if len(members) > maxTags {
		v.Constraint("tags", "["+strings.Join(shown, ", ")+"]", fmt.Sprintf("Member must have length less than or equal to %d", maxTags))
		return nil, nil
	}
	for i, m := range members {
		name := "tags." + strconv.Itoa(i+1) + ".member."
		v.Required(name+"key", m.Has("Key"))
		if m.Has("Key") {
			v.Length(name+"key", tags[i].key, 1, maxTagKey)
			v.Pattern(name+"key", tags[i].key, tagKeyPattern, `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`)
		}
		v.Required(name+"value", m.Has("Value"))
		v.Length(name+"value", tags[i].value, 0, maxTagValue)
		v.Pattern(name+"value", tags[i].value, tagValuePattern, `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`)
	}
	return tags, nil
}

// distinctTags refuses keys that differ in case alone. Names that begin with
// "aws:" are taken, as on AWS (recorded).
func distinctTags(tags []requestTag) error {
	for i := range tags {
		for _, earlier := range tags[:i] {
			if strings.EqualFold(earlier.key, tags[i].key) {
				return awsapi.Error(http.StatusBadRequest, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
			}
		}
	}
	return nil
}

// onSelf is what both permissions are asked for on (recorded: AWS's denials
// name it, and a policy that names only it is enough).
var onSelf = awsapi.Resource{Template: "arn:aws:sts::${Account}:self", Of: func(c *awsapi.Call) string { return "arn:aws:sts::" + c.Account + ":self" }}

// tokenNeeds are the permissions for a token, and for one with tags. Both see
// the same condition keys (Service Authorization Reference, "Actions defined by
// AWS Security Token Service").
var tokenNeeds = []awsapi.Need{
	{Action: "sts:GetWebIdentityToken", Resource: onSelf, Keys: tokenKeys, MultiKeys: tokenMultiKeys},
	{Action: "sts:TagGetWebIdentityToken", Resource: onSelf, Keys: tokenKeys, MultiKeys: tokenMultiKeys, When: hasTags},
}

func hasTags(c *awsapi.Call) bool { return c.Params.HasAny("Tags.member") }

// tokenKeys are none for a request that cannot be decoded: it is refused,
// whatever is decided of it.
func tokenKeys(c *awsapi.Call) []string {
	in, err := decodeTokenRequest(c.Params)
	if err != nil {
		return nil
	}
	keys := []string{"sts:SigningAlgorithm", in.algorithm, "sts:DurationSeconds", strconv.Itoa(in.seconds)}
	for _, tag := range in.tags {
		keys = append(keys, "aws:RequestTag/"+tag.key, tag.value)
	}
	return keys
}

func tokenMultiKeys(c *awsapi.Call) []auth.MultiKey {
	in, err := decodeTokenRequest(c.Params)
	if err != nil {
		return nil
	}
	keys := []auth.MultiKey{{Key: "sts:IdentityTokenAudience", Values: in.audience}}
	if len(in.tags) == 0 {
		return keys
	}
	names := make([]string, len(in.tags))
	for i, tag := range in.tags {
		names[i] = tag.key
	}
	return append(keys, auth.MultiKey{Key: "aws:TagKeys", Values: names})
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

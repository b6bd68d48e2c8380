package trust

import (
	"encoding/json"
	"strings"

	"github.com/daypass/daypass/internal/oidc"
)

// Provider is a registered OpenID Connect provider.
type Provider struct {
	ARN string
	// URL is the issuer without its scheme; the provider's condition keys begin
	// with it.
	URL string
	// ExtendedClaims makes every claim of a token a condition key, which AWS
	// does not.
	ExtendedClaims bool
}

// Token is what a trust policy can see of a verified ID token. Make it with
// NewToken.
type Token struct {
	// Provider is the ARN of the registered OpenID Connect provider.
	Provider string
	// ProviderURL is the issuer without its scheme; the provider's condition
	// keys begin with it.
	ProviderURL string
	// Subject is the claim sub.
	Subject string
	// Audience is the claim azp if the token has it, otherwise the one aud.
	Audience string
	// OAud is the claim aud where azp took its place; otherwise empty.
	OAud []string
	// AMR is the claim amr; nil when the token has none.
	AMR []string
	// Email is the claim email. HasEmail says that the token has it, though
	// perhaps empty: an empty key is present, and IfExists does not pass it over
	// (published captures of AWS, 2026).
	Email    string
	HasEmail bool
	// Keys are further keys of the provider: those that AWS has for its tokens
	// only, and extended claims.
	Keys []Key

	// HasRoles says that the token has the claim roles, and so may be used for
	// Roles, ARNs byte for byte, and no other.
	HasRoles bool
	Roles    []string
	// Tags are the session tags, in order of their keys. No two keys differ in
	// the case of letters alone.
	Tags []Tag
	// TransitiveTagKeys are keys of Tags, as the token spells them.
	TransitiveTagKeys []string
	// SourceIdentity is empty when the token sets none.
	SourceIdentity string

	extended bool
	claims   *oidc.Claims // for what is said of a denial
}

// Key is a condition key of a provider, without its URL.
type Key struct {
	Name string
	// Multi says that the key is multivalued; otherwise it has one value.
	Multi  bool
	Values []string
}

// Tag is one session tag.
type Tag struct{ Key, Value string }

// googleIssuer is the one issuer whose tokens may leave out the scheme: Google
// sends iss both ways.
const googleIssuer = "accounts.google.com"

// ProviderURL gives the URL, without its scheme, of the provider that a token's
// iss names. It is false for an iss that can name none: AWS wants https, and
// takes Google's with and without (IAM User Guide, "Create an OpenID Connect
// (OIDC) identity provider in IAM"; Google, "Verify the ID token").
func ProviderURL(issuer string) (url string, ok bool) {
	if issuer == googleIssuer {
		return googleIssuer, true
	}
	return strings.CutPrefix(issuer, "https://")
}

// NewToken takes from the claims of a verified token (its signature, times,
// issuer and audience checked) what AWS makes of them. Its error is an *Error:
// a claim under https://aws.amazon.com/ that cannot be understood, or more than
// MaxExtendedClaims claims where those are on.
func NewToken(p Provider, c *oidc.Claims) (*Token, error) {
	t := &Token{
		Provider: p.ARN, ProviderURL: p.URL, Subject: c.Subject, Audience: c.Audience,
		AMR: c.AMR, Email: c.Email, HasEmail: c.HasEmail, extended: p.ExtendedClaims, claims: c,
	}
	if c.HasAuthorizedParty {
		t.OAud = c.AudClaim
	}
	names := providerKeys(p.URL)
	_, forAWS := c.FirstWithPrefix(awsClaims)
	if len(names) == 0 && !forAWS && !p.ExtendedClaims {
		return t, nil // most tokens
	}
	all := c.All()
	for _, name := range names {
		if value, ok := name.read(all); ok {
			t.Keys = append(t.Keys, Key{Name: name.key, Values: []string{value}})
		}
	}
	if forAWS {
		if err := t.readAWSClaims(all); err != nil {
			return nil, err
		}
	}
	if p.ExtendedClaims {
		if err := t.extend(all); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// SessionKeys are the provider's condition keys that later requests of the session
// carry: aud, sub and amr, and no others (IAM User Guide, "AWS federation and AWS
// STS condition keys", available in subsequent requests).
func (t *Token) SessionKeys() []Key {
	keys := []Key{{Name: "aud", Values: []string{t.Audience}}, {Name: "sub", Values: []string{t.Subject}}}
	if t.AMR != nil {
		keys = append(keys, Key{Name: "amr", Multi: true, Values: t.AMR})
	}
	return keys
}

// claimText gives a string as it is, and numbers and booleans as the token
// writes them. It is false for null, which is as good as no claim, and for lists
// and objects.
func claimText(value json.RawMessage) (string, bool) {
	if len(value) == 0 {
		return "", false
	}
	switch value[0] {
	case '"':
		var s string
		err := json.Unmarshal(value, &s)
		return s, err == nil
	case '{', '[', 'n':
		return "", false
	default:
		return string(value), true
	}
}

// composite reports whether a claim is a list or an object.
func composite(value json.RawMessage) bool {
	return len(value) > 0 && (value[0] == '{' || value[0] == '[')
}

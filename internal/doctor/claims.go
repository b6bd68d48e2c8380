package doctor

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
	"github.com/daypass/daypass/internal/unverified"
)

// asVerified gives the claims of a payload as if a token with it had been
// verified. Claims come out of oidc.Verify alone, and that is right for a
// server; here somebody asks what would become of a token whose signature is
// another question. So the payload is signed once more, by a key that is worth
// nothing, and verified with that, at a time at which it is valid and for its own
// audience.
func asVerified(payload []byte, audience string) (*oidc.Claims, error) {
	raw, err := unverified.Sign(payload)
	if err != nil {
		return nil, err
	}
	return verifiedAtItsTime(raw, unverified.Keys(), audience)
}

// verifiedAtItsTime verifies a token at a time at which it is valid, if there is
// one.
func verifiedAtItsTime(raw string, keys *oidc.KeySet, audience string) (*oidc.Claims, error) {
	u, err := oidc.Parse(raw)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(strings.TrimSpace(raw), ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	m, err := parseMembers(payload)
	if err != nil {
		return nil, err
	}
	e := &tokenExam{payload: m}
	iat, _, _ := e.seconds("iat")
	nbf, _, _ := e.seconds("nbf")
	return u.Verify(keys, []string{audience}, time.Unix(max(iat, nbf), 0))
}

// withClaims sets claims, where their form allows it.
func (e *tokenExam) withClaims() {
	if len(e.clients) == 0 {
		return
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(e.raw, ".")[1])
	if err != nil {
		return
	}
	if e.claims, err = asVerified(payload, e.clients[0]); err != nil {
		e.claims = nil
	}
}

// examineSignature is T08.
func (e *tokenExam) examineSignature() {
	switch {
	case e.c.Keys == nil && e.c.NoKeys != "":
		e.found("keys-not-known", "%s", e.c.NoKeys)
		return
	case e.c.Keys == nil:
		e.skip("T08", "the issuer's keys are not known: --jwks names a file of them, --online fetches them")
		return
	case len(e.clients) == 0:
		return
	}
	_, err := verifiedAtItsTime(e.c.Raw, e.c.Keys, e.clients[0])
	var refused *oidc.Error
	switch {
	case err == nil:
		kid, _ := e.header.text("kid")
		e.ok("T08", "key %s", shown(kid))
	case errors.As(err, &refused) && refused.Kind == oidc.UnknownKey:
		e.foundAWS("key-unknown", refused.Message(), "%s", refused.Reason)
	case errors.As(err, &refused) && refused.Kind == oidc.BadSignature:
		e.foundAWS("signature-wrong", refused.Message(), "%s", refused.Reason)
	}
}

// awsPrefix begins the claims that tell STS what to do.
const awsPrefix = "https://aws.amazon.com/"

// examineAWSClaims is T07. Package trust tells the first fault; to have one of
// each kind, it is asked of each kind alone.
func (e *tokenExam) examineAWSClaims() {
	if e.claims == nil {
		return
	}
	kinds, order := map[string]members{}, []string(nil)
	for _, m := range e.payload {
		if !strings.HasPrefix(m.name, awsPrefix) {
			continue
		}
		kind, _, _ := strings.Cut(strings.TrimPrefix(m.name, awsPrefix), "/")
		if kinds[kind] == nil {
			order = append(order, kind)
		}
		kinds[kind] = append(kinds[kind], m)
	}
	if len(order) == 0 {
		e.ok("T07", "the token has none of them")
		return
	}
	var told []string
	for _, kind := range order {
		t, err := e.tokenWith(kinds[kind])
		var wrong *trust.Error
		switch {
		case errors.As(err, &wrong):
			e.foundAWS(awsClaimCode(wrong.Kind), wrong.Message(), "%s", wrong.Reason)
		case err == nil:
			told = append(told, e.examineAWSClaim(kind, t))
		}
	}
	e.ok("T07", "%s", strings.Join(told, "\n"))
}

func awsClaimCode(k trust.Kind) string {
	switch k {
	case trust.RolesFormat, trust.NoRoles, trust.RoleNotListed:
		return "roles-claim"
	case trust.SourceIdentityFormat:
		return "source-identity-claim"
	case trust.UnknownClaim, trust.TooManyClaims:
		return "aws-claim-unknown"
	}
	return "tags-claim"
}

// tokenWith is what a trust policy sees of the token with these of its claims
// only, besides the required ones.
func (e *tokenExam) tokenWith(some members) (*trust.Token, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, name := range append(slices.Clone(requiredClaims), "azp") {
		if value, ok := e.payload.get(name); ok {
			fmt.Fprintf(&b, "%q:%s,", name, value)
		}
	}
	for _, m := range some {
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s:%s,", name, m.value)
	}
	b.Truncate(b.Len() - 1)
	b.WriteByte('}')
	claims, err := asVerified(b.Bytes(), e.clients[0])
	if err != nil {
		return nil, err
	}
	return trust.NewToken(e.provider(), claims)
}

// provider is the provider whose the token would be.
func (e *tokenExam) provider() trust.Provider {
	url, ok := trust.ProviderURL(e.iss)
	if !ok {
		url = e.iss
	}
	account, _, _ := arn.RoleName(e.c.RoleARN)
	if account == "" {
		account = "000000000000"
	}
	return trust.Provider{ARN: arn.OIDCProvider(account, url), URL: url}
}

// examineAWSClaim says what one kind of them asks for.
func (e *tokenExam) examineAWSClaim(kind string, t *trust.Token) string {
	switch kind {
	case "roles":
		if err := t.AuthorizeRole(e.c.RoleARN); err != nil && e.c.RoleARN != "" {
			var wrong *trust.Error
			if errors.As(err, &wrong) {
				e.foundAWS("roles-claim", wrong.Message(), "it lists %s, asked is %s", listed(t.Roles), shown(e.c.RoleARN))
			}
		}
		return "for these roles only: " + listed(t.Roles)
	case "source_identity":
		return "source identity " + shown(t.SourceIdentity) + "; the trust policy must allow sts:SetSourceIdentity"
	}
	var tags []string
	for _, tag := range t.Tags {
		tags = append(tags, tag.Key)
	}
	return "session tags " + listed(tags) + "; the trust policy must allow sts:TagSession"
}

// personal are claims about people, of the CI systems that package doctor knows.
// What a policy tests most often, project, ref and subject, is none of them.
var personal = []string{"user_email", "email", "user_identities", "user_login", "preferred_username", "name", "given_name", "family_name", "phone_number", "groups_direct"}

var withinWord = regexp.MustCompile(`[\pL\pN]`)

// mask leaves the form of a value and nothing that names a person.
func mask(value string) string {
	if at := strings.LastIndexByte(value, '@'); at > 0 && strings.HasPrefix(value, `"`) {
		return withinWord.ReplaceAllString(value[:at], "x") + value[at:]
	}
	return withinWord.ReplaceAllString(value, "x")
}

// examineSubject is T10: the claims, and which of them are condition keys at
// AWS. The claims are printed, the signature never.
func (e *tokenExam) examineSubject() {
	url, _ := trust.ProviderURL(e.iss)
	for i, m := range e.payload {
		if _, later := e.payload[i+1:].get(m.name); later {
			continue // the last counts
		}
		c := Claim{Name: visible(m.name), Value: visible(string(m.value))}
		if slices.Contains(personal, m.name) && !e.c.ShowPersonal {
			c.Value, c.Masked = mask(c.Value), true
		}
		if url != "" && trust.HasKey(url, m.name) {
			c.Key = url + ":" + m.name
		}
		e.Claims = append(e.Claims, c)
	}
	if e.claims == nil {
		return
	}
	t, err := trust.NewToken(e.provider(), e.claims)
	if err != nil {
		return // T07 says why
	}
	keys := &policy.Context{}
	trust.ConditionKeys(trust.Action, t, &trust.Session{}, keys)
	var lines []string
	for _, key := range keys.Keys() {
		name, ours := strings.CutPrefix(key, t.ProviderURL+":")
		if !ours {
			continue
		}
		values, _, _ := keys.Get(key)
		text := listed(values)
		if slices.Contains(personal, name) && !e.c.ShowPersonal {
			text = mask(text)
		}
		lines = append(lines, key+" = "+text)
	}
	e.ok("T10", "%s", strings.Join(lines, "\n"))
}

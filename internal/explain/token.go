package explain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/trust"
)

// maxMends bounds how often a token is mended. There are five claims that AWS
// asks for and a handful of forms that each can be wrong in.
const maxMends = 24

// token goes with the token as far as the server would before it looks at the
// role, and gives its claims; nil where there is no token or nothing can be read
// of it.
func (e *explanation) token() *oidc.Claims {
	if strings.TrimSpace(e.Token) == "" {
		if e.Token == "" {
			e.unknown("token", "no token was given")
		} else {
			e.fail(Check{Name: "token", Note: "the token is empty; was the variable or the file set?", Causes: []int{31}},
				&Answer{Code: "ValidationError", Message: "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must have length greater than or equal to 4"})
		}
		return nil
	}
	mended, err := newMending(e.Token)
	if err != nil {
		e.fail(Check{Name: "token", Note: reasonOf(err), Causes: causesOf(err)}, answerTo(err))
		return nil
	}
	u := e.readable(mended)
	if u == nil {
		return nil
	}
	e.names(u)
	e.provider(u)
	e.audience(u)
	e.times(u)
	e.signature(mended)
	claims, err := mended.claims()
	if err != nil { // cannot be: everything that Verify asks was put in order
		e.unknown("claims", "the claims could not be looked at further: "+reasonOf(err))
		return nil
	}
	e.report.From = from(claims)
	return claims
}

// readable reads the token, and mends it until it can be read. Everything that
// had to be mended is a check that failed.
func (e *explanation) readable(m *mending) *oidc.Unverified {
	var failed bool
	for range maxMends {
		u, err := oidc.Parse(m.text)
		if err == nil {
			if !failed {
				e.passed("token", "it is an ID token, with the claims that AWS asks for, in their forms")
			}
			return u
		}
		failed = true
		e.fail(Check{Name: "token", Note: reasonOf(err), Causes: causesOf(err)}, answerTo(err))
		if !m.mend(err) {
			return nil
		}
	}
	return nil
}

// names puts into the report who the token says that it is.
func (e *explanation) names(u *oidc.Unverified) {
	e.report.Issuer = u.Issuer()
	e.report.Subject, e.report.Audience, _ = u.UnverifiedNames()
}

// provider holds iss against the providers of the account.
func (e *explanation) provider(u *oidc.Unverified) {
	check := Check{Name: "provider", Got: u.Issuer()}
	url, ok := trust.ProviderURL(u.Issuer())
	answer := &Answer{Code: "InvalidIdentityToken", Message: "No OpenIDConnect provider found in your account for " + u.Issuer()}
	if !ok {
		check.Note = "the token's iss does not begin with https://, and no provider of AWS is named otherwise"
		check.Causes = []int{18}
		e.fail(check, answer)
		return
	}
	known := e.Providers
	if known == nil {
		if federated := e.federated(); len(federated) > 0 && !slices.ContainsFunc(federated, func(arn string) bool { return providerURL(arn) == url }) {
			// It is told with the trust policy; here it is only likely.
			check.Note = "whether the account has a provider for this issuer was not given; the trust policy names another: " + federated[0]
			e.add(check)
			return
		}
		check.Note = "whether the account has a provider for this issuer was not given; it must be registered as https://" + url + ", byte for byte"
		e.add(check)
		return
	}
	if slices.ContainsFunc(known, func(arn string) bool { return providerURL(arn) == url }) {
		check.State, check.Note = Passed, "the account has a provider whose URL is exactly the token's iss"
		e.add(check)
		return
	}
	check.Wanted = known
	check.Note, check.Causes = "the account has no provider whose URL is exactly the token's iss", []int{16, 17}
	for _, arn := range known {
		if note := almost(providerURL(arn), url); note != "" {
			check.Note, check.Causes = "the account's provider "+arn+" differs "+note, []int{15}
			break
		}
	}
	if strings.Contains(strings.SplitN(url, "/", 2)[0], ":") {
		check.Causes = append([]int{14}, check.Causes...)
	}
	e.fail(check, answer)
}

// almost says in what two URLs differ that are meant to be the same; empty
// where they are the same or unlike.
func almost(wanted, got string) string {
	switch {
	case wanted == got:
		return ""
	case strings.TrimSuffix(wanted, "/") == strings.TrimSuffix(got, "/"):
		return "by a slash at the end, which counts"
	case strings.EqualFold(wanted, got):
		return "in the case of letters, which counts"
	case strings.HasPrefix(wanted, got+"/"), strings.HasPrefix(got, wanted+"/"):
		return "by a path behind the host, which belongs to the name"
	case strings.TrimPrefix(wanted, "https://") == got, strings.TrimPrefix(wanted, "http://") == got:
		return "by https:// in front, which does not belong there"
	}
	return ""
}

// providerURL is what an ARN of a provider has behind oidc-provider/.
func providerURL(arn string) string {
	_, url, _ := strings.Cut(arn, ":oidc-provider/")
	return url
}

// audience holds the audience against the client ids.
func (e *explanation) audience(u *oidc.Unverified) {
	if e.ClientIDs == nil {
		e.unknown("audience", "the provider's client ids were not given; one of them must be the token's audience")
		return
	}
	err := u.Check(e.ClientIDs, e.Now)
	if !isKind(err, oidc.AudienceNotRegistered) {
		e.passed("audience", "the token's audience is a client id of the provider")
		return
	}
	causes := []int{24}
	if _, hasAZP := payloadMember(e.Token, "azp"); hasAZP {
		causes = []int{26}
	}
	e.fail(Check{Name: "audience", Wanted: e.ClientIDs, Got: strings.Join(e.report.Audience, ", "), Note: reasonOf(err), Causes: causes}, answerTo(err))
}

// times holds exp, iat and nbf against now; each that is wrong is told.
func (e *explanation) times(u *oidc.Unverified) {
	ids := audiencesOf(e.Token, u)
	at, failed := e.Now, false
	for range 3 {
		err := u.Check(ids, at)
		var fault *oidc.Error
		if isKind(err, oidc.AudienceNotRegistered) { // an empty one, before which no time is looked at
			e.unknown("times", "the token's audience is empty, and its times were not looked at")
			return
		}
		if !errors.As(err, &fault) {
			break
		}
		failed = true
		e.fail(Check{Name: "times", Note: fault.Reason, Causes: causesOf(err)}, answerTo(err))
		next := time.Unix(fault.Limit, 0)
		if fault.Kind == oidc.Expired && at.Before(next) || fault.Kind != oidc.Expired && at.After(next) {
			break
		}
		at = next
	}
	if !failed {
		e.passed("times", "the token is valid now")
	}
}

// audiencesOf are what the token's audience may be, so that it stands in the way of
// no other check: aud, and azp, which AWS reads in its place.
func audiencesOf(raw string, u *oidc.Unverified) []string {
	_, audiences, _ := u.UnverifiedNames()
	ids := slices.Clone(audiences)
	if azp, ok := payloadMember(raw, "azp"); ok {
		ids = append(ids, azp)
	}
	return ids
}

// signature verifies the token as it was sent.
func (e *explanation) signature(m *mending) {
	switch u, err := oidc.Parse(e.Token); {
	case e.Keys == nil:
		e.unknown("signature", "the issuer's keys were not given; daypass doctor token --online fetches them")
	case err != nil:
		e.unknown("signature", "the token cannot be read as it is, and so its signature was not verified")
	default:
		_, err := u.Verify(e.Keys, audiencesOf(e.Token, u), m.validAt(u))
		if err == nil {
			e.passed("signature", "the issuer's keys confirm it")
			return
		}
		if !isKind(err, oidc.UnknownKey, oidc.BadSignature) {
			e.unknown("signature", "it was not verified: "+reasonOf(err))
			return
		}
		e.fail(Check{Name: "signature", Note: reasonOf(err), Causes: causesOf(err)}, answerTo(err))
	}
}

// claims is what the token tells STS to do: roles, tags, source identity.
func (e *explanation) claims(c *oidc.Claims) *trust.Token {
	url, ok := trust.ProviderURL(c.Issuer)
	if !ok {
		url = strings.TrimPrefix(c.Issuer, "http://")
	}
	token, err := trust.NewToken(trust.Provider{ARN: e.providerARN(url), URL: url, ExtendedClaims: e.ExtendedClaims}, c)
	if err == nil && e.RoleARN != "" {
		err = token.AuthorizeRole(e.RoleARN)
	}
	var fault *trust.Error
	if !errors.As(err, &fault) {
		return token
	}
	e.fail(Check{Name: "tags", Got: fault.Claim, Note: fault.Reason, Causes: claimCauses(fault.Kind)}, claimAnswer(fault))
	return token // nil where it could not be made
}

func claimCauses(kind trust.Kind) []int {
	switch kind {
	case trust.RolesFormat, trust.NoRoles, trust.RoleNotListed:
		return []int{37}
	case trust.TagsFormat, trust.PrincipalTagsFormat, trust.DuplicateTag, trust.NotATag:
		return []int{36}
	}
	return nil
}

func claimAnswer(fault *trust.Error) *Answer {
	if fault.Message() == "" {
		return &Answer{Code: fault.Code(), Message: notAuthorizedMessage}
	}
	return &Answer{Code: fault.Code(), Message: fault.Message()}
}

const notAuthorizedMessage = "Not authorized to perform sts:AssumeRoleWithWebIdentity"

func (e *explanation) fail(c Check, answer *Answer) {
	c.State, c.Answer = Failed, answer
	e.add(c)
}

func isKind(err error, kinds ...oidc.Kind) bool {
	var fault *oidc.Error
	return errors.As(err, &fault) && slices.Contains(kinds, fault.Kind)
}

// reasonOf is the operator's sentence of an error.
func reasonOf(err error) string {
	var fault *oidc.Error
	if errors.As(err, &fault) {
		return fault.Reason
	}
	return fmt.Sprint(err)
}

func answerTo(err error) *Answer {
	var fault *oidc.Error
	if !errors.As(err, &fault) {
		return nil
	}
	return &Answer{Code: fault.Code(), Message: fault.Message()}
}

// causesOf are the causes of what package oidc refused.
func causesOf(err error) []int {
	var fault *oidc.Error
	if !errors.As(err, &fault) {
		return nil
	}
	switch fault.Kind {
	case oidc.NotAJWT:
		return []int{29}
	case oidc.TooLarge:
		return []int{35}
	case oidc.UnsupportedAlgorithm:
		return []int{38}
	case oidc.MissingClaim, oidc.EmptyClaim:
		return []int{23}
	case oidc.SubjectNull:
		return []int{39}
	case oidc.SeveralAudiences:
		return []int{25}
	case oidc.BadTimestamp:
		return []int{30}
	case oidc.Expired:
		return []int{27}
	case oidc.IssuedInFuture, oidc.NotYetValid:
		return []int{28}
	case oidc.UnknownKey:
		if strings.Contains(fault.Reason, "no kid") {
			return []int{6}
		}
		return []int{5, 7, 8}
	}
	return nil
}

// Package trust answers one question: does this role admit this token?
//
// It turns a verified ID token into the condition keys that AWS makes of one,
// and has package policy decide by the role's trust policy. It is the only
// place where that happens: the server, the console and the explaining commands
// all ask Decide.
//
// Sources: Service Authorization Reference, "Actions, resources, and condition
// keys for AWS Security Token Service"; IAM User Guide, "Available keys for AWS
// web identity federation"; for the values of the global keys, published
// captures of AWS, 2026.
package trust

import "github.com/daypass/daypass/internal/policy"

// Action is what a caller with a token asks for.
const Action = "sts:AssumeRoleWithWebIdentity"

// Token is what a trust policy can see of a verified ID token. It must be
// filled from a token whose signature, times, issuer and audience were checked.
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
	// Email is the claim email; empty when the token has none.
	Email string
}

// Session is what was asked for with the token.
type Session struct {
	RoleSessionName string
	RoleARN         string
	// Account is the 12-digit account of the provider.
	Account string
}

// Decide reports whether a role admits a token. A role that is nil, because its
// trust policy could not be read, and a document that is no trust policy deny
// explicitly. Ctx is memory to work in, which is reset; with nil there is some
// made. Why is filled if not nil.
func Decide(role *policy.Document, t *Token, s *Session, ctx *policy.Context, why *policy.Reasons) policy.Decision {
	if role.Kind() != policy.Trust || t == nil || s == nil {
		// Another kind of policy names no principal, and would admit any.
		role = nil
		t, s = &Token{}, &Session{}
	}
	if ctx == nil {
		ctx = &policy.Context{}
	}
	ctx.Reset()
	ConditionKeys(t, s, ctx)
	request := policy.Request{
		Action:    Action,
		Resource:  s.RoleARN,
		Principal: policy.Principal{Federated: t.Provider},
		Context:   ctx,
	}
	documents := [1]*policy.Document{role}
	return policy.Decide(&request, documents[:], why)
}

// ConditionKeys adds to ctx the keys by which AWS decides about a token. No
// other claim is a key (Service Authorization Reference), and aws:PrincipalArn
// is absent, for there is no principal yet (published captures of AWS, 2026).
//
// The audience is where the keys are least obvious. <url>:aud is the claim azp
// if the token has it, otherwise aud; <url>:oaud is aud, and present only where
// azp displaced it (IAM User Guide, "Available keys for AWS web identity
// federation"). It is single-valued for one aud. For several, which AWS's pages
// do not cover, it is multivalued, so that only a condition with ForAnyValue:
// or ForAllValues: can match it.
func ConditionKeys(t *Token, s *Session, ctx *policy.Context) {
	url := t.ProviderURL
	ctx.SetIn(url, "aud", t.Audience)
	ctx.SetIn(url, "sub", t.Subject)
	switch len(t.OAud) {
	case 0:
	case 1:
		ctx.SetIn(url, "oaud", t.OAud[0])
	default:
		ctx.SetMultiIn(url, "oaud", t.OAud)
	}
	if t.AMR != nil {
		ctx.SetMultiIn(url, "amr", t.AMR)
	}
	if t.Email != "" {
		ctx.SetIn(url, "email", t.Email)
	}
	ctx.Set("sts:RoleSessionName", s.RoleSessionName)
	ctx.Set("aws:PrincipalAccount", s.Account)
	ctx.Set("aws:PrincipalType", "User")
	ctx.Set("aws:userid", t.Provider)
}

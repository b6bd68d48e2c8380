// Package trust answers one question: does this role admit this token?
//
// It turns a verified ID token into the condition keys that AWS makes of one,
// and has package policy decide by the role's trust policy. It is the only
// place where that happens: the server, the console and the explaining commands
// all ask Decide.
//
// # The way through
//
//	token, err := trust.NewToken(provider, claims)   // claims of a verified token
//	err = token.AuthorizeRole(roleARN)               // the claim roles, before the role is looked at
//	decision := trust.Decide(role, token, &trust.Session{…}, nil, nil)
//	if decision.Allowed() { … }
//
// # Where to look
//
//   - token.go: what of a token a trust policy can see
//   - provider_keys.go: the keys that only some issuers' tokens have, as a table
//   - extended_claims.go: Daypass's own: every claim a key, where switched on
//   - aws_claims.go: the claims under https://aws.amazon.com/, by which a token
//     names its roles, its session tags and its source identity
//   - asked.go: which keys of the session that is asked for go to which action
//   - explain.go: what to say of a key that is not there, or not AWS's
//   - shared_issuers.go: what a trust policy must hold to be written at all
//
// Sources: Service Authorization Reference, "Actions, resources, and condition
// keys for AWS Security Token Service"; IAM User Guide, "Available keys for AWS
// web identity federation"; for the values of the global keys, published
// captures of AWS, 2026-09.
package trust

import "github.com/daypass/daypass/internal/policy"

// The actions that a caller with a token asks for. The second and third are
// asked in addition where the token brings session tags or a source identity
// (IAM User Guide, "Pass session tags in AWS STS" and "Monitor and control
// actions taken with assumed roles").
const (
	Action                  = "sts:AssumeRoleWithWebIdentity"
	ActionTagSession        = "sts:TagSession"
	ActionSetSourceIdentity = "sts:SetSourceIdentity"
)

// Session is what was asked for with the token.
type Session struct {
	RoleSessionName string
	// RoleARN is the role's own ARN, as it was made.
	RoleARN string
	// Account is the 12-digit account of the provider.
	Account string
	// RequestKeys sets the global condition keys that say how was asked
	// (aws:SourceIp, aws:CurrentTime and so on); nil sets none.
	RequestKeys func(*policy.Context)
}

// Decision is the answer, and the action that it is about: the first that was
// not allowed, or Action. The zero Decision denies.
type Decision struct {
	policy.Decision
	Action string
}

// Decide reports whether a role admits a token, by one decision for each action
// that the token needs; all must allow. A role that is nil, because its trust
// policy could not be read, and a document that is no trust policy deny
// explicitly, and so does a token whose claim roles does not name the role. Ctx
// is memory to work in, which is reset, and holds the keys of a refused action
// afterwards; with nil there is some made. Why is filled if not nil, for the
// action of the answer.
func Decide(role *policy.Document, t *Token, s *Session, ctx *policy.Context, why *policy.Reasons) Decision {
	if role.Kind() != policy.Trust || t == nil || s == nil || !t.names(s.RoleARN) {
		// Another kind of policy names no principal, and would admit any.
		role = nil
		t, s = &Token{}, &Session{}
	}
	if ctx == nil {
		ctx = &policy.Context{}
	}
	ask := asking{
		Request: policy.Request{
			Resource:  s.RoleARN,
			Principal: policy.Principal{Federated: t.Provider},
			Context:   ctx,
		},
		documents: [1]*policy.Document{role},
	}
	ask.by(Action, t, s)
	decision := ask.decide(why)
	if !decision.Allowed() {
		return decision
	}
	for _, more := range [...]struct {
		action string
		needed bool
	}{
		{ActionTagSession, len(t.Tags) > 0},
		{ActionSetSourceIdentity, t.SourceIdentity != ""},
	} {
		if !more.needed {
			continue
		}
		ask.by(more.action, t, s)
		if refused := ask.decide(nil); !refused.Allowed() {
			if why != nil {
				ask.decide(why)
			}
			return refused
		}
	}
	return decision
}

// asking is one question for several actions.
type asking struct {
	policy.Request
	documents [1]*policy.Document
}

// by makes the action the question, with the keys that it sees.
func (a *asking) by(action string, t *Token, s *Session) {
	a.Action = action
	a.Context.Reset()
	ConditionKeys(action, t, s, a.Context)
}

func (a *asking) decide(why *policy.Reasons) Decision {
	return Decision{policy.Decide(&a.Request, a.documents[:], why), a.Action}
}

// ConditionKeys adds to ctx the keys by which AWS decides about a token, for one
// of the actions: those of the token and of how was asked are the same for all,
// and Asked.SetKeys says which are not. No
// other claim is a key (Service Authorization Reference), except where extended
// claims are on, and aws:PrincipalArn is absent, for there is no principal yet
// (published captures of AWS, 2026-09).
//
// The audience is where the keys are least obvious. <url>:aud is the claim azp
// if the token has it, otherwise aud; <url>:oaud is aud, and present only where
// azp displaced it (IAM User Guide, "Available keys for AWS web identity
// federation"). It is single-valued for one aud. For several, which AWS's pages
// do not cover, it is multivalued, so that only a condition with ForAnyValue:
// or ForAllValues: can match it.
func ConditionKeys(action string, t *Token, s *Session, ctx *policy.Context) {
	if s.RequestKeys != nil {
		s.RequestKeys(ctx)
	}
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
	if t.HasEmail {
		ctx.SetIn(url, "email", t.Email)
	}
	for i := range t.Keys {
		if k := &t.Keys[i]; k.Multi {
			ctx.SetMultiIn(url, k.Name, k.Values)
		} else if len(k.Values) == 1 {
			ctx.SetIn(url, k.Name, k.Values[0])
		}
	}
	// False where the token names no roles (published captures of AWS, 2026-09).
	authorized := "false"
	if t.HasRoles {
		authorized = "true"
	}
	ctx.Set("sts:RoleAuthorizedByIdp", authorized)
	ctx.Set("aws:PrincipalAccount", s.Account)
	ctx.Set("aws:PrincipalType", "User")
	ctx.Set("aws:userid", t.Provider)
	asked := Asked{RoleSessionName: s.RoleSessionName, SourceIdentity: t.SourceIdentity, Tags: t.Tags, TransitiveTagKeys: t.TransitiveTagKeys}
	asked.SetKeys(action, ctx)
}

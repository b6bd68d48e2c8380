package sts

import (
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
)

// token takes from the claims what a trust policy can see, and asks the token
// itself whether it may be used for the role. AWS asks that before it looks
// whether the role is there.
func (s *service) token(in *webIdentityRequest, provider *directory.OIDCProvider, claims *oidc.Claims) (*trust.Token, error) {
	token, err := trust.NewToken(trust.Provider{ARN: provider.ARN, URL: provider.URL, ExtendedClaims: s.extended[provider.URL]}, claims)
	if err != nil {
		return nil, claimFault(err)
	}
	if err := token.AuthorizeRole(in.roleARN); err != nil {
		return nil, claimFault(err)
	}
	return token, nil
}

// admit asks the role's trust policy. A role that does not exist is answered
// as one that does not trust, to the encoded message of the denial.
func (s *service) admit(c *awsapi.Call, in *webIdentityRequest, token *trust.Token) (*directory.Role, error) {
	request := c.HowAsked()
	asked := trust.Session{RoleSessionName: in.sessionName, RoleARN: in.roleARN, Account: in.account, RequestKeys: request.SetKeys}
	role, ok := in.role(c)
	if !ok {
		kept := &policy.Context{}
		trust.ConditionKeys(trust.Action, token, &asked, kept)
		return nil, deniedToken(denied(in.missing(c)), trust.Action, &asked, token, kept)
	}
	asked.RoleARN, asked.Account = role.ARN, role.Account
	if len(role.Tags) > 0 {
		asked.RequestKeys = func(keys *policy.Context) {
			request.SetKeys(keys)
			role.SetTags(keys)
		}
	}
	keys, ok := s.keys.Get().(*policy.Context)
	if !ok {
		keys = new(policy.Context)
	}
	defer s.keys.Put(keys) // Reasons keep no part of it
	c.Event.NonPortableKeys = token.NonPortable(role.Trust())
	if trust.Decide(role.Trust(), token, &asked, keys, nil).Allowed() {
		return role, nil
	}
	why, kept := &policy.Reasons{}, &policy.Context{}
	decision := trust.Decide(role.Trust(), token, &asked, kept, why)
	fault := deniedToken(denied(notAdmitted(role, token, decision.Action, why)), decision.Action, &asked, token, kept)
	fault.Why, fault.Documents = why, []string{"trust policy of " + role.ARN}
	return nil, fault
}

// deniedToken completes a denial with what was asked and by what.
func deniedToken(f *awsapi.Fault, action string, asked *trust.Session, token *trust.Token, keys *policy.Context) *awsapi.Fault {
	f.Action, f.Resource, f.Account = action, asked.RoleARN, asked.Account
	f.Denied = &awsapi.Denied{PrincipalID: token.Provider + ":" + token.Subject, PrincipalARN: token.Provider, Keys: keys}
	return f
}

// notAdmitted is the operator's sentence for a trust policy that said no to one
// of the actions.
func notAdmitted(role *directory.Role, token *trust.Token, action string, why *policy.Reasons) string {
	reason := "the trust policy of role " + role.Name + " does not admit this token"
	switch action {
	case trust.ActionTagSession:
		reason += " with its session tags: it does not allow " + action
	case trust.ActionSetSourceIdentity:
		reason += " with its source identity: it does not allow " + action
	}
	for _, note := range token.Explain(why) {
		reason += "; " + note
	}
	if keys := token.NonPortable(role.Trust()); len(keys) > 0 {
		reason += "; not portable to AWS, which has no such condition keys: " + strings.Join(keys, ", ")
	}
	return reason
}

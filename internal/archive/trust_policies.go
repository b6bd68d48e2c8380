package archive

import (
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/store"
)

// TrustPolicy is a role's trust policy with what bears on it.
type TrustPolicy struct {
	Role     string
	ARN      string
	Document string
	// Inline are the texts of the role's inline policies and of the account's own
	// managed policies that are attached; Attached the ARNs of all managed ones.
	Inline, Attached   []string
	MaxSessionDuration int // 0 where it is not told

	a *Archive
}

// TrustPolicies gives the trust policies of all roles.
func (a *Archive) TrustPolicies() []TrustPolicy {
	managed := map[string]string{}
	for i := range a.Account.Policies {
		p := &a.Account.Policies[i]
		for _, v := range p.Versions {
			if v.ID == p.DefaultVersion {
				managed[arn.Policy(a.Account.ID, p.Path, p.Name)] = v.Document
			}
		}
	}
	var all []TrustPolicy
	for i := range a.Account.Roles {
		r := &a.Account.Roles[i]
		t := TrustPolicy{
			Role: r.Name, ARN: arn.Role(a.Account.ID, r.Path, r.Name), Document: r.TrustPolicy,
			Attached: slices.Clone(r.AttachedPolicies), MaxSessionDuration: r.MaxSessionDuration, a: a,
		}
		for _, p := range r.InlinePolicies {
			t.Inline = append(t.Inline, p.Document)
		}
		for _, name := range r.AttachedPolicies {
			if text := managed[name]; text != "" {
				t.Inline = append(t.Inline, text)
			}
		}
		all = append(all, t)
	}
	return all
}

// Place says at which line of which file, below the directory, a line of the policy
// stands.
func (t *TrustPolicy) Place(line int) (file string, fileLine int) {
	at := t.a.Locate(&account.Problem{Place: account.Place{Kind: store.KindRole, Name: t.Role, Member: "trustPolicy", Line: line}})
	return at.File, at.Line
}

// ProviderClientIDs gives the client ids of the account's OpenID Connect providers
// by their URLs without scheme. A file of details tells of none.
func (a *Archive) ProviderClientIDs() map[string][]string {
	ids := map[string][]string{}
	for _, p := range a.Account.Providers {
		ids[strings.TrimPrefix(p.URL, "https://")] = p.ClientIDs
	}
	return ids
}

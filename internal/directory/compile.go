package directory

import (
	"fmt"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

func compileProvider(p *store.OIDCProvider) (*OIDCProvider, string) {
	return &OIDCProvider{OIDCProvider: *p, ARN: arn.OIDCProvider(p.Account, p.URL), Issuer: "https://" + p.URL}, ""
}

func compileRole(r *store.Role) (*Role, string) {
	role := &Role{Role: *r, ARN: arn.Role(r.Account, r.Path, r.Name)}
	var problems problemList
	role.Trust = problems.parse(policy.Trust, r.TrustPolicy, "the trust policy of "+role.ARN).Bind(r.Principals)
	role.inline = problems.parseInline(r.InlinePolicies, role.ARN)
	return role, problems.String()
}

func compilePolicy(p *store.Policy) (*Policy, string) {
	compiled := &Policy{Policy: *p, ARN: arn.Policy(p.Account, p.Path, p.Name)}
	var problems problemList
	for _, v := range p.Versions {
		if v.ID == p.DefaultVersion {
			compiled.Default = problems.parse(policy.Identity, v.Document, compiled.ARN)
		}
	}
	return compiled, problems.String()
}

func compileUser(u *store.User) (*User, string) {
	user := &User{User: *u, ARN: arn.User(u.Account, u.Path, u.Name)}
	var problems problemList
	user.inline = problems.parseInline(u.InlinePolicies, user.ARN)
	return user, problems.String()
}

func compileGroup(g *store.Group) (*Group, string) {
	group := &Group{Group: *g, ARN: arn.Group(g.Account, g.Path, g.Name)}
	var problems problemList
	group.inline = problems.parseInline(g.InlinePolicies, group.ARN)
	return group, problems.String()
}

func compileProfile(p *store.InstanceProfile) (*InstanceProfile, string) {
	return &InstanceProfile{InstanceProfile: *p, ARN: arn.InstanceProfile(p.Account, p.Path, p.Name)}, ""
}

func compileAccount(a *store.Account) (*store.Account, string) { return a, "" }

// problemList gathers what could not be read of one record.
type problemList []string

func (l *problemList) parse(kind policy.Kind, text, what string) *policy.Document {
	document, err := policy.Parse(kind, text)
	if err != nil {
		*l = append(*l, fmt.Sprintf("%s cannot be read and denies: %v", what, err))
		return nil
	}
	return document
}

func (l *problemList) parseInline(inline []store.InlinePolicy, owner string) []Attached {
	attached := make([]Attached, 0, len(inline))
	for _, p := range inline {
		attached = append(attached, Attached{
			Source:   "inline policy " + p.Name,
			Document: l.parse(policy.Identity, p.Document, "inline policy "+p.Name+" of "+owner),
		})
	}
	return attached
}

func (l problemList) String() string { return strings.Join(l, "; ") }

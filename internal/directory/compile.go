package directory

import (
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

func compileProvider(p *store.OIDCProvider) (*OIDCProvider, string) {
	return &OIDCProvider{OIDCProvider: *p, ARN: arn.OIDCProvider(p.Account, p.URL), Issuer: "https://" + p.URL}, ""
}

func (d *Directory) compileRole(r *store.Role) (*Role, string) {
	role := &Role{Role: *r, ARN: arn.Role(r.Account, r.Path, r.Name)}
	read := reader{of: d.documents}
	role.trust = read.read(policy.Trust, r.TrustPolicy, r.Principals, "the trust policy of "+role.ARN)
	role.inline = read.inline(r.InlinePolicies, role.ARN)
	return role, read.problems.String()
}

func (d *Directory) compilePolicy(p *store.Policy) (*Policy, string) {
	compiled := &Policy{Policy: *p, ARN: arn.Policy(p.Account, p.Path, p.Name)}
	read := reader{of: d.documents}
	for _, v := range p.Versions {
		if v.ID == p.DefaultVersion {
			compiled.document = read.read(policy.Identity, v.Document, nil, compiled.ARN)
		}
	}
	return compiled, read.problems.String()
}

func (d *Directory) compileUser(u *store.User) (*User, string) {
	user := &User{User: *u, ARN: arn.User(u.Account, u.Path, u.Name)}
	read := reader{of: d.documents}
	user.inline = read.inline(u.InlinePolicies, user.ARN)
	return user, read.problems.String()
}

func (d *Directory) compileGroup(g *store.Group) (*Group, string) {
	group := &Group{Group: *g, ARN: arn.Group(g.Account, g.Path, g.Name)}
	read := reader{of: d.documents}
	group.inline = read.inline(g.InlinePolicies, group.ARN)
	return group, read.problems.String()
}

func compileProfile(p *store.InstanceProfile) (*InstanceProfile, string) {
	return &InstanceProfile{InstanceProfile: *p, ARN: arn.InstanceProfile(p.Account, p.Path, p.Name)}, ""
}

func compileAccount(a *store.Account) (*store.Account, string) { return a, "" }

// problemList gathers what could not be read of one record.
type problemList []string

// inline reads the inline policies of an entity.
func (r *reader) inline(policies []store.InlinePolicy, owner string) []inlinePolicy {
	read := make([]inlinePolicy, 0, len(policies))
	for _, p := range policies {
		read = append(read, inlinePolicy{
			source:   "inline policy " + p.Name,
			document: r.read(policy.Identity, p.Document, nil, "inline policy "+p.Name+" of "+owner),
		})
	}
	return read
}

func (l problemList) String() string { return strings.Join(l, "; ") }

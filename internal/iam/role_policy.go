package iam

import (
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/store"
)

// putRolePolicy adds an inline policy to a role, or replaces the document of
// the one of that name, which keeps its spelling.
func (s *service) putRolePolicy(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	roleName, name, document := in.roleName(), in.policyName(), in.document("PolicyDocument")
	if err := in.err(); err != nil {
		return nil, err
	}
	if err := identityPolicy(document); err != nil {
		return nil, err
	}
	return nil, s.changeRole(c, roleName, func(role *store.Role) error {
		if i := inlinePolicy(role, name); i >= 0 {
			role.InlinePolicies[i].Document = document
		} else {
			role.InlinePolicies = append(role.InlinePolicies, store.InlinePolicy{Name: name, Document: document})
		}
		total := 0
		for _, p := range role.InlinePolicies {
			total += size(p.Document)
		}
		if total > maxInlinePolicies {
			return limitExceeded("Maximum policy size of %d bytes exceeded for role %s", maxInlinePolicies, role.Name)
		}
		return nil
	})
}

// getRolePolicy answers with the names as the request spells them (recorded on
// AWS).
func getRolePolicy(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	roleName, name := in.roleName(), in.policyName()
	if err := in.err(); err != nil {
		return nil, err
	}
	role, ok := c.Snapshot.Role(c.Account, roleName)
	if !ok {
		return nil, noSuchRole(roleName)
	}
	i := inlinePolicy(&role.Role, name)
	if i < 0 {
		return nil, noSuchRolePolicy(name)
	}
	return rolePolicy{roleName, name, role.InlinePolicies[i].Document}, nil
}

func listRolePolicies(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	roleName, p := in.roleName(), in.page()
	if err := in.err(); err != nil {
		return nil, err
	}
	role, ok := c.Snapshot.Role(c.Account, roleName)
	if !ok {
		return nil, noSuchRole(roleName)
	}
	names := make([]string, 0, len(role.InlinePolicies))
	for _, policy := range role.InlinePolicies {
		names = append(names, policy.Name)
	}
	var reply policyNames
	reply.names, reply.next = cut(p, foldedAfter(names, p.after), strings.ToLower, func(string) bool { return true })
	return reply, nil
}

func (s *service) deleteRolePolicy(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	roleName, name := in.roleName(), in.policyName()
	if err := in.err(); err != nil {
		return nil, err
	}
	return nil, s.changeRole(c, roleName, func(role *store.Role) error {
		i := inlinePolicy(role, name)
		if i < 0 {
			return noSuchRolePolicy(name)
		}
		role.InlinePolicies = slices.Delete(role.InlinePolicies, i, i+1)
		return nil
	})
}

// inlinePolicy finds an inline policy by name without regard to case, -1 where
// there is none.
func inlinePolicy(role *store.Role, name string) int {
	return slices.IndexFunc(role.InlinePolicies, func(p store.InlinePolicy) bool { return strings.EqualFold(p.Name, name) })
}

func noSuchRolePolicy(name string) *awsapi.Fault {
	return noSuchEntity("The role policy with name %s cannot be found.", name)
}

type rolePolicy struct{ roleName, name, document string }

// WriteXML implements awsapi.Result.
func (r rolePolicy) WriteXML(x *awsapi.XML) {
	x.Text("RoleName", r.roleName)
	x.Text("PolicyName", r.name)
	x.Text("PolicyDocument", percentEncode(r.document))
}

type policyNames struct {
	names []string
	next  string
}

// WriteXML implements awsapi.Result.
func (r policyNames) WriteXML(x *awsapi.XML) {
	x.Texts("PolicyNames", r.names)
	writeNext(x, r.next)
}

package account

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
)

// DetailsOf tells everything of an account.
func DetailsOf(s *directory.Snapshot, id string) *Details {
	d := &Details{Users: []UserDetail{}, Groups: []GroupDetail{}, Roles: []RoleDetail{}, Policies: []ManagedPolicy{}}
	for u := range s.UsersAfter(id, "") {
		d.Users = append(d.Users, DescribeUser(s, u))
	}
	for r := range s.RolesAfter(id, "") {
		use, _ := s.LastUse(id, r.ID)
		d.Roles = append(d.Roles, DescribeRole(s, r, use))
	}
	for g := range s.GroupsAfter(id, "") {
		d.Groups = append(d.Groups, DescribeGroup(g))
	}
	for p := range s.PoliciesAfter(id, "") {
		d.Policies = append(d.Policies, DescribePolicy(s, id, p))
	}
	for p := range s.AWSPoliciesAfter("") {
		if Uses(s, id, p) {
			d.Policies = append(d.Policies, DescribePolicy(s, id, p))
		}
	}
	return d
}

// Uses reports whether an account has a managed policy attached to anything, or
// as a permissions boundary.
func Uses(s *directory.Snapshot, id string, p *directory.Policy) bool {
	for range s.AttachedTo(id, p.ARN, "") {
		return true
	}
	for range s.BoundedBy(id, p.ARN, "") {
		return true
	}
	return false
}

// DescribeUser tells a user.
func DescribeUser(s *directory.Snapshot, u *directory.User) UserDetail {
	d := UserDetail{
		Path: u.Path, Name: u.Name, ID: u.ID, ARN: u.ARN, CreateDate: Time{u.Created},
		Groups: []string{}, Attached: attached(u.AttachedPolicies), Boundary: boundary(u.PermissionsBoundary), Tags: tags(u.Tags),
	}
	if len(u.InlinePolicies) > 0 {
		d.Inline = inline(u.InlinePolicies)
	}
	for _, id := range u.Groups {
		if g, ok := s.GroupByID(id); ok {
			d.Groups = append(d.Groups, g.Name)
		}
	}
	slices.SortFunc(d.Groups, byFold)
	return d
}

// DescribeGroup tells a group.
func DescribeGroup(g *directory.Group) GroupDetail {
	return GroupDetail{
		Path: g.Path, Name: g.Name, ID: g.ID, ARN: g.ARN, CreateDate: Time{g.Created},
		Inline: inline(g.InlinePolicies), Attached: attached(g.AttachedPolicies),
	}
}

// DescribeRole tells a role and when it was last used, nil for not.
func DescribeRole(s *directory.Snapshot, r *directory.Role, use *store.LastUse) RoleDetail {
	trustPolicy := Document(s.ShownTrustPolicy(&r.Role))
	d := RoleDetail{
		Path: r.Path, Name: r.Name, ID: r.ID, ARN: r.ARN, CreateDate: Time{r.Created}, TrustPolicy: trustPolicy,
		Profiles: []Profile{}, Inline: inline(r.InlinePolicies), Attached: attached(r.AttachedPolicies),
		Boundary: boundary(r.PermissionsBoundary), Tags: tags(r.Tags),
	}
	for _, name := range slices.SortedFunc(slices.Values(r.InstanceProfiles), byFold) {
		p, ok := s.InstanceProfile(r.Account, name)
		if !ok {
			continue
		}
		d.Profiles = append(d.Profiles, Profile{
			Path: p.Path, Name: p.Name, ID: p.ID, ARN: p.ARN, CreateDate: Time{p.Created},
			Roles: []ProfileRole{{r.Path, r.Name, r.ID, r.ARN, Time{r.Created}, trustPolicy}},
		})
	}
	if use != nil {
		d.LastUsed = LastUsed{&Time{use.At}, use.Region}
	}
	return d
}

// DescribePolicy tells a managed policy as an account uses it.
func DescribePolicy(s *directory.Snapshot, id string, p *directory.Policy) ManagedPolicy {
	attachments, boundaries := s.Uses(id, p)
	d := ManagedPolicy{
		Name: p.Name, ID: p.ID, ARN: p.ARN, Path: p.Path, DefaultVersion: p.DefaultVersion,
		AttachmentCount: attachments, BoundaryCount: boundaries, IsAttachable: true,
		CreateDate: Time{p.Created}, UpdateDate: Time{p.Updated}, Versions: []PolicyVersion{},
	}
	for _, v := range p.Versions {
		d.Versions = append(d.Versions, PolicyVersion{Document(v.Document), v.ID, v.ID == p.DefaultVersion, Time{v.Created}})
	}
	slices.SortStableFunc(d.Versions, func(a, b PolicyVersion) int { return VersionNumber(b.ID) - VersionNumber(a.ID) })
	return d
}

// VersionNumber is the number of a version "v12", 0 where it is none.
func VersionNumber(version string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(version, "v"))
	return n
}

func inline(policies []store.InlinePolicy) []InlinePolicy {
	all := make([]InlinePolicy, 0, len(policies))
	for _, p := range policies {
		all = append(all, InlinePolicy{p.Name, Document(p.Document)})
	}
	slices.SortFunc(all, func(a, b InlinePolicy) int { return byFold(a.Name, b.Name) })
	return all
}

// attached names policies in order of their ARNs, as ListAttachedRolePolicies
// does.
func attached(policyARNs []string) []Attached {
	all := make([]Attached, 0, len(policyARNs))
	for _, policyARN := range slices.SortedFunc(slices.Values(policyARNs), byFold) {
		_, name, _ := arn.PolicyName(policyARN)
		all = append(all, Attached{name, policyARN})
	}
	return all
}

func boundary(policyARN string) *Boundary {
	if policyARN == "" {
		return nil
	}
	return &Boundary{"Policy", policyARN}
}

func tags(of []store.Tag) []Tag {
	all := make([]Tag, 0, len(of))
	for _, t := range of {
		all = append(all, Tag(t))
	}
	return all
}

func byFold(a, b string) int { return strings.Compare(Key(a), Key(b)) }

package iam

import (
	"bytes"
	"slices"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/store"
)

// clash refuses what exists already and is not the same, unless the import
// replaces the account.
func (p *importPlan) clash() {
	if p.Replace || p.was == nil {
		return
	}
	clash(p, p.was.Providers, p.own.Providers, func(r *store.OIDCProvider) (store.ID, string) { return store.OIDCProviderID("", r.URL), r.URL })
	clash(p, p.was.Policies, p.own.Policies, func(r *store.Policy) (store.ID, string) { return store.PolicyID("", r.Name), r.Name })
	clash(p, p.was.Groups, p.own.Groups, func(r *store.Group) (store.ID, string) { return store.GroupID("", r.Name), r.Name })
	clash(p, p.was.Users, p.own.Users, func(r *store.User) (store.ID, string) { return store.UserID("", r.Name), r.Name })
	clash(p, p.was.Roles, p.own.Roles, func(r *store.Role) (store.ID, string) { return store.RoleID("", r.Name), r.Name })
	clash(p, p.was.Profiles, p.own.Profiles, func(r *store.InstanceProfile) (store.ID, string) { return store.InstanceProfileID("", r.Name), r.Name })
}

func clash[R any](p *importPlan, was, own []R, of func(*R) (store.ID, string)) {
	before := map[string]*R{}
	for i := range was {
		id, _ := of(&was[i])
		before[id.Key] = &was[i]
	}
	for i := range own {
		id, name := of(&own[i])
		if old := before[id.Key]; old != nil && !same(old, &own[i]) {
			p.refuse(account.Place{Kind: id.Kind, Name: name}, "%s exists already and is not the same; --replace makes the account equal to what is imported", name)
		}
	}
}

// same compares records as they are stored.
func same(a, b any) bool {
	x, err1 := store.Encode(a)
	y, err2 := store.Encode(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// compare plans what has to be written so that the account becomes what it is to
// be.
func (p *importPlan) compare() {
	p.accountRecord()
	p.compareProviders()
	p.comparePolicies()
	p.compareGroups()
	p.compareUsers()
	p.compareRoles()
	p.compareProfiles()
}

func (p *importPlan) compareProviders() {
	left := map[string]bool{}
	if p.was != nil {
		for _, r := range p.was.Providers {
			left[r.URL] = true
		}
	}
	for i := range p.after.Providers {
		r := &p.after.Providers[i]
		delete(left, r.URL)
		var was any
		if old, ok := p.snapshot.OIDCProvider(p.own.ID, r.URL); ok {
			// None is written as null, and was at times as an empty list.
			if before := old.OIDCProvider; slices.Equal(before.ClientIDs, r.ClientIDs) && slices.Equal(before.Thumbprints, r.Thumbprints) {
				r.ClientIDs, r.Thumbprints = before.ClientIDs, before.Thumbprints
			}
			was = old.OIDCProvider
		}
		p.put(store.OIDCProviderID(p.own.ID, r.URL), r.URL, *r, was)
	}
	if p.was != nil {
		for _, r := range p.was.Providers {
			if left[r.URL] {
				p.delete(store.OIDCProviderID(p.own.ID, r.URL), r.URL)
			}
		}
	}
}

// uses counts the attachments and boundaries of each customer managed policy, by
// its ARN in lower case.
func (p *importPlan) uses() (attachments, boundaries map[string]int) {
	attachments, boundaries = map[string]int{}, map[string]int{}
	count := func(e *entity) {
		for _, policyARN := range *e.Attached {
			attachments[account.Key(policyARN)]++
		}
		if e.Boundary != nil && *e.Boundary != "" {
			boundaries[account.Key(*e.Boundary)]++
		}
	}
	for i := range p.after.Groups {
		count(groupEntity(&p.after.Groups[i]))
	}
	for i := range p.after.Users {
		count(userEntity(&p.after.Users[i]))
	}
	for i := range p.after.Roles {
		count(roleEntity(&p.after.Roles[i]))
	}
	return attachments, boundaries
}

func (p *importPlan) comparePolicies() {
	attachments, boundaries := p.uses()
	before := map[string]store.Policy{} // whatever their paths
	for old := range p.snapshot.PoliciesAfter(p.own.ID, "") {
		before[account.Key(old.Name)] = old.Policy
	}
	kept := map[string]bool{}
	for i := range p.after.Policies {
		r := p.after.Policies[i]
		policyARN := arn.Policy(p.own.ID, r.Path, r.Name)
		r.AttachmentCount, r.BoundaryCount = attachments[account.Key(policyARN)], boundaries[account.Key(policyARN)]
		id := store.PolicyID(p.own.ID, r.Name)
		kept[id.Key] = true
		var was any
		if old, ok := before[id.Key]; ok {
			was = old
		}
		p.put(id, r.Name, r, was)
	}
	for old := range p.snapshot.PoliciesAfter(p.own.ID, "") {
		if id := store.PolicyID(p.own.ID, old.Name); !kept[id.Key] {
			p.delete(id, old.Name)
		}
	}
}

func (p *importPlan) compareGroups() {
	members := map[string]int{}
	for i := range p.after.Users {
		for _, name := range p.after.Users[i].Groups {
			members[account.Key(name)]++
		}
	}
	kept := map[string]bool{}
	for i := range p.after.Groups {
		r := p.after.Groups[i]
		id := store.GroupID(p.own.ID, r.Name)
		kept[id.Key] = true
		r.Members = members[id.Key]
		var was any
		if old, ok := p.snapshot.Group(p.own.ID, r.Name); ok {
			was = old.Group
		}
		p.put(id, r.Name, r, was)
	}
	for old := range p.snapshot.GroupsAfter(p.own.ID, "") {
		if id := store.GroupID(p.own.ID, old.Name); !kept[id.Key] {
			p.delete(id, old.Name)
		}
	}
}

// compareUsers leaves users who stay their access keys: who has the same unique
// id, or else the same name.
func (p *importPlan) compareUsers() {
	groupIDs := map[string]string{}
	for i := range p.after.Groups {
		groupIDs[account.Key(p.after.Groups[i].Name)] = p.after.Groups[i].ID
	}
	stays := map[string]bool{} // users of before, by their unique ids
	for i := range p.after.Users {
		if old, ok := p.snapshot.UserByID(p.after.Users[i].ID); ok && old.Account == p.own.ID {
			stays[old.ID] = true
		}
	}
	kept := map[string]bool{}
	for i := range p.after.Users {
		r := p.after.Users[i]
		r.Groups = slices.Clone(r.Groups)
		for j, name := range r.Groups {
			if id := groupIDs[account.Key(name)]; id != "" {
				r.Groups[j] = id
			}
		}
		id := store.UserID(p.own.ID, r.Name)
		kept[id.Key] = true
		var was any
		former, ok := p.snapshot.User(p.own.ID, r.Name)
		if ok {
			was = former.User
		}
		if same, found := p.snapshot.UserByID(r.ID); found && same.Account == p.own.ID {
			former, ok = same, true
		} else if ok = ok && !stays[former.ID]; ok {
			stays[former.ID] = true
		}
		if ok {
			r.AccessKeys = former.AccessKeys
			for _, key := range r.AccessKeys {
				if former.Name != r.Name {
					p.keys[key] = r.Name
				}
			}
		}
		p.put(id, r.Name, r, was)
	}
	for old := range p.snapshot.UsersAfter(p.own.ID, "") {
		if !stays[old.ID] {
			for _, key := range old.AccessKeys {
				p.deletes = append(p.deletes, store.AccessKeyID(p.own.ID, key), store.LastUseID(p.own.ID, key))
			}
		}
		if id := store.UserID(p.own.ID, old.Name); !kept[id.Key] {
			p.delete(id, old.Name)
			if !stays[old.ID] {
				p.done.Changes[len(p.done.Changes)-1].AccessKeys = len(old.AccessKeys)
			}
		}
	}
}

func (p *importPlan) compareRoles() {
	profiles := map[string][]string{}
	for i := range p.after.Profiles {
		if r := &p.after.Profiles[i]; r.Role != "" {
			key := account.Key(r.Role)
			profiles[key] = append(profiles[key], r.Name)
		}
	}
	kept, ids := map[string]bool{}, map[string]bool{}
	for i := range p.after.Roles {
		r := p.after.Roles[i]
		id := store.RoleID(p.own.ID, r.Name)
		kept[id.Key], ids[r.ID] = true, true
		r.InstanceProfiles = profiles[id.Key]
		slices.Sort(r.InstanceProfiles)
		var was any
		if old, ok := p.snapshot.Role(p.own.ID, r.Name); ok {
			before := old.Role // the order of its instance profiles says nothing
			if slices.Equal(slices.Sorted(slices.Values(before.InstanceProfiles)), r.InstanceProfiles) {
				r.InstanceProfiles = before.InstanceProfiles
			}
			was = before
		}
		p.put(id, r.Name, r, was)
	}
	for old := range p.snapshot.RolesAfter(p.own.ID, "") {
		if !ids[old.ID] {
			p.deletes = append(p.deletes, store.LastUseID(p.own.ID, old.ID))
		}
		if id := store.RoleID(p.own.ID, old.Name); !kept[id.Key] {
			p.delete(id, old.Name)
		}
	}
}

func (p *importPlan) compareProfiles() {
	kept := map[string]bool{}
	for i := range p.after.Profiles {
		r := p.after.Profiles[i]
		id := store.InstanceProfileID(p.own.ID, r.Name)
		kept[id.Key] = true
		var was any
		if old, ok := p.snapshot.InstanceProfile(p.own.ID, r.Name); ok {
			was = old.InstanceProfile
		}
		p.put(id, r.Name, r, was)
	}
	for old := range p.snapshot.InstanceProfilesAfter(p.own.ID, "") {
		if id := store.InstanceProfileID(p.own.ID, old.Name); !kept[id.Key] {
			p.delete(id, old.Name)
		}
	}
}

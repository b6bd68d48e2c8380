package iam

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

// fill puts in what was left out: paths, unique ids and times, of what exists
// already those that it has.
func (p *importPlan) fill() {
	own := &p.own
	was := &account.Account{}
	if p.was != nil {
		was = p.was
	}
	own.Created = orTime(own.Created, was.Created, p.Now)
	own.Providers, own.Policies, own.Groups = slices.Clone(own.Providers), slices.Clone(own.Policies), slices.Clone(own.Groups)
	own.Users, own.Roles, own.Profiles = slices.Clone(own.Users), slices.Clone(own.Roles), slices.Clone(own.Profiles)
	for i := range own.Providers {
		r := &own.Providers[i]
		old := find(was.Providers, func(o *store.OIDCProvider) bool { return o.URL == r.URL })
		r.Account, r.Created = own.ID, orTime(r.Created, old.Created, p.Now)
	}
	for i := range own.Policies {
		r := &own.Policies[i]
		old := find(was.Policies, func(o *store.Policy) bool { return strings.EqualFold(o.Name, r.Name) })
		p.common(&r.Account, &r.Path, &r.ID, &r.Created, account.Place{Kind: store.KindPolicy, Name: r.Name}, "ANPA", old.ID, old.Created)
		r.Versions = slices.Clone(r.Versions)
		last := 0
		for j := range r.Versions {
			r.Versions[j].Created = orTime(r.Versions[j].Created, p.Now)
			last = max(last, account.VersionNumber(r.Versions[j].ID))
		}
		if r.LastVersion == 0 || p.Partial {
			r.LastVersion = max(last, r.LastVersion, old.LastVersion)
		}
		r.Updated = orTime(r.Updated, old.Updated, r.Created)
		if p.Partial && r.Description == "" {
			r.Description, r.Tags = old.Description, old.Tags
		}
	}
	for i := range own.Groups {
		r := &own.Groups[i]
		old := find(was.Groups, func(o *store.Group) bool { return strings.EqualFold(o.Name, r.Name) })
		p.common(&r.Account, &r.Path, &r.ID, &r.Created, account.Place{Kind: store.KindGroup, Name: r.Name}, "AGPA", old.ID, old.Created)
	}
	for i := range own.Users {
		r := &own.Users[i]
		old := find(was.Users, func(o *store.User) bool { return strings.EqualFold(o.Name, r.Name) })
		p.common(&r.Account, &r.Path, &r.ID, &r.Created, account.Place{Kind: store.KindUser, Name: r.Name}, "AIDA", old.ID, old.Created)
	}
	for i := range own.Roles {
		r := &own.Roles[i]
		old := find(was.Roles, func(o *store.Role) bool { return strings.EqualFold(o.Name, r.Name) })
		p.common(&r.Account, &r.Path, &r.ID, &r.Created, account.Place{Kind: store.KindRole, Name: r.Name}, "AROA", old.ID, old.Created)
		if p.Partial {
			r.Description, r.MaxSessionDuration = old.Description, old.MaxSessionDuration
		}
		if r.MaxSessionDuration == 0 {
			r.MaxSessionDuration = 3600 // as of CreateRole
		}
	}
	for i := range own.Profiles {
		r := &own.Profiles[i]
		old := find(was.Profiles, func(o *store.InstanceProfile) bool { return strings.EqualFold(o.Name, r.Name) })
		p.common(&r.Account, &r.Path, &r.ID, &r.Created, account.Place{Kind: store.KindProfile, Name: r.Name}, "AIPA", old.ID, old.Created)
		if p.Partial {
			r.Tags = old.Tags
		}
	}
}

// common fills up what all things with a name have.
func (p *importPlan) common(of, path, id *string, created *time.Time, at account.Place, prefix, oldID string, oldCreated time.Time) {
	*of = p.own.ID
	if *path == "" {
		*path = "/"
	}
	if *id == "" {
		*id = oldID
	}
	if *id == "" {
		made, err := session.NewUniqueID(prefix, p.Random)
		if err != nil {
			p.refuse(at, "%v", err)
		}
		*id = made
	}
	*created = orTime(*created, oldCreated, p.Now)
}

// orTime is the first of the times that is one.
func orTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t.UTC()
		}
	}
	return time.Time{}
}

// find gives a copy of the first that is wanted, the zero value where there is
// none.
func find[T any](all []T, wanted func(*T) bool) (found T) {
	for i := range all {
		if wanted(&all[i]) {
			return all[i]
		}
	}
	return found
}

// merge works out what there will be: what is imported and, unless that
// replaces the account, what is there already and has another name.
func (p *importPlan) merge() {
	p.after = p.own
	if p.was == nil {
		return
	}
	if p.Partial {
		p.after.Alias = p.was.Alias
		p.after.Created = p.was.Created
	}
	if !p.Replace {
		if p.after.Alias != p.was.Alias && p.after.Alias != "" && p.was.Alias != "" {
			p.refuse(account.Place{Kind: store.KindAccount, Member: "alias"}, "the account has another alias, %s", p.was.Alias)
		}
		if p.after.Alias == "" {
			p.after.Alias = p.was.Alias
		}
		p.after.Created = p.was.Created
	}
	keep := !p.Replace
	p.after.Providers = union(p.was.Providers, p.own.Providers, keep || p.Partial, func(r *store.OIDCProvider) (store.ID, string) { return store.OIDCProviderID("", r.URL), r.URL })
	p.after.Policies = union(p.was.Policies, p.own.Policies, keep, func(r *store.Policy) (store.ID, string) { return store.PolicyID("", r.Name), r.Name })
	p.after.Groups = union(p.was.Groups, p.own.Groups, keep, func(r *store.Group) (store.ID, string) { return store.GroupID("", r.Name), r.Name })
	p.after.Users = union(p.was.Users, p.own.Users, keep, func(r *store.User) (store.ID, string) { return store.UserID("", r.Name), r.Name })
	p.after.Roles = union(p.was.Roles, p.own.Roles, keep, func(r *store.Role) (store.ID, string) { return store.RoleID("", r.Name), r.Name })
	of := func(r *store.InstanceProfile) (store.ID, string) { return store.InstanceProfileID("", r.Name), r.Name }
	without := slices.DeleteFunc(slices.Clone(p.was.Profiles), func(r store.InstanceProfile) bool { return !keep && r.Role != "" })
	p.after.Profiles = union(without, p.own.Profiles, keep || p.Partial, of)
}

// union puts what is imported beside what there is, where that stays.
func union[R any](was, own []R, keep bool, of func(*R) (store.ID, string)) []R {
	if !keep {
		return own
	}
	imported := map[string]bool{}
	for i := range own {
		id, _ := of(&own[i])
		imported[id.Key] = true
	}
	all := slices.Clone(own)
	for i := range was {
		if id, _ := of(&was[i]); !imported[id.Key] {
			all = append(all, was[i])
		}
	}
	return all
}

// resolve finds what things name: policies, groups, roles and principals.
func (p *importPlan) resolve() {
	policies := map[string]string{} // ARNs by the ARNs in lower case
	for i := range p.after.Policies {
		r := &p.after.Policies[i]
		own := arn.Policy(p.own.ID, r.Path, r.Name)
		policies[account.Key(own)] = own
	}
	for i := range p.own.Groups {
		p.resolvePolicies(store.KindGroup, groupEntity(&p.own.Groups[i]), policies)
	}
	groupNames := map[string]string{} // as they are spelled
	for i := range p.after.Groups {
		groupNames[account.Key(p.after.Groups[i].Name)] = p.after.Groups[i].Name
	}
	for i := range p.own.Users {
		u := &p.own.Users[i]
		p.resolvePolicies(store.KindUser, userEntity(u), policies)
		u.Groups = slices.Clone(u.Groups)
		for j, name := range u.Groups {
			spelled, ok := groupNames[account.Key(name)]
			if ok {
				u.Groups[j] = spelled
			} else {
				p.refuse(account.Place{Kind: store.KindUser, Name: u.Name, Member: "groups"}, "The group with name %s cannot be found.", name)
			}
			if slices.ContainsFunc(u.Groups[:j], func(other string) bool { return strings.EqualFold(other, name) }) {
				p.refuse(account.Place{Kind: store.KindUser, Name: u.Name, Member: "groups"}, "group %s is there twice", name)
			}
		}
	}
	principals := p.principals()
	roleNames := map[string]string{}
	for i := range p.after.Roles {
		roleNames[account.Key(p.after.Roles[i].Name)] = p.after.Roles[i].Name
	}
	for i := range p.own.Roles {
		p.resolvePolicies(store.KindRole, roleEntity(&p.own.Roles[i]), policies)
		p.resolvePrincipals(&p.own.Roles[i], principals)
	}
	for i := range p.own.Profiles {
		profile := &p.own.Profiles[i]
		if spelled, ok := roleNames[account.Key(profile.Role)]; ok {
			profile.Role = spelled
		} else if profile.Role != "" {
			p.refuse(account.Place{Kind: store.KindProfile, Name: profile.Name, Member: "role"}, "The role with name %s cannot be found.", profile.Role)
		}
	}
	copy(p.after.Groups, p.own.Groups)
	copy(p.after.Users, p.own.Users)
	copy(p.after.Roles, p.own.Roles)
	copy(p.after.Profiles, p.own.Profiles)
}

// resolvePolicies finds the managed policies of an entity and spells them as they
// are.
func (p *importPlan) resolvePolicies(kind store.Kind, e *entity, own map[string]string) {
	at := account.Place{Kind: kind, Name: e.name}
	resolve := func(place account.Place, given string) string {
		if !isPolicyARN(given) {
			p.refuse(place, "ARN %s is not valid.", given)
			return given
		}
		if spelled, ok := own[account.Key(given)]; ok {
			return spelled
		}
		if of, _, _ := arn.PolicyName(given); of == arn.AWS {
			if known, ok := p.snapshot.Policy(given); ok {
				return known.ARN
			}
		}
		denies := ""
		if p.AsIs {
			denies = " It is kept, and denies."
		}
		p.object(place, "Policy %s does not exist or is not attachable.%s", given, denies)
		return given
	}
	*e.Attached = slices.Clone(*e.Attached)
	for i, given := range *e.Attached {
		if attached(e, given) < i {
			p.refuse(within(at, "attachedPolicies"), "policy %s is there twice", given)
		}
		(*e.Attached)[i] = resolve(within(at, "attachedPolicies"), given)
	}
	if e.Boundary != nil && *e.Boundary != "" {
		*e.Boundary = resolve(within(at, "permissionsBoundary"), *e.Boundary)
	}
}

// principals gives the unique ids of the users and roles that there will be in
// the account, by their ARNs and by the ids.
func (p *importPlan) principals() map[string]string {
	ids := map[string]string{}
	for i := range p.after.Users {
		u := &p.after.Users[i]
		ids[arn.User(p.own.ID, u.Path, u.Name)], ids[u.ID] = u.ID, u.ID
	}
	for i := range p.after.Roles {
		r := &p.after.Roles[i]
		ids[arn.Role(p.own.ID, r.Path, r.Name)], ids[r.ID] = r.ID, r.ID
	}
	return ids
}

// resolvePrincipals finds the unique ids of the users and roles that a trust
// policy names. What the import says of one stands: trust in somebody who is gone
// goes on to be that. Where there is nobody, nobody is admitted, also when there
// will be somebody of that name.
func (p *importPlan) resolvePrincipals(role *store.Role, ids map[string]string) {
	at := account.Place{Kind: store.KindRole, Name: role.Name}
	parsed, err := policy.Parse(policy.Trust, role.TrustPolicy)
	if err != nil {
		return // told before; it admits nobody
	}
	given := role.Principals
	role.Principals = nil
	for _, written := range parsed.Entities() {
		id, told := given[written]
		if !told {
			id, told = ids[written]
		}
		if !told {
			if other, ok := p.snapshot.PrincipalID(written); ok && !p.ownID(other) {
				id, told = other, true
			}
		}
		if !told {
			p.warn(within(at, "trustPolicy"), `Invalid principal in policy: "AWS":"%s" There is no such user or role here, so it admits nobody.`, written)
		}
		if id != "" && !uniqueIDPattern.MatchString(id) {
			p.refuse(within(at, "principals"), "%q is no unique id", id)
		}
		if role.Principals == nil {
			role.Principals = map[string]string{}
		}
		role.Principals[written] = id
	}
	for _, written := range slices.Sorted(maps.Keys(given)) {
		if _, named := role.Principals[written]; !named {
			p.warn(within(at, "principals"), "%s is not named by the trust policy, and left out", written)
		}
	}
}

// ownID reports whether a unique id is of the account that is imported into.
func (p *importPlan) ownID(id string) bool {
	whose, _ := p.snapshot.Entity(id)
	a, err := arn.Parse(whose)
	return err == nil && a.Account == p.own.ID
}

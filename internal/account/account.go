// Package account is an account as one Go value: all that IAM keeps of it but its
// secrets. There are two views.
//
// Account is its records, from which it can be made again. Details is what
// GetAccountAuthorizationDetails tells of it, which is less: no OIDC providers, no
// descriptions of roles, not how long their sessions last.
//
// The package reads snapshots and decides nothing.
package account

import (
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
)

// Account is the records of one account. What a record says of others is said
// once, by one of the two, and where it can be by name:
//
//   - User.Groups has the names of groups, and their unique ids only where there
//     is no such group (any more);
//   - InstanceProfile.Role has the name of its role; Role.InstanceProfiles is empty;
//   - Policy.AttachmentCount, Policy.BoundaryCount and Group.Members are 0: they
//     are counted.
//
// Access keys, the keys of outbound federation and its issuer id, times of last
// use and revocations are not part of it: User.AccessKeys is empty.
type Account struct {
	ID      string
	Created time.Time
	Alias   string // "" for none

	// In order of their names in lower case; providers of their urls.
	Providers []store.OIDCProvider
	Policies  []store.Policy
	Groups    []store.Group
	Users     []store.User
	Roles     []store.Role
	Profiles  []store.InstanceProfile
}

// Of gives an account as a snapshot has it, and whether there is such an account.
func Of(s *directory.Snapshot, id string) (*Account, bool) {
	if !s.Account(id) {
		return nil, false
	}
	a := &Account{ID: id}
	for _, record := range s.Accounts() {
		if record.Account == id {
			a.Created, a.Alias = record.Created, record.Alias
		}
	}
	for _, p := range s.OIDCProviders(id) {
		a.Providers = append(a.Providers, p.OIDCProvider)
	}
	for p := range s.PoliciesAfter(id, "") {
		record := p.Policy
		record.AttachmentCount, record.BoundaryCount = 0, 0
		a.Policies = append(a.Policies, record)
	}
	for g := range s.GroupsAfter(id, "") {
		record := g.Group
		record.Members = 0
		a.Groups = append(a.Groups, record)
	}
	for u := range s.UsersAfter(id, "") {
		record := u.User
		record.AccessKeys, record.Groups = nil, groupNames(s, u)
		a.Users = append(a.Users, record)
	}
	for r := range s.RolesAfter(id, "") {
		record := r.Role
		record.InstanceProfiles = nil
		a.Roles = append(a.Roles, record)
	}
	for p := range s.InstanceProfilesAfter(id, "") {
		a.Profiles = append(a.Profiles, p.InstanceProfile)
	}
	return a, true
}

// groupNames gives the names of a user's groups, in order of joining.
func groupNames(s *directory.Snapshot, u *directory.User) []string {
	names := slices.Clone(u.Groups)
	for i, id := range names {
		if g, ok := s.GroupByID(id); ok {
			names[i] = g.Name
		}
	}
	return names
}

// Place says where in an account something is: a record, a member of it, and a
// line of a policy document.
type Place struct {
	Kind store.Kind
	Name string // as the record spells it; the url of a provider
	// Member is a member of the record, and a member of that behind a slash:
	// "path", "tags/2", "trustPolicy", "inlinePolicies/NAME", "versions/v1". Empty
	// for the record.
	Member string
	Line   int // in a policy document, from 1; 0 for no line
}

// Problem is something that is wrong with an account, or that a person should
// know of it.
type Problem struct {
	Place
	Message string
	// Warning is what does not keep the account from being used.
	Warning bool
}

// Key is a name as names are compared: in lower case.
func Key(name string) string { return strings.ToLower(name) }

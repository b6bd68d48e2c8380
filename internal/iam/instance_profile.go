package iam

import (
	"errors"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

// Limits of instance profiles. An account of AWS has 1000 and gets more on
// request, which nobody is there to ask here; a role's record names all that
// hold it, and has room for that many.
const (
	maxProfileName = 128
	maxProfiles    = 5000 // of one account
)

// Daypass has no instances that could take up an instance profile. It serves
// them because clients that manage roles ask for them, and because a role that is
// in one cannot be deleted.
func (s *service) profileOperations() []awsapi.Operation {
	return append(s.tagOperations("InstanceProfile", onProfile, taggedProfiles),
		creates("CreateInstanceProfile", "TagInstanceProfile", onNewProfile, s.createInstanceProfile),
		signed("GetInstanceProfile", onProfile, getInstanceProfile),
		signed("ListInstanceProfiles", onProfilePath, listInstanceProfiles),
		signed("DeleteInstanceProfile", onProfile, s.deleteInstanceProfile),
		inTwoSteps("AddRoleToInstanceProfile", onProfile, s.addRoleToInstanceProfile,
			onProfile.need("AddRoleToInstanceProfile", nil), onRole.need("PassRole", []keySetter{passedToInstances})),
		signed("RemoveRoleFromInstanceProfile", onProfile, s.removeRoleFromInstanceProfile),
		signed("ListInstanceProfilesForRole", onRole, listInstanceProfilesForRole),
	)
}

// passedToInstances sets the condition keys of iam:PassRole: to whom the role is
// passed, and for what (IAM User Guide, "Grant a user permissions to pass a role
// to an AWS service").
func passedToInstances(c *awsapi.Call, keys *policy.Context) {
	keys.Set("iam:PassedToService", "ec2.amazonaws.com")
	keys.Set("iam:AssociatedResourceArn", "arn:aws:ec2:*:"+c.Account+":instance/*")
}

// profileName reads the parameter that names an instance profile.
func (in *input) profileName() string { return in.name("InstanceProfileName", maxProfileName) }

func noSuchProfile(name string) *awsapi.Fault {
	return noSuchEntity("Instance Profile %s cannot be found.", name)
}

func (s *service) createInstanceProfile(c *awsapi.Call, in *input) execute {
	profile := store.InstanceProfile{
		Account: c.Account, Name: in.profileName(), Path: in.path("Path", rolePathPattern), Tags: in.tags(true), Created: now(c),
	}
	return func() (awsapi.Result, error) {
		// As with providers, requests at the same moment may together pass this.
		if c.Snapshot.Count(c.Account, store.KindProfile) >= maxProfiles {
			return nil, limitExceeded("Cannot exceed quota for InstanceProfilesPerAccount: %d", maxProfiles)
		}
		var err error
		if profile.ID, err = session.NewUniqueID("AIPA", s.Random); err != nil {
			return nil, err
		}
		err = s.update(c, func(tx store.Tx) error {
			return insert(tx, store.InstanceProfileID(c.Account, profile.Name), profile, alreadyExists("Instance Profile %s already exists.", profile.Name))
		})
		if err != nil {
			return nil, err
		}
		return createdProfile{c.Snapshot, &profile, in.tagsAsSent}, nil
	}
}

func getInstanceProfile(c *awsapi.Call, in *input) execute {
	name := in.profileName()
	return func() (awsapi.Result, error) {
		profile, ok := c.Snapshot.InstanceProfile(c.Account, name)
		if !ok {
			return nil, noSuchProfile(name)
		}
		return foundProfile{c.Snapshot, &profile.InstanceProfile}, nil
	}
}

func listInstanceProfiles(c *awsapi.Call, in *input) execute {
	prefix, p := in.path("PathPrefix", rolePrefixPattern), in.page()
	return func() (awsapi.Result, error) {
		reply := profileList{snapshot: c.Snapshot}
		reply.profiles, reply.next = cutHeavy(p, c.Snapshot.InstanceProfilesAfter(c.Account, p.after),
			func(p *directory.InstanceProfile) string { return strings.ToLower(p.Name) },
			func(p *directory.InstanceProfile) bool { return strings.HasPrefix(p.Path, prefix) },
			func(p *directory.InstanceProfile) int {
				if role, ok := c.Snapshot.Role(c.Account, p.Role); ok {
					return len(role.TrustPolicy)
				}
				return 0
			})
		return reply, nil
	}
}

// listInstanceProfilesForRole lists in order of the names.
func listInstanceProfilesForRole(c *awsapi.Call, in *input) execute {
	name, p := roles.name(in), in.page()
	return func() (awsapi.Result, error) {
		role, ok := c.Snapshot.Role(c.Account, name)
		if !ok {
			return nil, noSuchRole(name)
		}
		reply := profileList{snapshot: c.Snapshot}
		var names []string
		names, reply.next = cutHeavy(p, foldedAfter(role.InstanceProfiles, p.after), strings.ToLower, func(string) bool { return true },
			func(string) int { return len(role.TrustPolicy) })
		for _, name := range names {
			if profile, ok := c.Snapshot.InstanceProfile(c.Account, name); ok {
				reply.profiles = append(reply.profiles, profile)
			}
		}
		return reply, nil
	}
}

func (s *service) deleteInstanceProfile(c *awsapi.Call, in *input) execute {
	name := in.profileName()
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			err := changeProfile(tx, c, name, func(p *store.InstanceProfile) error {
				if p.Role != "" {
					return deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
				}
				return nil
			})
			if err != nil {
				return err
			}
			return tx.Delete(store.InstanceProfileID(c.Account, name))
		})
	}
}

// addRoleToInstanceProfile puts a role into a profile that has none; that it is
// there already is the same refusal (recorded on AWS). Of a role and a profile
// that are both missing the role is told: which one AWS tells is not known, but it
// looks up users before their groups.
func (s *service) addRoleToInstanceProfile(c *awsapi.Call, in *input) execute {
	name, roleName := in.profileName(), roles.name(in)
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			return s.changeRoleIn(tx, c, roleName, func(role *store.Role) error {
				return changeProfile(tx, c, name, func(profile *store.InstanceProfile) error {
					if profile.Role != "" {
						return limitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
					}
					profile.Role = role.Name
					role.InstanceProfiles = append(role.InstanceProfiles, profile.Name)
					return nil
				})
			})
		})
	}
}

// removeRoleFromInstanceProfile looks a role and a profile up in the order in
// which addRoleToInstanceProfile does.
func (s *service) removeRoleFromInstanceProfile(c *awsapi.Call, in *input) execute {
	name, roleName := in.profileName(), roles.name(in)
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			// Nothing is asked of the role's own ARN: it is the profile on which the
			// action is allowed.
			err := changeRecord(tx, store.RoleID(c.Account, roleName), func(role *store.Role) error {
				return changeProfile(tx, c, name, func(profile *store.InstanceProfile) error {
					if profile.Role != role.Name {
						return noSuchEntity("Role %s in Instance Profile %s cannot be found.", roleName, name)
					}
					profile.Role = ""
					role.InstanceProfiles = slices.DeleteFunc(role.InstanceProfiles, func(held string) bool { return held == profile.Name })
					return nil
				})
			})
			if errors.Is(err, store.ErrNotFound) {
				return noSuchRole(roleName)
			}
			return err
		})
	}
}

// changeProfile rewrites one instance profile in a transaction. It must be the
// one for which the caller was authorised: a name finds it under any path.
func changeProfile(tx store.Tx, c *awsapi.Call, name string, change func(*store.InstanceProfile) error) error {
	err := changeRecord(tx, store.InstanceProfileID(c.Account, name), func(p *store.InstanceProfile) error {
		if known, ok := c.Snapshot.InstanceProfile(c.Account, name); !ok || known.ID != p.ID || known.ARN != arn.InstanceProfile(p.Account, p.Path, p.Name) {
			return concurrentModification("Instance Profile " + name)
		}
		return change(p)
	})
	if errors.Is(err, store.ErrNotFound) {
		return noSuchProfile(name)
	}
	return err
}

// taggedProfiles are instance profiles for the operations on tags.
var taggedProfiles = &taggedKind{
	distinguishesCase: true,
	read:              (*input).profileName,
	find: func(c *awsapi.Call, name string) ([]store.Tag, error) {
		profile, ok := c.Snapshot.InstanceProfile(c.Account, name)
		if !ok {
			return nil, noSuchProfile(name)
		}
		return profile.Tags, nil
	},
	change: func(tx store.Tx, c *awsapi.Call, name string, f func(*[]store.Tag) error) error {
		return changeProfile(tx, c, name, func(p *store.InstanceProfile) error { return f(&p.Tags) })
	},
}

// createdProfile is CreateInstanceProfile's reply, which has Tags only with tags
// in it.
type createdProfile struct {
	snapshot *directory.Snapshot
	profile  *store.InstanceProfile
	tags     []store.Tag // in the order in which they were sent
}

// WriteXML implements awsapi.Result.
func (r createdProfile) WriteXML(x *awsapi.XML) {
	x.Open("InstanceProfile")
	writeProfile(x, r.snapshot, r.profile)
	writeSomeTags(x, r.tags)
	x.Close()
}

// foundProfile is GetInstanceProfile's reply, which always has Tags.
type foundProfile struct {
	snapshot *directory.Snapshot
	profile  *store.InstanceProfile
}

// WriteXML implements awsapi.Result.
func (r foundProfile) WriteXML(x *awsapi.XML) {
	x.Open("InstanceProfile")
	writeProfile(x, r.snapshot, r.profile)
	writeTags(x, r.profile.Tags)
	x.Close()
}

// profileList is the reply of both lists, which tell no tags.
type profileList struct {
	snapshot *directory.Snapshot
	profiles []*directory.InstanceProfile
	next     string
}

// WriteXML implements awsapi.Result.
func (r profileList) WriteXML(x *awsapi.XML) {
	writeProfiles(x, "InstanceProfiles", r.snapshot, r.profiles)
	writeNext(x, r.next)
}

// writeProfiles writes a list of instance profiles under the given name.
func writeProfiles(x *awsapi.XML, name string, snapshot *directory.Snapshot, profiles []*directory.InstanceProfile) {
	x.Open(name)
	for _, profile := range profiles {
		x.Open("member")
		writeProfile(x, snapshot, &profile.InstanceProfile)
		x.Close()
	}
	x.Close()
}

// writeProfile writes what every reply tells of an instance profile, with its
// role, of which it tells no more than CreateRole does (recorded on AWS).
func writeProfile(x *awsapi.XML, snapshot *directory.Snapshot, p *store.InstanceProfile) {
	x.Text("Path", p.Path)
	x.Text("InstanceProfileName", p.Name)
	x.Text("InstanceProfileId", p.ID)
	x.Text("Arn", arn.InstanceProfile(p.Account, p.Path, p.Name))
	x.Time("CreateDate", p.Created)
	x.Open("Roles")
	if role, ok := snapshot.Role(p.Account, p.Role); ok {
		x.Open("member")
		writeRole(x, &role.Role, snapshot.ShownTrustPolicy(&role.Role))
		x.Close()
	}
	x.Close()
}

package iam

import (
	"errors"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

// maxUserGroups is how many groups a user can be in (IAM User Guide, "IAM and AWS
// STS quotas").
const maxUserGroups = 10

func (s *service) groupOperations() []awsapi.Operation {
	return append(s.entityOperations(groups),
		signed("CreateGroup", onNewGroup, s.createGroup),
		signed("GetGroup", onGroup, getGroup),
		signed("ListGroups", onGroupPath, listGroups),
		renames("UpdateGroup", onGroup, onRenamedGroup, s.updateGroup),
		signed("DeleteGroup", onGroup, s.deleteGroup),
		signed("AddUserToGroup", onGroup, s.addUserToGroup),
		signed("RemoveUserFromGroup", onGroup, s.removeUserFromGroup),
	)
}

func (s *service) createGroup(c *awsapi.Call, in *input) execute {
	group := store.Group{Account: c.Account, Name: groups.name(in), Path: in.path("Path", rolePathPattern), Created: now(c)}
	return func() (awsapi.Result, error) {
		var err error
		if group.ID, err = session.NewUniqueID("AGPA", s.Random); err != nil {
			return nil, err
		}
		err = s.update(c, func(tx store.Tx) error {
			return insert(tx, store.GroupID(c.Account, group.Name), group, groupExists(group.Name))
		})
		if err != nil {
			return nil, err
		}
		return createdGroup{&group}, nil
	}
}

func groupExists(name string) *awsapi.Fault {
	return alreadyExists("Group with name %s already exists.", name)
}

// getGroup tells the group in every page, and its users page by page, in order of
// their names in lower case.
func getGroup(c *awsapi.Call, in *input) execute {
	name, p := groups.name(in), in.page()
	return func() (awsapi.Result, error) {
		group, ok := c.Snapshot.Group(c.Account, name)
		if !ok {
			return nil, groups.missing(name)
		}
		reply := foundGroup{group: &group.Group}
		reply.users, reply.next = cut(p, c.Snapshot.MembersAfter(group, p.after), userKey, func(*directory.User) bool { return true })
		return reply, nil
	}
}

func listGroups(c *awsapi.Call, in *input) execute {
	prefix, p := in.path("PathPrefix", rolePrefixPattern), in.page()
	return func() (awsapi.Result, error) {
		var reply groupList
		reply.groups, reply.next = cut(p, c.Snapshot.GroupsAfter(c.Account, p.after), groupKey,
			func(g *directory.Group) bool { return strings.HasPrefix(g.Path, prefix) })
		return reply, nil
	}
}

// groupKey is by what groups are listed.
func groupKey(g *directory.Group) string { return strings.ToLower(g.Name) }

// updateGroup gives a group another name or path. Unique id, users and policies
// stay (recorded on AWS).
func (s *service) updateGroup(c *awsapi.Call, in *input) execute {
	name := groups.name(in)
	path, newName := in.newPath(), in.newName("NewGroupName", maxGroupName)
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			group, err := ownGroup(tx, c, name)
			if err != nil {
				return err
			}
			from := store.GroupID(c.Account, group.Name)
			if path != "" {
				group.Path = path
			}
			if newName != "" {
				group.Name = newName
			}
			return rename(tx, from, store.GroupID(c.Account, group.Name), group, groupExists(newName))
		})
	}
}

// deleteGroup deletes a group that has nothing any more. Which of several
// hindrances AWS tells first is not known; see userInUse.
func (s *service) deleteGroup(c *awsapi.Call, in *input) execute {
	name := groups.name(in)
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			group, err := ownGroup(tx, c, name)
			switch {
			case err != nil:
				return err
			case group.Members > 0:
				return deleteConflict("Cannot delete entity, must remove users from group first.")
			case len(group.AttachedPolicies) > 0:
				return deleteConflict("Cannot delete entity, must detach all policies first.")
			case len(group.InlinePolicies) > 0:
				return deleteConflict("Cannot delete entity, must delete policies first.")
			}
			return tx.Delete(store.GroupID(c.Account, name))
		})
	}
}

// ownGroup is ownUser for groups.
func ownGroup(tx store.Tx, c *awsapi.Call, name string) (store.Group, error) {
	group, err := store.GetRecord[store.Group](tx, store.GroupID(c.Account, name))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return group, groups.missing(name)
	case err != nil:
		return group, err
	}
	if known, ok := c.Snapshot.Group(c.Account, name); !ok || known.ID != group.ID || known.ARN != arn.Group(group.Account, group.Path, group.Name) {
		return group, concurrentModification("Group " + name)
	}
	return group, nil
}

// addUserToGroup lets who is in the group already stay (recorded on AWS).
func (s *service) addUserToGroup(c *awsapi.Call, in *input) execute {
	return s.changeMembership(c, in, func(user *store.User, group *store.Group) error {
		if slices.Contains(user.Groups, group.ID) {
			return nil
		}
		if len(user.Groups) >= maxUserGroups {
			return limitExceeded("Cannot exceed quota for GroupsPerUser: %d", maxUserGroups)
		}
		user.Groups = append(user.Groups, group.ID)
		group.Members++
		return nil
	})
}

// removeUserFromGroup passes over a user who is not in the group (recorded on AWS).
func (s *service) removeUserFromGroup(c *awsapi.Call, in *input) execute {
	return s.changeMembership(c, in, func(user *store.User, group *store.Group) error {
		if i := slices.Index(user.Groups, group.ID); i >= 0 {
			user.Groups = slices.Delete(user.Groups, i, i+1)
			group.Members--
		}
		return nil
	})
}

// changeMembership rewrites a user and a group in one transaction: one names the
// other, which counts it. Of the two, the user is looked up first (recorded on
// AWS). Permission was asked for the group alone (Service Authorization Reference).
func (s *service) changeMembership(c *awsapi.Call, in *input, change func(*store.User, *store.Group) error) execute {
	groupName, userName := groups.name(in), users.name(in)
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			userID := store.UserID(c.Account, userName)
			user, err := store.GetRecord[store.User](tx, userID)
			if errors.Is(err, store.ErrNotFound) {
				return users.missing(userName)
			}
			if err != nil {
				return err
			}
			group, err := ownGroup(tx, c, groupName)
			if err != nil {
				return err
			}
			before := group.Members
			if err := change(&user, &group); err != nil || group.Members == before {
				return err
			}
			return errors.Join(store.PutRecord(tx, userID, user), store.PutRecord(tx, store.GroupID(c.Account, groupName), group))
		})
	}
}

type createdGroup struct{ group *store.Group }

// WriteXML implements awsapi.Result.
func (r createdGroup) WriteXML(x *awsapi.XML) {
	x.Open("Group")
	writeGroup(x, r.group)
	x.Close()
}

// foundGroup is GetGroup's reply, which tells of users what ListUsers tells.
type foundGroup struct {
	group *store.Group
	users []*directory.User
	next  string
}

// WriteXML implements awsapi.Result.
func (r foundGroup) WriteXML(x *awsapi.XML) {
	createdGroup{r.group}.WriteXML(x)
	writeUsers(x, r.users)
	writeNext(x, r.next)
}

// groupList is the reply of ListGroups and ListGroupsForUser.
type groupList struct {
	groups []*directory.Group
	next   string
}

// WriteXML implements awsapi.Result.
func (r groupList) WriteXML(x *awsapi.XML) {
	x.Open("Groups")
	for _, group := range r.groups {
		x.Open("member")
		writeGroup(x, &group.Group)
		x.Close()
	}
	x.Close()
	writeNext(x, r.next)
}

// writeGroup writes a group in the model's order.
func writeGroup(x *awsapi.XML, g *store.Group) {
	x.Text("Path", g.Path)
	x.Text("GroupName", g.Name)
	x.Text("GroupId", g.ID)
	x.Text("Arn", arn.Group(g.Account, g.Path, g.Name))
	x.Time("CreateDate", g.Created)
}

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

func (s *service) userOperations() []awsapi.Operation {
	return slices.Concat(s.entityOperations(users), otherCredentialOperations(), []awsapi.Operation{
		creates("CreateUser", "TagUser", onNewUser, s.createUser, givenBoundary),
		signed("GetUser", onUser, getUser),
		signed("ListUsers", onUserPath, listUsers),
		renames("UpdateUser", onUser, onRenamedUser, s.updateUser),
		signed("DeleteUser", onUser, s.deleteUser),
		signed("ListGroupsForUser", onUser, listGroupsForUser),
	})
}

// userOrCaller reads the parameter UserName, which names the user who sends the
// request where it is left out. A role session is none. That is told before
// permission is asked, since there is nothing to ask it for; what AWS tells first
// is not known.
func (in *input) userOrCaller(c *awsapi.Call) string {
	if in.params.Has("UserName") {
		return users.name(in)
	}
	name := c.Caller.UserName()
	if name == "" {
		in.refuse(awsapi.Invalid("Must specify userName when calling with non-User credentials"))
	}
	return name
}

func (s *service) createUser(c *awsapi.Call, in *input) execute {
	user := store.User{
		Account: c.Account, Name: in.name("UserName", maxUserName), Path: in.path("Path", rolePathPattern),
		Tags: in.tags(false), Created: now(c),
	}
	boundary := in.boundary()
	return func() (awsapi.Result, error) {
		var err error
		if user.ID, err = session.NewUniqueID("AIDA", s.Random); err != nil {
			return nil, err
		}
		err = s.update(c, func(tx store.Tx) error {
			if err := setBoundary(tx, c, userEntity(&user), boundary); err != nil {
				return err
			}
			return insert(tx, store.UserID(c.Account, user.Name), user, userExists(user.Name))
		})
		if err != nil {
			return nil, err
		}
		return wholeUser{&user, in.tagsAsSent}, nil
	}
}

func userExists(name string) *awsapi.Fault {
	return alreadyExists("User with name %s already exists.", name)
}

func getUser(c *awsapi.Call, in *input) execute {
	name := in.userOrCaller(c)
	return func() (awsapi.Result, error) {
		user, err := knownUser(c, name)
		if err != nil {
			return nil, err
		}
		return wholeUser{&user.User, user.Tags}, nil
	}
}

// knownUser finds a user as the snapshot has it.
func knownUser(c *awsapi.Call, name string) (*directory.User, error) {
	user, ok := c.Snapshot.User(c.Account, name)
	if !ok {
		return nil, users.missing(name)
	}
	return user, nil
}

func listUsers(c *awsapi.Call, in *input) execute {
	prefix, p := in.path("PathPrefix", rolePrefixPattern), in.page()
	return func() (awsapi.Result, error) {
		var reply userList
		reply.users, reply.next = cut(p, c.Snapshot.UsersAfter(c.Account, p.after), userKey,
			func(u *directory.User) bool { return strings.HasPrefix(u.Path, prefix) })
		return reply, nil
	}
}

// userKey is by what users are listed.
func userKey(u *directory.User) string { return strings.ToLower(u.Name) }

// updateUser gives a user another name or path. Unique id, groups and access keys
// stay, and so do sessions, which are bound to the unique id (recorded on AWS).
func (s *service) updateUser(c *awsapi.Call, in *input) execute {
	name := users.name(in)
	path, newName := in.newPath(), in.newName("NewUserName", maxUserName)
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			user, err := ownUser(tx, c, name)
			if err != nil {
				return err
			}
			from := store.UserID(c.Account, user.Name)
			if path != "" {
				user.Path = path
			}
			if newName != "" {
				user.Name = newName
			}
			if err := rename(tx, from, store.UserID(c.Account, user.Name), user, userExists(newName)); err != nil {
				return err
			}
			for _, id := range user.AccessKeys { // their records name the user
				err := changeRecord(tx, store.AccessKeyID(c.Account, id), func(key *store.AccessKey) error {
					key.UserName = user.Name
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// deleteUser deletes a user who has nothing any more. A permissions boundary is no
// hindrance (reported by users of AWS).
func (s *service) deleteUser(c *awsapi.Call, in *input) execute {
	name := users.name(in)
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			user, err := ownUser(tx, c, name)
			if err != nil {
				return err
			}
			if conflict := userInUse(&user); conflict != "" {
				return deleteConflict("Cannot delete entity, must " + conflict + " first.")
			}
			if err := dropBoundary(tx, c, userEntity(&user)); err != nil {
				return err
			}
			return tx.Delete(store.UserID(c.Account, name))
		})
	}
}

// userInUse says what must be done before a user can be deleted, "" for nothing.
// Which of several AWS tells first is not known; of roles it tells managed policies
// before inline ones.
func userInUse(user *store.User) string {
	switch {
	case len(user.Groups) > 0:
		return "remove users from group"
	case len(user.AccessKeys) > 0:
		return "delete access keys"
	case len(user.AttachedPolicies) > 0:
		return "detach all policies"
	case len(user.InlinePolicies) > 0:
		return "delete policies"
	}
	return ""
}

// ownUser reads a user in a transaction. It must be the one for whom the caller
// was authorised: names find a user under any path, permissions do not.
func ownUser(tx store.Tx, c *awsapi.Call, name string) (store.User, error) {
	user, err := store.GetRecord[store.User](tx, store.UserID(c.Account, name))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return user, users.missing(name)
	case err != nil:
		return user, err
	}
	if known, ok := c.Snapshot.User(c.Account, name); !ok || known.ID != user.ID || known.ARN != arn.User(user.Account, user.Path, user.Name) {
		return user, concurrentModification("User " + name)
	}
	return user, nil
}

// listGroupsForUser lists in order of the groups' names in lower case.
func listGroupsForUser(c *awsapi.Call, in *input) execute {
	name, p := users.name(in), in.page()
	return func() (awsapi.Result, error) {
		user, err := knownUser(c, name)
		if err != nil {
			return nil, err
		}
		var groups []*directory.Group
		for _, id := range user.Groups {
			if group, ok := c.Snapshot.GroupByID(id); ok && groupKey(group) > p.after {
				groups = append(groups, group)
			}
		}
		slices.SortFunc(groups, func(a, b *directory.Group) int { return strings.Compare(groupKey(a), groupKey(b)) })
		var reply groupList
		reply.groups, reply.next = cut(p, slices.Values(groups), groupKey, func(*directory.Group) bool { return true })
		return reply, nil
	}
}

// wholeUser is the reply of CreateUser and GetUser.
type wholeUser struct {
	user *store.User
	tags []store.Tag // as CreateUser tells them, in the order of the request
}

// WriteXML implements awsapi.Result.
func (r wholeUser) WriteXML(x *awsapi.XML) {
	x.Open("User")
	writeUser(x, r.user)
	writeBoundary(x, r.user.PermissionsBoundary)
	writeSomeTags(x, r.tags)
	x.Close()
}

// userList is ListUsers' reply, which tells neither tags nor boundary (recorded on
// AWS).
type userList struct {
	users []*directory.User
	next  string
}

// WriteXML implements awsapi.Result.
func (r userList) WriteXML(x *awsapi.XML) {
	writeUsers(x, r.users)
	writeNext(x, r.next)
}

func writeUsers(x *awsapi.XML, users []*directory.User) {
	x.Open("Users")
	for _, user := range users {
		x.Open("member")
		writeUser(x, &user.User)
		x.Close()
	}
	x.Close()
}

// writeUser writes what every reply tells of a user, in the model's order.
// Passwords, and so PasswordLastUsed, there are none.
func writeUser(x *awsapi.XML, u *store.User) {
	x.Text("Path", u.Path)
	x.Text("UserName", u.Name)
	x.Text("UserId", u.ID)
	x.Text("Arn", arn.User(u.Account, u.Path, u.Name))
	x.Time("CreateDate", u.Created)
}

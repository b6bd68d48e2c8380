package iam

import (
	"errors"
	"fmt"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/store"
)

// entityKind is what roles, users and groups differ in, for the operations on
// policies, permissions boundaries and tags, which are otherwise the same for
// the three.
type entityKind struct {
	noun      string // as messages name it
	parameter string // that names it: RoleName
	kind      store.Kind
	on        target
	maxName   int // characters
	// maxInline is the quota of all its inline policies together, in characters
	// without white space.
	maxInline int
	// find gives the entity as the snapshot has it.
	find func(c *awsapi.Call, name string) (*entity, bool)
	// change rewrites the entity's record in a transaction.
	change func(tx store.Tx, c *awsapi.Call, name string, f func(*entity) error) error
}

// entity is a role, user or group as those operations see it. Tags is nil for a
// group, which has none.
type entity struct {
	name string
	arn  string
	id   string
	store.Permissions
	tags *[]store.Tag
}

// entities has the operations that roles, users and groups have in common, for one
// of the three kinds.
type entities struct {
	*service
	*entityKind
}

// Quotas (IAM User Guide, "IAM and AWS STS quotas", 2023): of inline policies,
// and of managed policies on one entity, which is what AWS grants on request,
// where a new account has 10.
const (
	maxRoleInline  = 10240
	maxUserInline  = 2048
	maxGroupInline = 5120
	maxAttached    = 20
)

var (
	roles = &entityKind{
		noun: "role", parameter: "RoleName", kind: store.KindRole, on: onRole, maxName: maxRoleName, maxInline: maxRoleInline,
		find: func(c *awsapi.Call, name string) (*entity, bool) {
			role, ok := c.Snapshot.Role(c.Account, name)
			if !ok {
				return nil, false
			}
			return roleEntity(&role.Role), true
		},
		change: func(tx store.Tx, c *awsapi.Call, name string, f func(*entity) error) error {
			return changeRecord(tx, store.RoleID(c.Account, name), func(r *store.Role) error { return f(roleEntity(r)) })
		},
	}
	users = &entityKind{
		noun: "user", parameter: "UserName", kind: store.KindUser, on: onUser, maxName: maxGivenUser, maxInline: maxUserInline,
		find: func(c *awsapi.Call, name string) (*entity, bool) {
			user, ok := c.Snapshot.User(c.Account, name)
			if !ok {
				return nil, false
			}
			return userEntity(&user.User), true
		},
		change: func(tx store.Tx, c *awsapi.Call, name string, f func(*entity) error) error {
			return changeRecord(tx, store.UserID(c.Account, name), func(u *store.User) error { return f(userEntity(u)) })
		},
	}
	groups = &entityKind{
		noun: "group", parameter: "GroupName", kind: store.KindGroup, on: onGroup, maxName: maxGroupName, maxInline: maxGroupInline,
		find: func(c *awsapi.Call, name string) (*entity, bool) {
			group, ok := c.Snapshot.Group(c.Account, name)
			if !ok {
				return nil, false
			}
			return groupEntity(&group.Group), true
		},
		change: func(tx store.Tx, c *awsapi.Call, name string, f func(*entity) error) error {
			return changeRecord(tx, store.GroupID(c.Account, name), func(g *store.Group) error { return f(groupEntity(g)) })
		},
	}
)

func roleEntity(r *store.Role) *entity {
	return &entity{r.Name, arn.Role(r.Account, r.Path, r.Name), r.ID, r.Permissions(), &r.Tags}
}

func userEntity(u *store.User) *entity {
	return &entity{u.Name, arn.User(u.Account, u.Path, u.Name), u.ID, u.Permissions(), &u.Tags}
}

func groupEntity(g *store.Group) *entity {
	return &entity{g.Name, arn.Group(g.Account, g.Path, g.Name), g.ID, g.Permissions(), nil}
}

// name reads the parameter that names an entity of the kind.
func (k *entityKind) name(in *input) string { return in.name(k.parameter, k.maxName) }

// missing answers that there is no entity of that name.
func (k *entityKind) missing(name string) *awsapi.Fault {
	return noSuchEntity("The %s with name %s cannot be found.", k.noun, name)
}

// lookup is find with the answer for one that is not there.
func (k *entityKind) lookup(c *awsapi.Call, name string) (*entity, error) {
	e, ok := k.find(c, name)
	if !ok {
		return nil, k.missing(name)
	}
	return e, nil
}

// changeEntity rewrites one entity in a transaction, in which f may write other
// records too. An error of f leaves all as it was. It must be the entity for
// which the caller was authorised: names find one under any path, and one that
// was made in the meantime, whose boundary and tags nobody looked at.
func (k entities) changeEntity(c *awsapi.Call, name string, f func(store.Tx, *entity) error) error {
	return k.update(c, func(tx store.Tx) error { return k.changeIn(tx, c, name, func(e *entity) error { return f(tx, e) }) })
}

// changeIn is changeEntity inside a transaction.
func (k *entityKind) changeIn(tx store.Tx, c *awsapi.Call, name string, f func(*entity) error) error {
	err := k.change(tx, c, name, func(e *entity) error {
		if known, ok := k.find(c, name); !ok || known.id != e.id || known.arn != e.arn {
			return concurrentModification(k.noun + " " + name)
		}
		return f(e)
	})
	if errors.Is(err, store.ErrNotFound) {
		return k.missing(name)
	}
	return err
}

// changeRecord reads a record, has it changed, and writes it. ErrNotFound comes
// through unchanged.
func changeRecord[R any](tx store.Tx, id store.ID, change func(*R) error) error {
	record, err := store.GetRecord[R](tx, id)
	if err != nil {
		return err
	}
	if err := change(&record); err != nil {
		return err
	}
	return store.PutRecord(tx, id, record)
}

// insert writes a record that is new; taken answers where there is one already.
func insert(tx store.Tx, id store.ID, record any, taken error) error {
	switch _, err := tx.Get(id); {
	case err == nil:
		return taken
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return store.PutRecord(tx, id, record)
}

// rename moves a record whose key follows its name. Another record that has the
// new name stays, and taken answers.
func rename(tx store.Tx, from, to store.ID, record any, taken error) error {
	if from == to { // other letters' case, or another path
		return store.PutRecord(tx, to, record)
	}
	if err := insert(tx, to, record, taken); err != nil {
		return err
	}
	if err := tx.Delete(from); err != nil {
		return fmt.Errorf("iam: rename %v: %w", from, err)
	}
	return nil
}

package iam

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

func (s *service) createRole(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	role := store.Role{
		Account: c.Account, Name: in.roleName(), Path: in.path("Path", rolePathPattern),
		Description: in.roleDescription(), MaxSessionDuration: in.maxSessionDuration(),
		TrustPolicy: in.document("AssumeRolePolicyDocument"), Created: now(c),
	}
	in.refuseUnserved("Tags", "PermissionsBoundary")
	if err := in.err(); err != nil {
		return nil, err
	}
	if err := trustPolicy(role.TrustPolicy); err != nil {
		return nil, err
	}
	var err error
	if role.ID, err = session.NewUniqueID("AROA", s.Random); err != nil {
		return nil, err
	}
	id := store.RoleID(c.Account, role.Name)
	err = s.update(c, func(tx store.Tx) error {
		switch _, err := tx.Get(id); {
		case err == nil:
			return alreadyExists("Role with name %s already exists.", role.Name)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		return store.PutRecord(tx, id, role)
	})
	if err != nil {
		return nil, err
	}
	return createdRole{&role}, nil
}

func getRole(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	name := in.roleName()
	if err := in.err(); err != nil {
		return nil, err
	}
	role, ok := c.Snapshot.Role(c.Account, name)
	if !ok {
		return nil, noSuchRole(name)
	}
	return foundRole{&role.Role}, nil
}

func listRoles(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	prefix, p := in.path("PathPrefix", rolePrefixPattern), in.page()
	if err := in.err(); err != nil {
		return nil, err
	}
	var reply roleList
	reply.roles, reply.next = cut(p, c.Snapshot.RolesAfter(c.Account, p.after),
		func(r *directory.Role) string { return strings.ToLower(r.Name) },
		func(r *directory.Role) bool { return strings.HasPrefix(r.Path, prefix) })
	return reply, nil
}

func (s *service) deleteRole(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	name := in.roleName()
	if err := in.err(); err != nil {
		return nil, err
	}
	return nil, s.update(c, func(tx store.Tx) error {
		role, err := roleIn(tx, c, name)
		switch {
		case err != nil:
			return err
		case len(role.AttachedPolicies) > 0:
			return deleteConflict("Cannot delete entity, must detach all policies first.")
		case len(role.InlinePolicies) > 0:
			return deleteConflict("Cannot delete entity, must delete policies first.")
		}
		return tx.Delete(store.RoleID(c.Account, name))
	})
}

func (s *service) updateAssumeRolePolicy(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	name, document := in.roleName(), in.document("PolicyDocument")
	if err := in.err(); err != nil {
		return nil, err
	}
	if err := trustPolicy(document); err != nil {
		return nil, err
	}
	return nil, s.changeRole(c, name, func(role *store.Role) error {
		role.TrustPolicy = document
		return nil
	})
}

// changeRole rewrites one role in a transaction. An error of change leaves the
// role as it was.
func (s *service) changeRole(c *awsapi.Call, name string, change func(*store.Role) error) error {
	return s.update(c, func(tx store.Tx) error {
		role, err := roleIn(tx, c, name)
		if err != nil {
			return err
		}
		if err := change(&role); err != nil {
			return err
		}
		return store.PutRecord(tx, store.RoleID(c.Account, name), role)
	})
}

// roleIn reads a role inside a transaction. It must be the one for which the
// caller was authorised: names find a role under any path, permissions do not.
func roleIn(tx store.Tx, c *awsapi.Call, name string) (store.Role, error) {
	role, err := store.GetRecord[store.Role](tx, store.RoleID(c.Account, name))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return role, noSuchRole(name)
	case err != nil:
		return role, err
	case arn.Role(role.Account, role.Path, role.Name) != roleARN(c):
		return role, concurrentModification("Role " + name)
	}
	return role, nil
}

// now is the time of a request as records keep it: whole seconds of UTC.
func now(c *awsapi.Call) time.Time { return c.Now.UTC().Truncate(time.Second) }

// createdRole is CreateRole's reply. Unlike the others it does not tell
// MaxSessionDuration (seen on AWS).
type createdRole struct{ role *store.Role }

// WriteXML implements awsapi.Result.
func (r createdRole) WriteXML(x *awsapi.XML) {
	x.Open("Role")
	writeRole(x, r.role)
	x.Close()
}

// foundRole is GetRole's reply. RoleLastUsed is empty for a role that was not
// used, and Daypass does not keep when one was.
type foundRole struct{ role *store.Role }

// WriteXML implements awsapi.Result.
func (r foundRole) WriteXML(x *awsapi.XML) {
	x.Open("Role")
	writeRole(x, r.role)
	writeMaxSessionDuration(x, r.role)
	x.Open("RoleLastUsed")
	x.Close()
	x.Close()
}

type roleList struct {
	roles []*directory.Role
	next  string
}

// WriteXML implements awsapi.Result.
func (r roleList) WriteXML(x *awsapi.XML) {
	x.Open("Roles")
	for _, role := range r.roles {
		x.Open("member")
		writeRole(x, &role.Role)
		writeMaxSessionDuration(x, &role.Role)
		x.Close()
	}
	x.Close()
	writeNext(x, r.next)
}

// writeRole writes what every reply tells of a role, in the model's order.
func writeRole(x *awsapi.XML, r *store.Role) {
	x.Text("Path", r.Path)
	x.Text("RoleName", r.Name)
	x.Text("RoleId", r.ID)
	x.Text("Arn", arn.Role(r.Account, r.Path, r.Name))
	x.Time("CreateDate", r.Created)
	x.Text("AssumeRolePolicyDocument", percentEncode(r.TrustPolicy))
	if r.Description != nil {
		x.Text("Description", *r.Description)
	}
}

func writeMaxSessionDuration(x *awsapi.XML, r *store.Role) {
	x.Text("MaxSessionDuration", strconv.Itoa(r.MaxSessionDuration))
}

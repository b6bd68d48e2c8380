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

func (s *service) roleOperations() []awsapi.Operation {
	return append(s.entityOperations(roles),
		creates("CreateRole", "TagRole", onNewRole, s.createRole, givenBoundary),
		signed("GetRole", onRole, s.getRole),
		signed("ListRoles", onRolePath, listRoles),
		signed("DeleteRole", onRole, s.deleteRole),
		signed("UpdateAssumeRolePolicy", onRole, s.updateAssumeRolePolicy),
		signed("UpdateRole", onRole, s.updateRole),
		signed("UpdateRoleDescription", onRole, s.updateRoleDescription),
	)
}

func (s *service) createRole(c *awsapi.Call, in *input) execute {
	role := store.Role{
		Account: c.Account, Name: roles.name(in), Path: in.path("Path", rolePathPattern),
		Description: in.roleDescription(), MaxSessionDuration: in.maxSessionDuration(),
		TrustPolicy: in.document("AssumeRolePolicyDocument"), Tags: in.tags(false), Created: now(c),
	}
	boundary := in.boundary()
	return func() (awsapi.Result, error) {
		var err error
		if role.Principals, err = trustPolicy(c, role.TrustPolicy); err != nil {
			return nil, err
		}
		if role.ID, err = session.NewUniqueID("AROA", s.Random); err != nil {
			return nil, err
		}
		err = s.update(c, func(tx store.Tx) error {
			if err := setBoundary(tx, c, roleEntity(&role), boundary); err != nil {
				return err
			}
			return insert(tx, store.RoleID(c.Account, role.Name), role, alreadyExists("Role with name %s already exists.", role.Name))
		})
		if err != nil {
			return nil, err
		}
		s.noteFindings(c, role.Name, role.Path, role.TrustPolicy)
		return createdRole{&role, in.tagsAsSent}, nil
	}
}

func (s *service) getRole(c *awsapi.Call, in *input) execute {
	name := roles.name(in)
	return func() (awsapi.Result, error) {
		role, ok := c.Snapshot.Role(c.Account, name)
		if !ok {
			return nil, noSuchRole(name)
		}
		return foundRole{&role.Role, c.Snapshot.ShownTrustPolicy(&role.Role), s.lastUse(c, role.ID)}, nil
	}
}

func listRoles(c *awsapi.Call, in *input) execute {
	prefix, p := in.path("PathPrefix", rolePrefixPattern), in.page()
	return func() (awsapi.Result, error) {
		reply := roleList{snapshot: c.Snapshot}
		reply.roles, reply.next = cutHeavy(p, c.Snapshot.RolesAfter(c.Account, p.after),
			func(r *directory.Role) string { return strings.ToLower(r.Name) },
			func(r *directory.Role) bool { return strings.HasPrefix(r.Path, prefix) },
			func(r *directory.Role) int { return len(r.TrustPolicy) })
		return reply, nil
	}
}

func (s *service) deleteRole(c *awsapi.Call, in *input) execute {
	name := roles.name(in)
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			id := store.RoleID(c.Account, name)
			err := s.changeRoleIn(tx, c, name, func(role *store.Role) error {
				switch {
				case len(role.InstanceProfiles) > 0:
					return deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
				case len(role.AttachedPolicies) > 0:
					return deleteConflict("Cannot delete entity, must detach all policies first.")
				case len(role.InlinePolicies) > 0:
					return deleteConflict("Cannot delete entity, must delete policies first.")
				}
				return errors.Join(dropBoundary(tx, c, roleEntity(role)), deleteLastUse(tx, c.Account, role.ID))
			})
			if err != nil {
				return err
			}
			return tx.Delete(id)
		})
	}
}

func (s *service) updateAssumeRolePolicy(c *awsapi.Call, in *input) execute {
	name, document := roles.name(in), in.document("PolicyDocument")
	return func() (awsapi.Result, error) {
		principals, err := trustPolicy(c, document)
		if err != nil {
			return nil, err
		}
		var changed store.Role
		err = s.changeRole(c, name, func(role *store.Role) error {
			role.TrustPolicy, role.Principals = document, principals
			changed = *role
			return nil
		})
		if err == nil {
			s.noteFindings(c, changed.Name, changed.Path, document)
		}
		return nil, err
	}
}

// updateRole changes description and longest session. What is not sent stays: of
// MaxSessionDuration the API Reference says otherwise (recorded on AWS). Its reply
// has a result with nothing in it, without which SDKs do not take it.
func (s *service) updateRole(c *awsapi.Call, in *input) execute {
	name, description, duration := roles.name(in), in.roleDescription(), in.maxSessionDuration()
	sent := in.params.Has("MaxSessionDuration")
	return func() (awsapi.Result, error) {
		return updatedRole{}, s.changeRole(c, name, func(role *store.Role) error {
			if description != nil {
				role.Description = description
			}
			if sent {
				role.MaxSessionDuration = duration
			}
			return nil
		})
	}
}

func (s *service) updateRoleDescription(c *awsapi.Call, in *input) execute {
	name, description := roles.name(in), in.roleDescription()
	in.check.Required("description", description != nil)
	return func() (awsapi.Result, error) {
		var changed store.Role
		err := s.changeRole(c, name, func(role *store.Role) error {
			role.Description = description
			changed = *role
			return nil
		})
		if err != nil {
			return nil, err
		}
		return describedRole{&changed, c.Snapshot.ShownTrustPolicy(&changed)}, nil
	}
}

// changeRole rewrites one role in a transaction. An error of change leaves the
// role as it was.
func (s *service) changeRole(c *awsapi.Call, name string, change func(*store.Role) error) error {
	return s.update(c, func(tx store.Tx) error { return s.changeRoleIn(tx, c, name, change) })
}

// changeRoleIn is changeRole inside a transaction. It must be the role for which
// the caller was authorised: names find a role under any path, permissions do
// not.
func (s *service) changeRoleIn(tx store.Tx, c *awsapi.Call, name string, change func(*store.Role) error) error {
	err := changeRecord(tx, store.RoleID(c.Account, name), func(role *store.Role) error {
		if known, ok := c.Snapshot.Role(c.Account, name); !ok || known.ID != role.ID || known.ARN != arn.Role(role.Account, role.Path, role.Name) {
			return concurrentModification("Role " + name)
		}
		return change(role)
	})
	if errors.Is(err, store.ErrNotFound) {
		return noSuchRole(name)
	}
	return err
}

// now is the time of a request as records keep it: whole seconds of UTC.
func now(c *awsapi.Call) time.Time { return c.Now.UTC().Truncate(time.Second) }

// createdRole is CreateRole's reply. Unlike the others it tells neither
// Description nor MaxSessionDuration (recorded on AWS).
type createdRole struct {
	role *store.Role
	tags []store.Tag // in the order in which they were sent
}

// WriteXML implements awsapi.Result.
func (r createdRole) WriteXML(x *awsapi.XML) {
	x.Open("Role")
	writeRole(x, r.role, r.role.TrustPolicy)
	writeBoundary(x, r.role.PermissionsBoundary)
	writeSomeTags(x, r.tags)
	x.Close()
}

// updatedRole is UpdateRole's reply.
type updatedRole struct{}

// WriteXML implements awsapi.Result.
func (updatedRole) WriteXML(*awsapi.XML) {}

// describedRole is UpdateRoleDescription's reply, which tells nothing else that can
// be set (recorded on AWS).
type describedRole struct {
	role        *store.Role
	trustPolicy string
}

// WriteXML implements awsapi.Result.
func (r describedRole) WriteXML(x *awsapi.XML) {
	x.Open("Role")
	writeRole(x, r.role, r.trustPolicy)
	writeDescription(x, r.role)
	x.Close()
}

// foundRole is GetRole's reply. RoleLastUsed is empty for a role that was not
// used.
type foundRole struct {
	role        *store.Role
	trustPolicy string
	lastUse     *store.LastUse
}

// WriteXML implements awsapi.Result.
func (r foundRole) WriteXML(x *awsapi.XML) {
	x.Open("Role")
	writeRole(x, r.role, r.trustPolicy)
	writeDescription(x, r.role)
	writeMaxSessionDuration(x, r.role)
	writeBoundary(x, r.role.PermissionsBoundary)
	writeSomeTags(x, r.role.Tags)
	writeRoleLastUsed(x, r.lastUse)
	x.Close()
}

func writeRoleLastUsed(x *awsapi.XML, use *store.LastUse) {
	x.Open("RoleLastUsed")
	if use != nil {
		x.Time("LastUsedDate", use.At)
		if use.Region != "" {
			x.Text("Region", use.Region)
		}
	}
	x.Close()
}

// roleList is ListRoles' reply, which tells neither tags nor boundary nor last
// use (IAM API Reference, ListRoles).
type roleList struct {
	snapshot *directory.Snapshot
	roles    []*directory.Role
	next     string
}

// WriteXML implements awsapi.Result.
func (r roleList) WriteXML(x *awsapi.XML) {
	x.Open("Roles")
	for _, role := range r.roles {
		x.Open("member")
		writeRole(x, &role.Role, r.snapshot.ShownTrustPolicy(&role.Role))
		writeDescription(x, &role.Role)
		writeMaxSessionDuration(x, &role.Role)
		x.Close()
	}
	x.Close()
	writeNext(x, r.next)
}

// writeRole writes what every reply tells of a role, in the model's order.
func writeRole(x *awsapi.XML, r *store.Role, trustPolicy string) {
	x.Text("Path", r.Path)
	x.Text("RoleName", r.Name)
	x.Text("RoleId", r.ID)
	x.Text("Arn", arn.Role(r.Account, r.Path, r.Name))
	x.Time("CreateDate", r.Created)
	x.Text("AssumeRolePolicyDocument", percentEncode(trustPolicy))
}

func writeDescription(x *awsapi.XML, r *store.Role) {
	if r.Description != nil {
		x.Text("Description", *r.Description)
	}
}

func writeMaxSessionDuration(x *awsapi.XML, r *store.Role) {
	x.Text("MaxSessionDuration", strconv.Itoa(r.MaxSessionDuration))
}

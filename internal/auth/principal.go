package auth

import (
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

// userCaller is a user who signed with a long-lived key.
func userCaller(snapshot *directory.Snapshot, key *directory.AccessKey) (*Caller, string, error) {
	if !key.Active {
		return nil, "", &Error{Kind: UnknownKey, Reason: "access key " + key.ID + " is inactive"}
	}
	user, ok := snapshot.User(key.Account, key.UserName)
	if !ok {
		return nil, "", &Error{Kind: UnknownKey, Reason: "access key " + key.ID + " belongs to user " + key.UserName + ", who is gone"}
	}
	c := asUser(snapshot, user)
	c.AccessKeyID = key.ID
	return c, key.SecretAccessKey, nil
}

// asUser is who acts with all of a user's rights.
func asUser(snapshot *directory.Snapshot, user *directory.User) *Caller {
	return &Caller{
		Account: user.Account, ARN: user.ARN, UserID: user.ID,
		principalType: "User", principalARN: user.ARN, userName: user.Name,
		tags: user.Tags, policies: snapshot.UserPolicies(nil, user), boundary: snapshot.Boundary(user.Account, user.PermissionsBoundary),
	}
}

// sessionCaller is who acts with temporary credentials. A session is bound to
// its role or user by the unique id: of one that was deleted, even if it was
// made again, there are no sessions (recorded on AWS). One that was revoked is
// answered in the same way.
func sessionCaller(snapshot *directory.Snapshot, s *session.Session) (*Caller, string, error) {
	if revocation, revoked := snapshot.Revoked(&s.Grant, s.AccessKeyID); revoked {
		return nil, "", &Error{Kind: UnknownKey, Reason: "the " + nameOf(s) + " was revoked by " + revocation.ID}
	}
	var c *Caller
	switch s.Kind {
	case session.AssumedRole:
		role, ok := snapshot.Role(s.Account, s.RoleName)
		if !ok || role.ID != s.RoleID {
			return nil, "", &Error{Kind: UnknownKey, Reason: "role " + s.RoleName + " (" + s.RoleID + ") of this session was deleted"}
		}
		c = asRole(snapshot, role, s)
	case session.UserSession, session.FederatedUser:
		user, ok := snapshot.UserByID(s.UserID) // whose name may have changed
		if !ok || user.Account != s.Account {
			return nil, "", &Error{Kind: UnknownKey, Reason: "user " + s.UserName + " (" + s.UserID + ") of this session was deleted"}
		}
		c = asUser(snapshot, user)
		if s.Kind == session.FederatedUser {
			c.federate(s)
		}
	default:
		return nil, "", &Error{Kind: UnknownKey, Reason: "the session is of a kind that this version does not know"}
	}
	c.AccessKeyID, c.Session = s.AccessKeyID, s
	c.limits = sessionPolicies(snapshot, s)
	return c, s.SecretAccessKey, nil
}

func asRole(snapshot *directory.Snapshot, role *directory.Role, s *session.Session) *Caller {
	return RoleSession(role.ARN, role.Tags, snapshot.RolePolicies(nil, role), snapshot.Boundary(role.Account, role.PermissionsBoundary), s)
}

// RoleSession is a session of a role with these tags and policies, and a permissions
// boundary of one policy or none. The session need not be one that was ever begun:
// tests of policies ask about sessions that might be. Its session policies are left
// out.
func RoleSession(roleARN string, tags []store.Tag, policies, boundary []directory.Attached, s *session.Session) *Caller {
	return &Caller{
		Account: s.Account, ARN: arn.AssumedRole(s.Account, s.RoleName, s.SessionName), UserID: s.RoleID + ":" + s.SessionName,
		principalType: "AssumedRole", principalARN: roleARN, Session: s,
		tags: tags, policies: policies, boundary: boundary,
	}
}

// federate makes a user's caller that of a federated user, who has the user's
// policies and another name (IAM User Guide, "AWS global condition context
// keys", aws:userid, aws:PrincipalArn and aws:username).
func (c *Caller) federate(s *session.Session) {
	c.ARN = arn.FederatedUser(s.Account, s.SessionName)
	c.UserID = s.Account + ":" + s.SessionName
	c.principalType, c.principalARN, c.userName = "FederatedUser", c.ARN, ""
}

// sessionPolicies are the policies that limit a session: the inline one, and
// managed ones as they stand now. One that cannot be read, or is gone, denies.
// A federated user without any may do nothing but what the policy of a resource
// grants (STS API Reference, GetFederationToken).
func sessionPolicies(snapshot *directory.Snapshot, s *session.Session) []directory.Attached {
	var limits []directory.Attached
	if s.Policy != "" {
		document, _ := policy.Parse(policy.Session, s.Policy) // nil denies
		limits = append(limits, directory.Attached{Source: "inline session policy", Document: document})
	}
	for _, policyARN := range s.PolicyARNs {
		limit := directory.Attached{Source: policyARN}
		if p, ok := snapshot.PolicyFor(s.Account, policyARN); ok {
			limit.Document = p.Default()
		}
		limits = append(limits, limit)
	}
	if len(limits) == 0 && s.Kind == session.FederatedUser {
		limits = append(limits, directory.Attached{Source: "no session policy", Document: nothing})
	}
	return limits
}

// nothing is a session policy that allows no action there is.
var nothing, _ = policy.Parse(policy.Session, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"none:None","Resource":"*"}}`)

// nameOf is a session as reasons name it.
func nameOf(s *session.Session) string {
	switch s.Kind {
	case session.UserSession:
		return "session of user " + s.UserName
	case session.FederatedUser:
		return "federated user " + s.SessionName + " of user " + s.UserName
	default:
		return "session " + s.SessionName + " of role " + s.RoleName
	}
}

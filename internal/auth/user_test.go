package auth_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	annARN  = "arn:aws:iam::123456789012:user/ann"
	refused = "User: " + annARN + " is not authorized to perform: things:GetThing on resource: " + thing
	noAllow = refused + " because no identity-based policy allows the things:GetThing action"
	denying = refused + " with an explicit deny in an identity-based policy"
)

// groupOf is a group of a test, with its unique id.
func groupOf(name, id string, attached []string, inline ...string) store.Group {
	g := store.Group{Account: account, Name: name, Path: "/", ID: id, AttachedPolicies: attached}
	for _, document := range inline {
		g.InlinePolicies = append(g.InlinePolicies, store.InlinePolicy{Name: "inline", Document: document})
	}
	return g
}

func (f *fixture) putGroups(t testing.TB, groups ...store.Group) {
	t.Helper()
	f.update(t, func(tx store.Tx) error {
		var all error
		for _, g := range groups {
			all = errors.Join(all, store.PutRecord(tx, store.GroupID(account, g.Name), g))
		}
		return all
	})
}

// changeUser rewrites a user's record, whose key follows its name.
func (f *fixture) changeUser(t testing.TB, name string, change func(*store.User)) {
	t.Helper()
	f.update(t, func(tx store.Tx) error {
		user, err := store.GetRecord[store.User](tx, store.UserID(account, name))
		if err != nil {
			return err
		}
		change(&user)
		if user.Name != name {
			err = tx.Delete(store.UserID(account, name))
		}
		for _, id := range user.AccessKeys {
			key, err := store.GetRecord[store.AccessKey](tx, store.AccessKeyID(account, id))
			key.UserName = user.Name
			if err = errors.Join(err, store.PutRecord(tx, store.AccessKeyID(account, id), key)); err != nil {
				return err
			}
		}
		return errors.Join(err, store.PutRecord(tx, store.UserID(account, user.Name), user))
	})
}

// userID is the unique id of a user.
func (f *fixture) userID(t testing.TB, name string) string {
	t.Helper()
	user, ok := f.Directory.Snapshot().User(account, name)
	if !ok {
		t.Fatalf("no user %s", name)
	}
	return user.ID
}

// sessionOfUser makes a session of a user as GetSessionToken does.
func (f *fixture) sessionOfUser(t testing.TB, name string) aws.Credentials {
	t.Helper()
	c, err := f.SessionKeys.Mint(&session.Grant{
		Account: account, Kind: session.UserSession, UserID: f.userID(t, name), UserName: name,
		IssuedAt: f.clock(), Expires: f.clock().Add(time.Hour),
	}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

// TestGroups: what the groups of a user allow and deny holds for the user, at once,
// whether by a key or in a session.
func TestGroups(t *testing.T) {
	t.Parallel()
	f := start(t)
	get, deny := f.managed(t, "get", allowGet), f.managed(t, "deny", denyAll)
	ann := f.credentials(t, f.User(t, "ann"))
	ofAnn := f.sessionOfUser(t, "ann")
	f.putGroups(t,
		groupOf("inline", "AGPAAAAAAAAAAAAAAAAA2", nil, allowGet), groupOf("attached", "AGPAAAAAAAAAAAAAAAAA3", []string{get}),
		groupOf("denied", "AGPAAAAAAAAAAAAAAAAA4", nil, denyAll), groupOf("denied-attached", "AGPAAAAAAAAAAAAAAAAA5", []string{deny}),
		groupOf("nothing", "AGPAAAAAAAAAAAAAAAAA6", nil), groupOf("broken", "AGPAAAAAAAAAAAAAAAAA7", nil, `{"Version":`))
	for _, c := range []struct {
		name    string
		own     []string // inline policies
		groups  string   // the last characters of their ids
		message string   // "" is allowed
	}{
		{"in no group", nil, "", noAllow},
		{"inline policy of a group", nil, "2", ""},
		{"policy attached to a group", nil, "3", ""},
		{"a group without policies", nil, "6", noAllow},
		{"two groups, of which one allows", nil, "63", ""},
		{"a group denies what another allows", nil, "24", denying},
		{"a group denies what the user's own policy allows", []string{awsapitest.Administrator}, "4", denying},
		{"a managed policy of a group denies", []string{awsapitest.Administrator}, "35", denying + ": " + deny},
		{"the user's own policy denies what a group allows", []string{denyAll}, "2", denying},
		{"a group's policy cannot be read", []string{awsapitest.Administrator}, "7", denying},
		{"a group that is gone", []string{awsapitest.Administrator}, "Z", denying},
	} {
		f.changeUser(t, "ann", func(u *store.User) {
			u.Groups, u.InlinePolicies = nil, nil
			for _, last := range c.groups {
				u.Groups = append(u.Groups, "AGPAAAAAAAAAAAAAAAAA"+string(last))
			}
			for _, document := range c.own {
				u.InlinePolicies = append(u.InlinePolicies, store.InlinePolicy{Name: "own", Document: document})
			}
		})
		for _, credentials := range []aws.Credentials{ann, ofAnn} {
			t.Log(c.name)
			reply := f.get(t, credentials)
			if c.message == "" {
				wantOK(t, reply)
				continue
			}
			wantFault(t, reply, fault{http.StatusForbidden, "AccessDenied", c.message})
		}
	}
	// The group changes, not the user: renamed it is the same, made again another.
	f.changeUser(t, "ann", func(u *store.User) { u.Groups, u.InlinePolicies = []string{"AGPAAAAAAAAAAAAAAAAA2"}, nil })
	f.update(t, func(tx store.Tx) error {
		renamed := groupOf("renamed", "AGPAAAAAAAAAAAAAAAAA2", nil, allowGet)
		return errors.Join(store.PutRecord(tx, store.GroupID(account, "renamed"), renamed), tx.Delete(store.GroupID(account, "inline")))
	})
	wantOK(t, f.get(t, ann))
	f.putGroups(t, groupOf("renamed", "AGPAAAAAAAAAAAAAAAAA2", nil))
	wantFault(t, f.get(t, ann), fault{http.StatusForbidden, "AccessDenied", noAllow})
	f.putGroups(t, groupOf("renamed", "AGPAAAAAAAAAAAAAAAAAB", nil, allowGet))
	wantFault(t, f.get(t, ann), fault{http.StatusForbidden, "AccessDenied", denying})
}

// TestBoundary: what the permissions boundary of a user or role does not allow, its
// policies do not either.
func TestBoundary(t *testing.T) {
	t.Parallel()
	f := start(t)
	get, deny := f.managed(t, "get", allowGet), f.managed(t, "deny", denyAll)
	other := f.managed(t, "other", strings.Replace(allowGet, "GetThing", "PutThing", 1))
	const gone = "arn:aws:iam::123456789012:policy/team/gone"
	ann := f.credentials(t, f.User(t, "ann"))
	for _, c := range []struct {
		name     string
		own      string // policy
		boundary string
		message  string // after the resource; "" is allowed
	}{
		{"no boundary", awsapitest.Administrator, "", ""},
		{"both allow", awsapitest.Administrator, get, ""},
		{"the boundary allows alone", strings.Replace(allowGet, "GetThing", "PutThing", 1), get, " because no identity-based policy allows the things:GetThing action"},
		{"the boundary does not allow", awsapitest.Administrator, other, " because no permissions boundary allows the things:GetThing action"},
		{"the boundary denies", awsapitest.Administrator, deny, " with an explicit deny in a permissions boundary: " + deny},
		{"the boundary is gone", awsapitest.Administrator, gone, " with an explicit deny in a permissions boundary: " + gone},
	} {
		f.changeUser(t, "ann", func(u *store.User) {
			u.InlinePolicies, u.PermissionsBoundary = []store.InlinePolicy{{Name: "own", Document: c.own}}, c.boundary
		})
		role := f.role
		role.InlinePolicies, role.PermissionsBoundary = []store.InlinePolicy{{Name: "own", Document: c.own}}, c.boundary
		f.putRole(t, role)
		for who, credentials := range map[string]aws.Credentials{annARN: ann, caller: f.session} {
			t.Log(c.name, who)
			reply := f.get(t, credentials)
			if c.message == "" {
				wantOK(t, reply)
				continue
			}
			wantFault(t, reply, fault{http.StatusForbidden, "AccessDenied", strings.Replace(refused, annARN, who, 1) + c.message})
		}
	}
	// A group's policies are within the boundary too.
	f.putGroups(t, groupOf("all", "AGPAAAAAAAAAAAAAAAAA2", nil, awsapitest.Administrator))
	f.changeUser(t, "ann", func(u *store.User) {
		u.Groups, u.InlinePolicies, u.PermissionsBoundary = []string{"AGPAAAAAAAAAAAAAAAAA2"}, nil, other
	})
	wantFault(t, f.get(t, ann), fault{http.StatusForbidden, "AccessDenied", refused + " because no permissions boundary allows the things:GetThing action"})
	f.changeUser(t, "ann", func(u *store.User) { u.PermissionsBoundary = get })
	wantOK(t, f.get(t, ann))
}

// TestPrincipalTags: the tags of a user or role are condition keys, and a session's
// own tag stands in place of the role's of that key, in whatever case.
func TestPrincipalTags(t *testing.T) {
	t.Parallel()
	f := start(t)
	ann := f.credentials(t, f.User(t, "ann"))
	ofAnn := f.sessionOfUser(t, "ann")
	tags := []store.Tag{{Key: "Team", Value: "ops"}, {Key: "unit", Value: "x"}}
	for _, c := range []struct {
		condition  string
		user, role bool // allowed
	}{
		{`"StringEquals":{"aws:PrincipalTag/team":"ops"}`, true, false},
		{`"StringEquals":{"aws:PrincipalTag/team":"data"}`, false, true}, // the session's
		{`"StringEquals":{"aws:PrincipalTag/Unit":"x"}`, true, true},
		{`"StringEquals":{"aws:PrincipalTag/cost center":""}`, false, true},
		{`"Null":{"aws:PrincipalTag/colour":"true"}`, true, true},
		{`"StringEquals":{"aws:ResourceTag/unit":"x"}`, false, false},
	} {
		own := []store.InlinePolicy{{Name: "own", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{` + c.condition + `}}]}`}}
		f.changeUser(t, "ann", func(u *store.User) { u.Tags, u.InlinePolicies = tags, own })
		role := f.role
		role.Tags, role.InlinePolicies = tags, own
		f.putRole(t, role)
		for what, reply := range map[string]awsapitest.Reply{"by key": f.get(t, ann), "in a session": f.get(t, ofAnn)} {
			if (reply.Status == http.StatusOK) != c.user {
				t.Errorf("%s: a user %s: %d, want allowed %t", c.condition, what, reply.Status, c.user)
			}
		}
		if reply := f.get(t, f.session); (reply.Status == http.StatusOK) != c.role {
			t.Errorf("%s: a role: %d, want allowed %t", c.condition, reply.Status, c.role)
		}
	}
	variable := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:things::123456789012:thing/${aws:PrincipalTag/place}"}]}`
	f.changeUser(t, "ann", func(u *store.User) {
		u.Tags, u.InlinePolicies = []store.Tag{{Key: "place", Value: "a"}}, []store.InlinePolicy{{Name: "own", Document: variable}}
	})
	wantOK(t, f.get(t, ann))
	f.changeUser(t, "ann", func(u *store.User) { u.Tags[0].Value = "b" })
	wantFault(t, f.get(t, ann), fault{http.StatusForbidden, "AccessDenied", noAllow})
}

// TestSessionsFollowTheUser: sessions are bound to the unique id. A user who is
// renamed keeps them, under the new name; one who was deleted has none, even if
// somebody of that name was made again.
func TestSessionsFollowTheUser(t *testing.T) {
	t.Parallel()
	f := start(t)
	ann := f.credentials(t, f.User(t, "ann", allowGet))
	ofAnn := f.sessionOfUser(t, "ann")
	wantOK(t, f.get(t, ofAnn))
	f.changeUser(t, "ann", func(u *store.User) { u.Name, u.Path = "Cleo", "/people/" })
	for _, credentials := range []aws.Credentials{ann, ofAnn} {
		wantOK(t, f.get(t, credentials))
		if e := f.last(t); e.Principal != "arn:aws:iam::123456789012:user/people/Cleo" {
			t.Errorf("the renamed user calls as %s", e.Principal)
		}
	}
	// Another who takes the old name has neither the sessions nor the key.
	other := f.credentials(t, f.User(t, "ann"))
	wantFault(t, f.get(t, other), fault{http.StatusForbidden, "AccessDenied", noAllow})
	wantOK(t, f.get(t, ofAnn))
	f.update(t, func(tx store.Tx) error {
		return errors.Join(tx.Delete(store.UserID(account, "cleo")), tx.Delete(store.AccessKeyID(account, ann.AccessKeyID)))
	})
	again := f.credentials(t, f.User(t, "Cleo", allowGet))
	wantOK(t, f.get(t, again))
	wantFault(t, f.get(t, ofAnn), fault{http.StatusForbidden, "InvalidClientTokenId", invalid})
	f.wantReason(t, "UnknownAccessKey", "of this session was deleted")
	wantFault(t, f.get(t, ann), fault{http.StatusForbidden, "InvalidClientTokenId", invalid})
}

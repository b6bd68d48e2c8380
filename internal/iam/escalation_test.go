package iam_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/iam"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
)

// TestBoundaryKeyIsOfTheEntity has a user who may give permissions only to who
// has a boundary, and who names that boundary in a parameter that the operations
// do not have.
func TestBoundaryKeyIsOfTheEntity(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "free")
	boundary := f.createPolicy(t, "/", "boundary")
	must(t)(f.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("free")}))
	hand := f.User(t, "hand", statement("Allow", "iam:*", "*", `"ArnEquals":{"iam:PermissionsBoundary":"`+boundary+`"}`))
	for _, action := range []string{
		"PutRolePolicy", "AttachRolePolicy", "DetachRolePolicy", "DeleteRolePolicy", "DeleteRolePermissionsBoundary",
		"PutUserPolicy", "AttachUserPolicy", "DetachUserPolicy", "DeleteUserPolicy", "DeleteUserPermissionsBoundary",
		"PutGroupPolicy", "AttachGroupPolicy", "DetachGroupPolicy", "DeleteGroupPolicy",
	} {
		reply := f.Post(t, hand, "iam", time.Now(), url.Values{
			"Action": {action}, "Version": {iam.Version}, "RoleName": {"free"}, "UserName": {"free"}, "GroupName": {"free"}, "PermissionsBoundary": {boundary},
			"PolicyName": {"p"}, "PolicyDocument": {readPolicy}, "PolicyArn": {boundary},
		})
		if reply.Status != http.StatusForbidden {
			t.Errorf("%s on who has no boundary: %d %s", action, reply.Status, reply.Body)
		}
	}
}

// TestBoundaryKeyOfWhatIsMade makes a user and a role without a boundary, by the
// right to make such as have one, while there is one of that name; it is gone when
// the transaction comes.
func TestBoundaryKeyOfWhatIsMade(t *testing.T) {
	t.Parallel()
	f := start(t)
	boundary := f.createPolicy(t, "/", "boundary")
	must(t)(f.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("taken"), PermissionsBoundary: &boundary}))
	must(t)(f.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("taken"), PermissionsBoundary: &boundary, AssumeRolePolicyDocument: aws.String(trustPolicy)}))
	hand := f.as(t, "hand", statement("Allow", "iam:*", "*", `"ArnEquals":{"iam:PermissionsBoundary":"`+boundary+`"}`))
	_, err := f.Store.Update(t.Context(), func(tx store.Tx) error { // behind the snapshot's back
		if err := tx.Delete(store.UserID(account, "taken")); err != nil {
			return err
		}
		return tx.Delete(store.RoleID(account, "taken"))
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = hand.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("taken")})
	wantFault(t, err, denied("hand", "CreateUser", "arn:aws:iam::123456789012:user/taken"))
	_, err = hand.admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("taken"), AssumeRolePolicyDocument: aws.String(trustPolicy)})
	wantFault(t, err, denied("hand", "CreateRole", "arn:aws:iam::123456789012:role/taken"))
}

// TestDetachIsAskedForWhatIsDetached denies to detach a policy, and spells its ARN
// with a letter that Unicode folds to one of it.
func TestDetachIsAskedForWhatIsDetached(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	guard := f.createPolicy(t, "/", "secret")
	if err := f.attach(t, "deploy", guard); err != nil {
		t.Fatal(err)
	}
	user := f.as(t, "most", statement("Allow", "*", "*", ""), statement("Deny", "iam:DetachRolePolicy", "*", `"ArnEquals":{"iam:PolicyARN":"`+guard+`"}`))
	for _, spelling := range []string{guard, "arn:aws:iam::123456789012:policy/\u017fecret", "arn:aws:iam::123456789012:POLICY/secret", "ARN:aws:iam::123456789012:policy/secret"} {
		if err := user.detach(t, "deploy", spelling); err == nil {
			t.Errorf("%q was detached", spelling)
		}
	}
	role, _ := f.Directory.Snapshot().Role(account, "deploy")
	if len(role.AttachedPolicies) != 1 {
		t.Error("the policy is detached")
	}
	// So it is of one that is not here.
	_, err := f.Store.Update(t.Context(), func(tx store.Tx) error {
		changed := role.Role
		changed.AttachedPolicies = []string{"arn:aws:iam::123456789012:policy/Gone"}
		return store.PutRecord(tx, store.RoleID(account, "deploy"), changed)
	})
	if err == nil {
		err = f.Directory.Refresh(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	user = f.as(t, "some", statement("Allow", "*", "*", ""), statement("Deny", "iam:DetachRolePolicy", "*", `"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::123456789012:policy/Gone"}`))
	if err := user.detach(t, "deploy", "arn:aws:iam::123456789012:policy/gone"); err == nil {
		t.Error("a policy that is not here was detached under another spelling")
	}
	if err := f.detach(t, "deploy", "arn:aws:iam::123456789012:policy/Gone"); err != nil {
		t.Error(err)
	}
}

// TestTagKeysAreOneWhereConditionKeysAre takes a tag away, and puts it anew, under
// keys that Unicode folds to it. A policy knows them as other keys.
func TestTagKeysAreOneWhereConditionKeysAre(t *testing.T) {
	t.Parallel()
	f := start(t)
	must(t)(f.admin.CreateUser(t.Context(), &iamclient.CreateUserInput{UserName: aws.String("held")}))
	tag := func(key string) {
		if reply := f.call(t, "TagUser", "UserName", "held", "Tags.member.1.Key", key, "Tags.member.1.Value", key); reply.Status != http.StatusOK {
			t.Fatal(reply.Body)
		}
	}
	has := func(want ...string) {
		t.Helper()
		user, _ := f.Directory.Snapshot().User(account, "held")
		var keys []string
		for _, tag := range user.Tags {
			keys = append(keys, tag.Key)
		}
		if len(keys) != len(want) || keys[0] != want[0] {
			t.Errorf("tags %q, want %q", keys, want)
		}
	}
	tag("risk")
	f.call(t, "UntagUser", "UserName", "held", "TagKeys.member.1", "ri\u017fk")
	f.call(t, "UntagUser", "UserName", "held", "TagKeys.member.1", "ris\u212a")
	has("risk")
	tag("ri\u017fk")
	has("risk", "ri\u017fk")
	tag("RISK")
	has("RISK", "ri\u017fk")
}

// TestRequestTagIsTheTagThatIsMade: of a managed policy team and Team are two tags,
// and to a policy one key. The value that was allowed is the one that decides later.
func TestRequestTagIsTheTagThatIsMade(t *testing.T) {
	t.Parallel()
	f := start(t)
	ann := f.User(t, "ann", statement("Allow", "iam:*", "*", `"StringEquals":{"aws:RequestTag/team":"a"}`))
	create := func(name, first, second string) int {
		return f.Post(t, ann, "iam", time.Now(), url.Values{
			"Action": {"CreatePolicy"}, "Version": {iam.Version}, "PolicyName": {name}, "PolicyDocument": {readPolicy},
			"Tags.member.1.Key": {first}, "Tags.member.1.Value": {"b"}, "Tags.member.2.Key": {second}, "Tags.member.2.Value": {"a"},
		}).Status
	}
	bob := f.User(t, "bob", statement("Allow", "iam:GetPolicy", "*", `"StringEquals":{"aws:ResourceTag/team":"b"}`))
	for name, keys := range map[string][2]string{"one": {"team", "Team"}, "two": {"Team", "team"}} {
		if create(name, keys[0], keys[1]) != http.StatusOK {
			continue
		}
		if reply := f.Post(t, bob, "iam", time.Now(), url.Values{"Action": {"GetPolicy"}, "Version": {iam.Version}, "PolicyArn": {"arn:aws:iam::123456789012:policy/" + name}}); reply.Status == http.StatusOK {
			t.Errorf("tags %q: made as team a, and decided as team b", keys)
		}
	}
}

// TestMadeAgainIsAnother: what has the name of the thing for which the request was
// allowed, and was made in the meantime, is not changed by a caller who may no longer.
func TestMadeAgainIsAnother(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "r")
	f.createUser(t, "/", "u")
	f.createGroup(t, "/", "g")
	f.createProfile(t, "/", "p")
	policyARN := f.createPolicy(t, "/", "m")
	caller := f.User(t, "hand", statement("Allow", "iam:*", "*", ""))
	s := f.Directory.Snapshot()
	role, _ := s.Role(account, "r")
	user, _ := s.User(account, "u")
	group, _ := s.Group(account, "g")
	profile, _ := s.InstanceProfile(account, "p")
	managed, _ := s.Policy(policyARN)
	hand, _ := s.User(account, "hand")
	state := func(suffix string, hand store.User) map[store.ID]any {
		role, user, group, profile, managed := role.Role, user.User, group.Group, profile.InstanceProfile, managed.Policy
		role.ID, user.ID, group.ID, profile.ID, managed.ID = role.ID+suffix, user.ID+suffix, group.ID+suffix, profile.ID+suffix, managed.ID+suffix
		return map[store.ID]any{
			store.RoleID(account, "r"): role, store.UserID(account, "u"): user, store.GroupID(account, "g"): group,
			store.InstanceProfileID(account, "p"): profile, store.PolicyID(account, "m"): managed, store.UserID(account, "hand"): hand,
		}
	}
	mayNot := hand.User
	mayNot.InlinePolicies = nil
	for _, action := range []string{
		"PutRolePolicy", "UpdateRoleDescription", "DeleteRole", "PutUserPolicy", "CreateAccessKey", "DeleteUser", "PutGroupPolicy", "DeleteGroup", "AddUserToGroup",
		"DeleteInstanceProfile", "DeletePolicy", "AttachRolePolicy",
	} {
		form := url.Values{
			"Action": {action}, "Version": {iam.Version}, "RoleName": {"r"}, "UserName": {"u"}, "GroupName": {"g"}, "InstanceProfileName": {"p"},
			"PolicyName": {"i"}, "PolicyDocument": {readPolicy}, "Description": {"d"}, "PolicyArn": {policyARN},
		}
		f.overtaken(t, state("", hand.User), state("X", mayNot), func() error {
			if reply := f.Post(t, caller, "iam", time.Now(), form); reply.Status != http.StatusForbidden {
				t.Errorf("%s: %d %s", action, reply.Status, reply.Body)
			}
			return nil
		})
	}
}

// TestManyTagsAreNoWork sends as many as a request holds, before anybody asks
// whether the caller may.
func TestManyTagsAreNoWork(t *testing.T) {
	t.Parallel()
	f := start(t)
	nobody := f.User(t, "nobody")
	for action, members := range map[string][2]string{"TagRole": {"Tags.member.%d.Key", "Tags.member.%d.Value"}, "CreateOpenIDConnectProvider": {"ClientIDList.member.%d", "x.%d"}} {
		took := func(n int) time.Duration {
			form := url.Values{"Action": {action}, "Version": {iam.Version}, "RoleName": {"r"}, "Url": {"https://gitlab.example.com"}}
			for i := range n {
				form.Set(fmt.Sprintf(members[0], i+1), fmt.Sprintf("%06d", i))
				form.Set(fmt.Sprintf(members[1], i+1), "v")
			}
			began := time.Now()
			if reply := f.Post(t, nobody, "iam", began, form); reply.Status == http.StatusOK {
				t.Errorf("%s: %d", action, reply.Status)
			}
			return time.Since(began)
		}
		// Eight times as many are some eight times the work, and not 64 times. What a
		// busy machine does between is no work of theirs: the shortest of a few counts.
		few, many := took(15_000), took(120_000)
		for range 4 {
			if many <= 30*few {
				break
			}
			few, many = min(few, took(15_000)), min(many, took(120_000))
		}
		if many > 30*few {
			t.Errorf("%s: 15,000 members took %v, 120,000 took %v", action, few, many)
		}
	}
}

// TestPolicyThatIsNamedAlready makes the policy that an imported role names, and
// that is not here: the role would get what only who may attach policies may give.
func TestPolicyThatIsNamedAlready(t *testing.T) {
	t.Parallel()
	f := start(t)
	const attached, boundary = "arn:aws:iam::123456789012:policy/x/Gone", "arn:aws:iam::123456789012:policy/Edge"
	f.putRecords(t, map[store.ID]any{
		store.RoleID(account, "old"): store.Role{Account: account, Name: "old", Path: "/", ID: "AROAOLD00000000000001", TrustPolicy: trustPolicy, AttachedPolicies: []string{attached}, PermissionsBoundary: boundary},
	})
	refused := func(policyARN string) fault {
		return fault{http.StatusBadRequest, "InvalidInput", "A user, group or role has " + policyARN +
			" attached or as its permissions boundary, and there is no such policy. Detach it first, or import it."}
	}
	create := func(path, name string) error {
		_, err := f.admin.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{PolicyName: &name, Path: &path, PolicyDocument: aws.String(writePolicy)})
		return err
	}
	wantFault(t, create("/x/", "gone"), refused("arn:aws:iam::123456789012:policy/x/gone"))
	wantFault(t, create("/", "Edge"), refused(boundary))
	succeed(t, "another path is another policy", create("/", "Gone"))
	must(t)(f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: aws.String("arn:aws:iam::123456789012:policy/Gone")}))
	must(t)(f.admin.DeleteRolePermissionsBoundary(t.Context(), &iamclient.DeleteRolePermissionsBoundaryInput{RoleName: aws.String("old")}))
	succeed(t, "detached", f.detach(t, "old", attached), create("/x/", "Gone"), create("/", "Edge"), f.attach(t, "old", attached))
	if n := *f.getPolicy(t, attached).AttachmentCount; n != 1 {
		t.Errorf("the policy counts %d attachments", n)
	}
}

package iam_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"
)

// entityClient does with one kind of entity, be it role, user or group, what all
// three can.
type entityClient struct {
	noun      string // as messages name it
	maxInline int
	put       func(owner, name, document string) error
	get       func(owner, name string) (shownOwner, shownName, document string, err error)
	list      func(owner string, items int32) (pages [][]string, err error)
	remove    func(owner, name string) error
	attach    func(owner, policyARN string) error
	detach    func(owner, policyARN string) error
	attached  func(owner, prefix string) ([]string, error)
	made      func(name string) string // the ARN at path /team/
}

// kinds are the clients of all three.
func (f *fixture) kinds(t *testing.T) []entityClient {
	t.Helper()
	return []entityClient{f.roleClient(t), f.userClient(t), f.groupClient(t)}
}

// putEntities writes a role, a user and a group of one name at path /team/.
func (f *fixture) putEntities(t testing.TB, name string) {
	t.Helper()
	if err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(
			store.PutRecord(tx, store.RoleID(account, name), store.Role{Account: account, Name: name, Path: "/team/", ID: "AROA" + idOf(name), TrustPolicy: trustPolicy, MaxSessionDuration: 3600}),
			store.PutRecord(tx, store.UserID(account, name), store.User{Account: account, Name: name, Path: "/team/", ID: "AIDA" + idOf(name)}),
			store.PutRecord(tx, store.GroupID(account, name), store.Group{Account: account, Name: name, Path: "/team/", ID: "AGPA" + idOf(name)}),
		)
	}); err != nil {
		t.Fatal(err)
	}
}

// idOf is the rest of a unique id.
func idOf(name string) string { return (strings.ToUpper(name) + strings.Repeat("X", 17))[:17] }

func (f *fixture) roleClient(t *testing.T) entityClient {
	ctx, c := t.Context(), f.admin
	return entityClient{
		noun: "role", maxInline: 10240, made: func(name string) string { return arn.Role(account, "/team/", name) },
		put: func(owner, name, document string) error {
			_, err := c.PutRolePolicy(ctx, &iamclient.PutRolePolicyInput{RoleName: &owner, PolicyName: &name, PolicyDocument: &document})
			return err
		},
		get: func(owner, name string) (string, string, string, error) {
			out, err := c.GetRolePolicy(ctx, &iamclient.GetRolePolicyInput{RoleName: &owner, PolicyName: &name})
			if err != nil {
				return "", "", "", err
			}
			return *out.RoleName, *out.PolicyName, unescape(t, out.PolicyDocument), nil
		},
		list: func(owner string, items int32) (pages [][]string, err error) {
			for p := iamclient.NewListRolePoliciesPaginator(c, &iamclient.ListRolePoliciesInput{RoleName: &owner, MaxItems: &items}); p.HasMorePages(); {
				out, err := p.NextPage(ctx)
				if err != nil {
					return nil, err
				}
				pages = append(pages, out.PolicyNames)
			}
			return pages, nil
		},
		remove: func(owner, name string) error {
			_, err := c.DeleteRolePolicy(ctx, &iamclient.DeleteRolePolicyInput{RoleName: &owner, PolicyName: &name})
			return err
		},
		attach: func(owner, policyARN string) error {
			_, err := c.AttachRolePolicy(ctx, &iamclient.AttachRolePolicyInput{RoleName: &owner, PolicyArn: &policyARN})
			return err
		},
		detach: func(owner, policyARN string) error {
			_, err := c.DetachRolePolicy(ctx, &iamclient.DetachRolePolicyInput{RoleName: &owner, PolicyArn: &policyARN})
			return err
		},
		attached: func(owner, prefix string) (arns []string, err error) {
			out, err := c.ListAttachedRolePolicies(ctx, &iamclient.ListAttachedRolePoliciesInput{RoleName: &owner, PathPrefix: &prefix})
			if err != nil {
				return nil, err
			}
			for _, p := range out.AttachedPolicies {
				arns = append(arns, *p.PolicyName+" "+*p.PolicyArn)
			}
			return arns, nil
		},
	}
}

func (f *fixture) userClient(t *testing.T) entityClient {
	ctx, c := t.Context(), f.admin
	return entityClient{
		noun: "user", maxInline: 2048, made: func(name string) string { return arn.User(account, "/team/", name) },
		put: func(owner, name, document string) error {
			_, err := c.PutUserPolicy(ctx, &iamclient.PutUserPolicyInput{UserName: &owner, PolicyName: &name, PolicyDocument: &document})
			return err
		},
		get: func(owner, name string) (string, string, string, error) {
			out, err := c.GetUserPolicy(ctx, &iamclient.GetUserPolicyInput{UserName: &owner, PolicyName: &name})
			if err != nil {
				return "", "", "", err
			}
			return *out.UserName, *out.PolicyName, unescape(t, out.PolicyDocument), nil
		},
		list: func(owner string, items int32) (pages [][]string, err error) {
			for p := iamclient.NewListUserPoliciesPaginator(c, &iamclient.ListUserPoliciesInput{UserName: &owner, MaxItems: &items}); p.HasMorePages(); {
				out, err := p.NextPage(ctx)
				if err != nil {
					return nil, err
				}
				pages = append(pages, out.PolicyNames)
			}
			return pages, nil
		},
		remove: func(owner, name string) error {
			_, err := c.DeleteUserPolicy(ctx, &iamclient.DeleteUserPolicyInput{UserName: &owner, PolicyName: &name})
			return err
		},
		attach: func(owner, policyARN string) error {
			_, err := c.AttachUserPolicy(ctx, &iamclient.AttachUserPolicyInput{UserName: &owner, PolicyArn: &policyARN})
			return err
		},
		detach: func(owner, policyARN string) error {
			_, err := c.DetachUserPolicy(ctx, &iamclient.DetachUserPolicyInput{UserName: &owner, PolicyArn: &policyARN})
			return err
		},
		attached: func(owner, prefix string) (arns []string, err error) {
			out, err := c.ListAttachedUserPolicies(ctx, &iamclient.ListAttachedUserPoliciesInput{UserName: &owner, PathPrefix: &prefix})
			if err != nil {
				return nil, err
			}
			for _, p := range out.AttachedPolicies {
				arns = append(arns, *p.PolicyName+" "+*p.PolicyArn)
			}
			return arns, nil
		},
	}
}

func (f *fixture) groupClient(t *testing.T) entityClient {
	ctx, c := t.Context(), f.admin
	return entityClient{
		noun: "group", maxInline: 5120, made: func(name string) string { return arn.Group(account, "/team/", name) },
		put: func(owner, name, document string) error {
			_, err := c.PutGroupPolicy(ctx, &iamclient.PutGroupPolicyInput{GroupName: &owner, PolicyName: &name, PolicyDocument: &document})
			return err
		},
		get: func(owner, name string) (string, string, string, error) {
			out, err := c.GetGroupPolicy(ctx, &iamclient.GetGroupPolicyInput{GroupName: &owner, PolicyName: &name})
			if err != nil {
				return "", "", "", err
			}
			return *out.GroupName, *out.PolicyName, unescape(t, out.PolicyDocument), nil
		},
		list: func(owner string, items int32) (pages [][]string, err error) {
			for p := iamclient.NewListGroupPoliciesPaginator(c, &iamclient.ListGroupPoliciesInput{GroupName: &owner, MaxItems: &items}); p.HasMorePages(); {
				out, err := p.NextPage(ctx)
				if err != nil {
					return nil, err
				}
				pages = append(pages, out.PolicyNames)
			}
			return pages, nil
		},
		remove: func(owner, name string) error {
			_, err := c.DeleteGroupPolicy(ctx, &iamclient.DeleteGroupPolicyInput{GroupName: &owner, PolicyName: &name})
			return err
		},
		attach: func(owner, policyARN string) error {
			_, err := c.AttachGroupPolicy(ctx, &iamclient.AttachGroupPolicyInput{GroupName: &owner, PolicyArn: &policyARN})
			return err
		},
		detach: func(owner, policyARN string) error {
			_, err := c.DetachGroupPolicy(ctx, &iamclient.DetachGroupPolicyInput{GroupName: &owner, PolicyArn: &policyARN})
			return err
		},
		attached: func(owner, prefix string) (arns []string, err error) {
			out, err := c.ListAttachedGroupPolicies(ctx, &iamclient.ListAttachedGroupPoliciesInput{GroupName: &owner, PathPrefix: &prefix})
			if err != nil {
				return nil, err
			}
			for _, p := range out.AttachedPolicies {
				arns = append(arns, *p.PolicyName+" "+*p.PolicyArn)
			}
			return arns, nil
		},
	}
}

// succeed fails the test with the first error there is.
func succeed(t *testing.T, what string, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func TestInlinePoliciesOfEachKind(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putEntities(t, "Deploy")
	for _, k := range f.kinds(t) {
		latin := strings.Replace(readPolicy, "releases", "r%20é~ÿ+", 1)
		succeed(t, k.noun, k.put("DEPLOY", "Write", writePolicy), k.put("deploy", "read", readPolicy), k.put("Deploy", "READ", latin), k.put("deploy", "z", readPolicy))
		owner, name, document, err := k.get("dEPLOY", "rEAD")
		if err != nil || owner != "dEPLOY" || name != "rEAD" || document != latin {
			t.Errorf("%s: got %s %s %s, %v", k.noun, owner, name, document, err)
		}
		pages, err := k.list("deploy", 2)
		if diff := cmp.Diff([][]string{{"read", "Write"}, {"z"}}, pages); diff != "" || err != nil {
			t.Errorf("%s: %v, pages (-want +got):\n%s", k.noun, err, diff)
		}
		absent := fault{http.StatusNotFound, "NoSuchEntity", "The " + k.noun + " policy with name Read2 cannot be found."}
		_, _, _, err = k.get("deploy", "Read2")
		wantFault(t, err, absent)
		wantFault(t, k.remove("deploy", "Read2"), absent)
		succeed(t, k.noun, k.remove("deploy", "Read"))
		if pages, err := k.list("deploy", 10); err != nil || !slices.Equal(pages[0], []string{"Write", "z"}) {
			t.Errorf("%s: after the deletion %v, %v", k.noun, pages, err)
		}
		wantFaultPrefix(t, k.noun, k.put("deploy", "p", `{`), fault{http.StatusBadRequest, "MalformedPolicyDocument", "Syntax errors in policy."})

		// The entity is looked up before its policy.
		missing := fault{http.StatusNotFound, "NoSuchEntity", "The " + k.noun + " with name absent cannot be found."}
		_, _, _, err = k.get("absent", "p")
		wantFault(t, err, missing)
		_, err = k.list("absent", 1)
		wantFault(t, err, missing)
		wantFault(t, k.put("absent", "p", readPolicy), missing)
		wantFault(t, k.remove("absent", "p"), missing)
		for _, action := range []string{"Put%sPolicy", "Get%sPolicy", "Delete%sPolicy"} {
			noun := strings.ToUpper(k.noun[:1]) + k.noun[1:]
			wantCall(t, f.call(t, fmt.Sprintf(action, noun), noun+"Name", "deploy", "PolicyName", "a b", "PolicyDocument", readPolicy), fault{
				http.StatusBadRequest, "ValidationError",
				"The specified value for policyName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
			})
		}
	}
}

// TestInlineQuotas fills what all inline policies of an entity may have together.
func TestInlineQuotas(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putEntities(t, "Deploy")
	for _, k := range f.kinds(t) {
		tooLarge := fault{http.StatusConflict, "LimitExceeded", fmt.Sprintf("Maximum policy size of %d bytes exceeded for %s Deploy", k.maxInline, k.noun)}
		succeed(t, k.noun, k.put("deploy", "a", sized(k.maxInline-200)), k.put("deploy", "b", sized(200)))
		wantFault(t, k.put("deploy", "c", sized(120)), tooLarge)
		wantFault(t, k.put("deploy", "B", sized(201)), tooLarge)
		succeed(t, k.noun, k.put("deploy", "A", sized(k.maxInline-400)), k.put("deploy", "c", sized(200)))
	}
}

func TestAttachmentsOfEachKind(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putEntities(t, "Deploy")
	read, write := f.createPolicy(t, "/ci/", "Read"), f.createPolicy(t, "/", "write")
	const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
	for i, k := range f.kinds(t) {
		succeed(t, k.noun, k.attach("deploy", read), k.attach("DEPLOY", strings.ToLower(read)), k.attach("deploy", write), k.attach("deploy", strings.ToLower(administrator)))
		got, err := k.attached("deploy", "/")
		if diff := cmp.Diff([]string{"Read " + read, "write " + write, "AdministratorAccess " + administrator}, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", k.noun, err, diff)
		}
		if got, err := k.attached("deploy", "/ci/"); err != nil || !slices.Equal(got, []string{"Read " + read}) {
			t.Errorf("%s under /ci/: %v, %v", k.noun, got, err)
		}
		for _, policyARN := range []string{read, administrator} {
			if n := *f.getPolicy(t, policyARN).AttachmentCount; n != int32(i+1) {
				t.Errorf("%s: %s counts %d attachments", k.noun, policyARN, n)
			}
		}
		absent := arn.Policy(account, "/", "absent")
		wantFault(t, k.attach("deploy", absent), fault{http.StatusNotFound, "NoSuchEntity", "Policy " + absent + " does not exist or is not attachable."})
		wantFault(t, k.detach("deploy", absent), noPolicy(absent))
		missing := fault{http.StatusNotFound, "NoSuchEntity", "The " + k.noun + " with name absent cannot be found."}
		wantFault(t, k.attach("absent", read), missing)
		wantFault(t, k.detach("absent", read), missing)
		_, err = k.attached("absent", "/")
		wantFault(t, err, missing)
		wantFault(t, k.attach("deploy", "longpolicynamebutnoarn"), fault{http.StatusBadRequest, "ValidationError", "ARN longpolicynamebutnoarn is not valid."})
		wantFault(t, k.attach("deploy", "short"), fault{
			http.StatusBadRequest, "ValidationError",
			"1 validation error detected: Value at 'policyArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
		})
		wantFault(t, k.detach("deploy", strings.Replace(read, "arn:aws:", "arn:aws-cn:", 1)), fault{http.StatusBadRequest, "ValidationError", "Invalid ARN partition"})
		article := "Cannot attach AWS reserved policy to an IAM " + k.noun + "."
		for _, reserved := range []string{"aws-service-role/AWSSupportServiceRolePolicy", "root-task/IAMAuditRootUserCredentials", "AWS-Service-Role/none"} {
			wantFault(t, k.attach("deploy", "arn:aws:iam::aws:policy/"+reserved), fault{http.StatusBadRequest, "PolicyNotAttachable", article})
		}
		succeed(t, k.noun, k.attach("deploy", "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"))
	}
	for i, k := range f.kinds(t) {
		succeed(t, k.noun, k.detach("deploy", strings.ToLower(read)), k.detach("deploy", administrator))
		wantFault(t, k.detach("deploy", read), noPolicy(read))
		wantFault(t, k.detach("deploy", administrator), noPolicy(administrator))
		if n := *f.getPolicy(t, administrator).AttachmentCount; n != int32(2-i) {
			t.Errorf("%s: AdministratorAccess counts %d attachments", k.noun, n)
		}
	}
}

func TestAttachmentQuotaOfEachKind(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putEntities(t, "Deploy")
	arns := make([]string, 21)
	for i := range arns {
		arns[i] = f.createPolicy(t, "/", fmt.Sprint("p", i))
	}
	for _, k := range f.kinds(t) {
		for _, policyARN := range arns[:20] {
			succeed(t, k.noun, k.attach("deploy", policyARN))
		}
		noun := strings.ToUpper(k.noun[:1]) + k.noun[1:]
		wantFault(t, k.attach("deploy", arns[20]), fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for PoliciesPer" + noun + ": 20"})
		wantFault(t, k.attach("deploy", "arn:aws:iam::aws:policy/AdministratorAccess"), fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for PoliciesPer" + noun + ": 20"})
		succeed(t, k.noun, k.attach("deploy", arns[3]))
	}
	if n := *f.getPolicy(t, arns[20]).AttachmentCount; n != 0 {
		t.Errorf("the refused policy counts %d attachments", n)
	}
}

// TestEntitiesWithoutPermission has a user who may read each kind at another path.
func TestEntitiesWithoutPermission(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putEntities(t, "Deploy")
	stranger := f.as(t, "stranger", statement("Allow", "iam:*", "arn:aws:iam::123456789012:*/other/*", ""))
	policyARN := f.createPolicy(t, "/", "read")
	for _, k := range stranger.kinds(t) {
		noun := strings.ToUpper(k.noun[:1]) + k.noun[1:]
		_, _, _, got := k.get("deploy", "p")
		_, listed := k.list("deploy", 1)
		_, attached := k.attached("deploy", "/")
		for action, err := range map[string]error{
			"Put" + noun + "Policy": k.put("deploy", "p", readPolicy), "Get" + noun + "Policy": got, "Delete" + noun + "Policy": k.remove("deploy", "p"), "List" + noun + "Policies": listed,
			"Attach" + noun + "Policy": k.attach("deploy", policyARN), "Detach" + noun + "Policy": k.detach("deploy", policyARN), "ListAttached" + noun + "Policies": attached,
		} {
			wantFault(t, err, denied("stranger", action, k.made("Deploy")))
		}
	}
}

// TestBoundaries sets, changes and takes away the boundary of a role and a user,
// for whom each operation has its own name.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putEntities(t, "Deploy")
	first, second := f.createPolicy(t, "/ci/", "First"), f.createPolicy(t, "/", "second")
	role, user := aws.String("deploy"), aws.String("DEPLOY")
	ctx := t.Context()
	for _, k := range []struct {
		noun   string
		put    func(policyARN string) error
		remove func() error
		shown  func() string
	}{
		{"role", func(policyARN string) error {
			_, err := f.admin.PutRolePermissionsBoundary(ctx, &iamclient.PutRolePermissionsBoundaryInput{RoleName: role, PermissionsBoundary: &policyARN})
			return err
		}, func() error {
			_, err := f.admin.DeleteRolePermissionsBoundary(ctx, &iamclient.DeleteRolePermissionsBoundaryInput{RoleName: role})
			return err
		}, func() string {
			if b := f.getRole(t, "deploy").Role.PermissionsBoundary; b != nil {
				return string(b.PermissionsBoundaryType) + " " + *b.PermissionsBoundaryArn
			}
			return ""
		}},
		{"user", func(policyARN string) error {
			_, err := f.admin.PutUserPermissionsBoundary(ctx, &iamclient.PutUserPermissionsBoundaryInput{UserName: user, PermissionsBoundary: &policyARN})
			return err
		}, func() error {
			_, err := f.admin.DeleteUserPermissionsBoundary(ctx, &iamclient.DeleteUserPermissionsBoundaryInput{UserName: user})
			return err
		}, func() string {
			if u, ok := f.Directory.Snapshot().User(account, "deploy"); ok && u.PermissionsBoundary != "" {
				return "Policy " + u.PermissionsBoundary
			}
			return ""
		}},
	} {
		uses := func(policyARN string) [2]int32 {
			p := f.getPolicy(t, policyARN)
			return [2]int32{*p.AttachmentCount, *p.PermissionsBoundaryUsageCount}
		}
		wantFault(t, k.remove(), fault{http.StatusNotFound, "NoSuchEntity", "The " + k.noun + " with name Deploy does not have a permissions boundary."})
		succeed(t, k.noun, k.put(strings.ToLower(first)), k.put(first))
		if k.shown() != "Policy "+first || uses(first) != [2]int32{0, 1} {
			t.Errorf("%s: shown %q, uses %v", k.noun, k.shown(), uses(first))
		}
		succeed(t, k.noun, k.put(second))
		if k.shown() != "Policy "+second || uses(first) != [2]int32{} || uses(second) != [2]int32{0, 1} {
			t.Errorf("%s: shown %q, uses %v and %v", k.noun, k.shown(), uses(first), uses(second))
		}
		_, err := f.admin.DeletePolicy(ctx, &iamclient.DeletePolicyInput{PolicyArn: &second})
		wantFault(t, err, fault{http.StatusConflict, "DeleteConflict", "Cannot delete a policy attached to entities."})

		// What is refused leaves the boundary there was.
		absent := arn.Policy(account, "/", "absent")
		wantFault(t, k.put(absent), fault{http.StatusNotFound, "NoSuchEntity", "Scope ARN: " + absent + " does not exist or is not attachable."})
		notAPolicy := "arn:aws:iam::123456789012:not_a_policy/invalid"
		wantFault(t, k.put(notAPolicy), fault{http.StatusBadRequest, "InvalidInput", "ARN " + notAPolicy + " is not valid."})
		wantFault(t, k.put("arn:aws-cn:iam::123456789012:policy/second"), fault{http.StatusBadRequest, "ValidationError", "Invalid ARN partition"})
		wantFault(t, k.put("arn:aws:iam::aws:policy/aws-service-role/x"), fault{http.StatusBadRequest, "PolicyNotAttachable", "Cannot attach AWS reserved policy to an IAM " + k.noun + "."})
		if k.shown() != "Policy "+second || uses(second) != [2]int32{0, 1} {
			t.Errorf("%s: after refusals shown %q, uses %v", k.noun, k.shown(), uses(second))
		}

		readOnly := "arn:aws:iam::aws:policy/ReadOnlyAccess"
		succeed(t, k.noun, k.put(readOnly))
		if k.shown() != "Policy "+readOnly || uses(second) != [2]int32{} || uses(readOnly) != [2]int32{0, 1} {
			t.Errorf("%s: shown %q, uses %v", k.noun, k.shown(), uses(readOnly))
		}
		succeed(t, k.noun, k.remove())
		if k.shown() != "" || uses(readOnly) != [2]int32{} {
			t.Errorf("%s: shown %q, uses %v", k.noun, k.shown(), uses(readOnly))
		}
		noun := strings.ToUpper(k.noun[:1]) + k.noun[1:]
		for _, action := range []string{"Put" + noun + "PermissionsBoundary", "Delete" + noun + "PermissionsBoundary"} {
			wantCall(t, f.call(t, action, noun+"Name", "absent", "PermissionsBoundary", first), fault{http.StatusNotFound, "NoSuchEntity", "The " + k.noun + " with name absent cannot be found."})
		}
		wantCall(t, f.call(t, "Put"+noun+"PermissionsBoundary", noun+"Name", "deploy"), fault{
			http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at 'permissionsBoundary' failed to satisfy constraint: Member must not be null",
		})
	}
}

package iam_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"

	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	"pgregory.net/rapid"
)

// counterStep is one request about one entity and one policy.
type counterStep struct {
	action string
	kind   int // role, user, group
	name   string
	policy string // ARN
}

// refused are the codes with which a step may fail, whatever the others do.
var refused = []string{"NoSuchEntity", "EntityAlreadyExists", "DeleteConflict", "ConcurrentModification", "LimitExceeded"}

// TestCounters has several callers make, attach, detach, bound and delete the same
// few things. Whatever came of each request, at the end every count that a record
// keeps is what the index says, and nobody names a policy that is gone.
func TestCounters(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.AddAccount(t, "210987654321")
	names, policies := []string{"a", "B"}, []string{arn.Policy(account, "/", "p"), arn.Policy(account, "/", "Q"), "arn:aws:iam::aws:policy/ReadOnlyAccess"}
	for _, name := range names {
		f.putEntities(t, name)
	}
	callers := []*fixture{f, f.as(t, "second", awsapitest.Administrator), f.as(t, "third", awsapitest.Administrator)}
	clients := make([][]entityClient, len(callers))
	for i, caller := range callers {
		clients[i] = caller.kinds(t)
	}
	step := rapid.Custom(func(t *rapid.T) counterStep {
		return counterStep{
			action: rapid.SampledFrom([]string{"create policy", "delete policy", "attach", "attach", "attach", "detach", "put boundary", "put boundary", "delete boundary", "create role", "delete role"}).Draw(t, "action"),
			kind:   rapid.IntRange(0, 2).Draw(t, "kind"),
			name:   rapid.SampledFrom(names).Draw(t, "name"),
			policy: rapid.SampledFrom(policies).Draw(t, "policy"),
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		sequences := make([][]counterStep, len(callers))
		for i := range sequences {
			sequences[i] = rapid.SliceOfN(step, 0, 12).Draw(r, fmt.Sprint("caller ", i))
		}
		var running sync.WaitGroup
		failures := make([]error, len(callers))
		for i := range callers {
			running.Go(func() {
				for _, s := range sequences[i] {
					err := callers[i].take(t, clients[i], s)
					var api smithy.APIError
					if err != nil && (!errors.As(err, &api) || !slices.Contains(refused, api.ErrorCode())) {
						failures[i] = errors.Join(failures[i], fmt.Errorf("%+v: %w", s, err))
					}
				}
			})
		}
		running.Wait()
		if err := errors.Join(failures...); err != nil {
			r.Fatal(err)
		}
		for _, problem := range countsOf(f.Directory.Snapshot(), policies) {
			r.Error(problem)
		}
	})
}

// take sends the request of a step.
func (f *fixture) take(t *testing.T, kinds []entityClient, s counterStep) error {
	k, ctx := kinds[s.kind], t.Context()
	_, policyName, _ := arn.PolicyName(s.policy)
	switch s.action {
	case "create policy":
		document := readPolicy
		_, err := f.admin.CreatePolicy(ctx, &iamclient.CreatePolicyInput{PolicyName: &policyName, PolicyDocument: &document})
		return err
	case "delete policy":
		if s.policy == "arn:aws:iam::aws:policy/ReadOnlyAccess" {
			return nil
		}
		_, err := f.admin.DeletePolicy(ctx, &iamclient.DeletePolicyInput{PolicyArn: &s.policy})
		return err
	case "attach":
		return k.attach(s.name, s.policy)
	case "detach":
		return k.detach(s.name, s.policy)
	case "create role":
		document := trustPolicy
		_, err := f.admin.CreateRole(ctx, &iamclient.CreateRoleInput{RoleName: &s.name, AssumeRolePolicyDocument: &document, PermissionsBoundary: &s.policy})
		return err
	case "delete role":
		_, err := f.admin.DeleteRole(ctx, &iamclient.DeleteRoleInput{RoleName: &s.name})
		return err
	}
	put := s.action == "put boundary"
	switch {
	case s.kind == 0 && put:
		_, err := f.admin.PutRolePermissionsBoundary(ctx, &iamclient.PutRolePermissionsBoundaryInput{RoleName: &s.name, PermissionsBoundary: &s.policy})
		return err
	case s.kind == 0:
		_, err := f.admin.DeleteRolePermissionsBoundary(ctx, &iamclient.DeleteRolePermissionsBoundaryInput{RoleName: &s.name})
		return err
	case put:
		_, err := f.admin.PutUserPermissionsBoundary(ctx, &iamclient.PutUserPermissionsBoundaryInput{UserName: &s.name, PermissionsBoundary: &s.policy})
		return err
	default:
		_, err := f.admin.DeleteUserPermissionsBoundary(ctx, &iamclient.DeleteUserPermissionsBoundaryInput{UserName: &s.name})
		return err
	}
}

// countsOf holds what records count against the index, and the index against the
// records that it is of.
func countsOf(snapshot *directory.Snapshot, policies []string) (problems []string) {
	uses := map[string][2]int{}
	note := func(attached []string, boundary string) {
		for _, policyARN := range attached {
			uses[policyARN] = [2]int{uses[policyARN][0] + 1, uses[policyARN][1]}
		}
		if boundary != "" {
			uses[boundary] = [2]int{uses[boundary][0], uses[boundary][1] + 1}
		}
	}
	for r := range snapshot.RolesAfter(account, "") {
		note(r.AttachedPolicies, r.PermissionsBoundary)
	}
	for u := range snapshot.UsersAfter(account, "") {
		note(u.AttachedPolicies, u.PermissionsBoundary)
	}
	for g := range snapshot.GroupsAfter(account, "") {
		note(g.AttachedPolicies, "")
		members := 0
		for range snapshot.MembersAfter(g, "") {
			members++
		}
		if members != g.Members {
			problems = append(problems, fmt.Sprintf("group %s counts %d members, and has %d", g.Name, g.Members, members))
		}
	}
	for _, policyARN := range policies {
		var indexed [2]int
		for range snapshot.AttachedTo(account, policyARN, "") {
			indexed[0]++
		}
		for range snapshot.BoundedBy(account, policyARN, "") {
			indexed[1]++
		}
		if indexed != uses[policyARN] {
			problems = append(problems, fmt.Sprintf("the index has %v uses of %s, the records %v", indexed, policyARN, uses[policyARN]))
		}
		p, ok := snapshot.Policy(policyARN)
		if !ok {
			if indexed != [2]int{} {
				problems = append(problems, fmt.Sprintf("%s is gone and has %v uses", policyARN, indexed))
			}
			continue
		}
		attached, bounded := snapshot.Uses(account, p)
		if indexed != [2]int{attached, bounded} {
			problems = append(problems, fmt.Sprintf("%s counts %d and %d uses, the index %v", policyARN, attached, bounded, indexed))
		}
	}
	for _, kind := range []store.Kind{store.KindRole, store.KindPolicy} {
		listed := 0
		if kind == store.KindRole {
			listed = len(snapshot.Roles(account))
		} else {
			listed = len(snapshot.Policies(account))
		}
		if n := snapshot.Count(account, kind); n != listed {
			problems = append(problems, fmt.Sprintf("%d of kind %s are counted, %d listed", n, kind, listed))
		}
	}
	return problems
}

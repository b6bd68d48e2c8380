package iam

import (
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/store"
)

// maxAttached is how many managed policies one role may have: what AWS grants
// on request, where a new account has 10 (IAM User Guide, "IAM and AWS STS
// quotas", 2023).
const maxAttached = 20

// attachRolePolicy names a managed policy on a role and counts it on the
// policy, both in one transaction. What is attached already stays so.
func (s *service) attachRolePolicy(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	roleName, given := in.roleName(), in.arn("PolicyArn", "policy/")
	if err := in.err(); err != nil {
		return nil, err
	}
	return nil, s.update(c, func(tx store.Tx) error {
		role, err := roleIn(tx, c, roleName)
		if err != nil {
			return err
		}
		policy, ok, err := policyIn(tx, c, given)
		switch {
		case err != nil:
			return err
		case !ok:
			return noSuchEntity("Policy %s does not exist or is not attachable.", given)
		case attached(&role, given) >= 0:
			return nil
		case len(role.AttachedPolicies) >= maxAttached:
			return limitExceeded("Cannot exceed quota for PoliciesPerRole: %d", maxAttached)
		}
		role.AttachedPolicies = append(role.AttachedPolicies, arn.Policy(policy.Account, policy.Path, policy.Name))
		policy.AttachmentCount++
		return putBoth(tx, role, policy)
	})
}

func (s *service) detachRolePolicy(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	roleName, given := in.roleName(), in.arn("PolicyArn", "policy/")
	if err := in.err(); err != nil {
		return nil, err
	}
	return nil, s.update(c, func(tx store.Tx) error {
		role, err := roleIn(tx, c, roleName)
		if err != nil {
			return err
		}
		policy, ok, err := policyIn(tx, c, given)
		if err != nil {
			return err
		}
		i := attached(&role, given)
		if !ok || i < 0 {
			return noSuchPolicy(given)
		}
		role.AttachedPolicies = slices.Delete(role.AttachedPolicies, i, i+1)
		policy.AttachmentCount--
		return putBoth(tx, role, policy)
	})
}

// listAttachedRolePolicies lists in order of the ARNs. Names and paths are
// read off them.
func listAttachedRolePolicies(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	roleName, prefix, p := in.roleName(), in.path("PathPrefix", policyPathPattern), in.page()
	if err := in.err(); err != nil {
		return nil, err
	}
	role, ok := c.Snapshot.Role(c.Account, roleName)
	if !ok {
		return nil, noSuchRole(roleName)
	}
	under := arn.Policy(c.Account, prefix, "")
	var reply attachedPolicies
	reply.arns, reply.next = cut(p, foldedAfter(role.AttachedPolicies, p.after), strings.ToLower,
		func(policyARN string) bool { return strings.HasPrefix(policyARN, under) })
	return reply, nil
}

// attached finds a policy among those of a role, -1 where it is not.
func attached(role *store.Role, policyARN string) int {
	return slices.IndexFunc(role.AttachedPolicies, func(a string) bool { return strings.EqualFold(a, policyARN) })
}

// putBoth writes the two records that an attachment is kept in.
func putBoth(tx store.Tx, role store.Role, policy store.Policy) error {
	if err := store.PutRecord(tx, store.RoleID(role.Account, role.Name), role); err != nil {
		return err
	}
	return store.PutRecord(tx, store.PolicyID(policy.Account, policy.Name), policy)
}

type attachedPolicies struct {
	arns []string
	next string
}

// WriteXML implements awsapi.Result.
func (r attachedPolicies) WriteXML(x *awsapi.XML) {
	x.Open("AttachedPolicies")
	for _, policyARN := range r.arns {
		_, name, _ := arn.PolicyName(policyARN)
		x.Open("member")
		x.Text("PolicyName", name)
		x.Text("PolicyArn", policyARN)
		x.Close()
	}
	x.Close()
	writeNext(x, r.next)
}

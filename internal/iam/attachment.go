package iam

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/store"
)

// attachPolicy names a managed policy on an entity and counts it on the policy,
// both in one transaction. What is attached already stays so.
func (k entities) attach(c *awsapi.Call, in *input) execute {
	owner, given := k.name(in), in.usedARN("PolicyArn")
	return func() (awsapi.Result, error) {
		return nil, k.changeEntity(c, owner, func(tx store.Tx, e *entity) error {
			if attached(e, given) >= 0 {
				return nil
			}
			if isReserved(given) {
				return e.reservedPolicy()
			}
			if len(*e.Attached) >= maxAttached {
				return limitExceeded("Cannot exceed quota for PoliciesPer%s: %d", capital(k.noun), maxAttached)
			}
			stored, ok, err := countUse(tx, c, given, func(p *store.Policy) { p.AttachmentCount++ })
			if err == nil && !ok {
				err = notAttachable(given)
			}
			*e.Attached = append(*e.Attached, stored)
			return err
		})
	}
}

func (k entities) detach(c *awsapi.Call, in *input) execute {
	owner, given := k.name(in), in.usedARN("PolicyArn")
	return func() (awsapi.Result, error) {
		return nil, k.changeEntity(c, owner, func(tx store.Tx, e *entity) error {
			i := attached(e, given)
			// Permission was asked for the ARN as spelled tells it.
			if i < 0 || spelled(c, (*e.Attached)[i]) != spelled(c, given) {
				return noSuchPolicy(given)
			}
			*e.Attached = slices.Delete(*e.Attached, i, i+1)
			_, _, err := countUse(tx, c, given, func(p *store.Policy) { p.AttachmentCount-- })
			return err
		})
	}
}

// listAttachedPolicies lists in order of the ARNs. Names and paths are read off
// them.
func (k entities) listAttached(c *awsapi.Call, in *input) execute {
	owner, prefix, p := k.name(in), in.path("PathPrefix", policyPathPattern), in.page()
	return func() (awsapi.Result, error) {
		e, err := k.lookup(c, owner)
		if err != nil {
			return nil, err
		}
		var reply attachedPolicies
		reply.arns, reply.next = cut(p, foldedAfter(*e.Attached, p.after), strings.ToLower,
			func(policyARN string) bool { return strings.HasPrefix(policyPathOf(policyARN), prefix) })
		return reply, nil
	}
}

// policyPathOf gives the path of a managed policy's ARN with its name behind.
func policyPathOf(policyARN string) string {
	_, resource, _ := strings.Cut(policyARN, ":policy")
	return resource
}

// attached finds a policy among those of an entity, -1 where it is not.
func attached(e *entity, policyARN string) int {
	return slices.IndexFunc(*e.Attached, func(a string) bool { return strings.EqualFold(a, policyARN) })
}

// countUse keeps up what a customer managed policy's record knows of its uses,
// in the transaction that changes them. It gives the policy's ARN as stored, and
// whether there is such a policy that the caller's account can use. An AWS
// managed policy has no record: its uses are counted where they are.
func countUse(tx store.Tx, c *awsapi.Call, given string, change func(*store.Policy)) (stored string, ok bool, err error) {
	account, name, isPolicy := arn.PolicyName(given)
	if !isPolicy {
		return "", false, nil
	}
	if account == arn.AWS {
		p, ok := c.Snapshot.Policy(given)
		if !ok {
			return "", false, nil
		}
		return p.ARN, true, nil
	}
	if account != c.Account {
		return "", false, nil
	}
	err = changeRecord(tx, store.PolicyID(account, name), func(p *store.Policy) error {
		stored = arn.Policy(p.Account, p.Path, p.Name)
		if !strings.EqualFold(stored, given) { // another path is another policy
			return store.ErrNotFound
		}
		if seen := spelled(c, given); stored != seen {
			return concurrentModification("Policy " + given)
		}
		change(p)
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return "", false, nil
	}
	return stored, err == nil, err
}

// isReserved says of an ARN that it is of a policy that AWS keeps for roles and
// tasks of its own services (recorded on AWS). Daypass has none of them.
func isReserved(policyARN string) bool {
	account, _, ok := arn.PolicyName(policyARN)
	path := strings.ToLower(policyPathOf(policyARN))
	return ok && account == arn.AWS && (strings.HasPrefix(path, "/aws-service-role/") || strings.HasPrefix(path, "/root-task/"))
}

// reservedPolicy refuses to attach such a policy, or to have it as a boundary.
// The sentence was recorded of a user.
func (e *entity) reservedPolicy() *awsapi.Fault {
	a, _ := arn.Parse(e.arn)
	noun, _, _ := strings.Cut(a.Resource, "/")
	return awsapi.Error(http.StatusBadRequest, "PolicyNotAttachable", "Cannot attach AWS reserved policy to an IAM "+noun+".")
}

// spelled gives the ARN of a managed policy as it is stored, under which the
// caller was authorised to use it, or as given where there is none.
func spelled(c *awsapi.Call, given string) string {
	if p, ok := visiblePolicy(c, given); ok {
		return p.ARN
	}
	return given
}

// capital is a noun with a capital letter.
func capital(noun string) string { return strings.ToUpper(noun[:1]) + noun[1:] }

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

package iam

import (
	"errors"
	"iter"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

func (s *service) policyOperations() []awsapi.Operation {
	return append([]awsapi.Operation{
		creates("CreatePolicy", "TagPolicy", onNewPolicy, s.createPolicy),
		signed("GetPolicy", onPolicy, getPolicy),
		signed("ListPolicies", onPolicyPath, listPolicies),
		signed("DeletePolicy", onPolicy, s.deletePolicy),
		signed("CreatePolicyVersion", onPolicy, s.createPolicyVersion),
		signed("GetPolicyVersion", onPolicy, getPolicyVersion),
		signed("ListPolicyVersions", onPolicy, listPolicyVersions),
		signed("SetDefaultPolicyVersion", onPolicy, s.setDefaultPolicyVersion),
		signed("DeletePolicyVersion", onPolicy, s.deletePolicyVersion),
		signed("ListEntitiesForPolicy", onPolicy, listEntitiesForPolicy),
	}, s.tagOperations("Policy", onPolicy, taggedPolicies)...)
}

// taggedPolicies gives the operations on tags of managed policies. Those of AWS
// have none (recorded).
var taggedPolicies = &taggedKind{
	distinguishesCase: true,
	read:              (*input).policyARN,
	find: func(c *awsapi.Call, given string) ([]store.Tag, error) {
		p, ok := visiblePolicy(c, given)
		if !ok {
			return nil, noSuchPolicy(given)
		}
		return p.Tags, nil
	},
	change: func(tx store.Tx, c *awsapi.Call, given string, f func(*[]store.Tag) error) error {
		if account, _, ok := arn.PolicyName(given); ok && account == arn.AWS {
			return invalidInput("Tags not supported for policies in this domain")
		}
		return changePolicy(tx, c, given, noSuchPolicy(given), func(p *store.Policy) error { return f(&p.Tags) })
	},
}

func (s *service) createPolicy(c *awsapi.Call, in *input) execute {
	name, path, document := in.policyName(), in.path("Path", policyPathPattern), in.document("PolicyDocument")
	description, _ := in.text("Description", 0, maxDescription)
	tags := in.tags(true)
	return func() (awsapi.Result, error) {
		if err := managedDocument(document); err != nil {
			return nil, err
		}
		policyID, err := session.NewUniqueID("ANPA", s.Random)
		if err != nil {
			return nil, err
		}
		created := now(c)
		policy := store.Policy{
			Account: c.Account, Name: name, Path: path, ID: policyID, Description: description,
			DefaultVersion: "v1", LastVersion: 1, Versions: []store.PolicyVersion{{ID: "v1", Document: document, Created: created}},
			Tags: tags, Created: created, Updated: created,
		}
		id := store.PolicyID(c.Account, name)
		err = s.update(c, func(tx store.Tx) error {
			err := insert(tx, id, policy, alreadyExists("A policy called %s already exists. Duplicate names are not allowed.", name))
			if err != nil {
				return err
			}
			return notNamed(s.Directory.Snapshot(), c.Account, arn.Policy(c.Account, path, name))
		})
		if err != nil {
			return nil, err
		}
		return createdPolicy{&policy, in.tagsAsSent}, nil
	}
}

// notNamed refuses to make a policy that somebody names already: an import can
// keep the names of policies that are not here, and they deny. Whoever may make
// policies, and not attach them, must not say what such a one allows.
func notNamed(s *directory.Snapshot, account, policyARN string) error {
	if _, there := s.Policy(policyARN); there { // and was deleted since, so that nobody names it
		return nil
	}
	for _, uses := range []iter.Seq[store.ID]{s.AttachedTo(account, policyARN, ""), s.BoundedBy(account, policyARN, "")} {
		for id := range uses {
			return invalidInput("A user, group or role has "+policyARN+" attached or as its permissions boundary, and there is no such policy."+
				" Detach it first, or import it.").
				Because("%s %s was imported with that name, and is denied by it", id.Kind, id.Key)
		}
	}
	return nil
}

// managedDocument checks the document of a managed policy.
func managedDocument(document string) error {
	if err := managedPolicy(document); err != nil {
		return err
	}
	if size(document) > maxManagedPolicy {
		return limitExceeded("Cannot exceed quota for PolicySize: %d", maxManagedPolicy)
	}
	return nil
}

func getPolicy(c *awsapi.Call, in *input) execute {
	given := in.policyARN()
	return func() (awsapi.Result, error) {
		p, ok := visiblePolicy(c, given)
		if !ok {
			return nil, noSuchPolicy(given)
		}
		return foundPolicy{inUse(c, p)}, nil
	}
}

// inUse is a managed policy with its counts of uses in the caller's account.
func inUse(c *awsapi.Call, p *directory.Policy) *store.Policy {
	if p.Account != arn.AWS {
		return &p.Policy
	}
	counted := p.Policy
	counted.AttachmentCount, counted.BoundaryCount = c.Snapshot.Uses(c.Account, p)
	return &counted
}

// deletePolicy deletes a policy that nobody has and that has one version. Users
// reported each refusal of AWS's; which one comes first is not known. A policy
// that is a permissions boundary is refused like one that is attached.
func (s *service) deletePolicy(c *awsapi.Call, in *input) execute {
	given := in.ownPolicyARN("Cannot delete policies outside your own account.")
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			var id store.ID
			err := changePolicy(tx, c, given, noSuchPolicy(given), func(p *store.Policy) error {
				id = store.PolicyID(p.Account, p.Name)
				switch {
				case p.AttachmentCount > 0 || p.BoundaryCount > 0:
					return deleteConflict("Cannot delete a policy attached to entities.")
				case len(p.Versions) > 1:
					return deleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions." +
						" The default version is deleted with the policy.")
				}
				return nil
			})
			if err != nil {
				return err
			}
			return tx.Delete(id)
		})
	}
}

// changePolicy rewrites a customer managed policy in a transaction; absent
// answers where there is none. It must be the one for which the caller was
// authorised.
func changePolicy(tx store.Tx, c *awsapi.Call, given string, absent *awsapi.Fault, change func(*store.Policy) error) error {
	account, name, ok := arn.PolicyName(given)
	if !ok || account != c.Account {
		return absent
	}
	err := changeRecord(tx, store.PolicyID(account, name), func(p *store.Policy) error {
		stored := arn.Policy(p.Account, p.Path, p.Name)
		if !strings.EqualFold(stored, given) { // another path is another policy
			return absent
		}
		if known, ok := visiblePolicy(c, given); !ok || known.ID != p.ID || known.ARN != stored {
			return concurrentModification("Policy " + given)
		}
		return change(p)
	})
	if errors.Is(err, store.ErrNotFound) {
		return absent
	}
	return err
}

// createdPolicy is CreatePolicy's reply, which tells no description.
type createdPolicy struct {
	policy *store.Policy
	tags   []store.Tag // in the order in which they were sent
}

// WriteXML implements awsapi.Result.
func (r createdPolicy) WriteXML(x *awsapi.XML) {
	x.Open("Policy")
	writePolicy(x, r.policy, "")
	writeSomeTags(x, r.tags)
	x.Close()
}

// foundPolicy is GetPolicy's reply, the only one that tells the description
// (IAM API Reference, Policy). It always has Tags.
type foundPolicy struct{ policy *store.Policy }

// WriteXML implements awsapi.Result.
func (r foundPolicy) WriteXML(x *awsapi.XML) {
	x.Open("Policy")
	writePolicy(x, r.policy, r.policy.Description)
	writeTags(x, r.policy.Tags)
	x.Close()
}

type policyList struct {
	policies []*store.Policy
	next     string
}

// WriteXML implements awsapi.Result.
func (r policyList) WriteXML(x *awsapi.XML) {
	x.Open("Policies")
	for _, p := range r.policies {
		x.Open("member")
		writePolicy(x, p, "")
		x.Close()
	}
	x.Close()
	writeNext(x, r.next)
}

// writePolicy writes what every reply tells of a managed policy, in the
// model's order, and the description unless it is empty.
func writePolicy(x *awsapi.XML, p *store.Policy, description string) {
	x.Text("PolicyName", p.Name)
	x.Text("PolicyId", p.ID)
	x.Text("Arn", arn.Policy(p.Account, p.Path, p.Name))
	x.Text("Path", p.Path)
	x.Text("DefaultVersionId", p.DefaultVersion)
	x.Text("AttachmentCount", strconv.Itoa(p.AttachmentCount))
	x.Text("PermissionsBoundaryUsageCount", strconv.Itoa(p.BoundaryCount))
	x.Bool("IsAttachable", true)
	if description != "" {
		x.Text("Description", description)
	}
	x.Time("CreateDate", p.Created)
	x.Time("UpdateDate", p.Updated)
}

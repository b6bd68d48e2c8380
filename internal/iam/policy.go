package iam

import (
	"errors"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

func (s *service) policyOperations() []awsapi.Operation {
	return []awsapi.Operation{
		creates("CreatePolicy", "TagPolicy", onNewPolicy, s.createPolicy),
		signed("GetPolicy", onPolicy, getPolicy),
		signed("GetPolicyVersion", onPolicy, getPolicyVersion),
		signed("ListPolicies", onPolicyPath, listPolicies),
		signed("DeletePolicy", onPolicy, s.deletePolicy),
	}
}

func (s *service) createPolicy(c *awsapi.Call, in *input) execute {
	name, path, document := in.policyName(), in.path("Path", policyPathPattern), in.document("PolicyDocument")
	description, _ := in.text("Description", 0, maxDescription)
	tags := in.tags(true)
	return func() (awsapi.Result, error) {
		if err := identityPolicy(document); err != nil {
			return nil, err
		}
		if size(document) > maxManagedPolicy {
			return nil, limitExceeded("Cannot exceed quota for PolicySize: %d", maxManagedPolicy)
		}
		policyID, err := session.NewUniqueID("ANPA", s.Random)
		if err != nil {
			return nil, err
		}
		created := now(c)
		policy := store.Policy{
			Account: c.Account, Name: name, Path: path, ID: policyID, Description: description,
			DefaultVersion: "v1", Versions: []store.PolicyVersion{{ID: "v1", Document: document, Created: created}},
			Tags: tags, Created: created, Updated: created,
		}
		id := store.PolicyID(c.Account, name)
		err = s.update(c, func(tx store.Tx) error {
			return insert(tx, id, policy, alreadyExists("A policy called %s already exists. Duplicate names are not allowed.", name))
		})
		if err != nil {
			return nil, err
		}
		return createdPolicy{&policy}, nil
	}
}

func getPolicy(c *awsapi.Call, in *input) execute {
	given := in.arn("PolicyArn", "policy/")
	return func() (awsapi.Result, error) {
		p, ok := visiblePolicy(c, given)
		if !ok {
			return nil, noSuchPolicy(given)
		}
		return foundPolicy{&p.Policy}, nil
	}
}

func getPolicyVersion(c *awsapi.Call, in *input) execute {
	given := in.arn("PolicyArn", "policy/")
	version := in.params.Get("VersionId")
	in.check.Required("versionId", in.params.Has("VersionId"))
	if in.params.Has("VersionId") {
		in.check.Pattern("versionId", version, versionPattern, `v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`)
	}
	return func() (awsapi.Result, error) {
		p, ok := visiblePolicy(c, given)
		if !ok {
			return nil, noSuchPolicy(given)
		}
		for i := range p.Versions {
			if p.Versions[i].ID == version {
				return policyVersion{&p.Versions[i], version == p.DefaultVersion}, nil
			}
		}
		return nil, noSuchEntity("Policy %s version %s does not exist or is not attachable.", given, version)
	}
}

// listPolicies lists customer managed policies; there are no others here yet,
// so that Scope AWS finds none. PolicyUsageFilter counts only together with
// OnlyAttached (recorded on AWS), and no policy is a permissions boundary.
func listPolicies(c *awsapi.Call, in *input) execute {
	prefix, p := in.path("PathPrefix", policyPathPattern), in.page()
	scope := in.oneOf("Scope", "All", "AWS", "Local")
	usage := in.oneOf("PolicyUsageFilter", "PermissionsPolicy", "PermissionsBoundary")
	onlyAttached := in.flag("OnlyAttached")
	return func() (awsapi.Result, error) {
		var reply policyList
		if scope == "AWS" || onlyAttached && usage == "PermissionsBoundary" {
			return reply, nil
		}
		reply.policies, reply.next = cut(p, c.Snapshot.PoliciesAfter(c.Account, p.after),
			func(p *directory.Policy) string { return strings.ToLower(p.Name) },
			func(p *directory.Policy) bool {
				return strings.HasPrefix(p.Path, prefix) && (!onlyAttached || p.AttachmentCount > 0)
			})
		return reply, nil
	}
}

func (s *service) deletePolicy(c *awsapi.Call, in *input) execute {
	given := in.arn("PolicyArn", "policy/")
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			var id store.ID
			err := changePolicy(tx, c, given, func(p *store.Policy) error {
				id = store.PolicyID(p.Account, p.Name)
				if p.AttachmentCount > 0 || p.BoundaryCount > 0 {
					return deleteConflict("Cannot delete a policy attached to entities.")
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

// changePolicy rewrites a customer managed policy in a transaction. It must be
// the one for which the caller was authorised.
func changePolicy(tx store.Tx, c *awsapi.Call, given string, change func(*store.Policy) error) error {
	account, name, ok := arn.PolicyName(given)
	if !ok || account != c.Account {
		return noSuchPolicy(given)
	}
	err := changeRecord(tx, store.PolicyID(account, name), func(p *store.Policy) error {
		stored := arn.Policy(p.Account, p.Path, p.Name)
		switch {
		case !strings.EqualFold(stored, given): // another path is another policy
			return noSuchPolicy(given)
		case stored != policyARN(c):
			return concurrentModification("Policy " + given)
		}
		return change(p)
	})
	if errors.Is(err, store.ErrNotFound) {
		return noSuchPolicy(given)
	}
	return err
}

// createdPolicy is CreatePolicy's reply, which tells no description.
type createdPolicy struct{ policy *store.Policy }

// WriteXML implements awsapi.Result.
func (r createdPolicy) WriteXML(x *awsapi.XML) {
	x.Open("Policy")
	writePolicy(x, r.policy, "")
	x.Close()
}

// foundPolicy is GetPolicy's reply, the only one that tells the description
// (IAM API Reference, Policy). It always has Tags.
type foundPolicy struct{ policy *store.Policy }

// WriteXML implements awsapi.Result.
func (r foundPolicy) WriteXML(x *awsapi.XML) {
	x.Open("Policy")
	writePolicy(x, r.policy, r.policy.Description)
	x.Texts("Tags", nil)
	x.Close()
}

type policyList struct {
	policies []*directory.Policy
	next     string
}

// WriteXML implements awsapi.Result.
func (r policyList) WriteXML(x *awsapi.XML) {
	x.Open("Policies")
	for _, p := range r.policies {
		x.Open("member")
		writePolicy(x, &p.Policy, "")
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
	x.Text("PermissionsBoundaryUsageCount", "0")
	x.Bool("IsAttachable", true)
	if description != "" {
		x.Text("Description", description)
	}
	x.Time("CreateDate", p.Created)
	x.Time("UpdateDate", p.Updated)
}

type policyVersion struct {
	version   *store.PolicyVersion
	isDefault bool
}

// WriteXML implements awsapi.Result.
func (r policyVersion) WriteXML(x *awsapi.XML) {
	x.Open("PolicyVersion")
	x.Text("Document", percentEncode(r.version.Document))
	x.Text("VersionId", r.version.ID)
	x.Bool("IsDefaultVersion", r.isDefault)
	x.Time("CreateDate", r.version.Created)
	x.Close()
}

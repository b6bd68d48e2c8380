package analyzer

import (
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/policy"
)

// explainPermission says of a request that policies refused what they make of it now,
// and what would have to change.
func explainPermission(c *awsapi.Call, e *audit.Event, out *GetDecisionOutput) {
	if e.Outcome() != audit.Denied || e.Reasons == nil || e.Account != c.Account {
		return
	}
	p, ok := principalOf(c.Snapshot, c.Account, e.Principal)
	if !ok || onTrust(e.Reasons) {
		return
	}
	x := out.Explanation
	if limited(e.Reasons) {
		x.Notes = append(x.Notes, "the policies that the session began with do not allow it, and no policy of the role can allow more than that")
		return
	}
	account, resourcePolicy := ownerOf(c.Snapshot, c.Account, e.Resource)
	if account != c.Account {
		x.Notes = append(x.Notes, "the resource is not this account's: its owner's policy and the caller's own must both allow it")
		return
	}
	// The keys can be read as long as the session keys are kept that sealed them.
	keys, err := awsapi.DenialKeys(c.Snapshot.SessionKeys(), c.Account, e.Encoded, func(key string) bool { return multivalued(e.Reasons, key) })
	if err != nil {
		return
	}
	q := &explain.PermissionQuestion{
		Request:  &policy.Request{Action: e.Action, Resource: e.Resource, Principal: p.as, Context: keys},
		Policies: &policy.Policies{ResourceAccount: account}, Inline: p.inline,
	}
	for _, list := range []struct {
		to   *[]*policy.Document
		from []directory.Attached
	}{{&q.Policies.Identity, p.policies}, {&q.Policies.Boundary, p.boundary}, {&q.Policies.Resource, resourcePolicy}} {
		for _, a := range list.from {
			*list.to, q.Names = append(*list.to, a.Document), append(q.Names, a.Source)
		}
	}
	report := explain.Refusal(q)
	out.Now = "denied"
	if report.Allowed {
		out.Now = "allowed"
	}
	x.Notes = append(x.Notes, report.Notes...)
	if fix := report.Fix; fix != nil {
		f := p.fix
		f.PolicyName, f.Steps, f.Before, f.Policy, f.Warning = fix.PolicyName, fix.Steps, fix.Before, fix.Policy, fix.Warning
		x.Fix = &f
	}
}

// onTrust reports whether a role's trust policy had a say, which counts as no other
// resource's does.
func onTrust(r *policy.Reasons) bool {
	return slices.ContainsFunc(r.Statements, func(s policy.StatementReason) bool { return s.Kind == policy.Trust })
}

// limited reports whether the session has policies of its own, which the record tells
// of alone, and none of them allowed the request.
func limited(r *policy.Reasons) bool {
	is := false
	for i := range r.Statements {
		if s := &r.Statements[i]; s.Kind == policy.Session {
			if is = true; s.Matched && s.Effect == "Allow" {
				return false
			}
		}
	}
	return is
}

// multivalued reports whether a decision met a key as one that can have several
// values.
func multivalued(r *policy.Reasons, key string) bool {
	for i := range r.Statements {
		for _, c := range r.Statements[i].Conditions {
			if c.Multivalued && policy.SameKey(c.Key, key) {
				return true
			}
		}
	}
	return false
}

// ownerOf gives the account of a resource, and its policy where it has one.
func ownerOf(snapshot *directory.Snapshot, account, resource string) (owner string, own []directory.Attached) {
	if resource == "*" {
		return account, nil
	}
	parsed, err := arn.Parse(resource)
	if err != nil {
		return "", nil
	}
	var found *directory.Attached
	switch parsed.Service {
	case "s3":
		name, _, _ := strings.Cut(parsed.Resource, "/")
		bucket, ok := snapshot.Bucket(name)
		if !ok {
			return account, nil // it can become anybody's
		}
		owner, found = bucket.Account, bucket.ResourcePolicy()
	case "secretsmanager":
		owner = parsed.Account
		for secret := range snapshot.Secrets(owner, parsed.Region) {
			if secret.ARN == resource {
				found = secret.ResourcePolicy()
			}
		}
	default:
		if owner = parsed.Account; owner == "" {
			owner = account
		}
	}
	if found != nil {
		own = []directory.Attached{*found}
	}
	return owner, own
}

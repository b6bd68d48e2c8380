package iam

import (
	"iter"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
)

// awsMark begins the place of an AWS managed policy in a list, which no name can.
const awsMark = "aws/"

// listPolicies lists customer managed policies in order of their names, then
// those of AWS in order of theirs. AWS's order is not documented; the part of it
// that was recorded is by age. PolicyUsageFilter counts only together with
// OnlyAttached, which without it means a use of either kind (recorded on AWS).
func listPolicies(c *awsapi.Call, in *input) execute {
	prefix, p := in.path("PathPrefix", policyPathPattern), in.page()
	scope := in.oneOf("Scope", "All", "AWS", "Local")
	usage := in.usageFilter()
	onlyAttached := in.flag("OnlyAttached")
	if ofAWS := strings.HasPrefix(p.after, awsMark); ofAWS && scope == "Local" || !ofAWS && p.after != "" && scope == "AWS" {
		in.refuse(awsapi.Invalid("Invalid Marker.")) // of a list with another scope
	}
	return func() (awsapi.Result, error) {
		uses := func(p *directory.Policy) bool {
			attached, bounded := c.Snapshot.Uses(c.Account, p)
			return usage != usedAsBoundary && attached > 0 || usage != usedForPermissions && bounded > 0
		}
		found, next := cut(p, policiesAfter(c, scope, p.after), policyPlace,
			func(p *directory.Policy) bool { return strings.HasPrefix(p.Path, prefix) && (!onlyAttached || uses(p)) })
		reply := policyList{policies: make([]*store.Policy, len(found)), next: next}
		for i, p := range found {
			reply.policies[i] = inUse(c, p)
		}
		return reply, nil
	}
}

// The values of PolicyUsageFilter.
const (
	usedForPermissions = "PermissionsPolicy"
	usedAsBoundary     = "PermissionsBoundary"
)

// usageFilter reads the parameter PolicyUsageFilter, "" for both uses.
func (in *input) usageFilter() string {
	return in.choice("PolicyUsageFilter", usedForPermissions, usedAsBoundary)
}

// policyPlace is where a policy stands in the list.
func policyPlace(p *directory.Policy) string {
	if p.Account == arn.AWS {
		return awsMark + strings.ToLower(p.Name)
	}
	return strings.ToLower(p.Name)
}

// policiesAfter gives the policies of a scope that come after a place.
func policiesAfter(c *awsapi.Call, scope, after string) iter.Seq[*directory.Policy] {
	name, ofAWS := strings.CutPrefix(after, awsMark)
	if !ofAWS {
		name = ""
	}
	return func(yield func(*directory.Policy) bool) {
		if scope != "AWS" && !ofAWS {
			for p := range c.Snapshot.PoliciesAfter(c.Account, after) {
				if !yield(p) {
					return
				}
			}
		}
		if scope == "Local" {
			return
		}
		for p := range c.Snapshot.AWSPoliciesAfter(name) {
			if !yield(p) {
				return
			}
		}
	}
}

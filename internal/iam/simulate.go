package iam

import (
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
)

// maxSimulated bounds the work of one request, see simulation.cost; it is some
// seconds at the very worst. A page ends before it, so that it may hold fewer
// results than MaxItems asks for (IAM API Reference, SimulateCustomPolicy,
// MaxItems).
const maxSimulated = 2_000_000_000

func simulateOperations() []awsapi.Operation {
	return []awsapi.Operation{
		signed("SimulateCustomPolicy", onNothing, simulateCustomPolicy),
		signed("SimulatePrincipalPolicy", onPolicySource, simulatePrincipalPolicy),
		signed("GetContextKeysForCustomPolicy", onNothing, getContextKeysForCustomPolicy),
		signed("GetContextKeysForPrincipalPolicy", onPolicySource, getContextKeysForPrincipalPolicy),
	}
}

// simulateCustomPolicy decides by policies that the request brings.
//
// Source: IAM API Reference, SimulateCustomPolicy.
func simulateCustomPolicy(c *awsapi.Call, in *input) execute {
	asked := in.simulation()
	in.check.Required("policyInputList", in.params.HasAny("PolicyInputList"))
	return func() (awsapi.Result, error) {
		return simulate(c, asked, &policySource{account: c.Account})
	}
}

// simulatePrincipalPolicy decides by the policies that a user or a role has and
// by those that the request adds.
//
// Source: IAM API Reference, SimulatePrincipalPolicy.
func simulatePrincipalPolicy(c *awsapi.Call, in *input) execute {
	given := in.required("PolicySourceArn", minARN, maxARN)
	asked := in.simulation()
	return func() (awsapi.Result, error) {
		source, err := findPolicySource(c, given)
		if err != nil {
			return nil, err
		}
		return simulate(c, asked, source)
	}
}

// simulate answers one page: a result for each action.
func simulate(c *awsapi.Call, asked *simulationInput, source *policySource) (awsapi.Result, error) {
	first, err := asked.firstAction()
	if err != nil {
		return nil, err
	}
	s, err := newSimulation(c, asked, source)
	if err != nil {
		return nil, err
	}
	cost := s.cost(asked)
	if cost > maxSimulated {
		return nil, invalidInput("The simulation is too much work for one action: " + strconv.Itoa(len(asked.resources)) +
			" resources, policies of " + strconv.Itoa(s.size) + " bytes. Send fewer resources or shorter policies and context values.")
	}
	var reply simulationResults
	for i := first; i < len(asked.actions); i++ {
		if len(reply.results) == asked.page.limit || (len(reply.results)+1)*cost > maxSimulated {
			reply.next = strconv.Itoa(i)
			break
		}
		reply.results = append(reply.results, s.evaluate(asked.actions[i], asked.resources))
	}
	return reply, nil
}

// policySource is the user or role whose policies are simulated.
type policySource struct {
	account  string // of the source; without one, of who asks
	user     *directory.User
	role     *directory.Role
	policies []directory.Attached
}

// onPolicySource is the user or role under its own ARN, however the request
// spells it (Service Authorization Reference: the two operations on a principal
// ask for it on a group, role or user; the others name no resource).
var onPolicySource = newTarget("${PolicySourceArn}", policySourceARN)

func policySourceARN(c *awsapi.Call) string {
	given := c.Params.Get("PolicySourceArn")
	source, err := findPolicySource(c, given)
	switch {
	case err != nil:
		return given
	case source.user != nil:
		return source.user.ARN
	default:
		return source.role.ARN
	}
}

// findPolicySource finds the user or role of an ARN. Another account's is
// answered as one that does not exist.
func findPolicySource(c *awsapi.Call, given string) (*policySource, error) {
	a, err := arn.Parse(given)
	kind, path, ok := strings.Cut(a.Resource, "/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	if err != nil || a.Service != "iam" || !ok || name == "" || kind != "user" && kind != "role" && kind != "group" {
		return nil, invalidInput("Invalid Entity Arn: " + given + " does not clearly define entity type and name.")
	}
	source := &policySource{account: c.Account}
	if a.Account == c.Account {
		switch kind {
		case "user":
			if user, ok := c.Snapshot.User(c.Account, name); ok && strings.EqualFold(user.ARN, given) {
				source.user, source.policies = user, c.Snapshot.UserPolicies(nil, user)
				return source, nil
			}
		case "role":
			if role, ok := c.Snapshot.Role(c.Account, name); ok && strings.EqualFold(role.ARN, given) {
				source.role, source.policies = role, c.Snapshot.RolePolicies(nil, role)
				return source, nil
			}
		}
	}
	return nil, noSuchEntity("The %s with name %s cannot be found.", kind, name)
}

// idOf names a policy of the source as the simulator does: a managed policy by
// its name, an inline one by whom it is of and its name. Source: replies that
// the API Reference shows, and published captures of AWS.
func (s *policySource) idOf(attached *directory.Attached) string {
	if _, name, managed := arn.PolicyName(attached.Source); managed {
		return name
	}
	owner := ""
	switch {
	case s.user != nil:
		owner = "user_" + s.user.Name + "_"
	case s.role != nil:
		owner = "role_" + s.role.Name + "_"
	}
	return owner + strings.TrimPrefix(attached.Source, "inline policy ")
}

// documents are the policies of the source, nil for one that cannot be read.
func (s *policySource) documents() []*policy.Document {
	documents := make([]*policy.Document, len(s.policies))
	for i := range s.policies {
		documents[i] = s.policies[i].Document
	}
	return documents
}

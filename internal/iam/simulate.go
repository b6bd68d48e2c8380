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

// simulatePrincipalPolicy decides by the policies that a user, a group or a role
// has and by those that the request adds.
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

// policySource is the user, group or role whose policies are simulated.
type policySource struct {
	account string // of the source; without one, of who asks
	arn     string
	user    *directory.User
	role    *directory.Role
	// policies, and for each whose it is, as ids of inline policies begin.
	policies []directory.Attached
	owners   []string
}

// add adds the policies of one owner.
func (s *policySource) add(owner string, policies []directory.Attached) {
	s.policies = append(s.policies, policies...)
	for range policies {
		s.owners = append(s.owners, owner)
	}
}

// addUser adds a user's own policies and those of the user's groups. A group that
// is gone is one document, which denies.
func (s *policySource) addUser(snapshot *directory.Snapshot, user *directory.User) {
	all := snapshot.UserPolicies(nil, user)
	own := len(user.InlinePolicies) + len(user.AttachedPolicies)
	s.add("user_"+user.Name+"_", all[:own])
	for _, id := range user.Groups {
		group, ok := snapshot.GroupByID(id)
		if !ok {
			s.add("", []directory.Attached{{Source: "group " + id}})
			continue
		}
		s.add("group_"+group.Name+"_", snapshot.GroupPolicies(nil, group))
	}
}

// onPolicySource is the user, group or role under its own ARN, however the request
// spells it (Service Authorization Reference: the two operations on a principal
// ask for it on a group, role or user; the others name no resource).
var onPolicySource = newTarget("${PolicySourceArn}", policySourceARN)

func policySourceARN(c *awsapi.Call) string {
	given := c.Params.Get("PolicySourceArn")
	source, err := findPolicySource(c, given)
	if err != nil {
		return given
	}
	return source.arn
}

// findPolicySource finds the user, group or role of an ARN. Another account's is
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
				source.user, source.arn = user, user.ARN
				source.addUser(c.Snapshot, user)
				return source, nil
			}
		case "group":
			if group, ok := c.Snapshot.Group(c.Account, name); ok && strings.EqualFold(group.ARN, given) {
				source.arn = group.ARN
				source.add("group_"+group.Name+"_", c.Snapshot.GroupPolicies(nil, group))
				return source, nil
			}
		case "role":
			if role, ok := c.Snapshot.Role(c.Account, name); ok && strings.EqualFold(role.ARN, given) {
				source.role, source.arn = role, role.ARN
				source.add("role_"+role.Name+"_", c.Snapshot.RolePolicies(nil, role))
				return source, nil
			}
		}
	}
	return nil, noSuchEntity("The %s with name %s cannot be found.", kind, name)
}

// idOf names a policy of the source as the simulator does: a managed policy by
// its name, an inline one by whom it is of and its name. Source: replies that
// the API Reference shows, and published captures of AWS.
func (s *policySource) idOf(i int) string {
	if _, name, managed := arn.PolicyName(s.policies[i].Source); managed {
		return name
	}
	return s.owners[i] + strings.TrimPrefix(s.policies[i].Source, "inline policy ")
}

// documents are the policies of the source, nil for one that cannot be read.
func (s *policySource) documents() []*policy.Document {
	documents := make([]*policy.Document, len(s.policies))
	for i := range s.policies {
		documents[i] = s.policies[i].Document
	}
	return documents
}

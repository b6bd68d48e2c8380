package iam

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
)

// simulation is a request to be decided by, all but its action and resource.
type simulation struct {
	policies  policy.Policies
	trust     *policy.Document // in place of policies.Resource
	sources   []simulatedPolicy
	principal policy.Principal
	owner     string // account of what does not say whose it is
	keys      policy.Context
	read      keyList  // keys that the policies read
	missing   []string // of those, what the request does not carry
	size      int      // of all documents, in bytes
}

// simulatedPolicy is one document, in the order in which policy.Policies counts.
type simulatedPolicy struct {
	id    string
	kind  policy.Kind
	spans []policy.Span // nil for a document that cannot be read
}

// trustActions are the actions on a role that its trust policy admits.
var trustActions = []string{
	"sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML",
	"sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext",
}

// newSimulation reads the documents and finds out who asks.
//
// Where all actions are of a role's trust, ResourcePolicy is the trust policy of
// the role, and decides. AWS checks such a policy and then leaves it out of
// account; see docs/aws-divergences.md.
func newSimulation(c *awsapi.Call, asked *simulationInput, source *policySource) (*simulation, error) {
	s := &simulation{}
	trusting := asked.resourcePolicy != "" && len(asked.actions) > 0 && !slices.ContainsFunc(asked.actions, func(action string) bool {
		return !slices.ContainsFunc(trustActions, func(t string) bool { return strings.EqualFold(t, action) })
	})
	if err := s.setCaller(c, asked, source, trusting); err != nil {
		return nil, err
	}
	s.policies.Identity = source.documents()
	for i := range source.policies {
		s.add(policy.Identity, source.idOf(i), source.policies[i].Document)
	}
	brought, err := simulatedDocuments(policy.Identity, asked.policies)
	if err != nil {
		return nil, err
	}
	for i, document := range brought {
		s.policies.Identity = append(s.policies.Identity, document)
		s.add(policy.Identity, "PolicyInputList."+strconv.Itoa(i+1), document)
	}
	if s.policies.Boundary, err = simulatedDocuments(policy.Boundary, asked.boundary); err != nil {
		return nil, err
	}
	for i, document := range s.policies.Boundary {
		s.add(policy.Boundary, "PermissionsBoundaryPolicyInputList."+strconv.Itoa(i+1), document)
	}
	if err := s.setResourcePolicy(asked, trusting); err != nil {
		return nil, err
	}
	for _, e := range asked.entries {
		if e.multi {
			s.keys.SetMulti(e.name, e.values)
		} else {
			s.keys.Set(e.name, e.values[0])
		}
	}
	for _, key := range s.read.names {
		if _, _, present := s.keys.Get(key); !present {
			s.missing = append(s.missing, key)
		}
	}
	return s, nil
}

// add takes note of a document. Its keys count as missing until they are set,
// whatever action is simulated (aws-cli and boto3 users report so of AWS).
func (s *simulation) add(kind policy.Kind, id string, document *policy.Document) {
	s.sources = append(s.sources, simulatedPolicy{id, kind, document.StatementSpans()})
	s.read.add(document)
	s.size += len(document.String())
}

func (s *simulation) setResourcePolicy(asked *simulationInput, trusting bool) error {
	if asked.resourcePolicy == "" {
		return nil
	}
	kind := policy.Resource
	if trusting {
		kind = policy.Trust
	}
	document, err := simulatedDocument(kind, asked.resourcePolicy)
	if err != nil {
		return err
	}
	s.add(kind, "ResourcePolicy", document)
	if trusting {
		s.trust = document
	} else {
		s.policies.Resource = []*policy.Document{document}
	}
	return nil
}

// setCaller sets who asks, and the condition keys that say so. A resource's
// policy needs a caller to admit; AWS takes users only, Daypass also a role
// session and, for a trust policy, the identity provider of a token.
func (s *simulation) setCaller(c *awsapi.Call, asked *simulationInput, source *policySource, trusting bool) error {
	caller := asked.caller
	switch {
	case caller == "" && source.user != nil:
		caller = source.user.ARN
	case caller == "" && asked.resourcePolicy != "": // AWS's sentence is not known
		return invalidInput("CallerArn is required with ResourcePolicy: the policy's Principal needs someone to admit.")
	}
	s.principal.Account = source.account
	if source.role != nil {
		s.setRole(source.role.ARN, source.account)
	}
	a, err := arn.Parse(caller)
	_, isProvider := arn.OIDCProviderURL(caller)
	kind, rest, _ := strings.Cut(a.Resource, "/")
	name := rest[strings.LastIndexByte(rest, '/')+1:]
	switch {
	case caller == "":
	case isProvider && trusting:
		s.principal = policy.Principal{Federated: caller}
		s.keys.Reset()
	case err != nil || !arn.ValidAccount(a.Account) || name == "":
		return invalidCaller(caller)
	case a.Service == "iam" && kind == "user":
		s.principal = policy.Principal{ARN: caller, Account: a.Account}
		s.keys.Reset()
		s.setPrincipal(caller, a.Account, "User")
		s.keys.Set("aws:username", name)
		if user, ok := c.Snapshot.User(a.Account, name); ok && a.Account == c.Account && user.ARN == caller {
			s.principal.UniqueID = user.ID
			s.keys.Set("aws:userid", user.ID)
		}
	case a.Service == "sts" && kind == "assumed-role" && strings.Count(rest, "/") == 1:
		s.setSession(c, caller, a.Account, strings.TrimSuffix(rest, "/"+name), name)
	default:
		return invalidCaller(caller)
	}
	s.owner = s.principal.Account
	if asked.owner != "" {
		s.owner = asked.owner
	}
	return nil
}

// setSession is setCaller for a role session. The ARN of a session does not
// tell the path of its role.
func (s *simulation) setSession(c *awsapi.Call, session, account, roleName, name string) {
	roleARN := arn.Role(account, "/", roleName)
	role, known := c.Snapshot.Role(account, roleName)
	known = known && account == c.Account
	if known {
		roleARN = role.ARN
	}
	s.keys.Reset()
	s.setRole(roleARN, account)
	s.principal.ARN = session
	if known {
		s.principal.UniqueID = role.ID
		s.keys.Set("aws:userid", role.ID+":"+name)
	}
}

func (s *simulation) setRole(roleARN, account string) {
	s.principal = policy.Principal{RoleARN: roleARN, Account: account}
	s.setPrincipal(roleARN, account, "AssumedRole")
}

func (s *simulation) setPrincipal(principalARN, account, kind string) {
	s.keys.Set("aws:PrincipalArn", principalARN)
	s.keys.Set("aws:PrincipalAccount", account)
	s.keys.Set("aws:PrincipalType", kind)
}

// invalidCaller is a sentence of Daypass; AWS's is not known.
func invalidCaller(caller string) error {
	return invalidInput("Invalid CallerArn: " + caller + " is no ARN of a user, nor of a role session. For a trust policy, and sts actions only, it may be the ARN of an OpenID Connect provider.")
}

// cost is the work of one action, in characters of the policies compared with
// characters of the request: an upper bound, since few statements get as far.
// What each character of a policy costs without any comparison counts as 50.
func (s *simulation) cost(asked *simulationInput) int {
	request := 50 + len(asked.entries) // which are searched for each condition
	for _, e := range asked.entries {
		for _, value := range e.values {
			request += len(value)
		}
	}
	cost := 0
	for _, resource := range asked.resources {
		cost += max(1, s.size) * (request + len(resource))
	}
	return cost
}

// evaluate decides one action on each resource.
func (s *simulation) evaluate(action string, resources []string) simulationResult {
	result := simulationResult{action: action, missing: s.missing, specific: len(resources) > 1 || resources[0] != "*"}
	for _, resource := range resources {
		result.outcomes = append(result.outcomes, s.decide(action, resource))
	}
	return result
}

// decide is one decision by the engine that decides real requests. Without a
// resource's policy it tells of the caller's own, whoever owns the resource (IAM
// API Reference: ResourceOwner counts only with ResourcePolicy).
func (s *simulation) decide(action, resource string) simulationOutcome {
	policies := s.policies
	policies.ResourceAccount = s.principal.Account
	if s.trust != nil || len(policies.Resource) > 0 {
		policies.ResourceAccount = s.owner
		if a, err := arn.Parse(resource); err == nil && arn.ValidAccount(a.Account) {
			policies.ResourceAccount = a.Account
		}
	}
	request := policy.Request{Action: action, Resource: resource, Principal: s.principal, Context: &s.keys}
	var why policy.Reasons
	var answer policy.Evaluation
	if s.trust != nil {
		answer = policy.EvaluateTrust(&request, s.trust, &policies, &why)
	} else {
		answer = policy.Evaluate(&request, &policies, &why)
	}
	outcome := simulationOutcome{resource: resource, effect: answer.Effect}
	across := policies.ResourceAccount != s.principal.Account && s.principal.Federated == ""
	each := s.effects(&why)
	for _, kind := range [...]policy.Kind{policy.Identity, policy.Trust, policy.Resource, policy.Boundary} {
		effect, told := each[kind]
		if told && across {
			outcome.details = append(outcome.details, decisionDetail{sourceType(kind), effect})
		}
		if told && kind == policy.Boundary {
			outcome.bounded, outcome.withinBoundary = true, effect == policy.Allow
		}
	}
	outcome.matched = s.matched(answer.Effect, &why)
	return outcome
}

// effects is what the documents of each kind say on their own.
func (s *simulation) effects(why *policy.Reasons) map[policy.Kind]policy.Effect {
	effects := map[policy.Kind]policy.Effect{}
	for i := range s.sources {
		effects[s.sources[i].kind] = policy.ImplicitDeny
	}
	for i := range why.Statements {
		st := &why.Statements[i]
		kind := s.sources[st.Document].kind
		switch {
		case !st.Matched:
		case st.Effect == "Deny":
			effects[kind] = policy.ExplicitDeny
		case effects[kind] == policy.ImplicitDeny:
			effects[kind] = policy.Allow
		}
	}
	return effects
}

// matched lists the statements that determine the result: of an explicit deny
// the Denies alone, otherwise the Allows (IAM API Reference, EvaluationResult).
// A permissions boundary allows nothing by itself and is told of only where it
// denies.
func (s *simulation) matched(effect policy.Effect, why *policy.Reasons) []matchedStatement {
	wanted := "Allow"
	if effect == policy.ExplicitDeny {
		wanted = "Deny"
	}
	var list []matchedStatement
	for i := range why.Statements {
		st := &why.Statements[i]
		source := &s.sources[st.Document]
		if !st.Matched || st.Effect != wanted || wanted == "Allow" && source.kind == policy.Boundary {
			continue
		}
		m := matchedStatement{policy: source.id, kind: sourceType(source.kind)}
		if st.Statement >= 0 && st.Statement < len(source.spans) {
			m.span = source.spans[st.Statement]
		}
		list = append(list, m)
	}
	return list
}

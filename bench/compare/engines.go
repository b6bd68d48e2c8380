package compare

import (
	"fmt"

	"github.com/cedar-policy/cedar-go"
	versity "github.com/versity/versitygw/iamapi/policy"
	versitytypes "github.com/versity/versitygw/iamapi/types"

	"github.com/daypass/daypass/internal/policy"
)

// engine makes a scenario ready and returns the decision to be timed: what it
// prepares is not timed. The decision tells the three outcomes apart.
type engine struct {
	name    string
	prepare func(scenario) (decide func() outcome, err error)
}

func engines() []engine {
	return []engine{
		{"daypass", prepareDaypass},
		{"cedar-go", prepareCedar},
		{"versitygw", prepareVersity},
		{"daypass-parsing", prepareDaypassParsing},
	}
}

func daypassRequest(r request) *policy.Request {
	keys := &policy.Context{}
	keys.Set(subjectKey, r.subject)
	return &policy.Request{Action: r.action, Resource: r.resource, Context: keys}
}

func daypassOutcome(d policy.Decision) outcome {
	switch d.Effect {
	case policy.Allow:
		return allow
	case policy.ExplicitDeny:
		return explicitDeny
	default:
		return implicitDeny
	}
}

func prepareDaypass(s scenario) (func() outcome, error) {
	document, err := policy.Parse(policy.Identity, iamDocument(s.rules()))
	if err != nil {
		return nil, err
	}
	documents := []*policy.Document{document}
	request := daypassRequest(s.request())
	return func() outcome { return daypassOutcome(policy.Decide(request, documents, nil)) }, nil
}

// prepareDaypassParsing denies explicitly what cannot be parsed, as Decide does
// with a nil document.
func prepareDaypassParsing(s scenario) (func() outcome, error) {
	text := iamDocument(s.rules())
	request := daypassRequest(s.request())
	return func() outcome {
		document, err := policy.Parse(policy.Identity, text)
		if err != nil {
			return explicitDeny
		}
		return daypassOutcome(policy.Decide(request, []*policy.Document{document}, nil))
	}, nil
}

func prepareCedar(s scenario) (func() outcome, error) {
	policies, err := cedar.NewPolicySetFromBytes("rules.cedar", []byte(cedarPolicies(s.rules())))
	if err != nil {
		return nil, err
	}
	r := s.request()
	request := cedar.Request{
		Principal: cedar.NewEntityUID("Job", "1"),
		Action:    cedar.NewEntityUID("Action", cedar.String(r.action)),
		Resource:  cedar.NewEntityUID("Object", cedar.String(r.resource)),
		Context: cedar.NewRecord(cedar.RecordMap{
			"resource": cedar.String(r.resource),
			"subject":  cedar.String(r.subject),
		}),
	}
	entities := cedar.EntityMap{}
	if _, diagnostic := cedar.Authorize(policies, entities, request); len(diagnostic.Errors) > 0 {
		return nil, fmt.Errorf("compare: cedar-go: %v", diagnostic.Errors[0])
	}
	return func() outcome {
		decision, diagnostic := cedar.Authorize(policies, entities, request)
		switch {
		case decision == cedar.Allow:
			return allow
		case len(diagnostic.Reasons) > 0: // the policies that forbid
			return explicitDeny
		default:
			return implicitDeny
		}
	}, nil
}

func prepareVersity(s scenario) (func() outcome, error) {
	text := iamDocument(s.rules())
	if err := versity.Parse(text); err != nil {
		return nil, err
	}
	documents := []versitytypes.PolicyEntry{{PolicyName: "rules", PolicyDocument: text}}
	r := s.request()
	request := versity.RequestContext{
		Action: r.action, Resource: r.resource,
		Condition: map[string][]string{subjectKey: {r.subject}},
	}
	return func() outcome {
		switch versity.EvaluateIdentityPolicies(documents, request) {
		case versity.DecisionAllow:
			return allow
		case versity.DecisionNoMatch:
			return implicitDeny
		default:
			return explicitDeny
		}
	}, nil
}

package iam

import (
	"strconv"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
)

// simulationResults is the reply of the two simulating operations. The order of
// its elements is that of the replies in the API Reference.
type simulationResults struct {
	results []simulationResult
	next    string
}

// simulationResult is about one action.
type simulationResult struct {
	action   string
	missing  []string
	specific bool // resources were named, and each is told of on its own
	outcomes []simulationOutcome
}

// simulationOutcome is about one action on one resource.
type simulationOutcome struct {
	resource                string
	effect                  policy.Effect
	matched                 []matchedStatement
	bounded, withinBoundary bool             // there is a permissions boundary; it allows
	details                 []decisionDetail // across accounts only
}

// decisionDetail is what the policies of one kind say on their own.
type decisionDetail struct {
	kind   string
	effect policy.Effect
}

type matchedStatement struct {
	policy, kind string
	span         policy.Span // zero for a policy that cannot be read
}

// WriteXML implements awsapi.Result.
func (r simulationResults) WriteXML(x *awsapi.XML) {
	writeNext(x, r.next)
	x.Open("EvaluationResults")
	for i := range r.results {
		x.Open("member")
		r.results[i].write(x)
		x.Close()
	}
	x.Close()
}

// write tells of the action, and of each resource by itself where resources were
// named. For several, the decision on the action is the worst of them, and no
// resource is named; AWS names a pattern of the action's resource type there,
// for which Daypass has no table.
func (r *simulationResult) write(x *awsapi.XML) {
	worst := 0
	for i := range r.outcomes {
		if worse(r.outcomes[i].effect, r.outcomes[worst].effect) {
			worst = i
		}
	}
	whole := r.outcomes[worst]
	if len(r.outcomes) > 1 {
		whole.matched, whole.details, whole.resource = nil, nil, ""
	}
	if whole.effect == policy.ImplicitDeny {
		whole.matched = nil
	}
	if r.specific {
		whole.writeDetails(x)
	}
	whole.write(x, r.missing)
	if whole.resource != "" {
		x.Text("EvalResourceName", whole.resource)
	}
	x.Text("EvalDecision", decisionWord(whole.effect))
	x.Text("EvalActionName", r.action)
	if !r.specific {
		return
	}
	x.Open("ResourceSpecificResults")
	for i := range r.outcomes {
		o := &r.outcomes[i]
		x.Open("member")
		if len(o.details) > 0 {
			o.writeDetails(x)
		}
		o.write(x, r.missing)
		x.Text("EvalResourceDecision", decisionWord(o.effect))
		x.Text("EvalResourceName", o.resource)
		x.Close()
	}
	x.Close()
}

// worse orders effects from Allow over ImplicitDeny to ExplicitDeny.
func worse(a, b policy.Effect) bool {
	return a != b && (b == policy.Allow || a == policy.ExplicitDeny)
}

// writeDetails is present and empty within one account (API Reference,
// EvaluationResult).
func (o *simulationOutcome) writeDetails(x *awsapi.XML) {
	x.Open("EvalDecisionDetails")
	for _, d := range o.details {
		x.Open("entry")
		x.Text("key", d.kind)
		x.Text("value", decisionWord(d.effect))
		x.Close()
	}
	x.Close()
}

// write writes what results of both kinds have.
func (o *simulationOutcome) write(x *awsapi.XML, missing []string) {
	if o.bounded {
		x.Open("PermissionsBoundaryDecisionDetail")
		x.Bool("AllowedByPermissionsBoundary", o.withinBoundary)
		x.Close()
	}
	x.Open("MatchedStatements")
	for _, m := range o.matched {
		x.Open("member")
		x.Text("SourcePolicyId", m.policy)
		x.Text("SourcePolicyType", m.kind)
		if m.span != (policy.Span{}) {
			writePosition(x, "StartPosition", m.span.Start)
			writePosition(x, "EndPosition", m.span.End)
		}
		x.Close()
	}
	x.Close()
	x.Texts("MissingContextValues", missing)
}

func writePosition(x *awsapi.XML, name string, p policy.Position) {
	x.Open(name)
	x.Text("Line", strconv.Itoa(p.Line))
	x.Text("Column", strconv.Itoa(p.Column))
	x.Close()
}

// decisionWord is the word of the service model.
func decisionWord(e policy.Effect) string {
	switch e {
	case policy.Allow:
		return "allowed"
	case policy.ExplicitDeny:
		return "explicitDeny"
	default:
		return "implicitDeny"
	}
}

// sourceType is the word for a kind of policy, in SourcePolicyType and in
// EvalDecisionDetails. These are the words of the API Reference's replies; the
// service model has others.
func sourceType(kind policy.Kind) string {
	switch kind {
	case policy.Resource, policy.Trust:
		return "Resource Policy"
	case policy.Boundary:
		return "Permissions Boundary Policy"
	default:
		return "IAM Policy"
	}
}

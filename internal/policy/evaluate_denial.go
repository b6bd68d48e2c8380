package policy

// Denial is a request that was denied, for AWS's sentence about it.
type Denial struct {
	// Caller is the ARN of the user or the session.
	Caller string
	// Action and Resource are those of the request. An empty Resource is not
	// told: of some actions that have none, AWS says nothing in its place.
	Action, Resource string
	// Evaluation is the answer. One that allows is told as one that does not.
	Evaluation Evaluation
	// Policy is the ARN of the managed policy that denied explicitly, empty for
	// a policy that has none. It is told since January 2026, where caller and
	// policy are of one account.
	Policy string
}

// String is AWS's sentence (IAM User Guide, "Troubleshoot access denied error
// messages"). It names the kind of policy that decided and, of an explicit
// deny, the managed policy.
func (d *Denial) String() string {
	text := "User: " + d.Caller + " is not authorized to perform: " + d.Action
	if d.Resource != "" {
		text += " on resource: " + d.Resource
	}
	kind := d.Evaluation.Kind
	if kind == 0 { // the zero Evaluation, for which nothing was asked
		kind = Identity
	}
	if d.Evaluation.Effect != ExplicitDeny {
		return text + " because no " + kind.String() + " allows the " + d.Action + " action"
	}
	in := kind.noun()
	if kind == Trust { // a role has but one
		in = "the " + kind.String()
	}
	text += " with an explicit deny in " + in
	if d.Policy != "" {
		text += ": " + d.Policy
	}
	return text
}

package explain

import (
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/policy"
)

// PermissionQuestion is a request of a user or of a role's session, and the policies that
// apply to it.
type PermissionQuestion struct {
	Request  *policy.Request
	Policies *policy.Policies
	// Inline are the principal's own inline policies: the first of Policies.Identity,
	// in the same order. Only they are changed, since others may have a managed policy
	// as well.
	Inline []InlinePolicy
	// Names are those of all documents, in the order in which Evaluate counts them.
	Names []string
}

// InlinePolicy is one with its text.
type InlinePolicy struct{ Name, Text string }

// PermissionFix is a change of one inline policy under which the principal may do
// what was asked, on what it was asked, and no more: of what it may do already, a
// condition alone can be widened for other actions of its statement, and Warning
// says so.
type PermissionFix struct {
	PolicyName string
	Steps      []string // what is changed, a sentence each without a full stop
	Before     string   // "" where the policy is new
	Policy     string   // the whole policy after the change
	Warning    string   // what to think of before; "" where there is nothing
}

// PermissionReport says what the policies make of a request, and what would have to
// change.
type PermissionReport struct {
	Allowed bool
	// Notes say what stands in the way, a sentence each without a full stop.
	Notes []string
	// Fix is nil where there is no change of the principal's policies to recommend:
	// where a Deny decided, or what limits the principal, or where a condition holds it
	// back that takes no value more. Evaluate has allowed the request under the fix.
	Fix *PermissionFix
}

// Refusal looks for the smallest change that allows a request. It does no
// I/O.
func Refusal(p *PermissionQuestion) *PermissionReport {
	reasons := &policy.Reasons{}
	e := policy.Evaluate(p.Request, p.Policies, reasons)
	r := &PermissionReport{Allowed: e.Allowed()}
	switch {
	case r.Allowed:
	case e.Effect == policy.ExplicitDeny:
		r.Notes = append(r.Notes, p.name(e.Document)+" denies it explicitly, which no policy that allows outweighs")
	case e.Kind != policy.Identity:
		r.Notes = append(r.Notes, beyond(e.Kind))
	default:
		r.Fix = p.fix(reasons, r)
	}
	return r
}

// beyond says that what limits the principal does not allow a request.
func beyond(kind policy.Kind) string {
	return "the " + kind.String() + " does not allow it, and no policy of the principal can allow more than that"
}

func (p *PermissionQuestion) name(document int) string {
	if document < 0 || document >= len(p.Names) {
		return "a policy"
	}
	return p.Names[document]
}

// fix notes in the report why there is none.
func (p *PermissionQuestion) fix(reasons *policy.Reasons, r *PermissionReport) *PermissionFix {
	// A condition that keeps an Allow from counting was put there to do so: it is
	// widened, or nothing is, and no statement is written past it.
	held := heldBack(reasons)
	if held != nil && held.Document >= len(p.Inline) {
		r.Notes = append(r.Notes, p.name(held.Document)+" allows it under a condition that is not met; others may have that policy too")
		return nil
	}
	at := 0
	switch nearest := nearestOwn(reasons, len(p.Inline)); {
	case held != nil:
		at = held.Document
	case nearest != nil:
		at = nearest.Document
		held = nearest
	}
	fix := &PermissionFix{PolicyName: p.newName()}
	if len(p.Inline) > 0 {
		fix.PolicyName, fix.Before = p.Inline[at].Name, p.Inline[at].Text
	}
	w := &widening{edit: edit{text: fix.Before}, request: p.Request, fix: fix}
	w.widen(held)
	fix.Steps, fix.Policy = w.steps, w.text
	after := p.under(at, fix.Policy)
	if w.stuck || !after.Allowed() {
		if !w.stuck && (after.Kind == policy.Boundary || after.Kind == policy.Session) {
			r.Notes = append(r.Notes, beyond(after.Kind))
		}
		if held != nil && held.Action.Matched && held.Resource.Matched {
			r.Notes = append(r.Notes, p.name(held.Document)+" allows it under a condition that is not met")
		}
		return nil
	}
	if strings.HasPrefix(strings.ToLower(p.Request.Action), "iam:") && fix.Warning == "" {
		fix.Warning = "who may change what IAM holds can often give itself more"
	}
	return fix
}

// heldBack is the first Allow of an identity policy that names action and resource,
// and whose conditions are not met.
func heldBack(reasons *policy.Reasons) *policy.StatementReason {
	for i := range reasons.Statements {
		s := &reasons.Statements[i]
		if s.Kind == policy.Identity && s.Effect == "Allow" && !s.Matched && s.Statement >= 0 && s.Action.Matched && s.Resource.Matched {
			return s
		}
	}
	return nil
}

// nearestOwn is the Allow of an inline policy that came nearest.
func nearestOwn(reasons *policy.Reasons, inline int) *policy.StatementReason {
	own := policy.Reasons{Statements: slices.Clone(reasons.Statements)}
	own.Statements = slices.DeleteFunc(own.Statements, func(s policy.StatementReason) bool {
		return s.Kind != policy.Identity || s.Document >= inline || s.Statement < 0
	})
	return own.Nearest()
}

// newName is that of a policy where there is none yet.
func (p *PermissionQuestion) newName() string {
	return "allow-" + strings.ReplaceAll(p.Request.Action, ":", "-")
}

// under is the decision with an inline policy changed, or a first one. The zero
// Evaluation, which denies, is that of what is no policy.
func (p *PermissionQuestion) under(at int, text string) policy.Evaluation {
	document, err := policy.Parse(policy.Identity, text)
	if err != nil {
		return policy.Evaluation{}
	}
	changed := *p.Policies
	changed.Identity = slices.Clone(p.Policies.Identity)
	if len(p.Inline) == 0 {
		changed.Identity = append(changed.Identity, document)
	} else {
		changed.Identity[at] = document
	}
	return policy.Evaluate(p.Request, &changed, nil)
}

// widening is an inline policy that is being made to allow a request.
type widening struct {
	edit

	request *policy.Request
	fix     *PermissionFix
}

// widen changes the statement where that allows nothing but what was asked, and adds
// one otherwise.
func (w *widening) widen(s *policy.StatementReason) {
	resource := literal(w.request.Resource)
	if s != nil {
		w.statement = s.Statement
		met := !slices.ContainsFunc(s.Conditions, func(c policy.ConditionReason) bool { return !c.Matched })
		switch {
		case s.Action.Matched && s.Resource.Matched:
			w.conditions(s)
			return
		case met && s.Action.Matched && only(&s.Action, "Action", w.request.Action) && s.Resource.Element == "Resource":
			w.append("allow it on "+w.request.Resource+" as well", resource, "Resource")
			return
		case met && s.Resource.Matched && only(&s.Resource, "Resource", resource) && s.Action.Element == "Action":
			w.append("allow "+w.request.Action+" as well", w.request.Action, "Action")
			return
		}
	}
	statement := `{"Effect": "Allow", "Action": ` + quoted(w.request.Action) + `, "Resource": ` + quoted(resource) + `}`
	step := "allow " + w.request.Action + " on " + w.request.Resource
	if w.text == "" {
		w.text = `{"Version": "2012-10-17", "Statement": [` + statement + `]}`
		w.steps = append(w.steps, step)
		return
	}
	w.add(step, statement)
}

// conditions adds to each condition that failed the value that the request has.
func (w *widening) conditions(s *policy.StatementReason) {
	for i := range s.Conditions {
		c := &s.Conditions[i]
		if c.Matched {
			continue
		}
		if len(c.Got) != 1 || !takesValue(c, c.Got[0]) {
			w.stuck = true
			return
		}
		w.append("admit "+c.Got[0]+" for "+c.Key+" as well", c.Got[0], "Condition", c.Operator, c.Key)
	}
	if !only(&s.Action, "Action", w.request.Action) || !only(&s.Resource, "Resource", literal(w.request.Resource)) {
		w.fix.Warning = "the condition is widened for all that its statement allows, not for this request alone"
	}
}

// only reports whether an element has one value, that stands for itself alone.
func only(e *policy.ElementReason, name, value string) bool {
	return e.Element == name && len(e.Wanted) == 1 && strings.EqualFold(e.Wanted[0], value) && (e.Element == "Action" || e.Wanted[0] == value)
}

// literal writes what a policy would take for a wildcard or a variable so that it
// stands for itself (IAM User Guide, "IAM policy elements: Variables and tags",
// policy variables for special characters). "*" alone is all there is of a request
// that has no resource.
func literal(resource string) string {
	if resource == "*" {
		return resource
	}
	return strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}").Replace(resource)
}

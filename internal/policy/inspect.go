package policy

import "strings"

// StatementView is one statement of a document, to be read and not to be
// decided by: it is for checks on what a document says, such as the controls on
// writing a trust policy. Decide is the only way to a decision.
type StatementView struct{ s *statement }

// Statements gives a view of each statement, in the document's order. A nil and
// a zero Document have none.
func (d *Document) Statements() []StatementView {
	if d == nil {
		return nil
	}
	views := make([]StatementView, len(d.statements))
	for i := range d.statements {
		views[i] = StatementView{&d.statements[i]}
	}
	return views
}

// Denies reports whether the Effect is Deny.
func (v StatementView) Denies() bool { return v.s.deny }

// Covers reports whether Action or NotAction covers an action, by the rules of
// Decide.
func (v StatementView) Covers(action string) bool {
	return v.s.action != nil && v.s.action.match(action)
}

// Actions gives the patterns of Action or NotAction, as written.
func (v StatementView) Actions() []string {
	if v.s.action == nil {
		return nil
	}
	return append([]string(nil), v.s.action.written...)
}

// ActionElement is "Action" or "NotAction", as written; ResourceElement is
// "Resource" or "NotResource". They are empty where there is neither.
func (v StatementView) ActionElement() string {
	if v.s.action == nil {
		return ""
	}
	return elementName("Action", v.s.action.not)
}

// ResourceElement is described at ActionElement.
func (v StatementView) ResourceElement() string {
	if v.s.resource == nil {
		return ""
	}
	return elementName("Resource", v.s.resource.not)
}

func elementName(name string, not bool) string {
	if not {
		return "Not" + name
	}
	return name
}

// Resources gives the patterns of Resource or NotResource, as written.
func (v StatementView) Resources() []string {
	if v.s.resource == nil {
		return nil
	}
	return append([]string(nil), v.s.resource.written...)
}

// Everyone reports whether Principal names no one in particular: it is "*", or a
// NotPrincipal. Conditions are not looked at.
func (v StatementView) Everyone() bool {
	p := v.s.principal
	return p != nil && (p.not || p.anyone)
}

// Federated gives the names under Principal's Federated, as written: the ARNs
// of identity providers, and the domain names of those that AWS knows.
func (v StatementView) Federated() []string {
	if v.s.principal == nil {
		return nil
	}
	return append([]string(nil), v.s.principal.federated...)
}

// ConditionView is one operator applied to one key.
type ConditionView struct {
	Operator string   // as written, with prefix and IfExists
	Key      string   // as written
	Values   []string // as written; never empty
}

// Conditions gives the conditions in the document's order.
func (v StatementView) Conditions() []ConditionView {
	views := make([]ConditionView, len(v.s.conditions))
	for i := range v.s.conditions {
		c := &v.s.conditions[i]
		views[i] = ConditionView{Operator: c.written, Key: c.key}
		for j := range c.values {
			views[i].Values = append(views[i].Values, c.values[j].text)
		}
	}
	return views
}

// Reads reports whether the document asks, in a condition or in a policy
// variable, for a condition key whose name begins with prefix: what is costly to
// find out need only be found out then. It may say so of a text that only looks
// like a variable.
func (d *Document) Reads(prefix string) bool {
	if d == nil {
		return false
	}
	for i := range d.statements {
		s := &d.statements[i]
		for j := range s.conditions {
			c := &s.conditions[j]
			if len(c.key) >= len(prefix) && equalASCIIFold(c.key[:len(prefix)], prefix) {
				return true
			}
			for k := range c.values {
				if holdsVariable(c.values[k].text, prefix) {
					return true
				}
			}
		}
		if s.resource != nil {
			for _, written := range s.resource.written {
				if holdsVariable(written, prefix) {
					return true
				}
			}
		}
	}
	return false
}

// holdsVariable reports whether text holds a policy variable of such a name.
func holdsVariable(text, prefix string) bool {
	for {
		_, rest, found := strings.Cut(text, "${")
		if !found {
			return false
		}
		if len(rest) >= len(prefix) && equalASCIIFold(rest[:len(prefix)], prefix) {
			return true
		}
		text = rest
	}
}

package policy

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

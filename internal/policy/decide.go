package policy

// Decide answers one request by all documents that apply to it. A statement
// that denies outweighs every one that allows; where none matches, the answer
// is no (IAM User Guide, "Policy evaluation logic"). The order of documents and
// of statements never changes the effect.
//
// A nil *Document stands for one that could not be read. It denies explicitly,
// because what was in it may have been a Deny.
//
// With why, every statement and condition is looked at and told; what why held
// before is overwritten. With nil, Decide stops where the answer is known, looks
// in a long document only at statements that can match, and does not allocate,
// unless policy variables put in more text than fits on the stack. The decision
// is the same.
func Decide(r *Request, docs []*Document, why *Reasons) Decision {
	if r == nil {
		r = &Request{}
	}
	decision := Decision{Document: -1, Statement: -1}
	if why != nil {
		*why = Reasons{Statements: []StatementReason{}}
	}
	for i, d := range docs {
		if d == nil || d.kind == 0 {
			decision.meet(ExplicitDeny, i, -1)
			if why == nil {
				return decision
			}
			why.Statements = append(why.Statements, StatementReason{Document: i, Statement: -1, Effect: "Deny", Matched: true, Conditions: []ConditionReason{}})
			continue
		}
		if why == nil && d.index != nil {
			d.decideByIndex(r, i, &decision)
			if decision.Effect == ExplicitDeny {
				return decision
			}
			continue
		}
		for j := range d.statements {
			s := &d.statements[j]
			if !s.matches(r, why.statement(i, j, s)) {
				continue
			}
			if !s.deny {
				decision.meet(Allow, i, j)
				continue
			}
			decision.meet(ExplicitDeny, i, j)
			if why == nil {
				return decision
			}
		}
	}
	if why != nil {
		why.Decision = decision
	}
	return decision
}

// decideByIndex is Decide for one long document. The index gives statements in
// no order, so that what counts is the first Deny of those that match, otherwise
// the first Allow.
func (d *Document) decideByIndex(r *Request, document int, decision *Decision) {
	none := int32(len(d.statements))
	firstDeny, firstAllow := none, none
	if decision.Effect == Allow {
		firstAllow = -1 // an earlier document's: no Allow here comes before it
	}
	d.index.visit(r, func(j int32) {
		s := &d.statements[j]
		first := &firstAllow
		if s.deny {
			first = &firstDeny
		}
		if j < *first && (s.deny || firstDeny == none) && s.matches(r, nil) {
			*first = j
		}
	})
	switch {
	case firstDeny < none:
		decision.meet(ExplicitDeny, document, int(firstDeny))
	case 0 <= firstAllow && firstAllow < none:
		decision.meet(Allow, document, int(firstAllow))
	}
}

// meet takes note of a statement that matched. An explicit deny displaces an
// allow, and nothing else displaces anything.
func (d *Decision) meet(effect Effect, document, statement int) {
	if d.Effect == ImplicitDeny || effect == ExplicitDeny && d.Effect == Allow {
		*d = Decision{Effect: effect, Document: document, Statement: statement}
	}
}

// matches reports whether the statement applies to the request. With why it
// looks at every element; with nil it stops at the first that does not match.
func (s *statement) matches(r *Request, why *StatementReason) bool {
	matched := true
	if s.principal != nil {
		if !s.principal.match(&r.Principal, s.deny) {
			matched = false
		}
		why.setPrincipal(s.principal, &r.Principal, matched)
	}
	if s.action != nil && (matched || why != nil) {
		ok := s.action.match(r.Action)
		why.setAction(s.action, r.Action, ok)
		matched = matched && ok
	}
	if s.resource != nil && (matched || why != nil) {
		ok := s.resource.match(r.Resource, r.Context, s.deny)
		why.setResource(s.resource, r, ok)
		matched = matched && ok
	}
	for i := 0; i < len(s.conditions) && (matched || why != nil); i++ {
		c := &s.conditions[i]
		ok := c.matches(r.Context, s.deny)
		why.addCondition(c, r.Context, ok)
		matched = matched && ok
	}
	why.setMatched(matched)
	return matched
}

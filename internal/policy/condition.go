package policy

import "strings"

// condition is one operator applied to one key.
type condition struct {
	operator operator
	written  string // the operator as written
	key      string // as written
	values   []wantedValue
}

// matches reports whether the request meets the condition. Where the key has
// several values or is absent, the rules are those of IAM User Guide, "Condition
// with multiple context keys or values", "…IfExists condition operators" and
// "Multivalued context keys".
//
// Deny is the effect of the statement; it counts where a wanted ARN is none.
func (c *condition) matches(keys *Context, deny bool) bool {
	got, multi, present := keys.Get(c.key)
	op := &c.operator
	switch {
	case op.test == null:
		return c.wantsNull(!present)
	case !present && op.ifExists:
		return true
	case !present && op.set == scalar:
		return op.negated
	}
	switch op.set {
	case forAllValues: // also of no value
		for i := range got {
			if !c.admits(got[i], keys, deny) {
				return false
			}
		}
		return true
	case forAnyValue:
		for i := range got {
			if c.admits(got[i], keys, deny) {
				return true
			}
		}
		return false
	default:
		// A multivalued key never meets an operator without a prefix, be it
		// negated or IfExists, be there only one value (published captures of AWS, 2026).
		return !multi && len(got) == 1 && c.admits(got[0], keys, deny)
	}
}

func (c *condition) wantsNull(absent bool) bool {
	for i := range c.values {
		if c.values[i].truth == absent {
			return true
		}
	}
	return false
}

// admits takes one value of the request: one of the wanted values must match
// it, or none where the operator is negated.
//
// A wanted ARN that is none, which a session policy or a variable can bring,
// ends the comparison where it stands in the list: an Allow does not apply then,
// and a Deny does (published captures of AWS, 2026).
func (c *condition) admits(got string, keys *Context, deny bool) bool {
	var value requestValue
	if !value.read(c.operator.test, got) {
		return false
	}
	for i := range c.values {
		switch c.values[i].match(&c.operator, &value, keys) {
		case fits:
			return !c.operator.negated
		case broken:
			return deny
		}
	}
	return c.operator.negated
}

func (p *parser) readConditions(n *node, s *statement) error {
	if n.shape != isObject {
		return p.refuse(n.offset, "Condition", syntaxErrors, "Condition is an object {operator: {key: value}}, not %s", n.shape)
	}
	for i := range n.members {
		m := &n.members[i]
		op, fault := parseOperator(m.name)
		if fault != "" {
			return p.refuse(m.offset, "Condition", syntaxErrors, "%q: %s", m.name, fault)
		}
		if m.value.shape != isObject || len(m.value.members) == 0 {
			return p.refuse(m.value.offset, "Condition", syntaxErrors, "%s takes an object {key: value} with at least one key", m.name)
		}
		for j := range m.value.members {
			c := condition{operator: op, written: m.name}
			if err := p.readCondition(&m.value.members[j], &c); err != nil {
				return err
			}
			s.conditions = append(s.conditions, c)
		}
	}
	return nil
}

func (p *parser) readCondition(m *member, c *condition) error {
	c.key = m.name
	if vendor, name, ok := strings.Cut(m.name, ":"); !ok || vendor == "" || name == "" {
		return p.refuse(m.offset, "Condition", unprefaced, "the condition key %q names no service or provider; write one in front, such as aws:PrincipalArn or gitlab.example.com:sub", m.name)
	}
	if p.variables && strings.Contains(m.name, "${") {
		return p.refuse(m.offset, "Condition", syntaxErrors, "the condition key %q holds a policy variable; a key is written out, only its value may hold variables", m.name)
	}
	list := []node{m.value}
	if m.value.shape == isArray {
		list = m.value.items
	}
	if len(list) == 0 { // AWS stores it; what it then decides is not known
		return p.refuse(m.value.offset, "Condition", syntaxErrors, "%s %q wants an empty list of values; name one", c.written, c.key)
	}
	for i := range list {
		n := &list[i]
		if n.shape != isString && n.shape != isLiteral {
			return p.refuse(n.offset, "Condition", syntaxErrors, "%s %q wants a string, number or boolean, or a list of these, and holds %s", c.written, c.key, n.shape)
		}
		v, fault := p.compileValue(&c.operator, n.text)
		if fault != "" {
			return p.refuse(n.offset, "Condition", p.badValue(c.operator.test), "%s %q: %q %s", c.written, c.key, n.text, fault)
		}
		c.values = append(c.values, v)
	}
	return nil
}

// badValue is the sentence for a value that the operator does not take. Of a date
// in an identity policy it was recorded on AWS; of the others that are no text it
// is taken to be the same.
func (p *parser) badValue(t test) string {
	switch t {
	case numeric, date, ipAddress, arnLike, binary:
		if p.precedence != nil {
			return legacyParsing
		}
	}
	return syntaxErrors
}

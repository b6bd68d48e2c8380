package policy

import "sort"

// statement is one statement, compiled. It applies to a request when all of
// principal, action, resource and conditions match it.
type statement struct {
	sid        string
	deny       bool
	line       int
	principal  *principalElement // nil where the kind has none
	action     *actionElement
	resource   *resourceElement // nil where the kind has none
	conditions []condition
}

func (p *parser) readStatement(n *node, s *statement) error {
	if n.shape != isObject {
		return p.refuse(n.offset, "Statement", syntaxErrors, "a statement is an object, not %s", n.shape)
	}
	s.line = p.lines.line(n.offset)
	if err := p.readSid(n, s); err != nil {
		return err
	}
	present := make(map[string]bool, len(n.members))
	for i := range n.members {
		m := &n.members[i]
		present[m.name] = true
		if err := p.readElement(m, s); err != nil {
			return err
		}
	}
	return p.requireElements(n, present, s)
}

// readSid comes before the other elements, so that their errors can name it.
func (p *parser) readSid(n *node, s *statement) error {
	for i := range n.members {
		m := &n.members[i]
		if m.name != "Sid" {
			continue
		}
		if m.value.shape != isString {
			return p.refuse(m.value.offset, "Sid", syntaxErrors, "Sid is a string, not %s", m.value.shape)
		}
		sid := m.value.text
		for j := range len(sid) {
			if !isAlphanumeric(sid[j]) {
				return p.refuse(m.value.offset, "Sid", p.badSid, "the Sid %q holds more than the letters A to Z, a to z and digits", sid)
			}
		}
		if sid != "" && p.sids[sid] {
			return p.refuse(m.value.offset, "Sid", p.sameSid, "the Sid %q stands on two statements; rename one", sid)
		}
		p.sids[sid] = true
		s.sid, p.sid = sid, sid
	}
	return nil
}

func (p *parser) readElement(m *member, s *statement) error {
	switch m.name {
	case "Sid":
		return nil
	case "Effect":
		return p.readEffect(&m.value, s)
	case "Principal", "NotPrincipal":
		if !p.principal {
			return p.refuse(m.offset, m.name, p.prohibited(m.name), "%s holds no %s: it applies to whom it is attached to; remove the element", p.kind.noun(), m.name)
		}
		return p.readPrincipal(m, s)
	case "Action", "NotAction":
		return p.readAction(m, s)
	case "Resource", "NotResource":
		if !p.resource {
			return p.refuse(m.offset, m.name, p.prohibited(m.name), "%s holds no %s: its resource is the role; remove the element", p.kind.noun(), m.name)
		}
		return p.readResource(m, s)
	case "Condition":
		return p.readConditions(&m.value, s)
	default:
		known := []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
		return p.refuse(m.offset, m.name, syntaxErrors, "%q is no element of a statement%s", m.name, didYouMean(m.name, known))
	}
}

func (p *parser) readEffect(n *node, s *statement) error {
	if n.shape != isString || n.text != "Allow" && n.text != "Deny" {
		message := syntaxErrors
		if p.kind != Trust && p.kind != Resource && n.shape == isString && (equalASCIIFold(n.text, "Allow") || equalASCIIFold(n.text, "Deny")) {
			message = legacyParsing
		}
		return p.refuse(n.offset, "Effect", message, "Effect is \"Allow\" or \"Deny\", written so")
	}
	s.deny = n.text == "Deny"
	return nil
}

// requireElements refuses a statement that lacks an element of its kind. An
// element that is absent would otherwise match everything.
func (p *parser) requireElements(n *node, present map[string]bool, s *statement) error {
	type need struct {
		wanted         bool
		element, other string
	}
	for _, need := range [...]need{
		{true, "Effect", ""},
		{p.principal, "Principal", "NotPrincipal"},
		{true, "Action", "NotAction"},
		{p.resource, "Resource", "NotResource"},
	} {
		switch {
		case !need.wanted:
		case present[need.element] && present[need.other]:
			return p.refuse(n.offset, need.other, syntaxErrors, "the statement has both %s and %s; keep one", need.element, need.other)
		case !present[need.element] && !present[need.other]:
			return p.refuse(n.offset, need.element, p.missing(need.element), "the statement has no %s; add it", need.element)
		}
	}
	if s.principal != nil && s.principal.not && !s.deny {
		return p.refuse(n.offset, "NotPrincipal", "Allow with NotPrincipal is not allowed.",
			"an Allow with NotPrincipal would admit everyone else, strangers too; name in Principal who is meant")
	}
	return nil
}

func isAlphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
}

// didYouMean proposes the known name that differs in the case of letters only;
// otherwise it lists them all.
func didYouMean(name string, known []string) string {
	for _, k := range known {
		if equalASCIIFold(k, name) {
			return "; write " + k + ", the case of letters counts"
		}
	}
	list := append([]string(nil), known...)
	sort.Strings(list)
	text := "; known are "
	for i, k := range list {
		if i > 0 {
			text += ", "
		}
		text += k
	}
	return text
}

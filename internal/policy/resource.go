package policy

import "strings"

// resourceElement is Resource or NotResource. A resource is one pattern over
// the whole ARN, in which the case of letters counts (IAM User Guide, "IAM JSON
// policy elements: Resource"). Variables may stand in any part of it (published
// captures of AWS, 2026).
type resourceElement struct {
	not      bool
	written  []string
	patterns []resourcePattern
}

// resourcePattern is one pattern, of which glob counts where variables is nil.
type resourcePattern struct {
	glob      glob
	variables *template
}

// match reports whether the element covers the resource. An empty resource is
// none, and never covered: nothing could be allowed by mistake.
//
// A pattern with a variable that has no value matches no resource (IAM User
// Guide, "IAM policy elements: Variables and tags", on variables without a
// value). In NotResource that would let an Allow reach what the pattern was
// meant to spare; the page can also be read so that the element does not match,
// and for an Allow it is. A Deny reaches everything then.
func (e *resourceElement) match(resource string, keys *Context, deny bool) bool {
	if resource == "" {
		return false
	}
	unknown := false
	for i := range e.patterns {
		p := &e.patterns[i]
		if p.variables == nil {
			if p.glob.match(resource) {
				return !e.not
			}
			continue
		}
		ok, known := p.variables.matchGlob(resource, keys)
		if ok {
			return !e.not
		}
		unknown = unknown || !known
	}
	return e.not && (deny || !unknown)
}

func (p *parser) readResource(m *member, s *statement) error {
	resources, err := p.readStrings(&m.value, m.name)
	if err != nil {
		return err
	}
	if len(resources) == 0 {
		return p.refuse(m.value.offset, m.name, p.missing("Resource"), "%s is an empty list; name a resource", m.name)
	}
	s.resource = &resourceElement{not: m.name == "NotResource"}
	for _, r := range resources {
		plain, variables, fault := compileText(r.text, textForm{variables: p.variables, wildcards: true})
		if fault != "" {
			return p.refuse(r.offset, m.name, syntaxErrors, "%q %s", r.text, fault)
		}
		if err := p.checkResource(r, variables, m.name); err != nil {
			return err
		}
		s.resource.written = append(s.resource.written, r.text)
		s.resource.patterns = append(s.resource.patterns, resourcePattern{compiledGlob(plain), variables})
	}
	return nil
}

// checkResource asks for "*" or arn:partition:service:region:account:resource.
// A pattern that ends in * may leave out the parts behind it. A variable may be
// anything, also the whole. What cannot be is refused, because a Deny on it
// would deny nothing.
func (p *parser) checkResource(r stringAt, variables *template, element string) error {
	text := r.text
	if variables != nil {
		if text = variables.skeleton(); text[0] == anyRun {
			return nil
		}
		text = wildcardSigns.Replace(text)
	}
	if text == "*" {
		return nil
	}
	if p.resourceForm != nil && variables == nil {
		message, detail := p.resourceForm(text)
		if detail == "" {
			return nil
		}
		return p.refuse(r.offset, element, message, "%q %s", r.text, detail)
	}
	parts := strings.SplitN(text, ":", 6)
	whole := len(parts) == 6 && parts[2] != "" && parts[5] != ""
	short := len(parts) > 1 && len(parts) < 6 && strings.HasSuffix(text, "*")
	if parts[0] != "arn" || !whole && !short {
		return p.refuse(r.offset, element, p.badResource(r.text),
			"%q is no ARN; write arn:partition:service:region:account:resource, or \"*\"", r.text)
	}
	if !isPartition(parts[1]) {
		return p.refuse(r.offset, element, p.badResource(r.text), "%q names no partition; write aws", r.text)
	}
	return nil
}

// isPartition admits the partitions of AWS, and patterns for them. Source: AWS
// General Reference and the endpoint lists of the AWS SDKs.
func isPartition(s string) bool {
	switch s {
	case "aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f":
		return true
	}
	return strings.ContainsAny(s, "*?") && consistsOf(s, "-*?")
}

package policy

import "strings"

// resourceElement is Resource or NotResource. A resource is one pattern over
// the whole ARN, in which the case of letters counts (IAM User Guide, "IAM JSON
// policy elements: Resource").
type resourceElement struct {
	not     bool
	written []string
	globs   []glob
}

// match reports whether the element covers the resource. An empty resource is
// none, and never covered: nothing could be allowed by mistake.
func (e *resourceElement) match(resource string) bool {
	if resource == "" {
		return false
	}
	for i := range e.globs {
		if e.globs[i].match(resource) {
			return !e.not
		}
	}
	return e.not
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
		if err := p.refuseVariable(r, m.name); err != nil {
			return err
		}
		if err := p.checkResource(r, m.name); err != nil {
			return err
		}
		s.resource.written = append(s.resource.written, r.text)
		s.resource.globs = append(s.resource.globs, newGlob(r.text))
	}
	return nil
}

// checkResource asks for "*" or arn:partition:service:region:account:resource.
// A pattern that ends in * may leave out the parts behind it. What
// cannot be is refused, because a Deny on it would deny nothing.
func (p *parser) checkResource(r stringAt, element string) error {
	if r.text == "*" {
		return nil
	}
	parts := strings.SplitN(r.text, ":", 6)
	whole := len(parts) == 6 && parts[2] != "" && parts[5] != ""
	short := len(parts) > 1 && len(parts) < 6 && strings.HasSuffix(r.text, "*")
	if parts[0] != "arn" || !whole && !short {
		return p.refuse(r.offset, element, "Resource "+r.text+` must be in ARN format or "*".`,
			"%q is no ARN; write arn:partition:service:region:account:resource, or \"*\"", r.text)
	}
	if !isPartition(parts[1]) {
		return p.refuse(r.offset, element, `Partition "`+parts[1]+`" is not valid for resource "`+r.text+`".`,
			"%q names no partition; write aws", r.text)
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

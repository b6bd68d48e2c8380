package policy

import (
	"fmt"
	"strings"
)

// actionElement is Action or NotAction.
type actionElement struct {
	not      bool
	written  []string
	patterns []actionPattern
}

// actionPattern is "*", or a vendor and a pattern for the action's name. The
// wildcards of the name cannot reach into the vendor. The case of letters does
// not count (IAM User Guide, "IAM JSON policy elements: Action").
type actionPattern struct {
	any    bool
	vendor string
	name   glob
}

func newActionPattern(pattern string) actionPattern {
	if pattern == "*" {
		return actionPattern{any: true}
	}
	vendor, name, _ := strings.Cut(pattern, ":")
	return actionPattern{vendor: vendor, name: newFoldGlob(name)}
}

func (a *actionPattern) match(vendor, name string) bool {
	return a.any || equalASCIIFold(a.vendor, vendor) && a.name.match(name)
}

// match reports whether the element covers the action. What is no action at
// all, it never covers: nothing could be allowed by mistake.
func (e *actionElement) match(action string) bool {
	vendor, name, ok := strings.Cut(action, ":")
	if !ok || vendor == "" || name == "" {
		return false
	}
	for i := range e.patterns {
		if e.patterns[i].match(vendor, name) {
			return !e.not
		}
	}
	return e.not
}

func (p *parser) readAction(m *member, s *statement) error {
	if m.name == "NotAction" && !p.notAction {
		return p.refuse(m.offset, m.name, onlyAssumeRoleActions, "%s lists its actions in Action", p.kind.noun())
	}
	actions, err := p.readStrings(&m.value, m.name)
	if err != nil {
		return err
	}
	if len(actions) == 0 {
		return p.refuse(m.value.offset, m.name, p.missing("Action"), "%s is an empty list; name an action", m.name)
	}
	s.action = &actionElement{not: m.name == "NotAction"}
	for _, a := range actions {
		if message, detail := p.admitAction(a.text); detail != "" {
			return p.refuse(a.offset, m.name, message, "%s", detail)
		}
		s.action.written = append(s.action.written, a.text)
		s.action.patterns = append(s.action.patterns, newActionPattern(a.text))
	}
	return nil
}

// checkAction checks the form of an action pattern. Message is AWS's sentence
// for an identity policy.
func checkAction(pattern string) (message, detail string) {
	if pattern == "*" {
		return "", ""
	}
	vendor, name, ok := strings.Cut(pattern, ":")
	switch {
	case !ok:
		return unprefaced, fmt.Sprintf("the action %q names no service; write service:action, such as s3:GetObject", pattern)
	case vendor == "" || !consistsOf(vendor, "-."):
		return "Vendor " + vendor + " is not valid", fmt.Sprintf("the service of the action %q is not spelled with letters, digits, - and .; wildcards may stand behind the colon only", pattern)
	case strings.Contains(name, ":"):
		return oneColon, fmt.Sprintf("the action %q has more than one colon; write service:action, such as s3:GetObject", pattern)
	case name == "" || !consistsOf(name, "*?-_."):
		return syntaxErrors, fmt.Sprintf("the name of the action %q is not spelled with letters, digits and the wildcards * and ?", pattern)
	}
	return "", ""
}

const unprefaced = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."

// consistsOf reports whether s holds ASCII letters, digits and the characters
// of others only.
func consistsOf(s, others string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte(others, s[i]) < 0 {
			return false
		}
	}
	return true
}

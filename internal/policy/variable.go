package policy

import (
	"strings"
	"unicode/utf8"
)

// template is a text of a document that holds policy variables. Each request
// puts its own values in.
//
// Source of the form: IAM User Guide, "IAM policy elements: Variables and
// tags", which has ${key}, ${key, 'default'}, ${*}, ${?} and ${$}, from version
// 2012-10-17 on.
type template struct {
	parts []templatePart
}

// templatePart is a piece of literal text, in which wildcards are compiled, or
// a variable.
type templatePart struct {
	literal     string
	key         string // of the variable; empty for a literal
	fallback    string
	hasFallback bool
}

// textForm says how to read a text of a document.
type textForm struct {
	variables bool // ${…} is a variable
	wildcards bool // * and ? are wildcards
}

// compileText returns the text compiled: plain if it is the same for every
// request, otherwise a template. The fault says what is wrong with a variable.
func compileText(text string, form textForm) (plain string, variables *template, fault string) {
	literal := func(s string) string {
		if form.wildcards {
			return wildcardBytes.Replace(s)
		}
		return s
	}
	if !form.variables || !strings.Contains(text, "${") {
		return literal(text), nil, ""
	}
	t := &template{}
	var pending strings.Builder // literal text that no part holds yet
	for {
		before, after, found := strings.Cut(text, "${")
		pending.WriteString(literal(before))
		if !found {
			break
		}
		if len(after) > 1 && after[1] == '}' && strings.IndexByte("*?$", after[0]) >= 0 {
			pending.WriteByte(after[0])
			text = after[2:]
			continue
		}
		variable, rest, fault := cutVariable(after)
		if fault != "" {
			return "", nil, fault
		}
		t.addLiteral(pending.String())
		pending.Reset()
		t.parts = append(t.parts, variable)
		text = rest
	}
	if len(t.parts) == 0 {
		return pending.String(), nil, ""
	}
	t.addLiteral(pending.String())
	return "", t, ""
}

func (t *template) addLiteral(text string) {
	if text != "" {
		t.parts = append(t.parts, templatePart{literal: text})
	}
}

// cutVariable reads what follows a ${.
func cutVariable(text string) (variable templatePart, rest, fault string) {
	const write = "; write ${key}, or ${key, 'default'} with comma, space and single quotes, or ${$} for a dollar sign"
	end := strings.IndexAny(text, ",}")
	if end < 0 {
		return variable, "", "holds a policy variable without its closing brace" + write
	}
	variable.key = text[:end]
	if vendor, name, ok := strings.Cut(variable.key, ":"); !ok || vendor == "" || name == "" || strings.Contains(variable.key, "${") {
		return variable, "", "holds a policy variable that names no condition key, such as aws:username" + write
	}
	if text[end] == '}' {
		return variable, text[end+1:], ""
	}
	quoted, ok := strings.CutPrefix(text[end:], ", '")
	if !ok {
		return variable, "", "holds a policy variable whose default is not in the right form" + write
	}
	variable.fallback, rest, ok = strings.Cut(quoted, "'}")
	if !ok {
		return variable, "", "holds a policy variable whose default is not closed" + write
	}
	variable.hasFallback = true
	return variable, rest, ""
}

// expand appends the text with the request's values put in. What is put in is
// literal: a * in a value is that character. It reports false where a variable
// has no value, or where the values together are longer than limit.
//
// A multivalued key has no value here, not even the default (published captures
// of AWS, 2026). An empty value is a value.
func (t *template) expand(to []byte, keys *Context, limit int) ([]byte, bool) {
	for i := range t.parts {
		part := &t.parts[i]
		if part.key == "" {
			to = append(to, part.literal...)
			continue
		}
		text, ok := part.value(keys)
		if limit -= len(text); !ok || limit < 0 {
			return to, false
		}
		to = append(to, text...)
	}
	return to, true
}

// value is what a request puts in for a variable. A value that is not UTF-8 is
// none: its bytes could pass for wildcards.
func (p *templatePart) value(keys *Context) (string, bool) {
	got, multi, present := keys.Get(p.key)
	switch {
	case multi:
		return "", false
	case present:
		return got[0], utf8.ValidString(got[0])
	default:
		return p.fallback, p.hasFallback
	}
}

// skeleton is the text, compiled, with a * in place of each variable.
func (t *template) skeleton() string {
	var b strings.Builder
	for i := range t.parts {
		if t.parts[i].key != "" {
			b.WriteByte(anyRun)
		}
		b.WriteString(t.parts[i].literal)
	}
	return b.String()
}

// literalPrefix is the text that every expansion begins with.
func (t *template) literalPrefix() string { return literalPrefix(t.skeleton()) }

// missing returns the first variable that has no value, as a policy would write
// it; it is empty when all have one.
func (t *template) missing(keys *Context) string {
	for i := range t.parts {
		if part := &t.parts[i]; part.key != "" {
			if _, ok := part.value(keys); !ok {
				return "${" + part.key + "}"
			}
		}
	}
	return ""
}

// stackSize is how long an expansion may grow without allocating.
const stackSize = 256

// matchGlob reports whether a value fits the pattern that the template becomes
// with the request's values, and whether all its variables have one.
func (t *template) matchGlob(value string, keys *Context) (fits, known bool) {
	var stack [stackSize]byte
	// What is put in is literal, so that more of it than there is value never fits.
	pattern, ok := t.expand(stack[:0], keys, len(value))
	if !ok {
		return false, t.missing(keys) == ""
	}
	return matchPattern(pattern, value, false), true
}

// equal is matchGlob for a text without wildcards.
func (t *template) equal(value string, keys *Context) bool {
	var stack [stackSize]byte
	text, ok := t.expand(stack[:0], keys, len(value))
	return ok && string(text) == value
}

// equalLower is equal without regard to case.
func (t *template) equalLower(value string, keys *Context) bool {
	var stack [stackSize]byte
	// Lower case has at least a third of the bytes: that is the Kelvin sign's.
	text, ok := t.expand(stack[:0], keys, 3*len(value))
	return ok && equalLower(text, value)
}

// resolve is the text with the request's values, as a person reads it.
func (t *template) resolve(keys *Context) string {
	var b strings.Builder
	for i := range t.parts {
		part := &t.parts[i]
		if part.key == "" {
			b.WriteString(wildcardSigns.Replace(part.literal))
		} else if text, ok := part.value(keys); ok {
			b.WriteString(text)
		} else {
			b.WriteString("${" + part.key + "}")
		}
	}
	return b.String()
}

package ci

import (
	"regexp"
	"slices"
	"strconv"
)

// Variable is one CI/CD variable. The zero value of its switches is that of a
// plain variable of the file.
type Variable struct {
	Name, Value string
	// Raw values are taken as they are: expand: false, or "Expand variable
	// reference" switched off in the settings of a project.
	Raw bool
	// File variables hold, in the job, the path of a file with the value.
	File bool
	// Masked values are hidden in the job's output.
	Masked bool
}

// plainInteger is a number that every YAML reader writes back as it was.
var plainInteger = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// plainFloat is one that has a dot; whether it comes back unchanged depends on
// its last digit.
var plainFloat = regexp.MustCompile(`^-?(0|[1-9][0-9]*)\.[0-9]+$`)

// readVariables reads a map of variables. A global one may carry a description
// and options, which are for the web form that starts a pipeline.
func (r *reader) readVariables(prefix string, n *node, global bool) []Variable {
	if n.kind == nullNode {
		return nil
	}
	if n.kind != mapNode {
		r.add(n, "%s config should be a hash", prefix)
		return nil
	}
	if !r.spend(n, len(n.entries)) {
		return nil
	}
	known := []string{"value", "expand"}
	if global {
		known = append(known, "description", "options")
	}
	var out []Variable
	for _, e := range n.entries {
		path := prefix + ":" + e.key
		if !variableName.MatchString(e.key) {
			r.add(e.at, "%s: the name of a variable may hold letters, digits and underscores, and not begin with a digit", path)
			continue
		}
		v := Variable{Name: e.key}
		value := e.value
		if value.kind == mapNode {
			for _, k := range value.entries {
				if !slices.Contains(known, k.key) {
					r.add(k.at, "%s variable definition contains unknown keys: %s", path, k.key)
				}
			}
			if x, ok := value.get("expand"); ok {
				expand, ok := boolean(x.value)
				if !ok {
					r.add(x.value, "%s config expand should be a boolean value", path)
				}
				v.Raw = !expand
			}
			x, ok := value.get("value")
			if !ok {
				out = append(out, v)
				continue
			}
			value = x.value
		}
		v.Value = r.variableValue(path, value)
		out = append(out, v)
	}
	return out
}

// variableValue takes a string, or a number whose text is not in doubt.
func (r *reader) variableValue(path string, n *node) string {
	switch n.kind {
	case stringNode:
	case numberNode:
		if !sameAsWritten(n.text) {
			r.add(n, "%s is the number %s, which YAML 1.1 may read as another one; quote it", path, n.text)
		}
	case boolNode:
		r.add(n, "%s is the boolean %s; a variable is a string or a number: quote it", path, n.text)
	case nullNode:
		r.add(n, `%s is empty; write "" for an empty string`, path)
	case otherNode:
		r.add(n, "%s is a date or a symbol in YAML 1.1; quote it", path)
	default:
		r.add(n, "%s variable definition must be either a string or a hash", path)
	}
	return n.text
}

// sameAsWritten reports whether a plain number keeps its text when it is read
// as a number and written again, as GitLab does.
func sameAsWritten(s string) bool {
	switch {
	case plainInteger.MatchString(s):
		return s != "-0"
	case plainFloat.MatchString(s):
		f, err := strconv.ParseFloat(s, 64)
		return err == nil && strconv.FormatFloat(f, 'f', -1, 64) == s && len(s) < 16
	}
	return false
}

// boolean reads a YAML 1.1 boolean.
func boolean(n *node) (value, ok bool) {
	if n.kind != boolNode {
		return false, false
	}
	switch n.text[0] {
	case 'y', 'Y', 't', 'T':
		return true, true
	case 'n', 'N', 'f', 'F':
		return false, true
	}
	return n.text[1] == 'n' || n.text[1] == 'N', true // on, off
}

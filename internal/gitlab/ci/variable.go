package ci

import (
	"regexp"
	"slices"
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

// variableName is what a shell can export. GitLab also takes names that begin
// with a digit; bash then fails the job.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// plainInteger is a number that every YAML reader writes back as it was.
var plainInteger = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// readVariables reads a map of variables. A global one may carry a description
// and options, which are for the web form that starts a pipeline.
//
// Source: GitLab Docs, "CI/CD YAML syntax reference", variables, and GitLab's
// lib/gitlab/ci/config/entry/variable.rb.
func (r *reader) readVariables(prefix string, n *node, global bool) []Variable {
	if n.kind != mapNode {
		r.add(n, "%s config should be a hash", prefix)
		return nil
	}
	known := []string{"value", "expand"}
	if global {
		known = append(known, "description", "options")
	}
	out := make([]Variable, 0, len(n.entries))
	for _, e := range n.entries {
		path := prefix + ":" + e.key
		if !variableName.MatchString(e.key) {
			r.add(e.at, "%s: the name of a variable may hold letters, digits and underscores, and not begin with a digit", path)
			continue
		}
		v := Variable{Name: e.key}
		if e.value.kind == mapNode {
			r.longVariable(path, e.value, known, &v)
		} else {
			v.Value = r.variableValue(path, e.value)
		}
		out = append(out, v)
	}
	return out
}

// longVariable reads a variable that is a map.
func (r *reader) longVariable(path string, n *node, known []string, v *Variable) {
	for _, k := range n.entries {
		if !slices.Contains(known, k.key) {
			hint := nearest(k.key, known)
			if k.key == "description" || k.key == "options" {
				hint = "only the variables of the whole file are shown when a pipeline is started by hand"
			}
			r.addHint(k.at, hint, "%s config uses invalid data keys: %s", path, k.key)
		}
	}
	if x, ok := n.get("expand"); ok && x.value.kind != nullNode {
		if b := r.flag(path+" config expand", x.value); b != nil {
			v.Raw = !*b
		}
	}
	if x, ok := n.get("description"); ok && x.value.kind != nullNode && x.value.kind != stringNode && x.value.kind != numberNode {
		r.add(x.value, "%s config description must be an alphanumeric string", path)
	}
	x, given := n.get("value")
	if given && x.value.kind != nullNode {
		v.Value = r.variableValue(path, x.value)
	}
	if o, ok := n.get("options"); ok && o.value.kind != nullNode && slices.Contains(known, "options") {
		options, ok := stringList(o.value)
		if !ok {
			r.add(o.value, "%s config options should be an array of strings", path)
		} else if len(options) > 0 && !slices.Contains(options, v.Value) {
			r.add(o.value, "%s config value must be present in options", path)
		}
	}
}

// variableValue takes a string, or an integer whose text is not in doubt.
func (r *reader) variableValue(path string, n *node) string {
	const wrong = "%s variable definition must be either a string or a hash"
	switch n.kind {
	case stringNode:
	case numberNode:
		switch {
		case plainInteger.MatchString(n.text) && n.text != "-0":
		case plainFraction.MatchString(n.text):
			r.addHint(n, n.text+" is a number with a fraction; quote it", wrong, path)
		default:
			r.add(n, "%s is the number %s, which YAML 1.1 may read as another one; quote it", path, n.text)
		}
	case boolNode:
		r.addHint(n, n.text+" is a boolean; quote it", wrong, path)
	case nullNode:
		// GitLab makes an empty string of it, also where it replaces a parent's.
		return ""
	case otherNode:
		r.addHint(n, n.text+" is a date or a symbol; quote it", wrong, path)
	default:
		r.add(n, wrong, path)
	}
	return n.text
}

// plainFraction is what YAML 1.1 reads as a float and GitLab as no variable.
var plainFraction = regexp.MustCompile(`^[-+]?[0-9]+\.[0-9]*$`)

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

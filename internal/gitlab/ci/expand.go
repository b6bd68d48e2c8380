package ci

import (
	"fmt"
	"os"
	"regexp"
	"slices"
)

// reference is one of the three ways to refer to a variable.
var reference = regexp.MustCompile(`\$([a-zA-Z_][a-zA-Z0-9_]*)|\$\{([a-zA-Z_][a-zA-Z0-9_]*)\}|%([a-zA-Z_][a-zA-Z0-9_]*)%`)

// Expand replaces $NAME, ${NAME} and %NAME% in text by the values of the
// variables, of which a later one wins. A name that is not among them becomes
// empty. Values are not expanded again: give it what ExpandNested returns.
//
// This is the mechanism of aud and environment:name (GitLab Docs, "Where
// variables can be used", "GitLab internal variable expansion mechanism").
func Expand(text string, variables []Variable) string {
	values := lookup(variables)
	return reference.ReplaceAllStringFunc(text, func(ref string) string {
		return values[referenceName(ref)].Value
	})
}

// expandKnown is Expand, but a name that is not among the variables stays as it
// is written (GitLab's ExpandVariables.expand_existing).
func expandKnown(text string, values map[string]Variable) string {
	return reference.ReplaceAllStringFunc(text, func(ref string) string {
		if v, ok := values[referenceName(ref)]; ok {
			return v.Value
		}
		return ref
	})
}

func referenceName(ref string) string {
	m := reference.FindStringSubmatch(ref)
	return m[1] + m[2] + m[3] // one of them matched
}

// lookup finds variables by name; later ones win.
func lookup(variables []Variable) map[string]Variable {
	out := make(map[string]Variable, len(variables))
	for _, v := range variables {
		out[v.Name] = v
	}
	return out
}

// nested is reference with the two escapes, which stay as they are.
var nested = regexp.MustCompile(`\$\$|%%|` + reference.String())

// MaxValue is the longest value that a variable may have once it is expanded,
// in bytes. References multiply what they name, so without it a small file
// could ask for any amount of memory.
const MaxValue = 128 << 10

// ExpandError says which variable cannot be expanded, and why.
type ExpandError struct {
	Variable, Message string
}

// Error names the variable. It does not show its value.
func (e *ExpandError) Error() string { return "ci: variable " + e.Variable + ": " + e.Message }

// ExpandNested is the first of the two steps in which variables are expanded,
// the one of GitLab itself. Of variables with the same name it keeps the last.
// Each reference to another variable in a value is replaced, in the order of
// their dependence. Names that it does not know stay, since the runner may know
// them, as do $$ and %% and a variable's reference to itself. Raw variables are
// left alone.
//
// It is the list to give to Expand. The error is an *ExpandError: two or more
// variables refer to each other in a circle, which GitLab refuses as well, or a
// value grows longer than MaxValue.
//
// Source: GitLab Docs, "Where variables can be used", "Nested variable
// expansion".
func ExpandNested(variables []Variable) ([]Variable, error) {
	x := &expander{values: lookup(variables), open: map[string]bool{}, done: map[string]string{}}
	var out []Variable
	seen := map[string]bool{}
	for _, v := range slices.Backward(variables) {
		if !seen[v.Name] {
			seen[v.Name] = true
			out = append(out, v)
		}
	}
	slices.Reverse(out)
	for i, v := range out {
		value, err := x.value(v.Name)
		if err != nil {
			return nil, err
		}
		out[i].Value = value
	}
	return out, nil
}

// ExpandAll returns the variables of a job as its shell will find them. After
// ExpandNested comes the second step, the runner's: $NAME and ${NAME} are
// replaced once more, where unknown names become empty, and $$ becomes $. Raw
// variables are left alone. The errors are those of ExpandNested.
//
// Source: same page, "GitLab Runner internal variable expansion mechanism".
func ExpandAll(variables []Variable) ([]Variable, error) {
	out, err := ExpandNested(variables)
	if err != nil {
		return nil, err
	}
	sent := lookup(out)
	for i, v := range out {
		if v.Raw {
			continue
		}
		size := 0
		out[i].Value = os.Expand(v.Value, func(name string) string {
			if name == "$" {
				return "$"
			}
			if size += len(sent[name].Value); size > MaxValue {
				return ""
			}
			return sent[name].Value
		})
		if size > MaxValue || len(out[i].Value) > MaxValue {
			return nil, tooLong(v.Name)
		}
	}
	return out, nil
}

func tooLong(name string) error {
	return &ExpandError{name, fmt.Sprintf("its value grows longer than %d bytes", MaxValue)}
}

// expander is ExpandNested at work.
type expander struct {
	values map[string]Variable
	open   map[string]bool // being expanded
	path   []string        // the same, in order
	done   map[string]string
}

func (x *expander) value(name string) (string, error) {
	v := x.values[name]
	if v.Raw {
		return v.Value, nil
	}
	if out, ok := x.done[name]; ok {
		return out, nil
	}
	x.open[name] = true
	x.path = append(x.path, name)
	var failed error
	size := 0
	out := nested.ReplaceAllStringFunc(v.Value, func(ref string) string {
		if failed != nil || ref == "$$" || ref == "%%" {
			return ref
		}
		target := referenceName(ref)
		if _, ok := x.values[target]; !ok || target == name {
			return ref
		}
		if x.open[target] {
			failed = &ExpandError{target, fmt.Sprintf("circular variable reference detected: %q",
				x.path[slices.Index(x.path, target):])}
			return ref
		}
		var inner string
		if inner, failed = x.value(target); failed != nil {
			return ref
		}
		if size += len(inner); size > MaxValue {
			failed = tooLong(name)
			return ref
		}
		return inner
	})
	if failed == nil && len(out) > MaxValue {
		failed = tooLong(name)
	}
	x.path = x.path[:len(x.path)-1]
	delete(x.open, name)
	x.done[name] = out
	return out, failed
}

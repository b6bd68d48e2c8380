// Package workflow reads the file of a GitHub Actions workflow as far as a job's
// way to credentials goes: what starts it, what its token may do, its environments,
// steps and variables. It expands no expression and runs nothing.
//
// Keys that GitHub does not have are refused by name and line, for a permission that
// is misspelt is one that is missing. Source of the keys: GitHub Docs, "Workflow
// syntax for GitHub Actions".
package workflow

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Workflow is one file.
type Workflow struct {
	// Events are what starts it, in the file's order.
	Events []string
	Jobs   []Job
}

// Job is one job of it.
type Job struct {
	ID   string
	Line int
	// Permissions are the job's own, or else the workflow's; nil where neither says
	// any. The scope all stands for every other.
	Permissions map[string]string
	// If is the job's condition, empty for none.
	If string
	// Environment is the name of the deployment environment.
	Environment string
	// Env are the variables of workflow and job; a later one replaces an earlier one.
	Env []Variable
	// Container is the image, empty for none.
	Container     string
	ContainerLine int
	// Timeout is 0 where the job sets none.
	Timeout time.Duration
	Steps   []Step
	// Uses is the workflow that the job calls, empty for one with steps.
	Uses string
}

// Variable is an environment variable.
type Variable struct {
	Name, Value string
	Line        int
}

// Step is one step: an action with inputs, or commands.
type Step struct {
	Line int
	Uses string
	With map[string]string
	// Run are the commands, which begin at RunLine.
	Run     string
	RunLine int
	Env     []Variable
}

// The keys that GitHub has.
var (
	workflowKeys = []string{"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
	jobKeys      = []string{"name", "permissions", "needs", "if", "runs-on", "snapshot", "environment", "concurrency", "outputs", "env", "defaults", "steps", "timeout-minutes", "strategy", "continue-on-error", "container", "services", "uses", "with", "secrets"}
	stepKeys     = []string{"id", "if", "name", "uses", "run", "working-directory", "shell", "with", "env", "continue-on-error", "timeout-minutes"}
	accesses     = []string{"read", "write", "none"}
)

// Is reports whether a text looks like a workflow: it has jobs and what starts them.
func Is(text []byte) bool {
	var document yaml.Node
	if yaml.Load(text, &document) != nil || len(document.Content) != 1 {
		return false
	}
	root := document.Content[0]
	return child(root, "jobs") != nil && child(root, "on") != nil
}

// Parse reads a workflow. The error names the line.
func Parse(text []byte) (*Workflow, error) {
	var document yaml.Node
	if len(strings.TrimSpace(string(text))) == 0 {
		return nil, errors.New("line 1: a workflow is a map with on and jobs")
	}
	if err := yaml.Load(text, &document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 {
		return nil, errors.New("line 1: a workflow is a map with on and jobs")
	}
	r := &reader{}
	root := document.Content[0]
	r.keys(root, "a workflow", workflowKeys)
	w := &Workflow{Events: r.events(child(root, "on"))}
	permissions, env := r.permissions(child(root, "permissions")), r.variables(child(root, "env"))
	jobs := child(root, "jobs")
	if jobs == nil || jobs.Kind != yaml.MappingNode {
		r.fail(root, "jobs is missing, or no map")
		return nil, r.err
	}
	r.unique(jobs)
	for i := 0; i+1 < len(jobs.Content); i += 2 {
		w.Jobs = append(w.Jobs, r.job(jobs.Content[i], jobs.Content[i+1], permissions, env))
	}
	return w, r.err
}

// reader keeps the first error.
type reader struct{ err error }

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("line %d: %s", n.Line, fmt.Sprintf(format, args...))
	}
}

// keys refuses keys that are not known.
func (r *reader) keys(n *yaml.Node, what string, known []string) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s is a map", what)
		return
	}
	r.unique(n)
	for i := 0; i < len(n.Content); i += 2 {
		if key := n.Content[i]; !slices.Contains(known, key.Value) {
			r.fail(key, "%s has no key %q", what, key.Value)
		}
	}
}

// unique refuses a key that is there twice, of which GitHub takes neither.
func (r *reader) unique(n *yaml.Node) {
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		if key := n.Content[i]; seen[key.Value] {
			r.fail(key, "%q is there twice", key.Value)
		}
		seen[n.Content[i].Value] = true
	}
}

// child is the value of a key, aliases followed; nil where there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return target(n.Content[i+1])
		}
	}
	return nil
}

// target is what an alias stands for.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// text is a value that is a scalar; empty for none.
func (r *reader) text(n *yaml.Node, key string) string {
	value := child(n, key)
	if value == nil {
		return ""
	}
	if value.Kind != yaml.ScalarNode {
		r.fail(value, "%s is a text", key)
	}
	return value.Value
}

// events reads on: a name, a list, or a map.
func (r *reader) events(n *yaml.Node) []string {
	if n == nil {
		r.err = errors.New("line 1: on is missing: what starts the workflow?")
		return nil
	}
	var names []string
	switch n.Kind {
	case yaml.ScalarNode:
		names = []string{n.Value}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			names = append(names, item.Value)
		}
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			names = append(names, n.Content[i].Value)
		}
	}
	return names
}

// permissions reads a map, or read-all and write-all; nil for none said.
func (r *reader) permissions(n *yaml.Node) map[string]string {
	if n == nil {
		return nil
	}
	granted := map[string]string{}
	if n.Kind == yaml.MappingNode {
		r.unique(n)
	}
	switch {
	case n.Kind == yaml.ScalarNode && (n.Value == "read-all" || n.Value == "write-all"):
		granted["all"] = strings.TrimSuffix(n.Value, "-all")
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if access := n.Content[i+1]; !slices.Contains(accesses, access.Value) {
				r.fail(access, "permissions: %s is read, write or none, and not %q", n.Content[i].Value, access.Value)
			}
			granted[n.Content[i].Value] = n.Content[i+1].Value
		}
	default:
		r.fail(n, "permissions is a map, read-all or write-all")
	}
	return granted
}

func (r *reader) variables(n *yaml.Node) []Variable {
	if n == nil || n.Kind == yaml.ScalarNode { // an expression as a whole
		return nil
	}
	var all []Variable
	if n.Kind != yaml.MappingNode {
		r.fail(n, "env is a map")
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		all = append(all, Variable{Name: n.Content[i].Value, Value: target(n.Content[i+1]).Value, Line: n.Content[i].Line})
	}
	return all
}

func (r *reader) job(name, n *yaml.Node, permissions map[string]string, env []Variable) Job {
	n = target(n)
	j := Job{ID: name.Value, Line: name.Line, Permissions: permissions}
	r.keys(n, "the job "+name.Value, jobKeys)
	if own := r.permissions(child(n, "permissions")); own != nil {
		j.Permissions = own
	}
	j.Env = slices.Concat(r.variables(child(n, "env")), env) // the first of a name counts
	j.If, j.Uses = r.text(n, "if"), r.text(n, "uses")
	if at := child(n, "environment"); at != nil && at.Kind == yaml.MappingNode {
		j.Environment = r.text(at, "name")
	} else {
		j.Environment = r.text(n, "environment")
	}
	if at := child(n, "container"); at != nil {
		j.ContainerLine = at.Line
		if j.Container = at.Value; at.Kind == yaml.MappingNode {
			j.Container = r.text(at, "image")
		}
	}
	if minutes, err := strconv.ParseFloat(r.text(n, "timeout-minutes"), 64); err == nil && minutes > 0 && minutes < 1e6 {
		j.Timeout = time.Duration(minutes * float64(time.Minute))
	}
	if steps := child(n, "steps"); steps != nil {
		if steps.Kind != yaml.SequenceNode {
			r.fail(steps, "steps is a list")
		}
		for _, step := range steps.Content {
			j.Steps = append(j.Steps, r.step(target(step)))
		}
	}
	return j
}

func (r *reader) step(n *yaml.Node) Step {
	r.keys(n, "a step", stepKeys)
	s := Step{Line: n.Line, Uses: r.text(n, "uses"), Run: r.text(n, "run"), Env: r.variables(child(n, "env")), With: map[string]string{}}
	if run := child(n, "run"); run != nil {
		if s.RunLine = run.Line; run.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			s.RunLine++
		}
	}
	if with := child(n, "with"); with != nil {
		if with.Kind != yaml.MappingNode {
			r.fail(with, "with is a map")
		}
		for i := 0; i+1 < len(with.Content); i += 2 {
			s.With[with.Content[i].Value] = target(with.Content[i+1]).Value
		}
	}
	return s
}

// MayAskForToken reports whether the job's permissions have id-token: write.
func (j *Job) MayAskForToken() bool {
	if access, ok := j.Permissions["id-token"]; ok {
		return access == "write"
	}
	return j.Permissions["all"] == "write"
}

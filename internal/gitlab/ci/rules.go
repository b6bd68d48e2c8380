package ci

import (
	"slices"
	"time"
)

// rule is one entry of rules. All of its conditions have to hold; without any
// it always does.
type rule struct {
	at            *node
	condition     expression // if
	changes       *paths
	exists        *paths
	when          string // empty: that of the job
	startIn       time.Duration
	allowFailure  *bool
	interruptible *bool
	variables     []Variable
	needs         []Need // nil: those of the job
	autoCancel    AutoCancel
}

// paths is the value of changes and exists.
type paths struct {
	at        *node
	globs     []string
	compareTo *node // changes:compare_to
	foreign   *node // exists:project
}

// ruleSet says what the rules of a place may hold.
type ruleSet struct{ keys, whens []string }

// Source: GitLab's lib/gitlab/ci/config/entry: processable.rb, workflow.rb and
// include/rules/rule.rb.
var (
	jobRules = ruleSet{
		keys:  []string{"if", "changes", "exists", "when", "start_in", "allow_failure", "variables", "needs", "interruptible"},
		whens: []string{"on_success", "on_failure", "always", "never", "manual", "delayed"},
	}
	workflowRules = ruleSet{
		keys:  []string{"if", "changes", "exists", "when", "start_in", "allow_failure", "variables", "needs", "auto_cancel"},
		whens: []string{"always", "never"},
	}
	includeRules = ruleSet{
		keys:  []string{"if", "exists", "when", "changes"},
		whens: []string{"never", "always"},
	}
)

// maxPaths is GitLab's limit for the paths of one changes or exists.
const maxPaths = 50

// rules reads a list of rules, in which lists may stand as !reference makes
// them. The result is not nil.
func (r *reader) rules(prefix string, n *node, set ruleSet) []rule {
	out := []rule{}
	flat, ok := flattenMaps(n, 0)
	if !ok {
		r.add(n, "%s rules should be an array containing hashes and arrays of hashes", prefix)
		return out
	}
	for _, item := range flat {
		out = append(out, r.rule(prefix+":rules:rule", item, set))
	}
	return out
}

// flattenMaps lists the maps of a nested array of maps.
func flattenMaps(n *node, depth int) ([]*node, bool) {
	if n.kind != sequenceNode || depth > maxScriptDepth {
		return nil, false
	}
	out := make([]*node, 0, len(n.items))
	for _, item := range n.items {
		if item.kind == mapNode {
			out = append(out, item)
			continue
		}
		inner, ok := flattenMaps(item, depth+1)
		if !ok {
			return nil, false
		}
		out = append(out, inner...)
	}
	return out, true
}

func (r *reader) rule(prefix string, n *node, set ruleSet) rule {
	out := rule{at: n}
	r.unknownKeys(prefix, n, set.keys)
	if len(n.entries) == 0 {
		r.add(n, "%s config can't be blank", prefix)
	}
	for _, e := range n.entries {
		v := e.value
		if v.kind == nullNode || !slices.Contains(set.keys, e.key) {
			continue
		}
		switch e.key {
		case "if":
			out.condition = r.expression(prefix+" if", v)
		case "changes":
			out.changes = r.changes(prefix+":changes", v)
		case "exists":
			out.exists = r.exists(prefix+":exists", v)
		case "when":
			if out.when = v.text; !slices.Contains(set.whens, v.text) || v.kind != stringNode {
				r.add(v, "%s when unknown value: %s", prefix, v.text)
			}
		case "start_in":
			out.startIn = r.startIn(prefix, v)
		case "allow_failure":
			out.allowFailure = r.flag(prefix+" allow failure", v)
		case "interruptible":
			out.interruptible = r.flag(prefix+" interruptible", v)
		case "variables":
			out.variables = r.readVariables(prefix+":variables", v, false)
		case "needs":
			out.needs = r.needs(prefix, v)
		case "auto_cancel":
			out.autoCancel = r.autoCancel(prefix+":auto_cancel", v)
		}
	}
	start, delayed := n.get("start_in")
	switch {
	case out.when == "delayed" && !delayed:
		r.add(n, "%s start in can't be blank", prefix)
	case out.when != "delayed" && delayed:
		r.add(start.at, "%s config contains disallowed keys: start_in", prefix)
	}
	return out
}

// expression reads a condition.
func (r *reader) expression(what string, n *node) expression {
	if n.kind != stringNode {
		r.addHint(n, "quote the whole expression", "%s invalid expression syntax", what)
		return nil
	}
	e, err := parseExpression(n.text)
	if err != nil {
		r.addHint(n, expressionHint(n.text), "%s %v", what, err)
		return nil
	}
	return e
}

// changes reads a list of paths, or a map with paths and compare_to.
func (r *reader) changes(prefix string, n *node) *paths {
	out := &paths{at: n}
	list := n
	switch n.kind {
	case sequenceNode:
	case mapNode:
		r.unknownKeys(prefix, n, []string{"paths", "compare_to"})
		e, ok := n.get("paths")
		if !ok {
			r.add(n, "%s config missing required keys: paths", prefix)
			return out
		}
		list = e.value
		if c, ok := n.get("compare_to"); ok && c.value.kind != nullNode {
			if out.compareTo = c.value; c.value.kind != stringNode {
				r.add(c.value, "%s compare to should be a string", prefix)
			}
		}
	default:
		r.add(n, "%s config should be an array or a hash", prefix)
		return out
	}
	out.globs = r.globs(prefix, list)
	return out
}

// exists reads a path, a list of paths, or a map with paths, project and ref.
func (r *reader) exists(prefix string, n *node) *paths {
	out := &paths{at: n}
	switch n.kind {
	case stringNode:
		out.globs = []string{n.text}
		return out
	case sequenceNode:
		out.globs = r.globs(prefix, n)
		return out
	case mapNode:
	default:
		r.add(n, "%s config should be a string, an array of strings, or a hash", prefix)
		return out
	}
	r.unknownKeys(prefix, n, []string{"paths", "project", "ref"})
	e, ok := n.get("paths")
	if !ok {
		r.add(n, "%s config missing required keys: paths", prefix)
		return out
	}
	list := e.value
	if list.kind == stringNode {
		out.globs = []string{list.text}
	} else {
		out.globs = r.globs(prefix, list)
	}
	project, ok := n.get("project")
	if ref, given := n.get("ref"); given && !ok {
		r.add(ref.at, "%s config missing required keys: project", prefix)
	}
	if ok {
		out.foreign = project.at
	}
	return out
}

// globs reads an array of at most fifty paths. Arrays in it, as !reference
// makes them, are refused as by GitLab.
func (r *reader) globs(prefix string, n *node) []string {
	list, ok := stringList(n)
	switch {
	case !ok:
		r.add(n, "%s config should be an array of strings", prefix)
	case len(list) > maxPaths:
		r.add(n, "%s config has too many entries (maximum %d)", prefix, maxPaths)
	}
	return list
}

// policy is only or except.
type policy struct {
	refs       []string // nil: no condition
	variables  []expression
	changes    *paths
	kubernetes bool
}

// policy reads only or except.
//
// Source: GitLab Docs, "CI/CD YAML syntax reference", only and except, and
// GitLab's lib/gitlab/ci/config/entry/policy.rb.
func (r *reader) policy(prefix, key string, n *node) *policy {
	prefix += ":" + key
	out := &policy{}
	if key == "only" {
		out.refs = []string{"branches", "tags"}
	}
	switch n.kind {
	case sequenceNode:
		out.refs = r.refs(prefix+" config", n)
		return out
	case mapNode:
	default:
		r.add(n, "%s has to be either an array of conditions or a hash", prefix)
		return out
	}
	r.unknownKeys(prefix, n, []string{"refs", "kubernetes", "variables", "changes"})
	for _, e := range n.entries {
		if e.value.kind == nullNode {
			continue
		}
		switch e.key {
		case "refs":
			out.refs = r.refs(prefix+" refs", e.value)
		case "kubernetes":
			if out.kubernetes = true; e.value.text != "active" {
				r.add(e.value, "%s kubernetes unknown value: %s", prefix, e.value.text)
			}
		case "variables":
			if _, ok := stringList(e.value); !ok {
				r.add(e.value, "%s variables should be an array of strings", prefix)
				continue
			}
			for _, item := range e.value.items {
				out.variables = append(out.variables, r.expression(prefix+" variables", item))
			}
		case "changes":
			out.changes = &paths{at: e.value}
			list, ok := stringList(e.value)
			if out.changes.globs = list; !ok {
				r.add(e.value, "%s changes should be an array of strings", prefix)
			}
		}
	}
	return out
}

// refs reads an array of names, keywords and regular expressions.
func (r *reader) refs(what string, n *node) []string {
	list, ok := stringList(n)
	for _, s := range list {
		if delimited.MatchString(s) {
			_, compiled := compilePattern(s)
			ok = ok && compiled
		}
	}
	if !ok {
		r.add(n, "%s should be an array of strings or regular expressions using re2 syntax", what)
	}
	return list
}

// workflow is the top-level keyword of this name.
type workflow struct {
	name       *node
	rules      []rule // nil where there are none
	autoCancel AutoCancel
}

func (r *reader) workflow(n *node) workflow {
	var out workflow
	if n.kind != mapNode {
		r.add(n, "workflow config should be a hash")
		return out
	}
	r.unknownKeys("workflow", n, []string{"rules", "name", "auto_cancel"})
	for _, e := range n.entries {
		if e.value.kind == nullNode {
			continue
		}
		switch e.key {
		case "name":
			switch out.name = e.value; {
			case e.value.kind != stringNode:
				r.add(e.value, "workflow name should be a string")
			case len(e.value.text) > 255:
				r.add(e.value, "workflow name is too long (maximum is 255 characters)")
			}
		case "rules":
			out.rules = r.rules("workflow", e.value, workflowRules)
		case "auto_cancel":
			out.autoCancel = r.autoCancel("workflow:auto_cancel", e.value)
		}
	}
	return out
}

func (r *reader) autoCancel(prefix string, n *node) AutoCancel {
	var out AutoCancel
	if n.kind != mapNode {
		r.add(n, "%s config should be a hash", prefix)
		return out
	}
	r.unknownKeys(prefix, n, []string{"on_new_commit", "on_job_failure"})
	if e, ok := n.get("on_new_commit"); ok && e.value.kind != nullNode {
		if out.OnNewCommit = e.value.text; !slices.Contains([]string{"conservative", "interruptible", "none"}, out.OnNewCommit) {
			r.add(e.value, "%s on new commit must be one of: conservative, interruptible, none", prefix)
		}
	}
	if e, ok := n.get("on_job_failure"); ok && e.value.kind != nullNode {
		if out.OnJobFailure = e.value.text; !slices.Contains([]string{"none", "all"}, out.OnJobFailure) {
			r.add(e.value, "%s on job failure must be one of: none, all", prefix)
		}
	}
	return out
}

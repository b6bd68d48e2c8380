package ci

import (
	"regexp"
	"slices"
	"strings"
)

// position is the place of a node.
func (f *faults) position(n *node) Position { return Position{f.file, n.line, n.column} }

// At is the place of a keyword of the job, or of what is below it: At("needs"),
// At("environment", "url"). Where the job has none it is the job's own place.
func (j *Job) At(path ...string) Position {
	n := j.places
	p := j.Position
	for _, key := range path {
		e, ok := n.get(key)
		if !ok {
			return p
		}
		p.Line, p.Column, n = e.at.line, e.at.column, e.value
	}
	return p
}

// line is where the job's name stands.
func (j *Job) line() int { return j.at.line }

// clone keeps callers from changing the pipeline.
func (j *Job) clone() *Job {
	out := *j
	out.BeforeScript = slices.Clone(j.BeforeScript)
	out.Script = slices.Clone(j.Script)
	out.AfterScript = slices.Clone(j.AfterScript)
	out.Variables = slices.Clone(j.Variables)
	out.Warnings = slices.Clone(j.Warnings)
	out.IDTokens = slices.Clone(j.IDTokens)
	for i := range out.IDTokens {
		out.IDTokens[i].Aud = slices.Clone(j.IDTokens[i].Aud)
	}
	if j.Environment != nil {
		e := *j.Environment
		out.Environment = &e
	}
	return &out
}

// maxScriptDepth is GitLab's limit for arrays in arrays of a script.
const maxScriptDepth = 10

// flatten lists the strings of a string or a nested array of strings. It is
// false for anything else, and for arrays more than ten deep.
func flatten(n *node, depth int) ([]*node, bool) {
	switch {
	case n.kind == stringNode:
		return []*node{n}, true
	case n.kind != sequenceNode || depth > maxScriptDepth:
		return nil, false
	}
	out := make([]*node, 0, len(n.items))
	for _, item := range n.items {
		inner, ok := flatten(item, depth+1)
		if !ok {
			return nil, false
		}
		out = append(out, inner...)
	}
	return out, true
}

// offender finds what makes flatten fail, for its place.
func offender(n *node, depth int) *node {
	if n.kind == stringNode {
		return nil
	}
	if n.kind != sequenceNode || depth > maxScriptDepth {
		return n
	}
	for _, item := range n.items {
		if o := offender(item, depth+1); o != nil {
			return o
		}
	}
	return nil
}

// script reads one of the three scripts. The message is GitLab's.
func (r *reader) script(prefix, key string, n *node) []string {
	flat, ok := flatten(n, 0)
	if !ok {
		at := offender(n, 0)
		hint := ""
		switch at.kind {
		case mapNode:
			hint = ` (a ": " makes a map of an unquoted item; quote the item or write it as a block after |)`
		case boolNode, numberNode, nullNode, otherNode:
			hint = " (the item is " + at.kind.String() + "; quote it)"
		}
		r.add(at, "%s:%s config should be a string or a nested array of strings up to %d levels deep%s",
			prefix, key, maxScriptDepth, hint)
		return []string{} // told: the script is not missing
	}
	if len(flat) == 0 && key == "script" || !r.spend(n, len(flat)) {
		return nil
	}
	out := make([]string, len(flat))
	for i, s := range flat {
		out[i] = s.text
	}
	return out
}

// image reads the name of the image. Its other keys matter to containers only.
func (r *reader) image(s subject, n *node) string {
	name := n
	if n.kind == mapNode {
		for _, e := range n.entries {
			if !slices.Contains([]string{"name", "entrypoint", "docker", "kubernetes", "pull_policy"}, e.key) {
				r.add(e.at, "%s:image config contains unknown keys: %s", s.prefix, e.key)
			}
		}
		e, ok := n.get("name")
		if !ok {
			r.add(n, "%s:image config missing required keys: name", s.prefix)
			return ""
		}
		name = e.value
	}
	if name.kind != stringNode {
		r.add(name, "%s:image config should be a hash or a string", s.prefix)
		return ""
	}
	r.warn(s, n, "image has no effect here: the job runs under the bash of this machine, not in %s", name.text)
	return name.text
}

// variableName is what a shell can export. GitLab also takes names that begin
// with a digit; bash then fails the job.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// idTokens reads a map of name to {aud}. The messages after the path are
// GitLab's (its id_token_spec.rb).
func (r *reader) idTokens(prefix string, n *node) []IDToken {
	if n.kind != mapNode {
		r.add(n, "%s config should be a hash", prefix)
		return nil
	}
	var out []IDToken
	for _, e := range n.entries {
		path := prefix + ":" + e.key
		if !variableName.MatchString(e.key) {
			r.add(e.at, "%s: the name of an ID token becomes a variable: "+
				"it may hold letters, digits and underscores, and not begin with a digit", path)
			continue
		}
		if e.value.kind != mapNode {
			r.add(e.value, "%s id token config should be a hash with aud", path)
			continue
		}
		for _, k := range e.value.entries {
			if k.key != "aud" {
				r.add(k.at, "%s id token config contains unknown keys: %s", path, k.key)
			}
		}
		aud, ok := e.value.get("aud")
		if !ok {
			r.add(e.at, "%s id token config missing required keys: aud", path)
			continue
		}
		if t, ok := readAud(aud.value); ok {
			t.Name = e.key
			out = append(out, t)
		} else {
			r.add(aud.value, "%s id token aud should be an array of strings or a string", path)
		}
	}
	return out
}

// readAud reads a string or a flat array of strings: not empty, none twice.
func readAud(n *node) (IDToken, bool) {
	items := []*node{n}
	t := IDToken{List: n.kind == sequenceNode}
	if t.List {
		items = n.items
	}
	seen := map[string]bool{}
	for _, item := range items {
		if item.kind != stringNode || item.text == "" || seen[item.text] {
			return IDToken{}, false
		}
		seen[item.text] = true
		t.Aud = append(t.Aud, item.text)
	}
	return t, len(t.Aud) > 0
}

// The values and the characters that GitLab allows (same page, "environment").
var (
	environmentName    = regexp.MustCompile(`^[a-zA-Z0-9_/\\${}. -]+$`)
	environmentKeys    = []string{"name", "url", "action", "deployment_tier", "on_stop", "auto_stop_in", "kubernetes"}
	environmentActions = []string{"start", "prepare", "stop", "verify", "access"}
	environmentTiers   = []string{"production", "staging", "testing", "development", "other"}
)

func (r *reader) environment(s subject, n *node) *Environment {
	env := &Environment{Action: "start"}
	prefix := s.prefix + ":environment"
	if n.kind == stringNode {
		env.Name = n.text
		r.checkEnvironmentName(prefix, n)
		return env
	}
	if n.kind != mapNode {
		r.add(n, "%s config should be a hash or a string", prefix)
		return nil
	}
	named := false
	for _, e := range n.entries {
		v := e.value
		known := slices.Contains(environmentKeys, e.key)
		named = named || e.key == "name"
		if known && e.key != "name" && v.kind == nullNode {
			continue // taken away
		}
		if known && e.key != "kubernetes" && v.kind != stringNode {
			r.add(v, "%s %s should be a string", prefix, e.key)
			continue
		}
		switch e.key {
		case "name":
			env.Name = v.text
			r.checkEnvironmentName(prefix, v)
		case "url":
			env.URL = v.text
		case "action":
			if env.Action = v.text; !slices.Contains(environmentActions, v.text) {
				r.add(v, "%s action should be start, stop, prepare, verify, or access", prefix)
			}
		case "deployment_tier":
			if env.Tier = v.text; !slices.Contains(environmentTiers, v.text) {
				r.add(v, "%s deployment tier must be one of production, staging, testing, development, or other", prefix)
			}
		case "on_stop", "auto_stop_in":
			r.warn(s, e.at, "environment:%s has no effect here: %s", e.key, onlyOneJob)
		case "kubernetes":
			r.refuse(s, e.at, "environment:kubernetes")
		default:
			r.add(e.at, "%s config contains unknown keys: %s", prefix, e.key)
		}
	}
	if !named {
		r.add(n, "%s name can't be blank", prefix)
	}
	return env
}

func (r *reader) checkEnvironmentName(prefix string, n *node) {
	if !environmentName.MatchString(n.text) || len(n.text) > 255 ||
		strings.HasPrefix(n.text, "/") || strings.HasSuffix(n.text, "/") {
		r.add(n, "%s name can contain only letters, digits, '-', '_', '/', '$', '{', '}', '.', and spaces, "+
			"but it cannot start or end with '/'", prefix)
	}
}

// when reads the condition under which the job starts. The picked job is
// started by hand, so most values say nothing more.
func (r *reader) when(s subject, n *node) {
	switch n.text {
	case "on_success", "always":
	case "manual", "delayed", "on_failure":
		r.warn(s, n, "when: %s has no effect here: %s", n.text, noScheduler)
	case "never":
		r.refuse(s, n, "when: never")
	default:
		r.add(n, "%s when should be one of: on_success, on_failure, always, manual, delayed, never", s.prefix)
	}
}

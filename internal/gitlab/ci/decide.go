package ci

import (
	"fmt"
	"slices"
	"strings"
)

// Pipeline says which jobs GitLab makes of the file, for these facts. Where
// workflow:rules or the rules of the jobs leave nothing to run, the error is an
// *EmptyError. Otherwise it is an Errors: a rule that cannot be decided, a need
// that is not in the pipeline.
//
// Source: GitLab Docs, "CI/CD YAML syntax reference", rules, only, workflow, and
// GitLab's lib/gitlab/ci/pipeline/seed/build.rb and lib/gitlab/ci/build.
func (f *File) Pipeline(facts Facts) (*Pipeline, error) {
	d := &decider{facts: facts, file: f}
	p := &Pipeline{Stages: slices.Clone(f.Stages), Warnings: slices.Clone(f.Warnings), AutoCancel: f.workflow.autoCancel}
	if err := d.workflow(p); err != nil {
		return nil, err
	}
	faults := &faults{}
	byStage := map[string][]*Job{}
	for _, def := range f.jobs {
		jobs := d.instances(faults, def, p.Variables)
		byStage[def.job.Stage] = append(byStage[def.job.Stage], jobs...)
	}
	edges := 0
	for _, stage := range f.Stages {
		p.Jobs = append(p.Jobs, byStage[stage]...)
		if stage == ".pre" || stage == ".post" {
			edges += len(byStage[stage])
		}
	}
	if err := faults.err(); err != nil {
		return nil, err
	}
	if len(p.Jobs) == edges {
		// GitLab makes no pipeline of .pre and .post alone.
		return nil, &EmptyError{File: f.name, Message: "The resulting pipeline would have been empty. " +
			"Review the rules configuration for the relevant jobs."}
	}
	present(faults, p)
	if err := faults.err(); err != nil {
		return nil, err
	}
	return p, nil
}

// EmptyError says that the rules leave no pipeline. It is no fault of the file.
type EmptyError struct {
	File    string
	Message string // GitLab's
	// Place is that of the rule of workflow that decided; it has no line where no
	// rule matched.
	Place Position
}

// Error is GitLab's message, with the place where there is one.
func (e *EmptyError) Error() string {
	p := e.Place
	if p.Line == 0 {
		p = Position{File: e.File}
	}
	return p.String() + ": " + e.Message
}

// decider decides rules.
type decider struct {
	facts   Facts
	file    *File
	files   []string // the repository's, once asked for
	changed map[string]comparison
	globs   map[string]glob
}

type comparison struct {
	paths []string
	known bool
}

// scope are the variables that rules see: GitLab's, the file's, those of the
// settings; a later one wins. Values are not expanded.
func (d *decider) scope(own []Variable) map[string]Variable {
	return lookup(slices.Concat(d.facts.Predefined, own, d.facts.Settings))
}

// workflow decides workflow:rules, and what they give the pipeline.
func (d *decider) workflow(p *Pipeline) error {
	w := d.file.workflow
	scope := d.scope(d.file.variables)
	if w.rules != nil {
		matched, err := d.match(w.rules, scope)
		if err != nil {
			return Errors{err}
		}
		if matched == nil || matched.when == "never" {
			e := &EmptyError{File: d.file.name, Message: "The pipeline did not run. Review the workflow:rules configuration for the pipeline."}
			if matched != nil {
				e.Place = matched.at.position()
			}
			return e
		}
		p.Variables = matched.variables
		if c := matched.autoCancel.OnNewCommit; c != "" {
			p.AutoCancel.OnNewCommit = c
		}
		if c := matched.autoCancel.OnJobFailure; c != "" {
			p.AutoCancel.OnJobFailure = c
		}
	}
	if w.name != nil {
		all := slices.Concat(d.facts.Predefined, d.file.variables, p.Variables, d.facts.Settings)
		expanded, err := ExpandNested(all)
		if err != nil {
			return Errors{fault(w.name, "", fmt.Sprintf("workflow:name: %v", err))}
		}
		p.Name = strings.TrimSpace(expandKnown(w.name.text, lookup(expanded)))
		if runes := []rune(p.Name); len(runes) > 255 {
			p.Name = string(runes[:255])
		}
	}
	return nil
}

// instances decides one job and makes its instances. There are none where the
// rules leave it out.
func (d *decider) instances(f *faults, def *definition, workflow []Variable) []*Job {
	list := def.instances
	if list == nil {
		list = []instance{{name: def.job.Name}}
	}
	var out []*Job
	for i, in := range list {
		variables := distinct(slices.Concat(def.variables(d.file.variables, workflow), in.variables))
		matched, admitted, err := d.admit(def, d.scope(variables))
		if err != nil {
			f.list = append(f.list, err)
			return nil
		}
		if !admitted {
			continue
		}
		j := def.job.clone()
		j.Name = in.name
		if def.instances != nil {
			j.Index, j.Total = i+1, len(list)
		}
		j.Variables = variables
		j.Secrets, j.Refused = d.secrets(j)
		needs := def.job.Needs
		if matched != nil {
			j.apply(matched)
			if matched.needs != nil {
				needs = matched.needs
			}
		}
		j.Needs, _ = d.file.expandNeeds(needs, in.variables)
		j.Dependencies = d.file.expandNames(def.job.Dependencies)
		if len(j.Needs) > maxNeeds {
			f.add(def.job.at, "%s", tooManyNeeds(j.Name, len(j.Needs)))
			return nil
		}
		if _, err := ExpandNested(slices.Concat(d.facts.Predefined, variables, d.facts.Settings)); err != nil {
			f.add(def.job.at, "%s: %s", j.Name, strings.TrimPrefix(err.Error(), "ci: "))
			return nil
		}
		out = append(out, j)
	}
	return out
}

// secrets are those that no variable of the settings stands in for.
func (d *decider) secrets(j *Job) ([]Secret, Errors) {
	given := lookup(d.facts.Settings)
	refused := slices.DeleteFunc(j.Refused, func(e *Error) bool {
		return slices.ContainsFunc(j.Secrets, func(s Secret) bool {
			_, ok := given[s.Name]
			return ok && s.Position == Position{e.File, e.Line, e.Column}
		})
	})
	return slices.DeleteFunc(j.Secrets, func(s Secret) bool { _, ok := given[s.Name]; return ok }), refused
}

// apply lays the attributes of the rule that matched over the job.
func (j *Job) apply(r *rule) {
	if r.when != "" {
		j.When = r.when
	}
	if r.startIn != 0 {
		j.StartIn = r.startIn
	}
	if r.allowFailure != nil {
		j.AllowFailure = AllowFailure{Allowed: *r.allowFailure}
	}
	if r.interruptible != nil {
		j.Interruptible = *r.interruptible
	}
	j.Variables = distinct(append(j.Variables, r.variables...))
}

// admit says whether a job is in the pipeline, and which rule decided it.
func (d *decider) admit(def *definition, scope map[string]Variable) (*rule, bool, *Error) {
	if def.rules != nil {
		matched, err := d.match(def.rules, scope)
		if err != nil {
			err.Message = fmt.Sprintf("Failed to parse rule for %s: %s", def.job.Name, err.Message)
			return nil, false, err
		}
		when := def.job.When
		if matched != nil && matched.when != "" {
			when = matched.when
		}
		return matched, matched != nil && when != "never", nil
	}
	only := def.only
	if only == nil && d.file.workflow.rules == nil {
		// The default of only holds where there are no rules, in the job or in
		// workflow.
		only = &policy{refs: []string{"branches", "tags"}}
	}
	if only != nil {
		all, _, err := d.policy(only, scope)
		if err != nil || !all {
			return nil, false, err
		}
	}
	if def.except != nil {
		_, some, err := d.policy(def.except, scope)
		if err != nil || some {
			return nil, false, err
		}
	}
	return nil, true, nil
}

// match finds the first rule whose conditions all hold; nil where there is none.
func (d *decider) match(rules []rule, scope map[string]Variable) (*rule, *Error) {
	for i := range rules {
		r := &rules[i]
		if r.condition != nil && !r.condition.eval(scope).present() {
			continue
		}
		if r.changes != nil {
			ok, err := d.changes(r.changes, scope)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
		}
		if r.exists != nil {
			ok, err := d.exists(r.exists, scope)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
		}
		return r, nil
	}
	return nil, nil
}

// The numbers of comparisons above which GitLab takes a match for granted.
const (
	maxChangesComparisons = 50_000
	maxExistsComparisons  = 10_000
)

// changes decides rules:changes and only:changes.
func (d *decider) changes(c *paths, scope map[string]Variable) (bool, *Error) {
	expanded := expandedScope(scope)
	compareTo := ""
	if c.compareTo != nil {
		compareTo = expandKnown(c.compareTo.text, expanded)
	}
	got, ok := d.changed[compareTo]
	if !ok && d.facts.Repository != nil {
		var err error
		if got.paths, got.known, err = d.facts.Repository.Changed(compareTo); err != nil {
			at := c.at
			if c.compareTo != nil {
				at = c.compareTo
			}
			return false, fault(at, err.Error(), "rules:changes:compare_to is not a valid ref")
		}
		if d.changed == nil {
			d.changed = map[string]comparison{}
		}
		d.changed[compareTo] = got
	}
	if !got.known {
		return true, nil
	}
	if len(got.paths)*len(c.globs) > maxChangesComparisons {
		return true, nil
	}
	for _, text := range c.globs {
		if g := d.glob(expandKnown(text, expanded)); slices.ContainsFunc(got.paths, g.match) {
			return true, nil
		}
	}
	return false, nil
}

// glob compiles a pattern once.
func (d *decider) glob(text string) glob {
	g, ok := d.globs[text]
	if !ok {
		if d.globs == nil {
			d.globs = map[string]glob{}
		}
		g = compileGlob(text)
		d.globs[text] = g
	}
	return g
}

// expandedScope are the variables with references in their values replaced. Of
// variables in a circle the values stay; the job's error comes later.
func expandedScope(scope map[string]Variable) map[string]Variable {
	list := make([]Variable, 0, len(scope))
	for _, v := range scope {
		list = append(list, v)
	}
	expanded, err := ExpandNested(list)
	if err != nil {
		return scope
	}
	return lookup(expanded)
}

// exists decides rules:exists. Paths without a folder look at the root only.
func (d *decider) exists(e *paths, scope map[string]Variable) (bool, *Error) {
	if e.foreign != nil {
		return false, fault(e.foreign, "only files of this repository can be looked for", "rules:exists:project cannot be decided here")
	}
	if d.facts.Repository == nil {
		return false, nil
	}
	if d.files == nil {
		files, err := d.facts.Repository.Files()
		if err != nil {
			return false, fault(e.at, err.Error(), "rules:exists: the files of the repository cannot be listed")
		}
		d.files = files
	}
	comparisons := 0
	topOnly := !slices.ContainsFunc(e.globs, func(g string) bool { return strings.Contains(g, "/") || strings.Contains(g, "**") })
	for _, text := range e.globs {
		text = expandKnown(text, scope)
		g := d.glob(text)
		counts := strings.ContainsAny(text, "*?[{") && !extensionGlob(text)
		for _, path := range d.files {
			if topOnly && strings.Contains(path, "/") {
				continue
			}
			if counts {
				comparisons++
			}
			if comparisons > maxExistsComparisons || g.match(path) {
				return true, nil
			}
		}
	}
	return false, nil
}

// extensionGlob is one like **/*.js, which GitLab does not count.
func extensionGlob(text string) bool {
	rest, ok := strings.CutPrefix(text, "**/*")
	return ok && strings.HasPrefix(rest, ".") && !strings.ContainsAny(rest, "/*?[{")
}

// policy decides only or except: whether all of its conditions hold, and whether
// some does.
func (d *decider) policy(p *policy, scope map[string]Variable) (all, some bool, err *Error) {
	all = true
	note := func(ok bool) { all, some = all && ok, some || ok }
	if p.refs != nil {
		note(slices.ContainsFunc(p.refs, func(ref string) bool { return refMatches(ref, lookup(d.facts.Predefined)) }))
	}
	if p.variables != nil {
		note(slices.ContainsFunc(p.variables, func(e expression) bool { return e.eval(scope).present() }))
	}
	if p.changes != nil {
		ok, err := d.changes(p.changes, scope)
		if err != nil {
			return false, false, err
		}
		note(ok)
	}
	if p.kubernetes {
		note(false) // no cluster is connected
	}
	return all, some, nil
}

// refMatches says whether an entry of only:refs is that of the pipeline.
//
// Source: GitLab's lib/gitlab/ci/build/policy/refs.rb.
func refMatches(pattern string, predefined map[string]Variable) bool {
	pattern, project, ok := strings.Cut(pattern, "@")
	if ok && project != predefined["CI_PROJECT_PATH"].Value {
		return false
	}
	source := strings.TrimSuffix(predefined["CI_PIPELINE_SOURCE"].Value, "_event")
	_, tag := predefined["CI_COMMIT_TAG"]
	branch := !tag && source != "merge_request"
	switch {
	case tag && pattern == "tags", branch && pattern == "branches":
		return true
	case source != "" && (pattern == source || pattern == plural(source)):
		return true
	case !tag && !branch:
		return false // patterns of names do not count for merge requests
	}
	ref := predefined["CI_COMMIT_REF_NAME"].Value
	if p, ok := compilePattern(pattern); ok {
		return p.MatchString(ref)
	}
	return pattern == ref
}

// plural is that of a pipeline's source.
func plural(source string) string {
	if strings.HasSuffix(source, "sh") {
		return source + "es"
	}
	return source + "s"
}

// present checks that what jobs need is in the pipeline, and drops optional
// needs that are not.
func present(f *faults, p *Pipeline) {
	names := make(map[string]bool, len(p.Jobs))
	for _, j := range p.Jobs {
		names[j.Name] = true
	}
	for _, j := range p.Jobs {
		for _, n := range j.Needs {
			if n.elsewhere() || n.Optional || names[n.Job] {
				continue
			}
			f.add(n.at, "'%s' job needs '%s' job, but '%s' does not exist in the pipeline. "+
				"This might be because of the only, except, or rules keywords. "+
				"To need a job that sometimes does not exist in the pipeline, use needs:optional.", j.Name, n.Job, n.Job)
		}
		if j.Needs != nil {
			j.Needs = slices.DeleteFunc(j.Needs, func(n Need) bool { return !n.elsewhere() && !names[n.Job] })
		}
		if j.Dependencies != nil {
			// GitLab passes over dependencies that the rules left out.
			j.Dependencies = slices.DeleteFunc(j.Dependencies, func(name string) bool { return !names[name] })
		}
	}
}

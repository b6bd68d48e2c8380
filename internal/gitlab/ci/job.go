package ci

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// definition is a job as the file has it, before rules are decided.
type definition struct {
	job          Job // without variables
	own          []Variable
	rules        []rule // nil where the job has none
	only, except *policy
	instances    []instance // nil without parallel
	inherit      inheritance
	set          map[string]bool // the keywords of the job itself
}

// variables are those of the file that the job inherits, and then more and its
// own. A later one replaces an earlier one of its name.
func (d *definition) variables(global, more []Variable) []Variable {
	out := make([]Variable, 0, len(global)+len(d.own))
	for _, v := range slices.Concat(global, more) {
		if d.inherit.variable(v.Name) {
			out = append(out, v)
		}
	}
	return distinct(append(out, d.own...))
}

// distinct keeps the last variable of each name, at its own place.
func distinct(list []Variable) []Variable {
	last := make(map[string]int, len(list))
	for i, v := range list {
		last[v.Name] = i
	}
	out := list[:0:0]
	for i, v := range list {
		if last[v.Name] == i {
			out = append(out, v)
		}
	}
	return out
}

// At is the place of a keyword of the job, or of what is below it: At("needs"),
// At("environment", "url"). A keyword from default has its place there. Where
// there is none it is the job's own place.
func (j *Job) At(path ...string) Position {
	for _, places := range []*node{j.places, j.defaults} {
		n, p := places, j.Position
		for _, key := range path {
			e, ok := n.get(key)
			if !ok {
				n = nil
				break
			}
			p, n = e.at.position(), e.value
		}
		if n != nil {
			return p
		}
	}
	return j.Position
}

// ScriptAt is the place of the i-th command of a script: before_script, script
// or after_script.
func (j *Job) ScriptAt(script string, i int) Position {
	for _, places := range []*node{j.places, j.defaults} {
		e, ok := places.get(script)
		if !ok {
			continue
		}
		if flat, ok := flatten(e.value, 0); ok && i >= 0 && i < len(flat) {
			return flat[i].position()
		}
	}
	return j.At(script)
}

// Note makes a warning at a place of the job, for At: with the line of the file,
// so that its Detail has a caret under the place.
func (j *Job) Note(message, hint string, path ...string) Warning {
	p := j.At(path...)
	w := Warning{File: p.File, Line: p.Line, Column: p.Column, Message: message, Hint: hint}
	for _, n := range []*node{j.at, j.defaults} {
		if n != nil && n.src != nil && n.src.name == p.File {
			w.Excerpt = n.src.line(p.Line)
		}
	}
	return w
}

// clone keeps callers from changing the file.
func (j *Job) clone() *Job {
	out := *j
	for _, list := range []*[]string{&out.BeforeScript, &out.Script, &out.AfterScript, &out.PreGetSources, &out.Dependencies, &out.Tags} {
		*list = slices.Clone(*list)
	}
	out.Variables = slices.Clone(j.Variables)
	out.Warnings = slices.Clone(j.Warnings)
	out.Refused = slices.Clone(j.Refused)
	out.Needs = slices.Clone(j.Needs)
	out.AllowFailure.ExitCodes = slices.Clone(j.AllowFailure.ExitCodes)
	out.Retry.When, out.Retry.ExitCodes = slices.Clone(j.Retry.When), slices.Clone(j.Retry.ExitCodes)
	out.IDTokens = slices.Clone(j.IDTokens)
	for i := range out.IDTokens {
		out.IDTokens[i].Aud = slices.Clone(j.IDTokens[i].Aud)
	}
	out.Secrets = slices.Clone(j.Secrets)
	for i := range out.Secrets {
		out.Secrets[i].Settings = maps.Clone(j.Secrets[i].Settings)
	}
	out.Cache = slices.Clone(j.Cache)
	for i := range out.Cache {
		c := &out.Cache[i]
		for _, list := range []*[]string{&c.KeyFiles, &c.Paths, &c.FallbackKeys} {
			*list = slices.Clone(*list)
		}
	}
	out.Services = slices.Clone(j.Services)
	for i := range out.Services {
		s := &out.Services[i]
		for _, list := range []*[]string{&s.Entrypoint, &s.Command, &s.PullPolicy} {
			*list = slices.Clone(*list)
		}
		s.Variables = slices.Clone(s.Variables)
	}
	if j.Image != nil {
		i := *j.Image
		i.Entrypoint, i.PullPolicy = slices.Clone(i.Entrypoint), slices.Clone(i.PullPolicy)
		out.Image = &i
	}
	if j.Artifacts != nil {
		a := *j.Artifacts
		a.Paths, a.Exclude, a.Dotenv = slices.Clone(a.Paths), slices.Clone(a.Exclude), slices.Clone(a.Dotenv)
		a.Reports = maps.Clone(a.Reports)
		for kind, list := range a.Reports {
			a.Reports[kind] = slices.Clone(list)
		}
		out.Artifacts = &a
	}
	if j.Environment != nil {
		e := *j.Environment
		out.Environment = &e
	}
	return &out
}

// jobReader reads the keywords of one job, or of default.
type jobReader struct {
	*reader
	def    *definition
	job    *Job
	prefix string // jobs:NAME, or default
}

// keyword reads one keyword that GitLab knows.
func (r *jobReader) keyword(e entry, k keyword) {
	if e.value.kind == nullNode {
		return // taken away
	}
	if k.refused != "" {
		r.job.Refused = append(r.job.Refused, fault(e.at, k.refused, fmt.Sprintf("%s:%s cannot be run here", r.prefix, e.key)))
	}
	if none := len(e.value.items)+len(e.value.entries) == 0; k.note != "" && !(none && k.list && e.value.text == "") {
		r.note(e.at, k.note, e.key)
	}
	if k.read != nil {
		k.read(r, e.value)
	}
}

// note tells of a keyword that does nothing here.
func (r *jobReader) note(at *node, why, what string) {
	message := fmt.Sprintf("%s:%s has no effect here: %s", r.prefix, what, why)
	r.job.Warnings = append(r.job.Warnings, Warning(*fault(at, "", message)))
}

// text reads a string.
func (r *jobReader) text(what string, n *node) string {
	if n.kind != stringNode {
		r.add(n, "%s %s should be a string", r.prefix, what)
	}
	return n.text
}

// jobKeywordNames are all that a job may have, for unknownKeys.
func jobKeywordNames() []string { return slices.Collect(maps.Keys(jobKeywords)) }

// readJob reads one job and adds it to the file.
func (r *reader) readJob(e entry) {
	switch {
	case e.key == "" || len([]rune(e.key)) > 255:
		r.add(e.at, "the name of a job should have 1 to 255 characters")
		return
	case slices.Contains(reservedNames, e.key):
		r.add(e.at, "%s is a reserved word and cannot be the name of a job", e.key)
		return
	case e.value.kind != mapNode:
		// A misspelt top-level keyword comes here as well.
		hint := "a job is a map with a script"
		if near := nearest(e.key, globalKeywords); near != "" {
			hint = near
		}
		r.addHint(e.at, hint, "jobs %s config should implement the script:, run:, or trigger: keyword", e.key)
		return
	}
	d := &definition{set: map[string]bool{}}
	d.job = Job{
		Name: e.key, Definition: e.key, Stage: "test", When: "on_success", Position: e.at.position(),
		at: e.at, places: e.value, defaults: r.defaults.job.places,
	}
	j := &jobReader{reader: r, def: d, job: &d.job, prefix: "jobs:" + e.key}
	before := len(r.list)
	for _, k := range e.value.entries {
		if kw, known := jobKeywords[k.key]; known {
			d.set[k.key] = k.value.kind != nullNode
			j.keyword(k, kw)
		}
	}
	j.unknownKeys(j.prefix, e.value, jobKeywordNames())
	j.inherited(e.value)
	if !r.spend(e.at, 1+len(r.file.variables)+len(d.own)+len(d.job.Script)) {
		return
	}
	if len(r.list) == before {
		j.together(e)
	}
	j.stage(e)
	r.file.jobs = append(r.file.jobs, d)
	r.file.index[e.key] = d
}

// inherited takes from default what the job does not set itself.
func (r *jobReader) inherited(job *node) {
	if e, ok := job.get("inherit"); ok && e.value.kind != nullNode {
		r.inheritance(e.value)
	}
	d := &r.defaults.job
	for _, e := range r.defaults.job.places.entries {
		k := jobKeywords[e.key]
		if k.inherit == nil || r.def.set[e.key] || e.value.kind == nullNode || !r.def.inherit.keyword(e.key) {
			continue
		}
		k.inherit(r.job, d)
		r.spend(r.job.at, 1)
		for _, f := range d.Refused {
			if strings.HasPrefix(f.Message, "default:"+e.key+" ") {
				r.job.Refused = append(r.job.Refused, f)
			}
		}
		for _, w := range d.Warnings {
			if strings.HasPrefix(w.Message, "default:"+e.key+" ") {
				r.job.Warnings = append(r.job.Warnings, w)
			}
		}
	}
	r.spend(r.job.at, len(r.job.BeforeScript)+len(r.job.AfterScript)+len(r.job.PreGetSources))
}

// together checks the keywords of a job against each other.
func (r *jobReader) together(e entry) {
	set := r.def.set
	for _, pair := range [][2]string{{"script", "trigger"}, {"run", "trigger"}, {"script", "run"}} {
		if set[pair[0]] && set[pair[1]] {
			k, _ := e.value.get(pair[1])
			r.add(k.at, "%s config these keys cannot be used together: %s, %s", r.prefix, pair[0], pair[1])
		}
	}
	if script, ok := e.value.get("script"); ok && !set["trigger"] && len(r.job.Script) == 0 {
		r.add(script.value, "%s script can't be blank", r.prefix)
	} else if !ok && !set["run"] && !set["trigger"] {
		r.add(e.at, "jobs %s config should implement the script:, run:, or trigger: keyword", e.key)
	}
	if set["rules"] {
		for _, key := range []string{"only", "except", "start_in"} {
			if set[key] {
				k, _ := e.value.get(key)
				r.add(k.at, "%s config key may not be used with `rules`: %s", r.prefix, key)
			}
		}
	}
	start, given := e.value.get("start_in")
	switch {
	case set["rules"]:
	case r.job.When == "delayed" && !set["start_in"]:
		r.add(e.at, "%s start in should be a duration", r.prefix)
	case r.job.When != "delayed" && given && set["start_in"]:
		r.add(start.at, "%s start in must be blank", r.prefix)
	}
	if !set["allow_failure"] && r.job.When == "manual" {
		r.job.AllowFailure.Allowed = true
	}
	if r.job.Dependencies != nil && len(r.job.Needs) > 0 {
		r.dependenciesInNeeds(e)
	}
}

// dependenciesInNeeds checks that a job with needs gets artifacts only from
// what it needs.
func (r *jobReader) dependenciesInNeeds(e entry) {
	var missing []string
	for _, d := range r.job.Dependencies {
		if !slices.ContainsFunc(r.job.Needs, func(n Need) bool { return n.Job == d && n.Project == "" && n.Pipeline == "" }) {
			missing = append(missing, d)
		}
	}
	if len(missing) > 0 {
		k, _ := e.value.get("dependencies")
		r.add(k.value, "%s dependencies the %s should be part of needs", r.prefix, strings.Join(missing, ", "))
	}
}

// stage reads the stage, which has to be one of the file's, also where the job
// leaves it to be test.
func (r *jobReader) stage(e entry) {
	at := e.at
	if k, ok := e.value.get("stage"); ok && k.value.kind != nullNode {
		if at = k.value; at.kind != stringNode {
			r.add(at, "%s stage config should be a string", r.prefix)
			return
		}
		r.job.Stage = at.text
	}
	if stages := r.file.Stages; stages != nil && !slices.Contains(stages, r.job.Stage) {
		r.addHint(at, nearest(r.job.Stage, stages), "%s job: chosen stage %s does not exist; available stages are %s",
			e.key, r.job.Stage, strings.Join(stages, ", "))
	}
}

// inheritance says what a job takes from default and of the file's variables.
// The zero value is all.
type inheritance struct {
	keywords, variables *selection
}

// selection is a list of names, or all or none of them.
type selection struct {
	all   bool
	names []string
}

func (s *selection) has(name string) bool {
	return s == nil || s.all || slices.Contains(s.names, name)
}

func (i inheritance) keyword(name string) bool  { return i.keywords.has(name) }
func (i inheritance) variable(name string) bool { return i.variables.has(name) }

// inheritance reads the keyword inherit.
func (r *jobReader) inheritance(n *node) {
	prefix := r.prefix + ":inherit"
	if n.kind != mapNode {
		r.add(n, "%s config should be a hash", prefix)
		return
	}
	r.unknownKeys(prefix, n, []string{"default", "variables"})
	read := func(key string) *selection {
		e, ok := n.get(key)
		if !ok || e.value.kind == nullNode {
			return nil
		}
		if all, ok := boolean(e.value); ok {
			return &selection{all: all}
		}
		names, ok := stringList(e.value)
		if !ok {
			r.add(e.value, "%s:%s config should be a bool or array of strings", prefix, key)
		}
		return &selection{names: names}
	}
	r.def.inherit = inheritance{keywords: read("default"), variables: read("variables")}
	if k := r.def.inherit.keywords; k != nil {
		var foreign []string
		for _, name := range k.names {
			if !slices.Contains(inheritedKeywords, name) {
				foreign = append(foreign, name)
			}
		}
		if len(foreign) > 0 {
			e, _ := n.get("default")
			r.add(e.value, "%s:default config contains unknown values: %s", prefix, strings.Join(foreign, ", "))
		}
	}
}

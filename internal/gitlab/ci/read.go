package ci

import (
	"fmt"
	"slices"
	"strings"
)

// reader turns the resolved document into a File.
type reader struct {
	*faults
	pipeline  *File
	variables []Variable
	defaults  *node           // default, with the deprecated global keywords in it
	stageSet  map[string]bool // nil where the stages are faulty
	budget    int             // see maxRead
}

// spend takes from the budget; it is false when that is used up, which is told
// once.
func (r *reader) spend(at *node, n int) bool {
	if r.budget < 0 {
		return false
	}
	if r.budget -= n; r.budget < 0 {
		r.add(at, "the jobs of this document have more than %d script items and variables together", maxRead)
	}
	return r.budget >= 0
}

// subject is the thing that is being read, a job or default, and where its
// refusals and warnings go.
type subject struct {
	prefix   string // "jobs:NAME" or "default"
	refused  *Errors
	warnings *[]Warning
}

func (r *reader) refuse(s subject, place *node, what string) {
	*s.refused = append(*s.refused, &Error{
		File: r.file, Line: place.line, Column: place.column,
		Message: fmt.Sprintf("%s:%s is not supported yet", s.prefix, what),
	})
}

func (r *reader) warn(s subject, place *node, format string, args ...any) {
	*s.warnings = append(*s.warnings, Warning{
		File: r.file, Line: place.line, Column: place.column,
		Message: s.prefix + ":" + fmt.Sprintf(format, args...),
	})
}

// globals reads all top-level keywords.
func (r *reader) globals(root *node) {
	r.defaults = &node{kind: mapNode}
	r.stages(root)
	top := subject{"root", &r.pipeline.refused, &r.pipeline.Warnings}
	if e, ok := root.get("default"); ok {
		r.readDefault(e)
	}
	for _, e := range root.entries {
		k, global := globalKeywords[e.key]
		switch {
		case !global || e.value.kind == nullNode:
		case e.key == "include", e.key == "spec", e.key == "workflow":
			// These decide about every job, so the file cannot be read without.
			r.add(e.at, "%s is not supported yet", e.key)
		case e.key == "variables":
			r.variables = r.readVariables("variables", e.value, true)
		case e.key == "default", e.key == "stages":
		case k.effect == unsupported:
			r.refuse(top, e.at, e.key)
		default:
			if _, twice := r.defaults.get(e.key); twice {
				r.add(e.at, "%s is defined in top-level and `default:` entry", e.key)
				continue
			}
			r.defaults.entries = append(r.defaults.entries, e)
		}
	}
}

// readDefault keeps default for the jobs, and judges its keywords once.
func (r *reader) readDefault(e entry) {
	if e.value.kind == nullNode {
		return
	}
	if e.value.kind != mapNode {
		r.add(e.value, "default config should be a hash")
		return
	}
	s := subject{"default", &r.pipeline.refused, &r.pipeline.Warnings}
	var foreign []string
	var first *node
	for _, d := range e.value.entries {
		if !slices.Contains(defaultKeywords, d.key) {
			foreign = append(foreign, d.key)
			if first == nil {
				first = d.at
			}
			continue
		}
		switch k := jobKeywords[d.key]; {
		case d.value.kind == nullNode:
		case k.effect == unsupported:
			r.refuse(s, d.at, d.key)
		case k.effect == noEffect:
			r.warn(s, d.at, "%s has no effect here: %s", d.key, k.why)
		default:
			r.defaults.entries = append(r.defaults.entries, d)
		}
	}
	if len(foreign) > 0 {
		r.add(first, "default config contains unknown keys: %s", strings.Join(foreign, ", "))
	}
}

// defaultStages are those of a file that names none (same page, "stages").
var defaultStages = []string{"build", "test", "deploy"}

func (r *reader) stages(root *node) {
	stages := defaultStages
	if e, ok := root.get("stages"); ok && e.value.kind != nullNode {
		stages = nil
		flat, ok := flatten(e.value, 0)
		if !ok || e.value.kind != sequenceNode {
			r.add(e.value, "stages config should be an array of strings")
			return // and every stage is taken
		}
		for _, n := range flat {
			stages = append(stages, n.text)
		}
	}
	stages = slices.DeleteFunc(slices.Clone(stages), func(s string) bool { return s == ".pre" || s == ".post" })
	r.pipeline.Stages = append(append([]string{".pre"}, stages...), ".post")
	r.stageSet = make(map[string]bool, len(r.pipeline.Stages))
	for _, s := range r.pipeline.Stages {
		r.stageSet[s] = true
	}
}

// job reads one job and adds it to the pipeline.
func (r *reader) job(e entry) {
	prefix := "jobs:" + e.key
	switch {
	case e.key == "" || len(e.key) > 255:
		r.add(e.at, "the name of a job should have 1 to 255 characters")
		return
	case slices.Contains(reservedNames, e.key):
		r.add(e.at, "%s is a reserved word and cannot be the name of a job", e.key)
		return
	case e.value.kind != mapNode:
		// A misspelt top-level keyword comes here as well.
		r.add(e.at, "root config contains unknown keys: %s (a job would be a map with a script)", e.key)
		return
	}
	p := parsed{job: Job{Name: e.key, Definition: e.key, Stage: "test", When: "on_success", Position: r.position(e.at), at: e.at, places: e.value}}
	s := subject{prefix, &p.refused, &p.job.Warnings}
	if !r.spend(e.at, 1+len(r.variables)) || !r.judge(s, e) {
		return
	}
	r.stage(&p.job, e)
	r.keywords(s, &p.job, e.value)
	if p.job.Script == nil && len(p.refused) == 0 {
		if k, ok := e.value.get("script"); ok && k.value.kind != nullNode {
			r.add(k.value, "%s script can't be blank", prefix)
		} else {
			r.add(e.at, "%s config should implement the script:, run:, or trigger: keyword", prefix)
		}
	}
	r.pipeline.jobs = append(r.pipeline.jobs, p)
}

// stage reads the stage, which has to be one of the file's, also where the job
// leaves it to be test.
func (r *reader) stage(j *Job, e entry) {
	at, ok := e.at, true
	if k, set := e.value.get("stage"); set && k.value.kind != nullNode {
		at, ok, j.Stage = k.value, k.value.kind == stringNode, k.value.text
	}
	if !ok || r.stageSet != nil && !r.stageSet[j.Stage] {
		r.add(at, "%s job: chosen stage %s does not exist; available stages are %s",
			e.key, j.Stage, strings.Join(r.pipeline.Stages, ", "))
	}
}

// judge sorts the keywords of a job by their effect. It is false where one is
// unknown.
func (r *reader) judge(s subject, e entry) bool {
	var foreign []string
	var first *node
	for _, k := range e.value.entries {
		kw := jobKeywords[k.key]
		switch {
		case kw.effect == unknown:
			foreign = append(foreign, k.key)
			if first == nil {
				first = k.at
			}
		case k.value.kind == nullNode: // taken away
		case kw.effect == unsupported:
			r.refuse(s, k.at, k.key)
		case kw.effect == noEffect:
			r.warn(s, k.at, "%s has no effect here: %s", k.key, kw.why)
		}
	}
	if len(foreign) > 0 {
		r.add(first, "%s config contains unknown keys: %s", s.prefix, strings.Join(foreign, ", "))
	}
	return len(foreign) == 0
}

// keywords reads the supported keywords of a job, taking each that the job does
// not have from default.
func (r *reader) keywords(s subject, j *Job, job *node) {
	value := func(key string) (*node, string) {
		if e, ok := job.get(key); ok && e.value.kind != nullNode {
			return e.value, s.prefix + ":" + key
		}
		if e, ok := r.defaults.get(key); ok && e.value.kind != nullNode {
			return e.value, "default:" + key
		}
		return nil, ""
	}
	if n, _ := value("image"); n != nil {
		if name := r.image(s, n); name != "" {
			j.Image = &Image{Name: name, Position: r.position(n)}
		}
	}
	for key, into := range map[string]*[]string{
		"before_script": &j.BeforeScript, "script": &j.Script, "after_script": &j.AfterScript,
	} {
		if n, at := value(key); n != nil {
			*into = r.script(strings.TrimSuffix(at, ":"+key), key, n)
		}
	}
	if n, at := value("id_tokens"); n != nil {
		j.IDTokens = r.idTokens(at, n)
	}
	if n, at := value("timeout"); n != nil {
		d, err := ParseDuration(n.text)
		if n.kind != stringNode || err != nil {
			r.add(n, "%s config should be a duration of at most 1 month, such as 1h 30m", at)
		}
		j.Timeout = d
	}
	if n, _ := value("cache"); n != nil && (len(n.items) > 0 || len(n.entries) > 0 || n.text != "") {
		r.refuse(s, n, "cache")
	}
	if n, _ := value("when"); n != nil {
		r.when(s, n)
	}
	if n, _ := value("environment"); n != nil {
		j.Environment = r.environment(s, n)
	}
	var own []Variable
	if n, at := value("variables"); n != nil {
		own = r.readVariables(at, n, false)
	}
	names := lookup(own)
	for _, v := range r.variables {
		if _, replaced := names[v.Name]; !replaced {
			j.Variables = append(j.Variables, v)
		}
	}
	j.Variables = append(j.Variables, own...)
}

package ci

import "slices"

// keyword is one row of the table of a job's keywords.
type keyword struct {
	// read reads the value, which is not null. Nil: the keyword is for others to
	// read, or for no one.
	read func(r *jobReader, n *node)
	// inherit takes the value that default has. Nil: default has no such keyword.
	inherit func(j, defaults *Job)
	// refused says why a job with this keyword cannot be run here.
	refused string
	// note says what the keyword does not do here.
	note string
	// list: an empty value asks for nothing, so there is nothing to note.
	list bool
}

// jobKeywords are the keywords of a job.
//
// Source: GitLab Docs, "CI/CD YAML syntax reference", job keywords, 2026-11,
// and GitLab's lib/gitlab/ci/config/entry/job.rb and processable.rb.
var jobKeywords = map[string]keyword{
	"after_script": {
		read:    func(r *jobReader, n *node) { r.job.AfterScript = r.script("after_script", n) },
		inherit: func(j, d *Job) { j.AfterScript = d.AfterScript },
	},
	"allow_failure": {read: (*jobReader).allowFailure},
	"artifacts":     {read: (*jobReader).artifacts, inherit: func(j, d *Job) { j.Artifacts = d.Artifacts }},
	"before_script": {
		read:    func(r *jobReader, n *node) { r.job.BeforeScript = r.script("before_script", n) },
		inherit: func(j, d *Job) { j.BeforeScript = d.BeforeScript },
	},
	"cache":         {read: (*jobReader).caches, inherit: func(j, d *Job) { j.Cache = d.Cache }},
	"coverage":      {read: (*jobReader).coverage, note: "coverage is not read from the output"},
	"dependencies":  {read: (*jobReader).dependencies},
	"environment":   {read: (*jobReader).environment},
	"except":        {read: func(r *jobReader, n *node) { r.def.except = r.policy(r.prefix, "except", n) }},
	"extends":       {},
	"hooks":         {read: (*jobReader).hooks, inherit: func(j, d *Job) { j.PreGetSources = d.PreGetSources }, note: "no sources are fetched"},
	"id_tokens":     {read: (*jobReader).idTokens, inherit: func(j, d *Job) { j.IDTokens = d.IDTokens }},
	"image":         {read: (*jobReader).image, inherit: func(j, d *Job) { j.Image = d.Image }},
	"inherit":       {},
	"interruptible": {read: (*jobReader).interruptible, inherit: func(j, d *Job) { j.Interruptible = d.Interruptible }},
	"manual_confirmation": {read: func(r *jobReader, n *node) {
		r.job.ManualConfirmation = r.text("manual confirmation", n)
	}},
	"needs":    {read: (*jobReader).needed},
	"only":     {read: func(r *jobReader, n *node) { r.def.only = r.policy(r.prefix, "only", n) }},
	"pages":    {note: "no site is published; only the script runs"},
	"parallel": {read: (*jobReader).parallel},
	"publish":  {note: "no site is published; only the script runs"},
	"release":  {note: "no release is made; only the script runs"},
	"resource_group": {
		read: func(r *jobReader, n *node) { r.job.ResourceGroup = r.text("resource group", n) },
		note: "no other pipeline is waited for",
	},
	"retry": {read: (*jobReader).retry, inherit: func(j, d *Job) { j.Retry = d.Retry }},
	"rules": {read: func(r *jobReader, n *node) { r.def.rules = r.rules(r.prefix, n, jobRules) }},
	"script": {read: func(r *jobReader, n *node) {
		r.job.Script = r.script("script", n)
	}},
	"secrets":   {read: (*jobReader).secrets},
	"services":  {read: (*jobReader).services, inherit: func(j, d *Job) { j.Services = d.Services }},
	"stage":     {},
	"start_in":  {read: func(r *jobReader, n *node) { r.job.StartIn = r.startIn(r.prefix, n) }},
	"tags":      {read: (*jobReader).tags, inherit: func(j, d *Job) { j.Tags = d.Tags }, note: "the job runs on this machine", list: true},
	"timeout":   {read: (*jobReader).timeout, inherit: func(j, d *Job) { j.Timeout = d.Timeout }},
	"variables": {read: func(r *jobReader, n *node) { r.def.own = r.readVariables(r.prefix+":variables", n, false) }},
	"when":      {read: (*jobReader).when},

	"dast_configuration": {refused: "no scan can be run here: run the other jobs by name"},
	"identity": {
		inherit: func(*Job, *Job) {},
		refused: "no token for it can be had here: get the credentials with id_tokens, as the job would elsewhere",
	},
	"inputs":  {refused: "write the values of the inputs into the job"},
	"run":     {refused: "steps are not run here: write the commands as a script"},
	"trigger": {refused: "no other pipeline is started here: run the other file by itself with --file, or the other jobs by name"},
}

// inheritedKeywords are those that default takes, sorted.
var inheritedKeywords = func() []string {
	var out []string
	for key, k := range jobKeywords {
		if k.inherit != nil {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}()

// globalKeywords are the top-level keywords that are not jobs. The last five are
// deprecated and mean the same as in default.
var globalKeywords = []string{
	"default", "include", "stages", "variables", "workflow", "spec",
	"image", "before_script", "after_script", "services", "cache",
}

// oldDefaults are the keywords of default that may stand at the top as well.
var oldDefaults = globalKeywords[6:]

func isGlobal(name string) bool { return slices.Contains(globalKeywords, name) }

// reservedNames are the names that no job may have. Source: same page, "Use
// keywords as job names": those that are not top-level keywords already.
var reservedNames = []string{"types", "true", "false", "nil", "pages:deploy"}
